"""What a timeout has to outlast: the candidates that every product shares, and what a value rests on.

The largest candidate decides. Nothing measured shortens a timeout below its floor: a clean day proves that a floor was not
needed on that day. Only a named override in the plan lowers it, and only after 15 minutes of measurement.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from analyzer.contract import Basis, Constraint, EchoTiming, Outage, Timing
from analyzer.contract.advice import AS_MEASURED, FLOOR, SCENARIO
from analyzer.contract.spans import intersection, union
from analyzer.detectors.tcp import LINUX, Timer, timer_of, worst_stall_s
from analyzer.detectors.trace import waited_s
from analyzer.extension import SUFFICIENT_S, StackContext, exposure_s, watched
from analyzer.words import seconds, span

_NEVER_S = 60.0
MARGIN = 1.25
"""Design value; it also takes up that Linux fires its retransmissions a few per cent late."""


def whole(value_s: float) -> int:
    """Round up to whole seconds; a last bit of floating point does not cost a second.

    >>> whole(10.000000000001), whole(10.001)
    (10, 11)
    """
    return math.ceil(value_s - 1e-9)


def enough(context: StackContext) -> bool:
    """Whether every path was measured for 15 minutes, and the record has no holes in which the worst may have happened."""
    return context.exposure_s >= SUFFICIENT_S and not context.hurt


def floor(context: StackContext, vendor_s: int, why: str) -> Constraint:
    """The vendor's floor, or the plan's: its word lowers the floor and nothing else, and stands in for no measurement.

    What is in force already is not lowered without such a word.
    """
    override = context.binding.override
    if override and enough(context):
        return Constraint(FLOOR, float(override.floor_s), f"floor {override.floor_s} s by the plan: {override.reason}")
    current_s = context.binding.current_s
    if current_s is not None and current_s > vendor_s:
        text = f"floor {current_s} s, in force already: a clean window is no reason to shorten it"
        return Constraint(FLOOR, float(current_s), text)
    return Constraint(FLOOR, float(vendor_s), f"floor {vendor_s} s, {why}")


def relaxed(stack: str, context: StackContext, vendor_s: int) -> str:
    """What the plan relaxes for this pair, in words; empty if nothing. A short run gets no relaxation."""
    override = context.binding.override
    vendor_s = max(vendor_s, context.binding.current_s or 0)
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
    if context.hurt:
        yield (
            f"A part of what {' and '.join(context.hurt)} recorded is missing: a longer outage may have stood in it, so the "
            "values are provisional."
        )
    override = context.binding.override
    if override and enough(context):
        yield f"The plan sets the floor to {override.floor_s} s: {override.reason}."
    elif override:
        yield "The plan's floor was not applied: a shorter timeout than the vendor's floor needs 15 min of measurement."


def pause(timings: Sequence[Timing]) -> Constraint:
    """The longest pause of either node."""
    stalled = max(timings, key=lambda timing: timing.longest_stall_s)
    return paused(stalled.longest_stall_s, f"{stalled.source} or {stalled.target}")


def paused(longest_s: float, where: str) -> Constraint:
    """The longest pause of whatever it was; that there was none is said, not multiplied."""
    text = (
        f"{MARGIN} x {seconds(longest_s)}, the longest pause of {where}"
        if longest_s > 0
        else f"no pause of {where} was recorded"
    )
    return Constraint("pause of a node", MARGIN * longest_s, text)


def latency_s(timing: Timing) -> float:
    """99.9 % round trip of a path, idle or under a bandwidth test, whichever is longer; 0 where nothing was answered.

    Of a test of 2 s the fast probes see what the ordinary ones, ten of them, may miss.
    """
    return max(timing.rtt.p999 or 0.0, timing.loaded.p999 or 0.0, *(fast.rtt.p999 or 0.0 for fast in timing.fast))


def silence_s(outage: Outage, context: StackContext) -> float:
    """How long TCP stays silent over an outage, at worst. What was delivered late was not lost: TCP hears of it as late as we did."""
    return outage.length_s if outage.late == outage.slots else _lost_s(outage.length_s, context)


def tcp_silence_s(outage_s: float, timings: Sequence[Timing], echoes: Sequence[EchoTiming]) -> float:
    """The silence of TCP after an outage in which everything was lost, at worst."""
    return worst_stall_s(outage_s, longest_rto_s(timings, echoes))


def longest_rto_s(timings: Sequence[Timing], echoes: Sequence[EchoTiming], timers: Iterable[Timer] = (LINUX,)) -> float:
    """The longest retransmission timeout that TCP may stand at when an outage comes, on any of the systems.

    A connection's timer starts at 3 x its first round trip (RFC 6298: rttvar = rtt / 2) and falls from there. Where it
    stands when the outage comes is not known, so the worst up to that counts, or up to the largest that the echo showed.
    """
    rtt_s = max((max(timing.rtt.p99 or 0.0, timing.loaded.p99 or 0.0) for timing in timings), default=0.0)
    shown_s = max((echo.rto_s or 0.0 for echo in echoes), default=0.0)
    return max(shown_s, _timed_s(rtt_s, timers))


def _timed_s(rtt_s: float, timers: Iterable[Timer]) -> float:
    return max(timer.rto_s(rtt_s, rtt_s / 2.0) for timer in timers)


def timers(context: StackContext) -> tuple[Timer, ...]:
    """How the nodes' operating systems send lost data again, by their inventories."""
    return tuple(dict.fromkeys(timer_of(context.facts.get(name, {}).get("system")) for name in context.pair))


def tcp_notes(context: StackContext) -> Iterator[str]:
    """What is not known of the nodes' TCP, and what no timeout can mend."""
    for timer in timers(context):
        if timer.verified:
            continue
        named = " and ".join(
            name for name in context.pair if timer_of(context.facts.get(name, {}).get("system")) is timer
        )
        floor = "the whole timer, as RFC 6298 has it" if timer.whole else "from memory"
        checked = (
            f"the echo's timer stood at {seconds(max(echo.rto_s or 0.0 for echo in context.echoes))} at most"
            if any(echo.rto_s for echo in context.echoes)
            else "no TCP echo told its timer"
        )
        yield (
            f"TCP of {named} runs on {timer.system}: sized with a retransmission timer of {seconds(timer.floor_s)} at least ({floor}: unverified); {checked}."
        )
        if timer.borne_s is not None:
            yield (
                f"{timer.system} is said to send lost data again about {timer.tries} times and then to give the connection up (from memory: unverified). At its shortest timer the "
                f"last of them leaves {seconds(timer.borne_s)} after the loss: a longer outage may end the connection whatever the timeout is."
            )


def asked_rtt_s(context: StackContext) -> float:
    """The 99 % round trip of what a single node asked of observers, the worst of them.

    What was lost counts as slow, but for no more than a second, or the usual round trip if that is longer: losses must not make a path look quick.
    While the node stands still it asks nothing, but is asked: what comes then waits until it goes on, as a round trip of a path between nodes does.
    """
    rtt_s = 0.0
    for trace in context.asked.values():
        delay_s = trace.delay_s[trace.known & ~trace.kept]
        if len(delay_s):
            usual_s = min(float(np.quantile(delay_s, 0.5, method="higher")), _NEVER_S)
            met_s = np.concatenate([np.minimum(delay_s, max(usual_s, 1.0)), waited_s(trace)])
            rtt_s = max(rtt_s, float(np.quantile(met_s, 0.99, method="higher")))
    return rtt_s


def context_rto_s(context: StackContext) -> float:
    """The longest retransmission timeout for the subject of a recommendation; for a single node by what it asked of observers."""
    if not context.asked:
        return longest_rto_s(context.timings, context.echoes, timers(context))
    return _timed_s(asked_rtt_s(context), timers(context))


def _lost_s(outage_s: float, context: StackContext) -> float:
    return worst_stall_s(outage_s, context_rto_s(context))


def silences(context: StackContext) -> Iterator[Constraint]:
    """What has to be outlasted where each path is needed: TCP's silence after the longest outage, idle and under load."""
    found = [(silence_s(outage, context), outage, timing) for timing in context.timings for outage in timing.outages]
    if found:
        length_s, outage, timing = max(found, key=lambda item: item[0])
        yield _silence(length_s, outage, timing.path)
    else:
        yield Constraint("outage", 0.0, "no outage was measured")
    loaded = max(context.timings, key=lambda timing: timing.loaded_outage_s)
    if loaded.loaded_outage_s:
        length_s = _lost_s(loaded.loaded_outage_s, context)
        text = f"{MARGIN} x {seconds(length_s)}: TCP stays silent that long after the outage of {seconds(loaded.loaded_outage_s)}"
        yield Constraint("outage under load", MARGIN * length_s, f"{text} under a bandwidth test on {loaded.path}")


def _silence(length_s: float, outage: Outage, where: str) -> Constraint:
    if outage.late == outage.slots:
        text = f"{MARGIN} x {seconds(length_s)}: nothing was heard for that long on {where}, and then everything came at once"
    else:
        text = f"{MARGIN} x {seconds(length_s)}: TCP stays silent that long after the outage of {seconds(outage.length_s)} on {where}"
    return Constraint("outage", MARGIN * length_s, text)


def common_silence(context: StackContext) -> Constraint:
    """What has to be outlasted where one of several networks is enough: the longest time in which TCP was silent on all of them.

    TCP outlasts each outage by itself, so channels that failed one after another can be silent together.
    """
    networks = sorted({timing.network for timing in context.timings})
    common: list[tuple[float, float]] | None = None
    for network in networks:
        spans = union(
            (outage.start_s, outage.start_s + silence_s(outage, context))
            for timing in context.timings
            if timing.network == network
            for outage in timing.outages
        )
        common = spans if common is None else intersection(common, spans)
    length_s = max((stop - start for start, stop in common or ()), default=0.0)
    if not length_s:
        return Constraint("outage", 0.0, "all channels were never silent together")
    text = f"{MARGIN} x {seconds(length_s)}: TCP on {' and '.join(networks)} together stays silent that long"
    return Constraint("outage", MARGIN * length_s, f"{text} after the outages measured")


def least_loaded(context: StackContext) -> Constraint:
    """The silence under load that no choice of channel avoids: tests fill one line at a time, replication may fill all."""
    worst: dict[str, float] = {}
    for timing in context.timings:
        worst[timing.network] = max(worst.get(timing.network, 0.0), timing.loaded_outage_s)
    network = min(worst, key=lambda name: worst[name])
    if not worst[network]:
        return Constraint("outage under load", 0.0, "a channel stayed up under every bandwidth test")
    length_s = _lost_s(worst[network], context)
    text = f"{MARGIN} x {seconds(length_s)}: TCP stays silent that long after the outage of {seconds(worst[network])}"
    return Constraint(
        "outage under load", MARGIN * length_s, f"{text} under a bandwidth test on {network}, the least of all channels"
    )


def measured_silence(length_s: float, where: str) -> Constraint:
    """The silence that a real TCP connection went through. It counts beside the one computed from outages: the longer decides."""
    text = (
        f"{MARGIN} x {seconds(length_s)}, the longest that a TCP connection on {where} went without an answer"
        if length_s > 0
        else f"no silence of a TCP connection on {where} was long enough to be listed"
    )
    return Constraint("silence of TCP", MARGIN * length_s, text)


def interruptions(timings: Sequence[Timing]) -> Iterator[Constraint]:
    """What has to be outlasted by a product whose heartbeats are datagrams: the longest outage, idle and under load."""
    for name, of in (("outage", "longest_outage_s"), ("outage under load", "loaded_outage_s")):
        worst = max(timings, key=lambda timing: float(getattr(timing, of)))
        length_s = float(getattr(worst, of))
        told = f"{MARGIN} x {seconds(length_s)}, the longest {name} of {worst.path}" if length_s else f"no {name}"
        yield Constraint(name, MARGIN * length_s, told)


def scenarios(context: StackContext, *, tcp: bool = True) -> Iterator[Constraint]:
    """A candidate for every scenario that is on; over one that silences the network TCP stays silent for longer."""
    for scenario in context.scenarios:
        if scenario.on:
            length_s = _lost_s(scenario.stall_s, context) if tcp and scenario.network else scenario.stall_s
            then = (
                f", after which TCP stays silent for up to {seconds(length_s)}" if length_s > scenario.stall_s else ""
            )
            # What a quick network would be silent for is the scenario's own.
            slow = (
                AS_MEASURED
                if length_s > _LENGTHENED * worst_stall_s(scenario.stall_s, _timed_s(0.0, timers(context)))
                else ""
            )
            yield Constraint(
                f"{SCENARIO}{scenario.name}{slow}",
                MARGIN * length_s,
                f"{MARGIN} x {seconds(length_s)}: {scenario.title}, {seconds(scenario.stall_s)}{then} ({scenario.source})",
            )


OF_PARTNER = "host "
"""How the name of a candidate begins that is of the node with which roles swap."""


_LENGTHENED = 1.2
"""From this multiple on a silence is told to be longer for what was measured (design value)."""


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
    if context.asked and not enough(context):
        text = f"only {span(context.exposure_s)} were measured, 15 min at least are needed; {text}"
    elif context.asked:
        pass
    elif not context.timings:
        text = f"nothing was measured between these nodes; {text}"
    elif not context.exposure_s:
        text = f"not every path was measured; {text}"
    elif context.hurt:
        text = f"a part of the record is missing; {text}"
    elif not enough(context):
        least = min(context.timings, key=exposure_s)
        text = f"only {watched(least)} were measured, 15 min at least are needed; {text}"
    return f"vendor floor: {text}" if not enough(context) and binding.name == FLOOR else text
