"""How long a node takes to commit, for the products that answer only when what they were told is on the disk."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analyzer.columns import Floats, numbers
from analyzer.extension import Commits
from analyzer.frames import NodeData
from collector.plan import Plan

LEAST = 800
"""Writes in a run of 15 minutes, less what starting takes and a lost second here and there."""


def timed_s(frame: pd.DataFrame) -> Floats:
    """How long the writes of one folder took, without those that failed."""
    took_s = numbers(frame, "took_us") / 1e6
    timed: Floats = took_s[np.isfinite(took_s) & (took_s >= 0.0)]
    return timed


def commits(plan: Plan, node: NodeData | None) -> Commits | None:
    """The slowest of the plan's data folders, or of whatever was timed where the plan names none; None without a write."""
    frame = node.tables.get("commit") if node is not None else None
    if node is None or frame is None or not len(frame) or "commit" not in frame:
        return None
    planned = plan.node(node.name).data
    found = []
    for folder, rows in frame.groupby("commit"):
        took_s = timed_s(rows)
        if len(took_s):
            p99_s = float(np.quantile(took_s, 0.99, method="higher"))
            found.append(Commits(node.name, len(took_s), p99_s, float(took_s.max()), folder in planned))
    mine = [item for item in found if item.planned] or found
    return max(mine, key=lambda item: item.maximum_s, default=None)
