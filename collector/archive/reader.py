"""Read an archive, whole or damaged; it is hostile input until it has been checked.

Local headers are scanned and the ZIP's directory is not trusted, so that a file that was cut
short gives every segment before the cut. Nothing is ever unpacked to a file.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from collector.archive.format import (
    JOURNAL,
    MANIFEST,
    MAX_MEMBER_B,
    MAX_MEMBERS,
    PART,
    README,
    START,
    Segment,
    check_format,
    loads,
)
from collector.archive.journal import read_journal
from collector.archive.story import moments
from collector.contract import Json
from collector.errors import ArchiveError

_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_SIGNATURE = b"PK\x03\x04"
_END, _END_B = b"PK\x05\x06", 22
_DIRECTORY = (b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06")
_SEGMENT = re.compile(r"segments/(\d{6,9})\.jsonl\.gz\Z")
_LONGEST_S = 1e9
MAX_FILE_B = 4 << 30
_MAX_HURTS = 1000
_SLACK_US = 2_000_000
"""A hole in time up to this long is the ordinary hand-over between two segments."""


NOT_RUNNING = "the collector was not running"
"""Such a stretch is known to the archive: it was started again after it."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A stretch of the run that nothing in the archive covers, in microseconds since `t0_ns`."""

    from_us: int
    to_us: int
    why: str


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    offset: int
    size: int
    crc: int


@dataclass(slots=True)
class Archive:
    """One node's archive. `head` is the manifest if there is one, else what was written at the start."""

    path: Path
    head: dict[str, Json]
    sealed: bool
    sha256: str
    size_B: int
    damage: list[str]
    _members: list[_Member] = field(repr=False)
    _journal: Segment | None = field(repr=False)
    _spans: dict[int, tuple[int, int]] = field(default_factory=dict, repr=False)
    _told_ns: list[int] = field(default_factory=list, repr=False)
    _starts_us: set[int] = field(default_factory=set, repr=False)

    def segments(self) -> Iterator[Segment]:
        """Every readable segment in order, the journal's rows last. Damage found on the way is added to `damage`."""
        for _, segment in self.stored():
            yield segment
        if self._journal is not None:
            self._spans[self._journal.seq] = (self._journal.from_us, self._journal.to_us)
            self._starts_us.update(start_us for start_us, _ in moments(self._journal.state, "starts"))
            yield self._journal
        if self.sealed:
            self._check_end()

    @property
    def journal(self) -> Segment | None:
        """The rows that were not in a segment yet when the run was cut short."""
        return self._journal

    def stored(self) -> Iterator[tuple[bytes, Segment]]:
        """Every readable segment that was closed, in order, with its bytes."""
        seen: set[int] = set()
        with open(self.path, "rb") as file:
            for member in self._members:
                file.seek(member.offset)
                data = file.read(member.size)
                if zlib.crc32(data) != member.crc:
                    self._hurt(f"{member.name}: checksum does not match")
                    continue
                try:
                    segment = Segment.decode(data)
                except ArchiveError as error:
                    raise ArchiveError(f"{self.path}: {error}", error.hint) from error
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    self._hurt(f"{member.name}: {error}")
                    continue
                if segment.session != self.head["session"]:
                    self._hurt(f"{member.name}: belongs to another session")
                    continue
                if segment.seq in seen:
                    self._hurt(f"{member.name}: segment {segment.seq} is there already")
                    continue
                seen.add(segment.seq)
                self._spans[segment.seq] = (segment.from_us, segment.to_us)
                self._told_ns += [anchor[1] for anchor in segment.anchors[-1:]]
                self._starts_us.update(start_us for start_us, _ in moments(segment.state, "starts"))
                yield data, segment

    def _check_end(self) -> None:
        """Hold what the manifest says of the end against the segments: they cannot reach beyond it."""
        covered_us = max((stop for _, stop in self._spans.values()), default=0)
        duration_s = self.head["duration_s"]
        # In whole numbers: those of a hostile archive may be too large for a float.
        if covered_us - int(duration_s * 1e6) > _SLACK_US:
            reach_s = covered_us // 1_000_000
            self._hurt(f"{MANIFEST}: it says that the run lasted {duration_s:g} s, and its segments reach {reach_s} s")
        ended = self.head.get("ended")
        if ended is None or not self._told_ns:
            return
        try:
            instant = datetime.fromisoformat(ended)
        except (TypeError, ValueError):
            self._hurt(f"{MANIFEST}: ended is no instant")
            return
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
        if self._told_ns[-1] - int(instant.timestamp() * 1e9) > _SLACK_US * 1000:
            self._hurt(f"{MANIFEST}: it says that the run ended before the last reading of its clocks")

    def lost(self) -> list[Lost]:
        """The stretches nothing covers; call it after `segments` was read to its end."""
        holes = []
        at = 0
        for start, stop in sorted(self._spans.values()):
            if start - at > _SLACK_US:
                begun = any(at < start_us <= start + _SLACK_US for start_us in self._starts_us)
                holes.append(Lost(at, start, NOT_RUNNING if begun else "not readable or never written"))
            at = max(at, stop)
        end = int(self.head["duration_s" if self.sealed else "planned_s"] * 1e6)
        if self.sealed and end - at > _SLACK_US:
            holes.append(Lost(at, end, "not readable or never written"))
        if not self.sealed and end > at:
            holes.append(Lost(at, end, "the collector ended without sealing"))
        return holes

    def _hurt(self, what: str) -> None:
        if what not in self.damage:
            self.damage.append(what)


def open_archive(path: Path) -> Archive:
    """Open a sealed archive, or the ``.part`` of a run that was cut short (its journal is found beside it).

    Raises:
        ArchiveError: no such file, not an archive, from a newer version, or nothing in it is readable.
    """
    part = Path(f"{path}{PART}")
    if not path.exists() and part.exists():
        path = part
    if path.is_dir():
        raise ArchiveError(f"{path} is a folder, not an archive", f"pass the archives in it: {path / '*.zip'}")
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > MAX_FILE_B):
            raise ArchiveError(f"{path}: not a haready archive", "pass the .zip that `haready collect` wrote")
        data = path.read_bytes()
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror}", "pass the archive that `haready collect` printed") from error
    damage: list[str] = []
    found = list(_scan(data, damage))
    heads: dict[str, dict[str, Json]] = {}
    for member in found:
        if member.name in (START, MANIFEST):
            try:
                head = _head(data, member, damage)
            except ArchiveError as error:
                # Of several archives the operator has to know which one.
                raise ArchiveError(f"{path}: {error}", error.hint) from error
            if head is not None:
                heads[member.name] = head
    head = heads.get(MANIFEST) or heads.get(START)
    if head is None:
        if not found:
            raise ArchiveError(
                f"{path}: not a haready archive", "pass the .zip (or .zip.part) that `haready collect` wrote"
            )
        raise ArchiveError(
            f"{path}: neither manifest nor start can be read", "the file is damaged beyond use; copy it again"
        )
    segments = [member for member in found if _SEGMENT.match(member.name)]
    if MANIFEST in heads:
        _compare(head, data, found, damage)
        _check_directory(data, found, damage)
    journal = None
    if path.name.endswith(PART):
        last = max((seq for m in segments if (seq := _readable_seq(data, m))), default=0)
        journal = read_journal(path.with_name(path.name.removesuffix(PART) + JOURNAL), head, last, damage)
    digest = hashlib.sha256(data).hexdigest()
    return Archive(path, head, MANIFEST in heads, digest, len(data), damage, segments, journal)


def _readable_seq(data: bytes, member: _Member) -> int:
    """Number of a segment whose bytes are right, else 0: the journal may still hold what it lost."""
    raw = data[member.offset : member.offset + member.size]
    match = _SEGMENT.match(member.name)
    return int(match[1]) if match and zlib.crc32(raw) == member.crc else 0


def _scan(data: bytes, damage: list[str]) -> Iterator[_Member]:
    """Walk the local headers; after a broken one, go on at the next signature."""
    at = count = 0
    while 0 <= at < len(data) and count < MAX_MEMBERS:
        if data[at : at + 4] in _DIRECTORY:
            return
        member = _member(data, at)
        if member is None:
            following = data.find(_SIGNATURE, at + 1)
            end = following if following >= 0 else len(data)
            if count or following >= 0:
                damage.append(f"bytes {at} to {end} are not readable")
            at = following if len(damage) < _MAX_HURTS else -1
            continue
        count += 1
        if count == MAX_MEMBERS:
            damage.append(f"more than {MAX_MEMBERS} members")
        if member.offset + member.size > len(data):
            damage.append(f"{member.name}: cut short")
            return
        yield member
        at = member.offset + member.size


def _member(data: bytes, at: int) -> _Member | None:
    if len(data) - at < _LOCAL.size:
        return None
    signature, _, flags, method, _, _, crc, packed, plain, name_size, extra_size = _LOCAL.unpack_from(data, at)
    name = data[at + _LOCAL.size : at + _LOCAL.size + name_size].decode("ascii", "replace")
    known = name in (README, START, MANIFEST) or _SEGMENT.match(name)
    if signature != _SIGNATURE or not known or method or flags & 0x08 or packed != plain or plain > MAX_MEMBER_B:
        return None
    return _Member(name, at + _LOCAL.size + name_size + extra_size, plain, crc)


def _head(data: bytes, member: _Member, damage: list[str]) -> dict[str, Json] | None:
    raw = data[member.offset : member.offset + member.size]
    try:
        head = loads(raw)
        if zlib.crc32(raw) != member.crc or not isinstance(head, dict):
            raise ValueError("checksum does not match")
        check_format(head, str(head.get("tool", "")))
        for key, kind in (("node", str), ("session", str), ("t0_ns", int), ("plan", dict)):
            if not isinstance(head.get(key), kind) or head[key] is True or head[key] is False:
                raise ValueError(f"{key} is missing")
        for key in ("planned_s", "duration_s")[: 1 if member.name == START else 2]:
            # True and false are integers in Python, and no lengths.
            if type(head.get(key)) not in (int, float):
                raise ValueError(f"{key} is missing")
            if not 0 <= head[key] <= _LONGEST_S:
                raise ValueError(f"{key} is out of bounds")
        members = head.get("members", [])
        if not isinstance(members, list) or not all(isinstance(row, dict) for row in members):
            raise ValueError("members are malformed")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        damage.append(f"{member.name}: {error}")
        return None
    return head


def _compare(manifest: dict[str, Json], data: bytes, found: list[_Member], damage: list[str]) -> None:
    """Hold every member against what the manifest says of it."""
    present = {member.name: member for member in found}
    for row in manifest.get("members", ()):
        member = present.get(str(row.get("name")))
        if member is None:
            damage.append(f"{row.get('name')}: missing")
        elif hashlib.sha256(data[member.offset : member.offset + member.size]).hexdigest() != row.get("sha256"):
            damage.append(f"{member.name}: checksum does not match")
    listed = {str(row.get("name")) for row in manifest.get("members", ())} | {MANIFEST}
    damage += [f"{name}: not in the manifest" for name in present if name not in listed]


def _check_directory(data: bytes, found: list[_Member], damage: list[str]) -> None:
    """Ordinary tools need the ZIP's directory, and nothing may follow it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as directory:
            names = [entry.filename for entry in directory.infolist()]
            at_end = not directory.comment and data[-_END_B : -_END_B + 4] == _END
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        damage.append(f"the directory at the end of the file: {error}")
        return
    if names != [member.name for member in found] or not at_end:
        damage.append("the directory at the end of the file does not fit its members")
