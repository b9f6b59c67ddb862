"""Whether packets to the peers leave the node as planned.

What: For each peer's planned address the interface and source address that the node's own routing table picks.
Why HA: A channel whose packets leave by the public interface is no second path, whatever the cabling says; a product that
    binds to its planned address may not get through at all.
How: The node asked its routing table once an hour. Which of two planned addresses of one subnet is the source does not matter.
Source: NF: every channel has its own interface and subnet; routing mistakes are among the vendor's causes of channel drops.
Fails when: the routing table sends packets for a peer by another interface, or with another source, than the plan has.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Scope, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.lanplan import egress
from analyzer.troubles import Trouble, words


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
            f"Look at `ip route get {row.address}` on {node}, and correct the route, address or netmask that sends it"
            f"{f' by way of {row.gateway}' if row.gateway else ''} by {row.nic or 'no interface'}.",
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


RULE = Rule("egress", "Way out to the peers", Area.NETWORK, Scope.NODE, (FACTS,), (), _check, effort=Effort.SETTING)
