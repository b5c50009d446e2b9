"""Starts other people's servers, and Weir beside them, for the benchmark and for the tests with real peers.

Everything runs on free loopback ports and in one temporary folder, and is ended by its process id: the system's own
services are neither used nor disturbed. Python's standard library only.
"""
