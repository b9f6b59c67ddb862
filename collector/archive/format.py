"""The archive format: its number and history, and how rows become a segment and back.

docs/archive-format.md is the full description. In short: a ZIP of stored members; each
``segments/NNNNNN.jsonl.gz`` holds ten minutes as one text line of increments per column.
"""

from __future__ import annotations

import itertools
import json
import operator
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from collector.contract import Json
from collector.errors import ArchiveError

FORMAT = 1
"""Number of the format. History: 1 = first."""

SUFFIX = ".zip"
PART = ".part"
JOURNAL = ".journal"
AGAIN = ".again"
"""While a run that was cut short is taken up again: the copy that becomes its part."""
README, START, MANIFEST = "README.txt", "start.json", "manifest.json"

Row = Sequence[int | None]

# Bounds on what is read: an archive comes from outside. A real segment of a busy trio is 2 MB of
# text in 400 blocks; these are far above it and far below what would hurt.
MAX_MEMBERS = 20_000
MAX_MEMBER_B = 64 << 20
MAX_TEXT_B = 256 << 20
MAX_ROWS = 4_000_000
MAX_COLUMNS = 256
MAX_BLOCKS = 20_000
MAX_LINES = 500_000
MAX_INTEGER = 1 << 62

MAX_NOTES, MAX_NOTE_LETTERS = 1000, 200
"""Notes of a run and letters of each (design values): more than people write, and too few to fill an archive."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def segment_name(seq: int) -> str:
    """Member name of a segment."""
    return f"segments/{seq:06d}.jsonl.gz"


def dumps(value: Json) -> bytes:
    """Compact JSON of one line. What is no UTF-8 in a name of this machine (surrogates) becomes U+FFFD."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


def loads(line: bytes) -> Json:
    """JSON from outside. Lone surrogates become U+FFFD, so that nobody fails later who writes what he has read.

    Raises:
        ValueError: it is no JSON, or no UTF-8.
        RecursionError: nested too deep.
    """
    value = json.loads(line.decode())
    # Their escapes are rare, so nothing else pays for the second pass.
    return json.loads(dumps(value)) if b"\\ud" in line.lower() else value


class Column:
    """Values of one column while a segment is being filled: kept as they will be written, which takes a tenth of what Python's own do.

    Where there is none (null) the last value stands, as in the archive.
    """

    __slots__ = ("_last", "_text", "nulls", "rows")

    def __init__(self) -> None:
        self.rows = 0
        self.nulls: list[list[int]] = []
        self._last = 0
        self._text = bytearray()

    def extend(self, new: Sequence[int | None]) -> None:
        """Append values."""
        if not new:
            return
        held = list(_held(new, self._last))
        self._text += b"," if self.rows else b""
        self._text += _increments(held, self._last)
        for begin, end in _null_ranges(new) if None in new else ():
            if self.nulls and self.nulls[-1][1] == self.rows + begin:
                self.nulls[-1][1] = self.rows + end
            else:
                self.nulls.append([self.rows + begin, self.rows + end])
        self._last = held[-1]
        self.rows += len(held)

    def line(self) -> bytes:
        """The line of a segment."""
        return b"[" + self._text + b"]"


@dataclass(slots=True)
class Block:
    """One table with one set of label values, `rows` long.

    `lines` holds one line per column as written: the first value, then increments, between
    brackets. `nulls` gives the half-open row ranges without a value, by column.
    """

    table: str
    labels: Mapping[str, str]
    columns: tuple[str, ...]
    rows: int
    nulls: Mapping[str, list[list[int]]]
    lines: list[bytes]

    @classmethod
    def of(cls, table: str, labels: Mapping[str, str], columns: tuple[str, ...], rows: Sequence[Row]) -> Block:
        """Encode rows."""
        nulls: dict[str, list[list[int]]] = {}
        lines = []
        for name, values in zip(columns, zip(*rows, strict=True), strict=True):
            if None in values:
                nulls[name] = _null_ranges(values)
            lines.append(b"[%b]" % _increments(list(_held(values))))
        return cls(table, labels, columns, len(rows), nulls, lines)

    @classmethod
    def packed(cls, table: str, labels: Mapping[str, str], columns: tuple[str, ...], filled: Sequence[Column]) -> Block:
        """Encode columns; the same as `of` with their rows."""
        nulls = {name: column.nulls for name, column in zip(columns, filled, strict=True) if column.nulls}
        return cls(table, labels, columns, filled[0].rows, nulls, [column.line() for column in filled])

    def column(self, name: str) -> list[int | None]:
        """Values of one column, without numpy.

        Raises:
            ValueError: the line does not hold exactly `rows` integers.
        """
        try:
            steps = json.loads(self.lines[self.columns.index(name)])
        except RecursionError as error:
            raise ValueError(f"{self.table}.{name}: nested") from error
        if len(steps) != self.rows or not all(type(step) is int for step in steps):
            raise ValueError(f"{self.table}.{name}: expected {self.rows} integers")
        values: list[int | None] = list(itertools.accumulate(steps))
        for start, stop in self.nulls.get(name, ()):
            values[start:stop] = [None] * (stop - start)
        return values


def _held(values: Iterable[int | None], last: int = 0) -> Iterator[int]:
    """Carry the last value over nulls, so that a null run has increment 0. `last`: the one before."""
    for value in values:
        last = last if value is None else value
        yield last


def _null_ranges(values: Sequence[int | None]) -> list[list[int]]:
    ranges = []
    for null, run in itertools.groupby(range(len(values)), key=lambda row: values[row] is None):
        if null:
            rows = list(run)
            ranges.append([rows[0], rows[-1] + 1])
    return ranges


def _increments(values: Sequence[int], last: int = 0) -> bytes:
    return ",".join(map(str, map(operator.sub, values, itertools.chain((last,), values)))).encode()


@dataclass(slots=True)
class Segment:
    """Ten minutes of one node, or what a journal still held.

    `t_us` columns and `from_us`/`to_us` count from `t0_ns` (monotonic). Each anchor is
    (monotonic, real, boot) in ns. `state` carries outcomes, peers, facts and events as of the segment's end.
    """

    seq: int
    node: str
    session: str
    t0_ns: int
    from_us: int
    to_us: int
    anchors: list[list[int]]
    state: dict[str, Json]
    blocks: list[Block] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows of all blocks."""
        return sum(block.rows for block in self.blocks)

    def encode(self) -> bytes:
        """The member's bytes: gzip over JSON lines, closed by a line that counts them."""
        lines = [
            dumps(
                {
                    "format": FORMAT,
                    "node": self.node,
                    "session": self.session,
                    "seq": self.seq,
                    "t0_ns": self.t0_ns,
                    "from_us": self.from_us,
                    "to_us": self.to_us,
                    "anchors": self.anchors,
                    "state": self.state,
                }
            )
        ]
        for block in self.blocks:
            head: dict[str, Json] = {"table": block.table, "labels": block.labels, "rows": block.rows}
            lines += [dumps(head | {"columns": block.columns, "null": block.nulls}), *block.lines]
        lines.append(dumps({"end": self.seq, "lines": len(lines)}))
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)  # line by line: the text is never whole in memory
        packed = [packer.compress(line) + packer.compress(b"\n") for line in lines]
        return b"".join([*packed, packer.flush()])

    @classmethod
    def decode(cls, data: bytes) -> Segment:
        """Read a member back; the columns stay text until somebody wants them.

        Raises:
            ArchiveError: written by a newer version.
            ValueError: damaged, or not within the bounds above.
        """
        text = _inflate(data)
        if text.count(b"\n") > MAX_LINES:
            raise ValueError("too many lines")
        lines = text.split(b"\n")
        head = _object(lines[0])
        check_format(head)
        end = _object(lines[-2]) if len(lines) > 2 and not lines[-1] else {}
        if end != {"end": head.get("seq"), "lines": len(lines) - 2}:
            raise ValueError("the closing line is missing or does not match")
        body = iter(lines[1:-2])
        return cls(
            seq=checked_integer(head, "seq"),
            node=str(head["node"]),
            session=str(head["session"]),
            t0_ns=checked_integer(head, "t0_ns"),
            from_us=checked_integer(head, "from_us"),
            to_us=checked_integer(head, "to_us"),
            anchors=checked_anchors(head["anchors"]),
            state=head["state"] if isinstance(head["state"], dict) else {},
            blocks=list(_blocks(body)),
        )


def check_format(head: Mapping[str, Json], tool: str = "") -> None:
    """Refuse by name what a newer version wrote.

    Raises:
        ArchiveError: newer format.
        ValueError: no format number at all.
    """
    number = head.get("format")
    if type(number) is not int or number < 1:
        raise ValueError("no format number")
    if number > FORMAT:
        raise ArchiveError(
            f"archive has format {number}, this version reads up to {FORMAT}",
            f"install haready {tool or 'of the version that wrote it'} or newer",
        )


def _blocks(lines: Iterator[bytes]) -> Iterator[Block]:
    for count, line in enumerate(lines):
        head = _object(line)
        rows, columns = checked_integer(head, "rows"), head["columns"]
        if not 0 < rows <= MAX_ROWS or not 0 < len(columns) <= MAX_COLUMNS or count >= MAX_BLOCKS:
            raise ValueError("a block is out of bounds")
        if not isinstance(head["null"], dict):
            raise ValueError("a block's head is malformed")
        for ranges in head["null"].values():
            for start, stop in ranges:
                if type(start) is not int or type(stop) is not int or not 0 <= start < stop <= rows:
                    raise ValueError("a null range lies outside its block")
        body = [column for _, column in zip(columns, lines, strict=False)]
        if len(body) != len(columns) or any(
            not column.startswith(b"[") or column.count(b",") != rows - 1 for column in body
        ):
            raise ValueError(f"a column of {head['table']} does not hold {rows} values")
        yield Block(*checked_series(head), rows, head["null"], body)


def _inflate(data: bytes) -> bytes:
    stream = zlib.decompressobj(31)
    try:
        text = stream.decompress(data, MAX_TEXT_B)
    except zlib.error as error:
        raise ValueError(f"not decodable: {error}") from error
    if not stream.eof:
        raise ValueError("cut short" if len(text) < MAX_TEXT_B else f"unpacks to more than {MAX_TEXT_B} bytes")
    return text


def checked_series(head: Mapping[str, Json]) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """Table, labels and columns of a block, or of a journal's series.

    Raises:
        ValueError: they are not texts, or too many.
        KeyError: one of them is missing.
    """
    table, labels, columns = head["table"], head["labels"], head["columns"]
    if (
        not isinstance(table, str)
        or not isinstance(labels, dict)
        or not all(isinstance(value, str) for value in labels.values())
        or not isinstance(columns, list)
        or not 0 < len(columns) <= MAX_COLUMNS
        or not all(isinstance(name, str) for name in columns)
    ):
        raise ValueError("table, labels or columns are malformed")
    return table, labels, tuple(columns)


def _object(line: bytes) -> dict[str, Json]:
    value = loads(line)
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    return value


def checked_integer(head: Mapping[str, Json], key: str) -> int:
    """A number of a segment's or journal's head. Raises ValueError if it is no integer or out of bounds."""
    value = head.get(key)
    if type(value) is not int or abs(value) > MAX_INTEGER:
        raise ValueError(f"{key} is no integer, or out of bounds")
    return value


def checked_anchors(value: Json) -> list[list[int]]:
    """Clock anchors as they were read: lists of (monotonic, real, boot) in ns. Raises ValueError for anything else."""
    if not isinstance(value, list) or not all(
        isinstance(anchor, list) and len(anchor) == 3 and all(type(part) is int for part in anchor) for anchor in value
    ):
        raise ValueError("the clock anchors are malformed")
    return value


def check_line(lines: Iterable[bytes], to_us: int) -> bytes:
    """The line that closes a stretch of journal: a CRC-32 over the lines since the last one."""
    return dumps({"check": zlib.crc32(b"\n".join(lines)), "to_us": to_us})
