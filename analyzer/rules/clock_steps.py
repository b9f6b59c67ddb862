"""Whether the node's wall clock jumped, or lost its time service, during the run.

What: Steps of the wall clock between two readings ten seconds apart, and changes of the time service.
Why HA: A heartbeat, a lease or a log that goes by the wall clock sees a step as time that passed, or that went back: timeouts
    fire early or late, and nobody can put the logs in order afterwards.
How: The difference of wall and monotonic clock. What slewing at 0.1 % could have done is taken off; a clock that is slewed faster
    cannot be told from one that is stepped by little. A virtual machine that was stopped together with its clocks shows a
    step when it goes on; where the record shows such a standstill, as long as the step and ending shortly before it, that is the cause that is told. Time service: the inventory, once an hour. Notes of people within 60 s are told with it and change nothing.
Source: Design values (unverified): no step passes; one longer than a heartbeat interval (1 s) fails. Prometheus node mixin (not
    synchronised: a warning).
Fails when: a step exceeds 1 s beyond doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from analyzer.contract import Area, ClockStep, Evidence, Keeper, Limit, NodeClock, Scope, Sense, Stall, Status
from analyzer.extension import CLOCK, NOTES, STALLS, Context, Judgement, Rule
from analyzer.notes import beside, near, quoted
from analyzer.stood import before_step, remedy
from analyzer.words import seconds, span

STEP = Limit(
    "step of the wall clock beyond slewing",
    "s",
    0.0,
    1.0,
    Sense.AT_MOST,
    "design value, unverified: no step; fail: a heartbeat interval",
)
_SHOWN = 5
_READ_S = 10.0
"""A step lies between two readings so far apart; it is told with the second one's time."""


def _check(context: Context) -> Iterator[Judgement]:
    clock = context.clock
    if clock.readings < 2:
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node}: its archive holds {clock.readings} readings of its clocks; two at least are needed.",
            remedy=f"Look into the log of the time service of {context.node} for steps, or repeat the run there.",
        )
    else:
        yield _steps(context, clock)
    yield from _keepers(context, clock)


def _steps(context: Context, clock: NodeClock) -> Judgement:
    limit = context.limit(STEP.name)
    beyond_s = max((step.beyond_s for step in clock.steps), default=0.0)
    evidence = [
        Evidence("largest step, less what slewing can do", beyond_s, "s", limit),
        Evidence("steps", float(clock.steps_found), "1"),
    ]
    if not clock.steps:
        return Judgement(Status.PASS, f"Node {context.node}: its wall clock was not stepped.", tuple(evidence))
    largest = sorted(clock.steps, key=lambda step: -step.beyond_s)
    evidence += [
        Evidence(f"step seen {span(max(0.0, step.at_s))} after the start", step.by_s, "s") for step in largest[:_SHOWN]
    ]
    if clock.skew_ppm:
        evidence.append(Evidence("rate against the first node's clock", clock.skew_ppm, "ppm"))
    times = f"{clock.steps_found} times, the furthest" if clock.steps_found > 1 else "once,"
    way = "forwards" if largest[0].by_s > 0 else "back"
    explained = [before_step(context.stalls, step, _READ_S) for step in largest] if context.has(STALLS) else []
    cause = explained[0] if explained else None
    notes = beside(context.notes, max(0.0, largest[0].at_s - _READ_S), largest[0].at_s)
    says = f" A note of that moment says: {quoted(notes)}." if notes else ""
    evidence += near(context.notes, ((step.at_s, abs(step.by_s)) for step in largest[:_SHOWN]), "step")
    return Judgement(
        limit.judge(beyond_s),
        f"Node {context.node}: its wall clock was stepped {times} by {seconds(abs(largest[0].by_s))} {way}{_after(context.node, cause, largest[0])}.{says}",
        tuple(evidence),
        remedy(context.node)
        if clock.steps_found == len(explained) and all(explained)
        else _remedy(context.node, clock, noted=bool(notes)),
    )


def _after(node: str, stall: Stall | None, step: ClockStep) -> str:
    """Which standstill set the clock right afterwards, and when; empty: none is on record."""
    if stall is None:
        return ""
    when = span(max(0.0, step.at_s))
    return f", seen {when} after the start: {node} had stood still with its clock for {seconds(stall.length_s)} and was set forward afterwards"


def _remedy(node: str, clock: NodeClock, *, noted: bool) -> str:
    """Without a time service nothing is said of one that steps."""
    alone = bool(clock.keepers) and all(keeper.service == "" for keeper in clock.keepers)
    services = "" if alone else "a time service that steps (chrony: makestep), a second one beside it, "
    others = f"a pause of the machine as long as the step (snapshot, migration), {services}or the hypervisor's tools"
    if noted:
        return f"Ask who wrote the note what set the clock of {node}, and end that before the product runs; if it was not that, look for {others}."
    return f"Find what sets the clock of {node}: somebody by hand, {others}."


def _keepers(context: Context, clock: NodeClock) -> Iterator[Judgement]:
    changes = [(before, after) for before, after in pairwise(clock.keepers) if _changed(before, after)]
    if not changes:
        return
    story = "; ".join(
        f"{_said(before)}, then {_said(after)} (seen {span(max(0.0, after.at_s))} after the start)"
        for before, after in changes[:_SHOWN]
    )
    text = f"Node {context.node}: its time service changed during the run: {story}."
    if any(_lost(before, after) for before, after in changes):
        remedy = (
            f"See why the time service of {context.node} stopped or lost its servers, and that it starts by itself."
        )
        yield Judgement(Status.WARN, text, remedy=remedy)
    else:
        yield Judgement(Status.INFO, text)


def _changed(before: Keeper, after: Keeper) -> bool:
    """What is not known is no change."""
    pairs = ((before.service, after.service), (before.synchronised, after.synchronised))
    return any(one is not None and other is not None and one != other for one, other in pairs)


def _lost(before: Keeper, after: Keeper) -> bool:
    return bool(before.service and after.service == "") or bool(before.synchronised and after.synchronised is False)


def _said(keeper: Keeper) -> str:
    service = "unknown service" if keeper.service is None else keeper.service or "no service"
    state = {True: "synchronised", False: "not synchronised", None: "not told"}[keeper.synchronised]
    return f"{service}, {state}"


RULE = Rule("clock-steps", "Steps of the clock", Area.HOST, Scope.NODE, (CLOCK, NOTES, STALLS), (STEP,), _check)
