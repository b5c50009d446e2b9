"""A topology whose services are processes in namespaces of their own: started, stopped, killed, entered. What is known of them
is in files, so that each command may be another process; lan.py makes their networks, sandbox.py what each sees."""

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


def _identity(pid: int) -> str:
    """Its number and when it began, for numbers are used again. Nothing when it is not there, or only waits for its parent
    to ask how it ended."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{pid} {fields[19]}"


def _still_runs(written: pathlib.Path) -> int | None:
    """The process whose identity was written there, if it is still there."""
    try:
        identity = written.read_text(encoding="ascii")
    except OSError:
        return None
    pid = int(identity.split()[0]) if identity else 0
    return pid if identity and _identity(pid) == identity else None


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
        for keeper in self._state.glob("*.keeper"):  # they write down how it ended
            _wait_for(lambda keeper=keeper: not _still_runs(keeper), 10)
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
        script = ('timeout -s KILL "$1" nsenter --net="$2" unshare --mount --propagation unchanged --uts --pid --fork '
                  '--kill-child=KILL "$3" -I "$4" "$5" "$6"; echo $? >"$7.part"; mv "$7.part" "$7"')
        status = self._state / f"{name}.status"
        status.unlink(missing_ok=True)
        namespace = pathlib.Path("/run/netns", self._lan.namespace(name))
        with (self._state / f"{name}.log").open("ab") as log:
            keeper = subprocess.Popen(
                ["sh", "-c", script, "sh", str(LIFETIME), str(namespace), sys.executable, str(HERE / "sandbox.py"), str(spec),
                 str(told), str(status)], pass_fds=(told,), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        os.close(told)
        (self._state / f"{name}.keeper").write_text(_identity(keeper.pid), encoding="ascii")
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
            (self._state / f"{name}.pid").write_text(_identity(found), encoding="ascii")
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
        return _still_runs(self._state / f"{name}.pid")

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
