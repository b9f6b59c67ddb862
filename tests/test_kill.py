"""A collector killed with -9 at any moment loses ten seconds at most, says which, and the rest can be analyzed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nodes import alive, children_of, haready, loopback_plan

from collector.archive.reader import open_archive

# Segments of four seconds, so that some kills fall into the closing of one.
_COLLECT = """
import sys
from pathlib import Path
from collector.machine import PsutilHost, SystemClock
from collector.plan import load, load_key
from collector.supervisor import Job, Supervisor
plan_path, node, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
plan = load(plan_path)
job = Job(plan, node, load_key(plan_path, plan), out, 600.0, "0", "test", segment_s=4.0)
Supervisor(job, SystemClock(), PsutilHost(), lambda text: None).run(lambda status: None)
"""
_KILLS = 20
_SPREAD_S = 20.0
_STARTED_S = 30.0
_ALLOWED_S = 10.0


def _part(folder: Path, node: str) -> Path | None:
    return next(folder.glob(f"haready-test-{node}-*.zip.part"), None)


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_ten_seconds_at_most(tmp_path):
    moments = random.Random(20261121)
    nodes = []
    for pair in range(_KILLS // 2):
        folder = tmp_path / str(pair)
        plan = loopback_plan(folder, f"91.{pair + 1}")
        nodes += [(folder, node, [sys.executable, "-c", _COLLECT, str(plan), node, str(folder)]) for node in "ab"]
    running = [(folder, node, subprocess.Popen(command)) for folder, node, command in nodes]
    killed_ns: dict[tuple[Path, str], int] = {}
    offspring: list[int] = []
    try:
        deadline = time.monotonic() + _STARTED_S
        while not all(_part(folder, node) for folder, node, _ in running):
            assert time.monotonic() < deadline, "the collectors did not start"
            time.sleep(0.05)
        began = time.monotonic()
        due = sorted((moments.uniform(0.0, _SPREAD_S), folder, node, process) for folder, node, process in running)
        for moment, folder, node, process in due:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            assert process.poll() is None, "a collector ended by itself"
            offspring += children_of(process.pid)
            killed_ns[folder, node] = time.monotonic_ns()
            os.kill(process.pid, signal.SIGKILL)
    finally:
        for _, _, process in running:
            process.kill()
            process.wait()
    deadline = time.monotonic() + 5.0
    while any(alive(pid) for pid in offspring):
        assert time.monotonic() < deadline, "a child outlived its parent"
        time.sleep(0.05)

    worst_s = 0.0
    for (folder, node), at_ns in killed_ns.items():
        part = _part(folder, node)
        assert part is not None
        archive = open_archive(part)
        last_us = 0
        for segment in archive.segments():
            for block in segment.blocks:
                if "t_us" in block.columns:
                    last_us = max(last_us, *(value for value in block.column("t_us") if value is not None))
        assert archive.damage == []
        worst_s = max(worst_s, (at_ns - int(archive.head["t0_ns"])) / 1e9 - last_us / 1e6)
        assert [hole.to_us for hole in archive.lost()] == [600_000_000]
    print(f"worst loss of {_KILLS} kills: {worst_s:.2f} s")
    assert worst_s <= _ALLOWED_S

    folder = tmp_path / "0"
    checked = haready("verify", str(_part(folder, "a")))
    assert checked.returncode == 5
    assert "lost: 00:00:" in checked.stdout
    assert "the collector ended without sealing" in checked.stdout
    for pair in range(_KILLS // 2):
        folder = tmp_path / str(pair)
        done = haready(
            "analyze", str(_part(folder, "a")), str(_part(folder, "b")), "-o", str(folder / "assessment.json")
        )
        assert done.returncode == 4, done.stderr
        assert (folder / "assessment.json").stat().st_size > 0
