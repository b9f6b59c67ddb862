"""From raw counters to differences, honestly: a reset or a hole gives no value, never a negative one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    ordered = frame.sort_values([*keys, "t_s"], kind="stable")
    steps = ordered[["t_s", *columns]]
    change = ordered.groupby(keys, observed=True)[["t_s", *columns]].diff() if keys else steps.diff()
    # No more than the count itself: the one before was not below zero.
    rising = (change[columns] >= 0) & (change[columns] <= steps[columns])
    good = (change["t_s"] > 0) & (change["t_s"] <= hole_s) & rising.all(axis=1)
    result = change.loc[good, columns].assign(t_s=ordered.loc[good, "t_s"], dt_s=change.loc[good, "t_s"])
    for key in keys:
        result[key] = ordered.loc[good, key]
    return result
