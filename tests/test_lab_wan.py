"""The laboratory's WAN: what it decides, what it logs, how exactly it keeps its own plan."""

from __future__ import annotations

import json
import os
import socket
import statistics
import struct
import sys
import threading
import time
from dataclasses import asdict

import pytest

from collector.errors import OperatorError, Unavailable
from collector.lab.impairment import Impairment, Judge
from collector.lab.netns import Lab
from collector.lab.relay import Direction, Relay
from collector.lab.wan import Wan, WanEnd
from collector.lab.wanlog import TCP, UDP, Fate, Packet, WanLog, content, first_line, last_line, lines, read_log

# `make lab` runs them, as root; an ordinary user is told so and can still test everything else.
pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]

MS = 1_000_000
SECOND = 1_000_000_000

# UDP echo, the number in the first four octets; the answer repeats it where a STAMP reply does.
SERVER = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.0.2", 8862))
print("ready", flush=True)
while True:
    data, source = s.recvfrom(2048)
    s.sendto(data[:48] + data[:4] + data[52:], source)
"""
# Asks one by one; the end of a round trip is the kernel's stamp of the answer, not when the program got to run.
CLIENT = """
import socket, struct, sys, time
TIMESTAMPNS = 35
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.0.1", 0))
s.settimeout(0.3)
s.setsockopt(socket.SOL_SOCKET, TIMESTAMPNS, 1)
for n in range(int(sys.argv[1])):
    at = time.time_ns()
    s.sendto(n.to_bytes(4, "big") + bytes(148), ("10.0.0.2", 8862))
    try:
        number = None
        while number != n:
            data, ((_, _, stamp),), _, _ = s.recvmsg(2048, 128)
            number = int.from_bytes(data[:4], "big")
        seconds, rest = struct.unpack("qq", stamp)
        print(n, seconds * 10**9 + rest - at)
    except TimeoutError:
        pass
    time.sleep(0.005)
"""


def _laboratory() -> Lab:
    """A laboratory, or a failure that says what is missing: a run without it proves nothing about the network code."""
    try:
        with Lab():
            pass
    except Unavailable as reason:
        pytest.fail(f"the laboratory cannot be built here, and its tests must not be skipped: {reason}")
    return Lab()


def _ping(folder, there: Impairment, back: Impairment, count: int, **options) -> tuple[WanLog, dict[int, int]]:
    """Ask across a WAN `count` times; its log, and the round trips in ns by number."""
    with _laboratory() as lab:
        one, other = lab.namespace("a"), lab.namespace("b")
        with Wan((WanEnd(one, "10.0.0.1/24"), WanEnd(other, "10.0.0.2/24")), there, back, folder, **options) as wan:
            server = other.start([sys.executable, "-c", SERVER], folder / "server")
            while "ready" not in (folder / "server").read_text():
                assert server.poll() is None, (folder / "server").read_text()
            asked = one.run([sys.executable, "-c", CLIENT, str(count)], 60)
            server.kill()
            server.wait()
        assert asked.code == 0, asked.err
    return wan.log(), dict(map(int, line.split()) for line in asked.out.splitlines())


def _fates(impairment: Impairment, seed: str = "1", count: int = 2000, period_ns: int = MS):
    judge = Judge(impairment, seed, 0)
    return [judge.harmed(n * period_ns) for n in range(count)]


def test_the_same_seed_gives_the_same_fates_and_another_seed_others():
    impairment = Impairment(delay_s=0.02, jitter_s=0.005, loss=0.05, duplicate=0.05, reorder=0.05)
    assert _fates(impairment) == _fates(impairment)
    assert _fates(impairment) != _fates(impairment, seed="2")


def test_asking_for_other_trouble_does_not_change_which_packets_are_lost():
    def lost(impairment):
        return [n for n, (fate, _, _) in enumerate(_fates(impairment)) if fate is Fate.LOSS]

    alone = lost(Impairment(delay_s=0.02, loss=0.05))
    assert alone == lost(Impairment(delay_s=0.02, jitter_s=0.01, loss=0.05, duplicate=0.3, reorder=0.3))
    assert 60 < len(alone) < 140


def test_packets_are_lost_by_number_and_by_time():
    fates = _fates(Impairment(lost=(0, 7), outages=((0.1, 0.05),)))
    assert [n for n, (fate, _, _) in enumerate(fates) if fate is Fate.LOSS] == [0, 7]
    assert [n for n, (fate, _, _) in enumerate(fates) if fate is Fate.OUTAGE] == list(range(100, 150))


def test_jitter_stays_within_its_bounds_and_keeps_the_order():
    planned = [at for _, at, _ in _fates(Impairment(delay_s=0.02, jitter_s=0.005))]
    delays = [at - n * MS for n, at in enumerate(planned)]
    assert planned == sorted(planned)
    assert min(delays) >= 15 * MS
    assert max(delays) <= 25 * MS
    assert max(delays) - min(delays) > 9 * MS


def test_a_reordered_packet_is_overtaken_and_holds_up_nobody():
    fates = _fates(Impairment(delay_s=0.02, reorder=0.1, reorder_s=0.01))
    held = [n for n, (_, at, _) in enumerate(fates) if at == n * MS + 30 * MS]
    assert 140 < len(held) < 260
    assert all(at == n * MS + 20 * MS for n, (_, at, _) in enumerate(fates) if n not in held)


@pytest.mark.parametrize("wrong", [{"loss": 1.1}, {"duplicate": -0.1}, {"delay_s": 0.01, "jitter_s": 0.02}])
def test_an_impossible_impairment_is_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        Impairment(**wrong)


def test_an_impairment_survives_json():
    impairment = Impairment(delay_s=0.02, lost=(3,), outages=((1.0, 2.0),), udp_port=None)
    assert Impairment.from_json(json.loads(json.dumps(asdict(impairment)))) == impairment


def test_packets_are_read_and_what_is_odd_has_no_ports():
    udp = struct.pack(">BBHHHBBHII", 0x45, 0, 0, 0, 0x4000, 64, UDP, 0, 0, 0)
    probe = udp + struct.pack(">HHHH", 40000, 8862, 0, 0) + struct.pack(">I", 77) + bytes(148)
    reply = udp + struct.pack(">HHHH", 8862, 40000, 0, 0) + struct.pack(">I44xI", 5, 77) + bytes(100)
    six = struct.pack(">IHBB32x", 0x60000000, 8, TCP, 64) + struct.pack(">HH", 1, 2) + bytes(16)
    later = udp[:6] + b"\x00\x10" + udp[8:] + bytes(64)

    assert (content(probe, 8862).ports, content(probe, 8862).slot, content(probe, 8862).rseq) == (
        (40000, 8862),
        77,
        None,
    )
    assert (content(reply, 8862).slot, content(reply, 8862).rseq) == (77, 5)
    assert (content(probe, 9).ports, content(probe, 9).slot) == ((40000, 8862), None)
    assert (content(six, 8862).protocol, content(six, 8862).ports) == (TCP, (1, 2))
    for odd in (later, b"", b"\x45", b"\x00" * 60, probe[:22]):
        assert content(odd, 8862).ports is None


def test_a_log_is_read_back_and_a_cut_one_is_refused(tmp_path):
    released = Packet("a>b", 0, 10, 20, 30, 31, Fate.RELEASED, UDP, 1, 8862, 180, 5, None, 0)
    dropped = Packet("b>a", None, 11, 21, None, None, Fate.LOSS, TCP, None, None, 60, None, None, 0)
    path = tmp_path / "log"
    path.write_text(first_line({"seed": 1}) + lines([released, dropped]) + last_line(2))
    log = read_log(path)
    assert (log.head, log.packets) == ({"seed": 1}, (released, dropped))
    whole = path.read_text()
    for cut in ("", whole[:5], whole[:-7], whole[:60], first_line({}) + lines([released]) + last_line(2)):
        path.write_text(cut)
        with pytest.raises(OperatorError):
            read_log(path)


def test_what_does_not_fit_the_queue_and_what_is_queued_at_the_end_is_in_the_log(tmp_path):
    """The relay between two socket pairs: it does not care what its descriptors are."""
    one, outside = socket.socketpair(type=socket.SOCK_DGRAM)
    other, unused = socket.socketpair(type=socket.SOCK_DGRAM)
    lease, holder = os.pipe()
    one.setblocking(False)
    directions = [
        Direction(name, source.fileno(), target.fileno(), Judge(Impairment(delay_s=60.0), name, 0), 8862)
        for name, source, target in (("a>b", one, other), ("b>a", other, one))
    ]
    for _ in range(3):
        outside.send(bytes(40))
    path = tmp_path / "log"
    with path.open("w", encoding="ascii") as file:
        file.write(first_line({}))
        relay = threading.Thread(target=Relay((directions[0], directions[1]), 2, lease, file).run)
        relay.start()
        while directions[0].queued < 2:
            time.sleep(0.001)
        time.sleep(0.05)
        os.close(holder)
        relay.join(10)
    os.close(lease)
    for end in (one, outside, other, unused):
        end.close()
    assert [packet.fate for packet in read_log(path).packets] == [Fate.QUEUE, Fate.UNSENT, Fate.UNSENT]
    assert all(packet.number is None for packet in read_log(path).packets), "no UDP of the port: nothing to be harmed"


@pytest.mark.slow
def test_round_trips_through_the_wan_are_what_its_log_says(tmp_path):
    log, rtt_ns = _ping(tmp_path, Impairment(delay_s=0.02), Impairment(delay_s=0.02), 60, seed=1)

    truth = log.slots("a", "b", 8862)
    assert list(truth) == list(rtt_ns) == list(range(60))
    # From the probe's arrival in the WAN to its answer's release: the echo's own time is in both.
    log_ns = {n: slot.back[0].released_mono_ns - slot.forward[0].arrived_mono_ns for n, slot in truth.items()}
    difference_ns = [rtt_ns[n] - log_ns[n] for n in truth]
    print(f"round trip minus log: median {statistics.median(difference_ns) / 1e3:.0f} us")
    print(f"relay at class {log.head['scheduling']}: {log.accuracy()}")
    assert min(difference_ns) > 0, "the log claims more than the whole round trip"
    assert statistics.median(difference_ns) < 0.3 * MS
    assert all(slot.wire_ns >= 40 * MS for slot in truth.values()), "a packet was released before its time"
    assert log.accuracy().p50_s < 0.0003


@pytest.mark.slow
def test_what_the_log_calls_lost_or_doubled_was_lost_or_doubled(tmp_path):
    there, back = Impairment(delay_s=0.001, lost=(2, 5), duplicate=0.2), Impairment(delay_s=0.001, loss=0.1)
    log, rtt_ns = _ping(tmp_path, there, back, 40, seed=3)

    truth = log.slots("a", "b", 8862)
    assert [n for n, slot in truth.items() if not slot.arrived] == [2, 5]
    assert [n for n, slot in truth.items() if slot.answered] == list(rtt_ns)
    assert sum(not slot.answered for slot in truth.values()) - 2 > 0
    doubled = [slot for slot in truth.values() if len(slot.forward) == 2]
    assert doubled
    assert all(len(slot.back) == slot.arrived for slot in truth.values()), "every copy that arrived was answered"
    # The same packets, by number, in a second run.
    again, _ = _ping(tmp_path, there, back, 15, seed=3)
    assert _first(again) == _first(log)


def _first(log: WanLog) -> list[tuple[str, int, Fate, int]]:
    return sorted((p.direction, p.number, p.fate, p.copy) for p in log.packets if p.number < 10)
