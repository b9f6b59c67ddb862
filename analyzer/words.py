"""Figures in the analyzer's own sentences."""

from __future__ import annotations

import math
from collections.abc import Collection
from itertools import islice

MOST_LETTERS = 4000
"""Of what no page holds and nobody reads; only a hostile archive gives as much."""


def cut(text: str) -> str:
    """The text, or the begin of one that is longer than anybody reads."""
    more = len(text) - MOST_LETTERS
    return text if more <= 0 else f"{text[:MOST_LETTERS]} ... and {more} more letters"


def few(names: Collection[str], most: int = 20) -> str:
    """The first names, and how many more there are."""
    shown = list(islice(names, most))
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


def times(count: int) -> str:
    """How often: ``once``, ``3 times``."""
    return "once" if count == 1 else f"{count} times"


def span(length_s: float) -> str:
    """How long something was measured, rounded down: 14.9 min never read as the 15 that are needed."""
    if length_s < 120:
        return f"{math.floor(length_s)} s"
    return f"{math.floor(length_s / 60)} min" if length_s < 7200 else f"{math.floor(length_s / 360) / 10:g} h"


def share(ratio: float) -> str:
    """A ratio in per cent with three digits at most: ``0.077 %``; one in ten million is the least that has a name."""
    if 0.0 < ratio < 1e-7:
        return "under 0.00001 %"
    return f"{float(f'{100 * ratio:.3g}'):g} %"


_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def seconds(value_s: float) -> str:
    """Four significant digits in the unit that fits: ``1.837 ms``, ``6 s``, ``0 s``."""
    for size, unit in _UNITS:
        if value_s >= size:
            return f"{float(f'{value_s / size:.4g}'):g} {unit}"
    return "0 s" if value_s <= 0 else f"{float(f'{value_s / 1e-6:.4g}'):g} µs"


def bits(rate_bps: float) -> str:
    """Three significant digits of a line rate: ``94.1 Mbit/s``."""
    for size, unit in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if rate_bps >= size:
            return f"{float(f'{rate_bps / size:.3g}'):g} {unit}"
    return f"{rate_bps:.0f} bit/s"


def octets(amount: float) -> str:
    """Three significant digits of an amount: ``4.17 MB``."""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if amount >= size:
            return f"{float(f'{amount / size:.3g}'):g} {unit}"
    return f"{amount:.0f} B"


_LARGE = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def quantity(value: float | None, unit: str) -> str:
    """A figure of any unit that a limit has; None is "none"."""
    if value is None:
        return "none"
    match unit:
        case "s":
            if value >= 120.0:
                return f"{value / 3600:.4g} h" if value >= 7200.0 else f"{value / 60:.4g} min"
            return seconds(value)
        case "ratio":
            return share(value)
        case "B" | "bit/s" | "B/s":
            size, prefix = next(((size, prefix) for size, prefix in _LARGE if abs(value) >= size), (1.0, ""))
            return f"{float(f'{value / size:.4g}'):g} {prefix}{unit}"
        case "1":
            return f"{float(f'{value:.4g}'):g}"
        case _:
            return f"{float(f'{value:.4g}'):g} {unit}"
