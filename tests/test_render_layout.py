"""Every section of every assessment, on both sizes of paper: nothing overfull, clipped, covered, missing, unnamed or leading nowhere."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sample_set
from layout_log import CHECKS, Log, clipped, dangling, drawn, missing_glyphs, overfull, overlapping, unreferenced
from report_fixtures import ALL, LONG, bad, crowd, hostile, many, trio

from analyzer.contract import Assessment, Quantiles, Status
from reports import numbering
from reports.build import build, imprint
from reports.commands import Look, write_report
from reports.contract import Band, Chart, Heading, Mark, Paragraph, Pin, Table, Text
from reports.render import charts, legend, style, topology
from reports.render.pdf import Paper, render

SAMPLES = sorted((Path(__file__).parent.parent / "samples").glob("*/assessment.json"))


def renamed(base: Assessment, names: dict[str, str]) -> Assessment:
    text = base.to_json()
    for old, new in names.items():
        text = text.replace(old, new)
    return Assessment.from_json(text)


def scripts() -> Assessment:
    """Names that the faces lack, or that run from right to left."""
    kanji = "\N{CJK UNIFIED IDEOGRAPH-96FB}\N{CJK UNIFIED IDEOGRAPH-8A71}" * 6
    hebrew, arabic, thai = (
        "\u05e9\u05e8\u05ea \u05e8\u05d0\u05e9\u05d9",
        "\u0627\u0644\u062e\u0627\u062f\u0645",
        "\u0e44\u0e17\u0e22\u0e40\u0e0b\u0e34\u0e23\u0e4c\u0e1f",
    )
    found = renamed(bad(), {"sip-a": kanji, "sip-b": f"{hebrew}{arabic}", "sip-dr": f"{thai}\N{BEER MUG}"})
    return replace(found, cluster=f"{kanji} {arabic}", summary=f"{kanji} {hebrew} {thai} \u202e{arabic}")


def one_sample() -> Assessment:
    """A run that ended after its first second."""
    base = trio()
    few = [replace(trace, mid=trace.mid[:1], low=trace.low[:1], high=trace.high[:1]) for trace in base.traces]
    curves = [replace(curve, value=curve.value[:1], fraction=curve.fraction[:1]) for curve in base.curves]
    return replace(base, duration_s=1.0, traces=tuple(few), curves=tuple(curves))


def boundless() -> Assessment:
    """Figures that are no numbers, as a damaged or hostile file may hold: JSON reads NaN and Infinity."""
    base = trio()
    odd = (math.inf, math.nan, -math.inf, 1e308, None)
    rtt = Quantiles(5, math.nan, math.inf, -math.inf, 1e308, math.nan)
    return replace(
        base,
        duration_s=math.inf,
        timings=tuple(
            replace(item, rtt=rtt, wire=rtt, loss=math.nan, longest_outage_s=math.inf) for item in base.timings
        ),
        traces=tuple(
            replace(trace, mid=(*odd, *trace.mid[5:]), low=(*odd, *trace.low[5:]), high=(*odd, *trace.high[5:]))
            for trace in base.traces[:8]
        )
        + tuple(replace(trace, start_s=math.nan) for trace in base.traces[8:10])
        + tuple(replace(trace, step_s=math.inf) for trace in base.traces[10:12]),
        curves=tuple(replace(curve, value=(*curve.value[:-1], math.inf)) for curve in base.curves),
    )


MAKERS: dict[str, Any] = {
    **ALL,
    "scripts": scripts,
    "one sample": one_sample,
    "boundless": boundless,
    "many": lambda: many(40),
    **{path.parent.name: lambda path=path: Assessment.from_json(path.read_text(encoding="utf-8")) for path in SAMPLES},
}


def logged(assessment: Assessment, paper: Paper = Paper.A4) -> Log:
    return drawn([blocks for _, blocks in build(assessment)], imprint(assessment), paper)[1]


@pytest.mark.parametrize("name", sample_set.drawn(MAKERS))
def test_nothing_is_overfull_clipped_covered_missing_unnamed_or_leads_nowhere(name):
    assessment = MAKERS[name]()
    sections, around = [blocks for _, blocks in build(assessment)], imprint(assessment)
    for paper in Paper:
        log = drawn(sections, around, paper)[1]

        assert log.pieces
        for check in CHECKS:
            assert check(log) == [], f"{check.__name__} of {name} on {paper}"


def test_the_log_sees_all_that_the_page_shows_and_changes_nothing():
    blocks = [blocks for _, blocks in build(trio())]

    document, log = drawn(blocks, imprint(trio()))

    assert document == render(blocks, imprint(trio()))
    assert {piece.owner for piece in log.pieces} >= {"page", "Paragraph", "ChartBox", "Drawing", "Chip", "Headline"}
    assert len(log.links) > 20
    assert sum(text.startswith("Figure ") for text in log.told) > 10


# Each check fails where the renderer is broken in that way.


def test_an_unbroken_name_in_a_cell_is_overfull(monkeypatch):
    monkeypatch.setattr(style.CELL, "splitLongWords", 0)

    log = drawn([[Heading("h"), Table(("a", "b"), ((LONG, LONG),), (50, 50))]], imprint(trio()))[1]

    assert overfull(log)


@pytest.mark.parametrize("module", [legend, topology])
def test_a_text_that_is_not_shortened_is_overfull_or_clipped(monkeypatch, module):
    monkeypatch.setattr(module, "shortened", lambda text, *_: text)

    log = logged(hostile())

    assert overfull(log) or clipped(log)


def test_a_word_that_leaves_its_label_is_clipped(monkeypatch):
    monkeypatch.setattr(topology, "_fitted", lambda text, _face, size, _room: (text, size))

    assert any("box" in line for line in clipped(logged(crowd())))


def test_rows_of_a_legend_that_are_too_near_overlap(monkeypatch):
    monkeypatch.setattr(charts, "LEGEND_ROW", 2.0)
    many_lines = Chart("t", "x", "y", tuple(Band(f"line {n} {'w' * 40}", (0.0, 1.0), (0.0, 1.0)) for n in range(6)))

    assert overlapping(drawn([[Heading("h"), many_lines]], imprint(trio()))[1])


def test_a_letter_that_the_face_lacks_is_missing(monkeypatch):
    monkeypatch.setattr(style, "clean", lambda text: text)

    assert missing_glyphs(drawn([[Heading("h"), Paragraph("\N{CJK UNIFIED IDEOGRAPH-96FB}")]], imprint(trio()))[1])


def test_a_figure_that_no_text_names_is_unreferenced(monkeypatch):
    monkeypatch.setattr(numbering, "_pointing", lambda block, *_: block)

    assert "figure 1" in unreferenced(logged(trio()))


def test_a_link_to_nothing_is_dangling():
    assert dangling(Log(links=["t1", "t2"], places={"t1"})) == ["t2"]


# Links


def test_a_finding_leads_to_its_evidence_and_the_evidence_back():
    log = logged(trio())
    blocks = [block for _, blocks in build(trio()) for block in blocks if isinstance(block, Table)]
    names = {name for block in blocks for row in block.targets for name in row}
    links = {name for block in blocks for name in block.links}

    assert {name.partition(" ")[2] for name in links if name.startswith("evidence ")} <= {
        name.partition(" ")[2] for name in names if name.startswith("evidence ")
    }
    assert any(name.startswith("finding ") for name in links & names)
    assert any(name.startswith("chart ") for name in links)
    assert len(set(log.links)) > 15


def test_a_link_to_what_is_left_out_is_no_link_and_no_error():
    table = Table(("a",), (("x",), ("y",)), (1,), links=("nowhere", "here"), targets=((), ("here",)))

    log = drawn([[Heading("h"), table, table]], imprint(trio()))[1]

    assert len(log.links) == 2
    assert not dangling(log)


# Figures


def test_figures_are_counted_through_and_named_by_the_text_above_them():
    line = Chart("t", "x", "y", (Band("b", (0.0, 1.0), (0.0, 1.0)),))
    parts = [
        [Heading("h"), Paragraph("intro."), line, line, Heading("i", 2), line],
        [Heading("j"), line, Paragraph("note", small=True), line],
    ]

    told = [
        [getattr(block, "title", getattr(block, "text", "")) for block in part] for part in numbering.numbered(parts)
    ]

    assert told == [
        ["h", "intro. See figures 1 to 2.", "Figure 1. t", "Figure 2. t", "i", "See figure 3.", "Figure 3. t"],
        ["j", "See figures 4 to 5.", "Figure 4. t", "note", "Figure 5. t"],
    ]


# Bounds


def test_a_chart_stays_small_whatever_happened_in_its_run():
    quiet = Chart("t", "x", "y", (Band("b", tuple(map(float, range(480))), (1.0,) * 480, (0.5,) * 480, (2.0,) * 480),))
    stormy = replace(
        quiet,
        shades=tuple(Mark(place / 100, 0.004, "test") for place in range(48_000)),
        marks=tuple(Mark(place / 100, 0.004, "outage") for place in range(48_000)),
        pins=tuple(Pin(place / 100, str(place)) for place in range(48_000)),
    )

    calm, wild = (len(render([[Heading("h"), chart]], imprint(trio()))) for chart in (quiet, stormy))

    assert wild < calm + 60_000


def test_a_test_of_two_seconds_in_a_day_is_seen():
    day = Chart("t", "x", "y", (Band("b", (0.0, 86_400.0), (1.0, 1.0)),), shades=(Mark(3600.0, 2.0, "test"),))
    figure = charts.Figure()
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 86_400)

    box = charts._bars(axes, day.shades).get_path().get_extents()

    assert box.x0 == 3600.0
    assert box.width / 86_400 * axes.bbox.width > 1.4, "wider than a line of the grid"


def test_marks_and_shades_without_a_place_are_left_out():
    odd = tuple(Mark(x, length, "m") for x in (math.nan, math.inf, -1.0) for length in (math.nan, math.inf, 1.0))
    chart = Chart("t", "x", "y", (Band("b", (0.0, 1.0), (0.0, 1.0)),), marks=odd, shades=odd)

    assert render([[Heading("h"), chart]], imprint(trio()))


@pytest.mark.parametrize("name", sample_set.drawn((path.parent.name for path in SAMPLES), {"healthy-trio"}))
def test_the_same_assessment_gives_the_same_bytes_on_either_paper(tmp_path, name):
    # The samples take turns between the papers, which share all but the sizes.
    paper = list(Paper)[[path.parent.name for path in SAMPLES].index(name) % len(Paper)]
    assessment = MAKERS[name]()
    for file in ("one.pdf", "two.pdf"):
        write_report(assessment, tmp_path / file, Look(paper=paper))
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_a_row_that_is_broken_names_its_check_again_on_the_next_page():
    rows = tuple(
        (f"check {row}\nrule-{row}", " ".join(f"word{row}.{place}" for place in range(900))) for row in range(5)
    )
    table = Table(("Check", "Evidence"), rows, (20, 80), statuses=(Status.PASS,) * 5)

    log = drawn([[Heading("h"), table]], imprint(trio()))[1]
    pages = {page: " ".join(piece.text for piece in log.pieces if piece.page == page) for page in range(1, 20)}

    shown = {page: set(re.findall(r"word(\d)\.", text)) for page, text in pages.items()}
    assert sum(map(len, shown.values())) > 5, "rows are broken"
    for page, text in pages.items():
        assert set(re.findall(r"check (\d)", text)) == shown[page]
    for page, text in pages.items():
        assert ("(cont.)" in text) is bool(shown[page] & shown.get(page - 1, set()))
    signs = {page: [piece.x0 for piece in log.pieces if piece.page == page and piece.text == "pass"] for page in shown}
    for page, rows in shown.items():
        assert len(signs[page]) == len(rows)


def test_a_paragraph_that_introduces_a_table_stays_with_it():
    rows = tuple((f"row {row}", "text") for row in range(6))
    # So many that the paragraph alone has room at the foot of the second page.
    blocks = [Heading("h"), Paragraph("first"), *[Paragraph("filler")] * 83]
    blocks += [Paragraph("It leads.", leads=True), Table(("Name", "Text"), rows, (50, 50))]

    log = drawn([blocks], imprint(trio()))[1]

    pages = {text: {piece.page for piece in log.pieces if piece.text == text} for text in ("It leads.", "row 0")}
    assert pages["It leads."] == pages["row 0"]
    assert pages["row 0"]


@pytest.mark.parametrize(("sign", "pages"), [("[ ] ", 2), ("", 1)])
def test_a_list_to_tick_off_begins_where_there_is_room_and_text_to_paste_stays_whole(sign, pages):
    lines = [f"{sign}menu: option {place} = 1 s" for place in range(28)]
    # So many that two thirds of the list have room below them.
    blocks = [Heading("h"), *[Paragraph("filler")] * 72, Text("to enter", "\n".join(lines))]

    log = drawn([[Heading("first")], blocks], imprint(trio()))[1]

    assert len({piece.page for piece in log.pieces if "option" in piece.text}) == pages


def test_what_needs_more_than_a_page_begins_where_nearly_half_a_page_is_left():
    filler = [Paragraph("filler")] * 20
    long = [Heading("own page", 2, new_page=True), *[Paragraph("more")] * 70]

    log = drawn([[Heading("first")], [Heading("g")], [Heading("h"), *filler, *long]], imprint(trio()))[1]

    own = {piece.page for piece in log.pieces if piece.text == "own page"}
    assert own <= {piece.page for piece in log.pieces if piece.text == "filler"}
