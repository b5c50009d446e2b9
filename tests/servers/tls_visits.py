"""What clients ask of servers of TLS behind Weir, and what has to come of it."""

import itertools
import random
import socket
from concurrent.futures import ThreadPoolExecutor

import common
import tls_clients
import tls_pieces
import tls_servers
from proxy_logs import HOST
from tls_clients import H2, Answer, Program, Visit, by_curl, by_openssl, by_python
from tls_house import ACME, House

PROGRAMS = (by_openssl, by_curl, by_python)
AT_ONCE = 8
MANY = 300      # short visits
LONG = 700_000  # bytes each way

BOTH = (H2, "http/1.1")
# What a client asks for, and who is to answer.
ASKED = [
    ("shop.example", (), "shop"),
    ("Shop.EXAMPLE", (), "shop"),
    ("a.shop.example", (), "wild"),
    ("b.deep.shop.example", (), "wild"),
    ("api.example", BOTH, "h2"),
    ("api.example", ("http/1.1",), "http1"),
    ("api.example", (), "http1"),
    ("new.example", (ACME,), "acme"),
    ("unknown.example", (), "rest"),
    ("unknown.example", ("http/1.1",), "rest"),
    (HOST, (), "rest"),
]


def hello_of(server: str) -> str:
    return "no_route" if server == "rest" else "route"


def expect_answer(visit: Visit, server: str, answer: Answer) -> None:
    """It is that server's, and what it knows of the client is so, if it knows anything."""
    knows = {"name": server, "version": f"TLSv{visit.version}", "server_name": visit.server_name}
    if visit.alpn and server in ("h2", "acme"):
        knows["alpn"] = visit.alpn[0]
    wanted = {key: value for key, value in knows.items() if key in answer}
    got = {key: answer[key] for key in wanted}
    # curl writes names in small letters.
    common.expect(str(got).lower() == str(wanted).lower(),
                  f"{visit} should have come to {wanted}, and the answer is {answer}")


def in_parallel(visits: list[tuple[Program, Visit, str]]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for (_, visit, server), answer in zip(visits, pool.map(lambda one: one[0](one[1]), visits)):
            expect_answer(visit, server, answer)


def by_name(house: House) -> None:
    """Every name and protocol, asked for by openssl, curl and Python, in TLS 1.2 and 1.3."""
    visits = []
    for (name, alpn, server), version, program in itertools.product(ASKED, tls_clients.VERSIONS, PROGRAMS):
        if program is not by_curl or tls_clients.curl_offers(alpn):
            visit = house.visit("named", name, server, hello=hello_of(server), alpn=alpn, version=version)
            visits.append((program, visit, server))
    in_parallel(visits)


WRONG_CERTIFICATE = "self[- ]signed certificate"


def who_trusts_another(house: House) -> None:
    """A client notices that it is not led to the server whose certificate it trusts."""
    for program in PROGRAMS:
        visit = house.visit("named", "shop.example", "rest", pool="shop")
        tls_clients.expect_fails(program, visit, WRONG_CERTIFICATE)


def again(house: House) -> None:
    """Sessions are resumed, with the tickets of the first visit."""
    servers = [("shop.example", "shop"), ("api.example", "http1")]
    for version, (name, server) in itertools.product(tls_clients.VERSIONS, servers):
        visits = [house.visit("named", name, server, version=version) for _ in range(2)]
        context, sessions = tls_clients.context_of(visits[0]), []
        expect_reused([tls_clients.answer_in(tls_clients.converse(visit, context, sessions=sessions))
                       for visit in visits])
        file = str(house.work.path / f"{server}_{version}.session")
        options = ["-sess_out", file], ["-sess_in", file]
        expect_reused([tls_clients.answer_in(tls_clients.openssl(
            house.visit("named", name, server, version=version), *words)) for words in options])


def expect_reused(answers: list[Answer]) -> None:
    reused = [answer["reused"] for answer in answers]
    common.expect(reused == [".", "r"], f"only the second visit should resume a session: {answers}")


def early(house: House) -> None:
    """What a client sends behind its ClientHello, before it has heard anything, arrives too."""
    file = str(house.work.path / "early.session")
    first, second = (house.visit("named", "api.example", "http1") for _ in range(2))
    tls_clients.openssl(first, "-sess_out", file)
    asks = house.work.write("early.request", tls_clients.request(second).decode("ascii"))
    said = tls_clients.openssl(second, "-sess_in", file, "-early_data", str(asks))
    common.expect(b"Early data was accepted" in said and tls_clients.answer_in(said)["early"] == "1",
                  f"early data was not taken: {said[-2000:].decode(errors='replace')}")


def asked_twice(house: House) -> None:
    """A server that wants another ClientHello gets it."""
    visit = house.visit("named", "api.example", "h2", alpn=BOTH)
    said = tls_clients.openssl(visit, "-msg")
    expect_answer(visit, "h2", tls_clients.answer_in(said))
    hellos = sum(line.startswith(b">>> ") and b"ClientHello" in line for line in said.splitlines())
    common.expect(hellos == 2, f"the client has sent {hellos} ClientHellos")


def members(house: House) -> None:
    """The server asks for the client's certificate, and knows who it is; one without gets nothing."""
    for program, version in itertools.product(PROGRAMS, tls_clients.VERSIONS):
        visit = house.visit("named", "members.example", "members", version=version,
                            certificate=house.certificates["client"])
        answer = program(visit)
        common.expect((answer["name"], answer["client"]) == ("members", "client"),
                      f"{visit} is not known: {answer}")
        stranger = house.visit("named", "members.example", "members", version=version)
        tls_clients.expect_fails(program, stranger, "(?i)alert")


def much(house: House) -> None:
    """Long messages each way arrive as they were sent."""
    for name, server in (("shop.example", "shop"), (HOST, "rest")):
        body = random.randbytes(LONG)
        visit = house.visit("named", name, server, hello=hello_of(server), logged={"reason": "backend_end"})
        said = tls_clients.converse(visit, tls_clients.context_of(visit), body, ends_well=True)
        common.expect(tls_clients.body_in(said) == body[::-1], f"{server} sent another message to Python")
        file = house.work.path / "message"
        file.write_bytes(body)
        visit = house.visit("named", name, server, hello=hello_of(server), alpn=("http/1.1",))
        said = tls_clients.curl(visit, "--include", "--data-binary", f"@{file}", "--header", "Expect:")
        got = tls_clients.body_in(said).rpartition(b"\n")[0]
        common.expect(got == body[::-1], f"{server} sent another message to curl")


def many(house: House) -> None:
    """Many short connections at the same time, each to another server than the one before."""
    to = itertools.cycle([("shop.example", "shop"), ("api.example", "http1"), (HOST, "rest")])
    visits = [(by_python, house.visit("named", name, server, hello=hello_of(server)), server)
              for name, server in itertools.islice(to, MANY)]
    in_parallel(visits)


def protocols(count: int, size: int) -> tuple[str, ...]:
    """So many that nobody speaks, with names of that length."""
    return tuple(f"{number:0{size}}" for number in range(count))


SEGMENT = 536  # bytes; on the loopback device one takes 64 KiB, and so a whole ClientHello


def hold(house: House, server: str, visit: Visit, send: tls_pieces.Send, segment: int = 0) -> int:
    """Has the conversation, in which every byte is counted; how many of them are the ClientHello's."""
    conversation = tls_pieces.Conversation(visit, tls_clients.context_of(visit))
    said = conversation.hold(send, segment)
    expect_answer(visit, server, tls_clients.answer_in(said))
    house.visits[-1] |= {"upload": str(conversation.sent), "download": str(conversation.received)}
    return len(conversation.hello)


def large(house: House) -> None:
    """ClientHellos of many protocols, which take several segments and records, up to nearly 64 KiB."""
    for version in tls_clients.VERSIONS:
        for count, size in ((200, 5), (200, 100), (254, 255)):
            visit = house.visit("named", "shop.example", "shop", version=version, alpn=protocols(count, size))
            length = hold(house, "shop", visit, tls_pieces.in_segments, SEGMENT)
            common.expect(length > count * size, f"{count} protocols are in a ClientHello of {length} bytes")
        visit = house.visit("named", "shop.example", "shop", version=version, alpn=protocols(200, 100))
        expect_answer(visit, "shop", by_openssl(visit))


def in_pieces(house: House) -> None:
    """A ClientHello one byte at a time, and in records of a few bytes or of one."""
    ways = [tls_pieces.one_by_one, *(tls_pieces.in_small_records(size) for size in (1, 7, 100))]
    servers = [("shop.example", "shop"), ("a.shop.example", "wild"), ("api.example", "http1")]
    for version, (name, server), send in itertools.product(tls_clients.VERSIONS, servers, ways):
        hold(house, server, house.visit("named", name, server, version=version), send)


RESET = "(?i)reset by peer|errno=104|Errno 104"


def turned_away(house: House) -> None:
    """What no route is for is reset where the listener says so, and so is what is no ClientHello."""
    expect_answer(visit := house.visit("strict", "shop.example", "shop"), "shop", by_curl(visit))
    for name, program in itertools.product(("unknown.example", HOST), PROGRAMS):
        visit = house.visit("strict", name, "rest", hello="no_route",
                            logged={"reason": "no_route", "state": "preread"})
        tls_clients.expect_fails(program, visit, RESET)
    tls_clients.expect_fails(by_curl_in_plain, no_hello(house, "not_tls"), RESET)
    tls_clients.expect_fails(send_half, no_hello(house, "cut"), RESET)
    tls_clients.expect_fails(send_too_long, no_hello(house, "too_long", alpn=protocols(255, 255)), RESET)


def no_hello(house: House, fault: str, **more: tuple[str, ...]) -> Visit:
    """One of a client whom Weir does not understand, and of whom it knows no name."""
    return house.visit("strict", HOST, "rest", hello=fault, **more,
                       logged={"reason": "client_hello", "hello_fault": fault, "state": "preread"})


def by_curl_in_plain(visit: Visit) -> Answer:
    url = f"http://{HOST}:{visit.port}{tls_servers.PATH}"
    return tls_clients.answer_in(tls_clients.plain_curl(url, visit.source))


def send_half(visit: Visit) -> Answer:
    def send(connection: socket.socket, hello: bytes) -> int:
        connection.sendall(hello[:len(hello) // 2])
        connection.shutdown(socket.SHUT_WR)
        return len(hello) // 2
    conversation = tls_pieces.Conversation(visit, tls_clients.context_of(visit))
    return tls_clients.answer_in(conversation.hold(send))


def send_too_long(visit: Visit) -> Answer:
    """The heads of records count."""
    conversation = tls_pieces.Conversation(visit, tls_clients.context_of(visit))
    length = len(tls_pieces.in_records_of(1000, conversation.hello))
    common.expect(length > 64 << 10, f"{length} bytes are not too long")
    return tls_clients.answer_in(conversation.hold(tls_pieces.in_small_records(1000)))


def in_plain(house: House) -> None:
    """Plain HTTP is served by the default pool where the listener says so, and TLS goes by its name."""
    visit = house.visit("mixed", HOST, "http1", pool="plain", hello="not_tls")
    common.expect(by_curl_in_plain(visit)["name"] == "http1", "plain HTTP came to another server")
    for program in PROGRAMS:
        visit = house.visit("mixed", "shop.example", "shop")
        expect_answer(visit, "shop", program(visit))
