"""What the kernel knows of a TCP connection: smoothed round trip, retransmission timeout, segments sent again (Linux, TCP_INFO)."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

_INFO = struct.Struct("@8B24I")
"""The part of struct tcp_info (linux/tcp.h) that every kernel since 2.6 has."""
_BACKOFF, _RTO, _RTT, _RTTVAR, _RETRANSMITTED = 4, 8, 23, 24, 31


class TcpInfo(NamedTuple):
    """`rto_us` is doubled with every step of `backoff`; `retransmitted` counts since the connection was opened."""

    rtt_us: int
    rttvar_us: int
    rto_us: int
    backoff: int
    retransmitted: int


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """None where the platform does not tell."""
    try:
        value = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    except (AttributeError, OSError):
        return None
    if len(value) < _INFO.size:
        return None
    words = _INFO.unpack(value)
    return TcpInfo(words[_RTT], words[_RTTVAR], words[_RTO], words[_BACKOFF], words[_RETRANSMITTED])
