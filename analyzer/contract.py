"""What the analyzer emits: the assessment, which *is* the JSON.

A report can be redrawn from it without the archives. Nothing here needs pandas or numpy,
so that `reports/` can import it alone. All times are seconds; instants are ISO 8601 UTC. The module is long because
it is one vocabulary: what a reader of the JSON meets stands in one place.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from analyzer.plain import plain, revive
from collector.errors import ArchiveError

_WHICH = "pass an assessment: the .json file that `haready assess` or `haready analyze` wrote"

SCHEMA = 4
"""Version of the assessment; every change of a key is a new one.

History: 1 = first. 2 = topology, LAN plan and ways out, bandwidth, observers, TCP echo, path MTU, ports, notes, clocks, slow answers,
silence under load, basis "provisional", cautions and conditions of settings. 3 = bytes written, stalls by cause, queueing delay per
direction, fast probes under load, tests at the planned rate and with UDP, replication, headroom, advice on topology,
limits changed by a profile, waivers, verdict "suitable with waivers", figures by minute, claims, takeover and
trade-off of settings. 4 = who held which address, what a model of the tails says, the silence outside of the worst hour.
"""


class Status(StrEnum):
    """Outcome of one rule on one subject. Unknown (skipped, error) is never a pass."""

    PASS = "pass"  # noqa: S105 - an outcome, no secret
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"
    ERROR = "error"


class Verdict(StrEnum):
    """The answer to "will these machines and this network carry it?"."""

    SUITABLE = "suitable"
    WAIVED = "suitable with waivers"
    CONDITIONAL = "conditional"
    UNSUITABLE = "unsuitable"
    INCONCLUSIVE = "inconclusive"


class Scope(StrEnum):
    """What a rule is asked about, once per subject."""

    NODE = "node"
    DEVICE = "device"
    PAIR = "pair"
    PATH = "path"
    CLUSTER = "cluster"


class Sense(StrEnum):
    """Which side of a limit is good."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


class Change(StrEnum):
    """What a profile did to a limit. One level relaxed is relaxed, whatever became of the other."""

    NONE = ""
    RELAXED = "relaxed"
    STRICTER = "stricter"


class Area(StrEnum):
    """The scores' headings."""

    DATA = "data"
    HOST = "host"
    NETWORK = "network"
    SETTINGS = "settings"


OF_PATHS = ("path ", "bandwidth ", "echo ", "pmtu ", "reach ")
"""How outcomes begin that are about a path, not about a probe of the node: rules of their own judge them."""


class Basis(StrEnum):
    """What a recommended value rests on.

    Floor: under 15 minutes were measured, or a part of the record cannot be read, and the vendor's floor decided. Provisional: the
    same, but something larger did.
    """

    MEASURED = "measured"
    FLOOR = "vendor floor"
    PROVISIONAL = "provisional, too little or damaged data"
    OVERRIDE = "plan override"


class Claim(StrEnum):
    """What a setting's risk rests on: the measured bound alone, a model of the tails, or only that nothing seen speaks against it."""

    CERTIFIED = "certified"
    MODEL_BACKED = "model-backed"
    UNREFUTED = "unrefuted"


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that judges, with its source. `warn` and `fail` are in `unit`; None: no such level.

    `profile`: which profile changed it ("": none did), from `default_warn` and `default_fail`.
    """

    name: str
    unit: str
    warn: float | None
    fail: float | None
    sense: Sense
    source: str
    profile: str = ""
    default_warn: float | None = None
    default_fail: float | None = None

    @property
    def change(self) -> Change:
        """Whether the profile relaxed it or made it stricter."""
        if not self.profile:
            return Change.NONE
        levels = ((self.default_warn, self.warn), (self.default_fail, self.fail))
        if any(self._relaxed(before, now) for before, now in levels):
            return Change.RELAXED
        return Change.NONE if all(before == now for before, now in levels) else Change.STRICTER

    def _relaxed(self, before: float | None, now: float | None) -> bool:
        if before is None or now is None:
            return before is not None
        return now > before if self.sense is Sense.AT_MOST else now < before

    def judge_default(self, value: float) -> Status:
        """What the limit says without the profile."""
        if not self.profile:
            return self.judge(value)
        return Limit(self.name, self.unit, self.default_warn, self.default_fail, self.sense, self.source).judge(value)

    def judge(self, value: float) -> Status:
        """Pass up to and including the limit, warn or fail beyond it."""
        sign = 1.0 if self.sense is Sense.AT_MOST else -1.0
        if self.fail is not None and sign * value > sign * self.fail:
            return Status.FAIL
        if self.warn is not None and sign * value > sign * self.warn:
            return Status.WARN
        return Status.PASS


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured figure, beside the limit it was held against (None: informative)."""

    what: str
    value: float | None
    unit: str
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about. `name` is ``node``, ``node/device``, ``a+b`` or ``a>b/network``; no node has + > / in its name."""

    scope: Scope
    name: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """A person's word that one rule's finding on one subject is accepted up to and including the day `until` (ISO 8601)."""

    rule: str
    subject: str
    reason: str
    who: str
    until: str


class WaiverState(StrEnum):
    """What came of a waiver."""

    APPLIED = "applied"
    EXPIRED = "expired"
    NOT_NEEDED = "not needed"
    UNMATCHED = "matches nothing"


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A waiver of the run's operator and what came of it; `remark` says what to do about one that was not applied."""

    waiver: Waiver
    state: WaiverState
    remark: str


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A limit that a profile changed. `decided`: subjects that the unchanged limit would have judged worse."""

    rule: str
    title: str
    limit: Limit
    decided: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's word on one subject. `traces` are ids of traces or curves that show it.

    `points`: of a message that has several points, what kind each is ("" if it has none), so that equal ones can be counted.
    `waiver`: who accepted it; its status stays what it is.
    """

    rule: str
    title: str
    area: Area
    subject: Subject
    status: Status
    message: str
    evidence: tuple[Evidence, ...] = ()
    remedy: str = ""
    traces: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    waiver: Waiver | None = None


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
    two probes of one end in a row were lost.
    """

    kind: Load
    tests: int
    probe_hz: float
    sent: int
    lost: int
    rtt: Quantiles
    longest_silence_s: float


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
    """The measured channels between two nodes (without any, all their measured networks), and when every one of them was out at once."""

    pair: tuple[str, str]
    networks: tuple[str, ...]
    common_outages: int
    longest_common_outage_s: float


@dataclass(frozen=True, slots=True)
class Setting:
    """One value to enter, why it is that value, and where the option is documented.

    `unit` is empty for a plain number. `place`: where in the product the option is, if that is not the recommendation's own `where`.
    `only_if`: what has to be so for this value to be entered at all ("only if ..."); empty: always.
    """

    option: str
    value: int | float | str
    unit: str
    because: str
    source: str
    verified: bool = True
    place: str = ""
    only_if: str = ""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Text to paste on one node."""

    node: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Constraint:
    """One candidate for a timeout; the largest one decides. `value_s` before rounding."""

    name: str
    value_s: float
    text: str
    binding: bool = False


@dataclass(frozen=True, slots=True)
class TradeOff:
    """One timeout, and what it would have cost on the measured trace.

    `timeout_s`: the silence that it outlasts; `detection_s`: longest time until a dead peer is noticed. `incidents`: hours of the run in which it
    would have suspected a healthy peer; `bound_per_year`: 95 % upper bound of such hours a year (None: nothing was observed).
    """

    timeout_s: float
    detection_s: float
    incidents: int
    bound_per_year: float | None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Risk:
    """What the trace says of the recommended setting. `text` says the bound in plain words, `caveat` stands with every bound.

    `claim` is a label beside the value and chose nothing. `exposure_s`: how long all that the setting needs was observed at once; `silence_s`: the longest
    silence in it, with that of TCP where the product rides on it, and `halves_s` the longest of the first and of the second half of the run.
    `doubts`: what lowers the class; `better`: what a better class would take. `model`: what a model of the tails says of the setting, or why there is
    none; "" where the measurement alone proves it. `elsewhere_s`: the longest silence outside of the hour that held the longest.
    """

    claim: Claim
    target_per_year: float
    incidents: int
    exposure_s: float
    bound_per_year: float | None
    silence_s: float
    silence_at_s: float
    halves_s: tuple[float, float]
    text: str
    caveat: str
    better: str
    doubts: tuple[str, ...] = ()
    model: str = ""
    elsewhere_s: float | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What one stack should be set to, for one subject. No settings: `notes` say why.

    `override`: what the plan relaxed here and why, printed on page 1; empty if nothing. `cautions`: what else page 1 has to say
    beside the values, because they are not enough without it: (what, what is missing and who knows). `detection_s`: until a dead peer is noticed;
    `takeover`: what comes after that until the service is back, in words. `risk` None: nothing was replayed. `change`: what would change the value.
    `nodes`: whom it is about.
    """

    stack: str
    title: str
    subject: Subject
    networks: tuple[str, ...]
    where: str
    basis: Basis
    settings: tuple[Setting, ...]
    constraints: tuple[Constraint, ...]
    detection_s: tuple[float, float] | None
    override: str
    notes: tuple[str, ...]
    snippets: tuple[Snippet, ...]
    cautions: tuple[tuple[str, str], ...] = ()
    takeover: str = ""
    risk: Risk | None = None
    tradeoff: tuple[TradeOff, ...] = ()
    change: str = ""
    nodes: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Trace:
    """A quantity over the run, thinned without losing an extreme: at most 480 bins.

    Bin i covers ``start_s + i * step_s`` onwards; `low`, `mid`, `high` are its minimum,
    median or mean, and maximum (None: no data). `start_s` counts from the start of the run.
    """

    id: str
    title: str
    unit: str
    subject: Subject
    start_s: float
    step_s: float
    low: tuple[float | None, ...]
    mid: tuple[float | None, ...]
    high: tuple[float | None, ...]


class CpuShare(StrEnum):
    """What shares of all CPUs' time a node has a trace of: each is the title of its own.

    All but `BUSY` lie on each other in the node's chart, in this order from below; up to `STOLEN` they are what is busy.
    """

    BUSY = "CPU busy"
    PROGRAMS = "CPU in programs"
    KERNEL = "CPU in the kernel"
    INTERRUPTS = "CPU in interrupts"
    STOLEN = "CPU stolen by the hypervisor"
    WAITING = "CPU waiting for a disk"


class Figure(StrEnum):
    """What two runs are compared by."""

    RTT_MEDIAN = "round trip, median"
    RTT_P99 = "round trip, 99 % of a minute"
    LOSS = "loss"
    THROUGHPUT = "throughput"
    STALLED = "time stood still, of a minute"
    CPU_MEAN = "CPU busy, mean"
    CPU_P95 = "CPU busy, 95 % of all minutes"
    DISK = "time of a disk operation"


@dataclass(frozen=True, slots=True)
class Minutes:
    """A figure by whole minute of the run, so that runs can be compared later (None: too little was measured in that minute)."""

    figure: Figure
    subject: Subject
    unit: str
    values: tuple[float | None, ...]


class Spread(StrEnum):
    """What times of a path have a curve: each is the title of its own."""

    IDLE = "Round-trip time"
    LOADED = "Round-trip time under load"


@dataclass(frozen=True, slots=True)
class Curve:
    """A cumulative distribution: `fraction` of all values are at or below `value`."""

    id: str
    title: str
    unit: str
    subject: Subject
    value: tuple[float, ...]
    fraction: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One term of the arithmetic: what a finding contributed to its subject's mean. None: not judged, not counted."""

    subject: str
    rule: str
    status: Status
    points: int | None


@dataclass(frozen=True, slots=True)
class AreaScore:
    """Score of an area: the mean of its worst subject. None: nothing could be judged, or less than half."""

    area: Area
    score: int | None
    worst: str
    lines: tuple[ScoreLine, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 100; the worst area decides. None where the run is too incomplete for one. Never without its breakdown."""

    overall: int | None
    areas: tuple[AreaScore, ...]


@dataclass(frozen=True, slots=True)
class Untested:
    """Something that no measurement of this run answers, and who can."""

    what: str
    who: str


class Fit(StrEnum):
    """How a way of building a product fits what was found."""

    ADVISED = "advised"
    POSSIBLE = "possible"
    OPEN = "not known"
    RULED_OUT = "ruled out"


@dataclass(frozen=True, slots=True)
class Choice:
    """One way of building it, how it fits, and why."""

    name: str
    fit: Fit
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopologyAdvice:
    """How a product may be built on a pair: how its address moves, what stands by, and what nobody could find out.

    `scs_weaker`: whether the path of the machine that decides switchovers is weaker than the pair's own link (None: not known); `scs` says by what.
    """

    stack: str
    title: str
    subject: Subject
    address: tuple[Choice, ...]
    standby: tuple[Choice, ...]
    scs_weaker: bool | None
    scs: tuple[str, ...]
    questions: tuple[Untested, ...]
    source: str


@dataclass(frozen=True, slots=True)
class PlanNode:
    """A node as planned, for the report. Its addresses stand in `Assessment.addresses`."""

    name: str
    role: str
    site: str
    host: str
    power: str


@dataclass(frozen=True, slots=True)
class PlanNetwork:
    """A network as planned, for the report."""

    name: str
    kind: str
    vlan: int | None
    rate_bps: int | None
    dscp: int
    probed: bool
    bandwidth: bool


class Stamping(StrEnum):
    """Whether an interface stamps packets in hardware. Our probes are stamped by the kernel's software in any case."""

    UNTOLD = ""
    NONE = "none"
    OTHER = "other"
    OFF = "off"
    ON = "on"


@dataclass(frozen=True, slots=True)
class AddressFound:
    """One row of the LAN plan: a planned address beside what the node reported.

    `found`: the node has the address (None: it did not tell). `static` False: it came from a server. `speed_bps`, `duplex`
    and `mtu` are those of the interface that holds it, as `stamping` is; None and "": not told. `vlan`: that of the plan for this
    address.
    """

    node: str
    network: str
    address: str
    nic: str
    switch: str
    port: str
    found: bool | None
    found_nic: str
    found_prefix: int | None
    mac: str
    static: bool | None
    up: bool | None
    speed_bps: int | None
    duplex: str
    mtu: int | None
    vlan: int | None = None
    stamping: Stamping = Stamping.UNTOLD


@dataclass(frozen=True, slots=True)
class Egress:
    """Which interface and source address `node` uses for a peer's or observer's address by its own routing table.

    `network` is "" for an observer. `as_planned` None: the plan or the node does not say enough.
    """

    node: str
    target: str
    network: str
    address: str
    nic: str
    source: str
    gateway: str
    as_planned: bool | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A stall that a timeout has to survive although this run may not have shown it.

    `default_on` is what holds without a word in the plan: on False and `default_on` True is a relaxation. `network`: it silences the
    network, so that TCP stays silent for longer than `stall_s`; else a node stands still.
    """

    name: str
    title: str
    stall_s: float
    network: bool
    on: bool
    default_on: bool
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything the report says. `origin` is measured, demonstration or synthetic.

    `profile`: the name of the operator's profile ("": none), `changes` the limits that it changed, `waivers` what came of the operator's waivers.
    """

    schema: int
    tool_version: str
    created: str
    origin: str
    cluster: str
    topology: str
    phase: str
    plan_digest: str
    started: str
    duration_s: float
    verdict: Verdict
    summary: str
    reasons: tuple[str, ...]
    fixes: tuple[str, ...]
    overrides: tuple[str, ...]
    score: Score
    planned: tuple[PlanNode, ...]
    networks: tuple[PlanNetwork, ...]
    addresses: tuple[AddressFound, ...]
    egress: tuple[Egress, ...]
    nodes: tuple[NodeSummary, ...]
    clocks: tuple[NodeClock, ...]
    notes: tuple[Note, ...]
    findings: tuple[Finding, ...]
    timings: tuple[Timing, ...]
    throughputs: tuple[Throughput, ...]
    echoes: tuple[EchoTiming, ...]
    observers: tuple[ObserverTiming, ...]
    joints: tuple[Joint, ...]
    recommendations: tuple[Recommendation, ...]
    scenarios: tuple[Scenario, ...]
    traces: tuple[Trace, ...]
    curves: tuple[Curve, ...]
    untested: tuple[Untested, ...]
    path_mtus: tuple[PathMtu, ...] = ()
    ports: tuple[PortTest, ...] = ()
    writes: tuple[Writes, ...] = ()
    stalls: tuple[NodeStalls, ...] = ()
    replications: tuple[Replication, ...] = ()
    headrooms: tuple[Headroom, ...] = ()
    topologies: tuple[TopologyAdvice, ...] = ()
    profile: str = ""
    changes: tuple[LimitChange, ...] = ()
    waivers: tuple[WaiverUse, ...] = ()
    minutes: tuple[Minutes, ...] = ()
    holdings: tuple[Tenure, ...] = ()

    def to_json(self) -> str:
        """The assessment as JSON text: stable key order, no NaN, newline at the end."""
        return json.dumps(plain(self), ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    @property
    def stem(self) -> str:
        """``CLUSTER-START``: how files made from it begin, so that those of two runs never meet. It may come from outside."""
        start = re.sub(r"\W", "", self.started, flags=re.ASCII)
        return re.sub(r"[^\w.-]", "_", f"{self.cluster[:63]}-{start[:16]}", flags=re.ASCII).lstrip(".-")

    @classmethod
    def from_json(cls, text: str) -> Assessment:
        """Read an assessment back.

        Raises:
            ArchiveError: not an assessment, damaged, or of another schema. An older one is made again from its archives,
                which every version reads, rather than filled up with what it does not say.
        """
        try:
            data = json.loads(text, parse_constant=_refused)
        except (ValueError, RecursionError) as error:
            raise ArchiveError("not an assessment: no JSON", _WHICH) from error
        schema = data.get("schema") if isinstance(data, dict) else None
        if not isinstance(schema, int):
            raise ArchiveError("not an assessment: no schema number", _WHICH)
        if schema > SCHEMA:
            raise ArchiveError(
                f"the assessment was written by a newer haready (schema {schema}; this version reads {SCHEMA})",
                f"install the version that wrote it ({data.get('tool_version', 'unknown')}) or newer",
            )
        if schema < SCHEMA:
            raise ArchiveError(
                f"the assessment was written by an older haready (schema {schema}; this version reads {SCHEMA})",
                "run `haready analyze` on the archives again",
            )
        try:
            assessment = revive(cls, data)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArchiveError(f"assessment is damaged: {error}", "run `haready analyze` again") from error
        assert isinstance(assessment, cls)
        return assessment


def _refused(name: str) -> NoReturn:
    """Infinity and NaN, which Python would read and JSON does not know."""
    raise ValueError(f"{name} is no JSON")
