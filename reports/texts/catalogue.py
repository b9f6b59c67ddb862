"""A language from its .po file: gettext's text format, read as it is, so that nobody has to compile anything."""

from __future__ import annotations

import ast
import gettext
import io
import re
import string
import struct
from dataclasses import dataclass, field
from pathlib import Path

from collector.errors import OperatorError
from reports.texts import Language

FOLDER = Path(__file__).parent
USUAL = "en"
_LARGEST_B = 4_000_000
"""A catalogue has some hundred kilobytes; what is much larger is none (design value)."""
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_LINE = re.compile(
    r'(?P<key>msgctxt|msgid|msgid_plural|msgstr|msgstr\[(?P<form>\d)\])?\s*(?P<text>"(?:[^"\\]|\\.)*")\s*'
)
_HINT = "a catalogue is made from reports/texts/haready.pot, with an editor of .po files"


@dataclass(slots=True)
class Entry:
    """One message: the English text, its plural ("": it has none), and the translation in each form."""

    line: int
    text: str = ""
    plural: str = ""
    told: dict[int, str] = field(default_factory=dict)
    context: bool = False
    fuzzy: bool = False


def languages() -> dict[str, Path]:
    """The catalogues that are built in, by language tag."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.po"))}


def language(name: str) -> Language:
    """The language of that tag, or of the .po file of that name.

    Raises:
        OperatorError: there is none, or its catalogue has a mistake.
    """
    if name == USUAL:
        return Language()
    path = Path(name) if name.endswith(".po") else languages().get(name)
    if path is None:
        raise OperatorError(
            f"there are no texts in the language {name!r}",
            f"there are: {', '.join((USUAL, *languages()))}; or name a .po file made from {FOLDER / 'haready.pot'}",
        )
    return read(path)


def read(path: Path) -> Language:
    """The language of a .po file. What it does not translate, or marks as fuzzy, stays English.

    Raises:
        OperatorError: it cannot be read, is no catalogue, or fills in other fields than the English text has.
    """
    try:
        if path.stat().st_size > _LARGEST_B:
            raise OperatorError(f"{path} is too large for a catalogue of texts", _HINT)
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise OperatorError(f"cannot read {path}: {error.strerror}", _HINT) from error
    except UnicodeDecodeError as error:
        raise OperatorError(f"{path} is no catalogue of texts in UTF-8", _HINT) from error
    found = entries(content, path)
    for entry in found:
        _check(entry, path)
    header = next((entry.told.get(0, "") for entry in found if not entry.text), "")
    try:
        texts = gettext.GNUTranslations(io.BytesIO(compiled(found)))
    except (ValueError, UnicodeError, LookupError) as error:
        raise OperatorError(f"{path}: its header is wrong: {error}", _HINT) from error
    named = re.search(r"^Language:\s*(\S+)\s*$", header, re.MULTILINE)
    tag = named[1] if named else path.stem
    if not _TAG.fullmatch(tag):
        raise OperatorError(f"{path}: {tag!r} is no language", 'write its tag into the header: "Language: de\\n"')
    return Language(tag.replace("_", "-"), texts)


def entries(content: str, path: Path) -> list[Entry]:
    """All messages of a .po file.

    Raises:
        OperatorError: a line that is none of such a file.
    """
    found: list[Entry] = []
    entry, key, form, fuzzy = Entry(0), "", 0, False
    for number, line in enumerate(content.splitlines(), 1):
        if line.startswith("#"):
            fuzzy |= line.startswith("#,") and "fuzzy" in line
            continue
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None or not (match["key"] or key):
            raise OperatorError(f"{path}, line {number}: no line of a catalogue", _HINT)
        if match["key"]:
            key, form = match["key"].partition("[")[0], int(match["form"] or 0)
            if key == "msgctxt" or (key == "msgid" and not (entry.context and not entry.told)):
                entry = Entry(number, context=key == "msgctxt", fuzzy=fuzzy)
                found.append(entry)
                fuzzy = False
        try:
            text = str(ast.literal_eval(match["text"]))
        except (ValueError, SyntaxError) as error:
            raise OperatorError(f"{path}, line {number}: a text with a wrong \\ in it", _HINT) from error
        if key == "msgid":
            entry.text += text
        elif key == "msgid_plural":
            entry.plural += text
        elif key == "msgstr":
            entry.told[form] = entry.told.get(form, "") + text
    return found


def _check(entry: Entry, path: Path) -> None:
    """A translation fills in what the English text does: a figure that is left out would be missed by nobody."""
    wanted = fields(entry.text) | fields(entry.plural)
    for told in entry.told.values():
        if not told or not entry.text or entry.fuzzy or entry.context:
            continue
        try:
            held = fields(told)
        except ValueError:
            held = None
        # "One path" may do without its number.
        if held is None or held - wanted or (not entry.plural and wanted - held):
            names = " ".join(f"{{{name}}}" for name in sorted(wanted)) or "none"
            raise OperatorError(
                f"{path}, line {entry.line}: {told!r} has other fields than {entry.text!r}", f"its fields are: {names}"
            )


def fields(text: str) -> set[str]:
    """The names in braces.

    Raises:
        ValueError: a brace is not closed, or a field is more than a name.
    """
    found = set()
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise ValueError(name)
        found.add(name)
    return found


def compiled(found: list[Entry]) -> bytes:
    """The messages as a .mo file, which gettext reads."""
    pairs: dict[bytes, bytes] = {}
    for entry in found:
        if entry.context or (entry.fuzzy and entry.text) or not any(entry.told.values()):
            continue
        if entry.plural and not all(entry.told.values()):
            continue
        source = f"{entry.text}\0{entry.plural}" if entry.plural else entry.text
        pairs[source.encode()] = "\0".join(entry.told[form] for form in sorted(entry.told)).encode()
    pairs.setdefault(b"", b"")
    header = pairs[b""].decode()
    if "charset=" not in header.lower():
        header += "Content-Type: text/plain; charset=UTF-8\n"
    pairs[b""] = re.sub(r"charset=\S+", "charset=UTF-8", header, flags=re.IGNORECASE).encode()
    ordered = sorted(pairs.items())
    start = 28 + 16 * len(ordered)
    tables: tuple[list[bytes], list[bytes]] = ([], [])
    body = b""
    for place in (0, 1):
        for pair in ordered:
            tables[place].append(struct.pack("<II", len(pair[place]), start + len(body)))
            body += pair[place] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(ordered), 28, 28 + 8 * len(ordered), 0, start)
    return head + b"".join(tables[0]) + b"".join(tables[1]) + body
