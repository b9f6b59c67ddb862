"""Which clock stamped the probes of each path, and what the network cards could do, in a few lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from analyzer.contract import Assessment, Stamping, Timing
from reports import figures
from reports.contract import Block, Paragraph

_MOSTLY = 0.8
"""From this share of its answers on, the wire figure stands for a path (docs/method.md)."""

_CARDS = {
    Stamping.OFF: "can, but is not set to",
    Stamping.ON: "does, which is not used",
    Stamping.OTHER: "can for packets of PTP or NTP only",
    Stamping.NONE: "cannot",
    Stamping.UNTOLD: "not told",
}
_KERNEL, _PROGRAM = "the kernel's software at both ends", "a program at one end at least, so there is no wire time"


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
    cards: dict[str, list[str]] = {words: [] for words in _CARDS.values()}
    for node, network in sorted(ends):
        cards[_CARDS[told.get((node, network), Stamping.UNTOLD)]].append(f"{node} ({network})")
    yield Paragraph(
        f"Probes were stamped by {_listed(clocks, 'every path')}. The card itself stamps packets: {_listed(cards, 'every card')}.",
        small=True,
    )


def _clock(item: Timing) -> str:
    share = item.wire.samples / item.answered
    if share >= _MOSTLY:
        return _KERNEL
    return f"{_KERNEL} for {figures.ratio(share, 2)} of the answers only" if share > 0 else _PROGRAM


def _listed(groups: Mapping[str, Sequence[str]], every: str) -> str:
    """What is said, and of what; `every` where the same is true of all."""
    said = {words: names for words, names in groups.items() if names}
    if len(said) == 1:
        return f"{next(iter(said))} ({every})"
    return "; ".join(f"{words} ({figures.listing(names)})" for words, names in said.items())
