"""A distribution in a few figures.

Quantiles never interpolate below an observed value; up to 1,000 samples the 99.9 % quantile is the maximum,
so that a short run gives no smaller figure than a long one.
"""

from __future__ import annotations

import numpy as np

from analyzer.columns import Floats
from analyzer.contract import Quantiles


def quantiles(values_s: Floats) -> Quantiles:
    """Summary of a distribution in seconds."""
    if not len(values_s):
        return Quantiles(0)
    last = len(values_s) - 1

    def place(fraction: float) -> int:
        # numpy's method "higher": an observed value, never below the quantile.
        return int(np.ceil(fraction * last))

    # Only what is told has to stand in its place.
    ordered = np.partition(values_s, (0, *map(place, (0.5, 0.99, 0.999)), last))

    def at(fraction: float) -> float:
        return float(ordered[place(fraction)])

    return Quantiles(
        samples=len(ordered),
        minimum=float(ordered[0]),
        p50=at(0.5),
        p99=at(0.99),
        p999=at(0.999),
        maximum=float(ordered[-1]),
    )


def deviation(values_s: Floats) -> float | None:
    """Standard deviation in s without the values beyond the 99.9 % quantile; None without values."""
    if not len(values_s):
        return None
    return float(np.std(values_s[values_s <= np.quantile(values_s, 0.999, method="higher")]))
