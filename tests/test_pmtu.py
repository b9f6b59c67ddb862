"""The search for the path MTU: pure, on loopback against the real reflector, and across real routers."""

from __future__ import annotations

import os
import random
import selectors
import socket
import struct
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from fakes import PATIENCE_S, Emitted, ShiftedClock, addresses, make_plan
from hypothesis import given
from hypothesis import strategies as st
from lab_runs import thin_line

from collector.errors import Unavailable
from collector.lab.netns import Lab, Namespace, entered
from collector.lab.wanlog import content
from collector.machine import LINUX
from collector.peers import sized, stamp
from collector.peers.pmtu import FRUITLESS, LARGEST_B, TRIES, WAIT_S, Phase, Search, Walk
from collector.peers.reflector import Reflector
from collector.peers.tables import PMTU
from collector.peers.tables import WIRE as WIRE_TABLE
from collector.peers.timestamps import udp_socket
from collector.record import Record
from collector.sizes import AGAIN_S, EVERY_S, Sizes

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PATH = "a>b/ch1"
UDP_B = 28

pytestmark = pytest.mark.skipif(not LINUX, reason="don't-fragment is set on Linux only")


# --- packets ---------------------------------------------------------------------------------------------------------


def test_an_answer_tells_how_much_arrived_and_is_never_longer_than_the_request():
    for length in (sized.SMALLEST_B, 548, 8972, 65507):
        packet = sized.ask(KEY, 7, length)
        answer = sized.answer(KEY, packet)
        assert len(packet) == length
        assert sized.is_ask(packet)
        assert answer is not None
        assert len(answer) <= length
        assert sized.read_answer(KEY, answer) == (7, length)


def test_what_is_not_authentic_or_not_whole_gets_no_answer():
    packet = sized.ask(KEY, 7, 1472)
    assert sized.answer(OTHER_KEY, packet) is None
    assert sized.answer(KEY, packet[:1400]) is None
    assert sized.answer(KEY, packet + b"x") is None
    answer = sized.answer(KEY, packet) or b""
    assert sized.read_answer(OTHER_KEY, answer) is None
    assert sized.read_answer(KEY, answer[:-1]) is None
    assert not sized.is_ask(answer), "an answer is no request, or two reflectors would play ball"
    assert sized.read_answer(KEY, packet[: sized.SMALLEST_B]) is None, "a request is no answer"


@given(st.binary(max_size=200))
def test_no_packet_from_the_network_breaks_it(data):
    for packet in (data, sized.ask(KEY, 1, sized.SMALLEST_B)[:8] + data):
        assert sized.read_answer(KEY, packet) is None
        assert not sized.is_ask(packet) or sized.answer(KEY, packet) is None


# --- the search ------------------------------------------------------------------------------------------------------


@given(st.integers(576, 9000), st.integers(576, 9000), st.one_of(st.none(), st.integers(0, 70_000)))
def test_the_search_finds_any_mtu_whatever_a_router_says(truth, nic, told):
    """ICMP may be forged: it says where to look, and never what is found."""
    search = Search(4)
    search.held(nic)
    if told is not None:
        search.told(told)
    tried = 0
    while (size := search.next_B()) is not None:
        tried += 1
        assert search.floor_B <= size <= nic
        (search.arrived if size <= truth else search.refused)(size)
    assert tried <= 20
    assert search.size_B == min(truth, nic)
    assert search.refused_B == (None if truth >= nic else truth + 1)


def test_a_path_that_carries_what_the_interface_sends_costs_one_size():
    search = Search(4)
    search.held(9000)
    assert search.next_B() == 9000
    search.arrived(9000)
    assert search.next_B() is None
    assert (search.size_B, search.refused_B) == (9000, None)


def test_a_size_that_arrives_late_was_not_refused():
    search = Search(4)
    search.held(1500)
    search.refused(1500)
    search.arrived(1500)
    assert (search.next_B(), search.size_B, search.refused_B) == (None, 1500, None)


# --- one walk against the real reflector -----------------------------------------------------------------------------


class Line:
    """A walk and a reflector on loopback; `passes` decides which packets (their IP size) get through."""

    def __init__(self, passes: Callable[[int], bool]) -> None:
        self.source, self.target = addresses(2)
        self.clock = ShiftedClock()
        self.emitted = Emitted()
        self.listener = udp_socket(self.target, 0)
        self.port = self.listener.getsockname()[1]
        self.reflector = Reflector(self.clock.monotonic_ns(), self.emitted, self.clock)
        self.reflector.admit(PATH, self.source, KEY)
        self.passes = passes
        self.sizes: list[int] = []

    def close(self) -> None:
        self.listener.close()

    def carry(self) -> None:
        """Hand on what waits, or lose it."""
        while True:
            try:
                size = len(self.listener.recv(1 << 16, socket.MSG_PEEK)) + UDP_B
            except BlockingIOError:
                return
            self.sizes.append(size)
            if self.passes(size):
                self.reflector.answer(self.listener)
            else:
                self.listener.recv(1)

    def walk(self, walk: Walk) -> None:
        """To its end; time passes as fast as the packets do."""
        end = time.monotonic() + PATIENCE_S
        while walk.phase is Phase.UNDER_WAY:
            assert time.monotonic() < end, "it never came about"
            walk.beat()
            self.carry()
            walk.ready()
            self.carry()
            self.clock.mono_shift_ns += round(WAIT_S * 1e9)

    def find(self) -> Walk:
        walk = Walk(self.source, (self.target, self.port), KEY, self.clock)
        try:
            self.walk(walk)
        finally:
            walk.close()
        return walk

    def counters(self) -> dict[str, int]:
        self.reflector.report()
        told = dict(zip(WIRE_TABLE.columns, self.emitted.table(WIRE_TABLE.name)[-1], strict=True))
        return {name: count for name, count in told.items() if count and name != "t_us"}


@pytest.fixture
def line():
    line = Line(lambda _size: True)
    yield line
    line.close()


@pytest.mark.parametrize("truth", [576, 1400, 1500, 9000, LARGEST_B])
def test_a_walk_finds_what_the_line_carries(line, truth):
    line.passes = lambda size: size <= truth
    walk = line.find()
    assert walk.phase is Phase.FOUND
    assert walk.search.size_B == truth
    assert walk.search.refused_B == (truth + 1 if truth < LARGEST_B else None)
    assert line.counters() == {}


def test_lost_packets_do_not_pass_for_a_small_mtu(line):
    """A fifth of all packets are lost, large or small: three in a million sizes would be taken for refused."""
    chance = random.Random(7)
    line.passes = lambda size: size <= 1500 and chance.random() > 0.2
    for _ in range(5):
        assert line.find().search.size_B == 1500


def test_an_outage_does_not_pass_for_a_small_mtu(line):
    """While nothing at all arrives no size is refused, however many of its packets vanish."""
    out = iter([True] * (2 * (TRIES + 2)))
    line.passes = lambda _size: not next(out, False)
    walk = line.find()
    assert (walk.phase, walk.search.size_B, walk.search.refused_B) == (Phase.FOUND, LARGEST_B, None)


def test_a_size_is_refused_only_after_several_tries(line):
    line.passes = lambda size: size <= 1500
    line.find()
    assert line.sizes.count(LARGEST_B) == line.sizes.count(1501) == TRIES


def test_a_line_that_carries_nothing_is_given_up_and_gives_no_figure(line):
    line.passes = lambda _size: False
    walk = line.find()
    assert (walk.phase, walk.search.size_B, walk.search.refused_B) == (Phase.GIVEN_UP, None, None)
    assert walk.why
    assert len(line.sizes) == 2 * FRUITLESS


def test_who_has_another_key_gets_no_answer(line):
    line.reflector.admit(PATH, line.source, OTHER_KEY)
    line.reflector.admit(PATH, line.source, b"x" * 32)
    assert line.find().phase is Phase.GIVEN_UP
    assert line.counters() == {"unauthentic": 2 * FRUITLESS}


def test_sized_packets_do_not_disturb_the_stamps_of_the_probes_beside_them(line):
    """The kernel numbers everything that the reflector's socket sends, these answers too."""
    probe = udp_socket(line.source, 0)
    try:
        line.find()
        for slot in range(3):
            probe.sendto(stamp.probe(KEY, slot, line.clock.realtime_ns(), 1), (line.target, line.port))
            line.find()
            line.carry()
        replies = []
        while True:
            try:
                replies.append(stamp.read_reply(probe.recv(2048)))
            except BlockingIOError:
                break
        assert [reply.follow[0] if reply.follow else None for reply in replies] == [None, 0, 1]
        for earlier, later in pairwise(replies):
            assert later.follow is not None
            assert 0 <= later.follow[1] - earlier.t3_ns < 1e9
    finally:
        probe.close()


# --- when it is looked for -------------------------------------------------------------------------------------------


class Collector:
    """`Sizes` as the main process drives it, on a line."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.emitted = Emitted()
        self.record = Record()
        self.notes: list[str] = []
        self.selector = selectors.DefaultSelector()
        self.key: bytes | None = KEY
        self.sizes = Sizes(
            make_plan(line.source, line.target, port=line.port),
            "a",
            line.clock,
            self.selector,
            lambda _path: self.key,
            self.emitted,
            self.record,
            line.clock.monotonic_ns(),
            self.notes.append,
        )

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.sizes.beat()
            for _ in range(3):
                self.line.carry()
                for key, mask in self.selector.select(0):
                    key.data(mask)
            self.line.clock.mono_shift_ns += 1_000_000_000

    @property
    def rows(self) -> list[dict[str, int | None]]:
        return [dict(zip(PMTU.columns, row, strict=True)) for row in self.emitted.table("pmtu")]

    @property
    def states(self) -> list[str]:
        return [str(interval.state) for interval in self.record.outcome(f"pmtu {PATH}").intervals]


def test_it_is_looked_for_once_the_peer_is_met_and_then_every_hour(line):
    collector = Collector(line)
    collector.key = None
    collector.run(5)
    assert collector.rows == []
    collector.key = KEY
    collector.run(5)
    assert len(collector.rows) == 1
    row = collector.rows[0]
    assert (row["size_B"], row["refused_B"], row["told_B"], row["flag"]) == (LARGEST_B, None, None, 0)
    collector.run(EVERY_S - 10)
    assert len(collector.rows) == 1
    collector.run(20)
    assert len(collector.rows) == 2
    assert collector.states == ["ok"]
    assert len(collector.notes) == 1, "what stays as it was is no event"


def test_a_search_without_answers_is_flagged_and_comes_again_sooner(line):
    line.passes = lambda _size: False
    collector = Collector(line)
    collector.run(FRUITLESS + 5)
    assert [(row["size_B"], row["flag"]) for row in collector.rows] == [(None, 1)]
    assert collector.states == ["timeout"]
    line.passes = lambda _size: True
    collector.run(AGAIN_S)
    assert [row["flag"] for row in collector.rows] == [1, 0]
    assert collector.states == ["timeout", "ok"]


def test_a_run_that_ends_first_says_so_and_gives_no_figure(line):
    line.passes = lambda size: size <= 1400
    collector = Collector(line)
    collector.run(3)
    collector.sizes.close()
    assert collector.rows == []
    assert collector.record.outcome(f"pmtu {PATH}").intervals[-1].reason
    assert not collector.selector.get_map()


def test_an_address_that_is_not_here_is_a_skipped_search(line):
    collector = Collector(line)
    next(iter(collector.sizes._paths.values())).source = "192.0.2.1"
    collector.run(2)
    assert collector.states == ["skipped"]
    with pytest.raises(Unavailable):
        Walk("192.0.2.1", ("192.0.2.2", 9), KEY, line.clock)


# --- across real routers ---------------------------------------------------------------------------------------------


class Routed:
    """a - r1 - r2 - b; the line between the routers carries `middle` octets. A walk from a to b and back."""

    def __init__(self, lab: Lab, middle: int, *, silent: bool) -> None:
        self.clock = ShiftedClock()
        nodes, routers = thin_line(lab, middle, middle)
        self.a, self.b = nodes["a"], nodes["b"]
        for router in routers if silent else ():
            _silence(router)

    def find(self, source: Namespace, target: Namespace) -> Search:
        here, there = (
            {"a": "10.77.1.1", "b": "10.77.3.2"}[source.label],
            {"a": "10.77.1.1", "b": "10.77.3.2"}[target.label],
        )
        with entered(target.path):
            listener = udp_socket(there, 0)
        with entered(source.path):
            walk = Walk(here, (there, listener.getsockname()[1]), KEY, self.clock)
        reflector = Reflector(0, Emitted(), self.clock)
        reflector.admit(PATH, here, KEY)
        try:
            end = time.monotonic() + PATIENCE_S
            while walk.phase is Phase.UNDER_WAY:
                assert time.monotonic() < end, "it never came about"
                walk.beat()
                latest = next(reversed(walk._tries), None)
                # Nothing is in a queue here: once the small packet was answered the large one beside it is gone or here.
                while walk.phase is Phase.UNDER_WAY and walk._tries[-1] is latest and not walk._tries[-1].beside:
                    assert time.monotonic() < end, "it never came about"
                    reflector.answer(listener)
                    walk.ready()
                self.clock.mono_shift_ns += round(WAIT_S * 1e9)
        finally:
            walk.close()
            listener.close()
        return walk.search


def _silence(router: Namespace) -> None:
    """What the router itself would send has no way out; what it forwards has."""
    router.ip("rule", "add", "iif", "lo", "priority", "10", "blackhole")


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")
@pytest.mark.parametrize("silent", [False, True])
def test_a_thin_line_between_routers_is_found_both_ways_with_and_without_their_messages(silent):
    try:
        with Lab() as lab:
            routed = Routed(lab, 1400, silent=silent)
            for source, target in ((routed.a, routed.b), (routed.b, routed.a)):
                found = routed.find(source, target)
                assert (found.size_B, found.refused_B, found.nic_B) == (1400, 1401, 1500)
                assert found.told_B == (None if silent else 1400)
    except Unavailable as reason:
        pytest.fail(f"the laboratory cannot be built here, and its tests must not be skipped: {reason}")


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")
def test_jumbo_frames_are_found_where_both_ends_and_the_line_have_them():
    try:
        with Lab() as lab:
            a, b = lab.namespace("a"), lab.namespace("b")
            routed = Routed.__new__(Routed)
            routed.clock, routed.a, routed.b = ShiftedClock(), a, b
            lab.link(a, "v", b, "v")
            a.address("v", "10.77.1.1/16")
            b.address("v", "10.77.3.2/16")
            for node in (a, b):
                node.ip("link", "set", "v", "mtu", "9000")
            found = routed.find(a, b)
            assert (found.size_B, found.refused_B, found.nic_B) == (9000, None, 9000)
            # One end was forgotten: it still receives what its own interface would not send, or drops it.
            b.ip("link", "set", "v", "mtu", "1500")
            assert (routed.find(b, a).size_B, routed.find(b, a).nic_B) == (1500, 1500)
            thin = routed.find(a, b)
            assert thin.nic_B == 9000
            assert thin.size_B is not None
            assert thin.size_B < 9000
    except Unavailable as reason:
        pytest.fail(f"the laboratory cannot be built here, and its tests must not be skipped: {reason}")


def test_the_laboratorys_log_takes_no_sized_packet_for_a_probe():
    for payload, ports in (
        (sized.ask(KEY, 1, 548), (40000, 8862)),
        (sized.answer(KEY, sized.ask(KEY, 1, 548)), (8862, 40000)),
    ):
        assert payload is not None
        udp = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
        packet = bytes([0x45]) + bytes(8) + bytes([17]) + bytes(10) + udp
        found = content(packet, 8862)
        assert (found.ports, found.slot, found.rseq) == (ports, None, None)
