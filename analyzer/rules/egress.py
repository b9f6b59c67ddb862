"""Whether packets to the peers leave the node as planned.

What: For each peer's planned address the interface and source address that the node's own routing table picks.
Why HA: A channel whose packets leave by the public interface is no second path, whatever the cabling says; a product that
    binds to its planned address may not get through at all.
How: The node asked its routing table once an hour. Which of two planned addresses of one subnet is the source does not matter.
Source: NF: every channel has its own interface and subnet; routing mistakes are among the vendor's causes of channel drops.
Fails when: the routing table sends packets for a peer by another interface, or with another source, than the plan has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.contract import Area, Effort, Egress, Scope, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.lanplan import egress, planned_nic
from analyzer.netfacts import address, nics, route_to
from analyzer.remedies import lasting, typed
from analyzer.troubles import Trouble, words
from collector.plan import Node


def _check(context: Context) -> Iterator[Judgement]:
    plan, node = context.plan, context.node
    expected = [(path.target, path.network) for path in plan.paths() if path.source == node]
    if not expected:
        yield Judgement(Status.INFO, f"Node {node}: no probed network joins it to a peer.")
        return
    rows = [row for row in egress(plan, {node: context.facts}) if row.network]
    troubles = [
        Trouble(
            Status.FAIL,
            f"packets to {row.target} over {row.network} ({row.address}) leave by {row.nic or 'an unknown interface'} "
            f"with source {row.source or 'unknown'}, so what was measured of {row.network} there is of that way",
            _remedy(
                plan.node(node),
                row,
                planned_nic(plan.node(node), row.network, nics(context.facts) or ()),
                context.facts,
            ),
            "ways out to a peer are not as planned",
        )
        for row in rows
        if row.as_planned is False
    ]
    known = {(row.target, row.network) for row in rows if row.as_planned is not None}
    unknown = [f"{target} over {network}" for target, network in expected if (target, network) not in known]
    if unknown:
        troubles.append(
            Trouble(
                Status.SKIPPED,
                f"it told no way for packets to {', '.join(unknown)}: not known, or there is none",
                f"Ask the routing table of {node} by hand (ip route get ADDRESS).",
            )
        )
    good = f"Node {node}: packets to every peer leave by the planned interface (addresses: {len(rows)})."
    yield from words(plan, f"Node {node}", troubles, good)


def _remedy(node: Node, row: Egress, expected: str, facts: Mapping[str, Any]) -> str:
    """The way found beside the one that ought to be, as the command tells it, and the route on record that does it; what is set by hand does not last."""
    via = f" by way of {row.gateway}" if row.gateway else ""
    told = (
        f"`ip route get {row.address}` there finds {row.nic or 'no interface'}{via}, source {row.source or 'unknown'}; "
        f"it ought to be {expected or f'the interface of {row.network}'}, source {node.addresses[row.network].ip}"
    )
    culprit = _culprit(node, row, expected, facts)
    if culprit:
        last = lasting(node.name)
        return f"{culprit}. {told}. {last[0].upper()}{last[1:]}"
    return f"Correct the way of {node.name} to {row.address}: {told}. Look for a wrong route, address or netmask, and {lasting(node.name)}"


def _culprit(node: Node, row: Egress, expected: str, facts: Mapping[str, Any]) -> str:
    """What to put in the place of the route that leads astray: deleted alone it would leave the way to the default route. Empty: none is on record."""
    own, target = node.addresses[row.network], address(row.address)
    found = None if target is None else route_to(facts, target)
    if target is None or found is None or not expected or found.nic == expected or target not in own.network:
        return ""
    wrong = (str(found.to), *(("via", str(found.via)) if found.via is not None else ()), "dev", found.nic)
    right = typed(("ip", "route", "replace", str(own.network), "dev", expected, "src", str(own.ip)))
    if found.to == own.network:
        do = f": {right}" if right else ""
        return f"On {node.name} put the direct route of {row.network} over {expected} in the place of {' '.join(wrong)}{do}"
    delete = typed(("ip", "route", "del", *wrong))
    do = f": {delete}" if delete else ""
    return f"On {node.name} delete the route {' '.join(wrong)}{do}, and see that {own.network} is on {expected}"


RULE = Rule("egress", "Way out to the peers", Area.NETWORK, Scope.NODE, (FACTS,), (), _check, effort=Effort.SETTING)
