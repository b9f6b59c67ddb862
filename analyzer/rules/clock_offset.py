"""Whether the wall clocks of two nodes agree.

What: Difference of the two wall clocks, as far as it lies beyond the error of its measurement.
Why HA: Logs of two nodes that disagree cannot be put in order, and what compares time stamps or certificates goes wrong.
How: From the probes between them, by the replies with the lowest round trip; half of that bounds the error whatever the
    asymmetry. Of all paths of the pair the one that proves most counts. An error below a hundredth of the difference is in the evidence only.
Source: Prometheus node mixin and Ceph (50 ms); Vertica (1 s).
Fails when: more than 1 s beyond doubt.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, TIMINGS, Context, Judgement, Rule
from analyzer.remedies import keep, unkept
from analyzer.words import seconds

OFFSET = Limit(
    "clock offset beyond its error", "s", 0.05, 1.0, Sense.AT_MOST, "node mixin and Ceph: 50 ms; Vertica: 1 s"
)

_MATTERS = 0.01
"""Share of the difference above which its error is told with it (design value)."""


def _check(context: Context) -> Iterator[Judgement]:
    pair = context.subject.name.replace("+", " and ")
    known = [
        (
            max(0.0, abs(timing.clock_offset_s) - timing.clock_error_s),
            abs(timing.clock_offset_s),
            timing.clock_error_s,
            # The offset is what the target's clock shows more.
            (timing.target, timing.source) if timing.clock_offset_s > 0 else (timing.source, timing.target),
        )
        for timing in context.timings
        if timing.clock_offset_s is not None and timing.clock_error_s is not None
    ]
    if not known:
        yield Judgement(
            Status.SKIPPED,
            f"The clocks of {pair} could not be compared: none of {len(context.timings)} measured paths has a usable reply.",
            remedy=f"Run the collectors on {pair} at the same time, or compare their clocks with `date` on both.",
        )
        return
    # Each path gives a lower bound of the same difference; among equal ones the most exact is told.
    beyond_s, offset_s, error_s, order = max(known, key=lambda item: (item[0], -item[2]))
    limit = context.limit(OFFSET.name)
    status = limit.judge(beyond_s)
    yield Judgement(
        status,
        _said(pair, offset_s, error_s, order),
        (
            Evidence("difference beyond its error", beyond_s, "s", limit),
            Evidence("difference in the last five minutes", offset_s, "s"),
            Evidence("error of the measurement", error_s, "s"),
        ),
        "" if status is Status.PASS else _remedy(context, pair),
    )


def _said(pair: str, offset_s: float, error_s: float, order: tuple[str, str]) -> str:
    """Which clock is ahead, where that is beyond doubt."""
    if not offset_s and not error_s:
        return f"The clocks of {pair} show no difference."
    give = f", give or take {seconds(float(f'{error_s:.2g}'))}" if error_s > _MATTERS * offset_s else ""
    if offset_s <= error_s:
        return f"The clocks of {pair} differ by {seconds(offset_s)}{give}."
    ahead, behind = order
    return f"The clock of {ahead} is {seconds(offset_s)} ahead of that of {behind}{give}, at the end of the run."


def _remedy(context: Context, pair: str) -> str:
    facts = context.facts if context.has(FACTS) else {}
    adrift = [name for name in context.subject.name.split("+") if unkept(facts.get(name, {}))]
    if adrift:
        return " ".join(map(keep, adrift))
    return f"Let {pair} take the time from the same servers, and see that the time service runs on both."


RULE = Rule(
    "clock-offset",
    "Clocks of the pair",
    Area.HOST,
    Scope.PAIR,
    (TIMINGS, FACTS),
    (OFFSET,),
    _check,
    effort=Effort.SETTING,
)
