"""What keeps a run from doing harm: a floor of free space, and what its record carries from start to start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nodes import haready, loopback_plan

from collector.archive.reader import open_archive
from collector.archive.story import story
from collector.errors import OperatorError
from collector.record import Record
from collector.space import FLOOR_B, Space

GB = 10**9


def test_a_run_does_not_begin_below_the_floor_and_says_what_to_do(tmp_path):
    Space(tmp_path, lambda _: FLOOR_B).refuse()
    with pytest.raises(OperatorError, match=r"only 49.* are free in .*: 50.* are left to others") as told:
        Space(tmp_path, lambda _: FLOOR_B - 1_000_000).refuse()
    assert "--out" in told.value.hint


def test_a_run_that_goes_on_needs_room_for_the_copy_of_its_archive(tmp_path):
    space = Space(tmp_path, lambda _: FLOOR_B + 5_000_000)
    space.refuse(5_000_000)
    with pytest.raises(OperatorError, match="the copy with which a run goes on"):
        space.refuse(5_000_001)


def test_sampling_stops_while_there_is_room_to_seal(tmp_path):
    assert Space(tmp_path, lambda _: FLOOR_B + 2_000_000).low(1_000_000) == ""
    assert "are left to others" in Space(tmp_path, lambda _: FLOOR_B + 1_999_999).low(1_000_000)


def test_a_disk_that_cannot_be_asked_stops_nothing(tmp_path):
    space = Space(tmp_path, lambda _: None)
    space.refuse(GB)
    assert space.low(GB) == ""


_FILLING = """
import sys
from collector import supervisor
from collector.commands import collect
from collector.errors import OperatorError
from collector.space import Space

looks = iter([10**10] * 4 + [49_000_000] * 100)
supervisor.Space = lambda folder: Space(folder, lambda _: next(looks))
try:
    sys.exit(collect(sys.argv[1:]))
except OperatorError as error:
    print(f"error: {error}\\nhint: {error.hint}", file=sys.stderr)
    sys.exit(error.code)
"""


def test_below_the_floor_a_collector_seals_what_it_has_and_ends_with_6(tmp_path):
    plan = loopback_plan(tmp_path, "91.211")
    arguments = ["--plan", str(plan), "--node", "a", "--out", str(tmp_path), "--duration", "10m"]
    done = subprocess.run(
        [sys.executable, "-c", _FILLING, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 6, done.stderr
    error, hint = done.stderr.splitlines()[-2:]
    assert error.startswith("error: the run of a ended early: only 49.0 MB were free")
    assert "make room there" in hint
    path = Path(done.stdout.splitlines()[0])
    assert haready("verify", str(path)).returncode == 0
    assert "left to others" in open_archive(path).head["ended_because"]


def test_what_bandwidth_tests_have_spent_goes_from_start_to_start():
    first = Record()
    first.spent["a>b/ch1"] = 5 * GB
    told = story(first.state())
    later = Record()
    later.restore(told, 1_000_000, 2_000_000, "it was started again")
    assert later.spent == {"a>b/ch1": 5 * GB}


@pytest.mark.parametrize("spent", [5, {"a>b/ch1": -1}, {"a>b/ch1": "much"}, {"a>b/ch1": 1 << 70}, [["a", 1]]])
def test_an_archive_that_tells_nonsense_of_what_was_spent_tells_nothing(spent):
    assert story({"spent": spent}).spent == {}


_ASKED_AT_ONCE = """
import os, signal, sys
from collector import supervisor
from collector.commands import collect

opened = supervisor.Supervisor._open
def asked(self, tables):
    writer = opened(self, tables)
    os.kill(os.getpid(), signal.SIGTERM)
    return writer
supervisor.Supervisor._open = asked
sys.exit(collect(sys.argv[1:]))
"""


def test_a_collector_that_is_ended_while_it_starts_leaves_a_sealed_archive(tmp_path):
    plan = loopback_plan(tmp_path, "91.213")
    arguments = ["--plan", str(plan), "--node", "a", "--out", str(tmp_path), "--duration", "10m"]
    done = subprocess.run(
        [sys.executable, "-c", _ASKED_AT_ONCE, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 6, done.stderr
    assert haready("verify", done.stdout.splitlines()[0]).returncode == 0


def test_what_cannot_be_begun_leaves_no_files(tmp_path):
    plan = loopback_plan(tmp_path, "91.214")
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500));"
        "from collector.commands import collect; from collector.errors import OperatorError\n"
        "try:\n    collect(sys.argv[1:])\nexcept OperatorError as error:\n    sys.exit(error.code)"
    )
    arguments = ["--plan", str(plan), "--node", "a", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", code, *arguments, "--duration", "10m"], timeout=60, check=False)
    assert done.returncode == 2
    assert list(tmp_path.glob("haready-*")) == []
