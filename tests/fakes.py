"""Stand-ins that tests own: clocks that stand still, a machine that is a folder, a plan in one line."""

from __future__ import annotations

import itertools
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from collector.contract import Env, Run
from collector.errors import Unavailable
from collector.external import Finished
from collector.peers.timestamps import udp_socket
from collector.plan import Plan, parse
from collector.processes import Inlet, Outlet
from collector.qdisc import Waiting

SECOND = 1_000_000_000
T0_NS = 1_000 * SECOND
REAL_NS = 1_750_000_000 * SECOND
PATIENCE_S = 10.0
"""Give up waiting for this machine's own kernel after so long; nothing takes that long unless it is broken."""


class FakeClock:
    """Three clocks that move only when they are told to."""

    def __init__(self, mono_ns: int = T0_NS, real_ns: int = REAL_NS, boot_ns: int | None = None) -> None:
        self.mono_ns = mono_ns
        self.real_ns = real_ns
        self.boot_ns = mono_ns if boot_ns is None else boot_ns

    def monotonic_ns(self) -> int:
        return self.mono_ns

    def realtime_ns(self) -> int:
        return self.real_ns

    def boottime_ns(self) -> int:
        return self.boot_ns

    def advance(self, seconds: float) -> None:
        """Time passes on all three."""
        step = round(seconds * SECOND)
        self.mono_ns += step
        self.real_ns += step
        self.boot_ns += step

    def step(self, seconds: float) -> None:
        """Somebody sets the time of day."""
        self.real_ns += round(seconds * SECOND)


class ShiftedClock:
    """The clocks of this machine (kernel stamps come from them), each moved by as much as a test likes."""

    def __init__(self) -> None:
        self.mono_shift_ns = 0
        self.real_shift_ns = 0

    def monotonic_ns(self) -> int:
        return time.monotonic_ns() + self.mono_shift_ns

    def realtime_ns(self) -> int:
        return time.time_ns() + self.real_shift_ns

    def boottime_ns(self) -> int:
        return self.monotonic_ns()

    def reach(self, mono_ns: int) -> None:
        """Let monotonic time be `mono_ns`, unless it is later already."""
        self.mono_shift_ns += max(0, mono_ns - self.monotonic_ns())


class FakeHost:
    """What the operating system would say, as plain values."""

    def __init__(self, **told: Any) -> None:
        self.told = told
        self.ran: list[tuple[str, float]] = []

    def cpu_times(self) -> dict[str, float]:
        return dict(self.told.get("cpu_times", {}))

    def cores(self) -> list[dict[str, float]]:
        return list(self.told.get("cores", []))

    def load(self) -> dict[str, float]:
        return dict(self.told.get("load", {}))

    def memory(self) -> dict[str, int]:
        return dict(self.told.get("memory", {}))

    def disks(self) -> dict[str, dict[str, int]]:
        return dict(self.told.get("disks", {}))

    def filesystems(self) -> dict[str, dict[str, int]]:
        return dict(self.told.get("filesystems", {}))

    def nics(self) -> dict[str, dict[str, int]]:
        return dict(self.told.get("nics", {}))

    def links(self) -> dict[str, dict[str, int]]:
        return dict(self.told.get("links", {}))

    def queues(self) -> dict[str, Waiting]:
        if "queues" not in self.told:
            raise Unavailable("not told")
        return dict(self.told["queues"])

    def inventory(self) -> dict[str, Any]:
        return dict(self.told.get("inventory", {"hostname": "fake", "system": "FakeOS"}))

    def run(self, command: Sequence[str], deadline_s: float) -> Finished:
        """`programs`: command line -> output, or the exception that it ends in; any other is not installed."""
        self.ran.append((" ".join(command), deadline_s))
        found = self.told.get("programs", {}).get(" ".join(command))
        if found is None:
            raise Unavailable(f"{command[0]}: not installed")
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, Finished) else Finished(0, found, "")

    def source_address(self, target: str) -> str:
        found: str = self.told.get("sources", {}).get(target, "")
        return found

    def clock_synchronised(self) -> bool | None:
        found: bool | None = self.told.get("synchronised")
        return found

    def clock_error_s(self) -> float | None:
        found: float | None = self.told.get("clock_error_s")
        return found

    def firmware(self, nic: str) -> dict[str, str]:
        return dict(self.told.get("firmware", {}).get(nic, {}))

    def hardware_stamps(self, nic: str) -> dict[str, int]:
        return dict(self.told.get("hardware_stamps", {}).get(nic, {}))


def machine(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder that looks like a machine: path below the root -> content."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


_octets = itertools.count(1)


def addresses(count: int) -> list[str]:
    """Loopback addresses that no other test of this process uses, and hardly another process."""
    second, third = os.getpid() // 250 % 250 + 2, os.getpid() % 250 + 1
    return [f"127.{second}.{third}.{next(_octets) % 250 + 2}" for _ in range(count)]


def free_port(address: str) -> int:
    """A port that is free on `address` for UDP and TCP at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.bind((address, 0))
        port: int = tcp.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind((address, port))
    return port


def plan_data(*ips: str, port: int = 8862, **more: Any) -> dict[str, Any]:
    """The smallest mapping that is a plan: nodes a, b, c... on one network ch1."""
    ips = ips or ("10.9.0.1", "10.9.0.2")
    nodes = [{"name": name, "addr": {"ch1": f"{ip}/24"}} for name, ip in zip("abcdefgh", ips, strict=False)]
    return {
        "format": 1,
        "cluster": {"name": "lab", "origin": "synthetic"},
        "network": {"ch1": {"kind": "channel"}},
        "node": nodes,
        "probe": {"port": port},
        **more,
    }


def make_plan(*ips: str, port: int = 8862, **more: Any) -> Plan:
    """`plan_data`, read."""
    return parse(plan_data(*ips, port=port, **more), "plan")


def make_env(clock: Any, host: Any, root: Path) -> Env:
    """What a probe of node a is given; t0 is the clock's present."""
    plan = make_plan()
    run = Run("5e55" * 8, clock.monotonic_ns(), root)
    return Env(clock, host, run, plan, plan.node("a"), root)


def pipe() -> tuple[Inlet, Outlet]:
    """The two ends of one pipe of messages; the caller closes their descriptors."""
    reading, writing = os.pipe()
    return Inlet(reading), Outlet(writing)


class Emitted:
    """Takes rows as the wire process would, by table and labels."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, tuple[str, ...]], list[tuple[int | None, ...]]] = {}

    def __call__(self, table: str, labels: tuple[str, ...], rows: list[tuple[int | None, ...]]) -> None:
        self.rows.setdefault((table, labels), []).extend(rows)

    def table(self, name: str) -> list[tuple[int | None, ...]]:
        """The rows of a table, whatever its labels."""
        return [row for (table, _), rows in self.rows.items() if table == name for row in rows]


def arrived(sock: socket.socket) -> bytes:
    """Wait for a datagram and look at it without taking it away."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            return sock.recv(4096, socket.MSG_PEEK)
        except BlockingIOError:
            select.select([sock], [], [], 0.01)
    raise AssertionError("no datagram came")


def until(condition: Callable[[], bool], work: Callable[[], object]) -> None:
    """Do `work` until `condition` holds."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came about"
        work()


def listening(address: str) -> Iterator[socket.socket]:
    """A UDP socket with stamps on `address`, closed at the end."""
    sock = udp_socket(address, 0)
    try:
        yield sock
    finally:
        sock.close()
