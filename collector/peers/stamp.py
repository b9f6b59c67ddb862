"""STAMP packets in authenticated mode (RFC 8762 4.2.2 and 4.3.2) with follow-up telemetry (RFC 8972 4.7, 4.8).

Both directions are 152 octets, so nothing is amplified: the 112 of the base packet, a Follow-Up Telemetry TLV (20)
and an HMAC TLV (20) that protects it. The follow-up carries the kernel's stamp of the reflector's *previous*
reply, because a packet cannot carry the moment at which it itself was sent.

Guests (the plan's ``open_to``) are answered in unauthenticated mode (4.2.1 and 4.3.1), by a stateless reflector: the answer has their own
sequence number and is as long as what they sent. TWAMP Light (RFC 5357, appendix I) has the same layout but for the octets that
its sender calls padding.

Each direction has a key of its own, derived from the session's: a captured reply is no probe and a probe no reply, whatever is done to
it (RFC 8762 4.4: how keys are made is outside of its scope). Both are new with every start, so no foreign sender can know them.

The error estimate tells how good a stamp is: 1 us from the kernel, 10 ms from user space.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import struct
from typing import NamedTuple

OPEN_B = 44
LEAST_B = 41
"""What an unauthenticated answer says ends here; in TWAMP Light no more has to follow."""
BASE_B = 112
PACKET_B = 152
BURST = 1 << 31
"""Marks the sequence number of a fast probe (see `collector/peers/bursts.py`): its slots and its replies are counted by themselves."""
_MAC_B = 16
_SIGNED_B = 96
_FOLLOW_UP, _HMAC = 7, 8
_UNRECOGNISED = 0x80
_SOFTWARE = 2
"""Timestamping method "software" of RFC 8972."""

_PROBE = struct.Struct(">I12xQHH68x")
_REPLY = struct.Struct(">I12xQHH4xQ8xI12xQH6xB15x")
_OPEN_PROBE = struct.Struct(">IQHH")
_OPEN_REPLY = struct.Struct(">IQHHQIQH2xB3x")
_TLV = struct.Struct(">BBH")
_FOLLOW = struct.Struct(">IQB3x")

_KERNEL_ERROR, _USER_ERROR = 0x0587, 0x12A4
_PROBES, _REPLIES = b"stamp probes", b"stamp replies"
_TTL_UNKNOWN = 255
"""RFC 5357 4.2: what a reflector says that cannot read the TTL."""
_EPOCH_S = 2_208_988_800
_SECOND_NS = 1_000_000_000


def ntp(real_ns: int) -> int:
    """Nanoseconds since 1970 as a 64-bit NTP timestamp."""
    seconds, rest = divmod(real_ns, _SECOND_NS)
    return ((seconds + _EPOCH_S) & 0xFFFFFFFF) << 32 | (rest << 32) // _SECOND_NS


def from_ntp(stamp: int) -> int:
    """A 64-bit NTP timestamp as nanoseconds since 1970; the era that began in 2036 is understood."""
    seconds = stamp >> 32
    if seconds < 1 << 31:
        seconds += 1 << 32
    return (seconds - _EPOCH_S) * _SECOND_NS + (((stamp & 0xFFFFFFFF) * _SECOND_NS + (1 << 31)) >> 32)


def session_key(plan_key: bytes, path: str, sender_session: str, reflector_session: str) -> bytes:
    """The key of one path between two starts of two nodes: packets of an earlier start do not pass."""
    text = f"stamp\0{path}\0{sender_session}\0{reflector_session}"
    return hmac.digest(plan_key, text.encode(), hashlib.sha256)


@functools.lru_cache(maxsize=256)
def _signer(key: bytes) -> hmac.HMAC:
    """Kept, because making it costs as much as using it twice."""
    return hmac.new(key, digestmod="sha256")


@functools.lru_cache(maxsize=256)
def _directed(key: bytes, way: bytes) -> bytes:
    """The key of one direction of a session. Kept, because both ends need it for every packet."""
    return hmac.digest(key, way, hashlib.sha256)


def _mac(key: bytes, data: bytes) -> bytes:
    signed = _signer(key).copy()
    signed.update(data)
    return signed.digest()[:_MAC_B]


def _close(key: bytes, base: bytes, follow: bytes, flags: int) -> bytes:
    """Base packet, its HMAC, the TLVs, and the HMAC over sequence number and TLVs."""
    tlv = _TLV.pack(flags, _FOLLOW_UP, len(follow)) + follow
    return b"".join((base, _mac(key, base), tlv, _TLV.pack(flags, _HMAC, _MAC_B), _mac(key, base[:4] + tlv)))


def authentic(key: bytes, packet: bytes) -> bool:
    """True if both HMACs of a packet of full length are right for the direction that it says it goes; `key` is the session's."""
    flags, way = (_UNRECOGNISED, _PROBES) if from_sender(packet) else (0, _REPLIES)
    key = _directed(key, way)
    if packet[BASE_B + 20 : PACKET_B - _MAC_B] != _TLV.pack(flags, _HMAC, _MAC_B):
        return False  # the one part that no HMAC covers
    if not hmac.compare_digest(_mac(key, packet[:_SIGNED_B]), packet[_SIGNED_B:BASE_B]):
        return False
    tlv = packet[BASE_B : BASE_B + 20]
    return hmac.compare_digest(_mac(key, packet[:4] + tlv), packet[PACKET_B - _MAC_B :])


def from_sender(packet: bytes) -> bool:
    """True for a packet of full length that says a sender made it, False for a reflector's."""
    return len(packet) == PACKET_B and bool(packet[BASE_B] & _UNRECOGNISED)


def from_reflector(packet: bytes) -> bool:
    """True for a packet of full length that says a reflector made it."""
    return len(packet) == PACKET_B and not packet[BASE_B] & _UNRECOGNISED


def probe(key: bytes, slot: int, t1_ns: int, ssid: int) -> bytes:
    """The sender's packet for `slot`. `key` is the session's, here and below."""
    base = _PROBE.pack(slot, ntp(t1_ns), _USER_ERROR, ssid)
    return _close(_directed(key, _PROBES), base, _FOLLOW.pack(0, 0, 0), _UNRECOGNISED)


def reply(
    key: bytes,
    packet: bytes,
    rseq: int,
    t2_ns: int,
    t3_ns: int,
    *,
    kernel: bool,
    ttl: int,
    follow: tuple[int, int] | None,
) -> bytes:
    """The reflector's answer to `packet`, as long as it. `follow` is (rseq, t3 in ns) of the previous reply."""
    slot, t1, t1_error, ssid = _PROBE.unpack_from(packet)
    error = _KERNEL_ERROR if kernel else _USER_ERROR
    base = _REPLY.pack(rseq, ntp(t3_ns), error, ssid, ntp(t2_ns), slot, t1, t1_error, ttl)
    tail = _FOLLOW.pack(0, 0, 0) if follow is None else _FOLLOW.pack(follow[0], ntp(follow[1]), _SOFTWARE)
    return _close(_directed(key, _REPLIES), base, tail, 0)


def open_reply(packet: bytes, t2_ns: int, t3_ns: int, *, kernel: bool, ttl: int | None) -> bytes:
    """The answer to an unauthenticated packet of `LEAST_B` octets or more, as long as it.

    What follows the base packet goes back unchanged: padding may be anything (RFC 5357 4.2.1), and a sender marks its TLVs as not
    recognised until a reflector says otherwise (RFC 8972 4).
    """
    number, t1, t1_error, ssid = _OPEN_PROBE.unpack_from(packet)
    error = _KERNEL_ERROR if kernel else _USER_ERROR
    told = _TTL_UNKNOWN if ttl is None else ttl
    base = _OPEN_REPLY.pack(number, ntp(t3_ns), error, ssid, ntp(t2_ns), number, t1, t1_error, told)
    return base[: len(packet)] + packet[OPEN_B:]


def slot_of(packet: bytes) -> int:
    """The slot of a sender's packet."""
    slot: int = _PROBE.unpack_from(packet)[0]
    return slot


class Reply(NamedTuple):
    """A reflector's packet, read. Stamps in ns since 1970 on the clock of who took them."""

    slot: int
    rseq: int
    t1_ns: int
    t2_ns: int
    t3_ns: int
    kernel: bool
    ttl: int
    follow: tuple[int, int] | None


def read_reply(packet: bytes) -> Reply:
    """Read an authentic reply of full length."""
    rseq, t3, error, _ssid, t2, slot, t1, _t1_error, ttl = _REPLY.unpack_from(packet)
    follow_rseq, follow_t3, method = _FOLLOW.unpack_from(packet, BASE_B + _TLV.size)
    follow = (follow_rseq, from_ntp(follow_t3)) if method == _SOFTWARE else None
    return Reply(slot, rseq, from_ntp(t1), from_ntp(t2), from_ntp(t3), error == _KERNEL_ERROR, ttl, follow)
