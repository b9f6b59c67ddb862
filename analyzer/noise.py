"""Whether two series of minutes differ by more than they scatter.

The scatter of a statistic comes from a circular block bootstrap (Politis, Romano 1992): whole blocks of minutes are drawn, so that minutes that
resemble their neighbours do not count as independent ones. Blocks last five minutes at least, and twice the time over which the series
remembers itself. The interval of the difference is Student's, with one degree of freedom less than there are separate blocks in each run,
combined as Welch does. (Overlapping blocks are said to give half as many again; in runs of half an hour that was too bold.)
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analyzer.columns import Floats
from analyzer.proportion import student

DRAWS = 1000
"""Bootstrap samples of a series: the standard error is then known to 2 %."""
FEWEST = 10
"""Minutes that either run needs (design value)."""
BLOCK = 5
"""Least length of a block in minutes (design value)."""
_BLOCKS = 5
"""Fewest blocks in a run."""
_MEMORY = 2.0
"""Blocks are so many times as long as the series remembers itself (design value)."""
_FARTHEST = 1440
"""Minutes beyond which memory is not looked for: a day."""
_TOGETHER = 4_000_000
"""Values in memory at a time."""

Statistic = Callable[[Floats], Floats]
"""Along the last axis."""


def mean(values: Floats) -> Floats:
    """The mean of each row."""
    found: Floats = values.mean(axis=-1)
    return found


def median(values: Floats) -> Floats:
    """The median of each row."""
    return np.asarray(np.median(values, axis=-1))


def p95(values: Floats) -> Floats:
    """The 95 % quantile of each row, an observed value, as the rules have it."""
    return np.asarray(np.quantile(values, 0.95, axis=-1, method="higher"))


@dataclass(frozen=True, slots=True)
class Difference:
    """B less A, with an interval; `first` and `second` are the statistics themselves."""

    first: float
    second: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """B less A."""
        return self.second - self.first


def difference(
    first: Floats, second: Floats, statistic: Statistic, tail: float, name: str, *, blocks: bool = True
) -> Difference:
    """Compare two series at the level `tail` (two-sided). `name` seeds the draws, so that the same data give the same answer.

    `blocks` False: the values are separate tests and no minutes in a row, each a block of its own.
    """
    # Both runs are held to the longer memory: a short quiet run cannot show how long it remembers.
    length = max(_block(first), _block(second)) if blocks else 1
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    (one, one_df), (other, other_df) = (
        _error(series, statistic, min(length, max(1, len(series) // _BLOCKS)), draw) for series in (first, second)
    )
    at, to = float(statistic(first)), float(statistic(second))
    variance = one + other
    if variance <= 0.0:
        return Difference(at, to, to - at, to - at)
    degrees = variance**2 / (one**2 / one_df + other**2 / other_df)
    half = student(tail, degrees) * math.sqrt(variance)
    return Difference(at, to, to - at - half, to - at + half)


def _error(series: Floats, statistic: Statistic, length: int, draw: np.random.Generator) -> tuple[float, float]:
    """(variance of the statistic, its degrees of freedom)."""
    count = len(series)
    blocks = count / length
    starts = draw.integers(0, count, size=(DRAWS, math.ceil(blocks)))
    drawn = []
    # A few at a time: a thousand samples of a long run would fill the memory.
    for some in np.array_split(starts, math.ceil(DRAWS * count / _TOGETHER)):
        rows: npt.NDArray[np.int64] = (some[:, :, None] + np.arange(length)).reshape(len(some), -1)[:, :count] % count
        drawn.append(statistic(series[rows]))
    # As many blocks as there are tell the variance; one less is what they tell it by.
    variance = float(np.var(np.concatenate(drawn), ddof=1)) * blocks / (blocks - 1.0)
    return variance, blocks - 1.0


def _block(series: Floats) -> int:
    """Minutes of a block: the integrated autocorrelation time, up to where it is lost in its own scatter, twice."""
    count = len(series)
    centred = series - series.mean()
    power = float(centred @ centred)
    if power <= 0.0:
        return BLOCK
    time = 1.0
    for lag in range(1, min(count // 3, _FARTHEST)):
        correlation = float(centred[lag:] @ centred[:-lag]) / power
        if correlation < 2.0 / math.sqrt(count):
            break
        time += 2.0 * correlation
    return max(BLOCK, math.ceil(_MEMORY * time))
