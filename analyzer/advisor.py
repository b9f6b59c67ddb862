"""From traces to a setting: replay a product's own failure detector, choose, and say what that proves.

A stack describes its detector as a `Model`: settings that outlast so much silence and notice a dead peer after so long, what each does on one
trace, and what carries its heartbeats. `advise` does the rest, for every product alike:

1. The longest silence in all that the product needs, on the joint trace: of a product that survives while any network lives the time in which all were
   silent at once, else the worst of any path. Pauses of both nodes, slots under bandwidth tests and, where the product rides on TCP, its
   retransmissions are in it. The setting has to outlast `margin` times that. What lies below three probe periods cannot be told, so that counts as the least.
2. This stands beside the candidates that the stack gives (floors, pauses, scenarios, ...). The largest decides: the setting of least detection time that
   outlasts them all, and in the replay suspected nobody, or so seldom that the bound keeps the target.
3. What it rests on: hours with suspicion, the bound of their rate, the class, both halves of the run, and the same for shorter and longer settings.

The class of the claim is a label and decides nothing, and so is a model of the tails (`backing`): its guards would let worse data (a tail too heavy to be fitted)
lift what it asks for. So worse data never gives a shorter setting. Nor does a clean window: the vendor's default is a floor that only the plan lowers.
Halves that differ are told and change nothing, because data that is worse in the better half would then give a shorter setting.

Source: margin, order and texts: design; incidents and bound: `detectors.incidents`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, Protocol, TypeVar

from analyzer import sizing
from analyzer.backing import Backing, backing
from analyzer.contract import Claim, Constraint, Risk, TradeOff
from analyzer.contract.advice import AS_MEASURED, FLOOR, SCENARIO
from analyzer.detectors import silence
from analyzer.detectors.episodes import HOUR_S, Codes, Spans, all_of, any_of, joint_exposure_s
from analyzer.detectors.incidents import CAVEAT, YEAR_S, claim, clean_days, doubts, least, lowered, per_year
from analyzer.detectors.trace import PathTrace, over_tcp
from analyzer.doubts import doubtful
from analyzer.extension import Combine, StackContext
from analyzer.silences import Silences, silences
from analyzer.words import count, seconds, span

REPLAY, RESOLUTION = "replayed silence", "resolution"
"""Names of the candidates that come from the replay and from the rate of the probes."""

MARGIN = 2.0
"""A setting outlasts so many times the longest silence (design value)."""

_SLACK_S = 1e-6
_STEP_S = 1e-4
"""Less than any product's step, more than what floats add up to."""
_BATCHES = (8, 32, 128, 512, 2048)
"""How many further steps are tried at a time."""


class Carrier(Enum):
    """What becomes of a heartbeat that the network lost: it is lost, or it comes late, and holds up what follows on a link in use."""

    DATAGRAM = auto()
    TCP = auto()
    IDLE_TCP = auto()


class Detector(Protocol):
    """A setting of a product's failure detector."""

    @property
    def outlasts_s(self) -> float:
        """Longest silence that it bears for sure."""

    @property
    def detection_s(self) -> tuple[float, float]:
        """Shortest and longest time from a crash to suspicion."""


S = TypeVar("S", bound=Detector)


@dataclass(frozen=True, slots=True)
class Model(Generic[S]):
    """A product's detector. `fit`: the least setting that outlasts a silence, by the product's own steps and range; None: there is none.

    `ladder`: settings that show what shorter and longer ones would have cost. `replay`: when each would suspect on one path.
    """

    fit: Callable[[float], S | None]
    ladder: Sequence[S]
    replay: Callable[[PathTrace, Sequence[S]], Spans]
    carrier: Carrier
    combine: Combine
    margin: float = MARGIN
    rto_s: float = 0.0
    """Longest first retransmission of what carries the heartbeats, if that is more than TCP's."""


@dataclass(frozen=True, slots=True)
class Advice(Generic[S]):
    """The setting (None: the product has none that is long enough), what asked for it, and what it rests on."""

    setting: S | None
    binding: Constraint
    constraints: tuple[Constraint, ...]
    risk: Risk | None
    tradeoff: tuple[TradeOff, ...]
    change: str
    cautions: tuple[tuple[str, str], ...]
    asides: tuple[str, ...] = ()
    """What is not known of what carries the heartbeats."""


def timer(trace: PathTrace, interval_s: float, timeout_s: float) -> silence.Timer:
    """A silence timer on this trace; where its heartbeats are not resolved every probe is one, as far as probes go."""
    if trace.resolves(interval_s) and interval_s < timeout_s:
        return silence.Timer(interval_s, timeout_s)
    return silence.Timer(trace.period_s, max(timeout_s, trace.period_s * 1.001), steady=True)


def advise(context: StackContext, model: Model[S], candidates: Iterable[Constraint]) -> Advice[S]:
    """The setting of least detection time that outlasts all candidates and the replayed silence."""
    rto_s = max(sizing.context_rto_s(context), model.rto_s)
    bare = _streams(context, model)
    streams = [[_carried(trace, model.carrier, rto_s) for trace in stream] for stream in bare]
    found = list(candidates)
    quiet = [silences(stream, idle=model.carrier is Carrier.IDLE_TCP) for stream in streams]
    worst = max(quiet, key=lambda item: item.longest_s, default=None)
    if worst is not None:
        found.append(_replayed(worst, model))
    binding, constraints = sizing.decide(found)
    setting = model.fit(binding.value_s)
    # A model with a timer of its own rides on something else than TCP.
    asides = () if model.carrier is Carrier.DATAGRAM or model.rto_s else tuple(sizing.tcp_notes(context))
    if setting is None or worst is None:
        change = _change(model, binding, constraints, setting)
        return Advice(setting, binding, constraints, None, (), change, _cautions(context, setting, binding), asides)
    traces = [trace for stream in streams for trace in stream]
    exposure_s = joint_exposure_s(traces)
    target = context.plan.target.false_failovers_per_year
    setting = _fitting(model, setting, streams, exposure_s, target)
    if setting is None:
        change = _change(model, binding, constraints, setting)
        return Advice(setting, binding, constraints, None, (), change, _cautions(context, setting, binding), asides)
    settings = _rungs(model, setting)
    place = settings.index(setting)
    hours = _hours(model, settings, streams)
    rows = tuple(
        TradeOff(
            item.outlasts_s,
            item.detection_s[1],
            int(count),
            per_year(int(count), exposure_s) if exposure_s > 0 else None,
            item is setting,
        )
        for item, count in zip(settings, hours, strict=True)
    )
    tcp_s = None if model.carrier is Carrier.DATAGRAM else rto_s
    bound = rows[place].bound_per_year
    model_of_tails = (
        Backing(None, kept=False, text="")
        if bound is not None and bound <= target
        else backing(bare, exposure_s, target, setting.outlasts_s, tcp_s)
    )
    longer = None if model_of_tails.asked_s is None else model.fit(model_of_tails.asked_s)
    risk = _risk(context, rows[place], traces, worst, quiet, exposure_s, model_of_tails, longer)
    change = _change(model, binding, constraints, setting)
    return Advice(setting, binding, constraints, risk, rows, change, _cautions(context, setting, binding), asides)


def _fitting(
    model: Model[S], first: S, streams: Sequence[Sequence[PathTrace]], exposure_s: float, target: float
) -> S | None:
    """The first setting from `first` on, step by step, that suspected nobody or whose bound keeps the target; None if the product has none.

    The steps are the product's own, whatever the data: so what worse data refuses, better data cannot have skipped.
    """
    steps = [first]
    for batch in _BATCHES:
        choice = least([item.detection_s[1] for item in steps], _hours(model, steps, streams), exposure_s, target)
        if choice is not None:
            return steps[choice.place]
        last, steps = steps[-1], []
        while len(steps) < batch and (following := model.fit(last.outlasts_s + _STEP_S)) is not None:
            steps.append(following)
            last = following
        if not steps:
            return None
    return None


def _hours(model: Model[S], settings: Sequence[S], streams: Sequence[Sequence[PathTrace]]) -> Codes:
    """Hours in which each setting would have suspected."""
    return any_of([all_of([model.replay(trace, settings) for trace in stream]) for stream in streams]).hours


def _streams(context: StackContext, model: Model[S]) -> list[list[PathTrace]]:
    """What has to fall silent before the product suspects: each stream's traces together, any of the streams.

    A trace is one of round trips from its sender, so both directions of a pair are streams of their own.
    """
    if context.asked:
        return [[trace] for trace in context.asked.values()]
    known = [(path, context.traces[path.name]) for path in context.paths if path.name in context.traces]
    if model.combine is Combine.WORST:
        return [[trace] for _, trace in known]
    ways: dict[tuple[str, str], list[PathTrace]] = {}
    for path, trace in known:
        ways.setdefault((path.source, path.target), []).append(trace)
    return list(ways.values())


def _carried(trace: PathTrace, carrier: Carrier, rto_s: float) -> PathTrace:
    """The trace as the product's heartbeats meet it."""
    return trace if carrier is Carrier.DATAGRAM else over_tcp(trace, rto_s, in_order=carrier is Carrier.TCP)


def _replayed(worst: Silences, model: Model[S]) -> Constraint:
    length_s = worst.longest_s
    value_s = model.margin * length_s
    if length_s <= worst.least_s:
        text = f"{model.margin:g} x {seconds(length_s)}: no silence beyond three probes in a row, less cannot be told"
    else:
        tcp = "" if model.carrier is Carrier.DATAGRAM else ", as TCP would have passed it on"
        together = "all at once of " if " and " in worst.where else ""
        at = span(worst.longest_at_s) if worst.longest_at_s >= 0 else "0 s"
        text = f"{model.margin:g} x {seconds(length_s)}, the longest silence {together}{worst.where}{tcp}, {at} after the start of the run"
    return Constraint(REPLAY, value_s, text)


def _rungs(model: Model[S], setting: S) -> list[S]:
    """The ladder with the setting in its place."""
    rest = [item for item in model.ladder if abs(item.outlasts_s - setting.outlasts_s) > _SLACK_S]
    return sorted([*rest, setting], key=lambda item: (item.outlasts_s, item.detection_s))


def _risk(
    context: StackContext,
    row: TradeOff,
    traces: Sequence[PathTrace],
    worst: Silences,
    quiet: Sequence[Silences],
    exposure_s: float,
    backed: Backing,
    longer: Detector | None,
) -> Risk:
    """`longer`: the setting that the model of the tails asks for, if it gave a figure and the product has one."""
    target = context.plan.target.false_failovers_per_year
    bound = math.inf if row.bound_per_year is None else row.bound_per_year
    claimed = claim(bound, target, modelled=backed.kept)
    of_traces = (f"{text} ({trace.path})" for trace in traces for text in doubts(trace))
    doubted = tuple(dict.fromkeys((*of_traces, *doubtful(context))))
    claimed = lowered(claimed, doubted)
    begin_s = min((float(trace.sent_s[0]) for trace in traces if len(trace)), default=0.0)
    end_s = max((trace.end_s for trace in traces), default=0.0)
    middle_s = (begin_s + end_s) / 2.0
    halves = (
        max(item.within_s(-math.inf, middle_s) for item in quiet),
        max(item.within_s(middle_s, math.inf) for item in quiet),
    )
    hour_s = math.floor(max(worst.longest_at_s, 0.0) / HOUR_S) * HOUR_S
    return Risk(
        claim=claimed,
        target_per_year=target,
        incidents=row.incidents,
        exposure_s=exposure_s,
        bound_per_year=row.bound_per_year,
        silence_s=worst.longest_s,
        silence_at_s=worst.longest_at_s,
        halves_s=halves,
        text=_sentence(row, exposure_s),
        caveat=CAVEAT,
        better=_better(claimed, target, doubted, None if backed.kept else longer),
        doubts=doubted,
        model=backed.text,
        elsewhere_s=max(item.without_s(hour_s, hour_s + HOUR_S) for item in quiet),
    )


def _sentence(row: TradeOff, exposure_s: float) -> str:
    if row.bound_per_year is None:
        return "Nothing was observed of all that this setting needs at once, so nothing bounds its false alarms."
    text = f"In {span(exposure_s)} of valid measurement {_silent(row.incidents, exposure_s)} in which this setting would have given up a healthy peer. "
    if row.bound_per_year >= YEAR_S / 3600.0:
        return f"{text}So short a measurement bounds nothing: at 95 % confidence any hour of a year may have one."
    return f"{text}At 95 % confidence that happens in fewer than {count(row.bound_per_year)} hours a year in the long run, if the measured time is typical."


def _silent(incidents: int, exposure_s: float) -> str:
    """Hours are counted only where one was measured: a shorter run has none that could be clean."""
    if not incidents:
        return "there was no silence"
    if exposure_s < HOUR_S:
        return "there was at least one silence"
    return f"{'one hour' if incidents == 1 else f'{count(incidents)} hours'} had a silence"


def _better(claimed: Claim, target: float, doubted: Sequence[str], longer: Detector | None) -> str:
    if claimed is Claim.CERTIFIED:
        return ""
    first = "Mend what is in doubt first. " if doubted else ""
    days = f"to certify {target:g} a year by measurement alone takes {count(clean_days(target))} clean days."
    if longer is not None:
        return f"{first}The model would back one that outlasts {seconds(longer.outlasts_s)}, with up to {seconds(longer.detection_s[1])} of detection; {days}"
    return f"{first}No longer timeout would be proven better: {days}"


def _change(model: Model[S], binding: Constraint, constraints: Sequence[Constraint], setting: S | None) -> str:
    """What would change the value: how far it would fall without what decided, and what to do about that."""
    rest = [item for item in constraints if not item.binding]
    following = max(rest, key=lambda item: item.value_s, default=None)
    if binding.name == FLOOR:
        text = "Decided by the floor; only a named override in the plan goes below."
    elif binding.name.startswith(SCENARIO):
        off = f'[scenario] off = ["{binding.name.removeprefix(SCENARIO).removesuffix(AS_MEASURED)}"]'
        slow = (
            "what was slow or paused makes TCP's timer longer: mend that and measure again; "
            if binding.name.endswith(AS_MEASURED)
            else ""
        )
        text = f"Decided by {binding.name}; {slow}if it cannot happen here, switch it off in the plan ({off})."
    elif binding.name.startswith(sizing.OF_PARTNER):
        text = f"Decided by {binding.name}; what would change it is told there."
    elif binding.name == RESOLUTION:
        text = "Decided by the resolution of the probes; probe faster ([probe] period_s) and measure again."
    else:
        text = f"Decided by {binding.name}; mend its cause and measure again."
    shorter = model.fit(following.value_s) if following is not None else None
    if (
        following is None
        or shorter is None
        or (setting is not None and shorter.outlasts_s >= setting.outlasts_s - _SLACK_S)
    ):
        return text
    return f"{text} Without it {seconds(shorter.outlasts_s)} of silence would have to be borne, because of {following.name}."


def _cautions(context: StackContext, setting: S | None, binding: Constraint) -> tuple[tuple[str, str], ...]:
    """What the plan wants and cannot have."""
    wanted_s = context.plan.target.detection_s
    if wanted_s is None or setting is None or setting.detection_s[1] <= wanted_s:
        return ()
    return (
        (
            f"Target of {seconds(wanted_s)} until a failure is noticed",
            f"NOT KEPT: {seconds(setting.detection_s[1])} at most; {binding.name} asks for it",
        ),
    )


def notes(advice: Advice[S]) -> tuple[str, ...]:
    """What stands below the values: what is not known of TCP, halves of the run that differ, and an hour that stands out."""
    risk = advice.risk
    if risk is None:
        return advice.asides
    first_s, second_s = risk.halves_s
    found = list(advice.asides)
    if max(first_s, second_s) > 2.0 * min(first_s, second_s):
        found.append(
            f"The halves of the run differ: their longest silences are {seconds(first_s)} and {seconds(second_s)}. A longer run may show more."
        )
    several = risk.exposure_s >= 2.0 * HOUR_S
    if several and risk.elsewhere_s is not None and risk.silence_s > 2.0 * risk.elsewhere_s:
        hour = math.floor(max(risk.silence_at_s, 0.0) / HOUR_S) + 1
        found.append(
            f"One hour stands out, the {_ordinal(hour)} of the run: without it the longest silence is {seconds(risk.elsewhere_s)} instead of {seconds(risk.silence_s)}. "
            "Find out what happened then; the value counts with it."
        )
    return tuple(found)


def _ordinal(number: int) -> str:
    """``1st``, ``22nd``, ``113th``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
