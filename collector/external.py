"""The only place that starts a program. Always without a shell, in the C locale, and under a deadline."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.errors import OperatorError, Unavailable

Running = subprocess.Popen[bytes]
"""A program in the background."""
_PR_SET_PDEATHSIG = 1
_GONE_S = 5.0
"""What was killed is waited for so long; one that hangs in the kernel is left to itself."""


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


def listen(command: Sequence[str]) -> Running:
    """Start a program whose output (both streams) the caller reads from `stdout` and which he has to `end`.

    It has a session of its own, so that what it starts itself can be ended with it; a terminal's signals do not reach it. On Linux the
    kernel ends it when the calling thread ends, however that ends. The caller must have no other thread.

    Raises:
        Unavailable: it is not on this machine, or may not be run.
    """
    try:
        return subprocess.Popen(  # noqa: S603 - our own argument list, no shell
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"LC_ALL": "C"},
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - there is no other thread
        )
    except (FileNotFoundError, PermissionError) as error:
        raise Unavailable(f"{command[0]}: {error.strerror}") from error


def end(process: Running) -> None:
    """End a program that `listen` started, if it has not ended yet, with all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # Before it is waited for: until then nobody else can have its number.
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GONE_S)


def cpu_s(process: Running) -> float:
    """CPU that a running program has used itself, in s; 0 where the system does not tell."""
    try:
        # The name, in brackets, may hold anything; what follows it does not.
        fields = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def _die_with_parent() -> Callable[[], None] | None:
    """What a new process has to do so that it never outlives this one, not even if this one is killed."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it was killed before the kernel had been asked

    return ask


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
