"""Kernel timestamps on UDP sockets (Linux ``SO_TIMESTAMPING``); elsewhere sockets work without them.

A transmit stamp comes back on the socket's error queue. `select` reports such a socket as readable, so whoever waits
on it has to drain the queue, or it spins.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import NamedTuple

from collector.machine import LINUX

# linux/net_tstamp.h; Python has no names for them.
_SO_TIMESTAMPING = _SCM_TIMESTAMPING = 37
_TX_SOFTWARE, _RX_SOFTWARE, _SOFTWARE, _OPT_ID, _OPT_TSONLY = 1 << 1, 1 << 3, 1 << 4, 1 << 7, 1 << 11
_STAMPS = _TX_SOFTWARE | _RX_SOFTWARE | _SOFTWARE | _OPT_ID | _OPT_TSONLY
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_IP_RECVTTL, _IP_TTL = 12, 2
_IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 51, 52
_ORIGIN_TIMESTAMPING = 4
_TIMESPEC = struct.Struct("@qq")
_ERROR = struct.Struct("@IBBBBII")
_ANCILLARY_B = 256
_MSG_DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0)
_MSG_ERRQUEUE = getattr(socket, "MSG_ERRQUEUE", 0)
LARGEST_B = 1 << 16
"""Any datagram: the packets that look for the path MTU are as large as interfaces allow. A larger buffer costs nothing."""
_BUFFER_B = 4 << 20
_SO_RCVBUFFORCE = 33


class Received(NamedTuple):
    """A datagram; `stamp_ns` is the kernel's arrival time since 1970, None where it did not say."""

    data: bytes
    address: str
    port: int
    stamp_ns: int | None
    ttl: int | None


def udp_socket(address: str, port: int, dscp: int = 0) -> socket.socket:
    """A non-blocking UDP socket bound to `address`, asking for stamps and TTL; what it sends is marked with `dscp`.

    Raises:
        OSError: the address is not on this machine, the port is taken, or marks are not allowed.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        # A stall of this process must not overflow the buffer: that would look like loss on the network.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_B)
        with contextlib.suppress(OSError, AttributeError):  # beyond the system's bound only with CAP_NET_ADMIN
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE if LINUX else socket.SO_RCVBUF, _BUFFER_B)
        mark(sock, dscp)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    if LINUX:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        restart_stamps(sock)
    return sock


def mark(sock: socket.socket, dscp: int) -> None:
    """Mark what the socket sends with `dscp`; 0 leaves it as it is."""
    if dscp and sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
    elif dscp:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)


def restart_stamps(sock: socket.socket) -> None:
    """Ask for stamps anew: the numbers of transmit stamps start at 0 again."""
    if LINUX:
        with contextlib.suppress(OSError):  # a kernel without it: user-space times are used and flagged
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, 0)
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _STAMPS)


def receive(sock: socket.socket) -> Received | None:
    """The next datagram, or None if none waits."""
    if not LINUX:
        try:
            data, source = sock.recvfrom(LARGEST_B)
        except (BlockingIOError, ConnectionError):
            return None
        return Received(data, source[0], source[1], None, None)
    try:
        data, ancillary, _, source = sock.recvmsg(LARGEST_B, _ANCILLARY_B, _MSG_DONTWAIT)
    except (BlockingIOError, ConnectionError):
        return None
    stamp = ttl = None
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SCM_TIMESTAMPING:
            stamp = _nanoseconds(value)
        elif (level, kind) in ((socket.IPPROTO_IP, _IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT)):
            ttl = int.from_bytes(value[:4], sys.byteorder)
    return Received(data, source[0], source[1], stamp, ttl)


def transmit_stamps(sock: socket.socket, expected: int) -> list[tuple[int, int]]:
    """Up to `expected` entries of the error queue: (number of the send since the stamps were started, ns since 1970)."""
    found: list[tuple[int, int]] = []
    while _MSG_ERRQUEUE and len(found) < expected:
        try:
            _, ancillary, _, _ = sock.recvmsg(0, _ANCILLARY_B, _MSG_ERRQUEUE | _MSG_DONTWAIT)
        except (BlockingIOError, ConnectionError):
            break
        stamp = number = None
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SCM_TIMESTAMPING:
                stamp = _nanoseconds(value)
            elif kind in (_IP_RECVERR, _IPV6_RECVERR) and len(value) >= _ERROR.size:
                _errno, origin, _type, _code, _pad, _info, data = _ERROR.unpack_from(value)
                number = data if origin == _ORIGIN_TIMESTAMPING else None
        if stamp is not None and number is not None:
            found.append((number, stamp))
    return found


def _nanoseconds(value: bytes) -> int | None:
    """The software stamp of struct scm_timestamping; zero means there is none."""
    seconds, rest = _TIMESPEC.unpack_from(value)
    return (seconds * 1_000_000_000 + rest) or None
