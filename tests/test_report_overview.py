"""Overviews of the report: the network matrix, all nodes on one time axis, every rule with its outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import ALL, bad, many, trio

from analyzer.contract import Assessment, NodeStalls, Outage, Quantiles, Stall, StallCause, StallTally
from reports import figures
from reports.build import imprint
from reports.contract import Chart, Paragraph, Table
from reports.excerpt import MOST
from reports.matrix import matrix_blocks
from reports.render.pdf import render
from reports.sections import method, timeline


def matrix(assessment: Assessment) -> Table:
    (table,) = [block for block in matrix_blocks(assessment) if isinstance(block, Table)]
    return table


def with_rtt(*medians_s: float | None) -> Assessment:
    """One network on one site, a direction for each median."""
    full = trio()
    first = next(item for item in full.timings if not item.wan)
    return replace(
        full,
        timings=tuple(
            replace(first, path=f"a{place}>b/n", rtt=Quantiles(1000, p50=value, p99=value, maximum=value))
            for place, value in enumerate(medians_s)
        ),
    )


def test_every_direction_of_every_network_has_a_row_with_its_figures():
    table = matrix(trio())

    assert len(table.rows) == len(table.heat) == len(trio().timings)
    item = trio().timings[0]
    row = next(
        row
        for row in table.rows
        if row[:2] == (figures.network(item.network, wan=item.wan), figures.direction(item.source, item.target))
    )
    assert row[2] == figures.seconds(item.rtt.p50)
    assert row[4] == figures.seconds(item.rtt.maximum)
    assert row[6] == figures.ratio(item.loss, 2)
    goodput = next(one.median_bps for one in trio().throughputs if one.path == item.path)
    assert row[8] == figures.bits(goodput)
    assert row[9] == "1500 B"


def test_the_worst_of_a_network_is_the_darkest_and_the_best_has_no_shade():
    shades = [row[2] for row in matrix(with_rtt(0.001, 0.01, 0.1)).heat]

    assert shades == pytest.approx([0.0, 0.5, 1.0])


def test_what_is_alike_unknown_or_alone_has_no_shade():
    assert not any(any(row) for row in matrix(with_rtt(0.001, 0.0012)).heat)
    assert [row[2] for row in matrix(with_rtt(0.001, None, 0.1)).heat] == [0.0, 0.0, 1.0]
    assert not any(any(row) for row in matrix(with_rtt(0.5)).heat)


def test_a_site_and_a_wan_on_one_network_are_not_compared():
    heat = matrix(bad()).heat
    rows = matrix(bad()).rows

    assert {row[0] for row in rows} >= {"ha", "ha (WAN)"}
    assert not any(shades[2] for shades in heat)


def test_some_loss_beside_none_is_shaded_and_less_goodput_is_worse():
    full = with_rtt(0.001, 0.001, 0.001)
    timings = tuple(replace(item, loss=loss) for item, loss in zip(full.timings, (0.0, 0.001, 0.01), strict=True))
    speeds = tuple(
        replace(full.throughputs[0], path=item.path, median_bps=speed)
        for item, speed in zip(timings, (1e9, 1e8, 1e7), strict=True)
    )
    heat = matrix(replace(full, timings=timings, throughputs=speeds)).heat

    assert [row[6] for row in heat] == pytest.approx([0.0, 0.25, 1.0])
    assert [row[8] for row in heat] == pytest.approx([0.0, 0.5, 1.0])


def test_a_short_run_shows_no_quantile_that_is_only_its_maximum():
    full = with_rtt(0.001)
    few = replace(full, timings=tuple(replace(item, rtt=replace(item.rtt, samples=99)) for item in full.timings))

    assert matrix(few).rows[0][3] == figures.DASH


def test_a_large_matrix_is_cut_with_its_shades():
    table = matrix(many())

    assert len(table.rows) == len(table.heat) == MOST


def test_shades_change_the_drawing_and_nothing_of_the_text():
    table = matrix(with_rtt(0.001, 0.1))

    assert render([[table]], imprint(trio())) != render([[replace(table, heat=())]], imprint(trio()))


# One time axis


def drawn(assessment: Assessment) -> Chart:
    (chart,) = [block for block in timeline.SECTION.build(assessment) if isinstance(block, Chart)]
    return chart


def test_the_line_is_the_slowest_of_all_paths_in_every_bin():
    full = trio()
    band = drawn(full).bands[0]
    highs = [
        trace.high
        for trace in full.traces
        if trace.subject.name in {item.path for item in full.timings} and trace.unit == "s"
    ]
    size = max(value for value in band.mid if value is not None) / max(
        value for high in highs for value in high if value
    )

    for place, value in enumerate(band.mid):
        known = [high[place] for high in highs if high[place] is not None]
        assert value is None if not known else value == pytest.approx(max(known) * size)


def stalled(node: str, *starts_s: float) -> NodeStalls:
    worst = tuple(Stall(start_s, 2.0, StallCause.STUN) for start_s in starts_s)
    return NodeStalls(node, (StallTally(StallCause.STUN, len(worst), 2.0 * len(worst), 2.0),), worst, 2)


def test_outages_and_pauses_of_all_nodes_are_marks_on_it():
    full = trio()
    timings = (
        replace(full.timings[0], outages=(Outage(7200.0, 5.0, 25),)),
        *(replace(item, outages=()) for item in full.timings[1:]),
    )
    chart = drawn(replace(full, timings=timings, stalls=(stalled("sip-a", 7200.0), stalled("sip-b", 7201.0, 3600.0))))

    assert [(mark.label, mark.x) for mark in chart.marks] == [
        ("outage of a path", 2.0),
        ("pause of sip-a", 2.0),
        ("pause of sip-b", pytest.approx(7201 / 3600)),
        ("pause of sip-b", 1.0),
    ]
    assert chart.pins or not full.notes
    assert chart.shades


def test_of_many_nodes_the_pauses_share_a_row():
    chart = drawn(replace(trio(), stalls=tuple(stalled(f"n{place}", 60.0 * place) for place in range(9))))

    assert {mark.label for mark in chart.marks} <= {"outage of a path", "pause of a node"}


@pytest.mark.parametrize("name", ALL)
def test_there_is_a_drawing_or_a_sentence(name):
    assert any(isinstance(block, Chart | Paragraph) for block in timeline.SECTION.build(ALL[name]()))


def test_a_path_whose_bins_are_others_is_left_out_of_the_line():
    full = trio()
    odd = replace(full.traces[0], start_s=17.0, high=tuple(999.0 for _ in full.traces[0].high))
    chart = drawn(replace(full, traces=(*full.traces, odd)))

    assert chart.bands == drawn(full).bands


# Rules


def test_every_rule_stands_once_with_its_outcome():
    tables = [
        block for block in method.SECTION.build(bad()) if isinstance(block, Table) and block.head[1:2] == ("Rule",)
    ]
    (table,) = tables

    assert sorted(row[1] for row in table.rows) == sorted({item.rule for item in bad().findings})
    for row in table.rows:
        counted = sum(int(part.split()[0]) for part in row[3].split(", "))
        assert counted == sum(item.rule == row[1] for item in bad().findings)
