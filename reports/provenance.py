"""What the report rests on: every archive with its hash, the plan, and the versions."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Assessment
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.texts import each, mark, say

ORIGINS = {
    "measured": mark("measured"),
    "demonstration": mark("demonstration"),
    "synthetic": mark("synthetic"),
}


def provenance_blocks(assessment: Assessment) -> Iterator[Block]:
    """Archives, plan, versions."""
    yield from archive_blocks(assessment)
    yield from _made(assessment)


def archive_blocks(assessment: Assessment) -> Iterator[Block]:
    """Hashes in full, so that archives can be checked."""
    if assessment.nodes:
        yield Table(
            each("Node", "Archive, its session and SHA-256"),
            tuple(
                (
                    node.name,
                    say(
                        "{archive} (session {session})\n{sha256}",
                        archive=node.archive,
                        session=node.session or figures.DASH,
                        sha256=node.sha256 or figures.DASH,
                    ),
                )
                for node in assessment.nodes
            ),
            (20, 80),
        )
    else:
        yield Paragraph(say("No archive was read."))


def _made(assessment: Assessment) -> Iterator[Block]:
    yield Table(
        ("", ""),
        (
            (say("Plan digest"), assessment.plan_digest or figures.DASH),
            (
                say("Made with"),
                say(
                    "haready {tool_version}, assessment schema {schema}",
                    tool_version=assessment.tool_version,
                    schema=assessment.schema,
                ),
            ),
            (say("Assessed"), figures.moment(assessment.created)),
            (say("Origin of the data"), say(ORIGINS.get(assessment.origin, assessment.origin))),
        ),
        (20, 80),
    )
