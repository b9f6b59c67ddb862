"""Whether all nodes take the time from the same reference.

What: The servers that each node's time service uses; every two nodes need one in common, or one of them takes the time from the other.
Why HA: Each node may agree with its own server and not with its peer. When two servers part, so do the nodes, and both count as synchronised.
How: The inventory asks chronyd, ntpd or systemd-timesyncd on the node. A clock inside the machine (GPS, the hypervisor's) cannot be compared and is
    told. A node without a time service has no reference. Addresses of one pool (pool.ntp.org) are different servers.
Source: Oracle Cluster Verification Utility and Troubleshoot: a service that runs on all nodes, with the same reference.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from analyzer.contract import Area, Effort, Scope, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.netfacts import text
from analyzer.remedies import keep, unkept
from analyzer.troubles import Trouble, words
from analyzer.words import few

_LOCAL = "local:"
_MOST = 16
_SAME = "Configure the same time servers on all nodes, three at least."


def _check(context: Context) -> Iterator[Judgement]:
    plan = context.plan
    sources = {node.name: _references(context.facts.get(node.name, {})) for node in plan.nodes}
    own = {node.name: {str(address.ip) for address in node.addresses.values()} for node in plan.nodes}
    troubles: list[Trouble] = []
    adrift = [name for name, told in sources.items() if not told and unkept(context.facts.get(name, {}))]
    troubles += [
        Trouble(
            Status.WARN,
            f"{name} has no time source: no time service runs",
            keep(name),
            "nodes have no time source",
        )
        for name in adrift
    ]
    silent = [name for name, told in sources.items() if not told and name not in adrift]
    if silent:
        troubles.append(
            Trouble(
                Status.SKIPPED,
                f"where {', '.join(silent)} take the time from is not told"
                if len(silent) > 1
                else f"where {silent[0]} takes the time from is not told",
                f"Compare the time servers of {few(silent)} by hand (`chronyc sources`, `timedatectl`).",
                "where nodes take the time from is not told",
            )
        )
    inner = [name for name, told in sources.items() if told and all(item.startswith(_LOCAL) for item in told)]
    if inner:
        troubles.append(
            Trouble(
                Status.INFO, f"{', '.join(inner)} take the time from a clock in the machine, which cannot be compared"
            )
        )
    compared = [name for name in sources if sources[name] and name not in inner]
    for one, other in combinations(compared, 2):
        mine, its = (sources[name] | own[name] for name in (one, other))
        if mine.isdisjoint(its):
            troubles.append(
                Trouble(
                    Status.WARN,
                    f"{one} and {other} have no time server in common ({few(sorted(sources[one]), 3)}; {few(sorted(sources[other]), 3)})",
                    _SAME,
                    "nodes have no time server in common",
                )
            )
    if len(compared) < 2 and not silent and not adrift:
        yield Judgement(Status.INFO, f"Nodes of {plan.cluster}: {'; '.join(point.text for point in troubles)}.")
        return
    good = f"{', '.join(compared)} take the time from servers that they have in common."
    yield from words(plan, f"Nodes of {plan.cluster}", troubles, good)


def _references(facts: Mapping[str, Any]) -> set[str]:
    told = facts.get("time")
    listed = told.get("references") if isinstance(told, dict) else None
    return {item for entry in (listed if isinstance(listed, list) else ())[:_MOST] if (item := text(entry))}


RULE = Rule(
    "time-reference", "Same time reference", Area.HOST, Scope.CLUSTER, (FACTS,), (), _check, effort=Effort.SETTING
)
