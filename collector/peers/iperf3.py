"""The program iperf3: how it is called for one test, and what its JSON says. Nothing here runs anything.

The receiver's figures are used and no others: what the sender counts includes bytes that still wait in its buffers. The exit code
says nothing (0 for a refused connection too), the key `error` does. What the server counted comes from another machine, so no field
is taken for granted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from collector.contract import Json
from collector.errors import printable

PROGRAM = "iperf3"
CONNECT_MS = 5000
_BLOCK_B = 128 * 1024
"""What iperf3 writes in one call unless told otherwise."""
_SMALLEST_BLOCK_B = 1024
_TRIPS = 4.5
"""Round trips from connecting to the receiver's zero: TCP, parameters, streams, and half a one for the stream's first word."""
_LONGEST_S = 1e6
_MOST_B = 10**15
_MOST_PERCENT = 1e6
_SHOWN = 200
_LATE_S = 1.0
"""The receiver may count so much longer than the sender sends: what is still on its way."""
_STEPS_A_SECOND = 20
"""Steps of 0.1 s are asked for; twice as many are no test any more."""
_NEVER_BEGAN = ("unable to connect to server", "the server is busy")
"""How iperf3 begins to say that no test came about, so that nothing was sent."""


@dataclass(frozen=True, slots=True)
class Window:
    """One step of the receiver's count; `start_us` counts from the receiver's zero."""

    start_us: int
    length_us: int
    received_B: int


@dataclass(frozen=True, slots=True)
class Result:
    """A finished test. `lead_us`: from the connection's beginning to the receiver's zero, about. None: not told."""

    received_B: int
    receiver_us: int
    retransmits: int | None
    source_cpu_ppm: int | None
    target_cpu_ppm: int | None
    lead_us: int
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Datagrams:
    """A finished test with UDP, by the receiver: what came, in which time, of how many datagrams, and how evenly. None: not told."""

    received_B: int
    receiver_us: int
    packets: int | None
    lost: int | None
    jitter_us: int | None
    sent_B: int | None
    source_cpu_ppm: int | None
    target_cpu_ppm: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that gave no figure: why, and how many bytes it sent all the same (None: not told)."""

    why: str
    sent_B: int | None


def server_command(address: str, port: int) -> list[str]:
    """Serve one test on `address`, then end."""
    return [PROGRAM, "-s", "-1", "-B", address, "-p", str(port), "-J", "-i", "0.1"]


def udp_command(source: str, target: str, port: int, seconds: int, rate_bps: int) -> list[str]:
    """Send datagrams from `source` to `target` for so long at that rate. iperf3 makes them as large as the path's TCP segments."""
    command = [PROGRAM, "-c", target, "-B", source, "-p", str(port), "-t", str(seconds), "-J", "-i", "0.1", "-u"]
    return [*command, "-b", str(rate_bps), "--connect-timeout", str(CONNECT_MS), "--get-server-output"]


def client_command(source: str, target: str, port: int, seconds: int, limit_bps: int | None) -> list[str]:
    """Send from `source` to `target` for so long, never faster than `limit_bps` (None: as fast as TCP goes)."""
    command = [PROGRAM, "-c", target, "-B", source, "-p", str(port), "-t", str(seconds), "-J", "-i", "0.1"]
    command += ["--connect-timeout", str(CONNECT_MS), "--get-server-output"]
    if limit_bps is not None:
        # iperf3 holds a rate by whole blocks. A millisecond's worth keeps it exact: the usual block is 5 % of 2 s at 10 Mbit/s.
        block = min(_BLOCK_B, max(_SMALLEST_BLOCK_B, limit_bps // 8000))
        command += ["-b", str(limit_bps), "-l", str(block)]
    return command


def _said(output: bytes) -> dict[str, Json] | Failure:
    """The object that a client printed, or why it is of no use."""
    text = output.decode("utf-8", errors="replace")
    begin = text.find("{")
    try:
        # Warnings may stand before and after.
        said, _ = json.JSONDecoder().raw_decode(text, max(begin, 0))
    except (ValueError, RecursionError):
        first = next(iter(text.strip().splitlines()), "") if begin != 0 else ""
        return Failure(f"iperf3 was cut short or said no JSON: {printable(first[:_SHOWN])!r}", None)
    said = _mapping(said)
    if said.get("error"):
        why = printable(str(said["error"])[:_SHOWN])
        return Failure(why, 0 if why.startswith(_NEVER_BEGAN) else _sent_B(said))
    return said


def read_udp(output: bytes, seconds: int) -> Datagrams | Failure:
    """What a client printed that was to send datagrams for so long.

    The receiver's steps are added up: what the sender makes of its own count and the share that was lost is off by up to a fifth.
    """
    said = _said(output)
    if isinstance(said, Failure):
        return said
    server, end = _mapping(said.get("server_output_json")), _mapping(said.get("end"))
    steps = list(islice(_windows(server, seconds), _STEPS_A_SECOND * seconds))
    counted_us = sum(step.length_us for step in steps)
    if not counted_us:
        return Failure("iperf3 did not tell what was received", _sent_B(said))
    told, cpu = _mapping(end.get("sum")), _mapping(end.get("cpu_utilization_percent"))
    jitter_ms = _number(told.get("jitter_ms"), _LONGEST_S)
    return Datagrams(
        received_B=sum(step.received_B for step in steps),
        receiver_us=counted_us,
        packets=_count(told.get("packets")),
        lost=_count(told.get("lost_packets")),
        jitter_us=None if jitter_ms is None else round(jitter_ms * 1000),
        sent_B=_bytes(end.get("sum_sent")),
        source_cpu_ppm=_ppm(cpu.get("host_total")),
        target_cpu_ppm=_ppm(cpu.get("remote_total")),
    )


def read(output: bytes, seconds: int) -> Result | Failure:
    """What a client printed that was to send for so long."""
    said = _said(output)
    if isinstance(said, Failure):
        return said
    end = _mapping(said.get("end"))
    received = _mapping(end.get("sum_received"))
    count, counted_s = _bytes(received), _number(received.get("seconds"), _LONGEST_S)
    if count is None or not counted_s:
        return Failure("iperf3 did not tell what was received", None)
    cpu = _mapping(end.get("cpu_utilization_percent"))
    return Result(
        received_B=count,
        receiver_us=round(counted_s * 1e6),
        retransmits=_count(_mapping(end.get("sum_sent")).get("retransmits")),
        source_cpu_ppm=_ppm(cpu.get("host_total")),
        target_cpu_ppm=_ppm(cpu.get("remote_total")),
        lead_us=round(_TRIPS * _round_trip_us(end)),
        windows=tuple(islice(_windows(_mapping(said.get("server_output_json")), seconds), _STEPS_A_SECOND * seconds)),
    )


def _sent_B(said: dict[str, Json]) -> int | None:
    """What a client that failed had sent. Not told unless each step says it: then the server may have received anything."""
    counts = [_bytes(row.get("sum")) for row in _rows(said)]
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def _windows(server: dict[str, Json], seconds: int) -> Iterator[Window]:
    """The receiver's steps within the length of the test."""
    longest_s = seconds + _LATE_S
    for row in _rows(server):
        step = _mapping(row.get("sum"))
        start, length = _number(step.get("start"), longest_s), _number(step.get("seconds"), longest_s)
        count = _bytes(step)
        if start is None or not length or count is None or step.get("omitted") is True:
            continue
        if start + length <= longest_s:
            yield Window(round(start * 1e6), round(length * 1e6), count)


def _round_trip_us(end: dict[str, Json]) -> float:
    """The shortest the sender's kernel saw; 0 where it told none."""
    streams = end.get("streams")
    first = streams[0] if isinstance(streams, list) and streams else {}
    return _number(_mapping(_mapping(first).get("sender")).get("min_rtt"), 1e7) or 0.0


def _rows(part: dict[str, Json]) -> Iterator[dict[str, Json]]:
    rows = part.get("intervals")
    yield from (_mapping(row) for row in (rows if isinstance(rows, list) else ()))


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _number(value: Json, most: float) -> float | None:
    """`value` if it is a number from 0 to `most`, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= most and math.isfinite(value) else None


def _bytes(part: Json) -> int | None:
    return _count(_mapping(part).get("bytes"))


def _count(value: Json) -> int | None:
    count = _number(value, _MOST_B)
    return None if count is None else round(count)


def _ppm(percent: Json) -> int | None:
    value = _number(percent, _MOST_PERCENT)
    return None if value is None else round(value * 1e4)
