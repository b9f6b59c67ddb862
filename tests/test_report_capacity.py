"""What the report says of replication, of two nodes' work on one, and of the topology of SIP Servers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import bad, demonstration, empty, trio

from analyzer.contract import Area, Fit, Scope, Situation, Status, Subject
from reports import figures
from reports.build import build
from reports.contract import Callout, Chart, Checklist, Heading, Paragraph, Table, Tone
from reports.sections import capacity, sip_topology


def blocks(assessment, kind, section=capacity):
    return [block for block in section.SECTION.build(assessment) if isinstance(block, kind)]


def table(assessment, head, section=capacity):
    return next(block for block in blocks(assessment, Table, section) if block.head[0] == head)


def test_every_path_of_the_replication_has_its_backlog_and_times():
    waits, resync = (block for block in blocks(trio(), Table) if block.head[0] == "Path")
    assert len(waits.rows) == len(resync.rows) == 6
    assert resync.head[2:] == ("In step after 10 min out", "In step after 1 h out", "Full copy")
    first, wan = waits.rows[0], next(row for row in waits.rows if "sip-dr" in row[0])
    assert first[5:] == ("none", "\N{EN DASH}", "under 1 min"), "the replay knows whole minutes and promises no 0 s"
    assert "the line's delay and the product's own queue come on top" in blocks(trio(), Paragraph)[0].text
    assert not any("0 s" in row for head in ("Path", "State") for row in table(trio(), head).rows)
    assert wan[5].endswith(" MB")
    assert "\N{EN DASH}" not in wan
    assert not any("\N{EN DASH}" in row for row in resync.rows)


def test_the_result_of_the_rule_stands_beside_the_row_that_was_judged():
    full = bad()
    leg = full.replications[0]
    found = replace(
        full.findings[0],
        rule="replication",
        area=Area.NETWORK,
        subject=Subject(Scope.PATH, leg.path),
        status=Status.FAIL,
    )
    rows = table(replace(full, findings=(found,)), "Path")
    assert rows.rows[1][0] == "compressed 2 to 1"
    assert rows.statuses[:2] == (None, Status.FAIL), "the plan's compression is what is judged"


def test_what_the_writes_are_and_what_was_done_to_them_is_said():
    text = blocks(trio(), Paragraph)[0].text
    for words in ("What sip-a writes to dm-0", "30 % growth", "1440 minutes", "40 GB (used space of /var on sip-a)"):
        assert words in text
    assert "not in use yet" not in text
    new = replace(trio(), replications=tuple(replace(leg, in_use=False) for leg in trio().replications))
    assert "not in use yet" in blocks(new, Paragraph)[0].text


def test_the_slowest_path_decides_for_the_last_node_of_the_chain():
    rows = {row[0]: row for row in table(trio(), "State").rows}
    assert set(rows) == {"sip-a active", "sip-b active", "sip-a active, sip-b lost", "sip-b active, sip-a lost"}
    assert rows["sip-a active"][1] == "sip-a \N{RIGHTWARDS ARROW} sip-b \N{RIGHTWARDS ARROW} sip-dr"
    assert "sip-dr" in rows["sip-a active"][2]
    legs = trio().replications
    assert rows["sip-a active"][3] == rows["sip-b active, sip-a lost"][3] != "0 s", legs


def test_a_leg_that_is_not_known_leaves_the_end_of_the_chain_unknown():
    legs = tuple(
        replace(leg, plain=None, reason="no test") if leg.source == "sip-a" else leg for leg in trio().replications
    )
    rows = {row[0]: row[3] for row in table(replace(trio(), replications=legs), "State").rows}
    assert rows["sip-a active"] == rows["sip-a active, sip-b lost"] == "not known"
    assert rows["sip-b active, sip-a lost"] != "not known"


def test_undocumented_states_are_no_chain_but_a_question():
    legs = tuple(replace(leg, situations=(Situation(leg.source, "", documented=False),)) for leg in trio().replications)
    found = replace(trio(), replications=legs)
    assert not any(block.head[0] == "State" for block in blocks(found, Table))
    assert "Which way does the data go" in str(blocks(found, Checklist))


def test_an_unstated_compression_is_a_question_and_a_stated_one_is_none():
    assert "Does the product compress" in str(blocks(trio(), Checklist))
    legs = tuple(replace(leg, compression=2.0, packed=leg.plain) for leg in trio().replications)
    assert "Does the product compress" not in str(blocks(replace(trio(), replications=legs), Checklist))


def test_writes_are_drawn_against_what_the_fullest_path_carries_and_what_waits_below():
    charts = blocks(trio(), Chart)
    assert [chart.title.partition(":")[0].partition(" sip")[0] for chart in charts] == [
        "Writes against",
        "Waiting to be replicated",
    ]
    writes, carried = charts[0].bands
    assert carried.label == "carried at most"
    assert len(set(carried.mid)) == 1
    assert max(value for value in writes.high if value) > carried.mid[0], "something waits"
    assert max(value for value in charts[1].bands[0].high if value) > 0


def test_what_could_not_be_measured_is_named_with_its_paths():
    rows = table(demonstration(), "Not known because").rows
    assert rows[0][0] == "no iperf3 on sip-b"
    assert "sip-a" in rows[0][1]


def test_without_replication_and_without_pairs_it_says_so():
    told = " ".join(block.text for block in blocks(empty(), Paragraph))
    assert "A table [replication] in plan.toml asks for these figures" in told
    assert "nothing was added up" in told


def test_each_node_with_the_work_of_each_other_has_one_row():
    found = table(trio(), "Node")
    assert len(found.rows) == 6
    assert found.rows[0][:4] == (
        "sip-a with the work of sip-b", "37.5 % (48.8 %) of 8 cores", "52.9 % (53.5 %) of 15.8 GiB", "35 % (60 %) busy",
    )  # fmt: skip
    assert found.rows[-1][4] == "public: 25 Mbit/s, its limit is not told"


def test_a_load_that_could_not_be_added_up_has_its_reason():
    found = [block for block in blocks(demonstration(), Table) if block.head[0] == "Not known because"]
    assert found[-1].rows[0][0] == "too short"


def test_the_advice_names_every_way_with_its_reasons_the_best_first():
    ways, standby = blocks(trio(), Table, sip_topology)
    assert [row[1] for row in ways.rows] == ["advised", "possible", "ruled out", "ruled out"]
    assert ways.rows[2][2] == "sip-a runs Linux"
    assert [row[0] for row in standby.rows] == ["Hot standby", "Warm standby"]
    assert "gratuitous ARP" in str(blocks(trio(), Checklist, sip_topology))


@pytest.mark.parametrize(("weaker", "tone"), [(True, Tone.WARN), (False, Tone.GOOD), (None, Tone.UNKNOWN)])
def test_the_path_of_the_scs_is_told_with_its_tone(weaker, tone):
    advice = replace(trio().topologies[0], scs_weaker=weaker)
    (found,) = blocks(replace(trio(), topologies=(advice,)), Callout, sip_topology)
    assert found.tone is tone


def test_without_a_sip_stack_the_section_is_left_out():
    names = [section.name for section, _ in build(replace(trio(), topologies=()))]
    assert "sip_topology" not in names
    assert "capacity" in names


def test_of_many_pairs_the_rest_is_counted():
    many = replace(trio(), topologies=trio().topologies * 20)
    assert sum(isinstance(block, Heading) for block in sip_topology.SECTION.build(many)) == sip_topology.MOST
    assert "8 more pairs" in blocks(many, Paragraph, sip_topology)[-1].text


def test_a_choice_without_a_reason_has_a_dash():
    advice = trio().topologies[0]
    bare = replace(advice, address=(replace(advice.address[0], fit=Fit.OPEN, reasons=()),))
    assert blocks(replace(trio(), topologies=(bare,)), Table, sip_topology)[0].rows[0][1:] == (
        "not known",
        "\N{EN DASH}",
    )


@pytest.mark.parametrize(
    ("length_s", "told"),
    [(29 * 86400 + 3600, "29 d 01 h"), (30 * 86400 + 3600, "30 d"), (1036 * 86400 + 16 * 3600, "1037 d")],
)
def test_of_a_month_and_more_whole_days_are_told(length_s, told):
    assert figures.duration(float(length_s)) == told
