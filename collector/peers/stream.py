"""Numbered messages over a TCP connection that HELLO has made sure of: the question is a number, the answer the same number.

Every message is authenticated under the path's key, questions and answers differently, so nothing forged or reflected counts.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Iterator
from enum import Enum

from collector.peers.tables import CLOSED, FORGED
from collector.peers.timestamps import mark

MESSAGE_B = 24
_NUMBER_B = 8
_CHUNK_B = 4096
_UNSENT_B = 1 << 16
"""An other end that takes nothing for so long is given up: 24 B a second fill this in three quarters of an hour."""


class Side(Enum):
    """Who sends a message."""

    QUESTION = b"echo question"
    ANSWER = b"echo answer"


def message(key: bytes, side: Side, number: int) -> bytes:
    """One message; `number` has 8 octets."""
    body = number.to_bytes(_NUMBER_B, "big")
    return body + hmac.digest(key, side.value + body, hashlib.sha256)[: MESSAGE_B - _NUMBER_B]


class Stream:
    """One end of a connection. `ended` tells why nothing more comes (see the table `echo_end`), None while it may."""

    def __init__(self, sock: socket.socket, key: bytes, mine: Side, dscp: int) -> None:
        """Raises OSError if the connection is broken already."""
        self.sock = sock
        self.ended: int | None = None
        self._key = key
        self._mine = mine
        self._theirs = Side.ANSWER if mine is Side.QUESTION else Side.QUESTION
        self._data = bytearray()
        self._unsent = b""
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        mark(sock, dscp)

    def send(self, number: int) -> None:
        """Send now, or when the kernel has room again.

        Raises:
            OSError: the connection is broken.
        """
        self._unsent += message(self._key, self._mine, number)
        if len(self._unsent) > _UNSENT_B:
            raise TimeoutError("nothing is taken")
        self.push()

    def push(self) -> None:
        """Send what the kernel had no room for.

        Raises:
            OSError: the connection is broken.
        """
        if self._unsent:
            try:
                sent = self.sock.send(self._unsent)
            except BlockingIOError:
                return
            self._unsent = self._unsent[sent:]

    def numbers(self) -> Iterator[int]:
        """What has arrived and is authentic."""
        try:
            data = self.sock.recv(_CHUNK_B)
        except BlockingIOError:
            return
        except OSError as error:
            self.ended = error.errno or CLOSED
            return
        if not data:
            self.ended = CLOSED
        self._data += data
        while len(self._data) >= MESSAGE_B:
            got = bytes(self._data[:MESSAGE_B])
            del self._data[:MESSAGE_B]
            number = int.from_bytes(got[:_NUMBER_B], "big")
            if not hmac.compare_digest(got, message(self._key, self._theirs, number)):
                self.ended = FORGED
                return
            yield number

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()
