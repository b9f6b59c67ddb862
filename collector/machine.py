"""The machine and its clocks, as values that tests replace."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collector.contract import Json
from collector.errors import Unavailable
from collector.external import Finished, run
from collector.kernel import adjtimex, firmware, hardware_stamps
from collector.qdisc import Waiting, waiting

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
    """What is asked of the operating system through psutil, system calls and programs, in plain values.

    Probes use it for facts, and for counters where there are no /proc files.
    """

    def cpu_times(self) -> dict[str, float]:
        """Seconds since boot by state, summed over all CPUs."""
        ...

    def cores(self) -> list[dict[str, float]]:
        """The same for each logical CPU."""
        ...

    def load(self) -> dict[str, float]:
        """As far as they are known: load1 (average over one minute), switches (context switches since boot)."""
        ...

    def memory(self) -> dict[str, int]:
        """Bytes: total, available, free, swap_total, swap_free and what else is known."""
        ...

    def disks(self) -> dict[str, dict[str, int]]:
        """Counters per whole disk: reads, writes, read_B, write_B, read_ms, write_ms."""
        ...

    def filesystems(self) -> dict[str, dict[str, int]]:
        """Per mount point of a local file system: size_B, free_B."""
        ...

    def nics(self) -> dict[str, dict[str, int]]:
        """Counters per interface: rx_B, tx_B, rx_packets, tx_packets, errors and drops."""
        ...

    def links(self) -> dict[str, dict[str, int]]:
        """Per interface, as far as they are known: speed_Mbps, full_duplex, mtu."""
        ...

    def queues(self) -> dict[str, Waiting]:
        """What waits in the kernel's queue of each interface. Raises `Unavailable` where it does not tell."""
        ...

    def inventory(self) -> dict[str, Json]:
        """What the machine is: OS, kernel, CPU, memory, disks, interfaces with addresses."""
        ...

    def run(self, command: Sequence[str], deadline_s: float) -> Finished:
        """Run a program that only looks. Raises `Unavailable` and `OperatorError` as `collector.external.run` does."""
        ...

    def source_address(self, target: str) -> str:
        """The address from which this machine would send to `target`; empty if it has no way there. Sends nothing."""
        ...

    def clock_synchronised(self) -> bool | None:
        """Whether the kernel believes its clock to be kept by a time service. None: it cannot be asked."""
        ...

    def clock_error_s(self) -> float | None:
        """How far off the kernel's clock is at most, as its time service states it. None: it cannot be asked."""
        ...

    def firmware(self, nic: str) -> dict[str, str]:
        """What the driver of an interface says of itself: version and firmware; empty if it cannot be asked."""
        ...

    def hardware_stamps(self, nic: str) -> dict[str, int]:
        """What the driver of an interface says of stamping packets in hardware; empty if it cannot be asked.

        so_timestamping, phc_index, tx_types, rx_filters: what it can; tx_type, rx_filter: what it is set to, if it tells.
        """
        ...


class PsutilHost:
    """The real machine."""

    def cpu_times(self) -> dict[str, float]:
        """See `Host`."""
        import psutil

        return dict(psutil.cpu_times()._asdict())

    def cores(self) -> list[dict[str, float]]:
        """See `Host`."""
        import psutil

        return [dict(times._asdict()) for times in psutil.cpu_times(percpu=True)]

    def load(self) -> dict[str, float]:
        """See `Host`."""
        import psutil

        switches = psutil.cpu_stats().ctx_switches
        told = {"switches": float(switches)} if switches else {}
        # psutil's own average on Windows begins at zero with this process.
        return told | ({"load1": os.getloadavg()[0]} if hasattr(os, "getloadavg") else {})

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

    def filesystems(self) -> dict[str, dict[str, int]]:
        """See `Host`."""
        import psutil

        found = {}
        for part in psutil.disk_partitions():
            try:
                usage = psutil.disk_usage(part.mountpoint)
            except OSError:
                continue  # an empty drive
            found[part.mountpoint] = {"size_B": usage.total, "free_B": usage.free}
        return found

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

    def links(self) -> dict[str, dict[str, int]]:
        """See `Host`."""
        import psutil

        full = {"full": 1, "half": 0}
        found = {}
        for name, state in psutil.net_if_stats().items():
            told = {"speed_Mbps": state.speed or None, "full_duplex": full.get(_duplex(state.duplex)), "mtu": state.mtu}
            found[name] = {key: value for key, value in told.items() if value is not None}
        return found

    def queues(self) -> dict[str, Waiting]:
        """See `Host`."""
        return waiting()

    def inventory(self) -> dict[str, Json]:
        """See `Host`."""
        import platform

        import psutil

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
            "nics": _interfaces(),
        }

    def run(self, command: Sequence[str], deadline_s: float) -> Finished:
        """See `Host`. Looks into the folders for system programs too, which an ordinary user's PATH may lack."""
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
        program = shutil.which(command[0], path=path)
        if program is None:
            raise Unavailable(f"{command[0]}: not installed")
        return run([program, *command[1:]], deadline_s)

    def source_address(self, target: str) -> str:
        """See `Host`. Connecting a UDP socket makes the kernel choose a route and nothing else."""
        try:
            kind, _, _, _, where = socket.getaddrinfo(target, 9, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
            with socket.socket(kind, socket.SOCK_DGRAM) as sock:
                sock.connect(where)
                return str(sock.getsockname()[0]).partition("%")[0]
        except OSError:
            return ""

    def clock_synchronised(self) -> bool | None:
        """See `Host`."""
        told = adjtimex()
        return None if told is None else told[0]

    def clock_error_s(self) -> float | None:
        """See `Host`."""
        told = adjtimex()
        return None if told is None else told[1]

    def firmware(self, nic: str) -> dict[str, str]:
        """See `Host`."""
        return firmware(nic)

    def hardware_stamps(self, nic: str) -> dict[str, int]:
        """See `Host`."""
        return hardware_stamps(nic)


def _duplex(told: int) -> str:
    import psutil

    return {int(psutil.NIC_DUPLEX_FULL): "full", int(psutil.NIC_DUPLEX_HALF): "half"}.get(told, "")


def _interfaces() -> dict[str, Json]:
    import psutil

    states = psutil.net_if_stats()
    found: dict[str, Json] = {}
    for name, addresses in psutil.net_if_addrs().items():
        state = states.get(name)
        found[name] = {
            "up": state.isup if state else None,
            "speed_Mbps": (state.speed or None) if state else None,
            "mtu": state.mtu if state else None,
            "duplex": _duplex(state.duplex) if state else "",
            "mac": next((entry.address for entry in addresses if entry.family == psutil.AF_LINK), ""),
            "addresses": [
                {"family": entry.family.name, "address": entry.address, "netmask": entry.netmask}
                for entry in addresses
                if entry.family != psutil.AF_LINK
            ],
        }
    return found
