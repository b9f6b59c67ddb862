"""The only place that starts a program. Always without a shell, in the C locale, and under a deadline."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from collector.errors import OperatorError


def start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program in the background, its output (both streams) going to `log`; the caller has to `finish` it."""
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own argument list, no shell
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"LC_ALL": "C", "PYTHONUNBUFFERED": "1"},
        )


def finish(process: subprocess.Popen[bytes], deadline_s: float) -> int:
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
