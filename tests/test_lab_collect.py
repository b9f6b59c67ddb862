"""Two collectors across the laboratory's WAN: what haready says happened is what the WAN's log says happened.

Counts are compared exactly, slot by slot. What the analyzer does not judge by design is part of the comparison: of the slots that
were lost, those due in the last two seconds before sending ended are "young", all others must be counted the way they were lost.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from lab_runs import Run, collect, differences, logged, wire_s

from collector.errors import Unavailable
from collector.lab.impairment import Impairment
from collector.lab.wanlog import Fate
from collector.peers.sender import JITTER

# `make lab` runs them, as root; an ordinary user is told so and can still test everything else.
pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]

WIRE_S = 0.0003
"""How far the median wire time may be from the log's."""
SKEW = 1e-3
"""How far the analyzer's mapping of one node's clock to another's may stretch a time."""


def _collect(folder, there, back, **how) -> Run:
    try:
        run = collect(folder, there, back, **how)
    except Unavailable as reason:
        pytest.fail(f"the laboratory cannot be built here, and its tests must not be skipped: {reason}")
    print(f"relay at class {run.log.head['scheduling']}: {run.log.accuracy()}")
    return run


def _compare(run: Run, source: str, target: str) -> None:
    """Hold one path against the log, exactly."""
    timing = run.timing(f"{source}>{target}/wan")
    print(f"{timing.path}: {logged(run, source, target)}")
    assert list(differences(run, source, target)) == []
    # Time in the WAN, by the kernels' stamps on either side of it and by the WAN's own.
    true_s = wire_s(run, source, target)
    print(f"{timing.path}: wire median {timing.wire.p50 * 1e3:.3f} ms, by the log {true_s * 1e3:.3f} ms")
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
