"""Packets that were changed, cut, played back or made up: nothing is answered that should not be, nothing breaks, nothing piles up."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path as File

import pytest
from fakes import Emitted, ShiftedClock, addresses, make_plan

from collector.machine import LINUX
from collector.peers import sized, stamp
from collector.peers.hello import HelloError, Identity, Peer, Purpose, call, serve
from collector.peers.reflector import Reflector
from collector.peers.sender import Sender
from collector.peers.stream import Side, Stream, message
from collector.peers.timestamps import udp_socket

COUNT = int(os.environ.get("HAREADY_PACKETS", "8000"))
"""`make faults` sends 100,000."""
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PATH = "a>b/ch1"
GROWTH_B = 4 << 20
"""What a process may grow by: an interpreter's own caches, and nothing per packet."""


def mutated(chance: random.Random, packets: list[bytes]) -> bytes:
    """One of the packets with something wrong with it."""
    packet = bytearray(chance.choice(packets))
    for _ in range(chance.randint(1, 3)):
        match chance.randrange(6):
            case 0 if packet:
                packet[chance.randrange(len(packet))] ^= 1 << chance.randrange(8)
            case 1:
                del packet[chance.randrange(len(packet) + 1) :]
            case 2:
                packet += chance.randbytes(chance.randint(1, 60))
            case 3 if packet:
                at = chance.randrange(len(packet))
                packet[at : at + 8] = chance.randbytes(8)
            case 4:
                packet = bytearray(chance.randbytes(chance.choice((0, 1, 24, 40, 44, 112, 152, 1400))))
            case _:
                packet += packet[: chance.randrange(len(packet) + 1)]
    return bytes(packet)


def resident_B() -> int:
    return int(File("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not LINUX, reason="memory is read from /proc")
def test_the_reflector_answers_none_of_them():
    chance = random.Random(20261121)
    mine, theirs = addresses(2)
    clock, emitted = ShiftedClock(), Emitted()
    listener = udp_socket(theirs, 0)
    attacker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    attacker.bind((mine, 0))
    attacker.setblocking(False)
    try:
        reflector = Reflector(0, emitted, clock)
        reflector.admit(PATH, mine, KEY)
        real = clock.realtime_ns()
        good = [stamp.probe(KEY, slot, real, 1) for slot in range(1000, 1050)]
        good += [stamp.probe(OTHER_KEY, 5, real, 1), sized.ask(KEY, 7, 200), sized.ask(OTHER_KEY, 7, 200)]
        good += [stamp.reply(KEY, good[0], 3, real, real, kernel=True, ttl=64, follow=None), bytes(44)]
        grown_from = 0
        for number in range(COUNT):
            packet = mutated(chance, good)
            while packet in good or _is_whole(packet):
                packet = mutated(chance, good)
            attacker.sendto(packet, listener.getsockname())
            reflector.answer(listener)
            if number % 50 == 0:
                reflector.flush()
            if number == COUNT // 2:
                grown_from = resident_B()
        with pytest.raises(BlockingIOError):
            attacker.recv(4096)
        reflector.report()
        (*_, counts) = emitted.table("wire")
        assert sum(count or 0 for count in counts[1:]) == COUNT, "each is counted, by what was wrong with it"
        assert resident_B() - grown_from < GROWTH_B
        # And the next good one is answered.
        attacker.sendto(good[0], listener.getsockname())
        reflector.answer(listener)
        assert stamp.authentic(KEY, attacker.recv(4096))
    finally:
        listener.close()
        attacker.close()


def _is_whole(packet: bytes) -> bool:
    """What was added behind a request of a chosen size is padding as good as any, if the length is the one it tells."""
    return sized.is_ask(packet) and sized.answer(KEY, packet) is not None


@pytest.mark.skipif(not LINUX, reason="memory is read from /proc")
def test_the_sender_takes_none_of_them_for_a_reply():
    chance = random.Random(20261122)
    mine, theirs = addresses(2)
    clock, emitted = ShiftedClock(), Emitted()
    listener = udp_socket(theirs, 0)
    sender = Sender(PATH, mine, listener.getsockname(), 200_000_000, "beef" * 8, clock.monotonic_ns(), emitted, clock)
    try:
        sender.start(KEY)
        clock.reach(sender.due_ns)
        sender.send()
        probe, source = listener.recvfrom(4096)
        real = clock.realtime_ns()
        reply = stamp.reply(KEY, probe, 0, real, real, kernel=True, ttl=64, follow=None)
        good = [probe, reply, stamp.reply(OTHER_KEY, probe, 1, real, real, kernel=True, ttl=64, follow=(0, real))]
        grown_from = 0
        for number in range(COUNT):
            packet = mutated(chance, good)
            if packet == reply:
                continue
            listener.sendto(packet, source)
            sender.collect()
            if number % 50 == 0:
                sender.flush()
            if number == COUNT // 2:
                grown_from = resident_B()
        sender.flush()
        assert sender.answered == 0
        assert emitted.table("reply") == []
        assert resident_B() - grown_from < GROWTH_B
        listener.sendto(reply, source)
        sender.flush()
        assert sender.answered == 1
    finally:
        listener.close()
        sender._sock.close()


def lines(conversation: Iterator[bytes | Peer | None], *heard: bytes) -> list[bytes | Peer | None]:
    """What one side says when it hears these lines."""
    said = [next(conversation)]
    said += [conversation.send(line) for line in heard]  # type: ignore[attr-defined]
    return said


def test_no_changed_line_of_hello_introduces_anybody():
    chance = random.Random(20261123)
    plan = make_plan("10.9.0.1", "10.9.0.2")
    a, b = (Identity(plan, name, name * 32, "1", KEY) for name in "ab")
    for _ in range(COUNT // 8):
        caller, called = call(a, "b", "ch1", Purpose.PROBE), serve(b, "a", "ch1")
        next(called)
        offer = next(caller)
        answer = called.send(offer)
        proof = caller.send(answer)
        turn = chance.randrange(3)
        try:
            if turn == 0:
                wrong = mutated(chance, [offer])
                answered = serve(b, "a", "ch1")
                next(answered)
                caller = call(a, "b", "ch1", Purpose.PROBE)
                next(caller)
                assert not isinstance(caller.send(answered.send(wrong)), Peer)
            elif turn == 1:
                assert not isinstance(caller.send(mutated(chance, [answer])), Peer)
            else:
                wrong = mutated(chance, [proof])
                if wrong != proof:
                    assert not isinstance(called.send(wrong), Peer)
        except HelloError:
            continue
        except StopIteration:
            continue


def test_a_tcp_echo_ends_at_the_first_message_that_is_not_authentic():
    chance = random.Random(20261124)
    for _ in range(COUNT // 20):
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            good = message(KEY, Side.QUESTION, 7)
            wrong = mutated(chance, [good, message(OTHER_KEY, Side.QUESTION, 7), message(KEY, Side.ANSWER, 7)])
            stream = _stream(near)
            far.send(wrong or b"\0")
            heard = list(stream.numbers())
            assert set(heard) <= {7}
            assert len(heard) <= len(wrong) // len(good)
            assert not heard or wrong.startswith(good)
        finally:
            near.close()
            far.close()


def _stream(sock: socket.socket) -> Stream:
    """A stream over a pair of sockets, which have no TCP options."""
    stream = Stream.__new__(Stream)
    stream.sock, stream.ended = sock, None
    stream._key, stream._mine, stream._theirs = KEY, Side.ANSWER, Side.QUESTION
    stream._data, stream._unsent = bytearray(), b""
    sock.setblocking(False)
    return stream
