"""The report of docker/chaos: what the clients have seen, beside what Weir's log says of the same sessions.

usage: report.py VISITORS WEIR_LOG MOODS ...      files; MOODS are the servers' logs
The last line is "good N lost N wrong N unexplained N at_steady N refused N moods N".
"""

import collections
import datetime
import json
import pathlib
import re
import sys

# Reasons for which a session is lost though Weir has done what it could: its server took it, and then failed.
EXPLAINED = {"backend_reset", "backend_lost", "idle_timeout", "half_close_timeout"}


def sessions(log: str) -> dict[str, list[dict]]:
    """By the client's address and port, which may have been used several times."""
    found = collections.defaultdict(list)
    for line in log.splitlines():
        if " session " in line:
            fields = dict(re.findall(r"(\w+)=(\S+)", line))
            at = datetime.datetime.fromisoformat(line.split(" ")[0].replace("Z", "+00:00")).timestamp()
            found[fields["client"]].append({"at": at, **fields})
    return found


def session_of(one: dict, known: dict[str, list[dict]]) -> dict | None:
    """That of what a client has counted: the one which ended nearest to it."""
    return min(known[one["client"]], key=lambda session: abs(session["at"] - one["at"]), default=None)


def main(visitors: str, weir_log: str, *moods: str) -> None:
    seen = json.loads(pathlib.Path(visitors).read_text(encoding="utf-8"))
    known = sessions(pathlib.Path(weir_log).read_text(encoding="utf-8", errors="replace"))
    unexplained, reasons, at_steady, refused = [], collections.Counter(), 0, 0
    for one in seen["lost"]:
        session = session_of(one, known)
        backend = (session or {}).get("backend", "-").partition("@")[0]
        reason = (session or {}).get("reason", "not in the log")
        reasons[f"{reason} at {backend}"] += 1
        at_steady += backend == "steady"
        refused += reason.startswith("connect_") or reason == "no_backend"
        if reason not in EXPLAINED or not backend.startswith("moody"):
            unexplained.append({**one, "session": session})
    changes = "".join(pathlib.Path(path).read_text(encoding="utf-8") for path in moods)
    spent = collections.Counter(re.findall(r"^\S+ (\w+)$", changes, re.MULTILINE))
    asked = seen["good"] + len(seen["lost"]) + len(seen["wrong"])
    print(f"{asked} requests, {seen['good']} good, {len(seen['lost'])} lost, {len(seen['wrong'])} wrong; "
          f"{seen['bytes'] / 1e6:.0f} MB checked")
    print(f"good ones took {seen['p50_ms']} ms (p50), {seen['p99_ms']} ms (p99); none longer than {seen['longest_s']} s")
    print("answered by " + ", ".join(f"{name} {count}" for name, count in sorted(seen["by_server"].items())))
    print("moods of the three: " + ", ".join(f"{mood} {count}" for mood, count in spent.most_common()))
    for reason, count in reasons.most_common():
        print(f"lost by {reason}: {count}")
    for one in [{**one, "session": session_of(one, known)} for one in seen["wrong"]][:5] + unexplained[:5]:
        print(f"look at {one}")
    print(f"good {seen['good']} lost {len(seen['lost'])} wrong {len(seen['wrong'])} unexplained {len(unexplained)} "
          f"at_steady {at_steady} refused {refused} moods {len(spent)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
