"""`haready demo` in the laboratory: it measures a WAN whose logs agree with it, and leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collector.lab import netns

# `make lab` runs them, as root; an ordinary user is told so and can still test everything else.
pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]

PATIENCE_S = 30.0


def _start(out: Path, seconds: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "haready", "demo", "--duration", f"{seconds}s", "-o", str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _namespaces(process: subprocess.Popen[str]) -> list[str]:
    return [name for name in netns._existing() if name.startswith(f"{netns._PREFIX}-{process.pid}-")]


def _measuring(process: subprocess.Popen[str], out: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(list(out.glob("*.part"))) < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(_namespaces(process)) == 4


def _programs(name: str) -> list[int]:
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=True)
    return [int(word) for word in listed.stdout.split()]


@pytest.mark.slow
def test_as_root_the_demonstration_measures_a_wan_as_its_logs_have_it(tmp_path):
    out = tmp_path / "out"
    process = _start(out, 12)
    printed, told = process.communicate(timeout=90)
    assert process.returncode == 0, told
    assert _namespaces(process) == []
    assert "laboratory" in told.splitlines()[0]
    assert "the WAN's logs confirm" in told.splitlines()[-1], told
    assert printed.splitlines()[-1] == str(out / "report.pdf")
    assessment = json.loads((out / "assessment.json").read_text(encoding="utf-8"))
    assert assessment["origin"] == "demonstration"
    timings = {timing["path"]: timing for timing in assessment["timings"]}
    assert len(timings) == 12
    for path, timing in timings.items():
        assert timing["wan"] == ("sip-dr" in path)
        assert (0.03 <= timing["wire"]["p50"] < 0.033) == timing["wan"], path
        assert timing["answered"] > 0
    # The outage took five probes each way, give or take one; in a run as short as this one bandwidth tests may stand beside it.
    there = re.search(r"of \d+ probes (\d+) were lost on the way there", told)
    assert there is not None
    assert int(there[1]) >= 8
    observers = {row["node"]: row for row in assessment["observers"]}
    assert set(observers) == {"sip-a", "sip-b", "sip-dr"}
    assert all(row["answered"] >= row["sent"] - 2 > 0 for row in observers.values())
    assert observers["sip-dr"]["rtt"]["p50"] > 0.03 > observers["sip-a"]["rtt"]["p50"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_a_signal_neither_namespaces_nor_programs_are_left(tmp_path, number):
    out = tmp_path / "out"
    process = _start(out, 60)
    _measuring(process, out)
    pids = [pid for name in _namespaces(process) for pid in _programs(name)]
    process.send_signal(number)
    process.send_signal(number)  # an impatient user must not cut the clearing up short
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, told
    assert told.splitlines()[-1] == "hint: `haready demo` begins anew"
    assert not out.exists()
    assert _namespaces(process) == []
    assert pids
    assert not any(netns._started(pid) for pid in pids)


@pytest.mark.slow
def test_a_collector_that_is_killed_is_named_and_the_laboratory_is_cleared(tmp_path):
    out = tmp_path / "out"
    process = _start(out, 60)
    _measuring(process, out)
    (name,) = [name for name in _namespaces(process) if name.endswith("-sip-dr")]
    collectors = [
        pid for pid in _programs(name) if b"collect" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    ]
    os.kill(min(collectors), signal.SIGKILL)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "error: the collector of sip-dr failed" in told
    assert _namespaces(process) == []
