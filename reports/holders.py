"""Who held which address while a product ran."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Assessment
from reports import figures
from reports.contract import Block, Heading, Paragraph, Table
from reports.excerpt import excerpt
from reports.texts import each, say


def holder_blocks(assessment: Assessment) -> Iterator[Block]:
    """A line for each stretch, if the run stood beside a running product."""
    if not assessment.holdings:
        return
    yield Heading(say("Who held which address"), 2)
    yield Paragraph(
        say("Beside the running product every node looked every ten seconds which addresses of the plan it held.")
    )
    rows = tuple(
        (
            f"{one.address}\n{one.name}",
            one.node,
            figures.instant(assessment.started, one.from_s),
            figures.instant(assessment.started, one.to_s) if one.left else say("not known: its record ends"),
            figures.duration(one.to_s - one.from_s),
        )
        for one in assessment.holdings
    )
    yield from excerpt(Table(each("Address", "Held by", "From", "Until", "For"), rows, (28, 18, 20, 20, 14)))
