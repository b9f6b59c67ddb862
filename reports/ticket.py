"""The short text for a ticket: page 1 and the hashes of the archives, in the blocks of the report."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Assessment
from reports.contract import Block, Heading
from reports.provenance import provenance_blocks
from reports.sections import verdict
from reports.texts import say
from reports.wording import worded


def ticket(assessment: Assessment) -> Iterator[tuple[Block, ...]]:
    """The parts of the text, one after the other."""
    told = worded(assessment)
    section = verdict.SECTION
    yield (Heading(say(section.title)), *section.build(told))
    yield (Heading(say("Archives, plan and versions"), 2), *provenance_blocks(told))
