"""What a node wrote to its disks, as a table: what replication would have to carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.contract import Writes
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import excerpt
from reports.texts import each, mark, say

_DAY = 1440
ALL = mark("all disks together")


def write_blocks(items: Sequence[Writes], *, carried: bool) -> Iterator[Block]:
    """The figures of one node, the node's own first; a sentence where there are none. `carried`: replication takes them to another node."""
    if not items:
        yield Paragraph(say("How much this machine writes to its disks was not measured."))
        return
    yield Paragraph(_meaning(items, carried=carried), small=True, leads=True)
    yield from excerpt(
        Table(
            each("Disk", "Holds", "Mean", "p95", "p99", "Highest minute", "Busiest hour", "A day at the mean"),
            tuple(_row(item) for item in items),
            (19, 19, 10, 10, 10, 11, 10, 11),
            say("Written to the disks"),
            numeric=(2, 3, 4, 5, 6, 7),
        )
    )


def _row(item: Writes) -> tuple[str, ...]:
    rates = (item.mean_Bps, item.p95_Bps, item.p99_Bps, item.maximum_Bps)
    return (
        (item.disk if item.counted else say("{disk} (in others)", disk=item.disk)) or say(ALL),
        ", ".join(item.holds) or figures.DASH,
        *(figures.octets(rate, "/s") for rate in rates),
        figures.octets(item.hour_B),
        figures.octets(item.day_B),
    )


def _meaning(items: Sequence[Writes], *, carried: bool) -> str:
    minutes = max(item.minutes for item in items)
    placed = [item for item in items if item.holds]
    words = []
    if carried:
        words.append(
            say(
                "What this node writes is what replication would have to carry, before compression; growth not included (see “Replication and failover load”)."
            )
        )
    words += [
        say(
            "Everything that was written is in the table below: logs, temporary files, paging, and what haready itself wrote."
        ),
        say("For “{all}” the disks are added up minute by minute, each byte once", all=say(ALL))
        + (say(" (a disk marked “in others” lies on others, or is part of an array).") if _layered(items) else "."),
    ]
    if placed:
        words.append(
            say(
                "The data that the plan names lies on {names}: replication of that data alone carries no "
                "more than is written there.",
                names=figures.listing([item.disk for item in placed]),
            )
        )
    elif carried:
        words.append(say("On which disk the replicated data lies is not known, so every disk is shown."))
    if minutes < _DAY:
        words.append(
            say(
                "A day is projected from {number}: nights and month ends are not in it.",
                number=figures.several(minutes, "minute"),
            )
        )
    return " ".join(words)


def _layered(items: Sequence[Writes]) -> bool:
    return any(not item.counted for item in items)
