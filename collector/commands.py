"""The commands that a node needs beside `plan`: collect, note, verify, inspect, export."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from collector.archive.format import PART
from collector.archive.reader import NOT_RUNNING, Archive, open_archive
from collector.archive.story import Story, add_state, bounded, story
from collector.contract import Json, tool_version
from collector.display import Display, duration, size
from collector.errors import (
    ArchiveError,
    Arguments,
    CutShortError,
    Exit,
    OperatorError,
    UnmeasuredError,
    make_folder,
    printable,
)
from collector.export_commands import export
from collector.note_commands import note
from collector.plan import Plan, load, load_key
from collector.preflight.result import Check

_UNSEALED = {
    True: "the collector was cut short; its last rows were read from the journal beside it",
    False: "the file was cut short, perhaps while it was copied: copy it again from the node",
}
_DURATION = re.compile(r"(?:(\d{1,4000})d)?(?:(\d{1,4000})h)?(?:(\d{1,4000})m)?(?:(\d{1,4000})s)?\Z", re.ASCII)
_WORDED = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) *([dhms])[a-z]*\Z")
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_LONGEST_D = 366
"""A reader takes a longer run for damage."""
_STATUS_LINE = """\
the status line, once a second on a terminal, once a minute elsewhere:
  left         time until the planned end
  paths up     directions from this node to another, one per network, that are
               answered now, and how many the plan has
  observers    machines named as [[observer]] that answered in the last 10 s
  lost         probes of this node without an answer, of all that it sent
  slowest now  latest round trip of the path that is slowest at present
  archive      size of the archive so far
  testing      the path whose bandwidth is being tested
  NOTHING IS BEING MEASURED   no path has been up for two minutes: see the lines
               above it, or end the run and mend that
what does not fit into the terminal's width is left out from the right.
exit codes: 0 done, 6 ended early, 7 not one path was measured; the archive is
sealed in each case.
"""


def seconds(text: str) -> float:
    """``24h``, ``15m``, ``1h30m`` or ``90s`` as seconds."""
    match = _DURATION.match(text)
    if not match or not text:
        raise OperatorError(f"{text!r} is no duration", _meant(text))
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    total = days * 86_400 + hours * 3600 + minutes * 60 + rest
    if total < 1:
        raise OperatorError(f"{text!r} is too short: a run lasts one second at least", _meant(""))
    if total > _LONGEST_D * 86_400:
        raise OperatorError(f"{text[:40]!r} is too long: a run lasts {_LONGEST_D} days at most", _meant(""))
    return float(total)


def _meant(text: str) -> str:
    """What to write instead of something that is no duration."""
    if text.isascii() and text.isdecimal():
        return f"write the unit: {text}h for hours, {text}m for minutes, {text}s for seconds"
    worded = _WORDED.match(text.lower())
    if worded and "." not in worded[1] and int(worded[1]):
        return f"write {worded[1]}{worded[2]}"
    whole = round(float(worded[1]) * _UNITS[worded[2]]) if worded else 0
    parts = [(whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    return "write " + ("".join(f"{count}{unit}" for count, unit in parts if count) or "24h, 15m, 1h30m or 90s")


def collect(arguments: list[str]) -> int:
    """Measure on this node until the planned end."""
    parser = Arguments(
        prog="haready collect",
        description="Measure on this node until the planned end.\nCtrl-C ends early with a valid archive.",
        epilog=_STATUS_LINE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--plan", type=Path, required=True, metavar="PLAN")
    parser.add_argument("--node", required=True, metavar="NAME", help="which node of the plan this machine is")
    parser.add_argument(
        "--duration",
        type=seconds,
        default=86_400.0,
        metavar="24h",
        help="24h on systems in use (default), 15m at least on new ones",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder of the archive, made if missing (default: here)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the latest run in DIR if it was cut short, to its planned end (services do)",
    )
    parser.add_argument("--quiet", action="store_true", help="no status and no events on stderr")
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="begin a run of more than an hour even if `haready check` says it cannot succeed",
    )
    parser.add_argument(
        "--patience",
        type=seconds,
        default=0.0,
        metavar="5m",
        help="check so long again before refusing: at boot an address may come late (default: once)",
    )
    given = parser.read(arguments)
    from collector import again
    from collector.machine import PsutilHost, SystemClock
    from collector.preflight.before import LONG_S, CannotSucceedError, apart, refuse_hopeless
    from collector.service.notify import Notifier
    from collector.supervisor import Job, Status, Supervisor

    found = load(given.plan)
    found.node(given.node)
    key = load_key(given.plan, found)
    make_folder(given.out, "--out")
    display = Display(given.node, quiet=given.quiet)
    before = again.find(given.out, found, given.node, display.event) if given.resume else None
    if before is not None and again.overdue(before, SystemClock()):
        sha256 = again.seal(before)
        display.event(again.OVERDUE)
        _tell_archive(before.path, sha256)
        return Exit.ENDED_EARLY
    planned_s = given.duration if before is None else before.planned_us / 1e6
    if planned_s > LONG_S and not given.anyway:
        left_s = planned_s if before is None else again.left_s(before, SystemClock())
        try:
            refuse_hopeless(
                lambda: apart(lambda: _checked(found, given.node, given.out, left_s)), given.patience, display.event
            )
        except CannotSucceedError as error:
            if before is None:
                raise
            # What is there is worth more than what may be missing: what cannot be done after all says so itself.
            display.event(f"WARNING: going on although the check failed: {', '.join(str(error).splitlines())}")
    command = shlex.join(["haready", "collect", *arguments])
    job = Job(found, given.node, key, given.out, planned_s, tool_version(), command, before=before)
    notifier = Notifier(given.node, os.environ, os.getpid(), SystemClock.monotonic_ns)

    def look(status: Status) -> None:
        display.status(status)
        notifier.look(status)

    result = Supervisor(job, SystemClock(), PsutilHost(), display.event).run(look)
    notifier.close()
    display.clear()
    for path, reason in result.never_met:
        display.event(f"WARNING: {path} was never measured: {reason}")
    _tell_archive(result.path, result.sha256)
    if result.next_step:
        raise CutShortError(
            f"the run of {given.node} ended early: {result.why}; the archive is sealed", result.next_step
        )
    if result.unmeasured and not result.early:
        reasons = ", ".join(dict.fromkeys(reason for _, reason in result.never_met)) or "no probe was answered"
        raise UnmeasuredError(
            f"no path of {given.node} was measured ({reasons})",
            result.remedy
            or "start the collectors of all nodes at about the same time; "
            f"`haready plan schedule {shlex.quote(str(given.plan))}` lists the ports to open",
        )
    display.event(
        "carry this file to a machine with the analysis installed; there, with those of all nodes: haready assess FILE FILE"
    )
    return Exit.ENDED_EARLY if result.early else Exit.DONE


def _tell_archive(path: Path, sha256: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone; the archive is there
        print(path)
        print(f"sha256 {sha256}", flush=True)


def _checked(found: Plan, node: str, folder: Path, duration_s: float) -> list[Check]:
    """Imports what only the process of the checks needs."""
    from collector.machine import PsutilHost, SystemClock
    from collector.preflight.local import local_checks, site

    return local_checks(site(found, node, folder, duration_s, PsutilHost(), SystemClock()))


def verify(arguments: list[str]) -> int:
    """Say whether archives are whole."""
    parser = Arguments(prog="haready verify", description="Check archives; exit code 5 on any damage.")
    parser.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE")
    parser.add_argument("--json", action="store_true")
    given = parser.read(arguments)
    told = []
    unusable = 0
    for path in given.archives:
        try:
            told.append(_verified(open_archive(path)))
        except ArchiveError as error:
            unusable += 1
            print(printable(f"error: {error}"), printable(f"hint: {error.hint}"), sep="\n", file=sys.stderr)
    if given.json:
        print(json.dumps(told, indent=1))
    else:
        for one in told:
            _say(
                f"{one['archive']}: {'whole' if one['whole'] else 'NOT whole'}; {one['rows']} rows in {one['segments']} segments"
            )
            if not one["sealed"]:
                print(f"  not sealed: {_UNSEALED[one['archive'].endswith(PART)]}")
            for text in (*one["damage"], *one["lost"]):
                _say(f"  {text}")
            print(f"  sha256 {one['sha256']}")
    return Exit.DONE if not unusable and all(one["whole"] for one in told) else Exit.ARCHIVE


def _verified(archive: Archive) -> dict[str, Json]:
    rows = segments = 0
    for segment in archive.segments():
        segments += 1
        try:
            for block in segment.blocks:
                rows += block.rows
                for name in block.columns:
                    block.column(name)  # every value has to be there and a number
        except ValueError as error:
            archive.damage.append(f"segment {segment.seq}: {error}")
    holes = archive.lost()
    lost = [
        f"lost: {duration(hole.from_us / 1e6)} to {duration(hole.to_us / 1e6)} of the run ({hole.why})"
        for hole in holes
    ]
    whole = archive.sealed and not archive.damage and all(hole.why == NOT_RUNNING for hole in holes)
    return {
        "archive": str(archive.path),
        "whole": whole,
        "sealed": archive.sealed,
        "rows": rows,
        "segments": segments,
        "damage": archive.damage,
        "lost": lost,
        "sha256": archive.sha256,
    }


def inspect(arguments: list[str]) -> int:
    """Who, when, what."""
    parser = Arguments(prog="haready inspect", description="Show who made an archive, when, and what is in it.")
    parser.add_argument("archive", type=Path, metavar="ARCHIVE")
    parser.add_argument("--json", action="store_true")
    given = parser.read(arguments)
    archive = open_archive(given.archive)
    tables: dict[str, dict[str, int]] = {}
    told: dict[str, Json] = {}
    for segment in archive.segments():
        add_state(told, segment.state)
        for block in segment.blocks:
            labels = ", ".join(block.labels.values())
            series = tables.setdefault(block.table, {})
            series[labels] = series.get(labels, 0) + block.rows
    found = story(archive.head if archive.sealed else told)
    if given.json:
        left_out = {
            "tables",
            "members",
            "outcomes",
            "peers",
            "meetings",
            "facts",
            "events",
            "notes",
            "restarts",
            "spent",
            "holds",
        }
        head = {name: bounded(value) for name, value in archive.head.items() if name not in left_out}
        state = {"sealed": archive.sealed, "size_B": archive.size_B, "rows": tables, "damage": archive.damage}
        print(json.dumps(head | asdict(found) | state, indent=1))
    else:
        _print_inspection(archive, found, tables)
    return Exit.DONE


def _print_inspection(archive: Archive, found: Story, tables: Mapping[str, Mapping[str, int]]) -> None:
    head = archive.head
    _say(f"node       {head['node']} of cluster {head.get('cluster', '?')} ({head.get('origin', '?')} data)")
    _say(
        f"started    {head.get('started', '?')}, planned for {duration(head['planned_s'])}, tool {head.get('tool', '?')}"
    )
    if archive.sealed:
        why = head.get("ended_because", "?")
        _say(f"ended      {head.get('ended', '?')} after {duration(head['duration_s'])}: {why}")
    else:
        _say("ended      not sealed: the collector was cut short")
    _say(f"session    {head['session']}")
    for node, sessions in sorted(found.peers.items()):
        _say(f"met        {node} (session {', '.join(session[:8] for session in sessions)})")
    _say(f"size       {size(archive.size_B)}")
    for table, series in sorted(tables.items()):
        for labels, rows in sorted(series.items()):
            _say(f"rows       {table:8} {labels:32} {rows}")
    for outcome in found.outcomes:
        for interval in outcome.intervals:
            span = f"{duration(interval.from_us / 1e6)} to {duration(interval.to_us / 1e6)}"
            _say(f"outcome    {outcome.probe:28} {interval.state:8} {span}  {interval.reason}".rstrip())
    for at_us, address, held in found.holds:
        _say(f"address    {duration(at_us / 1e6)}  {address} {'held' if held else 'not held'}")
    for at_us, text in found.events:
        _say(f"event      {duration(at_us / 1e6)}  {text}")
    for at_us, text in found.notes:
        _say(f"note       {duration(at_us / 1e6)}  {text}")
    for text in archive.damage:
        _say(f"damage     {text}")


def _say(text: str) -> None:
    """Print a line that holds words of an archive."""
    print(printable(text))


COMMANDS = {"collect": collect, "note": note, "verify": verify, "inspect": inspect, "export": export}
