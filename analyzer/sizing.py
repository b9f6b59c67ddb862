"""What a timeout has to outlast: the candidates that every product shares, and what a value rests on.

The largest candidate decides. Nothing measured shortens a timeout below its floor: a clean day proves that a floor was not
needed on that day. Only a named override in the plan lowers it, and only after 15 minutes of measurement.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from analyzer.contract import Basis, Constraint, Scenario, Timing
from analyzer.detectors.tcp import rto_s, worst_stall_s
from analyzer.extension import SUFFICIENT_S, StackContext
from analyzer.words import seconds, span

FLOOR = "floor"
MARGIN = 1.25
"""Design value; it also takes up that Linux fires its retransmissions a few per cent late."""


def whole(value_s: float) -> int:
    """Round up to whole seconds; a last bit of floating point does not cost a second.

    >>> whole(10.000000000001), whole(10.001)
    (10, 11)
    """
    return math.ceil(value_s - 1e-9)


def enough(context: StackContext) -> bool:
    """Whether every path was measured for 15 minutes."""
    return context.exposure_s >= SUFFICIENT_S


def floor(context: StackContext, vendor_s: int, why: str) -> Constraint:
    """The vendor's floor, or the plan's: its word lowers the floor and nothing else, and stands in for no measurement."""
    override = context.binding.override
    if override and enough(context):
        return Constraint(FLOOR, float(override.floor_s), f"floor {override.floor_s} s by the plan: {override.reason}")
    return Constraint(FLOOR, float(vendor_s), f"floor {vendor_s} s, {why}")


def relaxed(stack: str, context: StackContext, vendor_s: int) -> str:
    """What the plan relaxes for this pair, in words; empty if nothing. A short run gets no relaxation."""
    override = context.binding.override
    if override is None or not enough(context) or override.floor_s >= vendor_s:
        return ""
    ends = " and ".join(context.pair)
    return f"{stack}, {ends}: floor {override.floor_s} s instead of {vendor_s} s, by the plan: {override.reason}"


def floor_notes(context: StackContext) -> Iterator[str]:
    """What became of the plan's floor, and which paths are missing."""
    if context.timings:
        missing = sorted({path.name for path in context.paths} - {timing.path for timing in context.timings})
        if missing:
            yield f"Not measured: {', '.join(missing)}."
    else:
        yield "Nothing was measured between these nodes on the bound networks; the values are floors and scenarios only."
    override = context.binding.override
    if override and enough(context):
        yield f"The plan sets the floor to {override.floor_s} s: {override.reason}."
    elif override:
        yield "The plan's floor was not applied: a shorter timeout than the vendor's floor needs 15 min of measurement."


def pause(timings: Sequence[Timing]) -> Constraint:
    """The longest pause of either node."""
    stalled = max(timings, key=lambda timing: timing.longest_stall_s)
    return Constraint(
        "pause of a node",
        MARGIN * stalled.longest_stall_s,
        f"{MARGIN} x {seconds(stalled.longest_stall_s)}, the longest pause of {stalled.source} or {stalled.target}",
    )


def silence_s(outage_s: float, timings: Sequence[Timing]) -> float:
    """How long TCP stays silent over an outage, at worst.

    A connection's timer starts at 3 x its first round trip (RFC 6298: rttvar = rtt / 2) and falls from there. Where it
    stands when the outage comes is not known, so the worst up to that counts.
    """
    rtt_s = max((timing.rtt.p99 or 0.0 for timing in timings), default=0.0)
    return worst_stall_s(outage_s, rto_s(rtt_s, rtt_s / 2.0))


def outage(outage_s: float, where: str, timings: Sequence[Timing]) -> Constraint:
    """The silence of TCP after an outage of `outage_s` that a timeout has to outlast. `where`: on which path or paths."""
    length_s = silence_s(outage_s, timings)
    text = (
        f"{MARGIN} x {seconds(length_s)}: TCP stays silent that long after the outage of {seconds(outage_s)} on {where}"
        if outage_s
        else "no outage was measured"
    )
    return Constraint("outage", MARGIN * length_s, text)


def scenarios(switched: Iterable[Scenario]) -> Iterator[Constraint]:
    """A candidate for every scenario that is on."""
    for scenario in switched:
        if scenario.on:
            yield Constraint(
                f"scenario {scenario.name}",
                MARGIN * scenario.stall_s,
                f"{MARGIN} x {seconds(scenario.stall_s)}: {scenario.title} ({scenario.source})",
            )


def decide(candidates: Iterable[Constraint]) -> tuple[Constraint, tuple[Constraint, ...]]:
    """The largest candidate, and all of them with that one marked."""
    found = tuple(candidates)
    binding = max(found, key=lambda item: item.value_s)
    return binding, tuple(replace(item, binding=item is binding) for item in found)


def basis(context: StackContext, binding: Constraint, override: str) -> Basis:
    """What the value rests on. `override`: what `relaxed` said."""
    if not enough(context):
        return Basis.FLOOR if binding.name == FLOOR else Basis.PROVISIONAL
    return Basis.OVERRIDE if binding.name == FLOOR and override else Basis.MEASURED


def reason(context: StackContext, binding: Constraint) -> str:
    """Why the timeout is what it is, beginning with what is missing."""
    text = f"largest of all candidates: {binding.text}"
    if not context.timings:
        text = f"nothing was measured between these nodes; {text}"
    elif not context.exposure_s:
        text = f"not every path was measured; {text}"
    elif not enough(context):
        text = f"only {span(context.exposure_s)} were measured, 15 min at least are needed; {text}"
    return f"vendor floor: {text}" if not enough(context) and binding.name == FLOOR else text
