"""``haready analyze``: archives to assessment.json.

numpy and pandas are imported only when they are needed, so that a node without them gets two clear lines.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.contract import Basis, Change, Verdict
from analyzer.contract.advice import AS_MEASURED, FLOOR, SCENARIO
from collector.errors import (
    STANDARD,
    Arguments,
    Exit,
    OperatorError,
    check_result,
    missing_extra,
    printable,
    refuse_archive,
)
from collector.plan import Origin

if TYPE_CHECKING:
    from datetime import datetime

    from analyzer.contract import Assessment, Recommendation


def add_control(parser: Arguments) -> None:
    """The options of the operator's control, which `assess` and `analyze` share."""
    parser.add_argument(
        "--profile",
        default="",
        metavar="NAME|FILE",
        help="change limits: a built-in profile (`haready list profiles`) or a TOML file",
    )
    parser.add_argument(
        "--waivers", type=Path, metavar="FILE", help="findings that somebody accepts, with reason and last day (TOML)"
    )


def assess_archives(
    paths: list[Path], created: datetime | None = None, profile: str = "", waivers: Path | None = None
) -> Assessment:
    """Assess the archives of one run. `created` (default: now) is stamped into the result.

    `profile`: name or file of a profile; `waivers`: a file of waivers.

    Raises:
        OperatorError: numpy or pandas is missing, the archives do not belong together, or profile or waivers have mistakes.
        ArchiveError: an archive cannot be used.
    """
    require_extra()
    from analyzer.assess import assess
    from analyzer.waivers import load

    return assess(paths, created, profile, load(waivers) if waivers else ())


def require_extra() -> None:
    """Refuse in two lines where numpy or pandas is missing.

    Raises:
        OperatorError: one of them is.
    """
    try:
        import numpy  # noqa: F401, ICN001 - only looked for
        import pandas  # noqa: F401, ICN001
    except ImportError as error:
        raise missing_extra("the analysis", ("numpy", "pandas")) from error


class _PrintSchema(argparse.Action):
    """Like ``--help``: it asks for no archive."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from analyzer.schema import text

        print(text(), end="")
        parser.exit()


def analyze(arguments: list[str]) -> int:
    """Write the assessment and print the verdict; the exit code follows from it."""
    parser = Arguments(
        prog="haready analyze", description="Judge the archives of one run and write the assessment as JSON."
    )
    parser.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE", help="one archive per node")
    parser.add_argument(
        "--schema",
        action=_PrintSchema,
        nargs=0,
        help="print the JSON Schema of the assessment, and do nothing else",
    )
    parser.add_argument(
        "-o",
        "--out",
        "--output",
        dest="output",
        type=Path,
        metavar="FILE",
        help="default: CLUSTER-START-assessment.json, replaced if it is there; - writes it to standard output, and all else to standard error",
    )
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    add_control(parser)
    options = parser.read(arguments)
    if options.output == STANDARD:
        assessment = assess_archives(options.archives, profile=options.profile, waivers=options.waivers)
        print(assessment.to_json(), end="")
        with contextlib.redirect_stdout(sys.stderr):
            print_verdict(assessment)
            print_settings(assessment)
        return verdict_exit(assessment.verdict)
    if options.output:
        check_result(options.output, "-o", force=options.force)
    assessment = assess_archives(options.archives, profile=options.profile, waivers=options.waivers)
    output = options.output or Path(f"{assessment.stem}-assessment.json")
    write_assessment(assessment, output)
    print_verdict(assessment)
    print_settings(assessment)
    print(output)
    return verdict_exit(assessment.verdict)


def verdict_exit(verdict: Verdict) -> int:
    """The exit code of a verdict."""
    match verdict:
        case Verdict.SUITABLE:
            return Exit.DONE
        case Verdict.UNSUITABLE:
            return Exit.UNSUITABLE
        case Verdict.WAIVED | Verdict.CONDITIONAL | Verdict.INCONCLUSIVE:
            return Exit.CONDITIONAL


def print_verdict(assessment: Assessment) -> None:
    """The verdict and its reasons to standard output. They hold names of devices, which come from the archives."""
    if assessment.origin != Origin.MEASURED:
        print(f"{printable(assessment.origin.upper())}: no measurement of a site")
    print(f"verdict: {assessment.verdict}")
    print(printable(assessment.summary))
    for reason in assessment.reasons:
        print(f"  - {printable(reason)}")
    _print_control(assessment)


def _print_control(assessment: Assessment) -> None:
    """What the operator changed: the profile's limits, and what came of each waiver."""
    if assessment.profile:
        relaxed = sum(change.limit.change is Change.RELAXED for change in assessment.changes)
        stricter = len(assessment.changes) - relaxed
        print(f"profile {printable(assessment.profile)}: limits relaxed: {relaxed}, made stricter: {stricter}")
    for use in assessment.waivers:
        remark = use.remark or f"until {use.waiver.until}, {use.waiver.who}: {use.waiver.reason}"
        print(printable(f"waiver {use.waiver.rule} of {use.waiver.subject} {use.state}: {remark}"))


def print_settings(assessment: Assessment) -> None:
    """The recommended values to standard output, for a server without a viewer; why, and where to enter them, is in the report."""
    if not assessment.recommendations:
        return
    ready = assessment.verdict in (Verdict.SUITABLE, Verdict.WAIVED, Verdict.CONDITIONAL)
    print("settings to enter:" if ready else "provisional settings, do not enter them yet:")
    for advice in assessment.recommendations:
        whom = advice.subject.name.replace("+", " and ")
        if not advice.settings:
            print(f"  {advice.title}, {whom}: none. {' '.join(advice.notes[:1])}".rstrip())
            continue
        print(f"  {advice.title}, {whom}{_decided(advice)}:")
        for item in advice.settings:
            value = f"{item.value:.10g}" if isinstance(item.value, float) else item.value
            unit = "" if item.unit in ("", "1") else f" {item.unit}"
            told = [item.only_if, "" if item.verified else "unverified"]
            print(f"    {item.option} = {value}{unit}{''.join(f'  ({word})' for word in told if word)}")


def _decided(advice: Recommendation) -> str:
    """What a timeout rests on; a floor or a scenario that decided is no measurement."""
    binding = next((item.name for item in advice.constraints if item.binding), "")
    if not binding:
        return ""
    if advice.basis is Basis.MEASURED and (
        binding == FLOOR or (binding.startswith(SCENARIO) and not binding.endswith(AS_MEASURED))
    ):
        return f" ({binding}; the measurement asks for no more)"
    return f" ({advice.basis})"


def write_assessment(assessment: Assessment, path: Path, option: str = "-o") -> None:
    """Write the JSON whole or not at all. `option`: how to choose another place.

    Raises:
        OperatorError: it cannot be written there.
    """
    refuse_archive(path)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(assessment.to_json())
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise OperatorError(f"cannot write {path}: {error.strerror}", f"choose another place with {option}") from error
    finally:
        part.unlink(missing_ok=True)


COMMANDS: Mapping[str, Callable[[list[str]], int]] = {"analyze": analyze}
