"""Figures in the analyzer's sentences, and in the report around them: one way for digits, thousands and units."""

from __future__ import annotations

import pytest

from analyzer import words
from collector.errors import printable
from reports import figures


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
        (words.figure(-0.0), "0"),
        (words.share(2.6e-16), "nearly 0 %"),
        (words.figure(3e-12), "3e-12"),
        (words.figure(float("inf")), "inf"),
        (words.quantity(0.25, "B/s"), "0.25 B/s"),
        (words.quantity(890.0, "s"), "14.8 min"),
        (words.quantity(None, "s"), "none"),
        (words.share(0.000944), "0.0944 %"),
        (words.memory(40 * 2**20), "40 MiB"),
    ],
)
def test_three_digits_and_one_way_to_part_thousands(shown, expected):
    assert shown == expected


@pytest.mark.parametrize("written", [words, figures], ids=["analyzer", "report"])
def test_the_report_writes_figures_as_the_sentences_in_it_do(written):
    assert [written.seconds(value) for value in (0.001837, 0.9999, 0.0)] == ["1.84 ms", "1 s", "0 s"]
    assert [written.bits(value) for value in (46.29e6, 999.9e6)] == ["46.3 Mbit/s", "1 Gbit/s"]
    assert [written.quantity(1e9, "bit/s"), written.quantity(42.78, "1/s")] == ["1 Gbit/s", "42.8 /s"]
    assert written.memory(31.6 * 2**30) == "31.6 GiB"


def test_grouped_thousands_can_be_printed_on_a_terminal():
    assert printable(words.count(283_729)) == "283 729"
