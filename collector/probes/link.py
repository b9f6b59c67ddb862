"""Speed, duplex, MTU and carrier of each network interface.

What: negotiated speed and duplex, MTU, whether the interface has a carrier, and how often that changed.
Why HA: a port that negotiated 100 Mbit/s or half duplex loses packets under load, and a link that flaps is an outage
that both nodes see at once.
How: /sys/class/net, every ten seconds; psutil where there is no /sys. The kernel does not tell the carrier of
an interface that is switched off: that counts as none. A virtual one has no speed: null, not zero.
Source: kernel Documentation/ABI/testing/sysfs-class-net.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.errors import Unavailable
from collector.machine import LINUX

LINK = Table(
    "link",
    labels=("link",),
    metrics=(
        Metric("speed_Mbps", "B/s", Kind.GAUGE, 125_000.0, "negotiated speed; null: not told"),
        Metric("full_duplex", "1", Kind.GAUGE, help="1 full, 0 half; null: not told"),
        Metric("mtu", "1", Kind.GAUGE, help="largest packet, in bytes"),
        Metric("carrier", "1", Kind.GAUGE, help="1 with, 0 without or switched off; null: not told"),
        Metric("carrier_changes", "1", Kind.COUNTER, help="times the carrier came or went; null: not told"),
    ),
)

_DUPLEX = {"full": 1, "half": 0}
_ALL_ONES = (65535, 4294967295)
"""Unknown speed as older drivers write it: -1 without its sign."""


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick and interface."""
    if not LINUX:
        names = tuple(metric.name for metric in LINK.metrics)
        while True:
            now = env.clock.monotonic_ns()
            for nic, found in sorted(env.host.links().items()):
                yield Batch("link", (nic,), now, (*map(found.get, names),))
            yield None
    folder = env.root / "sys/class/net"
    while True:
        now = env.clock.monotonic_ns()
        for nic in _names(folder):
            values = _read(f"{folder}/{nic}")
            if any(value is not None for value in values):
                yield Batch("link", (os.fsencode(nic).decode(errors="replace"),), now, values)
        yield None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names alone are wanted
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror}") from error


def _read(nic: str) -> tuple[int | None, ...]:
    speed, mtu, carrier, changes = (_number(f"{nic}/{name}") for name in ("speed", "mtu", "carrier", "carrier_changes"))
    told = speed if speed and speed > 0 and speed not in _ALL_ONES else None
    if carrier is None and _text(f"{nic}/operstate") == "down":
        carrier = 0
    return told, _DUPLEX.get(_text(f"{nic}/duplex")), mtu, carrier, changes


def _number(path: str) -> int | None:
    text = _text(path)
    return int(text) if text.removeprefix("-").isdecimal() else None


def _text(path: str) -> str:
    """One attribute; empty where the driver does not tell it.

    Opened each time: a file kept open belongs to the device, and is dead for good when the device comes back.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(fd, 64).decode("ascii", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


PROBE = Probe("link", (LINK,), sample, period_s=10.0)
