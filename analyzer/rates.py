"""From raw counters to differences, honestly: a reset or a hole gives no value, never a negative one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

HOLE_S = 10.0
"""Two rows further apart than this do not describe the time between them well enough to be joined."""


def increments(frame: pd.DataFrame, columns: list[str], labels: list[str] | None = None) -> pd.DataFrame:
    """Differences of `columns` from row to row of each label, with ``t_s`` (of the later row) and ``dt_s``.

    Rows after a hole, after a counter's reset (any column fell) or with a null are left out. Units stay those stored.
    """
    keys = list(labels or [])
    ordered = frame.sort_values([*keys, "t_s"], kind="stable")
    steps = ordered[["t_s", *columns]]
    change = ordered.groupby(keys, observed=True)[["t_s", *columns]].diff() if keys else steps.diff()
    good = (change["t_s"] > 0) & (change["t_s"] <= HOLE_S) & (change[columns] >= 0).all(axis=1)
    result = change.loc[good, columns].assign(t_s=ordered.loc[good, "t_s"], dt_s=change.loc[good, "t_s"])
    for key in keys:
        result[key] = ordered.loc[good, key]
    return result
