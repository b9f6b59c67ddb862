"""How much waits in the kernel's queue of each network interface (Linux, NETLINK_ROUTE); needs no privilege and sets nothing."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from collector.errors import Unavailable

_ROUTE, _GET_QDISC, _REQUEST_DUMP = 0, 38, 0x301
_ERROR, _DONE = 2, 3
_ROOT = 0xFFFFFFFF
_STATS2, _STATS_QUEUE = 7, 3
_HEAD = struct.Struct("=IHHII")
_TCMSG = struct.Struct("=BxxxiIII")
_ATTRIBUTE = struct.Struct("=HH")
_QUEUE = struct.Struct("=III")
_NESTED = 0x3FFF
"""Bits of an attribute's type that are its number (NLA_TYPE_MASK)."""
_CHUNK = 1 << 16
_PATIENCE_S = 0.2


@dataclass(frozen=True, slots=True)
class Waiting:
    """Packets and bytes in an interface's queue now, and packets that it has dropped since it was set up."""

    packets: int
    size_B: int
    drops: int


def waiting() -> dict[str, Waiting]:
    """Every interface that has a queue, by name; of a card with several it is their sum.

    Raises:
        Unavailable: the kernel does not tell.
    """
    if not hasattr(socket, "AF_NETLINK"):
        raise Unavailable("this system has no NETLINK")
    try:
        names = dict(socket.if_nameindex())
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _ROUTE) as sock:
            sock.settimeout(_PATIENCE_S)
            body = _TCMSG.pack(0, 0, 0, 0, 0)
            sock.sendto(_HEAD.pack(_HEAD.size + len(body), _GET_QDISC, _REQUEST_DUMP, 1, 0) + body, (0, 0))
            found = dict(_answers(sock))
    except OSError as error:
        raise Unavailable(f"queues of the interfaces: {error.strerror or error}") from error
    return {names[index]: told for index, told in found.items() if index in names}


def _answers(sock: socket.socket) -> Iterator[tuple[int, Waiting]]:
    while True:
        data = sock.recv(_CHUNK)
        if not data:
            return
        found, last = parsed(data)
        yield from found
        if last:
            return


def parsed(data: bytes) -> tuple[list[tuple[int, Waiting]], bool]:
    """The root queues in one answer of the kernel by index of the interface, and whether it was the last answer."""
    found: list[tuple[int, Waiting]] = []
    at = 0
    while len(data) - at >= _HEAD.size:
        length, kind, *_ = _HEAD.unpack_from(data, at)
        if kind in (_DONE, _ERROR) or length < _HEAD.size:
            return found, True
        message = data[at + _HEAD.size : at + length]
        if len(message) >= _TCMSG.size:
            _, index, _, parent, _ = _TCMSG.unpack_from(message)
            told = _queue(message[_TCMSG.size :]) if parent == _ROOT else None
            if told is not None:
                found.append((index, told))
        at += (length + 3) & ~3
    return found, False


def _queue(attributes: bytes) -> Waiting | None:
    stats = _attribute(attributes, _STATS2)
    queue = None if stats is None else _attribute(stats, _STATS_QUEUE)
    return Waiting(*_QUEUE.unpack_from(queue)) if queue is not None and len(queue) >= _QUEUE.size else None


def _attribute(data: bytes, wanted: int) -> bytes | None:
    """The value of the first attribute of that number."""
    at = 0
    while len(data) - at >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return None
        if kind & _NESTED == wanted:
            return data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return None
