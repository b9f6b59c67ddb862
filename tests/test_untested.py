"""What no rule judges is named, with who can say it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synthetic import plan_data

from analyzer import rules, stacks
from analyzer.contract import ObserverTiming, Quantiles
from analyzer.engine import bound
from analyzer.untested import untested
from collector.plan import parse
from collector.plugins import discover


def named(**changes):
    plan = parse(plan_data(**changes), "plan.toml")
    found = untested(plan, bound(discover(stacks, "STACK"), plan), (), {})
    assert all(item.what and item.who for item in found)
    return " ".join(item.what for item in found)


RULES = {rule.id for rule in discover(rules, "RULE")}

# Every check of the source documents (installation guide of Neverfail: NF, deployment guide of SIP Server HA: GSIP, article on split
# brain: SB), and whatever answers it: a rule by its name, or words of the list of what nobody checked. Several have both.
REQUIRED = {
    "NF parity.os": ("parity", "restart-due", "Updates that are offered"),
    "NF parity.hardware": ("parity", "parity-hardware", "Licences bound to the hardware"),
    "NF parity.software": ("parity", "Same application, anti-virus and updates"),
    "NF net.nic_count": ("lan-plan",),
    "NF net.channels": ("lan-plan", "redundancy"),
    "NF net.channel_redundancy": ("redundancy",),
    "NF net.gateway": ("lan-plan",),
    "NF net.static_ip": ("lan-plan",),
    "NF net.mgmt_address": ("lan-plan",),
    "NF net.mac": ("identity",),
    "NF net.reachability": ("path-coverage", "ports", "observers"),
    "NF net.nic_binding": ("Packet filter bound to the public interface only",),
    "NF host.privilege": ("Administrator rights of the installer",),
    "NF host.backup_tools": ("Backup feature",),
    "NF host.domain": ("password age",),
    "NF host.licence": ("Activation of the operating systems",),
    "NF disk.space": ("free-space", "Room for a clone backup"),
    "NF plan.documented": ("lan-plan", "VLAN and switch port"),
    "NF length of the run": ("node-coverage", "path-coverage"),
    "NF bandwidth between the servers": ("bandwidth",),
    "NF replication path": ("replication",),
    "NF separate hosts behind virtual machines": ("identity", "Separate physical hosts"),
    "NF anti-virus": ("Anti-virus and backup exclusions",),
    "SB split brain": (
        "redundancy",
        "outages",
        "Carriers, lines and routers beyond the first that several channels share",
    ),
    "SB triggers": ("middle of a replication",),
    "SB nobody knows that it is primary": ("how each node learns who is primary",),
    "GSIP path from SCS": ("observers", "The path from the Solution Control Server"),
    "GSIP [backup-sync] on both": ("[backup-sync] equal on both servers", "ticked on the port"),
    "GSIP gratuitous ARP": ("gratuitous-arp", "take gratuitous ARP"),
    "GSIP virtual address in the SIP network": ("virtual-address", "virtual address moves"),
    "GSIP NLB": ("Prerequisites of Windows NLB",),
    "GSIP name resolution, same domain": ("names", "reverse name resolution of the nodes, and one domain"),
    "GSIP static addresses": ("lan-plan",),
    "GSIP drivers and firmware where teamed": ("drivers and firmware of the network adapters are current", "teaming"),
    "GSIP switchover budget": ("Duration of an address takeover", "Timeout Startup", "Cancel Timeout"),
    "GSIP SIP traffic monitoring": ("SIP traffic monitoring",),
    "GSIP acceptance tests": ("Acceptance: manual switchover",),
}


@pytest.mark.parametrize("check", REQUIRED)
def test_every_check_of_the_source_documents_has_a_rule_or_is_named_with_who_confirms_it(check):
    # The checks are those of three documents, so products of all of them are planned.
    text = named(stack=[*plan_data()["stack"], {"name": "neverfail", "networks": ["ch1"]}])
    for answer in REQUIRED[check]:
        assert answer in RULES or answer in text, answer


# What this version does not judge although limits for it are known.
@pytest.mark.parametrize(
    "words", ["file handles of single processes", "synchronous writes under load", "no file system or array counts"]
)
def test_what_limits_are_known_for_and_nothing_judges_is_named(words):
    assert words in named()


def test_what_only_a_product_asks_for_is_named_where_it_is_planned():
    assert "SIP traffic monitoring" in named()
    assert "virtual address" in named()
    assert "SIP traffic monitoring" not in named(stack=[])


def test_what_only_a_product_that_replicates_or_is_cloned_asks_for_is_left_out_elsewhere():
    alone = named()
    for words in ("clone backup", "in the middle of a replication"):
        assert words not in alone
        assert words in named(stack=[{"name": "neverfail", "networks": ["ch1"]}])
        assert words in named(stack=[*plan_data()["stack"], {"name": "unknown", "networks": ["ch1"]}])


PLAN = parse(plan_data(), "plan.toml")


def told(**systems):
    facts = {name: {"system": system} for name, system in systems.items()}
    return " ".join(item.what for item in untested(PLAN, (), (), facts))


@pytest.mark.parametrize("word", ["NLB", "Windows Server Backup", "machine accounts", "Activation"])
def test_windows_is_asked_about_unless_every_node_told_that_it_is_linux(word):
    assert word not in told(a="Linux", b="Linux")
    assert word in told(a="Linux", b="Windows")
    assert word in told(a="Linux"), "a node that told nothing may be one"
    assert word in told(a=["Linux"], b="Linux")


def test_idle_connections_through_firewalls_are_not_tested():
    assert "Idle connections through firewalls" in told(a="Linux", b="Linux")


def answering(node, answered, kind="scs"):
    rtt = Quantiles(answered)
    return ObserverTiming("scs-1", kind, "10.9.9.9", node, 900, answered, rtt, 0.0, "")


@pytest.mark.parametrize(
    ("observers", "open_"),
    [
        ((), True),
        ((answering("a", 900), answering("b", 900)), False),
        ((answering("a", 900), answering("b", 0)), True),
        ((answering("a", 900), replace(answering("b", 0), sent=0, reason="no ping socket")), True),
        ((answering("a", 900, kind="gateway"),), True),
    ],
)
def test_the_path_of_the_scs_is_not_called_untested_once_it_was_measured(observers, open_):
    plan = parse(plan_data(), "plan.toml")
    found = untested(plan, bound(discover(stacks, "STACK"), plan), observers, {})
    assert any("The path from the Solution Control Server" in item.what for item in found) is open_


@pytest.mark.parametrize(
    ("products", "pair"), [(("etcd",), False), (("etcd", "neverfail"), True), (("etcd", "unknown"), True), ((), True)]
)
def test_of_a_consensus_store_nobody_is_asked_for_its_standby_or_its_address(products, pair):
    text = named(stack=[{"name": name, "networks": ["ch1"]} for name in products])
    for words in ("clone backup of the primary", "Duration of an address takeover", "manual switchover", "gratuitous"):
        assert (words in text) is pair, words
    assert ("the one that leads" in text) is not pair
    assert ("address that the product moves" in text) is (pair and bool(products))
