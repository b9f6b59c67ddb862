"""`haready service`: the unit holds, nothing stays but the archives, and systemd hears from the collector as long as it lives."""

from __future__ import annotations

import argparse
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeClock
from nodes import loopback_plan

from collector.errors import OperatorError, Unavailable
from collector.external import Finished
from collector.peers.fifo import PRIORITY
from collector.plan import load, load_key
from collector.service import commands
from collector.service.contract import Order, ServiceState
from collector.service.notify import STATUS_NS, Notifier
from collector.service.systemd import Systemd, unreadable
from collector.service.unit import TEMPLATE, drop_in, instance, quoted, unit
from collector.service.windows import WindowsServices
from collector.supervisor import Status

STATUS = Status(3600.0, 2, 2, 100, 98, 130, 1000)
COMMAND = ("/usr/bin/python3", "/opt/haready/haready.py")


# --- what systemd hears ------------------------------------------------------------------------------------------------------


class Manager:
    """The receiving end: a real socket, by path or in the abstract namespace."""

    def __init__(self, address: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + address[1:] if address.startswith("@") else address)
        self.sock.setblocking(False)
        self.environ = {"NOTIFY_SOCKET": address}

    def heard(self) -> list[str]:
        """All that has come so far, one entry a datagram."""
        found = []
        while True:
            try:
                found.append(self.sock.recv(4096).decode())
            except BlockingIOError:
                return found

    def wait(self, words: str, seconds: float = 30.0) -> list[str]:
        """Until a datagram holds these words; everything up to then."""
        found: list[str] = []
        deadline = time.monotonic() + seconds
        while not any(words in text for text in found):
            assert time.monotonic() < deadline, (words, found)
            select.select([self.sock], [], [], 0.2)
            found += self.heard()
        return found


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    name = f"@haready-test-{os.getpid()}-{tmp_path.name}" if request.param == "abstract" else str(tmp_path / "notify")
    found = Manager(name)
    yield found
    found.sock.close()


def test_ready_once_status_now_and_then_and_stopping_at_the_end(manager):
    clock = FakeClock()
    notifier = Notifier("a", manager.environ, 7, clock.monotonic_ns)
    assert manager.heard() == [], "ready is what samples"
    notifier.look(STATUS)
    (first,) = manager.heard()
    assert first.startswith("READY=1\nSTATUS=a  left 01:00:00  paths up 2/2")
    clock.advance(1.0)
    notifier.look(STATUS)
    assert manager.heard() == []
    clock.advance(STATUS_NS / 1e9)
    notifier.look(STATUS)
    assert [text.partition("=")[0] for text in manager.heard()] == ["STATUS"]
    for _ in range(2):
        notifier.look(replace(STATUS, ending="planned end"))
    assert manager.heard() == ["STOPPING=1\nSTATUS=planned end; sealing the archive"]
    notifier.close()
    notifier.look(STATUS)
    assert manager.heard() == []


def test_the_watchdog_is_fed_four_times_within_its_time_and_never_unless_it_is_meant_for_us(manager):
    clock = FakeClock()
    fed = {"WATCHDOG_USEC": "8000000"}
    for more, count in ((fed, 6), (fed | {"WATCHDOG_PID": "7"}, 6), (fed | {"WATCHDOG_PID": "8"}, 0), ({}, 0)):
        notifier = Notifier("a", manager.environ | more, 7, clock.monotonic_ns)
        for _ in range(11):
            notifier.look(STATUS)
            clock.advance(1.0)
        assert sum("WATCHDOG=1" in text for text in manager.heard()) == count, more


@pytest.mark.parametrize("address", ["", "@", "vsock:2:1", "relative", "/nowhere/notify", "@haready-nobody-listens"])
@pytest.mark.parametrize("span", ["", "nonsense", "-5", "²"])
def test_without_a_manager_nothing_is_said_and_nothing_fails(address, span):
    notifier = Notifier("a", {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": span}, 7, FakeClock().monotonic_ns)
    notifier.look(STATUS)
    notifier.look(replace(STATUS, ending="planned end"))
    notifier.close()


def test_a_manager_that_does_not_read_holds_nobody_up(manager):
    clock = FakeClock()
    notifier = Notifier("a", manager.environ, 7, clock.monotonic_ns)
    for _ in range(2000):  # far beyond the queue of a datagram socket
        notifier.look(STATUS)
        clock.advance(STATUS_NS / 1e9)
    assert 0 < len(manager.heard()) < 2000


@pytest.mark.slow
def test_a_real_collection_is_ready_feeds_the_watchdog_and_falls_silent_when_its_main_process_hangs(manager, tmp_path):
    plan = loopback_plan(tmp_path, "98.1" if manager.environ["NOTIFY_SOCKET"].startswith("@") else "98.2")
    command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--node", "a", "--quiet"]
    environ = os.environ | manager.environ | {"WATCHDOG_USEC": "4000000"}
    with subprocess.Popen([*command, "--duration", "60s", "--out", str(tmp_path)], env=environ) as running:
        try:
            manager.wait("READY=1")
            manager.wait("WATCHDOG=1")
            running.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, running.pid, os.WSTOPPED | os.WNOWAIT)
            manager.heard()
            assert select.select([manager.sock], [], [], 3.0)[0] == [], (
                "the watchdog was fed by somebody else than main"
            )
            running.send_signal(signal.SIGCONT)
            manager.wait("WATCHDOG=1")
            running.send_signal(signal.SIGTERM)
            assert "STATUS=stopped by SIGTERM" in "\n".join(manager.wait("STOPPING=1"))
            assert running.wait(30) == 6
        finally:
            running.kill()


# --- the unit ----------------------------------------------------------------------------------------------------------------


def settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_the_timing_probes_keep_the_class_of_an_ordinary_process_and_may_have_the_realtime_one():
    told = settings(unit(COMMAND))
    assert not set(told) & {
        "Nice",
        "CPUSchedulingPolicy",
        "CPUSchedulingPriority",
        "CPUWeight",
        "CPUQuota",
        "IOSchedulingClass",
    }
    assert told["LimitRTPRIO"] == [str(PRIORITY)]
    assert told.get("RestrictRealtime", ["no"]) == ["no"]


def test_the_service_has_one_capability_and_restarts_after_a_crash_but_not_after_what_mends_itself_never():
    told = settings(unit(COMMAND))
    assert told["AmbientCapabilities"] == told["CapabilityBoundingSet"] == ["CAP_NET_RAW"]
    assert told["DynamicUser"] == ["yes"]
    assert told["Restart"] == ["on-failure"]
    assert told["RestartPreventExitStatus"] == ["2 5 6 7"]
    assert told["Type"] == ["notify"]
    assert told["KillMode"] == ["mixed"], "a stop must reach the main process alone"


def test_every_option_of_the_command_line_in_the_unit_is_known_to_collect():
    (line,) = settings(unit(COMMAND))["ExecStart"]
    known = subprocess.run(
        [sys.executable, "-m", "haready", "collect", "--help"], capture_output=True, text=True, check=True
    )
    options = re.findall(r"--[a-z]+", line)
    assert {"--plan", "--node", "--duration", "--out", "--resume", "--patience"} == set(options)
    assert all(option in known.stdout for option in options)


def test_words_that_systemd_would_expand_or_split_stay_as_they_are():
    assert quoted('/a b/%h/$HOME/"x"\\') == '"/a b/%%h/$$HOME/\\"x\\"\\\\"'
    text = drop_in(Path("/etc/haready/a"), "plan.key", 3600, "20260101T000000Z", ["/var/lib/my data"])
    assert 'ReadWritePaths="-/var/lib/my data"\n' in text
    assert "HAREADY_DURATION=3600s" in text
    assert "LoadCredential=plan.key:/etc/haready/a/plan.key" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze: apt-get install systemd")
def test_systemd_finds_nothing_wrong_with_the_unit_and_calls_it_little_exposed(tmp_path):
    path = tmp_path / instance("sip-a")
    folder = tmp_path / f"{instance('sip-a')}.d"
    folder.mkdir()
    (tmp_path / TEMPLATE).write_text(unit((sys.executable, "/opt/haready/haready.py")))
    path.write_text(unit((sys.executable, "/opt/haready/haready.py")))
    (folder / "run.conf").write_text(
        drop_in(Path("/etc/haready/sip-a"), "plan.key", 86_400, "20260101T000000Z", ["/var/lib/my data"])
    )
    environ = os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False, env=environ
    )
    assert checked.returncode == 0, checked.stderr
    assert "haready" not in checked.stderr, checked.stderr
    weighed = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", weighed.stdout)
    assert found, weighed.stderr
    assert float(found[1]) < 3.0


# --- systemd -----------------------------------------------------------------------------------------------------------------


class Programs:
    """Answers for systemctl and others; every call is kept."""

    def __init__(self, **answers: Finished | Exception) -> None:
        """By verb: ``start=Finished(1, "", "no")``."""
        self.ran: list[str] = []
        self.answers = {"--version": Finished(0, "systemd 252 (252.39)\n+PAM", ""), **answers}

    def __call__(self, command: Sequence[str], _deadline_s: float) -> Finished:
        self.ran.append(" ".join(command))
        found = self.answers.get(command[1] if command[0] == "systemctl" else command[0], Finished(0, "", ""))
        if isinstance(found, Exception):
            raise found
        return found


def machine(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "run/systemd/system").mkdir(parents=True)
    return root


def order(tmp_path: Path, node: str = "a", extra: str = "", key: str = "plan.key") -> Order:
    path = loopback_plan(tmp_path / "mine", "98.3", extra=extra)
    plan = load(path)
    if key != "plan.key":
        plan = replace(plan, security=replace(plan.security, key_file=key))
    return Order(plan, path, path.parent / "plan.key", node, 7200.0)


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_install_copies_plan_and_key_for_root_alone_and_uninstall_leaves_only_archives(tmp_path):
    root, programs = machine(tmp_path), Programs()
    archive = root / "var/lib/haready/a/haready-test-a.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"PK")
    systemd = Systemd(root, programs, lambda: COMMAND)
    what = order(tmp_path)
    written = systemd.install(what)
    assert {str(path.relative_to(root)) for path in written} == files(root) - {"var/lib/haready/a/haready-test-a.zip"}
    assert files(root) >= {
        "etc/haready/a/plan.toml",
        "etc/haready/a/plan.key",
        "etc/systemd/system/haready@.service",
        "etc/systemd/system/haready@a.service.d/run.conf",
    }
    key = root / "etc/haready/a/plan.key"
    assert key.read_bytes() == what.key_file.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert load(root / "etc/haready/a/plan.toml").digest == what.plan.digest
    assert systemd.installed() == ["a"]
    with pytest.raises(OperatorError, match="installed already"):
        systemd.install(what)

    assert systemd.uninstall("a") == "/var/lib/haready/a"
    assert files(root) == {"var/lib/haready/a/haready-test-a.zip"}
    assert not (root / "etc/haready").exists()
    assert programs.ran == [
        "systemctl --version",
        "systemctl daemon-reload",
        "systemctl disable haready@a.service",
        "systemctl stop haready@a.service",
        "systemctl daemon-reload",
        "systemctl reset-failed haready@a.service",
    ]


def test_two_nodes_share_the_template_and_it_goes_with_the_last(tmp_path):
    root = machine(tmp_path)
    systemd = Systemd(root, Programs(), lambda: COMMAND)
    for node in "ab":
        systemd.install(order(tmp_path, node))
    assert systemd.installed() == ["a", "b"]
    systemd.uninstall("a")
    assert "etc/systemd/system/haready@.service" in files(root)
    assert "etc/haready/b/plan.key" in files(root)
    systemd.uninstall("b")
    assert files(root) == set()


@pytest.mark.parametrize("key", ["../plan.key", "/etc/plan.key", "plan.toml", "k ey", ""])
def test_a_key_that_is_not_beside_the_plan_is_refused(tmp_path, key):
    root = machine(tmp_path)
    with pytest.raises(OperatorError, match="beside the plan") as error:
        Systemd(root, Programs(), lambda: COMMAND).install(order(tmp_path, key=key))
    assert error.value.hint
    assert files(root) == set()


@pytest.mark.parametrize(
    ("version", "why"),
    [
        (Finished(0, "systemd 239 (239-82.el8)", ""), "systemd 239 is too old: 247"),
        (Finished(0, "nonsense", ""), "of an unknown version"),
        (Unavailable("systemctl: not installed"), "not installed"),
    ],
)
def test_a_systemd_that_cannot_do_it_is_told_before_anything_is_written(tmp_path, version, why):
    root = machine(tmp_path)
    with pytest.raises(OperatorError, match=why):
        Systemd(root, Programs(**{"--version": version}), lambda: COMMAND).install(order(tmp_path))
    assert files(root) == set()


def test_a_machine_without_systemd_is_told_what_to_do_instead(tmp_path):
    with pytest.raises(OperatorError, match="systemd does not run this machine") as error:
        Systemd(tmp_path / "root", Programs(), lambda: COMMAND).install(order(tmp_path))
    assert "haready collect" in error.value.hint


def test_an_install_that_fails_half_way_leaves_nothing(tmp_path):
    root = machine(tmp_path)
    in_the_way = root / "etc/systemd/system/haready@.service"
    in_the_way.mkdir(parents=True)
    with pytest.raises(OperatorError, match="cannot write") as error:
        Systemd(root, Programs(), lambda: COMMAND).install(order(tmp_path))
    assert error.value.hint == "do it as root"
    assert files(root) == set()
    in_the_way.rmdir()
    refusing = Systemd(root, Programs(**{"daemon-reload": Finished(1, "", "Access denied")}), lambda: COMMAND)
    with pytest.raises(OperatorError, match="daemon-reload failed: Access denied"):
        refusing.install(order(tmp_path))
    assert files(root) == set()


def test_a_link_in_the_way_of_the_key_is_replaced_and_not_followed(tmp_path):
    root = machine(tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (root / "etc/haready/a").mkdir(parents=True)
    (root / "etc/haready/a/plan.key").symlink_to(victim)
    Systemd(root, Programs(), lambda: COMMAND).install(order(tmp_path))
    assert victim.read_text() == "mine"


def test_a_service_that_does_not_start_says_why_in_the_collector_s_own_words(tmp_path):
    words = "12:00 starting\nerror: address 10.1.1.1 (ch1) is not on this machine\nhint: is --node right?\x1b[31m\n"
    programs = Programs(start=Finished(1, "", "Job failed"), journalctl=Finished(0, words, ""))
    systemd = Systemd(machine(tmp_path), programs, lambda: COMMAND)
    systemd.install(order(tmp_path))
    with pytest.raises(OperatorError) as error:
        systemd.start("a")
    assert "systemctl enable haready@a.service" not in programs.ran, "a reboot must not begin what did not start"
    assert "error: address 10.1.1.1 (ch1) is not on this machine hint: is --node right?" in str(error.value)
    assert "\x1b" not in str(error.value)
    assert "journalctl -u haready@a.service" in error.value.hint


def test_a_reboot_goes_on_with_the_run_from_start_to_stop_and_each_install_has_a_run_of_its_own(tmp_path):
    programs = Programs()
    systemd = Systemd(machine(tmp_path), programs, lambda: COMMAND)
    (conf,) = [path for path in systemd.install(order(tmp_path)) if path.name == "run.conf"]
    assert re.search(r"^Environment=HAREADY_RUN=\d{8}T\d{6}Z$", conf.read_text(), re.MULTILINE)
    systemd.start("a")
    systemd.stop("a")
    assert [line.removeprefix("systemctl ") for line in programs.ran[2:]] == [
        "start haready@a.service",
        "enable haready@a.service",
        "disable haready@a.service",
        "stop haready@a.service",
    ]


@pytest.mark.parametrize(
    ("shown", "active", "state"),
    [
        ("ActiveState=active\nSubState=running\nStatusText=a  left 01:00:00\nNRestarts=2\n", True, "active (running)"),
        ("ActiveState=activating\nSubState=start\n", True, "activating (start)"),
        (
            "ActiveState=failed\nSubState=failed\nExecMainStatus=7\nResult=exit-code\n",
            False,
            "failed (failed), ended with exit code 7 (exit-code)",
        ),
        ("ActiveState=inactive\nSubState=dead\nExecMainStatus=0\n", False, "inactive (dead)"),
        ("", False, "not known"),
        ("nonsense\n=\nNRestarts=²\n", False, "not known"),
    ],
)
def test_the_state_is_told_in_systemd_s_words_and_what_it_does_not_say_is_not_known(tmp_path, shown, active, state):
    systemd = Systemd(machine(tmp_path), Programs(show=Finished(0, shown, "")), lambda: COMMAND)
    systemd.install(order(tmp_path))
    found = systemd.state("a")
    assert (found.active, found.state) == (active, state)
    assert found.restarts == (2 if "NRestarts=2" in shown else None)


def test_a_node_that_is_not_installed_is_told_for_every_verb(tmp_path):
    systemd = Systemd(machine(tmp_path), Programs(), lambda: COMMAND)
    for verb in (systemd.start, systemd.stop, systemd.state, systemd.uninstall):
        with pytest.raises(OperatorError, match="no service of x is installed here"):
            verb("x")


def test_a_program_that_only_root_can_read_is_found(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    file = folder / "python"
    file.write_text("")
    tmp_path.chmod(0o755)
    assert folder in list(unreadable(file))
    link = tmp_path / "python"
    link.symlink_to(file)
    assert folder in list(unreadable(link)), "the link itself can be read, where it leads cannot"
    assert list(unreadable(Path("/usr/bin/env"))) == []
    assert list(unreadable(Path("/nowhere/at/all"))) != []


def test_systemd_s_own_copy_of_the_key_is_accepted_with_the_bits_of_its_access_list(tmp_path, monkeypatch):
    path = loopback_plan(tmp_path, "98.4")
    (tmp_path / "plan.key").chmod(0o440)
    plan = load(path)
    with pytest.raises(OperatorError, match="open to others"):
        load_key(path, plan)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert len(load_key(path, plan)) == 64
    (tmp_path / "plan.key").chmod(0o444)
    with pytest.raises(OperatorError, match="open to others"):
        load_key(path, plan)


# --- the command -------------------------------------------------------------------------------------------------------------


class Fake:
    """A service manager that remembers what it was asked for."""

    def __init__(self, *nodes: str, active: bool = True) -> None:
        self.nodes, self.active, self.asked = list(nodes), active, []

    def install(self, what: Order) -> list[Path]:
        self.asked.append(("install", what.node, what.duration_s))
        return [what.plan_file]

    def installed(self) -> list[str]:
        return self.nodes

    def start(self, node: str) -> None:
        self.asked.append(("start", node))

    def stop(self, node: str) -> None:
        self.asked.append(("stop", node))

    def state(self, node: str) -> ServiceState:
        return ServiceState(node, self.active, "active (running)", "left\x1b[2J", None, "/var/lib/haready/a")

    def uninstall(self, node: str) -> str:
        self.asked.append(("uninstall", node))
        return "/var/lib/haready/a"


def given(verb: str, **more: object) -> argparse.Namespace:
    return argparse.Namespace(verb=verb, **{"node": None, "json": False, **more})


def test_the_verbs_reach_the_manager_with_the_only_node_there_is(capsys):
    fake = Fake("a")
    for verb in ("start", "stop", "uninstall", "status"):
        assert commands.run_verb(given(verb), fake) == 0
    assert fake.asked == [("start", "a"), ("stop", "a"), ("uninstall", "a")]
    shown = capsys.readouterr().out
    assert "its archives stay in /var/lib/haready/a" in shown
    assert "restarts  not told" in shown
    assert "\x1b" not in shown


def test_which_of_several_services_has_to_be_said(capsys):
    with pytest.raises(OperatorError, match="several services are installed here: a, b"):
        commands.run_verb(given("start"), Fake("a", "b"))
    with pytest.raises(OperatorError, match="no service is installed here"):
        commands.run_verb(given("start"), Fake())
    assert commands.run_verb(given("status", node="b"), Fake("a", "b", active=False)) == 2
    assert "b: active" in capsys.readouterr().out


def test_install_refuses_an_open_key_and_an_unknown_node(tmp_path, capsys):
    path = loopback_plan(tmp_path, "98.5")
    fake = Fake()
    assert commands.run_verb(given("install", plan=path, node="a", duration=3600.0), fake) == 0
    assert fake.asked == [("install", "a", 3600.0)]
    assert "haready service start" in capsys.readouterr().err
    with pytest.raises(OperatorError, match="no node 'x'"):
        commands.run_verb(given("install", plan=path, node="x", duration=3600.0), fake)
    (tmp_path / "plan.key").chmod(0o644)
    with pytest.raises(OperatorError, match="open to others"):
        commands.run_verb(given("install", plan=path, node="a", duration=3600.0), fake)


# --- Windows, against a fake -------------------------------------------------------------------------------------------------


class WindowsPrograms(Programs):
    """`sc` and `icacls`: the answer goes by the verb of `sc`."""

    def __call__(self, command: Sequence[str], _deadline_s: float) -> Finished:
        self.ran.append(" ".join(command))
        found = self.answers.get(command[1] if command[0] == "sc" else command[0], Finished(0, "", ""))
        if isinstance(found, Exception):
            raise found
        return found


QUERY = """
SERVICE_NAME: haready-a
        TYPE               : 10  WIN32_OWN_PROCESS
        STATE              : {state}
        WIN32_EXIT_CODE    : {code}  (0x0)
        SERVICE_EXIT_CODE  : 0  (0x0)
"""


def test_on_windows_plan_and_key_are_kept_from_others_and_only_archives_stay(tmp_path):
    programs = WindowsPrograms()
    windows = WindowsServices(tmp_path / "data", programs)
    windows.install(order(tmp_path))
    kept = tmp_path / "data/haready/plans/a"
    assert {path.name for path in kept.iterdir()} == {"plan.toml", "plan.key"}
    assert programs.ran[0] == (
        f"icacls {kept} /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F *S-1-5-19:(OI)(CI)R"
    ), "before the key is there"
    created = next(line for line in programs.ran if line.startswith("sc create haready-a"))
    assert f'"--plan" "{kept / "plan.toml"}" "--node" "a" "--duration" "7200s"' in created
    assert created.endswith(r"start= demand obj= NT AUTHORITY\LocalService")
    windows.start("a")
    (tmp_path / "data/haready/archives/a/x.zip").write_bytes(b"PK")
    assert windows.uninstall("a") == str(tmp_path / "data/haready/archives/a")
    assert programs.ran[-3:] == ["sc start haready-a", "sc stop haready-a", "sc delete haready-a"]
    assert files(tmp_path / "data") == {"haready/archives/a/x.zip"}
    (tmp_path / "data/haready/archives/a/x.zip").unlink()


@pytest.mark.parametrize(
    ("said", "code", "active", "state"),
    [
        (QUERY.format(state="4  RUNNING", code="0"), 0, True, "running"),
        (QUERY.format(state="1  STOPPED", code="1067"), 0, False, "stopped, ended with 1067"),
        ("", 1060, False, "not known to the service control manager"),
    ],
)
def test_on_windows_the_state_is_that_of_the_service_control_manager(tmp_path, said, code, active, state):
    windows = WindowsServices(tmp_path / "data", WindowsPrograms(query=Finished(code, said, "")))
    windows.install(order(tmp_path))
    found = windows.state("a")
    assert (found.active, found.state) == (active, state)


def test_on_windows_a_service_that_cannot_be_made_leaves_nothing(tmp_path):
    windows = WindowsServices(tmp_path / "data", WindowsPrograms(create=Finished(5, "", "Access is denied.")))
    with pytest.raises(OperatorError, match="sc create failed: Access is denied") as error:
        windows.install(order(tmp_path))
    assert error.value.hint == "do it as an administrator"
    assert not (tmp_path / "data/haready").exists()


def test_on_windows_stopping_what_does_not_run_is_no_failure(tmp_path):
    windows = WindowsServices(tmp_path / "data", WindowsPrograms(stop=Finished(1062, "", "not been started")))
    windows.install(order(tmp_path))
    windows.stop("a")
    with pytest.raises(OperatorError, match="no service of x"):
        windows.stop("x")
