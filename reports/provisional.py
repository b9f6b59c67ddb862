"""Whether the values may be entered: said beside every one of them, because pages and snippets are passed on alone."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Assessment, Verdict
from reports.contract import Block, Callout, Tone

_WORDS = {Verdict.UNSUITABLE: "not suitable", Verdict.INCONCLUSIVE: "no answer yet (inconclusive)"}
_ORIGINS = {
    "demonstration": "DEMONSTRATION - not a measurement of a site. Do not enter.",
    "synthetic": "SYNTHETIC DATA - not a measurement of a site. Do not enter.",
}


def ready(assessment: Assessment) -> bool:
    """Whether the verdict lets the values be entered."""
    return assessment.verdict not in _WORDS


def remarks(assessment: Assessment) -> tuple[str, ...]:
    """The lines that go with a value that must not be entered, most urgent first; none if it may be."""
    found = []
    if not ready(assessment):
        found.append(f"PROVISIONAL - verdict: {_WORDS[assessment.verdict]}. Do not enter.")
    if assessment.origin != "measured":
        found.append(_ORIGINS.get(assessment.origin, f"{assessment.origin.upper()} - no measurement. Do not enter."))
    return tuple(found)


def commented(text: str, assessment: Assessment) -> str:
    """A snippet, with the remarks as comments above it."""
    return "".join(f"# {remark}\n" for remark in remarks(assessment)) + text


def provisional_blocks(assessment: Assessment) -> Iterator[Block]:
    """The warning above a product's values."""
    if not ready(assessment):
        yield Callout(
            "Provisional: do not enter these values yet",
            f"Verdict: {_WORDS[assessment.verdict]}. Settle the points on page 1 and measure again; the values may change.",
            Tone.WARN,
        )
