"""What this version does not check, by name: nothing is silently absent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from analyzer.contract import Access, ObserverTiming, PortTest, Replication, Untested
from analyzer.extension import Custom, Stack
from collector.plan import ObserverKind, Plan

_WINDOWS = (
    Untested("Domain policy for the password age of the servers' machine accounts", "domain administrator"),
    Untested("Activation of the operating systems after cloning", "system administrator"),
    Untested("Backup feature (Windows Server Backup) installed on every node", "system administrator"),
    Untested(
        "Prerequisites of Windows NLB (two adapters, own VLAN or switch), where it is used", "network administrator"
    ),
)
"""What only Windows has: left out where every node said that it runs something else."""

_IDLE = Untested(
    "Idle connections through firewalls: after how long without traffic one is dropped, against the longest silence of the HA "
    "product and of the application",
    "network administrator",
)

_CLONED = Untested("Room for a clone backup of the primary on each standby", "system administrator")
_INTERRUPTED = Untested("What a restart in the middle of a replication leaves behind", "installer of the HA product")

_REPLICATION = Untested(
    "Bandwidth against the write load to be replicated: no planned product replicates what is written, as far as this version knows; "
    "a table [replication] in plan.toml asks for it",
    "network administrator",
)

_ALWAYS = (
    Untested("Administrator rights of the installer on every node", "system administrator"),
    Untested("Packet filter bound to the public interface only, never to channel or management", "installer"),
    Untested("Separate physical hosts, power and switches behind the nodes", "data centre or virtualisation team"),
    Untested(
        "Firewall ports of the application and to clients, and of the HA product where [[stack]] ports does not name them",
        "network administrator",
    ),
    Untested("Names: reverse name resolution of the nodes, and one domain for all", "domain administrator"),
    Untested(
        "Open file handles of single processes, the HA product's among them, against their own limits (the system's are judged)",
        "system administrator",
    ),
    Untested(
        "Small synchronous writes under load: one a second is timed, and the rate is worked out from that",
        "storage or system administrator",
    ),
    Untested(
        "Errors of disks that no file system or array counts: SMART, the storage system, the kernel's log",
        "storage or system administrator",
    ),
    Untested("Updates that are offered and not yet installed", "system administrator"),
    Untested(
        "VLAN and switch port of every address: the plan's words are printed, and no node can see whether they are true",
        "network administrator",
    ),
    Untested(
        "Licences bound to the hardware, and what of it (memory, slots, disk serial numbers) may differ between the nodes",
        "licence holder",
    ),
    Untested(
        "Carriers, lines and routers beyond the first that several channels share",
        "network administrator",
    ),
    Untested(
        "What products ask for that this version has no settings for",
        "installer of that product",
    ),
    Untested(
        "Same application, anti-virus and updates, as far as no package manager lists them", "system administrator"
    ),
    Untested(
        "Whether drivers and firmware of the network adapters are current, and teaming of adapters",
        "system administrator",
    ),
    Untested("Anti-virus and backup exclusions for the HA product's files and queues", "system administrator"),
    Untested("Behaviour under production load, if the run did not contain a busy hour", "operator"),
    Untested("Monthly events: maintenance, switch failover, backup, patching", "operator"),
)

_OF_PAIRS = (
    Untested(
        "Whether switches, routers and clients of the subnet take gratuitous ARP (the nodes' own settings are judged)",
        "network administrator",
    ),
    Untested(
        "What a power cut or a lost network leaves behind, and how each node learns who is primary",
        "installer of the HA product",
    ),
    Untested("Duration of an address takeover", "installer"),
    Untested(
        "Acceptance: manual switchover, switchback and a stopped primary, each with a live call or session", "installer"
    ),
)
"""What a product asks whose service moves from a primary to a standby. The members of a consensus store have neither."""

_OF_STORES = (
    Untested(
        "Acceptance: a member stopped that does not lead, then the one that leads, each with clients at work",
        "installer",
    ),
)


def untested(
    plan: Plan,
    stacks: Iterable[Stack],
    observers: Iterable[ObserverTiming],
    facts: Mapping[str, Mapping[str, Any]],
    ports: Sequence[PortTest] = (),
    *,
    idle: bool = False,
    legs: Sequence[Replication] = (),
) -> tuple[Untested, ...]:
    """The fixed list, what follows from the plan, and what its products depend on.

    `observers`: how they were asked. `facts`: the inventories by node; one that is missing may be a Windows machine's. `ports`: what
    was tested of them; `idle`: whether the run was long enough for idle TCP connections. `legs`: the paths of the replication.
    """
    systems = [facts.get(node.name, {}).get("system") for node in plan.nodes]
    bound = list(stacks)
    stores = bool(bound) and all(Custom.COMMITS in stack.customs for stack in bound) and len(bound) == len(plan.stacks)
    found = [
        *(() if all(system == "Linux" for system in systems) else _WINDOWS),
        *_ALWAYS,
        *(_OF_STORES if stores else _OF_PAIRS),
        *((_CLONED,) if _may(Custom.CLONES, bound, plan) else ()),
        *((_INTERRUPTED,) if _may(Custom.REPLICATES, bound, plan) else ()),
    ]
    if not idle:
        found.append(_IDLE)
    found += _of_replication(legs)
    timings = list(observers)
    asked = {timing.observer for timing in timings if timing.sent}
    silent = [observer.name for observer in plan.observers if observer.name not in asked]
    if silent:
        found.append(Untested(f"Reachability of the observers that no node asked: {', '.join(silent)}", "installer"))
    for stack in bound:
        found += stack.untested
        found += [item for kind, item in stack.unobserved if not _heard(kind, timings)]
        closed = [port for port in stack.ports if not _tested(port, ports)]
        if closed:
            what = f"{stack.title}: {', '.join(closed)} open between the nodes"
            found.append(Untested(what, "network administrator"))
    if plan.stacks and not stores and not any(observer.kind is ObserverKind.VIRTUAL for observer in plan.observers):
        what = (
            "Whether the address that the product moves is free and fits: an [[observer]] of kind virtual asks for it"
        )
        found.append(Untested(what, "network administrator"))
    unprobed = [network.name for network in plan.networks if not network.probe]
    if unprobed:
        found.append(Untested(f"Networks that the plan excludes: {', '.join(unprobed)}", "network administrator"))
    untried = [
        network.name
        for network in plan.networks
        if network.probe and not (network.bandwidth and plan.bandwidth.budget_B)
    ]
    if untried:
        found.append(Untested(f"Bandwidth of networks without tests: {', '.join(untried)}", "network administrator"))
    return tuple(found)


def _may(custom: Custom, bound: Sequence[Stack], plan: Plan) -> bool:
    """Whether a product of the plan has this custom, or is one that is not known here."""
    return not bound or len(bound) < len(plan.stacks) or any(custom in stack.customs for stack in bound)


def _heard(kind: ObserverKind, timings: Sequence[ObserverTiming]) -> bool:
    """Whether there are observers of that kind, and each answered every node that should ask it; how well is judged elsewhere."""
    answered = [timing.answered > 0 for timing in timings if timing.kind == kind]
    return bool(answered) and all(answered)


def _of_replication(legs: Sequence[Replication]) -> Iterator[Untested]:
    if not legs:
        yield _REPLICATION
        return
    if any(leg.compression is None for leg in legs):
        what = "Compression of the replicated data: none is counted on; state what a test of it shows as compression under [replication]"
        yield Untested(what, "vendor of the product that replicates")
    if any(leg.size_B is None for leg in legs):
        what = "Size of a full copy: name the replicated folders under data of each node, or state size_B under [replication]"
        yield Untested(what, "administrator of the application")
    if not all(leg.in_use for leg in legs if leg.writer):
        yield Untested(
            "What the application will write, measured on machines that are not in use yet",
            "administrator of the application",
        )


def _tested(port: str, ports: Sequence[PortTest]) -> bool:
    """Whether every planned test of the port came about."""
    planned = [item.access is not Access.NOT_TESTED for item in ports if item.port == port and item.stack]
    return bool(planned) and all(planned)
