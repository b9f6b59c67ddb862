"""The Host object's ADDP and SIP traffic monitoring: values, refusals, and the text to paste."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from advice import QUIET, advised, both, context_of, plan_of, quiet_trace, values
from synthetic import Machine, Site, plan_data, write
from traces import slots

from analyzer.assess import assess
from analyzer.contract import Basis, Scope, Subject
from analyzer.detectors.trace import paused, regular
from analyzer.stacks import genesys_addp, genesys_host, genesys_sip
from collector.plan import parse as parse_plan


def parse(text):
    """An options section: its name and its values."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return lines[0], dict(line.split(" = ") for line in lines[1:])


def held(length_s):
    return both(lambda name: quiet_trace(name, 3600.0, lost=slots(600.0, 600.0 + length_s)))


def test_the_hosts_snippet_says_what_the_settings_say():
    advice = advised(genesys_host.STACK, both(quiet_trace))
    section, found = parse(advice.snippets[0].text)
    assert section == "[addp]"
    assert found == {"addp-timeout": "10", "addp-remote-timeout": "10", "addp-trace": "both"}
    assert "virtual address" in advice.takeover
    assert any("a false alarm here is a false switchover" in note.lower() for note in advice.notes)


def test_the_place_of_the_host_section_has_one_name():
    advice = advised(genesys_host.STACK, both(quiet_trace))
    assert advice.where.startswith(genesys_host.PLACE)
    assert all(snippet.title.endswith(genesys_host.PLACE) for snippet in advice.snippets)


def test_silence_on_the_way_to_scs_is_borne_as_tcp_passes_it_on():
    # An outage of 20 s is silent for up to 25.4 s over TCP; what a poll waits is less than that.
    found = values(advised(genesys_host.STACK, held(20.0)))["addp-timeout"]
    assert found >= 1.25 * 20.0
    assert found == values(advised(genesys_host.STACK, held(20.0)))["addp-remote-timeout"]


def test_a_plan_of_several_sites_has_the_floor_of_a_wan():
    plan = plan_of(genesys_host.STACK, sites={"b": "dr"})
    assert values(advised(genesys_host.STACK, both(quiet_trace), plan))["addp-timeout"] == 20


def test_a_short_look_at_scs_gives_the_floor_and_says_why():
    advice = advised(genesys_host.STACK, both(lambda name: quiet_trace(name, 600.0)))
    assert advice.basis is Basis.FLOOR
    assert "only 10 min were measured" in advice.settings[0].because


def test_the_plans_own_floor_is_applied_to_a_host_with_its_name_on_it():
    plan = plan_of(genesys_host.STACK, override={"floor_s": 8, "reason": "J. Doe"})
    advice = advised(genesys_host.STACK, both(quiet_trace), plan)
    assert (values(advice)["addp-timeout"], advice.basis) == (8, Basis.OVERRIDE)
    assert "J. Doe" in advice.override


def test_addp_of_the_sync_link_points_at_the_host_only_where_that_is_not_planned():
    alone = advised(genesys_addp.STACK, both(quiet_trace))
    assert alone.cautions
    data = plan_data(scenario=QUIET)
    data["stack"].append({"name": "genesys_host", "networks": ["ch1"]})
    assert advised(genesys_addp.STACK, both(quiet_trace), parse_plan(data, "plan.toml")).cautions == ()


def test_sip_monitoring_waits_as_long_as_the_network_may_be_silent_and_doubles():
    advice = advised(genesys_sip.STACK, held(11.0))
    section, found = parse(advice.snippets[0].text)
    assert section == "[TServer]"
    # 11 s without an answer, and a request that is sent again after 0.5, 1.5, 3.5, 7.5 and 15.5 s: 1.25 x 15.5 s is the least.
    assert found["oos-check"] == found["oos-force"]
    assert 20 <= int(found["oos-force"]) <= 30
    assert any("up to four times" in note for note in advice.notes)
    assert not any(item.verified for item in advice.settings)


def test_sip_monitoring_has_no_value_beyond_its_range():
    advice = advised(genesys_sip.STACK, held(25.0))
    assert advice.settings == ()
    assert "sip-pass-check" in advice.notes[1]


@pytest.mark.slow
def test_what_a_node_asked_of_scs_reaches_its_setting(tmp_path):
    def answers(true_s):
        rtt_s = np.full(len(true_s), 0.02)
        rtt_s[(true_s >= 400) & (true_s < 412)] = np.nan
        return rtt_s

    data = plan_data(
        observer=[
            {"name": "scs-1", "kind": "scs", "addr": "10.0.9.9"},
            {"name": "gw", "kind": "gateway", "addr": "10.0.9.1"},
        ],
        scenario=QUIET,
        stack=[{"name": "genesys-host", "networks": ["ch1"], "auto_failover": [["a", "b"]]}],
    )
    machines = {
        "a": Machine(observers={"scs-1": answers, "gw": answers}),
        "b": Machine(observers={"scs-1": lambda true_s: np.full(len(true_s), 0.02)}),
    }
    result = assess(list(write(Site(plan=data, machines=machines, length_s=1200.0), tmp_path).values()))
    found = {item.subject.name: item for item in result.recommendations}
    assert set(found) == {"a", "b"}
    assert all(item.subject.scope is Scope.NODE for item in found.values())
    timeouts = {name: values(item)["addp-timeout"] for name, item in found.items()}
    # Roles swap, so both hosts have the value that a asks for.
    assert timeouts["a"] == timeouts["b"] >= 15
    assert found["a"].risk.exposure_s == pytest.approx(1200.0, abs=5.0)


def test_of_a_node_that_never_paused_none_is_multiplied():
    told = {item.name: item.text for item in advised(genesys_host.STACK, both(quiet_trace)).constraints}
    assert told["pause of a node"].startswith("no pause of ")
    assert not any("x 0 s" in text for text in told.values())


def standing(*spans, length_s=3600.0):
    """What a node that stood still asked of SCS once a second: nothing meanwhile."""
    trace = regular("a>scs", 1.0, np.full(round(length_s), 0.001))
    return paused(trace, spans)


def alone(trace, node="a", scenario=None):
    plan = plan_of(genesys_host.STACK, scenario=scenario or QUIET)
    context = context_of(genesys_host.STACK, {"a>b/ch1": trace}, plan)
    return replace(context, subject=Subject(Scope.NODE, node), pair=(node,))


def test_a_node_that_stands_still_keeps_scs_waiting_as_it_keeps_its_peer():
    """SCS asks meanwhile, and its TCP learns from the wait: so an outage after it is silent for longer."""
    stalls = [(100.0 * place, 100.0 * place + 6.0) for place in range(1, 30)]
    rstp = {"off": ["live-migration"]}
    (steady,) = genesys_host.STACK.recommend(alone(standing(), scenario=rstp))
    (stalling,) = genesys_host.STACK.recommend(alone(standing(*stalls), scenario=rstp))
    assert values(steady)["addp-timeout"] == 10
    assert values(stalling)["addp-timeout"] == 23
    told = {item.name: item for item in stalling.constraints}
    assert told["replayed silence"].value_s == pytest.approx(1.25 * 6.0, abs=1.3)
    assert told["latency"].text.endswith("to scs, pauses of the node in it as SCS meets them")


def test_hosts_that_swap_roles_get_one_value_and_are_told_why():
    slow = replace(alone(standing((100.0, 112.0)), "b"))
    (advice,) = genesys_host.STACK.recommend(replace(alone(standing()), partners=(slow,)))
    (other,) = genesys_host.STACK.recommend(replace(slow, partners=(alone(standing()),)))
    assert values(advice) == values(other)
    assert values(advice)["addp-timeout"] >= 15
    assert "roles swap, and b asks for this" in advice.settings[0].because


def test_each_of_two_values_beside_each_other_says_what_it_rests_on():
    data = plan_data(scenario=QUIET)
    data["stack"].append({"name": "genesys-host", "networks": ["ch1"]})
    plan = parse_plan(data, "plan.toml")
    sync = advised(genesys_addp.STACK, both(quiet_trace), plan)
    assert any(
        "rests on the way to SCS and not on the HA-sync link, so the two values may differ" in note
        for note in sync.notes
    )
    (host,) = genesys_host.STACK.recommend(replace(alone(standing()), plan=plan))
    assert any(note.startswith("[backup-sync] of the SIP Servers may have another value") for note in host.notes)
    (unplanned,) = genesys_host.STACK.recommend(alone(standing()))
    assert not any("backup-sync" in note for note in unplanned.notes)
