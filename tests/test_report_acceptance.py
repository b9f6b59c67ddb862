"""The acceptance sheet: everything to enter and to try has a box, and nothing can be signed that may not be entered."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from report_fixtures import ALL, HOSTILE, many, trio

from analyzer.contract import Area, Assessment, Evidence, Finding, Status, Subject, Verdict
from analyzer.contract import Scope as AssessedScope
from collector.commands import seconds
from reports.contract import Callout, Heading, Paragraph, Table, Text
from reports.sections.acceptance import BOX, MOST_ROWS, SECTION


def tables(assessment: Assessment) -> dict[str, Table]:
    """The tables of the sheet by the heading above them."""
    found, above = {}, ""
    for block in SECTION.build(assessment):
        if isinstance(block, Heading):
            above = block.text
        if isinstance(block, Table):
            found[above] = block
    return found


def commands(assessment: Assessment) -> list[str]:
    (text,) = [block.text for block in SECTION.build(assessment) if isinstance(block, Text)]
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_every_setting_of_every_product_and_node_has_a_box_and_room_for_a_name():
    assessment = trio()
    rows = tables(assessment)["Settings applied"].rows

    for advice in assessment.recommendations:
        for node in advice.nodes or (advice.subject.name.replace("+", " and "),):
            mine = [row for row in rows if advice.title in row[1] and row[2].split("\n")[0] == node]
            assert mine
            assert all(row[0] == BOX and not row[4].strip() for row in mine)
            for item in advice.settings:
                assert any(f"{item.option}: " in row[3] for row in mine)


def test_each_pair_is_switched_over_back_and_stopped():
    rows = tables(trio())["Tests"].rows

    tests = [row[1].split("\n")[0] for row in rows if row[1].endswith("sip-a and sip-b")]
    assert tests == ["Manual switchover", "Switchback", "Stop the primary"]
    assert all(row[0] == BOX for row in rows)


def test_a_sip_server_pair_has_the_events_of_its_guide_and_no_other_group_has():
    assessment = trio()
    (advice,) = assessment.topologies
    rows = tables(assessment)["Tests"].rows

    for row in rows:
        assert ("00-04563" in row[2]) is (
            "Switchback" not in row[1] and row[1].endswith(advice.subject.name.replace("+", " and "))
        )
    bare = tables(replace(assessment, topologies=()))["Tests"].rows
    assert not any("00-0456" in row[2] for row in bare)


def test_the_test_of_a_stopped_primary_says_when_it_is_noticed_and_what_comes_then():
    stopped = next(row for row in tables(trio())["Tests"].rows if row[1] == "Stop the primary\nsip-a and sip-b")

    assert "a silent peer is noticed after 10 s to 20 s" in stopped[2]
    assert "Then the protected services start on the other server: not measured." in stopped[2]


def test_a_cluster_of_members_is_tested_by_stopping_members():
    advice = next(item for item in trio().recommendations if item.detection_s and item.settings)
    whole = replace(advice, subject=Subject(AssessedScope.CLUSTER, "shop"))
    rows = tables(replace(trio(), recommendations=(whole,), topologies=()))["Tests"].rows

    assert [row[1].partition("\n")[0] for row in rows] == [
        "Stop a member that does not lead",
        "Stop the member that leads, or that runs the service",
        "Start it again",
    ]
    assert rows[0][2] == "The others go on without it.\nStart it again before the next test."
    assert rows[1][2].startswith("Another member does so now.\n")
    assert "a silent peer is noticed after" in rows[1][2]
    assert "primary" not in rows[0][2] + rows[2][2]


def test_of_a_product_without_a_member_to_spare_nobody_is_told_that_the_others_go_on():
    first = next(item for item in trio().recommendations if item.detection_s and item.settings)
    store = replace(first, stack="etcd", title="etcd, Raft timers", subject=Subject(AssessedScope.CLUSTER, "shop"))
    ring = replace(store, stack="corosync", title="corosync")
    found = Finding(
        "quorum", "Majority", Area.NETWORK, store.subject, Status.WARN,
        "ETCD: it has 2 members and needs 2, so it stops when any of them fails.", (Evidence("members that may fail", 0.0, "1"),),
    )  # fmt: skip
    alone = replace(trio(), recommendations=(store,), topologies=(), findings=(found,))
    rows = tables(alone)["Tests"].rows
    stops = "etcd, Raft timers stops until the member is back: it has none to spare."
    assert rows[0][2] == f"{stops}\nStart it again before the next test."
    assert rows[1][2] == stops

    rows = tables(replace(alone, recommendations=(store, ring)))["Tests"].rows
    assert rows[0][2].splitlines()[:2] == ["The others go on without it.", stops]
    assert "corosync: a silent peer is noticed" in rows[1][2]
    assert "etcd, Raft timers: a silent peer is noticed" not in rows[1][2]


def test_without_a_product_that_fails_over_there_is_no_test_and_that_is_said():
    told = [
        block.text
        for block in SECTION.build(replace(trio(), recommendations=(), topologies=()))
        if isinstance(block, Paragraph)
    ]

    assert any("no test of it" in text for text in told)
    assert any("This run gives no settings" in text for text in told)


@pytest.mark.parametrize(
    "changes",
    [{"verdict": Verdict.UNSUITABLE}, {"verdict": Verdict.INCONCLUSIVE}, {"origin": "synthetic"}, {"origin": "<x>"}],
)
def test_what_must_not_be_entered_has_no_sheet(changes):
    (only,) = SECTION.build(replace(trio(), **changes))

    assert isinstance(only, Callout)
    assert "Do not enter" in only.text


def test_the_archives_stand_on_the_sheet_with_their_hashes():
    told = repr(tables(trio())["What it was built on"].rows)

    assert all(node.sha256 in told and node.archive in told for node in trio().nodes)


def test_the_commands_measure_as_long_again_compare_and_draw_the_same_report():
    found = [shlex.split(line) for line in commands(replace(trio(), profile="wan"))]

    assert [line[:2] for line in found] == [["haready", "collect"]] * 3 + [
        ["haready", "assess"], ["haready", "compare"], ["haready", "assess"]
    ]  # fmt: skip
    for node, line in zip(trio().nodes, found, strict=False):
        assert line[line.index("--node") + 1] == node.name
        assert seconds(line[line.index("--duration") + 1]) == node.planned_s
    assert found[3][found[3].index("--profile") + 1] == found[5][found[5].index("--profile") + 1] == "wan"
    assert found[4][2] == f"{trio().stem}-assessment.json"
    assert set(found[5]) >= {node.archive for node in trio().nodes}


@pytest.mark.parametrize("name", ["; rm -rf ~", "$(reboot)", "`x`", "a b", "-o", HOSTILE, "a\nreboot\n", "'"])
def test_a_name_from_outside_is_one_word_of_the_command(name):
    node = replace(trio().nodes[0], name=name, archive=name)
    found = commands(replace(trio(), nodes=(node,), profile=name))

    assert len(found) == 4
    words = shlex.split(found[0])
    told = f"./{name}" if name.startswith("-") else name
    assert words[words.index("--node") + 1] == told.replace("\n", "\N{REPLACEMENT CHARACTER}")
    assert len(words) == 10
    assert len(shlex.split(found[3])) == 5


def test_a_large_cluster_has_a_sheet_that_ends():
    assessment = replace(many(), origin="measured", verdict=Verdict.CONDITIONAL)
    advice = trio().recommendations[0]
    pairs = tuple(
        replace(advice, subject=Subject(AssessedScope.PAIR, f"n{place}+m{place}"), nodes=()) for place in range(300)
    )
    found = tables(replace(assessment, recommendations=pairs))

    assert len(found["Settings applied"].rows) == MOST_ROWS
    assert len(found["Tests"].rows) < 40


@pytest.mark.parametrize("name", ALL)
def test_there_is_always_something_on_the_sheet(name):
    assert list(SECTION.build(ALL[name]()))
