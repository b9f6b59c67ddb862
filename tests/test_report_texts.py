"""All texts of the report's own come from one catalogue, so that another language is one file."""

from __future__ import annotations

import re
import string
import subprocess
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum, StrEnum
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import pytest
from report_fixtures import ALL, bad, trio

from collector.errors import OperatorError
from reports import figures
from reports.build import build, imprint
from reports.commands import COMMANDS, Look, write_report
from reports.texts import Language, say, several, speaking, spoken
from reports.texts.catalogue import FOLDER, Entry, entries, language
from reports.texts.template import template

KEPT = frozenset({"unit", "origin", "created", "started", "state", "phase", "id"})
"""Fields whose words decide what is said; no reader sees them as they are."""

MASK = str.maketrans({letter: chr(0x410 + place) for place, letter in enumerate(string.ascii_letters)})

SYMBOLS = frozenset(
    {"ms", "min", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "bit", "kbit", "Mbit", "Gbit", "UTC"}
)
"""What is written alike in every language."""

HEADER = 'msgid ""\nmsgstr ""\n"Language: xx\\n"\n"Plural-Forms: nplurals=2; plural=n != 1;\\n"\n\n'


def wrapped(text: str) -> str:
    """The text with brackets around all but its fields."""
    return re.sub(r"(\{[^{}]*\})|([^{}]+)", lambda found: found[1] or f"⟦{found[2]}⟧", text)


class Bracketed(NullTranslations):
    """A language in which every text of the catalogue is in brackets, and no other."""

    def __init__(self) -> None:
        super().__init__()
        found = [entry for entry in entries(template(), Path("haready.pot")) if entry.text]
        self._known = {text for entry in found for text in (entry.text, entry.plural)}

    def gettext(self, message: str) -> str:
        return wrapped(message) if message in self._known else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@pytest.fixture(scope="module")
def brackets() -> Language:
    return Language("qps", Bracketed())


def masked(value: Any, name: str = "") -> Any:
    """The same assessment with all its words in another script, so that a word in Latin letters is the report's own."""
    if is_dataclass(value):
        return replace(value, **{one.name: masked(getattr(value, one.name), one.name) for one in fields(value)})
    if isinstance(value, tuple):
        return tuple(masked(item, name) for item in value)
    return (
        value.translate(MASK) if isinstance(value, str) and not isinstance(value, Enum) and name not in KEPT else value
    )


UNSEEN = ("targets", "links")
"""Names by which parts of the document find each other; nobody reads them."""


def told(value: Any) -> Iterator[str]:
    """Every text in blocks."""
    if isinstance(value, StrEnum):
        return
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for one in fields(value):
            if one.name not in UNSEEN:
                yield from told(getattr(value, one.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from told(item)


def strangers(text: str) -> list[str]:
    """Words that came from no catalogue."""
    left = re.sub(r"⟦[^⟧]*(⟧|$)|(?m:^haready .*$)", " ", text)
    return [found for found in re.findall(r"[A-Za-z]{2,}", left) if found not in SYMBOLS]


@pytest.mark.parametrize("name", ALL)
def test_every_text_of_every_section_comes_from_the_catalogue(name, brackets):
    assessment = masked(ALL[name]())

    with speaking(brackets):
        sections = [blocks for _, blocks in build(assessment)]
        around = imprint(assessment)

    found = {
        text: strangers(text) for text in (*told(tuple(sections)), *told(replace(around, keywords=(), language="")))
    }
    assert not {text: words for text, words in found.items() if words}


def test_what_stands_around_the_sections_comes_from_the_catalogue_too(tmp_path, brackets):
    write_report(bad(), tmp_path / "report.pdf", Look(language=brackets))

    text = run("pdftotext", "-layout", str(tmp_path / "report.pdf"), "-")
    for word in ("Page", "Result", "Who", "fail", "not judged", "Observers", "Figure", "See figure"):
        assert f"⟦{word}" in text


def test_the_template_is_the_one_of_these_sources():
    """After a change of a text: `make texts`."""
    assert (FOLDER / "haready.pot").read_text(encoding="utf-8") == template()


def test_no_english_text_has_two_plurals():
    found = [entry.text for entry in entries(template(), Path("haready.pot"))]

    assert len(found) == len(set(found)) > 500


def test_the_document_names_its_language(tmp_path):
    write_report(trio(), tmp_path / "usual.pdf")
    write_report(trio(), tmp_path / "other.pdf", Look(language=Language("de-AT")))

    assert b"/Lang (en)" in (tmp_path / "usual.pdf").read_bytes()
    assert b"/Lang (de-AT)" in (tmp_path / "other.pdf").read_bytes()


def test_a_language_holds_only_where_it_is_spoken(brackets):
    with speaking(brackets):
        assert (say("Verdict"), spoken()) == ("⟦Verdict⟧", "qps")
        assert figures.listing(["1", "2"], 1) == "1⟦ and ⟧1⟦ more⟧"

    assert (say("Verdict"), spoken()) == ("Verdict", "en")


# Catalogues


def catalogue(folder: Path, text: str, header: str = HEADER) -> Path:
    path = folder / "xx.po"
    path.write_text(header + text, encoding="utf-8")
    return path


def test_a_file_is_a_language_with_its_own_plurals(tmp_path):
    path = catalogue(
        tmp_path,
        '#: reports/build.py\nmsgid "Report of {moment}"\nmsgstr "Zpráva z "\n"{moment}"\n\n'
        '#~ msgid "old"\n'
        'msgid "{count} path"\nmsgid_plural "{count} paths"\nmsgstr[0] "cesta"\nmsgstr[1] "{count} cesty"\nmsgstr[2] "{count} cest"\n\n'
        '#, fuzzy, python-brace-format\nmsgid "Verdict"\nmsgstr "?"\n\n'
        'msgctxt "elsewhere"\nmsgid "Path"\nmsgstr "?"\n\n'
        'msgid "Network"\nmsgstr ""\n',
        'msgid ""\nmsgstr ""\n"Language: cs_CZ\\n"\n'
        '"Plural-Forms: nplurals=3; plural=(n==1) ? 0 : (n>=2 && n<=4) ? 1 : 2;\\n"\n\n',
    )

    with speaking(language(str(path))):
        assert say("Report of {moment}", moment="X") == "Zpráva z X"
        assert [figures.several(count, "path") for count in (1, 3, 7)] == ["cesta", "3 cesty", "7 cest"]
        assert several(2, "{count} path", "{count} paths") == "2 cesty"
        assert [say(text) for text in ("Verdict", "Path", "Network", "")] == ["Verdict", "Path", "Network", ""]
        assert spoken() == "cs-CZ"


def test_the_template_itself_is_read_as_english():
    assert language("en").tag == "en"
    assert [entry.told for entry in entries(template(), Path("p"))][1] == {0: ""}
    assert isinstance(entries(template(), Path("p"))[0], Entry)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('msgid "Report of {moment}"\nmsgstr "Bericht"\n', "other fields"),
        ('msgid "Report of {moment}"\nmsgstr "Bericht {moment.year}"\n', "other fields"),
        ('msgid "Report of {moment}"\nmsgstr "Bericht {moment!r}"\n', "other fields"),
        ('msgid "Report of {moment}"\nmsgstr "Bericht {moment"\n', "other fields"),
        ('msgid "Report of {moment}"\nmsgstr "Bericht {moment} {0}"\n', "other fields"),
        ("PK\3\4", "no line of a catalogue"),
        ('"lost"\n', None),
        ('msgid "a\\x"\nmsgstr "b"\n', "wrong"),
        ('msgid "a" msgstr\n', "no line of a catalogue"),
    ],
)
def test_a_catalogue_with_a_mistake_is_refused_with_its_line(tmp_path, text, told):
    path = catalogue(tmp_path, text, "" if told is None else HEADER)

    with pytest.raises(OperatorError, match=told or "no line of a catalogue") as caught:
        language(str(path))

    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "header",
    [
        '"Language: xx\\n"\n"Plural-Forms: nplurals=2; plural=__import__(1);\\n"\n',
        '"Language: ../../etc\\n"\n',
        '"Plural-Forms: nplurals=2; plural=n/0/;\\n"\n',
    ],
)
def test_a_header_that_makes_no_sense_is_refused(tmp_path, header):
    path = catalogue(tmp_path, "", f'msgid ""\nmsgstr ""\n{header}\n')

    with pytest.raises(OperatorError):
        language(str(path))


def test_what_is_no_catalogue_at_all_is_refused(tmp_path):
    (tmp_path / "bytes.po").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.po").write_bytes(b"#" * 4_000_001)

    for name in ("bytes.po", "huge.po", "missing.po", "."):
        with pytest.raises(OperatorError):
            language(str(tmp_path / name))


def test_an_unknown_language_is_refused_with_those_that_there_are(tmp_path):
    (tmp_path / "a.json").write_text(trio().to_json(), encoding="utf-8")

    with pytest.raises(OperatorError, match="'tlh'") as caught:
        COMMANDS["report"]([str(tmp_path / "a.json"), "-o", str(tmp_path / "r.pdf"), "--language", "tlh"])

    assert "there are: en" in caught.value.hint
    assert not (tmp_path / "r.pdf").exists()


def test_the_command_takes_a_file_of_texts(tmp_path):
    path = catalogue(tmp_path, 'msgid "High-availability readiness"\nmsgstr "Bereit"\n')
    (tmp_path / "a.json").write_text(trio().to_json(), encoding="utf-8")

    COMMANDS["report"]([str(tmp_path / "a.json"), "-o", str(tmp_path / "r.pdf"), "--language", str(path)])

    assert "Bereit" in run("pdftotext", str(tmp_path / "r.pdf"), "-")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
