"""Bandwidth tests between real collectors in namespaces: the rate is the one the network was given, and turns are kept.

All nodes are one machine with one monotonic clock, so the stretches that their archives tell can be laid beside each other.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import statistics
import sys
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from analyzer.assess import assess
from analyzer.contract import Load
from collector.archive.reader import Archive, open_archive
from collector.errors import Unavailable
from collector.external import Running, finish
from collector.lab.netns import Lab, Namespace, limited
from collector.plan import LoadKind

# `make lab` runs them, as root; an ordinary user is told so and can still test everything else.
pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]

GOODPUT = 1448 / 1514
"""What TCP makes of an Ethernet rate: payload and frame of a full segment with timestamps."""

HEAD = """
format = 1
[cluster]
name = "lab"
origin = "demonstration"
[network.ch1]
kind = "channel"
"""


def _plan(folder: Path, addresses: dict[str, str], bandwidth: str = "") -> Path:
    nodes = "".join(f'[[node]]\nname = "{name}"\naddr = {{ ch1 = "{ip}/24" }}\n' for name, ip in addresses.items())
    plan, key = folder / "plan.toml", folder / "plan.key"
    plan.write_text(HEAD + nodes + bandwidth, encoding="utf-8")
    key.write_text("k" * 64, encoding="ascii")
    key.chmod(0o600)
    return plan


def _start(where: Namespace, plan: Path, node: str, seconds: int, log: Path) -> Running:
    command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--out", str(plan.parent)]
    return where.start([*command, "--node", node, "--duration", f"{seconds}s"], log)


def _rows(archive: Archive, table: str) -> list[tuple[str, dict[str, int | None]]]:
    return [
        (block.labels["path"], dict(zip(block.columns, row, strict=True)))
        for segment in archive.segments()
        for block in segment.blocks
        if block.table == table
        for row in zip(*(block.column(name) for name in block.columns), strict=True)
    ]


def _across_a_router(folder: Path, plan: Path, rate_bps: int, seconds: int) -> None:
    """Let two nodes test each other through a router that holds a rate both ways, behind a queue of 20 ms."""
    try:
        with Lab() as lab, ExitStack() as shaped:
            a, router, b = lab.namespace("a"), lab.namespace("router", router=True), lab.namespace("b")
            for node, number in ((a, 1), (b, 2)):
                lab.link(node, "eth0", router, f"to-{node.label}")
                node.address("eth0", f"10.91.{number}.1/24")
                router.address(f"to-{node.label}", f"10.91.{number}.254/24")
                node.route("default", f"10.91.{number}.254")
                shaped.enter_context(limited(router, f"to-{node.label}", rate_bps, 0.02))
            running = [_start(node, plan, node.label, seconds, folder / f"{node.label}.log") for node in (a, b)]
            for process in running:
                assert finish(process, seconds + 35.0) == 0, (folder / "a.log").read_text() + (
                    folder / "b.log"
                ).read_text()
    except Unavailable as reason:
        pytest.fail(f"the laboratory cannot be built here, and its tests must not be skipped: {reason}")


@pytest.mark.slow
@pytest.mark.parametrize("rate_bps", [100_000_000, 1_000_000_000])
def test_the_settled_rate_is_that_of_the_bottleneck_between_the_nodes(tmp_path, rate_bps):
    plan = _plan(tmp_path, {"a": "10.91.1.1", "b": "10.91.2.1"})
    _across_a_router(tmp_path, plan, rate_bps, 25)

    found = assess(list(tmp_path.glob("haready-lab-*.zip"))).throughputs
    assert {one.path for one in found} == {"a>b/ch1", "b>a/ch1"}
    for one in found:
        assert len(one.tests) == 1, one.reason
        print(f"{one.path}: {one.tests[0].rate_bps / 1e6:.2f} Mbit/s, ideal {rate_bps * GOODPUT / 1e6:.2f}")
        assert one.tests[0].rate_bps == pytest.approx(rate_bps * GOODPUT, rel=0.01)


@pytest.mark.slow
def test_fast_probes_show_the_full_queue_and_that_the_planned_rate_leaves_it_empty(tmp_path):
    plan = _plan(tmp_path, {"a": "10.91.1.1", "b": "10.91.2.1"})
    text = plan.read_text(encoding="utf-8").replace("[network.ch1]", "[network.ch1]\nload_bps = 20_000_000")
    plan.write_text(text, encoding="utf-8")
    _across_a_router(tmp_path, plan, 100_000_000, 50)

    result = assess(list(tmp_path.glob("haready-lab-*.zip")))
    for carried in result.throughputs:
        (at_load,), (datagrams,) = carried.at_load, carried.datagrams
        print(
            f"{carried.path}: TCP {at_load.rate_bps / 1e6:.2f}, UDP {datagrams.rate_bps / 1e6:.2f} Mbit/s, lost {datagrams.loss}"
        )
        # iperf3 holds TCP to the rate by what it has sent, so it falls short a little and never exceeds it by more than a block.
        assert at_load.rate_bps == pytest.approx(20e6, rel=0.03)
        assert datagrams.rate_bps == pytest.approx(20e6, rel=0.03)
        assert datagrams.loss is not None
        assert datagrams.loss < 0.01
    for timing in result.timings:
        fast = {item.kind: item for item in timing.fast}
        assert set(fast) == set(Load)
        for kind, item in fast.items():
            print(f"{timing.path} {kind}: {item.probe_hz:.1f} Hz, {item.sent} sent, {item.lost} lost, {item.rtt}")
        assert all(item.probe_hz >= 20.0 for item in fast.values())
        assert all(item.sent > 60 for item in fast.values()), "both ends probe"
        full, planned = fast[Load.FULL].rtt.p50, fast[Load.PLANNED].rtt.p50
        assert timing.rtt.p50 is not None
        assert full is not None
        assert planned is not None
        assert full > 4 * max(planned, timing.rtt.p50), "a full queue holds a probe for milliseconds"


@dataclass(frozen=True, slots=True)
class Stretch:
    """When a node took part in a test, by this machine's monotonic clock."""

    node: str
    path: str
    from_us: int
    to_us: int


def _stretches(archives: list[Archive]) -> list[Stretch]:
    found = []
    for archive in archives:
        t0_us = int(archive.head["t0_ns"]) // 1000
        for table in ("bandwidth", "datagrams", "served"):
            for path, row in _rows(archive, table):
                begin = t0_us + int(row["t_us"] or 0)
                found.append(Stretch(archive.head["node"], path, begin, begin + int(row["loaded_us"] or 0)))
    return sorted(found, key=lambda one: one.from_us)


def _no_overlap(stretches: list[Stretch]) -> None:
    for one, other in itertools.combinations(stretches, 2):
        apart = other.from_us >= one.to_us
        assert apart or one.path == other.path, f"{one} and {other} were at the same time"
        assert apart or one.node != other.node, f"{one} and {other} were at the same time on one node"


NODES = "abcd"
PATHS = {f"{one}>{other}/ch1" for one, other in itertools.permutations(NODES, 2)}


def _on_a_switch(lab: Lab) -> dict[str, Namespace]:
    """Four nodes on one bridge."""
    switch = lab.namespace("switch")
    nodes = {}
    for number, name in enumerate(NODES, 1):
        nodes[name] = lab.namespace(name)
        lab.link(nodes[name], "eth0", switch, f"port-{name}")
        nodes[name].address("eth0", f"10.92.0.{number}/24")
    lab.bridge(switch, "br0", [f"port-{name}" for name in NODES])
    return nodes


def _switch_plan(folder: Path) -> Path:
    addresses = {name: f"10.92.0.{number}" for number, name in enumerate(NODES, 1)}
    return _plan(folder, addresses, "[bandwidth]\ncap_bps = 100000000\n")


@pytest.mark.slow
def test_four_nodes_do_all_their_tests_and_never_two_at_once(tmp_path):
    plan = _switch_plan(tmp_path)
    with Lab() as lab:
        nodes = _on_a_switch(lab)
        running = [_start(nodes[name], plan, name, 110, tmp_path / f"{name}.log") for name in NODES]
        for process in running:
            assert finish(process, 150.0) == 0

    archives = [open_archive(path) for path in tmp_path.glob("haready-lab-*.zip")]
    assert {path for archive in archives for path, _ in _rows(archive, "bandwidth")} == PATHS
    stretches = _stretches(archives)
    assert len(stretches) == 2 * len(PATHS), "each test stands in two archives, once"
    _no_overlap(stretches)


def _wait_for(pattern: str, log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not (log.exists() and re.search(pattern, log.read_text(encoding="utf-8", errors="replace"))):
        assert time.monotonic() < deadline, f"{pattern!r} did not appear in {log}"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["a", "b"], ids=["the coordinator", "another"])
def test_a_node_killed_in_its_test_and_started_again_disturbs_no_turn(tmp_path, victim):
    plan = _switch_plan(tmp_path)
    with Lab() as lab:
        nodes = _on_a_switch(lab)
        logs = {name: tmp_path / f"{name}.log" for name in NODES}
        running = {name: _start(nodes[name], plan, name, 170, logs[name]) for name in NODES}
        _wait_for(rf"bandwidth {victim}>./ch1: a test of 2 s begins", logs[victim], 60.0)
        time.sleep(0.5)  # in the middle of it
        running[victim].send_signal(signal.SIGKILL)
        running[victim].wait()
        time.sleep(3.0)  # long enough to be missed
        running[victim] = _start(nodes[victim], plan, victim, 160, tmp_path / "again.log")
        for process in running.values():
            assert finish(process, 220.0) == 0

    sealed = [open_archive(path) for path in tmp_path.glob("haready-lab-*.zip")]
    torn = [open_archive(path) for path in tmp_path.glob("haready-lab-*.part")]
    assert (len(sealed), len(torn)) == (4, 1)
    assert {path for archive in sealed for path, _ in _rows(archive, "bandwidth")} == PATHS
    _no_overlap(_stretches([*sealed, *torn]))


LONG_S = 600
EVERY_S = 200
"""A round of 36 tests takes 180 s."""
LOAD_BPS = 20_000_000


def _of_kind(table: str, row: dict[str, int | None]) -> str:
    return "udp" if table == "datagrams" else list(LoadKind)[row["kind"] or 0].value


def _fast_hz(archive: Archive, path: str, row: dict[str, int | None]) -> float:
    """How often the node probed the path in the middle of a test."""
    from_us, to_us = (row["t_us"] or 0) + 200_000, (row["t_us"] or 0) + (row["receiver_us"] or 0)
    sent = [one for name, one in _rows(archive, "burst") if name == path and not one["flag"]]
    return sum(from_us <= (one["t_us"] or 0) < to_us for one in sent) / ((to_us - from_us) / 1e6)


@pytest.mark.slow
@pytest.mark.long
def test_ten_minutes_of_tests_of_all_kinds_among_four_nodes_of_which_one_dies_and_comes_back(tmp_path):
    plan = _switch_plan(tmp_path)
    text = plan.read_text(encoding="utf-8").replace("[network.ch1]", f"[network.ch1]\nload_bps = {LOAD_BPS}")
    plan.write_text(f"{text}every_s = {EVERY_S}\n", encoding="utf-8")
    with Lab() as lab:
        nodes = _on_a_switch(lab)
        logs = {name: tmp_path / f"{name}.log" for name in NODES}
        began = time.monotonic()
        running = {name: _start(nodes[name], plan, name, LONG_S, logs[name]) for name in NODES}
        # The second round: the first one is whole, and the third is after it.
        time.sleep(EVERY_S)
        seen = logs["b"].stat().st_size
        deadline = time.monotonic() + EVERY_S
        while b"bandwidth b>" not in logs["b"].read_bytes()[seen:]:
            assert time.monotonic() < deadline, "b began no test"
            time.sleep(0.02)
        time.sleep(0.5)  # in the middle of it
        running["b"].send_signal(signal.SIGKILL)
        running["b"].wait()
        died_s = time.monotonic() - began
        time.sleep(3.0)  # long enough to be missed
        running["b"] = _start(nodes["b"], plan, "b", round(LONG_S - died_s - 3.0), tmp_path / "again.log")
        for process in running.values():
            assert finish(process, LONG_S + 60.0) == 0

    sealed = [open_archive(path) for path in tmp_path.glob("haready-lab-*.zip")]
    torn = [open_archive(path) for path in tmp_path.glob("haready-lab-*.part")]
    assert (len(sealed), len(torn)) == (4, 1)
    tests: Counter[tuple[str, str]] = Counter()
    starts_s: dict[str, list[float]] = defaultdict(list)
    hertz: list[float] = []
    first_us = min(int(archive.head["t0_ns"]) for archive in sealed) // 1000
    for archive in [*sealed, *torn]:
        for table in ("bandwidth", "datagrams"):
            for path, row in _rows(archive, table):
                if row["received_B"] is not None:
                    tests[path, _of_kind(table, row)] += 1
                    starts_s[path].append((int(archive.head["t0_ns"]) // 1000 + (row["t_us"] or 0) - first_us) / 1e6)
                    hertz.append(_fast_hz(archive, path, row))
    print(f"\n{'path':10} " + " ".join(f"{kind:>8}" for kind in LoadKind) + "   first    last (s after the start)")
    for path in sorted(PATHS):
        counts = " ".join(f"{tests[path, kind.value]:8d}" for kind in LoadKind)
        print(f"{path:10} {counts} {min(starts_s[path]):7.0f} {max(starts_s[path]):7.0f}")
    stretches = _stretches([*sealed, *torn])
    _no_overlap(stretches)
    print(
        f"{sum(tests.values())} finished tests, {len(stretches)} stretches of 4 nodes in 5 archives, none of two tests at once"
    )
    print(
        f"fast probes during a test: {min(hertz):.1f} to {max(hertz):.1f} Hz, median {statistics.median(hertz):.1f} Hz"
    )

    assert {path for path, _ in tests} == PATHS
    assert all(tests[path, kind.value] >= 2 for path in PATHS for kind in LoadKind), tests
    assert all(max(starts) > LONG_S / 2 for starts in starts_s.values()), "tests go on over the whole run"
    assert statistics.median(hertz) >= 20.0
