"""The plan: every mistake is told at once by its key, and nothing but `PlanError` comes out."""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
import stat
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from fakes import make_plan, plan_data
from hypothesis import given, settings
from hypothesis import strategies as st
from nodes import haready

import analyzer.stacks
from collector.errors import EXTRA_HINT, Exit, OperatorError, PlanError
from collector.plan import (
    DEFAULT_PORT,
    NetworkKind,
    ObserverKind,
    Origin,
    Role,
    Socket,
    Topology,
    load,
    load_key,
    parse,
)
from collector.plan_doubts import doubts, untouched
from collector.plan_templates import template
from collector.plugins import discover

STACK = {"name": "genesys-addp", "networks": ["ch1"]}


def changed(**more: Any) -> dict[str, Any]:
    return copy.deepcopy(plan_data()) | more


def with_node(**more: Any) -> dict[str, Any]:
    data = changed()
    data["node"][1] |= more
    return data


def with_stack(**more: Any) -> dict[str, Any]:
    return changed(stack=[STACK | more])


def without(key: str) -> dict[str, Any]:
    data = changed()
    del data[key]
    return data


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("format", without("format"), "is missing"),
    ("format", changed(format=2), "reads format 1, not 2"),
    ("format", changed(format="1"), "a whole number"),
    ("format", changed(format=True), "a whole number"),
    ("colour", changed(colour="red"), "unknown key"),
    ("cluster", changed(cluster="lab"), "must be a table"),
    ("cluster.name", changed(cluster={}), "is missing"),
    ("cluster.name", changed(cluster={"name": "a b"}), "is no name"),
    ("cluster.name", changed(cluster={"name": "../x"}), "is no name"),
    ("cluster.topology", changed(cluster={"name": "x", "topology": "ring"}), "is not one of ha-pair"),
    ("cluster.phase", changed(cluster={"name": "x", "phase": "after"}), "is not one of before"),
    ("cluster.origin", changed(cluster={"name": "x", "origin": 3}), "must be text"),
    ("cluster.colour", changed(cluster={"name": "x", "colour": 1}), "unknown key"),
    ("network", without("network"), "at least one"),
    ("network.ch 2", changed(network={"ch1": {}, "ch 2": {}}), "letters, digits"),
    ("network.ch2", changed(network={"ch1": {}, "ch2": 5}), "must be a table"),
    ("network.ch1.kind", changed(network={"ch1": {"kind": "wifi"}}), "is not one of public"),
    ("network.ch1.rate_bps", changed(network={"ch1": {"rate_bps": 0}}), "above 0"),
    ("network.ch1.vlan", changed(network={"ch1": {"vlan": 4095}}), "between 1 and 4094"),
    ("network.ch1.probe", changed(network={"ch1": {"probe": "yes"}}), "true or false"),
    ("network.ch1.rate_bps", changed(network={"ch1": {"rate_bps": 1 << 70}}), "is too large"),
    ("network.ch1.rate_bps", changed(network={"ch1": {"rate_bps": 1 << 20_000}}), "is too large"),
    ("network.ch1.rate_bps", changed(network={"ch1": {"rate_bps": 10**16}}), "at most 10^15"),
    ("network.ch1.dscp", changed(network={"ch1": {"dscp": 64}}), "between 0 and 63"),
    ("network.ch1.dscp", changed(network={"ch1": {"dscp": "EF"}}), "a whole number"),
    ("network.ch1.bandwidth", changed(network={"ch1": {"bandwidth": 1}}), "true or false"),
    (
        "network.ch1.bandwidth",
        changed(network={"ch1": {}, "ch2": {}} | {"ch1": {"probe": False, "bandwidth": True}}),
        "probe",
    ),
    ("network.ch1.mtu", changed(network={"ch1": {"mtu": 9000}}), "unknown key"),
    ("network", changed(network={"ch1": {"probe": False}}), "nothing to measure"),
    ("node", without("node"), "at least 2 nodes"),
    ("node", changed(node={"name": "a"}), "[[node]]"),
    ("node", changed(cluster={"name": "x", "topology": "ha-dr-trio"}), "has 3 nodes, this plan has 2"),
    ("node", with_node(name="a"), "two nodes are called 'a'"),
    ("node number 2, name", with_node(name=""), "is no name"),
    ("node number 2, name", with_node(name=5), "must be text"),
    ("node b, role", with_node(role="boss"), "is not one of primary"),
    ("node b, site", with_node(site=1), "must be text"),
    ("node b, rack", with_node(rack="r1"), "unknown key"),
    ("node b, addr", with_node(addr={}), "is missing"),
    ("node b, addr", with_node(addr="10.9.0.2/24"), "is missing"),
    ("node b, ch9", with_node(addr={"ch1": "10.9.0.2/24", "ch9": "10.8.0.2/24"}), "there is no [network.ch9]"),
    ("node b, ch1", with_node(addr={"ch1": "10.9.0.2"}), "lacks its prefix length"),
    ("node b, ch1", with_node(addr={"ch1": "10.9.0.300/24"}), "is no address with prefix"),
    ("node b, ch1", with_node(addr={"ch1": 7}), "is no address with prefix"),
    ("node b, ch1", with_node(addr={"ch1": "0.0.0.0/24"}), "not the address of one machine"),
    ("node b, ch1, ip", with_node(addr={"ch1": {}}), "is missing"),
    ("node b, ch1, ip", with_node(addr={"ch1": {"ip": 5}}), "must be text"),
    ("node b, ch1", with_node(addr={"ch1": {"ip": ""}}), "is no address with prefix"),
    ("node b, ch1", with_node(addr={"ch1": {"ip": "10.9.0.2"}}), "lacks its prefix length"),
    ("node b, ch1", with_node(addr={"ch1": {"ip": "10.9.0.1/24"}}), "is node a, ch1 already"),
    ("node b, ch1, nic", with_node(addr={"ch1": {"ip": "10.9.0.2/24", "nic": 4}}), "must be text"),
    ("node b, ch1, switch", with_node(addr={"ch1": {"ip": "10.9.0.2/24", "switch": "a\x1b"}}), "control character"),
    ("node b, ch1, port", with_node(addr={"ch1": {"ip": "10.9.0.2/24", "port": 1.5}}), "must be text"),
    ("node b, ch1, port", with_node(addr={"ch1": {"ip": "10.9.0.2/24", "port": True}}), "must be text"),
    ("node b, ch1, vlan", with_node(addr={"ch1": {"ip": "10.9.0.2/24", "vlan": 0}}), "between 1 and 4094"),
    ("node b, ch1, vlan", with_node(addr={"ch1": {"ip": "10.9.0.2/24", "vlan": "7"}}), "a whole number"),
    ("node b, ch1, mac", with_node(addr={"ch1": {"ip": "10.9.0.2/24", "mac": "aa"}}), "unknown key"),
    ("node b, host", with_node(host="a\nb"), "control character"),
    ("node b, ch1", with_node(addr={"ch1": ["10.9.0.2/24"]}), "is no address with prefix"),
    ("node b, ch1", with_node(addr={"ch1": "10.9.0.1/24"}), "is node a, ch1 already"),
    ("observer gw, addr", changed(observer=[{"name": "gw", "kind": "gateway", "addr": "gw.example"}]), "is no IP"),
    ("observer gw, addr", changed(observer=[{"name": "gw"}]), "is missing"),
    ("observer gw, addr", changed(observer=[{"name": "gw", "kind": "gateway", "addr": ""}]), "is no IP"),
    ("observer gw, addr", changed(observer=[{"name": "gw", "addr": "224.0.0.1"}]), "not the address of one machine"),
    (
        "observer gw, addr",
        changed(observer=[{"name": "gw", "addr": "255.255.255.255"}]),
        "not the address of one machine",
    ),
    ("observer a, name", changed(observer=[{"name": "a", "addr": "10.9.0.9"}]), "of another observer or node already"),
    (
        "observer gw, name",
        changed(observer=[{"name": "gw", "addr": "10.9.0.9"}, {"name": "gw", "addr": "10.9.0.8"}]),
        "of another observer or node already",
    ),
    ("observer", changed(observer={"name": "gw"}), "[[observer]]"),
    ("observer gw, kind", changed(observer=[{"name": "gw", "kind": "x", "addr": "10.9.0.9"}]), "is not one of scs"),
    ("stack", changed(stack=STACK), "[[stack]]"),
    ("stack genesys-addp, networks", with_stack(networks=[]), "at least one network"),
    ("stack genesys-addp, networks", with_stack(networks=["ch7"]), "there is no [network.ch7]"),
    ("stack genesys-addp, networks", with_stack(networks=[1]), "list of texts"),
    ("stack genesys-addp, auto_failover", with_stack(auto_failover=[["a", "x"]]), "there is no node 'x'"),
    ("stack genesys-addp, auto_failover", with_stack(auto_failover=[["a"]]), "is no pair"),
    ("stack genesys-addp, auto_failover", with_stack(auto_failover=[["a", "a"]]), "is no pair"),
    ("stack genesys-addp, auto_failover", with_stack(auto_failover="ab"), "must be a list"),
    ("stack genesys-addp, auto_failover", with_stack(auto_failover=[[["a"], "b"]]), "no"),
    ("stack genesys-addp, override, floor_s", with_stack(override={"reason": "the vendor agreed"}), "is missing"),
    ("stack genesys-addp, override, reason", with_stack(override={"floor_s": 5, "reason": " "}), "must say why"),
    (
        "stack genesys-addp, override, why",
        with_stack(override={"floor_s": 5, "reason": "x", "why": "y"}),
        "unknown key",
    ),
    ("stack genesys-addp, override", with_stack(override=5), "must be a table"),
    ("stack genesys-addp, current_s", with_stack(current_s=0), "between 1 and 3600"),
    ("stack genesys-addp, current_s", with_stack(current_s="30"), "must be"),
    ("target.detection_s", changed(target={"detection_s": -1}), "above 0"),
    ("target.detection_s", changed(target={"detection_s": float("nan")}), "above 0"),
    ("target.detection_s", changed(target={"detection_s": float("inf")}), ""),
    ("target.false_failovers_per_year", changed(target={"false_failovers_per_year": "one"}), "must be a number"),
    ("target.false_failovers_per_year", changed(target={"false_failovers_per_year": 10**400}), ""),
    ("replication.growth", changed(replication={"growth": -0.1}), "must lie between"),
    ("replication.compression", changed(replication={"compression": 0.5}), "must lie between"),
    ("replication.size_B", changed(replication={"size_B": 0}), "above 0"),
    ("replication.ratio", changed(replication={"ratio": 2}), "unknown key"),
    ("scenario.off", changed(scenario={"off": "rstp"}), "must be a list"),
    ("probe.period_s", changed(probe={"period_s": 0.001}), "between 0.02 and 10"),
    ("probe.period_s", changed(probe={"period_s": float("nan")}), "between 0.02 and 10"),
    ("probe.period_s", changed(probe={"period_s": True}), "must be a number"),
    ("probe.port", changed(probe={"port": 65536}), "between 1 and 65535"),
    ("probe.port", changed(probe={"port": 8862.0}), "a whole number"),
    ("bandwidth.budget_B", changed(bandwidth={"budget_B": -1}), "between 0 and"),
    ("bandwidth.budget_B", changed(bandwidth={"budget_B": 1e9}), "a whole number"),
    ("bandwidth.cap_bps", changed(bandwidth={"cap_bps": 0}), "above 0"),
    ("bandwidth.seconds", changed(bandwidth={"seconds": 1}), "between 2 and 120"),
    ("bandwidth.every_s", changed(bandwidth={"every_s": 9}), "between 10 and"),
    ("bandwidth.udp_bps", changed(bandwidth={"udp_bps": -1}), "between 0 and"),
    ("bandwidth.cpu_limit", changed(bandwidth={"cpu_limit": 0}), "between 0.01 and 1"),
    ("bandwidth.traffic_limit", changed(bandwidth={"traffic_limit": 30}), "between 0.01 and 1"),
    ("network.ch1.load_bps", changed(network={"ch1": {"load_bps": 0}}), "must be above 0"),
    ("bandwidth.port", changed(bandwidth={"port": 0}), "between 1 and 65535"),
    ("bandwidth.port", changed(bandwidth={"port": 8862}), "the port of the probes"),
    ("bandwidth.port", changed(probe={"port": 8863}), "the port of the probes"),
    ("bandwidth.rate", changed(bandwidth={"rate": 5}), "unknown key"),
    ("bandwidth.quiet", changed(bandwidth={"quiet": [8]}), "list of texts"),
    ("bandwidth.quiet", changed(bandwidth={"quiet": "08:00-18:00"}), "must be a list"),
    ("bandwidth.quiet", changed(bandwidth={"quiet": ["8-18"]}), "no stretch of the day"),
    ("bandwidth.quiet", changed(bandwidth={"quiet": ["08:00-24:00"]}), "no stretch of the day"),
    ("bandwidth.quiet", changed(bandwidth={"quiet": ["08:00-08:00"]}), "has no length"),
    ("security.key_file", changed(security={"key_file": 5}), "must be text"),
    ("security.open_to", changed(security={"open_to": ["everybody"]}), "is no IP address"),
    ("security.open_to", changed(security={"open_to": ["10.0.0.5/24"]}), "no network like"),
    ("security.open_to", changed(security={"open_to": ["0.0.0.0/0"]}), "is everybody"),
    ("security.open_to", changed(security={"open_to": ["::/0"]}), "is everybody"),
    ("security.open_to", changed(security={"open_to": ["224.0.0.0/8"]}), "is not the address of one machine"),
    ("security.open_to", changed(security={"open_to": [167772161]}), "must be a list of texts"),
]


@pytest.mark.parametrize(("key", "data", "what"), MISTAKES, ids=[f"{key}-{what[:24]}" for key, _, what in MISTAKES])
def test_a_mistake_is_told_by_file_and_key(key, data, what):
    with pytest.raises(PlanError) as refused:
        parse(data, "x/plan.toml")

    assert [line for line in refused.value.mistakes if line.startswith(f"x/plan.toml: {key}: ") and what in line]
    assert refused.value.hint
    assert refused.value.code is Exit.USAGE


def test_all_mistakes_of_a_plan_are_told_at_once():
    data = changed(colour=1, cluster={"name": "a b"}, probe={"port": 0}, stack=[STACK | {"networks": ["ch7"]}])

    with pytest.raises(PlanError) as refused:
        parse(data, "p")

    keys = [line.split(": ")[1] for line in refused.value.mistakes]
    assert sorted(keys) == ["cluster.name", "colour", "probe.port", "stack genesys-addp, networks"]
    assert str(refused.value).splitlines() == refused.value.mistakes


def test_the_smallest_plan_gets_documented_defaults():
    plan = parse({**changed(), "probe": {}}, "p")

    assert (plan.probing.period_s, plan.probing.port) == (0.2, DEFAULT_PORT)
    assert plan.security.key_file == "plan.key"
    assert plan.origin is Origin.SYNTHETIC
    assert plan.topology is Topology.CUSTOM
    assert [node.role for node in plan.nodes] == [Role.MEMBER] * 2


def test_paths_are_every_ordered_pair_on_every_probed_network():
    data = changed(
        network={"ch1": {}, "ch2": {}, "idle": {"probe": False}},
        node=[
            {"name": "a", "addr": {"ch1": "10.1.0.1/24", "ch2": "10.2.0.1/24", "idle": "10.3.0.1/24"}},
            {"name": "b", "addr": {"ch1": "10.1.0.2/24", "idle": "10.3.0.2/24"}},
            {"name": "c", "addr": {"ch1": "10.1.0.3/24", "ch2": "10.2.0.3/24"}},
        ],
    )

    assert [path.name for path in parse(data, "p").paths()] == [
        "a>b/ch1",
        "a>c/ch1",
        "b>a/ch1",
        "b>c/ch1",
        "c>a/ch1",
        "c>b/ch1",
        "a>c/ch2",
        "c>a/ch2",
    ]


def test_a_pair_at_two_sites_is_a_wan_pair():
    plan = parse(with_node(site="dr"), "p")

    assert plan.is_wan("a", "b")
    assert not plan.is_wan("a", "a")


def test_an_unknown_node_is_refused_with_those_there_are():
    with pytest.raises(OperatorError, match="no node 'z'") as refused:
        make_plan().node("z")

    assert refused.value.hint == "nodes: a, b"


@pytest.mark.parametrize("topology", list(Topology))
def test_the_template_of_every_topology_is_a_plan_without_mistakes(tmp_path, topology):
    path = tmp_path / "plan.toml"
    path.write_text(template(topology, "my-cluster", "plan.toml", "plan.key"))

    plan = load(path)

    assert plan.topology is topology
    assert plan.cluster == "my-cluster"
    assert plan.security.key_file == "plan.key"
    assert len(plan.nodes) == (3 if topology in (Topology.HA_DR_TRIO, Topology.CUSTOM) else 2)
    assert not any(plan.is_wan(*pair) for stack in plan.stacks for pair in stack.auto_failover)


@pytest.mark.parametrize("topology", list(Topology))
@pytest.mark.parametrize("examples", ["switched off", "switched on"])
def test_a_template_raises_no_doubt_with_its_examples_off_or_on(topology, examples):
    text = template(topology, "my-cluster", "plan.toml", "plan.key")
    if examples == "switched on":
        text = re.sub(r"(?m)^#(?=\S)", "", text)

    plan = parse(tomllib.loads(text), "plan.toml")

    assert list(doubts(plan, ["genesys_addp", "neverfail"])) == []
    if examples == "switched on":
        assert {stack.name for stack in plan.stacks} >= {"genesys-addp"}
        assert {observer.kind for observer in plan.observers} >= set(ObserverKind) - {ObserverKind.WITNESS}


WORDS = "topology phase vlan probe dscp bandwidth rate_bps load_bps site host power nic switch port kind"
SETTINGS = "budget_B cap_bps seconds every_s quiet udp_bps cpu_limit traffic_limit period_s key_file"


def test_what_other_programs_may_use_beside_a_test_is_looked_at_unless_all_nodes_are_one_machine():
    measured, shown = parse(changed(), "p"), parse(changed(cluster={"name": "c", "origin": "demonstration"}), "p")
    stated = parse(changed(cluster={"name": "c", "origin": "demonstration"}, bandwidth={"cpu_limit": 0.5}), "p")

    assert (measured.bandwidth.cpu_limit, measured.bandwidth.traffic_limit) == (0.8, 0.3)
    assert (shown.bandwidth.cpu_limit, shown.bandwidth.traffic_limit) == (1.0, 1.0)
    assert (stated.bandwidth.cpu_limit, stated.bandwidth.traffic_limit) == (0.5, 1.0)


@pytest.mark.parametrize("topology", list(Topology))
def test_a_template_shows_every_key_and_every_kind(topology):
    text = template(topology, "my-cluster", "plan.toml", "plan.key")

    assert [word for word in WORDS.split() if not re.search(rf"\b{word}\b", text)] == []
    assert [key for key in SETTINGS.split() if not re.search(rf"(?m)^#?{key} = ", text)] == []
    for kind in NetworkKind:
        assert f'"{kind}"' in text, kind
    for kind in ObserverKind:
        assert f'"{kind}"' in text, kind
    assert "[target]" in text
    assert max(map(len, text.splitlines())) <= 130


def test_templates_carry_the_ports_that_the_products_document():
    text = re.sub(r"(?m)^#(?=\S)", "", template(Topology.HA_DR_TRIO, "c", "p.toml", "p.key"))
    plan = parse(tomllib.loads(text), "p.toml")

    written = {stack.name: [port.name for port in stack.ports or ()] for stack in plan.stacks}
    documented = {stack.name: list(stack.ports) for stack in discover(analyzer.stacks, "STACK")}
    assert written == {name: documented[name] for name in written}
    assert documented["neverfail"] == ["tcp/57348"]


def test_the_trio_keeps_management_below_public_on_the_same_nic():
    plan = parse(tomllib.loads(template(Topology.HA_DR_TRIO, "c", "p.toml", "p.key")), "p.toml")

    for node in plan.nodes:
        assert node.addresses["management"].ip < node.addresses["public"].ip
        assert node.sockets["management"] == node.sockets["public"]


def test_an_address_may_say_where_it_is_plugged_in():
    table = {"ip": "10.9.0.2/24", "nic": "eth1", "switch": "sw-1", "port": 7}

    plan = parse(with_node(addr={"ch1": table}), "p")

    assert plan.node("b").sockets["ch1"] == Socket("eth1", "sw-1", "7")
    assert str(plan.node("b").addresses["ch1"]) == "10.9.0.2/24"
    assert plan.node("a").sockets["ch1"] == Socket()


def test_an_address_may_be_in_another_vlan_than_its_network():
    data = with_node(addr={"ch1": {"ip": "10.9.0.2/24", "vlan": 17}}) | {"network": {"ch1": {"vlan": 7}}}

    plan = parse(data, "p")

    assert [plan.vlan(node, "ch1") for node in plan.nodes] == [7, 17]
    assert make_plan().vlan(make_plan().node("a"), "ch1") is None


def test_the_trio_is_the_topology_of_neverfail_with_the_public_vlan_of_each_site():
    plan = parse(tomllib.loads(template(Topology.HA_DR_TRIO, "c", "p.toml", "p.key")), "p.toml")

    assert [stack.name for stack in plan.stacks] == ["neverfail"]
    assert [(node.role, plan.vlan(node, "public"), plan.vlan(node, "management")) for node in plan.nodes] == [
        (Role.PRIMARY, 7, 7),
        (Role.SECONDARY, 7, 7),
        (Role.TERTIARY, 17, 17),
    ]


def test_beside_a_running_product_nothing_is_loaded_unless_the_plan_says_so():
    live = {"name": "x", "phase": "live"}

    assert parse(changed(), "p").bandwidth.budget_B == 10_000_000_000
    assert parse(changed(cluster=live), "p").bandwidth.budget_B == 0
    assert list(parse(changed(cluster=live), "p").bandwidth_paths()) == []
    assert parse(changed(cluster=live, bandwidth={"budget_B": 5}), "p").bandwidth.budget_B == 5


def test_bandwidth_is_tested_on_channels_unless_the_plan_says_otherwise():
    data = changed(
        network={
            "ch1": {},
            "lan": {"kind": "public"},
            "thin": {"bandwidth": False},
            "sy": {"kind": "sync", "bandwidth": True},
        }
    )

    assert [name.name for name in parse(data, "p").networks if name.bandwidth] == ["ch1", "sy"]


@pytest.mark.parametrize("addr", ["10.9.0.300/24", {"ip": "10.9.0.300/24"}, {"ip": 5}, None])
def test_an_address_that_cannot_be_read_is_one_mistake(addr):
    data = with_node(addr={"ch1": addr} if addr else {}) | {"stack": [STACK | {"auto_failover": [["a", "b"]]}]}

    told = mistakes(data)

    assert told is not None
    assert [line.split(": ")[1].rpartition(", ip")[0] or line.split(": ")[1] for line in told] == [
        "node b, ch1" if addr else "node b, addr"
    ]


def test_a_pair_that_fails_over_shares_one_of_the_stacks_networks_but_need_not_be_on_all():
    networks = {"ch1": {}, "ch2": {}}
    data = changed(network=networks, stack=[STACK | {"networks": ["ch1", "ch2"], "auto_failover": [["a", "b"]]}])
    assert mistakes(data) is None

    data["stack"][0]["networks"] = ["ch2"]
    assert mistakes(data) == ["p: stack genesys-addp, auto_failover: 'a' and 'b' share none of ch2"]


def test_a_key_with_control_characters_does_not_reach_the_terminal():
    told = mistakes(changed(**{"a\x1b[31m": 1}))

    assert told is not None
    assert [line.split(": ")[1] for line in told] == ["a?[31m"]


# --- doubts ----------------------------------------------------------------------------------------------------------


def pair(**more: Any) -> dict[str, Any]:
    """A plan without any doubt: two nodes with public, management and two channels."""

    def node(name: str, number: int, role: str) -> dict[str, Any]:
        return {
            "name": name,
            "role": role,
            "host": f"esx-{number}",
            "power": f"feed-{number}",
            "addr": {
                "lan": {"ip": f"10.1.0.{10 + number}/24", "nic": "eth0", "switch": "s1", "port": str(number)},
                "mgmt": {"ip": f"10.1.0.{number}/24", "nic": "eth0", "switch": "s1", "port": str(number)},
                "ch1": {"ip": f"10.2.0.{number}/24", "nic": "eth1"},
                "ch2": {"ip": f"10.3.0.{number}/24", "nic": "eth2", "switch": "s2", "port": str(number)},
            },
        }

    return {
        "format": 1,
        "cluster": {"name": "lab", "topology": "ha-pair"},
        "network": {
            "lan": {"kind": "public"},
            "mgmt": {"kind": "management", "probe": False},
            "ch1": {"rate_bps": 10**9},
            "ch2": {"rate_bps": 10**9},
        },
        "node": [node("a", 1, "primary"), node("b", 2, "secondary")],
        "observer": [{"name": "gw", "kind": "gateway", "addr": "10.1.0.254"}],
        "stack": [STACK | {"auto_failover": [["a", "b"]], "ports": []}],
        **more,
    }


def put(data: dict[str, Any], where: str, value: Any) -> None:
    """Set ``node.1.addr.ch1.nic``; None takes the key away."""
    *way, last = where.split(".")
    for step in way:
        data = data[int(step)] if isinstance(data, list) else data[step]
    if value is None:
        del data[last]
    else:
        data[last] = value


def both(key: str, value: Any) -> dict[str, Any]:
    return {f"node.0.{key}": value, f"node.1.{key}": value}


DOUBTS: dict[str, tuple[dict[str, Any], str]] = {
    "one subnet": (
        {"node.0.addr.ch1.ip": "10.1.0.77/24"},
        "'lan' and 'ch1' share the subnet 10.1.0.0/24; give each its own",
    ),
    "no host's address": (
        {"node.0.addr.ch1.ip": "10.2.0.255/24"},
        "10.2.0.255 is no host's address in 10.2.0.0/24; check",
    ),
    "management above public": ({"node.0.addr.mgmt.ip": "10.1.0.99/24"}, "not below the public address 10.1.0.11"),
    "channels on one NIC": ({"node.0.addr.ch2.nic": "eth1"}, "'ch1' and 'ch2' share the NIC eth1"),
    "channel on the public NIC": (
        {"node.1.addr.ch1.nic": "eth0"},
        "channel 'ch1' runs on the public NIC eth0; give it",
    ),
    "one port twice": ({"node.1.addr.ch2.port": "1"}, "'a' and 'b' are both on port 1 of switch s2"),
    "one switch for all channels": ({"node.0.addr.ch1.switch": "s2"}, "between 'a' and 'b' run through switch s2"),
    "one machine": (both("host", "esx"), "stand on one physical machine (esx): that is no HA"),
    "one feed": (both("power", "A"), "'a', 'b' hang on one power feed (A)"),
    "no observer": ({"observer": []}, "no observer is named"),
    "node as observer": ({"observer.0.addr": "10.2.0.1"}, "'gw' has an address of node 'a'"),
    "observer out of reach": ({"observer.0.addr": "fd00::1"}, "no node has an IPv6 address"),
    "no channel": (
        {"network.ch1.kind": "sip", "network.ch2.kind": "sip"},
        "no two nodes share a network of kind channel",
    ),
    "failover across sites": ({"node.1.site": "dr"}, "take the pair out of auto_failover"),
    "pair at two sites": ({"node.1.site": "dr"}, "an ha-pair stands at one site, this one at 'dr', 'main'"),
    "no rate between sites": (
        {"node.1.site": "dr", "network.ch1.rate_bps": None},
        "'ch1' joins sites and has no rate_bps",
    ),
    "dr-pair at one site": ({"cluster.topology": "dr-pair"}, "a dr-pair stands at two sites, this one at 'main' only"),
    "two VLANs at one site": (
        {"node.0.addr.ch2.vlan": 12},
        "network 'ch2': 'a' and 'b' are at one site but in different VLANs; correct",
    ),
    "nobody fails over": (
        {"stack.0.auto_failover": []},
        "'genesys-addp' has no pair in auto_failover, so it gets no failover timeout; name",
    ),
    "two primaries": ({"node.1.role": "primary"}, "'a', 'b' all have the role primary"),
    "rate in Mbit": ({"network.ch1.rate_bps": 100}, "100 Mbit/s is written 100_000_000"),
    "network of one": ({"node.1.addr.mgmt": None}, "'mgmt' joins 1 of 2 nodes"),
    "unknown product": ({"stack.0.name": "neverfial"}, "'neverfial' is not known to this version"),
    "ports not stated": ({"stack.0.ports": None}, "names no ports, so nobody tests whether firewalls let it through"),
    "stack unprobed": ({"stack.0.networks": ["ch1", "mgmt"]}, "runs on network 'mgmt', which is not probed"),
    "budget too small": ({"bandwidth": {"budget_B": 1000}}, "no bandwidth test of a>b/ch1 will run"),
    "load above rate": ({"network.ch1.rate_bps": 10**8, "network.ch1.load_bps": 10**9}, "more than its rate_bps"),
    "round too long": ({"bandwidth": {"every_s": 10}}, "longer than every_s = 10"),
    "many guests": ({"security": {"open_to": ["10.9.0.0/16"]}}, "10.9.0.0/16 lets 65536 addresses probe"),
    "always quiet": ({"bandwidth": {"quiet": ["00:00-12:00", "11:00-00:00"]}}, "no bandwidth test ever runs"),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_what_a_plan_hardly_means_is_told_in_one_sentence(case):
    changes, what = DOUBTS[case]
    good, data = pair(), pair()
    for where, value in changes.items():
        put(data, where, value)

    told = list(doubts(parse(data, "p"), ["genesys_addp"]))

    assert list(doubts(parse(good, "p"), ["genesys_addp"])) == []
    assert [line for line in told if what in line]
    assert all("\n" not in line and (";" in line or "," in line) for line in told)


def test_only_a_product_that_fails_over_in_pairs_has_to_name_one():
    data = pair(stack=[STACK | {"name": name, "auto_failover": [], "ports": []} for name in ("Etcd", "keepalived")])

    told = [line for line in doubts(parse(data, "p"), ["etcd", "keepalived"], ["etcd"]) if "auto_failover" in line]

    assert len(told) == 1
    assert "'keepalived' has no pair in auto_failover" in told[0]


def test_the_command_knows_which_products_need_no_pair(tmp_path):
    haready("plan", "init", "ha-pair", cwd=tmp_path)
    path = tmp_path / "plan.toml"
    text = re.sub(r'^name = "genesys-addp"', 'name = "corosync"', path.read_text(), flags=re.MULTILINE)
    path.write_text(re.sub(r"^auto_failover = .*", "auto_failover = []", text, flags=re.MULTILINE))

    done = haready("plan", "check", "plan.toml", cwd=tmp_path)

    assert done.returncode == Exit.DONE
    assert "auto_failover" not in done.stderr
    assert "not known" not in done.stderr


def test_a_plan_is_made_and_checked_where_the_analysis_is_not_installed(tmp_path):
    program = """
import sys
for name in ("pandas", "numpy", "matplotlib", "reportlab"):
    sys.modules[name] = None
import haready
sys.exit(haready.main(sys.argv[1:]))
"""

    def run(*arguments):
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert run("plan", "init", "ha-pair").returncode == 0
    checked = run("plan", "check", "plan.toml")
    assert checked.returncode == 0, checked.stderr
    assert "was not checked: the analysis is not installed here" in checked.stderr
    assert run("plan", "schedule", "plan.toml").returncode == 0
    listed = run("list", "stacks")
    assert (listed.returncode, listed.stderr.splitlines()[-1]) == (2, f"hint: {EXTRA_HINT}")


def test_a_feed_that_takes_no_majority_is_no_doubt():
    data = pair(cluster={"name": "x"}, stack=[])
    third = copy.deepcopy(data["node"][1]) | {"name": "c", "role": "member", "host": "esx-3", "power": "feed-3"}
    third["addr"] = {"lan": "10.1.0.13/24", "ch1": "10.2.0.3/24", "ch2": "10.3.0.3/24", "mgmt": "10.1.0.3/24"}
    data["node"] += [third, *({**third, "name": name, "host": name, "power": name} for name in "de")]
    for number, node in enumerate(data["node"][3:], 4):
        node["addr"] = {
            name: text.replace(".3/", f".{number}/").replace(".13/", f".1{number}/")
            for name, text in third["addr"].items()
        }
    data["node"][1]["power"] = "feed-1"

    assert not [line for line in doubts(parse(data, "p"), []) if "power" in line]

    data["node"][2]["power"] = "feed-1"
    assert [line for line in doubts(parse(data, "p"), []) if "'a', 'b', 'c' hang on one power feed" in line]


def test_a_pair_of_a_trio_without_a_channel_between_them_is_named():
    text = template(Topology.HA_DR_TRIO, "c", "p.toml", "p.key").replace(
        'kind = "channel"                    # secondary', 'kind = "sip" #'
    )

    told = list(doubts(parse(tomllib.loads(text), "p"), ["genesys_addp", "neverfail"]))

    assert told == ["nodes 'secondary' and 'tertiary' share no network of kind channel or sync; plan one between them"]


# --- the commands ----------------------------------------------------------------------------------------------------


def two_lines(done: Any, code: int, error: str, hint: str) -> None:
    lines = done.stderr.splitlines()
    assert done.returncode == code
    assert len(lines) == 2, lines
    assert lines[0].startswith("error: ")
    assert error in lines[0]
    assert lines[1].startswith("hint: ")
    assert hint in lines[1]
    assert done.stdout == ""


def own(text: str) -> str:
    """A plan made by `init`, with a site's own addresses put in."""
    return text.replace("10.16.", "10.77.").replace("10.12.17.", "10.78.17.").replace("192.168.", "172.20.")


@pytest.mark.parametrize("topology", list(Topology))
def test_init_writes_a_plan_and_a_private_key_that_check_finds_good_once_it_is_edited(tmp_path, topology):
    made = haready("plan", "init", topology, "--cluster", "c1", "-o", "site.toml", cwd=tmp_path)
    (tmp_path / "site.toml").write_text(own((tmp_path / "site.toml").read_text()))
    checked = haready("plan", "check", "site.toml", cwd=tmp_path)

    assert made.stdout.split() == ["site.toml", "site.key"]
    assert stat.S_IMODE((tmp_path / "site.key").stat().st_mode) == 0o600
    assert "c1" in checked.stdout
    assert (checked.returncode, checked.stderr) == (Exit.DONE, "")
    assert "site.toml: good. " in checked.stdout
    for node in load(tmp_path / "site.toml").nodes:
        assert f"on {node.name}: haready collect --plan site.toml --node {node.name} " in checked.stdout
    assert "haready check --plan site.toml --node NAME" in checked.stdout


@pytest.mark.parametrize("topology", list(Topology))
def test_a_plan_that_nobody_edited_is_told_to_be_the_example(tmp_path, topology):
    haready("plan", "init", topology, cwd=tmp_path)
    checked = haready("plan", "check", "plan.toml", cwd=tmp_path)

    assert "the cluster still has the example's name 'my-cluster'" in checked.stderr
    nodes = ", ".join(repr(node.name) for node in load(tmp_path / "plan.toml").nodes)
    assert f"nodes still at the example's addresses: {nodes}; " in checked.stderr
    assert "observers still at the example's addresses: " in checked.stderr
    assert "plan.toml: usable, 3 warnings: read them. " in checked.stdout


def test_a_node_that_was_forgotten_in_the_editing_is_named():
    example = parse(tomllib.loads(template(Topology.HA_PAIR, "x", "p", "k")), "p")
    data = tomllib.loads(template(Topology.HA_PAIR, "ours", "p", "k"))
    for network, entry in data["node"][0]["addr"].items():
        entry["ip"] = own(entry["ip"]) if network != "public" else "10.16.7.201/24"
    data["observer"] = [{"name": "gw", "addr": "10.77.7.1"}]

    assert list(untouched(parse(data, "p"), example)) == [
        "nodes still at the example's addresses: 'sip-b'; put in those of the machines"
    ]


def test_init_overwrites_nothing(tmp_path):
    (tmp_path / "plan.key").write_text("mine")

    done = haready("plan", "init", "ha-pair", cwd=tmp_path)

    two_lines(done, 2, "plan.key exists already", "-o")
    assert not (tmp_path / "plan.toml").exists()


def test_check_counts_warnings_and_tells_them_apart_from_the_result(tmp_path):
    haready("plan", "init", "ha-pair", cwd=tmp_path)
    path = tmp_path / "plan.toml"
    path.write_text(own(path.read_text()).replace("esx-2", "esx-1").replace("my-cluster", "ours"))

    done = haready("plan", "check", "plan.toml", cwd=tmp_path)

    assert done.returncode == Exit.DONE
    assert done.stderr.splitlines() == [
        "warning: nodes 'sip-a' and 'sip-b' stand on one physical machine (esx-1): that is no HA; move one to another machine"
    ]
    assert "plan.toml: usable, 1 warning: read it. " in done.stdout


def test_check_tells_every_mistake_then_one_hint(tmp_path):
    haready("plan", "init", "ha-pair", cwd=tmp_path)
    path = tmp_path / "plan.toml"
    path.write_text(path.read_text().replace('"primary"', '"first"').replace("dscp = 0", "dscp = 99"))

    done = haready("plan", "check", "plan.toml", cwd=tmp_path)

    assert done.returncode == Exit.USAGE
    lines = done.stderr.splitlines()
    assert [line.split(": ")[2] for line in lines[:-1]] == ["network.ch2.dscp", "node sip-a, role"]
    assert lines[-1].startswith("hint: ")


def test_check_wants_the_key_and_a_plan(tmp_path):
    haready("plan", "init", "ha-pair", cwd=tmp_path)
    (tmp_path / "plan.key").unlink()

    two_lines(haready("plan", "check", "plan.toml", cwd=tmp_path), 2, "key file plan.key: No such file", "chmod 600")
    two_lines(haready("plan", "check", "no.toml", cwd=tmp_path), 2, "no.toml: No such file", "plan init")


# --- digest ----------------------------------------------------------------------------------------------------------

TEXT = """format = 1
[cluster]
name = "lab"
phase = "live"
[network.ch1]
kind = "sync"
rate_bps = 1000
[[node]]
name = "a"
addr = { ch1 = "10.0.0.1/24" }
[[node]]
name = "b"
addr = { ch1 = "10.0.0.2/24" }
[target]
false_failovers_per_year = 2
detection_s = 30.5
"""


def digest(tmp_path, text: str) -> str:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return load(path).digest


def test_comments_white_space_and_the_order_of_keys_do_not_change_the_digest(tmp_path):
    other = TEXT.replace("format = 1\n", "# ours\n\nformat   =   1 # one\n\n")
    other = other.replace('name = "lab"\nphase = "live"\n', 'phase = "live"\nname = "lab"\n')
    other = other.replace('kind = "sync"\nrate_bps = 1000\n', 'rate_bps = 1_000\nkind = "sync"\n')

    assert other != TEXT
    assert digest(tmp_path, other) == digest(tmp_path, TEXT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"lab"', '"lob"'),
        ('"live"', '"before"'),
        ('"sync"', '"channel"'),
        ("= 1000", "= 1001"),
        ('name = "a"', 'name = "c"'),
        ("10.0.0.1/24", "10.0.0.1/25"),
        ("10.0.0.2", "10.0.0.3"),
        ("= 2\n", "= 3\n"),
        ("30.5", "30.6"),
    ],
)
def test_any_changed_value_changes_the_digest(tmp_path, old, new):
    assert TEXT.count(old) == 1

    assert digest(tmp_path, TEXT.replace(old, new)) != digest(tmp_path, TEXT)


def test_a_plan_that_travelled_through_an_archive_is_the_same_plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(TEXT)
    plan = load(path)

    again = parse(json.loads(json.dumps(plan.data)), "manifest")

    assert again == plan
    assert again.digest == plan.digest


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"format = = 1\n", r"line 1"),
        (b'[cluster]\nname = "a"\nname = "b"\n', r"overwrite"),
        (b"\xff\xfeformat = 1", r"not UTF-8 text \(byte 0\)"),
        (b"", r"format: is missing"),
        (b"format = " + b"9" * 5000, r"plan.toml"),
        (b"a = " + b"[" * 5000, r"plan.toml"),
    ],
    ids=["syntax", "key twice", "not UTF-8", "empty", "endless number", "nested"],
)
def test_a_file_that_is_no_plan_is_refused_by_name(tmp_path, content, what):
    path = tmp_path / "plan.toml"
    path.write_bytes(content)

    try:
        load(path)
    except PlanError as error:
        refused = error
    except RecursionError:  # shown here: pytest itself stumbles over its traceback
        pytest.fail("RecursionError instead of PlanError", pytrace=False)

    assert re.search(what, str(refused))
    assert str(path) in str(refused)


def test_a_mistake_of_the_notation_is_told_with_its_line(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text("format = 1\n[cluster]\n  name = lab \x1b # mine\n", encoding="utf-8")
    with pytest.raises(PlanError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: line 3: name = lab ? # mine: Invalid value"

    path.write_text("format = 1\n" + "x" * 100 + "\n", encoding="utf-8")
    with pytest.raises(PlanError, match=r"line 2: x{57}\.\.\.: Expected '='"):
        load(path)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_plan_that_is_no_file_is_refused_with_a_hint(tmp_path, name):
    with pytest.raises(PlanError) as refused:
        load(tmp_path / name)

    assert "haready plan init" in refused.value.hint


def key_file(tmp_path, content: bytes = b"k" * 64 + b"\n", mode: int = 0o600):
    path = tmp_path / "plan.key"
    path.write_bytes(content)
    path.chmod(mode)
    return tmp_path / "plan.toml"


def test_the_key_is_read_from_beside_the_plan_without_its_line_end(tmp_path):
    assert load_key(key_file(tmp_path), make_plan()) == b"k" * 64


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o610])
def test_a_key_that_others_may_use_is_refused(tmp_path, mode):
    with pytest.raises(OperatorError, match=f"open to others .mode {mode:o}") as refused:
        load_key(key_file(tmp_path, mode=mode), make_plan())

    assert refused.value.hint == f"chmod 600 {tmp_path / 'plan.key'}"


@pytest.mark.parametrize(("length", "good"), [(0, False), (31, False), (32, True)])
def test_a_key_has_at_least_32_characters(tmp_path, length, good):
    plan_path = key_file(tmp_path, b"  " + b"k" * length + b"\n\n")

    if good:
        assert load_key(plan_path, make_plan()) == b"k" * length
    else:
        with pytest.raises(OperatorError, match=f"holds {length} characters; at least 32"):
            load_key(plan_path, make_plan())


def test_a_missing_key_is_told_with_what_to_do(tmp_path):
    with pytest.raises(OperatorError, match="No such file") as refused:
        load_key(tmp_path / "plan.toml", make_plan())

    assert "chmod 600" in refused.value.hint


# --- anything at all -------------------------------------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**308, 10**400)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["10.1.1.1/24", "10.1.1.2/24", "::1/64", "a", "b", "ch1", "ha-pair"])
    | st.dates()
    | st.just(dt.time(1, 2))
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
KEYS = "ip nic switch port vlan dscp bandwidth name role site host power addr kind rate_bps vlan probe networks auto_failover override floor_s reason ch1 a b"
known = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6),
)
TABLES = "format cluster node observer network stack target scenario probe bandwidth replication security"


def mistakes(data: dict[str, Any]) -> list[str] | None:
    """None: it is a plan."""
    try:
        parse(data, "p")
    except PlanError as error:
        return error.mistakes
    return None


@settings(deadline=None)
@given(data=st.dictionaries(st.text(max_size=8) | st.sampled_from(TABLES.split()), anything | known, max_size=8))
def test_any_mapping_is_a_plan_or_a_plan_error(data):
    told = mistakes(data)

    assert told is None or (told and all(line.startswith("p: ") for line in told))


@settings(deadline=None)
@given(
    key=st.sampled_from(
        [
            "cluster",
            "node",
            "observer",
            "network",
            "stack",
            "target",
            "scenario",
            "probe",
            "bandwidth",
            "replication",
            "security",
        ]
    ),
    value=known,
    rows=st.booleans(),
)
def test_a_good_plan_with_any_one_table_replaced_is_a_plan_or_a_plan_error(key, value, rows):
    assert mistakes(changed(**{key: [value] if rows else value})) != []


@settings(deadline=None)
@given(addr=known)
def test_a_node_with_any_address_is_a_plan_or_a_plan_error(addr):
    assert mistakes(with_node(addr=addr)) != []
    assert mistakes(with_node(addr={"ch1": addr})) != []


@settings(deadline=None)
@given(pairs=known, override=known)
def test_a_stack_with_any_failover_and_override_is_a_plan_or_a_plan_error(pairs, override):
    assert mistakes(with_stack(auto_failover=[pairs], override=override)) != []


def test_whether_a_node_is_in_use_is_true_false_or_not_stated():
    data = plan_data()
    data["node"][0]["in_use"] = True
    data["node"][1].pop("in_use", None)
    plan = parse(data, "plan.toml")
    assert [node.in_use for node in plan.nodes] == [True, None]
    data["node"][1]["in_use"] = "yes"
    with pytest.raises(PlanError, match=r"node b, in_use: must be true or false"):
        parse(data, "plan.toml")
