"""Room for a bandwidth test: what other programs use is told apart from what the test uses, from counters as the kernel prints them."""

from __future__ import annotations

import socket

import pytest
from fakes import SECOND, addresses, until
from hypothesis import given
from hypothesis import strategies as st

from collector.machine import LINUX
from collector.peers import sockdiag
from collector.peers.guard import BUSY, Idle, Limits, Meter, Own, Vigil

GIGABIT_B = 125_000_000
"""What 1 Gbit/s carries in a second."""


class Kernel:
    """The files that are read, of a node with two CPUs and an interface of 1 Gbit/s. A test lets time pass."""

    def __init__(self, root) -> None:
        self.root = root
        self.now_ns = 0
        self._busy = self._softirq = self._total = 0
        self._in = self._out = 0
        (root / "proc/net").mkdir(parents=True)
        (root / "sys/class/net/eth1").mkdir(parents=True)
        (root / "sys/class/net/eth1/speed").write_text("1000\n")
        self.pass_s(1.0)

    def pass_s(self, seconds: float, cpu: float = 0.1, softirq: float = 0.0, came: int = 0, went: int = 0) -> None:
        """`cpu`, `softirq`: share of both CPUs. `came`, `went`: octets on the interface."""
        self.now_ns += round(seconds * SECOND)
        self._total += round(200 * seconds)
        self._busy += round(200 * seconds * cpu)
        self._softirq += round(200 * seconds * softirq)
        self._in, self._out = self._in + came, self._out + went
        idle = self._total - self._busy - self._softirq
        (self.root / "proc/stat").write_text(f"cpu  {self._busy} 0 0 {idle} 0 0 {self._softirq} 0 0 0\ncpu0 1 2\n")
        (self.root / "proc/net/dev").write_text(
            "Inter-|   Receive\n face |bytes\n"
            f"    lo: {10**12 * self.now_ns} 0 0 0 0 0 0 0 {10**12 * self.now_ns} 0 0 0 0 0 0 0\n"
            f"  eth1: {self._in} 9 0 0 0 0 0 0 {self._out} 9 0 0 0 0 0 0\n"
        )


@pytest.fixture
def kernel(tmp_path):
    return Kernel(tmp_path)


def meter(kernel, cpu=0.8, traffic=0.3):
    return Meter(Limits(cpu, traffic), kernel.root)


def before(kernel, **load):
    """What a node says before a test, after a second of that load."""
    idle = Idle(meter(kernel))
    idle.beat(kernel.now_ns, testing=False)
    kernel.pass_s(1.0, **load)
    idle.beat(kernel.now_ns, testing=False)
    return idle


def test_a_node_with_room_is_free(kernel):
    assert before(kernel, cpu=0.7, went=GIGABIT_B // 5).laden == ""


def test_busy_cpus_leave_no_room(kernel):
    assert before(kernel, cpu=0.9).laden == f"{BUSY}other programs used more than 80% of this node's CPUs"


@pytest.mark.parametrize("way", ["came", "went"])
def test_a_busy_interface_leaves_no_room_whichever_way(kernel, way):
    told = before(kernel, **{way: GIGABIT_B // 2}).laden
    assert told == f"{BUSY}eth1 carried more than 30% of its speed for others"


def test_an_interface_that_tells_no_speed_is_taken_for_one_of_a_gigabit(kernel):
    for speed in ("-1\n", "", "x"):
        (kernel.root / "sys/class/net/eth1/speed").write_text(speed)
        assert before(kernel, went=GIGABIT_B // 2).laden
        assert not before(kernel, went=GIGABIT_B // 5).laden


def test_what_a_test_of_our_own_did_is_not_held_against_the_next_one(kernel):
    idle = before(kernel)
    idle.beat(kernel.now_ns, testing=True)
    kernel.pass_s(2.0, cpu=0.95, went=2 * GIGABIT_B)
    idle.beat(kernel.now_ns, testing=True)
    idle.beat(kernel.now_ns, testing=False)
    assert idle.laden == ""
    kernel.pass_s(1.0)
    idle.beat(kernel.now_ns, testing=False)
    assert idle.laden == ""


def test_room_comes_back(kernel):
    idle = before(kernel, cpu=0.95)
    assert idle.laden
    kernel.pass_s(1.0)
    idle.beat(kernel.now_ns, testing=False)
    assert idle.laden == ""


def test_limits_of_1_look_at_nothing(kernel):
    idle = Idle(Meter(Limits(), kernel.root / "nowhere"))
    idle.beat(0, testing=False)
    assert idle.laden == ""


def test_a_kernel_that_tells_nothing_holds_no_test_back(kernel):
    (kernel.root / "proc/stat").unlink()
    assert meter(kernel).read(0) is None
    assert Vigil(meter(kernel), 0, Own()).look(SECOND, Own()) == ""


def test_a_test_may_use_what_it_needs_itself(kernel):
    """1 Gbit/s, one CPU of two for iperf3 and half of the other in interrupts; nobody else does anything."""
    vigil = Vigil(meter(kernel), kernel.now_ns, Own())
    for number in range(1, 6):
        kernel.pass_s(0.5, cpu=0.5, softirq=0.25, went=GIGABIT_B // 2, came=GIGABIT_B // 100)
        payload = round(GIGABIT_B / 2 * 1448 / 1514) * number
        assert vigil.look(kernel.now_ns, Own(0.5 * number, 0, payload)) == ""


def test_others_who_come_during_a_test_end_it_at_the_second_look(kernel):
    vigil = Vigil(meter(kernel), kernel.now_ns, Own())
    kernel.pass_s(0.5, went=GIGABIT_B // 4)
    assert vigil.look(kernel.now_ns, Own(0.1, 0, GIGABIT_B // 20)) == "", "once may be chance"
    kernel.pass_s(0.5, went=GIGABIT_B // 2)
    assert vigil.look(kernel.now_ns, Own(0.2, 0, GIGABIT_B // 10)).startswith(f"{BUSY}eth1")


def test_a_load_that_goes_away_at_once_ends_no_test(kernel):
    vigil = Vigil(meter(kernel), kernel.now_ns, Own())
    for cpu in (0.95, 0.1, 0.95, 0.1):
        kernel.pass_s(0.5, cpu=cpu)
        assert vigil.look(kernel.now_ns, Own()) == ""


def test_where_the_kernel_counts_no_octets_of_the_test_its_traffic_is_not_taken_for_that_of_others(kernel):
    vigil = Vigil(meter(kernel), kernel.now_ns, Own(counted=False))
    for _ in range(3):
        kernel.pass_s(0.5, went=GIGABIT_B // 2)
        assert vigil.look(kernel.now_ns, Own(counted=False)) == ""
    for _ in range(2):
        kernel.pass_s(0.5, cpu=0.95)
        told = vigil.look(kernel.now_ns, Own(counted=False))
    assert "CPUs" in told


def test_a_connection_that_has_just_closed_is_not_held_against_its_test(kernel):
    vigil = Vigil(meter(kernel), kernel.now_ns, Own(0.0, 0, 5 * GIGABIT_B))
    for _ in range(3):
        kernel.pass_s(0.5, went=GIGABIT_B // 2)
        assert vigil.look(kernel.now_ns, Own(0.0, 0, 0)) == ""
        vigil = Vigil(meter(kernel), kernel.now_ns, Own(0.0, 0, 5 * GIGABIT_B))


@given(stat=st.binary(max_size=60), dev=st.binary(max_size=60))
def test_whatever_stands_in_the_files_is_a_reading_or_none(tmp_path_factory, stat, dev):
    root = tmp_path_factory.mktemp("kernel")
    (root / "proc/net").mkdir(parents=True)
    (root / "proc/stat").write_bytes(b"cpu " + stat)
    (root / "proc/net/dev").write_bytes(b"\n\n" + dev)
    meter = Meter(Limits(0.5, 0.5), root)
    reading = meter.read(0)
    if reading is not None:
        meter.laden(reading, reading)


@pytest.mark.skipif(not LINUX, reason="sock_diag is Linux's")
def test_the_kernel_tells_what_the_connections_at_a_port_have_carried():
    (address,) = addresses(1)
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        assert sockdiag.carried_B(port, v6=False) == (0, 0)
        with socket.create_connection((address, port)) as caller:
            called, _ = server.accept()
            with called:
                caller.sendall(b"x" * 10_000)
                # Both ends are on this machine: what one sent the other received.
                until(lambda: sockdiag.carried_B(port, v6=False)[0] >= 10_000, lambda: None)
                received, acknowledged = sockdiag.carried_B(port, v6=False)
                assert abs(received - 10_000) <= 2
                assert abs(acknowledged - 10_000) <= 2
                assert sockdiag.carried_B(port + 1, v6=False) == (0, 0)
