"""`haready collect` as a user meets it: real processes, real sockets on loopback, real archives."""

from __future__ import annotations

import itertools
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nodes import alive, children_of, haready, loopback_plan, start_collect

from analyzer.frames import read
from collector.archive.reader import Archive, open_archive

SKIPPED = -1


def _only(folder: Path, node: str, pattern: str = "*.zip") -> Path:
    found = list(folder.glob(f"haready-test-{node}-{pattern}"))
    assert len(found) == 1
    return found[0]


def _column(archive: Archive, table: str, label: str, column: str) -> list[int]:
    return [
        value
        for segment in archive.segments()
        for block in segment.blocks
        if block.table == table and label in block.labels.values()
        for value in block.column(column)
        if value is not None
    ]


def _wait_for(text: str, log: Path, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while text not in (log.read_text(encoding="utf-8") if log.exists() else ""):
        assert time.monotonic() < deadline, f"{text!r} did not appear in {log}"
        time.sleep(0.05)


def _two_lines(done: subprocess.CompletedProcess[str], code: int, error: str, hint: str) -> None:
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert re.search(f"^error: .*{error}", lines[0]), lines[0]
    assert re.search(f"^hint: .*{hint}", lines[1]), lines[1]


@pytest.mark.slow
def test_two_nodes_that_end_at_different_times_see_every_probe_answered(tmp_path):
    plan = loopback_plan(tmp_path, "80.1")
    first = start_collect(plan, "a", tmp_path, "5s")
    second = start_collect(plan, "b", tmp_path, "8s")
    printed = [process.communicate(timeout=60) for process in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0]
    for (out, _), node in zip(printed, "ab", strict=True):
        path = _only(tmp_path, node)
        archive = open_archive(path)
        assert out == f"{path}\nsha256 {archive.sha256}\n"
    for _, told in printed:
        assert told.splitlines()[-1].endswith(
            "the analysis installed; there, with those of all nodes: haready assess FILE FILE"
        )
    for node, peer in (("a", "b"), ("b", "a")):
        archive = open_archive(_only(tmp_path, node))
        slots = _column(archive, "sent", f"{node}>{peer}/ch1", "slot")
        flags = _column(archive, "sent", f"{node}>{peer}/ch1", "flag")
        sent = [slot for slot, flag in zip(slots, flags, strict=True) if flag != SKIPPED]
        assert len(sent) > 10
        assert sorted(_column(archive, "reply", f"{node}>{peer}/ch1", "slot")) == sent
        reflector = open_archive(_only(tmp_path, peer))
        seen = zip(
            _column(reflector, "seen", f"{node}>{peer}/ch1", "first"),
            _column(reflector, "seen", f"{node}>{peer}/ch1", "count"),
            strict=True,
        )
        assert [slot for start, count in seen for slot in range(start, start + count)] == sent
        assert archive.head["peers"] == {peer: [reflector.head["session"]]}
        assert archive.lost() == []
        assert archive.damage == []
    checked = haready("verify", str(_only(tmp_path, "a")), str(_only(tmp_path, "b")))
    assert checked.returncode == 0
    assert checked.stdout.count(": whole;") == 2


@pytest.mark.slow
@pytest.mark.parametrize(("number", "net"), [(signal.SIGTERM, "80.2"), (signal.SIGINT, "80.3")])
def test_a_signal_ends_early_with_a_valid_archive(tmp_path, number, net):
    plan = loopback_plan(tmp_path, net)
    log = tmp_path / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--node", "a", "--out", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        _wait_for("the collector on b is not started there yet", log)
        process.send_signal(number)
        process.communicate(timeout=30)

    assert process.returncode == 6
    archive = open_archive(_only(tmp_path, "a"))
    assert archive.head["ended_because"] == f"stopped by {number.name}"
    assert haready("verify", str(archive.path)).returncode == 0
    assert not list(tmp_path.glob("*.part"))
    assert not list(tmp_path.glob("*.journal"))


def test_a_port_in_use_is_told_before_anything_starts(tmp_path):
    import socket

    plan = loopback_plan(tmp_path, "80.4")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.80.4.1", 8862))
        done = haready("collect", "--plan", str(plan), "--node", "a", "--out", str(tmp_path))
    _two_lines(done, 2, r"UDP port 8862 on 127.80.4.1 \(ch1\) is in use", "another collector")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.80.4.1", 8862))
        taken.listen()
        done = haready("collect", "--plan", str(plan), "--node", "a", "--out", str(tmp_path))
    _two_lines(done, 2, r"TCP port 8862 on 127.80.4.1 \(ch1\) is in use", "another collector")
    assert not list(tmp_path.glob("haready-*"))


def test_an_address_of_another_machine_is_told(tmp_path):
    plan = loopback_plan(tmp_path, "80.5")
    plan.write_text(plan.read_text().replace("127.80.5.1", "192.0.2.1"))
    done = haready("collect", "--plan", str(plan), "--node", "a", "--out", str(tmp_path))
    _two_lines(done, 2, "192.0.2.1 .*is not on this machine", "--node right")


def test_mistakes_of_the_operator_are_two_lines_and_exit_code_2(tmp_path):
    plan = loopback_plan(tmp_path, "80.6")
    _two_lines(haready("collect", "--plan", str(plan), "--node", "c"), 2, "no node 'c'", "nodes: a, b")
    _two_lines(
        haready("collect", "--plan", "nowhere.toml", "--node", "a"), 2, "nowhere.toml: No such file", "plan init"
    )
    _two_lines(
        haready("collect", "--plan", str(plan), "--node", "a", "--out", "nowhere/deep"), 2, "no folder nowhere", "--out"
    )
    _two_lines(haready("collect", "--plan", str(plan), "--node", "a", "--out", str(plan)), 2, "is no folder", "--out")
    _two_lines(
        haready("collect", "--plan", str(plan), "--node", "a", "--out", "/proc"),
        2,
        "cannot write to /proc: no file can be made",
        "--out",
    )
    (tmp_path / "plan.key").chmod(0o644)
    _two_lines(haready("collect", "--plan", str(plan), "--node", "a"), 2, "open to others", "chmod 600")
    _two_lines(haready("nonsense"), 2, "no command 'nonsense'", "plan")


def test_a_bad_plan_lists_every_mistake(tmp_path):
    plan = loopback_plan(tmp_path, "80.7")
    plan.write_text(plan.read_text().replace("format = 1", "format = 9").replace('kind = "sync"', 'kind = "tube"'))
    done = haready("plan", "check", str(plan))
    assert done.returncode == 2
    assert [line.split(": ")[2] for line in done.stderr.splitlines()[:-1]] == ["network.ch1.kind", "format"][::-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "net", "reason", "remedy"),
    [
        ("key", "80.8", "its key differs", "copy plan.key from one node to all"),
        ("plan", "80.9", "the plans differ", "copy the plan from one node to all"),
    ],
)
def test_nodes_with_another_key_or_plan_never_probe_and_say_what_to_do(tmp_path, change, net, reason, remedy):
    plan_a = loopback_plan(tmp_path / "a", net)
    plan_b = loopback_plan(tmp_path / "b", net)
    if change == "key":
        (tmp_path / "b" / "plan.key").write_text("x" * 64)
    else:
        plan_b.write_text(plan_b.read_text() + "[target]\nfalse_failovers_per_year = 5\n")
    running = [start_collect(plan_a, "a", plan_a.parent, "5s"), start_collect(plan_b, "b", plan_b.parent, "5s")]
    told = [process.communicate(timeout=60) for process in running]

    assert [process.returncode for process in running] == [7, 7]
    for (out, shown), node, peer in zip(told, "ab", "ba", strict=True):
        assert f"ERROR: {peer} runs, but its {change} is not ours; nothing is measured with it\n" in shown
        assert shown.count(f"ERROR: {peer} runs") == 1, "it was told again within a minute"
        assert f"WARNING: {node}>{peer}/ch1 was never measured" in shown
        error, hint = shown.splitlines()[-2:]
        assert error.startswith(f"error: no path of {node} was measured (")
        assert hint.startswith(f"hint: {remedy}")
        path = _only(tmp_path / node, node)
        assert out.splitlines()[0] == str(path), "the archive is there all the same"
        assert haready("verify", str(path)).returncode == 0
    archive = open_archive(_only(tmp_path / "a", "a"))
    assert _column(archive, "sent", "a>b/ch1", "slot") == []
    outcome = next(one for one in archive.head["outcomes"] if one["probe"] == "path a>b/ch1")
    assert {interval["state"] for interval in outcome["intervals"]} == {"skipped"}
    assert any(reason in interval["reason"] for interval in outcome["intervals"])
    assert archive.head["peers"] == {}


@pytest.mark.slow
def test_a_peer_that_starts_again_is_met_again(tmp_path):
    plan = loopback_plan(tmp_path, "80.10")
    (tmp_path / "first").mkdir()
    staying = start_collect(plan, "a", tmp_path, "14s")
    leaving = start_collect(plan, "b", tmp_path / "first", "60s")
    deadline = time.monotonic() + 20
    while not list((tmp_path / "first").glob("*.part")) or time.monotonic() < deadline - 17:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    leaving.kill()  # without a goodbye
    leaving.communicate()
    returning = start_collect(plan, "b", tmp_path, "6s")
    for process in (staying, returning):
        process.communicate(timeout=60)

    archive = open_archive(_only(tmp_path, "a"))
    again = open_archive(_only(tmp_path, "b"))
    sessions = archive.head["peers"]["b"]
    assert len(sessions) == 2
    assert sessions[1] == again.head["session"]
    seen = _column(again, "seen", "a>b/ch1", "count")
    assert sum(seen) >= 5
    assert _column(again, "reply", "b>a/ch1", "slot")


_DRIVER = """
import os, random, re, resource, sys, time
from pathlib import Path
from collector.contract import Batch, Kind, Metric, Probe, Table
from collector.errors import OperatorError, Unavailable
from collector.machine import PsutilHost, SystemClock
from collector.plan import load, load_key
from collector import supervisor as supervisor_module
from collector.supervisor import Job, Supervisor

def table(name):
    return Table(name, metrics=(Metric("n", "1", Kind.COUNTER),))

def steady(env):
    n = 0
    while True:
        n += 1
        yield Batch("steady", (), env.clock.monotonic_ns(), (n,))
        yield None

def hanging(env):
    yield Batch("hanging", (), env.clock.monotonic_ns(), (1,))
    yield None
    time.sleep(3600)
    yield None

def greedy(env):
    yield Batch("greedy", (), env.clock.monotonic_ns(), (1,))
    yield None
    re.match(r"(a+)+$", "a" * 40 + "b")  # keeps the interpreter's lock for ever
    yield None

def absent(env):
    raise Unavailable("not on this machine")
    yield None

def broken(env):
    raise ValueError("a bug")
    yield None

def flooding(env):
    numbers = random.Random(1)
    while True:
        for _ in range(100):
            yield Batch("flooding", (), env.clock.monotonic_ns(), (numbers.getrandbits(62),))
        yield None

def suicidal(env):
    os._exit(3)
    yield None

BODIES = {body.__name__: body for body in (steady, hanging, greedy, absent, broken, flooding, suicidal)}
supervisor_module.RESTARTS = 3
if os.environ.get("FILE_SIZE"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(os.environ["FILE_SIZE"]),) * 2)
path, node, out, seconds, names = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]
plan = load(path)
# Death and delay are told apart by the deadline: the one that dies gets one that no busy machine reaches.
probes = [
    Probe(name, (table(name),), BODIES[name], period_s=0.2, deadline_s=15.0 if name == "suicidal" else 1.0)
    for name in names
]
job = Job(plan, node, load_key(path, plan), out, seconds, "0", "test")
supervisor = Supervisor(job, SystemClock(), PsutilHost(), lambda text: print(text, file=sys.stderr, flush=True), probes)
try:
    supervisor.run(lambda status: None)
except OperatorError as error:
    print(f"error: {error}\\nhint: {error.hint}", file=sys.stderr)
    sys.exit(error.code)
"""


def _drive(
    plan: Path, node: str, seconds: float, *probes: str, log: Path | None = None, file_size: str = ""
) -> subprocess.Popen[str]:
    """Start a collector with probes made for the test."""
    command = [sys.executable, "-c", _DRIVER, str(plan), node, str(plan.parent), str(seconds), *probes]
    env = os.environ | {"FILE_SIZE": file_size}
    return subprocess.Popen(command, stderr=log.open("w") if log else subprocess.DEVNULL, env=env)  # type: ignore[return-value]


@pytest.mark.slow
def test_a_closed_terminal_does_not_end_a_run(tmp_path):
    plan = loopback_plan(tmp_path, "80.19")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--node", "a", "--duration", "5s"]
    process = subprocess.Popen([*command, "--out", str(tmp_path)], stdout=theirs, stderr=theirs)
    os.close(theirs)
    assert b"paths up" in os.read(ours, 4096)
    os.close(ours)  # from now on every write to the terminal fails
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 7, "nobody else was there"
    assert haready("verify", str(_only(tmp_path, "a"))).returncode == 0


@pytest.mark.slow
def test_a_process_that_keeps_dying_is_given_up_and_says_so(tmp_path):
    plan = loopback_plan(tmp_path, "80.20")
    assert _drive(plan, "a", 20, "suicidal").wait(60) == 0

    archive = open_archive(_only(tmp_path, "a"))
    outcome = next(one for one in archive.head["outcomes"] if one["probe"] == "suicidal")
    assert outcome["intervals"][-1]["state"] == "error"
    assert "died 4 times" in outcome["intervals"][-1]["reason"]
    assert len(archive.head["restarts"]) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("culprit", "net"), [("hanging", "80.11"), ("greedy", "80.12")])
def test_a_probe_that_hangs_is_left_out_and_the_others_go_on(tmp_path, culprit, net):
    plan = loopback_plan(tmp_path, net)
    assert _drive(plan, "a", 8, "steady", culprit).wait(60) == 0

    archive = open_archive(_only(tmp_path, "a"))
    outcomes = {one["probe"]: one for one in archive.head["outcomes"]}
    assert outcomes[culprit]["intervals"][-1]["state"] == "timeout"
    assert "no answer within 1 s" in outcomes[culprit]["intervals"][-1]["reason"]
    assert outcomes["steady"]["intervals"][-1]["state"] == "ok"
    times = _column(archive, "steady", "", "t_us") or [
        value
        for segment in archive.segments()
        for block in segment.blocks
        if block.table == "steady"
        for value in block.column("t_us")
        if value is not None
    ]
    assert max(times) > 7_000_000, "the healthy probe stopped"
    assert [restart["process"] for restart in archive.head["restarts"]] == ["host"]
    assert outcomes["steady"]["ticks"] == len(times), "ticks before the restart are not counted"


@pytest.mark.slow
def test_absent_and_broken_are_different_outcomes(tmp_path):
    plan = loopback_plan(tmp_path, "80.13")
    assert _drive(plan, "a", 4, "absent", "broken", "steady").wait(60) == 0

    outcomes = {one["probe"]: one for one in open_archive(_only(tmp_path, "a")).head["outcomes"]}
    assert [(i["state"], i["reason"]) for i in outcomes["absent"]["intervals"]] == [("skipped", "not on this machine")]
    assert outcomes["broken"]["intervals"][-1]["state"] == "error"
    assert "left out after 5 failures" in outcomes["broken"]["intervals"][-1]["reason"]
    assert outcomes["broken"]["traceback"].count("Traceback") == 1
    assert outcomes["steady"]["intervals"][-1]["state"] == "ok"


@pytest.mark.slow
def test_a_wire_process_that_dies_is_started_again_and_its_slots_go_on(tmp_path):
    plan = loopback_plan(tmp_path, "80.14")
    log = tmp_path / "log"
    dying = _drive(plan, "a", 12, "steady", log=log)
    other = start_collect(plan, "b", tmp_path, "14s")
    _wait_for("the collector on b answers", log)
    time.sleep(1.0)  # some slots before the kill
    os.kill(children_of(dying.pid)[0], signal.SIGKILL)
    assert dying.wait(60) == 0
    other.communicate(timeout=60)

    archive = open_archive(_only(tmp_path, "a"))
    assert [restart["process"] for restart in archive.head["restarts"]] == ["wire"]
    slots = _column(archive, "sent", "a>b/ch1", "slot")
    assert slots == sorted(set(slots)), "slot numbers repeat or run back"
    times = _column(archive, "sent", "a>b/ch1", "t_us")
    at = archive.head["restarts"][0]["t_us"]
    assert any(t > at + 1_000_000 for t in times), "nothing was sent after the restart"
    answered = set(_column(archive, "reply", "a>b/ch1", "slot"))
    flags = _column(archive, "sent", "a>b/ch1", "flag")
    late = [slot for slot, t, flag in zip(slots, times, flags, strict=True) if t > at + 1_000_000 and flag == 0]
    assert late
    assert set(late) <= answered, "the new process is not answered"


@pytest.mark.slow
def test_a_full_disk_stops_in_two_lines_and_leaves_what_was_written(tmp_path):
    plan = loopback_plan(tmp_path, "80.15")
    log = tmp_path / "log"
    process = _drive(plan, "a", 60, "flooding", log=log, file_size="60000")
    assert process.wait(30) == 6

    error, hint = log.read_text().splitlines()[-2:]
    assert re.match(r"error: the archive cannot be written: File too large; stopped after \d+ s", error)
    assert "--resume" in hint
    named = hint.rpartition("is readable: haready verify ")[2]
    checked = haready("verify", named)
    assert checked.returncode == 5
    assert "NOT whole; " in checked.stdout
    assert int(re.search(r"(\d+) rows", checked.stdout)[1]) > 0
    archive = open_archive(Path(named))
    values = [v for s in archive.segments() for b in s.blocks if b.table == "flooding" for v in b.column("n")]
    assert len(values) > 0


def test_the_status_line_on_a_terminal_tells_what_an_installer_wants_to_know(tmp_path):
    plan = loopback_plan(tmp_path, "80.16")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "haready",
            "collect",
            "--plan",
            str(plan),
            "--node",
            "a",
            "--duration",
            "3s",
            "--out",
            str(tmp_path),
        ],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=os.environ | {"COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    assert process.wait(30) == 7, "nobody else was there"
    text = shown.decode()
    assert re.search(r"\ra  left 00:00:0\d  paths up 0/1  lost -  slowest now -  archive \d+(\.\d)? k?B", text)
    assert re.search(r"\r +\r\d\d:\d\d:\d\d  stopping: planned end\r\n", text), "the line is not taken away at the end"


@pytest.mark.slow
def test_inspect_and_export_show_what_was_collected(tmp_path):
    plan = loopback_plan(tmp_path, "80.17")
    running = [start_collect(plan, node, tmp_path, "5s") for node in "ab"]
    for process in running:
        process.communicate(timeout=60)
    path = _only(tmp_path, "a")

    shown = haready("inspect", str(path))
    assert shown.returncode == 0
    assert "node       a of cluster test (demonstration data)" in shown.stdout
    assert re.search(r"met +b \(session [0-9a-f]{8}\)", shown.stdout)
    told = json.loads(haready("inspect", "--json", str(path)).stdout)
    assert told["facts"]["inventory"]["cpus"] == os.cpu_count()
    probes = {table["name"]: table.get("probe") for table in open_archive(path).head["tables"]}
    assert (probes["cpu"], probes["load"], probes["sent"]) == ("cpu", "cpu", None)
    assert read(path).probes["load"] == "cpu"

    done = haready("export", str(path), "--csv", str(tmp_path / "csv"))
    assert done.returncode == 0
    tables = {Path(line).stem for line in done.stdout.splitlines()}
    assert tables >= {"sent", "reply", "seen", "cpu", "memory", "nic", "ticker"}
    lines = (tmp_path / "csv" / "sent.csv").read_text().splitlines()
    assert lines[0] == "path,t_us,slot,late_us,tx_us,flag"
    assert len(lines) - 1 == told["rows"]["sent"]["a>b/ch1"]


@pytest.mark.slow
def test_a_stopped_collector_skips_its_slots_and_notes_the_stall(tmp_path):
    plan = loopback_plan(tmp_path, "80.18")
    log = tmp_path / "log"
    stopped = _drive(plan, "a", 9, "steady", log=log)
    other = start_collect(plan, "b", tmp_path, "11s")
    _wait_for("the collector on b answers", log)
    time.sleep(1.0)
    wire = children_of(stopped.pid)[0]
    os.kill(wire, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(wire, signal.SIGCONT)
    assert stopped.wait(60) == 0
    other.communicate(timeout=60)

    archive = open_archive(_only(tmp_path, "a"))
    flags = _column(archive, "sent", "a>b/ch1", "flag")
    assert 5 <= flags.count(SKIPPED) <= 8, "1.5 s are seven slots of 0.2 s"
    lengths = _column(archive, "stall", "default", "length_us")
    delays = _column(archive, "stall", "default", "run_delay_us")
    longest = max(range(len(lengths)), key=lengths.__getitem__)
    assert 1_400_000 <= lengths[longest] <= 1_700_000
    assert delays[longest] < 300_000, "a process that was stopped did not wait for a CPU"
    times = _column(archive, "sent", "a>b/ch1", "t_us")
    late = _column(archive, "sent", "a>b/ch1", "late_us")
    really = sorted(due + by for due, by, flag in zip(times, late, flags, strict=True) if flag == 0)
    gaps = sorted(after - before for before, after in itertools.pairwise(really))
    assert gaps[1] > 100_000, "slots were sent in a burst; one late slot close to its successor is the schedule"


_CAPPED = "bandwidth = true\n[bandwidth]\ncap_bps = 50000000\n"


def _rows(archive: Archive, table: str) -> list[dict[str, int | None]]:
    return [
        dict(zip(block.columns, row, strict=True))
        for segment in archive.segments()
        for block in segment.blocks
        if block.table == table
        for row in zip(*(block.column(name) for name in block.columns), strict=True)
    ]


def _outcome(archive: Archive, name: str) -> list[tuple[str, str]]:
    (found,) = [one["intervals"] for one in archive.head["outcomes"] if one["probe"] == name]
    return [(interval["state"], interval["reason"]) for interval in found]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed")
def test_bandwidth_is_tested_both_ways_in_turn_within_its_cap_while_probes_go_on(tmp_path):
    plan = loopback_plan(tmp_path, "80.21", extra=_CAPPED)
    running = [start_collect(plan, node, tmp_path, "22s") for node in "ab"]
    printed = [process.communicate(timeout=60)[1] for process in running]

    assert [process.returncode for process in running] == [0, 0]
    spans = []
    for node, peer, text in zip("ab", "ba", printed, strict=True):
        path = f"{node}>{peer}/ch1"
        archive = open_archive(_only(tmp_path, node))
        (row,) = _rows(archive, "bandwidth")
        assert row["limit_bps"] == 50_000_000
        assert 25e6 < 8e6 * row["received_B"] / row["receiver_us"] < 50.5e6
        assert len(_column(archive, "window", path, "received_B")) >= 19
        assert _outcome(archive, f"bandwidth {path}") == [("ok", "")]
        assert re.search(rf"bandwidth {path}: a test of 2 s begins\n.*bandwidth {path}: \d+\.\d Mbit/s", text)
        (served,) = _rows(open_archive(_only(tmp_path, peer)), "served")
        spans.append((archive.head["t0_ns"] // 1000 + row["t_us"], row["loaded_us"], served["loaded_us"]))
        due = _column(archive, "sent", path, "t_us")
        replied = set(_column(archive, "reply", path, "slot"))
        slots = _column(archive, "sent", path, "slot")
        beside = [slot for slot, t in zip(slots, due, strict=True) if 0 <= t - row["t_us"] <= row["loaded_us"]]
        assert len(beside) >= 8
        assert set(beside) <= replied
        # Each node was the source once and the target once; both times it probed its own way of the path fast, and no longer.
        tests = [(one["t_us"], one["loaded_us"]) for one in (row, *_rows(archive, "served"))]
        fast = _column(archive, "burst", path, "t_us")
        for begin, length in tests:
            assert sum(begin <= t < begin + length for t in fast) >= 0.9 * length / 40_000, "a slot is due every 40 ms"
        assert all(any(begin - 2e6 <= t < begin + length + 2e6 for begin, length in tests) for t in fast)
        assert set(_column(archive, "burst_reply", path, "slot")) <= set(_column(archive, "burst", path, "slot"))
        assert len(_column(archive, "burst_reply", path, "slot")) > 0.5 * len(fast)
        assert archive.head["facts"]["bandwidth"]["iperf3"].startswith("iperf 3")
    (one, length, _), (other, _, _) = sorted(spans)
    assert one + length <= other, "the tests overlapped"


@pytest.mark.slow
def test_without_iperf3_everything_else_goes_on_and_says_what_is_missing(tmp_path):
    plan = loopback_plan(tmp_path, "80.22", extra=_CAPPED)
    bare = tmp_path / "bin"
    bare.mkdir()
    env = os.environ | {"PATH": str(bare)}
    command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--node", "a", "--duration", "18s"]
    without = subprocess.Popen([*command, "--out", str(tmp_path)], stderr=subprocess.PIPE, text=True, env=env)
    other = start_collect(plan, "b", tmp_path, "18s")
    told = without.communicate(timeout=60)[1]
    other.communicate(timeout=60)

    assert (without.returncode, other.returncode) == (0, 0)
    assert told.count("iperf3 is not installed: no bandwidth tests from or to this node") == 1
    archive = open_archive(_only(tmp_path, "a"))
    assert _outcome(archive, "bandwidth a>b/ch1") == [("skipped", "iperf3 is not installed")]
    # The first call may come before the other node listens, and the other may end first.
    assert ("ok", "") in _outcome(archive, "path a>b/ch1")
    assert len(_column(archive, "reply", "a>b/ch1", "slot")) > 50
    assert _outcome(open_archive(_only(tmp_path, "b")), "bandwidth b>a/ch1")[0][0] == "skipped"
    if shutil.which("iperf3"):
        assert "a: iperf3 is not installed" in _outcome(open_archive(_only(tmp_path, "b")), "bandwidth b>a/ch1")[0][1]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed")
@pytest.mark.parametrize(("number", "net"), [(signal.SIGTERM, "80.23"), (signal.SIGKILL, "80.24")])
def test_a_collector_that_ends_during_a_test_leaves_no_iperf3_behind(tmp_path, number, net):
    plan = loopback_plan(tmp_path, net, extra=_CAPPED + "seconds = 20\n")
    log = tmp_path / "log"
    command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--duration", "60s", "--out"]
    with log.open("w") as stderr:
        first = subprocess.Popen([*command, str(tmp_path), "--node", "a"], stderr=stderr)
    second = start_collect(plan, "b", tmp_path, "60s")
    try:
        _wait_for("a test of 20 s begins", log, 40.0)
        time.sleep(1.0)  # some load before the end
        programs = [pid for child in children_of(first.pid) for pid in children_of(child)]
        assert len(programs) == 1
        first.send_signal(number)
        first.wait(30)
        deadline = time.monotonic() + 5.0
        while any(alive(pid) for pid in programs):
            assert time.monotonic() < deadline, "iperf3 was left behind"
            time.sleep(0.05)
    finally:
        second.kill()
        second.communicate()
        first.kill()
    if number is signal.SIGTERM:
        archive = open_archive(_only(tmp_path, "a"))
        (row,) = _rows(archive, "bandwidth")
        assert row["received_B"] is None
        assert row["loaded_us"] >= 500_000, "the path was loaded all the same"


@pytest.mark.slow
def test_an_echo_process_that_dies_and_a_peer_that_is_started_again_are_no_fault_of_the_network(tmp_path):
    stack = '[[stack]]\nname = "genesys-addp"\nnetworks = ["ch1"]\n'
    plan = loopback_plan(tmp_path, "80.60", extra=stack)
    (tmp_path / "first").mkdir()
    log = tmp_path / "log"
    staying = _drive(plan, "a", 20, "steady", log=log)
    first = start_collect(plan, "b", tmp_path / "first", "60s")
    _wait_for("the collector on b answers", log)
    time.sleep(2.5)  # some messages before the kill
    os.kill(children_of(first.pid)[-1], signal.SIGKILL)
    _wait_for("echo a>b/ch1: connection lost", log)
    time.sleep(3.0)  # and on the next connection
    first.kill()  # without a goodbye
    first.communicate()
    again = start_collect(plan, "b", tmp_path, "10s")
    assert staying.wait(60) == 0
    again.communicate(timeout=60)

    archive = open_archive(_only(tmp_path, "a"))
    rows = _rows(archive, "echo")
    answered = [row["t_us"] for row in rows if row["rtt_us"] is not None]
    assert len(answered) >= 5
    ends = _rows(archive, "echo_end")
    assert [end["same"] for end in ends] == [0, 0, None]
    assert ends[-1]["flag"] == 0, "b said goodbye, or a ended in order"
    assert len(_rows(archive, "echo_tcp")) >= len(answered)
    assert [restart["process"] for restart in archive.head["restarts"]] == []
    states = [state for state, _ in _outcome(archive, "echo a>b/ch1")]
    assert states.count("ok") >= 3
