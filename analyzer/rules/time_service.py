"""Whether a time service keeps the node's clock.

What: Whether a time service runs, and whether the clock is synchronised.
Why HA: Clocks that nobody keeps drift apart by seconds a day, and logs, certificates and databases of the pair disagree.
How: The inventory. Whether all nodes use the same reference is not told.
Source: Oracle Cluster Verification Utility and Troubleshoot (a service has to run); Prometheus node mixin (not synchronised: a warning).
Fails when: no time service runs and the clock is not synchronised.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Scope, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.netfacts import text
from analyzer.remedies import keep
from collector.plan import Origin


def _check(context: Context) -> Iterator[Judgement]:
    told = context.facts.get("time")
    told = told if isinstance(told, dict) else {}
    service, synchronised = told.get("service"), told.get("synchronised")
    name = text(service)
    keeper = name or "a time service unknown to haready"
    look = f"Look with `timedatectl` or `chronyc tracking` on {context.node}."
    match bool(name), synchronised:
        case _, True:
            yield Judgement(Status.PASS, f"Node {context.node}: {keeper} keeps its clock synchronised.")
        case True, False:
            says = f"Node {context.node}: {name} runs, but the clock is not synchronised."
            yield Judgement(Status.WARN, says, remedy=f"See that {name} reaches its servers. {look}")
        case True, _:
            says = f"Node {context.node}: {name} runs; whether the clock is synchronised is not told."
            yield Judgement(Status.SKIPPED, says, remedy=look)
        case False, False if service == "":
            says = f"Node {context.node}: no time service runs, and the clock is not synchronised."
            if context.plan.origin is Origin.DEMONSTRATION:
                yield Judgement(Status.INFO, f"{says} In this demonstration all nodes have one clock.")
            else:
                yield Judgement(Status.FAIL, says, remedy=keep(context.node))
        case _:
            yield Judgement(Status.SKIPPED, f"Node {context.node} does not tell who keeps its clock.", remedy=look)


RULE = Rule("time-service", "Time service", Area.HOST, Scope.NODE, (FACTS,), (), _check, effort=Effort.SETTING)
