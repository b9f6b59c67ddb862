"""Which letters the embedded faces have, and how a text is written with these alone.

The faces are the DejaVu ones that matplotlib ships: the same bytes on every machine, with Latin, Greek, Cyrillic, Armenian, Georgian,
Hebrew and Arabic. Faces of the system would give another document on every machine, so they are no way out. What no face has, and
what nobody sees (direction marks, zero-width spaces), is written as its number, such as ``<U+65E5 U+672C>``: longer, but exact, and never
an empty box. Right-to-left letters are put in the order in which they are seen, because a page knows no other.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby

from reportlab.pdfbase.ttfonts import TTFont

from reports.render.outlines import font_folder

REGULAR, BOLD, MONO = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono"
FACES = (REGULAR, BOLD, MONO)
"""Names of the embedded faces; also the names of their files."""

_UNSEEN = frozenset({"Cf", "Co", "Cn", "Zl", "Zp"})
"""Categories without a shape of their own: a name that differs only in these would look the same."""
_DAMAGED = frozenset({"Cc", "Cs"})
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
_STRONG = frozenset({"L", "R", "AL", "EN", "AN"})
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_LONGEST_RUN = 60
"""A longer run of right-to-left words would be broken over lines, and the lines would come in the wrong order: then each word is turned alone."""


@cache
def face_of(name: str) -> TTFont:
    """A face, read once."""
    return TTFont(name, str(font_folder() / f"{name}.ttf"))


@cache
def covered(name: str) -> frozenset[str]:
    """The letters that a face has."""
    return frozenset(map(chr, face_of(name).face.charToGlyph))


@cache
def _drawable() -> frozenset[str]:
    """What every running text can hold, bold or not; the fixed-width face gets what it lacks from the regular one."""
    return frozenset(
        letter for letter in covered(REGULAR) & covered(BOLD) if unicodedata.category(letter) not in _UNSEEN | _DAMAGED
    )


def plain(text: str) -> str:
    """Text without what no program can take: control characters and lone surrogates become a visible mark."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter if letter == "\n" or unicodedata.category(letter) not in _DAMAGED else "\N{REPLACEMENT CHARACTER}"
        for letter in text.replace("\t", "    ").replace("\r\n", "\n")
    )


def clean(text: str) -> str:
    """Text as the page shows it: letters of the faces alone, composed, and right-to-left ones in the order in which they are seen.

    It must be called once only: what is turned twice stands as before.
    """
    if text.isascii() and text.isprintable():
        return text
    known = _drawable()
    lines = unicodedata.normalize("NFC", plain(text)).split("\n")
    return "\n".join(
        "".join(
            "".join(run) if drawable else f"<{' '.join(f'U+{ord(letter):04X}' for letter in run)}>"
            for drawable, run in groupby(_seen(line), known.__contains__)
        )
        for line in lines
    )


def _seen(line: str) -> str:
    """A line with each right-to-left run turned round."""
    directions = [unicodedata.bidirectional(letter) for letter in line]
    if _RIGHT_TO_LEFT.isdisjoint(directions):
        return line
    parts: list[str] = []
    start = 0
    while start < len(line):
        if directions[start] not in _RIGHT_TO_LEFT:
            parts.append(line[start])
            start += 1
            continue
        end = after = start + 1
        while after < len(line) and (directions[after] not in _STRONG or directions[after] in _RIGHT_TO_LEFT):
            after += 1
            if directions[after - 1] in {*_RIGHT_TO_LEFT, "NSM"}:
                end = after
        run = _joined(line[start:end])
        if len(run) <= _LONGEST_RUN:
            # Kept in one line: broken, its lines would stand in the wrong order.
            parts.append(_turned(run).replace(" ", "\N{NO-BREAK SPACE}"))
        else:
            parts += [_turned(word) for word in re.split(r"(\s+)", run)]
        start = end
    return "".join(parts)


def _turned(run: str) -> str:
    """The letters from the last to the first; marks stay behind the letter that bears them."""
    clusters: list[str] = []
    for letter in run.translate(_MIRRORED):
        if clusters and unicodedata.combining(letter):
            clusters[-1] += letter
        else:
            clusters.append(letter)
    return "".join(reversed(clusters))


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Arabic letters (and lam with alef) to their shapes by place: isolated, initial, medial, final."""
    found: dict[str, dict[str, str]] = {}
    for point in (*range(0xFB50, 0xFDC8), *range(0xFE70, 0xFEFD)):
        kind, _, rest = unicodedata.decomposition(chr(point)).partition(" ")
        base = "".join(chr(int(part, 16)) for part in rest.split())
        if kind.startswith("<") and (
            len(base) == 1 or (base[0] == "\u0644" and base[1:] in "\u0622\u0623\u0625\u0627")
        ):
            found.setdefault(base, {})[kind.strip("<>")] = chr(point)
    return found


def _joined(run: str) -> str:
    """Arabic letters in the shapes that join them to their neighbours; other scripts as they are."""
    forms = _forms()
    units: list[str] = []
    for letter in run:
        if units and units[-1] == "\u0644" and units[-1] + letter in forms:
            units[-1] += letter
        else:
            units.append(letter)
    letters = [place for place, unit in enumerate(units) if not unicodedata.combining(unit[0])]
    shaped = list(units)
    for number, place in enumerate(letters):
        shapes = forms.get(units[place])
        if not shapes:
            continue
        before = units[letters[number - 1]] if number else ""
        after = units[letters[number + 1]] if number + 1 < len(letters) else ""
        joins_before = "initial" in forms.get(before, {}) and "final" in shapes
        joins_after = "initial" in shapes and "final" in forms.get(after, {})
        kind = {(True, True): "medial", (True, False): "final", (False, True): "initial", (False, False): "isolated"}
        shaped[place] = shapes.get(kind[joins_before, joins_after], units[place])
    return "".join(shaped)
