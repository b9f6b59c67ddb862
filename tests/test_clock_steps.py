"""Steps of the wall clock, its rate and its keeper: found from the archive, judged at the limits, shown in the report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_fixtures import bad, trio
from synthetic import Machine, Site, write
from test_analyzer_rules import PLAN

from analyzer.align import Clock
from analyzer.assess import assess
from analyzer.clocks import rate, steps
from analyzer.contract import (
    Assessment,
    ClockStep,
    Keeper,
    NodeClock,
    NodeStalls,
    Note,
    Scope,
    Stall,
    StallCause,
    Status,
    Subject,
)
from analyzer.extension import CLOCK, NOTES, STALLS, Context
from analyzer.rules import clock_steps
from analyzer.stood import remedy
from reports.contract import Table
from reports.sections import nodes

S = 1_000_000_000


def about(clock, node="a"):
    context = Context(Subject(Scope.NODE, node), PLAN, node, 900.0, {CLOCK: clock}, clock_steps.RULE.limits)
    return list(clock_steps.RULE.check(context))


def clock(*found, **changes):
    plain = NodeClock("a", 90, 0.0, 0.0, len(found), tuple(found), (Keeper(0.0, "chronyd", True),))
    return replace(plain, **changes)


def stepped(beyond_s, by_s=None, at_s=100.0):
    return ClockStep(at_s, beyond_s + 0.011 if by_s is None else by_s, beyond_s)


def readings(*moved_s, every_s=10):
    """Anchors a fixed time apart, the wall clock moved by so much more from each to the next."""
    at = [(0, 0)]
    for by_s in moved_s:
        mono, real = at[-1]
        at.append((mono + every_s * S, real + every_s * S + round(by_s * S)))
    return at


@pytest.mark.parametrize(
    ("by_s", "every_s", "found"),
    [
        (0.0, 10, False),
        (0.0109, 10, False),
        (0.011, 10, False),
        (0.0111, 10, True),
        (-0.011, 10, False),
        (-0.0111, 10, True),
        (0.0608, 60, False),
        (0.0612, 60, True),
        (0.005, 10, False),
    ],
)
def test_a_step_is_what_slewing_between_two_readings_cannot_explain(by_s, every_s, found):
    """1 ms, and 0.1 % of the time between the readings."""
    assert bool(steps(readings(0.0, by_s, 0.0, every_s=every_s))) is found


def test_a_note_of_the_moment_is_told_with_the_step_and_changes_nothing():
    found = clock(stepped(1.4, -1.4, at_s=430.0))
    notes = (Note("b", 424.0, "clock set by hand"), Note("a", 100.0, "far away"))
    rule = clock_steps.RULE
    context = Context(Subject(Scope.NODE, "a"), PLAN, "a", 900.0, {CLOCK: found, NOTES: notes}, rule.limits)
    (word,), (plain,) = rule.check(context), about(found)
    assert word.status is plain.status
    assert word.message == f"{plain.message} A note of that moment says: “clock set by hand” (b)."
    assert word.remedy.startswith("Ask who wrote the note what set the clock of a")
    assert any("clock set by hand" in item.what for item in word.evidence)
    assert not any("far away" in item.what for item in word.evidence)


def put_down(found, *standstills):
    rule, stood = clock_steps.RULE, NodeStalls("a", (), standstills, 1)
    context = Context(Subject(Scope.NODE, "a"), PLAN, "a", 900.0, {CLOCK: found, NOTES: (), STALLS: stood}, rule.limits)
    (word,) = rule.check(context)
    return word


def test_a_clock_that_was_set_right_after_a_standstill_is_put_down_to_that():
    frozen = Stall(600.0, 1.6, StallCause.FROZEN)
    word = put_down(clock(stepped(1.6, 1.6, at_s=610.0)), frozen)
    assert word.message == (
        "Node a: its wall clock was stepped once, by 1.6 s forwards, seen 10 min after the start: a had stood still with its clock for 1.6 s "
        "and was set forward afterwards."
    )
    # In the words of the standstill itself, so that page 1 asks for it once.
    assert word.remedy == remedy("a")
    assert word.status is Status.FAIL


@pytest.mark.parametrize(
    ("step", "stall"),
    [
        (stepped(1.6, -1.6, at_s=610.0), Stall(600.0, 1.6, StallCause.FROZEN)),
        (stepped(1.6, 1.6, at_s=610.0), Stall(600.0, 1.6, StallCause.STEAL)),
        (stepped(1.6, 1.6, at_s=580.0), Stall(600.0, 1.6, StallCause.FROZEN)),
        (stepped(1.6, 1.6, at_s=680.0), Stall(600.0, 1.6, StallCause.SUSPEND)),
        (stepped(1.6, 1.6, at_s=610.0), Stall(600.0, 4.0, StallCause.FROZEN)),
        (stepped(1.6, 1.6, at_s=610.0), Stall(600.0, 1.0, StallCause.FROZEN)),
    ],
)
def test_another_standstill_set_no_clock(step, stall):
    word = put_down(clock(step), stall)
    assert "stood still" not in word.message
    assert "Find what sets the clock of a" in word.remedy


def test_a_second_step_that_no_standstill_explains_is_still_looked_for():
    word = put_down(
        clock(stepped(1.6, 1.6, at_s=610.0), stepped(1.2, -1.2, at_s=100.0)), Stall(600.0, 1.6, StallCause.FROZEN)
    )
    assert "a had stood still with its clock" in word.message
    assert "Find what sets the clock of a" in word.remedy


@pytest.mark.parametrize(("service", "told"), [("chronyd", True), (None, True), ("", False)])
def test_a_step_is_put_down_to_a_time_service_only_where_one_may_run(service, told):
    (word,) = about(clock(stepped(1.4), keepers=(Keeper(0.0, service, None),)))
    assert ("time service" in word.remedy) is told
    assert "somebody by hand" in word.remedy
    # Page one shows that much of a text as it is.
    assert len(word.remedy) <= 240


def test_size_direction_and_time_of_each_step_are_told():
    found = steps(readings(0.0, 2.5, 0.0, -0.8))

    assert found == [(20 * S, 2.5, pytest.approx(2.489)), (40 * S, -0.8, pytest.approx(0.789))]


def test_a_clock_that_is_slewed_at_500_ppm_all_day_is_not_stepped():
    assert steps(readings(*[0.005] * 8640)) == []


@pytest.mark.parametrize(
    ("beyond_s", "status"),
    [(0.0001, Status.WARN), (0.999, Status.WARN), (1.0, Status.WARN), (1.0001, Status.FAIL), (3600.0, Status.FAIL)],
)
def test_a_step_is_judged_by_what_is_certain_of_it(beyond_s, status):
    (word,) = about(clock(stepped(beyond_s)))
    (back,) = about(clock(stepped(beyond_s, -beyond_s - 0.011)))

    assert word.status is back.status is status
    assert word.remedy
    assert word.evidence[0].value == beyond_s
    assert "forwards" in word.message
    assert "back" in back.message


def test_a_clock_without_a_step_passes_and_one_that_was_hardly_read_is_unknown():
    (word,) = about(clock())
    (unread,) = about(clock(readings=1))

    assert (word.status, word.evidence[0].value) == (Status.PASS, 0.0)
    assert unread.status is Status.SKIPPED
    assert unread.remedy


def test_the_largest_steps_are_in_the_evidence_with_their_times():
    many = [stepped(0.01 * number, at_s=600.0 * number) for number in range(1, 9)]
    (word,) = about(clock(*many, steps_found=400))

    assert "400 times, the furthest by 91 ms forwards" in word.message
    assert [item.what for item in word.evidence if "seen" in item.what] == [
        f"step seen {minutes} min after the start" for minutes in (80, 70, 60, 50, 40)
    ]


@pytest.mark.parametrize(
    ("keepers", "status"),
    [
        ([("chronyd", True), ("chronyd", False)], Status.WARN),
        ([("chronyd", True), ("", None)], Status.WARN),
        ([("chronyd", True), ("", False), ("chronyd", True)], Status.WARN),
        ([("chronyd", False), ("chronyd", True)], Status.INFO),
        ([("", False), ("chronyd", False)], Status.INFO),
        ([("chronyd", True), ("ntpd", True)], Status.INFO),
        ([("chronyd", True), ("chronyd", None)], None),
        ([(None, None), ("chronyd", True)], None),
        ([("chronyd", True)], None),
        ([], None),
    ],
)
def test_a_lost_time_service_is_a_warning_another_change_is_told_and_the_unknown_is_none(keepers, status):
    found = about(clock(keepers=tuple(Keeper(3600.0 * place, *told) for place, told in enumerate(keepers))))

    assert [word.status for word in found] == [Status.PASS] + [status] * (status is not None)
    assert all(word.remedy for word in found if word.status is Status.WARN)


def knots(slope_ppm, span_s, error_s, count=3):
    x = np.linspace(100.0, 100.0 + span_s, count)
    return Clock("b", "", x, 5.0 + x * slope_ppm * 1e-6, error_s)


def test_the_rate_of_a_clock_comes_with_the_bound_of_its_error():
    """Two knots that are each wrong by e at most give a rate that is wrong by 2 e over their distance at most."""
    assert rate(knots(80.0, 1200.0, 0.0001, count=2)) == (pytest.approx(80.0), pytest.approx(2 * 100.0 / 1200.0))
    assert rate(knots(-30.0, 86_400.0, 0.01, count=144))[0] == pytest.approx(-30.0)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Clock("a", "", np.array([0.0]), np.array([0.0]), 0.0), (0.0, 0.0)),
        (Clock("b", "wall clock", np.array([0.0]), np.array([3.0]), None), (None, None)),
        (knots(80.0, 599.0, 0.0001), (None, None)),
    ],
    ids=["the first node", "wall clocks only", "too short"],
)
def test_a_rate_that_cannot_be_told_is_none(given, told):
    assert rate(given) == told
    assert rate(knots(80.0, 600.0, 0.0001))[0] is not None


def test_steps_rate_and_keeper_of_a_node_are_found_in_its_archive(tmp_path):
    """b started 30 s late with clocks of its own; its wall clock is set twice and it loses its time service."""
    site = Site(
        length_s=2400.0,
        machines={
            "a": Machine(),
            "b": Machine(
                start_s=30.0,
                wall_offset_s=5.0,
                skew_ppm=80.0,
                steps=[(505.0, 2.5), (1205.0, -0.4)],
                keepers=[(700.0, {"service": "chronyd", "synchronised": False})],
            ),
        },
    )
    found = assess(list(write(site, tmp_path).values()))
    clocks = {item.node: item for item in found.clocks}

    assert clocks["a"].steps == ()
    assert (clocks["a"].skew_ppm, clocks["a"].skew_error_ppm) == (0.0, 0.0)
    assert [step.by_s for step in clocks["b"].steps] == pytest.approx([2.5, -0.4], abs=0.001)
    for step, true_s in zip(clocks["b"].steps, (505.0, 1205.0), strict=True):
        assert true_s - 0.1 <= step.at_s <= true_s + 10.1
    assert clocks["b"].skew_ppm == pytest.approx(80.0, abs=clocks["b"].skew_error_ppm)
    assert clocks["b"].skew_error_ppm < 2.0
    assert [(keeper.service, keeper.synchronised) for keeper in clocks["b"].keepers] == [
        ("chronyd", True),
        ("chronyd", False),
    ]
    about_b = [item.status for item in found.findings if item.rule == "clock-steps" and item.subject.name == "b"]
    assert about_b == [Status.FAIL, Status.WARN]
    assert [item.status for item in found.findings if item.rule == "clock-steps" and item.subject.name == "a"] == [
        Status.PASS
    ]
    assert Assessment.from_json(found.to_json()) == found


def test_a_keeper_of_an_odd_type_is_not_told(tmp_path):
    odd = Machine(inventory={"time": {"service": ["x"], "synchronised": "yes"}})
    none = Machine(inventory={"time": 7})
    found = assess(list(write(Site(length_s=900.0, machines={"a": odd, "b": none}), tmp_path).values()))

    assert [[(one.service, one.synchronised) for one in item.keepers] for item in found.clocks] == [[(None, None)], []]


def test_the_report_has_the_rate_and_the_steps_of_a_node():
    blocks = list(nodes.SECTION.build(bad()))

    (table,) = [block for block in blocks if isinstance(block, Table) and block.caption.startswith("Steps")]
    assert table.caption == "Steps of the wall clock (the largest of 3)"
    assert [row[2] for row in table.rows] == ["20 ms back", "1.5 s forwards"]
    told = repr(list(nodes.SECTION.build(trio())))
    assert "the others are compared with it" in told
    assert "12.3 ppm fast, within 0.4 ppm" in told
    assert "Steps of the wall clock" not in told
