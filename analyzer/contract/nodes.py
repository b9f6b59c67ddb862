"""What was recorded of each node: its archive, clocks, pauses, writes, and the work of two on one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """How a probe or a path fared on a node, in one line. `seconds`: how long it was in that state.

    `gave_up`: it was skipped after it had worked.
    """

    probe: str
    state: str
    reason: str
    ticks: int
    missed: int
    seconds: float
    gave_up: bool = False


@dataclass(frozen=True, slots=True)
class NodeSummary:
    """One assessed node: its archive and what the machine said of itself.

    `restarts`: processes of the collector that had to be started again; `dropped`: messages of theirs that were lost.
    `clock_error_s` bounds the alignment of this node's clock with the first node's (0 for that one; None: only wall
    clocks could be compared, so nothing bounds it).
    """

    name: str
    role: str
    site: str
    archive: str
    sha256: str
    session: str
    tool_version: str
    started: str
    duration_s: float
    planned_s: float
    gaps_s: float
    sealed: bool
    damage: tuple[str, ...]
    restarts: int
    dropped: int
    clock_error_s: float | None
    inventory: tuple[tuple[str, str], ...]
    outcomes: tuple[ProbeOutcome, ...]


@dataclass(frozen=True, slots=True)
class Writes:
    """What a node wrote to one disk in `minutes` whole minutes; `disk` "": to all disks that are `counted`, each byte once.

    The quantiles are of one-minute rates; of the node they are those of the disks' sum. `holds`: planned data folders on this disk, as
    far as that is known. `counted`: part of the node's sum (a logical volume is not: its bytes are those of the disk below it).
    `hour_B`: the most in 60 minutes in a row (None: there were none without a gap). The series, of the node and of disks that hold planned data
    only, has a step of whole minutes from the start of the run on the common base, at most 1440 of them: mean of each, and its
    highest minute (None: no data).
    """

    node: str
    disk: str
    holds: tuple[str, ...]
    counted: bool
    minutes: int
    written_B: float
    mean_Bps: float
    p50_Bps: float
    p95_Bps: float
    p99_Bps: float
    maximum_Bps: float
    hour_B: float | None
    step_s: float
    mean_series_Bps: tuple[float | None, ...]
    maximum_series_Bps: tuple[float | None, ...]

    @property
    def day_B(self) -> float:
        """What a whole day at the mean rate comes to; measured only where the run was that long."""
        return self.mean_Bps * 86400.0


@dataclass(frozen=True, slots=True)
class Situation:
    """A state in which a path carries replication: `active` is the node that writes, `lost` one that is gone ("": none).

    `documented`: the vendor says that it goes this way; else it is derived.
    """

    active: str
    lost: str
    documented: bool


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits on a path when the measured writes are replayed through it. None: it never ends.

    `largest_B` is the largest backlog, at `at_s` since the start of the run, gone after `drain_s`; `behind_s` the age of the oldest byte that had not
    left, at its worst: what a lost node costs. `resync`: (length of an outage, time until nothing waits any more after it), begun at the
    worst minute. `copy_s`: a full copy beside the mean of the writes (also None where its size is not known). `share`: of the rate that is needed
    (95 % of all minutes are below it) in the rate that was measured.
    """

    share: float
    largest_B: float
    at_s: float
    drain_s: float | None
    behind_s: float
    left_B: float
    resync: tuple[tuple[float, float | None], ...]
    copy_s: float | None


@dataclass(frozen=True, slots=True)
class Replication:
    """The writes that a path will have to carry, beside what it carried. `reason`: what is missing; then there is no backlog.

    `network` "": no probed network joins the two. `writer`: the node whose writes count, of its `disks` (none named: all of them) in `minutes` whole minutes; `in_use`
    whether it serves somebody already. The rates are those of one-minute sums with `growth` in them; three minutes wrote `third_Bps` or more. `held`: the tests
    were held to less than the path may carry. `plain` is without compression, `packed` with the `compression` that the plan states.
    `size_from`: where `size_B` of a full copy comes from.
    """

    path: str
    source: str
    target: str
    network: str
    wan: bool
    situations: tuple[Situation, ...]
    writer: str
    disks: tuple[str, ...]
    in_use: bool
    minutes: int
    growth: float
    mean_Bps: float | None
    p95_Bps: float | None
    p99_Bps: float | None
    maximum_Bps: float | None
    third_Bps: float | None
    capacity_bps: float | None
    held: bool
    compression: float | None
    plain: Backlog | None
    packed: Backlog | None
    size_B: float | None
    size_from: str
    reason: str


class Resource(StrEnum):
    """What a node may run short of."""

    CPU = "CPU"
    MEMORY = "memory"
    DISK = "disk"
    NIC = "network interface"


@dataclass(frozen=True, slots=True)
class Headroom:
    """What `node` would use of a resource with the work of `other` added, minute by minute, of the `capacity` it has (None: not told).

    CPU in cores, memory in bytes, a disk in its busy share, an interface in bit/s (of its busier direction). `of`: the disks or the network. The quantiles
    are those of the sum; three minutes used `third` or more. `own_p95` and `other_p95` are those of each by itself. `reason`: why there is no figure.
    """

    node: str
    other: str
    resource: Resource
    of: str
    minutes: int
    own_p95: float | None
    other_p95: float | None
    p95: float | None
    p99: float | None
    third: float | None
    capacity: float | None
    reason: str

    @property
    def share(self) -> float | None:
        """What 95 % of all minutes stay below, of the capacity; None: not known."""
        return None if self.p95 is None or not self.capacity else self.p95 / self.capacity

    @property
    def peak_share(self) -> float | None:
        """The same of 99 % of all minutes."""
        return None if self.p99 is None or not self.capacity else self.p99 / self.capacity


@dataclass(frozen=True, slots=True)
class ClockStep:
    """A jump of a wall clock. `at_s`: the first reading after it, since the start of the run; readings are ten seconds apart.

    `by_s` is negative if the clock was set back; `beyond_s` is what of its size slewing cannot explain.
    """

    at_s: float
    by_s: float
    beyond_s: float


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who kept a clock from `at_s` on, as far as it was seen: the service ("" none, None not told), and whether it is synchronised."""

    at_s: float
    service: str | None
    synchronised: bool | None


@dataclass(frozen=True, slots=True)
class NodeClock:
    """What a node's clocks did. `steps` are the largest of `steps_found`, in order of time; `readings`: how often they were read.

    `skew_ppm`: how much faster the node's clock runs than the first node's, with the bound of its error (0 for that one; None: not
    told, because too little was measured or only wall clocks could be compared). `keepers`: the state at the first look, and each change.
    """

    node: str
    readings: int
    skew_ppm: float | None
    skew_error_ppm: float | None
    steps_found: int
    steps: tuple[ClockStep, ...]
    keepers: tuple[Keeper, ...]


class StallCause(StrEnum):
    """Why a node, or the process that watches it, stood still. Unknown: the record does not say."""

    STARVATION = "waited for a CPU"
    STEAL = "the hypervisor took the CPU"
    PAGING = "waited for memory or disk"
    STOP = "the process was stopped"
    STUN = "the whole node stood still, its clock ran"
    SUSPEND = "the node was suspended"
    FROZEN = "the node stood still with its clock"
    UNKNOWN = "not told"


@dataclass(frozen=True, slots=True)
class Stall:
    """One stall and what was on record about it. `start_s` since the start of the run.

    What is compared with `length_s`: the watching process's wait for a CPU, and, beyond what is usual on this node, the time that tasks
    waited for CPU, I/O and memory (pressure), the CPU time that the hypervisor took of one CPU, and the slowest commit. `faults`: page
    faults beyond the usual that had to read a disk. `others_silent`: whether the node's other processes were silent too. None: not told.
    """

    start_s: float
    length_s: float
    cause: StallCause
    waited_s: float | None = None
    cpu_s: float | None = None
    io_s: float | None = None
    memory_s: float | None = None
    steal_s: float | None = None
    faults: float | None = None
    commit_s: float | None = None
    others_silent: bool | None = None


@dataclass(frozen=True, slots=True)
class StallTally:
    """How often a node stalled for one cause, for how long altogether, and the longest time."""

    cause: StallCause
    count: int
    total_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class NodeStalls:
    """The stalls of a node by cause, the longest total first, and the worst of them, the longest first.

    Those of its ticker (20 ms and more), and those in which its monotonic clock stood still as well, which no process of the node can
    see: from its boot clock, and from what its peers saw. The latter are outages of the paths to it already and count as nothing else.
    `watched`: by how many peers; with none a frozen clock cannot be seen.
    """

    node: str
    tallies: tuple[StallTally, ...]
    worst: tuple[Stall, ...]
    watched: int


@dataclass(frozen=True, slots=True)
class Note:
    """What a person marked during the run on one node. `at_s` since the start of the run, on the common base."""

    node: str
    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Tenure:
    """A stretch in which a node held an address while a product ran; looked at every ten seconds.

    `name`: what the plan calls the address; `from_s`, `to_s` since the start of the run, on the common base. `left`: it went away then;
    otherwise the node's record ends there.
    """

    address: str
    name: str
    node: str
    from_s: float
    to_s: float
    left: bool
