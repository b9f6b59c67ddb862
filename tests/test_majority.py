"""Products that decide by majority: what is asked of them, and what is asked of pairs only."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations

import pytest
from synthetic import plan_data
from test_split_brain import said, statuses, timing

from analyzer import stacks
from analyzer.contract import Headroom, ObserverTiming, Quantiles, Resource, Status, Subject
from analyzer.engine import customs
from analyzer.extension import FACTS, HEADROOM, SILENCES, STALLS, TIMINGS, WITNESSES, Context, Custom
from analyzer.majority import deciding, voters
from analyzer.rules import headroom, quorum, redundancy, veto, witness
from analyzer.tolerance import tolerances
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


def asked(rule, plan, subject, given=None, borne=None):
    context = Context(
        Subject(rule.scope, subject),
        plan,
        "",
        1000.0,
        given or {},
        rule.limits,
        borne,
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
    assert "etcd decides by the majority of its 3 members (a, b, c), so" in word.message
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
        assert statuses(asked(witness.RULE, planned(name), "a", {WITNESSES: (timing_,)})) == [status]


def test_one_channel_of_a_majority_is_no_risk_of_split_brain():
    plan = planned("etcd")
    found = asked(redundancy.RULE, plan, "a+b", {TIMINGS: between(), FACTS: {}, STALLS: {}})
    assert "makes no split brain" in said(found, Status.INFO)
    assert "is advised" not in said(found, Status.INFO)
    data = bound_data({"ch1": "abc"}, ("neverfail", ["ch1"]))
    data["stack"][0]["auto_failover"] = [["a", "b"]]
    plan = parse(data, "plan.toml")
    found = asked(redundancy.RULE, plan, "a+b", {TIMINGS: between(), FACTS: {}, STALLS: {}})
    assert "a second channel beside ch1 is advised" in said(found, Status.INFO)


HOSTS = {"host": {name: f"rack-{name}" for name in "abc"}, "power": {name: f"feed-{name}" for name in "abc"}}


def test_three_members_apart_keep_their_majority():
    (word,) = asked(quorum.RULE, planned("etcd", **HOSTS), "test", {TIMINGS: between(("a", "b"))})
    assert word.status is Status.PASS
    assert word.message == (
        "etcd: of its 3 members (a, b, c) 1 may fail, nothing that the plan states, short of their one site (main), takes more of them at once, and a "
        "majority was joined all the time."
    )


def test_two_members_survive_no_failure():
    found = asked(quorum.RULE, planned("etcd", nodes=("a", "b"), **HOSTS), "test", {TIMINGS: between(pairs=PAIRS[:1])})
    assert statuses(found) == [Status.WARN]
    assert "it has 2 members and needs 2" in found[0].message


@pytest.mark.parametrize(
    ("part", "told"),
    [("host", "stand on one physical machine (one)"), ("power", "hang on one power feed (one)")],
)
def test_a_part_that_takes_the_majority_along_warns(part, told):
    shared = HOSTS | {part: {"a": "one", "b": "one", "c": "two"}}
    (word,) = asked(quorum.RULE, planned("etcd", **shared), "test", {TIMINGS: between()})
    assert word.status is Status.WARN
    assert word.message == f"etcd: 2 of its 3 members {told}: without it there is no majority."
    assert word.remedy


def switched(switches, sites, networks=("ch1",), bound=("ch1",)):
    data = plan_data("abc", networks=networks, stack=[{"name": "etcd", "networks": list(bound)}], sites=sites)
    for mine in data["node"]:
        mine.update({part: of[mine["name"]] for part, of in HOSTS.items()})
        mine["addr"]["ch1"]["switch"] = switches[mine["name"]]
    return asked(quorum.RULE, parse(data, "plan.toml"), "test", {TIMINGS: between()})


def test_the_switch_and_the_site_of_the_majority_are_told_and_the_pass_claims_nothing_against_them():
    found = switched({"a": "one", "b": "one", "c": "two"}, {"c": "dr"})
    assert [(word.status, word.message) for word in found] == [
        (Status.PASS, "etcd: of its 3 members (a, b, c) 1 may fail, and a majority was joined all the time."),
        (
            Status.INFO,
            (
                "etcd: 2 of its 3 members hang on one switch (one): without it there is no majority; "
                "2 of its 3 members stand at one site (main): without it there is no majority."
            ),
        ),
    ]


def test_one_switch_for_all_members_warns_unless_another_network_joins_them():
    one = dict.fromkeys("abc", "one")
    told = "etcd: all 3 of its members hang on one switch (one): without it there is no majority."
    (word,) = switched(one, {})
    assert (word.status, word.message) == (Status.WARN, told)
    assert "a second network on a switch of its own" in word.remedy
    found = switched(one, {}, networks=("ch1", "ch2"))
    assert [(word.status, word.message) for word in found] == [
        (Status.PASS, "etcd: of its 3 members (a, b, c) 1 may fail, and a majority was joined all the time."),
        (Status.INFO, told),
    ]


def cut_for(length_s, *pairs, of=PAIRS):
    return tuple(timing("ch1", *([(100.0, length_s)] if pair in pairs else []), ends=pair) for pair in of)


@pytest.mark.parametrize(
    ("product", "length_s", "status", "told"),
    [
        ("etcd", 2.0, Status.WARN, "no member reached 1 of the 2 others directly once, for up to 2 s"),
        ("etcd", 600.0, Status.FAIL, "no member reached 1 of the 2 others directly once, for up to 600 s"),
        ("corosync", 600.0, Status.FAIL, "fewer than 2 of its 3 members reached each other once, for up to 600 s"),
        ("galera", 4.9, Status.WARN, "fewer than 2 of its 3 members reached each other once, for up to 4.9 s"),
        ("galera", 5.1, Status.FAIL, "fewer than 2 of its 3 members reached each other once, for up to 5.1 s"),
    ],
)
def test_a_majority_lost_for_longer_than_the_products_bear_fails(product, length_s, status, told):
    (word,) = asked(quorum.RULE, planned(product, **HOSTS), "test", {TIMINGS: cut_for(length_s, *PAIRS)})
    assert (word.status, word.message) == (status, f"{product}: {told}, so no majority was joined.")


def test_the_shortest_timeout_of_the_products_between_the_members_counts():
    found = asked(quorum.RULE, planned("galera", "etcd", **HOSTS), "test", {TIMINGS: cut_for(4.0, *PAIRS)})
    assert statuses(found) == [Status.FAIL, Status.FAIL]


def test_two_members_that_lose_each_other_are_told_so():
    given = {TIMINGS: cut_for(600.0, PAIRS[0], of=PAIRS[:1])}
    found = asked(quorum.RULE, planned("etcd", nodes=("a", "b"), **HOSTS), "test", given)
    told = "etcd: its two members did not reach each other once, for up to 600 s, so no majority was joined."
    assert said(found, Status.FAIL) == told


def test_one_cut_member_leaves_the_majority():
    given = {TIMINGS: cut_for(600.0, *PAIRS[:2])}
    assert statuses(asked(quorum.RULE, planned("etcd", **HOSTS), "test", given)) == [Status.PASS]


def test_a_chain_of_neighbours_is_no_majority_of_a_store():
    names = tuple(f"n{place}" for place in range(7))
    apart = {part: {name: f"{part}-{name}" for name in names} for part in ("host", "power")}
    pairs = tuple(combinations(names, 2))
    beyond = [(one, other) for one, other in pairs if int(other[1:]) - int(one[1:]) > 1]
    given = {TIMINGS: cut_for(600.0, *beyond, of=pairs)}
    (word,) = asked(quorum.RULE, planned("etcd", nodes=names, **apart), "test", given)
    assert word.status is Status.FAIL
    assert "no member reached 3 of the 6 others directly once, for up to 600 s" in word.message
    # What joins over others is joined in a ring.
    assert statuses(asked(quorum.RULE, planned("corosync", nodes=names, **apart), "test", given)) == [Status.PASS]


def test_a_path_of_which_nothing_could_be_judged_is_unknown():
    blind = replace(timing("ch1", ends=("b", "c")), sent=0, answered=0)
    given = {TIMINGS: (*between(pairs=PAIRS[:2]), blind)}
    (word,) = asked(quorum.RULE, planned("etcd", **HOSTS), "test", given)
    assert word.status is Status.SKIPPED
    assert "between b and c" in word.message


class Walked(tuple):
    """Timings that count how often they are gone through."""

    __slots__ = ()
    walks = 0

    def __iter__(self):
        Walked.walks += 1
        return super().__iter__()


def test_a_large_cluster_goes_through_its_timings_once_and_asks_only_when_pairs_changed(monkeypatch):
    names = tuple(f"n{place}" for place in range(40))
    data = plan_data(names, stack=[{"name": "consul", "networks": ["ch1"]}])
    plan = parse(data, "plan.toml")
    asked_at = []
    majority = quorum._majority
    monkeypatch.setattr(quorum, "_majority", lambda *given, **more: asked_at.append(1) or majority(*given, **more))
    monkeypatch.setattr(Walked, "walks", 0)
    timings = Walked(
        timing("ch1", (100.0 + place % 7, 8.0), ends=pair) for place, pair in enumerate(permutations(names, 2))
    )
    found = asked(quorum.RULE, plan, "test", {TIMINGS: timings})
    assert "no member reached 20 of the 39 others directly once" in said(found, Status.FAIL)
    assert Walked.walks == 1
    # Seven moments of cutting and seven of joining.
    assert 0 < len(asked_at) <= 14


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
    (word,) = asked(quorum.RULE, planned("patroni"), "test", {TIMINGS: between()})
    assert word.message == (
        "patroni asks a store that decides by majority. The plan does not say where its members stand: see that no single machine, feed or site takes the "
        "majority of them."
    )
    plan = planned("corosync", nodes=("a", "b"))
    assert voters(plan, {Custom.MAJORITY: ("corosync",), Custom.TWO_ALONE: ("corosync",)}) == ()


def test_a_planned_store_is_named_beside_who_asks_one():
    found = asked(quorum.RULE, planned("patroni", "etcd", "corosync", **HOSTS), "test", {TIMINGS: between()})
    assert found[0].message == "patroni asks a store that decides by majority. Its store may be etcd, see there."


def bound(members, *stack):
    """A plan whose networks join the named nodes alone; `stack`: products with their networks."""
    return parse(bound_data(members, *stack), "plan.toml")


def bound_data(members, *stack):
    nodes = sorted(set("".join(members.values())))
    data = plan_data(nodes, networks=tuple(members), stack=[{"name": name, "networks": nets} for name, nets in stack])
    for node in data["node"]:
        node["addr"] = {net: where for net, where in node["addr"].items() if node["name"] in members[net]}
    return data


def bears(plan):
    return tolerances(discover(stacks, "STACK"), plan)["a+b"]


TWO_RINGS = bound({"l1": "ab", "m1": "ab", "l2": "cde"}, ("corosync", ["l1", "m1"]), ("corosync", ["l2"]))
STRANGER = bound({"ch1": "ab", "pub": "abc"}, ("corosync", ["ch1", "pub"]))


@pytest.mark.parametrize(("plan", "networks"), [(TWO_RINGS, ("l1", "m1")), (STRANGER, ("ch1", "pub"))])
def test_two_nodes_alone_are_a_pair_whatever_votes_elsewhere(plan, networks):
    timings = tuple(timing(name, (100.0, 600.0), ends=("a", "b")) for name in networks)
    found = asked(veto.RULE, plan, "a+b", {FACTS: {}, TIMINGS: timings, SILENCES: {}})
    assert "names no third machine" in said(found, Status.INFO)
    assert "majority" not in said(found, Status.INFO)
    given = {TIMINGS: timings, FACTS: {}, STALLS: {}}
    assert "were out at the same moment" in said(asked(redundancy.RULE, plan, "a+b", given, bears(plan)), Status.FAIL)


def test_the_pair_of_a_ring_of_its_own_members_is_left_to_their_majority():
    found = deciding(TWO_RINGS, customs(discover(stacks, "STACK"), TWO_RINGS), ("c", "d"))
    assert [item.members for item in found] == [("c", "d", "e")]


def test_that_a_node_may_be_no_member_is_said():
    timings = tuple(timing("pub", ends=pair) for pair in PAIRS)
    found = asked(quorum.RULE, STRANGER, "test", {TIMINGS: timings})
    assert "who its members are is not certain, because c is not on every network of it (ch1, pub)" in said(
        found, Status.INFO
    )


@pytest.mark.parametrize(
    ("members", "stack", "status"),
    [
        ({"ch1": "abc", "ch2": "abc"}, (("etcd", ["ch1", "ch2"]),), Status.WARN),
        # Neither may fail.
        ({"ch1": "ab", "ch2": "ab"}, (("etcd", ["ch1", "ch2"]),), Status.FAIL),
        # Who votes is not known.
        ({"ch1": "abc", "ch2": "abc"}, (("etcd", ["ch1"]), ("patroni", ["ch2"])), Status.FAIL),
        # One of the two products has none to spare.
        ({"ch1": "ab", "ch2": "abc"}, (("etcd", ["ch1"]), ("galera", ["ch2"])), Status.FAIL),
    ],
)
def test_two_that_lose_each_other_only_warn_where_every_product_has_members_to_spare(members, stack, status):
    plan = bound(members, *stack)
    timings = tuple(timing(name, (100.0, 600.0), ends=("a", "b")) for name in members)
    given = {TIMINGS: timings, FACTS: {}, STALLS: {}}
    assert "were out at the same moment" in said(asked(redundancy.RULE, plan, "a+b", given, bears(plan)), status)


MIXED = bound({"ch1": "abc", "ch2": "ab"}, ("etcd", ["ch1"]), ("neverfail", ["ch2"]))
"""A store among three beside a product that two of them alone settle."""


def out_for(length_s, *networks):
    return tuple(timing(name, (100.0, length_s), ends=("a", "b")) for name in networks)


@pytest.mark.parametrize(
    ("length_s", "status"),
    [
        # More than half of etcd's second, which its majority bears; less than half of Neverfail's minute.
        (8.0, Status.WARN),
        (31.0, Status.FAIL),
    ],
)
def test_in_a_mixed_plan_a_total_outage_of_two_is_judged_by_the_product_of_the_two(length_s, status):
    data = bound_data({"ch1": "abc", "ch2": "ab"}, ("etcd", ["ch1"]), ("neverfail", ["ch1", "ch2"]))
    data["stack"][1]["auto_failover"] = [["a", "b"]]
    plan = parse(data, "plan.toml")
    given = {TIMINGS: out_for(length_s, "ch1", "ch2"), FACTS: {}, STALLS: {}}
    found = asked(redundancy.RULE, plan, "a+b", given, bears(plan))
    assert "were out at the same moment" in said(found, status)
    told = said(found, Status.INFO)
    assert (
        "what is told of split brain is about neverfail; etcd decides by the majority of its 3 members (a, b, c)"
        in told
    )
    assert "a cut between the two makes none of it" in told


def test_in_a_mixed_plan_the_majority_of_one_product_is_no_safety_for_the_other():
    found = asked(redundancy.RULE, MIXED, "a+b", {TIMINGS: out_for(0.0), FACTS: {}, STALLS: {}})
    assert "makes no split brain" not in said(found, Status.INFO)
    told = said(asked(veto.RULE, MIXED, "a+b", {FACTS: {}, TIMINGS: (), SILENCES: {}}), Status.INFO)
    assert "nothing tells a dead peer from a dead network" in told
    assert "what is told of split brain is about neverfail" in told
    assert "never both active" not in told
    # The pair that only the store joins is left to its majority.
    (word,) = asked(veto.RULE, MIXED, "a+c", {FACTS: {}, TIMINGS: (), SILENCES: {}})
    assert "never both active" in word.message


def test_in_a_mixed_plan_a_majority_is_held_to_its_own_timeouts():
    """keepalived starts from 3 s, and half of that is no matter of galera's members."""
    given = {TIMINGS: cut_for(4.0, *PAIRS)}
    (word,) = asked(quorum.RULE, planned("galera", "keepalived", **HOSTS), "test", given)
    assert word.status is Status.WARN
