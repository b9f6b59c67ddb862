"""Two collectors across the laboratory's WAN: what haready says happened is what the WAN's log says happened.

Counts are compared exactly, slot by slot. What the analyzer does not judge by design is part of the comparison: of the slots that
were lost, those due in the last two seconds before sending ended are "young", all others must be counted the way they were lost.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from analyzer.assess import assess
from analyzer.contract import Assessment, Timing
from analyzer.slots import YOUNG_S
from collector.archive.reader import Archive, open_archive
from collector.errors import Unavailable
from collector.external import finish
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab
from collector.lab.wan import Wan, WanEnd
from collector.lab.wanlog import UDP, Fate, SlotTruth, WanLog
from collector.peers.sender import JITTER
from collector.plan import DEFAULT_PORT

# `make lab` runs them, as root; an ordinary user is told so and can still test everything else.
pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]

SKIPPED = -1
WIRE_S = 0.0003
"""How far the median wire time may be from the log's."""
SKEW = 1e-3
"""How far the analyzer's mapping of one node's clock to another's may stretch a time."""

PLAN = """
format = 1
[cluster]
name = "lab"
origin = "demonstration"
[network.wan]
kind = "sync"
[[node]]
name = "a"
site = "main"
addr = {{ wan = "10.88.0.1/24" }}
[[node]]
name = "b"
site = "dr"
addr = {{ wan = "10.88.0.2/24" }}
[[stack]]
name = "genesys-addp"
networks = ["wan"]
[probe]
period_s = {period_s}
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A row of `sent` that really was sent, in us since the sender's start."""

    t_us: int
    late_us: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run's result beside the truth."""

    assessment: Assessment
    log: WanLog
    archives: dict[str, Archive]

    def timing(self, path: str) -> Timing:
        return next(timing for timing in self.assessment.timings if timing.path == path)

    def truth(self, source: str, target: str) -> dict[int, SlotTruth]:
        return self.log.slots(source, target, DEFAULT_PORT)

    def sent(self, path: str) -> dict[int, Sent]:
        columns = [_column(self.archives[path[0]], "sent", path, name) for name in ("slot", "t_us", "late_us", "flag")]
        return {slot: Sent(t, late) for slot, t, late, flag in zip(*columns, strict=True) if flag != SKIPPED}


def _column(archive: Archive, table: str, path: str, column: str) -> list[int]:
    return [
        value
        for segment in archive.segments()
        for block in segment.blocks
        if block.table == table and path in block.labels.values()
        for value in block.column(column)
        if value is not None
    ]


def _collect(folder: Path, there: Impairment, back: Impairment, *, period_s: float, seconds: int, seed: int) -> Run:
    """Measure between a and b; `there` is the impairment from a to b."""
    plan, key = folder / "plan.toml", folder / "plan.key"
    plan.write_text(PLAN.format(period_s=period_s), encoding="utf-8")
    key.write_text("k" * 64, encoding="ascii")
    key.chmod(0o600)
    command = [sys.executable, "-m", "haready", "collect", "--quiet", "--plan", str(plan), "--out", str(folder)]
    command += ["--duration", f"{seconds}s", "--node"]
    try:
        with Lab() as lab:
            nodes = {name: lab.namespace(name) for name in "ab"}
            ends = WanEnd(nodes["a"], "10.88.0.1/24"), WanEnd(nodes["b"], "10.88.0.2/24")
            with Wan(ends, there, back, folder, seed=seed) as wan:
                logs = {name: folder / f"{name}.log" for name in nodes}
                running = {name: node.start([*command, name], logs[name]) for name, node in nodes.items()}
                for name, process in running.items():
                    assert finish(process, seconds + 30.0) == 0, logs[name].read_text()
    except Unavailable as reason:
        pytest.fail(f"the laboratory cannot be built here, and its tests must not be skipped: {reason}")
    paths = {name: next(folder.glob(f"haready-lab-{name}-*.zip")) for name in "ab"}
    log = wan.log()
    print(f"relay at class {log.head['scheduling']}: {log.accuracy()}")
    return Run(assess(list(paths.values())), log, {name: open_archive(path) for name, path in paths.items()})


def _compare(run: Run, source: str, target: str) -> None:
    """Hold one path against the log, exactly."""
    path = f"{source}>{target}/wan"
    timing, truth, sent = run.timing(path), run.truth(source, target), run.sent(path)
    # Every packet's fate is one of those that were asked for, or it got through.
    fates = {packet.fate for packet in run.log.packets if packet.protocol == UDP}
    assert fates <= {Fate.RELEASED, Fate.LOSS, Fate.OUTAGE}
    assert set(sent) == set(truth), "sent is what entered the WAN"
    # The reflector saw, slot by slot, what the WAN let through, and answered all of it.
    first, count = (_column(run.archives[target], "seen", path, name) for name in ("first", "count"))
    seen = Counter(slot for start, length in zip(first, count, strict=True) for slot in range(start, start + length))
    assert seen == {slot: fate.arrived for slot, fate in truth.items() if fate.arrived}
    assert all(len({packet.rseq for packet in fate.back}) == fate.arrived for fate in truth.values())
    replies = Counter(_column(run.archives[source], "reply", path, "slot"))
    assert replies == {slot: fate.answered for slot, fate in truth.items() if fate.answered}
    # Young by the sender's own end, provided that the reflector ran on beyond it: its end makes slots young as well.
    last_us = max(row.t_us for row in sent.values())
    head, peer = run.archives[source].head, run.archives[target].head
    margin_s = (peer["t0_ns"] - head["t0_ns"]) / 1e9 + peer["duration_s"] - last_us / 1e6
    assert margin_s > 0.1, "the reflector ended before the last probes could arrive: the comparison would not be exact"
    judged = {slot: fate for slot, fate in truth.items() if sent[slot].t_us <= last_us - YOUNG_S * 1e6}
    young = sum(not fate.answered for slot, fate in truth.items() if slot not in judged)
    skipped = _column(run.archives[source], "sent", path, "flag").count(SKIPPED)
    forward = sum(not fate.arrived for fate in judged.values())
    back = sum(bool(fate.arrived and not fate.answered) for fate in judged.values())
    print(f"{path}: {len(truth)} sent, {forward} lost forward, {back} lost back, {young} young, {skipped} skipped")
    assert (timing.sent, timing.answered) == (len(truth), sum(bool(fate.answered) for fate in truth.values()))
    assert (timing.lost_forward, timing.lost_back, timing.lost_unknown) == (forward, back, 0)
    assert timing.unjudged == young + skipped
    assert timing.sent == timing.answered + timing.lost_forward + timing.lost_back + young
    assert timing.duplicates == sum(max(0, fate.answered - 1) for fate in truth.values())
    # Time in the WAN, by the kernels' stamps on either side of it and by the WAN's own.
    true_s = statistics.median(fate.wire_ns for fate in truth.values() if fate.wire_ns is not None) / 1e9
    print(
        f"{path}: wire median {timing.wire.p50 * 1e3:.3f} ms, by the log {true_s * 1e3:.3f} ms, n {timing.wire.samples}"
    )
    assert timing.wire.samples > 0.8 * timing.answered
    assert abs(timing.wire.p50 - true_s) < WIRE_S
    # Both nodes have this machine's clock: the truth is no offset at all, however lopsided the WAN.
    assert abs(timing.clock_offset_s) <= timing.clock_error_s


@pytest.mark.slow
def test_losses_each_way_are_counted_exactly_and_the_wire_time_is_the_logs(tmp_path):
    impairment = Impairment(delay_s=0.02, loss=0.01)
    run = _collect(tmp_path, impairment, impairment, period_s=0.02, seconds=20, seed=7)

    dropped = Counter(packet.direction for packet in run.log.packets if packet.fate is Fate.LOSS)
    assert min(dropped["a>b"], dropped["b>a"]) >= 5, "too little was injected to prove anything"
    for source, target in ("ab", "ba"):
        _compare(run, source, target)
        assert run.timing(f"{source}>{target}/wan").wire.minimum >= 0.04


@pytest.mark.slow
def test_an_outage_copies_reordering_and_asymmetry_are_measured_as_injected(tmp_path):
    """The outage is from a to b: a's probes are lost forward, the answers to b's on their way back."""
    period_s, length_s = 0.05, 1.0
    there = Impairment(delay_s=0.005, duplicate=0.03, reorder=0.03, reorder_s=0.06, outages=((8.0, length_s),))
    back = Impairment(delay_s=0.035, duplicate=0.03, jitter_s=0.002)
    run = _collect(tmp_path, there, back, period_s=period_s, seconds=15, seed=11)

    for source, target in ("ab", "ba"):
        _compare(run, source, target)
        path = f"{source}>{target}/wan"
        timing, truth, sent = run.timing(path), run.truth(source, target), run.sent(path)
        assert timing.duplicates >= 3, "too little was injected to prove anything"
        lost = [slot for slot, fate in truth.items() if not fate.answered]
        after = min(slot for slot in truth if slot > lost[-1])
        assert lost == [slot for slot in truth if lost[0] <= slot < after], "one outage was injected, and nothing else"
        (outage,) = timing.outages
        assert outage.slots == len(lost)
        by_log_s = (sent[after].t_us - sent[lost[0]].t_us) / 1e6
        # a's clock is the common base; b's times are mapped to it, by a line whose slope is good to SKEW.
        assert outage.length_s == pytest.approx(by_log_s, abs=1e-6 if source == "a" else SKEW * by_log_s)
        # Within the distance of two neighbouring slots, by intended times; packets came to the WAN so much later.
        before = max(slot for slot in truth if slot < lost[0])
        edges = (before, lost[0]), (lost[-1], after)
        apart_s = max(sent[second].t_us - sent[first].t_us for first, second in edges) / 1e6
        late_s = max(sent[slot].late_us for edge in edges for slot in edge) / 1e6 + timing.residence.maximum
        skipped = set(range(before, after)) - set(truth)
        assert skipped or apart_s <= period_s * (1 + 2 * JITTER)
        assert abs(outage.length_s - length_s) <= apart_s + late_s
        print(f"{path}: outage of {outage.length_s:.3f} s, {outage.slots} slots")
        assert timing.longest_outage_s == outage.length_s
        one_way_s = 0.015 if source == "b" else -0.015
        assert timing.clock_offset_s == pytest.approx(one_way_s, abs=0.003)
