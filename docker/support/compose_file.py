"""A topology's compose file, as far as namespaces can do what it says. A key that is not known here is an error, so that
nothing which the engine would do is silently left out."""

import dataclasses
import ipaddress
import os
import pathlib
import re

import yaml

# What only concerns images, the host's side of ports, or the engine's own care for containers.
WITHOUT_MEANING = {"build", "ports", "expose", "init", "restart", "healthcheck", "logging", "labels", "container_name"}


class Mistake(Exception):
    """What is wrong with a compose file, for people."""


@dataclasses.dataclass(frozen=True)
class Image:
    """What a container of an image runs when the compose file does not say."""
    entrypoint: list[str]
    command: list[str]
    user: str = "0:0"


# By the last part of their names, without a tag.
IMAGES = {
    "weir": Image(["weir"], ["run", "/etc/weir/weir.toml"], "65532:65532"),
    "nginx": Image([], ["nginx", "-g", "daemon off;"]),
    "weir-client": Image([], ["sleep", "infinity"]),
    "prometheus": Image(["prometheus"], []),
    "haproxy": Image([], ["haproxy", "-f", "/etc/haproxy/haproxy.cfg"]),
}


@dataclasses.dataclass
class Service:
    name: str
    command: list[str]
    user: str
    hostname: str
    addresses: dict[str, ipaddress.IPv4Interface]  # by the network's name
    aliases: list[str]
    volumes: list[tuple[str, str, bool]]  # from here, to there, read-only
    environment: dict[str, str]
    sysctls: dict[str, str]
    nofile: tuple[int, int] | None
    tmpfs: list[str]
    read_only: bool
    drops_capabilities: bool
    adds_capabilities: list[str]
    no_new_privileges: bool
    stop_signal: str
    grace_seconds: int
    cpus: str
    after: list[str]


def _value(found: re.Match) -> str:
    # Whichever image is meant for the engine, here it is this machine's program.
    given = "" if found[1].endswith("_IMAGE") else os.environ.get(found[1])
    return given or found[2] or ""


def _interpolate(text: str) -> str:
    """${NAME} and ${NAME:-default}, as compose does it."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", _value, text)


def _pairs(value: dict | list | None, separator: str = "=") -> dict[str, str]:
    if isinstance(value, list):
        return dict(entry.split(separator, 1) for entry in value)
    return {str(key): str(what) for key, what in (value or {}).items()}


def _words(value: str | list | None) -> list[str] | None:
    if isinstance(value, str):
        raise Mistake(f"a command is a list of words here: {value}")
    return None if value is None else [str(word).replace("$$", "$") for word in value]


def _nofile(value: int | dict | None) -> tuple[int, int] | None:
    if value is None:
        return None
    return (value["soft"], value["hard"]) if isinstance(value, dict) else (value, value)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", text)
    if not text or found is None:
        raise Mistake(f"a time is written as 30s or 1m30s here: {text}")
    return int(found[1] or 0) * 60 + int(found[2] or 0)


def _user(text: str) -> str:
    """As numbers of user and group."""
    user, _, group = text.partition(":")
    if not user.isdigit() or not (group or user).isdigit():
        raise Mistake(f"a user is written as a number here: {text}")
    return f"{user}:{group or user}"


class _Addresses:
    """Hands out the addresses of each network: those that are written, and the next free ones."""

    def __init__(self, networks: dict) -> None:
        self._subnets, self._ranges, self._taken = {}, {}, {}
        for number, (name, network) in enumerate((networks or {"default": {}}).items()):
            ipam = ((network or {}).get("ipam") or {}).get("config") or [{}]
            self._subnets[name] = ipaddress.IPv4Network(ipam[0].get("subnet", f"198.19.{200 + number}.0/24"))
            self._ranges[name] = ipaddress.IPv4Network(ipam[0].get("ip_range", str(self._subnets[name])))
            self._taken[name] = {self._subnets[name][1]}  # the engine's own

    def take_written(self, name: str, written: str) -> ipaddress.IPv4Interface:
        address = ipaddress.IPv4Address(written)
        if address not in self._subnets[name] or address in self._taken[name]:
            raise Mistake(f"{written} is taken, or not of network {name}")
        self._taken[name].add(address)
        return ipaddress.IPv4Interface((address, self._subnets[name].prefixlen))

    def take_next(self, name: str) -> ipaddress.IPv4Interface:
        free = next(one for one in self._ranges[name].hosts() if one not in self._taken[name])
        return self.take_written(name, str(free))


def _wanted_networks(body: dict) -> dict[str, dict]:
    wanted = body.pop("networks", None) or ["default"]
    if isinstance(wanted, list):
        wanted = dict.fromkeys(wanted)
    return {name: settings or {} for name, settings in wanted.items()}


def _service(name: str, body: dict, wanted: dict, addresses: dict, folder: pathlib.Path) -> Service:
    image = IMAGES.get(body.pop("image").rpartition("/")[2].partition(":")[0])
    if image is None:
        raise Mistake(f"service {name}: which program its image starts is not known here")
    entrypoint, command = _words(body.pop("entrypoint", None)), _words(body.pop("command", None))
    if entrypoint is None:
        entrypoint, default = image.entrypoint, image.command
    else:
        default = []
    volumes = []
    for entry in body.pop("volumes", []):
        source, target, read_only = _volume(name, entry)
        volumes.append((str((folder / source).resolve()), target, read_only))
    depends = body.pop("depends_on", [])
    tmpfs = body.pop("tmpfs", [])
    service = Service(
        name=name, command=entrypoint + (default if command is None else command),
        user=_user(str(body.pop("user", image.user))), hostname=body.pop("hostname", name), addresses=addresses,
        aliases=[alias for one in wanted.values() for alias in one.get("aliases", [])], volumes=volumes,
        environment=_pairs(body.pop("environment", None)), sysctls=_pairs(body.pop("sysctls", None)),
        nofile=_nofile((body.pop("ulimits", None) or {}).get("nofile")),
        tmpfs=[entry.partition(":")[0] for entry in ([tmpfs] if isinstance(tmpfs, str) else tmpfs)],
        read_only=bool(body.pop("read_only", False)), drops_capabilities=body.pop("cap_drop", []) == ["ALL"],
        adds_capabilities=body.pop("cap_add", []),
        no_new_privileges=body.pop("security_opt", []) == ["no-new-privileges:true"],
        stop_signal=body.pop("stop_signal", "SIGTERM"), grace_seconds=_seconds(body.pop("stop_grace_period", "10s")),
        cpus=str(body.pop("cpuset", "")), after=list(depends))
    unknown = set(body) - WITHOUT_MEANING
    if unknown:
        raise Mistake(f"service {name}: {', '.join(sorted(unknown))}: namespaces do not know that")
    return service


def _volume(service: str, entry: str | dict) -> tuple[str, str, bool]:
    """From here, to there, read-only."""
    if isinstance(entry, str):
        source, target, *mode = entry.split(":")
        return source, target, mode == ["ro"]
    entry = dict(entry)
    kind, source, target = (entry.pop(key, "") for key in ("type", "source", "target"))
    read_only = bool(entry.pop("read_only", False))
    if kind != "bind" or entry:
        raise Mistake(f"service {service}: volume {target}: namespaces do not know that")
    return source, target, read_only


def _in_order(services: dict[str, Service]) -> list[Service]:
    """Each behind those that it depends on."""
    ordered: list[Service] = []

    def place(service: Service) -> None:
        if service not in ordered:
            for name in service.after:
                place(services[name])
            ordered.append(service)

    for service in services.values():
        place(service)
    return ordered


def read(path: pathlib.Path) -> list[Service]:
    document = yaml.safe_load(_interpolate(path.read_text(encoding="utf-8")))
    # Those of a profile are only started by who names it.
    document["services"] = {name: body for name, body in document["services"].items() if not body.get("profiles")}
    networks = _Addresses(document.get("networks"))
    wanted = {name: _wanted_networks(body) for name, body in document["services"].items()}
    found: dict[str, dict[str, ipaddress.IPv4Interface]] = {name: {} for name in wanted}
    for name, of_service in wanted.items():  # what is written first, so that nobody else is given it
        for network, settings in of_service.items():
            if "ipv4_address" in settings:
                found[name][network] = networks.take_written(network, settings["ipv4_address"])
    for name, of_service in wanted.items():
        for network in of_service:
            if network not in found[name]:
                found[name][network] = networks.take_next(network)
    return _in_order({name: _service(name, dict(body), wanted[name], found[name], path.parent)
                      for name, body in document["services"].items()})
