"""Lines of an archive to numpy columns; whatever is not as it must be is damage, raised as ValueError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from collector.archive.format import Block, Segment

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]

_SENT: Mapping[str, type[np.signedinteger[Any]]] = {
    "t_us": np.int64,
    "slot": np.int32,
    "late_us": np.int32,
    "tx_us": np.int32,
    "flag": np.int16,
}
_REPLY: Mapping[str, type[np.signedinteger[Any]]] = {
    "slot": np.int32,
    "fwd_us": np.int64,
    "res_us": np.int32,
    "back_us": np.int64,
    "rxq_us": np.int32,
    "rseq": np.int32,
    "ttl": np.int16,
    "ttl_fwd": np.int16,
    "flags": np.int16,
    "out_us": np.int32,
}
_ADDED = frozenset({"out_us"})
"""Columns that the first archives do not have: all null there."""

WIRE: Mapping[str, Mapping[str, type[np.signedinteger[Any]]]] = {
    "sent": _SENT,
    "reply": _REPLY,
    "seen": {"t_us": np.int64, "first": np.int32, "count": np.int32},
    "burst": _SENT,
    "burst_reply": _REPLY,
}
"""Columns that are kept, and in what type. A day of one path takes 22 B a slot sent and 40 B a reply."""

FAST = ("burst", "burst_reply")
"""Those of the fast probes beside a bandwidth test. What became of an ordinary slot does not depend on them."""

LABELS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (*WIRE, "bandwidth", "window", "datagrams", "served", "pmtu", "echo", "echo_tcp", "echo_end", "idle"), ("path",)
    ),
    "reach": ("path", "port"),
    **dict.fromkeys(("ticker", "stall"), ("class",)),
    **{
        name: (name,)
        for name in ("backlog", "commit", "cpu", "disk", "filesystem", "link", "nic", "observer", "pressure")
    },
    **dict.fromkeys(("cost", "handles", "load", "memory", "paging", "tcp", "wire"), ()),
}
"""What the tables of an archive are labelled by. Any other is labelled by its own name, `path` or `class`, or not at all."""

LABEL_NAMES = frozenset(label for labels in LABELS.values() for label in labels)

_ASTRAY_US = 3600 * 10**6
"""A row may be written long after its time, but not that long."""

_NARROW = (1 << 31) - 1
"""A machine of 64 cores fills half a gigabyte a day at 64 bits, and most counters need no 32. Fewer would make pandas divide in
halves of a float."""

_CLOCKS_US = 4 * 10**15
"""More than 120 years between two wall clocks is no clock offset but damage."""

_KEYS = {"slot", "first", "count", "flag", "flags", "t_us"}
"""Null or a value out of bounds is damage here; a duration is clipped to its type: 35 minutes are long enough."""


def check_labels(block: Block) -> None:
    """Hold a block's labels against what its table has: another name could pass for a column of numbers.

    Raises:
        ValueError: a label is missing or unknown, or a column bears its name.
    """
    names = set(block.labels)
    known = LABELS.get(block.table)
    if names != set(known) if known is not None else not names <= {block.table, "path", "class"}:
        raise ValueError(f"labelled by {', '.join(sorted(names)) or 'nothing'}")
    if not names.isdisjoint({*block.columns, "t_us", "t_s"}):
        raise ValueError("a column bears the name of a label")


def null_of(array: Ints) -> int:
    """The value that stands for null in a wire column."""
    return int(np.iinfo(array.dtype).min)


def _integers(block: Block, name: str) -> npt.NDArray[np.int64]:
    """Values of a column; what stands in null ranges is the last value before them."""
    line = block.lines[block.columns.index(name)]
    if not line.endswith(b"]"):
        raise ValueError(f"{name} is cut short")
    steps = np.fromstring(line[1:-1], dtype=np.int64, sep=",")
    if len(steps) != block.rows:
        raise ValueError(f"{name} holds {len(steps)} values instead of {block.rows}")
    return np.cumsum(steps)


def wire_column(segment: Segment, block: Block, name: str, kind: type[np.signedinteger[Any]]) -> Ints:
    """A column of `WIRE` in its own type; null is `null_of` the result.

    Raises:
        ValueError: not `rows` integers, a null where none may be, or a value out of bounds.
    """
    bounds = np.iinfo(kind)
    if name in _ADDED and name not in block.columns:
        return np.full(block.rows, bounds.min, dtype=kind)
    values = _integers(block, name)
    if name in _KEYS and name in block.nulls:
        raise ValueError(f"{name} is null")
    low, high = bounds.min + 1, int(bounds.max)
    match name:
        case "t_us":
            _in_time(segment, name, values)
        case "slot" | "first" | "count":
            _within(name, values, 0, high)
        case "flag" | "flags":
            _within(name, values, low, high)
        case "fwd_us" | "back_us":
            _within(name, values, -_CLOCKS_US, _CLOCKS_US)
    small = np.clip(values, low, high).astype(kind)
    for start, stop in block.nulls.get(name, ()):
        small[start:stop] = bounds.min
    return small


def _within(name: str, values: npt.NDArray[np.int64], low: int, high: int) -> None:
    if values.min() < low or values.max() > high:
        raise ValueError(f"{name} is out of bounds")


def _in_time(segment: Segment, name: str, values: npt.NDArray[np.int64]) -> None:
    _within(name, values, segment.from_us - _ASTRAY_US, segment.to_us + _ASTRAY_US)


def host_column(segment: Segment, block: Block, name: str) -> npt.NDArray[Any]:
    """A column as integers of 32 bits where they do, or as floats with NaN where there are nulls.

    Raises:
        ValueError: not `rows` integers, or times that lie outside the segment.
    """
    values = _integers(block, name)
    ranges = block.nulls.get(name)
    if name == "t_us":
        if ranges:
            raise ValueError(f"{name} is null")
        _in_time(segment, name, values)
    if not ranges:
        return values.astype(np.int32) if abs(int(values.min())) <= _NARROW >= abs(int(values.max())) else values
    floats = values.astype(np.float64)
    for start, stop in ranges:
        floats[start:stop] = np.nan
    return floats


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    """A column of a host table as floats; all NaN where an odd archive has no such column, or text in it."""
    if name not in frame or not pd.api.types.is_numeric_dtype(frame[name]):
        return np.full(len(frame), np.nan)
    values: Floats = frame[name].to_numpy(dtype=np.float64)
    return values
