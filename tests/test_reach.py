"""Doors and knocks: real sockets on loopback, driven by hand."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable

import pytest
from fakes import PATIENCE_S, Emitted, ShiftedClock, addresses, free_port, make_plan

from collector.contract import State
from collector.errors import PlanError, Unavailable
from collector.lab.netns import Lab, entered
from collector.peers.doors import DOOR_S, KNOCK_S, Door, Knock, Result, Taken
from collector.peers.hello import Peer, Purpose
from collector.peers.leases import NEVER
from collector.plan import Port, Transport
from collector.reach import LAST_S, LONG_S, TRIES, USED, Reach
from collector.record import Record

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
TRANSPORTS = [Transport.TCP, Transport.UDP, Transport.IP]
root = pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")


class Ends:
    """Two addresses, one selector, and a clock that a test can shift."""

    def __init__(self) -> None:
        self.source, self.target = addresses(2)
        self.clock = ShiftedClock()
        self.selector = selectors.DefaultSelector()
        self.results: list[tuple[Result, str]] = []
        self.number = free_port(self.target)

    def port(self, transport: Transport) -> Port:
        return Port(transport, 112 if transport is Transport.IP else self.number)

    def door(self, port: Port, key: bytes = KEY, caller: str = "") -> Door:
        return Door(self.target, port, caller or self.source, key, self.selector, self.clock)

    def knock(self, port: Port, *, used: bool = False) -> Knock:
        def done(result: Result, why: str) -> None:
            self.results.append((result, why))

        return Knock(self.source, self.target, port, KEY, self.selector, self.clock, done, used=used)

    def pump(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < end, "it never came about"
            for key, mask in self.selector.select(0.01):
                key.data(mask)

    def settle(self) -> None:
        """Let everything that is under way arrive."""
        for _ in range(5):
            for key, mask in self.selector.select(0.01):
                key.data(mask)


@pytest.fixture
def ends():
    return Ends()


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP, pytest.param(Transport.IP, marks=root)])
def test_who_knocks_at_an_open_door_is_let_in(ends, transport):
    door = ends.door(ends.port(transport))
    knock = ends.knock(ends.port(transport))
    ends.pump(lambda: bool(ends.results))
    assert ends.results == [(Result.OPEN, "")]
    assert knock.over
    door.close()
    assert not ends.selector.get_map(), "nothing stays open"


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_a_closed_port_turns_away(ends, transport):
    ends.knock(ends.port(transport))
    ends.pump(lambda: bool(ends.results))
    assert ends.results[0][0] is Result.REFUSED


def _deaf(ends: Ends, transport: Transport) -> socket.socket:
    """Takes packets, or connections, and says nothing."""
    kind = socket.SOCK_STREAM if transport is Transport.TCP else socket.SOCK_DGRAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind((ends.target, ends.number))
    if transport is Transport.TCP:
        sock.listen()
    return sock


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_who_says_nothing_is_no_open_door(ends, transport):
    """A firewall that accepts in the peer's name does so too."""
    deaf = _deaf(ends, transport)
    knock = ends.knock(ends.port(transport))
    ends.settle()
    knock.beat()
    assert ends.results == []
    ends.clock.mono_shift_ns += round(KNOCK_S * 1e9)
    knock.beat()
    assert ends.results[0][0] is Result.FILTERED
    assert ("accepted" in ends.results[0][1]) is (transport is Transport.TCP)
    deaf.close()


def test_a_lost_packet_is_no_firewall(ends):
    port = ends.port(Transport.UDP)
    deaf = _deaf(ends, Transport.UDP)
    knock = ends.knock(port)
    ends.settle()
    deaf.close()
    door = ends.door(port)
    ends.clock.mono_shift_ns += 1_100_000_000
    knock.beat()
    ends.pump(lambda: bool(ends.results))
    assert ends.results == [(Result.OPEN, "")]
    door.close()


def test_a_port_in_use_counts_as_open_once_its_program_accepts(ends):
    deaf = _deaf(ends, Transport.TCP)
    port = ends.port(Transport.TCP)
    with pytest.raises(Taken):
        ends.door(port)
    ends.knock(port, used=True)
    ends.pump(lambda: bool(ends.results))
    assert ends.results[0][0] is Result.USED
    deaf.close()


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_a_door_answers_nobody_but_its_caller_with_the_right_token(ends, transport):
    port = ends.port(transport)
    for key, caller in ((OTHER_KEY, ends.source), (KEY, addresses(1)[0])):
        door = ends.door(port, key, caller)
        knock = ends.knock(port)
        ends.settle()
        assert not [result for result, _ in ends.results if result is Result.OPEN]
        knock.close()
        door.close()


def test_a_port_that_is_taken_and_not_served_is_unknown(ends):
    taken = socket.socket()
    taken.bind((ends.target, ends.number))
    port = ends.port(Transport.TCP)
    with pytest.raises(Taken):
        ends.door(port)
    ends.knock(port, used=True)
    ends.pump(lambda: bool(ends.results))
    assert ends.results[0][0] is Result.NOT_TESTED
    taken.close()


def test_a_port_is_free_again_as_soon_as_its_door_is_closed(ends):
    """The product may be started the next moment."""
    port = ends.port(Transport.TCP)
    door = ends.door(port)
    ends.knock(port)
    ends.pump(lambda: bool(ends.results))
    ends.settle()
    door.close()
    with socket.socket() as product:
        product.bind((ends.target, ends.number))
        product.listen()


def test_an_address_that_is_not_here_is_not_tested(ends):
    ends.target = "192.0.2.1"
    with pytest.raises(Unavailable, match="cannot be used"):
        ends.door(Port(Transport.TCP, 57348))
    ends.source = "192.0.2.1"
    with pytest.raises(Unavailable, match="cannot be used"):
        ends.knock(Port(Transport.TCP, 57348))


# --- a node's part ---------------------------------------------------------------------------------------------------


class Pair:
    """Two nodes' `Reach` joined without HELLO: what one asks, the other answers."""

    def __init__(self, ports: list[str], seconds: float = 100.0, **more) -> None:
        self.ips = addresses(2)
        self.clock = ShiftedClock()
        self.selector = selectors.DefaultSelector()
        self.plan = make_plan(*self.ips, stack=[{"name": "x", "networks": ["ch1"], "ports": ports}], **more)
        self.met = True
        self.asked: list[str] = []
        self.emitted, self.record, self.notes = Emitted(), Record(), []
        self.nodes = {
            name: Reach(
                self.plan, name, self.clock, self.selector, self, lambda _path: KEY if self.met else None,
                self.emitted if name == "a" else Emitted(), self.record if name == "a" else Record(), seconds,
                self.notes.append,
            )
            for name in "ab"
        }  # fmt: skip

    def usable(self, _path: str) -> bool:
        return self.met

    def ask(self, purpose, node, path, text, done) -> None:
        assert purpose is Purpose.LISTEN
        self.asked.append(text)
        peer = Peer(path[0], "s", path, purpose, KEY, text)
        self.nodes[node].asked(peer, lambda answer: done(answer, ""))

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            for node in self.nodes.values():
                node.beat()
            for _ in range(4):
                for key, mask in self.selector.select(0.005):
                    key.data(mask)
            self.clock.mono_shift_ns += 1_000_000_000

    @property
    def rows(self) -> list[tuple[tuple[str, ...], int | None]]:
        return [(labels, row[1]) for (table, labels), rows in self.emitted.rows.items() for row in rows]

    def outcome(self, name: str) -> tuple[State, str]:
        last = self.record.outcome(name).intervals[-1]
        return last.state, last.reason

    def close(self) -> None:
        for node in self.nodes.values():
            node.leave()


def test_every_port_of_the_plan_is_tried_once_and_its_door_closed_again():
    tcp, udp = free_port(addresses(1)[0]), free_port(addresses(1)[0])
    pair = Pair([f"tcp/{tcp}", f"udp/{udp}"])
    pair.run(3)
    assert sorted(pair.rows) == [(("a>b/ch1", f"tcp/{tcp}"), 0), (("a>b/ch1", f"udp/{udp}"), 0)]
    assert pair.nodes["b"].doors
    pair.run(DOOR_S + 1)
    assert not pair.nodes["b"].doors
    assert len(pair.rows) == 2
    assert pair.outcome(f"reach a>b/ch1 tcp/{tcp}") == (State.OK, "")
    pair.close()


def test_a_long_run_asks_again_near_its_end():
    port = free_port(addresses(1)[0])
    pair = Pair([f"tcp/{port}"], LONG_S)
    pair.run(LONG_S - LAST_S - 100)
    assert len(pair.rows) == 1
    pair.run(101)
    assert [result for _, result in pair.rows] == [0, 0]
    pair.close()


def test_a_network_without_probes_is_knocked_at_too():
    one, other = addresses(2)
    port = free_port(other)
    pair = Pair([])
    data = dict(pair.plan.data)
    data["network"] = {"ch1": {}, "mg": {"kind": "management", "probe": False}}
    data["node"] = [
        {"name": name, "addr": {"ch1": f"{ip}/24", "mg": f"{extra}/24"}}
        for name, ip, extra in zip("ab", pair.ips, (one, other), strict=True)
    ]
    data["probe"] = {"port": port}
    from collector.plan import parse

    plan = parse(data, "plan")
    assert [(item.path, item.port.name, item.stack) for item in plan.ports()] == [
        ("a>b/mg", f"tcp/{port}", ""),
        ("b>a/mg", f"tcp/{port}", ""),
    ]
    pair.plan = plan
    pair.nodes = {
        name: Reach(
            plan, name, pair.clock, pair.selector, pair, lambda _path: KEY, pair.emitted, pair.record, 100.0, print
        )
        for name in "ab"
    }
    pair.run(3)
    assert sorted(pair.rows) == [(("a>b/mg", f"tcp/{port}"), 0), (("b>a/mg", f"tcp/{port}"), 0)]
    pair.close()


def test_in_a_later_start_of_a_run_times_count_from_its_zero():
    pair = Pair([f"tcp/{free_port(addresses(1)[0])}"])
    zero_ns = pair.clock.monotonic_ns() - 50_000_000_000
    pair.nodes["a"] = Reach(
        pair.plan, "a", pair.clock, pair.selector, pair, lambda _path: KEY, pair.emitted, pair.record, 100.0,
        pair.notes.append, zero_ns,
    )  # fmt: skip
    pair.run(3)
    ((t_us, *_),) = pair.emitted.table("reach")
    assert 50_000_000 <= t_us < 60_000_000
    pair.close()


def test_nobody_gets_a_door_that_the_plan_does_not_list():
    port = free_port(addresses(1)[0])
    pair = Pair([f"tcp/{port}"])
    said: list[str] = []
    for node, text in (
        ("a", "tcp/22 ch1"),
        ("a", f"udp/{port} ch1"),
        ("a", f"tcp/{port} other"),
        ("z", f"tcp/{port} ch1"),
        ("a", ""),
    ):
        pair.nodes["b"].asked(Peer(node, "s", "a>b/ch1", Purpose.LISTEN, KEY, text), said.append)
    assert all(answer.startswith(NEVER) for answer in said)
    assert not pair.nodes["b"].doors
    pair.close()
    pair.nodes["b"].asked(Peer("a", "s", "a>b/ch1", Purpose.LISTEN, KEY, f"tcp/{port} ch1"), said.append)
    assert said[-1].startswith(NEVER), "a run that ends opens nothing"


def test_a_program_that_is_there_already_is_left_alone():
    pair = Pair([])
    port = free_port(pair.ips[1])
    pair = Pair([f"tcp/{port}", f"udp/{port}"])
    tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp.bind((pair.ips[1], port))
    tcp.listen()
    udp.bind((pair.ips[1], port))
    said: list[str] = []
    pair.nodes["b"].asked(Peer("a", "s", "a>b/ch1", Purpose.LISTEN, KEY, f"tcp/{port} ch1"), said.append)
    assert said[0].startswith(USED)
    pair.run(3)
    assert sorted(pair.rows) == [(("a>b/ch1", f"tcp/{port}"), 1), (("a>b/ch1", f"udp/{port}"), 4)]
    assert pair.outcome(f"reach a>b/ch1 udp/{port}")[0] is State.SKIPPED
    pair.close()
    tcp.close()
    udp.close()


def test_a_peer_that_does_not_answer_leaves_it_untested_with_the_reason():
    pair = Pair(["tcp/57348"])
    pair.ask = lambda *asked: asked[-1](None, "connection lost")
    pair.run(TRIES * 11)
    assert pair.rows == [(("a>b/ch1", "tcp/57348"), 4)]
    assert "connection lost" in pair.outcome("reach a>b/ch1 tcp/57348")[1]
    pair.close()


def test_a_peer_that_never_came_leaves_it_untested_with_the_reason():
    pair = Pair(["tcp/57348"])
    pair.met = False
    pair.run(5)
    pair.close()
    assert pair.rows == []
    assert pair.outcome("reach a>b/ch1 tcp/57348") == (State.SKIPPED, "no collector answered on b")


# --- the plan --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["57348", "tcp/0", "tcp/65536", "ip/6", "ip/1", "ip/253", "sctp/5", "tcp/-1", "tcp/1 ", ""]
)
def test_what_is_no_port_is_a_mistake(text):
    with pytest.raises(PlanError) as caught:
        make_plan(stack=[{"name": "x", "networks": ["ch1"], "ports": [text]}])
    assert "stack x, ports" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key"), [("tcp/8862", "probe.port"), ("udp/8862", "probe.port"), ("tcp/8863", "bandwidth.port")]
)
def test_our_own_ports_are_no_products(text, key):
    with pytest.raises(PlanError, match=key):
        make_plan(stack=[{"name": "x", "networks": ["ch1"], "ports": [text]}])


def test_a_plan_that_says_nothing_of_ports_differs_from_one_that_needs_none():
    assert make_plan(stack=[{"name": "x", "networks": ["ch1"]}]).stacks[0].ports is None
    assert make_plan(stack=[{"name": "x", "networks": ["ch1"], "ports": []}]).stacks[0].ports == ()


# --- across a firewall -----------------------------------------------------------------------------------------------


@pytest.mark.lab
@root
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_is_swallowed_on_the_way_is_filtered(ends, transport):
    try:
        with Lab() as lab:
            a, router, b = lab.namespace("a"), lab.namespace("r", router=True), lab.namespace("b")
            lab.link(a, "v", router, "left")
            lab.link(b, "v", router, "right")
            a.address("v", "10.78.1.1/24")
            router.address("left", "10.78.1.2/24")
            router.address("right", "10.78.2.2/24")
            b.address("v", "10.78.2.1/24")
            a.route("default", "10.78.1.2")
            b.route("default", "10.78.2.2")
            ends.source, ends.target = "10.78.1.1", "10.78.2.1"
            port = Port(transport, 112 if transport is Transport.IP else 57348)
            with entered(b.path):
                door = ends.door(port)
            with entered(a.path):
                knock = ends.knock(port)
            ends.pump(lambda: bool(ends.results))
            assert ends.results.pop() == (Result.OPEN, "")
            knock.close()
            # A router that has no way on and says nothing of it is a firewall that drops.
            router.ip("rule", "add", "from", "10.78.1.1", "priority", "10", "blackhole")
            with entered(a.path):
                knock = ends.knock(port)
            ends.settle()
            ends.clock.mono_shift_ns += round(KNOCK_S * 1e9)
            knock.beat()
            assert ends.results[0][0] is Result.FILTERED
            door.close()
    except Unavailable as reason:
        pytest.fail(f"the laboratory cannot be built here, and its tests must not be skipped: {reason}")
