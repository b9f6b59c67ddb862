"""The queues of the interfaces as the kernel tells them: its answers taken apart, and those of this machine."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.machine import LINUX
from collector.qdisc import Waiting, parsed, waiting

ROOT, CHILD = 0xFFFFFFFF, 0x10001
QDISC, DONE = 36, 3


def attribute(kind, value):
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def qdisc(index, parent, *queue, kind=QDISC, nested=0):
    stats = attribute(1, bytes(12)) + attribute(3, struct.pack("=IIIII", *queue, 0, 0))
    body = struct.pack("=BxxxiIII", 0, index, 0, parent, 0) + attribute(1, b"fq_codel\0") + attribute(7 | nested, stats)
    return struct.pack("=IHHII", len(body) + 16, kind, 2, 1, 0) + body


def test_the_root_queue_of_each_interface_is_taken_and_its_parts_are_not():
    data = qdisc(1, ROOT, 3, 4500, 7) + qdisc(1, CHILD, 2, 3000, 6) + qdisc(9, ROOT, 0, 0, 0, nested=0x8000)
    assert parsed(data) == ([(1, Waiting(3, 4500, 7)), (9, Waiting(0, 0, 0))], False)


def test_the_last_message_ends_it():
    data = qdisc(1, ROOT, 1, 2, 3) + qdisc(0, 0, 0, 0, 0, kind=DONE) + qdisc(2, ROOT, 4, 5, 6)
    assert parsed(data) == ([(1, Waiting(1, 2, 3))], True)


@given(st.binary(max_size=300), st.integers(0, 200))
def test_whatever_is_no_answer_is_no_queue_and_no_crash(noise, cut):
    found, _ = parsed(noise)
    assert all(isinstance(one, Waiting) for _, one in found)
    parsed(qdisc(1, ROOT, 3, 4500, 7)[:cut] + noise)


@pytest.mark.skipif(not LINUX, reason="needs Linux")
def test_this_machine_tells_the_queue_of_its_loopback():
    assert waiting()["lo"].packets >= 0
