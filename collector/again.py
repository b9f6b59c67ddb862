"""A start with `--resume`: it finds a run to go on with, one whose time is over, or none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from collector.archive import resume
from collector.archive.resume import Unfinished
from collector.archive.writer import Before, Writer
from collector.contract import Json
from collector.errors import ArchiveError, OperatorError, WriteError
from collector.machine import Clock
from collector.plan import Plan
from collector.record import Record

PLANNED_END = "planned end"
OVERDUE = "the planned end came while the collector was not running"


def find(folder: Path, plan: Plan, node: str, tell: Callable[[str], None]) -> Unfinished | None:
    """The latest run of `node` in `folder`, if it may be gone on with; None if there is none of which anything is readable.

    `tell` hears what was found to be of no use.

    Raises:
        OperatorError: it is finished, or is another plan's.
    """
    path = resume.newest(folder, plan.cluster, node)
    if path is None:
        return None
    try:
        found = resume.read(path)
    except ArchiveError as error:
        # Cut short before its first line was on the disk, say: there is nothing to go on with, and time to measure.
        tell(f"a new run begins, for the earlier one cannot be gone on with: {error}")
        return None
    if found.head.get("plan_digest") != plan.digest:
        raise OperatorError(
            f"{path} is a run of another plan", "begin a new run without --resume, or in another folder with --out"
        )
    if found.archive.sealed and found.head.get("ended_because") in (PLANNED_END, OVERDUE):
        raise OperatorError(
            f"the run of {path} has come to its end",
            "begin a new run without --resume, or in another folder with --out",
        )
    return found


def left_s(run: Unfinished, clock: Clock) -> float:
    """Until the planned end of the run; negative if that has passed."""
    zero_ns = resume.zero_ns(run, clock, resume.boot_id())
    return (run.planned_us * 1000 - (clock.monotonic_ns() - zero_ns)) / 1e9


def overdue(run: Unfinished, clock: Clock) -> bool:
    """Whether the planned end of the run has passed."""
    return left_s(run, clock) <= 0


def seal(run: Unfinished) -> str:
    """Seal what there is of a run whose time is over; returns the archive's SHA-256.

    Raises:
        OperatorError: the archive cannot be written.
    """
    record = Record()
    record.restore(run.story, run.last_us, run.last_us, OVERDUE)
    told: dict[str, Json] = {"duration_s": run.last_us / 1e6, "ended_because": OVERDUE}
    if run.anchor is not None:
        ended_s = (run.anchor.real_ns + run.last_us * 1000 - (run.anchor.mono_ns - run.t0_ns)) / 1e9
        told["ended"] = dt.datetime.fromtimestamp(ended_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    try:
        writer = Writer(run.path, run.start([]), [], Before(run.archive, run.t0_ns, run.last_us))
        return writer.seal(told | record.whole())
    except (OSError, WriteError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise OperatorError(
            f"cannot seal {run.path}: {why}", "make room there, or copy its .part and .journal elsewhere"
        ) from error
