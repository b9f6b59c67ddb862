"""``haready service``: the collection as a service of the operating system."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

from collector import external
from collector.errors import Arguments, Exit, OperatorError, printable
from collector.plan import load, load_key
from collector.service.contract import Order, Services
from collector.service.systemd import Systemd
from collector.service.windows import WindowsServices

_VERBS = {
    "install": "copy plan and key, and set the service up (not started)",
    "start": "begin the run, and wait until it measures",
    "status": "how the service fares; `haready status` tells how the run does",
    "stop": "end the run early; the archive is sealed",
    "uninstall": "stop it and remove all but the archives",
}


def service(arguments: list[str]) -> int:
    """Run one verb."""
    from collector.commands import seconds

    parser = Arguments(
        prog="haready service",
        description="The collection as a service: systemd on Linux, services on Windows (never tried there).",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="|".join(_VERBS))
    for name, what in _VERBS.items():
        verb = verbs.add_parser(name, help=what, description=what)
        if name == "install":
            verb.add_argument("--plan", type=Path, required=True, metavar="PLAN")
            verb.add_argument("--node", required=True, metavar="NAME", help="which node of the plan this machine is")
            verb.add_argument(
                "--duration", type=seconds, default=86_400.0, metavar="24h", help="length of the run (default: 24h)"
            )
        else:
            verb.add_argument("--node", metavar="NAME", help="which one, if several are installed here")
        if name == "status":
            verb.add_argument("--json", action="store_true", help="the same as data")
    given = parser.read(arguments)
    return run_verb(given, _manager())


def _manager() -> Services:
    if sys.platform == "win32":
        return WindowsServices(Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")), external.run)
    return Systemd(Path("/"), external.run)


def run_verb(given: argparse.Namespace, manager: Services) -> int:
    """What was asked for, of that service manager."""
    if given.verb == "install":
        return _install(given, manager)
    node = given.node or _only(manager)
    match given.verb:
        case "start":
            manager.start(node)
            print(f"{node}: it measures; `haready status` shows how it fares")
        case "stop":
            manager.stop(node)
            print(f"{node}: stopped; its archives are in {manager.state(node).archives}")
        case "uninstall":
            print(f"{node}: removed; its archives stay in {manager.uninstall(node)}")
        case _:
            return _status(node, manager, as_data=given.json)
    return Exit.DONE


def _install(given: argparse.Namespace, manager: Services) -> int:
    plan = load(given.plan)
    plan.node(given.node)
    load_key(given.plan, plan)
    order = Order(plan, given.plan, given.plan.parent / plan.security.key_file, given.node, given.duration)
    for path in manager.install(order):
        print(path)
    node = shlex.quote(given.node)
    print(
        f"next: haready check --plan {shlex.quote(str(given.plan))} --node {node}, then haready service start",
        file=sys.stderr,
    )
    return Exit.DONE


def _only(manager: Services) -> str:
    found = manager.installed()
    if len(found) != 1:
        names = ", ".join(found)
        raise OperatorError(
            f"several services are installed here: {names}" if found else "no service is installed here",
            "say which with --node" if found else "haready service install --plan PLAN --node NAME",
        )
    return found[0]


def _status(node: str, manager: Services, *, as_data: bool) -> int:
    state = manager.state(node)
    if as_data:
        print(json.dumps(asdict(state), indent=1))
    else:
        print(printable(f"{state.node}: {state.state}"))
        if state.said:
            print(printable(f"  says      {state.said}"))
        print(f"  restarts  {'not told' if state.restarts is None else state.restarts}")
        print(printable(f"  archives  {state.archives}"))
    return Exit.DONE if state.active else Exit.USAGE


COMMANDS = {"service": service}
