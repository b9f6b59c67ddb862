"""The runs of the truth table: what is injected, how, and what it has to be measured as."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
from lab_runs import (
    ADDRESSES,
    DEVICE,
    NODES,
    PLAN,
    THIN_ADDRESSES,
    Run,
    Trouble,
    collect,
    measure,
    thin_line,
    write_plan,
)

from analyzer import assess as assessing
from analyzer.assess import assess
from analyzer.contract import Assessment, Cause
from analyzer.frames import NodeData
from collector.external import Running, finish
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab, Namespace, limited
from collector.lab.wan import Wan, WanEnd
from collector.peers.stamp import PACKET_B

PERIOD_S = 0.02
SEED = 4
QUIET_S = 5.0
"""From the start of the collectors to the first trouble: by then both probe each other."""
HOG_BUSY_S, HOG_REST_S, HOGS = 0.3, 0.7, 8
STOP_S, STOP_REST_S, STOPS = 0.15, 0.45, 15
SLOW_PERIOD_S = 0.2
"""Of probes whose sender is to be late: at 50 a second it skips what it cannot send in time."""
_HOG = f"""
import os, time
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
for _ in range({HOGS}):
    end = time.monotonic() + {HOG_BUSY_S}
    while time.monotonic() < end:
        pass
    time.sleep({HOG_REST_S})
"""
_BURSTS = """
import socket, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(100):
    for _ in range(60):
        sock.sendto(bytes(1400), ("10.88.0.2", 9))
    time.sleep(0.35)
"""
_BURST_RATE_BPS, _BURST_QUEUE_S = 5_000_000, 0.25
"""A burst of 60 packets fills 0.14 s of this line."""

APART = {"a": ("taskset", "-c", "0"), "b": ("taskset", "-c", "1")}
"""Each node on a core of its own, so that one can be starved alone."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run across the WAN. `outage_s`: injected at 8 s; `stop`: (node, length in s) stopped by SIGSTOP."""

    name: str
    there: Impairment
    back: Impairment
    seconds: int = 20
    outage_s: float = 0.0
    stop: tuple[str, float] | None = None

    def run(self, folder: Path) -> Run:
        there = replace(self.there, outages=((8.0, self.outage_s),)) if self.outage_s else self.there
        return collect(
            folder,
            there,
            self.back,
            period_s=PERIOD_S,
            seconds=self.seconds + round(self.outage_s),
            seed=SEED,
            trouble=None if self.stop is None else stopping(*self.stop),
        )


def _both(name: str, **trouble: float) -> Wanted:
    impairment = Impairment(**trouble)  # type: ignore[arg-type]
    return Wanted(name, impairment, impairment)


_STILL = Impairment(delay_s=0.02)

WANTED = (
    _both("5 ms each way", delay_s=0.005),
    _both("40 ms each way", delay_s=0.04),
    _both("150 ms each way", delay_s=0.15),
    Wanted("5 ms there, 35 ms back", Impairment(delay_s=0.005), Impairment(delay_s=0.035)),
    _both("20 ms each way, jitter 5 ms", delay_s=0.02, jitter_s=0.005),
    *(
        Wanted(f"loss {share:.1%} {way}", *(sides if way == "there" else sides[::-1]), seconds=30)
        for share in (0.001, 0.01, 0.05)
        for way in ("there", "back")
        for sides in [(replace(_STILL, loss=share), _STILL)]
    ),
    *(Wanted(f"outage of {length:g} s there", _STILL, _STILL, outage_s=length) for length in (0.3, 1.0, 3.0, 10.0)),
    *(
        Wanted(
            f"{'sender' if node == 'a' else 'reflector'} stopped for {length:g} s", _STILL, _STILL, stop=(node, length)
        )
        for node in NODES
        for length in (0.5, 2.0, 5.0)
    ),
)


def stopping(node: str, length_s: float) -> Trouble:
    """Stop every process of a node's collector, as a hypervisor would, then let it go on."""

    def trouble(_: Mapping[str, Namespace], running: Mapping[str, Running]) -> None:
        time.sleep(QUIET_S)
        pids = _tree(running[node].pid)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(length_s)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    return trouble


def stuttering(node: str) -> Trouble:
    """Stop a node's collector for a moment, again and again: a slot that is due meanwhile is sent late, and not left out."""

    def trouble(_: Mapping[str, Namespace], running: Mapping[str, Running]) -> None:
        time.sleep(QUIET_S)
        pids = _tree(running[node].pid)
        for _stop in range(STOPS):
            for number, length_s in ((signal.SIGSTOP, STOP_S), (signal.SIGCONT, STOP_REST_S)):
                for pid in pids:
                    os.kill(pid, number)
                time.sleep(length_s)

    return trouble


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(each for child in children for each in _tree(int(child)))]


def beside(node: str, command: list[str]) -> Trouble:
    """Run a program in a node's namespace, to its end."""

    def trouble(nodes: Mapping[str, Namespace], _: Mapping[str, Running]) -> None:
        time.sleep(QUIET_S)
        where = nodes[node]
        process = where.start([*APART[node], *command], Path(os.devnull))
        finish(process, 60.0)

    return trouble


@dataclass(frozen=True, slots=True)
class Blamed:
    """A run in which every slow answer has one cause, which differs by direction."""

    name: str
    cause: Mapping[str, Cause]
    run: Callable[[Path], Assessment]


def starved(folder: Path, period_s: float = PERIOD_S) -> Assessment:
    """A node on plain cables, beside a SCHED_FIFO loop on its core."""
    return plain(folder, beside("a", [sys.executable, "-c", _HOG]), 18, period_s)


def plain(folder: Path, trouble: Trouble | None = None, seconds: int = 16, period_s: float = PERIOD_S) -> Assessment:
    """Two nodes on one cable (veth), each on a core of its own."""
    plan = write_plan(folder, PLAN.format(period_s=period_s))
    with Lab() as lab:
        nodes = {name: lab.namespace(name) for name in NODES}
        lab.link(nodes["a"], DEVICE, nodes["b"], DEVICE)
        for name, node in nodes.items():
            node.address(DEVICE, ADDRESSES[name])
        return assess(list(measure(nodes, plan, seconds, trouble, APART).values()))


def _wire(folder: Path) -> Assessment:
    there = Impairment(delay_s=0.03, reorder=0.1, reorder_s=0.08)
    return collect(folder, there, _STILL, period_s=PERIOD_S, seconds=40, seed=SEED).assessment


def _stopped(folder: Path) -> Assessment:
    trouble = stuttering("a")
    return collect(folder, _STILL, _STILL, period_s=SLOW_PERIOD_S, seconds=20, seed=SEED, trouble=trouble).assessment


def _queued(folder: Path) -> Assessment:
    plan = write_plan(folder, PLAN.format(period_s=SLOW_PERIOD_S))
    with Lab() as lab, ExitStack() as shaped:
        nodes = {name: lab.namespace(name) for name in NODES}
        lab.link(nodes["a"], DEVICE, nodes["b"], DEVICE)
        for name, node in nodes.items():
            node.address(DEVICE, ADDRESSES[name])
        shaped.enter_context(limited(nodes["a"], DEVICE, _BURST_RATE_BPS, _BURST_QUEUE_S))
        bursts = beside("a", [sys.executable, "-c", _BURSTS])
        return assess(list(measure(nodes, plan, 45, bursts, APART).values()))


_WAN_PLAN = PLAN.replace('kind = "sync"', 'kind = "channel"\nrate_bps = 30000000') + "[bandwidth]\nseconds = 4\n"


def _loaded(folder: Path) -> Assessment:
    """Tests of a rate that the line does not have fill the queue of a router."""
    return _routed(folder, 20_000_000, 30_000_000, 0.15, 30)


def _causes(a: Cause, b: Cause, network: str = "wan") -> dict[str, Cause]:
    return {f"a>b/{network}": a, f"b>a/{network}": b}


BLAMED = (
    Blamed("late packets in the WAN", _causes(Cause.WIRE, Cause.WIRE), _wire),
    Blamed(f"a stopped (SIGSTOP, {STOPS} x {STOP_S} s)", _causes(Cause.LOCAL_STOP, Cause.PEER_STOP), _stopped),
    Blamed(
        f"a starved (SCHED_FIFO loop, {HOGS} x {HOG_BUSY_S} s)",
        _causes(Cause.LOCAL_STARVATION, Cause.PEER_STARVATION),
        lambda folder: starved(folder, SLOW_PERIOD_S),
    ),
    Blamed("bursts through a's slow interface", _causes(Cause.LOCAL_QUEUE, Cause.PEER_QUEUE), _queued),
    Blamed("bandwidth test on a line of 20 Mbit/s", _causes(Cause.LOAD_TEST, Cause.LOAD_TEST, "ch1"), _loaded),
)


@contextmanager
def other_clock(node: str, offset_s: float, ppm: float) -> Iterator[None]:
    """Let a node's clocks go `ppm` too fast and its wall clock be `offset_s` ahead: injected after the stamps are read."""
    rate = 1.0 + ppm * 1e-6
    read = assessing.read

    def faster(us: np.ndarray) -> np.ndarray:
        return np.round(us * rate).astype(us.dtype)

    def ahead_us(slot: np.ndarray) -> np.ndarray:
        return np.round(1e6 * offset_s + slot.astype(np.float64) * PERIOD_S * ppm).astype(np.int64)

    def altered(path: Path) -> NodeData:
        data = read(path)
        sign = -1 if data.name == node else 1
        for columns in data.reply.values():
            shift = sign * ahead_us(columns.arrays["slot"])
            columns.arrays["fwd_us"] = columns.arrays["fwd_us"] + shift
            columns.arrays["back_us"] = columns.arrays["back_us"] - shift
        if data.name != node:
            return data
        t0_ns = data.t0_ns
        data.anchors = tuple(
            (t0_ns + round((mono - t0_ns) * rate), real + round(offset_s * 1e9 + (mono - t0_ns) * (rate - 1.0)))
            for mono, real in data.anchors
        )
        data.spans = tuple((round(start * rate), round(stop * rate)) for start, stop in data.spans)
        data.duration_s *= rate
        for table in (*data.sent.values(), *data.seen.values()):
            table.arrays["t_us"] = faster(table.arrays["t_us"])
        for frame in data.tables.values():
            frame["t_us"] = faster(frame["t_us"].to_numpy())
        return data

    with mock.patch.object(assessing, "read", altered):
        yield


@dataclass(frozen=True, slots=True)
class Rate:
    """A line of so many bit/s, through a router or across a WAN, and how far the measured goodput may be off."""

    name: str
    line_bps: int
    wan: bool
    bound: float

    @property
    def goodput_bps(self) -> float:
        """What TCP makes of it beside the probes: payload of a full segment with timestamps, by what the kernel's limit counts."""
        frame = 1500 if self.wan else 1514
        probes_bps = 2 / PERIOD_S * 8 * (PACKET_B + _UDP_IP_B + frame - 1500)
        return (self.line_bps - probes_bps) * 1448 / frame


_UDP_IP_B = 28
SMALL_BPS = 50_000_000
"""Below it the kernel's bucket holds a packet of many segments."""

RATES = (
    Rate("10 Mbit/s", 10_000_000, wan=False, bound=0.01),
    Rate("100 Mbit/s", 100_000_000, wan=False, bound=0.01),
    Rate("1 Gbit/s", 1_000_000_000, wan=False, bound=0.01),
    Rate("WAN, 20 Mbit/s, 20 ms each way", 20_000_000, wan=True, bound=0.03),
)

_ROUTED = """
format = 1
[cluster]
name = "lab"
origin = "demonstration"
[network.ch1]
kind = "channel"
rate_bps = {rate}
[[node]]
name = "a"
addr = {{ ch1 = "10.91.1.1/24" }}
[[node]]
name = "b"
addr = {{ ch1 = "10.91.2.1/24" }}
[probe]
period_s = {period_s}
"""


def rate(folder: Path, wanted: Rate) -> Assessment:
    """Measure the bandwidth of a line."""
    return _wan_rate(folder, wanted) if wanted.wan else _routed(folder, wanted.line_bps, wanted.line_bps, 0.02, 25)


def _routed(folder: Path, line_bps: int, planned_bps: int, queue_s: float, seconds: int) -> Assessment:
    """Two nodes with a router between them that sends at `line_bps`; the plan states `planned_bps`."""
    plan = write_plan(folder, _ROUTED.format(rate=planned_bps, period_s=PERIOD_S))
    with Lab() as lab, ExitStack() as shaped:
        nodes = {name: lab.namespace(name) for name in NODES}
        router = lab.namespace("router", router=True)
        for number, (name, node) in enumerate(nodes.items(), 1):
            lab.link(node, "eth0", router, f"to-{name}")
            node.address("eth0", f"10.91.{number}.1/24")
            router.address(f"to-{name}", f"10.91.{number}.254/24")
            node.route("default", f"10.91.{number}.254")
            if line_bps < SMALL_BPS:
                # tbf passes a packet of many segments as one, with one header, as long as it fits its bucket.
                node.ip("link", "set", "eth0", "gso_max_segs", "1")
            shaped.enter_context(limited(router, f"to-{name}", line_bps, queue_s))
        return assess(list(measure(nodes, plan, seconds).values()))


def _wan_rate(folder: Path, wanted: Rate) -> Assessment:
    plan = write_plan(folder, _WAN_PLAN.replace("30000000", str(wanted.line_bps)).format(period_s=PERIOD_S))
    with Lab() as lab, ExitStack() as opened:
        nodes = {name: lab.namespace(name) for name in NODES}
        ends = WanEnd(nodes["a"], ADDRESSES["a"], DEVICE), WanEnd(nodes["b"], ADDRESSES["b"], DEVICE)
        opened.enter_context(Wan(ends, _STILL, _STILL, folder, seed=SEED))
        for end in ends:
            opened.enter_context(limited(end.namespace, end.device, wanted.line_bps, 0.1))
        return assess(list(measure(nodes, plan, 60).values()))


@dataclass(frozen=True, slots=True)
class Thin:
    """A line between two routers that carries IP packets of so many octets each way."""

    name: str
    there_B: int
    back_B: int

    def run(self, folder: Path) -> Assessment:
        text = PLAN.format(period_s=SLOW_PERIOD_S)
        for name, address in THIN_ADDRESSES.items():
            text = text.replace(ADDRESSES[name], address)
        with Lab() as lab:
            nodes, _ = thin_line(lab, self.there_B, self.back_B)
            return assess(list(measure(nodes, write_plan(folder, text), 20).values()))


THIN = (
    Thin("MTU 1400 in the middle", 1400, 1400),
    Thin("MTU 1400 there, 1300 back", 1400, 1300),
)

_TWO_WAYS = """
format = 1
[cluster]
name = "lab"
origin = "measured"
[network.public]
kind = "public"
[network.ch1]
kind = "channel"
[[node]]
name = "a"
site = "main"
addr.public = { ip = "10.90.1.1/24", nic = "public" }
addr.ch1 = { ip = "10.90.2.1/24", nic = "ch1" }
[[node]]
name = "b"
site = "dr"
addr.public = { ip = "10.90.1.2/24", nic = "public" }
addr.ch1 = { ip = "10.90.2.2/24", nic = "ch1" }
[bandwidth]
budget_B = 0
"""


def leaving_by_public(folder: Path) -> Assessment:
    """Two sites with a channel of its own, and a route on a that sends the channel's packets by the public interface."""
    plan = write_plan(folder, _TWO_WAYS)
    with Lab() as lab:
        nodes = {name: lab.namespace(name) for name in NODES}
        for place, network in enumerate(("public", "ch1"), 1):
            lab.link(nodes["a"], network, nodes["b"], network)
            for number, node in enumerate(nodes.values(), 1):
                node.address(network, f"10.90.{place}.{number}/24")
        nodes["a"].ip("route", "add", "10.90.2.2/32", "via", "10.90.1.2", "dev", "public")
        return assess(list(measure(nodes, plan, 15).values()))
