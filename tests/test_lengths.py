"""Lengths of time as people say them."""

from __future__ import annotations

import pytest

from analyzer.lengths import about, lasted


@pytest.mark.parametrize(
    ("length_s", "text", "guess"),
    [
        (0.25, "250 ms", "250 ms"),
        (119.0, "119 s", "119 s"),
        (890.0, "14 min 50 s", "15 min"),
        (900.0, "15 min", "15 min"),
        (3599.6, "1 h", "1 h"),
        (5926.0, "1 h 39 min", "1 h 40 min"),
        (7200.0, "2 h", "2 h"),
        (86400.0, "24 h", "24 h"),
        (5 * 86400.0, "5 days", "5 days"),
    ],
)
def test_a_length_has_two_units_at_most_and_a_guess_fewer_digits(length_s, text, guess):
    assert (lasted(length_s), about(length_s)) == (text, guess)
