"""``haready status``: how the collections that run on this machine fare."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from collector.contract import Json
from collector.display import duration, rtt, size
from collector.errors import Arguments, Exit, OperatorError, printable
from collector.live import View, ask, cut_short, hear, process_state, written_ago_s
from collector.note_commands import chosen
from collector.notes import FOLDER, Running

_PATIENCE_S = 15.0
"""As for a note: a collector looks once a second; closing a large segment on a slow disk may take it several."""
_EVERY_S = 2.0
_CLEAR = "\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True)
class Look:
    """One collector, and what it answered: None if it did not."""

    one: Running
    view: View | None

    def told(self) -> dict[str, Json]:
        """As data."""
        head = {"node": self.one.node, "pid": self.one.pid, "answers": self.view is not None}
        if self.view is not None:
            return head | asdict(self.view)
        return head | {"archive": str(_archive(self.one)), "state": process_state(self.one.pid)}


def status(arguments: list[str]) -> int:
    """Show the running collections."""
    parser = Arguments(
        prog="haready status",
        description="Show the collections that run on this machine, as the same user or as root: time, samples, gaps, peers, next "
        "bandwidth test, disk, and how every probe fares.",
    )
    parser.add_argument("--node", metavar="NAME", help="only the collector of this node")
    parser.add_argument("-o", "--out", type=Path, metavar="DIR", help="only collectors whose archive is in this folder")
    parser.add_argument("--json", action="store_true", help="the same as data: a list; with --watch one a line")
    parser.add_argument("--watch", action="store_true", help=f"again every {_EVERY_S:.0f} s, until all have ended")
    given = parser.read(arguments)
    if not given.watch:
        looks = _look(given.node, given.out)
        _show(looks, as_data=given.json)
        return _code(looks)
    return _watch(given.node, given.out, as_data=given.json)


def _watch(node: str | None, out: Path | None, *, as_data: bool) -> int:
    """Look again and again. Ctrl-C is the ordinary way to leave it."""
    code, seen = Exit.DONE, False
    try:
        while True:
            try:
                looks = _look(node, out)
            except OperatorError:
                if not seen:
                    raise
                print("the collection has ended", file=sys.stderr)
                return Exit.DONE
            seen = True
            if sys.stdout.isatty() and not as_data:
                sys.stdout.write(_CLEAR)
            _show(looks, as_data=as_data, compact=True)
            sys.stdout.flush()
            code = _code(looks)
            time.sleep(_EVERY_S)
    except KeyboardInterrupt:
        return code


def _code(looks: list[Look]) -> Exit:
    return Exit.DONE if all(look.view is not None for look in looks) else Exit.USAGE


def _look(node: str | None, out: Path | None) -> list[Look]:
    """Ask everyone that is meant.

    Raises:
        OperatorError: none runs; one that was cut short is named.
    """
    try:
        found = chosen(node, out)
    except OperatorError as error:
        dead = cut_short(out or Path())
        if not dead:
            raise
        names = ", ".join(str(path) for path in dead)
        raise OperatorError(
            f"{error}; one was cut short there: {names}",
            f"what it measured is readable: haready verify {names}; `haready collect` begins a new run",
        ) from error
    questions = []
    for one in found:
        with contextlib.suppress(OSError):  # it has just ended
            questions.append((one, ask(one.folder)))
    deadline_s = time.monotonic() + _PATIENCE_S
    looks = []
    for one, question in questions:
        with contextlib.suppress(OSError):
            looks.append(Look(one, hear(question, deadline_s)))
    if not looks:
        raise OperatorError("the collector has just ended", "its archive is sealed: haready verify FILE")
    return looks


def _show(looks: list[Look], *, as_data: bool, compact: bool = False) -> None:
    if as_data:
        print(json.dumps([look.told() for look in looks], indent=None if compact else 1))
        return
    for look in looks:
        for line in _lines(look.view) if look.view is not None else _silence(look.one):
            print(printable(line))


def _silence(one: Running) -> list[str]:
    """What is known of a collector that gives no answer."""
    ago_s = written_ago_s(one.journal)
    written = "its journal cannot be looked at" if ago_s is None else f"its journal was written {ago_s:.0f} s ago"
    return [
        f"{one.node}  DOES NOT ANSWER (process {one.pid}): {process_state(one.pid) or 'why is not known'}; {written}",
        f"  archive    {_archive(one)}",
        f"  next       if it is stopped: kill -CONT {one.pid}; if that does not help end it with kill -9 {one.pid} and begin a new run",
    ]


def _archive(one: Running) -> Path:
    return one.folder.with_name(one.folder.name.removesuffix(FOLDER))


def _lines(view: View) -> list[str]:
    free = "free space not known" if view.free_B is None else f"{size(view.free_B)} free on the disk"
    lost = [f"{view.missed} ticks missed", f"{view.dropped} messages dropped", f"{view.restarts} processes restarted"]
    lines = [
        f"{view.node} of {view.cluster}  (process {view.pid}, session {view.session[:8]}, haready {view.tool})",
        f"  started    {view.started}, planned for {duration(view.planned_s)}",
        f"  elapsed    {duration(view.elapsed_s)}, left {duration(view.left_s)}",
        f"  archive    {view.archive}, {size(view.archive_B)}; {free}",
        f"  samples    {view.rows} rows",
        f"  gaps       {', '.join(lost)}",
        f"  observers  {view.answering} of {view.observers} answer",
        f"  bandwidth  {_tests(view)}",
        "",
    ]
    rows = [["PATH", "STATE", "LAST RTT", "SENT", "LOST", ""]]
    rows += [
        [path.path, path.state, rtt(path.rtt_us), str(path.sent), _lost(path.lost, path.sent), path.reason]
        for path in view.paths
    ]
    lines += _table(rows)
    rows = [["OUTCOME OF", "STATE", "SINCE", "TICKS", "MISSED", ""]]
    rows += [
        [one.probe, one.state, duration(one.since_s), str(one.ticks), str(one.missed), one.reason]
        for one in view.outcomes
        if not one.probe.startswith("path ")
    ]
    return [*lines, "", *_table(rows)]


def _tests(view: View) -> str:
    now = f"testing {view.testing} now; " if view.testing else ""
    if view.next_test_s is None:
        return f"{now}no test from this node to come"
    return f"{now}next {view.next_test} in {duration(view.next_test_s)}"


def _lost(lost: int, sent: int) -> str:
    return f"{lost} ({lost / sent:.2%})" if sent > 0 else "-"


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


COMMANDS = {"status": status}
