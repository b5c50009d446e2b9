"""The package where no systemd runs: a container, a chroot, another first process."""

import contextlib
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from package_house import CONFIG_FILE, DOOR_THAT_ONLY_SHOWS, MISTAKE, PORT, House, Packages, read, rotate, serving  # noqa: E402
from package_root import Machine  # noqa: E402
from package_sessions import Lasting, knocking  # noqa: E402
from peers import process  # noqa: E402
from peers.echo import echo  # noqa: E402
from peers.process import expect  # noqa: E402


BY_HAND = "root/by_hand.log"


def log_of(machine: Machine, path: str = BY_HAND) -> str:
    return read(machine, path).decode()


def start_by_hand(machine: Machine, log: str = BY_HAND) -> None:
    """As the unit would: the same command, as the same user."""
    unit = (machine.root / "lib/systemd/system/weir.service").read_text()
    command = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert command
    (machine.root / BY_HAND).unlink(missing_ok=True)
    with open(machine.root / BY_HAND, "wb") as output:
        subprocess.Popen(machine.enter("setpriv", "--reuid=weir", "--regid=weir", "--init-groups", *command.group(1).split()),
                         stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    process.wait_until(lambda: " ready " in log_of(machine, log), "Weir to serve", 30)


def stop_by_hand(machine: Machine) -> None:
    machine.says("sh", "-c", f"kill -TERM {' '.join(map(str, serving(machine)))}")
    process.wait_until(lambda: not serving(machine), "Weir to end", 40)


def bare(packages: Packages) -> None:
    with contextlib.ExitStack() as stack:
        machine = stack.enter_context(Machine(packages.base(), systemd=False))
        machine.join_network()
        backend = stack.enter_context(echo())
        house = House(machine, packages)
        is_upgraded_by_its_door(house, backend)
        is_upgraded_without_a_door(house, backend, house.new, door="")
        is_upgraded_without_a_door(house, backend, house.old, door=DOOR_THAT_ONLY_SHOWS)
        rotates_its_log(house, backend)
        is_removed_and_purged(house)


def is_upgraded_by_its_door(house: House, backend: int) -> None:
    """The package says what came of it, also when that is nothing."""
    machine = house.machine
    house.install(house.old)
    house.expect_installed()
    expect(not serving(machine), "something was started without a service manager")
    house.configure(backend)
    start_by_hand(machine)
    expect(house.running_version() == house.old, "another version runs than is installed")

    sessions = Lasting(PORT, 50)
    with knocking(PORT) as clients:
        said = house.install(house.new)
        sessions.check()
        expect("keeps the sessions that it has" in said, f"the package does not say that it was upgraded: {said}")
        expect(house.running_version() == house.new, "the old version answers at the door after an upgrade")
    print(f"upgraded by the door: {clients.answered} sessions meanwhile", flush=True)

    house.configure(backend, more=MISTAKE)
    with knocking(PORT):
        said = house.install(house.old)
    expect("goes on with the program of before" in said and "weir.toml:" in said, f"a refused upgrade: {said}")
    expect(house.running_version() == house.new, "a refused upgrade changed something")
    sessions.check()
    house.configure(backend)
    machine.says("weir", "upgrade")
    expect(house.running_version() == house.old, "the upgrade cannot be made up for")
    sessions.check()
    sessions.close()


def is_upgraded_without_a_door(house: House, backend: int, version: str, door: str) -> None:
    """A signal does it; only the log says what came of it. So too where the door only shows."""
    machine = house.machine
    stop_by_hand(machine)
    house.configure(backend, door=door)
    start_by_hand(machine)
    (first,) = serving(machine)
    sessions = Lasting(PORT, 10)
    with knocking(PORT):
        said = house.install(version)
        expect("SIGUSR2" in said, f"an upgrade without the door: {said}")
        process.wait_until(lambda: "this process has taken over" in log_of(machine), "a new process to take over", 30)
        process.wait_until(lambda: len(serving(machine)) == 2, "two processes", 30)
    sessions.check()
    expect(first in serving(machine), "the process with the sessions has gone")
    sessions.close()
    process.wait_until(lambda: first not in serving(machine), "the process without sessions to end", 30)


def rotates_its_log(house: House, backend: int) -> None:
    """Also one that nobody looks after is told."""
    machine = house.machine
    stop_by_hand(machine)
    machine.says("install", "-d", "-o", "weir", "-g", "weir", "-m", "0750", "/var/log/weir")
    house.configure(backend, output="/var/log/weir/weir.log")
    start_by_hand(machine, "var/log/weir/weir.log")
    rotate(machine)


def is_removed_and_purged(house: House) -> None:
    machine = house.machine
    machine.says("dpkg", "--remove", "weir")
    for path in ("usr/bin/weir", "usr/libexec/weir"):
        expect(not (machine.root / path).exists(), f"{path} is still there")
    expect(machine.run("pidof", "weir", check=False).stdout == "", "it runs on after its removal")
    expect((machine.root / CONFIG_FILE.lstrip("/")).exists(), "a removal took the configuration along")
    machine.says("dpkg", "--purge", "weir")
    house.expect_left()
