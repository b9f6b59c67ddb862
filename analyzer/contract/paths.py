"""What was measured between two nodes, and of the machines that they asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A distribution in seconds. `samples` is how many values it rests on."""

    samples: int
    minimum: float | None = None
    p50: float | None = None
    p99: float | None = None
    p999: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without an answer. `start_s` since the start of the assessed run.

    `slots` in a row were lost, or answered so late that an application heard nothing meanwhile (`late` of them).
    """

    start_s: float
    length_s: float
    slots: int
    late: int = 0


class Cause(StrEnum):
    """What made an answer slow. Untold: the record does not say."""

    LOAD_TEST = "bandwidth test"
    WIRE = "wire"
    LOCAL_QUEUE = "queue in the sender"
    LOCAL_STARVATION = "sender waited for a CPU"
    LOCAL_STOP = "sender was stopped"
    LOCAL_UNTOLD = "sender, not told why"
    PEER_QUEUE = "queue in the peer"
    PEER_STARVATION = "peer waited for a CPU"
    PEER_STOP = "peer was stopped"
    PEER_UNTOLD = "peer, not told why"
    UNTOLD = "not told"


@dataclass(frozen=True, slots=True)
class Slowness:
    """How many answers of a path came late for one cause, and the latest of them, counted from when the probe was due."""

    cause: Cause
    slots: int
    longest_s: float


class Load(StrEnum):
    """What the tests of a kind do to a path: with TCP as fast as it goes or as it is capped, with TCP at the planned data rate, with UDP."""

    FULL = "line full"
    PLANNED = "at the planned rate"
    UDP = "beside UDP"


@dataclass(frozen=True, slots=True)
class UnderLoad:
    """Fast probes of both ends of a path while tests of one kind loaded it: data went from its source to its target.

    `tests`: how many such tests there were; `probe_hz`: how often the source probed during the usual one. `longest_silence_s`: 0 if no
    two probes of one end in a row were lost. `loss_low`: lower end of the 95 % interval of their loss; None: none was sent.
    """

    kind: Load
    tests: int
    probe_hz: float
    sent: int
    lost: int
    rtt: Quantiles
    longest_silence_s: float
    loss_low: float | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """The measured budget of one directed path.

    `rtt` is what an application sees (sender's queue, wire, peer's residence); `wire` is the
    network alone, from kernel timestamps at both ends (`wire.samples` of them). `hours` is exposure:
    slots that were really sent, times the period. `unjudged` slots say nothing about the network (the sender was
    stalled, the peer was not running). Slots during a bandwidth test of either node stand apart: they are in `loaded`
    (round trips), `loaded_lost`, `loaded_low` (lower end of the 95 % interval of that loss) and `loaded_outage_s` (the longest outage
    that began under load), and in none of the other figures but `duplicates` and these: `slow`, the answers that came 20 ms later than the median one,
    by cause; `reordered` replies that came after those of later probes (None: not counted); `route_changes_there` and
    `route_changes_back`, how often the TTL on arrival changed (None: not told). `longest_blind_s`: the longest stretch, while
    both collectors ran, without a slot that says anything (None: not told). `wire_deviation_s` and `rtt_deviation_s`: standard
    deviations without the slowest 0.1 % (None: not told). `queued_there` and `queued_back`: one-way delay above its minimum on the way
    to the peer and back; without samples where under ten minutes with kernel stamps and without a clock step were measured. `fast`: what fast probes found while tests loaded this path, by kind of test;
    they are in no other figure.
    """

    path: str
    source: str
    target: str
    network: str
    wan: bool
    period_s: float
    hours: float
    sent: int
    answered: int
    lost_forward: int
    lost_back: int
    lost_unknown: int
    unjudged: int
    duplicates: int
    rtt: Quantiles
    wire: Quantiles
    residence: Quantiles
    loss: float | None
    loss_low: float | None
    loss_high: float | None
    outages: tuple[Outage, ...]
    longest_outage_s: float
    longest_stall_s: float
    stalls: int
    clock_offset_s: float | None
    clock_error_s: float | None
    loaded: Quantiles
    loaded_lost: int
    loaded_low: float | None
    loaded_outage_s: float
    slow: tuple[Slowness, ...]
    reordered: int | None = None
    route_changes_there: int | None = None
    route_changes_back: int | None = None
    longest_blind_s: float | None = None
    wire_deviation_s: float | None = None
    rtt_deviation_s: float | None = None
    queued_there: Quantiles = Quantiles(0)
    queued_back: Quantiles = Quantiles(0)
    fast: tuple[UnderLoad, ...] = ()

    @property
    def lost(self) -> int:
        """Slots that were lost, whichever way."""
        return self.lost_forward + self.lost_back + self.lost_unknown

    @property
    def judged(self) -> int:
        """Slots that say something about the network."""
        return self.answered + self.lost


@dataclass(frozen=True, slots=True)
class BandwidthTest:
    """One test of one direction, by the receiver's figures.

    `rate_bps` is the goodput once it had settled, in bit/s; `start_s` since the start of the run. CPU: share of one core
    that iperf3 took at each end (None: not told).
    """

    start_s: float
    length_s: float
    received_B: int
    rate_bps: float
    retransmits: int | None
    source_cpu: float | None
    target_cpu: float | None


@dataclass(frozen=True, slots=True)
class DatagramTest:
    """One test of one direction with UDP, by the receiver's figures.

    `sent_bps` is the rate it was sent at, `rate_bps` what arrived; `loss` the share of the datagrams that did not (None: not told).
    """

    start_s: float
    length_s: float
    sent_bps: int
    rate_bps: float
    loss: float | None
    jitter_s: float | None
    source_cpu: float | None
    target_cpu: float | None


class Obstacle(StrEnum):
    """Why a path has no bandwidth test, as far as that decides what to do. None: it has one."""

    NONE = ""
    ARCHIVE = "no archive of the sender"
    RATE = "no rate in the plan"
    TOOL = "no iperf3"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Throughput:
    """What one directed path carried. `planned_bps`: the plan's rate of the network; `limit_bps`: what the tests were held to.

    The quantiles are None without tests; `reason` says in words why tests are missing (empty if none is), `obstacle` for programs. All of
    these are of the tests that fill the path. `load_bps` is the data rate that was planned, `at_load` are the tests at that rate, `datagrams` those
    with UDP. `made_room`: how often tests were held back or ended because other programs needed a node, and the usual reason in words.
    """

    path: str
    source: str
    target: str
    network: str
    wan: bool
    planned_bps: int | None
    limit_bps: int | None
    tests: tuple[BandwidthTest, ...]
    minimum_bps: float | None
    median_bps: float | None
    maximum_bps: float | None
    reason: str
    obstacle: Obstacle = Obstacle.NONE
    load_bps: int | None = None
    at_load: tuple[BandwidthTest, ...] = ()
    datagrams: tuple[DatagramTest, ...] = ()
    made_room: tuple[int, str] = (0, "")


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch without an answer on a TCP connection that waited for one. `start_s` since the start of the run."""

    start_s: float
    length_s: float


@dataclass(frozen=True, slots=True)
class IdleAge:
    """TCP connections that carried nothing for `age_s` and were then used. `unknown`: the path itself did not answer then.

    `shortest_s`: after how long the first of those that were dropped was found to be gone (None: none was dropped).
    """

    age_s: int
    survived: int
    dropped: int
    unknown: int
    shortest_s: float | None


@dataclass(frozen=True, slots=True)
class EchoTiming:
    """How a TCP connection fared on a directed path that was sent a message every second.

    `rtt` runs from when a message was due to its answer, so it holds every retransmission. `silences` are those of half a second
    and more; `longest_silence_s` is the longest of all. `resets`: connections that were cut although the same start of the peer
    went on. `retransmissions` and `rto_s` (the largest timeout that was not backed off) are None where the kernel does not tell.
    Messages during a bandwidth test of either node are in `loaded` and in no other figure. `reason`: why nothing was measured.
    """

    path: str
    source: str
    target: str
    network: str
    wan: bool
    sent: int
    answered: int
    rtt: Quantiles
    silences: tuple[Silence, ...]
    longest_silence_s: float
    resets: int
    retransmissions: int | None
    rto_s: float | None
    loaded: Quantiles
    idle: tuple[IdleAge, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class PathMtu:
    """The largest IP packet that arrived whole with don't-fragment set on one directed path, over `searches` searches.

    `size_B` is the smallest answer of them, `largest_B` the largest. `nic_B`: the MTU of the sender's egress interface (None: it
    takes any packet); `told_B`: the smallest MTU that a router named (None: none did). `reason` says why nothing was found.
    """

    path: str
    source: str
    target: str
    network: str
    wan: bool
    searches: int
    size_B: int | None
    largest_B: int | None
    nic_B: int | None
    told_B: int | None
    reason: str


class Access(StrEnum):
    """What came of knocking at a port, the worst last."""

    OPEN = "open"
    USED = "open, used by another program"
    NOT_TESTED = "not tested"
    FILTERED = "no answer"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PortTest:
    """Whether `source` reaches `port` (``tcp/57348``) of `target` over `network`: the worst of `tests` tries.

    `stack`: the product that needs it; empty: only the address was tried. `reason`: what was said of it, or why it was not tested.
    """

    source: str
    target: str
    network: str
    port: str
    stack: str
    access: Access
    tests: int
    reason: str


@dataclass(frozen=True, slots=True)
class ObserverTiming:
    """How an observer answered one node's ICMP echo requests. `reason`: why it was not asked, empty if it was.

    `watched_s`: how long requests were recorded, of `run_s` that the node ran (None: not told).
    """

    observer: str
    kind: str
    address: str
    node: str
    sent: int
    answered: int
    rtt: Quantiles
    longest_outage_s: float
    reason: str
    watched_s: float | None = None
    run_s: float | None = None


@dataclass(frozen=True, slots=True)
class Joint:
    """The measured channels between two nodes (without any, all their measured networks), and when every one of them was out at once.

    `stood`: the node that stood still with its clock during the longest outage of each of them ("": none did, or it is not known).
    `majority`: the products of the plan that decide for the pair, if all of those do so by majority; then no outage of theirs splits it.
    `by_hand`: products join the two, and none of them fails over between them by itself; then an outage splits nothing either.
    """

    pair: tuple[str, str]
    networks: tuple[str, ...]
    common_outages: int
    longest_common_outage_s: float
    stood: str = ""
    majority: tuple[str, ...] = ()
    by_hand: bool = False
