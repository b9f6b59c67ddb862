"""Figures of a machine from its raw tables, each computed in one place: rules judge them, charts draw them.

A minute is the unit of judgement: it counts with half of its time measured, so a lost sample or a short hole changes
nothing, and a run of 15 minutes has 14 whole ones at least.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyzer.columns import LABEL_NAMES
from analyzer.contract import Evidence, Limit, Sense, Status
from analyzer.extension import Judgement
from analyzer.lanplan import addresses
from analyzer.rates import counted, increments
from collector.plan import Network, Plan

MINUTES = 14
"""A run of 15 minutes has 14 whole ones at least."""
FEW = 3
"""In a short run the 95 % quantile is the worst minute; so few of them condemn nobody (design value)."""
LONGER = "Run the collector for at least 15 min on new systems, 24 h on systems in use."
_LEAST = 30
"""Seconds, and one-second readings, that make a minute."""
_BEFORE_S, _AFTER_S = 1.0, 1.5
"""A row tells of the second before it, and a test's queue empties after it."""
_SEVERITY = (Status.PASS, Status.INFO, Status.WARN, Status.FAIL)


@dataclass(frozen=True, slots=True)
class Judged:
    """A quantile of one-minute values beside its limit. `beyond`: minutes past the failing level."""

    status: Status
    value: float
    beyond: int


def told(frame: pd.DataFrame, *columns: str) -> bool:
    """Whether every column is there and holds a value; one that is no label holds numbers."""
    return all(
        name in frame
        and bool(frame[name].notna().any())
        and (name in LABEL_NAMES or pd.api.types.is_numeric_dtype(frame[name]))
        for name in columns
    )


def judged(limit: Limit, minutes: pd.Series[float], level: float = 1.0) -> Judged:
    """Hold the `level` quantile (1: the worst minute) towards the limit's bad side against the limit.

    Fewer than `FEW` minutes past the failing level only warn.
    """
    most = limit.sense is Sense.AT_MOST
    values = minutes.to_numpy(dtype=np.float64)
    value = float(np.quantile(values, level if most else 1.0 - level, method="higher" if most else "lower"))
    beyond = sum(limit.judge(minute) is Status.FAIL for minute in values.tolist())
    status = limit.judge(value)
    return Judged(Status.WARN if status is Status.FAIL and beyond < FEW else status, value, beyond)


def worst(statuses: Iterable[Status]) -> Status:
    """The gravest of several outcomes; pass if there is none."""
    return max(statuses, key=_SEVERITY.index, default=Status.PASS)


def too_short(what: str, minutes: int) -> Judgement:
    """The word of a rule that has fewer than `MINUTES` whole minutes."""
    return Judgement(
        Status.SKIPPED,
        f"{what} was measured for less than 15 min: whole minutes: {minutes}.",
        (Evidence("whole minutes", float(minutes), "1"),),
        LONGER,
    )


def minute_sums(steps: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Sums of `increments` and their ``dt_s`` by whole minute of the run."""
    sums = steps[[*columns, "dt_s"]].astype(np.float64).groupby(np.floor(steps["t_s"] / 60.0)).sum()
    return sums[sums["dt_s"] >= _LEAST]


def counted_minutes(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """What counters counted, and ``dt_s``, by whole minute of the run; empty where one of them is not told."""
    names = list(columns)
    return minute_sums(increments(frame, names), names) if told(frame, "t_s", *names) else pd.DataFrame()


def minute_means(t_s: pd.Series[float], values: pd.Series[float], least: int = _LEAST) -> pd.Series[float]:
    """Means of readings by whole minute of the run; null readings are left out. A minute counts with `least` of them."""
    known = values.dropna()
    groups = known.groupby(np.floor(t_s[known.index] / 60.0))
    means: pd.Series[float] = groups.mean()[groups.count() >= least]
    return means


def quiet(t_s: pd.Series[float], tests: Sequence[tuple[float, float]]) -> npt.NDArray[np.bool_]:
    """Which rows tell of no second in which a bandwidth test of ours loaded the node: clocks agree to a part of one, so the one before is left out too."""
    at = t_s.to_numpy(dtype=np.float64)
    free = np.ones(len(at), dtype=np.bool_)
    for start, stop in tests:
        free &= (at < start - _BEFORE_S) | (at > stop + _AFTER_S)
    return free


def events(frame: pd.DataFrame, column: str) -> int | None:
    """What a counter counted over the run (see `counted`), None if it is not told twice."""
    return counted(frame, column) if told(frame, column, "t_s") else None


def cpu_shares(frame: pd.DataFrame, *, minutes: bool) -> pd.DataFrame:
    """Shares of all CPUs' time by ``t_s``, or by whole minute: ``busy``, and ``programs``, ``system``, ``steal``, ``iowait``, ``kernel`` and ``interrupt`` where told.

    Idle and waiting for I/O are not busy, stolen time is. Without idle time the frame is empty.
    """
    if not told(frame, "cpu", "t_s"):
        return pd.DataFrame()
    whole = frame[frame["cpu"] == "all"]
    states = [name for name in map(str, whole.columns) if name.endswith("_cs") and told(whole, name)]
    if "idle_cs" not in states:
        return pd.DataFrame()
    steps = increments(whole, states)
    sums = minute_sums(steps, states) if minutes else steps.set_index("t_s")
    total = sums[states].sum(axis=1)
    sums, total = sums[total > 0], total[total > 0]
    rest = sums[[name for name in ("idle_cs", "iowait_cs") if name in states]].sum(axis=1)
    shares = {"busy": (total - rest) / total}
    shares |= {name: sums[f"{name}_cs"] / total for name in ("system", "steal", "iowait") if f"{name}_cs" in states}
    programs = [name for name in ("user_cs", "nice_cs") if name in states]
    if programs:
        shares["programs"] = sums[programs].sum(axis=1) / total
    interrupts = [name for name in ("irq_cs", "softirq_cs") if name in states]
    if interrupts:
        shares["interrupt"] = sums[interrupts].sum(axis=1) / total
    if "system_cs" in states:
        # Linux counts time in interrupts beside that of the kernel; privileged time holds both.
        shares["kernel"] = sums[["system_cs", *interrupts]].sum(axis=1) / total
    return pd.DataFrame(shares)


def latency_s(sums: pd.DataFrame, *kinds: str) -> pd.Series[float]:
    """Mean time of one disk operation of `kinds` (``read``, ``write``) per row; none of them, no value."""
    operations = sums[[f"{kind}s" for kind in kinds]].sum(axis=1)
    return (sums[[f"{kind}_ms" for kind in kinds]].sum(axis=1) / 1e3 / operations)[operations > 0]


def carried(plan: Plan, node: str, facts: Mapping[str, Any]) -> dict[str, list[Network]]:
    """The planned networks by the interface of `node` that holds their address, else by the one that the plan names."""
    found: dict[str, list[Network]] = defaultdict(list)
    for row in addresses(plan, {node: facts}):
        nic = row.found_nic or row.nic
        if row.node == node and nic:
            found[nic].append(plan.network(row.network))
    return dict(found)
