"""The ports that a node opens on its planned addresses, and why one cannot be opened in words that say what to do."""

from __future__ import annotations

import errno
import socket

from collector.errors import OperatorError
from collector.peers.timestamps import udp_socket

_WAITING = 16
"""Callers that the kernel keeps until they are accepted."""


def tcp_listener(address: str, network: str, port: int) -> socket.socket:
    """A non-blocking TCP socket that listens there, for HELLO.

    Raises:
        OperatorError: the address is not on this machine, or the port is taken.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((address, port))
        sock.listen(_WAITING)
    except OSError as error:
        sock.close()
        raise _cannot_bind(error, address, network, port, "TCP") from error
    return sock


def udp_listener(address: str, network: str, port: int, dscp: int) -> socket.socket:
    """The reflector's UDP socket there; its replies are marked with `dscp`.

    Raises:
        OperatorError: the address is not on this machine, or the port is taken.
    """
    try:
        return udp_socket(address, port, dscp)
    except OSError as error:
        raise _cannot_bind(error, address, network, port, "UDP") from error


def _cannot_bind(error: OSError, address: str, network: str, port: int, protocol: str) -> OperatorError:
    if error.errno == errno.EADDRINUSE:
        return OperatorError(
            f"{protocol} port {port} on {address} ({network}) is in use",
            "is another collector running here? otherwise set [probe] port in the plan, on every node",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return OperatorError(
            f"address {address} ({network}) is not on this machine",
            "is --node right? compare the plan with `ip address`",
        )
    return OperatorError(f"cannot use {address} ({network}), {protocol} port {port}: {error.strerror}", "see the plan")
