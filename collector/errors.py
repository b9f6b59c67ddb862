"""Failures that a person can act on.

`OperatorError` is what `haready` prints as two lines (``error:`` and ``hint:``) and
turns into an exit code. Everything else that is raised is a bug of ours.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


def printable(text: str) -> str:
    """Text from outside as it may be printed: what could steer a terminal or turn its line around becomes U+FFFD.

    So do line breaks, for every message is lines of ours.
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


class Exit(IntEnum):
    """Exit codes of every command; stable, documented in the README."""

    DONE = 0
    BUG = 1
    USAGE = 2
    UNSUITABLE = 3
    CONDITIONAL = 4
    ARCHIVE = 5
    ENDED_EARLY = 6
    INTERRUPTED = 130


class OperatorError(Exception):
    """Something the operator can put right: what happened, and what to do next."""

    code: Exit = Exit.USAGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class PlanError(OperatorError):
    """The plan has mistakes; each is one line that names file and key."""

    def __init__(self, mistakes: list[str], hint: str = "") -> None:
        super().__init__("\n".join(mistakes), hint)
        self.mistakes = mistakes


class ArchiveError(OperatorError):
    """An archive cannot be used: wrong kind, too new, or nothing readable in it."""

    code = Exit.ARCHIVE


class WriteError(Exception):
    """The archive cannot be written any more (a full or failing disk); the text is the system's reason."""


class CutShortError(OperatorError):
    """A collection had to end before its time; what was written until then is readable."""

    code = Exit.ENDED_EARLY


def refuse_archive(path: Path) -> None:
    """Keep a result from replacing an archive: that would be the evidence of a whole run.

    Raises:
        OperatorError: there is a file at `path` and it is an archive.
    """
    if path.is_file():
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                raise OperatorError(f"{path} is an archive; it will not be overwritten", "choose another name with -o")


class Unavailable(Exception):  # noqa: N818 - a state, not a failure
    """A probe's word for "not present here" (a file, feature, permission or tool).

    Not a failure: the outcome is `skipped` and carries the reason.
    """
