"""Whether cables or addresses of two networks are exchanged.

What: At each node, several networks on which no peer ever answered although the links are up and other networks to the same peers work; and two planned
    addresses that stand on each other's interface.
Why HA: Two exchanged cables look like two dead channels. Nothing is broken, so nobody finds it by changing parts.
How: The paths of the run in both directions, and the inventories. A single dead network is another fault, and told as a path that was never measured.
Source: NF: every network connection answers ping before the installation begins, and switch port and VLAN of each are written down. That two dead networks
    of one node mean exchanged cables: design value.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from analyzer.contract import AddressFound, Area, Scope, Status
from analyzer.extension import FACTS, TIMINGS, Context, Judgement, Rule
from analyzer.lanplan import addresses
from analyzer.troubles import Trouble, words
from collector.plan import Node, Plan


def _check(context: Context) -> Iterator[Judgement]:
    plan = context.plan
    rows = addresses(plan, context.facts)
    alive = {
        (frozenset((timing.source, timing.target)), timing.network) for timing in context.timings if timing.answered
    }
    troubles: list[Trouble] = []
    for node in plan.nodes:
        own = [row for row in rows if row.node == node.name]
        troubles += _exchanged(own)
        troubles += _dead(plan, node, own, alive)
    joined = {frozenset((path.source, path.target)) for path in plan.paths()}
    unmet = sorted("+".join(sorted(pair)) for pair in joined if not any(pair == met for met, _ in alive))
    if unmet:
        text = f"nothing was measured between {', '.join(unmet)}, so their cables are not known"
        troubles.append(Trouble(Status.SKIPPED, text, "Run the collector on every node at the same time."))
    silent = [node.name for node in plan.nodes if all(row.found is None for row in rows if row.node == node.name)]
    if silent:
        text = f"{', '.join(silent)} did not tell its interfaces"
        troubles.append(Trouble(Status.SKIPPED, text, "Compare the cables with the plan by hand."))
    good = "No two networks of a node look as if their cables or addresses were exchanged."
    yield from words(plan, f"Cables of {plan.cluster}", troubles, good)


def _exchanged(rows: Sequence[AddressFound]) -> Iterator[Trouble]:
    for one, other in combinations([row for row in rows if row.nic and row.found_nic], 2):
        if one.nic != other.nic and one.nic == other.found_nic and other.nic == one.found_nic:
            yield Trouble(
                Status.WARN,
                f"the addresses of {one.network} and {other.network} are exchanged on {one.node}: {one.network} stands on {one.found_nic}, "
                f"{other.network} on {other.found_nic}",
                f"Exchange the two addresses of {one.node}, or the names in the plan.",
                "addresses of two networks are exchanged",
            )


def _dead(
    plan: Plan, node: Node, rows: Sequence[AddressFound], alive: set[tuple[frozenset[str], str]]
) -> Iterator[Trouble]:
    """Networks of the node without any answer, to peers that it was measured with on another network."""
    dead = []
    for row in rows:
        net = plan.network(row.network)
        peers = [peer.name for peer in plan.nodes if peer.name != node.name and net.name in peer.addresses]
        pairs = [frozenset((node.name, peer)) for peer in peers]
        reached = [pair for pair in pairs if any(pair == met for met, _ in alive)]
        up = row.found and row.up is not False
        if net.probe and up and reached and not any((pair, net.name) in alive for pair in pairs):
            dead.append(row)
    # Two addresses on one interface are one cable.
    if len({row.found_nic for row in dead}) > 1:
        yield Trouble(
            Status.WARN,
            f"no peer answered {node.name} on {' and '.join(row.network for row in dead)}, while their links are up and other networks work: the "
            f"cables of {' and '.join(dict.fromkeys(row.found_nic for row in dead))} may be crossed, or their switch ports in the wrong VLANs",
            f"Compare the cables and switch ports of {node.name} with the plan, exchange them if need be, and ping the peers on each network.",
            "cables may be crossed",
        )


RULE = Rule("crossed-cables", "Crossed cables", Area.NETWORK, Scope.CLUSTER, (TIMINGS, FACTS), (), _check)
