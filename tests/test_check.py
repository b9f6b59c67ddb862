"""`haready check`: what would spoil a long run is told before it, with what to do, and nothing is measured."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from fakes import FakeClock, FakeHost, addresses, free_port, machine, make_plan
from nodes import haready, loopback_plan, start_collect

from collector.archive.reader import open_archive
from collector.contract import Env, Run
from collector.errors import OperatorError
from collector.external import Finished
from collector.live import ask, hear
from collector.machine import SystemClock
from collector.peers.checking import Answer, Doing, read
from collector.preflight import before, means, place, room
from collector.preflight.meeting import Meeting
from collector.preflight.result import Check, Level, Site, worst

KEY = b"k" * 64
TWO = {"ch1": {"kind": "channel"}, "pub": {"kind": "public"}}
NODES = [
    {"name": "a", "addr": {"ch1": {"ip": "10.9.0.1/24", "nic": "eth1"}, "pub": "10.8.0.1/24"}},
    {"name": "b", "addr": {"ch1": "10.9.0.2/24", "pub": "10.8.0.2/24"}},
]


def nic(*ips: str, up: bool = True) -> dict:
    return {"up": up, "addresses": [{"address": ip} for ip in ips]}


GOOD_NICS = {"eth0": nic("10.8.0.1"), "eth1": nic("10.9.0.1")}
GOOD_WAYS = {
    "ip -json route get 10.9.0.2 from 10.9.0.1": '[{"dev":"eth1"}]',
    "ip -json route get 10.8.0.2 from 10.8.0.1": '[{"dev":"eth0"}]',
}
GOOD_SOURCES = {"10.9.0.2": "10.9.0.1", "10.8.0.2": "10.8.0.1"}


def a_site(folder: Path = Path("/nowhere"), nics=None, plan=None, root: Path = Path("/nowhere"), **told) -> Site:
    plan = plan or make_plan(network=TWO, node=NODES)
    clock = FakeClock()
    env = Env(clock, FakeHost(**told), Run("", 0, folder), plan, plan.node("a"), root)
    return Site(env, 86_400.0, GOOD_NICS if nics is None else nics)


def one(checks) -> Check:
    (found,) = checks
    return found


# --- where the machine stands --------------------------------------------------------------------------------------------


def test_planned_addresses_on_planned_interfaces_are_well():
    assert one(place.addresses(a_site())).level is Level.OK


@pytest.mark.parametrize(
    ("nics", "level", "found"),
    [
        ({"eth0": nic("10.8.0.1")}, Level.FAIL, "address 10.9.0.1 (ch1) is not on this machine"),
        ({"eth0": nic("10.8.0.1", "10.9.0.1"), "eth1": nic()}, Level.WARN, "is on eth0, the plan says eth1"),
        ({"eth0": nic("10.8.0.1", "10.9.0.1")}, Level.WARN, "and there is no eth1 here"),
        ({"eth0": nic("10.8.0.1"), "eth1": nic("10.9.0.1", up=False)}, Level.WARN, "eth1 with 10.9.0.1 (ch1) is down"),
        ({"eth0": nic("10.8.0.1"), "eth1": 5}, Level.FAIL, "not on this machine"),
    ],
)
def test_an_address_that_is_not_where_the_plan_has_it_is_told_with_the_next_step(nics, level, found):
    check = one(place.addresses(a_site(nics=nics)))
    assert (check.level, found in check.found) == (level, True), check
    assert check.next_step


def test_an_address_of_a_network_that_is_not_probed_is_only_a_warning():
    networks = {**TWO, "pub": {"kind": "public", "probe": False}}
    plan = make_plan(network=networks, node=NODES)
    check = one(place.addresses(a_site(plan=plan, nics={"eth1": nic("10.9.0.1")})))
    assert (check.level, "10.8.0.1 (pub)" in check.found) == (Level.WARN, True)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_that_is_taken_fails_and_names_itself(kind):
    a, b = addresses(2)
    port = free_port(a)
    plan = make_plan(a, b, port=port, bandwidth={"budget_B": 0})
    assert one(place.ports(a_site(plan=plan, nics={}))).level is Level.OK
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((a, port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        check = one(place.ports(a_site(plan=plan, nics={})))
    assert check.level is Level.FAIL
    assert f"port {port} on {a} (ch1) is in use" in check.found
    assert "another collector" in check.next_step


def test_a_taken_port_of_the_bandwidth_tests_is_a_warning_because_the_rest_runs():
    a, b = addresses(2)
    port = free_port(a)
    plan = make_plan(a, b, port=free_port(b), bandwidth={"port": port})
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind((a, port))
        taken.listen()
        check = one(place.ports(a_site(plan=plan, nics={})))
    assert (check.level, f"TCP port {port}" in check.found) == (Level.WARN, True)


@pytest.mark.parametrize(
    ("sources", "programs", "level", "found"),
    [
        (GOOD_SOURCES, GOOD_WAYS, Level.OK, "2 paths"),
        ({"10.8.0.2": "10.8.0.1"}, GOOD_WAYS, Level.FAIL, "there is no way to b on ch1 (10.9.0.2)"),
        (GOOD_SOURCES | {"10.9.0.2": "10.8.0.1"}, GOOD_WAYS, Level.WARN, "would send from 10.8.0.1, not from 10.9.0.1"),
        (
            GOOD_SOURCES,
            GOOD_WAYS | {"ip -json route get 10.9.0.2 from 10.9.0.1": '[{"dev":"eth0"}]'},
            Level.WARN,
            "leave by eth0; the address is on eth1",
        ),
    ],
)
def test_a_way_out_that_is_not_as_planned_is_told(sources, programs, level, found):
    check = one(place.egress(a_site(sources=sources, programs=programs)))
    assert (check.level, found in check.found) == (level, True), check
    assert bool(check.next_step) == (level is not Level.OK)


@pytest.mark.parametrize("said", [None, "", "5", "[5]", "[]", '[{"dev":5}]', "[" * 5000])
def test_a_way_out_that_cannot_be_asked_is_unknown_and_no_pass(said):
    programs = {} if said is None else dict.fromkeys(GOOD_WAYS, said)
    checks = list(place.egress(a_site(sources=GOOD_SOURCES, programs=programs)))
    assert [check.level for check in checks] == [Level.WARN, Level.WARN]
    assert "cannot be told" in checks[0].found


def test_which_of_two_planned_addresses_of_one_subnet_is_the_source_does_not_matter():
    networks = {"ch1": {"kind": "channel"}, "mgmt": {"kind": "management", "probe": False}}
    nodes = [
        {"name": "a", "addr": {"ch1": "10.9.0.1/24", "mgmt": "10.9.0.11/24"}},
        {"name": "b", "addr": {"ch1": "10.9.0.2/24", "mgmt": "10.9.0.12/24"}},
    ]
    nics = {"eth1": nic("10.9.0.1", "10.9.0.11")}
    site = a_site(
        plan=make_plan(network=networks, node=nodes),
        nics=nics,
        sources={"10.9.0.2": "10.9.0.11"},
        programs={"ip -json route get 10.9.0.2 from 10.9.0.1": '[{"dev":"eth1"}]'},
    )
    assert one(place.egress(site)).level is Level.OK


# --- what it has ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "level", "found"),
    [
        ("iperf 3.12 (cJSON 1.7.15)\nLinux ...", Level.OK, "iperf 3.12"),
        (None, Level.WARN, "iperf3: not installed"),
        ("iperf 2.1.8", Level.WARN, "does not speak"),
        ("\x1b[2Jnonsense", Level.WARN, "does not tell its version"),
        (Finished(1, "iperf 3.12", ""), Level.WARN, "does not tell"),
        (OperatorError("'iperf3 --version' did not end within 10 s"), Level.WARN, "did not end"),
    ],
)
def test_iperf3_is_looked_for_and_its_version_read(said, level, found):
    programs = {} if said is None else {"iperf3 --version": said}
    check = one(means.bandwidth(a_site(programs=programs)))
    assert (check.level, found in check.found) == (level, True), check


def test_without_bandwidth_tests_iperf3_is_not_needed():
    site = a_site(plan=make_plan(bandwidth={"budget_B": 0}))
    assert one(means.bandwidth(site)).level is Level.OK
    assert site.env.host.ran == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kept", "level", "found"),
    [
        (True, Level.OK, "synchronised (chronyd)"),
        (False, Level.WARN, "not synchronised"),
        (None, Level.WARN, "cannot be told"),
    ],
)
def test_a_clock_that_is_not_kept_or_not_known_to_be_is_a_warning(tmp_path, kept, level, found):
    root = machine(tmp_path, {"proc/1/comm": "init", "proc/7/comm": "chronyd"})
    check = one(means.clock(a_site(root=root, synchronised=kept)))
    assert (check.level, found in check.found) == (level, True), check


def test_a_data_folder_that_cannot_be_written_is_told(tmp_path):
    nodes = [NODES[0] | {"data": [str(tmp_path), "/proc/nowhere"]}, NODES[1]]
    check = one(means.data(a_site(plan=make_plan(network=TWO, node=nodes))))
    assert (check.level, "/proc/nowhere" in check.found) == (Level.WARN, True)


def test_asking_for_the_realtime_class_leaves_the_process_as_it_was():
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    check = one(means.realtime(a_site()))
    assert (os.sched_getscheduler(0), os.sched_getparam(0)) == before
    assert check.level in (Level.OK, Level.WARN)


def test_a_realtime_class_that_is_refused_is_a_warning(monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    check = one(means.realtime(a_site()))
    assert (check.level, "Operation not permitted" in check.found) == (Level.WARN, True)


def test_the_kernel_s_stamps_are_tried_on_a_planned_address_and_their_absence_is_told(monkeypatch):
    plan = make_plan(*addresses(2))
    assert one(means.timestamps(a_site(plan=plan))).level is Level.OK
    monkeypatch.setattr(means, "LINUX", False)
    assert one(means.timestamps(a_site(plan=plan))).level is Level.WARN
    monkeypatch.setattr(means, "LINUX", True)
    check = one(means.timestamps(a_site(plan=make_plan("192.0.2.1", "192.0.2.2"))))
    assert (check.level, "not tried" in check.found) == (Level.WARN, True)


def test_a_kernel_that_begins_to_stamp_late_stamps(monkeypatch):
    unstamped = iter(range(3))

    def late(sock):
        found = means_receive(sock)
        return found and (found._replace(stamp_ns=None) if next(unstamped, None) is not None else found)

    means_receive = means.receive
    monkeypatch.setattr(means, "receive", late)
    assert one(means.timestamps(a_site(plan=make_plan(*addresses(2))))).level is Level.OK
    monkeypatch.setattr(means, "receive", lambda sock: (found := means_receive(sock)) and found._replace(stamp_ns=None))
    assert one(means.timestamps(a_site(plan=make_plan(*addresses(2))))).level is Level.WARN


# --- room on the disk ----------------------------------------------------------------------------------------------------


class Usage(NamedTuple):
    """As `shutil.disk_usage` tells it."""

    total: int
    used: int
    free: int


@pytest.mark.parametrize(("share", "level"), [(0.5, Level.FAIL), (1.5, Level.WARN), (3.0, Level.OK)])
def test_room_is_compared_with_what_the_run_will_write(tmp_path, monkeypatch, share, level):
    site = a_site(tmp_path, cores=[{}, {}])
    need = room.forecast_B(site) + room.RESERVE_B
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(0, 0, round(need * share)))
    check = one(room.room(site))
    assert check.level is level
    assert bool(check.next_step) == (level is not Level.OK)


def test_a_folder_that_takes_no_file_fails():
    check = one(room.room(a_site(Path("/proc"))))
    assert (check.level, check.found) == (Level.FAIL, "cannot write to /proc: no file can be made there")


def test_the_forecast_is_above_what_real_runs_wrote_and_not_absurdly():
    folder = Path(__file__).parent.parent / "samples" / "demonstration"
    for path in sorted(folder.glob("*.zip")):
        from collector.plan import parse

        head = open_archive(path).head
        plan = parse(head["plan"], "plan")
        facts = head["facts"]["inventory"]
        nics = facts["nics"]
        host = FakeHost(cores=[{}] * facts["cpus"], nics=nics, disks={"vda": {}}, filesystems={"/": {}})
        env = Env(FakeClock(), host, Run("", 0, folder), plan, plan.node(head["node"]), Path("/nowhere"))
        forecast = room.forecast_B(Site(env, head["duration_s"], nics))
        assert path.stat().st_size < forecast < 6 * path.stat().st_size, path.name


# --- the peers -----------------------------------------------------------------------------------------------------------


class Peers:
    """Nodes that check each other at the same time, each in a thread of its own."""

    def __init__(self, *ips: str, **more) -> None:
        self.port = free_port(ips[0])
        tests = free_port(ips[0])
        self.ips = ips
        self.plan = make_plan(*ips, port=self.port, bandwidth={"port": tests}, **more)
        self.found: dict[str, list[Check]] = {}

    def check(self, *nodes: str, patience_s: float = 20.0, keys: dict[str, bytes] | None = None, iperf3=None) -> None:
        def run(node: str) -> None:
            key, version = (keys or {}).get(node, KEY), (iperf3 or {}).get(node, "iperf 3.12")
            self.found[node] = Meeting(self.plan, node, key, SystemClock(), version).run(patience_s, lambda _left: None)

        threads = [threading.Thread(target=run, args=(node,)) for node in nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_two_nodes_that_check_at_once_reach_each_other_both_ways_on_every_port():
    peers = Peers(*addresses(2))
    peers.check("a", "b")
    for node, peer in ("ab", "ba"):
        check = one(peers.found[node])
        assert check.level is Level.OK, check
        ports = f"udp/{peers.port}, tcp/{peers.plan.bandwidth.port}"
        assert check.found == f"{peer} answers and calls on ch1, also {ports}"


def test_where_udp_tests_are_planned_their_port_is_tried_too():
    peers = Peers(*addresses(2), network={"ch1": {"kind": "channel", "rate_bps": 1_000_000_000, "load_bps": 1_000_000}})
    peers.check("a", "b")
    assert f"udp/{peers.plan.bandwidth.port}" in one(peers.found["a"]).found


def test_three_nodes_on_one_network_let_each_other_in_one_after_the_other():
    peers = Peers(*addresses(3))
    peers.check("a", "b", "c", patience_s=40.0)
    assert {node: [check.level for check in checks] for node, checks in peers.found.items()} == {
        node: [Level.OK, Level.OK] for node in "abc"
    }, peers.found


def test_a_peer_on_which_nothing_runs_is_a_warning_with_the_next_step():
    peers = Peers(*addresses(2))
    peers.check("a", patience_s=1.0)
    check = one(peers.found["a"])
    assert (check.level, check.found) == (Level.WARN, "b is there, and no haready runs on it")
    assert "run `haready check` or `haready collect` on b" in check.next_step


def test_a_peer_with_another_key_fails_because_waiting_does_not_mend_it():
    peers = Peers(*addresses(2))
    peers.check("a", "b", patience_s=6.0, keys={"b": b"x" * 64})
    for node in "ab":
        check = one(peers.found[node])
        assert check.level is Level.FAIL, check
        assert "its key is not ours" in check.found
        assert "copy plan.key" in check.next_step


def test_a_port_that_does_not_let_the_probes_through_fails_though_hello_passes():
    peers = Peers(*addresses(2))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as swallows:
        swallows.bind((peers.ips[1], peers.port))
        peers.check("a", "b")
    check = one(peers.found["a"])
    assert check.level is Level.FAIL
    assert f"udp/{peers.port} does not get through to b on ch1" in check.found
    assert f"let udp/{peers.port} pass from {peers.ips[0]} to {peers.ips[1]}" in check.next_step
    assert one(peers.found["b"]).level is Level.OK, "the other direction is open"


def test_versions_of_iperf3_that_do_not_understand_each_other_are_told():
    peers = Peers(*addresses(2))
    peers.check("a", "b", iperf3={"b": "iperf 4.0"})
    check = one(peers.found["a"])
    assert (check.level, "b has iperf 4.0, this node iperf 3.12" in check.found) == (Level.WARN, True)


@pytest.mark.parametrize("text", ["", "check", "check 12", "dance " + "a" * 32, "check " + "a" * 31 + "\x1b iperf"])
def test_an_answer_that_no_version_of_ours_gives_is_none(text):
    assert read(text) is None


def test_an_answer_survives_its_way_and_steers_no_terminal():
    assert read(Answer(Doing.COLLECT, "a" * 32, "").text) == Answer(Doing.COLLECT, "a" * 32, "")
    told = read(f"check {'a' * 32} iperf\x1b[2J")
    assert told is not None
    assert told.iperf3.isprintable()


@pytest.mark.slow
def test_a_node_that_collects_answers_a_check_and_measures_nothing_with_it(tmp_path):
    plan = loopback_plan(tmp_path, "96.1")
    (tmp_path / "b").mkdir()
    collecting = start_collect(plan, "b", tmp_path / "b", "60s")
    done = haready("check", "--plan", str(plan), "--node", "a", "--json", "--out", str(tmp_path))
    collecting.send_signal(signal.SIGTERM)
    collecting.communicate(timeout=60)

    assert done.returncode == 0, done.stdout
    peer = one(check for check in json.loads(done.stdout)["checks"] if check["name"] == "peer")
    assert (peer["level"], peer["found"]) == (
        "ok",
        "b answers and calls on ch1 (it collects, so its UDP port was not tried)",
    )
    (archive,) = (tmp_path / "b").glob("*.zip")
    head = open_archive(archive).head
    assert head["peers"] == {}
    tables = {block.table for segment in open_archive(archive).segments() for block in segment.blocks}
    assert not tables & {"sent", "reply", "seen"}


# --- the command, and what collect makes of it -------------------------------------------------------------------------------


def test_the_command_prints_every_check_and_its_next_step(tmp_path):
    plan = loopback_plan(tmp_path, "96.2")
    (tmp_path / "plan.key").chmod(0o644)
    done = haready("check", "--plan", str(plan), "--node", "a", "--out", str(tmp_path))
    assert done.returncode == 7, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok    plan")
    failed = next(number for number, line in enumerate(lines) if line.startswith("FAIL  key"))
    assert f"-> chmod 600 {tmp_path}/plan.key" in lines[failed + 1]
    assert "the peers were not asked, without a key" in done.stdout
    assert lines[-1].startswith("a, a run of 1d 00:00:00: it cannot succeed as planned: 1 failed")


def test_the_command_as_data_names_the_worst_level(tmp_path):
    plan = loopback_plan(tmp_path, "96.3")
    done = haready("check", "--plan", str(plan), "--node", "a", "--out", str(tmp_path), "--json", "--wait", "1s")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert told["level"] == worst(Check("", Level(check["level"]), "") for check in told["checks"]) == "warn"
    assert {check["name"] for check in told["checks"]} == {
        *("plan", "key", "addresses", "ports", "egress", "room", "data", "iperf3"),
        *("clock", "realtime", "timestamps", "device", "icmp", "peer"),
    }
    assert all(check["next_step"] for check in told["checks"] if check["level"] != "ok")
    assert list(tmp_path.glob("haready-*")) == []


def test_a_wrong_plan_or_node_is_exit_code_2(tmp_path):
    plan = loopback_plan(tmp_path, "96.4")
    assert haready("check", "--plan", str(plan), "--node", "c").returncode == 2
    plan.write_text("format = 9\n")
    assert haready("check", "--plan", str(plan), "--node", "a").returncode == 2


def test_a_long_run_that_cannot_succeed_is_refused_and_a_short_or_wilful_one_is_not(tmp_path):
    plan = loopback_plan(tmp_path, "96.5")
    program = """
import shutil, sys, collector.preflight.room as room
room.RESERVE_B = 1 << 60
import haready
sys.exit(haready.main(sys.argv[1:]))
"""

    def collect(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, "collect", "--plan", str(plan), "--node", "a", "--out", str(tmp_path)]
        return subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=60)

    refused = collect("--duration", "2h")
    assert refused.returncode == 2
    error, hint = refused.stderr.splitlines()
    assert error.startswith("error: the archive will take up to ")
    assert hint.startswith("hint: make room")
    assert "--anyway" in hint
    assert list(tmp_path.glob("haready-*")) == []
    assert collect("--duration", "1s").returncode == 7
    wilful = [sys.executable, "-c", program, "collect", "--plan", str(plan), "--node", "a", "--out", str(tmp_path)]
    with subprocess.Popen([*wilful, "--duration", "2h", "--anyway", "--quiet"], stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 20
        while not (folders := list(tmp_path.glob("*.notes"))):
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.05)
        assert hear(ask(folders[0]), deadline) is not None, "it does not measure"
        running.kill()
    # A run that was cut short is worth more than what may be missing.
    resumed = [*wilful, "--duration", "2h", "--resume"]
    with subprocess.Popen(resumed, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        told = []
        while "not started there yet" not in "".join(told):
            told.append(running.stderr.readline())
            assert told[-1], told
        assert any("WARNING: going on although the check failed: the archive will take up to " in line for line in told)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
        assert running.returncode == 6
    assert len(list(tmp_path.glob("haready-*.zip"))) == 2, "the short run's, and one for both starts of the long one"
    assert not list(tmp_path.glob("*.part"))


def test_patience_looks_again_until_what_was_missing_is_there(monkeypatch):
    late, good = (list(place.addresses(site)) for site in (a_site(nics={"eth0": nic("10.8.0.1")}), a_site()))
    monkeypatch.setattr(before, "_AGAIN_S", 0.01)
    looks = iter([late, late, good])
    told: list[str] = []
    before.refuse_hopeless(lambda: next(looks), 60.0, told.append)
    assert told == ["waiting, because a run cannot succeed yet: address 10.9.0.1 (ch1) is not on this machine"] * 2
    with pytest.raises(before.CannotSucceedError, match="not on this machine"):
        before.refuse_hopeless(lambda: late, 0.0, told.append)


def test_checks_run_in_a_process_of_their_own_and_one_that_hangs_or_dies_is_a_warning():
    checks = [Check("room", Level.FAIL, "full", "make room"), Check("clock", Level.OK, str(os.getpid()))]
    assert before.apart(lambda: checks) == checks
    assert one(before.apart(lambda: [Check("pid", Level.OK, str(os.getpid()))])).found != str(os.getpid())

    def hang() -> list[Check]:
        signal.pause()
        return []

    def die() -> list[Check]:
        raise ValueError("a bug")

    check = one(before.apart(hang, 0.1))
    assert (check.level, "did not end within 0 s" in check.found) == (Level.WARN, True)
    check = one(before.apart(die))
    assert (check.level, "ended with an error" in check.found) == (Level.WARN, True)
