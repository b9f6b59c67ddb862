"""Legs that a person switches: never a failover timeout, but after how long a silence to raise an alarm.

The alarm is sized as a timeout is, by replay: twice the longest silence of the bound networks as TCP passed it on, the pauses and the scenarios that count, and 10 s at
least, because nobody acts on less (design value). A wrong alarm costs a person's attention and no call, so no vendor's floor is asked for.
How long an interruption replication tolerates depends on the writes and on the room for the product's queue, which nobody told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from analyzer import sizing
from analyzer.advisor import Carrier, Model, advise, timer
from analyzer.contract import Basis, Constraint, Recommendation, Setting
from analyzer.detectors import silence
from analyzer.detectors.episodes import Spans
from analyzer.detectors.trace import PathTrace
from analyzer.extension import Stack, StackContext
from analyzer.words import span

LEAST_S = 10.0
_ATTENTION = "the least that anybody acts on"

_TOLERATED = (
    "How long an interruption replication tolerates depends on the write load, which is replayed in the report's section on replication where the plan has a product that "
    "replicates, and on the room for its queue, which is not measured."
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm after so much silence."""

    after_s: float

    @property
    def outlasts_s(self) -> float:
        """Longest silence without an alarm."""
        return self.after_s

    @property
    def detection_s(self) -> tuple[float, float]:
        """From the loss to the alarm."""
        return self.after_s, self.after_s


def _replay(trace: PathTrace, settings: Sequence[Alarm]) -> Spans:
    return silence.replay(trace, [timer(trace, 0.0, item.after_s) for item in settings]).spans


def leg(
    stack: Stack, context: StackContext, name: str, where: str, why: Iterable[str], settings: tuple[Setting, ...] = ()
) -> Recommendation:
    """What is said of the leg. `name`: what the product is called here; `why`: why the product has no failover timeout there, and what else counts; `settings`: what is entered all the same."""
    return Recommendation(
        stack.name,
        f"{name}, {context.leg}: no failover timeout (manual switchover)",
        context.subject,
        context.networks,
        where,
        Basis.MEASURED if sizing.enough(context) else Basis.FLOOR,
        settings,
        (),
        None,
        "",
        (*why, *alarm(stack, context), _TOLERATED),
        (),
        nodes=context.pair,
    )


def alarm(stack: Stack, context: StackContext) -> Iterator[str]:
    """When to raise the alarm, and why then."""
    model = Model(lambda silence_s: Alarm(float(sizing.whole(silence_s))), (), _replay, Carrier.TCP, stack.combine)
    advice = advise(context, model, _candidates(context))
    assert advice.setting is not None  # an alarm has no range that ends
    on = ", ".join(context.networks) or "the bound networks"
    yield f"Raise an alarm when nothing was heard on {on} for {advice.setting.after_s:.0f} s: {advice.binding.text}."
    if advice.risk is None:
        yield "Nothing was measured between the two, so that rests on scenarios alone."
    elif not sizing.enough(context):
        yield "It is provisional: too little of the two was measured, or a part of the record is missing."
    else:
        hours = advice.risk.incidents
        sounded = (
            "would not have sounded"
            if not hours
            else f"would have sounded in {'one hour' if hours == 1 else f'{hours} hours'}"
        )
        yield f"In the {span(advice.risk.exposure_s)} measured it {sounded}."
        if advice.binding.name != _ATTENTION:
            yield advice.change


def _candidates(context: StackContext) -> Iterator[Constraint]:
    yield Constraint(_ATTENTION, LEAST_S, f"{LEAST_S:g} s at least, because nobody acts on less (design value)")
    if context.timings:
        yield sizing.pause(context.timings)
    yield from sizing.scenarios(context)
