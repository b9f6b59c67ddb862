"""Whether the names of the nodes mean the same machine everywhere.

What: To which addresses the name of every node resolves on each node: the same ones on all of them, and planned ones. Different planned addresses of
    one node are information: it is the same machine, by another network.
Why HA: What connects by name goes to another machine from each node, or nowhere, and after a switchover that shows for the first time.
How: Each node looked the plan's node names up once an hour, as its programs do (hosts file, then name servers). How a node resolves its own name
    counts only where it is no loopback address, and where any node resolves the name of another. Reverse look-up is not tried, nor are names that the plan does not use.
Source: GSIP: name resolution and the same domain where nodes are reached by name. What each finding weighs: design values.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analyzer.contract import Area, Effort, Scope, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.netfacts import resolved
from analyzer.troubles import Trouble, words
from collector.plan import Address, Node

_REMEDY = (
    "Correct the hosts files or the name servers, so that every node resolves each name to the same planned address."
)

_Views = Mapping[str, frozenset[Address]]


def _check(context: Context) -> Iterator[Judgement]:
    plan = context.plan
    told = {node.name: resolved(context.facts.get(node.name, {})) for node in plan.nodes}
    known = {name: names for name, names in told.items() if names is not None}
    by_hand = "Look the names of the nodes up by hand (getent ahosts NAME)."
    troubles: list[Trouble] = []
    if silent := [name for name, names in told.items() if names is None]:
        text = f"to what the names of the nodes resolve on {', '.join(silent)} was not told"
        troubles.append(Trouble(Status.SKIPPED, text, by_hand))
    nowhere = []
    # Many systems know their own name though nobody entered it (nss-myhostname), so only a peer's name proves that names are used.
    used = any(
        _real(names.get(node.name, frozenset()))
        for asker, names in known.items()
        for node in plan.nodes
        if node.name != asker
    )
    for node in plan.nodes:
        views = {name: _real(names[node.name]) for name, names in known.items() if node.name in names}
        if len(views) < len(known):
            text = (
                f"to what {node.name} resolves on {', '.join(name for name in known if name not in views)} was not told"
            )
            troubles.append(Trouble(Status.SKIPPED, text, by_hand))
        loop = node.name in known and _loops(known[node.name].get(node.name, frozenset()))
        if views and not (used and any(views.values())):
            nowhere.append(node.name)
            continue
        troubles += _one(node, views, loop=loop)
    if nowhere:
        troubles.append(
            Trouble(
                Status.INFO,
                f"no other node resolves {', '.join(nowhere)}: these names are the plan's alone, or nobody entered them",
            )
        )
    if len(nowhere) == len(plan.nodes) and all(trouble.status is Status.INFO for trouble in troubles):
        # Nothing was compared, so nothing is alike.
        yield Judgement(Status.INFO, f"Names of {plan.cluster}: {'; '.join(trouble.text for trouble in troubles)}.")
        return
    good = f"The {len(plan.nodes)} nodes resolve each other's names alike."
    yield from words(plan, f"Names of {plan.cluster}", troubles, good)


def _one(node: Node, views: _Views, *, loop: bool) -> Iterator[Trouble]:
    """`loop`: on itself the name is a loopback address only."""
    others = {name: found for name, found in views.items() if name != node.name}
    own = views.get(node.name, frozenset())
    if loop:
        yield Trouble(
            Status.INFO,
            f"{node.name} resolves to a loopback address on itself, which a product that binds to it cannot use",
        )
    blind = [name for name, found in others.items() if not found]
    if not own and not loop and node.name in views:
        blind.append(node.name)
    if blind:
        yield Trouble(Status.WARN, f"{node.name} does not resolve on {', '.join(blind)}, and does elsewhere", _REMEDY)
    seen = {name: found for name, found in others.items() if found}
    planned = {interface.ip for interface in node.addresses.values()}
    if len(set(seen.values())) > 1 or (own and seen and not any(own & found for found in seen.values())):
        told = [*seen.items(), *([(node.name, own)] if own else [])]
        text = ", ".join(f"{_listed(found)} on {name}" for name, found in told)
        # Of itself a node may know addresses that no plan needs.
        if all(found <= planned for found in seen.values()) and (not own or own & planned):
            text = f"{node.name} is reached by name over different networks: {text}; all are planned addresses of it"
            yield Trouble(Status.INFO, text)
        else:
            yield Trouble(Status.WARN, f"{node.name} resolves differently: {text}", _REMEDY)
    strange = {name: found for name, found in seen.items() if not found & planned}
    if strange:
        where = f"{_listed(next(iter(strange.values())))} on {', '.join(strange)}"
        yield Trouble(Status.WARN, f"{node.name} resolves to {where}, which is none of its planned addresses", _REMEDY)


def _real(found: frozenset[Address]) -> frozenset[Address]:
    return frozenset(ip for ip in found if not (ip.is_loopback or ip.is_link_local))


def _loops(found: frozenset[Address]) -> bool:
    return any(ip.is_loopback for ip in found) and not _real(found)


def _listed(found: frozenset[Address]) -> str:
    return " and ".join(str(ip) for ip in sorted(found, key=lambda ip: (ip.version, int(ip))))


RULE = Rule("names", "Names of the nodes", Area.NETWORK, Scope.CLUSTER, (FACTS,), (), _check, effort=Effort.SETTING)
