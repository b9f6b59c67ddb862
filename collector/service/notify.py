"""What the collector tells systemd while it runs: that it is ready, lives, and ends (sd_notify(3)).

A datagram to the socket that ``NOTIFY_SOCKET`` names; one beginning with ``@`` is in the abstract namespace. Without that variable nothing is
sent, and what cannot be sent is lost: measuring does not depend on it.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping

from collector.display import line
from collector.supervisor import Status

STATUS_NS = 10_000_000_000
_BEATS = 4
"""The watchdog hears of us so often within its time (sd_watchdog_enabled(3) advises two)."""


class Notifier:
    """Told how the run fares once a second, by the main process itself: when that hangs, the watchdog hears nothing."""

    def __init__(self, node: str, environ: Mapping[str, str], pid: int, monotonic_ns: Callable[[], int]) -> None:
        self._node = node
        self._now_ns = monotonic_ns
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._sock = _open() if self._address else None
        self._watchdog_ns = _watchdog_ns(environ, pid)
        self._beat_ns = self._status_ns = 0
        self._ready = self._ending = False

    def look(self, status: Status) -> None:
        """The first call means that sampling has begun; one with `ending` that it has stopped."""
        if self._sock is None:
            return
        now = self._now_ns()
        words = []
        if not self._ready:
            self._ready = True
            words.append("READY=1")
        if status.ending and not self._ending:
            self._ending = True
            words += ["STOPPING=1", f"STATUS={status.ending}; sealing the archive"]
        elif now >= self._status_ns:
            self._status_ns = now + STATUS_NS
            words.append(f"STATUS={line(self._node, status)}")
        if self._watchdog_ns and now >= self._beat_ns:
            self._beat_ns = now + self._watchdog_ns // _BEATS
            words.append("WATCHDOG=1")
        if words:
            self._send("\n".join(words))

    def close(self) -> None:
        """Say no more."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _send(self, text: str) -> None:
        assert self._sock is not None
        with contextlib.suppress(OSError):  # nobody listens, or its queue is full
            self._sock.sendto(text.encode(errors="replace"), self._address)


def _open() -> socket.socket | None:
    if not hasattr(socket, "AF_UNIX"):
        return None
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.setblocking(False)
    return sock


def _address(named: str) -> str:
    """Empty for what is no address of ours (sockets of virtual machines, say)."""
    if named.startswith("@") and len(named) > 1:
        return "\0" + named[1:]
    return named if named.startswith("/") else ""


def _watchdog_ns(environ: Mapping[str, str], pid: int) -> int:
    """How often we have to be heard of; 0 if nobody listens for it, or it is meant for another process."""
    span, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not span.isascii() or not span.isdecimal() or whose not in ("", str(pid)):
        return 0
    return int(span) * 1000
