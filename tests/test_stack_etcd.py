"""The timers that etcd gets, what it refuses to say, and the text to paste."""

from __future__ import annotations

from dataclasses import replace

import pytest
from advice import advised, both, context_of, plan_of, quiet_trace, values
from synthetic import plan_data
from traces import slots

from analyzer.contract import Quantiles
from analyzer.extension import Commits
from analyzer.stacks.etcd import STACK
from collector.plan import parse as parse_plan

FAST = Commits("a", 1000, 0.004, 0.02, planned=True)


def parse(text):
    """YAML of one level."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {key: int(value) for key, _, value in (line.partition(": ") for line in lines)}


def slowly(rtt_s, **how):
    context = context_of(STACK, both(quiet_trace), **how)
    slow = [replace(one, rtt=Quantiles(1000, rtt_s, rtt_s, rtt_s, rtt_s, rtt_s)) for one in context.timings]
    (advice,) = STACK.recommend(replace(context, timings=tuple(slow)))
    return advice


def test_the_snippet_says_to_etcd_what_the_settings_say():
    advice = advised(STACK, both(quiet_trace), commits=(FAST,))
    assert parse(advice.snippets[0].text) == values(advice) == {"heartbeat-interval": 100, "election-timeout": 5000}
    assert advice.cautions == ()


@pytest.mark.parametrize("rtt_s", [0.001, 0.0999, 0.1501, 0.7, 1.3])
def test_etcds_own_rules_hold(rtt_s):
    found = values(slowly(rtt_s))
    heartbeat, election = found["heartbeat-interval"], found["election-timeout"]
    assert election >= 5 * heartbeat
    assert election >= 10 * rtt_s * 1e3 - 1e-6
    assert election <= 50_000
    assert election % heartbeat == 0, "etcd counts in ticks, and would cut the rest off"
    assert heartbeat == max(100, round(rtt_s * 1e3 + 0.4999))


def test_what_the_probes_did_not_resolve_is_not_recommended():
    advice = advised(STACK, both(quiet_trace))
    assert next(item.name for item in advice.constraints if item.binding) == "resolution"
    assert "not a figure of ours" in advice.settings[0].because
    scenario = {"off": ["rstp", "live-migration"]}
    fine = plan_data(stack=[{"name": "etcd", "networks": ["ch1"]}], scenario=scenario) | {"probe": {"period_s": 0.02}}
    quick = advised(STACK, {}, parse_plan(fine, "plan.toml"), measured=False)
    assert values(quick)["election-timeout"] == 1000
    assert "not a figure of ours" not in quick.settings[0].because


def test_a_slow_commit_lengthens_the_timeout_and_the_takeover():
    slow = Commits("b", 1000, 0.03, 8.0, planned=True)
    advice = advised(STACK, both(quiet_trace), commits=(FAST, slow))
    # 1.25 x 8 s, and a tick.
    assert values(advice)["election-timeout"] == 10_100
    assert next(item.name for item in advice.constraints if item.binding) == "commit"
    assert "30 ms at 99 % on b" in advice.takeover
    assert any("within 10 ms; b takes 30 ms" in note for note in advice.notes)


def test_disks_that_were_not_timed_are_told():
    advice = advised(STACK, both(quiet_trace))
    assert "NOT MEASURED" in advice.cautions[0][1]
    assert "not measured" in advice.takeover
    other = advised(STACK, both(quiet_trace), commits=(replace(FAST, planned=False),))
    assert any("not the plan's `data`" in note for note in other.notes)


def test_beyond_fifty_seconds_there_is_no_value():
    advice = advised(STACK, both(lambda name: quiet_trace(name, 1800.0, lost=slots(600.0, 640.0))))
    assert advice.settings == ()
    assert "50 s at most" in advice.notes[0]


def test_every_direction_between_members_counts():
    names = [f"{one}>{other}/ch1" for one in "abc" for other in "abc" if one != other]
    hurt = quiet_trace("c>a/ch1", 3600.0, lost=slots(60.0, 70.0))
    traces = {name: quiet_trace(name, 3600.0) for name in names} | {"c>a/ch1": hurt}
    advice = advised(STACK, traces, plan_of(STACK, "abc"))
    # Ten seconds of outage are 12.6 s of silence for TCP, and one probe more.
    assert 25_200 <= values(advice)["election-timeout"] <= 27_000
