"""`haready demo` where there is no laboratory, and how its measurements are held against a WAN's logs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from nodes import alive, children_of

from collector.errors import OperatorError, Unavailable
from collector.lab import demo, demo_site
from collector.lab.demo import collect_demo
from collector.lab.demo_truth import Slots, compare, verdict
from collector.lab.wanlog import UDP, Fate, Packet, WanLog
from collector.peers.stamp import BURST
from collector.plan import NetworkKind, Origin, Plan, parse
from collector.plan_doubts import doubts

PATIENCE_S = 30.0
_PORT = 8862
DEMO = [sys.executable, "-m", "haready", "demo"]


def test_fast_probes_beside_a_bandwidth_test_are_no_ordinary_slots_of_the_log():
    """The measurement keeps them apart, so the log has to do the same before the two are compared."""
    packets = [
        Packet("a>b", place, place, place, place, place, Fate.RELEASED, UDP, 4000, _PORT, 180, slot, None, 0)
        for place, slot in enumerate((7, 7 | BURST, 8 | BURST))
    ]
    assert list(WanLog({}, tuple(packets)).slots("a", "b", _PORT)) == [7]


def _plan(text: str) -> Plan:
    return parse(tomllib.loads(text), "plan.toml")


def _slots(sent, arrived, answered, wire_ns=()) -> Slots:
    return Slots(frozenset(sent), frozenset(arrived), frozenset(answered), dict(wire_ns))


def _no_programs(folder: Path) -> dict[str, str]:
    """An environment where no program ip can be found: there even root has no laboratory."""
    (folder / "empty").mkdir()
    return os.environ | {"PATH": str(folder / "empty")}


@pytest.mark.parametrize("text", [demo_site._LABORATORY, demo_site.loopback().plan], ids=["laboratory", "loopback"])
def test_the_plans_of_the_demonstration_are_labelled_and_do_not_take_the_whole_machine(text):
    plan = _plan(text)
    assert plan.origin is Origin.DEMONSTRATION
    assert [node.name for node in plan.nodes] == list(demo_site.NODES)
    assert [(node.name, node.site) for node in plan.nodes if node.site != "main"] == [("sip-dr", "dr")]
    assert plan.bandwidth.cap_bps is not None
    assert plan.bandwidth.cap_bps <= 200_000_000, "a test would take the whole machine"


def test_the_laboratorys_plan_has_a_lan_wan_lines_with_their_rate_and_a_gateway():
    plan = _plan(demo_site._LABORATORY)
    assert list(doubts(plan, ["genesys_addp", "neverfail"])) == []
    assert [observer.name for observer in plan.observers] == ["gateway"]
    for network in plan.networks:
        wan = any(plan.is_wan(path.source, path.target) for path in plan.paths() if path.network == network.name)
        if network.kind is NetworkKind.CHANNEL:
            assert network.rate_bps == (demo_site.WAN_BPS if wan else 1_000_000_000)


def test_two_demonstrations_at_once_use_different_addresses():
    assert len({demo_site.loopback().plan for _ in range(10)}) > 1


# --- the truth -------------------------------------------------------------------------------------------------------


def test_what_the_logs_confirm_is_told_with_both_medians():
    found = _slots(range(10), range(9), range(7), {0: 30_400_000, 1: 30_500_000, 2: 90_000_000})
    log = _slots(range(10), range(9), range(7), {0: 30_100_000, 1: 30_200_000, 3: 1})
    told = verdict([(found, log)])
    assert told.startswith("the WAN's logs confirm: of 10 probes 1 were lost on the way there and 2 on the way back;")
    assert "30.45 ms" in told, "slots that only one side timed are not compared"
    assert "30.15 ms" in told


def test_a_probe_that_never_came_to_the_wan_is_lost_on_the_way_there_and_confirmed():
    found = _slots(range(10), range(9), range(9))
    log = _slots(range(9), range(9), range(9))
    assert verdict([(found, log)]) == (
        "the WAN's logs confirm: of 10 probes 1 were lost on the way there and 0 on the way back"
    )


@pytest.mark.parametrize(
    "log",
    [
        _slots(range(10), range(10), range(7)),
        _slots(range(10), range(9), range(8)),
        _slots(range(10), range(1, 10), range(7)),
        _slots(range(11), range(9), range(7)),
    ],
    ids=["arrived", "answered", "another slot", "never sent"],
)
def test_one_slot_that_differs_is_a_disagreement_with_the_numbers_of_both(log):
    told = verdict([(_slots(range(10), range(9), range(7)), log)])
    assert told.startswith("the WAN's logs disagree: measured was that of 10 probes 1 were lost on the way there and 2")
    assert told.endswith(f"{10 - len(log.arrived)} and {len(log.arrived - log.answered)}")


def test_a_log_that_is_not_whole_is_not_compared():
    class Broken:
        def log(self):
            raise OperatorError("it was cut short")

    line = demo_site.LeasedLine("ch-ac", ("sip-a", "sip-dr"), Broken())
    assert compare([line], {}, 8862) == "the WAN's logs could not be compared with it: it was cut short"


# --- without a laboratory --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [Unavailable("no TUN"), OperatorError("no TUN", ""), OSError("no TUN")])
def test_a_laboratory_that_cannot_be_built_is_told_and_loopback_taken(tmp_path, monkeypatch, reason):
    def refused(*_):
        raise reason

    monkeypatch.setattr(demo, "laboratory", refused)
    monkeypatch.setattr(demo, "_measure", lambda site, *_: {name: Path(name) for name in site.nodes})
    said: list[str] = []
    collected = collect_demo(tmp_path, 5.0, said.append, lambda _: None)
    assert collected.archives == tuple(map(Path, demo_site.NODES))
    assert collected.truth == "", "there is no WAN to be compared with"
    assert "loopback" in said[0]
    assert sum("not possible" in line and "no TUN" in line for line in said) == 1


@pytest.mark.slow
def test_without_the_laboratory_the_command_measures_on_loopback_up_to_the_report(tmp_path):
    out = tmp_path / "out"
    done = subprocess.run(
        [*DEMO, "--duration", "4s", "-o", str(out)],
        env=_no_programs(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "on loopback addresses" in done.stderr
    assert "not possible" in done.stderr
    assert "logs" not in done.stderr
    told = done.stdout.splitlines()
    assert told[:2] == ["DEMONSTRATION: no measurement of a site", "verdict: inconclusive"]
    assert f"expected: 4 s are too short for a verdict; open {out / 'report.pdf'}" in told
    at = told.index("provisional settings, do not enter them yet:")
    assert re.match(r"  Genesys SIP Server, .*, sip-a and sip-b \(.*\):$", told[at + 1])
    assert re.search(r"^    addp-timeout = \d+ s", done.stdout, re.MULTILINE)
    again = subprocess.run([*DEMO, "-o", str(out)], capture_output=True, text=True, timeout=60, check=False)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 2)
    assert "is not empty" in again.stderr
    assert len(list(out.glob("haready-demo-*.zip"))) == 3
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    assert '"demonstration"' in (out / "assessment.json").read_text(encoding="utf-8")
    assert (out / "plan.key").stat().st_mode & 0o077 == 0


def _collectors(process: subprocess.Popen[str], out: Path) -> list[int]:
    """Wait for the demonstration's three collectors to measure; their process ids."""
    deadline = time.monotonic() + PATIENCE_S
    while len(list(out.glob("*.part"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    found = [pid for pid in children_of(process.pid) if _is_collector(pid)]
    assert len(found) == 3
    return found


def _is_collector(pid: int) -> bool:
    return b"collect" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def _all_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_demonstration_and_its_collectors(tmp_path, number):
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*DEMO, "--duration", "60s", "-o", str(out)], env=_no_programs(tmp_path), stderr=subprocess.PIPE, text=True
    )
    pids = _collectors(process, out)
    pids += [child for pid in pids for child in children_of(pid)]
    process.send_signal(number)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert told.splitlines()[-2:] == [
        "error: interrupted; what the demonstration had made is removed",
        "hint: `haready demo` begins anew",
    ]
    assert _all_gone(pids)
    assert not out.exists()


def test_clearing_up_leaves_what_is_not_the_demonstrations(tmp_path):
    made = ["plan.toml", "plan.key", "sip-a.log", "haready-demo-sip-a-1.zip.part", "haready-demo-sip-a-1.zip.journal"]
    for name in (*made, "haready-demo-sip-a-1.zip.notes/1", "wan/ch-ac.jsonl", "mine.txt", "haready-site-a-1.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    demo.clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["haready-site-a-1.zip", "mine.txt"]


@pytest.mark.slow
def test_a_collector_that_is_killed_ends_the_demonstration_at_once_and_is_named(tmp_path):
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*DEMO, "--duration", "60s", "-o", str(out)], env=_no_programs(tmp_path), stderr=subprocess.PIPE, text=True
    )
    pids = _collectors(process, out)
    (victim,) = [pid for pid in pids if b"sip-b" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
    os.kill(victim, signal.SIGKILL)
    began = time.monotonic()
    _, told = process.communicate(timeout=50)
    assert time.monotonic() - began < 30, "it waited for the planned end"
    assert process.returncode == 2
    error, hint = told.splitlines()[-2:]
    assert error.startswith("error: the collector of sip-b failed")
    assert hint == f"hint: see {out / 'sip-b.log'}"
    assert _all_gone(pids)
