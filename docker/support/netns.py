"""Runs a topology's processes in network namespaces: the commands of compose that its proof needs, for where no engine
can run. The compose file says what runs and how; this machine's own programs take the place of the images."""

import argparse
import os
import pathlib
import sys

import compose_file
from topology import ROOT, Problem, Topology


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
