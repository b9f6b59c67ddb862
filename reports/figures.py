"""Numbers as people read them: three digits that matter, a unit, no raw floats.

Every function takes base units (seconds, ratio, bytes) and answers a short text; None becomes a
dash. Nothing depends on the locale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from reports import texts
from reports.texts import say
from reports.zone import local

DASH = "\N{EN DASH}"
"""Stands for "no value"; never for zero."""

ARROW = "\N{RIGHTWARDS ARROW}"

MICRO = "\N{MICRO SIGN}"

GROUP = "\N{NO-BREAK SPACE}"
"""Between the thousands of a number of five digits and more. What is configured (a port, an MTU, a VLAN) has none: it is written as it is typed."""

MINUTES_FROM_S = 119.95
"""From here on a time is told in minutes and seconds: nobody reads 835.8 s."""


def number(value: float | None, digits: int = 3) -> str:
    """Three significant digits, thousands kept whole: ``0.0124``, ``3.1``, ``1036``, ``86 400``."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    text = _grouped(f"{value:,.{min(max(decimals, 0), 9)}f}")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    # What is rounded away has no sign.
    return "0" if text == "-0" else text


def _grouped(text: str) -> str:
    """As in the analyzer's messages: four digits are read at a glance, more are not."""
    whole = text.lstrip("-").partition(".")[0]
    return text.replace(",", GROUP if len(whole) > len("9,999") else "")


def direction(source: str, target: str) -> str:
    """A directed path: ``sip-a -> sip-b``, with an arrow."""
    return f"{source} {ARROW} {target}"


def network(name: str, *, wan: bool) -> str:
    """A network and whether it leads to another site: ``ch1 (WAN)``."""
    return say("{name} (WAN)", name=name) if wan else name


def count(value: int | None) -> str:
    """A whole number: ``1036``, ``1 728 000``."""
    return DASH if value is None else _grouped(f"{value:,}")


def seconds(value: float | None) -> str:
    """A time with the unit its size asks for: ``3.1 us`` (with the micro sign), ``1.24 ms``, ``12 s``, ``5 min 30 s``."""
    if value is None or not math.isfinite(value):
        return DASH
    size = abs(value)
    if size == 0:
        return "0 s"
    if size < 999.5e-6:
        return f"{number(value * 1e6)} {MICRO}s"
    if size < 999.5e-3:
        return f"{number(value * 1e3)} ms"
    return f"{number(value)} s" if size < MINUTES_FROM_S else duration(value)


def milliseconds(value: float | None) -> str:
    """A time in a column of them, in one unit so that they compare at a glance: ``0.571 ms``, ``20.4 ms``, ``1240 ms``; minutes are told as such."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{number(value * 1e3)} ms" if abs(value) < MINUTES_FROM_S else duration(value)


def outage(length_s: float) -> str:
    """How long something was out, as the sentences about it say: ``800 ms``, ``1.4 s``, ``2 min 05 s``; 0 is none."""
    return seconds(length_s) if length_s else say("none")


def megabits(value: float | None) -> str:
    """A rate in a column of them, in one unit up to the one that plans are written in: ``0.456 Mbit/s``, ``1 Gbit/s``."""
    if value is None or not math.isfinite(value):
        return DASH
    if abs(value) >= 999.5e6:
        return bits(value)
    return f"{number(value / 1e6)} Mbit/s"


def quantile(value: float | None, samples: int, one_in: int) -> str:
    """A quantile beyond which one of `one_in` values lies, in a column of times. Of fewer values it is no other than the largest, and not told."""
    return milliseconds(value) if samples >= one_in else DASH


def duration(value: float | None) -> str:
    """How long something ran: ``45 s``, ``12 min 05 s``, ``1 h 03 min``, ``24 h``, ``3 d 04 h``, from 30 days on whole ones: ``1037 d``."""
    if value is None or not math.isfinite(value):
        return DASH
    whole = round(value)
    if whole < 120:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole, 60, "min", "s")
    minutes = round(value / 60)
    if minutes < 48 * 60:
        return _two(minutes, 60, "h", "min")
    hours = round(value / 3600)
    return _two(hours, 24, "d", "h") if hours < 30 * 24 else f"{count(round(hours / 24))} d"


def _two(whole: int, size: int, large: str, small: str) -> str:
    first, rest = divmod(whole, size)
    return f"{first} {large} {rest:02d} {small}" if rest else f"{first} {large}"


def ratio(value: float | None, digits: int = 3) -> str:
    """A share of one as per cent: ``0.12 %``; a tiny share keeps its digits, down to one in ten million."""
    if value is None or not math.isfinite(value):
        return DASH
    if value and abs(value) < 1e-7:
        return say("nearly 0 %")
    return f"{number(value * 100, digits)} %"


def span(low: float | None, high: float | None) -> str:
    """A range of shares: ``0.061 to 0.096 %``."""
    if low is None or high is None:
        return DASH
    return say("{low} to {high}", low=number(low * 100, 2), high=ratio(high, 2))


def octets(value: float | None, suffix: str = "") -> str:
    """Bytes with decimal prefixes: ``512 B``, ``4.17 MB``; `suffix` "/s" for a rate."""
    told = _prefixed(value, ("B", "kB", "MB", "GB", "TB"), 1000)
    return told if told == DASH else told + suffix


def memory(value: float | None) -> str:
    """Memory, which is sold and told in powers of two: ``31.6 GiB``."""
    return _prefixed(value, ("B", "KiB", "MiB", "GiB", "TiB"), 1024)


def bits(value: float | None) -> str:
    """A line rate: ``100 Mbit/s``."""
    return _prefixed(value, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"), 1000)


def _prefixed(value: float | None, units: Sequence[str], step: int) -> str:
    """The value in the first of the units, each `step` times the one before, in which it is no more than three digits (four from 1000 to 1023)."""
    if value is None or not math.isfinite(value):
        return DASH
    size, place = abs(value), 0
    while size >= step - 0.5 and place < len(units) - 1:
        size, place = size / step, place + 1
    return f"{number(math.copysign(size, value))} {units[place]}"


def quantity(value: float | None, unit: str) -> str:
    """A measured figure of any unit that the assessment uses."""
    match unit:
        case "s":
            return seconds(value)
        case "ratio":
            return ratio(value)
        case "B":
            return octets(value)
        case "B/s":
            return octets(value, "/s")
        case "octets":
            return DASH if value is None else f"{value:.0f} B"
        case "bps" | "bit/s":
            return bits(value)
        case "" | "1" | "count":
            return count(int(value)) if value is not None and value == round(value) else number(value)
        case _:
            return DASH if value is None else f"{number(value)} {_written(unit)}"


def unit(text: str) -> str:
    """A unit as it is written beside a value: a plain number has none, and "1" would be read as one more digit."""
    return "" if text in ("1", "count") else _written(text)


def _written(text: str) -> str:
    """``/s`` for ``1/s``: behind a number that 1 would be read as a figure of its own."""
    return text.removeprefix("1") if text.startswith("1/") else text


def entry(value: float | str) -> str:
    """A value exactly as it is typed into the product: ``10``, ``1.5``, ``addp``."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def moment(text: str) -> str:
    """An ISO 8601 instant as ``2026-11-21 09:35 UTC``, in the zone of the report; text that is none stays as it is."""
    try:
        instant = datetime.fromisoformat(text)
        return local(instant.replace(tzinfo=instant.tzinfo or UTC), "%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return text or DASH


def instant(text: str, after_s: float) -> str:
    """The instant `after_s` seconds after an ISO 8601 one, to the second; a dash if there is none."""
    try:
        found = datetime.fromisoformat(text) + timedelta(seconds=round(after_s))
        return local(found.replace(tzinfo=found.tzinfo or UTC), "%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return DASH


def subject(name: str) -> str:
    """A subject for people: ``a>b/net`` gets its arrow, ``a+b`` its "and", ``a/sda`` a colon; ``a//var`` is a mount point."""
    owner, slash, rest = name.partition("/")
    source, sign, target = owner.partition(">")
    if slash:
        return f"{source} {ARROW} {target} ({rest})" if sign else f"{owner}: {rest}"
    first, *others = name.split("+")
    for other in others:
        first = say("{one} and {other}", one=first, other=other)
    return first


def listing(names: Sequence[str], most: int = 12) -> str:
    """``a, b, c`` or, of many, the first and how many more there are."""
    told = ", ".join(names[:most])
    return told if len(names) <= most else say("{names} and {count} more", names=told, count=len(names) - most)


def several(items: int, one: str, many: str = "") -> str:
    """``1 path``, ``12 paths``."""
    return texts.several(items, f"{{count}} {one}", f"{{count}} {many or one + 's'}")
