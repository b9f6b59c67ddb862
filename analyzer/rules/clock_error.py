"""Whether the kernel's clock is as right as its time service says.

What: The largest error of the clock that the kernel states (adjtimex, maxerror), and whether it counts as synchronised.
Why HA: An offset between two nodes is measured; that both are wrong alike is not seen from within. The kernel's own bound grows when nobody keeps it.
How: The inventory, once an hour. An error of 16 s is the kernel's word for "unknown", so alone it proves nothing without the other sign.
Source: Prometheus node mixin (not synchronised and 16 s or more); below 1 s is well.
Fails when: 16 s or more and not synchronised.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.netfacts import flag
from analyzer.remedies import keep, unkept
from analyzer.words import seconds
from collector.plan import Origin

ERROR = Limit(
    "largest error of the clock",
    "s",
    None,
    math.nextafter(16.0, 0.0),
    Sense.AT_MOST,
    "Prometheus node mixin: 16 s or more, and not synchronised",
)
"""A limit passes up to and including itself, and 16 s are too much already."""
WELL_S = 1.0


def _check(context: Context) -> Iterator[Judgement]:
    told = context.facts.get("time")
    time = told if isinstance(told, dict) else {}
    error_s, kept = time.get("error_s"), flag(time.get("synchronised"))
    if isinstance(error_s, bool) or not isinstance(error_s, int | float) or not 0 <= error_s < math.inf:
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell how far off its clock may be"
            + (": no time service runs." if unkept(context.facts) else "."),
            remedy=keep(context.node)
            if unkept(context.facts)
            else f"Look with `chronyc tracking` or `timedatectl timesync-status` on {context.node}.",
        )
        return
    limit = context.limit(ERROR.name)
    evidence = (Evidence(limit.name, float(error_s), "s", limit),)
    text = f"Node {context.node}: by the kernel's own word its clock is off by {seconds(float(error_s))} at most"
    if error_s < WELL_S:
        yield Judgement(Status.PASS, f"{text}.", evidence)
        return
    if limit.judge(error_s) is Status.FAIL and kept is False and context.plan.origin is not Origin.DEMONSTRATION:
        yield Judgement(
            Status.FAIL,
            f"{text}, and it is not synchronised: nobody keeps it.",
            evidence,
            keep(context.node),
        )
        return
    state = {
        True: "it counts as synchronised",
        False: "it does not count as synchronised",
        None: "whether it is synchronised is not told",
    }[kept]
    yield Judgement(Status.INFO, f"{text}; {state}.", evidence)


RULE = Rule(
    "clock-error", "Error of the clock", Area.HOST, Scope.NODE, (FACTS,), (ERROR,), _check, effort=Effort.SETTING
)
