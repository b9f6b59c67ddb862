"""Whether a port is open between two nodes: one opens a door for a few seconds, the other knocks and shows its token.

A door listens on a planned address, for one planned peer, and answers an authentic token of 40 octets with as many
(`collector.peers.sized`); everybody else gets nothing. For a protocol of its own (VRRP, say) a raw socket takes the place of a port.
Nothing here blocks; whoever owns a door or a knock waits on its descriptors and looks at its deadline.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import selectors
import socket
from collections.abc import Callable
from enum import IntEnum

from collector.errors import Unavailable
from collector.machine import Clock
from collector.peers import sized
from collector.plan import Port, Transport

KNOCK_S = 3.0
"""No answer for so long, and something on the way drops the packets (design value)."""
DOOR_S = KNOCK_S + 3.0
AGAIN_S = 1.0
"""UDP and raw packets are sent again after so long: a lost one is no firewall."""
_CALLERS = 4

_TURNED_AWAY = (
    errno.ECONNREFUSED,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EACCES,
    errno.EPERM,
    errno.EPROTO,
    errno.ENOPROTOOPT,
)
"""What a reset or an ICMP message becomes, or an own firewall."""


class Taken(Exception):  # noqa: N818 - not a fault, but an answer
    """Another program listens there."""


class Result(IntEnum):
    """What came of a knock, as it stands in the archive."""

    OPEN = 0
    USED = 1
    """Open: another program accepted."""
    REFUSED = 2
    FILTERED = 3
    """No answer in time."""
    NOT_TESTED = 4


def _open(address: str, port: Port, *, at: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind, protocol = {
        Transport.TCP: (socket.SOCK_STREAM, 0),
        Transport.UDP: (socket.SOCK_DGRAM, 0),
        Transport.IP: (socket.SOCK_RAW, port.number),
    }[port.transport]
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        need = " (it needs CAP_NET_RAW)" if port.transport is Transport.IP else ""
        raise Unavailable(f"no socket for {port.name}: {error.strerror}{need}") from error
    try:
        sock.setblocking(False)
        if port.transport is Transport.TCP:
            # So that only a listener stands in the way, not a connection of an earlier test that is still being forgotten.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, at))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise Taken from error
        raise Unavailable(f"{port.name} on {address} cannot be used: {error.strerror}") from error
    return sock


def _payload(port: Port, version: int, packet: bytes) -> bytes:
    """What a raw IPv4 socket hands over begins with the header."""
    raw = port.transport is Transport.IP and version == 4 and len(packet) >= 20
    return packet[(packet[0] & 0x0F) * 4 :] if raw else packet


class Door:
    """The listening side, until `deadline_ns`."""

    def __init__(
        self, address: str, port: Port, caller: str, key: bytes, selector: selectors.BaseSelector, clock: Clock
    ) -> None:
        """Listen on `address` for `caller`.

        Raises:
            Taken: another program does already.
            Unavailable: it is not allowed, or the address is not here.
        """
        self.deadline_ns = clock.monotonic_ns() + round(DOOR_S * 1e9)
        self._port = port
        self._caller = caller
        self._key = key
        self._selector = selector
        self._version = 6 if ":" in address else 4
        self._callers: dict[socket.socket, bytearray] = {}
        self._sock = _open(address, port, at=0 if port.transport is Transport.IP else port.number)
        if port.transport is Transport.TCP:
            try:
                self._sock.listen(_CALLERS)
            except OSError as error:
                self._sock.close()
                raise Taken from error
        selector.register(self._sock, selectors.EVENT_READ, self._ready)

    def close(self) -> None:
        """Stop listening."""
        for sock in [self._sock, *self._callers]:
            with contextlib.suppress(KeyError):
                self._selector.unregister(sock)
            sock.close()
        self._callers.clear()

    def _ready(self, _mask: int) -> None:
        if self._port.transport is Transport.TCP:
            self._accept()
            return
        try:
            packet, source = self._sock.recvfrom(4096)
        except OSError:
            return
        if source[0] == self._caller and (answer := self._answer(_payload(self._port, self._version, packet))):
            with contextlib.suppress(OSError):
                self._sock.sendto(answer, source)

    def _answer(self, packet: bytes) -> bytes | None:
        whole = len(packet) == sized.SMALLEST_B and sized.is_ask(packet)
        return sized.answer(self._key, packet) if whole else None

    def _accept(self) -> None:
        try:
            sock, source = self._sock.accept()
        except OSError:
            return
        if source[0] != self._caller or len(self._callers) >= _CALLERS:
            sock.close()
            return
        sock.setblocking(False)
        self._callers[sock] = bytearray()
        self._selector.register(sock, selectors.EVENT_READ, lambda _mask: self._read(sock))

    def _read(self, sock: socket.socket) -> None:
        """Answer a whole token. The caller hangs up first, so that the port is not held by a connection that is over."""
        said = self._callers[sock]
        try:
            chunk = sock.recv(sized.SMALLEST_B)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        said += chunk
        if chunk and len(said) < sized.SMALLEST_B:
            return
        if chunk and (answer := self._answer(bytes(said))):
            with contextlib.suppress(OSError):
                sock.send(answer)
            return
        self._selector.unregister(sock)
        del self._callers[sock]
        sock.close()


class Knock:
    """The knocking side; `done` is called once. `used`: another program listens there, so being accepted is all there is to see."""

    def __init__(
        self,
        source: str,
        target: str,
        port: Port,
        key: bytes,
        selector: selectors.BaseSelector,
        clock: Clock,
        done: Callable[[Result, str], None],
        *,
        used: bool = False,
    ) -> None:
        """Knock.

        Raises:
            Unavailable: this node cannot.
        """
        self._port = port
        self._key = key
        self._selector = selector
        self._clock = clock
        self._done = done
        self._used = used
        self._nonce = secrets.randbits(64)
        self._token = sized.ask(key, self._nonce, sized.SMALLEST_B)
        self._heard = bytearray()
        self._accepted = False
        self._version = 6 if ":" in target else 4
        now = clock.monotonic_ns()
        self._deadline_ns = now + round(KNOCK_S * 1e9)
        self._again_ns = now + round(AGAIN_S * 1e9)
        try:
            self._sock = _open(source, port, at=0)
        except Taken as error:  # cannot be: the kernel chooses the port
            raise Unavailable(f"no free port on {source}") from error
        stream = port.transport is Transport.TCP
        selector.register(self._sock, selectors.EVENT_WRITE if stream else selectors.EVENT_READ, self._ready)
        code = self._sock.connect_ex((target, 0 if port.transport is Transport.IP else port.number))
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            self._end(*self._turned_away(code))
        elif not stream:
            self._show()

    @property
    def over(self) -> bool:
        """True if it is decided."""
        return self._sock.fileno() < 0

    def beat(self) -> None:
        """Now and then: send again what may be lost, and give up in time."""
        if self.over:
            return
        now = self._clock.monotonic_ns()
        if now >= self._deadline_ns:
            said = "something accepted, and it was not the peer" if self._accepted else "no answer"
            self._end(Result.FILTERED, f"{said} in {KNOCK_S:.0f} s")
        elif self._port.transport is not Transport.TCP and now >= self._again_ns:
            self._again_ns = now + round(AGAIN_S * 1e9)
            self._show()

    def close(self) -> None:
        """Give up without a word."""
        if not self.over:
            self._selector.unregister(self._sock)
            self._sock.close()

    def _end(self, result: Result, why: str) -> None:
        self.close()
        self._done(result, why)

    def _turned_away(self, code: int) -> tuple[Result, str]:
        if self._used and code == errno.ECONNREFUSED:
            return Result.NOT_TESTED, "the port is taken there, and nobody listens on it"
        if code in _TURNED_AWAY:
            return Result.REFUSED, os.strerror(code)
        return (Result.FILTERED if code == errno.ETIMEDOUT else Result.NOT_TESTED), os.strerror(code)

    def _show(self) -> None:
        try:
            self._sock.send(self._token)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(*self._turned_away(error.errno or errno.EIO))

    def _ready(self, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._end(*self._turned_away(code))
            elif self._used:
                self._end(Result.USED, "another program accepted")
            else:
                self._accepted = True
                self._selector.modify(self._sock, selectors.EVENT_READ, self._ready)
                self._show()
            return
        try:
            packet = self._sock.recv(4096)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(*self._turned_away(error.errno or errno.EIO))
            return
        if self._port.transport is not Transport.TCP:
            self._heard = bytearray(_payload(self._port, self._version, packet))
        elif packet:
            self._heard += packet
        else:
            self._end(Result.FILTERED, "something accepted, and it was not the peer")
            return
        answer = sized.read_answer(self._key, bytes(self._heard))
        if answer is not None and answer[0] == self._nonce:
            self._end(Result.OPEN, "")
        elif len(self._heard) > sized.SMALLEST_B:
            self._end(Result.FILTERED, "something accepted, and it was not the peer")
