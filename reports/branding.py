"""Whose report it is: company, customer, site, engineer and a logo, from a small TOML file."""

from __future__ import annotations

import io
import tomllib
from dataclasses import dataclass
from pathlib import Path

from collector.errors import OperatorError, nearest, printable

KEYS = ("company", "customer", "site", "engineer", "logo")
LONGEST = 80
"""Letters of a name that its line has room for (design value)."""
LARGEST_B, LARGEST_PIXELS, DRAWN_PIXELS = 2_000_000, 16_000_000, 800
"""Of a logo's file, of the picture in it, and of the longer side of what goes into the document (design values)."""
_HINT = "docs/report.md describes the file: company, customer, site, engineer, logo"
_LOGO_HINT = (
    f"a logo is a PNG or JPEG file of at most {LARGEST_B // 1_000_000} MB; without the line the report has none"
)


@dataclass(frozen=True, slots=True)
class Branding:
    """Names, each "" where none was given, and the logo as PNG (b"": none)."""

    company: str = ""
    customer: str = ""
    site: str = ""
    engineer: str = ""
    logo: bytes = b""


def load(path: Path, *, drawn: bool = True) -> Branding:
    """Read the file. `drawn`: the document has room for a logo; otherwise it is not looked at.

    Raises:
        OperatorError: the file or its logo is missing, too large or not what it should be.
    """
    data = _told(path)
    for key, value in data.items():
        if key not in KEYS:
            raise OperatorError(f"{path}: {key!r} is not known", f"{nearest(key, KEYS)}{_HINT}")
        if not isinstance(value, str):
            raise OperatorError(f"{path}: {key} is no text", f'write it in quotes: {key} = "..."')
        if key != "logo" and (len(value) > LONGEST or printable(value) != value):
            raise OperatorError(f"{path}: {key} is longer than a line", f"give at most {LONGEST} letters, on one line")
    names = {key: value.strip() for key, value in data.items() if key != "logo"}
    logo = data.get("logo", "")
    return Branding(**names, logo=_logo(path.parent / logo) if logo and drawn else b"")


def _told(path: Path) -> dict[str, str]:
    try:
        text = _content(path, 100_000, _HINT).decode()
        return tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise OperatorError(f"{path} is no TOML: {error}", _HINT) from error


def _content(path: Path, most: int, hint: str) -> bytes:
    """What a file holds; a pipe or a device is none, and would never end."""
    try:
        if path.exists() and not path.is_file():
            raise OperatorError(f"cannot read {path}: it is no file", hint)
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise OperatorError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}", hint) from error
    if len(content) > most:
        raise OperatorError(f"{path} is too large", hint)
    return content


def _logo(path: Path) -> bytes:
    """The picture as a PNG of a bounded size, whatever was in the file besides."""
    import struct
    import zlib

    from PIL import Image  # comes with reportlab; a short text for a ticket does without

    content = _content(path, LARGEST_B, _LOGO_HINT)
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                raise OperatorError(
                    f"{path} has {picture.width} x {picture.height} pixels, which is too large for a logo", _LOGO_HINT
                )
            picture.thumbnail((DRAWN_PIXELS, DRAWN_PIXELS))
            plain = picture.convert("RGBA" if "A" in picture.getbands() or "transparency" in picture.info else "RGB")
    except (OSError, SyntaxError, ValueError, struct.error, zlib.error, Image.DecompressionBombError) as error:
        raise OperatorError(f"{path} is no PNG or JPEG that can be read", _LOGO_HINT) from error
    drawn = io.BytesIO()
    plain.save(drawn, "PNG")
    return drawn.getvalue()
