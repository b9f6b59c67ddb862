"""A stack of shares is drawn true: layers add up, nothing unknown is taken for zero, and damage draws nothing wrong."""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import replace
from typing import Any

import pytest
from layout_log import CHECKS, drawn
from matplotlib.figure import Figure
from report_fixtures import trio

from reports.build import imprint
from reports.contract import Band, Block, Chart, Heading, Mark, Pin, Stack
from reports.render.charts import _scale
from reports.render.layers import LAYERS, rungs, tops
from reports.render.pdf import render
from reports.render.thinning import MOST, averaged
from reports.sections import network, nodes

X = (0.0, 1.0, 2.0)


def chart(*layers: Band, lines: tuple[Band, ...] = ()) -> list[list[Block]]:
    return [[Heading("h"), Chart("t", "x", "%", lines, half=True, stack=Stack(layers, 100.0))]]


def test_each_layer_begins_where_the_one_below_ends():
    edges, heights = tops(Stack((Band("a", X, (10.0, 20.0, 30.0)), Band("b", X, (5.0, 0.0, 70.0))), 100.0))

    assert edges.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert [row.tolist() for row in heights] == [[10.0, 20.0, 30.0], [15.0, 20.0, 100.0]]


@pytest.mark.parametrize("odd", [None, math.nan, math.inf, -1.0, 150.0, 1e308])
def test_a_bin_of_which_a_layer_is_not_known_is_a_gap_of_the_whole_stack(odd):
    _, heights = tops(Stack((Band("a", X, (10.0, 20.0, 30.0)), Band("b", X, (5.0, odd, 1.0))), 100.0))

    assert [[math.isnan(value) for value in row] for row in heights] == [[False, True, False]] * 2


def test_a_layer_of_fewer_bins_leaves_a_gap():
    _, heights = tops(Stack((Band("a", X, (10.0, 20.0, 30.0)), Band("b", X[:1], (5.0,))), 100.0))

    assert [math.isnan(value) for value in heights[1]] == [False, True, True]


def test_shares_that_add_up_to_more_than_the_whole_end_there():
    _, heights = tops(Stack((Band("a", X, (60.0, 1.0, 1.0)), Band("b", X, (60.0, 1.0, 1.0))), 100.0))

    assert heights[1][0] == 100.0


def test_layers_are_thinned_to_means_so_that_they_still_add_up():
    count = 3 * MOST
    x = tuple(map(float, range(count)))
    one = averaged(Band("a", x, tuple(float(place % 3) for place in range(count))))
    other = averaged(Band("b", x, tuple(10.0 - place % 3 for place in range(count))))

    assert len(one.x) == len(one.mid) == MOST
    assert one.x == other.x == x[::3]
    assert [low + high for low, high in zip(one.mid, other.mid, strict=True)] == pytest.approx([10.0] * MOST)


def test_the_page_has_every_layer_in_its_colour_and_the_line_over_them():
    layers = tuple(Band(f"layer {place}", X, (10.0, 20.0, 15.0)) for place in range(len(LAYERS)))
    document = render(chart(*layers, lines=(Band("most", X, (90.0, 95.0, 99.0)),)), imprint(trio()))
    pages = b"".join(zlib.decompress(part) for part in re.findall(rb"stream\r?\n(x.*?)endstream", document, re.DOTALL))
    filled = {
        tuple(round(255 * float(value)) for value in match.split()[:3])
        for match in re.findall(rb"[.\d]+ [.\d]+ [.\d]+ rg", pages)
    }

    assert filled >= {tuple(bytes.fromhex(layer[1:])) for layer in LAYERS}


@pytest.mark.parametrize(
    "layers",
    [
        (Band("one", (0.0,), (5.0,)),),
        (Band("one", (), ()),),
        (Band("one", X, (None, None, None)),),
        (Band("one", (math.nan, 1.0, 2.0), (1.0, 2.0, 3.0)), Band("two", X, (1.0, 2.0, 3.0))),
        (Band("one", (math.inf, 1.0, 2.0), (1.0, 2.0, 3.0)),),
        tuple(Band(f"layer {place} {'w' * 60}", X, (1.0, 2.0, 3.0)) for place in range(9)),
    ],
)
def test_odd_layers_break_no_page(layers):
    lines = (Band("most", layers[0].x, layers[0].mid),)
    log = drawn(chart(*layers, lines=lines), imprint(trio()))[1]

    assert [check(log) for check in CHECKS if check.__name__ != "unreferenced"] == [[]] * (len(CHECKS) - 1)


def test_plots_beside_each_other_are_level_whatever_stands_above_them():
    def half(title: str, label: str, **more: Any) -> Chart:
        return Chart(title, f"{label} x", label, (Band("a", X, X), Band("b" * 30, X, X)), half=True, **more)

    pair = (
        half("short", "one"),
        half("a title that needs two lines " * 2, "two", pins=(Pin(1.0, "1"),), marks=(Mark(1.0, 0.1, "m" * 60),)),
    )
    log = drawn([[Heading("h"), *pair]], imprint(trio()))[1]
    at = {piece.text: piece.y0 for piece in log.pieces}

    assert at["one"] == pytest.approx(at["two"])
    assert at["one x"] == pytest.approx(at["two x"])


def test_the_time_axis_ends_with_the_run_and_cuts_no_bin_that_begins_in_it():
    layer = Band("a", (0.0, 1.0, 2.0), (1.0, 2.0, 3.0))
    chart = Chart("t", "x", "y", (Band("b", layer.x, layer.mid, layer.mid, layer.mid),), half=True)

    def reach(drawn_chart: Chart) -> float:
        axes = Figure().add_axes((0, 0, 1, 1))
        _scale(axes, drawn_chart)
        return axes.get_xlim()[1]

    assert reach(chart) == 3.0
    assert reach(replace(chart, end=2.25)) == 2.25
    assert reach(replace(chart, stack=Stack((layer,), 100.0), end=2.25)) == 2.25
    # Only a damaged assessment ends before what it holds begins, or long after.
    assert reach(replace(chart, end=1.5)) == reach(replace(chart, end=9.0)) == 3.0


@pytest.mark.parametrize("section", [nodes, network])
def test_every_chart_over_time_knows_where_the_run_ends(section):
    charts = [block for block in section.SECTION.build(trio()) if isinstance(block, Chart) and not block.log_x]

    assert charts
    for chart in charts:
        assert chart.end in {trio().duration_s / size for size in (1.0, 60.0, 3600.0)}


def test_the_stolen_layer_has_light_rungs_that_tell_it_from_the_kernels_in_grey():
    x = (0.0, 1.0, 2.0)
    shares = ((10.0,) * 3, (20.0,) * 3, (0.5,) * 3, (0.1, 30.0, 40.0))
    edges, heights = tops(Stack(tuple(Band(str(place), x, mid) for place, mid in enumerate(shares)), 100.0))

    assert rungs(edges, heights, 2.0) == [(1.5, 30.5, 60.5), (2.5, 30.5, 70.5)]
    assert rungs(edges, heights[:3], 2.0) == []


def test_the_rungs_are_on_the_page_and_in_the_legend():
    def rungs_of(count: int) -> int:
        layers = tuple(Band(f"layer {place}", X, (10.0, 20.0, 15.0)) for place in range(count))
        document = render(chart(*layers), imprint(trio()))
        parts = re.findall(rb"stream\r?\n(x.*?)endstream", document, re.DOTALL)
        return b"".join(map(zlib.decompress, parts)).count(b"1 1 1 RG")

    assert rungs_of(4) == 2
    assert rungs_of(3) == 0
