"""From raw counters to differences, honestly: a reset or a hole gives no value, never a negative one.

The differences are taken in numpy: a machine with containers has hundreds of interfaces, and pandas takes milliseconds for
each of them whatever its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

HOLE_S = 10.0
"""Two rows further apart than this do not describe the time between them well enough to be joined."""


def increments(
    frame: pd.DataFrame, columns: list[str], labels: list[str] | None = None, hole_s: float = HOLE_S
) -> pd.DataFrame:
    """Differences of `columns` from row to row of each label, with ``t_s`` (of the later row) and ``dt_s``.

    Rows after a hole (of more than `hole_s`), after a counter's reset (any column fell), with a null or with a count below zero
    are left out. Units stay those stored.
    """
    keys = list(labels or [])
    order, later = _order(frame, keys)
    t_s = frame["t_s"].to_numpy(dtype=np.float64)[order]
    dt_s = np.diff(t_s)
    good = later & (dt_s > 0) & (dt_s <= hole_s)
    changes: dict[str, npt.NDArray[Any]] = {}
    for name in columns:
        counts = _wide(frame[name].to_numpy())[order]
        changes[name] = np.diff(counts)
        # No more than the count itself: the one before was not below zero.
        good &= (changes[name] >= 0) & (changes[name] <= counts[1:])
    rows = order[1:][good]
    found = {name: change[good].astype(np.float64) for name, change in changes.items()}
    found |= {"t_s": t_s[1:][good], "dt_s": dt_s[good]}
    return pd.DataFrame(found | {key: frame[key].array[rows] for key in keys}, index=frame.index[rows])


def counted(frame: pd.DataFrame, column: str) -> int | None:
    """What one counter counted between its first and its last row, None if fewer than two rows tell it.

    Holes are no matter here: a count is right however long nobody looked. A reset costs what was counted around it.
    """
    counts = _wide(frame[column].to_numpy())
    known = ~np.isnan(counts)
    if known.sum() < 2:
        return None
    t_s = frame["t_s"].to_numpy(dtype=np.float64)[known]
    order = np.argsort(t_s, kind="stable")
    counts = counts[known][order]
    change = np.diff(counts)
    good = (np.diff(t_s[order]) > 0) & (change >= 0) & (change <= counts[1:])
    return int(change[good].astype(np.float64).sum())


def _order(frame: pd.DataFrame, keys: Sequence[str]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Rows by label and time, and which rows but the first follow one of the same label. A row without a label follows none."""
    codes = [pd.factorize(frame[key])[0] for key in keys]
    t_s = frame["t_s"].to_numpy(dtype=np.float64)
    order: npt.NDArray[np.intp] = np.lexsort((t_s, *reversed(codes)))
    later = np.ones(max(0, len(order) - 1), dtype=np.bool_)
    for code in codes:
        later &= (np.diff(code[order]) == 0) & (code[order][1:] >= 0)
    return order, later


def _wide(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Counts in a type whose differences fit; a small integer's would wrap around."""
    return counts.astype(np.int64 if counts.dtype.kind in "iu" else np.float64, copy=False)
