"""Stalls of a node: one cause each from what was on record, through the analyzer, the rules and the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_fixtures import bad, trio
from stall_matrix import AT_S, LENGTHS, NOT_SEEN, matrix, rows, run, stalls
from synthetic import Machine, Pause, Site, plan_data, write
from test_analyzer_rules import PLAN

from analyzer.assess import assess
from analyzer.contract import Assessment, NodeStalls, Scope, Stall, StallCause, StallTally, Status, Subject
from analyzer.extension import STALLS, Context
from analyzer.rules import stalls as stalls_rule
from analyzer.rules import standstill
from analyzer.stalls import CAUSES, MOST, Signs, causes
from reports.contract import Paragraph, Table
from reports.sections import nodes

ACCURACY = Path(__file__).parent.parent / "docs" / "accuracy.md"


def verdict(length=1.0, **told):
    """The cause of one stall of which so much was told; what is not named is not told."""
    signs = {
        name: np.array([np.nan]) for name in ("waited", "cpu", "io", "memory", "steal", "faults", "commit", "silent")
    }
    signs |= {name: np.array([float(value)]) for name, value in told.items() if name != "suspended"}
    suspended = np.array([bool(told.get("suspended", False))])
    (code,) = causes(Signs(length=np.array([length]), suspended=suspended, **signs))
    return CAUSES[code]


QUIET = {"waited": 0.0, "cpu": 0.0, "io": 0.0, "memory": 0.0, "steal": 0.0, "faults": 0.0, "commit": 0.0}


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ({"waited": 0.5}, StallCause.STARVATION),
        ({"waited": 0.49, "silent": 0}, StallCause.STOP),
        ({**QUIET, "cpu": 0.5, "silent": 1}, StallCause.STARVATION),
        ({**QUIET, "steal": 0.5, "waited": 0.9, "cpu": 0.9}, StallCause.STEAL),
        ({**QUIET, "memory": 0.5, "silent": 0}, StallCause.PAGING),
        ({**QUIET, "faults": 1, "io": 0.5, "silent": 0}, StallCause.PAGING),
        ({**QUIET, "faults": 1, "commit": 0.5, "silent": 0}, StallCause.PAGING),
        ({**QUIET, "faults": 1, "silent": 0}, StallCause.STOP),
        ({**QUIET, "io": 0.9, "commit": 0.9, "silent": 0}, StallCause.STOP),
        ({**QUIET, "faults": np.nan, "io": 0.9, "silent": 0}, StallCause.PAGING),
        ({**QUIET, "silent": 0}, StallCause.STOP),
        ({**QUIET, "silent": 1}, StallCause.STUN),
        ({**QUIET, "silent": 1, "suspended": True}, StallCause.SUSPEND),
        ({**QUIET, "waited": 0.9, "suspended": True}, StallCause.STARVATION),
        ({"waited": 0.0, "silent": 1}, StallCause.STUN),
        ({"cpu": 0.0, "silent": 0}, StallCause.STOP),
    ],
)
def test_what_is_half_as_long_as_a_stall_explains_it(told, cause):
    assert verdict(**told) is cause


@pytest.mark.parametrize("told", [{}, QUIET, {"silent": 1}, {"silent": 0, "io": 0.0, "memory": 0.0}])
def test_what_is_not_on_record_explains_nothing(told):
    # Neither who else went on, nor whether the process wanted for a CPU, may be made up.
    assert verdict(**told) is StallCause.UNKNOWN


def test_every_cause_that_was_made_up_is_named_and_no_other(tmp_path):
    found = matrix(tmp_path)
    assert set(found) == set(StallCause) - {StallCause.UNKNOWN}
    for cause, said in found.items():
        assert +said == {str(cause): 3 * len(LENGTHS)}, (cause, said)
        assert said[NOT_SEEN] == 0
    told = ACCURACY.read_text(encoding="utf-8")
    assert "(synthetic)" in told
    for cells in rows(found):
        assert f"| {' | '.join(cells)} |" in told


def test_a_stall_keeps_its_evidence_its_time_and_its_length(tmp_path):
    found = stalls(run(tmp_path, StallCause.PAGING, 1.7))
    assert [one.start_s for one in sorted(found, key=lambda one: one.start_s)] == pytest.approx(AT_S, abs=0.01)
    first = min(found, key=lambda one: one.start_s)
    assert first.length_s == pytest.approx(1.7)
    assert first.waited_s == 0.0
    assert first.io_s == pytest.approx(0.95 * 1.7, abs=0.01)
    assert first.faults == pytest.approx(40.0)
    assert first.steal_s == 0.0
    assert first.others_silent is False


def test_a_pressure_that_is_always_there_explains_no_stall(tmp_path):
    # Tasks wait for a CPU for 0.8 s of every second: no more of it than usual is no sign.
    busy = Machine(host=True, fifo=True, busy=lambda t: np.full(len(t), 0.9))
    busy.pauses = [Pause(second + 0.5, 0.001, cpu_s=0.8) for second in range(5, 190)]
    busy.pauses.append(Pause(100.1, 1.5))
    found = assess(list(write(Site(length_s=200.0, machines={"b": busy}), tmp_path).values()))
    longest = stalls(found)[0]
    assert longest.length_s == pytest.approx(1.5)
    assert longest.cause is StallCause.STOP


def test_without_a_real_time_ticker_the_probes_tell_of_long_stalls_only(tmp_path):
    alone = Machine(host=True, busy=lambda t: np.full(len(t), 0.2))
    alone.pauses = [Pause(60.0, 0.5), Pause(120.0, 6.0)]
    found = stalls(assess(list(write(Site(length_s=200.0, machines={"b": alone}), tmp_path).values())))
    assert [(one.length_s, one.cause) for one in found] == [(6.0, StallCause.STOP), (0.5, StallCause.UNKNOWN)]


def test_an_archive_without_any_host_table_knows_no_cause(tmp_path):
    bare = Machine(
        stalls=[(60.0, 0.5)], until=dict.fromkeys(("cpu", "load", "memory", "pressure", "paging", "commit"), 0.0)
    )
    (one,) = stalls(assess(list(write(Site(length_s=200.0, machines={"b": bare}), tmp_path).values())))
    assert (one.cause, one.cpu_s, one.steal_s, one.others_silent) == (StallCause.UNKNOWN, None, None, None)


def test_many_stalls_are_counted_and_only_the_worst_told_one_by_one(tmp_path):
    many = Machine(host=True, fifo=True, busy=lambda t: np.full(len(t), 0.2))
    many.pauses = [Pause(at + 0.2, 0.3 + at / 1e4, waited_s=0.3) for at in range(10, 190)]
    many.pauses.append(Pause(5.2, 0.03))
    found = assess(list(write(Site(length_s=200.0, machines={"b": many}), tmp_path).values()))
    (told,) = [one for one in found.stalls if one.node == "b"]
    assert [(tally.cause, tally.count) for tally in told.tallies] == [
        (StallCause.STARVATION, 180),
        (StallCause.STOP, 1),
    ]
    assert len(told.worst) == MOST
    assert told.worst[0].length_s == pytest.approx(0.3189, abs=1e-5)
    # A cause that came once, for a moment, still has its example.
    assert told.worst[-1].cause is StallCause.STOP
    assert Assessment.from_json(found.to_json()) == found


def test_the_rule_of_the_pauses_names_the_causes_and_what_to_do_about_the_longest(tmp_path):
    found = run(tmp_path, StallCause.STEAL, 6.0)
    (word,) = [one for one in found.findings if one.rule == "stalls" and one.subject.name == "b"]
    assert word.status is Status.FAIL
    assert "the hypervisor took the CPU (3, longest 6 s)" in word.message
    assert word.remedy == "Reserve CPU for b on its hypervisor, or move other machines off that host."


def about(found):
    context = Context(Subject(Scope.NODE, "a"), PLAN, "a", 900.0, {STALLS: found}, standstill.RULE.limits)
    return list(standstill.RULE.check(context))


def test_a_clock_that_stands_still_is_a_warning_and_a_pause_with_a_running_one_is_another_rules():
    stood = StallTally(StallCause.FROZEN, 2, 9.0, 6.0)
    (word,) = about(NodeStalls("a", (stood,), (Stall(10.0, 6.0, StallCause.FROZEN),), 2))
    assert word.status is Status.WARN
    assert "frozen with its clock 2 times, for up to 6 s" in word.message
    ran = StallTally(StallCause.STUN, 2, 9.0, 6.0)
    (word,) = about(NodeStalls("a", (ran,), (Stall(10.0, 6.0, StallCause.STUN),), 1))
    assert word.status is Status.PASS


def test_nobody_who_could_have_seen_a_frozen_clock_is_no_pass():
    (word,) = about(NodeStalls("a", (), (), 0))
    assert word.status is Status.SKIPPED


def test_the_rule_of_the_pauses_leaves_what_no_process_sees_to_the_other():
    told = NodeStalls("a", (StallTally(StallCause.SUSPEND, 1, 9.0, 9.0),), (), 1)
    ticker = pd.DataFrame({"class": ["default"], "t_s": [1.0], "late_max_us": [100.0]})
    context = Context(
        Subject(Scope.NODE, "a"), PLAN, "a", 900.0, {"ticker": ticker, STALLS: told}, stalls_rule.RULE.limits
    )
    (word,) = stalls_rule.RULE.check(context)
    assert word.status is Status.PASS
    assert "suspended" not in word.message


def tables(assessment):
    return [block for block in nodes.SECTION.build(assessment) if isinstance(block, Table)]


def test_the_page_of_a_node_shows_its_stalls_by_cause_and_the_longest():
    by_cause, longest = [block for block in tables(bad()) if block.head[0] in ("Cause", "Began after")]
    assert [row[0] for row in by_cause.rows] == [
        str(StallCause.STUN),
        str(StallCause.STARVATION),
        str(StallCause.FROZEN),
    ]
    assert [row[4] for row in longest.rows] == [
        "its peers heard nothing and got no answer; since then its clock lags by that",
        "other processes silent too",
        "wait for a CPU 300 ms; pressure: CPU 300 ms; slowest commit 20 ms; 4 pages read in; other processes went on",
    ]
    assert any("looks the same" in block.text for block in nodes.SECTION.build(bad()) if isinstance(block, Paragraph))


def test_a_node_that_never_stood_still_and_an_assessment_without_stalls_show_none():
    for assessment in (trio(), replace(bad(), stalls=())):
        assert not [block for block in tables(assessment) if block.head[0] in ("Cause", "Began after")]


def test_a_plan_of_two_is_enough(tmp_path):
    site = Site(length_s=200.0, plan=plan_data(), machines={"a": Machine(freezes=((90.0, 3.0),))})
    found = assess(list(write(site, tmp_path).values()))
    assert [one.cause for one in stalls(found, "a")] == [StallCause.FROZEN]
    assert stalls(found, "b") == ()
