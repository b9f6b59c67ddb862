"""What a sample is made of: machines with their clocks and troubles, and the lines between them.

Times are true seconds since the beginning of the run; each machine sees them on clocks of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from collector.plan import LoadKind, Plan, PlannedPath

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Course = Callable[[Floats], Floats]
"""A figure by time."""


def steady(value: float) -> Course:
    """The same all the time."""
    return lambda true_s: np.full(len(true_s), value)


def chance(seed: int, *names: str) -> np.random.RandomState:
    """Random numbers of one purpose: what is added elsewhere does not change them.

    numpy promises the stream of RandomState for ever, and of its newer generators not.
    """
    return np.random.RandomState([seed, zlib.crc32("|".join(names).encode())])


@dataclass(frozen=True, slots=True)
class Pause:
    """The machine runs nothing while its clocks go on. `steal`: the hypervisor says that it gave the CPUs to others."""

    at_s: float
    length_s: float
    steal: bool = False


@dataclass(frozen=True, slots=True)
class Disk:
    """What is written and how it fares. `write_Bps` and `wait_ms` (mean time of a write) by time; `busy` a share."""

    write_Bps: Course = field(default_factory=lambda: steady(60_000.0))
    wait_ms: Course = field(default_factory=lambda: steady(0.6))
    busy: float = 0.01
    queue: float = 0.02
    op_B: int = 8192


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A local file system: its size, what is free at the start, and how fast that goes."""

    device: str
    size_GiB: float
    free: float
    fills_Bps: float = 500.0
    inodes_free: float = 0.97


@dataclass(frozen=True, slots=True)
class Card:
    """An interface. `errors_ps`: damaged frames a second that it receives; `driver` as the inventory calls it."""

    speed_Mbps: int = 1000
    duplex: str = "full"
    errors_ps: float = 0.0
    driver: str = "igb"


@dataclass(frozen=True)
class Machine:
    """One node. `cpu` is the share of all its CPUs that is used, `steal` that which is stolen; `used` of its memory.

    `freezes` are (true s, length): it stands still together with its monotonic clock; a guest agent sets the wall clock right afterwards. `steps` of
    the wall clock: (true s, by). `facts` are laid over what a sound machine tells of itself. `traffic_bps`: what clients use, each way.
    """

    start_s: float = 0.0
    cpus: int = 8
    memory_GiB: int = 32
    cpu: Course = field(default_factory=lambda: steady(0.06))
    steal: Course = field(default_factory=lambda: steady(0.0))
    used: Course = field(default_factory=lambda: steady(0.18))
    commit_ms: tuple[float, float] = (0.9, 0.35)
    disks: Mapping[str, Disk] = field(default_factory=lambda: {"sda": Disk()})
    filesystems: Mapping[str, FileSystem] = field(
        default_factory=lambda: {"/": FileSystem("sda2", 60.0, 0.71), "/var": FileSystem("sda3", 120.0, 0.64)}
    )
    cards: Mapping[str, Card] = field(default_factory=dict)
    traffic_bps: Course = field(default_factory=lambda: steady(400_000.0))
    offset_s: float = 0.0
    steps: Sequence[tuple[float, float]] = ()
    pauses: Sequence[Pause] = ()
    freezes: Sequence[tuple[float, float]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[tuple[float, str]] = ()

    def local_s(self, true_s: Any) -> Any:
        """Own monotonic clock since own start."""
        true_s = np.asarray(true_s, dtype=float)
        stood = sum((np.clip(true_s - at_s, 0.0, length_s) for at_s, length_s in self.freezes), np.float64(0.0))
        return true_s - self.start_s - stood

    def true_s(self, local_s: Any) -> Any:
        """When the own clock shows that."""
        found = np.asarray(local_s, dtype=float) + self.start_s
        for at_s, length_s in sorted(self.freezes):
            found = np.where(found >= at_s, found + length_s, found)
        return found

    def wall_s(self, true_s: Any) -> Any:
        """Own wall clock, in seconds after the run's epoch."""
        true_s = np.asarray(true_s, dtype=float)
        stepped = sum((np.where(true_s >= at_s, by_s, 0.0) for at_s, by_s in self.steps), np.float64(0.0))
        return true_s + self.offset_s + stepped

    def stepped(self, from_s: Floats, to_s: Floats) -> Bools:
        """Whether the wall clock moved against the monotonic one meanwhile."""
        found = np.zeros(len(from_s), dtype=bool)
        for at_s in (*(at for at, _ in self.steps), *(at + length for at, length in self.freezes)):
            found |= (from_s < at_s) & (to_s >= at_s)
        return found

    def still(self, true_s: Floats) -> Bools:
        """Whether it stands still with its clock."""
        return _inside(true_s, self.freezes)

    def paused(self, true_s: Floats) -> Bools:
        """Whether it runs nothing."""
        return _inside(true_s, [(one.at_s, one.length_s) for one in self.pauses])

    def resumes_s(self, true_s: Floats) -> Floats:
        """When it gets to what comes at these times: at once, or at the end of the pause."""
        found = true_s.copy()
        for one in self.pauses:
            within = (true_s >= one.at_s) & (true_s < one.at_s + one.length_s)
            found[within] = one.at_s + one.length_s
        return found


def _inside(true_s: Floats, stretches: Iterable[tuple[float, float]]) -> Bools:
    found = np.zeros(len(true_s), dtype=bool)
    for at_s, length_s in stretches:
        found |= (true_s >= at_s) & (true_s < at_s + length_s)
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """One network between two nodes. A direction is written ``a>b``; what is not said of one holds for both.

    `one_way_s` and `noise_s` (the scale of a log-normal tail), `late` (share of packets that a queue delays by `late_s` more). `loss` of each
    direction by time; `outages`: (true s, length), both ways. What TCP gets is `goodput_bps`; while a test fills the line, its queue holds
    packets for `queue_s` and drops `load_loss` of them. `hops`: routers between.
    """

    one_way_s: float = 0.000_11
    noise_s: float = 0.000_012
    late: float = 0.002
    late_s: float = 0.000_15
    loss: Course = field(default_factory=lambda: steady(0.0))
    outages: Sequence[tuple[float, float]] = ()
    goodput_bps: Mapping[str, float] = field(default_factory=dict)
    usual_bps: float = 941e6
    queue_s: float = 0.000_4
    load_loss: float = 0.0
    hops: int = 0

    def rate_bps(self, way: str) -> float:
        """What TCP gets that way."""
        return self.goodput_bps.get(way, self.usual_bps)


@dataclass(frozen=True, slots=True)
class Load:
    """A bandwidth test that was made: when (true s), of which path and kind, and what came of it."""

    at_s: float
    length_s: float
    path: PlannedPath
    kind: LoadKind
    limit_bps: int | None
    rate_bps: float


@dataclass(frozen=True)
class Scenario:
    """One sample: its seed, its length, and what is not as usual. `lines` by network, or by ``network a+b``; `machines` by node.

    `short`: the archives go into the repository; of a day only what was made of them does.
    """

    name: str
    seed: int
    seconds: float = 900.0
    started: str = "2026-10-05T07:00:00"
    machines: Mapping[str, Machine] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)
    observers_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def short(self) -> bool:
        """Whether its archives are small enough for the repository."""
        return self.seconds <= 3600.0

    def machine(self, node: str) -> Machine:
        """That of a node."""
        return self.machines[node]

    def line(self, path: PlannedPath) -> Line:
        """That of a path, whichever way."""
        pair = "+".join(sorted((path.source, path.target)))
        return self.lines.get(f"{path.network} {pair}", self.lines.get(path.network, Line()))

    def session(self, node: str) -> str:
        """By which peers know the start of its collector."""
        random = chance(self.seed, "session", node)
        return bytes(random.randint(0, 256, 16).tolist()).hex()

    def stop_s(self, node: str) -> float:
        """When its collector ends."""
        return self.machine(node).start_s + self.seconds


@dataclass(frozen=True, slots=True)
class Series:
    """Rows of one table and one set of labels: when each was written (own clock), and its values; NaN is null."""

    table: str
    labels: tuple[str, ...]
    at_s: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario on its plan, with the bandwidth tests that were made."""

    scenario: Scenario
    plan: Plan
    loads: tuple[Load, ...]

    def begins_s(self, path: PlannedPath) -> float:
        """When the two collectors have met on it."""
        ends = [self.scenario.machine(node).start_s for node in (path.source, path.target)]
        return max(ends) + 0.1

    def ends_s(self, path: PlannedPath) -> float:
        """When the first of the two says goodbye."""
        return min(self.scenario.stop_s(node) for node in (path.source, path.target)) - 0.05


def micro(seconds: Any) -> Floats:
    """Whole microseconds."""
    return np.asarray(np.round(np.asarray(seconds, dtype=float) * 1e6), dtype=float)
