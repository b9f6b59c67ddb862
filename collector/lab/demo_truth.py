"""What three collectors measured across the laboratory's WAN, beside what its logs say happened.

Slot by slot: of what was sent, what arrived, what was answered. A probe that is in no log was dropped before the WAN, where its
rate is kept: it counts as lost on the way there, and an answer of that kind as lost on the way back.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from collector.archive.reader import Archive
from collector.errors import OperatorError
from collector.lab.demo_site import LeasedLine
from collector.lab.wanlog import WanLog
from collector.peers.tables import DUPLICATE, STEPPED, T1_KERNEL, T2_KERNEL, T3_KERNEL, T4_KERNEL

_ALL_STAMPED = T1_KERNEL | T2_KERNEL | T3_KERNEL | T4_KERNEL


@dataclass(frozen=True, slots=True)
class Slots:
    """One path by slot number. `wire_ns`: time in the network, of slots for which it is known."""

    sent: frozenset[int]
    arrived: frozenset[int]
    answered: frozenset[int]
    wire_ns: Mapping[int, int]


def measured(source: Archive, target: Archive, path: str) -> Slots:
    """By the archives of both ends."""
    sent = frozenset(slot for slot, flag in _rows(source, "sent", path, "slot", "flag") if flag == 0)
    runs = _rows(target, "seen", path, "first", "count")
    wire_ns = {
        slot: (forward + back) * 1000
        for slot, forward, back, flags in _rows(source, "reply", path, "slot", "fwd_us", "back_us", "flags")
        if flags & (_ALL_STAMPED | STEPPED | DUPLICATE) == _ALL_STAMPED
    }
    return Slots(
        sent,
        frozenset(chain.from_iterable(range(first, first + count) for first, count in runs)),
        frozenset(slot for (slot,) in _rows(source, "reply", path, "slot")),
        wire_ns,
    )


def logged(log: WanLog, source: str, target: str, port: int) -> Slots:
    """By the WAN itself."""
    slots = log.slots(source, target, port)
    return Slots(
        frozenset(slots),
        frozenset(slot for slot, fate in slots.items() if fate.arrived),
        frozenset(slot for slot, fate in slots.items() if fate.answered),
        {slot: fate.wire_ns for slot, fate in slots.items() if fate.wire_ns is not None},
    )


def compare(lines: Iterable[LeasedLine], archives: Mapping[str, Archive], port: int) -> str:
    """One sentence: the logs confirm the measurement, disagree with it, or could not be asked and why."""
    pairs: list[tuple[Slots, Slots]] = []
    try:
        for line in lines:
            log = line.wan.log()
            for source, target in (line.nodes, line.nodes[::-1]):
                found = measured(archives[source], archives[target], f"{source}>{target}/{line.network}")
                pairs.append((found, logged(log, source, target, port)))
    except OperatorError as error:
        return f"the WAN's logs could not be compared with it: {error}"
    return verdict(pairs)


def verdict(pairs: Iterable[tuple[Slots, Slots]]) -> str:
    """The sentence for paths as (measured, logged)."""
    pairs = list(pairs)
    sent = sum(len(found.sent) for found, _ in pairs)
    ours, theirs = (
        (
            sum(len(found.sent - side.arrived) for found, side in zipped),
            sum(len(side.arrived - side.answered) for _, side in zipped),
        )
        for zipped in ([(found, found) for found, _ in pairs], pairs)
    )
    apart = sum(
        len(found.arrived ^ log.arrived) + len(found.answered ^ log.answered) + len(log.sent - found.sent)
        for found, log in pairs
    )
    told = f"of {sent} probes {ours[0]} were lost on the way there and {ours[1]} on the way back"
    if apart:
        return f"the WAN's logs disagree: measured was that {told}; by the logs it was {theirs[0]} and {theirs[1]}"
    both = [
        (found.wire_ns[slot], log.wire_ns[slot])
        for found, log in pairs
        for slot in found.wire_ns
        if slot in log.wire_ns
    ]
    if not both:
        return f"the WAN's logs confirm: {told}"
    by_us_ms, by_log_ms = (statistics.median(times) / 1e6 for times in zip(*both, strict=True))
    return (
        f"the WAN's logs confirm: {told}; median time in the network {by_us_ms:.2f} ms (by the logs {by_log_ms:.2f} ms)"
    )


def _rows(archive: Archive, table: str, path: str, *columns: str) -> Iterator[tuple[int, ...]]:
    """Rows of one path, without those that lack a value."""
    for segment in archive.segments():
        for block in segment.blocks:
            if block.table == table and block.labels.get("path") == path:
                for row in zip(*(block.column(name) for name in columns), strict=True):
                    whole = tuple(value for value in row if value is not None)
                    if len(whole) == len(columns):
                        yield whole
