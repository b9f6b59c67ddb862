"""The only place that starts a program. Always without a shell, in the C locale, and under a deadline."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.errors import OperatorError, Unavailable

Running = subprocess.Popen[bytes]
"""A program in the background."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ran to its end: exit code and both streams."""

    code: int
    out: str
    err: str


def run(command: Sequence[str], deadline_s: float) -> Finished:
    """Run a program to its end.

    Raises:
        Unavailable: it is not on this machine, or may not be run.
        OperatorError: it was still running at the deadline; it has been ended.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own argument list, no shell
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=os.environ | {"LC_ALL": "C"},
            timeout=deadline_s,
            check=False,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise Unavailable(f"{command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise OperatorError(
            f"{' '.join(command)!r} did not end within {deadline_s:g} s", "it has been ended"
        ) from error
    return Finished(
        done.returncode, done.stdout.decode("utf-8", errors="replace"), done.stderr.decode("utf-8", errors="replace")
    )


def start(command: Sequence[str], log: Path, *, leash: bool = False) -> Running:
    """Start a program in the background, its output (both streams) going to `log`; the caller has to `finish` it.

    With `leash` its standard input is a pipe from this process, which ends when this process does, however it ends.
    """
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own argument list, no shell
            list(command),
            stdin=subprocess.PIPE if leash else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"LC_ALL": "C", "PYTHONUNBUFFERED": "1"},
        )


def finish(process: Running, deadline_s: float) -> int:
    """Wait for the end of a started program and return its exit code.

    Raises:
        OperatorError: it was still running at the deadline; it has been ended.
    """
    try:
        return process.wait(deadline_s)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.wait()
        raise OperatorError(f"{process.args!r} did not end in time", "see its log") from error
