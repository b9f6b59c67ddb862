"""The median of long columns, sooner than by numpy's own: the same number, to the bit.

numpy moves a whole column about until its middle stands in place. A few of the values tell between which two the middle lies, and only those are moved.
"""

from __future__ import annotations

import numpy as np

from analyzer.columns import Floats

_LONG = 20_000
"""Shorter columns gain nothing."""

_SAMPLE = 2000


def median(values: Floats) -> float:
    """Median of a column that is not empty.

    >>> median(np.array([3.0, 1.0, 2.0, 5.0]))
    2.5
    """
    if len(values) < _LONG:
        return float(np.median(values))
    few = np.sort(values[:: len(values) // _SAMPLE])
    low, high = few[int(len(few) * 0.45)], few[int(len(few) * 0.55)]
    inside = values[(values >= low) & (values <= high)]
    below = int(np.count_nonzero(values < low))
    first, last = (len(values) - 1) // 2 - below, len(values) // 2 - below
    if not 0 <= first <= last < len(inside) or np.isnan(few[-1]) or np.isnan(values).any():
        return float(np.median(values))
    inside.partition((first, last))
    return float(np.mean(inside[first : last + 1]))
