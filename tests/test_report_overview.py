"""Overviews of the report: the network matrix, all nodes on one time axis, every rule with its outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import ALL, bad, many, trio

from analyzer.contract import (
    Assessment,
    Evidence,
    Limit,
    NodeStalls,
    Outage,
    Quantiles,
    Scope,
    Sense,
    Stall,
    StallCause,
    StallTally,
    Status,
    Subject,
)
from analyzer.extension import LOADED_SHARE
from reports import figures
from reports.bandwidth import throughput_blocks
from reports.build import imprint
from reports.contract import Block, Chart, Paragraph, Table
from reports.excerpt import MOST
from reports.headroom import headroom_blocks
from reports.matrix import SHADES, SIGNS, matrix_blocks
from reports.render.pdf import render
from reports.routes import route_blocks
from reports.sections import method, network, timeline


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


def judged(assessment: Assessment, rule: str, status: Status, *evidence: Evidence) -> Assessment:
    """The same with a finding of one rule about its first path."""
    path = Subject(Scope.PATH, assessment.timings[0].path)
    found = replace(bad().findings[0], rule=rule, subject=path, status=status, evidence=evidence)
    return replace(assessment, findings=(*assessment.findings, found))


def signs(assessment: Assessment) -> dict[int, tuple[str, float]]:
    """Sign and shade of the cells of the first path that have any, by column."""
    path = assessment.timings[0]
    table = matrix(assessment)
    place = next(
        place
        for place, row in enumerate(table.rows)
        if row[:2] == (figures.network(path.network, wan=path.wan), figures.direction(path.source, path.target))
    )
    return {
        column: (text[0], shade)
        for column, (text, shade) in enumerate(zip(table.rows[place], table.heat[place], strict=True))
        if shade or text[0] in SIGNS.values()
    }


def test_every_direction_of_every_network_has_a_row_with_its_figures():
    table = matrix(trio())

    assert len(table.rows) == len(table.heat) == len(trio().timings)
    item = trio().timings[0]
    row = next(
        row
        for row in table.rows
        if row[:2] == (figures.network(item.network, wan=item.wan), figures.direction(item.source, item.target))
    )
    assert row[2] == figures.milliseconds(item.rtt.p50)
    assert row[3] == figures.milliseconds(item.rtt.p999)
    assert row[4] == figures.milliseconds(item.rtt.maximum)
    assert row[6] == figures.ratio(item.loss, 2)
    goodput = next(one.median_bps for one in trio().throughputs if one.path == item.path)
    assert row[8] == figures.megabits(goodput)
    assert row[9] == "1500 B"


@pytest.mark.parametrize(
    ("rule", "column"),
    [("delay", 2), ("jitter", 5), ("loss", 6), ("outages", 7), ("bandwidth", 8), ("path-mtu", 9)],
)
def test_the_figure_that_a_check_finds_bad_has_a_sign_and_a_shade_and_no_other(rule, column):
    median = Limit("wire, median", "s", 0.001, 0.005, Sense.AT_MOST, "test")
    evidence = Evidence("median", 0.05, "s", median)

    assert signs(judged(trio(), rule, Status.FAIL, evidence)) == {column: (SIGNS[Status.FAIL], 1.0)}
    assert signs(judged(trio(), rule, Status.WARN, evidence)) == {column: (SIGNS[Status.WARN], SHADES[Status.WARN])}
    assert signs(judged(trio(), rule, Status.PASS, evidence)) == {}
    assert signs(judged(trio(), rule, Status.SKIPPED)).get(column) == (SIGNS[Status.SKIPPED], 0.0), "unknown is no pass"


@pytest.mark.parametrize(("rule", "column"), [("under-load", 6), ("replication", 8)])
def test_what_other_checks_find_bad_about_a_figure_marks_it_too(rule, column):
    """A path that cannot carry replication is not well at a glance; that it was not asked to is nothing to mark."""
    evidence = Evidence("share", 2.0, "ratio", Limit("share", "ratio", 0.7, 0.9, Sense.AT_MOST, "test"))
    warned = judged(trio(), {6: "loss", 8: "bandwidth"}[column], Status.WARN, evidence)

    assert signs(judged(trio(), rule, Status.WARN, evidence)) == {column: (SIGNS[Status.WARN], SHADES[Status.WARN])}
    assert signs(judged(warned, rule, Status.FAIL, evidence)) == {column: (SIGNS[Status.FAIL], 1.0)}
    assert signs(judged(trio(), rule, Status.SKIPPED)) == {}


def test_a_delay_of_the_slowest_probes_alone_marks_their_figure():
    median = Evidence("m", 0.0001, "s", Limit("wire, median, on one site", "s", 0.001, 0.005, Sense.AT_MOST, "test"))
    slow = Evidence("t", 0.05, "s", Limit("wire, 99.9 %, on one site", "s", 0.002, 0.020, Sense.AT_MOST, "test"))

    assert set(signs(judged(trio(), "delay", Status.FAIL, median, slow))) == {3}
    assert set(signs(judged(trio(), "delay", Status.FAIL, median))) == {2, 3}, "not told which: both"


def test_what_no_check_finds_bad_has_no_shade_however_it_compares():
    assert not any(any(row) for row in matrix(with_rtt(0.001, 0.01, 0.1)).heat)


def test_the_signs_and_whose_jitter_it_is_are_explained():
    (told,) = [block.text for block in matrix_blocks(trio()) if isinstance(block, Paragraph)]

    assert all(sign in told for sign in SIGNS.values())
    assert "Jitter is that of whole round trips" in told


def test_a_short_run_shows_no_quantile_that_is_only_its_maximum():
    full = with_rtt(0.001)
    few = replace(full, timings=tuple(replace(item, rtt=replace(item.rtt, samples=999)) for item in full.timings))

    assert matrix(few).rows[0][3] == figures.DASH


def test_a_path_of_which_nothing_was_heard_is_not_said_to_have_no_outage():
    full = with_rtt(0.001)
    deaf = tuple(replace(item, answered=0, lost_forward=0, lost_back=0, lost_unknown=0) for item in full.timings)

    assert matrix(replace(full, timings=deaf)).rows[0][7] == figures.DASH


def test_a_large_matrix_is_cut_with_its_shades():
    table = matrix(many())

    assert len(table.rows) == len(table.heat) == MOST


def test_shades_change_the_drawing_and_nothing_of_the_text():
    table = matrix(judged(trio(), "loss", Status.FAIL))

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


def test_the_time_at_rest_is_explained_beside_the_time_that_was_measured():
    timing = replace(trio().timings[0], period_s=0.2, hours=846.6 / 3600, sent=4233, unjudged=0, loaded_lost=2)
    timing = replace(timing, answered=4233, lost_forward=0, lost_back=0, lost_unknown=0)
    timing = replace(timing, loaded=replace(timing.loaded, samples=240))
    told = [
        block.text
        for block in network.SECTION.build(replace(trio(), timings=(timing,)))
        if isinstance(block, Paragraph) and block.text.startswith("At rest")
    ]

    assert "14 min 07 s at rest and 48 s during tests, in all 14 min 55 s." in told[0]
    # The sentence tells the share in a word.
    assert "up to a fifth" in told[0]
    assert LOADED_SHARE == 0.2


def moved(*reordered: int) -> list[Block]:
    """What is said of the way itself on paths that are alike in all but the order of their packets."""
    full = trio()
    mtu, timing = full.path_mtus[0], full.timings[0]
    paths = [f"a{place}>b/n" for place in range(len(reordered))]
    timings = tuple(
        replace(timing, path=path, source=path[:2], target="b", network="n", wan=False, reordered=count)
        for path, count in zip(paths, reordered, strict=True)
    )
    mtus = tuple(replace(mtu, path=path, source=path[:2], target="b", network="n", wan=False) for path in paths)
    return list(route_blocks(timings, mtus))


def test_a_column_that_is_left_alone_is_a_sentence_of_what_is_not_nothing():
    blocks = moved(0, 3, 0, 0)
    assert not any(isinstance(block, Table) for block in blocks)
    arrow = figures.ARROW
    assert any(
        isinstance(block, Paragraph) and block.text == f"Out of order (a1 {arrow} b on n: 3); on the other paths none."
        for block in blocks
    )


def test_a_table_without_the_column_that_it_is_named_for_is_named_for_what_it_has():
    (left,) = [block for block in moved(1, 3, 2, 7) if isinstance(block, Table)]
    assert left.caption == "Out of order"
    (whole,) = [block for block in moved(1, 3) if isinstance(block, Table)]
    assert whole.caption == "Path MTU"


def test_the_number_of_tests_says_what_it_counts_where_the_tables_count_more_than_one_kind():
    told = " ".join(block.text for block in throughput_blocks(trio().throughputs) if isinstance(block, Paragraph))
    counts = [
        sum(len(kind) for kind in kinds)
        for kinds in zip(*((item.tests, item.at_load, item.datagrams) for item in trio().throughputs), strict=True)
    ]
    kinds = ("of goodput", "at the planned data rate", "with UDP")
    listed = ", ".join(f"{count} {kind}" for count, kind in zip(counts, kinds, strict=True) if count)
    alone = sum(map(bool, counts)) < 2
    assert f"{figures.several(sum(counts), 'test')}{'' if alone else f' ({listed})'}, the first" in told
    bare = [replace(item, at_load=(), datagrams=()) for item in trio().throughputs]
    plain = " ".join(block.text for block in throughput_blocks(tuple(bare)) if isinstance(block, Paragraph))
    assert f"{figures.several(counts[0], 'test')}, the first" in plain


def test_a_silence_is_told_in_a_table_as_in_the_sentence_about_it():
    assert figures.outage(0.42) == figures.seconds(0.42) == "420 ms"
    assert figures.outage(0.0) == "none"


def test_two_quantiles_that_are_the_same_are_one_figure():
    full = trio()
    alike = tuple(replace(item, p99=item.p95) for item in full.headrooms)
    shares = {figures.ratio(item.share) for item in full.headrooms if item.share is not None}

    def cells(assessment: Assessment) -> str:
        return repr([block.rows for block in headroom_blocks(assessment) if isinstance(block, Table)])

    assert shares
    assert not any(f"{share} ({share})" in cells(replace(full, headrooms=alike)) for share in shares)
    assert "%) " in cells(full)
