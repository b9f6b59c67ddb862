"""Read the journal of a run that was cut short: what it holds up to its last good check line. It is hostile input, too."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from collector.archive.format import (
    MAX_BLOCKS,
    MAX_ROWS,
    Block,
    Row,
    Segment,
    check_line,
    checked_anchors,
    checked_integer,
    checked_series,
    loads,
)
from collector.contract import Json

_MAX_JOURNAL_B = 32 << 20
"""Ten minutes of a node with 64 cores are 6 MB of text; as rows it takes up to twenty times as much memory."""


def read_journal(path: Path, head: dict[str, Json], last: int, damage: list[str]) -> Segment | None:
    """What a journal still holds, up to its last good check line; None if a segment holds it already."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        damage.append(f"{path.name}: {error.strerror}")
        return None
    lines, to_us = _checked_lines(raw)
    if not lines:
        damage.append(f"{path.name}: nothing readable")
        return None
    try:
        first = loads(lines[0])
        if not isinstance(first, dict):
            raise ValueError("expected an object")
        seq, t0_ns, from_us = (checked_integer(first, key) for key in ("seq", "t0_ns", "from_us"))
        if first["session"] != head["session"] or seq <= last:
            return None
        segment = Segment(seq, str(first["node"]), first["session"], t0_ns, from_us, to_us, [], {})
        series: list[tuple[tuple[str, dict[str, str], tuple[str, ...]], list[Row]]] = []
        for line in lines[1:]:
            value = loads(line)
            if isinstance(value, list):
                (_, _, columns), rows = series[value[0]]
                rows += _checked_rows(value[1], len(columns))
            elif "series" in value:
                series.append((checked_series(value), []))
            elif "anchor" in value:
                segment.anchors += checked_anchors([value["anchor"]])
            elif "state" in value:
                if not isinstance(value["state"], dict):
                    raise ValueError("the state is malformed")
                segment.state |= value["state"]
        if len(series) > MAX_BLOCKS or any(len(rows) > MAX_ROWS for _, rows in series):
            raise ValueError("more blocks or rows than any run has")
        segment.blocks = [Block.of(*declared, rows) for declared, rows in series if rows]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        damage.append(f"{path.name}: {error}")
        return None
    return segment


def _checked_rows(rows: Json, width: int) -> list[Row]:
    """Rows of a journal: equally wide, integers and nulls."""
    for row in rows:
        if not isinstance(row, list) or len(row) != width:
            raise ValueError("a row does not fit its columns")
        if not all(value is None or type(value) is int for value in row):
            raise ValueError("a row holds something else than integers")
    return list(rows)


def _checked_lines(raw: bytes) -> tuple[list[bytes], int]:
    """Lines whose check line is there and right, and the time up to which they reach."""
    stream = zlib.decompressobj(31)
    text = bytearray()
    try:
        # In small bites, so that what precedes a damaged byte is not lost with it.
        for at in range(0, len(raw), 256):
            text += stream.decompress(raw[at : at + 256], _MAX_JOURNAL_B - len(text))
            if len(text) >= _MAX_JOURNAL_B:
                break
    except zlib.error:
        pass
    good: list[bytes] = []
    pending: list[bytes] = []
    to_us = 0
    for line in bytes(text).split(b"\n")[:-1]:
        if line.startswith(b'{"check":'):
            try:
                at = int(json.loads(line)["to_us"])
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                break
            if line != check_line(pending, at):
                break
            good += pending
            pending, to_us = [], at
        else:
            pending.append(line)
    return good, to_us
