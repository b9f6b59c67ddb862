"""Products that decide by majority: what is asked of them, and what is asked of pairs only."""

from __future__ import annotations

import pytest
from synthetic import plan_data
from test_split_brain import said, statuses, timing

from analyzer import stacks
from analyzer.contract import Headroom, ObserverTiming, Quantiles, Resource, Status, Subject
from analyzer.engine import customs
from analyzer.extension import FACTS, HEADROOM, OBSERVERS, SILENCES, STALLS, TIMINGS, Context, Custom
from analyzer.majority import deciding, voters
from analyzer.rules import headroom, quorum, redundancy, veto, witness
from collector.plan import parse
from collector.plugins import discover

PAIRS = (("a", "b"), ("a", "c"), ("b", "c"))


def planned(*products, nodes=("a", "b", "c"), **node):
    stack = [{"name": name, "networks": ["ch1"]} for name in products]
    data = plan_data(nodes, stack=stack)
    for mine in data["node"]:
        mine.update({key: value[mine["name"]] for key, value in node.items()}, in_use=True)
        mine["addr"]["ch1"]["switch"] = f"sw-{mine['name']}"
    return parse(data, "plan.toml")


def asked(rule, plan, subject, given=None):
    context = Context(
        Subject(rule.scope, subject),
        plan,
        "",
        1000.0,
        given or {},
        rule.limits,
        customs=customs(discover(stacks, "STACK"), plan),
    )
    return list(rule.check(context))


def between(*cut, pairs=PAIRS):
    return tuple(timing("ch1", *([(100.0, 8.0)] if pair in cut else []), ends=pair) for pair in pairs)


@pytest.mark.parametrize(
    ("products", "nodes", "found"),
    [
        (("etcd",), "abc", True),
        (("etcd",), "ab", True),
        (("corosync",), "abc", True),
        (("corosync",), "ab", False),
        (("patroni",), "abc", True),
        (("neverfail",), "abc", False),
        (("etcd", "neverfail"), "abc", False),
        ((), "abc", False),
    ],
)
def test_a_pair_is_left_to_the_majority_only_if_all_that_runs_there_decides_so(products, nodes, found):
    plan = planned(*products, nodes=tuple(nodes))
    assert bool(deciding(plan, customs(discover(stacks, "STACK"), plan), ("a", "b"))) is found


def test_no_third_machine_is_asked_for_where_the_majority_decides():
    given = {FACTS: {}, TIMINGS: between(*PAIRS), SILENCES: {}}
    (word,) = asked(veto.RULE, planned("etcd"), "a+b", given)
    assert word.status is Status.INFO
    assert "never both active" in word.message
    assert "etcd decides by the majority of its 3 members" in word.message
    assert "never both active" not in said(asked(veto.RULE, planned("neverfail"), "a+b", given), Status.INFO)


def test_no_member_of_a_store_takes_over_the_work_of_another():
    full = Headroom("a", "b", Resource.CPU, "", 1440, 4.0, 4.0, 7.9, 7.9, 7.9, 8.0, "")
    assert statuses(asked(headroom.RULE, planned("etcd"), "a+b", {HEADROOM: (full,)})) == [Status.INFO]
    # What Pacemaker or Patroni starts on another node takes its work along.
    for name in ("corosync", "patroni", "neverfail"):
        assert statuses(asked(headroom.RULE, planned(name), "a+b", {HEADROOM: (full,)})) == [Status.FAIL]


def test_a_store_asks_no_witness():
    rtt = Quantiles(900, 0.3, 0.3, 0.3, 0.3, 0.3)
    for name, status in (("etcd", Status.INFO), ("corosync", Status.FAIL)):
        timing_ = ObserverTiming("w", "witness", "10.9.9.9", "a", 900, 900, rtt, 0.0, "")
        assert statuses(asked(witness.RULE, planned(name), "a", {OBSERVERS: (timing_,)})) == [status]


def test_one_channel_of_a_majority_is_no_risk_of_split_brain():
    plan = planned("etcd")
    found = asked(redundancy.RULE, plan, "a+b", {TIMINGS: between(), FACTS: {}, STALLS: {}})
    assert "makes no split brain" in said(found, Status.INFO)
    assert "is advised" not in said(found, Status.INFO)
    plan = planned("neverfail")
    found = asked(redundancy.RULE, plan, "a+b", {TIMINGS: between(), FACTS: {}, STALLS: {}})
    assert "a second channel beside ch1 is advised" in said(found, Status.INFO)


HOSTS = {"host": {name: f"rack-{name}" for name in "abc"}, "power": {name: f"feed-{name}" for name in "abc"}}


def test_three_members_apart_keep_their_majority():
    (word,) = asked(quorum.RULE, planned("etcd", **HOSTS), "test", {TIMINGS: between(("a", "b"))})
    assert word.status is Status.PASS
    assert "of its 3 members 1 may fail" in word.message


def test_two_members_survive_no_failure():
    found = asked(quorum.RULE, planned("etcd", nodes=("a", "b"), **HOSTS), "test", {TIMINGS: between(pairs=PAIRS[:1])})
    assert statuses(found) == [Status.WARN]
    assert "it has 2 members and needs 2" in found[0].message


@pytest.mark.parametrize("part", ["host", "power"])
def test_a_part_that_takes_the_majority_along_warns(part):
    shared = HOSTS | {part: {"a": "one", "b": "one", "c": "two"}}
    (word,) = asked(quorum.RULE, planned("etcd", **shared), "test", {TIMINGS: between()})
    assert word.status is Status.WARN
    assert "2 of its 3 members" in word.message
    assert word.remedy


def test_the_switch_and_the_site_of_the_majority_are_told_and_judge_nothing():
    data = plan_data("abc", stack=[{"name": "etcd", "networks": ["ch1"]}], sites={"c": "dr"})
    found = asked(quorum.RULE, parse(data, "plan.toml"), "test", {TIMINGS: between()})
    assert statuses(found) == [Status.PASS, Status.INFO]
    assert "all 3 of its members hang on one switch (sw-0)" in found[1].message
    assert "2 of its 3 members stand at one site (main)" in found[1].message


def test_a_moment_without_any_majority_warns_and_one_cut_pair_does_not():
    plan = planned("etcd", **HOSTS)
    (word,) = asked(quorum.RULE, plan, "test", {TIMINGS: between(*PAIRS)})
    assert word.status is Status.WARN
    assert "fewer than 2 of its 3 members reached each other once, for up to 8 s" in word.message
    assert statuses(asked(quorum.RULE, plan, "test", {TIMINGS: between(*PAIRS[:2])})) == [Status.PASS]


def test_cuts_one_after_the_other_leave_a_majority():
    one_by_one = (
        timing("ch1", (100.0, 8.0), ends=PAIRS[0]),
        timing("ch1", (108.0, 8.0), ends=PAIRS[1]),
        timing("ch1", (116.0, 8.0), ends=PAIRS[2]),
    )
    assert statuses(asked(quorum.RULE, planned("etcd", **HOSTS), "test", {TIMINGS: one_by_one})) == [Status.PASS]


def test_members_between_which_nothing_was_measured_are_unknown():
    (word,) = asked(quorum.RULE, planned("etcd", **HOSTS), "test", {TIMINGS: between(pairs=PAIRS[:2])})
    assert word.status is Status.SKIPPED
    assert "between b and c" in word.message


def test_of_pairs_nothing_is_said_about_a_majority():
    for name in ("neverfail", "patroni"):
        assert statuses(asked(quorum.RULE, planned(name), "test", {TIMINGS: between()})) == [Status.INFO]
    plan = planned("corosync", nodes=("a", "b"))
    assert voters(plan, {Custom.MAJORITY: ("corosync",), Custom.TWO_ALONE: ("corosync",)}) == ()
