"""Path MTU of one direction: the largest IP packet that arrives whole although no router may cut it (RFC 4821, RFC 8899).

Requests of chosen sizes are sent with don't-fragment set, past whatever the kernel believes about the path, and the peer
confirms what arrived. The egress interface's own MTU comes from the kernel, which refuses a packet that is larger. A lost packet
must not pass for a small MTU: a size counts as refused only after `TRIES` tries, each with a small packet beside it that did
arrive. What an ICMP message says is a hint where to look and is kept; it decides nothing, because anybody can send one.
"""

from __future__ import annotations

import errno
import secrets
import socket
import struct
from dataclasses import dataclass, field
from enum import Enum, auto

from collector.errors import Unavailable
from collector.machine import LINUX, Clock
from collector.peers import sized

TRIES = 5
"""How often a size has to vanish beside a small packet that arrives (design value): with 1 % loss once in 10^10 sizes."""
WAIT_S = 1.0
"""How long an answer is waited for (design value: round trips between sites are below 0.4 s); a later one still counts."""
FRUITLESS = 10
"""After so many tries in a row whose small packet was not answered either, the search is given up."""
FLOOR_B = {4: 576, 6: 1280}
"""What every path carries (RFC 791, RFC 8200)."""
LARGEST_B = 65_535
_MOST_SIZES = 64
_ORDINARY_B = 1500
"""Ethernet without jumbo frames: tried early, because an ordinary switch between jumbo NICs is the usual fault."""

_OVERHEAD_B = {4: 28, 6: 48}
_BATCH = 64
# linux/in.h, linux/in6.h and linux/errqueue.h; Python has no names for them.
_IP = (socket.IPPROTO_IP, ((10, 3), (11, 1)))
_IPV6 = (socket.IPPROTO_IPV6, ((23, 3), (25, 1), (62, 1)))
_RECVERR = {(socket.IPPROTO_IP, 11), (socket.IPPROTO_IPV6, 25)}
_LOCAL, _ICMP, _ICMP6 = 1, 2, 3
_ERROR = struct.Struct("@IBBBBII")
_MSG_ERRQUEUE = getattr(socket, "MSG_ERRQUEUE", 0)


class Search:
    """Which size to try next, and what is known so far. Sizes are those of whole IP packets.

    `size_B` is the largest that arrived, `refused_B` the smallest that did not, `nic_B` the MTU of the egress interface,
    `told_B` the smallest that a router named. None: not known, or none.
    """

    def __init__(self, version: int) -> None:
        self.floor_B = FLOOR_B[version]
        self.size_B: int | None = None
        self.refused_B: int | None = None
        self.nic_B: int | None = None
        self.told_B: int | None = None
        self._tried = 0

    def arrived(self, size: int) -> None:
        """A packet of that size arrived whole. One that was believed to be refused was only late."""
        self.size_B = max(self.size_B or 0, size)
        if self.refused_B is not None and self.refused_B <= self.size_B:
            self.refused_B = None

    def refused(self, size: int) -> None:
        """Packets of that size do not arrive. What the egress interface cannot send says nothing about the path."""
        if (self.size_B or 0) < size <= self._most_B:
            self.refused_B = min(self.refused_B or size, size)

    def held(self, mtu: int) -> None:
        """The kernel does not send more than this at once."""
        self.nic_B = min(max(mtu, 68), LARGEST_B)
        self.floor_B = min(self.floor_B, self.nic_B)

    def told(self, mtu: int) -> None:
        """A router says that it does not forward more than this."""
        if mtu >= 68:
            self.told_B = min(self.told_B or mtu, mtu)

    @property
    def _most_B(self) -> int:
        return LARGEST_B if self.nic_B is None else self.nic_B

    def decided(self, size: int) -> bool:
        """True if nothing more is to be learned from packets of that size."""
        refused = self._most_B + 1 if self.refused_B is None else self.refused_B
        return size <= (self.size_B or 0) or size >= refused

    def next_B(self) -> int | None:
        """The size to try now; None: it is found, or there are too many contradictions."""
        most, low = self._most_B, self.size_B or 0
        high = most + 1 if self.refused_B is None else min(self.refused_B, most + 1)
        self._tried += 1
        if high - low <= 1 or self._tried > _MOST_SIZES or high <= self.floor_B:
            return None
        if self.refused_B is None:
            return most
        hints = (self.told_B, _ORDINARY_B)
        for size in (wanted for hint in hints if hint for wanted in (hint, hint + 1)):
            if max(low, self.floor_B - 1) < size < high:
                return size
        return max((low + high) // 2, self.floor_B)


class Phase(Enum):
    """How far a walk is."""

    UNDER_WAY = auto()
    FOUND = auto()
    GIVEN_UP = auto()


@dataclass(slots=True)
class _Try:
    """One request of the size that is looked at, and the small one beside it."""

    size_B: int
    sent_ns: int
    beside: bool = False
    """The small one arrived."""


@dataclass(slots=True)
class Walk:
    """One search on one path, with a socket of its own; never blocks. The caller waits on it and beats about once a second."""

    source: str
    target: tuple[str, int]
    key: bytes
    clock: Clock
    search: Search = field(init=False)
    phase: Phase = Phase.UNDER_WAY
    why: str = ""
    began_ns: int = field(init=False)
    _sock: socket.socket = field(init=False)
    _tries: list[_Try] = field(default_factory=list)
    _fruitless: int = 0
    _awaited: dict[int, tuple[int, _Try]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the socket.

        Raises:
            Unavailable: this platform or machine cannot do it.
        """
        version = 6 if ":" in self.source else 4
        self.search = Search(version)
        self.began_ns = self.clock.monotonic_ns()
        self._sock = _socket(self.source, version)

    def fileno(self) -> int:
        """For the selector."""
        return self._sock.fileno()

    def close(self) -> None:
        """Give the descriptor back."""
        self._sock.close()

    def beat(self) -> None:
        """Begin, or try again what has waited long enough."""
        # Read first: the caller may come late, and what waits here has arrived.
        self.ready()
        if self.phase is not Phase.UNDER_WAY:
            return
        if self._tries:
            if self.clock.monotonic_ns() - self._tries[-1].sent_ns < WAIT_S * 1e9:
                return
            self._missed(self._tries[-1])
        self._go_on()

    def ready(self) -> None:
        """Take what has come; go on if that decides something."""
        self._read_errors()
        decided = False
        for _ in range(_BATCH):
            try:
                packet, source = self._sock.recvfrom(2 * sized.SMALLEST_B)
            except BlockingIOError:
                break
            except OSError:
                self._read_errors()  # an ICMP message is told twice: here, and in the queue of errors
                continue
            if source[:2] == self.target and (answer := sized.read_answer(self.key, packet)) is not None:
                decided |= self._arrived(*answer)
        if decided and self.phase is Phase.UNDER_WAY:
            self._go_on()

    def _arrived(self, nonce: int, length: int) -> bool:
        """True if the size that is looked at is decided by this answer."""
        size, of = self._awaited.pop(nonce, (0, None))
        if of is None or length + _OVERHEAD_B[self._version] != size:
            return False
        self._fruitless = 0
        self.search.arrived(size)
        of.beside |= size != of.size_B
        return bool(self._tries) and size >= self._tries[-1].size_B

    def _missed(self, latest: _Try) -> None:
        """The latest try was not answered in time, nor were those of its size before it."""
        self._fruitless += not latest.beside
        if self._fruitless >= FRUITLESS:
            self._end(Phase.GIVEN_UP, self.why or "not even small packets were answered")
        elif sum(one.beside for one in self._tries) >= TRIES:
            self.search.refused(latest.size_B)

    def _go_on(self) -> None:
        """Send the next try; sizes that the own kernel refuses are decided at once."""
        while self.phase is Phase.UNDER_WAY:
            if self._tries and not self.search.decided(self._tries[-1].size_B):
                size: int | None = self._tries[-1].size_B
            else:
                size = self.search.next_B()
                self._tries.clear()
            if size is None:
                self._end(Phase.FOUND, "")
                return
            latest = _Try(size, self.clock.monotonic_ns())
            self._tries.append(latest)
            if self._send(size, latest):
                if size != self.search.floor_B:
                    self._send(self.search.floor_B, latest)
                return

    def _end(self, phase: Phase, why: str) -> None:
        self.phase, self.why = phase, why

    def _send(self, size: int, of: _Try) -> bool:
        """False if the own kernel does not send packets of that size."""
        nonce = secrets.randbits(64)
        packet = sized.ask(self.key, nonce, size - _OVERHEAD_B[self._version])
        for _ in range(2):
            try:
                self._sock.sendto(packet, self.target)
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    self.why = error.strerror or "it could not be sent"
                    return True
                if self._read_errors():
                    self.search.refused(size)
                    return False
                continue  # an ICMP message about an earlier packet: this one was not sent
            self.why = ""
            self._awaited[nonce] = size, of
            break
        return True

    def _read_errors(self) -> bool:
        """Empty the queue of errors; True if the own kernel refused a packet for its size."""
        refused = False
        for _ in range(_BATCH if _MSG_ERRQUEUE else 0):
            try:
                _, ancillary, _, _ = self._sock.recvmsg(0, 512, _MSG_ERRQUEUE)
            except OSError:
                break
            for level, kind, value in ancillary:
                if (level, kind) not in _RECVERR or len(value) < _ERROR.size:
                    continue
                number, origin, _type, _code, _pad, mtu, _data = _ERROR.unpack_from(value)
                if number != errno.EMSGSIZE:
                    continue
                if origin == _LOCAL:
                    refused = True
                    self.search.held(mtu)
                elif origin in (_ICMP, _ICMP6):
                    self.search.told(mtu)
        return refused

    @property
    def _version(self) -> int:
        return 6 if self._sock.family == socket.AF_INET6 else 4


def _socket(source: str, version: int) -> socket.socket:
    if not LINUX:
        raise Unavailable("don't-fragment is set on Linux only")
    level, options = _IPV6 if version == 6 else _IP
    sock = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for option, value in options:
            sock.setsockopt(level, option, value)
        sock.bind((source, 0))
    except OSError as error:
        sock.close()
        raise Unavailable(f"no socket on {source}: {error.strerror}") from error
    return sock
