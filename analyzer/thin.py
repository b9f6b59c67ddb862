"""Traces and curves for the charts: few points, no extreme lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyzer.columns import Floats
from analyzer.contract import CpuShare, Curve, Scope, Spread, Subject, Trace
from analyzer.frames import NodeData
from analyzer.host import cpu_shares, latency_s, quiet, told
from analyzer.netfacts import loopback
from analyzer.rates import increments
from analyzer.throughput import loaded_s
from analyzer.timing import Measured

BINS = 480
"""A chart of 170 mm shows no more."""
POINTS = 200
INTERFACES = 4
"""A node of containers has dozens; a chart of them all shows none."""


def trace(
    id_: str,
    title: str,
    unit: str,
    subject: Subject,
    t_s: Floats,
    values: Floats,
    length_s: float,
    *,
    median: bool,
    least_s: float = 1.0,
) -> Trace:
    """Minimum, median (or mean) and maximum per bin of the run; a bin without values stays empty. `least_s`: from value to value."""
    step_s = max(length_s / BINS, least_s)
    count = max(1, min(BINS, int(np.ceil(length_s / step_s))))
    good = np.isfinite(values) & np.isfinite(t_s)
    place = np.clip(t_s[good] / step_s, 0, count - 1).astype(np.int64)
    kept = values[good].astype(np.float64, copy=False)
    if len(place) and (np.diff(place) < 0).any():
        order = np.argsort(place, kind="stable")
        place, kept = place[order], kept[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    bins, sizes = place[starts], np.diff(starts, append=len(place))
    low, mid, high = (np.full(count, np.nan) for _ in range(3))
    if len(bins):
        low[bins], high[bins] = np.minimum.reduceat(kept, starts), np.maximum.reduceat(kept, starts)
        mid[bins] = _medians(kept, starts, sizes) if median else np.add.reduceat(kept, starts) / sizes
    return Trace(id_, title, unit, subject, 0.0, step_s, _optional(low), _optional(mid), _optional(high))


def _medians(values: Floats, starts: npt.NDArray[np.intp], sizes: npt.NDArray[np.intp]) -> list[float]:
    """The median value of each stretch, the upper one of two."""
    return [
        float(np.partition(values[start : start + size], size // 2)[size // 2])
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)
    ]


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


def path_charts(measured: Measured, length_s: float) -> tuple[Trace, tuple[Curve, ...]]:
    """Round trips of a path over the run, and how they are distributed at rest and under load, as far as there were replies."""
    name = measured.timing.path
    subject = Subject(Scope.PATH, name)
    over_time = trace(f"rtt:{name}", Spread.IDLE, "s", subject, measured.t_s, measured.rtt_s, length_s, median=True)
    spreads = (("rtt-cdf", Spread.IDLE, measured.rtt_s), ("rtt-load-cdf", Spread.LOADED, measured.loaded_rtt_s))
    return over_time, tuple(
        curve(f"{id_}:{name}", title, "s", subject, values_s) for id_, title, values_s in spreads if len(values_s)
    )


def node_charts(node: NodeData, length_s: float) -> list[Trace]:
    """What a machine did over the run, as far as its archive holds it and there is something to see."""
    tables, subject = node.tables, Subject(Scope.NODE, node.name)
    shares = cache(lambda: cpu_shares(tables.get("cpu", pd.DataFrame()), minutes=False))
    tests = loaded_s(tables)
    traffic = "Traffic of an interface, busier direction" + (", without bandwidth tests" if tests else "")
    charts: list[_Chart] = [
        *((id_, title, "ratio", partial(_share, subject, shares, of)) for id_, title, of in _CPU),
        ("stall", "Longest pause of the machine", "s", lambda: {subject: _stall(node)}),
        ("memory", "Memory available", "ratio", lambda: {subject: _memory(tables.get("memory"))}),
        ("disk", "Busiest disk", "ratio", lambda: {subject: _disk(tables.get("disk"))}),
        ("latency", "Mean latency of the slowest disk", "s", lambda: {subject: _latency(tables.get("disk"))}),
        ("commit", "Time of a small write to the disk", "s", lambda: {subject: _commit(tables.get("commit"))}),
        ("nic", traffic, "B/s", lambda: _traffic(node.name, tables.get("nic"), tests)),
    ]
    return [one for chart in charts for one in _drawn(chart, length_s)]


_CPU = (
    ("cpu", CpuShare.BUSY, "busy"),
    ("cpu-programs", CpuShare.PROGRAMS, "programs"),
    ("cpu-kernel", CpuShare.KERNEL, "system"),
    ("cpu-interrupts", CpuShare.INTERRUPTS, "interrupt"),
    ("steal", CpuShare.STOLEN, "steal"),
    ("cpu-waiting", CpuShare.WAITING, "iowait"),
)
"""What each trace of the CPUs is called, its title, and its column of `cpu_shares`."""

_Chart = tuple[str, str, str, Callable[[], Mapping[Subject, "pd.Series[float] | None"]]]
"""What it is called, its title and unit, and what computes its values by time in s, of each subject."""


def _drawn(chart: _Chart, length_s: float) -> list[Trace]:
    """The traces of a chart; none where odd figures allow none, so that they cost no other chart."""
    id_, title, unit, compute = chart
    try:
        return [
            trace(
                f"{id_}:{about.name}",
                title,
                unit,
                about,
                values.index.to_numpy(dtype=np.float64),
                np.asarray(values, dtype=np.float64),
                length_s,
                median=False,
            )
            for about, values in compute().items()
            if values is not None and len(values)
        ]
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return []


def _share(subject: Subject, shares: Callable[[], pd.DataFrame], of: str) -> Mapping[Subject, pd.Series[float] | None]:
    return {subject: shares().get(of)}


def _memory(frame: pd.DataFrame | None) -> pd.Series[float] | None:
    if frame is None or not told(frame, "available_KiB", "total_KiB", "t_s"):
        return None
    good = frame["total_KiB"] > 0
    return (frame["available_KiB"] / frame["total_KiB"])[good].set_axis(frame.loc[good, "t_s"])


def _disk(frame: pd.DataFrame | None) -> pd.Series[float] | None:
    """Busy share of the busiest device: the devices of one tick share a time to within a second."""
    if frame is None or not told(frame, "disk", "t_s", "busy_ms"):
        return None
    steps = increments(frame, ["busy_ms"], ["disk"])
    busy = (steps["busy_ms"] / (steps["dt_s"] * 1e3)).clip(upper=1.0)
    return busy.groupby(steps["t_s"].round()).max()


def _commit(frame: pd.DataFrame | None) -> pd.Series[float] | None:
    if frame is None or not told(frame, "took_us", "t_s"):
        return None
    return (frame["took_us"] / 1e6).set_axis(frame["t_s"])


def _latency(frame: pd.DataFrame | None) -> pd.Series[float] | None:
    """Mean time of an operation on the disk that was slowest just then; nothing where no disk did anything."""
    columns = ["reads", "read_ms", "writes", "write_ms"]
    if frame is None or not told(frame, "disk", "t_s", *columns):
        return None
    steps = increments(frame, columns, ["disk"])
    slow = latency_s(steps, "read", "write")
    return slow.groupby(steps["t_s"].round()).max()


def _traffic(
    node: str, frame: pd.DataFrame | None, tests: Sequence[tuple[float, float]]
) -> dict[Subject, pd.Series[float] | None]:
    """Bytes a second of the busiest interfaces: what its busier direction carried. The seconds of our tests, in which it was us, are left out."""
    if frame is None or not told(frame, "nic", "t_s", "rx_B", "tx_B"):
        return {}
    steps = increments(frame, ["rx_B", "tx_B"], ["nic"])
    steps = steps[quiet(steps["t_s"], tests)]
    rate = steps[["rx_B", "tx_B"]].max(axis=1) / steps["dt_s"]
    carried = rate.groupby(steps["nic"], observed=True).sum()
    busiest = carried[[carried[nic] > 0 and not loopback(str(nic)) for nic in carried.index]].nlargest(INTERFACES)
    return {
        Subject(Scope.DEVICE, f"{node}/{nic}"): rate[steps["nic"] == nic].set_axis(
            steps.loc[steps["nic"] == nic, "t_s"]
        )
        for nic in sorted(busiest.index)
    }


def _stall(node: NodeData) -> pd.Series[float] | None:
    """Lateness of the ordinary ticker per second; the list of pauses where there is no ticker."""
    for table, column in (("ticker", "late_max_us"), ("stall", "length_us")):
        frame = node.tables.get(table)
        if frame is not None and told(frame, "class", "t_s", column):
            rows = frame[frame["class"] == "default"]
            return (rows[column] / 1e6).set_axis(rows["t_s"])
    return None
