"""Charts of any assessment are bounded, and no extreme is lost on the way."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from report_fixtures import trio

from reports.build import imprint
from reports.contract import Band, Chart, Heading
from reports.render.pdf import render
from reports.render.thinning import MOST, thinned

VALUES = st.lists(st.none() | st.floats(-1e9, 1e9), min_size=1, max_size=3000).map(tuple)


def known(values):
    return [value for value in values if value is not None]


@given(VALUES)
def test_a_line_keeps_its_extremes_and_its_order_in_no_more_points_than_a_chart_shows(values):
    made = thinned(Band("b", tuple(map(float, range(len(values)))), values))

    assert len(made.x) == len(made.mid) <= MOST
    assert list(made.x) == sorted(made.x)
    assert (min(known(made.mid), default=None), max(known(made.mid), default=None)) == (
        min(known(values), default=None),
        max(known(values), default=None),
    )


@given(VALUES)
def test_a_band_keeps_its_lowest_and_its_highest(values):
    high = tuple(None if value is None else value + 1 for value in values)
    made = thinned(Band("b", tuple(map(float, range(len(values)))), values, values, high))

    assert len(made.x) == len(made.mid) == len(made.low) == len(made.high) <= MOST
    assert min(known(made.low), default=None) == min(known(values), default=None)
    assert max(known(made.high), default=None) == max(known(high), default=None)


def test_a_stretch_without_values_stays_a_gap():
    made = thinned(Band("b", tuple(map(float, range(4800))), (1.0,) * 2000 + (None,) * 800 + (1.0,) * 2000))

    assert None in made.mid
    assert made.mid[0] == made.mid[-1] == 1.0


def test_what_fits_is_left_as_it_is():
    band = Band("b", tuple(map(float, range(MOST))), (1.0,) * MOST)

    assert thinned(band) is band


def test_a_day_of_single_probes_makes_no_larger_page_than_its_bins():
    def size(count):
        x = tuple(place / count for place in range(count))
        mid = tuple(1 + math.sin(place / 7) for place in range(count))
        band = Band("b", x, mid, tuple(value / 2 for value in mid), tuple(value * 2 for value in mid))
        return len(render([[Heading("h"), Chart("t", "x", "y", (band,))]], imprint(trio())))

    assert size(100_000) < size(MOST) * 1.2


def test_rows_of_other_lengths_are_cut_or_told_as_absent():
    made = thinned(Band("b", (0.0, 1.0), (1.0,), (0.5, 0.5, 0.5), (2.0,)))

    assert (made.mid, made.low, made.high) == ((1.0, None), (0.5, 0.5), (2.0, None))
    assert render([[Heading("h"), Chart("t", "x", "y", (made,))]], imprint(trio()))
