"""What this version does not check, by name: nothing is silently absent."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.contract import Untested
from analyzer.extension import Stack
from collector.plan import Plan

_ALWAYS = (
    Untested("Domain policy for the password age of the servers' machine accounts", "domain administrator"),
    Untested("Activation of the operating systems after cloning", "system administrator"),
    Untested("Backup feature (Windows Server Backup) installed on every node", "system administrator"),
    Untested("Administrator rights of the installer on every node", "system administrator"),
    Untested("Packet filter bound to the public interface only, never to channel or management", "installer"),
    Untested(
        "Prerequisites of Windows NLB (two adapters, own VLAN or switch), where it is used", "network administrator"
    ),
    Untested("Separate physical hosts, power and switches behind the nodes", "data centre or virtualisation team"),
    Untested("Equal operating system, updates and hardware on all nodes", "system administrator"),
    Untested("Bandwidth between the nodes against the write load to be replicated", "network administrator"),
    Untested(
        "Memory, disks, interface errors and clocks: measured and drawn, but not judged by this version", "reader"
    ),
    Untested("Behaviour under production load, if the run did not contain a busy hour", "operator"),
    Untested("Monthly events: maintenance, switch failover, backup, patching", "operator"),
)


def untested(plan: Plan, stacks: Iterable[Stack]) -> tuple[Untested, ...]:
    """The fixed list, what follows from the plan, and what its products depend on."""
    found = list(_ALWAYS)
    if plan.observers:
        names = ", ".join(observer.name for observer in plan.observers)
        found.append(Untested(f"Reachability of the observers ({names}): not probed by this version", "installer"))
    for stack in stacks:
        found += stack.untested
    unprobed = [network.name for network in plan.networks if not network.probe]
    if unprobed:
        found.append(Untested(f"Networks that the plan excludes: {', '.join(unprobed)}", "network administrator"))
    return tuple(found)
