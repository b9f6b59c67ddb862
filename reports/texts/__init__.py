"""Every text of the report's own, in the reader's language.

The English text is the key: it stands where it is used, as `say("Measured: {what}", what=...)`. Another language is one file,
`reports/texts/LANGUAGE.po`, made from `haready.pot` (`make texts` writes that anew). What comes with the assessment (findings, reasons,
names) is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from gettext import NullTranslations


@dataclass(frozen=True, slots=True)
class Language:
    """A language tag (RFC 5646), which the document states, and its texts. The usual one is the English of the sources."""

    tag: str = "en"
    texts: NullTranslations = field(default_factory=NullTranslations)


_SPOKEN: ContextVar[Language] = ContextVar("language", default=Language())  # noqa: B039 - nothing changes it


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Within it every text is of that language."""
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def spoken() -> str:
    """The tag of the language that is spoken."""
    return _SPOKEN.get().tag


def say(text: str, /, **fields: object) -> str:
    """A text in the reader's language, its `{fields}` filled in. One that is no literal was marked where it stands."""
    told = _SPOKEN.get().texts.gettext(text) if text else text
    return told.format(**fields) if fields else told


def each(*texts: str) -> tuple[str, ...]:
    """Every one of several texts, such as the head of a table."""
    return tuple(map(say, texts))


def several(count: int, one: str, many: str) -> str:
    """A text that says how many: `{count}` in the form that the language has for that number."""
    return _SPOKEN.get().texts.ngettext(one, many, count).format(count=count)


def word(value: StrEnum) -> str:
    """A result, class or cause of the assessment as a word; the closed sets are in the catalogue (`template.WORDS`)."""
    return say(value.value)


def mark(text: str) -> str:
    """The text itself: one that is kept before it is said, so that the catalogue has it."""
    return text


def forms(one: str, many: str) -> tuple[str, str]:
    """The same for the two forms that `several` takes."""
    return one, many
