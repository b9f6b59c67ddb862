"""The TCP echo across the laboratory's WAN: an outage lasts, for TCP, until the kernel's first retransmission after it."""

from __future__ import annotations

import os
import sys

import pytest
from lab_runs import PLAN

from analyzer.assess import assess
from analyzer.detectors.tcp import RTO_FLOOR_S, worst_stall_s
from collector.errors import Unavailable
from collector.external import finish
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab
from collector.lab.wan import Wan, WanEnd
from collector.lab.wanlog import TCP, Fate, WanLog
from collector.plan import DEFAULT_PORT

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]

SECONDS = 14
OUTAGE = (6.0, 1.6)
DELAY_S = 0.01
LATE_S = 0.1
"""How much later than by its schedule a message may be sent or a packet released on a machine that is busy."""


def _by_log_s(log: WanLog, source: str, target: str) -> float | None:
    """From the first segment with a message that the outage took to the first one after it that got through, at the far end.

    None where the outage took an answer first: then the schedule of the other end counts as well.
    """
    there = [
        packet
        for packet in log.packets
        if (packet.protocol, packet.direction, packet.target_port) == (TCP, f"{source}>{target}", DEFAULT_PORT)
    ]
    back = [
        packet
        for packet in log.packets
        if (packet.protocol, packet.direction, packet.source_port) == (TCP, f"{target}>{source}", DEFAULT_PORT)
    ]
    taken = [packet for packet in there if packet.fate is Fate.OUTAGE]
    if any(packet.fate is Fate.OUTAGE for packet in back):
        return None
    through = min(
        packet.released_mono_ns
        for packet in there
        if packet.fate is Fate.RELEASED and packet.arrived_mono_ns > taken[-1].arrived_mono_ns
    )
    return (through - taken[0].arrived_mono_ns) / 1e9


@pytest.mark.slow
def test_a_silence_lasts_as_long_as_the_outage_and_what_tcp_adds_by_the_kernel_s_schedule(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN.format(period_s=0.2), encoding="utf-8")
    key = tmp_path / "plan.key"
    key.write_text("k" * 64, encoding="ascii")
    key.chmod(0o600)
    command = [sys.executable, "-m", "haready", "collect", "--quiet", "--plan", str(tmp_path / "plan.toml")]
    command += ["--out", str(tmp_path), "--duration", f"{SECONDS}s", "--node"]
    both = Impairment(delay_s=DELAY_S, outages=(OUTAGE,), udp_port=None)
    try:
        with Lab() as lab:
            nodes = {name: lab.namespace(name) for name in "ab"}
            ends = WanEnd(nodes["a"], "10.88.0.1/24"), WanEnd(nodes["b"], "10.88.0.2/24")
            with Wan(ends, both, both, tmp_path, seed=3) as wan:
                logs = {name: tmp_path / f"{name}.log" for name in nodes}
                running = {name: node.start([*command, name], logs[name]) for name, node in nodes.items()}
                for name, process in running.items():
                    assert finish(process, SECONDS + 30.0) == 0, logs[name].read_text()
    except Unavailable as reason:
        pytest.fail(f"the laboratory cannot be built here, and its tests must not be skipped: {reason}")
    log = wan.log()
    assessment = assess([next(tmp_path.glob(f"haready-lab-{name}-*.zip")) for name in "ab"])

    assert any(packet.protocol == TCP and packet.fate is Fate.OUTAGE for packet in log.packets)
    assert {echo.path for echo in assessment.echoes} == {"a>b/wan", "b>a/wan"}
    for echo in assessment.echoes:
        print(echo)
        assert echo.reason == ""
        assert echo.resets == 0, "an outage that TCP outlasts cuts nothing"
        assert echo.answered == echo.sent, "what was lost was sent again"
        # The first message after the outage's beginning was due up to a second into it; from then on the kernel's schedule counts.
        left_s = OUTAGE[1] - 1.0
        assert echo.longest_silence_s >= left_s
        longest_s = worst_stall_s(OUTAGE[1], max(echo.rto_s, RTO_FLOOR_S)) + echo.rtt.p50
        assert echo.longest_silence_s <= longest_s + LATE_S
        (silence,) = echo.silences
        assert silence.length_s == pytest.approx(echo.longest_silence_s, abs=1e-3)
        assert echo.retransmissions >= 1
        by_log_s = _by_log_s(log, echo.source, echo.target)
        print(f"{echo.path}: silent for {echo.longest_silence_s:.3f} s, by the log {by_log_s} s")
        if by_log_s is not None:
            assert echo.longest_silence_s == pytest.approx(by_log_s + DELAY_S, abs=LATE_S)
        assert 0.02 <= echo.rtt.p50 < 0.02 + LATE_S
        assert echo.rto_s >= RTO_FLOOR_S + 0.02
