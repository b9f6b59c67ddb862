"""The one command. The only module that knows all stages; each is imported when it is called."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.contract import Assessment
    from reports.commands import Look

# Command -> (module that has it, what it does). Kept as text so that `--help` imports nothing.
_COMMANDS = {
    "plan": ("haready", "make a plan, check it, see what it will send"),
    "check": ("collector.check_commands", "can a run on this node succeed? before the long one"),
    "collect": ("collector.commands", "measure on this node, into one archive"),
    "service": ("collector.service.commands", "the collection as a service: install, start, status, stop, uninstall"),
    "status": ("collector.status_commands", "how the running collection fares (--watch)"),
    "note": ("collector.commands", "mark an event in the running collection"),
    "verify": ("collector.commands", "is an archive whole?"),
    "inspect": ("collector.commands", "who made an archive, when, what is in it"),
    "export": ("collector.commands", "every table of an archive as CSV"),
    "analyze": ("analyzer.commands", "archives of all nodes -> assessment (JSON)"),
    "report": ("reports.commands", "assessment (JSON) -> report (PDF, or a short text)"),
    "assess": ("haready", "analyze and report in one go"),
    "compare": ("analyzer.compare_commands", "two runs of the same nodes: what differs by more than noise"),
    "list": ("haready", "probes, rules, stacks, sections or profiles, and what each is for"),
    "demo": ("haready", "a real short run on this machine, from measuring to the PDF"),
}

_PLUGINS = {
    "probes": ("collector.probes", "PROBE"),
    "rules": ("analyzer.rules", "RULE"),
    "stacks": ("analyzer.stacks", "STACK"),
    "sections": ("reports.sections", "SECTION"),
}

_SHORT_S = 900.0
"""A shorter run is a connectivity check only, so no verdict is to be expected (see analyzer/extension.py)."""

_USAGE = """usage: haready [--version] [--debug] COMMAND ...

Measures whether servers and the network between them will carry a high-availability
cluster, and with which timeouts.

{commands}

`haready COMMAND --help` explains one. Start with `haready demo`, or with `haready plan init ha-pair`.
Exit codes: 0 done or suitable, 1 bug, 2 usage or plan, 3 unsuitable, 4 conditional, waived or inconclusive,
5 archive unusable, 6 collection ended early with a valid archive, 7 collection without one measured path,
or a check that says it cannot succeed, 130 interrupted."""


def plan(arguments: list[str]) -> int:
    """Make a plan, or check one, also against the stacks that the analysis knows."""
    from collector.errors import OperatorError
    from collector.plan_commands import plan as make_or_check

    try:
        package, constant = _PLUGINS["stacks"]
        known = _discovered(package, constant)
    except OperatorError:
        # Plans are checked on nodes too, which need no more than psutil. What cannot be checked there is told.
        known = []
    return make_or_check(
        arguments, [stack.name for stack in known], [stack.name for stack in known if stack.scope != "pair"]
    )


def assess(arguments: list[str]) -> int:
    """Archives to assessment and report."""
    from collector.errors import Arguments, OperatorError, check_result

    parser = Arguments(prog="haready assess", description="Analyze archives and write the report.")
    parser.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="FILE",
        help="default: CLUSTER-START-report.pdf (or .md), replaced if it is there",
    )
    parser.add_argument("--json", type=Path, metavar="JSON", help="the same as data (default: beside the report)")
    parser.add_argument("--force", action="store_true", help="overwrite FILE and JSON")
    from analyzer.commands import add_control, assess_archives, verdict_exit
    from reports.commands import add_look, chosen_look

    add_control(parser)
    add_look(parser)
    given = parser.read(arguments)
    look = chosen_look(given)
    pdf: Path | None = given.out
    data: Path | None = given.json or (pdf.with_suffix(".json") if pdf else None)
    if pdf == data is not None:
        raise OperatorError(f"both results would be {pdf}", "name the JSON with --json, or the PDF something.pdf")
    if pdf:
        check_result(pdf, "-o", force=given.force)
    if data:
        check_result(data, "--json", force=given.force)
    assessment = assess_archives(given.archives, profile=given.profile, waivers=given.waivers)
    _write(
        assessment,
        data or Path(f"{assessment.stem}-assessment.json"),
        pdf or Path(f"{assessment.stem}-report.{look.form.value}"),
        look,
    )
    return verdict_exit(assessment.verdict)


def _write(assessment: Assessment, json: Path, pdf: Path, look: Look | None, remark: str = "") -> None:
    from analyzer.commands import print_settings, print_verdict, write_assessment
    from reports.commands import write_report

    write_assessment(assessment, json, "--json")
    write_report(assessment, pdf, look)
    print_verdict(assessment)
    if remark:
        print(remark)
    print_settings(assessment)
    print(json)
    print(pdf)


def list_plugins(arguments: list[str]) -> int:
    """Show plug-ins, or the page of one."""
    from collector.errors import Arguments, OperatorError, nearest

    parser = Arguments(prog="haready list", description="Show what is built in, or explain one by name.")
    kinds = sorted([*_PLUGINS, "profiles"])
    parser.add_argument("kind", choices=kinds, metavar="|".join(kinds))
    parser.add_argument("name", nargs="?", metavar="NAME", help="explain this one")
    given = parser.read(arguments)
    pages = _pages(given.kind)
    if given.name is None:
        for name, page in pages.items():
            print(f"{name:20} {_plain(page.splitlines()[0])}")
        return 0
    if given.name not in pages:
        raise OperatorError(
            f"there is no {given.name!r} among the {given.kind}",
            f"{nearest(given.name, pages)}known: {', '.join(pages)}",
        )
    if given.kind == "rules":
        from analyzer.rulebook import rule_page

        print(_plain(rule_page(given.name)))
        return 0
    print(_plain(pages[given.name]))
    return 0


def _plain(page: str) -> str:
    """A page without the marks of its markup, which a terminal prints as they are."""
    return page.replace("`", "").replace("**", "")


def _pages(kind: str) -> dict[str, str]:
    """What there is of a kind, with the page of each."""
    if kind == "profiles":
        with _extra():
            from analyzer.rulebook import profile_page, profiles

            return {name: profile_page(profile) for name, profile in profiles().items()}
    from collector.plugins import documented

    package, constant = _PLUGINS[kind]
    with _extra():
        return documented(importlib.import_module(package), constant)


def _discovered(package: str, constant: str) -> list[Any]:
    from collector.plugins import discover

    with _extra():
        return discover(importlib.import_module(package), constant)


@contextlib.contextmanager
def _extra() -> Iterator[None]:
    """Say in two lines that a library of the extra is missing."""
    from collector.errors import missing_extra

    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("numpy", "pandas", "matplotlib", "reportlab"):
            raise
        raise missing_extra("this", (error.name,)) from error


def demo(arguments: list[str]) -> int:
    """Measure, seal, assess and report on this machine."""
    from collector.commands import seconds
    from collector.errors import Arguments, InterruptedByOperator, OperatorError, make_folder

    parser = Arguments(
        prog="haready demo",
        description="Three collectors really measure on this machine; then assess and report. As root they stand in a "
        "laboratory of network namespaces, with a LAN and a WAN; otherwise on loopback addresses.",
    )
    parser.add_argument("--duration", type=seconds, default=60.0, metavar="60s")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("demo"), metavar="DIR", help="made if missing (default: demo)"
    )
    given = parser.read(arguments)
    from collector.lab.demo import clear

    folder: Path = given.out
    made = not folder.exists()
    make_folder(folder, "-o")
    try:
        if any(folder.iterdir()):
            raise OperatorError(f"{folder} is not empty", "choose another folder with -o, or remove it first")
    except OSError as error:
        raise OperatorError(f"cannot use {folder}: {error.strerror}", "choose another folder with -o") from error
    try:
        _demonstrate(folder, given.duration)
    except KeyboardInterrupt:
        clear(folder)
        if made:
            with contextlib.suppress(OSError):  # somebody put something of his own there
                folder.rmdir()
        raise InterruptedByOperator(
            "interrupted; what the demonstration had made is removed", "`haready demo` begins anew"
        ) from None
    return 0


def _demonstrate(folder: Path, seconds: float) -> None:
    from analyzer.commands import assess_archives, require_extra
    from analyzer.contract import Verdict
    from collector.lab.demo import collect_demo
    from reports.commands import require_extra as require_drawing

    terminal = sys.stderr.isatty()

    def tell(text: str) -> None:
        if terminal:
            sys.stderr.write(f"\r{text.ljust(60)}")
            sys.stderr.flush()

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    # What is missing at the end is told before the minute of measuring, not after it.
    require_extra()
    require_drawing()
    collected = collect_demo(folder, seconds, say, tell)
    tell("")
    print("\ranalyzing" if terminal else "analyzing", file=sys.stderr)
    assessment = assess_archives(list(collected.archives))
    pdf = folder / "report.pdf"
    short = assessment.verdict is Verdict.INCONCLUSIVE and seconds < _SHORT_S
    remark = f"expected: {seconds:.0f} s are too short for a verdict; open {pdf}" if short else ""
    _write(assessment, folder / "assessment.json", pdf, None, remark)
    if collected.truth:
        print(collected.truth, file=sys.stderr)


_OWN = {"plan": plan, "assess": assess, "list": list_plugins, "demo": demo}


def _usage() -> str:
    return _USAGE.format(commands="\n".join(f"  {name:9} {text}" for name, (_, text) in _COMMANDS.items()))


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from collector.contract import tool_version

        print(f"haready {tool_version()}")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in _COMMANDS:
        from collector.errors import OperatorError, nearest

        raise OperatorError(f"there is no command {name!r}", f"{nearest(name, _COMMANDS)}known: {', '.join(_COMMANDS)}")
    module = _COMMANDS[name][0]
    commands = _OWN if module == "haready" else importlib.import_module(module).COMMANDS
    return int(commands[name](rest))


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code. Errors are two lines on stderr; a traceback only with ``--debug``."""
    from collector.errors import OperatorError, printable

    if isinstance(sys.stdout, io.TextIOWrapper):
        # A folder's name may be no UTF-8, and a terminal may have few letters: neither is worth a crash.
        sys.stdout.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given[:1]
    given = given[debug:]
    try:
        code = _run(given)
        sys.stdout.flush()
    except OperatorError as error:
        lines = [f"error: {line}" for line in str(error).splitlines()]
        lines += [f"hint: {error.hint}"] * bool(error.hint)
        text = "\n".join(map(printable, lines))
        with contextlib.suppress(OSError):  # stderr may be gone; the code still tells
            print(text, file=sys.stderr)
        code = error.code
    except KeyboardInterrupt:
        print("error: interrupted\nhint: run it again; nothing that was there before is lost", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        # The reader of our output (a pager, head) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    except Exception as error:  # noqa: BLE001 - the last frame: a bug becomes two lines and exit code 1
        if debug:
            traceback.print_exc()
        print(printable(f"error: {type(error).__name__}: {error}"), file=sys.stderr)
        print(
            "hint: this is a bug of haready; run it again as `haready --debug ...` and report what it prints",
            file=sys.stderr,
        )
        code = 1
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
