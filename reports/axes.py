"""Which unit an axis is labelled in, chosen by the size of what it shows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from reports.figures import MICRO, moment
from reports.texts import say

WIDE = 30.0
"""From this ratio of highest to lowest value on, a linear axis would hide the small ones."""


@dataclass(frozen=True, slots=True)
class Axis:
    """`unit` is written beside the axis; values in base units are divided by `size`. `wide`: use a log axis."""

    unit: str
    size: float
    wide: bool = False

    def scaled(self, values: Iterable[float | None]) -> tuple[float | None, ...]:
        """Values in the axis' unit; None stays None."""
        return tuple(None if value is None else value / self.size for value in values)


def time_axis(end_s: float) -> Axis:
    """Seconds, minutes, hours or days for a run of `end_s` seconds."""
    if end_s <= 180:
        return Axis("s", 1.0)
    if end_s <= 3 * 3600:
        return Axis("min", 60.0)
    return Axis("h", 3600.0) if end_s <= 96 * 3600 else Axis(say("days"), 86400.0)


def time_label(time: Axis, started: str) -> str:
    """What stands beside a time axis: its unit, and when it begins, in the zone of the report."""
    if not started:
        return say("time since the start, {unit}", unit=time.unit)
    return say("time since the start, {unit} (0 = {moment})", unit=time.unit, moment=moment(started))


def fitting_axis(values_s: Iterable[float | None]) -> Axis:
    """Microseconds, milliseconds or seconds for delays given in seconds, by the smallest one worth reading."""
    known = [value for value in values_s if value is not None and value > 0]
    if not known:
        return Axis("s", 1.0)
    low, high = min(known), max(known)
    wide = high / low > WIDE
    typical = (low * high) ** 0.5
    if typical < 0.3e-3:
        return Axis(f"{MICRO}s", 1e-6, wide)
    return Axis("ms", 1e-3, wide) if typical < 0.3 else Axis("s", 1.0, wide)


def unit_axis(unit: str, values: Iterable[float | None]) -> Axis:
    """A readable unit for a trace in base unit `unit`; an unknown unit stays as it is."""
    known = [abs(value) for value in values if value is not None]
    largest = max(known, default=0.0)
    match unit:
        case "s":
            return fitting_axis(known)
        case "ratio":
            return Axis("%", 0.01)
        case "B" | "B/s":
            for prefix, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
                if largest >= size:
                    return Axis(prefix + unit, size)
            return Axis(unit, 1.0)
        case _:
            return Axis(unit, 1.0)


def decades(low: float, high: float, count: int) -> tuple[float, float, list[float]]:
    """Ends of a log axis that holds both values, above 0, and at most about `count` round places for its labels."""
    low, high = low / 1.15, high * 1.15
    if high / low < 4:
        middle = math.sqrt(low * high)
        low, high = middle / 2, middle * 2
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8), (1, 1.5, 2, 3, 4, 6), (1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(ticks) <= count:
            break
    return low, high, ticks[:: 1 + len(ticks) // (count + 1)]
