"""The token that corosync gets, and the text to paste."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from advice import advised, both, context_of, plan_of, quiet_trace, values
from traces import slots

from analyzer.contract import Basis, Quantiles, Scope
from analyzer.detectors.token_ring import Totem, trap
from analyzer.stacks.corosync import STACK


def parse(text):
    """corosync.conf as sections of values; every brace ends a line, as corosync's own parser wants it."""
    found, section = {}, None
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.endswith("{"):
            section = found.setdefault(line[:-1].strip(), {})
        elif line == "}":
            section = None
        else:
            key, value = re.fullmatch(r"(\w+): (\S+)", line).groups()
            section[key] = int(value)
    assert section is None
    return found


def ring(nodes, trace_of=quiet_trace):
    return {f"{one}>{other}/ch1": trace_of(f"{one}>{other}/ch1") for one in nodes for other in nodes if one != other}


def test_the_snippet_says_to_corosync_what_the_settings_say():
    advice = advised(STACK, both(quiet_trace))
    assert [snippet.node for snippet in advice.snippets] == ["a", "b"]
    assert parse(advice.snippets[0].text) == {"totem": {"token": 3000}, "quorum": {"two_node": 1}}
    comments = [line for line in advice.snippets[0].text.splitlines() if line.strip().startswith("#")]
    assert any("token: largest of all candidates: floor 3 s" in line for line in comments)
    assert max(map(len, advice.snippets[0].text.splitlines())) <= 80


def test_three_nodes_are_no_two_node_cluster_and_wait_longer():
    advice = advised(STACK, ring("abc"), plan_of(STACK, "abc"))
    assert advice.subject.scope is Scope.CLUSTER
    assert advice.nodes == ("a", "b", "c")
    assert parse(advice.snippets[2].text) == {"totem": {"token": 3000}}
    assert advice.detection_s == (3.65, 8.03)
    assert "3650 ms are in force" in advice.settings[0].because


def test_the_consensus_is_left_out_and_the_trap_is_told():
    advice = advised(STACK, ring("abc"), plan_of(STACK, "abc"))
    assert values(advice)["consensus"] == "left out"
    assert "4380 ms" in next(item.because for item in advice.settings if item.option == "consensus")
    assert any("consensus 3600 ms is not above the runtime token of 3650 ms" in note for note in advice.notes)
    assert not any("consensus of" in note for note in advised(STACK, both(quiet_trace)).notes)


@pytest.mark.parametrize("nodes", ["ab", "abc", "abcde"])
@pytest.mark.parametrize("length_s", [0.0, 2.0, 7.3, 40.0])
def test_what_is_recommended_keeps_corosyncs_own_inequalities(nodes, length_s):
    def trace_of(name):
        return quiet_trace(name, 1800.0, lost=slots(600.0, 600.0 + length_s))

    advice = advised(STACK, ring(nodes, trace_of), plan_of(STACK, nodes))
    totem = Totem(values(advice)["token"], len(nodes))
    assert trap(replace(totem, consensus_ms=totem.consensus_runtime_ms + 1)) == ""
    assert totem.token_ms % 100 == 0
    assert (totem.runtime_ms - totem.hold_ms) / 1e3 >= 2.0 * length_s
    assert totem.retransmit_ms > 30
    interval_ms, timeout_ms = totem.ping_ms
    assert interval_ms < timeout_ms < totem.runtime_ms


def test_beyond_what_is_supported_there_is_no_value():
    advice = advised(STACK, both(lambda name: quiet_trace(name, 1800.0, lost=slots(600.0, 760.0))))
    assert advice.settings == ()
    assert "300 s are the longest" in advice.notes[0]


def test_a_round_trip_above_300_ms_is_told():
    context = context_of(STACK, both(quiet_trace), rtt_s=0.31)
    (advice,) = STACK.recommend(context)
    assert any("above 300 ms" in note for note in advice.notes)


def test_the_plan_lowers_the_floor_of_the_token_with_its_reason():
    plan = plan_of(STACK, override={"floor_s": 2, "reason": "J. Doe: lab"})
    advice = advised(STACK, both(quiet_trace), plan)
    assert (values(advice)["token"], advice.basis) == (2000, Basis.OVERRIDE)
    assert "floor 2 s instead of 3 s" in advice.override


def test_a_slow_path_asks_for_twice_its_round_trip():
    context = context_of(STACK, both(quiet_trace))
    slow = [replace(one, rtt=Quantiles(1000, 2.0, 2.0, 2.0, 2.2, 2.2)) for one in context.timings]
    (advice,) = STACK.recommend(replace(context, timings=tuple(slow)))
    # 5500 ms, of which 1038 are held: 4.4 s of silence are outlasted with 62 ms to spare.
    assert values(advice)["token"] == 5500
