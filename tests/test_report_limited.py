"""On page 1 a limit stands beside the figure that crossed it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import trio

from analyzer.contract import Area, Evidence, Finding, Limit, Scope, Sense, Status, Subject
from analyzer.words import certainly
from reports.contract import Paragraph
from reports.sections import verdict

WRITES = Limit("commit", "s", 0.010, 0.020, Sense.AT_MOST, "a test")
FREE = Limit("free", "ratio", 0.20, 0.05, Sense.AT_LEAST, "a test")
NONE = Limit("jumps", "1", 0.0, None, Sense.AT_MOST, "a test")


def why(message, *evidence, area=Area.HOST, status=Status.FAIL):
    """The one reason of page 1."""
    found = Finding("r", "R", area, Subject(Scope.NODE, "sip-a"), status, message, evidence)
    told = replace(trio(), findings=(found,), reasons=(f"{message} Also failed: sip-b.",))
    texts = [block.text for block in verdict.SECTION.build(told) if isinstance(block, Paragraph)]
    return next(text for text in texts if text.startswith("1. ")).replace("Warning: ", "")


@pytest.mark.parametrize(
    ("message", "evidence", "shown", "status"),
    [
        (
            "Done within 63.9 ms of 1063.9 ms.",
            Evidence("p99", 0.0639, "s", WRITES),
            "within 63.9 ms (limit 20 ms) of",
            Status.FAIL,
        ),
        ("Done within 12 ms.", Evidence("p99", 0.012, "s", WRITES), "within 12 ms (limit 10 ms).", Status.WARN),
        ("It has 3.13 % free.", Evidence("free", 0.0313, "ratio", FREE), "has 3.13 % (limit 5 %) free", Status.FAIL),
    ],
)
def test_a_figure_beyond_its_limit_has_the_limit_it_crossed_beside_it(message, evidence, shown, status):
    assert shown in why(message, evidence, status=status)


def test_the_limit_of_an_outage_stands_beside_the_part_of_it_that_is_certain():
    limit = Limit("longest outage", "s", 1.0, 10.0, Sense.AT_MOST, "a test")
    message = f"Path a>b/ch1 had 3 outages, the longest of {certainly(25.4, 25.2, limit)}."
    judged = Evidence("longest outage, less one probe period", 25.2, "s", limit)
    assert "the longest of 25.4 s, 25.2 s (limit 10 s) for certain." in why(message, judged, area=Area.NETWORK)


@pytest.mark.parametrize(
    ("message", "evidence", "area"),
    [
        ("Done within 8 ms.", Evidence("p99", 0.008, "s", WRITES), Area.HOST),
        ("Done within 12 ms.", Evidence("p99", 0.030, "s", WRITES), Area.HOST),
        pytest.param(
            "Done within 12 ms.", Evidence("p99", 0.012, "s", WRITES), Area.HOST, id="only warns, beside a failure"
        ),
        ("It jumped 3 times.", Evidence("jumps", 3.0, "1", NONE), Area.HOST),
        ("Recorded for 15 ms only.", Evidence("length", 0.015, "s", WRITES), Area.DATA),
    ],
)
def test_no_limit_stands_beside_a_figure_that_is_none_of_it(message, evidence, area):
    assert "(limit" not in why(message, evidence, area=area)
