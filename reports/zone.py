"""The time zone in which a report tells its times. UTC unless an option names another one.

A zone concerns every figure of time in every section and changes none of them, so it is set around the whole making of a report
instead of being handed from function to function.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo

from collector.errors import OperatorError, nearest

_CURRENT: ContextVar[tzinfo] = ContextVar("zone", default=UTC)


def time_zone(name: str) -> tzinfo:
    """The zone of that name.

    Raises:
        OperatorError: there is none.
    """
    if name == "UTC":
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        known = zoneinfo.available_timezones()
        hint = f"{nearest(name, known)}name it by region and city, such as Europe/Berlin; the default is UTC"
        if not known:
            hint = (
                "this machine has no table of time zones: install tzdata (pip install tzdata), or leave the option out"
            )
        raise OperatorError(f"there is no time zone {name!r}", hint) from error


@contextmanager
def told_in(zone: tzinfo) -> Iterator[None]:
    """All times of the report are told in that zone meanwhile."""
    token = _CURRENT.set(zone)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def named() -> str:
    """The zone that is set, by its name: ``Europe/Berlin``."""
    zone = _CURRENT.get()
    return "UTC" if zone is UTC else str(zone)


def local(instant: datetime, pattern: str) -> str:
    """The instant in the zone that is set, with what the clocks there are called at that moment: ``2026-11-21 10:35 CET``."""
    shown = instant.astimezone(_CURRENT.get())
    offset = shown.strftime("%z")
    name = shown.tzname() or ""
    if not name.isalpha():
        # Many zones have no abbreviation but their offset; bare, that reads as a part of the time.
        name = f"UTC{offset[:3]}:{offset[3:]}"
    return f"{shown.strftime(pattern)} {name}"
