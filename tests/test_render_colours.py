"""Colour is never the only sign: what differs in colour differs in shape, and all of it can be read in grey and by colour-blind readers."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from reportlab.lib.colors import Color, HexColor, white

from analyzer.contract import Status
from reports.contract import Band, Chart, Mark, Tone
from reports.render import style
from reports.render.charts import GRID, _draw_band
from reports.render.layers import LAYERS
from reports.render.legend import FILL, FILL_EDGE, LOOKS, MARKS, OUTLINE, SHADE_COLOUR, SHADE_FOOT, signs
from reports.render.style import STATUSES, TONES
from reports.render.topology import STROKES

DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
"""Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB."""

EYES = {"ordinary": np.eye(3), "deuteranopia": DEUTERANOPIA, "protanopia": PROTANOPIA}

READABLE = 4.5
"""WCAG 2.2, 1.4.3: contrast of text at ordinary size."""
VISIBLE = 3.0
"""WCAG 2.2, 1.4.11: contrast of what is needed to understand a picture."""


def linear(colour: Color) -> np.ndarray:
    rgb = np.array([colour.red, colour.green, colour.blue])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(colour: Color, eyes: np.ndarray) -> float:
    return float(np.clip(eyes @ linear(colour), 0, 1) @ [0.2126, 0.7152, 0.0722])


def contrast(one: Color, other: Color, eyes: np.ndarray = EYES["ordinary"]) -> float:
    low, high = sorted((luminance(one, eyes), luminance(other, eyes)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("eyes", EYES.values(), ids=EYES)
@pytest.mark.parametrize("shade", [*STATUSES.values(), *TONES.values()], ids=lambda shade: shade.word)
def test_the_words_of_every_result_are_readable_on_their_tint(shade, eyes):
    # Contrast is of luminance, which is what grey print leaves.
    assert contrast(shade.dark, shade.tint, eyes) >= READABLE
    assert contrast(shade.dark, white, eyes) >= READABLE


@pytest.mark.parametrize("eyes", EYES.values(), ids=EYES)
def test_ordinary_text_is_readable_on_every_ground_it_stands_on(eyes):
    for ink in (style.INK, style.NAVY, style.MUTED):
        for ground in (white, style.HEADER, style.PANEL):
            assert contrast(ink, ground, eyes) >= READABLE


@pytest.mark.parametrize("eyes", EYES.values(), ids=EYES)
def test_every_line_and_mark_is_seen_on_white_and_on_a_shade(eyes):
    for colour in (*(HexColor(look[0]) for look in LOOKS), *(HexColor(mark[0]) for mark in MARKS)):
        assert contrast(colour, white, eyes) >= VISIBLE
        assert contrast(colour, SHADE_COLOUR, eyes) >= 2.2


def test_every_result_has_its_own_glyph_and_word():
    assert len({shade.glyph for shade in STATUSES.values()}) == len(Status)
    assert len({shade.word for shade in STATUSES.values()}) == len(Status)
    assert len({shade.glyph for shade in TONES.values()}) == len(Tone)


def test_lines_differ_without_their_colour():
    shapes = [(dash, marker) for _, dash, marker in LOOKS]

    assert len(set(shapes)) == len(LOOKS)
    assert len({(marker, filled) for _, marker, filled, _ in MARKS}) == len(MARKS)
    assert len({glyph for *_, glyph in MARKS}) == len(MARKS)


def test_the_foot_of_a_shade_is_told_from_the_grid_and_from_the_page_by_every_reader():
    for eyes in EYES.values():
        assert contrast(SHADE_FOOT, white, eyes) >= VISIBLE
        assert contrast(SHADE_FOOT, GRID, eyes) >= VISIBLE


def test_what_happened_to_a_third_and_a_fourth_machine_has_no_sign_of_the_network():
    marks = [Mark(0.0, 0.0, "outage"), *(Mark(0.0, 0.0, f"node {place}", machine=True) for place in range(4))]

    glyphs = {label: MARKS[sign][-1] for label, sign in signs(marks).items()}

    assert glyphs["outage"] == "\N{BLACK DOWN-POINTING TRIANGLE}"
    assert glyphs["node 2"] == "\N{BLACK SQUARE}"
    assert glyphs["node 3"] == "\N{WHITE DIAMOND}"
    assert len(set(glyphs.values())) == 5


def test_the_two_directions_of_a_path_differ_in_grey_too():
    """They lie on each other in every chart, so dash alone is not enough where they are bands."""
    one, other = (HexColor(look[0]) for look in LOOKS[:2])

    for eyes in EYES.values():
        assert contrast(one, other, eyes) >= 2.0


def test_links_of_the_drawing_differ_by_their_stroke_where_their_results_do():
    """Pass, info and fail are full lines of other widths or with other words; all that is in doubt is broken."""
    judged = {status: stroke for status, stroke in STROKES.items() if status not in {Status.INFO, None}}

    for (one, left), (other, right) in combinations(judged.items(), 2):
        assert left != right, (one, other)


def test_neighbouring_lines_of_a_chart_differ_for_every_reader():
    for eyes in EYES.values():
        for (one, *first), (other, *second) in pairwise(LOOKS):
            differs = contrast(HexColor(one), HexColor(other), eyes) >= 1.25
            assert differs or first != second


def test_layers_that_lie_on_each_other_are_far_apart_in_grey_and_for_every_reader():
    """Print makes dark tones alike, so neighbours are a dark and a light one; any two differ, and the uppermost is seen on the page."""
    for eyes in EYES.values():
        assert min(contrast(HexColor(one), HexColor(other), eyes) for one, other in pairwise(LAYERS)) >= 3.0
        assert min(contrast(HexColor(one), HexColor(other), eyes) for one, other in combinations(LAYERS, 2)) >= 1.45
        assert contrast(HexColor(LAYERS[-1]), white, eyes) >= 1.3


def tint(colour: str) -> Color:
    """What a band filled with the colour is on white."""
    return Color(*(1 - FILL * (1 - part) for part in HexColor(colour).rgb()))


def test_the_outline_of_one_spread_is_seen_on_the_tint_of_the_next_for_every_reader():
    for eyes in EYES.values():
        for (one, *_), (other, *_) in pairwise(LOOKS[:2]):
            assert contrast(HexColor(one), tint(other), eyes) >= VISIBLE
        for look in LOOKS:
            assert contrast(tint(look[0]), white, eyes) >= 1.4
        assert contrast(tint(LOOKS[1][0]), SHADE_COLOUR, eyes) >= 1.15


def drawn_bands(*bands: Band) -> list[tuple[bool, float]]:
    """Of every spread whether it is filled, and the width of its edge."""
    chart = Chart("t", "x", "y", bands)
    axes = Figure().add_axes((0, 0, 1, 1))
    for place, band in enumerate(bands):
        _draw_band(axes, band, place, chart)
    return [
        (patch.get_fill(), patch.get_linewidth())
        for patch in axes.patches
        if isinstance(patch, StepPatch) and patch.get_data().baseline is not None
    ]


def test_of_two_spreads_on_each_other_one_is_an_outline_and_the_other_a_tint():
    x = (0.0, 1.0, 2.0)
    one, other = (Band(name, x, x, x, (3.0, 3.0, 3.0)) for name in "ab")
    line = Band("line", x, x)

    assert drawn_bands(one) == [(True, FILL_EDGE)]
    assert drawn_bands(line, one) == [(True, FILL_EDGE)]
    assert drawn_bands(one, other) == [(False, OUTLINE), (True, FILL_EDGE)]
    assert drawn_bands(line, one, other) == [(False, OUTLINE), (True, FILL_EDGE)]


def test_of_three_lines_that_are_the_same_all_the_time_each_shows_beneath_the_next():
    def widths(count: int) -> list[float]:
        bands = tuple(Band(str(place), (0.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)) for place in range(count))
        axes = Figure().add_axes((0, 0, 1, 1))
        for place, band in enumerate(bands):
            _draw_band(axes, band, place, Chart("t", "x", "y", bands))
        return [patch.get_linewidth() for patch in axes.patches if patch.get_data().baseline is None]

    assert widths(3) == sorted(set(widths(3)), reverse=True)
    assert len(set(widths(2))) == 1
