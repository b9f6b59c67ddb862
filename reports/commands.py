"""``haready report``: an assessment becomes a PDF, or a short text for a ticket."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.contract import Assessment
from collector.errors import ArchiveError, Arguments, Exit, OperatorError, check_result, missing_extra, refuse_archive
from reports.branding import Branding, load
from reports.build import build, imprint
from reports.render import markdown
from reports.texts import Language, speaking
from reports.texts.catalogue import language
from reports.ticket import ticket
from reports.zone import time_zone, told_in

if TYPE_CHECKING:
    from argparse import Namespace

EXTRA = frozenset({"matplotlib", "reportlab", "numpy"})


class Form(StrEnum):
    """What a report is written as; also how its file ends."""

    PDF = "pdf"
    MARKDOWN = "md"


@dataclass(frozen=True, slots=True)
class Look:
    """What the reader chooses of the document: its form, size of the paper (``a4`` or ``letter``), language, time zone, branding."""

    form: Form = Form.PDF
    paper: str = "a4"
    language: Language = field(default_factory=Language)
    zone: tzinfo = UTC
    branding: Branding = field(default_factory=Branding)


def add_look(parser: Arguments) -> None:
    """The options of the document, which `assess` and `report` share."""
    parser.add_argument(
        "--format",
        choices=[form.value for form in Form],
        help="pdf, or md: a short text in Markdown, for a ticket (default: what the name of FILE ends in, else pdf)",
    )
    parser.add_argument("--paper", choices=("a4", "letter"), default="a4", help="size of the paper (default: a4)")
    parser.add_argument(
        "--language",
        default="en",
        metavar="TAG|FILE",
        help="language of the report's own texts: a tag such as en, or a .po file (default: en)",
    )
    parser.add_argument(
        "--timezone",
        default="UTC",
        metavar="ZONE",
        help="tell times in this zone, such as Europe/Berlin (default: UTC); the JSON stays in UTC",
    )
    parser.add_argument(
        "--branding", type=Path, metavar="FILE", help="whose report it is: names and a logo (TOML; see docs/report.md)"
    )


def chosen_look(options: Namespace) -> Look:
    """What was chosen.

    Raises:
        OperatorError: there is no such language or zone, the file of the language or of the branding has a mistake, the form is not
            that of the file's name, or what draws is not installed.
    """
    form, zone = _form(options.format, options.out), time_zone(options.timezone)
    if form is Form.PDF:
        require_extra()
    branding = load(options.branding, drawn=form is Form.PDF) if options.branding else Branding()
    return Look(form, options.paper, language(options.language), zone, branding)


def _form(chosen: str | None, out: Path | None) -> Form:
    """The form: as chosen, else as the file's name ends. A PDF that is called a text opens nowhere, so the two have to agree."""
    named = next((form for form in Form if out and out.suffix.lower() == f".{form.value}"), None)
    if chosen is None:
        return named or Form.PDF
    form = Form(chosen)
    if named not in (None, form):
        raise OperatorError(
            f"{out} is no name for --format {form.value}", f"name it something.{form.value}, or leave --format out"
        )
    return form


def report(arguments: list[str]) -> int:
    """Write the report of an assessment and print its path.

    Raises:
        OperatorError: the assessment cannot be read, the report cannot be written, or the extra
            that draws is not installed.
    """
    parser = Arguments(prog="haready report", description="Draw an assessment as a PDF, or tell it as a short text.")
    parser.add_argument(
        "assessment",
        type=Path,
        metavar="ASSESSMENT",
        help="the .json file that `haready assess` or `haready analyze` wrote",
    )
    parser.add_argument(
        "-o",
        "--out",
        "--output",
        dest="out",
        type=Path,
        metavar="FILE",
        help="default: CLUSTER-START-report.pdf (or .md), replaced if it is there",
    )
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    add_look(parser)
    options = parser.read(arguments)
    look = chosen_look(options)
    if options.out:
        check_result(options.out, "-o", force=options.force)
    assessment = _read(options.assessment)
    out = options.out or Path(f"{assessment.stem}-report.{look.form.value}")
    write_report(assessment, out, look)
    print(out)
    return Exit.DONE


def _read(path: Path) -> Assessment:
    hint = "pass an assessment: the .json file that `haready assess` or `haready analyze` wrote"
    try:
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        raise OperatorError(f"cannot read {path}: {error.strerror}", hint) from error
    except UnicodeDecodeError as error:
        if data.startswith(b"PK"):
            raise OperatorError(
                f"{path} is an archive, not an assessment", "`haready assess` takes the archives of all nodes"
            ) from error
        raise OperatorError(f"{path} is no assessment", hint) from error
    try:
        return Assessment.from_json(text)
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}", error.hint) from error


def write_report(assessment: Assessment, path: Path, look: Look | None = None) -> None:
    """Write the report to `path`, whole or not at all.

    Raises:
        OperatorError: it cannot be written, or the extra that draws is not installed.
    """
    look = look or Look()
    refuse_archive(path)
    with speaking(look.language), told_in(look.zone):
        document = _drawn(assessment, look) if look.form is Form.PDF else _told(assessment, look)
    partial = path.parent / f".haready-{os.getpid()}.part"
    try:
        with partial.open("wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if partial.exists():
            partial.unlink()
        raise OperatorError(f"cannot write {path}: {error.strerror}", "choose another place with -o") from error


def _drawn(assessment: Assessment, look: Look) -> bytes:
    require_extra()
    from reports.render.pdf import Paper, render  # nodes have no drawing library

    return render([blocks for _, blocks in build(assessment)], imprint(assessment, look.branding), Paper(look.paper))


def _told(assessment: Assessment, look: Look) -> bytes:
    return markdown.render(ticket(assessment), imprint(assessment, look.branding)).encode(errors="replace")


def require_extra() -> None:
    """Refuse in one line where the drawing libraries are missing, before anything else is looked at.

    Raises:
        OperatorError: one of them is.
    """
    try:
        importlib.import_module("reports.render.pdf")
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise missing_extra("the report", ("matplotlib", "reportlab")) from error


COMMANDS: dict[str, Callable[[list[str]], int]] = {"report": report}
