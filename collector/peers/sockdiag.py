"""How much other programs' TCP connections at a port have carried, from the kernel (Linux, NETLINK_SOCK_DIAG)."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

_SOCK_DIAG, _BY_FAMILY, _REQUEST_DUMP = 4, 20, 0x301
_DONE, _ERROR = 3, 2
_INFO = 2
_ESTABLISHED = 1 << 1
_HEAD = struct.Struct("=IHHII")
_ASK = struct.Struct("=BBBBI")
_MESSAGE_B = 72
"""struct inet_diag_msg; attributes follow it."""
_ATTRIBUTE = struct.Struct("=HH")
_ACKED_AT, _RECEIVED_AT = 120, 128
"""tcpi_bytes_acked and tcpi_bytes_received in struct tcp_info (Linux 4.1)."""
_PATIENCE_S = 0.2
_CHUNK = 1 << 16


def carried_B(port: int, *, v6: bool) -> tuple[int, int] | None:
    """Octets (in, out) of all established connections with that port at either end; None where the kernel does not tell."""
    family = socket.AF_INET6 if v6 else socket.AF_INET
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as sock:
            sock.settimeout(_PATIENCE_S)
            total_in = total_out = 0
            # The kernel picks by either port, so each end is asked for by itself.
            for place in (0, 2):
                sock.sendto(_question(family, port, place), (0, 0))
                for received, acked in _answers(sock):
                    total_in, total_out = total_in + received, total_out + acked
    except (OSError, AttributeError, struct.error):
        return None
    return total_in, total_out


def _question(family: int, port: int, place: int) -> bytes:
    ports = bytearray(4)
    ports[place : place + 2] = port.to_bytes(2, "big")
    body = _ASK.pack(family, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _ESTABLISHED) + bytes(ports) + bytes(44)
    return _HEAD.pack(_HEAD.size + len(body), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + body


def _answers(sock: socket.socket) -> Iterator[tuple[int, int]]:
    while True:
        data = sock.recv(_CHUNK)
        while len(data) >= _HEAD.size:
            length, kind, *_ = _HEAD.unpack_from(data)
            if kind in (_DONE, _ERROR) or length < _HEAD.size:
                return
            with contextlib.suppress(KeyError):
                info = _attributes(data[_HEAD.size + _MESSAGE_B : length])[_INFO]
                if len(info) >= _RECEIVED_AT + 8:
                    acked, received = struct.unpack_from("=QQ", info, _ACKED_AT)
                    yield received, acked
            data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
    return found
