"""Whether a silence was that of a node that stood still with its clock, so that nobody looks for it in the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from analyzer.contract import ClockStep, NodeStalls, Outage, Stall, StallCause, Timing

_CLOCK_STOOD = (StallCause.SUSPEND, StallCause.FROZEN)
_SHARE = 0.5
"""A standstill of at least this share of a silence explains it (design value, as for pauses)."""

_SET_WITHIN_S = 60.0
"""Until then the clock of a machine that stood still is set (design value, as for notes)."""


def stood(ends: Mapping[str, NodeStalls], outages: Iterable[Outage]) -> str:
    """The node that stood still during the longest of the outages; empty if none did.

    Of the standstills only the longest are known one by one, so one that is not found proves nothing.
    """
    longest = max(outages, key=lambda outage: outage.length_s, default=None)
    if longest is None:
        return ""
    for name, stalls in ends.items():
        for stall in stalls.worst:
            begin_s, end_s = max(stall.start_s, longest.start_s), stall.start_s + stall.length_s
            common_s = min(end_s, longest.start_s + longest.length_s) - begin_s
            if stall.cause in _CLOCK_STOOD and common_s >= _SHARE * longest.length_s:
                return name
    return ""


def stood_for_all(ends: Mapping[str, NodeStalls], timings: Iterable[Timing]) -> str:
    """The node that stood still during the longest outage of every one of these paths that had any."""
    names = {stood(ends, timing.outages) for timing in timings if timing.outages}
    return names.pop() if len(names) == 1 else ""


def before_step(stalls: NodeStalls, step: ClockStep, read_s: float) -> Stall | None:
    """The standstill that a step of the wall clock set right; None if none is on record. `read_s`: how long before the step was seen it may lie.

    As long as the step within a half, and over a minute before it at most: who sets the clock may take his time (design values).
    """
    for stall in stalls.worst:
        end_s = stall.start_s + stall.length_s
        near = stall.start_s - read_s <= step.at_s <= end_s + read_s + _SET_WITHIN_S
        alike = _SHARE * stall.length_s <= step.by_s <= (1.0 + _SHARE) * stall.length_s
        if stall.cause in _CLOCK_STOOD and near and alike:
            return stall
    return None


def told(node: str) -> str:
    """That in words, behind what is said of the silence."""
    return f", while {node} stood still with its clock" if node else ""


def remedy(node: str) -> str:
    """What to do about it, wherever it was found: in the same words, so that page 1 says it once."""
    return (
        f"Find what stops {node} as a whole: snapshots and migrations of its hypervisor, suspension, power saving. "
        "Exempt it from them while the cluster runs."
    )
