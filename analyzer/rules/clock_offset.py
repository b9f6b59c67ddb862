"""Whether the wall clocks of two nodes agree.

What: Difference of the two wall clocks, as far as it lies beyond the error of its measurement.
Why HA: Logs of two nodes that disagree cannot be put in order, and what compares time stamps or certificates goes wrong.
How: From the probes between them, by the replies with the lowest round trip; half of that bounds the error whatever the
    asymmetry. Of all paths of the pair the one that proves most counts.
Source: Prometheus node mixin and Ceph (50 ms); Vertica (1 s).
Fails when: more than 1 s beyond doubt.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import TIMINGS, Context, Judgement, Rule
from analyzer.words import seconds

OFFSET = Limit(
    "clock offset beyond its error", "s", 0.05, 1.0, Sense.AT_MOST, "node mixin and Ceph: 50 ms; Vertica: 1 s"
)


def _check(context: Context) -> Iterator[Judgement]:
    pair = context.subject.name.replace("+", " and ")
    known = [
        (max(0.0, abs(timing.clock_offset_s) - timing.clock_error_s), abs(timing.clock_offset_s), timing.clock_error_s)
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
    beyond_s, offset_s, error_s = max(known, key=lambda item: (item[0], -item[2]))
    limit = context.limit(OFFSET.name)
    status = limit.judge(beyond_s)
    yield Judgement(
        status,
        f"The clocks of {pair} differ by {seconds(offset_s)}, give or take {seconds(error_s)}."
        if offset_s or error_s
        else f"The clocks of {pair} show no difference.",
        (
            Evidence("difference beyond its error", beyond_s, "s", limit),
            Evidence("difference", offset_s, "s"),
            Evidence("error of the measurement", error_s, "s"),
        ),
        ""
        if status is Status.PASS
        else f"Let {pair} take the time from the same servers, and see that the time service runs on both.",
    )


RULE = Rule("clock-offset", "Clocks of the pair", Area.HOST, Scope.PAIR, (TIMINGS,), (OFFSET,), _check)
