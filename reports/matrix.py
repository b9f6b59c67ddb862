"""The network at a glance: one row a direction and network, shaded by how it compares with the others of its network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from analyzer.contract import Assessment, Timing
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import excerpt
from reports.texts import each, say

FLAT = 1.25
"""Figures whose largest is less than this many times their smallest are alike, and get no shade (design value)."""

LARGER_IS_WORSE = (True, True, True, True, True, True, False, False)


def matrix_blocks(assessment: Assessment) -> Iterator[Block]:
    """A table of what matters of every direction; nothing where no path was measured."""
    timings = sorted(assessment.timings, key=lambda item: (item.wan, item.network))
    if not timings:
        return
    values = [_values(item, assessment) for item in timings]
    yield Paragraph(
        say(
            "One row for each network and direction. The darker a cell, the worse it compares with the other directions of the same network; a shade "
            "is no judgement, those stand under “Network checks”. Jitter: standard deviation of the round trips, without the slowest 0.1 %."
        ),
        small=True,
    )
    yield from excerpt(
        Table(
            each(
                "Network", "Path", "RTT p50", "RTT p99", "RTT max", "Jitter", "Loss", "Longest outage", "Goodput", "MTU"
            ),
            tuple(_row(item, told) for item, told in zip(timings, values, strict=True)),
            (13, 19, 8.5, 8.5, 8.5, 8, 8, 8.5, 10, 7),
            say("Network matrix"),
            numeric=tuple(range(2, 10)),
            heat=_heat([figures.network(item.network, wan=item.wan) for item in timings], values),
        )
    )


def _values(item: Timing, assessment: Assessment) -> tuple[float | None, ...]:
    """What a row shows, in base units. None: not known."""
    goodput = next((one.median_bps for one in assessment.throughputs if one.path == item.path), None)
    mtu = next((one.size_B for one in assessment.path_mtus if one.path == item.path), None)
    rtt = item.rtt
    # Of fewer values the 99 % quantile is no other than the largest.
    p99 = rtt.p99 if rtt.samples >= 100 else None
    return rtt.p50, p99, rtt.maximum, item.rtt_deviation_s, item.loss, item.longest_outage_s, goodput, mtu


def _row(item: Timing, told: tuple[float | None, ...]) -> tuple[str, ...]:
    p50, p99, most, jitter, loss, outage, goodput, mtu = told
    return (
        figures.network(item.network, wan=item.wan),
        figures.direction(item.source, item.target),
        *(figures.seconds(value) for value in (p50, p99, most, jitter)),
        figures.ratio(loss, 2),
        figures.seconds(outage) if outage else say("none"),
        figures.bits(goodput),
        figures.DASH if mtu is None else f"{mtu:.0f} B",
    )


def _heat(networks: Sequence[str], rows: Sequence[tuple[float | None, ...]]) -> tuple[tuple[float, ...], ...]:
    """For every cell from 0 (the best of its network, or nothing to compare with) to 1 (the worst). The first two columns are names."""
    members: dict[str, list[int]] = {}
    for place, network in enumerate(networks):
        members.setdefault(network, []).append(place)
    shades = [[0.0] * (2 + len(LARGER_IS_WORSE)) for _ in rows]
    for places in members.values():
        for column, larger in enumerate(LARGER_IS_WORSE):
            known = {
                place: value for place in places if (value := rows[place][column]) is not None and math.isfinite(value)
            }
            for place, shade in _shades(known, larger=larger).items():
                shades[place][2 + column] = shade
    return tuple(map(tuple, shades))


def _shades(known: dict[int, float], *, larger: bool) -> dict[int, float]:
    """By the logarithm, for delays differ by powers of ten; zero is the least there is."""
    above = [value for value in known.values() if value > 0]
    if len(known) < 2 or not above:
        return {}
    least, most = min(above), max(above)
    zero = min(known.values()) <= 0
    if not zero and most < FLAT * least:
        return {}
    wide = math.log(most / least)

    def share(value: float) -> float:
        if value <= 0:
            return 0.0
        # Beside a zero the least of the others is something already.
        part = math.log(value / least) / wide if wide else 1.0
        return 0.25 + 0.75 * part if zero else part

    return {place: share(value) if larger else 1.0 - share(value) for place, value in known.items()}
