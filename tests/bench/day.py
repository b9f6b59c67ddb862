"""A day of a trio node in minutes: size, memory and time to seal of its archive. Written to docs/reliability.md.

    python tests/bench/day.py [NODE]     about three minutes; the node (default sip-a) of samples/demonstration

The clock is a fake one, everything that writes is real: `Writer` with its segments of ten minutes, and a journal that is flushed and synced to the disk every
five seconds, with the state of a real run. What is written is a real recording, resampled: stretches of a minute of it, drawn at random, one after the
other, until there are 24 hours. Counters and numbers of slots go on from stretch to stretch, so they grow as they really do; constants would compress to nothing.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import reliability_page
from fakes import FakeClock

from collector.archive.reader import Archive, open_archive
from collector.archive.story import story
from collector.archive.writer import Writer
from collector.contract import Kind, Metric, Table
from collector.machine import take_anchor
from collector.record import Record

ROOT = Path(__file__).resolve().parents[2]
DAY_S = 86_400
STRETCH_S = 60
FLUSH_S, ANCHOR_S, SEGMENT_S = 5, 10, 600
"""As collector/supervisor.py has them."""
PERIOD_S = 0.2
MEMORY_MIB = 8.0
"""What a day may take beyond the start, in the process that writes: the rest of 40 MiB for all is needed for the others."""
SEAL_S = 10.0
"""systemd gives a service two minutes to end (`TimeoutStopSec` of the unit); the winding down before takes up to 6 s."""
_SLOTS = {("sent", "slot"): PERIOD_S, ("reply", "slot"): PERIOD_S, ("seen", "first"): PERIOD_S, ("echo", "slot"): 1.0}
_RUNNING = {("reply", "rseq")}
"""Numbers that count on, though each row of theirs is an event."""


@dataclass(slots=True)
class Series:
    """One series of the recording: rows by second, and how each column goes on (None: as it is, 0.0: a counter, else seconds a step)."""

    table: str
    labels: tuple[str, ...]
    steps: list[float | None]
    by_second: dict[int, list[tuple[int | None, ...]]] = field(default_factory=dict)
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)

    def rows(self, second: int, shift_s: int) -> list[tuple[int | None, ...]]:
        """Those of a second of the recording, moved to another time."""
        moved = []
        for row in self.by_second.get(second, ()):
            if not self.first:
                self.first = [value or 0 for value in row]
                self.last = self.last or list(self.first)
            new: list[int | None] = []
            for value, step, first, last in zip(row, self.steps, self.first, self.last, strict=True):
                if value is None or step is None:
                    new.append(value)
                elif step:
                    new.append(value + round(shift_s / step))
                else:
                    new.append(last + max(0, value - first))
            moved.append(tuple(new))
        return moved

    def close(self, rows: list[tuple[int | None, ...]]) -> None:
        """Counters go on from here."""
        if rows:
            self.last = [value or 0 for value in rows[-1]]

    def begin(self) -> None:
        """A new stretch."""
        self.first = []


def read(archive: Archive) -> tuple[list[Table], list[Series], int]:
    """The tables of a recording, its series, and how many whole seconds it has."""
    tables = {one["name"]: one for one in archive.head["tables"]}
    found: dict[tuple[str, tuple[str, ...]], Series] = {}
    for segment in archive.segments():
        for block in segment.blocks:
            labels = tuple(block.labels.values())
            key = (block.table, labels)
            if key not in found:
                kinds = {metric["name"]: metric["kind"] for metric in tables[block.table]["metrics"]}
                found[key] = Series(block.table, labels, [_step(block.table, name, kinds) for name in block.columns])
            for row in zip(*(block.column(name) for name in block.columns), strict=True):
                timed = block.columns[0] == "t_us"
                second = (row[0] or 0) // 1_000_000 if timed else int((row[0] or 0) * PERIOD_S)
                found[key].by_second.setdefault(second, []).append(row)
    made = [
        Table(name, tuple(_metric(metric) for metric in one["metrics"]), tuple(one["labels"]), one["timed"])
        for name, one in tables.items()
    ]
    return made, list(found.values()), int(archive.head["duration_s"])


def _step(table: str, column: str, kinds: Mapping[str, str]) -> float | None:
    if column == "t_us":
        return 1e-6
    if (table, column) in _SLOTS:
        return _SLOTS[table, column]
    return 0.0 if kinds[column] == Kind.COUNTER or (table, column) in _RUNNING else None


def _metric(told: Mapping[str, str]) -> Metric:
    return Metric(told["name"], told["unit"], Kind(told["kind"]))


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def stretches(seconds: int, chance: random.Random) -> Iterator[int]:
    """The second of the recording for each second of the day."""
    for _ in range(DAY_S // STRETCH_S):
        begin = chance.randrange(5, seconds - STRETCH_S - 5)
        yield from range(begin, begin + STRETCH_S)


@dataclass(slots=True)
class Day:
    """What came of it."""

    size_B: int = 0
    rows: int = 0
    values: int = 0
    start_mib: float = 0.0
    most_mib: float = 0.0
    segment_s: list[float] = field(default_factory=list)
    seal_s: float = 0.0
    journal_B: int = 0
    whole: bool = False


def write(source: Archive, folder: Path) -> Day:
    tables, series, seconds = read(source)
    clock, chance, day = FakeClock(), random.Random(20261121), Day()
    t0_ns = clock.mono_ns
    head = {
        key: source.head[key]
        for key in (
            "tool",
            "node",
            "session",
            "cluster",
            "origin",
            "plan",
            "plan_digest",
            "started",
            "command",
            "tables",
        )
    }
    record = Record()
    told = story(source.head)
    record.restore(told, 0, 0, "resampled")
    writer = Writer(
        folder / "haready-demo-day-20260101T000000Z.zip", head | {"t0_ns": t0_ns, "planned_s": DAY_S}, tables
    )
    writer.anchor(take_anchor(clock))
    begun_s, day.start_mib = time.monotonic(), resident_mib()
    widths = {table.name: len(table.columns) for table in tables}
    for now_s, second in enumerate(stretches(seconds, chance)):
        if now_s % STRETCH_S == 0:
            for one in series:
                one.begin()
        for one in series:
            rows = one.rows(second, now_s - second)
            if rows:
                one.close(rows)
                writer.rows(one.table, one.labels, rows)
                day.values += len(rows) * widths[one.table]
        for at_us, text in told.events:
            if at_us // 1_000_000 == second:
                record.event(now_s * 1_000_000, text)
        clock.advance(1.0)
        now_us = (clock.mono_ns - t0_ns) // 1000
        done_s = now_s + 1
        if done_s % FLUSH_S == 0:
            writer.state(record.state() | {"boot": "one"})
            writer.flush(now_us)
            day.journal_B = max(day.journal_B, writer.journal_B)
        if done_s % ANCHOR_S == 0:
            writer.anchor(take_anchor(clock))
        if done_s % SEGMENT_S == 0:
            began = time.monotonic()
            writer.state(record.state() | {"boot": "one"})
            writer.close_segment(now_us, take_anchor(clock))
            day.segment_s.append(time.monotonic() - began)
            record.close_segment()
            day.most_mib = max(day.most_mib, resident_mib())
        if done_s % 7200 == 0:
            print(
                f"{done_s // 3600} h, {writer.size_B / 1e6:.1f} MB, {resident_mib():.1f} MiB, {time.monotonic() - begun_s:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    day.rows = writer.count
    began = time.monotonic()
    writer.close_segment((clock.mono_ns - t0_ns) // 1000, take_anchor(clock))
    writer.seal(
        {"ended": "2026-01-02T00:00:00Z", "duration_s": float(DAY_S), "ended_because": "planned end", **record.whole()}
    )
    day.seal_s = time.monotonic() - began
    day.most_mib = max(day.most_mib, resident_mib())
    sealed = open_archive(writer.path)
    day.whole = (
        sum(segment.rows for segment in sealed.segments()) == day.rows and not sealed.damage and not sealed.lost()
    )
    day.size_B = writer.path.stat().st_size
    return day


def main() -> int:
    node = sys.argv[1] if len(sys.argv) > 1 else "sip-a"
    source = open_archive(next((ROOT / "samples" / "demonstration").glob(f"haready-demo-{node}-2*.zip")))
    with tempfile.TemporaryDirectory(prefix="haready-day-") as top:
        day = write(source, Path(top))
    grown = day.most_mib - day.start_mib
    bounds = {
        "the archive is not whole": day.whole,
        f"memory grew by {grown:.1f} MiB": grown <= MEMORY_MIB,
        f"sealing took {day.seal_s:.1f} s": day.seal_s <= SEAL_S,
    }
    wrong = [text for text, kept in bounds.items() if not kept]
    lines = [
        "## A day, accelerated\n",
        (
            f"`make bench-day`: {reliability_page.machine()} A fake clock, the real writer, and {node} of [samples/demonstration](../samples/README.md) (four paths, two of "
            "them on channels) resampled in stretches of a minute to 24 hours. Each "
            "segment of ten minutes is compressed by itself, so a stretch that is drawn twice in a day saves next to nothing.\n"
        ),
        *reliability_page.table(
            ("", "", "bound", "kept"),
            [
                ("archive", f"{day.size_B / 1e6:.1f} MB, {day.rows} rows, {day.size_B / day.values:.2f} B a value", "whole", _yes(kept=day.whole)),
                ("memory of the writing process", f"{day.start_mib:.1f} MiB at the start (with the recording), at most {grown:+.1f} MiB", f"{MEMORY_MIB:g} MiB", _yes(kept=grown <= MEMORY_MIB)),
                ("journal", f"at most {day.journal_B / 1e6:.2f} MB", "-", "-"),
                ("closing a segment", f"{max(day.segment_s):.2f} s at most", "-", "-"),
                ("last segment, manifest, digest", f"{day.seal_s:.2f} s", f"{SEAL_S:g} s", _yes(kept=day.seal_s <= SEAL_S)),
            ],
        ),
    ]  # fmt: skip
    print("\n".join(lines))
    reliability_page.put("day", lines)
    for text in wrong:
        print(f"missed: {text}", file=sys.stderr)
    return bool(wrong)


def _yes(*, kept: bool) -> str:
    return "yes" if kept else "**no**"


if __name__ == "__main__":
    sys.exit(main())
