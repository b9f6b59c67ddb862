"""``haready check``: whether a run on this node can succeed."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from collector.display import duration
from collector.errors import Arguments, Exit, OperatorError, Unavailable, make_folder, printable
from collector.machine import PsutilHost, SystemClock
from collector.plan import Plan, load, load_key
from collector.preflight.local import local_checks, site
from collector.preflight.means import iperf3_version
from collector.preflight.meeting import Meeting
from collector.preflight.result import Check, Level, Site, worst
from collector.roles import away

_WAIT_S = 30.0
"""The whole check takes less than a minute, and an installer has time to start it on the next node."""
_MARK = {Level.OK: "ok", Level.WARN: "WARN", Level.FAIL: "FAIL"}


def check(arguments: list[str]) -> int:
    """Check this node."""
    from collector.commands import seconds

    parser = Arguments(
        prog="haready check",
        description="Find out on this node, in under a minute, whether a run can succeed.\nRun it on all nodes at about the same "
        "time: then they also try each other,\nboth ways. Nothing is measured.",
        epilog="exit codes: 0 it can (there may be warnings), 2 the plan is wrong, 7 it cannot succeed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--plan", type=Path, required=True, metavar="PLAN")
    parser.add_argument("--node", required=True, metavar="NAME", help="which node of the plan this machine is")
    parser.add_argument(
        "--duration", type=seconds, default=86_400.0, metavar="24h", help="length of the run (default: 24h)"
    )
    parser.add_argument(
        "-o", "--out", type=Path, default=Path(), metavar="DIR", help="folder of the archive (default: here)"
    )
    parser.add_argument(
        "--wait", type=seconds, default=_WAIT_S, metavar="30s", help="how long to wait for the peers (default: 30s)"
    )
    parser.add_argument("--local", action="store_true", help="this machine only, no peers")
    parser.add_argument("--json", action="store_true", help="the same as data")
    given = parser.read(arguments)
    found = load(given.plan)
    found.node(given.node)
    make_folder(given.out, "--out")
    where = site(found, given.node, given.out, given.duration, PsutilHost(), SystemClock())
    checks = [Check("plan", Level.OK, f"{given.plan} is a plan for {len(found.nodes)} nodes")]
    key = _key(given.plan, found, checks)
    checks += local_checks(where)
    if not given.local:
        checks += _peers(where, key, checks, given.wait)
    level = worst(checks)
    if given.json:
        head = {"plan": str(given.plan), "digest": found.digest, "cluster": found.cluster, "node": given.node}
        print(json.dumps(head | {"level": level, "checks": [asdict(one) for one in checks]}, indent=1))
    else:
        _print(given.node, checks, given.duration)
    return Exit.UNMEASURED if level is Level.FAIL else Exit.DONE


def _key(path: Path, plan: Plan, checks: list[Check]) -> bytes | None:
    try:
        key = load_key(path, plan)
    except OperatorError as error:
        checks.append(Check("key", Level.FAIL, str(error), error.hint))
        return None
    checks.append(Check("key", Level.OK, f"{plan.security.key_file} is long enough, and for its owner alone"))
    return key


def _peers(where: Site, key: bytes | None, checks: list[Check], wait_s: float) -> list[Check]:
    plan, node = where.env.plan, where.env.node.name
    hint = "mend what failed above, then check again"
    if key is None:
        return [Check("peer", Level.WARN, "the peers were not asked, without a key", hint)]
    if any(one.level is Level.FAIL and one.name in ("addresses", "ports") for one in checks):
        return [
            Check("peer", Level.WARN, "the peers were not asked: addresses or ports of this node cannot be used", hint)
        ]
    try:
        version = iperf3_version(where) if where.tested else ""
    except Unavailable:
        version = ""
    missing = away(plan, where.env.node, where.env.host.source_address)
    terminal = sys.stderr.isatty()
    if not terminal:
        print(f"asking the peers for up to {wait_s:.0f} s: check on them now, too", file=sys.stderr)

    def look(undecided: int) -> None:
        if terminal:
            sys.stderr.write(f"\rasking the peers: {undecided} answers and calls to come; check on them now, too ")
            sys.stderr.flush()

    try:
        return Meeting(plan, node, key, where.env.clock, version, missing).run(wait_s, look)
    except OperatorError as error:
        return [Check("peer", Level.FAIL, str(error), error.hint)]
    finally:
        if terminal:
            sys.stderr.write("\r\x1b[K")


def _print(node: str, checks: list[Check], duration_s: float) -> None:
    width = max(len(one.name) for one in checks)
    for one in checks:
        print(printable(f"{_MARK[one.level]:4}  {one.name:{width}}  {one.found}"))
        if one.next_step:
            print(printable(f"{'':4}  {'':{width}}  -> {one.next_step}"))
    warned = sum(one.level is Level.WARN for one in checks)
    failed = sum(one.level is Level.FAIL for one in checks)
    told = {
        Level.OK: "all is well",
        Level.WARN: f"it can run; {warned} warning{'s' * (warned > 1)}",
        Level.FAIL: f"it cannot succeed as planned: {failed} failed, {warned} warned",
    }[worst(checks)]
    print(printable(f"{node}, a run of {duration(duration_s)}: {told}"))


COMMANDS = {"check": check}
