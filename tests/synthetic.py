"""Archives whose every delay, loss, outage, clock offset, skew and stall is known exactly.

`Site` describes a run; `write` makes one archive per node through the real writer. Times of events are true seconds
since the start of the run; each node sees them on its own clocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.netfacts import nics
from collector.archive.writer import Writer
from collector.contract import Kind, Metric, Table
from collector.machine import Anchor
from collector.plan import parse


def _table(name: str, columns: str, labels: tuple[str, ...] = (), *, timed: bool = True) -> Table:
    return Table(name, tuple(Metric(column, "1", Kind.EVENT) for column in columns.split()), labels, timed)


TABLES = (
    _table("sent", "slot late_us tx_us flag", ("path",)),
    _table("reply", "slot fwd_us res_us back_us rxq_us rseq ttl ttl_fwd flags out_us", ("path",), timed=False),
    _table("seen", "first count", ("path",)),
    _table("burst", "slot late_us tx_us flag", ("path",)),
    _table("burst_reply", "slot fwd_us res_us back_us rxq_us rseq ttl ttl_fwd flags out_us", ("path",), timed=False),
    _table("echo", "slot late_us rtt_us flag", ("path",)),
    _table("echo_tcp", "rtt_us rttvar_us rto_us backoff retransmitted", ("path",)),
    _table("echo_end", "opened_us flag same", ("path",)),
    _table("idle", "planned_s age_s alive flag", ("path",)),
    _table("ticker", "ticks late_max_us run_delay_us", ("class",)),
    _table("stall", "length_us run_delay_us", ("class",)),
    _table("cpu", "user_cs nice_cs system_cs idle_cs iowait_cs irq_cs softirq_cs steal_cs", ("cpu",)),
    _table("memory", "total_KiB available_KiB committed_KiB commit_limit_KiB"),
    _table("handles", "open most"),
    _table("backlog", "packets waiting_B drops", ("backlog",)),
    _table("cost", "processes cpu_cs pss_KiB"),
    _table("disk", "reads read_B read_ms writes write_B write_ms queue busy_ms", ("disk",)),
    _table("load", "running blocked load1_c switches"),
    _table("pressure", "some_us full_us", ("pressure",)),
    _table("paging", "in_pages out_pages major_faults oom_kills"),
    _table("filesystem", "size_KiB free_KiB inodes inodes_free", ("filesystem",)),
    _table("commit", "took_us error", ("commit",)),
    _table("nic", "rx_B rx_packets rx_errors rx_drops tx_B tx_packets tx_errors tx_drops", ("nic",)),
    _table("link", "speed_Mbps full_duplex mtu carrier carrier_changes", ("link",)),
    _table("tcp", "out_segments retransmitted timeouts resets_out"),
    _table("observer", "rtt_us flag", ("observer",)),
    _table(
        "bandwidth",
        "loaded_us received_B receiver_us limit_bps retransmits source_cpu_ppm target_cpu_ppm kind",
        ("path",),
    ),
    _table(
        "datagrams",
        "loaded_us rate_bps received_B receiver_us packets lost jitter_us source_cpu_ppm target_cpu_ppm",
        ("path",),
    ),
    _table("window", "length_us received_B", ("path",)),
    _table("served", "loaded_us kind", ("path",)),
    _table("reach", "result took_us", ("path", "port")),
    _table("pmtu", "size_B refused_B nic_B told_B flag", ("path",)),
)

KERNEL = 2 | 4 | 8 | 16


def plan_data(nodes: Iterable[str] = ("a", "b"), networks: Iterable[str] = ("ch1",), **extra: Any) -> dict[str, Any]:
    """A plan as parsed TOML, of new machines and without bandwidth tests.

    `sites` maps a node to its site; other keywords replace top-level keys.
    """
    sites = extra.pop("sites", {})
    names, nets = list(nodes), list(networks)
    return {
        "format": 1,
        "cluster": {"name": "test", "topology": "custom", "origin": "synthetic"},
        "node": [
            {
                "name": name,
                "site": sites.get(name, "main"),
                "in_use": False,
                "addr": {
                    net: {"ip": f"10.0.{place}.{number + 1}/24", "switch": f"sw-{place}"}
                    for place, net in enumerate(nets)
                },
            }
            for number, name in enumerate(names)
        ],
        "network": {net: {} for net in nets},
        "bandwidth": {"budget_B": 0},
        "stack": [{"name": "genesys-addp", "networks": nets, "auto_failover": [[names[0], names[1]]]}],
    } | extra


@dataclass
class Test:
    """One bandwidth test of a path, from `at_s`. The receiver's steps of 0.1 s begin with `filling` at `fill_bps`.

    `steps` False: the receiver told none. `served` False: nor did it tell that it was loaded. `figures` replace columns of
    table bandwidth, None for null. `udp`: it was one with UDP, and these replace columns of table datagrams. `fast_s`: the round
    trip of the fast probes beside it, of both ends, but for those of the source in `fast_lost`, counted from the test's beginning.
    """

    __test__ = False

    at_s: float
    rate_bps: float
    length_s: float = 2.0
    filling: int = 0
    fill_bps: float = 0.0
    steps: bool = True
    served: bool = True
    figures: Mapping[str, float | None] = field(default_factory=dict)
    udp: Mapping[str, float | None] | None = None
    fast_s: float | None = None
    fast_lost: Iterable[int] = ()


@dataclass
class Link:
    """What happens on one directed path. Slots are numbered from the start of the sender.

    `forward_s` and `back_s` give the delay of a slot; `lost_forward`, `lost_back` the slots that are lost; `skipped` those
    the sender did not send; `refused` those its kernel refused; `doubled` those answered twice; `stepped` those during
    which the sender's clock was stepped; `restart_at` the slots before which the sender died; `tests` its bandwidth tests;
    `echo` rows of the TCP echo by table, t_us of the sender's clock first, None for null; without it TCP is well.
    which the sender's clock was stepped; `restart_at` the slots before which the sender died; `tests` its bandwidth tests.
    `knocks` are tests of ports: when, which, and the result; `ttl_fwd` and `ttl` tell the TTL of a slot's probe and reply on arrival; `searches` are those for the path MTU: when, and the
    columns of table pmtu, None for null.
    """

    forward_s: Callable[[np.ndarray], np.ndarray] = lambda slot: np.full(len(slot), 0.0002)
    back_s: Callable[[np.ndarray], np.ndarray] = lambda slot: np.full(len(slot), 0.0002)
    residence_s: float = 0.0001
    tx_us: int | None = 10
    rxq_us: int = 20
    lost_forward: Iterable[int] = ()
    lost_back: Iterable[int] = ()
    skipped: Iterable[int] = ()
    refused: Iterable[int] = ()
    doubled: Iterable[int] = ()
    stepped: Iterable[int] = ()
    restart_at: Iterable[int] = ()
    flags: int = KERNEL
    start_s: float = 1.0
    stop_s: float | None = None
    tests: Iterable[Test] = ()
    echo: Mapping[str, Sequence[Sequence[float | None]]] | None = None
    ttl_fwd: Callable[[np.ndarray], np.ndarray] = lambda slot: np.full(len(slot), 64)
    ttl: Callable[[np.ndarray], np.ndarray] = lambda slot: np.full(len(slot), 64)
    searches: Iterable[tuple[float | None, ...]] = ((2.0, 1500, None, 1500, None, 0),)
    knocks: Iterable[tuple[float, str, float]] = ()


@dataclass
class Pause:
    """A pause of a node's ordinary ticker while its clocks ran, and what the seconds around it say of it.

    `waited_s` for a CPU (None: not told); `together`: the real-time ticker was silent too; the rest is added to the counters of pressure,
    steal and major faults, and is how long a commit took.
    """

    at_s: float
    length_s: float
    waited_s: float | None = 0.0
    together: bool = False
    cpu_s: float = 0.0
    io_s: float = 0.0
    memory_s: float = 0.0
    steal_s: float = 0.0
    faults: float = 0.0
    commit_s: float = 0.0

    @property
    def stop_s(self) -> float:
        return self.at_s + self.length_s


@dataclass
class Machine:
    """One node: when it ran (true seconds), how its clocks are off, what its host tables say.

    `freezes` and `suspends` are (true s, length): it stands still and its monotonic clock with it; a suspended one's boot and wall clock go on.
    `pauses` are those of its ticker with what is on record about them; `fifo`: it has a real-time ticker too.

    `notes` are (true s, text); `keepers` (true s, fact `time` from then on). `until` ends a table early: nothing of it is recorded
    from that time on. `writes_Bps` is what its disk sda writes (with `disk`). `host` writes every host table, of a machine in good health. `observers` give the round trip in s of each request to an
    observer by its time, NaN for no answer. `inventory` replaces facts of a sound machine that is as planned; None: it told none.
    `neighbours` are (address, interface, MAC) of who answered for whom, by default each machine for itself; `holds` (true s, address, whether it
    holds it) beside a running product.
    """

    start_s: float = 0.0
    stop_s: float | None = None
    wall_offset_s: float = 0.0
    wall_ppm: float = 0.0
    skew_ppm: float = 0.0
    steps: Iterable[tuple[float, float]] = ()
    t0_ns: int = 1_000_000_000_000
    busy: Callable[[np.ndarray], np.ndarray] | None = None
    stalls: Iterable[tuple[float, float]] = ()
    ticker_late_s: float = 0.0001
    virtual: bool | None = False
    session: str = ""
    sealed: bool = True
    peers: Mapping[str, list[str]] | None = None
    meetings: Iterable[tuple[int, str, str]] = ()
    outcomes: Iterable[Mapping[str, Any]] = ()
    notes: Iterable[tuple[float, str]] = ()
    keepers: Iterable[tuple[float, Mapping[str, Any]]] = ()
    memory: bool = False
    disk: bool = False
    writes_Bps: Callable[[np.ndarray], np.ndarray] | None = None
    host: bool = False
    observers: Mapping[str, Callable[[np.ndarray], np.ndarray]] = field(default_factory=dict)
    inventory: Mapping[str, Any] | None = field(default_factory=dict)
    neighbours: Sequence[tuple[str, str, str]] | None = None
    holds: Iterable[tuple[float, str, bool]] = ()
    until: Mapping[str, float] = field(default_factory=dict)
    freezes: Sequence[tuple[float, float]] = ()
    suspends: Sequence[tuple[float, float]] = ()
    pauses: Sequence[Pause] = ()
    fifo: bool = False

    def local_s(self, true_s: Any) -> Any:
        """Own monotonic clock since own start."""
        running_s = np.asarray(true_s) - self.start_s - _passed((*self.freezes, *self.suspends), true_s)
        return running_s * (1.0 + self.skew_ppm * 1e-6)

    def still(self, true_s: Any) -> Any:
        """Whether it stands still with its clock."""
        stood = np.zeros(np.shape(true_s), dtype=bool)
        for at_s, length_s in (*self.freezes, *self.suspends):
            stood |= (np.asarray(true_s) >= at_s) & (np.asarray(true_s) < at_s + length_s)
        return stood

    def going(self, true_s: np.ndarray) -> np.ndarray:
        """When it gets to what was due at these times, those in which it stood still not counted."""
        for at_s, length_s in sorted((*self.freezes, *self.suspends)):
            true_s = np.where(true_s >= at_s, true_s + length_s, true_s)
        return true_s

    def wall_s(self, true_s: Any) -> Any:
        """Own wall clock, in seconds after the common epoch: right but for its offset, its rate and steps."""
        true_s = np.asarray(true_s, dtype=float)
        wall = true_s * (1.0 + self.wall_ppm * 1e-6) + self.wall_offset_s - _passed(self.freezes, true_s)
        for at_s, by_s in self.steps:
            wall = wall + np.where(true_s >= at_s, by_s, 0.0)
        return wall


def _passed(stretches: Iterable[tuple[float, float]], true_s: Any) -> Any:
    return sum((np.clip(np.asarray(true_s) - at_s, 0.0, length_s) for at_s, length_s in stretches), np.float64(0.0))


EPOCH_NS = 1_790_000_000_000_000_000


@dataclass
class Site:
    """A run of `length_s` true seconds."""

    length_s: float = 1000.0
    period_s: float = 0.2
    plan: dict[str, Any] = field(default_factory=plan_data)
    machines: dict[str, Machine] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    segment_s: float = 600.0
    omit: Iterable[str] = ()

    def machine(self, name: str) -> Machine:
        return self.machines.setdefault(name, Machine())

    def session(self, name: str) -> str:
        return self.machine(name).session or f"session-{name}"


def write(site: Site, folder: Path) -> dict[str, Path]:
    """One archive per node (but those in `omit`), by node name."""
    data = site.plan | {"probe": {"period_s": site.period_s}}
    plan = parse(data, "synthetic")
    rows: dict[str, list[tuple[str, tuple[str, ...], np.ndarray, np.ndarray]]] = {node.name: [] for node in plan.nodes}
    for path in plan.paths():
        link = site.links.get(path.name, Link())
        _path(site, path, link, rows)
        _tests(site, path, link, rows)
        told = _echo(site, path, link) if link.echo is None and path in set(plan.echo_paths()) else link.echo or {}
        for table, values in told.items():
            if len(values):
                array = np.array([[np.nan if value is None else value for value in row] for row in values], dtype=float)
                rows[path.source].append(
                    (table, (path.name,), site.machine(path.source).start_s + array[:, 0] / 1e6, array)
                )
        _searches(site, path, link, rows)
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for node in plan.nodes:
        if node.name not in set(site.omit):
            _host(site, node.name, rows[node.name])
            found[node.name] = _archive(site, plan, data, node.name, rows[node.name], folder)
    return found


def _path(site: Site, path: Any, link: Link, rows: dict[str, list[Any]]) -> None:
    a, b = site.machine(path.source), site.machine(path.target)
    stop_s = min(link.stop_s or site.length_s, a.stop_s or site.length_s)
    start_s = max(link.start_s, a.start_s)
    stood_s = sum(length_s for _, length_s in (*a.freezes, *a.suspends))
    number = np.arange(round((stop_s - start_s - stood_s) / site.period_s))
    true_s = a.going(start_s + number * site.period_s)
    flag = np.zeros(len(number), dtype=int)
    flag[list(link.skipped)] = -1
    flag[list(link.refused)] = 101
    slot = number.copy()
    for at in sorted(link.restart_at):
        slot[at:] = number[at:] - at
    forward, back = link.forward_s(number), link.back_s(number)
    arrive_s = true_s + forward
    leave_s = arrive_s + link.residence_s
    home_s = leave_s + back
    gone = flag == 0
    gone[list(link.lost_forward)] = False
    running = (arrive_s >= b.start_s) & (arrive_s <= (b.stop_s or site.length_s))
    arrived = gone & running & ~b.still(arrive_s)
    answered = arrived & (home_s <= (a.stop_s or site.length_s)) & ~a.still(home_s)
    answered[list(link.lost_back)] = False
    name = (path.name,)
    tx = np.full(len(number), np.nan if link.tx_us is None else link.tx_us)
    rows[path.source].append(
        ("sent", name, true_s, np.column_stack([_us(a.local_s(true_s)), slot, np.zeros(len(slot)), tx, flag]))
    )
    fwd = b.wall_s(arrive_s) - a.wall_s(true_s)
    way = a.wall_s(home_s) - b.wall_s(leave_s)
    flags = np.full(len(number), link.flags)
    flags[list(link.stepped)] |= 32
    reply = np.column_stack(
        [
            slot,
            _us(fwd),
            _us(np.full(len(slot), link.residence_s)),
            _us(way),
            np.full(len(slot), link.rxq_us),
            number,
            link.ttl(number),
            link.ttl_fwd(number),
            flags,
            np.full(len(slot), np.nan),
        ]
    )
    picked, when = reply[answered], home_s[answered]
    extra = np.intersect1d(np.flatnonzero(answered), np.fromiter(link.doubled, dtype=int))
    if len(extra):
        again = reply[extra].copy()
        again[:, 8] = again[:, 8].astype(int) | 1
        picked, when = np.vstack([picked, again]), np.append(when, home_s[extra] + 1e-6)
    order = np.argsort(when, kind="stable")
    rows[path.source].append(("reply", name, when[order], picked[order]))
    # The reflector notes runs of consecutive slots, at most a second long.
    at = np.flatnonzero(arrived)
    if len(at):
        second = (arrive_s[at]).astype(int)
        cut = np.flatnonzero((np.diff(slot[at]) != 1) | (np.diff(second) > 0)) + 1
        starts = at[np.concatenate([[0], cut])]
        counts = np.diff(np.concatenate([[0], cut, [len(at)]]))
        rows[path.target].append(
            ("seen", name, arrive_s[starts], np.column_stack([_us(b.local_s(arrive_s[starts])), slot[starts], counts]))
        )


def _echo(site: Site, path: Any, link: Link) -> dict[str, list[list[float | None]]]:
    """A TCP connection that is answered at once all the time, and one that survives being idle for five minutes."""
    machine = site.machine(path.source)
    start_s, stop_s = (
        max(link.start_s, machine.start_s),
        min(link.stop_s or site.length_s, machine.stop_s or site.length_s),
    )
    due_s = np.arange(start_s + 0.5, stop_s, 1.0)
    t_us = _us(machine.local_s(due_s[~machine.still(due_s)])).tolist()
    idle_us = _us(machine.local_s(np.arange(start_s + 300.0, stop_s, 300.0))).tolist()
    return {
        "echo": [[at_us, number, 100, 1500, 0] for number, at_us in enumerate(t_us)],
        "echo_tcp": [[at_us, 400, 100, 204_000, 0, 0] for at_us in t_us],
        "idle": [[at_us, 300, 300, 1, 0] for at_us in idle_us],
    }


def _tests(site: Site, path: Any, link: Link, rows: dict[str, list[Any]]) -> None:
    a, b = site.machine(path.source), site.machine(path.target)
    name = (path.name,)
    for test in sorted(link.tests, key=lambda test: test.at_s):
        rate = np.full(round(test.length_s / 0.1), test.rate_bps)
        rate[: test.filling] = test.fill_bps
        count = np.round(rate * 0.1 / 8)
        figures = {
            "loaded_us": test.length_s * 1e6 + 50_000,
            "received_B": count.sum(),
            "receiver_us": test.length_s * 1e6,
            "limit_bps": None,
            "retransmits": 0,
            "source_cpu_ppm": 200_000,
            "target_cpu_ppm": 300_000,
            "kind": None,
        } | dict(test.figures)
        if test.fast_s is not None:
            _fast(site, path, test, rows)
        begin_s = test.at_s + 0.01 + 0.1 * np.arange(len(rate))
        table = "bandwidth"
        if test.udp is not None:
            table = "datagrams"
            figures = {
                "loaded_us": test.length_s * 1e6 + 50_000,
                "rate_bps": test.rate_bps,
                "received_B": count.sum(),
                "receiver_us": test.length_s * 1e6,
                "packets": 1000,
                "lost": 0,
                "jitter_us": 30,
                "source_cpu_ppm": 200_000,
                "target_cpu_ppm": 300_000,
            } | dict(test.udp)
        values = [np.nan if value is None else value for value in figures.values()]
        rows[path.source].append((table, name, np.array([test.at_s]), np.array([[_us(a.local_s(test.at_s)), *values]])))
        if test.steps:
            steps = np.column_stack([_us(a.local_s(begin_s)), np.full(len(rate), 100_000), count])
            rows[path.source].append(("window", name, begin_s, steps))
        if test.served:
            ready_s = test.at_s - 0.05
            served = np.array([[_us(b.local_s(ready_s)), test.length_s * 1e6 + 150_000, 0]])
            rows[path.target].append(("served", name, np.array([ready_s]), served))


def _fast(site: Site, path: Any, test: Test, rows: dict[str, list[Any]]) -> None:
    """Fast probes of both ends, from 0.4 s before the test to as long after it."""
    assert test.fast_s is not None
    true_s = test.at_s + 0.04 * np.arange(-10, round(test.length_s / 0.04) + 10)
    lost = {10 + place for place in test.fast_lost}
    for source, target in ((path.source, path.target), (path.target, path.source)):
        name, here = (f"{source}>{target}/{path.network}",), site.machine(source)
        slot = round(float(here.local_s(true_s[0])) / 0.04) + np.arange(len(true_s))
        zero = np.zeros(len(slot))
        sent = np.column_stack([_us(here.local_s(true_s)), slot, zero, zero + 10, zero])
        rows[source].append(("burst", name, true_s, sent))
        way = zero + test.fast_s / 2 * 1e6
        ttl = zero + 64
        reply = np.column_stack([slot, way, zero, way, zero, np.arange(len(slot)), ttl, ttl, zero + KERNEL, zero])
        home = np.array([source != path.source or place not in lost for place in range(len(slot))])
        rows[source].append(("burst_reply", name, (true_s + test.fast_s)[home], reply[home]))


def _searches(site: Site, path: Any, link: Link, rows: dict[str, list[Any]]) -> None:
    for at_s, port, result in link.knocks:
        row = np.array([[_us(site.machine(path.source).local_s(at_s)), result, 5000]])
        rows[path.source].append(("reach", (path.name, port), np.array([at_s]), row))
    for at_s, *figures in link.searches:
        if at_s is None or at_s > (link.stop_s or site.length_s):
            continue
        values = [np.nan if value is None else value for value in figures]
        row = np.array([[_us(site.machine(path.source).local_s(at_s)), *values]])
        rows[path.source].append(("pmtu", (path.name,), np.array([at_s]), row))


def _us(seconds: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(seconds) * 1e6)


def _host(site: Site, name: str, rows: list[Any]) -> None:
    machine = site.machine(name)
    true_s = np.arange(machine.start_s, machine.stop_s or site.length_s, 1.0)
    true_s = true_s[~machine.still(true_s)]
    t_us = _us(machine.local_s(true_s))
    count = len(true_s)
    if machine.busy is not None:
        busy = np.cumsum(machine.busy(true_s) * 100.0)
        idle = 100.0 * np.arange(1, count + 1) - busy
        nothing = np.zeros(count)
        # One CPU: the machine as a whole is as busy as it.
        stolen = np.round(100.0 * _added(machine, "steal_s", true_s))
        each = np.column_stack([t_us, np.round(busy), nothing, nothing, np.round(idle), *[nothing] * 3, stolen])
        rows += [("cpu", (cpu,), true_s, each) for cpu in ("all", "0")]
    late = np.full(count, machine.ticker_late_s * 1e6)
    for one in machine.pauses:
        late[np.searchsorted(true_s, one.stop_s)] = one.length_s * 1e6
    rows.append(("ticker", ("default",), true_s, np.column_stack([t_us, np.full(count, 50), late, late * 0])))
    if machine.fifo:
        rows.append(("ticker", ("fifo",), true_s, np.column_stack([t_us, np.full(count, 50), late, late * 0])))
    for label, told in (("default", machine.pauses), ("fifo", [one for one in machine.pauses if one.together])):
        for one in told:
            waited_us = np.nan if one.waited_s is None else one.waited_s * 1e6
            row = [[_us(machine.local_s(one.at_s)), one.length_s * 1e6, waited_us]]
            rows.append(("stall", (label,), np.array([one.at_s]), np.array(row, dtype=float)))
    stalls = np.array(sorted(machine.stalls)).reshape(-1, 2)
    if len(stalls):
        values = np.column_stack([_us(machine.local_s(stalls[:, 0])), _us(stalls[:, 1]), np.zeros(len(stalls))])
        rows.append(("stall", ("default",), stalls[:, 0], values))
    for observer, rtt_s in machine.observers.items():
        rtt_us = _us(rtt_s(true_s))
        rows.append(("observer", (observer,), true_s, np.column_stack([t_us, rtt_us, np.zeros(count)])))
    if machine.host:
        _healthy(machine, len(site.plan["network"]), true_s, rows)
    if machine.memory:
        sizes = [np.full(count, size_KiB) for size_KiB in (8_000_000, 4_000_000, 3_000_000, 6_000_000)]
        rows.append(("memory", (), true_s, np.column_stack([t_us, *sizes])))
    if machine.disk:
        nothing = np.zeros(count)
        for disk, share in (("sda", 0.1), ("sdb", 0.4)):
            busy_ms = np.round(np.arange(count) * share * 1000)
            written = nothing
            if machine.writes_Bps is not None and disk == "sda":
                written = np.round(np.cumsum(machine.writes_Bps(true_s)))
            columns = [nothing] * 4 + [written] + [nothing] * 2
            rows.append(("disk", (disk,), true_s, np.column_stack([t_us, *columns, busy_ms])))
    rows[:] = [
        (table, labels, when_s[when_s < end_s], values[when_s < end_s])
        for table, labels, when_s, values in rows
        for end_s in [machine.until.get(table, math.inf)]
    ]


def _healthy(machine: Machine, networks: int, true_s: np.ndarray, rows: list[Any]) -> None:
    """What the other probes see of a machine that is well: counters that grow, space to spare, links that are steady."""
    number = np.arange(len(true_s))

    def table(name: str, labels: tuple[str, ...], *columns: float | np.ndarray, every: int = 1) -> None:
        whole = [np.broadcast_to(column, len(true_s)) for column in columns]
        values = np.column_stack([_us(machine.local_s(true_s)), *whole])
        rows.append((name, labels, true_s[::every], values[::every]))

    table("load", (), 1, 0, 20, number * 100)
    for resource in ("cpu", "memory", "io"):
        table("pressure", (resource,), number * 100 + 1e6 * _added(machine, f"{resource}_s", true_s), number * 10)
    table("paging", (), 0, 0, number + _added(machine, "faults", true_s), 0)
    took_us = 700.0 + 5 * (number % 17)
    for one in machine.pauses:
        if one.commit_s:
            at = np.searchsorted(true_s, one.at_s, side="right") - 1
            took_us[at] = (one.at_s - true_s[at] + one.commit_s) * 1e6
    table("commit", ("/var/tmp",), took_us, 0)
    table("filesystem", ("/",), 50_000_000, 30_000_000, 3_000_000, 2_900_000, every=10)
    table("handles", (), 2_000, 1_000_000, every=10)
    table("cost", (), 6, number * 2, 40_000, every=60)
    for place in range(networks):
        nic = (f"eth{place}",)
        table("backlog", nic, 0, 0, 0)
        table("nic", nic, number * 1500, number * 10, 0, 0, number * 1500, number * 10, 0, 0)
        table("link", nic, 1000, 1, 1500, 1, 1, every=10)
    table("tcp", (), number * 100, 0, 0, 0)


def _added(machine: Machine, what: str, true_s: np.ndarray) -> np.ndarray:
    """What the pauses add to a counter; it stands in the first row after each."""
    added = np.zeros(len(true_s))
    for one in machine.pauses:
        added[true_s >= one.stop_s] += getattr(one, what)
    return added


def inventory(site: Site, name: str) -> dict[str, Any]:
    """What a sound machine tells of itself: its addresses as planned, each network on an interface of its own."""
    nodes = {node["name"]: node for node in site.plan["node"]}
    place = {net: f"eth{number}" for number, net in enumerate(site.plan["network"])}
    number = list(nodes).index(name) + 1
    own = {net: _ip(entry) for net, entry in nodes[name]["addr"].items()}
    return {
        "hostname": name,
        "virtual": site.machine(name).virtual,
        "os": "Debian GNU/Linux 12",
        "kernel": "6.1.0-30-amd64",
        "cpu": "Some CPU",
        "cpus": 8,
        "memory_B": 16 << 30,
        "vendor": "Maker",
        "model": "Model",
        "bios": "1.0",
        "signature": f"{number:016x}",
        "timezone": "Etc/UTC",
        "time": {
            "service": "chronyd",
            "synchronised": True,
            "error_s": 0.001,
            "references": ["192.0.2.1"],
            "reference": "192.0.2.1",
        },
        "locale": "C.UTF-8",
        "restart": {"wanted": False, "kernels": []},
        "overcommit": 0,
        "drives": {"sda": {"size_B": 10**12, "model": "DISK 9000", "rotating": False}},
        "disk_errors": [{"device": "sda1", "kind": "ext4", "count": 0}],
        "packages": {"manager": "dpkg", "count": 400, "sha256": "ab" * 32},
        "dns": [],
        "nics": {
            place[net]: {
                "up": True,
                "speed_Mbps": 1000,
                "mtu": 1500,
                "duplex": "full",
                "mac": f"52:54:00:00:{list(place).index(net):02x}:{number:02x}",
                "driver": "e1000e",
                "addresses": [
                    {"family": "AF_INET", "address": ip, "netmask": "255.255.255.0", "prefix": 24, "static": True}
                ],
            }
            for net, ip in own.items()
        },
        "routes": [],
        "egress": [
            {"target": peer, "network": net, "address": _ip(entry), "nic": place[net], "source": own[net], "via": ""}
            for peer, node in nodes.items()
            for net, entry in node["addr"].items()
            if peer != name and net in own
        ]
        + [
            {
                "target": one["name"],
                "network": "",
                "address": one["addr"],
                "nic": place[net],
                "source": own[net],
                "via": "",
            }
            for one in site.plan.get("observer", [])
            for net in list(own)[:1]
        ],
        "names": {peer: [_ip(next(iter(node["addr"].values())))] for peer, node in nodes.items() if node["addr"]},
        "arp": {nic: {"arp_ignore": 0, "drop_gratuitous_arp": 0} for nic in ("all", *place.values())},
    }


def _facts(site: Site, name: str) -> dict[str, Any]:
    """What its probes tell once."""
    machine = site.machine(name)
    if machine.inventory is None:
        return {}
    seen = machine.neighbours if machine.neighbours is not None else answering(site, name)
    told = [{"address": ip, "nic": nic, "mac": mac} for ip, nic, mac in seen]
    return {"inventory": inventory(site, name) | dict(machine.inventory), "neighbours": {"seen": told}}


def answering(site: Site, name: str) -> list[tuple[str, str, str]]:
    """Who answers the machine in its own subnets: every peer for itself, and nobody for a virtual address."""
    plan = parse(site.plan, "synthetic")
    found = []
    for net, mine in plan.node(name).addresses.items():
        for peer in plan.nodes:
            other = peer.addresses.get(net)
            if peer.name == name or other is None or other.ip not in mine.network:
                continue
            told = site.machine(peer.name).inventory
            interfaces = nics({} if told is None else inventory(site, peer.name) | dict(told)) or ()
            found += [(str(other.ip), "", nic.mac) for nic in interfaces if any(one.ip == other.ip for one in nic.held)]
        found += [
            (str(one.address), "", "")
            for one in plan.observers
            if one.kind == "virtual" and one.address in mine.network
        ]
    return found


def _ip(entry: Any) -> str:
    return str(entry["ip"] if isinstance(entry, dict) else entry).partition("/")[0]


def _archive(site: Site, plan: Any, data: Any, name: str, rows: list[Any], folder: Path) -> Path:
    machine = site.machine(name)
    stop_s = machine.stop_s or site.length_s
    started_ns = EPOCH_NS + int(float(machine.wall_s(machine.start_s)) * 1e9)
    start = {
        "tool": "0.1.0",
        "node": name,
        "session": site.session(name),
        "cluster": plan.cluster,
        "plan": data,
        "plan_digest": plan.digest,
        "started": str(np.datetime64(started_ns, "ns").astype("datetime64[ms]")) + "+00:00",
        "t0_ns": machine.t0_ns,
        "planned_s": stop_s - machine.start_s,
        "tables": [],
        "command": "synthetic",
    }
    peers = machine.peers
    if peers is None:
        peers = {node.name: [site.session(node.name)] for node in plan.nodes if node.name != name}
    state: dict[str, Any] = {
        "peers": peers,
        "meetings": [list(meeting) for meeting in machine.meetings],
        "facts": _facts(site, name),
        "holds": [[int(_us(machine.local_s(at_s))), ip, held] for at_s, ip, held in machine.holds],
        "events": [],
        "notes": [[int(_us(machine.local_s(at_s))), text] for at_s, text in machine.notes],
        "outcomes": list(machine.outcomes),
    }
    path = folder / f"{name}.zip"
    writer = Writer(path, start, TABLES)
    edges = [*np.arange(machine.start_s, stop_s, site.segment_s)[1:].tolist(), stop_s]
    from_s = machine.start_s
    for number, to_s in enumerate(edges):
        last = number == len(edges) - 1
        for at_s in np.arange(from_s, to_s, 10.0).tolist():
            if not machine.still(at_s):
                writer.anchor(_anchor(machine, at_s))
        for table, labels, when_s, values in rows:
            low, high = np.searchsorted(when_s, [from_s, np.inf if last else to_s])
            if high > low:
                chosen = [
                    [None if math.isnan(value) else int(value) for value in row] for row in values[low:high].tolist()
                ]
                writer.rows(table, labels, chosen)
        for at_s, told in machine.keepers:
            if at_s <= to_s:
                state["facts"] |= {"inventory": state["facts"]["inventory"] | {"time": dict(told)}}
        writer.state(state)
        now_us = int(_us(machine.local_s(to_s)))
        writer.close_segment(now_us, _anchor(machine, to_s))
        from_s = to_s
    if machine.sealed:
        length = float(machine.local_s(stop_s))
        ended_ns = EPOCH_NS + int(float(machine.wall_s(stop_s)) * 1e9)
        ended = str(np.datetime64(ended_ns, "ns").astype("datetime64[ms]")) + "+00:00"
        writer.seal(state | {"ended": ended, "duration_s": length, "ended_because": "planned end"})
    return path


def _anchor(machine: Machine, true_s: float) -> Anchor:
    mono_ns = machine.t0_ns + round(float(machine.local_s(true_s)) * 1e9)
    real_ns = EPOCH_NS + round(float(machine.wall_s(true_s)) * 1e9)
    return Anchor(mono_ns, real_ns, mono_ns + round(float(_passed(machine.suspends, true_s)) * 1e9))
