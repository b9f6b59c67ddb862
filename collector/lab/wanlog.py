"""The WAN's log: what became of every packet. It is the truth that measurements are compared with.

A text file. The first line is a JSON object (ends, impairments, seed, start, scheduling class), then one line per packet or
copy of one when its fate is known, its fields separated by blanks in the order of `Packet`, "-" for what does not apply; the last
line is ``end`` and the number of packet lines. A log without it was cut short.
"""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from collector.contract import Json
from collector.errors import OperatorError
from collector.peers import sized
from collector.peers.stamp import BURST

UDP, TCP = 17, 6
_PORTS = struct.Struct(">HH")
_NUMBER = struct.Struct(">I")
_UDP_B = 8
_ECHOED_SLOT = 48
"""Where a STAMP reply in authenticated mode repeats the sender's sequence number (RFC 8762 4.3.2)."""


class Fate(StrEnum):
    """What became of a packet. Refused: the kernel did not take it; unsent: still queued when the relay ended."""

    RELEASED = "released"
    LOSS = "loss"
    OUTAGE = "outage"
    QUEUE = "queue"
    REFUSED = "refused"
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class Content:
    """What an IP packet says of itself. `ports` (source, target) of UDP and TCP; `slot` and `rseq` of STAMP.

    `slot` is the sender's sequence number, in probes and replies alike; `rseq` the reflector's, None in a probe.
    """

    protocol: int
    ports: tuple[int, int] | None
    slot: int | None
    rseq: int | None


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, or one copy of it, in one direction ("a>b"). Times in ns; `_mono_ns` on the monotonic clock.

    `number` counts the packets of the direction that the impairment applies to, from 0 (None: spared). `planned_mono_ns`
    is None for a packet that was never to be released, `released_mono_ns` for one that was not.
    """

    direction: str
    number: int | None
    arrived_real_ns: int
    arrived_mono_ns: int
    planned_mono_ns: int | None
    released_mono_ns: int | None
    fate: Fate
    protocol: int
    source_port: int | None
    target_port: int | None
    length_B: int
    slot: int | None
    rseq: int | None
    copy: int

    def line(self) -> str:
        """The packet as a line of the log."""
        values = [getattr(self, name) for name in self.__slots__]
        return " ".join("-" if value is None else str(value) for value in values) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Packet:
        """Read a line of the log.

        Raises:
            ValueError: it is none.
        """
        values: dict[str, Any] = {}
        for name, word in zip(cls.__slots__, line.split(), strict=True):
            if name in ("direction", "fate"):
                values[name] = word
            else:
                values[name] = None if word == "-" else int(word)
        values["fate"] = Fate(values["fate"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class SlotTruth:
    """What the WAN did with one slot of a path: its probe (and copies) forward, its replies back, in order of arrival."""

    forward: tuple[Packet, ...]
    back: tuple[Packet, ...]

    @property
    def arrived(self) -> int:
        """How many times the probe reached the reflector."""
        return sum(packet.fate is Fate.RELEASED for packet in self.forward)

    @property
    def answered(self) -> int:
        """How many replies reached the sender."""
        return sum(packet.fate is Fate.RELEASED for packet in self.back)

    @property
    def wire_ns(self) -> int | None:
        """Time in the WAN both ways; None unless there was exactly one probe and one reply and both got through."""
        if len(self.forward) != 1 or len(self.back) != 1:
            return None
        total = 0
        for packet in (*self.forward, *self.back):
            if packet.released_mono_ns is None:
                return None
            total += packet.released_mono_ns - packet.arrived_mono_ns
        return total


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How much later than planned packets were released, in s."""

    packets: int
    p50_s: float
    p99_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class WanLog:
    """A log, read. `head` is its first line; packets stand in the order in which their fate was decided."""

    head: Mapping[str, Json]
    packets: tuple[Packet, ...]

    def slots(self, source: str, target: str, port: int) -> dict[int, SlotTruth]:
        """Fates of the ordinary probes that `source` sent to `port` of `target`, by slot; one start of each collector assumed.

        Fast probes beside bandwidth tests have slots of their own, and are not among them.
        """
        forward: dict[int, list[Packet]] = defaultdict(list)
        back: dict[int, list[Packet]] = defaultdict(list)
        for packet in sorted(self.packets, key=lambda packet: (packet.arrived_mono_ns, packet.copy)):
            if packet.slot is None or packet.slot & BURST or packet.protocol != UDP:
                continue
            if packet.direction == f"{source}>{target}" and packet.target_port == port:
                forward[packet.slot].append(packet)
            elif packet.direction == f"{target}>{source}" and packet.source_port == port:
                back[packet.slot].append(packet)
        return {slot: SlotTruth(tuple(forward[slot]), tuple(back.get(slot, ()))) for slot in sorted(forward)}

    def accuracy(self) -> Accuracy:
        """How exactly the relay kept its own plan."""
        late = sorted(
            packet.released_mono_ns - packet.planned_mono_ns
            for packet in self.packets
            if packet.released_mono_ns is not None and packet.planned_mono_ns is not None
        )
        if not late:
            return Accuracy(0, 0.0, 0.0, 0.0)
        p50, p99 = (late[min(len(late) - 1, int(len(late) * share))] for share in (0.5, 0.99))
        return Accuracy(len(late), p50 / 1e9, p99 / 1e9, late[-1] / 1e9)


def content(packet: bytes, port: int | None) -> Content:
    """Read an IPv4 or IPv6 packet; UDP from or to `port` is taken for STAMP, but for the packets that look for the path MTU. Anything odd has no ports."""
    protocol, start = 0, len(packet)
    if packet and packet[0] >> 4 == 4 and len(packet) >= 20:
        protocol = packet[9]
        # Only the first fragment has ports.
        if not (packet[6] & 0x1F or packet[7]):
            start = (packet[0] & 0x0F) * 4
    elif packet and packet[0] >> 4 == 6 and len(packet) >= 40:
        protocol, start = packet[6], 40
    if protocol not in (UDP, TCP) or len(packet) < start + _PORTS.size:
        return Content(protocol, None, None, None)
    source, target = _PORTS.unpack_from(packet, start)
    slot = rseq = None
    if protocol == UDP and port in (source, target):
        payload = packet[start + _UDP_B :]
        if sized.is_either(payload):
            return Content(protocol, (source, target), None, None)
        if len(payload) >= _NUMBER.size:
            (slot,) = _NUMBER.unpack_from(payload)
        if source == port:
            rseq, slot = slot, None
            if len(payload) >= _ECHOED_SLOT + _NUMBER.size:
                (slot,) = _NUMBER.unpack_from(payload, _ECHOED_SLOT)
    return Content(protocol, (source, target), slot, rseq)


def first_line(head: Mapping[str, Json]) -> str:
    """The log's first line."""
    return json.dumps(head) + "\n"


def last_line(packets: int) -> str:
    """The log's last line."""
    return f"end {packets}\n"


def read_log(path: Path) -> WanLog:
    """Read a whole log.

    Raises:
        OperatorError: the file is no log, or was cut short.
    """
    lines = path.read_text(encoding="ascii").splitlines()
    try:
        head = json.loads(lines[0])
        packets = _packets(lines[1:-1])
    except (IndexError, TypeError, ValueError) as error:
        raise OperatorError(f"{path} is no log of the WAN: {error}", "was the relay ended by force?") from error
    if f"{lines[-1]}\n" != last_line(len(packets)):
        raise OperatorError(f"{path} was cut short", "was the relay ended by force?")
    return WanLog(head, packets)


def _packets(lines: Sequence[str]) -> tuple[Packet, ...]:
    return tuple(Packet.from_line(line) for line in lines)


def lines(packets: Iterable[Packet]) -> str:
    """Packets as lines of the log."""
    return "".join(packet.line() for packet in packets)
