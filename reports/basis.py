"""What a recommended timeout rests on, in words: a floor that decides is no measurement, however long the run was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from analyzer.contract import Basis, Constraint, Recommendation, Throughput, Timing
from analyzer.contract.advice import AS_MEASURED, FLOOR, SCENARIO
from reports import figures
from reports.texts import say, word


def rest_s(timing: Timing) -> float:
    """How long the path was watched at rest: slots that say something about the network, without those of bandwidth tests."""
    return timing.hours * 3600.0 * timing.judged / timing.sent if timing.sent else 0.0


def tested(item: Throughput) -> Iterator[tuple[float, float]]:
    """When tests loaded the nodes of a path, as (begin, length): those of all it carries, those at the planned rate and those with UDP."""
    for tests in (item.tests, item.at_load, item.datagrams):
        for test in tests:
            yield test.start_s, test.length_s


def loaded_s(timing: Timing) -> float:
    """How long the path was watched during bandwidth tests of either node."""
    return timing.period_s * (timing.loaded.samples + timing.loaded_lost)


def based_on(advice: Recommendation, timings: Iterable[Timing]) -> str:
    """What decided, and for how long was measured."""
    binding = next((item for item in advice.constraints if item.binding), None)
    if binding is None:
        return say("defaults of the product and the plan's rates")
    length = _length(advice, list(timings))
    what = _what(binding)
    match advice.basis:
        case Basis.OVERRIDE:
            return say("{what}, lowered by the plan", what=what)
        case Basis.FLOOR | Basis.PROVISIONAL:
            if length:
                return say("{what}; too little was measured{length}", what=what, length=length)
            return say("{what}; not every path was measured", what=what)
        case Basis.MEASURED if _unmeasured(binding):
            return say("{what}; the measurement{length} asks for no more", what=what, length=length)
        case Basis.MEASURED:
            return say("measured{length}: {what}", length=length, what=what)


def _unmeasured(binding: Constraint) -> bool:
    return binding.name == FLOOR or (binding.name.startswith(SCENARIO) and not binding.name.endswith(AS_MEASURED))


def _what(binding: Constraint) -> str:
    return (
        say("floor of {seconds}", seconds=figures.seconds(binding.value_s)) if binding.name == FLOOR else binding.name
    )


def _length(advice: Recommendation, timings: Sequence[Timing]) -> str:
    """The shortest time of all paths of the recommendation, in brackets; "" where one of them has no figures.

    Where bandwidth tests took a part of the run it is shorter than that, and says why.
    """
    nodes = set(advice.nodes or advice.subject.name.split("+"))
    ways = [item for item in timings if item.network in advice.networks and {item.source, item.target} <= nodes]
    if not ways and advice.risk is not None and advice.risk.exposure_s:
        return f" ({figures.duration(advice.risk.exposure_s)})"
    if not ways or len(ways) < 2 * len(advice.networks):
        return ""
    shortest = min(ways, key=rest_s)
    duration = figures.duration(rest_s(shortest))
    if not rest_s(shortest):
        return ""
    return say(" ({duration} at rest)", duration=duration) if loaded_s(shortest) else f" ({duration})"


def classed(advice: Recommendation) -> str:
    """The class of the claim, in words that say what it is worth; "" where nothing was replayed."""
    if advice.risk is None:
        return ""
    return say("class {claim}", claim=word(advice.risk.claim))
