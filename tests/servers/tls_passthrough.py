#!/usr/bin/env python3
"""TLS that passes through Weir unchanged, between programs that know nothing of it.

Clients trust one server's certificate each, so that a wrong route fails their handshake; and every visit has
to be in Weir's log and metrics, with the name that the client asked for.
"""

import itertools
import os
import re
import time

import common
import proxy_logs
import tls_clients
import tls_house
import tls_servers
import tls_visits
from peers import haproxy, postgresql, process
from proxy_logs import HAPROXY_NAMED, HOST, NGINX_HTTP, Fields, expect_same
from tls_house import House
from tls_visits import PROGRAMS, expect_answer


def between_proxies(house: House) -> None:
    """HAProxy in front, which sends the PROXY protocol, and nginx behind, which takes it and speaks TLS."""
    port = house.work.free_port()
    haproxy.start(house.work, "haproxy", HOST, port, [f"{HOST}:{house.ports['proxied']} send-proxy-v2"])
    told = []
    for version in (*tls_clients.VERSIONS,) * 5:
        visit = house.visit("proxied", "proxied.example", "proxied", port=port, version=version,
                            alpn=("http/1.1",))
        said = tls_clients.curl(visit)
        expect_answer(visit, "proxied", tls_clients.answer_in(said))
        told.append({"client": f"{visit.source}:{said.split()[-1].decode('ascii')}", "remote": visit.source,
                     "status": "200", "path": tls_servers.PATH})
    for program in PROGRAMS:
        visit = house.visit("proxied", "unknown.example", "rest", port=port, hello="no_route")
        expect_answer(visit, "rest", program(visit))
    entries, sessions = logs(house, "proxied.access", NGINX_HTTP, "proxied", len(told))
    expect_same("nginx's log", told, entries, *told[0])
    expect_same("Weir's log", told, sessions, "client", "remote")
    common.expect(all(line["proxy"].startswith(f"{HOST}:") for line in sessions), "HAProxy is not the proxy")


def logs(house: House, name: str, form: str, pool: str, count: int) -> tuple[list[Fields], list[Fields]]:
    """What that log and Weir's have of visits to the pool, once both have so many."""
    def entries() -> list[Fields]:
        return proxy_logs.entries(house.work, name, form, tls_house.SOURCES)

    def sessions() -> list[Fields]:
        return tls_house.sessions(house, pool)
    for lines in (entries, sessions):
        proxy_logs.wait_for(lines, count, f"{name}'s log and Weir's")
    return entries(), sessions()


def told_the_name(house: House) -> None:
    """A server behind is told which name the client asks for."""
    for version, program in itertools.product(tls_clients.VERSIONS, PROGRAMS):
        visit = house.visit("named", "told.example", "shop", pool="told", version=version)
        expect_answer(visit, "shop", program(visit))
    entries, sessions = logs(house, "told", HAPROXY_NAMED, "told", len(tls_clients.VERSIONS) * len(PROGRAMS))
    expect_same("the log of the HAProxy behind", sessions, entries, "client", "id", "server_name")


def psql_environment(house: House, listener: str, sslmode: str, trusted: str = "database") -> dict[str, str]:
    """For a client of PostgreSQL, which looks for the certificate of that server."""
    return {**os.environ, "PGHOST": "db.example", "PGHOSTADDR": HOST, "PGPORT": str(house.ports[listener]),
            "PGUSER": postgresql.USER, "PGDATABASE": "postgres", "PGCONNECT_TIMEOUT": "20",
            "PGSSLMODE": sslmode, "PGSSLROOTCERT": house.certificates[trusted]}


ENCRYPTED = "FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def psql(house: House, listener: str, sslmode: str, trusted: str = "database") -> str:
    """Whether its connection is encrypted, and with which version of TLS."""
    if listener != "front":  # its first word, by which PostgreSQL's TLS begins, is none of TLS
        house.counted[listener, "not_tls"] += 1
    argv = ["psql", "-XtA", "-c", f"SELECT ssl, version {ENCRYPTED}"]
    return postgresql.run(process.with_parent(argv), psql_environment(house, listener, sslmode, trusted))


def pgbench(environment: dict[str, str], *options: str) -> None:
    output = postgresql.run(process.with_parent(["pgbench", "-n", *options]), environment)
    failed = re.search(r"number of failed transactions: (\d+)", output)
    common.expect(failed is not None and failed[1] == "0", f"transactions failed: {output}")


def database(house: House) -> None:
    """PostgreSQL, whose TLS begins in its own words, at listeners that do not look or serve others too."""
    modes = ("require", "verify-ca", "verify-full")
    for listener, sslmode in itertools.product(("front", "database"), modes):
        said = psql(house, listener, sslmode)
        common.expect(said.startswith("t|TLSv1."), f"psql's connection is not encrypted: {said}")
    expect_psql_fails(house, "front", "rest", "certificate verify failed")
    expect_psql_fails(house, "strict", "database", "reset by peer|closed the connection")
    environment = psql_environment(house, "front", "verify-full")
    postgresql.run(process.with_parent(["pgbench", "-i", "-q"]), environment)
    pgbench(environment, "-c", "4", "-T", "2")
    # Each transaction has a connection of its own, and divides by zero where that is not encrypted.
    one = house.work.write("encrypted.sql", f"SELECT 1 / ssl::int {ENCRYPTED};\n")
    pgbench(environment, "-c", "4", "-t", "5", "-C", "-f", str(one))


def expect_psql_fails(house: House, listener: str, trusted: str, why: str) -> None:
    try:
        said = psql(house, listener, "verify-ca", trusted)
    except process.Failure as failure:
        common.expect(re.search(why, str(failure)) is not None, f"{why} was expected: {failure}")
    else:
        raise process.Failure(f"psql, which trusts {trusted}, got through to {listener}: {said}")


def expect_logged_queries(house: House) -> None:
    """Weir has moved bytes for psql, and knows no name that it asked for."""
    def lines() -> list[Fields]:
        return proxy_logs.sessions(house.work, "database", f"{HOST}:")
    proxy_logs.wait_for(lines, 3, "Weir's log about psql")
    for line in lines():
        moved = int(line["upload"]) > 0 and int(line["download"]) > 0
        common.expect(moved and line["pool"] == "database" and "server_name" not in line, f"of psql: {line}")
    common.expect(len(lines()) == 3, f"psql has connected three times: {lines()}")


PARTS = (tls_visits.by_name, tls_visits.who_trusts_another, tls_visits.again, tls_visits.early,
         tls_visits.asked_twice, tls_visits.members, tls_visits.much, tls_visits.many, tls_visits.large,
         tls_visits.in_pieces, tls_visits.turned_away, tls_visits.in_plain, between_proxies,
         told_the_name, database)


def need_all() -> None:
    for program in ("nginx", "haproxy", "curl", "openssl"):  # Debian's packages have their names
        process.need(program, program)
    process.need("pgbench", "postgresql")
    process.need("psql", "postgresql-client")


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    common.need_root_for(given.user)
    need_all()
    with process.Workspace() as work:
        house = tls_house.start(work, given)
        for part in PARTS:
            print(f"-- {part.__doc__}", flush=True)
            begun = time.monotonic()
            part(house)
            print(f"{time.monotonic() - begun:.1f} s", flush=True)
        tls_house.expect_account(house)
        expect_logged_queries(house)
        common.expect_ends_well(house.server)
        print(f"{len(house.visits)} visits", flush=True)


if __name__ == "__main__":
    common.main(test)
