"""Hands a connection that main has made over to another process of this node (SCM_RIGHTS)."""

from __future__ import annotations

import marshal
import socket

from collector.processes import Message

_LARGEST_B = 4096


def hatch() -> tuple[socket.socket, socket.socket]:
    """(main's end, the other process's end), both non-blocking."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in ends:
        end.setblocking(False)
    return ends


def give(end: socket.socket, message: Message, sock: socket.socket) -> bool:
    """Hand `sock` over and close it here; False if nobody takes it: then it is closed altogether."""
    try:
        socket.send_fds(end, [marshal.dumps(message)], [sock.fileno()])
    except OSError:
        return False
    finally:
        sock.close()
    return True


def take(end: socket.socket) -> tuple[Message, socket.socket] | None:
    """The next connection that was handed over, or None."""
    try:
        data, fds, _, _ = socket.recv_fds(end, _LARGEST_B, 1)
    except OSError:
        return None
    if not fds:
        return None
    message: Message = marshal.loads(data)  # noqa: S302 - written by our own parent
    return message, socket.socket(fileno=fds[0])
