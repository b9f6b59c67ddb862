"""No line of the page ends between a number and its unit, and a broken row says what it is."""

from __future__ import annotations

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.platypus import Paragraph

from analyzer.contract import Status
from reports.contract import Table, Text
from reports.render import tables
from reports.render.breaks import Continued
from reports.render.glyphs import FACES, MONO, face_of
from reports.render.style import BODY, CELL, glued, markup

NBSP = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def faces():
    for face in FACES:
        pdfmetrics.registerFont(face_of(face))


def test_text_to_paste_stays_as_it_is_typed():
    shown = [part.text for part in tables.literal(Text("Enter", "wait 10 s\n"), 400.0, 400.0) if hasattr(part, "text")]
    assert "wait 10 s" in shown


@pytest.mark.parametrize(
    "text",
    [
        "100 %", "0 s", "500 ms", "5 µs", "5 us", "15 min", "3 h", "2 d", "9 B", "4 kB", "5 MB", "2 GB", "5 KiB", "64 MiB",
        "31.6 GiB", "8 bit/s", "456 kbit/s", "46.3 Mbit/s", "1 Gbit/s", "50 Hz", "3 GHz", "42.8 /s", "105 kB/s", "20 ppm",
    ],
)  # fmt: skip
def test_a_unit_stays_with_its_number(text):
    assert glued(f"({text}), at {text}.") == f"({text.replace(' ', NBSP)}), at {text.replace(' ', NBSP)}."


@pytest.mark.parametrize("text", ["in 3 hours", "of 2 such", "ch1 public", "2 dogs", "to 5 sip-a", "12 min/max", "a s"])
def test_words_that_begin_like_a_unit_are_no_unit(text):
    assert glued(text) == text


def test_thousands_stay_together():
    assert glued("268 errors in 1 283 729 packets") == f"268 errors in 1{NBSP}283{NBSP}729 packets"


def test_no_width_tears_a_number_from_its_unit():
    text = "At 95 % confidence that takes 15 min, 500 ms or 283 729 packets at 46.3 Mbit/s, 100 % of all."
    for width in range(70, 300, 3):
        paragraph = Paragraph(markup(text), BODY)
        paragraph.wrap(width, 1000)
        lines = [" ".join(line[1]) for line in paragraph.blPara.lines]
        assert not [line for line in lines if line.split(" ")[-1].strip(".,").isdigit()], (width, lines)


def test_a_column_is_wide_enough_for_a_number_with_its_unit():
    block = Table(("A", "B"), (("word " * 60, "12 345 Mbit/s"),), (99, 1))

    _, narrow = tables._widths(block, titled=True, width=200.0)

    paragraph = Paragraph(markup("12 345 Mbit/s"), CELL)
    paragraph.wrap(narrow - 2 * tables.PADDING, 1000)
    assert len(paragraph.blPara.lines) == 1


def test_a_broken_row_without_a_sign_is_named_beside_where_the_signs_stand():
    words = " ".join(f"word{place}" for place in range(900))
    block = Table(("Check", "Evidence"), (("signed", "short"), ("bare", words)), (20, 80), statuses=(Status.PASS, None))
    grid = next(part for part in tables.table(block, 400.0, 400.0) if isinstance(part, Continued))

    rest = grid.split(400.0, 200.0)[1].split(400.0, 200.0)[1]

    assert rest._cellvalues[1][0] == ""
    assert rest._cellvalues[1][1].text == "bare (cont.)"


def texts(cell):
    return [line.text.replace("\N{NO-BREAK SPACE}", " ") for line in cell]


@pytest.mark.parametrize("lacking", [0.5, 1, 2, 3, 5, *range(8, 240, 7)])
def test_a_row_is_broken_between_its_lines_and_goes_on_with_something(lacking):
    lines = [f"path {place}: " + "silence 12 ms; " * 9 for place in range(16)]
    block = Table(("Check", "Evidence"), (("first", "short"), ("check", "\n".join(lines))), (20, 80))
    grid = next(part for part in tables.table(block, 400.0, 400.0) if isinstance(part, Continued))
    free = grid.wrap(400.0, 400.0)[1] - lacking

    above, below = grid.split(400.0, free)

    kept = texts(above._cellvalues[-1][1])
    if kept == ["short"]:
        kept = []
    else:
        assert below._cellvalues[1][0].text == "check (cont.)"
    assert [*kept, *texts(below._cellvalues[1][1])] == [line.strip() for line in lines]
    assert len(kept) < len(lines)
    assert above.wrap(400.0, free)[1] <= free


def test_a_row_that_says_itself_that_it_goes_on_says_so_once():
    block = Table(("Check", "Evidence"), (("check (cont.)", "\n".join(["word " * 30] * 20)),), (20, 80))
    grid = next(part for part in tables.table(block, 400.0, 400.0) if isinstance(part, Continued))

    assert grid.split(400.0, 200.0)[1]._cellvalues[1][0].text == "check (cont.)"


@pytest.mark.parametrize(
    ("text", "shown", "fixed"),
    [
        ("name `data` in the plan", "name data in the plan", "data"),
        (
            "Look at `ip route get 10.0.0.1`, `lsof`.",
            "Look at ip route get 10.0.0.1, lsof.",
            "ip route get 10.0.0.1lsof",
        ),
        ("`<b>&` is no tag", "<b>& is no tag", "<b>&"),
        ("a ` b, and ``c``: ` d `", "a ` b, and ``c``: ` d `", ""),
    ],
)
def test_what_stands_between_backticks_is_set_in_the_fixed_width_face(text, shown, fixed):
    frags = Paragraph(markup(text), CELL).frags

    assert "".join(frag.text for frag in frags) == shown
    assert "".join(frag.text for frag in frags if frag.fontName == MONO) == fixed
    assert all(frag.fontSize < CELL.fontSize for frag in frags if frag.fontName == MONO)
