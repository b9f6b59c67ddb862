"""Whether the values may be entered: said beside every one of them, because pages and snippets are passed on alone."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Assessment, Verdict
from reports.contract import Block, Callout, Tone
from reports.texts import mark, say

_WORDS = {Verdict.UNSUITABLE: mark("not suitable"), Verdict.INCONCLUSIVE: mark("no answer yet (inconclusive)")}
_ORIGINS = {
    "demonstration": mark("DEMONSTRATION - not a measurement of a site. Do not enter."),
    "synthetic": mark("SYNTHETIC DATA - not a measurement of a site. Do not enter."),
}


def ready(assessment: Assessment) -> bool:
    """Whether the verdict lets the values be entered."""
    return assessment.verdict not in _WORDS


def remarks(assessment: Assessment) -> tuple[str, ...]:
    """The lines that go with a value that must not be entered, most urgent first; none if it may be."""
    found = []
    if not ready(assessment):
        found.append(say("PROVISIONAL - verdict: {words}. Do not enter.", words=say(_WORDS[assessment.verdict])))
    if assessment.origin != "measured":
        found.append(
            say(_ORIGINS[assessment.origin])
            if assessment.origin in _ORIGINS
            else say("{origin} - no measurement. Do not enter.", origin=assessment.origin.upper())
        )
    return tuple(found)


def commented(text: str, assessment: Assessment) -> str:
    """A snippet, with the remarks as comments above it."""
    return "".join(f"# {remark}\n" for remark in remarks(assessment)) + text


def provisional_blocks(assessment: Assessment) -> Iterator[Block]:
    """The warning above a product's values."""
    if not ready(assessment):
        yield Callout(
            say("Provisional: do not enter these values yet"),
            say(
                "Verdict: {words}. Settle the points on page 1 and measure again; the values may change.",
                words=say(_WORDS[assessment.verdict]),
            ),
            Tone.WARN,
        )
