"""Archives to arrays: one `NodeData` per archive, read segment by segment.

The wire tables (`sent`, `reply`, `seen`) become numpy columns of the smallest integer type that holds them; the other
tables become pandas frames with their raw stored integers. A block that cannot be parsed is damage, never a crash, and
a wire table's stretch of time no longer counts as covered then.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyzer.columns import FAST, WIRE, Ints, check_labels, host_column, wire_column
from collector.archive.format import Block, Segment
from collector.archive.reader import Archive, open_archive
from collector.archive.story import Story, add_state, story, tidy
from collector.contract import Json
from collector.errors import ArchiveError, OperatorError
from collector.plan import Plan, parse

_MOST_B = 1_000_000_000
"""What is kept of one archive, in memory. A day of a trio's node takes 0.2 GB, with 64 cores 0.6 GB; a weekend with 16 cores 0.9 GB. A small
file can unpack to any number of values, so that without a bound it could take all memory there is."""

_ARRAY_B = 150
"""What an array takes besides its values."""

_LONGEST_US = 10**14
"""Three years: no run is longer, and what is computed from it fits every type used."""

_UNITS = {
    "us": ("s", 1e-6), "ms": ("s", 1e-3), "cs": ("s", 1e-2), "B": ("B", 1.0), "KiB": ("B", 1024.0), "Mbps": ("B/s", 125_000.0),
}  # fmt: skip
"""What the end of a column's name says of it."""
_MOST_STRANGE = 100
"""Tables that are named one by one; all are left out."""
_LONGEST_NAME = 80
"""Letters that are kept of a service's name."""


@dataclass(slots=True)
class Columns:
    """One wire table of one path: equally long arrays by name, and which segment each stretch of rows came from.

    Null is the smallest value of the column's type (see `null_of`).
    """

    arrays: dict[str, Ints]
    chunks: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def segment(self) -> npt.NDArray[np.int32]:
        """Sequence number of the segment that every row came from."""
        numbers = np.array([seq for seq, _ in self.chunks], dtype=np.int32)
        return np.repeat(numbers, [rows for _, rows in self.chunks])


@dataclass(slots=True)
class NodeData:
    """Everything an archive says, times in microseconds of the node's own monotonic clock since its start.

    `sessions`: of every start of its collector; `anchors` are readings (monotonic ns, wall clock ns), `boots` the same moments (monotonic ns, boot clock ns); `spans` the stretches in us that are covered by undamaged
    segments; `keepers` (t_us, service, synchronised) what the inventory told of the time service, and when that was another
    answer than before; `tables` the host tables by name, with ``t_us`` and, once aligned, ``t_s`` on the run's common base;
    `probes` which probe writes a table, by the table's name, as far as the archive says. `burst` and `burst_reply` are the fast
    probes beside bandwidth tests, by path; empty if any of them cannot be read.
    """

    path: Path
    name: str
    session: str
    sessions: frozenset[str]
    plan: Plan
    tool_version: str
    started: str
    planned_s: float
    duration_s: float
    sealed: bool
    sha256: str
    t0_ns: int
    damage: tuple[str, ...]
    gaps_s: float
    story: Story
    anchors: tuple[tuple[int, int], ...]
    spans: tuple[tuple[int, int], ...]
    keepers: tuple[tuple[int, str | None, bool | None], ...]
    sent: dict[str, Columns]
    reply: dict[str, Columns]
    seen: dict[str, Columns]
    tables: dict[str, pd.DataFrame] = field(repr=False)
    probes: Mapping[str, str] = field(default_factory=dict)
    boots: tuple[tuple[int, int], ...] = ()
    burst: dict[str, Columns] = field(default_factory=dict)
    burst_reply: dict[str, Columns] = field(default_factory=dict)

    @property
    def started_s(self) -> float:
        """Wall-clock start in seconds since 1970."""
        return datetime.fromisoformat(self.started).timestamp()


def read(path: Path) -> NodeData:
    """Read one archive whole.

    Raises:
        ArchiveError: not an archive, from a newer version, or nothing in it is readable.
        PlanError: the plan inside has mistakes.
        OperatorError: the archive's node is not in its own plan.
    """
    archive = open_archive(path)
    head = archive.head
    plan = parse(head["plan"], str(path))
    node = str(head["node"])
    if node not in {planned.name for planned in plan.nodes}:
        raise OperatorError(
            f"{path}: node {node!r} is not in its plan", "the archive was made by another tool or changed by hand"
        )
    if abs(head["t0_ns"]) >= 1 << 62:
        raise ArchiveError(f"{path}: its start on the monotonic clock makes no sense", "copy the file again")
    gathered = _Gathered()
    for segment in archive.segments():
        gathered.take(segment, int(head["t0_ns"]))
    if not gathered.segments:
        raise ArchiveError(
            f"{path}: no measurement in it can be read" + (f" ({archive.damage[0]})" if archive.damage else ""),
            "copy the file again from the node; if it stays so, repeat the run",
        )
    strange = _strange_units(head.get("tables"))
    told = story(head if archive.sealed else gathered.told)
    end_us = max((to_us for _, to_us in gathered.covered), default=0)
    return NodeData(
        path=archive.path,
        name=node,
        session=str(head["session"]),
        sessions=frozenset((str(head["session"]), *(session for _, session in told.starts))),
        plan=plan,
        tool_version=str(head.get("tool", "unknown")),
        started=_instant(head.get("started"), gathered.anchors, int(head["t0_ns"])),
        planned_s=_positive(head["planned_s"]),
        # A manifest that tells less than the segments cover is damaged; what was recorded was recorded.
        duration_s=max(_positive(head.get("duration_s")), end_us / 1e6),
        sealed=archive.sealed,
        sha256=archive.sha256,
        t0_ns=int(head["t0_ns"]),
        damage=(*archive.damage, *gathered.damage, *(strange[table] for table in sorted(strange)[:_MOST_STRANGE])),
        gaps_s=_gaps_s(archive),
        story=told,
        anchors=tuple(sorted({(mono, real) for mono, real, _ in gathered.anchors})),
        boots=tuple(sorted({(mono, boot) for mono, _, boot in gathered.anchors})),
        spans=_merged(gathered.spans),
        keepers=tuple(gathered.keepers),
        sent={} if "sent" in strange else gathered.wire_table("sent"),
        reply={} if "reply" in strange else gathered.wire_table("reply"),
        seen={} if "seen" in strange else gathered.wire_table("seen"),
        tables={name: frame for name, frame in gathered.host_tables().items() if name not in strange},
        probes=_probes(head.get("tables")),
        # With a part of them missing nobody knows which probes were answered.
        burst={} if gathered.fast_damaged else gathered.wire_table("burst"),
        burst_reply={} if gathered.fast_damaged else gathered.wire_table("burst_reply"),
    )


def _probes(told: Json) -> dict[str, str]:
    """Which probe writes each table. Older archives do not tell, and what is malformed is left out."""
    return {
        str(entry["name"]): entry["probe"]
        for entry in (told if isinstance(told, list) else ())
        if isinstance(entry, dict) and "name" in entry and isinstance(entry.get("probe"), str)
    }


def _strange_units(told: Json) -> dict[str, str]:
    """Tables that say themselves that a column is in another unit than its name tells, and what of that is damage.

    The rules go by the names. What is malformed or not told says nothing.
    """
    found: dict[str, str] = {}
    for entry in told if isinstance(told, list) else ():
        metrics = entry.get("metrics") if isinstance(entry, dict) else None
        for metric in metrics if isinstance(metrics, list) else ():
            name, unit, scale = (
                metric.get(key) if isinstance(metric, dict) else None for key in ("name", "unit", "scale")
            )
            if not isinstance(name, str) or not isinstance(unit, str) or not isinstance(scale, int | float):
                continue
            known = _UNITS.get(name.rpartition("_")[2])
            if known is not None and (unit != known[0] or not known[1] * 0.999 < scale < known[1] * 1.001):
                table = str(entry.get("name"))
                found[table] = (
                    f"table {tidy(table)[:_LONGEST_NAME]}: {tidy(name)[:_LONGEST_NAME]} is told in another unit than its name says"
                )
    return found


class _Gathered:
    """What the segments gave so far."""

    def __init__(self) -> None:
        self.segments = 0
        self.fast_damaged = False
        self._kept_B = 0
        self.damage: list[str] = []
        self.anchors: list[tuple[int, int, int]] = []
        self.spans: list[tuple[int, int]] = []
        self.covered: list[tuple[int, int]] = []
        self.told: dict[str, Json] = {}
        self.keepers: list[tuple[int, str | None, bool | None]] = []
        self._wire: dict[tuple[str, str], list[tuple[int, dict[str, Ints]]]] = defaultdict(list)
        self._host: dict[str, list[tuple[dict[str, str], dict[str, npt.NDArray[Any]]]]] = defaultdict(list)

    def take(self, segment: Segment, t0_ns: int) -> None:
        """Parse a segment's blocks and drop their text. `t0_ns`: zero of the run's axis on the monotonic clock of its first start."""
        if not 0 <= segment.from_us <= segment.to_us < _LONGEST_US:
            self.damage.append(f"segment {segment.seq}: its times make no sense")
            return
        self._kept_B += sum(map(_kept_B, segment.blocks))
        if self._kept_B > _MOST_B:
            self.damage.append(
                f"segment {segment.seq}: left out, for an archive may hold {_MOST_B // 10**6} MB of values"
            )
            return
        self.segments += 1
        self.anchors += [
            # A reboot moves the zero of the monotonic clock; what is kept refers to the first start's.
            (mono - segment.t0_ns + t0_ns, real, boot)
            for mono, real, boot in segment.anchors
            if abs(mono - segment.t0_ns) < _LONGEST_US * 1000 and abs(real) < 1 << 62 and abs(boot) < 1 << 62
        ]
        add_state(self.told, segment.state)
        self._keeper(segment)
        intact = True
        with warnings.catch_warnings():
            # numpy before 2.3 only warns about text it cannot read to its end.
            warnings.simplefilter("error", DeprecationWarning)
            for block in segment.blocks:
                try:
                    self._block(segment, block)
                except (ValueError, OverflowError, DeprecationWarning, KeyError, TypeError) as error:
                    # What became of a slot depends on these tables alone.
                    intact = intact and (block.table not in WIRE or block.table in FAST)
                    self.fast_damaged = self.fast_damaged or block.table in FAST
                    self.damage.append(f"segment {segment.seq}, table {block.table}: {error}")
        self.covered.append((segment.from_us, segment.to_us))
        if intact:
            self.spans.append((segment.from_us, segment.to_us))

    def _keeper(self, segment: Segment) -> None:
        """Every segment repeats the inventory as of its end."""
        found: Json = segment.state
        for key in ("facts", "inventory", "time"):
            found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            return
        service, synchronised = found.get("service"), found.get("synchronised")
        told = (
            tidy(service)[:_LONGEST_NAME] if isinstance(service, str) else None,
            synchronised if isinstance(synchronised, bool) else None,
        )
        if not self.keepers or self.keepers[-1][1:] != told:
            self.keepers.append((segment.to_us, *told))

    def _block(self, segment: Segment, block: Block) -> None:
        check_labels(block)
        kept = WIRE.get(block.table)
        if kept is None:
            columns = {name: host_column(segment, block, name) for name in block.columns}
            self._host[block.table].append((dict(block.labels), columns))
        else:
            # Parsed before the list is made, so that a path of which nothing could be read leaves no trace.
            piece = {name: wire_column(segment, block, name, kind) for name, kind in kept.items()}
            self._wire[block.table, block.labels["path"]].append((segment.seq, piece))

    def wire_table(self, table: str) -> dict[str, Columns]:
        """The table's columns by path; the pieces are let go as they are joined."""
        found = {}
        for key in [key for key in self._wire if key[0] == table]:
            pieces = self._wire.pop(key)
            chunks = [(seq, len(next(iter(piece.values())))) for seq, piece in pieces]
            arrays = {name: np.concatenate([piece.pop(name) for _, piece in pieces]) for name in WIRE[table]}
            found[key[1]] = Columns(arrays, chunks)
        return found

    def host_tables(self) -> dict[str, pd.DataFrame]:
        """A frame per table: label columns first, ordered by time within each label."""
        return {table: _joined(pieces) for table, pieces in self._host.items()}


def _kept_B(block: Block) -> int:
    """Bytes that the block's columns take in memory."""
    kinds = WIRE.get(block.table)
    widths = [8] * len(block.columns) if kinds is None else [np.dtype(kind).itemsize for kind in kinds.values()]
    return sum(block.rows * width + _ARRAY_B for width in widths)


def _joined(pieces: list[tuple[dict[str, str], dict[str, npt.NDArray[Any]]]]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for _, columns in pieces for name in columns))
    labels = list(dict.fromkeys(name for label, _ in pieces for name in label))
    lengths = [len(next(iter(columns.values()))) for _, columns in pieces]
    data: dict[str, Any] = {}
    for label in labels:
        values = [words.get(label, "") for words, _ in pieces]
        categories = sorted(set(values))
        codes = np.repeat(np.array([categories.index(value) for value in values], dtype=np.int32), lengths)
        data[label] = pd.Categorical.from_codes(codes, categories=pd.Index(categories))
    for name in names:
        data[name] = np.concatenate(
            [
                columns.pop(name) if name in columns else np.full(length, np.nan)
                for (_, columns), length in zip(pieces, lengths, strict=True)
            ]
        )
    return pd.DataFrame(data)


def _gaps_s(archive: Archive) -> float:
    return sum(max(0, hole.to_us - hole.from_us) for hole in archive.lost()) / 1e6


def _merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Touching stretches become one; two seconds are the ordinary hand-over between segments."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start - merged[-1][1] <= 2_000_000:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return tuple(merged)


def _positive(value: Json) -> float:
    return float(value) if type(value) in (int, float) and 0 < value < 1e9 else 0.0


def _instant(value: Json, anchors: Sequence[tuple[int, int, int]], t0_ns: int) -> str:
    """The archive's start as ISO 8601 UTC; from the clock anchors if the head does not tell."""
    try:
        instant = datetime.fromisoformat(str(value))
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or one before the year 1
        mono, real, _ = min(anchors, default=(t0_ns, 0, 0))
        instant = datetime.fromtimestamp((real - mono + t0_ns) / 1e9, UTC)
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")
