"""Shares of a whole that lie on each other: how high each layer of a stack reaches, bin by bin. Nothing here draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reports.contract import Band, Stack

Heights = np.ndarray[Any, np.dtype[np.float64]]

LAYERS = ("#5484b4", "#10203a", "#a3b6aa", "#8a4012", "#efdca0")
"""Colours from below, by turns light and dark: in grey print, which makes dark tones alike, neighbours are as far from each other as five can be,
for colour-blind readers too."""

HATCHED, HATCH = 3, "#ffffff"
"""The dark layer above the other dark one has light rungs: where the light one between them is thin, grey print would make them one."""


def tops(stack: Stack) -> tuple[Heights, list[Heights]]:
    """The edges of the bins, one more than there are, and where each layer ends above.

    A bin of which a layer is not known is a gap of all of them: the others would lie too low. What passes the whole ends there.
    """
    first = stack.layers[0]
    x = np.array(first.x, dtype=np.float64)
    step = float(np.median(np.diff(x))) if len(x) > 1 else 1.0
    shares = np.array([_shares(layer, len(x), stack.whole) for layer in stack.layers])
    gap = np.isnan(shares).any(axis=0)
    heights = np.minimum(np.cumsum(np.where(gap, np.nan, shares), axis=0), stack.whole)
    return np.append(x, x[-1:] + step), list(heights)


def rungs(edges: Heights, heights: Sequence[Heights], least: float) -> list[tuple[float, float, float]]:
    """Middle, foot and head of each bin in which the hatched layer is at least so high."""
    if len(heights) <= HATCHED:
        return []
    below, above = heights[HATCHED - 1], heights[HATCHED]
    middles = (edges[:-1] + edges[1:]) / 2
    high = np.flatnonzero(above - below >= least)
    return list(zip(middles[high].tolist(), below[high].tolist(), above[high].tolist(), strict=True))


def _shares(layer: Band, count: int, whole: float) -> Heights:
    """The layer's height in each of the first one's bins. Only a damaged assessment has other bins, shares below zero or above the whole."""
    values: Sequence[float | None] = (*layer.mid[:count], *(None,) * (count - len(layer.mid)))
    found = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    # Sums of rounded shares may pass the whole a little.
    found[~((found >= 0) & (found <= 1.01 * whole))] = np.nan
    return found
