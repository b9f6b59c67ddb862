"""Letters: what no face has is written out, and right-to-left names are set as they are seen."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace

import pytest
from report_fixtures import trio

from reports.build import build, imprint
from reports.contract import Band, Chart, Heading, Paragraph, Table, Text
from reports.render.glyphs import BOLD, MONO, REGULAR, clean, covered
from reports.render.pdf import render


def words(document, tmp_path):
    (tmp_path / "r.pdf").write_bytes(document)
    done = subprocess.run(
        ["pdftotext", "-raw", str(tmp_path / "r.pdf"), "-"], check=True, capture_output=True, encoding="utf-8"
    )
    return " ".join(done.stdout.split())


def test_the_faces_have_all_of_latin_and_the_scripts_that_the_readme_names():
    blocks = [(0x20, 0x7F), (0xA0, 0x180), (0x1E00, 0x1EFA)]
    latin = {chr(point) for first, end in blocks for point in range(first, end)} - {"\xad"}

    assert latin <= covered(REGULAR)
    assert latin <= covered(BOLD)
    assert clean("".join(sorted(latin))).count("<U+") == 0
    for word in ("Αθήνα", "Северный", "Երևան", "თბილისი"):
        assert clean(word) == word
        assert set(word) <= covered(MONO)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("日本-sip", "<U+65E5 U+672C>-sip"),
        ("ไทย", "<U+0E44 U+0E17 U+0E22>"),
        ("\N{BEER MUG}", "<U+1F37A>"),
        ("a\u200bb", "a<U+200B>b"),
        ("a\u202eb", "a<U+202E>b"),
        ("e\u0301", "é"),
        ("\ud800\x00", "\N{REPLACEMENT CHARACTER}" * 2),
        ("a\tb\r\nc", "a    b\nc"),
    ],
)
def test_what_no_face_has_is_its_number_and_never_a_box(text, shown):
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\u05e9\u05e8\u05ea-1", "\u05ea\u05e8\u05e9-1"),
        ("a (\u05e9\u05e8\u05ea)", "a (\u05ea\u05e8\u05e9)"),
        ("\u05e9\u05b8\u05dc", "\u05dc\u05e9\u05b8"),
        # Lam and alef are one letter, and seen joins it: sin initial, lam-alef final, mim alone.
        ("\u0633\u0644\u0627\u0645", "\ufee1\ufefc\ufeb3"),
        ("\u05d0\u05d1 \u05d2\u05d3 x", "\u05d3\u05d2\N{NO-BREAK SPACE}\u05d1\u05d0 x"),
    ],
)
def test_right_to_left_letters_are_turned_and_joined(text, seen):
    assert clean(text) == seen


def test_a_long_right_to_left_text_is_turned_word_by_word_so_that_its_lines_keep_their_order():
    word = "\u05d0\u05d1\u05d2"

    assert clean(" ".join([word] * 40)) == " ".join([word[::-1]] * 40)


def test_a_reader_of_the_page_gets_the_name_as_it_was_written(tmp_path):
    hebrew, arabic = "\u05e9\u05e8\u05ea", "\u0633\u0644\u0627\u0645"
    blocks = [Heading("h"), Paragraph(f"one {hebrew} two"), Table(("a",), ((arabic,),), (1,))]

    told = words(render([blocks], imprint(trio())), tmp_path)

    # What joins two words for the eye is no part of them: normal forms are compared.
    assert hebrew in told or hebrew[::-1] in told
    assert "one" in told


def test_other_scripts_are_told_in_charts_titles_and_text_to_paste(tmp_path):
    name = "\N{CJK UNIFIED IDEOGRAPH-65E5}"
    chart = Chart(
        f"t{name}", f"x{name}", f"y{name}", tuple(Band(f"b{n}{name}", (0.0, 1.0), (0.0, 1.0)) for n in (1, 2))
    )

    told = words(
        render([[Heading(f"h{name}"), chart, Text(f"s{name}", f"p{name}")]], replace(imprint(trio()), cluster=name)),
        tmp_path,
    )

    for letter in ("t", "x", "y", "b1", "h", "s", "p"):
        assert f"{letter}<U+65E5>" in told, letter


def test_text_to_paste_borrows_what_the_fixed_width_face_lacks_and_is_folded_all_the_same(tmp_path):
    letter = next(iter(sorted((covered(REGULAR) & covered(BOLD)) - covered(MONO) & set("ếờữ"))))
    lines = [letter * 5, f"a{letter * 500}z"]

    told = words(render([[Heading("h"), Text("t", "\n".join(lines))]], imprint(trio())), tmp_path)

    assert letter * 5 in told
    assert "".join(told.split()).replace("\N{LEFTWARDS ARROW WITH HOOK}", "").count(letter) == 505


def test_bookmarks_and_metadata_keep_the_letters_because_the_viewer_draws_them(tmp_path):
    title = "\N{CJK UNIFIED IDEOGRAPH-65E5} \u05e9\u05e8"

    document = render([[Heading("h"), Heading(title, 2)]], replace(imprint(trio()), cluster=title))

    (tmp_path / "r.pdf").write_bytes(document)
    told = [
        subprocess.run([*command, str(tmp_path / "r.pdf")], check=True, capture_output=True, encoding="utf-8").stdout
        for command in (["pdftohtml", "-xml", "-i", "-stdout"], ["pdfinfo"])
    ]
    assert f">{title}</item>" in told[0]
    assert re.search(rf"Title:.*: {title}\n", told[1])


def test_every_fixed_text_of_the_report_is_drawn_as_it_is_written():
    for _, blocks in build(trio()):
        for block in blocks:
            if isinstance(block, Heading | Paragraph):
                assert clean(block.text) == block.text
