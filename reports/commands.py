"""``haready report``: an assessment becomes a PDF."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path

from analyzer.contract import Assessment
from collector.errors import ArchiveError, Arguments, Exit, OperatorError, check_result, refuse_archive
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
        metavar="PDF",
        help="default: CLUSTER-START-report.pdf, replaced if it is there",
    )
    parser.add_argument("--force", action="store_true", help="overwrite PDF")
    parser.add_argument("--paper", choices=("a4", "letter"), default="a4", help="size of the paper (default: a4)")
    options = parser.read(arguments)
    _require_extra()
    if options.out:
        check_result(options.out, "-o", force=options.force)
    assessment = _read(options.assessment)
    out = options.out or Path(f"{assessment.stem}-report.pdf")
    write_report(assessment, out, options.paper)
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
