"""TCP echo: what its lines make of answers, silence, resets and age, over real connections; and two processes that talk to each other."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fakes import PATIENCE_S, SECOND, T0_NS, Emitted, FakeClock, addresses, make_plan, until

from collector.machine import SystemClock
from collector.peers import echolines
from collector.peers.echo import EchoPath, run_echo
from collector.peers.echolines import AGES_S, Beat, Idle, fitting
from collector.peers.handover import give, hatch, take
from collector.peers.stream import MESSAGE_B, Side, Stream, message
from collector.peers.tables import CLOSED, FORGED, ORDERLY, SKIPPED, TABLES, UNANSWERED
from collector.peers.tcpinfo import tcp_info
from collector.processes import Child, fork

PATH = "a>b/ch1"
KEY = b"k" * 32


def connection() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection on loopback: (the caller's, the called one's)."""
    here, there = addresses(2)
    with socket.socket() as listener:
        listener.bind((there, 0))
        listener.listen(1)
        caller = socket.create_connection(listener.getsockname(), timeout=PATIENCE_S, source_address=(here, 0))
        called, _ = listener.accept()
    return caller, called


def reset(sock: socket.socket) -> None:
    """Cut the connection as a firewall or a dying machine does."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def readable(sock: socket.socket) -> None:
    assert select.select([sock], [], [], PATIENCE_S)[0], "nothing came"


class Site:
    """A path's lines under a clock that the test moves, and the other ends of their connections."""

    def __init__(self, *ages_s: int) -> None:
        self.clock = FakeClock()
        self.out = Emitted()
        self.beat = Beat(PATH, T0_NS, self.out, lambda _: None, self.clock)
        self.idle = [Idle(age_s, self.beat, T0_NS, self.out, lambda _: None, self.clock) for age_s in ages_s]
        self.lines = [self.beat, *self.idle]
        self.others: dict[int, Stream] = {}
        self.slot = 0
        for line in self.lines:
            line.begin()
            self.open(line)

    def open(self, line: Any, who: str = "first") -> None:
        caller, called = connection()
        line.opened(Stream(caller, KEY, Side.QUESTION, 0), who)
        self.others[line.age_s] = Stream(called, KEY, Side.ANSWER, 0)

    def second(self) -> None:
        """The next second begins."""
        self.clock.advance(1)
        self.slot += 1
        for line in self.lines:
            line.second(self.slot, self.clock.mono_ns)

    def answer(self, line: Any) -> list[int]:
        """The other end answers what has come, and the line hears it."""
        other = self.others[line.age_s]
        readable(other.sock)
        numbers = list(other.numbers())
        for number in numbers:
            other.send(number)
        readable(line.stream.sock)
        line.heard()
        return numbers

    def rows(self, name: str) -> list[dict[str, int | None]]:
        for line in self.lines:
            line.flush()
        columns = next(table.columns for table in TABLES if table.name == name)
        return [dict(zip(columns, row, strict=True)) for row in self.out.table(name)]

    def close(self) -> None:
        for line in self.lines:
            line.rest()
        for other in self.others.values():
            other.close()


@pytest.fixture
def sites() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(*ages_s: int) -> Site:
        made.append(Site(*ages_s))
        return made[-1]

    yield make
    for site in made:
        site.close()


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        message(b"x" * 32, Side.QUESTION, 7),
        message(KEY, Side.ANSWER, 7),
        b"GET / HTTP/1.1\r\nHost: b\r\n\r\n",
        bytes(4000),
    ],
    ids=["another key", "an answer sent back", "http", "zeros"],
)
def test_what_is_not_authentic_is_not_taken_and_ends_the_connection(said):
    caller, called = connection()
    stream = Stream(called, KEY, Side.ANSWER, 0)
    caller.sendall(message(KEY, Side.QUESTION, 1) + said + message(KEY, Side.QUESTION, 2))
    readable(called)

    assert list(stream.numbers()) == [1]
    assert stream.ended == FORGED
    caller.close()
    called.close()


def test_messages_that_come_in_pieces_or_together_are_the_same_messages():
    caller, called = connection()
    stream = Stream(called, KEY, Side.ANSWER, 0)
    whole = b"".join(message(KEY, Side.QUESTION, number) for number in range(5))
    got: list[int] = []
    for piece in (whole[:1], whole[1:30], whole[30:31], whole[31:]):
        caller.sendall(piece)
        readable(called)
        got += stream.numbers()
    assert got == [0, 1, 2, 3, 4]
    assert len(whole) == 5 * MESSAGE_B
    caller.close()
    called.close()


def test_a_stream_marks_its_packets_and_waits_for_nobody():
    caller, called = connection()
    Stream(caller, KEY, Side.QUESTION, 46)
    assert caller.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 46 << 2
    assert caller.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    caller.close()
    called.close()


def test_the_kernel_tells_the_timer_of_a_connection():
    caller, called = connection()
    info = tcp_info(caller)
    assert info is not None
    # Linux: srtt + max(200 ms, 4 rttvar), in steps of its own clock.
    assert 200_000 <= info.rto_us <= 1_100_000
    assert (info.backoff, info.retransmitted) == (0, 0)
    assert 0 < info.rtt_us < 200_000
    caller.close()
    called.close()
    assert tcp_info(caller) is None


def test_a_handed_over_connection_arrives_with_its_message():
    ours, theirs = hatch()
    caller, called = connection()
    assert give(ours, ("serve", PATH, 0, KEY, ""), called)
    said, sock = take(theirs)
    assert said == ("serve", PATH, 0, KEY, "")
    caller.sendall(b"through")
    assert sock.recv(10) == b"through"
    assert take(theirs) is None
    theirs.close()
    assert not give(ours, ("serve",), sock), "nobody is there to take it"
    assert sock.fileno() == -1
    ours.close()
    caller.close()


# --- the line that is never idle -------------------------------------------------------------------------------------


def test_messages_are_sent_every_second_and_timed_from_when_they_were_due_whatever_became_of_those_before(sites):
    """Open loop: a silence of three seconds costs three samples of their own, not one."""
    site = sites()
    for _ in range(4):
        site.second()
    site.clock.advance(0.25)
    assert site.answer(site.beat) == [1, 2, 3, 4]

    rows = site.rows("echo")
    assert [row["rtt_us"] for row in rows] == [3_250_000, 2_250_000, 1_250_000, 250_000]
    assert [(row["t_us"], row["slot"], row["flag"]) for row in rows] == [(n * 1_000_000, n, 0) for n in (1, 2, 3, 4)]


def test_a_row_waits_for_its_answer_and_is_null_once_its_connection_is_gone(sites):
    site = sites()
    site.second()
    site.answer(site.beat)
    site.second()
    assert [row["slot"] for row in site.rows("echo")] == [1]
    reset(site.others[0].sock)
    readable(site.beat.stream.sock)
    site.beat.heard()
    site.second()

    one, two, three = site.rows("echo")
    assert one["rtt_us"] is not None
    assert (two["rtt_us"], two["flag"]) == (None, 0), "it was sent and never answered"
    assert (three["rtt_us"], three["flag"]) == (None, -2), "there was no connection"


@pytest.mark.parametrize(("who", "same"), [("first", 1), ("second", 0)])
def test_a_reset_is_told_with_whether_the_same_start_of_the_peer_came_back(sites, who, same):
    site = sites()
    site.second()
    reset(site.others[0].sock)
    readable(site.beat.stream.sock)
    site.beat.heard()
    assert site.rows("echo_end") == [], "not known yet"
    site.open(site.beat, who)

    (end,) = site.rows("echo_end")
    assert (end["opened_us"], end["flag"], end["same"]) == (0, errno.ECONNRESET, same)


def test_a_connection_that_the_peer_closed_is_no_reset_and_one_that_was_ended_here_is_orderly(sites):
    site = sites()
    site.others[0].close()
    readable(site.beat.stream.sock)
    site.beat.heard()
    site.open(site.beat)
    site.beat.flush(everything=True)
    assert [(end["flag"], end["same"]) for end in site.rows("echo_end")] == [(CLOSED, 1), (ORDERLY, None)]


def test_attempts_back_off_and_begin_anew_once_something_was_answered(sites):
    site = sites()
    beat = site.beat
    beat.lost(errno.ECONNRESET)

    def patience_s() -> float:
        begun = site.clock.mono_ns
        while not beat.wanted(site.clock.mono_ns):
            site.clock.advance(0.5)
        return (site.clock.mono_ns - begun) / SECOND

    waited = []
    for _ in range(6):
        waited.append(patience_s())
        beat.failed("Connection refused")
    assert waited == [1, 2, 4, 8, 10, 10]
    assert beat.why == "Connection refused"
    site.open(beat)
    site.second()
    site.answer(beat)
    beat.lost(errno.ECONNRESET)
    assert patience_s() == 1


def test_a_second_that_was_slept_through_is_skipped_and_nothing_is_sent_for_it(sites):
    site = sites()
    site.beat.skipped(1, site.clock.mono_ns)
    (row,) = site.rows("echo")
    assert (row["flag"], row["rtt_us"]) == (SKIPPED, None)


# --- idle lines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("planned_s", "ages"), [(900, (300,)), (339, ()), (340, (300,)), (1800, (300,)), (86_400, AGES_S)]
)
def test_only_ages_that_fit_into_the_run_are_tried(planned_s, ages):
    assert fitting(AGES_S, planned_s) == ages


def aged(site: Site, seconds: int) -> None:
    """So many seconds pass on a path that is well."""
    for _ in range(seconds):
        site.second()
        site.answer(site.beat)


def test_an_idle_connection_carries_nothing_until_its_age_and_is_then_used_again_and_again(sites):
    site = sites(5)
    (idle,) = site.idle
    for _ in range(2):
        aged(site, 4)
        assert not select.select([site.others[5].sock], [], [], 0)[0], "it is not idle"
        aged(site, 1)
        site.answer(idle)
    told = [(row["planned_s"], row["age_s"], row["alive"], row["flag"]) for row in site.rows("idle")]
    assert told == [(5, 5, 1, 0), (5, 5, 1, 0)]


@pytest.mark.parametrize(
    ("well", "who", "alive"),
    [(True, "first", 0), (False, "first", None), (True, "second", "no row")],
    ids=["dropped", "the path itself was silent", "the peer was started again"],
)
def test_an_idle_connection_without_an_answer_was_dropped_if_the_path_was_well_and_the_peer_the_same(
    sites, well, who, alive
):
    site = sites(5)
    (idle,) = site.idle
    aged(site, 5)
    if not well:
        for _ in range(3):
            site.second()
        site.answer(site.beat)
    aged(site, int(echolines.WAIT_S) + 1)
    assert idle.stream is None, "it is given up"
    site.open(idle, who)

    rows = site.rows("idle")
    expected = [] if alive == "no row" else [(5, alive, UNANSWERED)]
    assert [(row["age_s"], row["alive"], row["flag"]) for row in rows] == expected


def test_a_connection_that_is_cut_while_it_is_idle_tells_how_old_it_was(sites):
    site = sites(10)
    (idle,) = site.idle
    aged(site, 7)
    reset(site.others[10].sock)
    readable(idle.stream.sock)
    idle.heard()
    site.open(idle)
    (row,) = site.rows("idle")
    assert (row["planned_s"], row["age_s"], row["alive"], row["flag"]) == (10, 7, 0, errno.ECONNRESET)


def test_the_end_of_a_run_says_nothing_of_connections_that_were_still_idle(sites):
    site = sites(10)
    aged(site, 3)
    for line in site.lines:
        line.flush(everything=True)
    assert site.out.table("idle") == []


# --- two processes ---------------------------------------------------------------------------------------------------


class Process:
    """The echo process of a node, and what it said."""

    def __init__(self, asks: bool, ages_s: tuple[int, ...] = ()) -> None:
        self.said: list[Any] = []
        self.hatch, theirs = hatch()
        paths, clock = [EchoPath(PATH, 0, asks=asks)], SystemClock()
        began_ns = time.monotonic_ns()
        self.child: Child = fork(
            "echo",
            lambda orders, out: run_echo(paths, 3600.0, clock, began_ns, theirs, orders, out, ages_s),
            [theirs.fileno()],
        )
        theirs.close()

    def order(self, *order: Any) -> None:
        self.child.orders.put(order)

    def listen(self) -> None:
        select.select([self.child.inlet.fd], [], [], 0.05)
        self.said += self.child.inlet.messages()

    def asked(self) -> int:
        """The age of the next connection that it asks for."""
        until(lambda: any(said[0] == "connect" for said in self.said), self.listen)
        first = next(said for said in self.said if said[0] == "connect")
        self.said.remove(first)
        return int(first[2])

    def rows(self, name: str) -> list[dict[str, int | None]]:
        columns = next(table.columns for table in TABLES if table.name == name)
        rows = [row for said in self.said if said[:2] == ("rows", name) for row in said[3]]
        return [dict(zip(columns, row, strict=True)) for row in rows]


@pytest.fixture
def processes() -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def make(*, asks: bool, ages_s: tuple[int, ...] = ()) -> Process:
        made.append(Process(asks, ages_s))
        return made[-1]

    yield make
    for process in made:
        os.kill(process.child.pid, signal.SIGCONT)
        process.child.kill()
        process.hatch.close()


def joined(a: Process, b: Process, who: str = "b-1", key: bytes = KEY) -> int:
    """Give a the connection it asks for, with b at its other end; returns its age."""
    age_s = a.asked()
    caller, called = connection()
    assert give(b.hatch, ("serve", PATH, age_s, key, ""), called)
    assert give(a.hatch, ("opened", PATH, age_s, KEY, who), caller)
    return age_s


@pytest.mark.slow
def test_a_peer_that_is_stopped_for_a_while_is_a_silence_and_no_end(processes):
    a, b = processes(asks=True), processes(asks=False)
    a.order("send", PATH, KEY)
    assert joined(a, b) == 0
    until(lambda: len(a.rows("echo")) >= 1, a.listen)
    os.kill(b.child.pid, signal.SIGSTOP)
    sent = len(a.rows("echo_tcp"))
    # It goes on sending: the kernel's figures are taken with every message.
    until(lambda: len(a.rows("echo_tcp")) >= sent + 3, a.listen)
    silent = len(a.rows("echo"))
    os.kill(b.child.pid, signal.SIGCONT)
    until(lambda: len(a.rows("echo")) >= silent + 3, a.listen)
    a.order("stop")
    until(lambda: a.child.inlet.ended, a.listen)

    rows = a.rows("echo")
    slots = [row["slot"] for row in rows]
    assert slots == list(range(slots[0], slots[0] + len(rows))), "a message for every second"
    assert all(row["flag"] == 0 for row in rows)
    times = [row["rtt_us"] for row in rows if row["rtt_us"] is not None]
    assert max(times) > 1_500_000
    at = times.index(max(times))
    # What was sent a second later waited a second less, for the same answer.
    assert times[at + 1] == pytest.approx(times[at] - 1_000_000, abs=100_000)
    assert [(end["flag"], end["same"]) for end in a.rows("echo_end")] == [(ORDERLY, None)]
    assert all(row["rto_us"] >= 200_000 for row in a.rows("echo_tcp"))


@pytest.mark.slow
def test_a_caller_with_another_key_gets_no_answer_and_is_closed(processes):
    b = processes(asks=False)
    caller, called = connection()
    assert give(b.hatch, ("serve", PATH, 0, KEY, ""), called)
    caller.sendall(message(b"x" * 32, Side.QUESTION, 1))
    caller.settimeout(PATIENCE_S)
    with contextlib.suppress(ConnectionResetError):
        assert caller.recv(100) == b""
    caller.close()


@pytest.mark.slow
def test_a_peer_has_one_connection_of_a_kind_and_a_new_one_replaces_the_old(processes):
    b = processes(asks=False)
    (first, called), (second, again) = connection(), connection()
    for sock in (called, again):
        assert give(b.hatch, ("serve", PATH, 0, KEY, ""), sock)
    first.settimeout(PATIENCE_S)
    assert first.recv(100) == b""
    second.settimeout(PATIENCE_S)
    second.sendall(message(KEY, Side.QUESTION, 5))
    assert second.recv(100) == message(KEY, Side.ANSWER, 5)
    first.close()
    second.close()


@pytest.mark.slow
def test_idle_lines_are_asked_for_one_after_the_other_and_a_pause_ends_all(processes):
    a, b = processes(asks=True, ages_s=(1, 2)), processes(asks=False, ages_s=(1, 2))
    a.order("send", PATH, KEY)
    assert [joined(a, b) for _ in range(3)] == [0, 1, 2]
    until(lambda: {row["planned_s"] for row in a.rows("idle")} == {1, 2}, a.listen)
    assert all(row["alive"] == 1 for row in a.rows("idle"))
    a.order("pause", PATH)
    a.order("stop")
    until(lambda: a.child.inlet.ended, a.listen)
    assert [end["flag"] for end in a.rows("echo_end")] == [ORDERLY]
    assert not any(said[0] == "connect" for said in a.said)


# --- which paths -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "stacks", "expected"),
    [
        ("channel", [], ["a>b/ch1", "b>a/ch1"]),
        ("sync", [], []),
        ("sync", [{"name": "genesys-addp", "networks": ["ch1"]}], ["a>b/ch1", "b>a/ch1"]),
    ],
)
def test_channels_and_the_networks_of_a_stack_get_an_echo(kind, stacks, expected):
    plan = make_plan(network={"ch1": {"kind": kind}}, stack=stacks)
    assert [path.name for path in plan.echo_paths()] == expected
