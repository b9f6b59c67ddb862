"""Failures that a person can act on.

`OperatorError` is what `haready` prints as two lines (``error:`` and ``hint:``) and
turns into an exit code. Everything else that is raised is a bug of ours. `Arguments` reads a command line in the same way.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import NoReturn


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
    UNMEASURED = 7
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


class InterruptedByOperator(OperatorError):  # noqa: N818 - no failure
    """The operator ended a command that then cleared up."""

    code = Exit.INTERRUPTED


class UnmeasuredError(OperatorError):
    """A collection ran to its end without one answered probe; its archive is valid and says nothing of the network."""

    code = Exit.UNMEASURED


EXTRA_HINT = (
    "in the folder of haready's sources: pip install '.[report]'. Without internet here: in that folder on a machine with internet and the same processor and "
    "Python, pip wheel '.[report]' -w wheels; copy the folder wheels, then pip install --no-index --find-links wheels 'haready[report]'"
)
"""How to get what the analysis and the report need: the sources are what an installer has, and a site has no internet."""


def missing_extra(what: str, packages: Sequence[str]) -> OperatorError:
    """What needs which packages, which of them are not here, and how to get them."""
    from importlib.util import find_spec

    lacking = [name for name in packages if find_spec(name) is None]
    here = f"; missing here: {', '.join(lacking)}" if lacking else "; they are here and cannot be loaded"
    return OperatorError(f"{what} needs {' and '.join(packages)}{here}", EXTRA_HINT)


STANDARD = Path("-")
"""What stands for standard output where a command can write there."""


def refuse_archive(path: Path) -> None:
    """Keep a result from replacing an archive: that would be the evidence of a whole run.

    Raises:
        OperatorError: there is a file at `path` and it is an archive.
    """
    if path.is_file():
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                raise OperatorError(f"{path} is an archive; it will not be overwritten", "choose another name with -o")


def check_result(path: Path, option: str, *, force: bool) -> None:
    """Refuse a place for a result before anything is worked out for it. `option` is what the operator chose it with.

    Raises:
        OperatorError: its folder is missing, or something is there already that must not be lost (without `force`).
    """
    if path == STANDARD:
        raise OperatorError(
            "this result goes into a file, not to standard output",
            f"name a file with {option}",
        )
    if not path.parent.is_dir():
        raise OperatorError(
            f"cannot write {path}: there is no folder {path.parent}",
            f"make it first, or choose another place with {option}",
        )
    if path.is_dir():
        raise OperatorError(f"cannot write {path}: it is a folder", f"choose another place with {option}")
    refuse_archive(path)
    if path.exists() and not force:
        raise OperatorError(
            f"{path} exists already", f"choose another name with {option}, or overwrite it with --force"
        )


def make_folder(path: Path, option: str) -> None:
    """Make a folder for results if it is missing, but none above it: a mistyped path is not to become a tree.

    Raises:
        OperatorError: it cannot be made, or is something else.
    """
    try:
        path.mkdir(exist_ok=True)
    except FileNotFoundError as error:
        raise OperatorError(
            f"cannot make {path}: there is no folder {path.parent}", f"make it first, or choose another with {option}"
        ) from error
    except FileExistsError as error:
        raise OperatorError(f"{path} is no folder", f"choose another with {option}") from error
    except OSError as error:
        raise OperatorError(f"cannot make {path}: {error.strerror}", f"choose another with {option}") from error


class Arguments(argparse.ArgumentParser):
    """A command line whose mistakes are an `OperatorError` like all others: two lines, exit code 2."""

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options by name.

        Raises:
            OperatorError: something is missing, unknown or of the wrong form.
        """
        joined: list[str] = []
        for text in arguments:
            # `--duration -5s`: a value, not an option; no option of ours begins with a digit.
            if joined and joined[-1].startswith("--") and re.match(r"-\d", text):
                joined[-1] += f"={text}"
            else:
                joined.append(text)
        return self.parse_args(joined)

    def error(self, message: str) -> NoReturn:
        """Called by argparse with its own words for what is wrong."""
        near = ""
        if found := re.fullmatch(r"the following arguments are required: (.*)", message):
            message = f"{found[1]} is missing" if "," not in found[1] else f"{found[1]} are missing"
        elif found := re.fullmatch(r"argument (.*): expected .*", message):
            message = f"{found[1]} needs a value behind it"
        elif found := re.fullmatch(r"unrecognized arguments: (.*)", message):
            message = f"{found[1]} is not known here"
            near = nearest(found[1].split()[0].partition("=")[0], re.findall(r"--[a-z-]+", self.format_help()))
        elif found := re.fullmatch(r"argument (.*): invalid choice: '(.*)' \(choose from (.*)\)", message):
            choices = re.findall(r"[\w-]+", found[3])
            message = f"{found[2]!r} is none of {', '.join(choices)}"
            near = nearest(found[2], choices)
        raise OperatorError(message, f"{near}`{self.prog} --help` shows what it takes")


def nearest(word: str, known: Iterable[str]) -> str:
    """``did you mean X? `` where one of the `known` words looks like this one, else nothing."""
    import difflib

    found = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {found[0]}? " if found else ""


class Unavailable(Exception):  # noqa: N818 - a state, not a failure
    """A probe's word for "not present here" (a file, feature, permission or tool).

    Not a failure: the outcome is `skipped` and carries the reason.
    """
