"""Who talks to whom, when, over which addresses and ports, and with how many bytes: from the plan alone, before anything is sent.

Bytes are those of Ethernet frames without checksum, preamble and VLAN tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.icmp import DATA_B
from collector.peers.echolines import AGES_S, PERIOD_NS, fitting
from collector.peers.rounds import CLOSING_S, Ledger, every_s, first_round_s, places, round_s
from collector.peers.stamp import PACKET_B
from collector.peers.stream import MESSAGE_B
from collector.plan import (
    Address,
    AnyNetwork,
    LoadKind,
    Observer,
    Plan,
    PlannedPath,
    PlannedPort,
    PlannedTest,
    Quiet,
    Transport,
)
from collector.plan_schedule import test_kinds, test_length_s, test_limit_bps, test_order, why_not_tested

ASSUMED_BPS = 1_000_000_000
"""Taken for a forecast within a site if the plan states no rate."""
ECHO_PERIOD_S = 1.0
HELLO_B = 1_200
"""One conversation: about 560 bytes in four lines (counted, short names), and the headers of about ten TCP packets (estimate)."""

_ETHERNET_B, _UDP_B, _ICMP_B, _TCP_B = 14, 8, 8, 32
_IP_B = {4: 20, 6: 40}
_DAY_MIN = 1440


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes of one directed path; every one is answered by a packet of the same size."""

    path: str
    source: Address
    target: Address
    port: int
    dscp: int
    period_s: float
    packet_B: int
    out_B: int
    back_B: int


@dataclass(frozen=True, slots=True)
class Hello:
    """Two nodes make sure of each other over TCP: once per path at the start, once at the end, and when one fell silent."""

    path: str
    source: Address
    target: Address
    port: int
    bytes_B: int


@dataclass(frozen=True, slots=True)
class TcpEcho:
    """The TCP echo of one directed path: a message a second, its answer, and what acknowledges that. `idle_s`: ages of its idle ones."""

    path: str
    source: Address
    target: Address
    port: int
    dscp: int
    period_s: float
    message_B: int
    out_B: int
    back_B: int
    idle_s: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Echo:
    """ICMP echo requests of one node to one observer, and their replies of the same size."""

    node: str
    observer: str
    target: Address
    period_s: float
    packet_B: int
    out_B: int
    back_B: int


@dataclass(frozen=True, slots=True)
class BandwidthRun:
    """The bandwidth tests of one kind on one directed path over the whole run; `path` is their name (`PlannedTest.name`).

    `at_s` is when its test begins, from the beginning of a round. `rate_bps` is what the forecast counts with; `assumed`
    says that the plan does not tell it. `fit` rounds fit into the run, `affordable` into the budget, `rounds` into both.
    """

    path: str
    source: Address
    target: Address
    port: int
    at_s: float
    length_s: int
    limit_bps: int | None
    rate_bps: int
    assumed: bool
    test_B: int
    fit: int
    affordable: int
    rounds: int
    run_B: int


@dataclass(frozen=True, slots=True)
class Hours:
    """A daily stretch, as ``HH:MM`` in UTC."""

    begin: str
    end: str


@dataclass(frozen=True, slots=True)
class Rounds:
    """When the bandwidth tests run: first after `first_s`, then every `every_s`. `quiet_share`: part of a day without tests."""

    first_s: float
    every_s: int
    round_s: float
    quiet: tuple[Hours, ...]
    quiet_share: float


@dataclass(frozen=True, slots=True)
class Opening:
    """What a node's firewall has to let in; the answers go back the same way."""

    node: str
    protocol: str
    port: int | None
    source: Address | AnyNetwork
    target: Address | None
    purpose: str


@dataclass(frozen=True, slots=True)
class Total:
    """Bytes of one node over the whole run."""

    node: str
    sent_B: int
    received_B: int
    tests_sent_B: int
    tests_received_B: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that the run will send. `not_tested` says why, by path."""

    duration_s: float
    probes: tuple[Probes, ...]
    hellos: tuple[Hello, ...]
    tcp_echoes: tuple[TcpEcho, ...]
    echoes: tuple[Echo, ...]
    rounds: Rounds
    tests: tuple[BandwidthRun, ...]
    not_tested: tuple[tuple[str, str], ...]
    totals: tuple[Total, ...]
    openings: tuple[Opening, ...]


def forecast_bytes(plan: Plan, test: PlannedTest) -> tuple[int, bool]:
    """What one test sends at most, and whether its rate had to be assumed."""
    rate_bps = plan.network(test.network).rate_bps
    limit_bps = test_limit_bps(plan, test)
    assumed = rate_bps is None and (limit_bps is None or limit_bps > ASSUMED_BPS)
    forecast_bps = min(bps for bps in (rate_bps or ASSUMED_BPS, limit_bps) if bps is not None)
    return forecast_bps * test_length_s(plan, test) // 8, assumed


def schedule(plan: Plan, duration_s: float) -> Schedule:
    """All that a run of `duration_s` sends."""
    paths = list(plan.paths())
    rounds = _rounds(plan, duration_s)
    probes = tuple(_probes(plan, path, duration_s) for path in paths)
    hellos = tuple(Hello(path.name, *_ends(plan, path), plan.probing.port, 2 * HELLO_B) for path in paths)
    tcp_echoes = tuple(_tcp_echo(plan, path, duration_s) for path in plan.echo_paths())
    echoes = tuple(_echo(node.name, seen, duration_s) for node in plan.nodes for seen in plan.observers)
    tests = tuple(_tests(plan, duration_s))
    reasons = ((path.name, why_not_tested(plan, path)) for path in paths)
    return Schedule(
        duration_s,
        probes,
        hellos,
        tcp_echoes,
        echoes,
        rounds,
        tests,
        tuple((path, reason) for path, reason in reasons if reason),
        tuple(_total(node.name, (*probes, *tcp_echoes), hellos, echoes, tests) for node in plan.nodes),
        tuple(_openings(plan)),
    )


def of_node(whole: Schedule, node: str) -> Schedule:
    """The part of a schedule that one node sends, answers or lets in."""

    def mine(path: str) -> bool:
        return node in _nodes(path)

    return Schedule(
        whole.duration_s,
        tuple(item for item in whole.probes if mine(item.path)),
        tuple(item for item in whole.hellos if mine(item.path)),
        tuple(item for item in whole.tcp_echoes if mine(item.path)),
        tuple(item for item in whole.echoes if item.node == node),
        whole.rounds,
        tuple(item for item in whole.tests if mine(item.path)),
        tuple((path, reason) for path, reason in whole.not_tested if mine(path)),
        tuple(item for item in whole.totals if item.node == node),
        tuple(item for item in whole.openings if item.node == node),
    )


def _nodes(path: str) -> tuple[str, str]:
    source, _, rest = path.partition(">")
    return source, rest.partition("/")[0]


def _ends(plan: Plan, path: PlannedPath) -> tuple[Address, Address]:
    source, target = (plan.node(end).addresses[path.network].ip for end in (path.source, path.target))
    return source, target


def _probes(plan: Plan, path: PlannedPath, duration_s: float) -> Probes:
    source, target = _ends(plan, path)
    packet = _ETHERNET_B + _IP_B[target.version] + _UDP_B + PACKET_B
    sent = int(duration_s / plan.probing.period_s) * packet
    dscp = plan.network(path.network).dscp
    return Probes(path.name, source, target, plan.probing.port, dscp, plan.probing.period_s, packet, sent, sent)


def _tcp_echo(plan: Plan, path: PlannedPath, duration_s: float) -> TcpEcho:
    source, target = _ends(plan, path)
    # The header with time stamps, as Linux sends it. Idle connections add next to nothing.
    header = _ETHERNET_B + _IP_B[target.version] + _TCP_B
    period_s = PERIOD_NS / 1e9
    count = int(duration_s / period_s)
    return TcpEcho(
        path.name,
        source,
        target,
        plan.probing.port,
        plan.network(path.network).dscp,
        period_s,
        MESSAGE_B,
        count * (header + MESSAGE_B + header),
        count * (header + MESSAGE_B),
        fitting(AGES_S, duration_s),
    )


def _echo(node: str, observer: Observer, duration_s: float) -> Echo:
    packet = _ETHERNET_B + _IP_B[observer.address.version] + _ICMP_B + DATA_B
    sent = int(duration_s / ECHO_PERIOD_S) * packet
    return Echo(node, observer.name, observer.address, ECHO_PERIOD_S, packet, sent, sent)


def _rounds(plan: Plan, duration_s: float) -> Rounds:
    return Rounds(
        first_round_s(duration_s, None),
        every_s(plan, duration_s),
        round_s(plan),
        tuple(Hours(_clock(span.from_min), _clock(span.to_min)) for span in plan.bandwidth.quiet),
        quiet_share(plan.bandwidth.quiet),
    )


def quiet_share(quiet: Sequence[Quiet]) -> float:
    """The part of a day that lies in quiet hours; stretches that overlap count once."""
    minutes = {minute % _DAY_MIN for span in quiet for minute in range(span.from_min, _end_min(span))}
    return len(minutes) / _DAY_MIN


def _end_min(span: Quiet) -> int:
    return span.to_min if span.to_min > span.from_min else span.to_min + _DAY_MIN


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _tests(plan: Plan, duration_s: float) -> Iterator[BandwidthRun]:
    """A test that would not end within the run is not begun; one whose place comes after the next round's beginning never is."""
    begin = places(plan)
    apart_s = every_s(plan, duration_s)
    for test in test_order(plan):
        at_s, length_s = begin[test.name], test_length_s(plan, test)
        left_s = duration_s - first_round_s(duration_s, None) - at_s - length_s - CLOSING_S
        fit = int(left_s // apart_s) + 1 if left_s >= 0 and at_s < apart_s else 0
        amount, assumed = forecast_bytes(plan, test)
        # One budget for all tests of a path: a round takes from it what all of them send.
        of_path = sum(
            forecast_bytes(plan, PlannedTest(test.source, test.target, test.network, kind))[0]
            for kind in test_kinds(plan, test.network)
        )
        refused = Ledger(plan).refusal(test)
        affordable = 0 if refused else plan.bandwidth.budget_B // max(of_path, 1)
        rounds = min(fit, affordable)
        source, target = (plan.node(end).addresses[test.network].ip for end in (test.source, test.target))
        yield BandwidthRun(
            path=test.name,
            source=source,
            target=target,
            port=plan.bandwidth.port,
            at_s=at_s,
            length_s=length_s,
            limit_bps=test_limit_bps(plan, test),
            rate_bps=amount * 8 // length_s,
            assumed=assumed,
            test_B=amount,
            fit=fit,
            affordable=affordable,
            rounds=rounds,
            run_B=rounds * amount,
        )


def _total(
    node: str,
    probes: Sequence[Probes | TcpEcho],
    hellos: Sequence[Hello],
    echoes: Sequence[Echo],
    tests: Sequence[BandwidthRun],
) -> Total:
    """Both ends of a path that carries a probe and its answer send and receive the same; HELLO is halved."""
    sent = received = tests_sent = tests_received = 0
    for item in probes:
        source, target = _nodes(item.path)
        sent += item.out_B * (node == source) + item.back_B * (node == target)
        received += item.back_B * (node == source) + item.out_B * (node == target)
    for hello in hellos:
        half = hello.bytes_B // 2 * (node in _nodes(hello.path))
        sent, received = sent + half, received + half
    for echo in echoes:
        sent += echo.out_B * (node == echo.node)
        received += echo.back_B * (node == echo.node)
    for test in tests:
        source, target = _nodes(test.path)
        tests_sent += test.run_B * (node == source)
        tests_received += test.run_B * (node == target)
    return Total(node, sent, received, tests_sent, tests_received)


def _tried(plan: Plan, wanted: PlannedPort) -> Opening:
    source, target = (plan.node(end).addresses[wanted.network].ip for end in (wanted.source, wanted.target))
    number: int | None = wanted.port.number
    protocol = wanted.port.transport.upper()
    if wanted.port.transport is Transport.IP:
        protocol, number = f"IP {number}", None
    purpose = f"{wanted.stack}, tried for seconds" if wanted.stack else "address, tried for seconds"
    return Opening(wanted.target, protocol, number, source, target, purpose)


def _openings(plan: Plan) -> Iterator[Opening]:
    tested = {(test.path, test.kind) for test in test_order(plan)}
    echoed = {path.name for path in plan.echo_paths()}
    for node in plan.nodes:
        for path in plan.paths():
            if path.target != node.name:
                continue
            source, target = _ends(plan, path)
            yield Opening(node.name, "UDP", plan.probing.port, source, target, "probes")
            purpose = "HELLO, TCP echo" if path.name in echoed else "HELLO"
            yield Opening(node.name, "TCP", plan.probing.port, source, target, purpose)
            if (path.name, LoadKind.FULL) in tested:
                yield Opening(node.name, "TCP", plan.bandwidth.port, source, target, "bandwidth tests")
            if (path.name, LoadKind.UDP) in tested:
                yield Opening(node.name, "UDP", plan.bandwidth.port, source, target, "bandwidth tests")
        for wanted in plan.ports():
            if wanted.target == node.name:
                yield _tried(plan, wanted)
        for observer in plan.observers:
            protocol = "ICMP" if observer.address.version == 4 else "ICMPv6"
            yield Opening(node.name, protocol, None, observer.address, None, f"echo replies of {observer.name}")
        for guests in plan.security.open_to:
            sender = guests.network_address if guests.num_addresses == 1 else guests
            yield Opening(node.name, "UDP", plan.probing.port, sender, None, "STAMP without the key (open_to)")
