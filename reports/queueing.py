"""Which way packets waited, per path: what the network section says about one-way delay above its minimum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.contract import Quantiles, Timing
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import MOST, excerpt
from reports.texts import each, say


def queueing_blocks(timings: Sequence[Timing]) -> Iterator[Block]:
    """Queueing delay each way between every two nodes on every network, the longest first where there are many."""
    best: dict[tuple[frozenset[str], str], Timing] = {}
    for item in timings:
        # Both nodes measure both ways: the one with more answers speaks for the two.
        key = (frozenset((item.source, item.target)), item.network)
        if key not in best or item.queued_there.samples > best[key].queued_there.samples:
            best[key] = item
    known = [item for item in best.values() if item.queued_there.samples]
    if not known:
        yield Paragraph(
            say(
                "Which way packets waited is not told: no path had ten minutes with the kernel's timestamps at both ends and without a step of a clock."
            )
        )
        return
    if len(known) > MOST:
        known.sort(key=lambda item: -max(item.queued_there.p99 or 0.0, item.queued_back.p99 or 0.0))
    lacking = len(best) - len(known)
    yield Paragraph(
        say(
            "Waiting: one-way delay above its minimum within ten to twenty minutes; offset and drift of the clocks are taken off. A queue that never "
            "empties in that time is not seen."
        )
        + (
            say(" {number} had less than ten minutes for it: not told.", number=figures.several(lacking, "other pair"))
            if lacking
            else ""
        ),
        small=True,
    )
    yield from excerpt(
        Table(
            each("Path", "Network", "There p50", "There p99", "There max", "Back p50", "Back p99", "Back max"),
            tuple(
                (
                    figures.direction(item.source, item.target),
                    figures.network(item.network, wan=item.wan),
                    *_cells(item.queued_there),
                    *_cells(item.queued_back),
                )
                for item in known
            ),
            (22, 14, 10.6, 10.6, 10.6, 10.6, 10.6, 10.6),
            say("Which way packets waited"),
            numeric=(2, 3, 4, 5, 6, 7),
        )
    )


def _cells(told: Quantiles) -> tuple[str, ...]:
    """Stamps are whole microseconds: less is not told apart."""
    values = (told.p50, told.p99, told.maximum)
    return tuple(
        "< 0.001 ms" if value is not None and value < 1e-6 else figures.milliseconds(value) for value in values
    )
