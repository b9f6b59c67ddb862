"""Whatever was measured and planned, every value keeps its product's own rules: inequalities, units, steps, ranges and floors."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from advice import STACKS, both, context_of, outlasted_s, plan_of, quiet_trace, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from traces import impaired

from analyzer.contract import Quantiles
from analyzer.detectors.token_ring import Totem, trap
from analyzer.detectors.vrrp import Router
from analyzer.engine import _within
from analyzer.extension import SUFFICIENT_S
from analyzer.stacks.keepalived import V2, V3

SLACK_S = 1e-6
SCENARIOS = ("live-migration", "rstp", "stp")


def corosync(advice, asked):
    token_ms, nodes = values(advice)["token"], len(asked.pair)
    totem = Totem(token_ms, nodes)
    assert token_ms % 100 == 0
    assert totem.retransmit_ms > 30
    assert trap(replace(totem, consensus_ms=totem.consensus_runtime_ms + 1)) == ""
    assert values(advice)["consensus"] == "left out"
    interval_ms, timeout_ms = totem.ping_ms
    assert interval_ms < timeout_ms < totem.runtime_ms
    return token_ms / 1e3


def etcd(advice, asked):
    found = values(advice)
    heartbeat_ms, election_ms = found["heartbeat-interval"], found["election-timeout"]
    assert 5 * heartbeat_ms <= election_ms <= 50_000
    assert election_ms % heartbeat_ms == 0
    assert election_ms >= 10e3 * max(timing.rtt.p99 for timing in asked.timings) - SLACK_S
    assert heartbeat_ms >= 1e3 * max(timing.rtt.p50 for timing in asked.timings) - SLACK_S
    return election_ms / 1e3


def genesys_addp(advice, asked):
    found = values(advice)
    timeout_s, slowest_s = found["addp-timeout"], max(timing.rtt.p999 for timing in asked.timings)
    assert found["protocol"] == "addp"
    assert timeout_s == found["addp-remote-timeout"] >= 2 * slowest_s - SLACK_S
    assert found["sync-reconnect-tout"] >= 2 * timeout_s + slowest_s - SLACK_S
    assert advice.detection_s == (timeout_s, 2 * timeout_s)
    return timeout_s


def genesys_host(advice, _asked):
    found = values(advice)
    assert found["addp-timeout"] == found["addp-remote-timeout"]
    return found["addp-timeout"]


def genesys_sip(advice, _asked):
    found = values(advice)
    assert found["oos-check"] == found["oos-force"] <= 30
    return found["oos-force"]


def keepalived(advice, _asked):
    two, three = (values(advice, only_if).get("advert_int") for only_if in (V2, V3))
    asked_s = max(item.value_s for item in advice.constraints)
    for version, advert_s in ((2, two), (3, three)):
        if advert_s is None:
            continue
        router = Router(version, advert_s, 100)
        assert router.interval_s == pytest.approx(advert_s), "keepalived would round it"
        assert router.down_s >= asked_s - SLACK_S
    return Router(2, two, 100).down_s


def neverfail(advice, _asked):
    found = {item.option: item.value for item in advice.settings}
    timeout_s = found["Failover timeout"]
    assert found["Heartbeat timeout"] * found["Heartbeats missed"] >= timeout_s
    return timeout_s


RULES = {
    "corosync": corosync,
    "etcd": etcd,
    "genesys-addp": genesys_addp,
    "genesys-host": genesys_host,
    "genesys-sip": genesys_sip,
    "keepalived": keepalived,
    "neverfail": neverfail,
}


@pytest.mark.parametrize("stack", STACKS, ids=[stack.name for stack in STACKS])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_value_keeps_its_products_own_rules(stack, data):
    trace = data.draw(impaired())
    on = data.draw(st.sets(st.sampled_from(SCENARIOS)))
    override = data.draw(st.none() | st.integers(1, 40).map(lambda floor_s: {"floor_s": floor_s, "reason": "J. Doe"}))
    far = data.draw(st.booleans())
    plan = plan_of(
        stack,
        scenario={"on": sorted(on), "off": sorted(set(SCENARIOS) - on)},
        override=override,
        sites={"b": "dr"} if far else None,
    )
    current_s = data.draw(st.none() | st.integers(1, 90))
    rtt_s = data.draw(st.floats(1e-5, 3.0))
    traces = {**both(lambda name: quiet_trace(name, 80.0)), "a>b/ch1": replace(trace, path="a>b/ch1")}
    asked = context_of(stack, traces, plan)
    slow = Quantiles(1000, rtt_s / 2, rtt_s / 2, rtt_s, rtt_s, rtt_s)
    hours = data.draw(st.sampled_from([0.1, 24.0]))
    asked = replace(
        asked,
        binding=replace(asked.binding, current_s=current_s),
        timings=tuple(replace(timing, rtt=slow, hours=hours) for timing in asked.timings),
        facts={name: {"system": data.draw(st.sampled_from(["Linux", "Windows", "AIX"]))} for name in asked.pair},
    )

    (advice,) = stack.recommend(asked)

    _within(stack, advice)
    if not advice.settings:
        assert advice.notes
        return
    timeout_s = RULES[stack.name](advice, asked)
    vendor_s = stack.floor_s(far)
    enough = asked.exposure_s >= SUFFICIENT_S
    named_s = override["floor_s"] if override and enough else math.inf
    # What is in force, and the vendor's floor, go down by the plan's word alone.
    assert timeout_s >= min(vendor_s, named_s) - SLACK_S
    if math.isinf(named_s) and current_s is not None:
        assert timeout_s >= current_s - SLACK_S
    assert outlasted_s(advice) >= max(item.value_s for item in advice.constraints) - SLACK_S


@pytest.mark.parametrize("stack", STACKS, ids=[stack.name for stack in STACKS])
def test_every_snippet_names_every_value_that_is_entered(stack):
    (advice,) = stack.recommend(context_of(stack, both(quiet_trace)))
    for snippet in advice.snippets:
        for item in advice.settings:
            assert item.option in snippet.text
            if item.value != "left out":
                shown = f"{item.value:g}" if isinstance(item.value, float) else str(item.value)
                assert shown in snippet.text, item.option
