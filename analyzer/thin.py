"""Traces and curves for the charts: few points, no extreme lost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analyzer.columns import Floats
from analyzer.contract import Curve, Scope, Subject, Trace
from analyzer.frames import NodeData
from analyzer.rates import increments
from analyzer.timing import Measured

BINS = 480
"""A chart of 170 mm shows no more."""
POINTS = 200


def trace(
    id_: str, title: str, unit: str, subject: Subject, t_s: Floats, values: Floats, length_s: float, *, median: bool
) -> Trace:
    """Minimum, median (or mean) and maximum per bin of the run; a bin without values stays empty."""
    step_s = max(length_s / BINS, 1.0)
    count = max(1, min(BINS, int(np.ceil(length_s / step_s))))
    good = np.isfinite(values) & np.isfinite(t_s)
    place = np.clip(t_s[good] / step_s, 0, count - 1).astype(np.int64)
    kept = values[good]
    order = np.lexsort((kept, place))
    place, kept = place[order], kept[order].astype(np.float64)
    bins, starts = np.unique(place, return_index=True)
    stops = np.append(starts[1:], len(place))
    low, mid, high = (np.full(count, np.nan) for _ in range(3))
    if len(bins):
        low[bins], high[bins] = kept[starts], kept[stops - 1]
        mid[bins] = kept[(starts + stops) // 2] if median else np.add.reduceat(kept, starts) / (stops - starts)
    return Trace(id_, title, unit, subject, 0.0, step_s, _optional(low), _optional(mid), _optional(high))


def _optional(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(f"{value:.6g}") for value in values.tolist())


def curve(id_: str, title: str, unit: str, subject: Subject, values: Floats) -> Curve:
    """Cumulative distribution of at most 200 points: even up to 90 %, then ever closer to the maximum."""
    ordered = np.sort(values)
    last = len(ordered) - 1
    even = np.linspace(0.0, 0.9, POINTS // 2)
    tail = 1.0 - np.geomspace(0.1, 1.0 / max(len(ordered), 11), POINTS // 2 - 1)
    rows = np.unique(np.ceil(np.concatenate([even, tail, [1.0]]) * last).astype(np.int64))
    # Rows of equal value are one step: only the highest fraction of each is true.
    picked: Floats = ordered[rows]
    keep = np.append(np.diff(picked) > 0, True)
    fraction: Floats = np.searchsorted(ordered, picked[keep], side="right") / len(ordered)
    return Curve(id_, title, unit, subject, tuple(picked[keep].tolist()), tuple(fraction.tolist()))


def path_charts(measured: Measured, length_s: float) -> tuple[Trace, Curve | None]:
    """Round trips of a path over the run, and their distribution (None: no replies)."""
    name = measured.timing.path
    subject = Subject(Scope.PATH, name)
    over_time = trace(
        f"rtt:{name}", "Round-trip time", "s", subject, measured.t_s, measured.rtt_s, length_s, median=True
    )
    if not len(measured.rtt_s):
        return over_time, None
    return over_time, curve(f"rtt-cdf:{name}", "Round-trip time", "s", subject, measured.rtt_s)


def node_charts(node: NodeData, length_s: float) -> list[Trace]:
    """CPU, memory, disks and pauses of a node over the run, as far as its archive holds them."""
    subject = Subject(Scope.NODE, node.name)
    found = []
    for id_, title, unit, series in (
        ("cpu", "CPU busy", "ratio", cpu_busy(node.tables.get("cpu"))),
        ("stall", "Longest pause of the machine", "s", _stall(node)),
        ("memory", "Memory available", "ratio", _memory(node.tables.get("memory"))),
        ("disk", "Busiest disk", "ratio", _disk(node.tables.get("disk"))),
    ):
        if series is not None and len(series):
            t_s = series.index.to_numpy(dtype=np.float64)
            values: Floats = np.asarray(series, dtype=np.float64)
            found.append(trace(f"{id_}:{node.name}", title, unit, subject, t_s, values, length_s, median=False))
    return found


def cpu_busy(frame: pd.DataFrame | None) -> pd.Series[float] | None:
    """Share of the time since the row before that was neither idle nor waiting for I/O, by ``t_s``."""
    if frame is None:
        return None
    states = [name for name in map(str, frame.columns) if name.endswith("_cs") and frame[name].notna().any()]
    if "idle_cs" not in states:
        return None
    steps = increments(frame, states, ["cpu"])
    total = steps[states].sum(axis=1)
    idle = steps[[name for name in ("idle_cs", "iowait_cs") if name in states]].sum(axis=1)
    return ((total - idle) / total)[total > 0].set_axis(steps.loc[total > 0, "t_s"])


def _memory(frame: pd.DataFrame | None) -> pd.Series[float] | None:
    if frame is None or not {"available_KiB", "total_KiB"} <= set(frame):
        return None
    good = frame["total_KiB"] > 0
    return (frame["available_KiB"] / frame["total_KiB"])[good].set_axis(frame.loc[good, "t_s"])


def _disk(frame: pd.DataFrame | None) -> pd.Series[float] | None:
    """Busy share of the busiest device: the devices of one tick share a time to within a second."""
    if frame is None or "busy_ms" not in frame or not frame["busy_ms"].notna().any():
        return None
    steps = increments(frame, ["busy_ms"], ["disk"])
    busy = (steps["busy_ms"] / (steps["dt_s"] * 1e3)).clip(upper=1.0)
    return busy.groupby(steps["t_s"].round()).max()


def _stall(node: NodeData) -> pd.Series[float] | None:
    """Lateness of the ordinary ticker per second; the list of pauses where there is no ticker."""
    for table, column in (("ticker", "late_max_us"), ("stall", "length_us")):
        frame = node.tables.get(table)
        if frame is not None and column in frame and "class" in frame:
            rows = frame[frame["class"] == "default"]
            return (rows[column] / 1e6).set_axis(rows["t_s"])
    return None
