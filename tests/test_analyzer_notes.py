"""Notes on the common time base, and the findings that lie near them."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from synthetic import Link, Machine, Site, plan_data, write
from test_analyzer_rules import PLAN, about_path, timing

from analyzer.assess import assess
from analyzer.contract import Assessment, NodeStalls, Note, Outage, Scope, Subject
from analyzer.extension import NOTES, STALLS, TIMING, Context
from analyzer.notes import NEAR_S, beside, near, quoted
from analyzer.rules import outages, stalls


def note(at_s, text="cable pulled", node="a"):
    return Note(node, at_s, text)


def told(notes, *events):
    return [(item.what.partition(":")[0], item.value, item.limit) for item in near(notes, events, "outage")]


def test_notes_beside_a_stretch_are_told_once_the_nearest_first_and_cut():
    notes = [note(30.0, "early"), note(95.0, "x" * 200), note(95.5, "again"), note(140.0, "again", "b"), note(400.0)]
    found = beside(notes, 100.0, 110.0)
    assert [(item.text[:5], item.node) for item in found] == [("again", "a"), ("xxxxx", "a")]
    assert quoted(found) == "“again” (a) and 1 more"
    assert quoted(found[1:]) == f"“{'x' * 78} …” (a)"
    assert beside([], 0.0, 1.0) == ()


@pytest.mark.parametrize(
    ("start_s", "length_s", "is_near"),
    [
        (100.0 + NEAR_S, 1.0, True),
        (100.001 + NEAR_S, 1.0, False),
        (100.0 - NEAR_S - 5.0, 5.0, True),
        (99.999 - NEAR_S - 5.0, 5.0, False),
        (10.0, 1000.0, True),
    ],
    ids=["just after", "too late", "ended just before", "ended too early", "goes on all the time"],
)
def test_an_event_is_near_a_note_up_to_sixty_seconds_away(start_s, length_s, is_near):
    assert bool(near([note(100.0)], [(start_s, length_s)], "outage")) is is_near


def test_the_evidence_names_the_note_and_how_far_it_is_and_has_no_limit():
    after, before = near([note(100.0)], [(112.0, 4.0), (95.0, 2.0)], "outage")

    assert after.what == "near the note “cable pulled” (a): outage of 4 s, begins after it by"
    assert (after.value, after.unit, after.limit) == (12.0, "s", None)
    assert before.what.endswith("begins before it by")
    assert before.value == 5.0


def test_one_mark_on_several_nodes_is_told_once_and_the_nearest_first():
    notes = [note(100.0), note(100.4, node="b"), note(90.0, "other")]

    assert told(notes, (101.0, 1.0)) == [
        ("near the note “cable pulled” (b)", pytest.approx(0.6), None),
        ("near the note “other” (a)", 11.0, None),
    ]


def test_of_many_events_the_longest_are_told():
    found = near([note(0.0)], [(float(at), 1.0 + at) for at in range(50)], "outage")

    assert [item.value for item in found] == [49.0, 48.0, 47.0, 46.0, 45.0]


def test_a_note_changes_the_evidence_of_an_outage_and_nothing_else():
    outage = timing(outages=(Outage(100.0, 2.0, 10),), longest_outage_s=2.0)
    (plain,) = about_path(outages.RULE, outage)
    context = Context(
        Subject(Scope.PATH, "a>b/ch1"), PLAN, "a", 86400.0, {TIMING: outage, NOTES: (note(95.0),)}, outages.RULE.limits
    )
    (found,) = outages.RULE.check(context)

    assert replace(found, evidence=plain.evidence) == plain
    assert found.evidence[:-1] == plain.evidence
    assert found.evidence[-1].what.startswith("near the note")


def test_a_pause_is_told_with_its_note_and_a_short_one_is_not():
    frame = pd.DataFrame({"class": "default", "late_max_us": [2_000_000.0, 200_000.0], "t_s": [100.0, 500.0]})
    context = Context(
        Subject(Scope.NODE, "a"),
        PLAN,
        "a",
        900.0,
        {"ticker": frame, NOTES: (note(97.0), note(500.0)), STALLS: NodeStalls("a", (), (), 0)},
        stalls.RULE.limits,
    )
    (found,) = stalls.RULE.check(context)

    (evidence,) = [item for item in found.evidence if item.what.startswith("near")]
    assert evidence.what == "near the note “cable pulled” (a): pause of 2 s, begins after it by"
    assert evidence.value == pytest.approx(1.0)


def test_notes_of_all_nodes_stand_on_one_time_base_and_with_the_outage(tmp_path):
    """b started 40 s later, its clocks are off, and it has a note from a time when it did not run."""
    late = Machine(
        start_s=40.0, skew_ppm=80.0, wall_offset_s=3.0, notes=[(505.0, "cable ch1"), (-900.0, "not of this run")]
    )
    site = Site(
        length_s=1000.0,
        plan=plan_data(),
        machines={"a": Machine(notes=[(800.0, "backup")]), "b": late},
        links={"a>b/ch1": Link(start_s=45.0, lost_forward=range(2300, 2310)), "b>a/ch1": Link(start_s=45.0)},
    )
    found = assess(list(write(site, tmp_path).values()))

    assert [(item.node, item.text) for item in found.notes] == [("b", "cable ch1"), ("a", "backup")]
    assert [item.at_s for item in found.notes] == pytest.approx([505.0, 800.0], abs=0.01)
    evidence = {
        item.subject.name: [one.what for one in item.evidence if one.what.startswith("near")]
        for item in found.findings
        if item.rule == "outages"
    }
    (what,) = evidence["a>b/ch1"]
    assert what.startswith("near the note “cable ch1” (b): outage of 2 s")
    assert evidence["b>a/ch1"] == []
    assert Assessment.from_json(found.to_json()) == found
