"""Sender against reflector on loopback, and the links that introduce them: real sockets, driven by hand."""

from __future__ import annotations

import selectors
import socket
import sys
from typing import Any

import pytest
from fakes import SECOND, Emitted, FakeClock, ShiftedClock, addresses, arrived, free_port, make_plan, until

from collector.machine import LINUX
from collector.peers import bursts, stamp
from collector.peers.hello import Identity, Peer, Purpose
from collector.peers.links import ANSWER_S, MAX_PER_ADDRESS, SILENT_S, Links
from collector.peers.reflector import COPIES, REPLAY_WINDOW, Reflector
from collector.peers.sender import Sender
from collector.peers.tables import (
    BURST,
    BURST_REPLY,
    DUPLICATE,
    REPLY,
    SEEN,
    SENT,
    STEPPED,
    T1_KERNEL,
    T2_KERNEL,
    T3_KERNEL,
    T4_KERNEL,
)
from collector.peers.tables import WIRE as WIRE_TABLE
from collector.peers.timestamps import receive, udp_socket

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PERIOD_NS = 200_000_000
SESSION = "beef" * 8
PATH = "a>b/ch1"

linux = pytest.mark.skipif(not LINUX, reason="kernel stamps are Linux's")


class Path:
    """One path: a sender on its address, a reflector on another, one clock that a test can shift."""

    def __init__(self, period_ns: int = PERIOD_NS, session: str = SESSION) -> None:
        self.source, self.target = addresses(2)
        self.clock = ShiftedClock()
        self.t0_ns = self.clock.monotonic_ns()
        self.emitted = Emitted()
        self.listener = udp_socket(self.target, 0)
        self.port = self.listener.getsockname()[1]
        self.reflector = Reflector(self.t0_ns, self.emitted, self.clock)
        self.sender = Sender(
            PATH, self.source, (self.target, self.port), period_ns, session, self.t0_ns, self.emitted, self.clock
        )
        self.reflector.admit(PATH, self.source, KEY)
        self.sender.start(KEY)

    def close(self) -> None:
        self.listener.close()
        self.sender._sock.close()

    def send(self) -> bytes:
        """Let the next slot come, send it, and return the packet as it waits at the reflector."""
        self.clock.reach(self.sender.due_ns)
        self.sender.send()
        return arrived(self.listener)

    def answer(self) -> bytes:
        """Answer what waits, and return the reply as it waits at the sender."""
        self.reflector.answer(self.listener)
        return arrived(self.sender._sock)

    def exchange(self, count: int = 1) -> None:
        for _ in range(count):
            self.send()
            self.answer()
            self.sender.collect()

    def finish(self) -> None:
        self.sender.flush(everything=True)
        self.reflector.report(close=True)

    def rows(self, table: Any) -> list[dict[str, Any]]:
        return [dict(zip(table.columns, row, strict=True)) for row in self.emitted.table(table.name)]

    def counters(self) -> dict[str, int]:
        """What the reflector did not answer, by kind, without the zeros."""
        self.reflector.report()
        told = self.rows(WIRE_TABLE)[-1]
        del told["t_us"]
        return {name: count for name, count in told.items() if count}

    def silence(self) -> bool:
        """True if the reflector, asked to look, sends nothing."""
        self.reflector.answer(self.listener)
        try:
            self.sender._sock.recv(4096, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def path():
    path = Path()
    yield path
    path.close()


def test_every_probe_is_answered_and_every_slot_has_its_row(path):
    path.exchange(5)
    path.finish()

    sent, replies = path.rows(SENT), path.rows(REPLY)
    first = sent[0]["slot"]
    assert [row["slot"] for row in sent] == list(range(first, first + 5))
    assert [row["flag"] for row in sent] == [0] * 5
    assert [row["slot"] for row in replies] == [row["slot"] for row in sent]
    assert [row["rseq"] for row in replies] == list(range(5))
    assert [(row["first"], row["count"]) for row in path.rows(SEEN)] == [(first, 5)]
    assert (path.sender.sent, path.sender.answered) == (5, 5)
    assert {labels for _, labels in path.emitted.rows} == {(PATH,), ()}
    assert path.counters() == {}


@pytest.fixture
def fast(path):
    """The fast sender beside that of `path`, made and begun as the wire process does it."""
    made = []

    def make(name: str) -> Sender:
        ends = (name, path.source, (path.target, path.port))
        emit = bursts.beside(path.emitted)
        made.append(
            Sender(*ends, bursts.PERIOD_NS, SESSION, path.t0_ns, emit, path.clock, mark=stamp.BURST),
        )
        return made[-1]

    burst = bursts.Bursts(make, PERIOD_NS, path.clock)
    burst.begin(PATH, KEY, 3.0)
    yield burst
    for sender in made:
        sender._sock.close()


def _swap(path: Path, sender: Sender) -> Sender:
    path.sender, before = sender, path.sender
    return before


def test_fast_probes_go_beside_the_ordinary_ones_and_leave_their_slots_alone(path, fast):
    path.exchange(2)
    (sender,) = fast.active()
    ordinary = _swap(path, sender)
    path.exchange(30)
    _swap(path, ordinary)
    path.exchange(2)
    path.finish()
    fast.flush(everything=True)

    sent = [row for row in path.rows(BURST) if row["flag"] == 0]
    slots = [row["slot"] for row in sent]
    assert slots == list(range(slots[0], slots[0] + 30)), "numbered by themselves, in periods of 40 ms since t0"
    assert all(abs(row["t_us"] - row["slot"] * 40_000) <= 4_000 for row in sent)
    assert [row["slot"] for row in path.rows(BURST_REPLY)] == slots
    assert [row["rseq"] for row in path.rows(BURST_REPLY)] == list(range(30))
    answered = [row["slot"] for row in path.rows(REPLY)]
    assert answered == [row["slot"] for row in path.rows(SENT) if row["flag"] == 0]
    assert len(answered) == 4
    assert [row["rseq"] for row in path.rows(REPLY)] == list(range(4))
    seen = {row["first"] + place for row in path.rows(SEEN) for place in range(row["count"])}
    assert seen == set(answered), "what the reflector tells is of ordinary slots only"
    assert path.counters() == {}, "neither kind makes the other look like a replay"


def test_a_fast_probe_s_reply_played_back_to_the_ordinary_socket_is_not_taken(path, fast):
    (sender,) = fast.active()
    ordinary = _swap(path, sender)
    path.send()
    reply = path.answer()
    _swap(path, ordinary)
    path.send()
    arrived(path.listener)
    path.listener.sendto(reply, path.sender._sock.getsockname())
    arrived(path.sender._sock)
    path.sender.collect()
    path.finish()

    assert path.rows(REPLY) == []


def test_fast_probes_end_by_themselves_if_nobody_ends_them(path, fast):
    path.clock.mono_shift_ns += 2 * SECOND
    fast.flush()
    assert list(fast.active())
    path.clock.mono_shift_ns += 2 * SECOND
    fast.flush()
    assert list(fast.active()) == []


def test_ordinary_probes_that_are_as_fast_have_none_beside_them(path):
    quick = bursts.Bursts(lambda _: pytest.fail("none is needed"), bursts.PERIOD_NS, path.clock)
    quick.begin(PATH, KEY, 3.0)

    assert list(quick.active()) == []


@linux
def test_the_stamps_come_from_the_kernel_and_t3_of_all_but_the_newest_reply(path):
    """The reflector's own transmit stamp travels with its next reply."""
    path.exchange(4)
    path.finish()

    kernel = T1_KERNEL | T2_KERNEL | T3_KERNEL | T4_KERNEL
    assert [row["flags"] for row in path.rows(REPLY)] == [kernel] * 3 + [kernel & ~T3_KERNEL]
    assert all(row["tx_us"] is not None and 0 <= row["tx_us"] < SECOND // 1000 for row in path.rows(SENT))
    assert all((row["ttl"], row["ttl_fwd"]) == (64, 64) for row in path.rows(REPLY))


@linux
def test_a_reply_that_was_overtaken_by_the_one_with_its_stamp_gets_the_stamp_all_the_same(path):
    path.exchange()
    path.send()
    path.answer()
    held, source = path.sender._sock.recv(4096), path.sender._sock.getsockname()
    path.exchange()
    path.listener.sendto(held, source)
    arrived(path.sender._sock)
    path.sender.collect()
    path.exchange()
    path.finish()

    rows = {row["rseq"]: row["flags"] for row in path.rows(REPLY)}
    assert list(rows) == [0, 1, 2, 3]
    assert [bool(flags & T3_KERNEL) for flags in rows.values()] == [True, True, True, False]


@linux
def test_the_parts_are_not_negative_and_add_up_to_the_monotonic_round_trip(path):
    bounds = []
    for _ in range(4):
        path.clock.reach(path.sender.due_ns)
        begun = path.clock.monotonic_ns()
        path.sender.send()
        sent = path.clock.monotonic_ns()
        arrived(path.listener)
        path.answer()
        asked = path.clock.monotonic_ns()
        path.sender.collect()
        bounds.append(((asked - sent) // 1000, (path.clock.monotonic_ns() - begun) // 1000))
    path.finish()

    for (low, high), sent_row, row in zip(bounds, path.rows(SENT), path.rows(REPLY), strict=True):
        parts = [sent_row["tx_us"], row["fwd_us"], row["res_us"], row["back_us"], row["rxq_us"]]
        assert low - 1 <= sum(parts) <= high + 1
        # Each part is rounded down on its own, so the remainder may be a few microseconds below nothing.
        assert all(part >= -5 for part in parts), parts


def test_forward_loss_leaves_a_slot_without_reply_that_the_reflector_never_saw(path):
    path.exchange()
    path.send()
    path.listener.recv(4096)  # lost on its way
    path.exchange(2)
    path.finish()

    first = path.rows(SENT)[0]["slot"]
    assert [row["slot"] - first for row in path.rows(SENT)] == [0, 1, 2, 3]
    assert [row["slot"] - first for row in path.rows(REPLY)] == [0, 2, 3]
    assert [(row["first"] - first, row["count"]) for row in path.rows(SEEN)] == [(0, 1), (2, 2)]
    assert [row["rseq"] for row in path.rows(REPLY)] == [0, 1, 2]


def test_loss_on_the_way_back_leaves_a_slot_without_reply_that_the_reflector_saw(path):
    path.exchange()
    path.send()
    path.answer()
    path.sender._sock.recv(4096)  # lost on its way back
    path.exchange()
    path.finish()

    first = path.rows(SENT)[0]["slot"]
    assert [row["slot"] - first for row in path.rows(REPLY)] == [0, 2]
    assert [row["rseq"] for row in path.rows(REPLY)] == [0, 2]
    assert [(row["first"] - first, row["count"]) for row in path.rows(SEEN)] == [(0, 3)]


def test_a_probe_that_the_network_doubled_is_answered_twice_and_the_second_reply_is_marked(path):
    path.exchange()
    packet = path.send()
    path.sender._sock.sendto(packet, (path.target, path.port))
    until(lambda: path.reflector._sessions[path.source].rseq == 3, lambda: path.reflector.answer(path.listener))
    arrived(path.sender._sock)
    path.sender.collect()
    path.exchange()
    path.finish()

    first = path.rows(SENT)[0]["slot"]
    assert [(row["slot"] - first, row["rseq"], bool(row["flags"] & DUPLICATE)) for row in path.rows(REPLY)] == [
        (0, 0, False),
        (1, 1, False),
        (1, 2, True),
        (2, 3, False),
    ]
    assert path.sender.answered == 3
    assert [(row["first"] - first, row["count"]) for row in path.rows(SEEN)] == [(0, 2), (1, 2)]


def test_a_reply_that_the_network_doubled_keeps_its_first_row_and_marks_the_second(path):
    """Without the first row the slot would look lost."""
    path.exchange()
    path.send()
    reply = path.answer()
    path.listener.sendto(reply, path.sender._sock.getsockname())
    path.sender.collect()
    path.exchange()
    path.finish()

    first = path.rows(SENT)[0]["slot"]
    marked = sorted((row["slot"] - first, bool(row["flags"] & DUPLICATE)) for row in path.rows(REPLY))
    assert marked == [(0, False), (1, False), (1, True), (2, False)]


def test_a_packet_older_than_the_window_is_a_replay_and_is_not_answered(path):
    old = path.send()
    path.answer()
    path.sender.collect()
    newest = stamp.slot_of(old) + REPLAY_WINDOW
    for slot, answered in ((newest, True), (newest + 1, True)):
        packet = stamp.probe(KEY, slot, path.clock.realtime_ns(), 1)
        path.sender._sock.sendto(packet, (path.target, path.port))
        arrived(path.listener)
        assert path.silence() is not answered
        path.sender._sock.recv(4096)
    path.sender._sock.sendto(old, (path.target, path.port))
    arrived(path.listener)

    assert path.silence()
    assert path.counters() == {"replayed": 1}


WRONG = {
    "another key": (stamp.probe(OTHER_KEY, 1, 1, 1), "unauthentic"),
    "a flipped bit": (stamp.probe(KEY, 1, 1, 1)[:-1] + b"\0", "unauthentic"),
    "truncated by one": (stamp.probe(KEY, 1, 1, 1)[:-1], "malformed"),
    "unauthenticated mode": (bytes(44), "malformed"),
    "empty": (b"", "malformed"),
    "one too long": (stamp.probe(KEY, 1, 1, 1) + b"\0", "malformed"),
    "oversized": (stamp.probe(KEY, 1, 1, 1) + bytes(1300), "malformed"),
    "beyond the buffer": (stamp.probe(KEY, 1, 1, 1) + bytes(3000), "malformed"),
}


@pytest.mark.parametrize(("packet", "kind"), WRONG.values(), ids=WRONG.keys())
def test_what_is_not_ours_is_counted_by_kind_and_not_answered(path, packet, kind):
    path.sender._sock.sendto(packet, (path.target, path.port))
    until(lambda: bool(path.counters()), path.silence)

    assert path.silence()
    assert path.counters() == {kind: 1}
    path.finish()
    assert path.rows(SEEN) == []


def test_a_stranger_gets_no_answer_even_with_the_right_key(path):
    (address,) = addresses(1)
    with udp_socket(address, 0) as stranger:
        stranger.sendto(stamp.probe(KEY, 1, 1, 1), (path.target, path.port))
        until(lambda: bool(path.counters()), path.silence)

        with pytest.raises(BlockingIOError):
            stranger.recv(4096)
    assert path.counters() == {"stranger": 1}


def test_a_reply_played_back_as_a_probe_is_not_answered(path):
    """A captured reply must not make a lost slot look as if it had arrived, whatever it is made to look like."""
    path.send()
    reply = path.answer()
    path.sender.collect()
    turned = bytearray(reply)
    turned[stamp.BASE_B] ^= 0x80
    for packet in (reply, reply[: stamp.BASE_B], bytes(turned)):
        path.sender._sock.sendto(packet, (path.target, path.port))
        arrived(path.listener)
        assert path.silence()
    assert path.counters() == {"malformed": 2, "unauthentic": 1}


def test_a_probe_of_base_length_is_not_answered(path):
    """It is signed, but an answer without TLVs would tell no t3."""
    packet = stamp.probe(KEY, 7, path.clock.realtime_ns(), 1)[: stamp.BASE_B]
    path.sender._sock.sendto(packet, (path.target, path.port))
    arrived(path.listener)
    assert path.silence()


def test_a_probe_played_back_again_and_again_is_answered_a_few_times_and_then_counted(path):
    packet = path.send()
    path.answer()
    path.sender.collect()
    for _ in range(20):
        path.sender._sock.sendto(packet, (path.target, path.port))
        arrived(path.listener)
        path.reflector.answer(path.listener)
    assert path.counters() == {"replayed": 21 - COPIES}
    path.finish()
    assert sum(row["count"] for row in path.rows(SEEN)) == COPIES
    assert len(path.rows(REPLY)) == COPIES


def test_a_flood_to_the_senders_socket_is_read_in_portions_and_not_used(path):
    path.send()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((path.target, 0))
        for _ in range(600):
            stranger.sendto(bytes(stamp.PACKET_B), path.sender._sock.getsockname())
    path.sender.collect()
    assert path.sender._sock.recv(4096), "one call reads a portion and leaves the rest for later"
    path.finish()
    assert path.rows(REPLY) == []


def test_a_reply_that_is_not_authentic_is_not_taken(path):
    path.send()
    reply = path.answer()
    path.sender._sock.recv(4096)
    for wrong in (reply[:-1], reply + b"\0", reply[:50] + b"\xff" + reply[51:], bytes(152)):
        path.listener.sendto(wrong, path.sender._sock.getsockname())
    arrived(path.sender._sock)
    path.sender.collect()
    path.finish()

    assert path.sender.answered == 0
    assert path.rows(REPLY) == []


def test_our_own_probe_thrown_back_is_not_taken_for_a_reply(path):
    """An echo service on the other side would do it."""
    packet = path.send()
    path.listener.sendto(packet, path.sender._sock.getsockname())
    arrived(path.sender._sock)
    path.sender.collect()
    path.finish()

    assert path.rows(REPLY) == []


def test_a_clock_that_jumps_skips_slots_and_never_bursts(path):
    path.exchange()
    before = path.sender.sent
    path.clock.reach(path.sender.due_ns + 1_500_000_000)
    for _ in range(20):
        path.sender.send()
    path.finish()

    assert path.sender.sent <= before + 1
    rows = path.rows(SENT)
    assert [row["slot"] for row in rows] == list(range(rows[0]["slot"], rows[0]["slot"] + len(rows)))
    skipped = [row for row in rows if row["flag"] == -1]
    assert len(skipped) in (7, 8)  # 1.5 s of 0.2 s slots, moved by up to 20 ms each
    assert all(row["tx_us"] is None for row in skipped)
    assert all(row["late_us"] >= PERIOD_NS // 1000 for row in skipped)
    assert path.sender.due_ns > path.clock.monotonic_ns() - PERIOD_NS


def test_slots_stand_on_an_absolute_grid_with_at_most_a_tenth_of_jitter(path):
    path.exchange(12)
    path.finish()

    times = [row["t_us"] - row["slot"] * PERIOD_NS // 1000 for row in path.rows(SENT)]
    assert max(times) - min(times) <= 2 * PERIOD_NS // 10 // 1000
    assert len(set(times)) > 1, "there is jitter (RFC 3432)"


@pytest.mark.parametrize(("period_ns", "pause_s"), [(PERIOD_NS, 0.0), (PERIOD_NS, 3.0), (20_000_000, 0.1)])
def test_numbers_go_on_after_a_pause_and_never_repeat(period_ns, pause_s):
    path = Path(period_ns)
    path.exchange(3)
    path.sender.pause()
    path.clock.mono_shift_ns += round(pause_s * SECOND)
    path.sender.start(KEY)
    path.exchange(3)
    path.finish()
    path.close()

    rows = path.rows(SENT)
    slots = [row["slot"] for row in rows]
    assert slots == sorted(set(slots))
    assert [row["flag"] for row in rows] == [0] * 6, "a pause is a stretch without slots, not skipped slots"
    if pause_s:
        assert slots[3] - slots[2] >= pause_s * SECOND // period_ns


@pytest.mark.parametrize("seed", ["00000000", "10000000", "7fffffff", "c0ffee00"])
def test_numbers_do_not_repeat_when_a_slow_path_is_paused_right_after_an_early_slot(seed):
    """At 10 s a period, jitter is up to 1 s: more than the lead."""
    path = Path(10_000_000_000, session=seed * 4)
    path.exchange(3)
    for _ in range(5):
        path.sender.pause()
        path.sender.start(KEY)
        path.exchange()
    path.finish()
    path.close()

    slots = [row["slot"] for row in path.rows(SENT)]
    assert len(set(slots)) == len(slots)


def test_a_new_key_is_answered_and_so_is_what_is_under_way_under_the_earlier_one(path):
    path.exchange()
    earlier = path.send()
    path.reflector.admit(PATH, path.source, OTHER_KEY)

    reply = path.answer()
    assert stamp.authentic(KEY, reply)
    path.sender._sock.recv(4096)

    path.sender.start(OTHER_KEY)
    path.exchange()
    path.sender.flush()
    assert path.sender.answered == 2
    path.reflector.admit(PATH, path.source, b"3" * 32)
    path.sender._sock.sendto(earlier, (path.target, path.port))
    arrived(path.listener)
    assert path.silence(), "two keys ago is over"
    assert path.counters() == {"unauthentic": 1}


def test_a_packet_of_an_earlier_session_does_not_end_the_present_one(path):
    """The peer ran for hours, restarted, and counts from the beginning; an old packet is late, or played again."""
    late = stamp.probe(KEY, 500_000, path.clock.realtime_ns(), 1)
    path.reflector.admit(PATH, path.source, OTHER_KEY)
    path.sender.start(OTHER_KEY)
    path.exchange()
    path.sender._sock.sendto(late, (path.target, path.port))
    arrived(path.listener)
    path.reflector.answer(path.listener)
    path.sender.collect()

    path.exchange()

    path.sender.flush()
    assert path.sender.answered == 2
    assert path.counters().get("replayed", 0) == 0


@pytest.mark.parametrize("hours", [1, -1])
def test_a_step_of_the_time_of_day_between_send_and_receive_is_flagged_and_the_sum_stays_right(path, hours):
    path.exchange()
    path.clock.reach(path.sender.due_ns)
    begun = path.clock.monotonic_ns()
    path.sender.send()
    path.clock.real_shift_ns += hours * 3600 * SECOND
    arrived(path.listener)
    path.answer()
    path.sender.collect()
    ended = path.clock.monotonic_ns()
    path.exchange()
    path.finish()

    flagged = [bool(row["flags"] & STEPPED) for row in path.rows(REPLY)]
    assert flagged == [False, True, False]
    row, sent = path.rows(REPLY)[1], path.rows(SENT)[1]
    total = sent["tx_us"] + row["fwd_us"] + row["res_us"] + row["back_us"] + row["rxq_us"]
    assert 0 <= total <= (ended - begun) // 1000 + 1


def test_a_send_that_the_kernel_refuses_has_its_errno_as_flag_and_the_next_one_goes_out(path):
    path.exchange()
    port, path.sender._target = path.sender._target, ("255.255.255.255", 9)  # no SO_BROADCAST: EACCES
    path.clock.reach(path.sender.due_ns)
    path.sender.send()
    path.sender._target = port
    path.exchange(2)
    path.finish()

    assert [row["flag"] for row in path.rows(SENT)] == [0, 13, 0, 0]
    assert path.rows(SENT)[1]["tx_us"] is None
    assert len(path.rows(REPLY)) == 3
    assert all(row["flags"] & T1_KERNEL for row in path.rows(REPLY)) or not LINUX
    assert path.sender.sent == 3


def test_a_flood_is_answered_in_portions(path):
    """So that it does not keep the process from sending its own probes."""
    packet = path.send()
    for _ in range(150):
        path.sender._sock.sendto(packet, (path.target, path.port))
    arrived(path.listener)

    path.reflector.answer(path.listener)

    assert path.reflector._sessions[path.source].rseq <= 64


def marks(sock: socket.socket, *, v6: bool) -> int:
    """The traffic class of the next datagram."""
    sock.setblocking(True)
    sock.settimeout(10)
    _, ancillary, _, _ = sock.recvmsg(4096, 256)
    kind = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if v6 else (socket.IPPROTO_IP, socket.IP_TOS)
    (value,) = [value for level, name, value in ancillary if (level, name) == kind]
    return int.from_bytes(value[:4], sys.byteorder)


@linux
@pytest.mark.parametrize("dscp", [0, 46])
def test_probes_and_replies_carry_the_network_s_mark(dscp):
    source, target = addresses(2)
    clock, emitted = ShiftedClock(), Emitted()
    t0_ns = clock.monotonic_ns()
    with udp_socket(target, 0, dscp) as listener:
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        there = (target, listener.getsockname()[1])
        sender = Sender(PATH, source, there, PERIOD_NS, SESSION, t0_ns, emitted, clock, dscp)
        sender._sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        reflector = Reflector(t0_ns, emitted, clock)
        reflector.admit(PATH, source, KEY)
        sender.start(KEY)
        clock.reach(sender.due_ns)
        sender.send()
        arrived(listener)
        reflector.answer(listener)
        arrived(sender._sock)
        assert marks(sender._sock, v6=False) == dscp << 2
        clock.reach(sender.due_ns)
        sender.send()
        arrived(listener)
        assert marks(listener, v6=False) == dscp << 2
        sender._sock.close()


@linux
def test_datagrams_are_marked_on_ipv6_as_well():
    try:
        with udp_socket("::1", 0, 34) as sender, udp_socket("::1", 0) as listener:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
            sender.sendto(b"x", listener.getsockname())
            assert marks(listener, v6=True) == 34 << 2
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")


@linux
def test_an_answer_is_read_with_its_stamp_and_ttl_whatever_its_mark():
    source, target = addresses(2)
    with udp_socket(source, 0, 46) as sender, udp_socket(target, 0) as listener:
        sender.sendto(b"x", listener.getsockname())
        arrived(listener)
        received = receive(listener)

    assert received is not None
    assert received.stamp_ns is not None
    assert received.ttl is not None


# --- links -----------------------------------------------------------------------------------------------------------


class Owner:
    """Stands for the main process of a node; its reflector is ready when the test says so."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.waiting: list[str] = []

    def admit(self, path: str, address: str, key: bytes) -> None:
        self.log.append(("admit", path, address, key))
        self.waiting.append(path)

    def established(self, path: str, peer: Peer) -> None:
        self.log.append(("established", path, peer))

    def left(self, path: str, peer: Peer) -> None:
        self.log.append(("left", path, peer.node))

    def trouble(self, path: str, text: str) -> None:
        self.log.append(("trouble", path, text))

    def silent(self, path: str, *, silent: bool) -> None:
        self.log.append(("silent", path, silent))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [entry for entry in self.log if entry[0] == kind]


class Node:
    """One node's links, under a selector of its own."""

    def __init__(self, plan, name: str, clock: FakeClock, session: str = "") -> None:
        self.selector = selectors.DefaultSelector()
        self.owner = Owner()
        me = Identity(plan, name, session or name * 32, "0.1.0", b"k" * 64)
        self.asked: list[tuple[Peer, Any]] = []
        self.kept: list[tuple[Peer, socket.socket]] = []
        self.links = Links(
            me,
            self.selector,
            clock,
            self.owner,
            lambda peer, reply: self.asked.append((peer, reply)),
            lambda peer, sock: self.kept.append((peer, sock)),
        )

    def turn(self) -> None:
        """Serve what is ready now, as the main process does between two waits."""
        for key, mask in self.selector.select(0.005):
            key.data(mask)
        while self.owner.waiting:
            self.links.admitted(self.owner.waiting.pop())

    def close(self) -> None:
        self.links.close()
        self.selector.close()


class Pair:
    def __init__(self) -> None:
        self.ips = addresses(2)
        self.port = free_port(self.ips[0])
        self.plan = make_plan(*self.ips, port=self.port)
        self.clock = FakeClock()
        self.a, self.b = Node(self.plan, "a", self.clock), Node(self.plan, "b", self.clock)
        self.a.links.listen()
        self.b.links.listen()

    def turn(self) -> None:
        self.a.turn()
        self.b.turn()

    def meet(self) -> None:
        self.a.links.beat()
        self.b.links.beat()
        until(lambda: self.a.links.up == self.b.links.up == 1, self.turn)

    def connect(self, source: str) -> socket.socket:
        sock = socket.create_connection((self.ips[1], self.port), timeout=10, source_address=(source, 0))
        self.b.turn()
        return sock


@pytest.fixture
def pair():
    pair = Pair()
    yield pair
    pair.a.close()
    pair.b.close()


def test_two_nodes_meet_both_ways_with_one_key_a_path(pair):
    pair.meet()

    ((_, there, peer_of_a),) = pair.a.owner.of("established")
    ((_, back, peer_of_b),) = pair.b.owner.of("established")
    assert (there, back) == ("a>b/ch1", "b>a/ch1")
    assert pair.b.owner.of("admit") == [("admit", "a>b/ch1", pair.ips[0], peer_of_a.key)]
    assert pair.a.owner.of("admit") == [("admit", "b>a/ch1", pair.ips[1], peer_of_b.key)]
    assert (peer_of_a.session, peer_of_b.session) == ("b" * 32, "a" * 32)
    assert peer_of_a.key != peer_of_b.key


def test_a_path_is_established_only_after_the_peer_s_reflector_is_ready(pair):
    pair.a.links.beat()
    while not pair.b.owner.of("admit"):
        pair.a.turn()
        for key, mask in pair.b.selector.select(0.005):
            key.data(mask)  # but not `admitted`
    for _ in range(20):
        pair.a.turn()
    assert pair.a.owner.of("established") == []

    until(lambda: bool(pair.a.owner.of("established")), pair.turn)


def test_a_stranger_s_connection_is_closed_without_a_byte(pair):
    (address,) = addresses(1)
    with pair.connect(address) as stranger:
        pair.b.turn()
        stranger.settimeout(10)
        assert stranger.recv(100) == b""
    assert pair.b.owner.log == []


def test_a_caller_that_says_nothing_is_dropped_at_its_deadline_and_not_before(pair):
    with pair.connect(pair.ips[0]) as caller:
        until(lambda: len(callers(pair.b)) == 1, pair.b.turn)
        pair.clock.advance(ANSWER_S)
        pair.b.links.beat()
        assert pair.b.owner.of("trouble") == []
        assert len(callers(pair.b)) == 1
        pair.clock.advance(0.001)
        pair.b.links.beat()

        caller.settimeout(10)
        assert caller.recv(100) == b""
    assert ("trouble", "a>b/ch1", "no answer in time") in pair.b.owner.log


@pytest.mark.parametrize(
    "line",
    [b"x" * 6000, b"GET / HTTP/1.1\r\n", b"{}\n", b"[" * 4000 + b"\n", b"\n", b"\xff\xfe\n"],
    ids=["endless", "http", "empty object", "nested", "empty", "binary"],
)
def test_a_caller_that_speaks_something_else_is_dropped(pair, line):
    with pair.connect(pair.ips[0]) as caller:
        caller.sendall(line)
        until(lambda: bool(pair.b.owner.of("trouble")), pair.b.turn)

    assert pair.b.owner.of("trouble") == [("trouble", "a>b/ch1", "it does not speak HELLO")]
    assert pair.b.owner.of("admit") == []


def test_a_caller_without_the_key_cannot_bring_the_node_down(pair):
    """He gets as far as the proof; what he says there is any JSON he likes."""
    with pair.connect(pair.ips[0]) as caller:
        fields = {"hello": "2", "ask": "", "path": "a>b/ch1", "session": "x", "plan": pair.plan.digest, "version": "1"}
        text = ",".join(f'"{name}":"{value}"' for name, value in (fields | {"purpose": "probe"}).items())
        caller.sendall(b"{" + text.encode() + b"}\n")
        caller.setblocking(False)
        until(lambda: _readable(caller), pair.b.turn)
        caller.sendall(b'{"mac":"\\ud800"}\n')
        until(lambda: bool(pair.b.owner.of("trouble")), pair.b.turn)

    assert pair.b.owner.of("admit") == []


def callers(node: Node) -> list[Any]:
    """Conversations that somebody else began."""
    return [talk for talk in node.links._talks if talk.out is None]


def _readable(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(4096))
    except BlockingIOError:
        return False


def test_a_connection_that_is_to_be_kept_outlives_its_hello_at_both_ends(pair):
    made: list[tuple[Peer, socket.socket]] = []
    failed: list[str] = []
    pair.a.links.connect(
        "a>b/ch1", "300", lambda _, why: failed.append(why), lambda peer, sock: made.append((peer, sock))
    )
    until(lambda: bool(pair.b.asked), pair.turn)
    asked, reply = pair.b.asked.pop()
    assert (asked.purpose, asked.text) == (Purpose.ECHO, "300")
    reply("the start it is")
    until(lambda: bool(made and pair.b.kept), pair.turn)

    (peer, here), (caller, there) = made[0], pair.b.kept[0]
    with here, there:
        assert (peer.text, caller.text) == ("the start it is", "300")
        assert peer.key == caller.key
        here.sendall(b"goes on")
        until(lambda: _readable(there), pair.turn)
        # The links have let go of it: neither their end nor a goodbye closes it.
        pair.a.links.close()
        pair.b.links.close()
        there.sendall(b"still")
        until(lambda: _readable(here), lambda: None)
    assert failed == []


def test_a_connection_that_cannot_be_made_says_why(pair):
    failed: list[str] = []
    pair.b.links.close()
    pair.a.links.connect("a>b/ch1", "0", lambda _, why: failed.append(why), lambda *_: pytest.fail("nobody is there"))
    until(lambda: bool(failed), pair.a.turn)
    assert failed == ["Connection refused"]


def test_a_goodbye_pauses_the_path_to_who_said_it(pair):
    pair.meet()
    pair.a.links.leave()
    until(lambda: pair.a.links.quiet, pair.turn)

    assert pair.b.owner.of("left") == [("left", "b>a/ch1", "a")]
    assert (pair.b.links.up, pair.a.links.planned) == (0, 1)
    assert pair.b.owner.of("admit") == [pair.b.owner.of("admit")[0]], "a goodbye admits nobody"


def test_a_node_that_leaves_calls_nobody_any_more(pair):
    pair.meet()
    pair.a.links.leave()
    until(lambda: pair.a.links.quiet, pair.turn)
    pair.clock.advance(60)

    pair.a.links.beat()

    assert pair.a.links.quiet


def test_a_path_that_falls_silent_is_asked_again_and_the_same_start_changes_nothing(pair):
    pair.meet()
    pair.clock.advance(SILENT_S + 0.1)
    pair.a.links.beat()
    assert not pair.a.links.quiet
    until(lambda: pair.a.links.quiet, pair.turn)

    assert len(pair.a.owner.of("established")) == 1


def test_a_path_with_replies_is_left_in_peace(pair):
    pair.meet()
    for answered in range(1, 10):
        pair.clock.advance(1.0)
        pair.a.links.heard("a>b/ch1", answered)
        pair.a.links.beat()
        assert pair.a.links.quiet


def test_a_peer_that_was_started_again_is_met_anew_under_another_key(pair):
    pair.meet()
    pair.b.close()
    pair.b = Node(pair.plan, "b", pair.clock, session="c" * 32)
    pair.b.links.listen()
    pair.clock.advance(SILENT_S + 0.1)
    pair.a.links.beat()
    pair.b.links.beat()
    until(lambda: len(pair.a.owner.of("established")) == 2 and pair.b.links.up == 1, pair.turn)

    one, two = (entry[2] for entry in pair.a.owner.of("established"))
    assert (one.session, two.session) == ("b" * 32, "c" * 32)
    assert one.key != two.key
    assert one.purpose is Purpose.PROBE


def test_a_peer_that_is_not_there_is_trouble_in_words_and_called_again_two_seconds_later(pair):
    pair.b.close()
    pair.b = Node(pair.plan, "b", pair.clock)  # there, but not listening
    pair.a.links.beat()
    until(lambda: bool(pair.a.owner.of("trouble")), pair.a.turn)
    assert pair.a.owner.of("trouble") == [("trouble", "a>b/ch1", "Connection refused")]

    pair.clock.advance(1.9)
    pair.a.links.beat()
    assert pair.a.links.quiet
    pair.clock.advance(0.2)
    pair.a.links.beat()
    until(lambda: len(pair.a.owner.of("trouble")) == 2, pair.a.turn)


class Answers:
    """Takes the answers to questions."""

    def __init__(self) -> None:
        self.told: list[tuple[str | None, str]] = []

    def __call__(self, answer: str | None, why: str) -> None:
        self.told.append((answer, why))


def test_a_question_is_carried_there_and_its_answer_back_when_it_is_known(pair):
    pair.meet()
    admitted = list(pair.b.owner.of("admit"))
    answers = Answers()
    pair.a.links.ask(Purpose.SERVE, "b", "a>b/ch1", "a>b/ch1", answers)
    until(lambda: bool(pair.b.asked), pair.turn)
    pair.b.links.admitted("a>b/ch1")  # a reflector that gets ready meanwhile is not the answer
    for _ in range(20):
        pair.turn()
    assert answers.told == []
    ((peer, reply),) = pair.b.asked
    assert (peer.node, peer.path, peer.purpose, peer.text) == ("a", "a>b/ch1", Purpose.SERVE, "a>b/ch1")
    reply("later: busy")
    until(lambda: bool(answers.told), pair.turn)

    assert answers.told == [("later: busy", "")]
    assert pair.b.owner.of("admit") == admitted, "a question admits nobody"
    assert pair.a.links.up == 1


def test_a_question_finds_any_path_that_is_alive_and_fails_in_words_if_there_is_none(pair):
    answers = Answers()
    pair.a.links.ask(Purpose.TURN, "b", "", "a>b/ch1 1", answers)
    assert answers.told == [(None, "no path to it is alive")]
    assert (pair.a.links.live(), pair.a.links.usable("a>b/ch1")) == (set(), False)
    pair.meet()
    assert (pair.a.links.live(), pair.a.links.usable("a>b/ch1")) == ({"b"}, True)
    pair.a.links.ask(Purpose.TURN, "b", "", "a>b/ch1 1", answers)
    until(lambda: bool(pair.b.asked), pair.turn)

    assert pair.b.asked[0][0].text == "a>b/ch1 1"


def test_a_question_that_nobody_answers_fails_at_its_deadline_and_troubles_no_path(pair):
    pair.meet()
    answers = Answers()
    pair.a.links.ask(Purpose.TURN, "b", "", "a>b/ch1 1", answers)
    until(lambda: bool(pair.b.asked), pair.turn)
    pair.clock.advance(ANSWER_S + 0.001)
    pair.a.links.beat()
    assert answers.told == [(None, "no answer in time")]
    assert pair.a.owner.of("trouble") == []
    pair.b.links.beat()
    pair.b.asked[0][1]("")  # too late, and harmless

    assert answers.told == [(None, "no answer in time")]


def test_a_path_that_fell_silent_is_not_alive_until_it_is_heard_again(pair):
    pair.meet()
    pair.clock.advance(SILENT_S + 0.1)
    pair.a.links.beat()
    assert pair.a.links.live() == set()
    pair.a.links.heard("a>b/ch1", 5)

    assert pair.a.links.live() == {"b"}


def test_questions_beside_a_greeting_stay_within_what_one_caller_may_have_open(pair):
    pair.meet()
    answers = Answers()
    for number in range(MAX_PER_ADDRESS - 1):
        pair.a.links.ask(Purpose.RELEASE, "b", "", f"a>b/ch1 {number}", answers)
    pair.clock.advance(SILENT_S + 0.1)
    pair.a.links.beat()  # asks who is there
    until(lambda: len(pair.b.asked) == MAX_PER_ADDRESS - 1 and len(pair.b.owner.of("admit")) == 2, pair.turn)


def test_a_taken_port_is_told_with_what_to_do(pair):
    from collector.errors import OperatorError

    second = Node(pair.plan, "b", pair.clock)
    with pytest.raises(OperatorError, match=f"TCP port {pair.port} on {pair.ips[1]} .ch1. is in use") as refused:
        second.links.listen()

    assert "another collector" in refused.value.hint
    assert second.links._listeners == []
    second.selector.close()
