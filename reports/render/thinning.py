"""No more points than a chart can show, and no extreme lost: the analyzer thins what it draws, other assessments may not have been."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean, median_low
from typing import TypeVar

from reports.contract import Band

Value = TypeVar("Value")

MOST = 480
"""Bins of a chart: about one a point of its width."""


def thinned(band: Band) -> Band:
    """The band in at most `MOST` bins: lowest low, median and highest high of each; of a line the least and the largest value."""
    count = len(band.x)
    if any(len(row) not in {0, count} for row in (band.mid, band.low, band.high)):
        # Only a damaged assessment has rows of other lengths.
        band = replace(band, mid=_cut(band.mid, count), low=_cut(band.low, count), high=_cut(band.high, count))
    if count <= MOST:
        return band
    size = math.ceil(count / (MOST if band.low and band.high else MOST // 2))
    groups = [range(start, min(start + size, count)) for start in range(0, count, size)]
    if not (band.low and band.high):
        places = [place for group in groups for place in _extremes(band.mid, group)]
        return replace(band, x=_at(band.x, places), mid=_at(band.mid, places))
    return replace(
        band,
        x=tuple(band.x[group[0]] for group in groups),
        mid=tuple(median_low(known) if (known := _known(band.mid, group)) else None for group in groups),
        low=tuple(min(_known(band.low, group), default=None) for group in groups),
        high=tuple(max(_known(band.high, group), default=None) for group in groups),
    )


def averaged(band: Band) -> Band:
    """The layer of a stack in at most `MOST` bins: the mean of each, because shares that are no means do not add up."""
    mid, size = _cut(band.mid, len(band.x)), math.ceil(len(band.x) / MOST)
    if size <= 1:
        return Band(band.label, band.x, mid)
    groups = [range(start, min(start + size, len(mid))) for start in range(0, len(mid), size)]
    means = (fmean(known) if (known := _known(mid, group)) else None for group in groups)
    return Band(band.label, band.x[::size], tuple(means))


def _cut(values: Sequence[float | None], count: int) -> tuple[float | None, ...]:
    """As many values as there are bins; what is absent stays absent."""
    return (*values[:count], *(None,) * (count - len(values))) if values else ()


def _known(values: Sequence[float | None], group: range) -> list[float]:
    found = (values[place] for place in group)
    return [value for value in found if value is not None and math.isfinite(value)]


def _extremes(values: Sequence[float | None], group: range) -> Iterator[int]:
    """Where the least and the largest value of a stretch are, in their order; where nothing is known its beginning, so that the gap stays."""
    known = {place: value for place in group if (value := values[place]) is not None and math.isfinite(value)}
    if not known:
        yield group[0]
        return
    yield from sorted({min(known, key=known.__getitem__), max(known, key=known.__getitem__)})


def _at(values: Sequence[Value], places: Sequence[int]) -> tuple[Value, ...]:
    return tuple(values[place] for place in places)
