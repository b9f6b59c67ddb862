"""How much a machine writes to its disks: what replication would have to carry if it carried every byte.

Disks lie on one another: a byte in a logical volume is written to the disk below it as well. The node's total therefore counts each
byte once: at the disks with nothing below them, but for the members of an array, whose copies are counted once, as the array's own.
Percentiles of the total are taken after the disks were added up minute by minute: peaks that do not meet do not add up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyzer.columns import Floats
from analyzer.contract import Scope, Subject, Trace, Writes
from analyzer.frames import NodeData
from analyzer.host import minute_sums, told
from analyzer.netfacts import text
from analyzer.rates import increments
from analyzer.thin import trace

STEPS = 1440
"""Steps of a series: the minutes of a day (design value). A longer run has longer steps, each with its highest minute."""

DISKS = 24
"""Disks that are listed, those with the most writes (design value); the total counts them all."""

HOUR = 60
_LAYERED = re.compile(r"(dm-|md|drbd|zd|bcache)\d")
"""Names of devices that lie on others, where the inventory does not tell."""
_Series = tuple[float | None, ...]
_ARRAY = re.compile(r"md\d|md_")


def writes(
    nodes: Mapping[str, NodeData], facts: Mapping[str, Mapping[str, Any]], duration_s: float
) -> tuple[tuple[Writes, ...], tuple[Trace, ...]]:
    """For each node that recorded its disks, the node as a whole, then its disks; and a chart of each such node."""
    found: list[Writes] = []
    charts: list[Trace] = []
    for name, node in nodes.items():
        minutes = _minutes(node.tables.get("disk"))
        if minutes:
            about = facts.get(name, {})
            counted = _counted(list(minutes), _below(about))
            # A disk without a row in a minute did nothing: the counters of all disks are read together. No table of all disks by all
            # minutes is made, which an odd archive could make larger than any memory.
            total = pd.concat([minutes[disk] for disk in counted]).groupby(level=0).sum()
            found.append(_figures(name, "", total, duration_s))
            found += _disks(name, minutes, counted, _holds(about), duration_s)
            charts.append(_chart(name, total, duration_s))
    return tuple(found), tuple(charts)


def _disks(
    node: str,
    minutes: Mapping[str, pd.Series[float]],
    counted: Sequence[str],
    holds: Mapping[str, Sequence[str]],
    duration_s: float,
) -> Iterator[Writes]:
    """The disks with the most writes first, and any that holds planned data."""
    busiest = sorted(minutes, key=lambda disk: -float(minutes[disk].sum()))
    for place, disk in enumerate(busiest):
        if place < DISKS or disk in holds:
            held = tuple(holds.get(disk, ()))
            yield _figures(node, disk, minutes[disk], duration_s, held, counted=disk in counted)


def _chart(node: str, total: pd.Series[float], duration_s: float) -> Trace:
    return trace(
        f"writes:{node}",
        "Written to all disks, by minute",
        "B/s",
        Subject(Scope.NODE, node),
        np.asarray(total.index, dtype=np.float64) * 60.0 + 30.0,
        np.asarray(total, dtype=np.float64),
        duration_s,
        median=False,
        least_s=60.0,
    )


def _minutes(frame: pd.DataFrame | None) -> dict[str, pd.Series[float]]:
    """Bytes written a second by whole minute of the run, of each disk."""
    if frame is None or not told(frame, "disk", "t_s", "write_B"):
        return {}
    steps = increments(frame, ["write_B"], ["disk"])
    sums = {str(disk): minute_sums(rows, ["write_B"]) for disk, rows in steps.groupby("disk", observed=True)}
    return {disk: minutes["write_B"] / minutes["dt_s"] for disk, minutes in sums.items() if len(minutes)}


def _below(facts: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """Which disks each disk lies on; None if the node did not tell."""
    found = facts.get("disks")
    if not isinstance(found, dict):
        return None
    return {str(disk): [one for one in map(text, on) if one] for disk, on in found.items() if isinstance(on, list)}


def _counted(disks: Sequence[str], below: Mapping[str, Sequence[str]] | None) -> list[str]:
    """The disks whose writes add up to the node's, each byte once."""
    if below is None:
        return [disk for disk in disks if not _LAYERED.match(disk)] or list(disks)
    known = set(disks)
    arrays = {disk for disk in disks if _ARRAY.match(disk) and known & set(below.get(disk, ()))}
    members = {one for array in arrays for one in below[array]}
    found = [disk for disk in disks if disk not in members and (disk in arrays or not known & set(below.get(disk, ())))]
    return found or list(disks)


def _holds(facts: Mapping[str, Any]) -> dict[str, list[str]]:
    """The planned data folders by the disk that holds them."""
    found: dict[str, list[str]] = {}
    entries = facts.get("data")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and (disk := text(entry.get("disk"))) and (folder := text(entry.get("folder"))):
            found.setdefault(disk, []).append(folder)
    return found


def _figures(
    node: str,
    disk: str,
    rates: pd.Series[float],
    duration_s: float,
    holds: tuple[str, ...] = (),
    *,
    counted: bool = True,
) -> Writes:
    values = rates.to_numpy(dtype=np.float64)
    p50, p95, p99 = (float(np.quantile(values, level, method="higher")) for level in (0.5, 0.95, 0.99))
    step_s, mean, most = _series(rates, duration_s) if holds or not disk else (60.0, (), ())
    return Writes(
        node=node,
        disk=disk,
        holds=holds,
        counted=counted,
        minutes=len(values),
        written_B=float(values.sum() * 60.0),
        mean_Bps=float(values.mean()),
        p50_Bps=p50,
        p95_Bps=p95,
        p99_Bps=p99,
        maximum_Bps=float(values.max()),
        hour_B=_busiest_hour(rates),
        step_s=step_s,
        mean_series_Bps=mean,
        maximum_series_Bps=most,
    )


def _busiest_hour(rates: pd.Series[float]) -> float | None:
    """The most that was written in 60 minutes in a row, all of them on record; None if there are none."""
    if len(rates) < HOUR:
        return None
    place = rates.index.to_numpy(dtype=np.float64)
    sums = np.append(0.0, np.cumsum(rates.to_numpy(dtype=np.float64) * 60.0))
    hours = (sums[HOUR:] - sums[:-HOUR])[place[HOUR - 1 :] - place[: len(place) - HOUR + 1] == HOUR - 1]
    return float(hours.max()) if len(hours) else None


def _series(rates: pd.Series[float], duration_s: float) -> tuple[float, _Series, _Series]:
    """(length of a step, mean and highest minute of each) from the start of the run; a step without a minute is None."""
    minutes = max(1, int(np.ceil(duration_s / 60.0)))
    each = -(-minutes // STEPS)
    count = -(-minutes // each)
    values = rates.to_numpy(dtype=np.float64)
    place = np.clip(rates.index.to_numpy(dtype=np.float64) // each, 0, count - 1).astype(np.int64)
    known = np.bincount(place, minlength=count)
    most = np.zeros(count)
    np.maximum.at(most, place, values)
    mean = np.bincount(place, values, minlength=count) / np.maximum(known, 1)
    return each * 60.0, _told(mean, known), _told(most, known)


def _told(values: Floats, known: npt.NDArray[np.intp]) -> _Series:
    return tuple(
        float(f"{value:.6g}") if rows else None for value, rows in zip(values.tolist(), known.tolist(), strict=True)
    )
