"""``haready export``: every table of an archive as CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from collector.archive.format import Block
from collector.archive.reader import open_archive
from collector.errors import (
    Arguments,
    Exit,
    OperatorError,
    make_folder,
    printable,
)
from collector.plan import NAME


def export(arguments: list[str]) -> int:
    """Every table as CSV."""
    parser = Arguments(
        prog="haready export",
        description="Write every table of an archive as CSV: stored integers, units in the column names.",
    )
    parser.add_argument("archive", type=Path, metavar="ARCHIVE")
    parser.add_argument(
        "--csv", type=Path, required=True, metavar="DIR", help="folder for TABLE.csv files; made if missing"
    )
    parser.add_argument("--force", action="store_true", help="overwrite CSV files that are there")
    given = parser.read(arguments)
    archive = open_archive(given.archive)
    folder: Path = given.csv
    make_folder(folder, "--csv")
    if not given.force and any(folder.glob("*.csv")):
        raise OperatorError(
            f"{folder} has CSV files already", "choose another folder with --csv, or overwrite them with --force"
        )
    written: dict[str, tuple[Any, tuple[str, ...]]] = {}
    try:
        with ExitStack() as files:
            for segment in archive.segments():
                for block in segment.blocks:
                    # Names come from the archive; one that is no plain name becomes no file.
                    if not NAME.match(block.table):
                        raise OperatorError(
                            f"{given.archive}: table name {block.table[:40]!r} is not usable",
                            "it was not written by haready",
                        )
                    heading = (*block.labels, *block.columns)
                    if block.table not in written:
                        file = files.enter_context(
                            (folder / f"{block.table}.csv").open("w", newline="", encoding="utf-8")
                        )
                        written[block.table] = (csv.writer(file, lineterminator="\n"), heading)
                        written[block.table][0].writerow(heading)
                    writer, expected = written[block.table]
                    if heading != expected:
                        raise OperatorError(
                            f"{given.archive}: table {block.table} changes its columns", "run haready verify"
                        )
                    try:
                        rows = list(_rows(block))
                    except ValueError as error:
                        archive.damage.append(f"segment {segment.seq}: {error}")
                        continue
                    writer.writerows(rows)
    except OSError as error:
        raise OperatorError(
            f"cannot write to {folder}: {error.strerror}", "choose another folder with --csv"
        ) from error
    for table in sorted(written):
        print(folder / f"{table}.csv")
    for text in archive.damage:
        print(printable(f"warning: {text}"), file=sys.stderr)
    return Exit.ARCHIVE if archive.damage else Exit.DONE


def _rows(block: Block) -> Iterator[tuple[str | int | None, ...]]:
    labels = tuple(block.labels.values())
    columns = [block.column(name) for name in block.columns]
    for values in zip(*columns, strict=True):
        yield (*labels, *values)
