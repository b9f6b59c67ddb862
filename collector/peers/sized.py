"""Packets of a chosen size, and the small answers that tell how much of one arrived.

They travel on the reflector's port, under the key of the path. An answer is 40 octets, the smallest request as well, so nothing
is amplified; a request that is played back gets an answer that nobody awaits. The padding is random, so that no line that
compresses makes a packet smaller than it is.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct

_ASK, _ANSWER = b"HaR-size", b"HaR-got\0"
_HEAD = struct.Struct(">8sQQ")
_MAC_B = 16

SMALLEST_B = _HEAD.size + _MAC_B
"""Of both kinds, in octets of UDP payload."""


def _mac(key: bytes, head: bytes) -> bytes:
    return hmac.digest(key, head, hashlib.sha256)[:_MAC_B]


def ask(key: bytes, nonce: int, length: int) -> bytes:
    """A request of `length` octets of UDP payload, at least `SMALLEST_B`."""
    head = _HEAD.pack(_ASK, nonce, length)
    return head + _mac(key, head) + os.urandom(length - SMALLEST_B)


def is_ask(packet: bytes) -> bool:
    """True if it looks like a request; whether it is authentic is another question."""
    return packet[: len(_ASK)] == _ASK and len(packet) >= SMALLEST_B


def is_either(packet: bytes) -> bool:
    """True if it looks like a request or an answer, and so is no probe."""
    return packet[: len(_ASK)] in (_ASK, _ANSWER)


def answer(key: bytes, packet: bytes) -> bytes | None:
    """What to send back for a request that came whole; None if it is not authentic, or not as long as it says."""
    head = packet[: _HEAD.size]
    _, nonce, length = _HEAD.unpack(head)
    if length != len(packet) or not hmac.compare_digest(_mac(key, head), packet[_HEAD.size : SMALLEST_B]):
        return None
    head = _HEAD.pack(_ANSWER, nonce, len(packet))
    return head + _mac(key, head)


def read_answer(key: bytes, packet: bytes) -> tuple[int, int] | None:
    """(nonce, octets of UDP payload that arrived) of an authentic answer, else None."""
    head = packet[: _HEAD.size]
    if len(packet) != SMALLEST_B or head[: len(_ANSWER)] != _ANSWER:
        return None
    if not hmac.compare_digest(_mac(key, head), packet[_HEAD.size :]):
        return None
    _, nonce, length = _HEAD.unpack(head)
    return nonce, length
