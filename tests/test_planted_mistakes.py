"""Every mistake of a LAN plan is named, exactly, and a plan without any raises none."""

from __future__ import annotations

import pytest
from planted_mistakes import MISTAKES, SLIPS, Mistake, Slip, checked, clean, plan_data, raised, site
from synthetic import write

from analyzer.assess import assess
from analyzer.contract import Status

LAN_RULES = frozenset(
    {
        "crossed-cables",
        "egress",
        "gratuitous-arp",
        "holders",
        "identity",
        "lan-plan",
        "link-match",
        "names",
        "neighbours",
        "redundancy",
        "veto",
        "virtual-address",
    }
)


@pytest.mark.parametrize("phase", ["before", "live"])
def test_a_plan_that_is_kept_raises_nothing(phase, tmp_path):
    assert checked(plan_data(phase)) == []
    assert raised(clean(phase=phase), tmp_path) == []


@pytest.mark.parametrize("phase", ["before", "live"])
def test_a_plan_that_is_kept_leaves_nothing_of_it_unknown(phase, tmp_path):
    found = assess(list(write(site(clean(phase=phase)), tmp_path).values()))
    assert {one.rule for one in found.findings} >= LAN_RULES
    for one in found.findings:
        assert one.rule not in LAN_RULES or one.status in (Status.PASS, Status.INFO), one


def test_the_fixtures_are_many_and_each_is_another():
    names = [item.name for item in (*MISTAKES, *SLIPS)]
    assert len(set(names)) == len(names)
    assert len(MISTAKES) >= 30
    assert len(SLIPS) >= 20


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_planted_mistake_is_named_and_nothing_else(mistake: Mistake, tmp_path):
    found = raised(mistake.state(), tmp_path)

    assert mistake.says
    assert {(one.rule, one.subject.name, one.status) for one in found} == {said[:3] for said in mistake.says}
    for rule, subject, status, word in mistake.says:
        messages = [one.message for one in found if (one.rule, one.subject.name, one.status) == (rule, subject, status)]
        assert all(word in message for message in messages), messages
        assert all(one.remedy for one in found)


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_mistake_in_the_plan_is_told_before_anything_is_measured(slip: Slip):
    data = plan_data()
    slip.plant(data)

    told = checked(data)

    assert len(told) == len(slip.says), told
    for word in slip.says:
        assert any(word in line for line in told), told


def test_the_public_address_that_a_running_neverfail_pair_shares_is_no_mistake(tmp_path):
    state = clean(phase="live")
    shared = {"family": "AF_INET", "address": "10.16.7.101", "netmask": "255.255.255.0", "prefix": 24, "static": True}
    state.nic("secondary", "eth0")["addresses"].append(shared)
    own = {
        node["name"]: [(1.0, entry["ip"].partition("/")[0], True) for entry in node["addr"].values()]
        for node in state.plan["node"]
    }
    state.holds["primary"] = [*own["primary"], (1.0, "10.16.7.200", True)]
    state.holds["secondary"] = [*own["secondary"], (1.0, "10.16.7.101", True)]
    assert raised(state, tmp_path) == []
