"""Settings: what to enter, where, and why that value.

What: For each product and subject the options with value, reason and source, the candidates for
    the timeout with the one that decided, how fast a failure is noticed, and text to paste.
Why HA: A timeout that is too short fails over for nothing and can split the cluster; one that is
    too long keeps the service down. Somebody has to be able to check the value years later.
How: Everything comes from the recommendations of the assessment; no value is computed here. A fact
    about a product that was not confirmed in its documentation is marked "unverified". The class of a value (certified, model-backed, unrefuted) says how far the
    measurement proves it; it stands beside the value and chose nothing; what that rests on is said once for all products. Where the verdict does not let the
    values be entered, every product and every snippet says so.
Source: Each row names the page of the product's documentation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from analyzer.contract import Area, Assessment, Recommendation, Scenario, Setting
from reports import figures
from reports.basis import based_on
from reports.contract import Block, Callout, Heading, Paragraph, Section, Table, Text, Tone
from reports.excerpt import excerpt
from reports.findings import finding_table
from reports.provisional import commented, provisional_blocks
from reports.risk import proof_blocks, risk_blocks
from reports.texts import each, mark, say

UNVERIFIED = mark(
    "Unverified: not confirmed in the product's documentation. Before you enter such a value, look the option up in the "
    "documentation of your release (name, unit, range), or ask the vendor's support; keep the default if neither knows it."
)

MOST_ADVICE = 60
"""Of more products and pairs nobody reads the rest on paper."""


def _build(assessment: Assessment) -> Iterator[Block]:
    if not assessment.recommendations:
        yield Paragraph(
            say(
                "No product in the plan asks for settings, or none could be computed. "
                "Name the products under [[stack]] in plan.toml and analyze again."
            )
        )
    for alike in _alike(assessment.recommendations[:MOST_ADVICE]):
        yield from _recommendation(alike, assessment)
    left = len(assessment.recommendations) - MOST_ADVICE
    if left > 0:
        yield Callout(
            say("{number}: see assessment.json", number=figures.several(left, "more recommendation")),
            say(
                "Printed are the first {most_advice}. The rest stands under “recommendations” in assessment.json.",
                most_advice=MOST_ADVICE,
            ),
            Tone.NOTE,
        )
    yield from proof_blocks(assessment.recommendations[:MOST_ADVICE])
    checks = finding_table(item for item in assessment.findings if item.area is Area.SETTINGS)
    if checks:
        yield Heading(say("Do the settings keep the targets"), 2)
        yield from excerpt(checks)
    yield Heading(say("Stalls that every timeout must survive"), 2)
    yield from _scenarios(assessment.scenarios)


def _alike(items: Sequence[Recommendation]) -> list[list[Recommendation]]:
    """What has the same values for several subjects, without candidates and replay of its own, is read once: its reasons and notes are added up."""
    groups: dict[object, list[Recommendation]] = {}
    for place, item in enumerate(items):
        entered = tuple(replace(setting, because="") for setting in item.settings)
        plain = bool(entered) and not item.constraints and item.risk is None and not item.tradeoff
        fixed = (item.title, item.where, entered, item.basis, item.detection_s, item.takeover, item.change)
        groups.setdefault(fixed if plain else place, []).append(item)
    return list(groups.values())


def _together(items: Sequence[Recommendation]) -> Recommendation:
    """One recommendation that says all of several alike."""

    def every(texts: Iterable[str]) -> str:
        return "; ".join(dict.fromkeys(texts))

    return replace(
        items[0],
        settings=tuple(
            replace(same[0], because=every(item.because for item in same))
            for same in zip(*(item.settings for item in items), strict=True)
        ),
        networks=tuple(dict.fromkeys(name for item in items for name in item.networks)),
        notes=tuple(dict.fromkeys(note for item in items for note in item.notes)),
        snippets=tuple(dict.fromkeys(snippet for item in items for snippet in item.snippets)),
    )


def _recommendation(items: Sequence[Recommendation], assessment: Assessment) -> Iterator[Block]:
    """Those that are alike under one heading."""
    advice = _together(items)
    names = "; ".join(figures.subject(item.subject.name) for item in items)
    yield Heading(f"{advice.title}: {names}", 2)
    networks = ", ".join(advice.networks) or say("none")
    if advice.settings:
        yield from provisional_blocks(assessment)
        yield Paragraph(
            say(
                "Enter in: {where}\nNetworks: {networks}. The values rest on: {based_on}.",
                where=advice.where,
                networks=networks,
                based_on="; ".join(dict.fromkeys(based_on(item, assessment.timings) for item in items)),
            )
        )
        for only_if in dict.fromkeys(item.only_if for item in advice.settings):
            yield _values([item for item in advice.settings if item.only_if == only_if], only_if)
    else:
        yield Callout(
            say("No values to enter"), "\n".join(advice.notes) or say("No reason was recorded."), Tone.UNKNOWN
        )
    if advice.constraints:
        yield Table(
            each("What asks for a timeout", "At least", "How it is computed", "Decides"),
            tuple(
                (
                    item.name,
                    figures.seconds(item.value_s),
                    item.text,
                    say("yes, the largest") if item.binding else say("no"),
                )
                for item in advice.constraints
            ),
            (28, 12, 44, 16),
            say("Candidates for the timeout"),
            numeric=(1,),
        )
    if not advice.settings:
        return
    if advice.detection_s is not None:
        low, high = (figures.seconds(limit) for limit in advice.detection_s)
        then = f" {advice.takeover}" if advice.takeover else ""
        yield Paragraph(
            say("With these values a dead peer is noticed after {low} to {high}.{then}", low=low, high=high, then=then)
        )
    yield from risk_blocks(advice)
    if any(not item.verified for item in advice.settings):
        yield Paragraph(say(UNVERIFIED), small=True)
    if advice.notes:
        yield Paragraph("\n".join(say("Note: {note}", note=note) for note in advice.notes), small=True)
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for snippet in advice.snippets:
        alike[snippet.title, snippet.text].append(snippet.node)
    for (title, text), nodes in alike.items():
        where = say(" and ").join(nodes) if len(nodes) < 3 else figures.listing(nodes)
        yield Text(
            say("{title} {dash} on {where}", title=title, dash=figures.DASH, where=where), commented(text, assessment)
        )


def _values(items: list[Setting], only_if: str) -> Table:
    """Options with their values; where they are entered has a column of its own if they say it."""
    placed = any(item.place for item in items)
    rows = tuple(
        (
            item.option,
            *((item.place or figures.DASH,) if placed else ()),
            figures.entry(item.value),
            figures.unit(item.unit) or figures.DASH,
            item.because,
            _source(item),
        )
        for item in items
    )
    caption = f"{only_if[:1].upper()}{only_if[1:]}"
    if placed:
        return Table(
            each("Option", "Where", "Value", "Unit", "Why", "Source"),
            rows,
            (19, 17, 8, 5, 28, 23),
            caption,
            numeric=(2,),
        )
    return Table(
        each("Option", "Value", "Unit", "Why", "Source"),
        rows,
        (22, 8, 8, 34, 28),
        caption,
        numeric=(1,),
    )


def _source(item: Setting) -> str:
    return item.source if item.verified else say("{source} (unverified)", source=item.source)


def _scenarios(scenarios: tuple[Scenario, ...]) -> Iterator[Block]:
    if not scenarios:
        yield Paragraph(say("The assessment names no scenarios."))
        return
    yield Paragraph(
        say(
            "These stalls happen in ordinary operation, even if this run did not show one. "
            "The timeouts count with every stall that is on. Only the plan can switch one off."
        )
    )
    yield Table(
        each("Stall", "Length", "Counts", "Why", "Source"),
        tuple(
            (item.title, figures.seconds(item.stall_s), say("on") if item.on else say("off"), item.why, item.source)
            for item in scenarios
        ),
        (26, 9, 9, 32, 24),
        numeric=(1,),
    )


SECTION = Section("settings", "Settings", 20, _build)
