"""The machine and its clocks, as values that tests replace."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collector.contract import Json
from collector.errors import Unavailable

LINUX = sys.platform.startswith("linux")
_CHUNK = 1 << 16


class Clock(Protocol):
    """Three clocks in integer nanoseconds."""

    def monotonic_ns(self) -> int:
        """Intervals: never stepped, stands still while the machine is suspended."""
        ...

    def realtime_ns(self) -> int:
        """Labels: what the machine believes the time of day to be, since 1970."""
        ...

    def boottime_ns(self) -> int:
        """As monotonic, but counts suspended time as well."""
        ...


class SystemClock:
    """The clocks of this machine."""

    monotonic_ns = staticmethod(time.monotonic_ns)
    realtime_ns = staticmethod(time.time_ns)

    @staticmethod
    def boottime_ns() -> int:
        """Monotonic time where the platform has no boot clock."""
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic_ns() if boot is None else time.clock_gettime_ns(boot)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The three clocks read at one moment, in ns."""

    mono_ns: int
    real_ns: int
    boot_ns: int


def take_anchor(clock: Clock) -> Anchor:
    """Read the three clocks together: the tightest of five tries, monotonic on both sides of real."""
    best: tuple[int, Anchor] | None = None
    for _ in range(5):
        before = clock.monotonic_ns()
        real, boot = clock.realtime_ns(), clock.boottime_ns()
        width = clock.monotonic_ns() - before
        if best is None or width < best[0]:
            best = (width, Anchor(before + width // 2, real, boot))
    assert best is not None
    return best[1]


class KeptFile:
    """A counter file that is opened once and re-read from its start every tick.

    Keeping it open saves 15-25 us a read. A read of /proc may return only a first part, so
    it is repeated until nothing more comes.
    """

    __slots__ = ("_fd", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror}") from error

    def read(self) -> bytes:
        """The whole content as it is now.

        Raises:
            Unavailable: the file went away (a device was removed, say).
        """
        parts = []
        offset = 0
        try:
            while chunk := os.pread(self._fd, _CHUNK, offset):
                parts.append(chunk)
                offset += len(chunk)
        except OSError as error:
            raise Unavailable(f"{self.path}: {error.strerror}") from error
        return b"".join(parts)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)


class Host(Protocol):
    """What is asked of the operating system through psutil, in plain values.

    Probes use it for facts, and for counters where there are no /proc files.
    """

    def cpu_times(self) -> dict[str, float]:
        """Seconds since boot by state, summed over all CPUs."""
        ...

    def memory(self) -> dict[str, int]:
        """Bytes: total, available, free, swap_total, swap_free and what else is known."""
        ...

    def disks(self) -> dict[str, dict[str, int]]:
        """Counters per whole disk: reads, writes, read_B, write_B, read_ms, write_ms."""
        ...

    def nics(self) -> dict[str, dict[str, int]]:
        """Counters per interface: rx_B, tx_B, rx_packets, tx_packets, errors and drops."""
        ...

    def inventory(self) -> dict[str, Json]:
        """What the machine is: OS, kernel, CPU, memory, disks, interfaces with addresses."""
        ...


class PsutilHost:
    """The real machine, through psutil."""

    def cpu_times(self) -> dict[str, float]:
        """See `Host`."""
        import psutil

        return dict(psutil.cpu_times()._asdict())

    def memory(self) -> dict[str, int]:
        """See `Host`."""
        import psutil

        virtual, swap = psutil.virtual_memory(), psutil.swap_memory()
        found = {name: int(value) for name, value in virtual._asdict().items() if name != "percent"}
        return found | {"swap_total": swap.total, "swap_free": swap.free}

    def disks(self) -> dict[str, dict[str, int]]:
        """See `Host`."""
        import psutil

        return {
            name: {
                "reads": io.read_count,
                "read_B": io.read_bytes,
                "read_ms": io.read_time,
                "writes": io.write_count,
                "write_B": io.write_bytes,
                "write_ms": io.write_time,
            }
            for name, io in psutil.disk_io_counters(perdisk=True).items()
        }

    def nics(self) -> dict[str, dict[str, int]]:
        """See `Host`."""
        import psutil

        return {
            name: {
                "rx_B": io.bytes_recv,
                "rx_packets": io.packets_recv,
                "rx_errors": io.errin,
                "rx_drops": io.dropin,
                "tx_B": io.bytes_sent,
                "tx_packets": io.packets_sent,
                "tx_errors": io.errout,
                "tx_drops": io.dropout,
            }
            for name, io in psutil.net_io_counters(pernic=True).items()
        }

    def inventory(self) -> dict[str, Json]:
        """See `Host`."""
        import platform

        import psutil

        states = psutil.net_if_stats()
        return {
            "hostname": platform.node(),
            "system": platform.system(),
            "kernel": platform.release(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "cpus": psutil.cpu_count() or 0,
            "cores": psutil.cpu_count(logical=False) or 0,
            "memory_B": psutil.virtual_memory().total,
            "boot_time_s": int(psutil.boot_time()),
            "partitions": [
                {"device": part.device, "mount": part.mountpoint, "type": part.fstype}
                for part in psutil.disk_partitions()
            ],
            "nics": {
                name: {
                    "up": states[name].isup if name in states else None,
                    "speed_Mbps": states[name].speed if name in states else None,
                    "mtu": states[name].mtu if name in states else None,
                    "addresses": [
                        {"family": address.family.name, "address": address.address, "netmask": address.netmask}
                        for address in addresses
                    ],
                }
                for name, addresses in psutil.net_if_addrs().items()
            },
        }
