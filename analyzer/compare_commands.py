"""``haready compare``: two runs beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.commands import assess_archives, require_extra
from analyzer.contract import Assessment, Figure
from analyzer.words import quantity, span
from collector.errors import ArchiveError, Arguments, Exit, OperatorError, printable

if TYPE_CHECKING:
    from analyzer.compare import Compared, Comparison, Run

_SUBJECTS = 6
"""Subjects of one line; the rest is in the JSON."""


def compare(arguments: list[str]) -> int:
    """Print what differs between two runs by more than noise."""
    parser = Arguments(
        prog="haready compare",
        description="Two runs of the same nodes, before and after a change or while HA runs: what differs by more than the runs scatter. "
        "A and B are each an assessment (.json), an archive, or a folder with the archives of one run.",
    )
    parser.add_argument("a", type=Path, metavar="A")
    parser.add_argument("b", type=Path, metavar="B")
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    given = parser.read(arguments)
    require_extra()
    first, second = _side(given.a), _side(given.b)
    from analyzer.compare import compare as compared

    found = compared(first, second)
    if given.json:
        print(found.to_json(), end="")
    else:
        _show(found)
    return Exit.DONE


def _side(path: Path) -> Assessment:
    """The assessment of one side, made now if archives were named.

    Raises:
        OperatorError: nothing there can be read, or the extra is not installed.
        ArchiveError: what is there cannot be used.
    """
    try:
        archives = sorted([*path.glob("*.zip"), *path.glob("*.zip.part")]) if path.is_dir() else []
        if path.is_dir() and not archives:
            raise OperatorError(f"there is no archive in {path}", "name the folder with the archives of one run")
        if not path.is_dir():
            with path.open("rb") as file:
                archives = [path] if file.read(2) == b"PK" or path.suffix == ".part" else []
    except OSError as error:
        raise OperatorError(
            f"cannot read {path}: {error.strerror}", "name an assessment (.json), an archive or a folder of archives"
        ) from error
    assessment = assess_archives(archives) if archives else _read(path)
    if not assessment.minutes:
        raise OperatorError(
            f"{path} holds no figures by minute: its run is shorter than a minute, or it was made of nothing",
            "name a longer run",
        )
    return assessment


def _read(path: Path) -> Assessment:
    try:
        return Assessment.from_json(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise OperatorError(f"{path} is no assessment", "name an assessment (.json) or a folder of archives") from error
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}", error.hint) from error


def _show(found: Comparison) -> None:
    for side, run in (("A", found.a), ("B", found.b)):
        print(printable(f"{side}: {_told(run)}"))
    different, count = found.differences, len(found.compared)
    if different:
        print(f"{len(different)} of {count} comparisons differ by more than noise (99 % sure of all of them together):")
        rows = [("figure", "where", "A", "B", "change", "B less A lies between"), *map(_row, different)]
        widths = [max(len(row[place]) for row in rows) for place in range(6)]
        for row in rows:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print(f"  {printable(line.rstrip())}")
    rest = Counter(item.figure for item in found.compared if not item.different)
    if rest:
        told = ", ".join(f"{figure} ({rest[figure]})" for figure in Figure if rest[figure])
        print(f"No difference beyond noise in {rest.total()} of {count} comparisons: {told}.")
    if not count:
        print("Nothing could be compared.")
    _show_missing(found)


def _show_missing(found: Comparison) -> None:
    from analyzer.compare import gathered

    lines = [
        f"{reason}: {', '.join(names[:_SUBJECTS])}" + (f" and {len(names) - _SUBJECTS} more" * (len(names) > _SUBJECTS))
        for reason, names in gathered(found.missing)
    ]
    for side, names in (("A", found.only_a), ("B", found.only_b)):
        if names:
            lines.append(f"nodes only in {side}, perhaps renamed: {', '.join(names)}")
    if lines:
        print("Not compared:")
        for line in lines:
            print(printable(f"  {line}"))


def _told(run: Run) -> str:
    origin = "" if run.origin == "measured" else f"{run.origin.upper()}, no measurement of a site; "
    nodes = ", ".join(run.nodes)
    return f"{origin}{run.cluster} ({nodes}), {span(run.duration_s)} from {run.started}, phase {run.phase}"


def _row(item: Compared) -> tuple[str, ...]:
    relative = f"{item.change / item.a:+.1%}".replace("%", " %") if item.a else "from nothing"
    low, high = (_signed(value, item.unit) for value in (item.low, item.high))
    return (
        str(item.figure),
        item.subject.name,
        quantity(item.a, item.unit),
        quantity(item.b, item.unit),
        relative,
        f"{low} and {high}",
    )


def _signed(value: float, unit: str) -> str:
    return f"{'-' if value < 0 else '+'}{quantity(abs(value), unit)}"


COMMANDS: Mapping[str, Callable[[list[str]], int]] = {"compare": compare}
