"""What the operator changed, in words: limits of a profile beside those that they replaced."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Change, Limit, LimitChange, Sense
from reports import figures
from reports.contract import Block, Heading, Paragraph, Table
from reports.texts import each, say, word

NAMES = 6


def levels(limit: Limit, warn: float | None, fail: float | None) -> str:
    """``warn over 40 ms, fail over 80 ms``; "none" where there is no level at all."""
    side = say("over") if limit.sense is Sense.AT_MOST else say("under")
    told = [
        f"{word} {side} {figures.quantity(level, limit.unit)}"
        for word, level in ((say("warn"), warn), (say("fail"), fail))
        if level is not None
    ]
    return ", ".join(told) or say("none")


def usual(limit: Limit) -> str:
    """``relaxed by profile wan; usually: warn over 40 ms, fail over 80 ms``; empty for a limit that nobody changed."""
    if limit.change is Change.NONE:
        return ""
    before = levels(limit, limit.default_warn, limit.default_fail)
    return say(
        "{value} by profile {profile}; usually: {before}",
        value=word(limit.change),
        profile=limit.profile,
        before=before,
    )


def changed_limit(change: LimitChange) -> str:
    """One sentence: whose limit, what it is now, what it was, and what it decided."""
    limit = change.limit
    decided = say(
        " It decided on {names}.", names=figures.listing([figures.subject(name) for name in change.decided], NAMES)
    )
    return say(
        "{title}, {name}: {levels} ({usual}). Source: {source}.{decided}",
        title=change.title,
        name=limit.name,
        levels=levels(limit, limit.warn, limit.fail),
        usual=usual(limit),
        source=limit.source,
        decided=decided if change.decided else "",
    )


def control(changes: tuple[LimitChange, ...], profile: str) -> Iterator[Block]:
    """Every limit that the profile changed, for the last section."""
    if not profile:
        return
    yield Heading(say("Limits changed by profile {profile}", profile=profile), 2)
    if not changes:
        yield Paragraph(say("It changes none of them."))
        return
    yield Table(
        each("Change", "Limit"),
        tuple((word(change.limit.change), changed_limit(change)) for change in changes),
        (14, 86),
    )
