"""The LAN plan beside the inventories: what is found, what differs, and that no inventory can break it."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lan import all_told, told, trio, trio_data

from analyzer.contract import Stamping
from analyzer.inventory import described
from analyzer.lanplan import addresses, egress
from analyzer.netfacts import default_routes, nics
from collector.plan import parse

PLAN = trio()


def row(facts, node="primary", network="public", plan=PLAN):
    return next(found for found in addresses(plan, facts) if (found.node, found.network) == (node, network))


def way(facts, target="secondary", network="ch-ab", plan=PLAN):
    return next(found for found in egress(plan, facts) if (found.node, found.target, found.network) == ("primary", target, network))  # fmt: skip


def test_every_planned_address_has_a_row_in_plan_order_with_what_the_node_told():
    rows = addresses(PLAN, all_told(PLAN))
    assert [(found.node, found.network) for found in rows] == [
        (node.name, network) for node in PLAN.nodes for network in node.addresses
    ]
    first = rows[0]
    assert (first.address, first.nic, first.switch, first.port) == ("10.16.7.101/24", "eth0", "sw-1", "1")
    assert (first.found, first.found_nic, first.found_prefix, first.static, first.up) == (True, "eth0", 24, True, True)
    assert (first.mac, first.speed_bps, first.duplex, first.mtu) == ("00:1b:21:00:01:01", 10**9, "full", 1500)


def test_the_vlan_is_that_of_the_address_else_that_of_its_network():
    data = copy.deepcopy(trio_data())
    data["network"]["public"]["vlan"] = 7
    data["node"][2]["addr"]["public"]["vlan"] = 17
    plan = parse(data, "p")
    assert [row({}, node.name, plan=plan).vlan for node in plan.nodes] == [7, 7, 17]


def test_without_an_inventory_an_address_is_unknown_and_without_the_address_it_is_absent():
    assert row({}).found is None
    assert row({"primary": {"hostname": "x"}}).found is None
    facts = {"primary": told(PLAN, "primary")}
    facts["primary"]["nics"]["eth0"]["addresses"].pop(0)
    lacking = row(facts)
    assert (lacking.found, lacking.found_nic, lacking.static, lacking.up) == (False, "", None, None)


def test_an_alias_belongs_to_its_interface_and_a_netmask_stands_in_for_a_prefix():
    facts = told(PLAN, "primary")
    entry = facts["nics"]["eth1"]["addresses"].pop()
    del entry["prefix"]
    facts["nics"]["eth1:0"] = {"up": None, "addresses": [entry | {"netmask": "255.255.254.0"}]}
    found = row({"primary": facts}, network="ch-ab")
    assert (found.found_nic, found.found_prefix, found.up) == ("eth1", 23, True)
    entry["netmask"] = "255.0.255.0"
    facts["nics"]["eth1"]["addresses"].append(entry)
    assert row({"primary": facts}, network="ch-ab").found_prefix is None


def test_an_ipv6_address_is_found_whatever_its_spelling_and_zone():
    data = trio_data()
    for number, node in enumerate(data["node"][:2]):
        node["addr"]["ch-ab"] = f"fd00:0:0::{number + 1}/64"
    plan = parse(data, "plan.toml")
    facts = {"nics": {"eth1": {"addresses": [{"address": "FD00::0001%eth1", "prefix": 64}]}}}
    assert row({"primary": facts}, network="ch-ab", plan=plan).found_prefix == 64


def test_of_two_interfaces_with_one_address_the_planned_one_is_told():
    facts = told(PLAN, "primary")
    facts["nics"] = {"wlan0": copy.deepcopy(facts["nics"]["eth1"]), **facts["nics"]}
    assert row({"primary": facts}, network="ch-ab").found_nic == "eth1"


def test_the_way_out_is_as_planned_only_by_the_right_interface_and_source():
    facts = {"primary": told(PLAN, "primary")}
    assert way(facts).as_planned is True
    entry = next(found for found in facts["primary"]["egress"] if found["network"] == "ch-ab")
    for changes, expected in (
        ({"nic": "eth0"}, False),
        ({"source": "10.16.7.101"}, False),
        ({"nic": "eth0", "source": ""}, False),
        ({"nic": "", "source": "10.16.7.101"}, False),
        ({"nic": ""}, None),
        ({"source": ""}, None),
        ({"source": "rubbish"}, None),
    ):
        kept = dict(entry)
        entry |= changes
        assert way(facts).as_planned is expected, changes
        entry |= kept


def test_where_packets_leave_is_held_against_the_interface_that_really_has_the_address():
    facts = told(PLAN, "primary")
    facts["nics"]["eth7"] = facts["nics"].pop("eth1")
    assert way({"primary": facts}).as_planned is False
    next(found for found in facts["egress"] if found["network"] == "ch-ab")["nic"] = "eth7"
    assert way({"primary": facts}).as_planned is True


def test_public_and_management_share_a_subnet_so_either_may_be_the_source():
    facts = told(PLAN, "primary")
    entry = next(
        found for found in facts["egress"] if (found["target"], found["network"]) == ("secondary", "management")
    )
    entry["source"] = "10.16.7.101"
    assert way({"primary": facts}, network="management").as_planned is True


def test_a_way_that_was_not_told_or_is_to_another_address_gives_no_row():
    facts = told(PLAN, "primary")
    before = len(egress(PLAN, {"primary": facts}))
    facts["egress"][0]["address"] = "10.99.99.99"
    facts["egress"][1] |= {"nic": "", "source": ""}
    assert len(egress(PLAN, {"primary": facts})) == before - 2
    assert egress(PLAN, {}) == ()


def test_the_way_to_an_observer_is_told_and_not_judged():
    plan = trio(observer=[{"name": "gw", "kind": "gateway", "addr": "10.16.7.1"}])
    facts = told(plan, "primary")
    facts["egress"].append(
        {"target": "gw", "network": "", "address": "10.16.7.1", "nic": "eth0", "source": "10.16.7.99", "via": ""}
    )
    found = egress(plan, {"primary": facts})[-1]
    assert (found.target, found.network, found.nic, found.as_planned) == ("gw", "", "eth0", None)


def test_a_container_has_its_veth_and_a_host_has_bridges_that_lead_nowhere():
    nic = {"up": True, "driver": "veth", "addresses": [{"address": "10.0.0.1", "prefix": 24}]}
    found = nics(
        {
            "nics": {
                "eth0": nic,
                "veth1a": nic | {"addresses": [{"address": "fe80::1%veth1a"}]},
                "docker0": nic | {"driver": "bridge"},
                "lo": nic | {"driver": ""},
                "Loopback Pseudo-Interface 1": nic | {"driver": ""},
            }
        }
    )
    assert [one.name for one in found if one.outward] == ["eth0"]


def test_no_routes_told_is_not_the_same_as_no_default_route():
    assert default_routes({}) is None
    assert default_routes({"routes": "many"}) is None
    assert default_routes({"routes": [{"to": "10.0.0.0/8", "nic": "eth0"}]}) == ()
    assert default_routes({"routes": [{"to": "default", "nic": "b"}, {"to": "::/0", "nic": "b"}, 7]}) == ("b",)


def test_an_inventory_reads_like_a_sentence():
    facts = told(PLAN, "primary") | {"time": {"service": "chronyd", "synchronised": False}, "dns": []}
    facts["nics"] = {"eth1": facts["nics"]["eth1"]}
    facts["nics"]["eth1"]["addresses"][0]["static"] = False
    text = dict(described(facts))
    assert text["Interfaces"] == "eth1 up 1 Gbit/s full duplex MTU 1500 (e1000e) 192.168.1.101/24 (from a server)"
    assert text["Routes"].startswith("default via 10.16.7.1 (eth0); 10.16.7.0/24 (eth0)")
    assert text["Ways out"].startswith("secondary over public: eth0 from 10.16.7.101; ")
    assert text["Time service"] == "chronyd, NOT synchronised"
    assert text["Packages"] == "400 by dpkg, fingerprint abababababab"
    assert dict(described({"routes": facts["routes"] * 5}))["Routes"].endswith(" and 17 more")
    assert dict(described({"time": {"service": "", "synchronised": None}})) == {
        "Time service": "none runs, whether synchronised: not told"
    }
    assert dict(described({"names": {"a": ["10.0.0.1"], "b": []}})) == {"Names": "a is 10.0.0.1; b does not resolve"}
    assert dict(described({"arp": {"all": {"arp_ignore": 0}, "eth0": {"arp_ignore": 8}, "x": 5}})) == {
        "ARP settings other than 0": "eth0 arp_ignore 8"
    }
    assert dict(described({"nics": {"x": {"up": None}}}))["Interfaces"] == "x state not told"
    assert dict(described({"nics": {"lo": {"up": True}}}))["Interfaces"] == "none", "the loopback joins nothing"
    assert dict(described({"boot_time_s": 1_795_265_544}))["Booted"] == "2026-11-21 12:52 UTC", "as every other instant"


@pytest.mark.parametrize("driver", ["tun", "veth"])
def test_what_a_device_without_a_line_tells_of_its_speed_is_not_believed(driver):
    facts = {"nics": {"ch": {"up": True, "speed_Mbps": 10000, "duplex": "full", "driver": driver}}}
    (nic,) = nics(facts)
    assert (nic.speed_bps, nic.duplex) == (None, "")
    assert dict(described(facts))["Interfaces"] == f"ch up ({driver})"


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["default", "eth1", "10.16.7.101", "192.168.1.102", "secondary", "ch-ab", "::", "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["eth1", "eth1:0", "addresses", "address", "prefix", "nic", "to", "target", "network", "source"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(
    st.sampled_from(["nics", "routes", "egress", "time", "packages", "dns", "disks", "data", "names", "arp"]), anything
)
def test_no_inventory_is_too_odd(key, value):
    facts = {"primary": told(PLAN, "primary") | {key: value}}
    assert len(addresses(PLAN, facts)) == 12
    egress(PLAN, facts)
    default_routes(facts["primary"])
    assert all(isinstance(text, str) for pair in described(facts["primary"]) for text in pair)


@pytest.mark.parametrize("key", ["up", "speed_Mbps", "mtu", "duplex", "mac", "driver", "addresses", "hardware_stamps"])
@pytest.mark.parametrize("value", [None, True, -1, 1 << 80, 1.5, "x", "\x1b[2J", [], {}, [[]]])
def test_a_fact_of_another_type_is_not_told(key, value):
    facts = told(PLAN, "primary")
    facts["nics"]["eth0"][key] = value
    found = row({"primary": facts})
    assert found.up in (True, False, None)
    assert found.speed_bps is None or found.speed_bps == 10**9
    assert found.mtu in (None, 1500)
    assert found.duplex in ("", "full")
    assert found.mac in ("", "00:1b:21:00:01:01")
    assert found.stamping is Stamping.UNTOLD


@pytest.mark.parametrize("said", ["none", "other", "off", "on"])
def test_whether_the_card_of_an_address_stamps_in_hardware_is_what_the_node_says(said):
    facts = told(PLAN, "primary")
    facts["nics"]["eth0"]["hardware_stamps"] = said
    assert row({"primary": facts}).stamping == said
