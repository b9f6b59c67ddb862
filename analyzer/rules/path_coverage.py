"""Whether the path was measured for long enough.

What: Exposure of a directed path (slots really sent to a peer that ran, times the period), its share of the run, and the share of the
    slots that say something about the network; the longest stretch without any such slot while both collectors ran.
Why HA: A path that was up for five minutes of a day proves little; a clean short run certifies nothing.
How: Slots of the sender's archive, judged with the reflector's. Time under bandwidth tests counts up to a fifth of the whole.
    A system counts as in use where the plan's `in_use` of a node says so or says nothing, and as new in a demonstration.
Source: NF: at least 15 min on new systems, 24 h on systems in use, less 5 %. Shares and 60 s without a slot: design values.
Fails when: never; a warning lets the verdict be at best conditional, and below 15 min it is inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import (
    LOADED_SHARE,
    SUFFICIENT_IN_USE_S,
    SUFFICIENT_S,
    TIMING,
    Context,
    Judgement,
    Rule,
    exposure_s,
    loaded_s,
    watched,
)
from analyzer.host import LONGER
from analyzer.words import share, span

_NF = "NF: at least 15 min on new systems, 24 h on systems in use, less 5 % to start and stop"
EXPOSURE = Limit("exposure", "s", SUFFICIENT_S, None, Sense.AT_LEAST, _NF)
IN_USE = Limit("exposure of systems in use", "s", SUFFICIENT_IN_USE_S, None, Sense.AT_LEAST, _NF)
SHARE = Limit("share of the run", "ratio", 0.8, None, Sense.AT_LEAST, "design value")
JUDGED = Limit("share of slots judged", "ratio", 0.95, None, Sense.AT_LEAST, "design value")

_LONG_ENOUGH = "Run the collectors of both ends at the same time, for 24 h on systems in use; a machine that serves nobody yet gets `in_use = false` in plan.toml."
"""Names no path, so that the report asks once for what all of them lack."""
BLIND = Limit("longest stretch without a judged slot", "s", 60.0, None, Sense.AT_MOST, "design value")
"""A share alone would let 72 min of a day go unseen."""


def _check(context: Context) -> Iterator[Judgement]:
    timing = context.timing
    exposed_s = exposure_s(timing)
    used = [name for name in (timing.source, timing.target) if context.plan.in_use(name)]
    exposure = context.limit((IN_USE if used else EXPOSURE).name)
    slots = timing.judged
    total = slots + timing.unjudged
    figures = (
        ("measured", exposed_s, exposure),
        ("share of the run", exposed_s / context.duration_s if context.duration_s else 0.0, context.limit(SHARE.name)),
        ("share of slots judged", slots / total if total else 0.0, context.limit(JUDGED.name)),
    )
    evidence = tuple(Evidence(what, value, limit.unit, limit) for what, value, limit in figures)
    short, partly, blind = (limit.judge(value) is not Status.PASS for _, value, limit in figures)
    limit, gap_s = context.limit(BLIND.name), timing.longest_blind_s
    evidence += (Evidence(BLIND.name, gap_s, "s", limit),)
    gap = gap_s is not None and limit.judge(gap_s) is not Status.PASS
    minutes = watched(timing)
    if not (short or partly or blind or gap):
        yield Judgement(Status.PASS, f"Path {timing.path} was measured for {minutes}.", evidence)
        return
    troubles = []
    if short:
        are = "is" if len(used) == 1 else "are"
        wanted = f"24 h are needed while {' and '.join(used)} {are} in use" if used else "15 min are needed"
        troubles.append(f"it was measured for {minutes} only, {wanted}")
    if partly:
        troubles.append(f"what counts of that is {share(figures[1][1])} of the run only")
    tests_s = loaded_s(timing)
    # Of a run that was too short anyway nothing but a longer one tells whether the tests are too many.
    tested = partly and tests_s > LOADED_SHARE * context.duration_s and context.duration_s >= SUFFICIENT_S
    if tested:
        troubles.append(f"bandwidth tests loaded it for {span(tests_s)}, so little is known of it at rest")
    if blind:
        troubles.append(
            f"{1.0 - figures[2][1]:.1%} of its slots say nothing about the network "
            "(not sent by the sender, or the peer was not running)"
        )
    if gap and gap_s is not None:
        troubles.append(f"for {span(gap_s)} in a row nothing says what it did, while both collectors ran")
    yield Judgement(
        Status.WARN,
        f"Path {timing.path}: {'; '.join(troubles)}.",
        evidence,
        "Let bandwidth tests run less often ([bandwidth] every_s in plan.toml), then repeat the run."
        if tested
        else LONGER
        if context.duration_s < SUFFICIENT_S
        else f"See what stopped the probes (haready inspect on the archives of {timing.source} and {timing.target}), and repeat the run."
        if gap and not (short or partly or blind)
        else _LONG_ENOUGH,
    )


RULE = Rule(
    "path-coverage",
    "Measurement of the path",
    Area.DATA,
    Scope.PATH,
    (TIMING,),
    (EXPOSURE, IN_USE, SHARE, JUDGED, BLIND),
    _check,
    effort=Effort.RUN,
)
