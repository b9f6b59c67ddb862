"""Test senders of other makers: answered if the plan invites them, bounded, counted, and in no statistics of ours.

The other implementation is scapy's.
"""

from __future__ import annotations

import ipaddress
import socket
import time

import pytest
from fakes import addresses, arrived
from nodes import loopback_plan, start_collect
from scapy.contrib.stamp import (
    ErrorEstimate,
    STAMPSessionReflectorTestUnauthenticated,
    STAMPSessionSenderTestUnauthenticated,
    STAMPTestTLV,
)
from test_collect import _only
from test_wire import KEY, OTHER_KEY, Path, linux

from collector.archive.reader import open_archive
from collector.peers import stamp
from collector.peers.guests import PER_TICK, Guests
from collector.peers.reflector import Reflector
from collector.peers.tables import REPLY, SEEN, T3_KERNEL
from collector.peers.ticker import PERIOD_NS
from collector.peers.timestamps import udp_socket

NTP_1970_S = 2_208_988_800
UNRECOGNISED = 0x80
"""The first bit of the flags (RFC 8972, figure 2). Scapy 2.8 names the bits from the other end, so its letters are not used."""


def net(text: str):
    return ipaddress.ip_network(text)


class Visited(Path):
    """A path whose reflector has a guest as well."""

    def __init__(self, *, open_to: tuple[str, ...] | None = None) -> None:
        super().__init__()
        (self.guest_address,) = addresses(1)
        invited = (self.guest_address,) if open_to is None else open_to
        guests = Guests([net(text) for text in invited], [self.source, self.target])
        self.reflector = Reflector(self.t0_ns, self.emitted, self.clock, guests)
        self.reflector.admit("a>b/ch1", self.source, KEY)
        self.guest = udp_socket(self.guest_address, 0)

    def close(self) -> None:
        super().close()
        self.guest.close()

    def ask(self, packet: bytes, sock: socket.socket | None = None) -> bytes | None:
        """Send a packet to the reflector, let it look once, and return its answer."""
        sock = sock or self.guest
        sock.sendto(packet, (self.target, self.port))
        arrived(self.listener)
        self.reflector.answer(self.listener)
        try:
            return sock.recv(4096)
        except BlockingIOError:
            return None

    def next_tick(self) -> None:
        self.clock.reach(self.clock.monotonic_ns() + PERIOD_NS)


@pytest.fixture
def visited():
    path = Visited()
    yield path
    path.close()


def sent_by_scapy(**fields) -> bytes:
    return bytes(STAMPSessionSenderTestUnauthenticated(**fields))


def test_scapy_s_sender_gets_an_answer_that_scapy_s_dissector_understands(visited):
    before_s = time.time()
    probe = sent_by_scapy(
        seq=77, ts=before_s + NTP_1970_S, err_estimate=ErrorEstimate(S=1, scale=5, multiplier=135), ssid=9
    )
    assert len(probe) == stamp.OPEN_B == 44
    answer = visited.ask(probe)
    after_s = time.time()

    assert answer is not None
    assert len(answer) == len(probe)
    told = STAMPSessionReflectorTestUnauthenticated(answer)
    assert (told.seq, told.seq_sender, told.ssid) == (77, 77, 9)
    assert told.ts_sender == STAMPSessionSenderTestUnauthenticated(probe).ts
    assert bytes(told.err_estimate_sender) == bytes(ErrorEstimate(S=1, scale=5, multiplier=135))
    assert before_s - 1e-6 <= float(told.ts_rx) - NTP_1970_S <= float(told.ts) - NTP_1970_S <= after_s + 1e-6
    assert told.err_estimate.Z == 0
    assert told.err_estimate.multiplier
    assert told.ttl_sender == 64
    assert (told.mbz1, told.mbz2, told.tlv_objects) == (0, 0, [])
    assert bytes(told) == answer


def test_tlvs_come_back_as_they_were_sent_marked_as_not_recognised(visited):
    padding = STAMPTestTLV(flags=UNRECOGNISED, type=1, len=30, value=bytes(range(30)))
    probe = sent_by_scapy(seq=1, tlv_objects=[padding])
    answer = visited.ask(probe)

    assert answer is not None
    assert len(answer) == len(probe) == 78
    (tlv,) = STAMPSessionReflectorTestUnauthenticated(answer).tlv_objects
    assert (int(tlv.flags), tlv.type, tlv.value) == (UNRECOGNISED, 1, bytes(range(30)))


@pytest.mark.parametrize("length", [41, 42, 43, 44, 45, 100, 1472])
def test_a_twamp_light_sender_gets_as_much_as_it_sent(visited, length):
    """RFC 5357 4.1.2: number, time, error estimate, and padding of any content."""
    packet = (b"\0\0\0\x05" + bytes(range(8)) + b"\x12\x34" + b"\xaa" * length)[:length]
    answer = visited.ask(packet)

    assert answer is not None
    assert len(answer) == length
    assert answer[24:38] == packet[:14]
    assert answer[40] == 64
    assert answer[41:44] == bytes(3)[: max(0, length - 41)]
    assert answer[44:] == packet[44:]
    assert visited.counters() == {"open_answered": 1}


@pytest.mark.parametrize("length", [0, 14, 40, 2048, 3000])
def test_what_no_answer_fits_into_is_malformed(visited, length):
    assert visited.ask(bytes(length)) is None
    assert visited.counters() == {"malformed": 1}


def test_nobody_is_invited_by_default():
    path = Visited(open_to=())
    assert path.ask(sent_by_scapy(seq=1)) is None
    assert path.counters() == {"stranger": 1}
    path.close()


def test_a_neighbour_of_the_invited_address_is_a_stranger():
    path = Visited(open_to=("127.255.255.0/31",))
    assert path.ask(sent_by_scapy(seq=1)) is None
    assert path.counters() == {"stranger": 1}
    path.close()


def test_a_node_of_the_plan_needs_the_key_even_on_an_invited_network():
    path = Visited(open_to=("127.0.0.0/8",))
    assert path.ask(sent_by_scapy(seq=1), path.sender._sock) is None
    assert path.ask(stamp.probe(OTHER_KEY, 1, 1, 1), path.sender._sock) is None
    assert path.counters() == {"malformed": 1, "unauthentic": 1}
    assert path.ask(sent_by_scapy(seq=1)) is not None
    path.close()


def test_a_node_that_was_not_met_yet_is_no_guest():
    guests = Guests([net("127.0.0.0/8"), net("fd00::/8")], ["127.0.0.1", "fd00::1"])

    assert [guests.invited(text) for text in ("127.0.0.1", "127.0.0.2", "128.0.0.1")] == [False, True, False]
    assert [guests.invited(text) for text in ("fd00::1", "fd00::2%eth0", "fe80::1")] == [False, True, False]
    assert not Guests().invited("127.0.0.1")


def test_guests_are_in_no_statistics(visited):
    for number in range(3):
        assert visited.ask(sent_by_scapy(seq=number)) is not None
        visited.next_tick()
    visited.finish()

    assert visited.rows(SEEN) == []
    assert visited.reflector._sessions.keys() == {visited.source}


def test_all_guests_together_get_a_few_answers_a_tick():
    guests = Guests([net("127.0.0.0/8")])
    at_ns = 50 * PERIOD_NS

    assert [guests.admit(40_000 + n, 8862, at_ns + n) for n in range(PER_TICK + 2)] == [True] * PER_TICK + [False] * 2
    assert not guests.admit(40_000, 8862, at_ns + PERIOD_NS - 1)
    assert guests.admit(40_000, 8862, at_ns + PERIOD_NS)


def test_a_guest_s_flood_is_bounded_and_counted_and_the_peer_gets_all_its_answers(visited):
    began_ns = visited.clock.monotonic_ns()
    answers = [visited.ask(sent_by_scapy(seq=number)) for number in range(100)]
    ticks = (visited.clock.monotonic_ns() - began_ns) // PERIOD_NS + 2
    answered = sum(answer is not None for answer in answers)

    assert 1 <= answered <= PER_TICK * ticks
    counters = visited.counters()
    assert counters["open_answered"] == answered
    assert counters.get("open_refused", 0) == 100 - answered
    visited.exchange(3)
    visited.sender.flush()
    assert visited.sender.answered == 3


@pytest.mark.parametrize("own", [True, False])
def test_what_comes_from_a_reflector_s_port_is_not_answered(own):
    """Two reflectors that are open to each other would answer each other for ever after one forged packet."""
    guests = Guests([net("127.0.0.0/8")])

    assert not guests.admit(8862 if own else 862, 8862, 0)
    assert guests.admit(40_000, 8862, 0)


@linux
def test_a_guest_between_two_probes_does_not_mix_up_the_kernel_s_stamps(visited):
    for number in range(6):
        visited.exchange()
        assert visited.ask(sent_by_scapy(seq=number)) is not None
        visited.next_tick()
    visited.finish()

    rows = visited.rows(REPLY)
    assert [bool(row["flags"] & T3_KERNEL) for row in rows] == [True] * 5 + [False]
    assert all(0 <= row["res_us"] < 1_000_000 for row in rows)


def test_our_authenticated_packets_have_tlvs_and_error_estimates_that_scapy_reads():
    probe = stamp.probe(KEY, 5, 10**18, 7)
    reply = stamp.reply(KEY, probe, 3, 10**18, 10**18 + 50_000, kernel=True, ttl=64, follow=(2, 10**18))
    for packet, flags in ((probe, UNRECOGNISED), (reply, 0)):
        rest, found = packet[stamp.BASE_B :], []
        while rest:
            tlv = STAMPTestTLV(rest)
            found.append((tlv.type, tlv.len, int(tlv.flags)))
            rest = rest[4 + tlv.len :]
        assert found == [(7, 16, flags), (8, 16, flags)]
    estimate = ErrorEstimate(reply[24:26])
    assert (estimate.S, estimate.Z) == (0, 0)
    assert estimate.multiplier * 2.0 ** (estimate.scale - 32) == pytest.approx(1e-6, rel=0.1)


def test_a_running_collector_answers_whom_its_plan_invites_and_counts_the_others(tmp_path):
    plan = loopback_plan(tmp_path, "84.1", extra='[security]\nopen_to = ["127.84.1.50", "127.84.2.0/24"]')
    collecting = start_collect(plan, "a", tmp_path, "4s", "--quiet")
    answers = {}
    socks = {text: udp_socket(text, 0) for text in ("127.84.1.50", "127.84.2.7", "127.84.1.51")}
    try:
        while collecting.poll() is None:
            for text, sock in socks.items():
                sock.sendto(sent_by_scapy(seq=3), ("127.84.1.1", 8862))
                time.sleep(0.05)
                try:
                    answers[text] = STAMPSessionReflectorTestUnauthenticated(sock.recv(4096)).seq_sender
                except OSError:  # not up yet, or not answered
                    continue
    finally:
        for sock in socks.values():
            sock.close()
        collecting.kill()
        collecting.communicate()

    assert answers == {"127.84.1.50": 3, "127.84.2.7": 3}
    (blocks,) = [segment.blocks for segment in open_archive(_only(tmp_path, "a")).segments()]
    (wire,) = [block for block in blocks if block.table == "wire"]
    last = {name: wire.column(name)[-1] for name in wire.columns}
    assert last["open_answered"] >= 2
    assert last["stranger"] >= 1
    assert last["open_refused"] == 0
