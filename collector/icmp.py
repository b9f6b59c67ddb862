"""ICMP echo: the request, its answer, and whichever socket this process may have.

A ping socket needs no privilege where ``net.ipv4.ping_group_range`` holds the user's group; it hands over nobody else's
answers and writes its own identifier. A raw socket needs CAP_NET_RAW and hears all ICMP of the machine. Either way an answer counts
only if identifier and data are ours; the caller compares the rest.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import secrets
import socket
import struct
from dataclasses import dataclass

from collector.errors import Unavailable
from collector.machine import LINUX
from collector.plan import Address

DATA_B = 56
"""As ping(8) sends by default, so that 84 octets of IPv4 are on the wire."""

_HEADER = struct.Struct(">BBHHH")
_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
_LARGEST_B = 2048
_ANCILLARY_B = 256
# asm-generic/socket.h, linux/icmp.h and linux/icmpv6.h; Python has no names for them.
_SO_TIMESTAMPNS = _SCM_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_SOL_RAW, _ICMP_FILTER = 255, 1
_ICMP6_FILTER = 1


@dataclass(frozen=True, slots=True)
class Echo:
    """An answer to this socket. `stamp_ns`: the kernel's arrival time since 1970, None where it did not say."""

    address: Address
    sequence: int
    data: bytes
    stamp_ns: int | None


class EchoSocket:
    """Sends echo requests of one IP version and receives their answers; never blocks."""

    def __init__(self, version: int) -> None:
        """Open a ping socket, or else a raw one.

        Raises:
            Unavailable: this process may have neither.
            OSError: the machine does not speak that IP version.
        """
        self.version = version
        try:
            self._socket = _open(version, socket.SOCK_DGRAM)
        except OSError:
            try:
                self._socket = _open(version, socket.SOCK_RAW)
            except PermissionError as error:
                raise Unavailable("ICMP needs a ping socket (net.ipv4.ping_group_range) or CAP_NET_RAW") from error
        self._socket.setblocking(False)
        self.identifier = _prepare(self._socket, version)

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()

    def send(self, address: Address, sequence: int, data: bytes) -> None:
        """Send one request; the routing table decides from where.

        Raises:
            OSError: the kernel did not take it: no route, say.
        """
        packet = echo_request(self.version, self.identifier, sequence, data)
        self._socket.sendto(packet, _where(address))

    def receive(self) -> Echo | None:
        """The next answer to this socket, or None if none waits; whatever else arrived is skipped."""
        while True:
            try:
                packet, ancillary, _, source = self._socket.recvmsg(_LARGEST_B, _ANCILLARY_B)
            except BlockingIOError:
                return None
            found = echo_reply(self.version, packet)
            if found is None or found[0] != self.identifier:
                continue
            stamp_ns = None
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, _SCM_TIMESTAMPNS) and len(value) >= _TIMESPEC.size:
                    seconds, rest = _TIMESPEC.unpack_from(value)
                    stamp_ns = seconds * 1_000_000_000 + rest
            return Echo(plain(ipaddress.ip_address(source[0])), found[1], found[2], stamp_ns)


def echo_request(version: int, identifier: int, sequence: int, data: bytes) -> bytes:
    """A request; the checksum of ICMPv6 is the kernel's work (RFC 3542 3.1)."""
    head = _HEADER.pack(_REQUEST[version], 0, 0, identifier, sequence)
    checksum = _checksum(head + data) if version == 4 else 0
    return _HEADER.pack(_REQUEST[version], 0, checksum, identifier, sequence) + data


def echo_reply(version: int, packet: bytes) -> tuple[int, int, bytes] | None:
    """(identifier, sequence, data) of an echo reply, with or without its IPv4 header; None for anything else."""
    # An ICMP reply begins with 0, an IPv4 header with 4: no confusion.
    if version == 4 and packet[:1] and packet[0] >> 4 == 4:
        packet = packet[(packet[0] & 0x0F) * 4 :]
    if len(packet) < _HEADER.size:
        return None
    kind, code, _checksum, identifier, sequence = _HEADER.unpack_from(packet)
    if (kind, code) != (_REPLY[version], 0):
        return None
    return identifier, sequence, packet[_HEADER.size :]


def plain(address: Address) -> Address:
    """The address without the interface that a link-local one may name."""
    return ipaddress.IPv6Address(int(address)) if isinstance(address, ipaddress.IPv6Address) else address


def _open(version: int, kind: socket.SocketKind) -> socket.socket:
    if version == 4:
        return socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
    return socket.socket(socket.AF_INET6, kind, socket.IPPROTO_ICMPV6)


def _prepare(sock: socket.socket, version: int) -> int:
    """Settings of a new socket; returns the identifier that its requests carry."""
    identifier = secrets.randbelow(0xFFFF) + 1
    if sock.type == socket.SOCK_DGRAM:
        sock.bind(("", 0))
        # The kernel chose the identifier; systems that leave it to us say 0.
        identifier = sock.getsockname()[1] or identifier
    elif LINUX:
        _only_replies(sock, version)
    if LINUX:
        with contextlib.suppress(OSError):  # a kernel without stamps: the caller's own times are used
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return identifier


def _only_replies(sock: socket.socket, version: int) -> None:
    """Let the kernel keep what is no echo reply; without it everything is read and skipped."""
    with contextlib.suppress(OSError):
        if version == 4:
            sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("@I", 0xFFFFFFFF & ~(1 << _REPLY[4])))
        else:
            passed = _REPLY[6]
            words = [0xFFFFFFFF & ~(1 << passed % 32) if word == passed // 32 else 0xFFFFFFFF for word in range(8)]
            sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("@8I", *words))


def _where(address: Address) -> tuple[str, int] | tuple[str, int, int, int]:
    """The address as `sendto` wants it: a link-local one with the number of its interface."""
    scope = address.scope_id if isinstance(address, ipaddress.IPv6Address) else None
    if scope is None:
        return str(address), 0
    try:
        index = int(scope) if scope.isdigit() else socket.if_nametoindex(scope)
    except OSError as error:  # it carries no number in some versions of Python
        raise OSError(errno.ENODEV, f"there is no interface {scope}") from error
    return str(plain(address)), 0, 0, index


def _checksum(packet: bytes) -> int:
    """Of the Internet (RFC 1071), over an even number of octets."""
    total: int = sum(word for (word,) in struct.iter_unpack(">H", packet + bytes(len(packet) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
