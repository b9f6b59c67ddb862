"""Whether a table of a node's archive was recorded for long enough to pass anything.

Every row stands for one step. Steps add up to the time that was really recorded; a hole between two rows adds nothing, and what
a rule then finds good was not seen for that long.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analyzer.columns import Floats, numbers
from analyzer.contract import Limit, Sense
from analyzer.rates import HOLE_S
from analyzer.words import share, span

COVERED = Limit("share recorded", "ratio", 0.8, None, Sense.AT_LEAST, "design value")
"""Of the node's run; above it a table was recorded."""

_SECOND = (
    "backlog",
    "commit",
    "cpu",
    "disk",
    "load",
    "memory",
    "nic",
    "observer",
    "paging",
    "pressure",
    "tcp",
    "ticker",
)
STEPS_S: Mapping[str, float] = dict.fromkeys(_SECOND, 1.0) | {
    "filesystem": 10.0,
    "link": 10.0,
    "handles": 10.0,
    "cost": 60.0,
}
"""How often the collector writes a row (docs/archive-format.md). Of a table that is not here the median step is taken."""

_WHOLE = {"ticker": ("class", "default"), "cpu": ("cpu", "all")}
"""Tables in which the rows of one label stand for the node, and the others come beside it."""


def steps(table: str, t_s: Floats) -> float:
    """How long these rows of `table` recorded, in s."""
    at = np.unique(t_s[np.isfinite(t_s)])
    apart = np.diff(at)
    step_s = STEPS_S.get(table) or (float(np.median(apart)) if len(apart) else 0.0)
    joined = apart[apart <= max(HOLE_S, 2.5 * step_s)]
    return float(joined.sum()) + (step_s if len(at) else 0.0)


def longest_gap_s(t_s: Floats, run_s: tuple[float, float]) -> float:
    """The longest stretch of `run_s` without any of these times (in their order), in s."""
    start_s, stop_s = run_s
    if stop_s <= start_s:
        return 0.0
    inside = t_s[(t_s > start_s) & (t_s < stop_s)]
    return float(np.diff(np.concatenate([[start_s], inside, [stop_s]])).max())


def recorded_s(table: str, frame: pd.DataFrame) -> float:
    """How long a host table, or one device's part of it, was recorded, in s. A row of nulls recorded nothing."""
    label, value = _WHOLE.get(table, ("", ""))
    rows = frame[frame[label] == value] if label in frame else frame
    values = rows.drop(columns=["t_s", "t_us"], errors="ignore").select_dtypes("number")
    return steps(table, numbers(rows, "t_s")[values.notna().any(axis=1).to_numpy()])


def lacking(what: str, recorded: float, duration_s: float) -> str:
    """Half a sentence if `recorded` seconds are too few for a node that ran for `duration_s`, else empty."""
    if not duration_s > 0 or recorded / duration_s >= (COVERED.warn or 0.0):
        return ""
    part = recorded / duration_s
    return f"{what} was recorded for {span(recorded)} of {span(duration_s)} only ({share(part)})"
