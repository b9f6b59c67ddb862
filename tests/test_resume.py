"""A run that was cut short goes on in the same archive to its planned end, whatever ended the collector before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from fakes import SECOND, FakeClock
from nodes import alive, children_of, haready, loopback_plan, start_collect

from collector import again
from collector.archive import resume
from collector.archive.reader import NOT_RUNNING, open_archive
from collector.archive.writer import Before, Writer
from collector.contract import Kind, Metric, Table
from collector.errors import OperatorError
from collector.machine import take_anchor
from collector.plan import load

TABLE = Table("load", (Metric("load1", "1", Kind.GAUGE),))
NAME = "haready-test-a-20260101T000000Z.zip"


def start(clock, planned_s: float = 60.0, digest: str = "d") -> dict[str, object]:
    return {
        "tool": "0",
        "node": "a",
        "session": "s1",
        "cluster": "test",
        "plan": {},
        "plan_digest": digest,
        "started": "2026-01-01T00:00:00Z",
        "t0_ns": clock.mono_ns,
        "planned_s": planned_s,
        "tables": [{"name": "load"}, {"name": "gone"}],
    }


def cut_short(folder: Path, clock: FakeClock, seconds: int = 10, **more) -> Path:
    """A run of one row a second that was killed: five rows in a segment, the others in the journal."""
    path = folder / NAME
    t0_ns = clock.mono_ns
    writer = Writer(path, start(clock, **more), [TABLE])
    writer.anchor(take_anchor(clock))
    for second in range(1, seconds + 1):
        clock.advance(1)
        writer.rows("load", (), [(second * 1_000_000, second)])
        writer.state({"boot": "one", "starts": [[0, "s1"]]})
        if second == 5:
            writer.close_segment((clock.mono_ns - t0_ns) // 1000, take_anchor(clock))
    writer.anchor(take_anchor(clock))
    writer.flush((clock.mono_ns - t0_ns) // 1000)
    writer.abandon()
    return path


def rows(path: Path) -> list[tuple[int, int]]:
    found = []
    for segment in open_archive(path).segments():
        for block in segment.blocks:
            found += list(zip(block.column("t_us"), block.column("load1"), strict=True))
    return found


def go_on(run: resume.Unfinished, clock: FakeClock, boot: str) -> tuple[Writer, int]:
    t0_ns = resume.zero_ns(run, clock, boot)
    now_us = (clock.mono_ns - t0_ns) // 1000
    return Writer(run.path, run.start([{"name": "load"}]), [TABLE], Before(run.archive, t0_ns, now_us)), now_us


def test_what_was_recorded_before_and_after_is_in_one_archive_with_the_gap_between(tmp_path):
    clock = FakeClock()
    path = cut_short(tmp_path, clock)
    clock.advance(20)
    run = resume.read(path)

    writer, now_us = go_on(run, clock, "one")
    assert now_us == 30_000_000
    writer.rows("load", (), [(31_000_000, 31)])
    writer.state({"boot": "one", "starts": [[0, "s1"], [30_000_000, "s2"]]})
    clock.advance(1)
    writer.close_segment(31_000_000, take_anchor(clock))
    writer.seal({"ended": "2026-01-01T00:00:31Z", "duration_s": 31.0})

    assert rows(path) == [(second * 1_000_000, second) for second in [*range(1, 11), 31]]
    archive = open_archive(path)
    assert [segment.seq for segment in archive.segments()] == [1, 2, 3]
    assert archive.damage == []
    assert [(hole.from_us, hole.to_us, hole.why) for hole in archive.lost()] == [(10_000_000, 30_000_000, NOT_RUNNING)]
    assert (archive.head["session"], archive.head["planned_s"]) == ("s1", 60.0)
    assert [table["name"] for table in archive.head["tables"]] == ["load", "gone"]
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_a_start_that_dies_while_it_takes_over_loses_nothing(tmp_path, monkeypatch):
    clock = FakeClock()
    path = cut_short(tmp_path, clock)
    run = resume.read(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("the power failed")))
        with pytest.raises(OSError, match="power"):
            go_on(run, clock, "one")
    assert len(rows(path)) == 10
    writer, _ = go_on(resume.read(path), clock, "one")
    writer.abandon()
    assert len(rows(path)) == 10, "the part has what the journal had"


@pytest.mark.parametrize(
    ("boot", "mono_s", "wall_s", "expected_s"),
    [
        ("one", 20, 20, 30),  # the same boot: the monotonic clock went on
        ("one", 20, -3600, 30),  # and whatever became of the time of day does not matter
        ("two", -900, 45, 55),  # a reboot: the wall clock tells how long it took
        ("two", -900, -3600, 11),  # one that stands before the last reading is not believed
        ("", 20, 20, 30),  # nothing tells the boots apart: the wall clock
    ],
)
def test_the_time_axis_goes_on_where_it_has_to(tmp_path, boot, mono_s, wall_s, expected_s):
    clock = FakeClock()
    run = resume.read(cut_short(tmp_path, clock))
    clock.mono_ns += mono_s * SECOND
    clock.real_ns += wall_s * SECOND
    assert (clock.mono_ns - resume.zero_ns(run, clock, boot)) / SECOND == expected_s


def test_the_latest_run_of_just_this_node_is_found(tmp_path):
    for name in (
        "haready-test-a-20260101T000000Z.zip",
        "haready-test-a-20260102T000000Z.zip.part",
        "haready-test-a-20260102T000000Z.zip.journal",
        "haready-test-a-b-20260103T000000Z.zip",
        "haready-other-a-20260103T000000Z.zip",
        "haready-test-a-20260104T000000Z-report.pdf",
    ):
        (tmp_path / name).touch()
    assert resume.newest(tmp_path, "test", "a") == tmp_path / "haready-test-a-20260102T000000Z.zip"
    assert resume.newest(tmp_path, "test", "c") is None


# --- real collectors --------------------------------------------------------------------------------------------------


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"it ended without {text!r}")


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=90)
    return process.returncode, out + err


def test_a_collector_killed_with_9_goes_on_and_the_pair_is_assessed_as_one_run(tmp_path):
    plan = loopback_plan(tmp_path, "91.201")
    b = start_collect(plan, "b", tmp_path, "40s")
    a = start_collect(plan, "a", tmp_path, "40s")
    try:
        read_until(a, "answers (session")
        time.sleep(8.0)  # so long it measures
        offspring = children_of(a.pid)
        a.kill()
        a.wait()
        deadline = time.monotonic() + 10.0
        while any(alive(pid) for pid in offspring):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(4.0)  # so long nothing runs
        a = start_collect(plan, "a", tmp_path, "40s", "--resume")
        code, told = ended(a)
        assert code == 0, told
        assert ended(b)[0] == 0
    finally:
        for process in (a, b):
            process.kill()
            process.wait()

    one, other = (next(tmp_path.glob(f"haready-test-{node}-*.zip")) for node in "ab")
    assert sorted(path.name for path in tmp_path.glob("haready-*")) == sorted((one.name, other.name))
    checked = haready("verify", str(one))
    assert checked.returncode == 0, checked.stdout
    assert NOT_RUNNING in checked.stdout
    inspected = json.loads(haready("inspect", "--json", str(one)).stdout)
    assert [restart[1] for restart in inspected["restarts"]] == ["collector"]
    assert len({session for _, session in inspected["starts"]}) == 2
    assert 39.0 < inspected["duration_s"] < 45.0
    gaps = [
        interval
        for outcome in inspected["outcomes"]
        for interval in outcome["intervals"]
        if interval["reason"] == NOT_RUNNING
    ]
    assert gaps

    done = haready("analyze", str(one), str(other), "-o", str(tmp_path / "assessment.json"))
    assert done.returncode == 4, done.stderr
    told = json.loads((tmp_path / "assessment.json").read_text())
    sides = {timing["path"]: timing for timing in told["timings"]}
    assert sides["a>b/ch1"]["loss"] == 0.0, "what was not sent is not lost"
    assert not [finding for finding in told["findings"] if finding["rule"] == "met" and finding["status"] != "pass"]

    again_told = haready("collect", "--plan", str(plan), "--node", "a", "--out", str(tmp_path), "--resume")
    assert again_told.returncode == 2
    assert "has come to its end" in again_told.stderr


def test_a_run_that_was_stopped_in_order_goes_on_too_and_one_whose_time_is_over_is_sealed(tmp_path):
    plan = loopback_plan(tmp_path, "91.202")
    for duration, resumed in (("25s", False), ("25s", True)):
        a = start_collect(plan, "a", tmp_path, duration, *(["--resume"] if resumed else []))
        try:
            read_until(a, "is not started there yet")
            a.send_signal(signal.SIGTERM)
            code, told = ended(a)
        finally:
            a.kill()
            a.wait()
        assert code == 6, told
    (path,) = tmp_path.glob("haready-test-a-*.zip")
    archive = open_archive(path)
    assert len([segment for segment in archive.segments() if segment.rows]) >= 2
    assert archive.damage == []

    told = []
    # A start after the planned end has nothing to measure; what there is gets its seal, once.
    later = FakeClock(mono_ns=time.monotonic_ns() + 60 * SECOND, real_ns=time.time_ns() + 60 * SECOND)
    run = again.find(tmp_path, load(plan), "a", told.append)
    assert run is not None
    assert again.overdue(run, later)
    again.seal(run)
    sealed = open_archive(path)
    assert (sealed.sealed, sealed.head["ended_because"], sealed.damage) == (True, again.OVERDUE, [])
    with pytest.raises(OperatorError, match="has come to its end"):
        again.find(tmp_path, load(plan), "a", told.append)


def test_a_run_of_another_plan_is_not_gone_on_with(tmp_path):
    told: list[str] = []
    plan = loopback_plan(tmp_path, "91.203")
    cut_short(tmp_path, FakeClock(), digest="other")
    with pytest.raises(OperatorError, match="another plan"):
        again.find(tmp_path, load(plan), "a", told.append)


def test_where_nothing_was_on_the_disk_yet_a_new_run_begins_and_says_so(tmp_path):
    told: list[str] = []
    plan = loopback_plan(tmp_path, "91.204")
    (tmp_path / (NAME + ".part")).write_bytes(b"PK\x03\x04")
    assert again.find(tmp_path, load(plan), "a", told.append) is None
    assert len(told) == 1
    assert NAME in told[0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_put_there_is_not_gone_on_with(tmp_path):
    path = cut_short(tmp_path, FakeClock())
    assert resume.newest(tmp_path, "test", "a") == path
    os.chown(tmp_path / (NAME + ".part"), 12345, 12345)
    assert resume.newest(tmp_path, "test", "a") is None
