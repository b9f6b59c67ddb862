"""When outages and notes were, on page one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import trio

from analyzer.contract import Area, Evidence, Finding, Joint, Limit, Note, Outage, Scope, Sense, Status, Subject
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


def test_a_reason_about_an_outage_says_when_the_longest_began():
    ((text, when),) = reasons(about(), 3)
    assert text == "It was out. Likewise elsewhere."
    assert when == "The longest outage began at 2026-10-05 07:01:00 UTC."
    shown = next(block.text for block in verdict.SECTION.build(about()) if isinstance(block, Paragraph))
    assert shown.endswith(when)


@pytest.mark.parametrize(
    "changes", [{"what": "loss"}, {"limited": False}, {"value": 0.0}, {"value": None}, {"scope": Scope.NODE}]
)
def test_a_reason_about_anything_else_has_no_time(changes):
    assert [when for _, when in reasons(about(**changes), 3)] == [""]


def pair_out(what, length_s, **outages):
    base = about(what=what, value=length_s, scope=Scope.PAIR)
    (one, other) = base.findings[0].subject.name.split("+")
    first = base.timings[0]
    timings = tuple(
        replace(first, path=f"{ends[0]}>{ends[1]}/{name}", source=ends[0], target=ends[1], network=name, outages=spans)
        for name, spans in outages.items()
        for ends in ((one, other), (other, one))
    )
    channels = tuple(name for name in outages if name != "pub")
    return replace(base, timings=timings, joints=(Joint((one, other), channels, 1, length_s),))


ALONE, LATER, BESIDE = Outage(60.0, 60.0, 300), Outage(600.0, 8.0, 40), Outage(602.0, 9.0, 45)


@pytest.mark.parametrize(
    ("what", "length_s", "outages", "clock"),
    [
        ("longest outage of all channels at once", 6.0, {"ch1": (ALONE, LATER), "ch2": (BESIDE,), "pub": ()}, "07:10:02"),
        ("longest outage of all networks at once", 6.0, {"ch1": (ALONE, LATER), "pub": (BESIDE,)}, "07:10:02"),
        # The paths do not show what was judged.
        ("longest outage of all channels at once", 7.0, {"ch1": (ALONE, LATER), "ch2": (BESIDE,)}, ""),
        ("longest outage of all channels at once", 6.0, {"ch1": (ALONE,), "ch2": (BESIDE,)}, ""),
        ("longest outage", 60.0, {"ch1": (ALONE,)}, ""),
    ],
)  # fmt: skip
def test_a_reason_about_a_pair_says_when_all_were_out_at_once_and_never_when_one_was(what, length_s, outages, clock):
    ((_, when),) = reasons(pair_out(what, length_s, **outages), 3)
    assert when == (f"The longest outage of all at once began at 2026-10-05 {clock} UTC." if clock else "")


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
