"""Whether the members of a consensus store hear each other fast enough.

What: 99 % quantile of the round trip, as an application sees it, on every path of the networks that such a product is bound to; the slowest path counts.
Why HA: A consensus store writes only when a majority has answered. Slow answers make every write slow, and then leaders are elected anew.
How: The probes of those paths, machines' own time included, as the product sees it. Which products these are their settings say.
Source: OpenShift for etcd: 99 % of the peers' round trips within 50 ms.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import TIMINGS, Context, Custom, Judgement, Rule
from analyzer.words import seconds
from collector.plan import spelling

P99 = Limit("round trip between members, 99 %", "s", 0.05, None, Sense.AT_MOST, "OpenShift for etcd: 50 ms")


def _check(context: Context) -> Iterator[Judgement]:
    asking = {spelling(name) for name in context.customs.get(Custom.COMMITS, ())}
    bindings = [binding for binding in context.plan.stacks if spelling(binding.name) in asking]
    if not bindings:
        yield Judgement(Status.INFO, "No planned product is known to be a consensus store.")
    limit = context.limit(P99.name)
    measured = {timing.path: timing for timing in context.timings}
    for binding in bindings:
        paths = [path.name for path in context.plan.paths() if path.network in binding.networks]
        found = {name: measured[name].rtt.p99 for name in paths if name in measured}
        known = {name: value_s for name, value_s in found.items() if value_s is not None}
        silent = [name for name in paths if name not in known]
        if known:
            slowest = max(known, key=lambda name: known[name])
            status = limit.judge(known[slowest])
            if silent and status is Status.PASS:
                status = Status.INFO
            yield Judgement(
                status,
                f"{binding.name}: on {slowest}, the slowest of its {len(known)} measured paths, 99 % of all round trips take at most "
                f"{seconds(known[slowest])}.",
                (Evidence(limit.name, known[slowest], "s", limit),),
                ""
                if status in (Status.PASS, Status.INFO)
                else f"Move the members of {binding.name} nearer to each other, or find what delays {slowest}.",
                (f"rtt:{slowest}",),
            )
        if silent or not known:
            names = ", ".join(silent[:3]) + (f" and {len(silent) - 3} more" if len(silent) > 3 else "")
            yield Judgement(
                Status.SKIPPED,
                f"{binding.name}: no round trip was measured on {names or 'any of its networks'}.",
                remedy="See why these paths were not measured, or set probe = true for their network, and repeat the run.",
            )


RULE = Rule(
    "consensus",
    "Members of a consensus store",
    Area.NETWORK,
    Scope.CLUSTER,
    (TIMINGS,),
    (P99,),
    _check,
    effort=Effort.RESOURCES,
)
