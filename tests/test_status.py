"""`haready status`: the collector itself answers; a dead or hung one is recognised; nothing it says steers a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from fakes import FakeClock, make_plan
from nodes import haready, loopback_plan, start_collect

from collector import status_commands
from collector.contract import State
from collector.live import OutcomeView, PathView, View, answer, ask, cut_short, hear, process_state, read
from collector.notes import Mailbox, Running, running
from collector.peers.turns import Turns
from collector.status_commands import Look

STARTED_S = 30.0
VIEW = View(
    node="a",
    cluster="test",
    session="5e55" * 8,
    pid=7,
    tool="1",
    started="2026-01-01T00:00:00Z",
    planned_s=86_400.0,
    elapsed_s=3_600.0,
    left_s=82_800.0,
    archive="/var/tmp/x.zip",
    archive_B=1_000_000,
    free_B=2_000_000_000,
    rows=12345,
    missed=3,
    dropped=0,
    restarts=1,
    observers=2,
    answering=1,
    testing="",
    next_test="a>b/ch1",
    next_test_s=90.0,
    paths=(PathView("a>b/ch1", "up", 200, 197, 2, 130, ""),),
    outcomes=(OutcomeView("cpu", "ok", 0.0, 100, 0, ""), OutcomeView("path a>b/ch1", "ok", 0.0, 200, 0, "")),
)


def put(folder: Path, content: object) -> Path:
    path = folder / "status.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def wait_for(folder: Path, nodes: str) -> None:
    deadline = time.monotonic() + STARTED_S
    while [one.node for one in running() if one.folder.parent == folder] != list(nodes):
        assert time.monotonic() < deadline, "the collectors did not start"
        time.sleep(0.05)


# --- question and answer -----------------------------------------------------------------------------------------------------


def test_a_question_is_answered_whole_and_taken_away_and_the_next_one_afresh(tmp_path):
    box = Mailbox(tmp_path / "x.zip", "a")
    box.open()
    views = iter([VIEW, replace(VIEW, rows=20_000)])
    for rows in (12345, 20_000):
        question = ask(box.folder)
        answer(box.folder, lambda: next(views))
        found = hear(question, time.monotonic())
        assert found is not None
        assert found.rows == rows
    assert found == replace(VIEW, rows=20_000)
    assert (box.folder / "status.json").stat().st_mode & 0o777 == 0o600
    box.close()
    assert not box.folder.exists(), "an answer is nothing that keeps the folder"


def test_nothing_is_made_while_nobody_asks(tmp_path):
    def never() -> View:
        raise AssertionError

    answer(tmp_path, never)
    answer(tmp_path / "gone", never)
    assert list(tmp_path.iterdir()) == []


def test_a_collector_that_does_not_look_gives_no_answer_and_the_question_is_withdrawn(tmp_path):
    question = ask(tmp_path)
    assert hear(question, time.monotonic() + 0.1) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        "{}",
        asdict(VIEW) | {"rows": "many"},
        asdict(VIEW) | {"rows": True},
        asdict(VIEW) | {"left_s": 1e300},
        json.dumps(asdict(VIEW)).replace("82800.0", "NaN"),
        asdict(VIEW) | {"paths": 5},
        asdict(VIEW) | {"paths": [5]},
        asdict(VIEW) | {"paths": [{"path": "a"}]},
        asdict(VIEW) | {"outcomes": [asdict(VIEW.outcomes[0]) | {"ticks": None}]},
    ],
)
def test_an_answer_that_is_none_is_none(tmp_path, content):
    assert read(put(tmp_path, content)) is None


def test_an_answer_that_is_a_link_or_a_pipe_is_not_followed(tmp_path):
    (tmp_path / "status.json").symlink_to("/etc/hostname")
    with pytest.raises(OSError):  # noqa: PT011 - any will do
        read(tmp_path / "status.json")
    os.mkfifo(tmp_path / "pipe")
    assert read(tmp_path / "pipe") is None


def test_what_a_collector_says_steers_no_terminal(tmp_path):
    path = PathView("a>\x1b[2J/ch1", "up", 1, 1, 0, None, "\x07")
    found = read(put(tmp_path, asdict(replace(VIEW, node="a\x1b[31m\n", paths=(path,)))))
    assert found is not None
    assert all(line.isprintable() or not line for line in status_commands._lines(found))


def test_every_number_that_is_asked_for_is_shown():
    text = "\n".join(status_commands._lines(VIEW))
    for said in (
        "elapsed    01:00:00, left 23:00:00",
        "12345 rows",
        "3 ticks missed, 0 messages dropped, 1 processes restarted",
        "1 of 2 answer",
        "next a>b/ch1 in 00:01:30",
        "2.0 GB free on the disk",
        "0.13 ms",
        "2 (1.00%)",
    ):
        assert said in text, said
    assert text.count("a>b/ch1") == 2, "a path's outcome stands with the path"


def test_what_is_not_known_is_said_and_is_no_zero():
    view = replace(
        VIEW, free_B=None, next_test="", next_test_s=None, paths=(PathView("a>b/ch1", "waiting", 0, 0, 0, None, "x"),)
    )
    text = "\n".join(status_commands._lines(view))
    assert "free space not known" in text
    assert "no test from this node to come" in text
    assert "waiting  -         0     -     x" in text


@pytest.mark.parametrize(
    ("letter", "said"),
    [("T", "it is stopped"), ("D", "waits for a disk"), ("S", "does not look into its folder"), ("Z", "has ended")],
)
def test_why_a_collector_is_silent_is_looked_up(tmp_path, letter, said):
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/stat").write_text(f"7 (py) S thon) {letter} 1 7 7")
    assert said in process_state(7, tmp_path)
    assert process_state(8, tmp_path) == ""


def test_a_silent_collector_is_told_with_the_next_step(tmp_path):
    one = Running("a\x1b", tmp_path / "x.zip.notes", os.getpid(), tmp_path / "x.zip.journal")
    lines = status_commands._silence(one)
    assert "DOES NOT ANSWER" in lines[0]
    assert "its journal cannot be looked at" in lines[0]
    assert f"kill -CONT {os.getpid()}" in lines[2]
    assert Look(one, None).told()["answers"] is False


# --- the next test -----------------------------------------------------------------------------------------------------------


class World:
    """Nobody is there."""

    def live(self) -> set[str]:
        return set()

    def met(self, _path: str) -> bool:
        return False

    def outcome(self, path: str, state: State, reason: str) -> None:
        """Not looked at."""


def test_the_next_test_is_that_of_the_round_to_come_or_else_none():
    clock = FakeClock()
    turns = Turns(make_plan(), "b", World(), clock, 7200.0)  # type: ignore[arg-type]
    path, first_s = turns.upcoming()
    assert path == "b>a/ch1"
    clock.advance(10.0)
    assert turns.upcoming() == (path, first_s - 10.0)
    turns.unable("no iperf3")
    assert turns.upcoming() is None
    assert Turns(make_plan(), "b", World(), clock, 5.0).upcoming() is None, "it would not be over in time"  # type: ignore[arg-type]
    assert Turns(make_plan(bandwidth={"budget_B": 0}), "b", World(), clock, 7200.0).upcoming() is None  # type: ignore[arg-type]


# --- the whole command -------------------------------------------------------------------------------------------------------


PROBES = {"cpu", "ticker fifo", "commit"}
"""One of each process that measures."""


def test_two_collectors_tell_how_they_fare_and_a_stopped_and_a_killed_one_are_recognised(tmp_path):
    plan = loopback_plan(tmp_path, "97.1")
    started = [start_collect(plan, node, tmp_path, "120s", "--quiet") for node in "ab"]
    try:
        wait_for(tmp_path, "ab")
        deadline = time.monotonic() + STARTED_S
        while True:
            done = haready("status", "--out", str(tmp_path), "--json")
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)
            # Its processes begin one by one: on a busy machine packets are answered before the CPU was looked at.
            if all(one["rows"] and {outcome["probe"] for outcome in one["outcomes"]} >= PROBES for one in told) and all(
                path["state"] == "up" and path["answered"] for one in told for path in one["paths"]
            ):
                break
            assert time.monotonic() < deadline, told
        assert [one["node"] for one in told] == ["a", "b"]
        for one, process in zip(told, started, strict=True):
            assert one["answers"]
            assert one["pid"] == process.pid
            assert one["free_B"] > 0
            assert 0 < one["left_s"] < one["planned_s"] == 120
            assert one["paths"][0]["rtt_us"] > 0
        shown = haready("status", "--out", str(tmp_path), "--node", "b")
        assert shown.stdout.startswith("b of test  (process ")
        assert "b>a/ch1" in shown.stdout

        os.kill(started[0].pid, signal.SIGSTOP)
        done = haready("status", "--out", str(tmp_path), "--node", "a")
        assert done.returncode == 2
        assert "a  DOES NOT ANSWER" in done.stdout
        assert "it is stopped" in done.stdout
        os.kill(started[0].pid, signal.SIGCONT)

        for process in started:
            process.kill()
            process.communicate()
        done = haready("status", "--out", str(tmp_path))
        assert done.returncode == 2
        error, hint = done.stderr.splitlines()
        assert "no running collector" in error
        assert "was cut short there: " in error
        assert error.count(".zip.part") == 2
        assert hint.startswith("hint: what it measured is readable: haready verify ")
        assert len(cut_short(tmp_path)) == 2
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_without_a_collector_it_is_two_lines_and_exit_code_2(tmp_path):
    done = haready("status", "--out", str(tmp_path))
    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]


@pytest.mark.slow
def test_watching_goes_on_to_the_end_of_the_collection_and_is_left_with_ctrl_c(tmp_path):
    plan = loopback_plan(tmp_path, "97.2")
    collecting = start_collect(plan, "a", tmp_path, "8s", "--quiet")
    wait_for(tmp_path, "a")
    command = [sys.executable, "-m", "haready", "status", "--watch", "--json", "--out", str(tmp_path)]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    leaving = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert leaving.stdout is not None
    assert json.loads(leaving.stdout.readline())[0]["node"] == "a"
    leaving.send_signal(signal.SIGINT)
    _, complaint = leaving.communicate(timeout=30)
    assert (leaving.returncode, complaint) == (0, "")
    out, end = watching.communicate(timeout=60)
    collecting.communicate(timeout=60)
    assert watching.returncode == 0, end
    assert end == "the collection has ended\n"
    left = [json.loads(line)[0]["left_s"] for line in out.splitlines()]
    assert left == sorted(left, reverse=True)
    assert len(left) >= 2
