"""The rules on names, ARP, neighbours, virtual addresses and cables: bounds, and what is not known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lan import all_told, told, trio, trio_data

from analyzer import stacks
from analyzer.contract import ObserverTiming, Quantiles, Status, Subject, Timing
from analyzer.engine import customs
from analyzer.extension import FACTS, NEIGHBOURS, OBSERVERS, TIMINGS, Context
from analyzer.netfacts import Neighbour, address, arp_settings, gateways, neighbours, resolved
from analyzer.rules import (
    crossed_cables,
    gratuitous_arp,
    lan_plan,
    names,
    virtual_address,
)
from analyzer.rules import (
    neighbours as rule_neighbours,
)
from collector.plan import parse
from collector.plugins import discover

PLAN = trio()
STRANGER = "00:50:56:aa:bb:cc"
GATEWAY = [{"name": "gw", "kind": "gateway", "addr": "10.16.7.1"}]
SERVICE = [{"name": "service", "kind": "virtual", "addr": "10.16.7.200"}]


def ask(rule, given_, plan=PLAN, node=""):
    subject = node or plan.cluster
    asked = customs(discover(stacks, "STACK"), plan)
    context = Context(Subject(rule.scope, subject), plan, node, 86400.0, given_, rule.limits, customs=asked)
    found = list(rule.check(context))
    assert found, "a rule that says nothing is an error"
    assert all(word.remedy for word in found if word.status in (Status.WARN, Status.FAIL, Status.SKIPPED))
    return found


def said(found, status):
    return " ".join(word.message for word in found if word.status is status)


def statuses(found):
    return [word.status for word in found]


# --- names -----------------------------------------------------------------------------------------------------------


def named(**views):
    """What is said where these nodes resolve the name `secondary` to these addresses; others are as planned."""
    facts = all_told(PLAN)
    for node, found in views.items():
        facts[node]["names"]["secondary"] = found
    return ask(names.RULE, {FACTS: facts})


def test_names_that_are_the_same_everywhere_pass():
    assert statuses(named()) == [Status.PASS]


@pytest.mark.parametrize(
    ("views", "status", "text"),
    [
        ({"primary": ["10.16.7.102", "10.99.0.1"]}, Status.WARN, "secondary resolves differently: 10.16.7.102 and 10.99.0.1 on primary"),
        ({"primary": ["192.168.1.102"]}, Status.INFO, "secondary is reached by name over different networks: 192.168.1.102 on primary"),
        ({"tertiary": []}, Status.WARN, "secondary does not resolve on tertiary, and does elsewhere"),
        ({"secondary": []}, Status.WARN, "secondary does not resolve on secondary"),
        ({"secondary": ["10.99.0.1"]}, Status.WARN, "10.99.0.1 on secondary"),
        ({"secondary": ["127.0.1.1"]}, Status.INFO, "secondary resolves to a loopback address on itself"),
        ({"primary": ["10.99.0.1"], "tertiary": ["10.99.0.1"]}, Status.WARN, "which is none of its planned addresses"),
        ({"primary": [], "secondary": [], "tertiary": []}, Status.INFO, "no other node resolves secondary"),
        ({"primary": None}, Status.SKIPPED, "to what secondary resolves on primary was not told"),
    ],
)  # fmt: skip
def test_a_name_that_does_not_mean_one_machine_is_told(views, status, text):
    found = named(**views)
    assert text in said(found, status), found
    assert (Status.PASS in statuses(found)) is (status is Status.INFO)


def test_a_node_may_know_more_addresses_of_itself_than_others_do_and_order_does_not_matter():
    many = ["fe80::1", "10.16.7.98", "192.168.1.102", "10.16.7.102"]
    assert statuses(named(secondary=many)) == [Status.PASS]
    both = {"primary": ["10.16.7.98", "10.16.7.102"], "tertiary": ["10.16.7.102", "10.16.7.98"]}
    assert statuses(named(**both)) == [Status.PASS]


def test_names_that_nobody_resolves_are_no_pass():
    facts = all_told(PLAN)
    for inventory in facts.values():
        inventory["names"] = {name: [] for name in inventory["names"]}
    assert statuses(ask(names.RULE, {FACTS: facts})) == [Status.INFO]


def test_nodes_that_know_their_own_names_alone_use_none():
    """As systems with nss-myhostname do where nobody entered the names: nothing is wrong there."""
    facts = all_told(PLAN)
    for name, inventory in facts.items():
        inventory["names"] = {other: found if other == name else [] for other, found in inventory["names"].items()}
    assert statuses(ask(names.RULE, {FACTS: facts})) == [Status.INFO]
    facts["primary"]["names"]["tertiary"] = facts["tertiary"]["names"]["tertiary"]
    assert "secondary does not resolve on primary, tertiary, and does elsewhere" in said(
        ask(names.RULE, {FACTS: facts}), Status.WARN
    )


def test_a_node_that_told_no_names_leaves_every_name_open():
    facts = all_told(PLAN)
    del facts["tertiary"]["names"]
    found = ask(names.RULE, {FACTS: facts})
    assert statuses(found) == [Status.SKIPPED]
    assert statuses(ask(names.RULE, {FACTS: {}})) == [Status.SKIPPED]


# --- ARP settings ----------------------------------------------------------------------------------------------------


def arp(change=None, plan=PLAN):
    facts = told(plan, "primary")
    if change:
        change(facts)
    return ask(gratuitous_arp.RULE, {FACTS: facts}, plan, "primary")


def test_a_kernel_that_answers_and_listens_passes():
    assert statuses(arp()) == [Status.PASS]


@pytest.mark.parametrize(("value", "status"), [(0, Status.PASS), (2, Status.PASS), (7, Status.PASS), (8, Status.FAIL)])
@pytest.mark.parametrize("where", ["eth1", "all"])
def test_an_interface_that_answers_no_arp_request_fails_wherever_that_is_set(where, value, status):
    assert arp(lambda facts: facts["arp"][where].update(arp_ignore=value))[0].status is status


@pytest.mark.parametrize(("nic", "status"), [("eth0", Status.WARN), ("all", Status.WARN), ("eth1", Status.PASS)])
def test_announcements_have_to_be_taken_where_clients_come_in(nic, status):
    found = arp(lambda facts: facts["arp"][nic].update(drop_gratuitous_arp=1))
    assert found[0].status is status


def test_settings_that_were_not_told_are_unknown():
    found = arp(lambda facts: facts["arp"].pop("eth2"))
    assert statuses(found) == [Status.SKIPPED]
    assert "the ARP settings of eth2 were not told" in found[0].message
    assert statuses(arp(lambda facts: facts.pop("arp"))) == [Status.SKIPPED]


@pytest.mark.parametrize(("settings", "status"), [
    ({}, Status.WARN), ({"arp_ignore": 1}, Status.PASS), ({"arp_filter": 1}, Status.PASS), ({"arp_ignore": 3}, Status.WARN),
])  # fmt: skip
def test_two_interfaces_in_one_subnet_may_answer_for_each_other_unless_told_not_to(settings, status):
    def change(facts):
        entry = {"family": "AF_INET", "address": "10.16.7.161", "prefix": 24, "static": True}
        facts["nics"]["eth6"] = {**facts["nics"]["eth0"], "addresses": [entry]}
        facts["arp"]["eth0"] = facts["arp"]["eth6"] = settings

    assert arp(change)[0].status is status


def test_without_an_ipv4_address_arp_plays_no_part():
    data = trio_data()
    for number, node in enumerate(data["node"]):
        for place, entry in enumerate(node["addr"].values()):
            entry["ip"] = f"fd00:{place}::{number + 1}/64"
    assert statuses(arp(plan=parse(data, "p"))) == [Status.INFO]


# --- neighbours ------------------------------------------------------------------------------------------------------


def mac(facts, node, nic):
    return facts[node]["nics"][nic]["mac"]


def answered(*seen, plan=PLAN, silent=()):
    """What is said where, besides every machine for itself, these answered: (asker, address, MAC)."""
    facts = all_told(plan)
    told_ = {node.name: [] for node in plan.nodes if node.name not in silent}
    if "primary" in told_:
        told_["primary"].append(Neighbour(address("192.168.1.102"), "eth1", mac(facts, "secondary", "eth1")))
    for asker, ip, who in seen:
        told_[asker].append(Neighbour(address(ip), "eth0", mac(facts, *who) if isinstance(who, tuple) else who))
    return ask(rule_neighbours.RULE, {FACTS: facts, NEIGHBOURS: {k: tuple(v) for k, v in told_.items()}}, plan)


def test_an_address_that_its_own_machine_answers_for_passes():
    (word,) = answered()
    assert word.status is Status.PASS
    assert word.evidence[0].value == 1.0


@pytest.mark.parametrize(
    ("seen", "status", "text"),
    [
        ([("primary", "192.168.1.102", STRANGER)], Status.FAIL, "as well as by the node itself: the address is there twice"),
        ([("primary", "10.16.7.102", STRANGER)], Status.WARN, "proxy ARP, or another machine"),
        ([("secondary", "10.16.7.101", ("tertiary", "eth0"))], Status.FAIL, "(eth0 of tertiary, seen by secondary), another node"),
        ([("primary", "192.168.1.102", ("secondary", "eth0"))], Status.WARN, "not by the interface that holds it"),
    ],
)  # fmt: skip
def test_whoever_else_answers_for_a_planned_address_is_named(seen, status, text):
    found = answered(*seen)
    assert text in said(found, status), found
    assert Status.PASS not in statuses(found)


def test_a_card_of_a_bond_may_answer_for_the_bond():
    facts = all_told(PLAN)
    bare = {**facts["secondary"]["nics"]["eth1"], "mac": "00:1b:21:00:77:02", "addresses": []}
    facts["secondary"]["nics"]["eth9"] = bare
    seen = {node.name: () for node in PLAN.nodes}
    seen["primary"] = (Neighbour(address("192.168.1.102"), "eth1", bare["mac"]),)
    assert statuses(ask(rule_neighbours.RULE, {FACTS: facts, NEIGHBOURS: seen})) == [Status.PASS]


def test_nobodys_answer_and_an_address_outside_the_plan_say_nothing():
    found = answered(("primary", "192.168.1.102", ""), ("primary", "10.99.0.1", STRANGER))
    assert statuses(found) == [Status.PASS]


def test_a_gateway_of_two_routers_is_information_and_one_that_a_node_answers_for_is_not():
    plan = trio(observer=GATEWAY)
    routers = [("primary", "10.16.7.1", "00:00:5e:00:01:07"), ("primary", "10.16.7.1", STRANGER)]
    assert "routers that take turns, or two machines" in said(answered(*routers, plan=plan), Status.INFO)
    assert statuses(answered(routers[0], plan=plan)) == [Status.PASS]
    taken = [routers[0], ("secondary", "10.16.7.1", ("tertiary", "eth0"))]
    assert "eth0 of tertiary" in said(answered(*taken, plan=plan), Status.WARN)


def test_on_a_running_pair_of_clones_the_public_address_is_shared_and_a_strangers_answer_is_still_told():
    live = {"name": "voice", "topology": "ha-dr-trio", "phase": "live", "origin": "synthetic"}
    plan = trio(cluster=live)
    own = ("primary", "10.16.7.102", ("secondary", "eth0"))
    shared = answered(own, ("primary", "10.16.7.102", ("primary", "eth0")), plan=plan)
    assert statuses(shared) == [Status.PASS, Status.INFO]
    assert answered(own, ("primary", "10.16.7.102", STRANGER), plan=plan)[0].status is Status.FAIL
    assert answered(("primary", "192.168.1.102", ("primary", "eth0")), plan=plan)[0].status is Status.FAIL, (
        "a channel is not"
    )


def test_a_node_that_did_not_tell_is_named_and_no_neighbour_at_all_is_information():
    found = answered(silent=("tertiary",))
    assert statuses(found) == [Status.SKIPPED]
    assert "was not told by tertiary" in found[0].message
    nothing = ask(
        rule_neighbours.RULE,
        {FACTS: all_told(PLAN), NEIGHBOURS: dict.fromkeys(("primary", "secondary", "tertiary"), ())},
    )
    assert statuses(nothing) == [Status.INFO]
    assert "nothing was seen" in nothing[0].message


# --- virtual addresses -----------------------------------------------------------------------------------------------


def virtual(*seen, answered_pings=0, held_by="", addr="10.16.7.200", **extra):
    plan = trio(observer=[SERVICE[0] | {"addr": addr}], **extra)
    facts = all_told(plan)
    if held_by:
        facts[held_by]["nics"]["eth0"]["addresses"].append({"address": addr, "prefix": 24})
    asked = {"primary": tuple(Neighbour(address(addr), "eth0", one) for one in seen)}
    timing = ObserverTiming("service", "virtual", addr, "primary", 100, answered_pings, Quantiles(0), 0.0, "")
    return ask(virtual_address.RULE, {FACTS: facts, NEIGHBOURS: asked, OBSERVERS: (timing,)}, plan)


def test_an_address_that_fits_and_that_nobody_has_passes():
    assert statuses(virtual("")) == [Status.PASS]


@pytest.mark.parametrize(
    ("told_", "status", "text"),
    [
        ({"seen": ("", STRANGER)}, Status.FAIL, f"{STRANGER} answered for it"),
        ({"answered_pings": 1}, Status.FAIL, "somebody answered the pings of primary"),
        ({"held_by": "secondary"}, Status.WARN, "secondary has it already"),
        ({}, Status.SKIPPED, "whether it is free is not known: primary, secondary told"),
        ({"seen": ("",), "addr": "10.16.7.101"}, Status.FAIL, "it is a planned address of primary"),
        ({"seen": ("",), "addr": "10.16.7.255"}, Status.WARN, "it is no host's address in 10.16.7.0/24"),
        ({"seen": ("",), "addr": "10.12.17.200"}, Status.WARN, "subnet of primary, secondary, which may take it over"),
        ({"seen": ("",), "addr": "192.168.1.9"}, Status.WARN, "it lies in the subnet of ch-ab"),
        ({"seen": ("",), "addr": "10.99.0.9"}, Status.WARN, "it lies in no subnet of any node"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_virtual_address_is_told(told_, status, text):
    found = virtual(*told_.pop("seen", ()), **told_)
    assert text in said(found, status), found
    assert Status.PASS not in statuses(found)


def test_beside_a_running_product_somebody_has_it_and_that_is_right():
    live = {"name": "voice", "topology": "ha-dr-trio", "phase": "live", "origin": "synthetic"}
    assert statuses(virtual(STRANGER, answered_pings=100, held_by="primary", cluster=live)) == [Status.PASS]


def test_a_plan_without_one_is_information():
    assert statuses(ask(virtual_address.RULE, {FACTS: {}, NEIGHBOURS: {}, OBSERVERS: ()})) == [Status.INFO]


# --- cables ----------------------------------------------------------------------------------------------------------


def timing(source, target, network, answered_=1000):
    nothing = Quantiles(0)
    return Timing(
        f"{source}>{target}/{network}", source, target, network, False, 0.2, 24.0, 1000, answered_, 0, 0, 0, 0, 0,
        nothing, nothing, nothing, 0.0, 0.0, 0.01, (), 0.0, 0.0, 0, None, None, nothing, 0, None, 0.0, (),
    )  # fmt: skip


def cables(dead=(), change=None, facts=None, absent=False):
    facts = all_told(PLAN) if facts is None else facts
    if change:
        change(facts)
    gone = {frozenset(pair.split("/")[0].split("+")) | {pair.split("/")[1]} for pair in dead}
    timings = []
    for path in PLAN.paths():
        silent = frozenset((path.source, path.target, path.network)) in gone
        if not (silent and absent):
            timings.append(timing(path.source, path.target, path.network, 0 if silent else 1000))
    return ask(crossed_cables.RULE, {TIMINGS: tuple(timings), FACTS: facts})


CROSSED = ("primary+secondary/ch-ab", "primary+tertiary/ch-ac")


@pytest.mark.parametrize("absent", [False, True])
def test_two_dead_networks_of_one_node_look_like_crossed_cables(absent):
    assert statuses(cables()) == [Status.PASS]
    assert statuses(cables(CROSSED[:1], absent=absent)) == [Status.PASS], "one is another fault"
    found = cables(CROSSED, absent=absent)
    assert "no peer answered primary on ch-ab and ch-ac" in said(found, Status.WARN)


def test_a_link_that_is_down_is_no_crossed_cable():
    assert statuses(cables(CROSSED, lambda facts: facts["primary"]["nics"]["eth2"].update(up=False))) == [Status.PASS]


def test_addresses_on_each_others_interface_are_exchanged():
    def change(facts):
        one, other = (facts["primary"]["nics"][nic] for nic in ("eth1", "eth2"))
        one["addresses"], other["addresses"] = other["addresses"], one["addresses"]

    found = cables(change=change)
    assert "ch-ab stands on eth2, ch-ac on eth1" in said(found, Status.WARN)


def test_what_was_not_measured_or_told_is_unknown():
    unmet = [f"primary+secondary/{network}" for network in ("public", "ch-ab")]
    assert "between primary+secondary" in said(cables(unmet, absent=True), Status.SKIPPED)
    facts = all_told(PLAN)
    del facts["tertiary"]
    assert "tertiary did not tell" in said(cables(facts=facts), Status.SKIPPED)


# --- the planned gateway ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observers", "route", "text"),
    [
        (GATEWAY, {"via": "10.16.7.1"}, ""),
        (GATEWAY, {"via": "10.16.7.9"}, "its default gateway is 10.16.7.9, the plan names 10.16.7.1"),
        (GATEWAY, None, "it has no default gateway, the plan names 10.16.7.1"),
        (GATEWAY, {"via": "fe80::1"}, ""),
        ([], {"via": "10.16.7.9"}, ""),
        ([{"name": "gw", "kind": "gateway", "addr": "10.12.17.1"}], {"via": "10.16.7.9"}, ""),
    ],
)
def test_the_default_gateway_is_the_one_that_the_plan_names_for_that_subnet(observers, route, text):
    plan = trio(observer=observers)
    facts = told(plan, "primary")
    if route is None:
        facts["routes"].pop(0)
    else:
        facts["routes"][0] |= route
    found = ask(lan_plan.RULE, {FACTS: facts}, plan, "primary")
    assert text in said(found, Status.WARN)
    assert (Status.PASS in statuses(found)) is not bool(text)


# --- hostile input ---------------------------------------------------------------------------------------------------

odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["10.16.7.101", STRANGER]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["all", "eth0", "secondary", "address", "mac", "nic", "seen", "arp_ignore", "via", "to"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=200)
@given(st.sampled_from(["names", "arp", "nics", "routes", "egress"]), odd)
def test_an_odd_fact_breaks_no_rule(key, value):
    facts = all_told(PLAN)
    facts["primary"][key] = value
    ask(names.RULE, {FACTS: facts})
    ask(gratuitous_arp.RULE, {FACTS: facts["primary"]}, PLAN, "primary")
    ask(rule_neighbours.RULE, {FACTS: facts, NEIGHBOURS: {}})
    ask(crossed_cables.RULE, {FACTS: facts, TIMINGS: ()})
    ask(virtual_address.RULE, {FACTS: facts, NEIGHBOURS: {}, OBSERVERS: ()}, trio(observer=SERVICE))


@settings(max_examples=200)
@given(odd)
def test_facts_of_another_shape_are_not_told(value):
    for given_ in (value if isinstance(value, dict) else {}, {"seen": value}, {"seen": [value]}, {"names": value}, {"arp": value}, {"routes": [value]}):  # fmt: skip
        neighbours(given_)
        resolved(given_)
        arp_settings(given_, "eth0")
        gateways(given_)


def test_an_empty_record_of_neighbours_is_not_the_same_as_none():
    assert neighbours({}) is None
    assert neighbours({"seen": []}) == ()
    assert resolved({}) is None
    assert resolved({"names": {"a": []}}) == {"a": frozenset()}
