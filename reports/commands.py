"""``haready report``: an assessment becomes a PDF."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path

from analyzer.contract import Assessment
from collector.errors import Arguments, Exit, OperatorError, refuse_archive
from reports.build import build, imprint

EXTRA = frozenset({"matplotlib", "reportlab", "numpy"})


def report(arguments: list[str]) -> int:
    """Write the report of an assessment and print its path.

    Raises:
        OperatorError: the assessment cannot be read, the report cannot be written, or the extra
            that draws is not installed.
    """
    parser = Arguments(prog="haready report", description="Draw an assessment as a PDF.")
    parser.add_argument(
        "assessment", type=Path, metavar="ASSESSMENT", help="the assessment.json that `haready analyze` wrote"
    )
    parser.add_argument(
        "-o",
        "--out",
        "--output",
        dest="out",
        type=Path,
        default=Path("report.pdf"),
        help="the PDF to write (default: report.pdf)",
    )
    parser.add_argument("--paper", choices=("a4", "letter"), default="a4", help="size of the paper (default: a4)")
    options = parser.read(arguments)
    _require_extra()
    try:
        text = options.assessment.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(
            f"cannot read {options.assessment}: {getattr(error, 'strerror', None) or 'not text'}",
            "pass the assessment.json that `haready analyze` wrote",
        ) from error
    write_report(Assessment.from_json(text), options.out, options.paper)
    print(options.out)
    return Exit.DONE


def write_report(assessment: Assessment, path: Path, paper: str = "a4") -> None:
    """Write the PDF to `path`, whole or not at all. `paper` is ``a4`` or ``letter``.

    Raises:
        OperatorError: it cannot be written, or the extra that draws is not installed.
    """
    _require_extra()
    refuse_archive(path)
    from reports.render.pdf import Paper, render  # nodes have no drawing library

    document = render((blocks for _, blocks in build(assessment)), imprint(assessment), Paper(paper))
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


def _require_extra() -> None:
    """Refuse in one line where the drawing libraries are missing, before anything else is looked at."""
    try:
        importlib.import_module("reports.render.pdf")
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise OperatorError("the report needs matplotlib and reportlab", "pip install 'haready[report]'") from error


COMMANDS: dict[str, Callable[[list[str]], int]] = {"report": report}
