"""The archive: what was written is what is read; what is damaged is named and never invented."""

from __future__ import annotations

import gc
import gzip
import json
import math
import random
import resource
import shutil
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.archive import format as archive_format
from collector.archive.format import JOURNAL, MANIFEST, PART, START, Block, Column, Segment, dumps, segment_name
from collector.archive.reader import Archive, open_archive
from collector.archive.writer import Writer
from collector.contract import Kind, Metric, Table
from collector.errors import ArchiveError, Exit, WriteError
from collector.machine import Anchor

SPECIMENS = Path(__file__).parent / "data" / "archives"

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""A run that is killed leaves a ZIP that is never closed, and Python complains of it."""

LINK = Table("link", tuple(Metric(name, "1", Kind.GAUGE) for name in ("p", "q")), labels=("nic", "way"), timed=False)
LOAD = Table("load", (Metric("busy_us", "s", Kind.GAUGE, 1e-6),))
HEAD = {
    "tool": "0.0",
    "node": "a",
    "session": "5e55",
    "cluster": "lab",
    "t0_ns": 10**12,
    "planned_s": 3600.0,
    "plan": {"format": 1},
}
ANCHOR = Anchor(1, 2, 3)
MINUTE_US = 60_000_000

Series = dict[tuple[str, tuple[str, ...]], list[tuple[int | None, ...]]]
PLAIN: list[Series] = [
    {("load", ()): [(1, 5), (2, None)], ("link", ("eth0", "rx")): [(7, -7), (8, -8)]},
    {("load", ()): [(3, 6)], ("link", ("eth1", "tx")): [(None, 2**63)]},
]


def start_writing(path: Path) -> Writer:
    return Writer(path, HEAD, [LINK, LOAD])


def write_segment(writer: Writer, series: Series, number: int) -> None:
    for (table, labels), rows in series.items():
        writer.rows(table, labels, rows)
    writer.close_segment((number + 1) * MINUTE_US, ANCHOR)


def record(path: Path, segments: list[Series]) -> Path:
    """A sealed archive of those segments, a minute each."""
    writer = start_writing(path)
    for number, series in enumerate(segments):
        write_segment(writer, series, number)
    writer.seal({"duration_s": 60.0 * len(segments)})
    return path


def values(segment: Segment) -> Series:
    """The rows of a segment, by table and labels."""
    return {
        (block.table, tuple(block.labels.values())): list(
            zip(*(block.column(name) for name in block.columns), strict=True)
        )
        for block in segment.blocks
    }


def read(archive: Archive) -> dict[int, Series]:
    """Rows of all readable segments, by sequence number."""
    found: dict[int, Series] = {}
    for segment in archive.segments():
        assert segment.seq not in found, "the same rows twice"
        found[segment.seq] = values(segment)
    return found


def numbered(segments: list[Series]) -> dict[int, Series]:
    return dict(enumerate(segments, 1))


def member_ends(path: Path) -> dict[str, int]:
    with zipfile.ZipFile(path) as archive:
        return {
            info.filename: info.header_offset + 30 + len(info.filename) + info.file_size for info in archive.infolist()
        }


def opened(path: Path) -> Archive | ArchiveError:
    """The archive, or the refusal."""
    try:
        return open_archive(path)
    except ArchiveError as error:
        return error


def is_whole(archive: Archive) -> bool:
    """What `haready verify` calls whole, after the segments were read."""
    return archive.sealed and not archive.damage and not archive.lost()


# --- round trip ------------------------------------------------------------------------------------------------------

cell = st.none() | st.integers(-(2**63), 2**64) | st.integers(-3, 3)
series_maps = st.dictionaries(
    st.sampled_from([("link", ("eth0", "rx")), ("link", ("eth0", "tx")), ("link", ("µ:1", "rx")), ("load", ())]),
    st.lists(st.tuples(cell, cell), min_size=1, max_size=6),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(segments=st.lists(series_maps, max_size=4))
def test_every_value_and_null_comes_back_as_it_was_written(tmp_path_factory, segments):
    folder = tmp_path_factory.mktemp("trip")

    archive = open_archive(record(folder / "x.zip", segments))

    assert read(archive) == numbered(segments)
    assert is_whole(archive)
    assert {path.name for path in folder.iterdir()} == {"x.zip"}


@pytest.mark.parametrize(
    "column",
    [
        [None, 1, 2],
        [1, 2, None],
        [None, None, None],
        [1, None, None, 2, None],
        [None, -5, None],
        [2**64, None, -(2**63)],
    ],
)
def test_nulls_anywhere_keep_their_place_and_have_increment_0(column):
    block = Block.of("t", {}, ("v",), [(value,) for value in column])

    assert block.column("v") == column
    held = json.loads(block.lines[0])
    assert all(held[row] == 0 for row, value in enumerate(column) if value is None)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(), st.none() | st.integers(-(2**70), 2**70)), max_size=4), min_size=1, max_size=8
    )
)
def test_columns_that_are_filled_piece_by_piece_are_written_like_the_rows_at_once(pieces):
    filled = [Column(), Column()]
    for piece in pieces:
        for column, values in zip(filled, zip(*piece, strict=True), strict=bool(piece)):
            column.extend(values)
    rows = [row for piece in pieces for row in piece]
    if rows:
        assert Block.packed("t", {}, ("n", "v"), filled) == Block.of("t", {}, ("n", "v"), rows)


def test_a_sealed_archive_is_a_zip_of_stored_members_with_the_manifest_last(tmp_path):
    """Installers look into it with what their system has."""
    path = record(tmp_path / "x.zip", PLAIN)

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert [info.filename for info in archive.infolist()] == [
            "README.txt",
            START,
            segment_name(1),
            segment_name(2),
            MANIFEST,
        ]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        manifest = json.loads(archive.read(MANIFEST))
    assert [row["rows"] for row in manifest["members"]] == [0, 0, 4, 2]


def test_sealing_does_not_touch_the_segments_again(tmp_path):
    writer = start_writing(tmp_path / "x.zip")
    write_segment(writer, PLAIN[0], 0)
    before = (tmp_path / f"x.zip{PART}").read_bytes()

    writer.seal({"duration_s": 60.0})

    assert (tmp_path / "x.zip").read_bytes().startswith(before)


def test_a_second_run_never_overwrites_an_archive_in_the_making(tmp_path):
    start_writing(tmp_path / "x.zip")

    with pytest.raises(FileExistsError):
        start_writing(tmp_path / "x.zip")


def test_the_state_of_a_segment_is_the_last_that_was_told_and_ends_with_it(tmp_path):
    writer = start_writing(tmp_path / "x.zip")
    writer.state({"facts": {"a": 1}, "events": [[1, "x"]]})
    writer.state({"events": [[1, "x"], [2, "y"]]})
    writer.close_segment(MINUTE_US, ANCHOR)
    writer.close_segment(2 * MINUTE_US, ANCHOR)
    writer.seal({"duration_s": 120.0})

    first, second = open_archive(tmp_path / "x.zip").segments()

    assert first.state == {"facts": {"a": 1}, "events": [[1, "x"], [2, "y"]]}
    assert second.state == {}
    assert second.anchors == [[1, 2, 3], [1, 2, 3]]


# --- cut short -------------------------------------------------------------------------------------------------------


def half_way(folder: Path) -> tuple[Path, list[tuple[int, Series]]]:
    """A run that was killed: one closed segment, two flushes since. Returns (journal size, its rows) at each flush."""
    path = folder / "x.zip"
    writer = start_writing(path)
    write_segment(writer, PLAIN[0], 0)
    journal = folder / f"x.zip{JOURNAL}"
    states: list[tuple[int, Series]] = [(journal.stat().st_size, {})]
    writer.rows("load", (), [(4, 40), (5, None)])
    writer.rows("link", ("eth0", "rx"), [(1, None)])
    writer.flush(MINUTE_US + 5_000_000)
    states.append((journal.stat().st_size, {("load", ()): [(4, 40), (5, None)], ("link", ("eth0", "rx")): [(1, None)]}))
    writer.rows("load", (), [(6, 60)])
    writer.flush(MINUTE_US + 10_000_000)
    states.append(
        (
            journal.stat().st_size,
            {("load", ()): [(4, 40), (5, None), (6, 60)], ("link", ("eth0", "rx")): [(1, None)]},
        )
    )
    writer.rows("load", (), [(7, 70)])  # never flushed
    copy = folder / "killed"
    copy.mkdir()
    for suffix in (PART, JOURNAL):
        shutil.copy(folder / f"x.zip{suffix}", copy / f"x.zip{suffix}")
    return copy / "x.zip", states


def test_a_run_that_was_killed_gives_every_flushed_row(tmp_path):
    path, states = half_way(tmp_path)

    archive = open_archive(path)  # the name it would have had; .part and .journal are found

    assert read(archive) == {1: PLAIN[0], 2: states[-1][1]}
    assert not archive.sealed
    assert archive.damage == []
    assert [(hole.from_us, hole.to_us) for hole in archive.lost()] == [(70_000_000, 3_600_000_000)]


def test_a_sealed_archive_cut_at_any_byte_gives_every_segment_before_the_cut(tmp_path):
    whole = record(tmp_path / "x.zip", PLAIN)
    ends = member_ends(whole)
    data = whole.read_bytes()
    cut = tmp_path / "cut.zip"
    for at in range(len(data)):
        cut.write_bytes(data[:at])
        archive = opened(cut)
        if isinstance(archive, ArchiveError):
            assert at < ends[START], at
            assert archive.hint, at
            continue
        found = read(archive)
        assert found == {seq: PLAIN[seq - 1] for seq in (1, 2) if ends[segment_name(seq)] <= at}, at
        if at < ends[MANIFEST]:
            assert not archive.sealed, at
            assert archive.lost(), at


def test_a_part_cut_at_any_byte_never_fails_in_another_way_and_names_what_is_missing(tmp_path):
    path, states = half_way(tmp_path)
    part = path.with_name(path.name + PART)
    data = part.read_bytes()
    for at in range(len(data)):
        part.write_bytes(data[:at])
        archive = opened(part)
        if isinstance(archive, ArchiveError):
            assert archive.hint, at
            continue
        assert read(archive) == {2: states[-1][1]}, at
        assert any("cut short" in text or "not readable" in text for text in archive.damage) or any(
            hole.from_us == 0 for hole in archive.lost()
        ), at


def test_a_journal_cut_at_any_byte_gives_the_rows_of_every_flush_before_the_cut(tmp_path):
    path, states = half_way(tmp_path)
    journal = path.with_name(path.name + JOURNAL)
    data = journal.read_bytes()
    for at in range(len(data)):
        journal.write_bytes(data[:at])
        archive = open_archive(path)
        found = read(archive)
        assert found.pop(1) == PLAIN[0], at
        flushed = [rows for size, rows in states if size <= at]
        # The last bytes of a flush carry no text, so a little less than all of it is enough.
        assert found.get(2, {}) in [rows for _, rows in states][max(0, len(flushed) - 1) :], at
        assert archive.lost(), at


def test_a_missing_journal_is_named(tmp_path):
    path, _ = half_way(tmp_path)
    path.with_name(path.name + JOURNAL).unlink()

    archive = open_archive(path)

    assert list(read(archive)) == [1]
    assert any(JOURNAL in text for text in archive.damage)


def test_a_journal_whose_rows_stand_in_a_segment_already_is_not_read_twice(tmp_path):
    """Killed between the segment's fsync and the journal's restart."""
    writer = start_writing(tmp_path / "x.zip")
    for (table, labels), rows in PLAIN[0].items():
        writer.rows(table, labels, rows)
    writer.flush(MINUTE_US)
    journal = (tmp_path / f"x.zip{JOURNAL}").read_bytes()
    writer.close_segment(MINUTE_US, ANCHOR)
    (tmp_path / f"x.zip{JOURNAL}").write_bytes(journal)

    archive = open_archive(tmp_path / "x.zip")

    assert read(archive) == {1: PLAIN[0]}
    assert archive.damage == []


def test_a_journal_is_used_when_the_segment_that_should_hold_its_rows_is_not_readable(tmp_path):
    """Power went while the segment was on its way to the disk: its length is there, its content is not."""
    writer = start_writing(tmp_path / "x.zip")
    for (table, labels), rows in PLAIN[0].items():
        writer.rows(table, labels, rows)
    writer.flush(MINUTE_US)
    journal = (tmp_path / f"x.zip{JOURNAL}").read_bytes()
    writer.close_segment(MINUTE_US, ANCHOR)
    part = tmp_path / f"x.zip{PART}"
    data = part.read_bytes()
    part.write_bytes(data[:-50] + bytes(50))
    (tmp_path / f"x.zip{JOURNAL}").write_bytes(journal)

    archive = open_archive(tmp_path / "x.zip")

    assert read(archive) == {1: PLAIN[0]}


def test_the_journal_of_another_session_is_not_taken_for_ours(tmp_path):
    path, _ = half_way(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    writer = Writer(other / "x.zip", HEAD | {"session": "0ther"}, [LINK, LOAD])
    write_segment(writer, PLAIN[0], 0)
    writer.rows("load", (), [(1, 666)])
    writer.flush(MINUTE_US)
    shutil.copy(other / f"x.zip{JOURNAL}", path.with_name(path.name + JOURNAL))

    archive = open_archive(path)

    assert read(archive) == {1: PLAIN[0]}
    assert archive.lost()


# --- flipped bits ----------------------------------------------------------------------------------------------------


def flips(data: bytes, seed: int) -> Iterator[tuple[int, bytes]]:
    """Every byte once, with one of its bits flipped."""
    source = random.Random(seed)
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 1 << source.randrange(8)
        yield at, bytes(flipped)


def test_a_flipped_bit_in_a_sealed_archive_never_changes_a_value_and_never_goes_unnoticed(tmp_path):
    whole = record(tmp_path / "x.zip", PLAIN)
    data, directory = whole.read_bytes(), member_ends(whole)[MANIFEST]
    bad = tmp_path / "bad.zip"
    for at, flipped in flips(data[:directory], seed=1):
        bad.write_bytes(flipped)
        archive = opened(bad)
        if isinstance(archive, ArchiveError):
            continue
        found = read(archive)
        assert all(series == PLAIN[seq - 1] for seq, series in found.items()), at
        assert archive.head["session"] == HEAD["session"], at
        if found != numbered(PLAIN):
            assert archive.damage, at


def test_a_flipped_bit_in_a_journal_never_changes_a_value(tmp_path):
    path, states = half_way(tmp_path)
    journal = path.with_name(path.name + JOURNAL)
    for at, flipped in flips(journal.read_bytes(), seed=2):
        journal.write_bytes(flipped)
        archive = open_archive(path)
        found = read(archive)
        assert found.pop(1) == PLAIN[0], at
        assert found.get(2, {}) in [rows for _, rows in states], at
        assert archive.lost(), at


def test_a_member_that_differs_from_the_manifest_is_named(tmp_path):
    """Its own checksum is right: somebody replaced it."""
    path = record(tmp_path / "x.zip", PLAIN)
    other = record(tmp_path / "other.zip", [{("load", ()): [(1, 666)]}, PLAIN[1]])
    with (
        zipfile.ZipFile(path) as mine,
        zipfile.ZipFile(other) as theirs,
        zipfile.ZipFile(tmp_path / "mixed.zip", "w") as mixed,
    ):
        for name in mine.namelist():
            source = theirs if name == segment_name(1) else mine
            mixed.writestr(zipfile.ZipInfo(name), source.read(name))

    archive = open_archive(tmp_path / "mixed.zip")

    assert archive.damage == [f"{segment_name(1)}: checksum does not match"]


def test_a_member_that_the_manifest_lists_but_is_not_there_is_named(tmp_path):
    path = record(tmp_path / "x.zip", PLAIN)
    forge(tmp_path / "less.zip", {name: data for name, data in members(path).items() if name != segment_name(1)})

    archive = open_archive(tmp_path / "less.zip")
    list(archive.segments())

    assert archive.damage == [f"{segment_name(1)}: missing"]
    assert [(hole.from_us, hole.to_us) for hole in archive.lost()] == [(0, MINUTE_US)]


def test_a_segment_that_the_manifest_does_not_list_is_named(tmp_path):
    """Sealing lists every member; one more was put there by somebody else."""
    path = record(tmp_path / "x.zip", PLAIN)
    forge(tmp_path / "more.zip", members(path) | {segment_name(3): forged_segment(seq=3)})

    archive = open_archive(tmp_path / "more.zip")
    list(archive.segments())

    assert archive.damage


def test_a_segment_that_stands_there_twice_is_not_read_twice(tmp_path):
    path = record(tmp_path / "x.zip", PLAIN)
    data, ends = path.read_bytes(), member_ends(path)
    again = data[: ends[segment_name(1)]] + data[ends[START] : ends[segment_name(1)]] + data[ends[segment_name(1)] :]
    (tmp_path / "twice.zip").write_bytes(again)

    archive = open_archive(tmp_path / "twice.zip")

    assert [segment.seq for segment in archive.segments()] == [1, 2]


@pytest.mark.parametrize(("broken", "hole"), [(1, (0, MINUTE_US)), (2, (MINUTE_US, 2 * MINUTE_US))])
def test_the_stretch_of_an_unreadable_segment_is_named_even_if_the_archive_was_sealed(tmp_path, broken, hole):
    path = record(tmp_path / "x.zip", PLAIN)
    data = bytearray(path.read_bytes())
    data[member_ends(path)[segment_name(broken)] - 20] ^= 1
    path.write_bytes(data)

    archive = open_archive(path)

    assert list(read(archive)) == [3 - broken]
    assert archive.damage == [f"{segment_name(broken)}: checksum does not match"]
    assert [(lost.from_us, lost.to_us) for lost in archive.lost()] == [hole]


def test_the_ordinary_hand_over_between_two_segments_is_no_hole(tmp_path):
    writer = start_writing(tmp_path / "x.zip")
    writer.close_segment(MINUTE_US, ANCHOR)
    writer.close_segment(2 * MINUTE_US, ANCHOR)
    writer.seal({"duration_s": 120.0})

    archive = open_archive(tmp_path / "x.zip")
    list(archive.segments())

    assert archive.lost() == []


# --- hostile input ---------------------------------------------------------------------------------------------------


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forge(path: Path, content: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method if name.startswith("segments/") else zipfile.ZIP_STORED
            archive.writestr(info, data)
    return path


def segment_head(**changed: Any) -> dict[str, Any]:
    head = {name: HEAD[name] for name in ("node", "session", "t0_ns")}
    times = {"from_us": 0, "to_us": MINUTE_US, "anchors": [], "state": {}}
    return {"format": 1, "seq": 1, **head, **times, **changed}


def forged_segment(*lines: bytes, block: dict[str, Any] | None = None, **head: Any) -> bytes:
    """A segment of one block whose declaration is ours to falsify, with checksums as they should be."""
    declared = {"table": "load", "labels": {}, "rows": 2, "columns": ["t_us"], "null": {}} | (block or {})
    text = [dumps(segment_head(**head)), dumps(declared), *(lines or (b"[1,1]",))]
    end = dumps({"end": head.get("seq", 1), "lines": len(text)})
    return gzip.compress(b"\n".join([*text, end]) + b"\n")


def forged(tmp_path: Path, segment: bytes) -> Archive:
    return open_archive(forge(tmp_path / "x.zip", {START: dumps({"format": 1, **HEAD}), segment_name(1): segment}))


def evaluated(archive: Archive) -> Series:
    """All values, with what a reader of values has to expect: ValueError, which is damage."""
    found: Series = {}
    for segment in archive.segments():
        try:
            found |= values(segment)
        except ValueError as error:
            archive.damage.append(str(error))
        except RecursionError:  # shown here: pytest itself stumbles over its traceback
            pytest.fail("RecursionError instead of ValueError", pytrace=False)
    return found


def test_a_forged_segment_with_nothing_wrong_is_read(tmp_path):
    """So that the table below fails for its own reasons."""
    archive = forged(tmp_path, forged_segment())

    assert evaluated(archive) == {("load", ()): [(1,), (2,)]}
    assert archive.damage == []


HOSTILE: dict[str, bytes] = {
    "rows absurd": forged_segment(block={"rows": 10**12}),
    "rows zero": forged_segment(block={"rows": 0}),
    "rows negative": forged_segment(block={"rows": -2}),
    "rows a fraction": forged_segment(block={"rows": 2.0}),
    "rows a truth value": forged_segment(block={"rows": True}),
    "columns huge": forged_segment(block={"columns": ["c"] * 100_000}),
    "columns none": forged_segment(block={"columns": []}),
    "columns a number": forged_segment(block={"columns": 7}),
    "columns null": forged_segment(block={"columns": None}),
    "labels a list": forged_segment(block={"labels": ["x"]}),
    "null a list": forged_segment(block={"null": [[0, 1]]}),
    "null range outside": forged_segment(block={"null": {"t_us": [[0, 3]]}}),
    "null range backwards": forged_segment(block={"null": {"t_us": [[1, 1]]}}),
    "null range of three": forged_segment(block={"null": {"t_us": [[0, 1, 2]]}}),
    "null range of texts": forged_segment(block={"null": {"t_us": [["0", "1"]]}}),
    "null range of fractions": forged_segment(block={"null": {"t_us": [[0.5, 1.5]]}}),
    "block without table": gzip.compress(
        dumps(segment_head()) + b'\n{"rows":1,"columns":["a"],"labels":{},"null":{}}\n[1]\n{"end":1,"lines":3}\n'
    ),
    "a value too few": forged_segment(b"[1]"),
    "a value too many": forged_segment(b"[1,2,3]"),
    "a text among values": forged_segment(b'[1,"2"]'),
    "a fraction among values": forged_segment(b"[1,2.5]"),
    "a truth value among values": forged_segment(b"[1,true]"),
    "an endless number": forged_segment(b"[1," + b"9" * 5000 + b"]"),
    "nested values": forged_segment(b"[" * 100_000 + b"1,1"),
    "no bracket": forged_segment(b'{"a":1,"b":1}'),
    "not JSON": forged_segment(b"[1,1", block={}),
    "nested head": gzip.compress(b"[" * 100_000 + b'\n{"end":1,"lines":1}\n'),
    "nested state": gzip.compress(b'{"format":1,"state":' + b"[" * 100_000 + b'\n{"end":1,"lines":1}\n'),
    "head a list": gzip.compress(b'[1]\n{"end":1,"lines":1}\n'),
    "no format": forged_segment(format=None),
    "format zero": forged_segment(format=0),
    "format a truth value": forged_segment(format=True),
    "seq a text": forged_segment(seq="1"),
    "from_us a text": forged_segment(from_us="0"),
    "anchors of two": forged_segment(anchors=[[1, 2]]),
    "anchors of texts": forged_segment(anchors=[["1", "2", "3"]]),
    "another session": forged_segment(session="0ther"),
    "no closing line": gzip.compress(dumps(segment_head()) + b"\n"),
    "wrong line count": gzip.compress(dumps(segment_head()) + b'\n{"end":1,"lines":5}\n'),
    "another end": gzip.compress(dumps(segment_head()) + b'\n{"end":2,"lines":1}\n'),
    "not gzip": b"plain text",
    "empty": b"",
    "cut gzip": forged_segment()[:-12],
    "wrong gzip checksum": forged_segment()[:-8] + bytes(8),
    "not UTF-8": gzip.compress(b'{"format":1,"\xff\n{"end":1,"lines":1}\n'),
}


@pytest.mark.parametrize("segment", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_segment_is_damage_and_gives_no_value(tmp_path, segment):
    archive = forged(tmp_path, segment)

    assert evaluated(archive) == {}
    assert archive.damage


def test_a_segment_that_unpacks_beyond_the_bound_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive_format, "MAX_TEXT_B", 1 << 20)

    archive = forged(tmp_path, gzip.compress(bytes(3 << 20)))

    assert list(archive.segments()) == []
    assert "unpacks to more than 1048576 bytes" in archive.damage[0]


def test_the_bound_on_unpacking_is_one_that_a_laptop_survives():
    assert archive_format.MAX_TEXT_B <= 256 << 20
    assert archive_format.MAX_MEMBER_B <= archive_format.MAX_TEXT_B


def test_a_segment_of_nothing_but_line_ends_takes_little_more_memory_than_its_text(tmp_path):
    """300 kB of gzip are 256 MB of line ends; a list entry for each would be gigabytes."""
    length = 8 << 20
    archive = forged(tmp_path, gzip.compress(b"\n" * length))

    tracemalloc.start()
    try:
        segments = list(archive.segments())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert segments == []
    assert archive.damage
    assert peak < 4 * length


def test_an_oversized_member_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("collector.archive.reader.MAX_MEMBER_B", 1000)
    path = record(tmp_path / "x.zip", [{("load", ()): [(i * i, i**5) for i in range(2000)]}, PLAIN[1]])

    archive = open_archive(path)
    seqs = [segment.seq for segment in archive.segments()]

    assert 1 not in seqs
    assert archive.damage


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "segments/../../evil", "segments/1.jsonl.gz", "x" * 60_000])
def test_a_member_of_a_foreign_name_is_named_and_never_unpacked(tmp_path, name):
    folder = tmp_path / "deep" / "deeper"
    folder.mkdir(parents=True)
    forge(
        folder / "x.zip",
        {START: dumps({"format": 1, **HEAD}), name: b"evil", segment_name(1): forged_segment()},
    )
    before = sorted(tmp_path.rglob("*"))

    archive = open_archive(folder / "x.zip")

    assert evaluated(archive) == {("load", ()): [(1,), (2,)]}
    assert any("not readable" in text for text in archive.damage)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_deflated_member_is_not_inflated(tmp_path):
    """We store; whoever deflates wants something of us."""
    forge(
        tmp_path / "x.zip",
        {START: dumps({"format": 1, **HEAD}), segment_name(1): forged_segment()},
        method=zipfile.ZIP_DEFLATED,
    )

    archive = open_archive(tmp_path / "x.zip")

    assert list(archive.segments()) == []
    assert any("not readable" in text for text in archive.damage)


def test_members_beyond_the_bound_are_named_not_silently_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("collector.archive.reader.MAX_MEMBERS", 3)
    content = {segment_name(seq): forged_segment(seq=seq) for seq in range(1, 6)}
    forge(tmp_path / "x.zip", {START: dumps({"format": 1, **HEAD}), **content})

    archive = open_archive(tmp_path / "x.zip")

    assert len(list(archive.segments())) <= 3
    assert archive.damage


HEADS: dict[str, dict[str, Any]] = {
    "no node": {"node": None},
    "node a list": {"node": ["a"]},
    "no session": {"session": 5},
    "t0 a text": {"t0_ns": "1"},
    "planned a text": {"planned_s": "1"},
    "planned endless": {"planned_s": math.inf},
    "planned not a number": {"planned_s": math.nan},
    "planned beyond any float": {"planned_s": 10**400},
    "planned a truth": {"planned_s": True},
    "t0 a truth": {"t0_ns": True},
    "no plan": {"plan": None},
    "members a number": {"members": 5},
    "members of numbers": {"members": [1, 2]},
    "members of lists": {"members": [["name"]]},
}


@pytest.mark.parametrize("changed", HEADS.values(), ids=HEADS.keys())
def test_a_hostile_manifest_is_damage_or_refused_by_name(tmp_path, changed):
    content = members(record(tmp_path / "whole.zip", PLAIN))
    for name in (START, MANIFEST):
        # json writes inf and nan as words that json also reads.
        content[name] = json.dumps(json.loads(content[name]) | changed).encode()
    forge(tmp_path / "x.zip", content)

    archive = opened(tmp_path / "x.zip")
    if isinstance(archive, ArchiveError):
        assert archive.hint
        return
    list(archive.segments())
    assert archive.damage
    archive.lost()


def sealed_with(tmp_path: Path, **changed: Any) -> Archive:
    """Two minutes in two segments, whose manifest tells something else."""
    content = members(record(tmp_path / "whole.zip", PLAIN))
    content[MANIFEST] = json.dumps(json.loads(content[MANIFEST]) | changed).encode()
    forge(tmp_path / "x.zip", content)
    archive = open_archive(tmp_path / "x.zip")
    list(archive.segments())
    return archive


@pytest.mark.parametrize("told", [True, False, 1.0, 0, 1e-300, 117.9, -1.0, None, "120"])
def test_a_manifest_that_tells_of_a_shorter_run_than_its_segments_is_damage(tmp_path, told):
    assert any(text.startswith(MANIFEST) for text in sealed_with(tmp_path, duration_s=told).damage)


@pytest.mark.parametrize("told", [118.1, 120, 120.0])
def test_a_manifest_that_tells_the_length_of_its_segments_is_whole(tmp_path, told):
    assert sealed_with(tmp_path, duration_s=told).damage == []


@pytest.mark.parametrize(
    ("told", "whole"),
    [
        ("1969-12-31T23:59:57+00:00", False),
        ("yesterday", False),
        (5, False),
        (True, False),
        (None, True),
        ("9999-12-31T23:59:59.999999+00:00", True),
    ],
)
def test_an_end_before_the_last_reading_of_the_clocks_is_damage(tmp_path, told, whole):
    damage = sealed_with(tmp_path, ended=told).damage
    assert (damage == []) is whole, damage


@pytest.mark.parametrize("planned", [math.inf, math.nan, 10**400, -1.0])
def test_an_absurd_duration_in_the_start_of_an_unsealed_archive_is_no_crash(tmp_path, planned):
    head = json.dumps({"format": 1, **HEAD, "planned_s": planned}).encode()
    forge(tmp_path / "x.zip", {START: head, segment_name(1): forged_segment()})

    archive = opened(tmp_path / "x.zip")
    if isinstance(archive, Archive):
        list(archive.segments())
        archive.lost()


def hostile_journal(tmp_path: Path, *lines: bytes) -> Archive:
    """A run in its first segment whose journal has those lines, with check lines as they should be."""
    path = tmp_path / "x.zip"
    writer = start_writing(path)
    writer.flush(0)
    text = b"\n".join([*lines, archive_format.check_line(lines, 1_000_000)]) + b"\n"
    path.with_name(path.name + JOURNAL).write_bytes(gzip.compress(text))
    return open_archive(path)


JOURNAL_HEAD = dumps({"format": 1, "node": "a", "session": "5e55", "t0_ns": 0, "seq": 1, "from_us": 0})
SERIES = dumps({"series": 0, "table": "load", "labels": {}, "columns": ["t_us", "busy_us"]})
JOURNALS: dict[str, list[bytes]] = {
    "nested": [JOURNAL_HEAD, b"[" * 100_000],
    "rows of no series": [JOURNAL_HEAD, b"[5,[[1,2]]]"],
    "row too short": [JOURNAL_HEAD, SERIES, b"[0,[[1]]]"],
    "row of texts": [JOURNAL_HEAD, SERIES, b'[0,[["a","b"],["c","d"]]]'],
    "one row of texts": [JOURNAL_HEAD, SERIES, b'[0,[["a","b"]]]'],
    "one row of fractions": [JOURNAL_HEAD, SERIES, b"[0,[[0.5,1.5]]]"],
    "a number as a line": [JOURNAL_HEAD, b"5"],
    "labels a list": [JOURNAL_HEAD, SERIES.replace(b'"labels":{}', b'"labels":[]'), b"[0,[[1,2]]]"],
    "head a list": [b"[]"],
    "head without session": [b"{}"],
    "from_us a text": [JOURNAL_HEAD.replace(b'"from_us":0', b'"from_us":"0"'), SERIES, b"[0,[[1,2]]]"],
    "seq a text": [JOURNAL_HEAD.replace(b'"seq":1', b'"seq":"1"')],
    "anchor a text": [JOURNAL_HEAD, b'{"anchor":"now"}'],
    "state a number": [JOURNAL_HEAD, b'{"state":5}'],
}


@pytest.mark.parametrize("lines", JOURNALS.values(), ids=JOURNALS.keys())
def test_a_hostile_journal_is_damage_and_gives_no_value(tmp_path, lines):
    archive = hostile_journal(tmp_path, *lines)

    assert evaluated(archive) == {}
    assert archive.damage
    assert archive.lost()


@pytest.mark.parametrize(
    "line", [b'{"check":' + b"[" * 100_000, b'{"check":1,"to_us":Infinity}', b'{"check":1}', b'{"check":1,"to_us":[]}']
)
def test_a_hostile_check_line_ends_the_journal(tmp_path, line):
    path = tmp_path / "x.zip"
    start_writing(path).flush(0)
    path.with_name(path.name + JOURNAL).write_bytes(gzip.compress(line + b"\n"))

    try:
        archive = open_archive(path)
    except RecursionError:
        pytest.fail("RecursionError instead of damage", pytrace=False)

    assert list(archive.segments()) == []
    assert archive.damage


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=300)
    | st.builds(lambda a, b: a + b"PK\x03\x04" + b, st.binary(max_size=60), st.binary(max_size=200))
)
def test_random_bytes_are_refused_by_name(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "random.zip"
    path.write_bytes(data)

    with pytest.raises(ArchiveError) as refused:
        open_archive(path)

    assert refused.value.code is Exit.ARCHIVE
    assert refused.value.hint


@pytest.mark.parametrize("path", [Path(), Path("/"), Path("no/such/file.zip"), Path("..")])
def test_what_is_no_file_is_refused_by_name(path):
    with pytest.raises(ArchiveError) as refused:
        open_archive(path)

    assert str(path) in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize("where", [START, MANIFEST, "segment"])
def test_a_newer_format_is_refused_with_both_numbers_and_a_hint(tmp_path, where):
    content = members(record(tmp_path / "whole.zip", PLAIN))
    if where == "segment":
        content = {START: content[START], segment_name(1): forged_segment(format=7)}
    else:
        content[where] = dumps(json.loads(content[where]) | {"format": 7, "tool": "9.9.9"})
    forge(tmp_path / "x.zip", content)

    with pytest.raises(ArchiveError, match=r"format 7.* 1\b") as refused:
        list(open_archive(tmp_path / "x.zip").segments())

    assert "install haready" in refused.value.hint
    if where != "segment":
        assert "9.9.9" in refused.value.hint


# --- a full disk -----------------------------------------------------------------------------------------------------


@contextmanager
def files_end_at(limit: int) -> Iterator[None]:
    """The kernel refuses to make any file longer: as a full disk, for this process only."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 20, 60, 400])
def test_a_disk_that_fills_up_leaves_what_was_written_readable(tmp_path, room):
    path = tmp_path / "x.zip"
    writer = start_writing(path)
    write_segment(writer, PLAIN[0], 0)
    noise = [(row, random.Random(row).getrandbits(60)) for row in range(300)]
    writer.rows("load", (), noise[:10])
    writer.flush(MINUTE_US + 5_000_000)
    writer.rows("load", (), noise[10:])

    with (
        pytest.raises(WriteError, match="File too large"),
        files_end_at((tmp_path / f"x.zip{PART}").stat().st_size + room),
    ):
        writer.close_segment(2 * MINUTE_US, ANCHOR)
    copy = tmp_path / "copy"  # as it was at that moment, and as it is once Python has cleaned up
    copy.mkdir()
    for suffix in (PART, JOURNAL):
        shutil.copy(f"{path}{suffix}", copy / f"x.zip{suffix}")
    del writer

    for place in (copy / "x.zip", path):
        archive = open_archive(place)
        found = read(archive)
        assert found[1] == PLAIN[0]
        assert found[2][("load", ())][:10] == noise[:10]
        assert archive.lost()
        assert not archive.sealed


def test_giving_up_leaves_the_files_as_they_are(tmp_path):
    """A ZipFile that is thrown away would end the part with a directory, over what is there."""
    writer = start_writing(tmp_path / "x.zip")
    write_segment(writer, PLAIN[0], 0)
    writer.rows("load", (), [(1, 1)])
    writer.flush(MINUTE_US + 1_000_000)
    before = [(tmp_path / f"x.zip{suffix}").read_bytes() for suffix in (PART, JOURNAL)]

    writer.abandon()
    del writer
    gc.collect()

    assert [(tmp_path / f"x.zip{suffix}").read_bytes() for suffix in (PART, JOURNAL)] == before
    assert read(open_archive(tmp_path / "x.zip")) == {1: PLAIN[0], 2: {("load", ()): [(1, 1)]}}


def test_a_journal_that_cannot_grow_says_so_and_keeps_its_flushed_rows(tmp_path):
    writer = start_writing(tmp_path / "x.zip")
    writer.rows("load", (), [(1, 1)])
    writer.flush(1_000_000)
    writer.rows("load", (), [(row, random.Random(row).getrandbits(60)) for row in range(2, 2000)])

    with pytest.raises(WriteError, match="File too large"), files_end_at(4096):
        writer.flush(2_000_000)

    found = read(open_archive(tmp_path / "x.zip"))
    assert found == {1: {("load", ()): [(1, 1)]}}


# --- specimens -------------------------------------------------------------------------------------------------------


def test_the_specimen_of_format_1_reads_as_it_did_when_it_was_recorded():
    archive = open_archive(SPECIMENS / "format-1.zip")
    found = read(archive)

    assert is_whole(archive)
    assert (archive.head["format"], archive.head["node"], archive.head["origin"]) == (1, "sip-a", "demonstration")
    assert archive.head["session"] == "687efec656d8a37a06b5f22b72c2196b"
    assert {(table, *labels): len(rows) for (table, labels), rows in found[1].items()} == {
        ("cpu", "all"): 6,
        ("disk", "vda"): 6,
        ("memory",): 6,
        ("nic", "eth0"): 6,
        ("nic", "ifb0"): 6,
        ("nic", "ifb1"): 6,
        ("nic", "lo"): 6,
        ("reply", "sip-a>sip-b/channel"): 18,
        ("seen", "sip-b>sip-a/channel"): 2,
        ("sent", "sip-a>sip-b/channel"): 18,
        ("ticker", "default"): 5,
        ("ticker", "fifo"): 5,
        ("wire",): 1,
    }
    assert found[1][("cpu", ("all",))][0] == (51275, 32327, 0, 4077, 564981, 1046, 0, 691, 9269)
    assert found[1][("disk", ("vda",))][0] == (58639, 91909, 3225420800, 62842, 10628, 702898176, 6984, 0, 14916)
    assert found[1][("sent", ("sip-a>sip-b/channel",))][0] == (1443280, 7, 132, 315, 0)
    assert found[1][("reply", ("sip-a>sip-b/channel",))][0] == (7, 2, 439, 0, 3594, 0, 64, 64, 30)
    assert found[1][("seen", ("sip-b>sip-a/channel",))][0] == (528052, 2, 18)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("not-an-archive", "not a haready archive", "pass the .zip"),
        ("empty", "not a haready archive", "pass the .zip"),
        ("headless", "neither manifest nor start can be read", "copy it again"),
        ("newer", "archive has format 2, this version reads up to 1", "install haready 9.9.9 or newer"),
    ],
)
def test_a_specimen_beyond_use_is_refused_with_a_hint(name, message, hint):
    with pytest.raises(ArchiveError, match=message) as refused:
        open_archive(SPECIMENS / "broken" / f"{name}.zip")

    assert hint in refused.value.hint


def test_a_folder_in_the_place_of_an_archive_is_told_as_one(tmp_path):
    with pytest.raises(ArchiveError, match="is a folder, not an archive") as refused:
        open_archive(tmp_path)

    assert refused.value.hint == f"pass the archives in it: {tmp_path}/*.zip"


@pytest.mark.parametrize(
    ("name", "damage", "sealed"),
    [
        ("cut", "segments/000001.jsonl.gz: cut short", False),
        ("flipped", "segments/000001.jsonl.gz: checksum does not match", True),
    ],
)
def test_a_damaged_specimen_is_read_and_its_damage_is_named(name, damage, sealed):
    archive = open_archive(SPECIMENS / "broken" / f"{name}.zip")

    assert list(archive.segments()) == []
    assert archive.damage == [damage]
    assert archive.sealed is sealed
    assert archive.head["session"] == "687efec656d8a37a06b5f22b72c2196b"
