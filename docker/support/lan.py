"""The networks of a topology in network namespaces: one namespace for each service, and one with a bridge for each
network, which nothing else is connected to. They have names, so that `ip netns exec NAME ss -tn` and the like work."""

import pathlib
import subprocess

from compose_file import Service

NAMESPACES = pathlib.Path("/run/netns")


def ip(*arguments: str, inside: str = "") -> None:
    """In the namespace `inside`, if one is named. Not by `ip -n`, which cannot do it where the root is no mount (chroot)."""
    enter = ["nsenter", f"--net={NAMESPACES / inside}"] if inside else []
    done = subprocess.run([*enter, "ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class Lan:
    def __init__(self, prefix: str, services: list[Service]) -> None:
        self._prefix, self._services = prefix, services
        self._switch = f"{prefix}.switch"

    def namespace(self, service: str) -> str:
        return f"{self._prefix}.{service}"

    def make(self) -> None:
        ip("netns", "add", self._switch)
        networks = sorted({name for service in self._services for name in service.addresses})
        for number in range(len(networks)):
            ip("link", "add", f"bridge{number}", "type", "bridge", inside=self._switch)
            ip("link", "set", f"bridge{number}", "up", inside=self._switch)
        for number, service in enumerate(self._services):
            inside = self.namespace(service.name)
            ip("netns", "add", inside)
            ip("link", "set", "lo", "up", inside=inside)
            # As an engine does it: ports below 1024 need no right.
            subprocess.run(["nsenter", f"--net={NAMESPACES / inside}", "sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=0"],
                           check=True)
            for card, (network, address) in enumerate(service.addresses.items()):
                port = f"port{number}.{card}"
                ip("link", "add", f"eth{card}", "netns", inside, "type", "veth", "peer", "name", port, "netns", self._switch)
                ip("link", "set", port, "master", f"bridge{networks.index(network)}", "up", inside=self._switch)
                ip("address", "add", str(address), "dev", f"eth{card}", inside=inside)
                ip("link", "set", f"eth{card}", "up", inside=inside)

    def hosts_file(self) -> str:
        lines = ["127.0.0.1 localhost"]
        for service in self._services:
            names = " ".join([service.name, *service.aliases])
            lines += [f"{address.ip} {names}" for address in service.addresses.values()]
        return "\n".join(lines) + "\n"

    def remove(self) -> None:
        for path in NAMESPACES.glob(f"{self._prefix}.*"):
            subprocess.run(["ip", "netns", "delete", path.name], check=False)
