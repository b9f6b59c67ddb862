"""Faults that show at the start are told at the start: observers, interfaces, data folders."""

from __future__ import annotations

import errno

import pytest
from fakes import make_plan
from nodes import haready, loopback_plan

from collector.contract import State
from collector.display import line
from collector.faults import Faults, misplaced
from collector.plan import Plan
from collector.supervisor import Status

OBSERVERS = [{"name": "gw", "kind": "gateway", "addr": "10.9.0.254"}, {"name": "dns", "addr": "10.9.0.53"}]


class Run:
    """The faults of a run whose clock is the test's."""

    def __init__(self, plan: Plan) -> None:
        self.now_s = 0.0
        self.told: list[str] = []
        self.faults = Faults(plan, plan.node("a"), lambda: round(self.now_s * 1e6), self.told.append)

    def second(self, *, gw: int | None = None, dns: int | None = None, flag: int = 0) -> None:
        """A second in which both are asked; the round trip or None."""
        for name, rtt_us in (("gw", gw), ("dns", dns)):
            row = (round(self.now_s * 1e6), rtt_us, 0 if rtt_us else flag)
            self.faults.rows("observer", (name,), [row])
        self.now_s += 1.0
        self.faults.beat()


def test_nobody_is_missed_at_a_virtual_address_before_a_product_runs():
    for phase, warned in (("before", False), ("live", True)):
        observers = [{"name": "gw", "kind": "virtual", "addr": "10.9.0.9"}]
        run = Run(make_plan(observer=observers, cluster={"name": "lab", "origin": "synthetic", "phase": phase}))
        for _ in range(12):
            run.second()
        assert any("gw" in text for text in run.told) is warned
        assert run.faults.observers == int(warned)


@pytest.fixture
def run() -> Run:
    return Run(make_plan(observer=OBSERVERS))


def test_an_observer_that_never_answers_is_told_once_after_ten_seconds(run):
    for _ in range(9):
        run.second(dns=300)
    assert run.told == []
    for _ in range(60):
        run.second(dns=300)
    assert run.told == ["warning: observer gw (10.9.0.254) has not answered for 10 s"]
    assert (run.faults.observers, run.faults.answering) == (2, 1)


def test_why_the_system_sent_no_request_is_told(run):
    for _ in range(11):
        run.second(dns=300, flag=errno.ENETUNREACH)
    assert run.told == ["warning: observer gw (10.9.0.254) has not answered for 10 s (Network is unreachable)"]


def test_an_observer_that_answers_after_all_is_told(run):
    for _ in range(11):
        run.second(dns=300)
    run.second(gw=500, dns=300)
    assert run.told[1:] == ["observer gw answers now"]
    assert run.faults.answering == 2


def test_an_observer_that_falls_silent_later_is_counted_out(run):
    run.second(gw=500, dns=300)
    for _ in range(9):
        run.second(dns=300)
    assert (run.faults.answering, run.told) == (1, [])


def test_rows_of_other_tables_are_of_no_interest(run):
    run.faults.rows("sent", ("a>b/ch1",), [(1, 2, 3, 4, 5)])
    run.faults.rows("observer", ("nobody",), [(1, 2, 3)])
    assert run.faults.answering == 0


def test_an_observer_that_is_not_asked_is_no_silent_one(run):
    run.now_s = 60.0
    run.faults.beat()
    assert run.told == []
    run.faults.probe("observer", State.SKIPPED, "ICMP needs a ping socket")
    run.faults.probe("observer", State.SKIPPED, "ICMP needs a ping socket")
    assert run.told == ["warning: no observer is asked: ICMP needs a ping socket"]


def test_what_a_machine_merely_lacks_is_no_fault(run):
    run.faults.probe("pressure", State.SKIPPED, "no /proc/pressure")
    run.faults.probe("commit", State.OK, "")
    assert run.told == []


# --- where the addresses are -----------------------------------------------------------------------------------------


def nic(*addresses: str) -> dict[str, object]:
    return {"addresses": [{"address": address} for address in addresses]}


def node(nic_name: str, address: str = "10.9.0.1/24"):
    data = {"name": "a", "addr": {"ch1": {"ip": address, "nic": nic_name}}}
    other = address.replace("1/", "2/").replace("::1%", "::2%")
    return make_plan(node=[data, {"name": "b", "addr": {"ch1": other}}]).node("a")


@pytest.mark.parametrize(
    ("planned", "address", "told"),
    [
        ("eth1", "10.9.0.1/24", []),
        ("", "10.9.0.1/24", []),
        ("eth0", "10.9.0.1/24", ["the plan says eth0 for ch1; the address is on eth1"]),
        (
            "eth7",
            "10.9.0.1/24",
            ["the plan says eth7 for ch1; the address is on eth1, and there is no eth7 here"],
        ),
        ("eth1", "10.7.0.1/24", ["no interface has 10.7.0.1, which the plan says for ch1"]),
        ("lo", "127.5.0.1/24", []),
        ("", "127.5.0.1/24", []),
        ("eth7", "127.5.0.1/24", ["the plan says eth7 for ch1; the address is on lo, and there is no eth7 here"]),
        ("eth2", "fe80::1%eth2/64", []),
        ("eth0", "fe80::1%eth2/64", ["the plan says eth0 for ch1; the address is on eth2"]),
    ],
)
def test_an_address_that_is_not_where_the_plan_has_it_is_told(planned, address, told):
    nics = {
        "lo": nic("127.0.0.1", "::1"),
        "eth0": nic("10.1.0.1"),
        "eth1": nic("10.9.0.1"),
        "eth2": nic("fe80::1%eth2", "no address", ""),
    }
    assert list(misplaced(node(planned, address), nics)) == told


@pytest.mark.parametrize("nics", [{}, {"eth0": None}, {"eth0": {"addresses": [None, {}, {"address": 5}]}}])
def test_an_odd_inventory_is_no_crash(nics):
    assert list(misplaced(node("eth0"), nics)) == ["no interface has 10.9.0.1, which the plan says for ch1"]


def test_the_hourly_inventory_tells_the_same_only_once():
    run = Run(make_plan())
    for _ in range(3):
        run.faults.facts("inventory", {"nics": {"eth1": nic("10.1.0.1")}})
        run.faults.facts("bandwidth", {"nics": {}})
    assert run.told == ["warning: no interface has 10.9.0.1, which the plan says for ch1"]


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_status_line_counts_the_observers_that_answer():
    status = Status(60.0, 1, 1, 0, 0, None, 1000, observers=4, answering=3)
    assert "  paths up 1/1  observers 3/4  " in line("a", status)
    assert "observers" not in line("a", Status(60.0, 1, 1, 0, 0, None, 1000))


@pytest.mark.slow
def test_a_run_tells_of_a_wrong_interface_and_a_missing_data_folder_at_its_start(tmp_path):
    plan = loopback_plan(tmp_path, "80.25")
    text = plan.read_text(encoding="utf-8").replace(
        'addr = { ch1 = "127.80.25.1/24" }',
        'addr = { ch1 = { ip = "127.80.25.1/24", nic = "eth77" } }\ndata = ["/no/such"]',
    )
    plan.write_text(text, encoding="utf-8")
    done = haready("collect", "--plan", str(plan), "--node", "a", "--duration", "8s", "--out", str(tmp_path))
    told = [line.partition("  ")[2] for line in done.stderr.splitlines()]
    assert "warning: the plan says eth77 for ch1; the address is on lo, and there is no eth77 here" in told
    assert "warning: small writes are not timed: /no/such: No such file or directory" in told
