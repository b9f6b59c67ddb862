"""Paths are written alike everywhere in a report, and columns that say the same in every row are told once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import bad, many, trio

from analyzer.contract import Snippet
from reports import figures
from reports.build import build, imprint
from reports.contract import Paragraph, Table
from reports.render.markdown import render as markdown
from reports.sections import network, topology
from reports.texts import say
from reports.ticket import ticket
from reports.uniform import by_path
from reports.wording import worded


def with_message(text: str):
    first, *rest = bad().findings
    return replace(bad(), findings=(replace(first, message=text), *rest))


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Path sip-a>sip-b/ha had 3 outages.", "Path sip-a → sip-b (ha) had 3 outages."),
        ("Likewise on sip-a>sip-b/ha, sip-b>sip-a/ha.", "Likewise on sip-a → sip-b (ha), sip-b → sip-a (ha)."),
        ("(worst: sip-a>sip-b/ha)", "(worst: sip-a → sip-b (ha))"),
        ("sip-a>sip-b/ha-2 is another", "sip-a>sip-b/ha-2 is another"),
        ("x-sip-a>sip-b/ha is another", "x-sip-a>sip-b/ha is another"),
        ("sip-a>sip-b/ha/x is another", "sip-a>sip-b/ha/x is another"),
        ("a>b/c is no path of this plan, 3>2/1 neither", "a>b/c is no path of this plan, 3>2/1 neither"),
    ],
)
def test_a_known_path_is_written_with_its_arrow_and_nothing_else_is_touched(message, told):
    assert worded(with_message(message)).findings[0].message == told


def test_names_by_which_parts_find_each_other_and_what_is_pasted_stay():
    full = bad()
    snippet = Snippet("sip-a", "x", "ping sip-a>sip-b/ha")
    advice = replace(full.recommendations[0], snippets=(snippet,), change="longer on sip-a>sip-b/ha")
    told = worded(replace(full, recommendations=(advice, *full.recommendations[1:])))

    assert told.recommendations[0].snippets == (snippet,)
    assert told.recommendations[0].change == "longer on sip-a → sip-b (ha)"
    assert [found.subject for found in told.findings] == [found.subject for found in full.findings]
    assert [item.path for item in told.throughputs] == [item.path for item in full.throughputs]
    assert worded(told) == told


def test_pdf_and_ticket_write_a_path_the_same_way():
    spoiled = replace(with_message("Path sip-a>sip-b/ha failed."), reasons=("Path sip-a>sip-b/ha failed.",))

    assert "sip-a>sip-b" not in repr([blocks for _, blocks in build(spoiled)])
    assert "sip-a → sip-b (ha) failed" in markdown(ticket(spoiled), imprint(spoiled))


# Columns that say the same


def paths(*rows: tuple[str, ...]) -> Table:
    return Table(
        ("Path", "Network", "Lost", "Sent"), rows, (3, 2, 1, 1), "Loss", numeric=(2, 3), links=("x",) * len(rows)
    )


def test_a_column_that_is_the_same_on_every_path_is_a_sentence():
    table, told = by_path(paths(*((f"p{place}", "n", "0", str(place)) for place in range(5))))

    assert isinstance(table, Table)
    assert table.head == ("Path", "Network", "Sent")
    assert table.rows[4] == ("p4", "n", "4")
    assert table.numeric == (2,)
    assert table.links == ("x",) * 5
    assert told == Paragraph("On all 5 paths: Lost: 0.")


def test_a_table_that_says_the_same_of_every_path_is_a_sentence():
    rows = [(f"p{place}", "n", "0", "9") for place in range(4)]

    assert list(by_path(paths(*rows))) == [Paragraph("Loss, on all 4 paths: Lost: 0; Sent: 9.")]
    differing = paths(*rows[:3], ("p3", "n", "1", "8"))
    assert list(by_path(differing)) == [differing]
    few = paths(*rows[:3])
    assert list(by_path(few)) == [few]


def lossless(count: int):
    full = trio()
    timings = tuple(
        replace(item, lost_forward=0, lost_back=0, lost_unknown=0, loss=0.0, loss_high=0.001, outages=(), unjudged=0)
        if place < count
        else replace(item, loss=0.01, lost_forward=7)
        for place, item in enumerate(full.timings)
    )
    return replace(full, timings=timings)


def losses(assessment) -> tuple[list[Table], str]:
    told = list(network.SECTION.build(assessment))
    tables = [block for block in told if isinstance(block, Table) and block.caption == say("Loss and silence")]
    return tables, " ".join(block.text for block in told if isinstance(block, Paragraph))


def test_paths_that_lost_nothing_share_a_sentence_with_what_it_rests_on():
    whole = len(trio().timings)

    tables, told = losses(lossless(whole))
    assert tables == []
    assert "No path lost anything or had an outage. Each sent" in told
    assert "at 95 % confidence each loses at most 0.1 %" in told
    tables, told = losses(lossless(whole - 1))
    assert [row[4] for row in tables[0].rows] == [f"7 / {figures.count(trio().timings[-1].lost_back)}"]
    assert f"The other {whole - 1} paths lost nothing and had no outage." in told


def test_a_path_of_which_the_loss_is_not_known_keeps_its_row():
    full = lossless(len(trio().timings))
    unknown = replace(full.timings[0], loss=None, loss_high=None)
    tables, _ = losses(replace(full, timings=(unknown, *full.timings[1:])))

    assert [row[2] for row in tables[0].rows] == [figures.DASH]


# Figures of the drawing


def test_the_drawing_names_the_vlan_of_every_site():
    full = trio()
    name = full.networks[0].name
    site_of = {node.name: node.site for node in full.planned}
    vlans = dict(zip(dict.fromkeys(site_of.values()), (31, 41), strict=False))
    addresses = tuple(
        replace(row, vlan=vlans[site_of[row.node]]) if row.network == name else row for row in full.addresses
    )
    (drawing,) = [
        block for block in topology.SECTION.build(replace(full, addresses=addresses)) if hasattr(block, "networks")
    ]
    note = next(item.note for item in drawing.networks if item.name == name)

    assert all(f"{vlan} ({site})" in note for site, vlan in vlans.items())
    assert len(vlans) == 2


def test_a_short_run_of_many_nodes_has_no_tail_between_its_sites():
    full = many()
    few = tuple(replace(item, rtt=replace(item.rtt, samples=999)) for item in full.timings)

    def tails(assessment) -> set[str]:
        blocks = topology.SECTION.build(assessment)
        return next({row[4] for row in block.rows} for block in blocks if "RTT p99.9" in getattr(block, "head", ()))

    assert tails(replace(full, timings=few)) == {figures.DASH}
    assert figures.DASH not in tails(full)


def test_observers_asked_less_than_a_thousand_times_have_no_tail_and_the_table_says_so():
    def told(samples: int) -> str:
        asked = tuple(replace(item, rtt=replace(item.rtt, samples=samples)) for item in trio().observers)
        blocks = network.SECTION.build(replace(trio(), observers=asked))
        return " ".join(block.text for block in blocks if isinstance(block, Paragraph))

    assert "under RTT p99.9: fewer than 1000 answers" in told(999)
    assert "under RTT p99.9" not in told(1000)
