"""STAMP on the wire: every field where the RFCs put it, and nothing unauthentic accepted."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.peers import stamp

KEY = b"k" * 32
PROBES, REPLIES = (hmac.digest(KEY, way, "sha256") for way in (b"stamp probes", b"stamp replies"))
"""The keys of the two directions."""
T1 = 1_750_000_000_123_456_789
T2 = T1 + 150_000
T3 = T2 + 40_000
PROBE = stamp.probe(KEY, 0x01020304, T1, 0xBEEF)
REPLY = stamp.reply(KEY, PROBE, 0x0A0B0C0D, T2, T3, kernel=True, ttl=63, follow=(0x0A0B0C0C, T3 - 200_000_000))


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """RFC 2104 by hand."""
    key = hashlib.sha256(key).digest() if len(key) > 64 else key
    key = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in key) + data).digest()
    return hashlib.sha256(bytes(octet ^ 0x5C for octet in key) + inner).digest()


def ntp_by_hand(real_ns: int) -> bytes:
    seconds = real_ns // 10**9 + (dt.date(1970, 1, 1) - dt.date(1900, 1, 1)).days * 86_400
    return struct.pack(">II", seconds % 2**32, real_ns % 10**9 * 2**32 // 10**9)


def test_a_probe_has_every_field_where_rfc_8762_4_2_2_puts_it():
    assert len(PROBE) == 152
    assert PROBE[0:4] == bytes([1, 2, 3, 4])
    assert PROBE[4:16] == bytes(12)
    assert PROBE[16:24] == ntp_by_hand(T1)
    assert PROBE[26:28] == b"\xbe\xef"  # SSID of RFC 8972
    assert PROBE[28:96] == bytes(68)
    assert PROBE[96:112] == hmac_sha256(PROBES, PROBE[:96])[:16]


def test_a_reply_has_every_field_where_rfc_8762_4_3_2_puts_it():
    assert len(REPLY) == 152
    assert REPLY[0:4] == bytes([10, 11, 12, 13])
    assert REPLY[4:16] == bytes(12)
    assert REPLY[16:24] == ntp_by_hand(T3)
    assert REPLY[26:28] == b"\xbe\xef"
    assert REPLY[28:32] == bytes(4)
    assert REPLY[32:40] == ntp_by_hand(T2)
    assert REPLY[40:48] == bytes(8)
    assert REPLY[48:52] == PROBE[0:4]
    assert REPLY[52:64] == bytes(12)
    assert REPLY[64:74] == PROBE[16:26]
    assert REPLY[74:80] == bytes(6)
    assert REPLY[80] == 63
    assert REPLY[81:96] == bytes(15)
    assert REPLY[96:112] == hmac_sha256(REPLIES, REPLY[:96])[:16]


@pytest.mark.parametrize(
    ("packet", "key", "flags"), [(PROBE, PROBES, 0x80), (REPLY, REPLIES, 0)], ids=["probe", "reply"]
)
def test_the_tlvs_are_those_of_rfc_8972(packet, key, flags):
    """The sender sets "unrecognised", a reflector that knows the TLV clears it (4)."""
    assert packet[112:116] == struct.pack(">BBH", flags, 7, 16)
    assert packet[129:132] == bytes(3)
    assert packet[132:136] == struct.pack(">BBH", flags, 8, 16)
    assert packet[136:152] == hmac_sha256(key, packet[0:4] + packet[112:132])[:16]


def test_the_follow_up_carries_number_and_time_of_the_previous_reply():
    assert PROBE[116:132] == bytes(16)
    assert REPLY[116:120] == bytes([10, 11, 12, 12])
    assert REPLY[120:128] == ntp_by_hand(T3 - 200_000_000)
    assert REPLY[128] == 2  # timestamping method: software


@pytest.mark.parametrize(("kernel", "limit_s"), [(True, 1e-6), (False, 1e-2)])
def test_the_error_estimate_tells_how_good_the_stamps_are(kernel, limit_s):
    packet = stamp.reply(KEY, PROBE, 1, T2, T3, kernel=kernel, ttl=1, follow=None)
    estimate = struct.unpack(">H", packet[24:26])[0]
    assert not estimate & 0x4000  # Z: NTP format
    error_s = (estimate & 0xFF) * 2 ** (estimate >> 8 & 0x3F) / 2**32

    assert limit_s / 2 < error_s < limit_s * 2
    assert estimate & 0xFF, "a multiplier of 0 is forbidden (RFC 4656 4.1.2)"


def test_a_reply_reads_back_as_it_was_written():
    assert stamp.read_reply(REPLY) == stamp.Reply(
        0x01020304, 0x0A0B0C0D, T1, T2, T3, kernel=True, ttl=63, follow=(0x0A0B0C0C, T3 - 200_000_000)
    )
    first = stamp.read_reply(stamp.reply(KEY, PROBE, 0, T2, T3, kernel=False, ttl=0, follow=None))
    assert (first.follow, first.kernel) == (None, False)


@settings(deadline=None)
@given(slot=st.integers(0, 2**32 - 1), ttl=st.integers(0, 255), kernel=st.booleans())
def test_a_reply_is_as_long_as_its_probe(slot, ttl, kernel):
    packet = stamp.probe(KEY, slot, T1, 1)

    answer = stamp.reply(KEY, packet, slot, T2, T3, kernel=kernel, ttl=ttl, follow=(slot, T3))

    assert len(answer) == len(packet)
    assert stamp.authentic(KEY, packet)
    assert stamp.authentic(KEY, answer)
    assert stamp.slot_of(packet) == slot
    assert (stamp.from_sender(packet), stamp.from_reflector(packet)) == (True, False)
    assert (stamp.from_sender(answer), stamp.from_reflector(answer)) == (False, True)


@pytest.mark.parametrize("packet", [PROBE, REPLY], ids=["probe", "reply"])
def test_every_flipped_bit_of_what_is_signed_is_rejected(packet):
    """Everything but the head of the HMAC TLV itself (132 to 135)."""
    for at in (*range(132), *range(136, 152)):
        for bit in range(8):
            flipped = bytearray(packet)
            flipped[at] ^= 1 << bit
            assert not stamp.authentic(KEY, bytes(flipped)), (at, bit)


def test_every_other_length_is_rejected():
    for length in (*range(112), *range(113, 152)):
        assert not stamp.authentic(KEY, PROBE[:length]), length
    assert not stamp.authentic(KEY, PROBE + b"\0")


@settings(deadline=None)
@given(key=st.binary(min_size=1, max_size=80).filter(lambda key: key.ljust(64, b"\0") != KEY.ljust(64, b"\0")))
def test_another_key_is_rejected(key):
    assert not stamp.authentic(key, PROBE)


def test_a_plan_key_longer_than_a_block_works_as_rfc_2104_says():
    key = b"long" * 40

    packet = stamp.probe(key, 1, T1, 1)

    assert packet[96:112] == hmac_sha256(hmac_sha256(key, b"stamp probes"), packet[:96])[:16]


def test_a_packet_of_one_direction_is_never_authentic_in_the_other():
    """Whoever holds a captured reply and may change all of it but what he has no key for."""
    for packet, other in ((PROBE, REPLY), (REPLY, PROBE)):
        turned = bytearray(packet)
        turned[112] ^= 0x80
        turned[132] ^= 0x80
        assert not stamp.authentic(KEY, bytes(turned))
        assert not stamp.authentic(KEY, packet[:112] + other[112:])
        # Even the base packet alone, as a foreign sender would send it, is not signed for the other direction.
        wrong = REPLIES if packet is PROBE else PROBES
        assert hmac.digest(wrong, packet[:96], "sha256")[:16] != packet[96:112]


def test_the_key_of_a_path_differs_by_path_direction_and_session():
    keys = {
        stamp.session_key(KEY, path, one, other)
        for path in ("a>b/ch1", "b>a/ch1", "a>b/ch2")
        for one in ("s1", "s2")
        for other in ("s1", "s2")
    }

    assert len(keys) == 12
    assert stamp.session_key(KEY, "p", "s1", "s2") != stamp.session_key(b"x" * 32, "p", "s1", "s2")


YEAR_2100_NS = 4_133_894_400 * 10**9


@settings(deadline=None)
@given(real_ns=st.integers(0, YEAR_2100_NS))
def test_a_stamp_comes_back_within_a_nanosecond_from_1970_to_2100(real_ns):
    wire = stamp.ntp(real_ns)

    assert 0 <= wire < 2**64
    assert abs(stamp.from_ntp(wire) - real_ns) <= 1


@pytest.mark.parametrize(
    ("moment", "wire"),
    [
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), 0x83AA7E80_00000000),
        (dt.datetime(2036, 2, 7, 6, 28, 15, tzinfo=dt.UTC), 0xFFFFFFFF_00000000),
        (dt.datetime(2036, 2, 7, 6, 28, 16, tzinfo=dt.UTC), 0x00000000_00000000),
        (dt.datetime(2036, 2, 7, 6, 28, 17, 500_000, tzinfo=dt.UTC), 0x00000001_80000000),
    ],
)
def test_ntp_eras_turn_where_they_should(moment, wire):
    """RFC 5905, figure 4: era 1 began on 2036-02-07 at 06:28:16."""
    real_ns = round((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds() * 1e9)

    assert stamp.ntp(real_ns) == wire
    assert stamp.from_ntp(wire) == real_ns


@settings(deadline=None)
@given(one=st.integers(0, YEAR_2100_NS), step=st.integers(0, 10**12))
def test_differences_survive_the_wire(one, step):
    """Also over the turn of the era."""
    assert stamp.from_ntp(stamp.ntp(one + step)) - stamp.from_ntp(stamp.ntp(one)) == step


# Made octet by octet from RFC 8762 (figures 3 and 5) and RFC 8972; the HMACs, and the keys of the two directions, are those of
# `openssl dgst -sha256 -mac HMAC`.
VECTOR_KEY = b"0123456789abcdef0123456789abcdef"
VECTOR_PROBE = bytes.fromhex(
    "0000002a" + "00" * 12 + "e9d3c2b1a0000000" + "12a4" + "beef" + "00" * 68 + "881499d2de318969410a86fa1db93801"
    "80070010" + "00" * 16 + "80080010" + "01a74a895980eeadbdeb2407c8fb0741"
)  # fmt: skip
VECTOR_REPLY = bytes.fromhex(
    "00000007" + "00" * 12 + "e9d3c2b220000000" + "0587" + "beef" + "00" * 4 + "e9d3c2b1e0000000" + "00" * 8
    + "0000002a" + "00" * 12 + "e9d3c2b1a0000000" + "12a4" + "00" * 6 + "40" + "00" * 15
    + "d22e8bb35a2c95e3af723c826b9bb5e5"
    + "00070010" + "00000006" + "e9d3c2b180000000" + "02" + "00" * 3
    + "00080010" + "430fba271035c621ca99d2be631cda75"
)  # fmt: skip
VECTOR_NS = 1_713_980_465_000_000_000


def test_authenticated_packets_are_those_of_the_vectors():
    """T1 at .625 s, received at .875 s, answered at 1.125 s, the reply before at .5 s."""
    probe = stamp.probe(VECTOR_KEY, 42, VECTOR_NS + 625_000_000, 0xBEEF)
    reply = stamp.reply(
        VECTOR_KEY,
        probe,
        7,
        VECTOR_NS + 875_000_000,
        VECTOR_NS + 1_125_000_000,
        kernel=True,
        ttl=64,
        follow=(6, VECTOR_NS + 500_000_000),
    )

    assert probe.hex() == VECTOR_PROBE.hex()
    assert reply.hex() == VECTOR_REPLY.hex()
    assert stamp.authentic(VECTOR_KEY, VECTOR_PROBE)
    assert stamp.authentic(VECTOR_KEY, VECTOR_REPLY)


def test_the_hmac_is_cut_to_128_bits_as_rfc_4231_shows():
    """Its test case 5."""
    assert stamp._mac(b"\x0c" * 20, b"Test With Truncation").hex() == "a3b6167473100ee06e0c796c2955552b"


def test_an_unauthenticated_answer_has_every_field_where_rfc_8762_4_3_1_puts_it():
    packet = bytes([1, 2, 3, 4]) + ntp_by_hand(T1) + b"\x12\xa4" + b"\xbe\xef" + bytes(28)
    answer = stamp.open_reply(packet, T2, T3, kernel=True, ttl=63)

    assert len(answer) == len(packet) == stamp.OPEN_B
    assert answer[0:4] == answer[24:28] == packet[0:4]
    assert answer[4:12] == ntp_by_hand(T3)
    assert answer[12:14] == b"\x05\x87"
    assert answer[14:16] == b"\xbe\xef"
    assert answer[16:24] == ntp_by_hand(T2)
    assert answer[28:38] == packet[4:14]
    assert answer[38:40] == bytes(2)
    assert answer[40:44] == b"\x3f\0\0\0"
    assert stamp.open_reply(packet, T2, T3, kernel=False, ttl=None)[40] == 255


@settings(deadline=None)
@given(packet=st.binary(min_size=stamp.LEAST_B, max_size=2047), ttl=st.none() | st.integers(0, 255))
def test_an_unauthenticated_answer_is_as_long_as_what_came_whatever_that_was(packet, ttl):
    assert len(stamp.open_reply(packet, T2, T3, kernel=False, ttl=ttl)) == len(packet)
