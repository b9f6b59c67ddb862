"""Which clock stamped the probes of each path, and what the network cards could do, in a few lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from analyzer.contract import Assessment, Stamping, Timing
from reports import figures
from reports.contract import Block, Paragraph
from reports.texts import mark, say

_MOSTLY = 0.8
"""From this share of its answers on, the wire figure stands for a path (docs/method.md)."""

_CARDS = {
    Stamping.OFF: mark("possible, but not switched on"),
    Stamping.ON: mark("switched on, but not used"),
    Stamping.OTHER: mark("possible for packets of PTP or NTP only"),
    Stamping.NONE: mark("not possible"),
    Stamping.UNTOLD: mark("not told"),
}
_KERNEL = mark("the kernel's software at both ends")
_PROGRAM = mark("a program at one end at least, so there is no wire time")


def stamp_blocks(assessment: Assessment) -> Iterator[Block]:
    """One paragraph; nothing where no path was measured."""
    clocks: dict[str, list[str]] = defaultdict(list)
    for item in assessment.timings:
        if item.answered:
            clocks[_clock(item)].append(f"{figures.direction(item.source, item.target)} ({item.network})")
    if not clocks:
        return
    ends = {(node, item.network) for item in assessment.timings for node in (item.source, item.target)}
    told = {(item.node, item.network): item.stamping for item in assessment.addresses}
    cards: dict[str, list[str]] = {say(words): [] for words in _CARDS.values()}
    for node, network in sorted(ends):
        cards[say(_CARDS[told.get((node, network), Stamping.UNTOLD)])].append(f"{node} ({network})")
    yield Paragraph(
        say(
            "Probes were stamped by {listed}. Hardware time stamps of the cards: {listed2}.",
            listed=_listed(clocks, say("every path")),
            listed2=_listed(cards, say("every card")),
        ),
        small=True,
    )


def _clock(item: Timing) -> str:
    share = item.wire.samples / item.answered
    if share >= _MOSTLY:
        return say(_KERNEL)
    return (
        say("{kernel} for {ratio} of the answers only", kernel=say(_KERNEL), ratio=figures.ratio(share, 2))
        if share > 0
        else say(_PROGRAM)
    )


def _listed(groups: Mapping[str, Sequence[str]], every: str) -> str:
    """What is said, and of what; `every` where the same is true of all."""
    said = {words: names for words, names in groups.items() if names}
    if len(said) == 1:
        return f"{next(iter(said))} ({every})"
    return "; ".join(f"{words} ({figures.listing(names)})" for words, names in said.items())
