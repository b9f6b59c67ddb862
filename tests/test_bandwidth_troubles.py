"""Bandwidth tests of real collectors where something is in the way: what is told, what is kept, and that nothing is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from nodes import alive, children_of, haready, loopback_plan, start_collect

from collector.archive.reader import open_archive

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed"),
]

SOON = "bandwidth = true\n[bandwidth]\nseconds = {seconds}\nevery_s = 600\ncap_bps = 100_000_000\n"


def fared(folder: Path, node: str, name: str) -> list[dict[str, Any]]:
    """The intervals of an outcome of a sealed archive."""
    (path,) = folder.glob(f"haready-test-{node}-*.zip")
    archive = open_archive(path)
    assert archive.damage == []
    (found,) = [item for item in archive.head["outcomes"] if item["probe"] == name]
    intervals: list[dict[str, Any]] = found["intervals"]
    return intervals


def test_a_taken_bandwidth_port_is_told_once_at_both_ends_and_costs_only_its_own_tests(tmp_path):
    plan = loopback_plan(tmp_path, "95.11", extra=SOON.format(seconds=2))
    taken = "TCP port 8863 on 127.95.11.2 is in use; end what listens there"
    with socket.create_server(("127.95.11.2", 8863)):
        running = {node: start_collect(plan, node, tmp_path, "30s") for node in "ab"}
        said = {node: process.communicate(timeout=90)[1] for node, process in running.items()}

    assert [process.returncode for process in running.values()] == [0, 0], said
    assert said["a"].count(taken) == said["b"].count(taken) == 1, said
    assert "bandwidth a>b/ch1: this node cannot serve: " + taken in said["b"]
    (refused,) = fared(tmp_path, "a", "bandwidth a>b/ch1")
    assert (refused["state"], taken in refused["reason"]) == ("timeout", True)
    (tested,) = fared(tmp_path, "b", "bandwidth b>a/ch1")
    assert tested["state"] == "ok", "the other direction has its test"
    for node, path in (("a", "path a>b/ch1"), ("b", "path b>a/ch1")):
        assert "ok" in [interval["state"] for interval in fared(tmp_path, node, path)]


def test_a_second_collector_of_the_same_node_ends_in_two_lines_and_the_first_goes_on(tmp_path):
    plan = loopback_plan(tmp_path, "95.12")
    first = start_collect(plan, "a", tmp_path, "60s")
    try:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("*.part")):
            assert time.monotonic() < deadline, "the first did not start"
            time.sleep(0.05)
        second = haready("collect", "--plan", str(plan), "--node", "a", "--duration", "10s", "--out", str(tmp_path))
        assert second.returncode == 2
        error, hint = second.stderr.splitlines()
        assert error == "error: TCP port 8862 on 127.95.12.1 (ch1) is in use"
        assert hint.startswith("hint: is another collector running here?")
        assert first.poll() is None
        assert len(list(tmp_path.glob("*.part"))) == 1, "the second left nothing"
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)
    assert first.returncode == 6
    assert len(list(tmp_path.glob("*.zip"))) == 1


def test_a_node_that_works_for_others_makes_no_test_and_says_so(tmp_path):
    """A program keeps one CPU busy; of all the CPUs a tenth of one is what is left to others."""
    share = 0.1 / (os.cpu_count() or 1)
    extra = SOON.format(seconds=2) + f"cpu_limit = {max(share, 0.01)}\n"
    plan = loopback_plan(tmp_path, "95.13", extra=extra)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        running = [start_collect(plan, node, tmp_path, "30s") for node in "ab"]
        said = [process.communicate(timeout=90)[1] for process in running]
    finally:
        busy.kill()
        busy.wait()

    assert [process.returncode for process in running] == [0, 0], said
    for node, path in (("a", "a>b/ch1"), ("b", "b>a/ch1")):
        intervals = fared(tmp_path, node, f"bandwidth {path}")
        assert {one["state"] for one in intervals} == {"skipped"}
        assert "busy: other programs used more than" in intervals[0]["reason"]
    archives = [open_archive(path) for path in tmp_path.glob("haready-test-*.zip")]
    assert not [
        block for archive in archives for segment in archive.segments() for block in segment.blocks
        if block.table in ("bandwidth", "served")
    ]  # fmt: skip


def _offspring(pid: int) -> list[int]:
    return [one for child in children_of(pid) for one in (child, *_offspring(child))]


def test_ctrl_c_in_the_terminal_ends_a_test_whose_iperf3_is_a_wrapper(tmp_path):
    """A terminal sends the signal to its whole group; iperf3 is in a session of its own."""
    plan = loopback_plan(tmp_path, "95.13", extra=SOON.format(seconds=60))
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "iperf3"
    script.write_text(f'#!/bin/sh\n"{shutil.which("iperf3")}" "$@" &\nwait\n')
    script.chmod(0o755)
    env = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--duration", "200s", "--quiet"]
    running = [
        subprocess.Popen(
            [*command, "--node", node, "--out", str(tmp_path)],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for node in "ab"
    ]
    left: list[int] = []
    try:
        deadline = time.monotonic() + 60
        # main, its four or five processes; then the wrapper and iperf3 at each end.
        while sum(_names(process.pid).count("iperf3") for process in running) < 4:
            assert time.monotonic() < deadline, "no test began"
            time.sleep(0.05)
        left = [pid for process in running for pid in _offspring(process.pid)]
        for process in running:
            os.killpg(process.pid, signal.SIGINT)
        said = [process.communicate(timeout=60)[1] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [6, 6], said
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in left):
        assert time.monotonic() < deadline, "something was left running"
        time.sleep(0.05)


def _names(pid: int) -> list[str]:
    """What the offspring are called, the shell that runs the wrapper as `iperf3` too."""
    found = []
    for one in _offspring(pid):
        try:
            found.append(Path(f"/proc/{one}/comm").read_text(encoding="ascii").strip())
        except OSError:
            continue
    return found
