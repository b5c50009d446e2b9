"""What visitors and servers say to each other. A visitor sends "ID UP DOWN\\n" and UP bytes; the server looks whether they
are those of this ID, says "good NAME\\n" or "bad NAME\\n", sends DOWN bytes of it, and ends the stream. Both can work all
bytes out."""

import random


def upload(number: int, length: int) -> bytes:
    return random.Random(number).randbytes(length)


def download(number: int, length: int) -> bytes:
    return random.Random(-1 - number).randbytes(length)
