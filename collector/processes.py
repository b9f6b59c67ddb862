"""Processes of one node: forked from a single-threaded parent, joined to it by two pipes.

A child writes frames (marshal: both ends are the same interpreter) to its parent and reads orders from it. When the
parent goes, however it goes, the child's order pipe ends and the child leaves.
"""

from __future__ import annotations

import marshal
import os
import signal
import struct
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

_LENGTH = struct.Struct("<I")
_PIPE_B = 1 << 20
_CHUNK_B = 1 << 16
_AT_ONCE = 256
_BACKLOG_B = 64 << 20
_F_SETPIPE_SZ = 1031

Message = tuple[Any, ...]
"""First element: the kind of message."""


class Outlet:
    """The writing end of a pipe of messages. It never blocks: what does not fit waits here, up to 64 MiB.

    What does not fit there either is dropped, and a message ``("dropped", count)`` says how much.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._dropped = 0
        self._waiting: deque[bytes] = deque()
        self._waiting_B = 0
        os.set_blocking(fd, False)

    def put(self, message: Message) -> None:
        """Send, or keep for the next `push`; beyond the bound the message is dropped and counted.

        Raises:
            BrokenPipeError: the reader is gone.
        """
        self.hold(message)
        self.push()

    def hold(self, message: Message) -> None:
        """Keep for the next `push`: every write wakes the reader, and waking costs more than what is said."""
        if self._waiting_B > _BACKLOG_B:
            self._dropped += 1
            return
        if self._dropped:
            count, self._dropped = self._dropped, 0
            self.hold(("dropped", count))
        data = marshal.dumps(message)
        self._waiting.append(_LENGTH.pack(len(data)) + data)
        self._waiting_B += len(data) + _LENGTH.size

    def push(self) -> bool:
        """Write what waits; True if nothing waits any more."""
        while self._waiting:
            try:
                written = os.writev(self.fd, list(islice(self._waiting, _AT_ONCE)))
            except BlockingIOError:
                return False
            except BrokenPipeError:
                self._waiting.clear()
                self._waiting_B = 0
                raise
            self._waiting_B -= written
            while self._waiting and written >= len(self._waiting[0]):
                written -= len(self._waiting.popleft())
            if written:
                self._waiting[0] = self._waiting[0][written:]
        return True


class Inlet:
    """The reading end of a pipe of messages, non-blocking."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.ended = False
        self._data = bytearray()
        os.set_blocking(fd, False)

    def messages(self) -> Iterator[Message]:
        """All that is there now. `ended` is set when the writer is gone."""
        while True:
            try:
                chunk = os.read(self.fd, _CHUNK_B)
            except BlockingIOError:
                break
            if not chunk:
                self.ended = True
                break
            self._data += chunk
        at = 0
        try:
            while len(self._data) - at >= _LENGTH.size:
                (size,) = _LENGTH.unpack_from(self._data, at)
                end = at + _LENGTH.size + size
                if end > len(self._data):
                    break
                frame, at = self._data[at + _LENGTH.size : end], end
                yield marshal.loads(frame)  # noqa: S302 - written by our own child
        finally:
            del self._data[:at]


@dataclass(slots=True)
class Child:
    """A process of ours."""

    name: str
    pid: int
    inlet: Inlet
    orders: Outlet

    def kill(self) -> None:
        """End it at once, reap it and close its pipes.

        One that hangs in the kernel (a dead file server) cannot be ended: after a second it is left to itself.
        """
        os.kill(self.pid, signal.SIGKILL)
        self.reap(1.0)

    def reap(self, patience_s: float = 10.0) -> int | None:
        """Wait for its end for so long, close its pipes and return its wait status; None if it has not ended."""
        deadline = time.monotonic() + patience_s
        pid = status = 0
        while not pid and time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            time.sleep(0 if pid else 0.005)
        os.close(self.inlet.fd)
        os.close(self.orders.fd)
        return status if pid else None


def fork(name: str, body: Callable[[Inlet, Outlet], None], keep: Iterable[int] = ()) -> Child:
    """Start `body(orders, out)` in a process of its own. It keeps stdio and the descriptors in `keep`, nothing else.

    The parent must have no other thread. The child never returns from here.
    """
    up_read, up_write = os.pipe()
    down_read, down_write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(up_write)
        os.close(down_read)
        return Child(name, pid, Inlet(up_read), Outlet(down_write))
    status = 70
    try:
        # Ctrl-C reaches every process of a terminal; the parent decides when to end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        _close_all_but({0, 1, 2, up_write, down_read, *keep})
        if sys.platform.startswith("linux"):
            import fcntl

            fcntl.fcntl(up_write, _F_SETPIPE_SZ, _PIPE_B)
        body(Inlet(down_read), Outlet(up_write))
        status = 0
    except BrokenPipeError:
        status = 0  # the parent is gone; nobody is left to be told
    finally:
        # Leave here whatever happens, even if stderr is gone: unwinding would run the parent's code in the child.
        try:
            if status:
                traceback.print_exc()
        finally:
            os._exit(status)


def _close_all_but(keep: set[int]) -> None:
    """Close what was inherited. The parent's Python objects stay referenced up the stack, so none closes again."""
    low = 3
    for fd in sorted(keep | {min(1 << 20, os.sysconf("SC_OPEN_MAX"))}):
        if fd >= low:
            os.closerange(low, fd)
            low = fd + 1
