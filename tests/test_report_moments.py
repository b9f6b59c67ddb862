"""When outages and notes were, on page one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import trio

from analyzer.contract import Area, Evidence, Finding, Limit, Note, Outage, Scope, Sense, Status, Subject
from reports.contract import Paragraph, Table
from reports.moments import LETTERS, noted, reasons
from reports.sections import verdict

LIMIT = Limit("outage", "s", 1.0, None, Sense.AT_MOST, "a test")
STARTED = "2026-10-05T07:00:00+00:00"


def about(what="longest outage", value=8.4, scope=Scope.PATH, several=False, limited=True):
    base = trio()
    first = replace(base.timings[0], outages=(Outage(60.0, 8.4, 42), Outage(10.0, 2.0, 10)))
    others = tuple(replace(item, outages=()) for item in base.timings[1:])
    name = first.path if scope is Scope.PATH else f"{first.source}+{first.target}"
    found = Finding(
        "outages",
        "Outages",
        Area.NETWORK,
        Subject(scope, name),
        Status.FAIL,
        "It was out.",
        (Evidence(what, value, "s", LIMIT if limited else None),),
    )
    texts = ("It was out. Likewise elsewhere.",) * (1 + several)
    return replace(base, started=STARTED, timings=(first, *others), findings=(found, *base.findings), reasons=texts)


@pytest.mark.parametrize("scope", [Scope.PATH, Scope.PAIR])
def test_a_reason_about_an_outage_says_when_the_longest_began(scope):
    ((text, when),) = reasons(about(scope=scope), 3)
    assert text == "It was out. Likewise elsewhere."
    assert when == "The longest outage began at 2026-10-05 07:01:00 UTC."
    shown = next(block.text for block in verdict.SECTION.build(about()) if isinstance(block, Paragraph))
    assert shown.endswith(when)


@pytest.mark.parametrize(
    "changes", [{"what": "loss"}, {"limited": False}, {"value": 0.0}, {"value": None}, {"scope": Scope.NODE}]
)
def test_a_reason_about_anything_else_has_no_time(changes):
    assert [when for _, when in reasons(about(**changes), 3)] == [""]


def test_the_same_moment_is_said_once():
    assert [bool(when) for _, when in reasons(about(several=True), 3)] == [True, False]


def test_what_was_noted_stands_on_page_one_with_its_time_and_does_not_fill_it():
    notes = tuple(Note("sip-a", 100.0 * place, f"event {place} " + "x" * 100) for place in range(1, 6))
    text = noted(replace(trio(), started=STARTED, notes=notes))
    lines = text.splitlines()
    assert lines[0].startswith("2026-10-05 07:01:40 UTC on sip-a: event 1 ")
    assert len(lines) == 4
    assert max(map(len, lines)) < LETTERS + 40
    assert lines[-1] == "2 more: see “Notes of the run”."
    tables = [block for block in verdict.SECTION.build(replace(trio(), notes=notes[:1])) if isinstance(block, Table)]
    assert any(row[0] == "Noted" for row in tables[-1].rows)
    assert noted(replace(trio(), notes=())) == ""
