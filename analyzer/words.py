"""Figures in the analyzer's own sentences."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from itertools import islice

from analyzer.contract import Limit, Status

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


def count(number: float) -> str:
    """A whole number, its thousands apart from five digits on: ``1036``, ``283 729``.

    The space is an ordinary one: what prints messages takes no other for a letter. The report keeps it from a line's end.
    """
    return _grouped(f"{number:,.0f}")


def figure(value: float) -> str:
    """Three significant digits, thousands kept whole: ``0.0124``, ``46.3``, ``1036``."""
    if value == 0.0:
        return "0"
    if not 1e-9 <= abs(value) < math.inf:
        return f"{value:.3g}"
    decimals = 2 - math.floor(math.log10(abs(value)))
    text = _grouped(f"{value:,.{min(max(decimals, 0), 12)}f}")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _grouped(text: str) -> str:
    whole = text.lstrip("-").partition(".")[0]
    return text.replace(",", " " if len(whole) > len("9,999") else "")


def times(count: int) -> str:
    """How often: ``once``, ``3 times``."""
    return "once" if count == 1 else f"{count} times"


def span(length_s: float) -> str:
    """How long something was measured, rounded down: 14.9 min never read as the 15 that are needed."""
    length_s = round(length_s, 6)  # what was added up to 15 min may be a bit short of them
    if length_s < 120:
        return f"{math.floor(length_s)} s"
    return f"{math.floor(length_s / 60)} min" if length_s < 7200 else f"{math.floor(length_s / 360) / 10:g} h"


def share(ratio: float) -> str:
    """A ratio in per cent with three digits at most: ``0.077 %``; one in ten million is the least that has a name."""
    if 0.0 < ratio < 1e-7:
        return "nearly 0 %"
    return f"{figure(100 * ratio)} %"


TAILED = 1000
"""Of fewer answers the 99.9 % quantile is no other than the largest."""


def tail(samples: int) -> str:
    """What the 99.9 % quantile of so many round trips is: of few the slowest of all."""
    return "99.9 %" if samples >= TAILED else "slowest"


_ROUNDED = 0.9995
"""From this part of a unit on, three digits make a whole one: ``1 s``, not ``1000 ms``."""
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def seconds(value_s: float) -> str:
    """Three significant digits in the unit that fits: ``1.84 ms``, ``6 s``, ``0 s``."""
    for size, unit in _UNITS:
        if value_s >= _ROUNDED * size:
            return f"{figure(value_s / size)} {unit}"
    return "0 s" if value_s <= 0 else f"{figure(value_s / 1e-6)} µs"


def bits(rate_bps: float) -> str:
    """Three significant digits of a line rate: ``94.1 Mbit/s``."""
    return _prefixed(rate_bps, _DECIMAL[1:], "bit/s")


def certainly(length_s: float, certain_s: float, limit: Limit) -> str:
    """A silence that ends somewhere between two probes, and beside it what of that is judged: only where it matters, and reads as another figure."""
    told, certain = seconds(length_s), seconds(certain_s)
    return told if told == certain or limit.judge(length_s) is Status.PASS else f"{told}, {certain} for certain"


def octets(amount: float) -> str:
    """Three significant digits of an amount: ``4.17 MB``."""
    return _prefixed(amount, _DECIMAL, "B")


def memory(amount: float) -> str:
    """Three significant digits of an amount of memory, which is sold and told in powers of two: ``31.6 GiB``."""
    return _prefixed(amount, ((2.0**30, "Gi"), (2.0**20, "Mi"), (2.0**10, "Ki")), "B")


_DECIMAL = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def _prefixed(value: float, sizes: Iterable[tuple[float, str]], unit: str) -> str:
    for size, prefix in sizes:
        if abs(value) >= _ROUNDED * size:
            return f"{figure(value / size)} {prefix}{unit}"
    return f"{value:.0f} {unit}"


def quantity(value: float | None, unit: str) -> str:
    """A figure of any unit that a limit has; None is "none"."""
    if value is None:
        return "none"
    match unit:
        case "s":
            if value >= 120.0:
                return f"{figure(value / 3600)} h" if value >= 7200.0 else f"{figure(value / 60)} min"
            return seconds(value)
        case "ratio":
            return share(value)
        case "B" | "bit/s" | "B/s":
            return _prefixed(value, _DECIMAL[1:], unit) if abs(value) >= 1.0 else f"{figure(value)} {unit}"
        case "1":
            return figure(value)
        case "1/s":
            return f"{figure(value)} /s"
        case _:
            return f"{figure(value)} {unit}"


def either_way(one: str, other: str) -> str:
    """Two ends in the order of their names: what is to be done about both directions of a path reads the same, and is asked for once."""
    return " and ".join(sorted((one, other)))
