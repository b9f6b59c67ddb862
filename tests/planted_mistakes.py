"""A LAN plan in which nothing is wrong, and mistakes planted into it one at a time.

`State` is a plan with what its machines tell and what happened on its paths; `clean` makes one in which nothing is wrong, a trio with two channels
between the nodes of its pair. A `Mistake` changes it in one place and says which findings that has to raise: rule, subject, status and a word of the
message. A mistake in the plan alone says what `plan check` has to tell of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from lan import told, trio_data
from synthetic import Link, Machine, Site, answering, write

from analyzer.assess import assess
from analyzer.contract import Finding, Status
from collector.errors import PlanError
from collector.plan import Plan, parse
from collector.plan_doubts import doubts

LENGTH_S = 1000.0
PERIOD_S = 1.0
STACKS = ("neverfail", "genesys-addp", "keepalived")
NODES = ("primary", "secondary", "tertiary")
RAISED = (Status.WARN, Status.FAIL, Status.ERROR)
STRANGER = "00:50:56:aa:bb:cc"


@dataclass
class State:
    """The plan as parsed TOML, the inventories, and what replaces the sound course of the run."""

    plan: dict[str, Any]
    facts: dict[str, dict[str, Any]]
    links: dict[str, Link] = field(default_factory=dict)
    neighbours: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    silent: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """(node, observer): from and to when it did not answer."""
    holds: dict[str, list[tuple[float, str, bool]]] = field(default_factory=dict)

    def network(self, node: str, name: str) -> dict[str, Any]:
        """An address of the plan with its socket."""
        entry: dict[str, Any] = self.plan["node"][NODES.index(node)]["addr"][name]
        return entry

    def nic(self, node: str, name: str) -> dict[str, Any]:
        """An interface of a machine."""
        entry: dict[str, Any] = self.facts[node]["nics"][name]
        return entry

    def way(self, node: str, target: str, network: str = "") -> dict[str, Any]:
        """The way out of a node to a peer over a network, or to an observer."""
        return next(way for way in self.facts[node]["egress"] if (way["target"], way["network"]) == (target, network))


def plan_data(phase: str = "before") -> dict[str, Any]:
    """The plan in which nothing is wrong."""
    data = copy.deepcopy(trio_data())
    data["cluster"]["phase"] = phase
    data["bandwidth"] = {"budget_B": 0}
    # A second channel between the two nodes of the pair, on a card, a subnet and a switch of its own.
    data["network"]["ch-2"] = {"kind": "channel", "rate_bps": 1_000_000_000}
    for number, node in enumerate(data["node"]):
        node["in_use"] = False
        if number < 2:
            node["addr"]["ch-2"] = {
                "ip": f"192.168.2.{101 + number}/24",
                "nic": "eth3",
                "switch": "sw-4",
                "port": str(1 + number),
            }
    data["node"][2]["addr"]["public"]["vlan"] = 17
    data["stack"] = [
        {
            "name": "neverfail",
            "networks": ["ch-ab", "ch-2", "ch-ac", "ch-bc"],
            "auto_failover": [["primary", "secondary"]],
            "ports": [],
        }
    ]
    data["observer"] = [
        {"name": "gw", "kind": "gateway", "addr": "10.16.7.1"},
        {"name": "gw-dr", "kind": "gateway", "addr": "10.12.17.1"},
        {"name": "witness", "kind": "witness", "addr": "10.16.7.30"},
        {"name": "service", "kind": "virtual", "addr": "10.16.7.200"},
    ]
    return data


def clean(change: Callable[[dict[str, Any]], None] | None = None, phase: str = "before") -> State:
    """Machines that are exactly as the plan says, after `change` of the plan."""
    data = plan_data(phase)
    if change is not None:
        change(data)
    return machines(data)


def machines(data: dict[str, Any]) -> State:
    """What machines tell that are exactly as this plan says."""
    plan = parse(data, "plan.toml")
    facts = {node.name: told(plan, node.name) for node in plan.nodes}
    for node in plan.nodes:
        router = str(node.addresses["public"].network[1]) if "public" in node.addresses else ""
        for observer in plan.observers:
            public = node.addresses["public"]
            near = observer.address in public.network
            facts[node.name]["egress"].append(
                {
                    "target": observer.name,
                    "network": "",
                    "address": str(observer.address),
                    "nic": node.sockets["public"].nic,
                    "source": str(public.ip),
                    "via": "" if near else router,
                }
            )
    return State(data, facts)


def site(state: State) -> Site:
    """The run of that state. A product that runs holds every address where the plan has it, and the virtual one on the primary."""
    found = Site(length_s=LENGTH_S, period_s=PERIOD_S, plan=state.plan, links=dict(state.links), segment_s=LENGTH_S)
    plan = parse(state.plan, "plan.toml")
    live = state.plan["cluster"].get("phase") == "live"
    for node in plan.nodes:
        name = node.name
        served = {
            observer.name: _answers(state, name, observer.name)
            for observer in plan.observers
            if live or observer.kind != "virtual"
        }
        served |= {observer.name: _nobody for observer in plan.observers if not live and observer.kind == "virtual"}
        own = [(1.0, str(interface.ip), True) for interface in node.addresses.values()]
        virtual = [
            (1.0, str(one.address), True)
            for one in plan.observers
            if one.kind == "virtual" and name == plan.nodes[0].name
        ]
        holds = state.holds.get(name, [*own, *virtual]) if live else []
        found.machines[name] = Machine(inventory=state.facts[name], observers=served, holds=holds)
    for name, seen in state.neighbours.items():
        found.machines[name].neighbours = [*answering(found, name), *seen]
    return found


def _answers(state: State, node: str, observer: str) -> Callable[[np.ndarray], np.ndarray]:
    from_s, to_s = state.silent.get((node, observer), (0.0, 0.0))
    return lambda at: np.where((at >= from_s) & (at < to_s), np.nan, 0.0005)


def _nobody(at: np.ndarray) -> np.ndarray:
    return np.full(len(at), np.nan)


def raised(state: State, folder: Path) -> list[Finding]:
    """What the analysis finds wrong: warnings, failures and errors."""
    found = assess(list(write(site(state), folder).values()))
    return [finding for finding in found.findings if finding.status in RAISED]


def checked(data: Mapping[str, Any]) -> list[str]:
    """What `plan check` says of the plan: its mistakes, else its doubts."""
    try:
        plan: Plan = parse(dict(data), "plan.toml")
    except PlanError as error:
        return list(error.mistakes)
    return list(doubts(plan, STACKS))


Expected = tuple[str, str, Status, str]
"""Rule, subject, status, and a word of the message."""


@dataclass(frozen=True)
class Mistake:
    """`plant` spoils the state, `build` makes one by a changed plan instead. `says`: what the analysis has to raise, and nothing else."""

    name: str
    says: tuple[Expected, ...]
    plant: Callable[[State], None] | None = None
    build: Callable[[], State] = clean

    def state(self) -> State:
        """The clean state with the mistake in it."""
        state = self.build()
        if self.plant is not None:
            self.plant(state)
        return state


@dataclass(frozen=True)
class Slip:
    """A mistake that stands in the plan alone: `plant` changes it, and `plan check` has to say each of `says`, and nothing else."""

    name: str
    says: tuple[str, ...]
    plant: Callable[[dict[str, Any]], None]


def _addr(data: dict[str, Any], node: str, network: str) -> dict[str, Any]:
    entry: dict[str, Any] = data["node"][NODES.index(node)]["addr"][network]
    return entry


# --- mistakes in the plan alone --------------------------------------------------------------------------------------


def _both_channels(**values: str) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        for node in NODES[:2]:
            _addr(data, node, "ch-2").update(values)

    return change


def _set(node: str, network: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: _addr(data, node, network).update(values)


def _observer(name: str, address: str) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        next(one for one in data["observer"] if one["name"] == name)["addr"] = address

    return change


def _channel_in_public(data: dict[str, Any]) -> None:
    for number, node in enumerate(NODES[:2]):
        _addr(data, node, "ch-2")["ip"] = f"10.16.7.{131 + number}/24"


def _channel_in_the_others_public(data: dict[str, Any]) -> None:
    _addr(data, "primary", "ch-ac")["ip"] = "10.12.17.11/24"
    _addr(data, "tertiary", "ch-ac")["ip"] = "10.16.8.103/24"


def _one_switch(data: dict[str, Any]) -> None:
    for place, network in enumerate(("ch-ab", "ch-2")):
        for number, node in enumerate(NODES[:2]):
            _addr(data, node, network).update(switch="sw-4", port=f"{place}{number}")


def _no_channel(data: dict[str, Any]) -> None:
    for name in ("ch-ab", "ch-2"):
        data["network"][name]["kind"] = "sip"


def _machine(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["node"][1].update({key: data["node"][0][key]})


def _across_sites(data: dict[str, Any]) -> None:
    data["stack"][0]["auto_failover"].append(["primary", "tertiary"])
    del data["observer"][3]


def _lonely(data: dict[str, Any]) -> None:
    data["node"][1]["addr"].pop("ch-2")


def _other_vlan(data: dict[str, Any]) -> None:
    data["network"]["ch-ab"]["vlan"] = 5
    _addr(data, "secondary", "ch-ab")["vlan"] = 6


SLIPS = (
    Slip("a channel in the public subnet", ("'public' and 'ch-2' share the subnet", "'public' and 'ch-2' share the subnet",
         "'management' and 'ch-2' share the subnet", "'management' and 'ch-2' share the subnet",
         "channel 'ch-2' (10.16.7.0/24) overlaps the 'public' network of 'secondary'",
         "channel 'ch-2' (10.16.7.0/24) overlaps the 'public' network of 'primary'"), _channel_in_public),
    Slip("a channel in the public subnet of another node", ("channel 'ch-ac' (10.12.17.0/24) overlaps the 'public' network of 'tertiary'",),
         _channel_in_the_others_public),
    Slip("a management address above the public one", ("10.16.7.150 is not below the public address 10.16.7.101",),
         _set("primary", "management", ip="10.16.7.150/24")),
    Slip("two channels on one card", ("channels 'ch-ab' and 'ch-2' share the NIC eth1",), _set("primary", "ch-2", nic="eth1")),
    Slip("a channel on the public card", ("channel 'ch-2' runs on the public NIC eth0",), _set("secondary", "ch-2", nic="eth0")),
    Slip("one switch for both channels", ("all channels between 'primary' and 'secondary' run through switch sw-4",), _one_switch),
    Slip("one switch port for two nodes", ("are both on port 1 of switch sw-4",), _set("secondary", "ch-2", port="1")),
    Slip("no channel between the nodes of the pair", ("nodes 'primary' and 'secondary' share no network of kind channel",), _no_channel),
    Slip("one physical machine for both", ("stand on one physical machine (esx-1)",), _machine("host")),
    Slip("one power feed for both", ("hang on one power feed (feed-1)",), _machine("power")),
    Slip("one address twice", ("10.16.7.101 is node primary, public already",), _set("secondary", "public", ip="10.16.7.101/24")),
    Slip("another netmask at one site", ("'primary' and 'secondary' are at one site but in different subnets",),
         _set("secondary", "ch-2", ip="192.168.2.102/25")),
    Slip("another VLAN at one site", ("'primary' and 'secondary' are at one site but in different VLANs",), _other_vlan),
    Slip("a broadcast address", ("192.168.2.255 is no host's address",), _set("secondary", "ch-2", ip="192.168.2.255/24")),
    Slip("a channel that joins nobody", ("network 'ch-2' joins 1 of 3 nodes",), _lonely),
    Slip("automatic failover between sites", ("fails over by itself between 'primary' and 'tertiary' at different sites",), _across_sites),
    Slip("an observer that is a node", ("observer 'witness' has an address of node 'secondary'",), _observer("witness", "10.16.7.102")),
    Slip("a gateway in a channel's subnet", ("gateway 'gw' (192.168.1.1) lies in the subnet of channel 'ch-ab'",), _observer("gw", "192.168.1.1")),
    Slip("a gateway that no node can use", ("gateway 'gw' (10.99.0.1) lies in no subnet of any node",), _observer("gw", "10.99.0.1")),
    Slip("a virtual address planned in a channel", ("virtual address 'service' (192.168.1.200) lies in the subnet of 'ch-ab'",),
         _observer("service", "192.168.1.200")),
    Slip("a virtual address of nowhere", ("virtual address 'service' (10.99.0.200) lies in no subnet of any node",), _observer("service", "10.99.0.200")),
    Slip("a virtual address planned for the other site", ("does not fit at 'primary', 'secondary'",), _observer("service", "10.12.17.200")),
    Slip("a virtual address that is a broadcast address", ("is no host's address in its subnet",), _observer("service", "10.16.7.255")),
)  # fmt: skip


# --- mistakes in what was built --------------------------------------------------------------------------------------


def _held(state: State, node: str, nic: str, place: int = 0) -> dict[str, Any]:
    entry: dict[str, Any] = state.nic(node, nic)["addresses"][place]
    return entry


def _lost(state: State) -> None:
    state.nic("primary", "eth1")["addresses"].clear()


def _down(state: State) -> None:
    state.nic("primary", "eth3")["up"] = False


def _netmask(state: State) -> None:
    _held(state, "secondary", "eth3")["prefix"] = 16


def _leased(state: State) -> None:
    _held(state, "tertiary", "eth0")["static"] = False


def _other_socket(state: State) -> None:
    state.facts["primary"]["nics"]["eth7"] = state.facts["primary"]["nics"].pop("eth2")
    for way in state.facts["primary"]["egress"]:
        if way["nic"] == "eth2":
            way["nic"] = "eth7"


def _exchanged(state: State) -> None:
    nics = state.facts["primary"]["nics"]
    nics["eth1"]["addresses"], nics["eth3"]["addresses"] = nics["eth3"]["addresses"], nics["eth1"]["addresses"]
    for way in state.facts["primary"]["egress"]:
        way["nic"] = {"eth1": "eth3", "eth3": "eth1"}.get(way["nic"], way["nic"])


def _crossed(state: State) -> None:
    """Nobody is met there, so nothing is ever sent."""
    for one, other, network in (("primary", "secondary", "ch-2"), ("primary", "tertiary", "ch-ac")):
        for source, target in ((one, other), (other, one)):
            state.links[f"{source}>{target}/{network}"] = Link(start_s=LENGTH_S + 1.0, echo={}, searches=())


def _gateway_on_channel(state: State) -> None:
    state.facts["primary"]["routes"].append({"to": "default", "via": "192.168.1.1", "nic": "eth1", "metric": 100})


def _other_gateway(state: State) -> None:
    state.facts["secondary"]["routes"][0]["via"] = "10.16.7.254"


def _no_gateway(state: State) -> None:
    state.facts["secondary"]["routes"].pop(0)


def _two_cards(state: State) -> None:
    """The two channels of the tertiary on virtual interfaces that are bridges of one card."""
    for nic in ("eth1", "eth2"):
        state.nic("tertiary", nic)["driver"] = "bridge"


def _shared_card(state: State) -> None:
    state.nic("secondary", "eth1")["addresses"] += state.nic("secondary", "eth3")["addresses"]
    state.nic("secondary", "eth3")["addresses"] = []
    state.way("secondary", "primary", "ch-2")["nic"] = "eth1"


def _management_apart(state: State) -> None:
    entry = state.nic("primary", "eth0")["addresses"].pop()
    state.facts["primary"]["nics"]["eth5"] = {
        **state.nic("primary", "eth0"),
        "addresses": [entry],
        "mac": "00:1b:21:00:55:01",
    }
    state.facts["primary"]["arp"]["eth5"] = {"arp_ignore": 1}
    state.facts["primary"]["arp"]["eth0"] = {"arp_ignore": 1}
    state.way("primary", "secondary", "management")["nic"] = "eth5"
    state.way("primary", "tertiary", "management")["nic"] = "eth5"


def _windows(state: State) -> None:
    for name in NODES:
        state.facts[name]["system"] = "Windows"


def _management_above() -> State:
    return clean(_set("primary", "management", ip="10.16.7.150/24"))


def _way_by_public(state: State) -> None:
    state.way("primary", "tertiary", "ch-ac").update(nic="eth0", source="10.16.7.101", via="10.16.7.1")


def _other_source(state: State) -> None:
    state.way("secondary", "primary", "ch-ab")["source"] = "192.168.2.102"


def _same_address(state: State) -> None:
    state.nic("secondary", "eth0")["addresses"].append(
        {"family": "AF_INET", "address": "10.16.7.101", "netmask": "255.255.255.0", "prefix": 24, "static": True}
    )


def _stranger(state: State) -> None:
    state.neighbours["primary"] = [("10.16.7.102", "eth0", STRANGER)]


def _wrong_wire(state: State) -> None:
    state.neighbours["secondary"] = [("192.168.1.101", "eth1", state.nic("primary", "eth0")["mac"])]


def _clone(state: State) -> None:
    state.nic("secondary", "eth3")["mac"] = state.nic("primary", "eth3")["mac"]


def _taken(state: State) -> None:
    state.neighbours["primary"] = [("10.16.7.200", "eth0", STRANGER)]


def _taken_by_a_node(state: State) -> None:
    state.nic("primary", "eth0")["addresses"].append(
        {"family": "AF_INET", "address": "10.16.7.200", "netmask": "255.255.255.0", "prefix": 24, "static": True}
    )


def _virtual_elsewhere() -> State:
    return clean(_observer("service", "10.12.17.200"))


def _virtual_in_a_channel() -> State:
    return clean(_observer("service", "192.168.1.200"))


def _other_name(state: State) -> None:
    state.facts["tertiary"]["names"]["secondary"] = ["10.16.7.222"]


def _no_name(state: State) -> None:
    state.facts["primary"]["names"]["tertiary"] = []


def _stale_name(state: State) -> None:
    for name in NODES:
        state.facts[name]["names"]["secondary"] = ["10.16.7.55"]


def _drops(state: State) -> None:
    state.facts["secondary"]["arp"]["all"]["drop_gratuitous_arp"] = 1


def _mute(state: State) -> None:
    state.facts["primary"]["arp"]["eth0"]["arp_ignore"] = 8


def _two_in_one_subnet(state: State) -> None:
    state.facts["primary"]["nics"]["eth6"] = {
        **state.nic("primary", "eth0"),
        "mac": "00:1b:21:00:66:01",
        "addresses": [{"family": "AF_INET", "address": "10.16.7.161", "prefix": 24, "static": True}],
    }


def _one_router(state: State) -> None:
    """Both ways to the tertiary's site go by one router."""
    for network in ("public", "ch-ac"):
        state.way("primary", "tertiary", network)["via"] = "10.16.8.1"


def _both_out(state: State) -> None:
    gone = range(400, 412)
    for network in ("ch-ab", "ch-2"):
        state.links[f"primary>secondary/{network}"] = Link(lost_forward=gone)


def _all_out(state: State) -> None:
    """The switch that carries the third machines fails in the same minute as both channels."""
    _both_out(state)
    for node in NODES[:2]:
        for observer in ("gw", "witness", "gw-dr"):
            state.silent[node, observer] = (405.0, 411.0)


def _veto_gone(state: State) -> None:
    for node in NODES[:2]:
        for observer in ("gw", "witness", "gw-dr"):
            state.silent[node, observer] = (500.0, 530.0)


def _three_channels() -> State:
    def change(data: dict[str, Any]) -> None:
        data["network"]["ch-3"] = {"kind": "channel", "rate_bps": 1_000_000_000}
        for number, node in enumerate(NODES[:2]):
            data["node"][number]["addr"]["ch-3"] = {
                "ip": f"192.168.3.{101 + number}/24",
                "nic": "eth4",
                "switch": "sw-6",
                "port": "1" * (number + 1),
            }
            assert node == data["node"][number]["name"]

    return clean(change)


def _tied_veto(state: State) -> None:
    """Every third machine is reached by the card of the only channel."""
    for node in NODES[:2]:
        for observer in ("gw", "witness", "gw-dr"):
            state.way(node, observer)["nic"] = "eth1"
            state.way(node, observer)["source"] = ""


def _one_channel() -> State:
    def change(data: dict[str, Any]) -> None:
        del data["network"]["ch-2"]
        data["stack"][0]["networks"].remove("ch-2")
        for node in NODES[:2]:
            data["node"][NODES.index(node)]["addr"].pop("ch-2")

    return clean(change)


def _witness_on_a_node() -> State:
    def change(data: dict[str, Any]) -> None:
        data["observer"] = [one for one in data["observer"] if one["kind"] != "gateway"]
        next(one for one in data["observer"] if one["name"] == "witness")["host"] = "esx-1"

    return clean(change)


def _live() -> State:
    return clean(phase="live")


def _both_active(state: State) -> None:
    own = {
        node["name"]: [(1.0, entry["ip"].partition("/")[0], True) for entry in node["addr"].values()]
        for node in state.plan["node"]
    }
    state.holds["primary"] = [*own["primary"], (1.0, "10.16.7.200", True)]
    state.holds["secondary"] = [*own["secondary"], (300.0, "10.16.7.200", True), (400.0, "10.16.7.200", False)]


def _neither_serving(state: State) -> None:
    own = {
        node["name"]: [(1.0, entry["ip"].partition("/")[0], True) for entry in node["addr"].values()]
        for node in state.plan["node"]
    }
    state.holds["primary"] = [*own["primary"], (1.0, "10.16.7.200", True), (300.0, "10.16.7.200", False)]
    state.holds["secondary"] = [*own["secondary"], (420.0, "10.16.7.200", True)]


def _same_machine(state: State) -> None:
    for key in ("signature", "boot_time_s"):
        state.facts["secondary"][key] = state.facts["primary"][key]


W, F = Status.WARN, Status.FAIL
OUT: tuple[Expected, ...] = tuple(
    (rule, f"primary>secondary/{network}", W, word)
    for network in ("ch-ab", "ch-2")
    for rule, word in (("outages", "one outage of 12 s"), ("loss", "lost 12 of"))
)
"""What every outage of these paths raises beside what it means for the pair."""

MISTAKES = (
    Mistake(
        "a planned address that is on no interface",
        (("lan-plan", "primary", F, "ch-ab 192.168.1.101/24 is on none of its interfaces"),),
        _lost,
    ),
    Mistake(
        "an interface without a link", (("lan-plan", "primary", F, "eth3 with ch-2 192.168.2.101/24 is down"),), _down
    ),
    Mistake(
        "another netmask than planned",
        (("lan-plan", "secondary", W, "ch-2 192.168.2.102/24 has the prefix /16"),),
        _netmask,
    ),
    Mistake(
        "an address from a server",
        (("lan-plan", "tertiary", W, "public 10.12.17.103/24 was given by a server"),),
        _leased,
    ),
    Mistake(
        "an address on another interface than planned",
        (("lan-plan", "primary", W, "ch-ac 10.16.8.101/24 is on eth7, planned on eth2"),),
        _other_socket,
    ),
    Mistake(
        "two addresses exchanged",
        (
            ("crossed-cables", "voice", W, "the addresses of ch-ab and ch-2 are exchanged on primary"),
            ("lan-plan", "primary", W, "is on eth3, planned on eth1"),
        ),
        _exchanged,
    ),
    Mistake(
        "two cables crossed", (("crossed-cables", "voice", W, "the cables of eth2 and eth3 may be crossed"),), _crossed
    ),
    Mistake(
        "a default gateway on a channel",
        (("lan-plan", "primary", W, "a default gateway is on eth1, and it belongs on eth0 only"),),
        _gateway_on_channel,
    ),
    Mistake(
        "another default gateway than planned",
        (("lan-plan", "secondary", W, "its default gateway is 10.16.7.254, the plan names 10.16.7.1"),),
        _other_gateway,
    ),
    Mistake("no default gateway", (("lan-plan", "secondary", W, "it has no default gateway"),), _no_gateway),
    Mistake(
        "too few interfaces",
        (
            ("lan-plan", "tertiary", W, "it has 1 network interface, 3 are needed"),
            ("parity-hardware", "primary+tertiary", W, "tertiary has 1"),
        ),
        _two_cards,
    ),
    Mistake(
        "two channels on one interface",
        (
            ("lan-plan", "secondary", W, "ch-ab and ch-2 share eth1"),
            ("redundancy", "primary+secondary", W, "interface eth1 of secondary"),
        ),
        _shared_card,
    ),
    Mistake(
        "management on an interface of its own",
        (
            ("lan-plan", "primary", W, "management is on eth5, public on eth0"),
            ("parity-hardware", "primary+secondary", W, "secondary has"),
            ("parity-hardware", "primary+tertiary", W, "tertiary has"),
        ),
        _management_apart,
    ),
    Mistake(
        "management above public on Windows",
        (("lan-plan", "primary", W, "10.16.7.150 is not below the public address 10.16.7.101"),),
        _windows,
        _management_above,
    ),
    Mistake(
        "a channel that leaves by the public interface",
        (
            ("egress", "primary", F, "packets to tertiary over ch-ac (10.16.8.103) leave by eth0"),
            ("redundancy", "primary+tertiary", W, "interface eth0 of primary"),
        ),
        _way_by_public,
    ),
    Mistake(
        "a channel that leaves with another source",
        (("egress", "secondary", F, "leave by eth1 with source 192.168.2.102"),),
        _other_source,
    ),
    Mistake(
        "a planned address on a second node",
        (("identity", "voice", F, "10.16.7.101 (public) is on primary and secondary"),),
        _same_address,
    ),
    Mistake(
        "a planned address on a machine outside the plan",
        (("neighbours", "voice", F, "10.16.7.102 (public of secondary) was answered for by 00:50:56:aa:bb:cc"),),
        _stranger,
    ),
    Mistake(
        "a channel answered for by another card",
        (("neighbours", "voice", W, "(eth0 of primary, seen by secondary), not by the interface that holds it"),),
        _wrong_wire,
    ),
    Mistake(
        "a MAC that came with a clone",
        (("identity", "voice", W, "eth3 of primary, eth3 of secondary have the same MAC"),),
        _clone,
    ),
    Mistake(
        "a virtual address that somebody has",
        (("virtual-address", "voice", F, "another machine has it: 00:50:56:aa:bb:cc answered for it"),),
        _taken,
    ),
    Mistake(
        "a virtual address that a node has already",
        (("virtual-address", "voice", W, "primary has it already"),),
        _taken_by_a_node,
    ),
    Mistake(
        "a virtual address of the other site",
        (("virtual-address", "voice", W, "it does not fit into a public or SIP subnet of primary, secondary"),),
        None,
        _virtual_elsewhere,
    ),
    Mistake(
        "a virtual address in a channel",
        (("virtual-address", "voice", W, "it lies in the subnet of ch-ab"),),
        None,
        _virtual_in_a_channel,
    ),
    Mistake(
        "a name that is another machine on one node",
        (("names", "voice", W, "secondary resolves differently: 10.16.7.102 on primary, 10.16.7.222 on tertiary"),),
        _other_name,
    ),
    Mistake(
        "a name that one node does not know", (("names", "voice", W, "tertiary does not resolve on primary"),), _no_name
    ),
    Mistake(
        "a name with an address that nobody has",
        (
            (
                "names",
                "voice",
                W,
                "secondary resolves to 10.16.7.55 on primary, tertiary, which is none of its planned addresses",
            ),
        ),
        _stale_name,
    ),
    Mistake(
        "announcements that are dropped",
        (("gratuitous-arp", "secondary", W, "eth0 (public, management) drops gratuitous ARP"),),
        _drops,
    ),
    Mistake(
        "an interface that answers no ARP",
        (("gratuitous-arp", "primary", F, "eth0 (public, management) answers no ARP request"),),
        _mute,
    ),
    Mistake(
        "two interfaces in one subnet",
        (
            ("gratuitous-arp", "primary", W, "eth0 and eth6 both stand in 10.16.7.0/24"),
            ("parity-hardware", "primary+secondary", W, "secondary has"),
            ("parity-hardware", "primary+tertiary", W, "tertiary has"),
        ),
        _two_in_one_subnet,
    ),
    Mistake(
        "one router for two networks",
        (("redundancy", "primary+tertiary", W, "public and ch-ac share gateway 10.16.8.1 of primary"),),
        _one_router,
    ),
    Mistake(
        "both channels out at once",
        (*OUT, ("redundancy", "primary+secondary", W, "ch-ab, ch-2 were out at the same moment once, for up to 12 s")),
        _both_out,
    ),
    Mistake(
        "two of three channels out at once",
        (
            *OUT,
            (
                "redundancy",
                "primary+secondary",
                W,
                "several of ch-ab, ch-2, ch-3, but not all, were out at the same moment once",
            ),
        ),
        _both_out,
        _three_channels,
    ),
    Mistake(
        "channels and third machines out at once",
        (
            *OUT,
            ("redundancy", "primary+secondary", W, "ch-ab, ch-2 were out at the same moment"),
            (
                "veto",
                "primary+secondary",
                W,
                "all channels and gw, gw-dr, witness were out at the same moment once, for up to 6 s",
            ),
        ),
        _all_out,
    ),
    Mistake(
        "third machines silent to both nodes",
        (
            ("observers", "primary", W, "its longest silence lasted 30 s"),
            ("observers", "secondary", W, "its longest silence lasted 30 s"),
            ("veto", "primary+secondary", W, "gw, gw-dr, witness were all silent to both nodes for up to 30 s"),
        ),
        _veto_gone,
    ),
    Mistake(
        "third machines over the card of the channel",
        (("veto", "primary+secondary", W, "gw is reached over interface eth1 of primary"),),
        _tied_veto,
        _one_channel,
    ),
    Mistake(
        "the witness on the machine of a node",
        (("veto", "primary+secondary", W, "witness stands on the physical machine of primary (esx-1)"),),
        None,
        _witness_on_a_node,
    ),
    Mistake(
        "both nodes active",
        (("holders", "voice", F, "both active: primary and secondary held 10.16.7.200"),),
        _both_active,
        _live,
    ),
    Mistake(
        "no node serving",
        (("holders", "voice", F, "neither serving: nobody held 10.16.7.200"),),
        _neither_serving,
        _live,
    ),
    Mistake(
        "two nodes that are one machine",
        (("identity", "voice", F, "primary and secondary are one machine"),),
        _same_machine,
    ),
)
