"""The package where systemd is the first process, as on nearly every Debian."""

import contextlib
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from package_house import DOOR_THAT_ONLY_SHOWS, MISTAKE, PORT, House, Packages, rotate  # noqa: E402
from package_root import Machine  # noqa: E402
from package_sessions import Lasting, ask_once, knocking  # noqa: E402
from peers import process  # noqa: E402
from peers.echo import echo  # noqa: E402
from peers.process import expect  # noqa: E402


def show(machine: Machine, name: str) -> str:
    return machine.says("systemctl", "show", f"--property={name}", "--value", "weir.service")


def under_systemd(packages: Packages) -> None:
    with contextlib.ExitStack() as stack:
        machine = stack.enter_context(Machine(packages.base(), systemd=True))
        machine.join_network()
        backend = stack.enter_context(echo())
        house = House(machine, packages)
        # A watchdog that can be waited for.
        machine.write("/etc/systemd/system/weir.service.d/watchdog.conf", "[Service]\nWatchdogSec=4s\n")
        runs_at_once(house, backend)
        is_upgraded_under_sessions(house)
        refuses_what_cannot_be(house, backend)
        is_upgraded_without_a_door(house, backend, house.new, door="")
        is_upgraded_without_a_door(house, backend, house.old, door=DOOR_THAT_ONLY_SHOWS)
        leaves_alone_what_it_should(house)
        rotates_its_log(house, backend)
        takes_sockets_of_systemd(house)
        is_removed_comes_back_and_is_purged(house)


def runs_at_once(house: House, backend: int) -> None:
    """And harms nobody; a reload puts another configuration in force."""
    machine = house.machine
    house.install(house.old)
    house.expect_installed()
    expect(show(machine, "ActiveState") == "active", f"not started: {machine.run('systemctl', 'status', 'weir').stdout}")
    expect(machine.says("systemctl", "is-enabled", "weir") == "enabled", "it does not start at the next boot")
    expect(house.running_version() == house.old, "another version runs than is installed")
    status = machine.says("cat", f"/proc/{show(machine, 'MainPID')}/status")
    expect(f"Uid:\t{machine.says('id', '-u', 'weir')}\t" in status, f"it does not run as weir: {status}")
    expect("\nNoNewPrivs:\t1" in status and "\nSeccomp:\t2" in status, f"the unit's hardening is not in force: {status}")
    expect(re.search(r"\nCapEff:\t0{13}400\n", status) is not None, f"it may do more than bind below 1024: {status}")
    listening = {line.split()[1] for table in ("tcp", "tcp6")
                 for line in machine.says("cat", f"/proc/net/{table}").splitlines()[1:] if line.split()[3] == "0A"}
    expect(listening == {f"0100007F:{backend:04X}"}, f"the default configuration takes ports: {listening}")
    house.configure(backend)
    machine.says("systemctl", "reload", "weir")
    process.wait_until(lambda: answers(PORT), "the new listener", 20)


def is_upgraded_under_sessions(house: House) -> None:
    """systemd's main process is the new one, and hears its signs of life; the old one ends with its sessions."""
    machine = house.machine
    sessions = Lasting(PORT, 50)
    before = show(machine, "MainPID")
    with knocking(PORT) as clients:
        said = house.install(house.new)
        sessions.check()
        expect(f"process {before} keeps the sessions" in said, f"the package does not say that it was upgraded: {said}")
        expect(house.running_version() == house.new, "the old version answers at the door after an upgrade")
    expect(show(machine, "MainPID") not in ("0", before), "systemd's main process is another one")
    expect(show(machine, "ActiveState") == "active" and show(machine, "NRestarts") == "0", "the service was restarted")
    print(f"upgraded under systemd: {clients.answered} sessions meanwhile", flush=True)

    def sign() -> int:
        return int(show(machine, "WatchdogTimestampMonotonic"))

    # Longer than the watchdog waits.
    for _ in range(4):
        last = sign()
        process.wait_until(lambda last=last: sign() > last, "a sign of life", 10)
    expect(show(machine, "NRestarts") == "0", "the watchdog has restarted it")
    sessions.check()
    expect(runs(machine, before), "the old process has gone, and its sessions with it")
    sessions.close()
    process.wait_until(lambda: not runs(machine, before), "the old process to end", 30)
    expect(show(machine, "ActiveState") == "active", "the old process has taken the service along")


def refuses_what_cannot_be(house: House, backend: int) -> None:
    """An upgrade that the new program refuses is told, and nothing else comes of it; it can be made up for."""
    machine = house.machine
    sessions = Lasting(PORT, 20)
    house.configure(backend, more=MISTAKE)
    before = show(machine, "MainPID")
    with knocking(PORT):
        said = house.install(house.old)
    expect("goes on with the program of before" in said and "weir.toml:" in said, f"a refused upgrade: {said}")
    expect(show(machine, "MainPID") == before and house.running_version() == house.new, "it changed something")
    house.configure(backend)
    machine.says("weir", "upgrade")
    expect(house.running_version() == house.old, "the upgrade cannot be made up for")
    sessions.check()
    sessions.close()


def is_upgraded_without_a_door(house: House, backend: int, version: str, door: str) -> None:
    """A signal does it, and systemd says what came of it. So too where the door only shows."""
    machine = house.machine
    house.configure(backend, door=door)
    machine.says("systemctl", "restart", "weir")
    sessions = Lasting(PORT, 20)
    before = show(machine, "MainPID")
    with knocking(PORT):
        said = house.install(version)
    expect(f"process {before} keeps the sessions" in said, f"an upgrade without the door: {said}")
    expect(program_of(machine, show(machine, "MainPID")) == program_of(machine), "the old program runs on")
    sessions.check()
    sessions.close()


def leaves_alone_what_it_should(house: House) -> None:
    """Where policy-rc.d forbids to touch services, and what was stopped."""
    machine = house.machine
    machine.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
    before = show(machine, "MainPID")
    said = house.install(house.new)
    expect("policy-rc.d forbids" in said and show(machine, "MainPID") == before, f"policy-rc.d is not heeded: {said}")
    (machine.root / "usr/sbin/policy-rc.d").unlink()
    machine.says("systemctl", "stop", "weir")
    expect(show(machine, "Result") == "success", f"it did not end well: {show(machine, 'Result')}")
    house.install(house.old)
    expect(show(machine, "ActiveState") == "inactive", "an upgrade started what was stopped")


def rotates_its_log(house: House, backend: int) -> None:
    machine = house.machine
    house.configure(backend, output="/var/log/weir/weir.log")
    machine.says("systemctl", "start", "weir")
    ask_once(PORT)
    rotate(machine)


def takes_sockets_of_systemd(house: House) -> None:
    """Who comes while Weir is not there waits, and starts it."""
    machine = house.machine
    machine.says("systemctl", "stop", "weir")
    example = machine.root / "usr/share/doc/weir/examples/weir.socket"
    machine.write("/etc/systemd/system/weir.socket", example.read_text().replace("0.0.0.0:443", f"127.0.0.1:{PORT}"))
    machine.says("systemctl", "daemon-reload")
    machine.says("systemctl", "start", "weir.socket")
    expect(show(machine, "ActiveState") == "inactive", "it runs before anybody has come")
    ask_once(PORT)
    expect(show(machine, "ActiveState") == "active", "a client did not start it")
    sessions = Lasting(PORT, 20)
    with knocking(PORT):
        for version in (house.old, house.new):
            before = show(machine, "MainPID")
            house.install(version)
            expect(show(machine, "MainPID") != before, "no upgrade with a socket of systemd's")
        sessions.check()
    sessions.close()
    with knocking(PORT):
        machine.says("systemctl", "restart", "weir")
    machine.says("systemctl", "stop", "weir.socket")


def is_removed_comes_back_and_is_purged(house: House) -> None:
    machine = house.machine
    machine.says("dpkg", "--remove", "weir")
    expect(machine.run("pidof", "weir", check=False).stdout == "", "it runs on after its removal")
    expect(show(machine, "LoadState") == "not-found", "systemd knows the unit still")
    house.install(house.new)
    expect(show(machine, "ActiveState") == "active", "it is not started when it is back")
    machine.says("dpkg", "--purge", "weir")
    expect(machine.run("pidof", "weir", check=False).stdout == "", "it runs on after its removal")
    house.expect_left()


def runs(machine: Machine, pid: str) -> bool:
    return machine.run("test", "-d", f"/proc/{pid}", check=False).returncode == 0


def program_of(machine: Machine, pid: str = "") -> str:
    """The file that a process runs, or the installed one."""
    return machine.says("stat", "--dereference", "--format=%i", f"/proc/{pid}/exe" if pid else "/usr/bin/weir")


def answers(port: int) -> bool:
    with contextlib.suppress(OSError, process.Failure):
        ask_once(port)
        return True
    return False
