"""Topology of the SIP Servers: which way of moving the address fits, hot or warm standby, and whether the SCS sees the hosts well.

What: For each pair that a SIP stack of the plan joins: the ways that the vendor's guide names, what fits of them and why, what was seen of
    the path of the Solution Control Server, and what has to be asked.
Why HA: A way that the subnet, the operating system or the machines do not allow fails on the day of the first switchover. And a switchover is
    decided by the SCS: where its path is the weaker one, a sound pair switches for nothing.
How: Advice of the assessment. Without a SIP stack in the plan the section is left out.
Source: Genesys SIP Server HA guide (GSIP).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.contract import Assessment, Choice, Fit, TopologyAdvice
from reports import figures
from reports.contract import Block, Callout, Checklist, Heading, Paragraph, Section, Table, Tone
from reports.excerpt import excerpt
from reports.texts import say, word

MOST = 12
"""Pairs of which the advice is printed; more stand in assessment.json."""

_ORDER = (Fit.ADVISED, Fit.POSSIBLE, Fit.OPEN, Fit.RULED_OUT)


def _build(assessment: Assessment) -> Iterator[Block]:
    for advice in assessment.topologies[:MOST]:
        yield from _advice(advice)
    left = len(assessment.topologies) - MOST
    if left > 0:
        yield Paragraph(
            say("{number}: see “topologies” in assessment.json.", number=figures.several(left, "more pair")), small=True
        )


def _advice(advice: TopologyAdvice) -> Iterator[Block]:
    yield Heading(figures.subject(advice.subject.name), 2)
    yield from excerpt(_table(say("How the address moves"), advice.address))
    yield from excerpt(_table(say("What stands by"), advice.standby))
    yield _scs(advice)
    if advice.questions:
        yield Checklist(tuple((item.what, item.who) for item in advice.questions))
    yield Paragraph(
        say("Source: {source}. What it asks for and nobody told is a question above.", source=advice.source), small=True
    )


def _table(head: str, choices: Sequence[Choice]) -> Table:
    ordered = sorted(choices, key=lambda choice: _ORDER.index(choice.fit))
    rows = tuple((choice.name, word(choice.fit), "; ".join(choice.reasons) or figures.DASH) for choice in ordered)
    return Table((head, say("From what was found"), say("Why")), rows, (24, 16, 60))


def _scs(advice: TopologyAdvice) -> Callout:
    lines = "\n".join(advice.scs)
    match advice.scs_weaker:
        case True:
            return Callout(
                say("The path of the SCS is weaker than the pair's own link"),
                say("Mend it first.\n{lines}", lines=lines),
                Tone.WARN,
            )
        case False if all(choice.fit is not Fit.ADVISED for choice in advice.standby):
            # To be no weaker than a link that is no good is no merit.
            return Callout(
                say(
                    "The path of the SCS is no weaker than the pair's own link; hot standby waits for what is told above"
                ),
                lines,
                Tone.NOTE,
            )
        case False:
            return Callout(say("The path of the SCS is no weaker than the pair's own link"), lines, Tone.GOOD)
        case None:
            title = say("Whether the path of the SCS is weaker than the pair's own link is not known")
            return Callout(title, lines, Tone.UNKNOWN)


SECTION = Section("sip_topology", "Topology of the SIP Servers", 23, _build)
