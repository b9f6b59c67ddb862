"""The observer probe: whose answers count, how long they took, and what silence, refusal and a missing privilege become."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeClock, FakeHost, ShiftedClock, addresses, make_env, make_plan

import collector.icmp
from collector.contract import Batch, Env, Facts
from collector.errors import Unavailable
from collector.icmp import DATA_B, Echo, EchoSocket, echo_reply, echo_request
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab, entered
from collector.lab.wan import Wan, WanEnd
from collector.machine import SystemClock
from collector.plan import Observer, ObserverKind
from collector.probes import observer
from collector.probes.observer import GIVE_UP_NS, Asking, Request, rtt_ns

MS = 1_000_000
SECOND = 1_000_000_000
LABORATORY = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]


def _may_ask(version: int) -> str:
    """Why this user cannot send ICMP of that version here; empty if he can."""
    try:
        sock = EchoSocket(version)
        sock.send(ipaddress.ip_address("127.0.0.1" if version == 4 else "::1"), 1, bytes(DATA_B))
    except (Unavailable, OSError) as reason:
        return str(reason)
    sock.close()
    return ""


NO_ICMP = {version: _may_ask(version) for version in (4, 6)}
asks = pytest.mark.skipif(bool(NO_ICMP[4]), reason=NO_ICMP[4])


def _env(clock, *targets: str, folder: Path = Path("/")) -> Env:
    """A node whose plan has observers o1, o2... at these addresses."""
    observers = [{"name": f"o{n}", "kind": "ping", "addr": text} for n, text in enumerate(targets, 1)]
    return replace(make_env(clock, FakeHost(), folder), plan=make_plan(observer=observers))


def _tick(probe: Iterator[Batch | Facts | None]) -> dict[str, list[tuple[int | None, ...]]]:
    """The rows of one tick by observer."""
    found: dict[str, list[tuple[int | None, ...]]] = {}
    for item in probe:
        if item is None:
            return found
        assert isinstance(item, Batch)
        assert item.table == "observer"
        found.setdefault(item.labels[0], []).append((item.t_mono_ns, *item.values))
    raise AssertionError("the probe ended")


def _observer(address: str = "127.0.0.9") -> Observer:
    return Observer("o1", ObserverKind.PING, ipaddress.ip_address(address))


class Scripted(EchoSocket):
    """A socket whose answers the test writes, by what was asked; always readable."""

    def __init__(self, *answers) -> None:
        self.version, self.identifier = 4, 7
        self.asked: list[tuple[str, int, bytes]] = []
        self._answers = answers
        self._ready: deque[Echo] = deque()
        self._one, self._other = socket.socketpair()
        self._other.send(b"!")

    def fileno(self) -> int:
        return self._one.fileno()

    def close(self) -> None:
        self._one.close()
        self._other.close()

    def send(self, address, sequence, data) -> None:
        self.asked.append((str(address), sequence, data))
        self._ready.extend(answer(address, sequence, data) for answer in self._answers)

    def receive(self) -> Echo | None:
        return self._ready.popleft() if self._ready else None


# --- packets ---------------------------------------------------------------------------------------------------------


def test_a_request_of_icmp_adds_up_and_one_of_icmpv6_leaves_the_checksum_to_the_kernel():
    """RFC 1071: the sum over a packet with its checksum is all ones. An odd number of octets counts as if a zero followed."""
    for data in (b"", b"a", bytes(range(56))):
        packet = echo_request(4, 0xABCD, 0xFFFF, data)
        padded = packet + bytes(len(packet) % 2)
        total = sum(int.from_bytes(padded[at : at + 2]) for at in range(0, len(padded), 2))
        assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
        assert packet[:2] == b"\x08\x00"
    assert echo_request(6, 1, 2, b"xy") == b"\x80\x00\x00\x00\x00\x01\x00\x02xy"


def test_a_reply_is_read_with_and_without_its_ip_header():
    reply = b"\x00\x00\xff\xff\x00\x07\x00\x09data"
    options = b"\x46" + bytes(23)
    for packet in (reply, b"\x45" + bytes(19) + reply, options + reply):
        assert echo_reply(4, packet) == (7, 9, b"data")
    assert echo_reply(6, b"\x81\x00\xff\xff\x00\x07\x00\x09data") == (7, 9, b"data")


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x00",
        b"\x45",
        b"\x45" + bytes(19),
        b"\x4f" + bytes(30),
        b"\x45" + bytes(19) + b"\x00\x00\xff\xff\x00\x07\x00",
        b"\x08\x00\xff\xff\x00\x07\x00\x09data",
        b"\x80\x00\xff\xff\x00\x07\x00\x09data",
        b"\x03\x01\xff\xff\x00\x07\x00\x09data",
        b"\x00\x01\xff\xff\x00\x07\x00\x09data",
    ],
)
def test_what_is_no_whole_echo_reply_is_none(version, packet):
    assert echo_reply(version, packet) is None


# --- whose answers count, and when -----------------------------------------------------------------------------------


def test_a_reply_counts_only_with_our_address_number_and_token():
    def forge(**changes):
        return lambda address, sequence, data: replace(Echo(address, sequence, data, None), **changes)

    def truncated(address, sequence, data):
        return Echo(address, sequence, data[:-1], None)

    def another_number(address, sequence, data):
        return Echo(address, sequence + 1, data, None)

    stranger = ipaddress.ip_address("127.0.0.10")
    others = (forge(data=bytes(DATA_B)), forge(data=b""), forge(address=stranger), truncated, another_number)
    sock = Scripted(*others)
    asking = Asking({4: sock}, SystemClock())
    request = asking.ask(_observer(), 3)
    asking.gather()
    assert not request.done, "a forged or damaged reply counted"

    true = Scripted(*others, forge(), forge())
    asking = Asking({4: true}, SystemClock())
    request = asking.ask(_observer(), 3)
    asking.gather()
    assert request.done
    assert len(list(asking.finished())) == 1, "an answer that came twice is one row"
    assert [(len(data), number) for _, number, data in sock.asked] == [(DATA_B, 3)]
    assert sock.asked[0][2] != true.asked[0][2], "the token can be guessed"
    sock.close()
    true.close()


def test_silence_is_given_up_after_two_seconds_and_rows_keep_the_order_of_sending():
    clock = FakeClock()
    sock = Scripted()
    asking = Asking({4: sock}, clock)
    silent = asking.ask(_observer(), 1)
    clock.advance(1.0)
    answered = asking.ask(_observer(), 2)
    answered.rtt_us, answered.done = 100, True
    assert list(asking.finished()) == [], "a later row overtook one that may still be answered"

    clock.advance(GIVE_UP_NS / 1e9 - 1.0)
    assert [(row.t_mono_ns, row.values) for row in asking.finished()] == [
        (silent.sent_ns, (None, 0)),
        (answered.sent_ns, (100, 0)),
    ]
    assert list(asking.finished()) == []
    sock.close()


def test_an_answer_after_its_request_was_given_up_changes_nothing():
    clock = FakeClock()
    sock = Scripted(lambda address, sequence, data: Echo(address, sequence, data, None))
    asking = Asking({4: sock}, clock)
    asking.ask(_observer(), 1)
    clock.advance(5.0)
    assert [row.values for row in asking.finished()] == [(None, 0)]
    asking.gather()
    assert list(asking.finished()) == []
    sock.close()


def test_the_round_trip_ends_at_the_kernels_stamp_unless_the_wall_clock_was_set():
    clock = FakeClock()
    request = Request(_observer(), 1, clock.mono_ns, clock.real_ns)
    clock.advance(0.7)
    stamp_ns = request.real_ns + 30 * MS

    assert rtt_ns(request, stamp_ns, clock) == 30 * MS
    assert rtt_ns(request, None, clock) == 700 * MS
    for impossible in (request.real_ns - 1, clock.real_ns + 1):
        assert rtt_ns(request, impossible, clock) == 700 * MS
    for step_s in (0.2, -0.2):
        clock.step(step_s)
        assert rtt_ns(request, stamp_ns + round(step_s * SECOND), clock) == 700 * MS
        clock.step(-step_s)


def test_a_request_that_the_kernel_refuses_is_its_errno_and_no_exception():
    class Refusing(Scripted):
        def send(self, *_) -> None:
            raise OSError(errno.ENETUNREACH, "no route")

    sock = Refusing()
    asking = Asking({4: sock, 6: errno.EAFNOSUPPORT}, FakeClock())
    for address in ("127.0.0.9", "fd00::9"):
        asking.wait([asking.ask(replace(_observer(address), name=address), 1)], SECOND)
    assert [row.values for row in asking.finished()] == [(None, errno.ENETUNREACH), (None, errno.EAFNOSUPPORT)]
    sock.close()


def test_without_observers_the_probe_ends_at_once():
    assert list(observer.sample(_env(FakeClock()))) == []


def test_without_the_privilege_the_probe_is_unavailable_and_says_what_to_do(monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EPERM, "not permitted")

    monkeypatch.setattr(collector.icmp, "_open", refused)
    with pytest.raises(Unavailable, match=r"net\.ipv4\.ping_group_range.*CAP_NET_RAW"):
        next(observer.sample(_env(FakeClock(), "127.0.0.9")))


def test_an_ip_version_that_the_machine_lacks_costs_only_its_own_observers(monkeypatch):
    def absent(*_):
        raise OSError(errno.EAFNOSUPPORT, "not supported")

    monkeypatch.setattr(collector.icmp, "_open", absent)
    probe = observer.sample(_env(SystemClock(), "fd00::9"))
    assert [values[1:] for values in _tick(probe)["o1"]] == [(None, errno.EAFNOSUPPORT)]
    probe.close()


# --- real sockets ----------------------------------------------------------------------------------------------------


@asks
def test_observers_on_loopback_answer_every_tick():
    first, second = addresses(2)
    probe = observer.sample(_env(SystemClock(), first, second))
    for _ in range(3):
        before = time.monotonic_ns()
        found = _tick(probe)
        assert set(found) == {"o1", "o2"}
        for ((sent_ns, rtt_us, flag),) in found.values():
            assert before <= sent_ns <= time.monotonic_ns()
            assert flag == 0
            assert 0 <= rtt_us < 500_000
    probe.close()


@pytest.mark.skipif(bool(NO_ICMP[6]), reason=NO_ICMP[6])
def test_an_ipv6_observer_answers_and_one_whose_interface_is_not_there_is_refused():
    probe = observer.sample(_env(SystemClock(), "::1", "fe80::1%nowhere0"))
    found = _tick(probe)
    assert found["o1"][0][2] == 0
    assert found["o1"][0][1] is not None
    assert found["o2"][0][1:] == (None, errno.ENODEV)
    probe.close()


@asks
def test_the_time_until_the_answer_is_read_is_no_part_of_the_round_trip():
    if not sys.platform.startswith("linux"):
        pytest.skip("kernel stamps are Linux's")
    sock = EchoSocket(4)
    asking = Asking({4: sock}, SystemClock())
    request = asking.ask(_observer(*addresses(1)), 1)
    time.sleep(0.2)  # what is tested: nobody reads for that long
    asking.gather()
    assert request.rtt_us is not None
    assert request.rtt_us < 100_000
    sock.close()


@asks
def test_a_wall_clock_that_is_set_does_not_reach_the_round_trip():
    clock = ShiftedClock()
    sock = EchoSocket(4)
    asking = Asking({4: sock}, clock)
    request = asking.ask(_observer(*addresses(1)), 1)
    clock.real_shift_ns += 60 * SECOND
    asking.wait([request], 5 * SECOND)
    assert request.rtt_us is not None
    assert 0 <= request.rtt_us < 5_000_000
    sock.close()


@asks
def test_two_askers_on_one_machine_do_not_take_each_others_answers():
    """Raw sockets hear the answers to both."""
    (address,) = addresses(1)
    socks = [EchoSocket(4), EchoSocket(4)]
    askers = [Asking({4: sock}, SystemClock()) for sock in socks]
    requests = [asking.ask(_observer(address), 1) for asking in askers]
    for asking, request in zip(askers, requests, strict=True):
        asking.wait([request], 5 * SECOND)
    assert all(request.done for request in requests)
    assert socks[0].identifier != socks[1].identifier or socks[0]._socket.type == socket.SOCK_RAW
    for sock in socks:
        sock.close()


def _in(namespace, probe) -> dict[str, list[tuple[int | None, ...]]]:
    """The first tick, so that the probe's sockets are those of the namespace."""
    with entered(namespace.path):
        return _tick(probe)


def _later(probe, ticks: int) -> dict[str, list[tuple[int | None, ...]]]:
    """Ticks a second apart, as the scheduler makes them; all their rows."""
    found: dict[str, list[tuple[int | None, ...]]] = {}
    for _ in range(ticks):
        time.sleep(1.0)
        for name, rows in _tick(probe).items():
            found.setdefault(name, []).extend(rows)
    return found


class TestLaboratory:
    """Observers that are other machines."""

    pytestmark = LABORATORY

    def test_an_observer_that_never_answers_is_null_and_one_beside_it_is_not_held_up(self):
        with Lab() as lab:
            a, b = lab.namespace("a"), lab.namespace("b")
            lab.link(a, "lan", b, "lan")
            a.address("lan", "10.0.0.1/24")
            b.address("lan", "10.0.0.2/24")
            b.setting("net.ipv4.icmp_echo_ignore_all", "1")
            probe = observer.sample(_env(SystemClock(), "10.0.0.2", "10.0.0.1", "10.9.9.9"))
            began = time.monotonic()
            first = _in(a, probe)
            assert time.monotonic() - began < 0.9, "a tick took as long as its period"
            later = _later(probe, 4)
            probe.close()
        assert "o1" not in first, "given up too early"
        assert [(rtt, flag) for _, rtt, flag in later["o1"]] == [(None, 0)] * len(later["o1"])
        assert len(later["o1"]) >= 2
        assert all(rtt is not None for _, rtt, _ in first["o2"] + later["o2"])
        assert [row[1:] for row in first["o3"] + later["o3"]] == [(None, errno.ENETUNREACH)] * 5

    @pytest.mark.slow
    def test_a_late_answer_is_late_and_not_lost_and_has_its_true_time(self, tmp_path):
        """0.7 s: it comes after the tick, and is found at the next."""
        slow = Impairment(delay_s=0.35)
        with Lab() as lab:
            a, b = lab.namespace("a"), lab.namespace("b")
            with Wan((WanEnd(a, "10.0.0.1/24"), WanEnd(b, "10.0.0.2/24")), slow, slow, tmp_path, seed=1):
                probe = observer.sample(_env(SystemClock(), "10.0.0.2"))
                assert _in(a, probe) == {}
                rows = _later(probe, 3)["o1"]
                probe.close()
        assert len(rows) == 3
        assert all(rtt_us is not None and 700_000 <= rtt_us < 800_000 for _, rtt_us, _ in rows)

    def test_a_ping_socket_is_used_where_the_group_is_allowed(self):
        with Lab() as lab:
            a = lab.namespace("a")
            a.setting("net.ipv4.ping_group_range", f"{os.getegid()} {os.getegid()}")
            with entered(a.path):
                sock = EchoSocket(4)
            assert sock._socket.type == socket.SOCK_DGRAM
            asking = Asking({4: sock}, SystemClock())
            request = asking.ask(_observer(), 1)
            asking.wait([request], 5 * SECOND)
            sock.close()
        assert request.rtt_us is not None
        assert request.flag == 0
