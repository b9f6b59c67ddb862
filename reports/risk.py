"""What a timeout is worth, in words: how often it would have raised a false alarm, what bounds that, and what other timeouts would cost."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Claim, Recommendation, Risk, TradeOff
from reports import figures
from reports.contract import Band, Block, Chart, Paragraph, Pin
from reports.texts import mark, say

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
    """The class with its bound, what would change the value, and the trade-off of detection time against false alarms."""
    risk = advice.risk
    if risk is not None:
        title = say(
            "{claim} The target is at most {target_per_year} a year.",
            claim=say(CLASSES[risk.claim]),
            target_per_year=f"{risk.target_per_year:g}",
        )
        yield Paragraph(
            " ".join(
                filter(None, (title, risk.text, risk.caveat, risk.model, risk.better, _doubted(risk), advice.change))
            )
        )
    elif advice.change:
        yield Paragraph(advice.change)
    if risk is not None and advice.tradeoff:
        yield from _tradeoff(advice.tradeoff, risk)


def _doubted(risk: Risk) -> str:
    if not risk.doubts:
        return ""
    return say("In doubt, which lowers the class by one where it can: {names}.", names="; ".join(risk.doubts))


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
    bounds = tuple(bound if (bound := row.bound_per_year or 0.0) < YEAR_S / 3600.0 else None for row in known)
    if all(bound is None for bound in bounds) and not any(row.incidents for row in known):
        yield Paragraph(
            say(
                "So short a run bounds the false alarms of no timeout, so no chart shows what a shorter or longer one would cost."
            ),
            small=True,
        )
        return
    seen = tuple(row.incidents * YEAR_S / risk.exposure_s or None for row in known)
    x = tuple(row.detection_s for row in known)
    yield Chart(
        say("What a shorter or longer timeout would cost"),
        say("time until a dead peer is noticed, at most (s)"),
        say("hours a year with a false alarm"),
        (
            Band(say("95 % upper bound, where there is one"), x, bounds),
            Band(say("as measured (nothing where there was none)"), x, seen),
        ),
        log_x=True,
        log_y=True,
        half=True,
        pins=tuple(Pin(row.detection_s, say("recommended")) for row in known if row.chosen),
    )
