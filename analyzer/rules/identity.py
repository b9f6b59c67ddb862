"""Whether the planned nodes are different machines, each with an identity of its own.

What: Signatures, boot times, host names, hardware (MAC) addresses and IP addresses of all nodes, compared with each other.
Why HA: Two nodes that are one machine are no cluster. A cloned machine brings host name, MAC overrides and addresses along, and
    two machines with one address disturb each other at random.
How: The inventories. The signature is made of machine-id, firmware and MACs, so a cloned machine-id alone does not make it equal.
    Where a product that clones its nodes runs (Neverfail) they carry the public address by design.
Source: NF: cloning copies MAC overrides: look for equal or locally administered ones; static addresses, one per node. Boot times within
    1 s and what each finding weighs: design values.
Fails when: two nodes have the same signature and boot time, or a planned address is on a second node too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from analyzer.contract import Area, Scope, Status
from analyzer.extension import FACTS, Context, Custom, Judgement, Rule
from analyzer.netfacts import Nic, nics, text
from analyzer.troubles import Trouble, words
from analyzer.words import few
from collector.plan import Address, NetworkKind, Phase, Plan

BOOT_S = 1.0
"""The kernel's boot time wobbles by a second with the clock."""

_Facts = Mapping[str, Mapping[str, Any]]


def _check(context: Context) -> Iterator[Judgement]:
    plan, facts = context.plan, {node.name: context.facts.get(node.name) for node in context.plan.nodes}
    told = {name: inventory for name, inventory in facts.items() if inventory}
    if len(told) < 2:
        yield Judgement(
            Status.SKIPPED,
            f"Not judged: {len(told)} of {len(facts)} nodes recorded an inventory, two are needed to compare them.",
            remedy="Run the collector on every node and assess all archives together.",
        )
        return
    interfaces = {name: nics(inventory) or () for name, inventory in told.items()}
    silent = [name for name in facts if not interfaces.get(name)]
    clones = " and ".join(context.customs.get(Custom.CLONES, ())) if plan.phase is Phase.LIVE else ""
    troubles = [
        *_machines(told),
        *_names(told, clones),
        *_macs(interfaces),
        *_addresses(plan, interfaces, clones),
    ]
    if silent:
        remedy = "Compare MAC and IP addresses of all nodes by hand."
        troubles.append(Trouble(Status.SKIPPED, f"interfaces of {', '.join(silent)} are unknown", remedy))
    good = f"The {len(told)} nodes are different machines with addresses of their own."
    yield from words(plan, f"Nodes of {plan.cluster}", troubles, good)


def _machines(told: _Facts) -> Iterator[Trouble]:
    unknown = [name for name, inventory in told.items() if not text(inventory.get("signature"))]
    if unknown:
        yield Trouble(
            Status.SKIPPED,
            f"no signature of {', '.join(unknown)} is known",
            "Confirm that the nodes are different machines.",
        )
    for one, other in combinations(told, 2):
        signatures = {text(told[name].get("signature")) for name in (one, other)}
        first, second = (_boot_s(told[name]) for name in (one, other))
        together = first is not None and second is not None and abs(first - second) <= BOOT_S
        remedy = f"Find out whether {one} and {other} are two machines; a cluster needs two."
        if len(signatures) == 1 and "" not in signatures:
            if together:
                yield Trouble(Status.FAIL, f"{one} and {other} are one machine: same signature, same boot time", remedy)
            else:
                yield Trouble(
                    Status.WARN,
                    f"{one} and {other} have the same signature, but boot times that differ or are unknown: exact clones, or "
                    "one machine that was restarted",
                    remedy,
                )
        elif together:
            yield Trouble(
                Status.WARN,
                f"{one} and {other} were started in the same second: containers of one machine, or machines that came back "
                "from one power cut",
                remedy,
            )


def _boot_s(inventory: Mapping[str, Any]) -> float | None:
    value = inventory.get("boot_time_s")
    sound = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11
    return float(value) if sound and value is not None else None


def _names(told: _Facts, clones: str) -> Iterator[Trouble]:
    """`clones`: the running product that makes its nodes by cloning, if there is one."""
    users: dict[str, list[str]] = defaultdict(list)
    for name, inventory in told.items():
        users[text(inventory.get("hostname")).lower()].append(name)
    for hostname, names in users.items():
        if hostname and len(names) > 1:
            if clones:
                yield Trouble(
                    Status.INFO,
                    f"{', '.join(names)} all have the host name {hostname}: nodes of {clones} are made by cloning, so this may "
                    "be meant",
                )
            else:
                yield Trouble(
                    Status.WARN,
                    f"{', '.join(names)} all have the host name {hostname}",
                    "Give every node a host name of its own, unless the product asks for one name.",
                )


def _macs(interfaces: Mapping[str, tuple[Nic, ...]]) -> Iterator[Trouble]:
    owners: dict[str, dict[str, str]] = defaultdict(dict)
    for node, found in interfaces.items():
        for nic in found:
            if nic.mac and nic.outward:
                owners[nic.mac].setdefault(node, nic.name)
    for mac, nodes in owners.items():
        if len(nodes) > 1:
            where = ", ".join(f"{nic} of {node}" for node, nic in nodes.items())
            yield Trouble(
                Status.WARN,
                f"{where} have the same MAC {mac}",
                "Remove the MAC override that came with a clone: each interface needs its own.",
            )
    own = [f"{nic} of {node}" for mac, nodes in owners.items() if _local(mac) for node, nic in nodes.items()]
    if own:
        yield Trouble(
            Status.INFO,
            f"MACs set by software (locally administered), usual on some hypervisors: {few(own, 6)}",
        )


def _local(mac: str) -> bool:
    return bool(int(mac[:2], 16) & 2)


def _addresses(plan: Plan, interfaces: Mapping[str, tuple[Nic, ...]], clones: str) -> Iterator[Trouble]:
    """IP addresses on several nodes. One that is neither planned nor in a planned subnet is a container bridge's or the like."""
    holders: dict[Address, list[str]] = defaultdict(list)
    for node, found in interfaces.items():
        for ip in dict.fromkeys(held.ip for nic in found for held in nic.held):
            if not (ip.is_loopback or ip.is_link_local):
                holders[ip].append(node)
    planned = {interface.ip: name for node in plan.nodes for name, interface in node.addresses.items()}
    subnets = [
        (interface.network, name)
        for node in plan.nodes
        for name, interface in node.addresses.items()
        if interface.network.prefixlen
    ]
    for ip, nodes in holders.items():
        inside = planned.get(ip) or next((name for net, name in subnets if ip in net), None)
        if len(nodes) < 2 or inside is None:
            continue
        what = f"{ip} ({inside}) is on {' and '.join(nodes)}"
        if clones and plan.network(inside).kind is NetworkKind.PUBLIC:
            # The passive node's is masked by a packet filter.
            yield Trouble(Status.INFO, f"{what}, as it should where {clones} runs")
        else:
            yield Trouble(
                Status.FAIL if ip in planned else Status.WARN,
                what,
                "Give every node addresses of its own; only a product may move one.",
            )


RULE = Rule("identity", "Different machines", Area.HOST, Scope.CLUSTER, (FACTS,), (), _check)
