"""Whose report it is: names and a logo, on every page; what is wrong with them is told before anything is drawn."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from PIL import Image
from report_fixtures import trio

from collector.errors import Exit, OperatorError
from reports.branding import DRAWN_PIXELS, LARGEST_B, Branding, load
from reports.commands import COMMANDS, Form, Look, write_report

NAMES = 'company = "Étoile <b>Systems</b> & Co"\ncustomer = "Contact Centre Ltd"\nsite = "Wien, Halle 2"\nengineer = "Łucja Nowak"\n'


def picture(form: str = "PNG", size: tuple[int, int] = (300, 100), mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    Image.new(mode, size, 7 if len(mode) == 1 else (200, 30, 20, 90)[: len(mode)]).save(target, form)
    return target.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def branding(folder: Path, text: str = NAMES, logo: bytes | None = None, name: str = "logo.png") -> Path:
    if logo is not None:
        (folder / name).write_bytes(logo)
        text += f'logo = "{name}"\n'
    (folder / "branding.toml").write_text(text, encoding="utf-8")
    return folder / "branding.toml"


def pages(path: Path) -> list[str]:
    done = subprocess.run(["pdftotext", "-layout", str(path), "-"], check=True, capture_output=True, encoding="utf-8")
    return done.stdout.split("\f")[:-1]


def images(path: Path) -> set[int]:
    """The pages that show a picture."""
    done = subprocess.run(["pdfimages", "-list", str(path)], check=True, capture_output=True, encoding="utf-8")
    return {int(line.split()[0]) for line in done.stdout.splitlines()[2:]}


def test_names_stand_on_page_one_and_the_company_on_every_page(tmp_path):
    look = Look(branding=load(branding(tmp_path)))
    write_report(trio(), tmp_path / "r.pdf", look)

    first, *others = pages(tmp_path / "r.pdf")
    for told in (
        "Étoile <b>Systems</b> & Co",
        "Customer: Contact Centre Ltd",
        "Site: Wien, Halle 2",
        "Engineer: Łucja Nowak",
    ):
        assert told in first
    assert all(
        "Étoile <b>Systems</b> & Co   Contact centre voice" in page.splitlines()[0] or "Étoile" in page
        for page in others
    )
    assert not images(tmp_path / "r.pdf")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "1", "LA"])
def test_the_logo_stands_on_every_page_whatever_its_colours(tmp_path, mode):
    write_report(trio(), tmp_path / "r.pdf", Look(branding=load(branding(tmp_path, logo=picture(mode=mode)))))

    assert images(tmp_path / "r.pdf") == set(range(1, len(pages(tmp_path / "r.pdf")) + 1))


def test_a_jpeg_is_a_logo_too_and_its_name_says_nothing(tmp_path):
    for mode in ("RGB", "CMYK", "L"):
        assert load(branding(tmp_path, logo=picture("JPEG", mode=mode))).logo.startswith(b"\x89PNG")


def test_a_large_logo_is_made_smaller_so_that_the_document_stays_small(tmp_path):
    logo = load(branding(tmp_path, logo=picture(size=(3900, 60)))).logo

    with Image.open(io.BytesIO(logo)) as made:
        assert max(made.size) == DRAWN_PIXELS


@pytest.mark.parametrize("size", [(1, 1), (2000, 2), (2, 2000)])
def test_an_odd_shape_of_a_logo_stays_beside_the_title(tmp_path, size):
    write_report(trio(), tmp_path / "r.pdf", Look(branding=load(branding(tmp_path, logo=picture(size=size)))))

    assert "Contact centre voice" in pages(tmp_path / "r.pdf")[0]


def test_same_branding_same_bytes(tmp_path):
    path = branding(tmp_path, logo=picture())
    for name in ("a.pdf", "b.pdf"):
        write_report(trio(), tmp_path / name, Look(branding=load(path)))

    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


@pytest.mark.parametrize(
    ("logo", "told"),
    [
        (b"", "no PNG or JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG or JPEG"),
        (picture()[:60], "no PNG or JPEG"),
        (picture(size=(300, 300), mode="L")[:-30], "no PNG or JPEG"),
        (picture("JPEG")[:400], "no PNG or JPEG"),
        (picture("GIF", mode="P"), "no PNG or JPEG"),
        (bomb(100, 100), "no PNG or JPEG"),
        (bomb(8000, 8000), "8000 x 8000 pixels"),
        (bomb(60_000, 60_000), "pixels|no PNG"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * LARGEST_B, "too large"),
    ],
    ids=[
        "empty",
        "svg",
        "cut short",
        "cut at the end",
        "jpeg cut short",
        "gif",
        "no data",
        "many pixels",
        "bomb",
        "many bytes",
    ],
)
def test_a_broken_logo_is_refused_in_two_lines_and_nothing_is_written(tmp_path, logo, told):
    path = branding(tmp_path, logo=logo)
    (tmp_path / "a.json").write_text(trio().to_json(), encoding="utf-8")

    with pytest.raises(OperatorError, match=told) as caught:
        COMMANDS["report"]([str(tmp_path / "a.json"), "-o", str(tmp_path / "r.pdf"), "--branding", str(path)])

    assert str(tmp_path / "logo.png") in str(caught.value)
    assert caught.value.hint
    assert caught.value.code == Exit.USAGE
    assert not (tmp_path / "r.pdf").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("company = 7\n", "company is no text"),
        ("logo = []\n", "logo is no text"),
        ('compani = "x"\n', "'compani' is not known"),
        (f'site = "{"x" * 81}"\n', "site is longer"),
        ('site = "two\\nlines"\n', "site is longer"),
        ('site = "\\u202Eevil"\n', "site is longer"),
        ("company\n", "no TOML"),
        ('logo = "missing.png"\n', "cannot read"),
        ('logo = "."\n', "no file"),
        ('logo = "a\\u0000b"\n', "cannot read"),
        ("x" * 100_001, "too large"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_what_to_do(tmp_path, text, told):
    with pytest.raises(OperatorError, match=told) as caught:
        load(branding(tmp_path, text))

    assert caught.value.hint


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OperatorError, match="no file"):
        load(tmp_path / "pipe")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(OperatorError, match="no TOML"):
        load(tmp_path / "b.toml")


def test_a_short_text_names_them_and_needs_no_picture(tmp_path):
    found = load(branding(tmp_path, logo=b"broken"), drawn=False)
    write_report(trio(), tmp_path / "r.md", Look(Form.MARKDOWN, branding=found))

    assert "Customer: Contact Centre Ltd" in (tmp_path / "r.md").read_text(encoding="utf-8")
    assert found.logo == Branding().logo == b""
