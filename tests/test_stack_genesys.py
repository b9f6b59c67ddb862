"""The Host object's ADDP and SIP traffic monitoring: values, refusals, and the text to paste."""

from __future__ import annotations

import numpy as np
import pytest
from advice import QUIET, advised, both, plan_of, quiet_trace, values
from synthetic import Machine, Site, plan_data, write
from traces import slots

from analyzer.assess import assess
from analyzer.contract import Basis, Scope
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
    assert timeouts["b"] == 10
    assert timeouts["a"] >= 15
    assert found["a"].risk.exposure_s == pytest.approx(1200.0, abs=5.0)


def test_of_a_node_that_never_paused_none_is_multiplied():
    told = {item.name: item.text for item in advised(genesys_host.STACK, both(quiet_trace)).constraints}
    assert told["pause of a node"].startswith("no pause of ")
    assert not any("x 0 s" in text for text in told.values())
