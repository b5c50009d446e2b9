"""Runs a topology's processes in network namespaces: the commands of compose that its proof needs, for where no engine
can run. The compose file says what runs and how; this machine's own programs take the place of the images."""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

import compose_file
from lan import Lan

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# So many seconds after its start a process is killed, whatever became of who started it.
LIFETIME = int(os.environ.get("TOPOLOGY_LIFETIME", "900"))


class Problem(Exception):
    """What cannot be done, for people."""


def _children(pid: int) -> list[int]:
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(after_name[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def _wait_for(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Topology:
    def __init__(self, folder: pathlib.Path, weir: pathlib.Path) -> None:
        self._weir = weir
        self._services = {one.name: one for one in compose_file.read(folder / "compose.yaml")}
        self._state = ROOT / "build/docker/netns" / folder.name
        tag = hashlib.sha256(str(folder).encode()).hexdigest()[:4]
        self._lan = Lan(f"weir-{folder.name}-{tag}", list(self._services.values()))

    def up(self) -> None:
        self.down()
        self._state.mkdir(parents=True)
        self._lan.make()
        for service in self._services.values():
            self.start(service.name)

    def down(self) -> None:
        for name in self._services:
            if self._first_process(name):
                os.kill(self._first_process(name), signal.SIGKILL)
        for name in self._services:
            _wait_for(lambda name=name: not self._first_process(name), 10)
        self._lan.remove()
        self._unmount()
        shutil.rmtree(self._state, ignore_errors=True)

    def _unmount(self) -> None:
        """What came back to here of the services' mounts: only where theirs could not be kept to themselves."""
        for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            at = line.split()[4]
            if at.startswith(f"{self._state}/"):
                subprocess.run(["umount", "--lazy", at], check=False)

    def start(self, name: str) -> None:
        service = self._service(name)
        if self._first_process(name):
            return
        memory = self._state / f"{name}.memory"
        memory.mkdir(exist_ok=True)
        hosts = self._state / "hosts"
        hosts.write_text(self._lan.hosts_file(), encoding="ascii")
        # No name server but the hosts file.
        resolve = self._state / "resolv.conf"
        resolve.write_text("nameserver 127.0.0.1\n", encoding="ascii")
        spec = dataclasses.asdict(service)
        del spec["addresses"]
        spec["memory"] = str(memory)
        spec["volumes"] = [(str(self._weir), "/usr/bin/weir", True), (str(hosts), "/etc/hosts", True),
                           (str(resolve), "/etc/resolv.conf", True), *service.volumes]
        spec["environment"] = {"PATH": PATH, "HOSTNAME": service.hostname, **service.environment}
        written = self._state / f"{name}.json"
        written.write_text(json.dumps(spec), encoding="utf-8")
        self._spawn(name, written)

    def _spawn(self, name: str, spec: pathlib.Path) -> None:
        """Leaves it to itself: a shell waits for it, kills it when its time is over, and writes down how it ended."""
        heard, told = os.pipe()
        script = ('timeout -s KILL "$1" nsenter --net="$2" unshare --mount --propagation unchanged --uts --pid --fork --kill-child=KILL "$3" -I "$4" "$5" "$6"; '
                  'echo $? >"$7.part"; mv "$7.part" "$7"')
        status = self._state / f"{name}.status"
        status.unlink(missing_ok=True)
        namespace = pathlib.Path("/run/netns", self._lan.namespace(name))
        with (self._state / f"{name}.log").open("ab") as log:
            keeper = subprocess.Popen(
                ["sh", "-c", script, "sh", str(LIFETIME), str(namespace), sys.executable, str(HERE / "sandbox.py"), str(spec), str(told),
                 str(status)], pass_fds=(told,), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        os.close(told)
        (self._state / f"{name}.keeper").write_text(str(keeper.pid), encoding="ascii")
        answer = os.read(heard, 16)  # it says "ok" when it becomes the service, and nothing when it could not
        os.close(heard)
        if answer != b"ok\n":
            raise Problem(f"service {name} does not start:\n{self._log(name)}")
        found = keeper.pid
        for _ in range(3):  # timeout, unshare, the service
            children: list[int] = []
            _wait_for(lambda: children.extend(_children(found)) or children or status.exists(), 5)
            if not children:
                break
            found = children[0]
        else:
            (self._state / f"{name}.pid").write_text(str(found), encoding="ascii")
            self._write_way_in(name, found)

    def _write_way_in(self, name: str, pid: int) -> None:
        """A script that runs its arguments beside the service, as ENTER_USER or as who the service is. A proof calls it
        often, and a shell is sooner there than Python."""
        service = self._services[name]
        environment = {"PATH": PATH, "HOSTNAME": service.hostname, **service.environment}
        words = " ".join(shlex.quote(f"{key}={value}") for key, value in environment.items())
        (self._state / f"{name}.enter").write_text(
            f'user=${{ENTER_USER:-{service.user}}}\n'
            f'exec env -i {words} nsenter --target={pid} --mount --uts --net --pid --root --wdns=/ '
            'setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups -- "$@"\n', encoding="utf-8")

    def _service(self, name: str) -> compose_file.Service:
        if name not in self._services:
            raise Problem(f"there is no service {name}: {', '.join(self._services)}")
        return self._services[name]

    def _first_process(self, name: str) -> int | None:
        """Its process 1, by its number out here."""
        try:
            pid = int((self._state / f"{name}.pid").read_text(encoding="ascii"))
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        parent = int(stat.rpartition(")")[2].split()[1])
        return pid if parent and (self._state / f"{name}.status").exists() is False else None

    def _log(self, name: str) -> str:
        try:
            return (self._state / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def kill(self, name: str, word: str) -> None:
        pid = self._first_process(self._service(name).name)
        if pid is None:
            raise Problem(f"{name} does not run")
        os.kill(pid, getattr(signal, word if word.startswith("SIG") else f"SIG{word}"))
        if word.removeprefix("SIG") == "KILL":
            _wait_for(lambda: not self._first_process(name), 10)

    def stop(self, name: str, seconds: int | None) -> None:
        service = self._service(name)
        if not self._first_process(name):
            return
        self.kill(name, service.stop_signal)
        if not _wait_for(lambda: not self._first_process(name), service.grace_seconds if seconds is None else seconds):
            self.kill(name, "SIGKILL")

    def status(self, name: str) -> str:
        """How it ended, as a number; nothing while it runs."""
        found = self._state / f"{self._service(name).name}.status"
        return found.read_text(encoding="ascii").strip() if found.exists() else ""

    def execute(self, name: str, user: str | None, command: list[str]) -> None:
        if self._first_process(self._service(name).name) is None:
            raise Problem(f"{name} does not run")
        os.execve("/bin/sh", ["sh", str(self._state / f"{name}.enter"), *command],
                  {"PATH": PATH, **({"ENTER_USER": user} if user else {})})

    def logs(self, name: str) -> None:
        self._service(name)
        sys.stdout.write(self._log(name))

    def processes(self) -> None:
        for service in self._services.values():
            pid = self._first_process(service.name)
            addresses = " ".join(str(address.ip) for address in service.addresses.values())
            state = f"process {pid}" if pid else f"ended with {self.status(service.name) or '?'}"
            print(f"{service.name:<12} {addresses:<32} {state:<20} ip netns exec {self._lan.namespace(service.name)}")

    def follow(self) -> None:
        """Until Ctrl-C: what the services write, as it comes."""
        files = [str(self._state / f"{name}.log") for name in self._services]
        try:
            subprocess.run(["tail", "-n", "+1", "-F", *files], check=False)
        except KeyboardInterrupt:
            print()


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docker/netns.sh", description=__doc__)
    parser.add_argument("topology", help="a folder of docker/ with a compose.yaml, e.g. basic")
    parser.add_argument("--weir", help="the binary to run (default: build/release/weir)")
    commands = parser.add_subparsers(dest="command")
    up = commands.add_parser("up", help="start it and show its logs until Ctrl-C; the default")
    up.add_argument("-d", "--detach", action="store_true", help="leave it running; `down` ends it, or fifteen minutes")
    commands.add_parser("down", help="end it and remove its namespaces")
    commands.add_parser("ps", help="what runs, with addresses and namespaces")
    for word, about in (("start", "start a service that has ended"), ("logs", "what a service has written"),
                        ("status", "a service's exit status")):
        commands.add_parser(word, help=about).add_argument("service")
    kill = commands.add_parser("kill", help="send a service a signal")
    kill.add_argument("-s", dest="signal", default="SIGKILL")
    kill.add_argument("service")
    stop = commands.add_parser("stop", help="stop a service, and kill it after a time")
    stop.add_argument("-t", dest="seconds", type=int)
    stop.add_argument("service")
    execute = commands.add_parser("exec", help="run a command beside a service")
    execute.add_argument("-T", action="store_true", help="is always so")
    execute.add_argument("-u", dest="user", help="as this user and group, two numbers: 0:0")
    execute.add_argument("service")
    execute.add_argument("words", nargs=argparse.REMAINDER)
    return parser


def run(given: argparse.Namespace) -> None:
    weir = pathlib.Path(given.weir or os.environ.get("WEIR_BINARY") or ROOT / "build/release/weir")
    folder = ROOT / "docker" / given.topology
    if os.geteuid() != 0:
        raise Problem("network namespaces need root")
    if not (folder / "compose.yaml").exists():
        raise Problem(f"there is no docker/{given.topology}/compose.yaml")
    if not weir.exists():
        raise Problem(f"there is no {weir}: ./run.sh builds it")
    topology = Topology(folder, weir.resolve())
    if given.command in (None, "up"):
        try:
            topology.up()
        except BaseException:
            topology.down()
            raise
        if not getattr(given, "detach", False):
            topology.follow()
            topology.down()
    elif given.command == "exec":
        topology.execute(given.service, given.user, given.words)
    elif given.command == "kill":
        topology.kill(given.service, given.signal)
    elif given.command == "stop":
        topology.stop(given.service, given.seconds)
    elif given.command == "status":
        print(topology.status(given.service))
    elif given.command == "ps":
        topology.processes()
    elif given.command == "down":
        topology.down()
    else:
        getattr(topology, given.command)(given.service)


def main() -> None:
    try:
        run(arguments().parse_args())
    except (Problem, compose_file.Mistake, OSError) as problem:
        sys.exit(f"netns.sh: {problem}")


if __name__ == "__main__":
    main()
