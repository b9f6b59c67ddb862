"""Figures in the analyzer's sentences: one way for digits, thousands and units."""

from __future__ import annotations

import pytest

from analyzer import words
from collector.errors import printable


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (words.count(1036), "1036"),
        (words.count(283_729), "283 729"),
        (words.count(9999.7), "10 000"),
        (words.figure(46.29), "46.3"),
        (words.figure(1036.4), "1036"),
        (words.figure(9.999), "10"),
        (words.figure(-0.01237), "-0.0124"),
        (words.figure(0.0), "0"),
        (words.figure(3e-12), "3e-12"),
        (words.figure(float("inf")), "inf"),
        (words.seconds(0.001837), "1.84 ms"),
        (words.seconds(0.9999), "1 s"),
        (words.seconds(0.0), "0 s"),
        (words.bits(46.29e6), "46.3 Mbit/s"),
        (words.bits(999.9e6), "1 Gbit/s"),
        (words.quantity(46.29e6, "bit/s"), "46.3 Mbit/s"),
        (words.quantity(1e9, "bit/s"), "1 Gbit/s"),
        (words.quantity(0.25, "B/s"), "0.25 B/s"),
        (words.quantity(42.78, "1/s"), "42.8 /s"),
        (words.quantity(890.0, "s"), "14.8 min"),
        (words.quantity(None, "s"), "none"),
        (words.share(0.000944), "0.0944 %"),
        (words.memory(31.6 * 2**30), "31.6 GiB"),
        (words.memory(40 * 2**20), "40 MiB"),
    ],
)
def test_three_digits_and_one_way_to_part_thousands(shown, expected):
    assert shown == expected


def test_grouped_thousands_can_be_printed_on_a_terminal():
    assert printable(words.count(283_729)) == "283 729"
