"""Figures by whole minute, kept in the assessment so that two runs can be compared without their archives.

Slots during bandwidth tests are left out: our own load is no difference between two sites. A minute counts with half of its time measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyzer.columns import Floats, numbers
from analyzer.contract import Figure, Minutes, Scope, Subject
from analyzer.frames import NodeData
from analyzer.host import counted_minutes, cpu_shares, latency_s, told
from analyzer.timing import Measured

_LEAST = 0.5
"""Share of a minute that has to be measured."""
_MOST = 100_000
"""Minutes of the longest run that is kept so (69 days): a file with absurd times must not take all memory."""
_OPERATIONS = ["reads", "read_ms", "writes", "write_ms"]


def path_minutes(found: Measured, length_s: float) -> list[Minutes]:
    """Round trip and loss of a path by minute."""
    count = _count(length_s)
    subject = Subject(Scope.PATH, found.timing.path)
    needed = _LEAST * 60.0 / found.timing.period_s
    median, high = np.full(count, np.nan), np.full(count, np.nan)
    for minute, part in _by_minute(found.t_s, found.rtt_s):
        if 0 <= minute < count and len(part) >= needed:
            part.sort()
            median[minute] = part[len(part) // 2]
            high[minute] = part[math.ceil(0.99 * (len(part) - 1))]
    place = _minute(found.judged_s)
    inside = (place >= 0) & (place < count)
    judged = np.bincount(place[inside], minlength=count)
    lost = np.bincount(place[inside], weights=found.lost[inside], minlength=count)
    loss = np.where(judged >= needed, lost / np.maximum(judged, 1), np.nan)
    return [
        Minutes(Figure.RTT_MEDIAN, subject, "s", _optional(median)),
        Minutes(Figure.RTT_P99, subject, "s", _optional(high)),
        Minutes(Figure.LOSS, subject, "ratio", _optional(loss)),
    ]


def node_minutes(node: NodeData, length_s: float) -> Iterator[Minutes]:
    """What a machine did by minute, as far as its archive holds it. Odd figures cost their own series only."""
    count, subject = _count(length_s), Subject(Scope.NODE, node.name)
    for figure, compute in ((Figure.CPU_MEAN, _busy), (Figure.STALLED, _stalled)):
        try:
            values = compute(node, count)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            continue
        if values is not None:
            yield Minutes(figure, subject, "ratio", _optional(values))
    try:
        disks = dict(_disks(node.tables.get("disk"), count))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return
    for disk, values in disks.items():
        yield Minutes(Figure.DISK, Subject(Scope.DEVICE, f"{node.name}/{disk}"), "s", _optional(values))


def _busy(node: NodeData, count: int) -> Floats | None:
    shares = cpu_shares(node.tables.get("cpu", pd.DataFrame()), minutes=True)
    return _placed(shares["busy"], count) if len(shares) else None


def _stalled(node: NodeData, count: int) -> Floats | None:
    """Share of each minute in which the ordinary ticker stood still; only of minutes that it recorded."""
    ticker = node.tables.get("ticker")
    if ticker is None or not told(ticker, "class", "t_s"):
        return None
    recorded = _minute(numbers(ticker[ticker["class"] == "default"], "t_s"))
    seconds = np.bincount(recorded[(recorded >= 0) & (recorded < count)], minlength=count)
    stood_s = np.zeros(count)
    stall = node.tables.get("stall")
    if stall is not None and told(stall, "class", "t_s", "length_us"):
        rows = stall[(stall["class"] == "default") & (stall["length_us"] > 0)]
        place = _minute(numbers(rows, "t_s"))
        inside = (place >= 0) & (place < count)
        np.add.at(stood_s, place[inside], numbers(rows, "length_us")[inside] / 1e6)
    stalled: Floats = np.where(seconds >= _LEAST * 60.0, stood_s / 60.0, np.nan)
    return stalled


def _disks(frame: pd.DataFrame | None, count: int) -> Iterator[tuple[str, Floats]]:
    if frame is None or not told(frame, "disk", "t_s", *_OPERATIONS):
        return
    for disk in frame["disk"].unique():
        sums = counted_minutes(frame[frame["disk"] == disk], _OPERATIONS)
        if len(sums) and len(took := latency_s(sums, "read", "write")):
            yield str(disk), _placed(took, count)


def _placed(values: pd.Series[float], count: int) -> Floats:
    """Values by their minute."""
    found = np.full(count, np.nan)
    minute = values.index.to_numpy(dtype=np.float64)
    inside = (minute >= 0) & (minute < count)
    found[minute[inside].astype(np.int64)] = values.to_numpy(dtype=np.float64)[inside]
    return found


def _by_minute(t_s: Floats, values: Floats) -> Iterator[tuple[int, Floats]]:
    """The values of every minute that has some."""
    if not len(t_s):
        return
    minute = _minute(t_s)
    order = np.argsort(minute, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(minute[order]) > 0))
    yield from zip(minute[order][starts].tolist(), np.split(values[order], starts[1:]), strict=True)


def _minute(t_s: Floats) -> npt.NDArray[np.int64]:
    return np.floor(np.nan_to_num(t_s, nan=-1.0, posinf=-1.0, neginf=-1.0).clip(-1e12, 1e12) / 60.0).astype(np.int64)


def _count(length_s: float) -> int:
    """Whole minutes of the run; what is left over is too short to compare."""
    return int(min(max(length_s, 0.0) // 60.0, _MOST))


def _optional(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(f"{value:.5g}") if math.isfinite(value) else None for value in values.tolist())
