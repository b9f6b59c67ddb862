"""Assessment to report model: which sections there are, and what stands around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import reports.sections
from analyzer.contract import Assessment
from collector.plugins import discover
from reports import figures
from reports.branding import Branding
from reports.contract import Block, Heading, Section
from reports.texts import say, spoken, word
from reports.wording import worded
from reports.zone import named

MEASURED = "measured"
"""The only origin whose report needs no label on every page."""


@dataclass(frozen=True, slots=True)
class Imprint:
    """What a renderer puts around the blocks: title, labels, metadata. All plain text.

    `banner` is printed on every page (empty: none); `created` is ISO 8601 UTC, `language` a tag as in RFC 5646.
    """

    title: str
    cluster: str
    lines: tuple[str, ...]
    banner: str
    footer: str
    subject: str
    keywords: tuple[str, ...]
    created: str
    language: str = "en"
    company: str = ""
    """Who reports; stands on every page."""
    whose: tuple[str, ...] = ()
    """By whom and for whom, for the first page."""
    logo: bytes = b""
    """A picture in PNG; b"": none."""


def sections() -> list[Section]:
    """All sections in the order of the report."""
    found: list[Section] = discover(reports.sections, "SECTION")
    return sorted(found, key=lambda section: (section.order, section.name))


def build(assessment: Assessment) -> Iterator[tuple[Section, tuple[Block, ...]]]:
    """Yield each section with its blocks; the first block is the section's heading. One that yields none is about nothing that was planned.

    Whatever a section raises goes through: a report that silently lacks a part is worse than none.
    """
    told = worded(assessment)
    for section in sections():
        blocks = tuple(section.build(told))
        if blocks:
            yield section, (Heading(say(section.title)), *blocks)


def origin_label(origin: str) -> str:
    """The label of every page that does not come from a real site; empty for a measurement."""
    words = {"demonstration": say("DEMONSTRATION"), "synthetic": say("SYNTHETIC DATA")}
    if origin == MEASURED:
        return ""
    return say(
        "{origin} {dash} not a measurement of a site", origin=words.get(origin, origin.upper()), dash=figures.DASH
    )


def _whose(branding: Branding) -> Iterator[str]:
    if branding.company:
        yield branding.company
    if branding.customer:
        yield say("Customer: {name}", name=branding.customer)
    if branding.site:
        yield say("Site: {name}", name=branding.site)
    if branding.engineer:
        yield say("Engineer: {name}", name=branding.engineer)


def imprint(assessment: Assessment, branding: Branding | None = None) -> Imprint:
    """Title, labels and metadata of the document, from the assessment and the branding alone (no clock is read)."""
    assessment = worded(assessment)
    whose = branding or Branding()
    zone = named()
    lines = (
        say("Report of {moment}", moment=figures.moment(assessment.created)),
        say(
            "{duration} of data from {moment}",
            duration=figures.duration(assessment.duration_s),
            moment=figures.moment(assessment.started),
        ),
    )
    return Imprint(
        title=say("High-availability readiness"),
        cluster=assessment.cluster,
        lines=(
            *lines[: 2 if assessment.duration_s > 0 else 1],
            *(() if zone == "UTC" else (say("times of {zone}", zone=zone),)),
        ),
        banner=origin_label(assessment.origin),
        footer=say(
            "haready {tool_version}   plan {plan_digest}",
            tool_version=assessment.tool_version,
            plan_digest=assessment.plan_digest[:12] or figures.DASH,
        ),
        subject=say("Verdict: {value}. {summary}", value=word(assessment.verdict), summary=assessment.summary),
        keywords=(
            "haready",
            say("high availability"),
            assessment.cluster,
            word(assessment.verdict),
            assessment.origin,
        ),
        created=assessment.created,
        language=spoken(),
        company=whose.company,
        whose=tuple(_whose(whose)),
        logo=whose.logo,
    )
