"""The rules that hold the machines against the plan and against each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lan import all_told, told, trio, trio_data

from analyzer import stacks
from analyzer.contract import Effort, Outage, Quantiles, Scope, Status, Subject, Timing
from analyzer.engine import customs
from analyzer.extension import FACTS, TIMINGS, Context
from analyzer.rules import egress, identity, lan_plan, link_match, parity, redundancy
from analyzer.troubles import Trouble
from analyzer.troubles import words as words_of
from collector.plan import parse
from collector.plugins import discover

PLAN = trio()
PAIRS = ("primary+secondary", "primary+tertiary", "secondary+tertiary")
DEMONSTRATION = {"name": "voice", "topology": "ha-dr-trio", "origin": "demonstration"}
LIVE = {"name": "voice", "topology": "ha-dr-trio", "phase": "live", "origin": "synthetic"}
GENESYS = [{"name": "genesys-addp", "networks": ["ch-ab"], "auto_failover": []}]


def ask(rule, subject, given, plan):
    node = subject if rule.scope is Scope.NODE else ""
    asked = customs(discover(stacks, "STACK"), plan)
    context = Context(Subject(rule.scope, subject), plan, node, 86400.0, given, rule.limits, customs=asked)
    words = list(rule.check(context))
    assert words, "a rule that says nothing is an error"
    assert all(word.remedy for word in words if word.status in (Status.WARN, Status.FAIL, Status.SKIPPED))
    return words


def about(rule, facts, node="primary", plan=PLAN):
    """A node rule's words on one node's facts."""
    return ask(rule, node, {FACTS: facts}, plan)


def compared(facts, pair="primary+secondary", plan=PLAN):
    return ask(parity.RULE, pair, {FACTS: {name: facts[name] for name in pair.split("+") if name in facts}}, plan)


def identities(facts, plan=PLAN):
    return ask(identity.RULE, plan.cluster, {FACTS: facts}, plan)


def joined(plan=PLAN, pair="primary+secondary", timings=None, facts=None):
    """The rule's words on a pair all of whose probed networks were measured, unless said."""
    ends = tuple(pair.split("+"))
    if timings is None:
        timings = [timing(path.network, ends=ends) for path in plan.paths() if (path.source, path.target) == ends]
    return ask(redundancy.RULE, pair, {TIMINGS: tuple(timings), FACTS: facts or {}}, plan)


def statuses(words):
    return [word.status for word in words]


def said(words, status):
    """What was said at that status; empty if nothing was."""
    return " ".join(word.message for word in words if word.status is status)


def changed(plan_change):
    data = trio_data()
    plan_change(data)
    return parse(data, "plan.toml")


# --- addresses and interfaces ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", ["primary", "secondary", "tertiary"])
def test_a_node_that_is_as_planned_passes_with_its_interfaces_counted(node):
    (word,) = about(lan_plan.RULE, told(PLAN, node), node)
    assert word.status is Status.PASS
    assert (word.evidence[0].value, word.evidence[0].limit) == (3.0, lan_plan.TRIO)


def _without_address(facts):
    facts["nics"]["eth1"]["addresses"].clear()


def _other_prefix(facts):
    facts["nics"]["eth1"]["addresses"][0]["prefix"] = 16


def _other_nic(facts):
    facts["nics"]["eth7"] = facts["nics"].pop("eth1")


def _set(nic, **values):
    def change(facts):
        facts["nics"][nic] |= values

    return change


def _address(**values):
    def change(facts):
        facts["nics"]["eth1"]["addresses"][0] |= values

    return change


def _route(**route):
    def change(facts):
        facts["routes"].append(route)

    return change


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        (_without_address, Status.FAIL, "ch-ab 192.168.1.101/24 is on none of its interfaces"),
        (_set("eth1", up=False), Status.FAIL, "eth1 with ch-ab 192.168.1.101/24 is down"),
        (_set("eth1", up=None), Status.SKIPPED, "whether eth1 is up was not told"),
        (_other_prefix, Status.WARN, "has the prefix /16"),
        (_address(prefix=None, netmask=None), Status.SKIPPED, "the prefix of ch-ab"),
        (_address(static=False), Status.WARN, "was given by a server"),
        (_address(static=None), Status.SKIPPED, "whether ch-ab 192.168.1.101/24 is static was not told"),
        (_other_nic, Status.WARN, "is on eth7, planned on eth1"),
        (_route(to="default", via="192.168.1.1", nic="eth1"), Status.WARN, "a default gateway is on eth1"),
        (_route(to="::/0", via="fe80::1", nic="eth2"), Status.WARN, "a default gateway is on eth2"),
        (lambda facts: facts.pop("routes"), Status.SKIPPED, "its routes are unknown, so is its default gateway"),
        (lambda facts: facts.pop("nics"), Status.SKIPPED, "it did not tell its interfaces"),
    ],
)
def test_every_departure_from_the_plan_is_told(change, status, text):
    facts = told(PLAN, "primary")
    change(facts)
    words = about(lan_plan.RULE, facts)
    assert text in said(words, status)
    assert Status.PASS not in statuses(words)


GATEWAY = [{"name": "gw", "kind": "gateway", "addr": "10.16.7.1"}]
CONSOLE = "from its console, for the link that you come by may be cut; then change it in the network configuration that primary starts with"


def _moved_to(nic, via="192.168.1.1", beside=False, **more):
    def change(facts):
        kept = facts["routes"] if beside else [row for row in facts["routes"] if row["to"] != "default"]
        facts["routes"] = [*kept, {"to": "default", "via": via, "nic": nic}]
        facts |= more

    return change


@pytest.mark.parametrize(
    ("change", "observers", "command"),
    [
        (_moved_to("eth1"), GATEWAY, " (`ip route replace default via 10.16.7.1 dev eth0`)"),
        (_moved_to("eth1", beside=True), GATEWAY, " (`ip route del default via 192.168.1.1 dev eth1`)"),
        (_moved_to("eth1"), [], ""),
        (_moved_to("eth1", system="Windows"), GATEWAY, ""),
        (_moved_to("eth1", via="fe80::1"), GATEWAY, ""),
        (_moved_to("eth1; reboot", beside=True), GATEWAY, ""),
        (_moved_to("-eth1", beside=True), GATEWAY, ""),
    ],
)
def test_a_default_gateway_is_moved_from_the_console_and_for_good(change, observers, command):
    """A command is given only where each word of it is an address or the name of an interface: archives are hostile."""
    plan = trio(observer=observers)
    facts = told(plan, "primary")
    change(facts)
    (word,) = [word for word in about(lan_plan.RULE, facts, plan=plan) if word.status is Status.WARN]
    assert f"{command}, {CONSOLE}" in word.remedy
    assert ("`" in word.remedy) is bool(command)


def test_one_point_does_not_hide_another():
    facts = told(PLAN, "primary")
    _set("eth1", up=False)(facts)
    facts["nics"]["eth2"]["addresses"].clear()
    facts["nics"]["eth0"]["addresses"][0]["static"] = False
    words = about(lan_plan.RULE, facts)
    assert statuses(words) == [Status.FAIL, Status.WARN]
    assert "eth1" in words[0].message
    assert "ch-ac" in words[0].message


@pytest.mark.parametrize(
    ("topology", "interfaces", "status"),
    [
        ("ha-dr-trio", 3, Status.PASS),
        ("ha-dr-trio", 2, Status.WARN),
        ("ha-pair", 2, Status.PASS),
        ("ha-pair", 1, Status.WARN),
    ],
)
def test_a_pair_needs_two_interfaces_and_a_trio_three(topology, interfaces, status):
    data = trio_data()
    data["cluster"]["topology"] = topology
    if topology == "ha-pair":
        data["node"].pop()
    for node in data["node"]:
        node["addr"] = {"public": {"ip": node["addr"]["public"]["ip"], "nic": "eth0"}}
    plan = parse(data | {"stack": []}, "plan.toml")
    facts = told(plan, "primary")
    spare = facts["nics"]["eth0"] | {"addresses": []}
    facts["nics"] |= {f"spare{number}": spare for number in range(1, interfaces)}
    words = about(lan_plan.RULE, facts, plan=plan)
    assert statuses(words)[0] is status, words
    assert words[0].evidence[0].value == interfaces


def test_virtual_interfaces_of_one_card_count_and_bridges_do_not():
    facts = told(PLAN, "primary")
    facts["nics"]["eth0.8"] = facts["nics"].pop("eth2") | {"driver": "vlan"}
    words = about(lan_plan.RULE, facts)
    assert "network interfaces" not in said(words, Status.WARN)
    facts["nics"]["br0"] = facts["nics"].pop("eth0.8") | {"driver": "bridge"}
    text = said(about(lan_plan.RULE, facts), Status.WARN)
    assert "it has 2 network interfaces, 3 are needed (br0: made by software, not counted)" in text


def test_interfaces_are_counted_in_neverfails_topologies_and_where_it_is_planned():
    custom = {"name": "voice", "topology": "custom", "origin": "synthetic"}
    for plan, counted in (
        (PLAN, True),
        (trio(stack=GENESYS), True),
        (trio(cluster=custom), True),
        (trio(cluster=custom, stack=GENESYS), False),
        (trio(cluster=custom, stack=[]), False),
    ):
        facts = told(plan, "primary")
        del facts["nics"]["eth2"]
        text = said(about(lan_plan.RULE, facts, plan=plan), Status.WARN)
        assert ("it has 2 network interfaces, 3 are needed" in text) is counted


def test_a_channel_does_not_share_an_interface_and_management_does():
    facts = told(PLAN, "primary")
    facts["nics"]["eth0"]["addresses"] += facts["nics"]["eth1"]["addresses"]
    facts["nics"]["eth1"]["addresses"] = []
    text = said(about(lan_plan.RULE, facts), Status.WARN)
    assert "public and ch-ab share eth0" in text
    assert "public and management share" not in text


def test_only_neverfail_wants_management_and_public_on_one_interface():
    for stack, status in ((None, Status.WARN), (GENESYS, Status.INFO)):
        plan = trio(stack=stack) if stack else PLAN
        facts = told(plan, "primary")
        entry = facts["nics"]["eth0"]["addresses"].pop()
        facts["nics"]["eth5"] = facts["nics"]["eth0"] | {"addresses": [entry], "mac": ""}
        assert "management is on eth5, public on eth0" in said(about(lan_plan.RULE, facts, plan=plan), status)


def test_on_windows_the_management_address_lies_below_the_public_one():
    data = trio_data()
    data["node"][0]["addr"]["management"]["ip"] = "10.16.7.200/24"
    plan = parse(data, "plan.toml")
    facts = told(plan, "primary")
    assert "not below" not in said(about(lan_plan.RULE, facts, plan=plan), Status.WARN)
    text = said(about(lan_plan.RULE, facts | {"system": "Windows"}, plan=plan), Status.WARN)
    assert "10.16.7.200 is not below the public address 10.16.7.101" in text


def test_in_a_demonstration_departures_are_information():
    plan = trio(cluster=DEMONSTRATION)
    facts = told(plan, "primary")
    _without_address(facts)
    words = about(lan_plan.RULE, facts, plan=plan)
    assert statuses(words) == [Status.INFO]
    assert "In this demonstration all nodes are one machine" in words[0].message


# --- the way out -----------------------------------------------------------------------------------------------------


def test_packets_that_leave_as_planned_pass():
    for node in PLAN.nodes:
        assert statuses(about(egress.RULE, told(PLAN, node.name), node.name)) == [Status.PASS]


def test_packets_that_leave_by_another_interface_fail():
    facts = told(PLAN, "primary")
    entry = next(found for found in facts["egress"] if found["network"] == "ch-ab")
    entry |= {"nic": "eth0", "source": "10.16.7.101", "via": "10.16.7.1"}
    words = about(egress.RULE, facts)
    assert statuses(words) == [Status.FAIL]
    assert "packets to secondary over ch-ab (192.168.1.102) leave by eth0 with source 10.16.7.101" in words[0].message


def test_a_way_that_was_not_told_is_unknown_and_named():
    facts = told(PLAN, "primary")
    facts["egress"] = [found for found in facts["egress"] if found["network"] != "ch-ac"]
    words = about(egress.RULE, facts)
    assert statuses(words) == [Status.SKIPPED]
    assert "tertiary over ch-ac" in words[0].message
    assert statuses(about(egress.RULE, {})) == [Status.SKIPPED]


# --- independent paths -----------------------------------------------------------------------------------------------


def timing(network, *outages, ends=("primary", "secondary")):
    nothing = Quantiles(0)
    return Timing(
        f"{ends[0]}>{ends[1]}/{network}", *ends, network, False, 0.2, 24.0, 1000, 1000, 0, 0, 0, 0, 0,
        nothing, nothing, nothing, 0.0, 0.0, 0.01, tuple(Outage(start, length, 5) for start, length in outages),
        max((length for _, length in outages), default=0.0), 0.0, 0, None, None, nothing, 0, None, 0.0, (),
    )  # fmt: skip


def test_a_channel_apart_from_the_public_network_is_a_second_path():
    for pair in PAIRS:
        words = joined(pair=pair)
        assert statuses(words) == [Status.PASS, Status.INFO], words
        assert words[0].evidence[0].value == 2.0
    assert "is advised" in joined()[1].message


def bound(networks, auto_failover):
    """The trio, with one product on these networks that fails over between these pairs."""
    return trio(stack=[{"name": "neverfail", "networks": networks, "auto_failover": auto_failover}])


def test_the_loss_of_the_only_channel_of_a_pair_that_a_person_switches_splits_nothing():
    plan = bound(["ch-ab", "ch-ac", "ch-bc"], [["primary", "secondary"]])
    by_hand, own = joined(plan, "primary+tertiary")[1].message, joined(plan)[1].message
    assert "ch-ac is their only channel: its loss stops what is replicated over it, and no failover follows" in by_hand
    assert "split brain" not in by_hand
    assert "a second channel beside ch-ab is advised (split brain)" in own
    # Where nothing is planned anything may switch.
    assert "a second channel beside ch-ac is advised" in joined(trio(stack=[]), "primary+tertiary")[1].message


def test_a_network_that_the_product_is_not_bound_to_is_told_to_be_no_second_way():
    alone = joined(bound(["ch-ab"], [["primary", "secondary"]]))[1].message
    assert "(split brain); public does not carry neverfail, which is bound to ch-ab" in alone
    both = joined(bound(["ch-ab", "public"], [["primary", "secondary"]]))[1].message
    assert "does not carry" not in both


def test_an_outage_of_all_networks_is_held_against_a_limit_of_that_name():
    words = joined(timings=[timing("ch-ab", (100.0, 8.0)), timing("public", (100.0, 8.0))])
    (judged,) = (item for item in words[0].evidence if item.what == "longest outage of all networks at once")
    assert judged.limit is not None
    assert judged.limit.name == "outage of all networks at once"
    assert (words[0].status, words[0].effort) == (Status.WARN, Effort.SEARCH), (
        "a part that networks share is looked for"
    )


def test_the_largest_effort_of_several_points_is_told_and_the_rules_where_one_says_none():
    search, setting = (
        Trouble(Status.WARN, word, word, effort=Effort(word)) for word in (Effort.SEARCH, Effort.SETTING)
    )
    bare = Trouble(Status.WARN, "bare", "buy a part")
    for points, effort in (([search, setting], Effort.SEARCH), ([search, bare], None), ([bare], None)):
        assert [word.effort for word in words_of(PLAN, "a", points, "good")] == [effort]


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("nic", "share interface eth0 of primary"),
        ("switch", "share switch sw-1"),
        ("subnet", "share subnet 10.16.7.0/24"),
    ],
)
def test_networks_that_share_a_part_are_one_path(part, text):
    def change(data):
        for number, node in enumerate(data["node"][:2]):
            addr = node["addr"]["ch-ab"]
            if part == "subnet":
                addr["ip"] = f"10.16.7.{201 + number}/24"
            elif part == "switch":
                addr["switch"] = "sw-1"
            elif number == 0:
                addr["nic"] = "eth0"

    words = joined(changed(change))
    assert "only one independent network" in said(words, Status.WARN)
    assert text in said(words, Status.WARN)
    assert words[0].evidence[0].value == 1.0


@pytest.mark.parametrize(("nic", "independent"), [("eth0", 1.0), ("eth1", 2.0), ("br0", 2.0)])
def test_a_channel_that_is_left_by_the_public_interface_is_no_second_path_whatever_the_plan_says(nic, independent):
    facts = told(PLAN, "primary")
    entry = next(found for found in facts["egress"] if found["network"] == "ch-ab" and found["target"] == "secondary")
    entry["nic"] = nic

    words = joined(facts={"primary": facts, "secondary": told(PLAN, "secondary")})

    assert words[0].evidence[0].value == independent
    assert ("share interface eth0 of primary" in said(words, Status.WARN)) is (independent == 1.0)


def test_equal_vlans_are_one_path_and_a_channel_in_the_public_vlan_is_told():
    def change(data):
        data["network"]["public"]["vlan"] = data["network"]["ch-ab"]["vlan"] = 7

    text = said(joined(changed(change)), Status.WARN)
    assert "share VLAN 7" in text
    assert "channel ch-ab of primary lies in the VLAN 7 of public" in text


def test_a_channel_in_a_public_subnet_of_either_node_is_told():
    def change(data):
        data["node"][0]["addr"]["ch-ac"]["ip"] = "10.12.17.5/24"

    text = said(joined(changed(change), "primary+tertiary"), Status.WARN)
    assert "channel ch-ac of primary lies in the subnet 10.12.17.0/24 of public" in text


def test_redundant_channels_share_nothing():
    def change(data, switch):
        data["network"]["ch-2"] = {}
        for number, node in enumerate(data["node"][:2]):
            node["addr"]["ch-2"] = {"ip": f"192.168.2.{number + 1}/24", "nic": "eth3", "switch": switch}

    apart, shared = (changed(lambda data, switch=switch: change(data, switch)) for switch in ("sw-5", "cross-over"))
    assert statuses(joined(apart)) == [Status.PASS]
    assert joined(apart)[0].evidence[0].value == 3.0
    assert "the channels ch-ab and ch-2 share switch cross-over" in said(joined(shared), Status.WARN)


def test_without_any_channel_neverfail_fails_and_others_warn():
    for stack, status in (
        ([{"name": "neverfail", "networks": ["public"]}], Status.FAIL),
        ([{"name": "genesys-addp", "networks": ["public"]}], Status.WARN),
    ):

        def change(data, stack=stack):
            del data["node"][0]["addr"]["ch-ab"]
            data["stack"] = stack

        assert "no channel joins them" in said(joined(changed(change)), status)


def test_one_machine_or_one_power_feed_for_both_is_told_and_what_is_not_stated_too():
    def change(data):
        data["node"][1] |= {"host": "esx-1", "power": "feed-1"}

    text = said(joined(changed(change)), Status.WARN)
    assert "both stand on one physical machine (esx-1)" in text
    assert "both hang on one power feed (feed-1)" in text

    def silent(data):
        for node in data["node"]:
            node["host"] = node["power"] = ""
            node["addr"] = {network: entry["ip"] for network, entry in node["addr"].items()}

    words = joined(changed(silent))
    assert statuses(words) == [Status.SKIPPED, Status.INFO]
    assert "does not state: physical machine of primary, secondary; power feed of" in words[1].message
    assert "switch of public, management, ch-ab" in words[1].message


def test_outages_that_hit_every_network_at_once_are_told():
    apart = [timing("public", (10.0, 5.0)), timing("ch-ab", (20.0, 7.0))]
    words = joined(timings=apart)
    assert words[0].status is Status.PASS
    figures = {item.what: item.value for item in words[0].evidence}
    assert (figures["longest outage of public"], figures["longest outage of ch-ab"]) == (5.0, 7.0)
    assert figures["longest outage of all networks at once"] == 0.0
    together = [timing("public", (10.0, 5.0)), timing("ch-ab", (12.0, 7.0))]
    words = joined(timings=together)
    assert "public, ch-ab were out at the same moment once, for up to 3 s" in said(words, Status.WARN)
    # By its limit the verdict weighs it against what else is wrong.
    (limit,) = (item.limit for item in words[0].evidence if item.what == "longest outage of all networks at once")
    assert limit is not None
    assert (limit.judge(0.0), limit.judge(3.0)) == (Status.PASS, Status.WARN)


def test_a_public_network_that_stays_up_does_not_hide_that_both_channels_failed_together():
    def change(data):
        data["network"]["ch-2"] = {}
        for number, node in enumerate(data["node"][:2]):
            node["addr"]["ch-2"] = f"192.168.9.{number + 1}/24"

    out = [timing("public"), timing("ch-ab", (10.0, 5.0)), timing("ch-2", (12.0, 7.0))]
    words = joined(changed(change), timings=out)
    assert "ch-ab, ch-2 were out at the same moment once, for up to 3 s" in said(words, Status.WARN)


def test_one_measured_network_proves_no_second_way():
    words = joined(timings=[timing("ch-ab", (10.0, 5.0))])
    assert Status.PASS not in statuses(words)
    assert "1 was measured (not public), so a second way is not proven" in said(words, Status.SKIPPED)
    assert "Find why" in words[0].remedy


def test_a_second_network_that_is_not_probed_proves_no_second_way():
    def change(data):
        data["network"]["public"]["probe"] = False

    words = joined(changed(change))
    assert Status.PASS not in statuses(words)
    assert "(not public, management)" in said(words, Status.SKIPPED)
    assert "[network.public]" in words[0].remedy


def test_a_network_whose_probes_could_not_be_judged_is_not_measured():
    blind = replace(timing("public"), answered=0)
    assert Status.PASS not in statuses(joined(timings=[timing("ch-ab"), blind]))


def _bare(part, *networks):
    """The plan of the pair with that part left out."""

    def change(data):
        for node in data["node"][:2]:
            for network in networks or node["addr"]:
                node["addr"][network].pop(part)

    return changed(change)


def test_what_two_networks_share_by_an_unnamed_switch_is_unknown():
    words = joined(_bare("switch"))
    assert Status.PASS not in statuses(words)
    assert "share one switch is unknown" in said(words, Status.SKIPPED)
    # One without a switch beside one with a switch is a cross-over cable.
    assert joined(_bare("switch", "ch-ab"))[0].status is Status.PASS


def test_an_unnamed_interface_is_looked_up_in_the_inventories():
    plan = _bare("nic")
    words = joined(plan)
    assert Status.PASS not in statuses(words)
    assert "share one interface of primary or one interface of secondary" in said(words, Status.SKIPPED)
    facts = all_told(PLAN)
    assert joined(plan, facts=facts)[0].status is Status.PASS
    nics = facts["primary"]["nics"]
    nics["eth0"]["addresses"] += nics.pop("eth1")["addresses"]
    assert "share interface eth0 of primary" in said(joined(plan, facts=facts), Status.WARN)
    assert joined(plan, facts={"primary": 5, "secondary": {"nics": 7}})[0].status is Status.SKIPPED


def test_a_demonstration_has_no_redundancy_and_nobody_minds():
    def change(data):
        data["cluster"] = DEMONSTRATION
        for node in data["node"]:
            node["host"] = "this"

    words = joined(changed(change))
    assert set(statuses(words)) == {Status.INFO}


# --- equal machines --------------------------------------------------------------------------------------------------


def test_equal_machines_pass_with_their_sizes():
    (word,) = compared(all_told(PLAN))
    assert word.status is Status.PASS
    assert [item.value for item in word.evidence] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        (
            {"os": "Debian GNU/Linux 11"},
            Status.WARN,
            "Debian GNU/Linux 12 on primary, Debian GNU/Linux 11 on secondary",
        ),
        ({"kernel": "6.1.0-31-amd64"}, Status.WARN, "kernel: 6.1.0-30-amd64 on primary"),
        ({"packages": {"count": 401, "sha256": "cd"}}, Status.WARN, "(400 on primary, 401 on secondary)"),
        ({"timezone": "Europe/Berlin"}, Status.WARN, "time zone: Etc/UTC on primary, Europe/Berlin"),
        ({"cpus": 4}, Status.WARN, "secondary has 4 CPUs, primary 8 CPUs"),
        ({"memory_B": 8 << 30}, Status.WARN, "secondary has 8 GiB of memory, primary 16 GiB of memory"),
        ({"model": "Model 2"}, Status.INFO, "Maker Model 1 on primary, Maker Model 2 on secondary"),
        ({"cpu": "Other CPU"}, Status.INFO, "CPU: Some CPU on primary"),
        ({"virtual": True}, Status.INFO, "one of them is a virtual machine"),
        ({"os": None}, Status.SKIPPED, "the operating system of secondary was not told"),
        ({"packages": None}, Status.SKIPPED, "the list of packages of secondary was not told"),
        ({"packages": {"sha256": 7}}, Status.SKIPPED, "the list of packages of secondary was not told"),
        ({"cpus": 0}, Status.SKIPPED, "the number of CPUs of secondary was not told"),
        ({"memory_B": True}, Status.SKIPPED, "the memory of secondary was not told"),
        ({"timezone": ""}, Status.SKIPPED, "the time zone of secondary was not told"),
    ],
)
def test_what_differs_is_listed(changes, status, text):
    facts = all_told(PLAN)
    facts["secondary"] |= changes
    words = compared(facts)
    assert text in said(words, status), words
    assert (Status.PASS in statuses(words)) is (status is Status.INFO)


@pytest.mark.parametrize(("share", "status"), [(1.5, Status.PASS), (0.99, Status.PASS), (0.98, Status.PASS), (0.97, Status.WARN)])  # fmt: skip
def test_the_standby_may_be_stronger_and_a_few_missing_megabytes_are_no_difference(share, status):
    facts = all_told(PLAN)
    facts["secondary"]["memory_B"] = round((100 << 30) * share)
    facts["primary"]["memory_B"] = 100 << 30
    assert compared(facts)[0].status is status


def test_the_primary_is_the_measure_wherever_it_stands_and_two_standbys_are_not_compared_in_size():
    facts = all_told(PLAN)
    facts["tertiary"]["cpus"] = 4
    assert "tertiary has 4 CPUs" in said(compared(facts, "primary+tertiary"), Status.WARN)
    assert statuses(compared(facts, "secondary+tertiary")) == [Status.PASS]

    def swapped(data):
        data["node"][0]["role"], data["node"][1]["role"] = "secondary", "primary"

    facts["primary"]["cpus"] = 2
    assert "primary has 2 CPUs, secondary 8 CPUs" in said(compared(facts, plan=changed(swapped)), Status.WARN)


def test_members_swap_roles_so_the_weaker_of_them_counts():
    def change(data):
        for node in data["node"]:
            node["role"] = "member"

    facts = all_told(PLAN)
    facts["primary"]["cpus"] = 4
    assert "primary has 4 CPUs, secondary 8 CPUs" in said(compared(facts, plan=changed(change)), Status.WARN)


def test_sites_may_have_different_time_zones():
    facts = all_told(PLAN)
    facts["tertiary"]["timezone"] = "Asia/Tokyo"
    assert statuses(compared(facts, "primary+tertiary")) == [Status.PASS, Status.INFO]


def test_without_an_inventory_nodes_cannot_be_compared():
    facts = all_told(PLAN)
    del facts["secondary"]
    words = compared(facts)
    assert statuses(words) == [Status.SKIPPED]
    assert "secondary recorded no inventory" in words[0].message


# --- different machines ----------------------------------------------------------------------------------------------


def test_different_machines_pass():
    assert statuses(identities(all_told(PLAN))) == [Status.PASS]


def test_one_machine_is_recognised_by_signature_and_boot_time_together():
    facts = all_told(PLAN)
    facts["secondary"] |= {
        "signature": facts["primary"]["signature"],
        "boot_time_s": facts["primary"]["boot_time_s"] + 1,
    }
    assert "primary and secondary are one machine" in said(identities(facts), Status.FAIL)


@pytest.mark.parametrize("boot", [1_700_009_999, None, "soon"])
def test_an_equal_signature_alone_is_a_clone_or_a_restart(boot):
    facts = all_told(PLAN)
    facts["secondary"] |= {"signature": facts["primary"]["signature"], "boot_time_s": boot}
    words = identities(facts)
    assert statuses(words) == [Status.WARN]
    assert "exact clones, or one machine that was restarted" in words[0].message


@pytest.mark.parametrize(("later_s", "status"), [(0.9, Status.FAIL), (1.1, Status.WARN)])
def test_boot_times_more_than_a_second_apart_are_of_two_starts(later_s, status):
    facts = all_told(PLAN)
    facts["secondary"] |= {
        "signature": facts["primary"]["signature"],
        "boot_time_s": facts["primary"]["boot_time_s"] + later_s,
    }
    assert "same signature" in said(identities(facts), status)


def test_an_equal_boot_time_alone_is_suspicious_and_no_proof():
    facts = all_told(PLAN)
    facts["secondary"]["boot_time_s"] = facts["primary"]["boot_time_s"]
    assert "started in the same second" in said(identities(facts), Status.WARN)


def test_a_machine_without_signature_is_unknown():
    facts = all_told(PLAN)
    del facts["secondary"]["signature"]
    assert statuses(identities(facts)) == [Status.SKIPPED]


def test_equal_host_names_are_told_and_may_be_meant_on_a_running_neverfail():
    for cluster, status in ((None, Status.WARN), (LIVE, Status.INFO)):
        plan = trio(cluster=cluster) if cluster else PLAN
        facts = all_told(plan)
        facts["secondary"]["hostname"] = "PRIMARY"
        assert "primary, secondary all have the host name primary" in said(identities(facts, plan), status)


def test_equal_macs_are_told_and_locally_administered_ones_are_information():
    facts = all_told(PLAN)
    facts["primary"]["nics"]["eth1"]["mac"] = "52:54:00:00:00:01"
    words = identities(facts)
    assert statuses(words) == [Status.PASS, Status.INFO]
    assert "eth1 of primary" in words[1].message
    facts["secondary"]["nics"]["eth1"]["mac"] = "52-54-00-00-00-01"
    assert "eth1 of primary, eth1 of secondary have the same MAC" in said(identities(facts), Status.WARN)


def test_bonded_interfaces_of_one_node_and_loopbacks_may_have_equal_macs():
    facts = all_told(PLAN)
    facts["primary"]["nics"]["eth2"]["mac"] = facts["primary"]["nics"]["eth1"]["mac"]
    for inventory in facts.values():
        inventory["nics"]["lo"]["mac"] = "02:00:00:00:00:01"
    assert statuses(identities(facts)) == [Status.PASS]


def _also_at(facts, node, ip):
    facts[node]["nics"]["eth0"]["addresses"].append({"family": "AF_INET", "address": ip, "prefix": 24, "static": True})


def test_a_planned_address_on_a_second_node_fails():
    facts = all_told(PLAN)
    _also_at(facts, "secondary", "192.168.1.101")
    assert "192.168.1.101 (ch-ab) is on primary and secondary" in said(identities(facts), Status.FAIL)


def test_an_unplanned_address_counts_where_it_lies_in_a_planned_subnet():
    facts = all_told(PLAN)
    for node in ("primary", "secondary"):
        _also_at(facts, node, "172.17.0.1")
        _also_at(facts, node, "fe80::1%eth0")
    assert statuses(identities(facts)) == [Status.PASS]
    for node in ("primary", "secondary"):
        _also_at(facts, node, "10.16.7.250")
    assert "10.16.7.250 (public) is on primary and secondary" in said(identities(facts), Status.WARN)


def test_on_a_running_neverfail_pair_both_nodes_have_the_public_address():
    for ip, cluster, status in (
        ("10.16.7.101", LIVE, Status.INFO),
        ("10.16.7.250", LIVE, Status.INFO),
        ("10.16.7.101", None, Status.FAIL),
        ("192.168.1.101", LIVE, Status.FAIL),
        ("10.16.7.99", LIVE, Status.FAIL),
    ):
        plan = trio(cluster=cluster) if cluster else PLAN
        facts = all_told(plan)
        for node in ("primary", "secondary"):
            _also_at(facts, node, ip)
        assert ip in said(identities(facts, plan), status), (ip, cluster)
    plan = trio(cluster=LIVE, stack=GENESYS)
    facts = all_told(plan)
    _also_at(facts, "secondary", "10.16.7.101")
    assert "10.16.7.101" in said(identities(facts, plan), Status.FAIL)


def test_one_inventory_cannot_be_compared_and_a_missing_one_is_not_passed_over():
    facts = all_told(PLAN)
    del facts["tertiary"]
    words = identities(facts)
    assert statuses(words) == [Status.SKIPPED]
    assert "interfaces of tertiary are unknown" in words[0].message
    del facts["secondary"]
    assert statuses(identities(facts)) == [Status.SKIPPED]


def test_a_demonstration_is_one_machine_on_purpose():
    plan = trio(cluster=DEMONSTRATION)
    facts = {node.name: told(plan, "primary") for node in plan.nodes}
    assert set(statuses(identities(facts, plan))) == {Status.INFO}


# --- hostile input ---------------------------------------------------------------------------------------------------

odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.sampled_from(sorted(told(PLAN, "primary"))), odd)
def test_an_odd_fact_breaks_no_rule_and_unknown_is_no_pass(key, value):
    facts = all_told(PLAN)
    facts["primary"][key] = value
    about(lan_plan.RULE, facts["primary"])
    about(egress.RULE, facts["primary"])
    compared(facts)
    identities(facts)
    if key in ("os", "kernel", "cpus", "memory_B", "packages", "timezone") and value in (None, "", [], {}, False, 0):
        assert Status.PASS not in statuses(compared(facts))


def ends(one, other, pair="primary+secondary", **duplexes):
    """What is said of two nodes whose every interface has these speeds (in Mbit/s) and duplex modes."""
    facts = all_told(PLAN)
    for name, speed in zip(pair.split("+"), (one, other), strict=True):
        for nic in facts[name]["nics"].values():
            nic["speed_Mbps"] = speed
            nic["duplex"] = duplexes.get(name, "full")
    (word,) = ask(link_match.RULE, pair, {FACTS: {name: facts[name] for name in pair.split("+")}}, PLAN)
    return word


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [(1000, 1000, Status.PASS), (1000, 800, Status.PASS), (1000, 799, Status.WARN), (100, 1000, Status.WARN)],
)
def test_links_at_both_ends_may_be_a_fifth_apart(one, other, status):
    assert ends(one, other).status is status
    assert ends(other, one).status is status


def test_duplex_that_differs_is_told_and_silence_or_two_sites_say_nothing():
    word = ends(1000, 1000, secondary="half")
    assert word.status is Status.WARN
    assert "full duplex on primary and half duplex on secondary" in word.message
    assert ends(1000, 1000, primary="", secondary="half").status is Status.PASS
    assert ends(None, None, primary="", secondary="").status is Status.INFO
    assert ends(-1, "fast", primary=3, secondary=[]).status is Status.INFO
    assert ends(100, 1000, pair="primary+tertiary").status is Status.INFO


def test_a_node_without_an_inventory_says_nothing_of_its_links():
    (word,) = ask(link_match.RULE, "primary+secondary", {FACTS: {"primary": all_told(PLAN)["primary"]}}, PLAN)
    assert word.status is Status.SKIPPED


def test_a_wrong_way_out_is_told_beside_the_one_that_it_ought_to_be():
    facts = told(PLAN, "primary")
    entry = next(row for row in facts["egress"] if row["network"] == "ch-ab" and row["target"] == "secondary")
    entry |= {"nic": "eth0", "source": "10.16.7.101", "via": "10.16.7.1"}
    (word,) = [word for word in about(egress.RULE, facts) if word.status is Status.FAIL]
    assert word.remedy == (
        "Correct the way of primary to 192.168.1.102: `ip route get 192.168.1.102` there finds eth0 by way of 10.16.7.1, source 10.16.7.101; it ought to be "
        "eth1, source 192.168.1.101. Look for a wrong route, address or netmask, and change it in the network configuration that primary starts with, "
        "or the next start undoes it."
    )


@pytest.mark.parametrize(
    ("route", "remedy"),
    [
        (
            {"to": "192.168.1.0/24", "via": "10.16.7.1", "nic": "eth0"},
            (
                "On primary put the direct route of ch-ab over eth1 in the place of 192.168.1.0/24 via 10.16.7.1 dev eth0: "
                "`ip route replace 192.168.1.0/24 dev eth1 src 192.168.1.101`. `ip route get"
            ),
        ),
        (
            {"to": "192.168.1.102/32", "via": "10.16.7.1", "nic": "eth0"},
            (
                "On primary delete the route 192.168.1.102/32 via 10.16.7.1 dev eth0: `ip route del 192.168.1.102/32 via 10.16.7.1 dev eth0`, and see that "
                "192.168.1.0/24 is on eth1. "
            ),
        ),
        (
            {"to": "192.168.1.102/32", "via": "x; reboot", "nic": "eth0; reboot"},
            "On primary delete the route 192.168.1.102/32 dev eth0; reboot, and see",
        ),
        ({"to": "default", "via": "10.16.7.1", "nic": "eth0"}, "Correct the way of primary to 192.168.1.102: "),
        ({"to": "nonsense", "via": 7, "nic": None}, "Correct the way of primary to 192.168.1.102: "),
    ],
)
def test_the_route_that_leads_astray_is_named_with_what_to_put_in_its_place(route, remedy):
    facts = told(PLAN, "primary")
    entry = next(row for row in facts["egress"] if row["network"] == "ch-ab" and row["target"] == "secondary")
    entry |= {"nic": "eth0", "source": "10.16.7.101", "via": "10.16.7.1"}
    facts["routes"] = [route]
    (word,) = [word for word in about(egress.RULE, facts) if word.status is Status.FAIL]
    assert word.remedy.startswith(remedy)
