"""What a person sees of a running collection: one status line on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import shutil
import sys
import time

from collector.errors import printable
from collector.supervisor import Status

_EVERY_S = 60.0
ALONE_S = 120.0
"""No path up for so long is no start that takes its time (design value)."""


def duration(seconds: float) -> str:
    """``23:59:12``, or ``2d 03:00:00``."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}d {clock}" if days else clock


def size(count: int) -> str:
    """``1.2 MB`` (powers of ten)."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def rtt(microseconds: int | None) -> str:
    """``0.13 ms``; a dash if there was no reply yet."""
    return "-" if microseconds is None else f"{microseconds / 1000:.2f} ms"


def line(node: str, status: Status, width: int = 1000) -> str:
    """What is worth knowing, the most important first; what does not fit into `width` is left out as a whole."""
    lost = max(0, status.sent - status.answered - status.up)  # the newest probe of a path is still under way
    loss = f"{lost} of {status.sent}" if status.sent else "-"
    parts = [
        node,
        *(["NOTHING IS BEING MEASURED"] if status.alone_s >= ALONE_S else []),
        f"left {duration(status.left_s)}",
        f"paths up {status.up}/{status.paths}",
        *([f"observers {status.answering}/{status.observers}"] if status.observers else []),
        f"lost {loss}",
        f"slowest now {rtt(status.rtt_us)}",
        f"archive {size(status.size_B)}",
        *([f"testing {status.test}"] if status.test else []),
    ]
    while len(parts) > 1 and len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)


class Display:
    """Writes to stderr, so that stdout carries nothing but the result."""

    def __init__(self, node: str, *, quiet: bool) -> None:
        self._node = node
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._shown = False
        self._next_s = 0.0

    def status(self, status: Status) -> None:
        """Once a second."""
        if self._quiet:
            return
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._write("\r" + line(self._node, status, width)[:width].ljust(width))
            self._shown = True
        elif time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _EVERY_S
            self._write(line(self._node, status) + "\n")

    def event(self, text: str) -> None:
        """Something happened that an installer wants to know."""
        if not self._quiet:
            self.clear()
            self._write(f"{time.strftime('%H:%M:%S')}  {printable(text)}\n")

    def clear(self) -> None:
        """Take the status line away."""
        if self._shown:
            width = shutil.get_terminal_size().columns - 1
            self._shown = False
            self._write("\r" + " " * width + "\r")

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            self._quiet = True  # the terminal was closed; the run goes on without one
