"""The template of all catalogues: every text of the report's own, gathered from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from analyzer.contract import (
    Access,
    Area,
    Cause,
    Change,
    Claim,
    Fit,
    Load,
    Resource,
    Sense,
    StallCause,
    Status,
    Verdict,
    WaiverState,
)

SOURCES = Path(__file__).parent.parent
WORDS: tuple[type[StrEnum], ...] = (
    Access, Area, Cause, Change, Claim, Fit, Load, Resource, Sense, StallCause, Status, Verdict, WaiverState,
)  # fmt: skip
"""The closed sets of the assessment whose values the report prints as words."""

HEADER = """\
# The texts of haready's report. `make texts` writes this file; a language is a copy of it named after its tag, such as de.po.
# Names in braces are filled in and have to stay. What a rule, a stack or a node says comes with the assessment and is not here.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Language: \\n"
"Plural-Forms: nplurals=2; plural=n != 1;\\n"
"""


@dataclass(frozen=True, slots=True)
class Message:
    """An English text, and its plural ("": it has none)."""

    text: str
    plural: str = ""


def template() -> str:
    """The file ``haready.pot``, the same whatever the order of the folder."""
    found: dict[Message, dict[str, None]] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        place = f"reports/{path.relative_to(SOURCES).as_posix()}"
        for message in messages(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(message, {})[place] = None
    for kind in WORDS:
        for value in kind:
            if value.value:
                found.setdefault(Message(value.value), {})["analyzer/contract"] = None
    return HEADER + "".join(_entry(message, places) for message, places in found.items())


def messages(tree: ast.AST) -> Iterator[Message]:
    """The literal texts of one module that are said, marked or counted."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        values = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        texts = [value for value in values if isinstance(value, str)]
        match node.func:
            case ast.Name("say" | "mark") if texts:
                yield Message(texts[0])
            case ast.Name("each"):
                yield from (Message(text) for text in texts if text)
            case ast.Name("Section") if len(texts) > 1:
                yield Message(texts[1])
            case ast.Name("forms" | "several") | ast.Attribute(attr="several") if any(
                "{count}" in text for text in texts
            ):
                yield Message(texts[0], texts[1])
            case ast.Attribute(ast.Name("figures"), "several") if texts:
                yield Message(f"{{count}} {texts[0]}", f"{{count}} {texts[1] if len(texts) > 1 else texts[0] + 's'}")


def _entry(message: Message, places: dict[str, None]) -> str:
    lines = ["", *(f"#: {place}" for place in places)]
    if "{" in message.text:
        lines.append("#, python-brace-format")
    lines.append(f"msgid {_quoted(message.text)}")
    if message.plural:
        lines += [f"msgid_plural {_quoted(message.plural)}", 'msgstr[0] ""', 'msgstr[1] ""']
    else:
        lines.append('msgstr ""')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
