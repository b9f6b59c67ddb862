"""Rows to disk: a journal that loses seconds at most, and segments that are never touched again.

While a run goes on there are two files: ``NAME.zip.part``, a ZIP that grows by one closed
segment every ten minutes, and ``NAME.zip.journal`` with the rows since then. Sealing adds the
manifest and renames; it needs no second copy of anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from collector.archive.format import (
    AGAIN,
    FORMAT,
    JOURNAL,
    MANIFEST,
    PART,
    README,
    START,
    Block,
    Column,
    Row,
    Segment,
    check_line,
    dumps,
    segment_name,
)
from collector.archive.reader import Archive
from collector.contract import Json, Table
from collector.errors import WriteError
from collector.machine import Anchor

_README = """This is a measurement archive of haready: what one server and the network to its peers did during a run.

  haready verify  FILE            is it whole?
  haready inspect FILE            who, when, what
  haready export  FILE --csv DIR  every table as CSV
  haready assess  FILE FILE ...   verdict, settings and report, from the archives of all nodes

start.json and manifest.json describe the run; segments/*.jsonl.gz hold the values, one line a column: the
first value, then increments. Everything is plain text under gzip. It holds counters, timings and the machine's
inventory; no payload and no user files.
"""


@dataclass(frozen=True, slots=True)
class Before:
    """What a run has recorded up to an earlier end, and where its time axis (zero at `t0_ns` of today's monotonic clock) stands now."""

    archive: Archive
    t0_ns: int
    now_us: int


class Writer:
    """The archive of one node while it is being made.

    `flush`, `close_segment` and `seal` raise WriteError when the disk is full or fails: the caller stops sampling then.
    """

    def __init__(
        self,
        path: Path,
        start: Mapping[str, Json],
        tables: Iterable[Table],
        before: Before | None = None,
    ) -> None:
        """Create ``path.part`` and ``path.journal``; `start` says who and why (see docs/archive-format.md).

        What there is of the run `before` stays as it is until a whole copy is on the disk.

        Raises:
            OSError: they cannot be created.
        """
        self.path = path
        self._part = path.with_name(path.name + PART)
        self._start = dict(start)
        self._columns = {table.name: table.columns for table in tables}
        self._labels = {table.name: table.labels for table in tables}
        self._members: list[dict[str, Json]] = []
        journal = path.with_name(path.name + JOURNAL)
        made = self._part if before is None else path.with_name(path.name + AGAIN)
        if before is not None:
            made.unlink(missing_ok=True)  # of a start that did not come this far
        self._file: IO[bytes] = open(made, "xb", opener=_private)
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        self._seq = 0
        self.count = 0
        """Rows of the run so far."""
        try:
            self._add(README, _README.encode())
            self._add(START, dumps({"format": FORMAT, **self._start}))
            if before is not None:
                self._take_over(before.archive)
            self._settle(self._file)
            if before is not None:
                os.replace(made, self._part)
                _settle_folder(path.parent)
                journal.unlink(missing_ok=True)  # its rows are in a segment now
            self._journal = _Journal(journal)
            self._t0_ns: int = self._start["t0_ns"] if before is None else before.t0_ns
            self._open_segment(0 if before is None else before.now_us)
        except OSError:
            self._let_go()
            # What could not be begun leaves nothing. What there was of a run before is still there, or is the part by now.
            made.unlink(missing_ok=True)
            if before is None:
                journal.unlink(missing_ok=True)
            raise

    @property
    def size_B(self) -> int:
        """Bytes on disk now."""
        return self._file.tell() + self._journal.size_B

    @property
    def journal_B(self) -> int:
        """Bytes of the journal alone."""
        return self._journal.size_B

    def rows(self, table: str, labels: tuple[str, ...], rows: list[Row]) -> None:
        """Append rows; for a timed table each starts with its ``t_us``."""
        key = (table, labels)
        kept = self._rows.get(key)
        if kept is None:
            kept = self._rows[key] = [Column() for _ in self._columns[table]]
            named = dict(zip(self._labels[table], labels, strict=True))
            head: dict[str, Json] = {"series": len(self._rows) - 1, "table": table, "labels": named}
            self._journal.line(dumps(head | {"columns": self._columns[table]}))
            self._index[key] = len(self._rows) - 1
        for column, values in zip(kept, zip(*rows, strict=True), strict=bool(rows)):
            column.extend(values)
        self.count += len(rows)
        self._journal.line(dumps([self._index[key], rows]))

    def anchor(self, anchor: Anchor) -> None:
        """Keep a reading of the clocks."""
        triple = [anchor.mono_ns, anchor.real_ns, anchor.boot_ns]
        self._anchors.append(triple)
        self._journal.line(dumps({"anchor": triple}))

    def state(self, state: Mapping[str, Json]) -> None:
        """Replace the given parts of the segment's state (outcomes, peers, facts, events)."""
        self._state |= state
        self._journal.line(dumps({"state": state}))

    def flush(self, now_us: int) -> None:
        """Bring the journal to the disk. Called every few seconds."""
        with _disk():
            self._journal.flush(now_us)

    def close_segment(self, now_us: int, anchor: Anchor) -> None:
        """Turn the rows since the last call into a closed member, then empty the journal."""
        self.anchor(anchor)
        blocks = [
            Block.packed(table, dict(zip(self._labels[table], labels, strict=True)), self._columns[table], filled)
            for (table, labels), filled in self._rows.items()
            if filled[0].rows
        ]
        segment = Segment(
            seq=self._seq,
            node=str(self._start["node"]),
            session=str(self._start["session"]),
            t0_ns=self._t0_ns,
            from_us=self._from_us,
            to_us=now_us,
            anchors=self._anchors,
            state=self._state,
            blocks=blocks,
        )
        with _disk():
            self._add(segment_name(self._seq), segment.encode(), rows=segment.rows)
            self._settle(self._file)
            self._open_segment(now_us)
        self.anchor(anchor)

    def seal(self, manifest: Mapping[str, Json]) -> str:
        """Add the manifest, give the archive its final name and return its SHA-256.

        Rows since the last `close_segment` are not in it: close first.
        """
        with _disk():
            self._add(MANIFEST, dumps({"format": FORMAT, **self._start, **manifest, "members": list(self._members)}))
            self._zip.close()
            self._settle(self._file)
            self._file.close()
            os.replace(self._part, self.path)
            self._journal.remove()
            _settle_folder(self.path.parent)
            with open(self.path, "rb") as sealed:
                return hashlib.file_digest(sealed, "sha256").hexdigest()

    def abandon(self) -> None:
        """Leave part and journal as they are, for the reader."""
        self._let_go()
        self._journal.close()

    def _let_go(self) -> None:
        """Close the part. Its ZipFile would otherwise end it with a directory."""
        self._zip.fp = None
        with contextlib.suppress(OSError):  # the disk that is full already takes no last bytes either
            self._file.close()

    def _take_over(self, before: Archive) -> None:
        for data, segment in before.stored():
            self._seq = max(self._seq, segment.seq)
            self._add(segment_name(segment.seq), data, rows=segment.rows)
            self.count += segment.rows
        if before.journal is not None:
            self._seq = before.journal.seq
            self._add(segment_name(self._seq), before.journal.encode(), rows=before.journal.rows)
            self.count += before.journal.rows

    def _open_segment(self, now_us: int) -> None:
        self._seq += 1
        self._from_us = now_us
        self._rows: dict[tuple[str, tuple[str, ...]], list[Column]] = {}
        self._index: dict[tuple[str, tuple[str, ...]], int] = {}
        self._anchors: list[list[int]] = []
        self._state: dict[str, Json] = {}
        head = {name: self._start[name] for name in ("node", "session")} | {"t0_ns": self._t0_ns}
        self._journal.restart(dumps({"format": FORMAT, **head, "seq": self._seq, "from_us": now_us}), now_us)

    def _add(self, name: str, data: bytes, rows: int = 0) -> None:
        self._zip.writestr(zipfile.ZipInfo(name), data)
        digest = hashlib.sha256(data).hexdigest()
        self._members.append({"name": name, "rows": rows, "bytes": len(data), "sha256": digest})

    @staticmethod
    def _settle(file: IO[bytes]) -> None:
        file.flush()
        os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    """The inventory is nobody else's business."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(error.strerror or str(error)) from error


class _Journal:
    """One deflate stream of JSON lines, each stretch closed by a line that carries its checksum."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Never an existing file: in a folder that others may write to, its name could be a link to anything.
        self._file = open(path, "xb", buffering=0, opener=_private)
        self.size_B = 0

    def restart(self, head: bytes, now_us: int) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.size_B = 0
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
        self._pending = [head]
        self.flush(now_us)

    def line(self, line: bytes) -> None:
        self._pending.append(line)

    def flush(self, now_us: int) -> None:
        text = b"\n".join([*self._pending, check_line(self._pending, now_us)]) + b"\n"
        data = self._deflate.compress(text) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._pending = []
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self.size_B += len(data)
        os.fdatasync(self._file.fileno()) if hasattr(os, "fdatasync") else os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self.close()
        self._path.unlink()


def _settle_folder(folder: Path) -> None:
    """Make a rename durable, where folders can be synced."""
    if hasattr(os, "O_DIRECTORY"):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
