"""What no rule judges is named, with who can say it."""

from __future__ import annotations

import pytest
from synthetic import plan_data

from analyzer import stacks
from analyzer.engine import bound
from analyzer.untested import untested
from collector.plan import parse
from collector.plugins import discover


def named(**changes):
    plan = parse(plan_data(**changes), "plan.toml")
    found = untested(plan, bound(discover(stacks, "STACK"), plan), (), {})
    assert all(item.what and item.who for item in found)
    return " ".join(item.what for item in found)


# Words for what the sources ask for and this version does not judge.
REQUIRED = (
    "file handles", "synchronous writes", "VLAN and switch port", "middle of a replication", "Licences",
    "Output queue of the network adapters", "different nodes", "same reference", "Separate physical hosts", "room for a clone backup", "several channels share", "consensus store",
    "password age", "Activation", "Backup feature", "Administrator rights", "Packet filter", "NLB", "gratuitous ARP",
    "anti-virus", "address takeover", "Acceptance",
)  # fmt: skip


@pytest.mark.parametrize("words", REQUIRED)
def test_what_the_sources_ask_for_and_nothing_judges_is_named(words):
    assert words in named()


def test_what_only_a_product_asks_for_is_named_where_it_is_planned():
    assert "SIP traffic monitoring" in named()
    assert "virtual address" in named()
    assert "SIP traffic monitoring" not in named(stack=[])


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
