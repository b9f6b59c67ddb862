"""A note reaches the running collector, is on the disk before it is confirmed, and is never lost in silence."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from pathlib import Path

import pytest
from nodes import haready, loopback_plan, start_collect

from collector.archive.format import MAX_NOTE_LETTERS
from collector.archive.reader import open_archive
from collector.archive.story import Story, add_state, story, tidy
from collector.notes import Mailbox, post, running, taken

STARTED_S = 30.0


def wait_for(folder: Path, nodes: str) -> None:
    """Until the collectors of these nodes can be found."""
    deadline = time.monotonic() + STARTED_S
    while [one.node for one in running() if one.folder.parent == folder] != list(nodes):
        assert time.monotonic() < deadline, "the collectors did not start"
        time.sleep(0.05)


def told(path: Path) -> Story:
    archive = open_archive(path)
    states: dict = {}
    for segment in archive.segments():
        add_state(states, segment.state)
    return story(archive.head if archive.sealed else states)


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.fixture
def collectors(tmp_path):
    """Collectors of a and b with their archives in one folder."""
    plan = loopback_plan(tmp_path, "83.1")
    started = [start_collect(plan, node, tmp_path, "90s", "--quiet") for node in "ab"]
    try:
        wait_for(tmp_path, "ab")
        yield tmp_path, started
    finally:
        for one in started:
            one.kill()
            one.communicate()


def test_a_note_is_in_every_archive_even_if_the_collectors_are_killed_right_after_it(collectors):
    folder, started = collectors
    before_ns = time.monotonic_ns()
    done = haready("note", "live migration", "of\x1b[31m node B\n", "--out", str(folder))
    after_ns = time.monotonic_ns()
    for one in started:
        os.kill(one.pid, signal.SIGKILL)
        one.wait()

    assert done.returncode == 0, done.stderr
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == ["a", "b"]
    times = []
    for node in "ab":
        part = only(folder, f"haready-test-{node}-*.zip.part")
        ((t_us, text),) = told(part).notes
        assert text == "live migration of [31m node B"
        times.append(int(open_archive(part).head["t0_ns"]) + t_us * 1000)
    for at_ns in times:
        assert before_ns - 1000 <= at_ns <= after_ns


def test_a_note_can_be_for_one_node_and_stays_in_the_sealed_archive(collectors):
    folder, started = collectors
    assert haready("note", "backup", "--node", "b", "--out", str(folder)).returncode == 0
    refused = haready("note", "backup", "--node", "c", "--out", str(folder))
    for one in started:
        one.send_signal(signal.SIGTERM)
    for one in started:
        one.communicate(timeout=60)

    assert refused.returncode == 2
    assert refused.stdout == ""
    error, hint = refused.stderr.splitlines()
    assert error.startswith("error: no running collector for node c")
    assert hint.startswith("hint: running here: ")
    assert f"a (in {folder})" in hint
    archives = {node: only(folder, f"haready-test-{node}-*.zip") for node in "ab"}
    assert [[text for _, text in told(archives[node]).notes] for node in "ab"] == [[], ["backup"]]
    assert "  backup" in haready("inspect", str(archives["b"])).stdout
    assert json.loads(haready("inspect", "--json", str(archives["b"])).stdout)["notes"][0][1] == "backup"
    assert haready("verify", str(archives["b"])).returncode == 0
    assert list(folder.glob("*.notes")) == []


def test_without_a_collector_it_is_two_lines_and_exit_code_2(tmp_path):
    done = haready("note", "backup", "--out", str(tmp_path))

    assert done.returncode == 2
    assert done.stdout == ""
    error, hint = done.stderr.splitlines()
    assert error == f"error: no running collector with its archive in {tmp_path} was found on this machine"
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("words", [[" \t\x07"], ["x" * (MAX_NOTE_LETTERS + 1)]], ids=["nothing", "too long"])
def test_a_note_without_text_or_with_too_much_is_refused(words, tmp_path):
    done = haready("note", *words, "--out", str(tmp_path))

    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("plain", "plain"),
        (" two\t\tblanks\r\n", "two blanks"),
        ("\x1b]0;title\x07bell", "]0;title bell"),
        ("right\u202eleft", "right left"),
        ("\ud800", ""),
        ("Umschaltung süd", "Umschaltung süd"),
    ],
)
def test_control_characters_do_not_get_into_a_note(raw, clean):
    assert tidy(raw) == clean


class Kept:
    def __init__(self, folder: Path) -> None:
        self.box = Mailbox(folder / "haready-test-a-1.zip", "a")
        self.folder = folder / "haready-test-a-1.zip.notes"
        self.box.open()
        self.notes: list[str] = []
        self.settled = 0

    def take(self) -> list[str]:
        self.notes = []
        self.box.take(lambda _, text: self.notes.append(text), self.settle)
        return self.notes

    def settle(self) -> None:
        assert list(self.folder.glob("*.note")), "removed before it was on the disk"
        self.settled += 1


def test_only_the_collector_s_user_may_leave_notes(tmp_path):
    kept = Kept(tmp_path)
    note = post(kept.folder, "x")

    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(note.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may leave a note for others")
def test_a_note_of_root_can_be_read_by_the_collector_s_user(tmp_path):
    kept = Kept(tmp_path)
    os.chown(kept.folder, 65534, 65534)

    assert post(kept.folder, "x").stat().st_uid == 65534


def test_a_note_that_is_taken_is_gone_and_one_that_nobody_takes_is_withdrawn(tmp_path):
    kept = Kept(tmp_path)
    first = post(kept.folder, "one")
    assert kept.take() == ["one"]
    assert taken(first, 0.0)

    second = post(kept.folder, "two")
    assert not taken(second, 0.0)
    assert kept.take() == []
    assert kept.settled == 1


def test_whatever_else_lies_there_does_no_harm(tmp_path):
    kept = Kept(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text('{"mono_ns": 1, "text": "secret"}', encoding="utf-8")
    (kept.folder / "1.note").symlink_to(secret)
    os.mkfifo(kept.folder / "2.note")
    (kept.folder / "3.note").mkdir()
    contents = [
        "",
        "[]",
        "{",
        "[" * 2000,
        '{"text": "no time"}',
        '{"mono_ns": true, "text": "x"}',
        '{"mono_ns": 1, "text": 7}',
    ]
    for number, content in enumerate([*contents, '{"mono_ns": 1, "text": "' + "x" * 5000 + '"}']):
        (kept.folder / f"4{number}.note").write_text(content, encoding="utf-8")
    (kept.folder / "9.note").write_text('{"mono_ns": 1, "text": "good"}', encoding="utf-8")

    assert kept.take() == ["good"]
    assert kept.take() == []
    assert [path.name for path in kept.folder.glob("*.note")] == ["3.note"]
    assert secret.exists()


def test_a_heap_of_notes_is_taken_in_portions(tmp_path):
    kept = Kept(tmp_path)
    for number in range(20):
        post(kept.folder, str(number))

    assert kept.take() == [str(number) for number in range(16)]
    assert kept.take() == [str(number) for number in range(16, 20)]


def test_the_folder_goes_with_the_run_unless_a_note_was_not_taken(tmp_path):
    kept = Kept(tmp_path)
    late = post(kept.folder, "late")
    kept.box.close()
    assert not taken(late, 0.0)
    assert not kept.folder.exists()


def test_a_folder_that_is_there_already_is_not_used(tmp_path):
    (tmp_path / "haready-test-a-1.zip.notes").mkdir()

    with pytest.raises(FileExistsError):
        Kept(tmp_path)


def test_notes_of_a_hostile_archive_are_few_short_and_printable():
    notes = [[1, "x" * 10_000 + "\x1b"], [2**80, "late"], ["1", "text"], [1], 5, [3, None], *[[4, "y"]] * 5000]
    found = story({"notes": notes}).notes

    assert found[:3] == ((1, "x" * MAX_NOTE_LETTERS), (3, "None"), (4, "y"))
    assert len(found) == 1000
    assert story({"notes": "text"}).notes == ()
    assert story({}).notes == ()
