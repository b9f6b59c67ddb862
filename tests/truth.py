"""The truth table: what was injected in the laboratory, beside what haready measured. Written to docs/accuracy.md.

    python tests/truth.py [-o FILE]     as root, on a quiet machine, about 20 minutes

Ends with 1 if a figure is outside of its bound. Nothing is sent outside of the namespaces that it makes.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import stall_matrix
from lab_runs import Run, column, counted, differences, logged, wire_s, wires_s
from truth_runs import (
    BLAMED,
    RATES,
    THIN,
    WANTED,
    Blamed,
    Rate,
    Thin,
    Wanted,
    leaving_by_public,
    other_clock,
    plain,
    rate,
    starved,
)

from analyzer.assess import assess
from analyzer.contract import Assessment, Status

PATHS = (("a", "b"), ("b", "a"))
SHARE = 0.99
"""Of the slow answers that have to carry the cause that was injected."""
STARVED_US = 10.0
"""How far the wire's 99 % quantile may move between an idle and a starved node."""
CABLE_US = 200.0
"""Of a plain cable, both ways: what there is to measure is less."""
JITTER_S = 0.0003
CLOCKED = "40 ms each way"
"""The run whose archives are read again with other clocks."""


@dataclass(slots=True)
class Book:
    """What was printed, and whether every bound was kept."""

    lines: list[str]
    missed: list[str]

    def say(self, text: str = "") -> None:
        print(text, flush=True)
        self.lines.append(text)

    def row(self, *cells: object, head: bool = False) -> None:
        self.say("| " + " | ".join(map(str, cells)) + " |")
        if head:
            self.say("| " + " | ".join("---" for _ in cells) + " |")

    def held(self, what: str, *, kept: bool) -> str:
        if not kept:
            self.missed.append(what)
        return "yes" if kept else "**no**"


def _ms(value_s: float) -> str:
    return f"{1e3 * value_s:.3f}"


def across_the_wan(book: Book, wanted: Sequence[Wanted], folder: Callable[[], Path]) -> dict[str, Run]:
    book.say("\n## Counts, delays and outages across the WAN\n")
    book.say("Sent, lost there and lost back: by the log / by haready. Median time in the network, in ms.\n")
    book.row(
        "injected", "path", "sent", "lost there", "lost back", "median by the log", "by haready", "kept", head=True
    )
    runs = {}
    for one in wanted:
        run = runs[one.name] = one.run(folder())
        for source, target in PATHS:
            path = f"{source}>{target}"
            log, ours = logged(run, source, target), counted(run, source, target)
            true_s, found_s = wire_s(run, source, target), run.timing(f"{path}/wan").wire.p50 or float("nan")
            wrong = list(differences(run, source, target))
            if abs(found_s - true_s) > 0.0003 + 0.01 * true_s:
                wrong.append(f"the median is off by {_ms(abs(found_s - true_s))} ms")
            for text in wrong:
                print(f"!! {one.name}, {path}: {text}", file=sys.stderr)
            book.row(
                one.name, path, f"{log.sent} / {ours.sent}", f"{log.lost_forward} / {ours.lost_forward}",
                f"{log.lost_back} / {ours.lost_back}", _ms(true_s), _ms(found_s), book.held(f"{one.name}, {path}", kept=not wrong),
            )  # fmt: skip
    return runs


def jitter(book: Book, wanted: Sequence[Wanted], runs: dict[str, Run]) -> None:
    book.say("\n## Jitter\n")
    book.say("Standard deviation of the time in the network both ways, without the slowest 0.1 %, in ms.\n")
    book.row("injected", "path", "by the log", "by haready", "kept", head=True)
    for one in wanted:
        if not one.there.jitter_s:
            continue
        for source, target in PATHS:
            times_s = wires_s(runs[one.name], source, target)
            true_s = statistics.pstdev(times_s[: math.ceil(0.999 * len(times_s))])
            found_s = runs[one.name].timing(f"{source}>{target}/wan").wire_deviation_s or 0.0
            kept = abs(found_s - true_s) <= JITTER_S
            book.row(
                one.name,
                f"{source}>{target}",
                _ms(true_s),
                _ms(found_s),
                book.held(f"jitter, {source}>{target}", kept=kept),
            )


def lengths(book: Book, wanted: Sequence[Wanted], runs: dict[str, Run]) -> None:
    book.say("\n## Lengths of outages and stops\n")
    book.say(
        "Each within one probe period (20 ms, and its jitter) of what was injected; a stop within one tick of 20 ms more.\n"
    )
    book.row("injected", "seconds", "measured as", "seconds", "kept", head=True)
    for one in wanted:
        run = runs[one.name]
        if one.outage_s:
            for source, target in PATHS:
                timing = run.timing(f"{source}>{target}/wan")
                kept = len(timing.outages) == 1 and abs(timing.longest_outage_s - one.outage_s) <= 0.045
                what = f"{len(timing.outages)} outage of {source}>{target}"
                book.row(one.name, one.outage_s, what, f"{timing.longest_outage_s:.3f}", book.held(one.name, kept=kept))
        if one.stop:
            node, length_s = one.stop
            found_s = max(column(run.archives[node], "stall", "default", "length_us"), default=0) / 1e6
            kept = abs(found_s - length_s) <= 0.045
            book.row(one.name, length_s, f"pause of {node}", f"{found_s:.3f}", book.held(one.name, kept=kept))
            other = next(name for name in "ab" if name != node)
            outages = run.timing(f"{other}>{node}/wan").outages
            book.row(
                "",
                "",
                f"outages of {other}>{node}",
                len(outages),
                book.held(f"{one.name}: an outage", kept=not outages),
            )


def attribution(book: Book, wanted: Sequence[Blamed], folder: Callable[[], Path]) -> None:
    book.say("\n## Who is blamed for slow answers\n")
    book.say(
        "Answers that came 20 ms later than the median one, by the cause that haready named. Where the sender is to be late, five probes a second: "
        "at fifty it leaves out what it cannot send in time, and a slot that was not sent has no answer.\n"
    )
    book.row("injected", "path", "expected", "slow answers", "so named", "others", "kept", head=True)
    for one in wanted:
        found = one.run(folder())
        for timing in found.timings:
            named = Counter({item.cause: item.slots for item in timing.slow})
            expected = one.cause[timing.path]
            total, right = named.total(), named[expected]
            others = ", ".join(f"{cause} {count}" for cause, count in named.items() if cause != expected) or "-"
            kept = total > 0 and right >= SHARE * total
            book.row(
                one.name, timing.path.partition("/")[0], expected, total, f"{right / total:.1%}" if total else "-", others,
                book.held(f"{one.name}, {timing.path}", kept=kept),
            )  # fmt: skip


def starvation(book: Book, folder: Callable[[], Path]) -> None:
    book.say("\n## The wire of a starved node\n")
    book.say(
        "Plain cables (veth), the delay below 0.2 ms. The wire is measured between kernel stamps, so a starved program must not show in it.\n"
    )
    book.row("", "path", "sent", "lost", "wire median, us", "wire p99, us", "RTT p99, us", "kept", head=True)
    calm, busy = plain(folder()), starved(folder())
    for before, after in zip(calm.timings, busy.timings, strict=True):
        path = before.path.partition("/")[0]
        moved_us = 1e6 * abs((after.wire.p99 or 0.0) - (before.wire.p99 or 0.0))
        for name, timing in (("idle", before), ("starved", after)):
            usual_us, wire_us, rtt_us = (
                1e6 * (value or 0.0) for value in (timing.wire.p50, timing.wire.p99, timing.rtt.p99)
            )
            kept = not timing.lost and usual_us <= CABLE_US and (name == "idle" or moved_us <= STARVED_US)
            book.row(
                name,
                path,
                timing.sent,
                timing.lost,
                f"{usual_us:.1f}",
                f"{wire_us:.1f}",
                f"{rtt_us:.0f}",
                book.held(f"{name} {path}", kept=kept),
            )


def clocks(book: Book, run: Run) -> None:
    book.say("\n## Clocks\n")
    book.say(
        "The archives of one run (40 ms each way), read with another clock of b: injected after the stamps are read.\n"
    )
    book.row("clock of b", "path", "offset, s", "measured, s", "stated error, s", "counts as before", "kept", head=True)
    plain_counts = {timing.path: _counts(timing) for timing in run.assessment.timings}
    for offset_s, ppm in ((2.0, 0.0), (-2.0, 0.0), (0.0, 50.0), (2.0, -50.0)):
        with other_clock("b", offset_s, ppm):
            found = assess([archive.path for archive in run.archives.values()])
        for timing in found.timings:
            sign = 1.0 if timing.source == "a" else -1.0
            middle_s = offset_s + 0.5 * found.duration_s * ppm * 1e-6
            measured_s, error_s = timing.clock_offset_s or 0.0, timing.clock_error_s or 0.0
            drift_s = 0.5 * found.duration_s * abs(ppm) * 1e-6
            same = _counts(timing) == plain_counts[timing.path]
            kept = same and abs(measured_s - sign * middle_s) <= error_s + drift_s
            book.row(
                f"{offset_s:+g} s, {ppm:+g} ppm", timing.path.partition("/")[0], f"{sign * middle_s:+.4f}", f"{measured_s:+.4f}",
                f"{error_s:.4f}", "yes" if same else "no", book.held(f"clock {offset_s:+g} {ppm:+g}", kept=kept),
            )  # fmt: skip


def _counts(timing: object) -> tuple[object, ...]:
    return tuple(getattr(timing, name) for name in ("sent", "answered", "lost_forward", "lost_back", "unjudged"))


def rates(book: Book, wanted: Sequence[Rate], folder: Callable[[], Path]) -> None:
    book.say("\n## Bandwidth\n")
    book.say(
        "tbf in a router between the nodes; on a WAN, on its ends. Goodput is 1448 of 1514 octets (1500 on a WAN) of what the probes leave.\n"
    )
    book.row("line", "path", "goodput possible, Mbit/s", "measured, Mbit/s", "kept", head=True)
    for one in wanted:
        found = rate(folder(), one)
        for item in found.throughputs:
            measured = item.median_bps or 0.0
            kept = len(item.tests) > 0 and abs(measured - one.goodput_bps) <= one.bound * one.goodput_bps
            book.row(
                one.name, item.path.partition("/")[0], f"{one.goodput_bps / 1e6:.2f}", f"{measured / 1e6:.2f}",
                book.held(f"rate {one.name}", kept=kept),
            )  # fmt: skip


def sizes(book: Book, wanted: Sequence[Thin], folder: Callable[[], Path]) -> None:
    book.say("\n## Path MTU\n")
    book.say(
        "A line between two routers that carries less than the nodes' interfaces (1500). Sizes of whole IP packets, in octets.\n"
    )
    book.row("injected", "path", "carried", "found", "named by a router", "kept", head=True)
    for one in wanted:
        for found in one.run(folder()).path_mtus:
            carried = one.there_B if found.source == "a" else one.back_B
            kept = found.size_B == found.largest_B == carried and found.nic_B == 1500
            book.row(
                one.name, found.path.partition("/")[0], carried, found.size_B, found.told_B or "-",
                book.held(f"{one.name}, {found.path}", kept=kept),
            )  # fmt: skip


def routes(book: Book, folder: Callable[[], Path]) -> None:
    book.say("\n## A WAN channel whose packets leave by the public interface\n")
    found: Assessment = leaving_by_public(folder())
    named = [item for item in found.findings if item.rule == "egress" and item.status is Status.FAIL]
    book.row("expected", "found", "kept", head=True)
    told = named[0].message if named else "nothing"
    kept = len(named) == 1 and "a" in named[0].subject.name and "public" in told
    book.row("egress fails for node a, naming the public interface", told, book.held("egress", kept=kept))


def stalls(book: Book, folder: Callable[[], Path]) -> None:
    book.say("\n## Stalls of a node and their causes (synthetic)\n")
    book.say(
        "No hypervisor was at work here: these are synthetic archives of a trio, written as such stalls are understood to look, and assessed like any other. "
        "The table says that the analyzer tells them apart, not that every hypervisor makes them look so. Of each cause nine: lengths of "
        f"{', '.join(f'{length_s:g}' for length_s in stall_matrix.LENGTHS)} s, three times each, with other signs where there are several.\n"
    )
    found = stall_matrix.matrix(folder())
    head, *body = stall_matrix.rows(found)
    book.row(*head, "kept", head=True)
    for (cause, said), cells in zip(found.items(), body, strict=True):
        kept = +said == {str(cause): len(stall_matrix.LENGTHS) * len(stall_matrix.AT_S)}
        book.row(*cells, book.held(f"synthetic: {cause}", kept=kept))


def _head(book: Book) -> Iterator[str]:
    yield "# Accuracy\n"
    yield (
        "What was injected in the [laboratory](lab.md), beside what haready measured: made by `make lab-truth`, which fails if a bound is "
        "missed. Between nodes 50 probes a second were sent each way. Counts have to be equal, slot by slot; medians within 0.3 ms and 1 % of "
        "the WAN's own log; rates within 1 %, across a WAN 3 %; lengths within one probe period; 99 % of the slow answers have to carry the cause "
        "that was injected.\n"
    )
    yield f"Linux {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}. All nodes are one machine."
    missed = f"Bounds missed: {'; '.join(book.missed)}." if book.missed else "Every bound was kept."
    yield f"\n{missed} What cannot be injected on one kernel (frozen clocks, a paused virtual machine) stands in the last table, which is synthetic.\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/accuracy.md"))
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="only runs whose name has this in it; nothing is written then"
    )
    given = parser.parse_args()
    book = Book([], [])
    with tempfile.TemporaryDirectory() as top:
        numbers = iter(range(1000))

        def folder() -> Path:
            made = Path(top) / str(next(numbers))
            made.mkdir()
            return made

        wanted = [one for one in WANTED if given.only in one.name]
        runs = across_the_wan(book, wanted, folder)
        jitter(book, wanted, runs)
        lengths(book, wanted, runs)
        attribution(book, [one for one in BLAMED if given.only in one.name], folder)
        if given.only in "idle and starved":
            starvation(book, folder)
        if CLOCKED in runs:
            clocks(book, runs[CLOCKED])
        rates(book, [one for one in RATES if given.only in one.name], folder)
        sizes(book, [one for one in THIN if given.only in one.name], folder)
        if given.only in "leaving by the public interface":
            routes(book, folder)
            stalls(book, folder)
    if not given.only:
        given.out.write_text("\n".join([*_head(book), *book.lines]) + "\n", encoding="utf-8")
        print(f"{given.out} written", file=sys.stderr)
    for text in book.missed:
        print(f"missed: {text}", file=sys.stderr)
    return bool(book.missed)


if __name__ == "__main__":
    sys.exit(main())
