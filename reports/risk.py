"""What a timeout is worth, in words: how often it would have raised a false alarm, what bounds that, and what other timeouts would cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from analyzer.contract import Claim, Recommendation, Risk, TradeOff
from reports import figures
from reports.contract import Band, Block, Chart, Heading, Paragraph, Pin, Table
from reports.texts import each, mark, say

HOUR_S = 3600.0
YEAR_S = 365.25 * 86400.0

CLASSES = {
    Claim.CERTIFIED: mark("Class certified: the measurement alone bounds false alarms below the target."),
    Claim.MODEL_BACKED: mark(
        "Class model-backed: a model of the tails keeps the target, or the measurement would if nothing were in doubt."
    ),
    Claim.UNREFUTED: mark(
        "Class unrefuted: nothing seen speaks against the value, and the measurement is too short to prove it."
    ),
}


def risk_blocks(advice: Recommendation) -> Iterator[Block]:
    """The class, the risk and what decided, in a sentence each, and the trade-off of detection time against false alarms.

    What the class rests on is much the same for all products: `proof_blocks` says it once.
    """
    risk = advice.risk
    if risk is not None:
        yield Paragraph(" ".join(filter(None, (say(CLASSES[risk.claim]), _seen(risk), advice.change))))
    elif advice.change:
        yield Paragraph(advice.change)
    if risk is not None and advice.tradeoff:
        yield from _tradeoff(advice.tradeoff, risk)


def _seen(risk: Risk) -> str:
    """How often it would have raised a false alarm, and the bound of that where there is one."""
    if risk.bound_per_year is None:
        return ""
    exposure = figures.seconds(risk.exposure_s)
    if not risk.incidents:
        told = say("In {exposure} of measurement it would have raised no false alarm.", exposure=exposure)
    elif risk.exposure_s < HOUR_S:
        told = say("In {exposure} of measurement it would have raised at least one false alarm.", exposure=exposure)
    else:
        hours = figures.several(risk.incidents, "hour")
        told = say(
            "In {exposure} of measurement it would have raised a false alarm in {hours}.",
            exposure=exposure,
            hours=hours,
        )
    if risk.bound_per_year >= YEAR_S / HOUR_S:
        return told
    return say(
        "{told} At 95 % confidence: fewer than {bound} hours with one in a year.",
        told=told,
        bound=figures.count(round(risk.bound_per_year)),
    )


def proof_blocks(recommendations: Sequence[Recommendation]) -> Iterator[Block]:
    """What the classes rest on: once what holds for all settings, then what is said of some of them."""
    sized = [(advice, risk) for advice in recommendations if (risk := advice.risk) is not None]
    if not sized:
        return
    said = [
        tuple(filter(None, (_target(risk), risk.text, risk.caveat, risk.model, risk.better, _doubted(risk))))
        for _, risk in sized
    ]
    shared = [text for text in said[0] if all(text in other for other in said)]
    yield Heading(say("How far the measurement proves these values"), 2)
    if shared:
        yield Paragraph(" ".join(shared))
    apart: dict[str, list[str]] = defaultdict(list)
    for (advice, _), texts in zip(sized, said, strict=True):
        if own := " ".join(text for text in texts if text not in shared):
            apart[own].append(f"{advice.title}: {figures.subject(advice.subject.name)}")
    if apart:
        yield Table(
            each("Settings of", "What is said of them"),
            tuple(("\n".join(names), text) for text, names in apart.items()),
            (30, 70),
        )


def _target(risk: Risk) -> str:
    return say("The target is at most {alarms} a year.", alarms=_alarms(risk.target_per_year))


def _alarms(often: float) -> str:
    return say("1 false alarm") if often == 1 else say("{often} false alarms", often=f"{often:g}")


def _doubted(risk: Risk) -> str:
    if not risk.doubts:
        return ""
    return say("In doubt, which lowers the class by one where it can: {names}.", names="; ".join(risk.doubts))


def _within(hours: float) -> float | None:
    """Hours of a year; None: all of them or more, which no year has and which bounds nothing."""
    return hours if hours < YEAR_S / HOUR_S else None


def _tradeoff(rows: tuple[TradeOff, ...], risk: Risk) -> Iterator[Block]:
    """A chart where timeouts differ in what they would have cost, a sentence where they do not."""
    if len({row.incidents for row in rows}) < 2 or not risk.exposure_s:
        quickest = figures.seconds(rows[0].detection_s)
        told = (
            say(
                "All of the timeouts tried, from {quickest} of detection on, would have raised the same number of false alarms on this run.",
                quickest=quickest,
            )
            if rows[0].incidents
            else say(
                "None of the timeouts tried, from {quickest} of detection on, would have raised a false alarm on this run.",
                quickest=quickest,
            )
        )
        yield Paragraph(told, small=True)
        return
    known = [row for row in rows if row.bound_per_year is not None]
    bounds = tuple(_within(row.bound_per_year or 0.0) for row in known)
    # The rate of no false alarm is none: nothing was seen, and a logarithmic axis has no zero.
    seen = tuple(_within(row.incidents * YEAR_S / risk.exposure_s) or None for row in known)
    x = tuple(row.detection_s for row in known)
    bands = tuple(
        Band(title, x, values)
        for title, values in (
            (say("95 % upper bound, where there is one"), bounds),
            (say("as measured (nothing where there was none)"), seen),
        )
        if any(value is not None for value in values)
    )
    if risk.exposure_s < HOUR_S or not bands:
        yield Paragraph(
            say(
                "So short a run bounds the false alarms of no timeout, so no chart shows what a shorter or longer one would cost."
            ),
            small=True,
        )
        return
    yield Chart(
        say("What a shorter or longer timeout would cost"),
        say("time until a dead peer is noticed, at most, s (log)"),
        say("hours a year with a false alarm (log)"),
        bands,
        log_x=True,
        log_y=True,
        half=True,
        pins=tuple(Pin(row.detection_s, say("recommended")) for row in known if row.chosen),
    )
