"""Beside a running product: who holds which address is recorded, and an address that is with the peer is no fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import SECOND, FakeClock, make_plan
from nodes import start_collect
from test_check import GOOD_SOURCES, TWO, a_site, nic, one
from test_check import NODES as TWO_NODES

from collector.archive.reader import open_archive
from collector.archive.story import story
from collector.faults import misplaced
from collector.preflight import place
from collector.preflight.result import Level
from collector.record import Record
from collector.roles import CHANGES, LOOK_US, Roles, away

LIVE = {"name": "lab", "origin": "synthetic", "phase": "live"}
VIP = {"observer": [{"name": "vip", "kind": "ping", "addr": "10.8.0.9"}]}


class Looking:
    """Roles of node a, on a machine that holds what the test says."""

    def __init__(self, *held: str, phase: str = "live") -> None:
        self.clock, self.record, self.notes = FakeClock(), Record(), []
        self.held = set(held)
        plan = make_plan(network=TWO, node=TWO_NODES, cluster=LIVE | {"phase": phase}, **VIP)
        t0_ns = self.clock.mono_ns
        self.roles = Roles(
            plan, plan.node("a"), lambda ip: ip if ip in self.held else "10.9.0.1", self.record,
            lambda: (self.clock.mono_ns - t0_ns) // 1000, self.notes.append,
        )  # fmt: skip

    def look(self) -> None:
        self.clock.mono_ns += LOOK_US * 1000
        self.roles.beat()


def test_the_start_and_every_move_of_an_address_are_recorded():
    looking = Looking("10.9.0.1", "10.8.0.1")
    looking.roles.beat()
    assert looking.record.holds == [(0, "10.9.0.1", True), (0, "10.8.0.1", True)]
    assert looking.notes == []
    looking.held.add("10.8.0.9")
    looking.look()
    looking.held.remove("10.8.0.9")
    looking.look()
    looking.look()
    assert looking.record.holds[2:] == [(10_000_000, "10.8.0.9", True), (20_000_000, "10.8.0.9", False)]
    assert looking.notes == [
        "10.8.0.9 (observer vip) is on this node",
        "10.8.0.9 (observer vip) has left this node",
    ]


def test_it_looks_every_ten_seconds_only_and_keeps_so_many_changes():
    looking = Looking("10.9.0.1", "10.8.0.1")
    looking.roles.beat()
    looking.held.add("10.8.0.9")
    looking.clock.mono_ns += 9 * SECOND
    looking.roles.beat()
    assert len(looking.record.holds) == 2
    for _ in range(CHANGES):
        looking.held ^= {"10.8.0.9"}
        looking.look()
    assert len(looking.record.holds) == CHANGES


def test_before_the_product_runs_nothing_is_looked_at():
    looking = Looking("10.9.0.1", phase="before")
    looking.look()
    assert looking.record.holds == []


def test_what_was_held_goes_from_start_to_start_and_nonsense_does_not():
    first = Record()
    first.holds.append((5, "10.8.0.9", True))
    later = Record()
    later.restore(story(first.state()), 1_000_000, 2_000_000, "it was started again")
    assert later.holds == [(5, "10.8.0.9", True)]
    assert story({"holds": [[1, "x"], ["y", "x", True], [1, "x", 7], 5]}).holds == ()


@pytest.mark.parametrize(
    ("phase", "held", "missing"),
    [
        ("live", {"10.9.0.1"}, {"pub"}),
        ("before", {"10.9.0.1"}, set()),
        ("live", {"10.9.0.1", "10.8.0.1"}, set()),
        ("live", set(), set()),
    ],
)
def test_an_address_may_be_away_only_while_the_product_runs_and_others_are_here(phase, held, missing):
    plan = make_plan(network=TWO, node=TWO_NODES, cluster=LIVE | {"phase": phase})
    assert away(plan, plan.node("a"), lambda ip: ip if ip in held else "10.7.0.1") == missing


def test_the_check_fails_for_it_before_and_only_warns_beside_the_product():
    nics = {"eth1": nic("10.9.0.1")}
    sources = {**GOOD_SOURCES, "10.9.0.1": "10.9.0.1", "10.8.0.1": "10.7.0.1"}
    before = one(place.addresses(a_site(nics=nics, sources=sources)))
    plan = make_plan(network=TWO, node=TWO_NODES, cluster=LIVE)
    live = one(place.addresses(a_site(nics=nics, sources=sources, plan=plan)))
    assert (before.level, live.level) == (Level.FAIL, Level.WARN)
    assert "another one holds it" in live.next_step
    assert (
        list(misplaced(plan.node("a"), nics, live=True)) == ["the plan says eth1 for ch1; the address is on eth1"][1:]
    )
    assert len(list(misplaced(plan.node("a"), nics))) == 1


@pytest.mark.slow
def test_a_passive_node_without_its_public_address_measures_the_rest(tmp_path):
    plan = tmp_path / "plan.toml"
    nodes = "".join(
        f'[[node]]\nname = "{name}"\naddr = {{ ch1 = "127.91.212.{n}/24", pub = "203.0.113.{n}/24" }}\n'
        for n, name in enumerate("ab", 1)
    )
    plan.write_text(
        'format = 1\n[cluster]\nname = "test"\norigin = "demonstration"\nphase = "live"\n'
        f'[network.ch1]\nkind = "sync"\n[network.pub]\nkind = "public"\n{nodes}'
    )
    key = tmp_path / "plan.key"
    key.write_text("k" * 64)
    key.chmod(0o600)
    running = [start_collect(plan, node, tmp_path, "6s") for node in "ab"]
    told = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    archive = open_archive(next(Path(tmp_path).glob("haready-test-a-*.zip")))
    assert [tuple(row[1:]) for row in archive.head["holds"]] == [("203.0.113.1", False)]
    assert archive.head["restarts"] == []
    assert "203.0.113.1 (a on pub) is not on this node" in told[0]
    paths = {
        one["probe"]: one["intervals"][-1]["state"]
        for one in archive.head["outcomes"]
        if one["probe"].startswith("path")
    }
    assert paths["path a>b/pub"] == "skipped"
    assert any(
        interval["state"] == "ok"
        for one in archive.head["outcomes"]
        if one["probe"] == "path a>b/ch1"
        for interval in one["intervals"]
    )
