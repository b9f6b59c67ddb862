"""Whether the node's clocks were read often enough.

What: Readings of the three clocks (monotonic, wall, boot) together, against one every ten seconds.
Why HA: They tie the record of a node to the time of day and to its peers' records; without them no step of a clock and no pause of the whole machine is seen.
How: The readings in the archive's segments, against the time that was recorded. Suspended time has none.
Source: Design value: nine of ten.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import ARCHIVE, CLOCK, Context, Judgement, Rule
from analyzer.host import LONGER
from analyzer.words import share

READ = Limit("readings of the clocks", "ratio", 0.9, None, Sense.AT_LEAST, "design value")
PERIOD_S = 10.0
_FEWEST = 6


def _check(context: Context) -> Iterator[Judgement]:
    archive, readings = context.archive, context.clock.readings
    expected = max(0.0, archive.duration_s - archive.gaps_s) / PERIOD_S
    if expected < _FEWEST:
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} was recorded too briefly for its {readings} readings of the clocks to say much.",
            remedy=LONGER,
        )
        return
    limit = context.limit(READ.name)
    part = min(1.0, readings / expected)
    status = limit.judge(part)
    error = "not known" if archive.clock_error_s is None else f"{archive.clock_error_s * 1e3:.3g} ms at most"
    yield Judgement(
        status,
        f"Node {context.node}: its clocks were read {readings} times, {share(part)} of what was due; error against the first node's clock: {error}.",
        (
            Evidence(limit.name, part, "ratio", limit),
            Evidence("error against the first node's clock", archive.clock_error_s, "s"),
        ),
        ""
        if status is Status.PASS
        else f"Find out why the main process of the collector on {context.node} did not run on time (see its restarts and pauses), and repeat the run.",
    )


RULE = Rule(
    "clock-readings",
    "Readings of the clocks",
    Area.DATA,
    Scope.NODE,
    (CLOCK, ARCHIVE),
    (READ,),
    _check,
    effort=Effort.RUN,
)
