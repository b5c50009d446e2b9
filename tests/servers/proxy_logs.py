"""What Weir, nginx and HAProxy write of a connection, in the formats of docs/proxy-protocol.md, read back."""

import collections
import pathlib
import re
from collections.abc import Callable, Hashable, Sequence

import common
from peers import process

HOST = "127.0.0.1"
DEADLINE = 20.0  # for anything that is waited for
CHECKS = 3       # that have to be seen

NGINX_HTTP = ("'$remote_addr [$time_local] \"$request\" $status "
              "client=$proxy_protocol_addr:$proxy_protocol_port'")
NGINX_STREAM = ("'$remote_addr [$time_local] $protocol $status "
                "client=$proxy_protocol_addr:$proxy_protocol_port'")
HAPROXY_HTTP = "%ci:%cp [%tr] %ft %ST weir=%[fc_pp_unique_id]"
HAPROXY_TCP = "%ci:%cp [%t] %ft %ts weir=%[fc_pp_unique_id]"
DOCUMENTED = (NGINX_HTTP, NGINX_STREAM, HAPROXY_HTTP, HAPROXY_TCP)
# Of a proxy in front of Weir: its client, from where it connects to Weir, and what it calls the connection.
HAPROXY_FRONT = "%ci:%cp %bi:%bp %ID"
# Of one behind, which is told the name that the client asks for.
HAPROXY_NAMED = "%ci:%cp weir=%[fc_pp_unique_id] name=%[fc_pp_authority]"

_TIME = r"\[[^]]+\]"
_READ = {
    NGINX_HTTP: (rf'(?P<remote>\S+) {_TIME} "GET (?P<path>\S+) HTTP/1\.1" (?P<status>\d+) '
                 r"client=(?P<client>\S+)"),
    NGINX_STREAM: rf"(?P<remote>\S+) {_TIME} TCP (?P<status>\d+) client=(?P<client>\S+)",
    HAPROXY_HTTP: rf"(?P<client>\S+:\d+) {_TIME} front (?P<status>\d+) weir=(?P<id>\S+)",
    HAPROXY_TCP: rf"(?P<client>\S+:\d+) {_TIME} front \S\S weir=(?P<id>\S+)",
    HAPROXY_FRONT: r"(?P<client>\S+:\d+) (?P<proxy>\S+:\d+) (?P<proxy_id>\S+)",
    HAPROXY_NAMED: r"(?P<client>\S+:\d+) weir=(?P<id>\S+) name=(?P<server_name>\S+)",
}
_DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "proxy-protocol.md"

Fields = dict[str, str]


def expect_documented() -> None:
    text = _DOCUMENT.read_text(encoding="utf-8")
    for form in DOCUMENTED:
        common.expect(form in text, f"{_DOCUMENT.name} does not have the format that is tested here: {form}")


def _whole_lines(work: process.Workspace, name: str) -> list[str]:
    """Without one that is just being written."""
    text = work.log(name)
    return text[:text.rfind("\n") + 1].splitlines()


def entries(work: process.Workspace, name: str, form: str, network: str = "") -> list[Fields]:
    """The lines of that format in NAME.log, of the clients whose addresses begin so."""
    read = re.compile(_READ[form])
    found = (match.groupdict() for match in map(read.fullmatch, _whole_lines(work, name)) if match)
    return [fields for fields in found if fields["client"].startswith(network)]


_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def sessions(work: process.Workspace, listener: str, network: str, *, name: str = "weir") -> list[Fields]:
    """Weir's lines about the sessions of that listener, with the clients whose addresses begin so."""
    found = (dict(_PAIR.findall(line)) for line in _whole_lines(work, name) if " session " in line)
    return [fields for fields in found
            if fields["listener"] == listener and fields["client"].startswith(network)]


def wait_for(lines: Callable[[], Sequence[Fields]], count: int, what: str) -> None:
    process.wait_until(lambda: len(lines()) >= count, f"{count} lines of {what}", DEADLINE)


def _count(lines: Sequence[Fields], keys: Sequence[str]) -> collections.Counter[Hashable]:
    return collections.Counter(tuple(line.get(key) for key in keys) for line in lines)


def expect_same(what: str, wanted: Sequence[Fields], got: Sequence[Fields], *keys: str) -> None:
    """Both have lines with the same values under these keys, and each as often."""
    all_wanted, all_got = _count(wanted, keys), _count(got, keys)
    missing, surplus = all_wanted - all_got, all_got - all_wanted
    common.expect(not missing and not surplus,
                  f"{what}, by {', '.join(keys)}: {missing.total()} of {all_wanted.total()} are missing, "
                  f"{list(missing)[:3]}, and {surplus.total()} should not be there, {list(surplus)[:3]}")
