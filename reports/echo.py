"""The blocks about TCP: how a connection fared on every path, and how idle ones aged."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import EchoTiming, IdleAge
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import MOST, excerpt
from reports.texts import each, say
from reports.uniform import by_path


def echo_blocks(items: tuple[EchoTiming, ...]) -> Iterator[Block]:
    """What a message a second over TCP showed on every path; where it was not measured, why."""
    if not items:
        yield Paragraph(say("No path of the plan is a channel or carries a product, so TCP was not tried."))
        return
    measured = tuple(item for item in items if not item.reason)
    if measured:
        yield Paragraph(
            say(
                "One message a second on a connection that stays open, timed from when it was due: what a lost packet or an outage "
                "costs a heartbeat over TCP. Left idle: after how long without traffic a connection still worked. {dash}: too few messages for that quantile.",
                dash=figures.DASH,
            )
        )
        yield from by_path(_table(_worst_first(measured) if len(measured) > MOST else measured))
    reasons: dict[str, list[str]] = {}
    for item in items:
        if item.reason:
            reasons.setdefault(item.reason, []).append(_label(item))
    if reasons:
        rows = tuple((", ".join(paths), reason) for reason, paths in reasons.items())
        yield from excerpt(Table(each("Path", "Why"), rows, (50, 50), say("TCP was not measured")))


def _worst_first(items: tuple[EchoTiming, ...]) -> tuple[EchoTiming, ...]:
    return tuple(sorted(items, key=lambda item: (-item.resets, -item.longest_silence_s, -(item.rtt.p999 or 0))))


def _label(item: EchoTiming) -> str:
    return f"{item.source} {figures.ARROW} {item.target}"


def _table(items: tuple[EchoTiming, ...]) -> Table:
    return Table(
        each("Path", "Network", "p50", "p99", "p99.9", "Silent for", "Cut", "Sent again", "Timer", "Left idle"),
        tuple(
            (
                _label(item),
                say("{network} (WAN)", network=item.network) if item.wan else item.network,
                figures.milliseconds(item.rtt.p50),
                figures.quantile(item.rtt.p99, item.rtt.samples, 100),
                figures.quantile(item.rtt.p999, item.rtt.samples, 1000),
                figures.seconds(item.longest_silence_s),
                figures.count(item.resets),
                figures.DASH if item.retransmissions is None else figures.count(item.retransmissions),
                figures.milliseconds(item.rto_s),
                _idle(item.idle),
            )
            for item in items
        ),
        (17, 12, 8, 8, 8, 10, 6, 8, 8, 15),
        say("TCP connections"),
        numeric=(2, 3, 4, 5, 6, 7, 8),
    )


def _idle(ages: tuple[IdleAge, ...]) -> str:
    """``5 min ok, 30 min dropped``; what could not be told is no survival."""
    told = []
    for age in ages:
        if age.survived + age.dropped:
            word = (
                say("ok")
                if not age.dropped
                else say("dropped")
                if not age.survived
                else say("dropped {dropped} times", dropped=age.dropped)
            )
            told.append(f"{figures.duration(age.age_s)} {word}")
    return ", ".join(told) or say("not tried")
