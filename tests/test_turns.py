"""Bandwidth tests take turns: real `Turns` of several nodes in a world without sockets, whose clock and network a test owns."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fakes import REAL_NS, SECOND, FakeClock, make_plan
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import plan_schedule
from collector.contract import State
from collector.peers.hello import Purpose
from collector.peers.leases import Leases, read_ask
from collector.peers.rounds import LEASE_S, SERVER_S, UNKNOWN_BPS, Ledger, first_round_s, places, quiet_at
from collector.peers.turns import EAGER_TRIES, FAILURES, PATIENT_S, RETRY_S, Turns
from collector.peers.world import Finish
from collector.plan import LoadKind, Plan, PlannedTest, Quiet, parse

RATE_BPS = 1_000_000_000
CALL_S = 5.0
"""After so long without an answer a question has failed, as in the links."""


def plan_of(count: int, **bandwidth: Any) -> Plan:
    return make_plan(*(f"10.9.0.{number + 1}" for number in range(count)), bandwidth=bandwidth)


# --- a cluster whose network, clocks and iperf3 are simulated ------------------------------------------------------


@dataclass(order=True)
class Event:
    at_ns: int
    number: int
    act: Callable[[], None] = field(compare=False)


@dataclass
class Span:
    """A stretch during which a node really took part in a test."""

    node: str
    path: str
    from_ns: int
    to_ns: int


class Machine:
    """One start of a node: its turns, and the world they see."""

    def __init__(self, cluster: Cluster, name: str, planned_s: float) -> None:
        self.cluster = cluster
        self.name = name
        self.dead = False
        self.program: Span | None = None
        self.full = ""
        self.outcomes: list[tuple[str, State, str]] = []
        self.notes: list[str] = []
        self.turns = Turns(cluster.plan, name, self, cluster.clock, planned_s, cluster.spent)

    def live(self) -> set[str]:
        return {other for other in self.cluster.machines if other != self.name and self.cluster.sees(self.name, other)}

    def met(self, path: str) -> bool:
        return self.cluster.sees(self.name, path.partition(">")[2].partition("/")[0])

    def call(self, purpose: Purpose, node: str, path: str, ask: str, done: Callable[[str | None, str], None]) -> None:
        self.cluster.call(self, purpose, node, path or f"{self.name}>{node}/ch1", ask, done)

    def serve(self, path: PlannedTest, _limit_bps: int | None, deadline_s: float) -> None:
        self._run(path.name, deadline_s, lambda: self.turns.served(path.name))
        self.cluster.later(0.05, self, lambda: self.turns.serving(path.name, ""))

    def test(self, path: PlannedTest, seconds: int, _limit_bps: int | None, _deadline_s: float) -> None:
        target = self.cluster.machines.get(path.target)
        server = target.program if target is not None and not target.dead else None
        works = server is not None and server.path == path.name and self.cluster.reaches(self.name, path.target)
        if works:
            end = Finish(State.OK, "", RATE_BPS // 8 * seconds, seconds * 1_000_000, RATE_BPS // 8 * seconds)
            self._run(path.name, seconds + 0.1, lambda: self.turns.tested(path.name, end))
            self.cluster.later(seconds + 0.2, target, lambda: target.finish(server))
        else:
            end = Finish(State.ERROR, "unable to connect to server", None, None, 0)
            self._run(path.name, CALL_S, lambda: self.turns.tested(path.name, end))

    def _run(self, path: str, seconds: float, at_end: Callable[[], None]) -> None:
        """iperf3 runs; nothing but its end or the node's own death ends it."""
        assert self.program is None, f"{self.name} was to begin {path} beside {self.program.path}"
        now = self.cluster.clock.monotonic_ns()
        program = self.program = Span(self.name, path, now, now + round(seconds * SECOND))
        self.cluster.spans.append(program)
        program.at_end = at_end  # type: ignore[attr-defined]
        self.cluster.later(seconds, self, lambda: self.finish(program))

    def finish(self, program: Span | None) -> None:
        if program is not None and self.program is program:
            program.to_ns = self.cluster.clock.monotonic_ns()
            self.program = None
            program.at_end()  # type: ignore[attr-defined]

    def laden(self) -> str:
        return self.full

    def outcome(self, path: str, state: State, reason: str) -> None:
        self.outcomes.append((path, state, reason))

    def spent(self, path: str, whole: int) -> None:
        self.cluster.spent[path] = whole

    def note(self, text: str) -> None:
        self.notes.append(text)

    def kill(self) -> None:
        """Without a goodbye; the kernel ends its iperf3."""
        self.dead = True
        if self.program is not None:
            self.program.to_ns = self.cluster.clock.monotonic_ns()
            self.program = None


class Cluster:
    """All nodes on one fake clock. `loss` says whether the next message gets lost; `cut` holds pairs that cannot talk."""

    def __init__(self, plan: Plan, planned_s: float = 3600.0, loss: Callable[[], bool] = lambda: False) -> None:
        self.plan = plan
        self.planned_s = planned_s
        self.spent: dict[str, int] = {}
        self.clock = FakeClock()
        self.loss = loss
        self.cut: set[frozenset[str]] = set()
        self.spans: list[Span] = []
        self.machines: dict[str, Machine] = {}
        self._events: list[Event] = []
        self._numbers = itertools.count()
        for node in plan.nodes:
            self.start(node.name)

    def start(self, name: str) -> Machine:
        left_s = self.planned_s - (self.clock.monotonic_ns() - FakeClock().mono_ns) / SECOND
        machine = self.machines[name] = Machine(self, name, left_s)

        def beat() -> None:
            machine.turns.beat()
            self.later(1.0, machine, beat)

        self.later(0.01 * len(self.machines), machine, beat)
        return machine

    def reaches(self, one: str, other: str) -> bool:
        machine = self.machines.get(other)
        return machine is not None and not machine.dead and frozenset({one, other}) not in self.cut

    # A view without delay; that views differ is what `cut` is for.
    sees = reaches

    def later(self, seconds: float, owner: Machine | None, act: Callable[[], None]) -> None:
        """Do something later, unless `owner` is dead by then."""
        at = self.clock.monotonic_ns() + round(seconds * SECOND)
        guarded = act if owner is None else lambda: None if owner.dead else act()
        heapq.heappush(self._events, Event(at, next(self._numbers), guarded))

    def call(self, caller: Machine, purpose: Purpose, node: str, path: str, ask: str, done: Any) -> None:
        answered: list[bool] = []

        def give(answer: str | None, why: str) -> None:
            if not answered:
                answered.append(True)
                done(answer, why)

        def reply(text: str) -> None:
            if not self.loss() and self.reaches(caller.name, node):
                self.later(0.01, caller, lambda: give(text, ""))

        def arrive() -> None:
            if self.reaches(caller.name, node):
                self.machines[node].turns.asked(purpose, caller.name, path, ask, reply)

        self.later(CALL_S, caller, lambda: give(None, "no answer in time"))
        if not self.loss():
            self.later(0.01, None, arrive)

    def run(self, seconds: float) -> None:
        end = self.clock.monotonic_ns() + round(seconds * SECOND)
        while self._events and self._events[0].at_ns <= end:
            event = heapq.heappop(self._events)
            self.clock.advance((event.at_ns - self.clock.monotonic_ns()) / SECOND)
            event.act()
        self.clock.advance((end - self.clock.monotonic_ns()) / SECOND)

    def done(self) -> list[str]:
        """Paths in the order in which their tests succeeded."""
        found = []
        for machine in self.machines.values():
            found += [path for path, state, _ in machine.outcomes if state is State.OK]
        return sorted(found)

    def overlaps(self, *, same_node: bool) -> list[tuple[Span, Span]]:
        """Pairs of stretches that belong to different tests and were at the same time: on one node, or anywhere."""
        spans = sorted(self.spans, key=lambda span: span.from_ns)
        return [
            (one, other)
            for one, other in itertools.combinations(spans, 2)
            if other.from_ns < one.to_ns
            and (one.node == other.node if same_node else one.path != other.path)
            and one is not other
        ]


# --- turns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_every_path_is_tested_once_a_round_and_never_two_at_once_anywhere(count):
    cluster = Cluster(plan_of(count))
    cluster.run(30 + 10 * count * (count - 1))

    names = sorted(path.name for path in cluster.plan.bandwidth_paths())
    assert cluster.done() == names
    assert cluster.overlaps(same_node=False) == []
    assert len(cluster.spans) == 2 * len(names), "each test has one client and one server"


def test_the_next_round_begins_when_it_is_due():
    cluster = Cluster(plan_of(2, every_s=60))
    cluster.run(30 + 50)
    assert len(cluster.done()) == 2
    cluster.run(60)

    assert len(cluster.done()) == 4


def test_in_a_short_run_the_first_round_begins_five_seconds_after_all_have_met():
    cluster = Cluster(plan_of(2), planned_s=25.0)
    cluster.run(24)

    assert cluster.done() == ["a>b/ch1", "b>a/ch1"]


def test_a_node_that_died_with_its_lease_holds_the_others_up_no_longer_than_the_lease():
    cluster = Cluster(plan_of(4))
    while not any(span.node == "b" and span.path == "b>a/ch1" for span in cluster.spans):
        cluster.run(0.05)
    died_ns = cluster.clock.monotonic_ns()
    cluster.machines["b"].kill()
    cluster.run(120)

    after = [span for span in cluster.spans if span.from_ns > died_ns and "b" not in span.path.partition("/")[0]]
    assert after
    assert after[0].from_ns - died_ns < (2 + LEASE_S + 10) * SECOND
    assert [path for path in cluster.done() if "b" not in path.partition("/")[0]] == [
        "a>c/ch1", "a>d/ch1", "c>a/ch1", "c>d/ch1", "d>a/ch1", "d>c/ch1",
    ]  # fmt: skip


def test_a_coordinator_that_died_is_followed_by_the_next_and_met_again_when_it_is_back():
    cluster = Cluster(plan_of(4))
    while not cluster.spans:
        cluster.run(0.1)
    cluster.machines["a"].kill()
    cluster.run(60)
    without = cluster.done()
    cluster.start("a")
    cluster.run(200)

    assert {"b>c/ch1", "c>b/ch1", "b>d/ch1", "d>b/ch1", "c>d/ch1", "d>c/ch1"} <= set(without)
    assert set(cluster.done()) == {path.name for path in cluster.plan.bandwidth_paths()}
    assert cluster.overlaps(same_node=False) == []


def test_coordinators_that_do_not_see_each_other_never_bring_a_node_into_two_tests():
    cluster = Cluster(plan_of(4))
    cluster.cut = {frozenset("ab")}  # c and d see both, b takes itself for the coordinator
    cluster.run(200)

    assert len(cluster.done()) >= 10
    assert cluster.overlaps(same_node=True) == []


def test_messages_that_get_lost_delay_tests_and_nothing_else():
    chance = random.Random(1)
    cluster = Cluster(plan_of(3), loss=lambda: chance.random() < 0.3)
    cluster.run(600)

    assert set(cluster.done()) == {path.name for path in cluster.plan.bandwidth_paths()}
    assert cluster.overlaps(same_node=False) == []


EVENTS = st.lists(
    st.tuples(
        st.floats(0.05, 8.0),
        st.sampled_from(["kill", "cut", "heal", "break"]),
        st.sampled_from("abcd"),
        st.sampled_from("abcd"),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(count=st.integers(2, 4), events=EVENTS, seed=st.randoms(use_true_random=False), share=st.floats(0.0, 0.5))
def test_whatever_happens_no_node_takes_part_in_two_tests_and_all_recover(count, events, seed, share):
    """Messages get lost, nodes die and come back, views split, processes break: `Machine._run` asserts as well."""
    losing = [True]
    cluster = Cluster(plan_of(count, every_s=100), planned_s=1e6, loss=lambda: losing[0] and seed.random() < share)
    cluster.run(29)
    names = [node.name for node in cluster.plan.nodes]
    for wait_s, what, one, other in events:
        cluster.run(wait_s)
        if one not in names or other not in names:
            continue
        machine = cluster.machines[one]
        if what == "kill" and not machine.dead:
            machine.kill()
        elif what == "kill":
            cluster.start(one)
        elif what == "cut" and one != other:
            cluster.cut.add(frozenset({one, other}))
        elif what == "heal":
            cluster.cut.discard(frozenset({one, other}))
        elif what == "break" and not machine.dead:
            if machine.program is not None:
                machine.program.to_ns = cluster.clock.monotonic_ns()
                machine.program = None
            machine.turns.interrupted("its process was started again")
    losing[0] = False
    cluster.cut.clear()
    for name in names:
        if cluster.machines[name].dead:
            cluster.start(name)
    cluster.run(60)  # whatever was held has ended by itself
    for machine in cluster.machines.values():
        machine.outcomes.clear()
    cluster.run(200)

    assert cluster.overlaps(same_node=True) == []
    assert set(cluster.done()) == {path.name for path in cluster.plan.bandwidth_paths()}


# --- one node, step by step ----------------------------------------------------------------------------------------


class Hand:
    """A world that does nothing by itself: what was asked for waits in `calls` until the test answers it."""

    def __init__(self, others: str) -> None:
        self.others = set(others)
        self.full = ""
        self.calls: list[tuple[Purpose, str, str, Callable[[str | None, str], None]]] = []
        self.orders: list[tuple[str, str]] = []
        self.outcomes: list[tuple[str, State, str]] = []
        self.ledger: dict[str, int] = {}

    def live(self) -> set[str]:
        return self.others

    def met(self, path: str) -> bool:
        return path.partition(">")[2].partition("/")[0] in self.others

    def call(self, purpose: Purpose, node: str, _path: str, ask: str, done: Any) -> None:
        self.calls.append((purpose, node, ask, done))

    def serve(self, path: PlannedTest, _limit_bps: int | None, _deadline_s: float) -> None:
        self.orders.append(("serve", path.name))

    def test(self, path: PlannedTest, _seconds: int, _limit_bps: int | None, _deadline_s: float) -> None:
        self.orders.append(("test", path.name))

    def laden(self) -> str:
        return self.full

    def outcome(self, path: str, state: State, reason: str) -> None:
        self.outcomes.append((path, state, reason))

    def spent(self, path: str, whole: int) -> None:
        self.ledger[path] = whole

    def note(self, text: str) -> None:
        pass

    def said(self) -> list[tuple[Purpose, str, str]]:
        return [call[:3] for call in self.calls]


def single(node: str, others: str, count: int) -> tuple[FakeClock, Hand, Turns]:
    clock, world = FakeClock(), Hand(others)
    return clock, world, Turns(plan_of(count), node, world, clock, 3600.0)


def asking(count: int = 2) -> tuple[FakeClock, Hand, Turns]:
    """Node b has just asked a, the coordinator, for its turn on b>a/ch1."""
    clock, world, turns = single("b", "a", count)
    clock.advance(31)
    turns.beat()
    clock.advance(places(plan_of(count))["b>a/ch1"])
    turns.beat()
    assert world.said() == [(Purpose.TURN, "a", "b>a/ch1 1")]
    return clock, world, turns


def test_the_steps_of_a_test_are_turn_serve_test_and_release():
    _, world, turns = asking()
    assert turns.busy == ""
    world.calls[0][3]("", "")
    assert turns.busy == "b>a/ch1"
    assert world.said()[1:] == [(Purpose.SERVE, "a", "b>a/ch1")]
    assert world.orders == []
    world.calls[1][3]("", "")
    assert world.orders == [("test", "b>a/ch1")]
    turns.tested("b>a/ch1", Finish(State.OK, "", 1000, 1000, 1000))

    assert world.said()[2:] == [(Purpose.RELEASE, "a", "b>a/ch1 1")]
    assert turns.busy == ""
    assert world.outcomes == [("b>a/ch1", State.OK, "")]


def test_a_node_that_began_to_serve_while_it_asked_gives_its_turn_back():
    _, world, turns = asking()
    turns.asked(Purpose.SERVE, "a", "a>b/ch1", "a>b/ch1", lambda _: None)
    world.calls[0][3]("", "")

    assert world.said()[1:] == [(Purpose.RELEASE, "a", "b>a/ch1 1")]
    assert world.orders == [("serve", "a>b/ch1")]


def test_a_node_that_has_its_turn_serves_nobody():
    _, world, turns = asking()
    world.calls[0][3]("", "")
    answers: list[str] = []
    turns.asked(Purpose.SERVE, "a", "a>b/ch1", "a>b/ch1", answers.append)

    assert answers == ["later: b>a/ch1 is being tested"]
    assert world.orders == []


def test_a_target_that_is_ready_when_the_lease_is_about_to_end_is_not_sent_to():
    clock, world, _ = asking()
    clock.advance(4.9)
    world.calls[0][3]("", "")
    clock.advance(4.9)
    world.calls[1][3]("", "")

    assert world.orders == []
    assert world.said()[2:] == [(Purpose.RELEASE, "a", "b>a/ch1 1")]


@pytest.mark.parametrize(("answer", "why"), [("later: busy", ""), (None, "no answer in time")])
def test_a_target_that_does_not_serve_costs_the_turn_and_is_asked_again(answer, why):
    clock, world, turns = asking()
    world.calls[0][3]("", "")
    world.calls[1][3](answer, why)
    assert world.said()[2:] == [(Purpose.RELEASE, "a", "b>a/ch1 1")]
    assert turns.busy == ""
    clock.advance(2)
    turns.beat()

    assert world.said()[3:] == [(Purpose.TURN, "a", "b>a/ch1 2")]


def test_a_source_that_is_refused_again_and_again_asks_less_often():
    clock, world, turns = asking()
    waits_s = []
    for number in range(EAGER_TRIES + 1):
        world.calls[number][3]("later: a>b/ch1 has the turn", "")
        refused_ns = clock.monotonic_ns()
        while len(world.calls) == number + 1:
            clock.advance(0.1)
            turns.beat()
        waits_s.append((clock.monotonic_ns() - refused_ns) / SECOND)

    assert max(waits_s[: EAGER_TRIES - 1]) < RETRY_S + 1
    assert min(waits_s[EAGER_TRIES:]) >= PATIENT_S


def test_sources_that_were_refused_together_do_not_come_back_together():
    back = []
    for node in "bcd":
        clock, world, turns = single(node, "a", 4)
        clock.advance(200)
        turns.beat()
        world.calls[0][3]("later: a>b/ch1 has the turn", "")
        refused_ns = clock.monotonic_ns()
        while len(world.calls) == 1:
            clock.advance(0.05)
            turns.beat()
        back.append((clock.monotonic_ns() - refused_ns) / SECOND)

    assert all(later - earlier > 0.2 for earlier, later in itertools.pairwise(back))


def test_with_four_nodes_a_coordinator_that_began_just_now_may_have_given_a_lease_in_its_earlier_life():
    clock, _, turns = single("a", "bcd", 4)
    answers: list[str] = []
    clock.advance(2 + LEASE_S - 0.1)
    turns.asked(Purpose.TURN, "b", "b>a/ch1", "b>c/ch1 1", answers.append)
    clock.advance(0.2)
    turns.asked(Purpose.TURN, "b", "b>a/ch1", "b>c/ch1 2", answers.append)

    assert answers == ["later: the coordinator has only just begun", ""]


def test_with_three_nodes_the_locks_suffice():
    _, _, turns = single("a", "bc", 3)
    answers: list[str] = []
    turns.asked(Purpose.TURN, "b", "b>a/ch1", "b>c/ch1 1", answers.append)

    assert answers == [""]


def test_a_node_that_takes_over_waits_for_the_leases_of_the_one_before():
    clock, world, turns = single("b", "acd", 4)
    answers: list[str] = []
    turns.beat()
    clock.advance(25)
    world.others = set("cd")
    turns.beat()
    turns.asked(Purpose.TURN, "c", "c>b/ch1", "c>d/ch1 1", answers.append)
    clock.advance(2 + LEASE_S)
    turns.asked(Purpose.TURN, "c", "c>b/ch1", "c>d/ch1 2", answers.append)

    assert answers == ["later: the coordinator has only just begun", ""]


# --- what keeps a test from beginning ------------------------------------------------------------------------------


def test_a_missing_iperf3_skips_the_tests_from_and_to_this_node_and_no_others():
    cluster = Cluster(plan_of(3))
    cluster.machines["b"].turns.unable("iperf3 is not installed")
    cluster.run(120)

    assert cluster.done() == ["a>c/ch1", "c>a/ch1"]
    assert cluster.machines["b"].outcomes[0] == ("b>a/ch1", State.SKIPPED, "iperf3 is not installed")
    assert ("a>b/ch1", State.SKIPPED, "b: iperf3 is not installed") in cluster.machines["a"].outcomes
    assert len([1 for machine in cluster.machines.values() for o in machine.outcomes if o[1] is State.SKIPPED]) == 4


def test_a_peer_that_comes_late_is_tested_in_the_same_round():
    cluster = Cluster(plan_of(2))
    cluster.machines["b"].kill()
    cluster.run(300)
    assert cluster.spans == []
    cluster.start("b")
    cluster.run(60)

    assert cluster.done() == ["a>b/ch1", "b>a/ch1"]


def test_a_round_that_ends_says_of_each_missed_test_why():
    cluster = Cluster(plan_of(2, every_s=60))
    cluster.machines["b"].kill()
    cluster.run(95)

    assert cluster.machines["a"].outcomes == [("a>b/ch1", State.SKIPPED, "no collector answers on b")]


def test_a_test_that_keeps_failing_is_recorded_and_left_for_the_next_round():
    cluster = Cluster(plan_of(2))
    machine = cluster.machines["b"]

    def serve(path: PlannedTest, _limit_bps: int | None, deadline_s: float) -> None:  # and nothing listens
        machine.turns.serving(path.name, "")
        cluster.later(deadline_s, machine, lambda: machine.turns.served(path.name))

    machine.serve = serve
    cluster.run(100)

    assert cluster.machines["a"].outcomes == [("a>b/ch1", State.ERROR, "unable to connect to server")] * FAILURES
    assert FAILURES > 1, "one failure must not cost a whole round"


def test_no_test_begins_that_would_not_be_over_when_the_run_is():
    cluster = Cluster(plan_of(3, seconds=10, cap_bps=RATE_BPS), planned_s=40.0)
    cluster.run(40)
    for machine in cluster.machines.values():
        machine.turns.leave()

    assert len(cluster.done()) == 2
    assert all(span.to_ns <= cluster.clock.monotonic_ns() for span in cluster.spans)
    told = {path: (state, reason) for machine in cluster.machines.values() for path, state, reason in machine.outcomes}
    assert len(told) == 6, "every path has an outcome"
    assert all("the run" in reason for state, reason in told.values() if state is not State.OK)


def test_quiet_hours_hold_tests_back_until_they_end():
    at_min = REAL_NS // 60_000_000_000 % 1440
    span = f"{at_min // 60:02d}:{at_min % 60:02d}-{(at_min + 5) // 60 % 24:02d}:{(at_min + 5) % 60:02d}"
    cluster = Cluster(plan_of(2, quiet=[span]))
    cluster.run(200)
    assert cluster.spans == []
    assert set(cluster.machines["a"].outcomes) == {("a>b/ch1", State.SKIPPED, f"quiet hours {span} UTC")}
    cluster.run(200)

    assert cluster.done() == ["a>b/ch1", "b>a/ch1"]


def test_the_budget_stops_a_path_before_it_is_overrun():
    each = RATE_BPS // 8 * 2
    budget = 3 * each + each // 2
    cluster = Cluster(make_plan(bandwidth={"every_s": 30, "budget_B": budget, "cap_bps": RATE_BPS}))
    cluster.run(30 + 10 * 30)

    assert cluster.done() == ["a>b/ch1"] * 3 + ["b>a/ch1"] * 3
    state, reason = cluster.machines["a"].outcomes[-1][1:]
    assert state is State.SKIPPED
    assert reason == f"budget used up: {3 * each} of {budget} bytes, and the next test would send about {each}"


def test_a_node_that_crashes_during_each_of_its_tests_does_not_spend_the_budget_anew():
    each = RATE_BPS // 8 * 2
    cluster = Cluster(make_plan(bandwidth={"every_s": 30, "budget_B": 2 * each + each // 2, "cap_bps": RATE_BPS}))
    begun = 0
    for _ in range(8):
        cluster.run(31)
        for _ in range(200):
            cluster.run(0.2)
            program = cluster.machines["a"].program
            if program is not None and program.path == "a>b/ch1":
                begun += 1
                cluster.machines["a"].kill()
                break
        cluster.start("a")

    assert begun == 2
    assert cluster.spent["a>b/ch1"] == 2 * each
    assert cluster.machines["a"].outcomes == []


def test_all_kinds_of_tests_are_made_in_a_round_and_never_two_at_once():
    cluster = Cluster(make_plan(network={"ch1": {"kind": "channel", "load_bps": 10_000_000}}))
    cluster.run(30 + 60)

    assert cluster.done() == [
        f"{path}{kind}" for path in ("a>b/ch1", "b>a/ch1") for kind in ("", " planned", " udp")
    ]  # fmt: skip
    assert cluster.overlaps(same_node=False) == []


def test_rounds_go_on_to_the_end_of_a_short_run():
    cluster = Cluster(plan_of(2), planned_s=900.0)
    cluster.run(900)

    assert cluster.done() == ["a>b/ch1"] * 4 + ["b>a/ch1"] * 4
    began_s = [(span.from_ns - FakeClock().mono_ns) / SECOND for span in cluster.spans]
    assert max(began_s) > 700


def test_a_node_that_works_for_others_begins_no_test_until_it_has_room_and_says_why():
    cluster = Cluster(plan_of(2))
    cluster.machines["a"].full = "busy: other programs used more than 80% of this node's CPUs"
    cluster.run(60)
    assert cluster.spans == []
    told = cluster.machines["a"].outcomes
    assert ("a>b/ch1", State.SKIPPED, cluster.machines["a"].full) in told
    assert ("b>a/ch1", State.SKIPPED, f"a: {cluster.machines['a'].full}") in cluster.machines["b"].outcomes
    cluster.machines["a"].full = ""
    cluster.run(60)

    assert cluster.done() == ["a>b/ch1", "b>a/ch1"]


def test_a_test_that_had_to_make_room_is_recorded_and_made_later():
    clock, world, turns = asking()
    world.calls[0][3]("", "")
    world.calls[1][3]("", "")
    why = "ended after 1 s, busy: eth1 carried more than 30% of its speed for others"
    turns.tested("b>a/ch1", Finish(State.SKIPPED, why, None, None, None))
    assert world.outcomes == [("b>a/ch1", State.SKIPPED, why)]
    world.full = "busy: eth1 carried more than 30% of its speed for others"
    clock.advance(5)
    turns.beat()
    assert [purpose for purpose, _, _ in world.said()] == [Purpose.TURN, Purpose.SERVE, Purpose.RELEASE]
    world.full = ""
    clock.advance(5)
    turns.beat()

    assert world.said()[3:] == [(Purpose.TURN, "a", "b>a/ch1 2")]


def test_between_sites_nothing_is_tested_without_a_stated_rate_and_the_outcome_says_so_at_once():
    data = dict(plan_of(2).data)
    data["node"] = [dict(row, site=site) for row, site in zip(data["node"], ("main", "dr"), strict=True)]
    cluster = Cluster(parse(data, "plan"))

    ((path, state, reason),) = cluster.machines["a"].outcomes
    assert (path, state) == ("a>b/ch1", State.SKIPPED)
    assert "rate_bps" in reason
    assert not cluster.machines["a"].turns.wanted


def test_a_request_that_is_not_of_the_plan_is_refused():
    cluster = Cluster(plan_of(3))
    turns = cluster.machines["a"].turns
    answers: list[str] = []
    for purpose, node, on, ask in [
        (Purpose.TURN, "b", "b>a/ch1", "c>a/ch1 1"),  # for somebody else
        (Purpose.TURN, "b", "b>a/ch1", "b>a/ch1"),
        (Purpose.TURN, "b", "b>a/ch1", "b>a/ch1 -1"),
        (Purpose.TURN, "b", "b>a/ch1", "b>x/ch1 1"),
        (Purpose.RELEASE, "b", "b>a/ch1", "nonsense"),
        (Purpose.SERVE, "b", "b>a/ch1", "b>c/ch1"),
        (Purpose.SERVE, "b", "b>a/ch1", "c>a/ch1"),
        (Purpose.SERVE, "b", "b>a/ch1", ""),
    ]:
        turns.asked(purpose, node, on, ask, answers.append)

    assert answers == ["never: that is no test of the plan"] * 8
    assert turns.busy == ""
    assert cluster.spans == []


def test_a_node_that_serves_refuses_to_serve_again_and_gives_no_turn_to_others():
    cluster = Cluster(plan_of(3))
    turns = cluster.machines["a"].turns
    answers: list[str] = []
    turns.asked(Purpose.SERVE, "b", "b>a/ch1", "b>a/ch1", answers.append)
    turns.asked(Purpose.SERVE, "c", "c>a/ch1", "c>a/ch1", answers.append)
    turns.asked(Purpose.TURN, "c", "c>a/ch1", "c>a/ch1 1", answers.append)
    assert answers == ["later: b>a/ch1 is being tested"] * 2
    cluster.run(2 + SERVER_S + 0.1)
    turns.asked(Purpose.TURN, "c", "c>a/ch1", "c>a/ch1 2", answers.append)

    assert answers[2:] == ["", ""], "the first was served when its server listened; later the turn was free"


# --- leases, places, hours, budget ---------------------------------------------------------------------------------

A_TO_B, B_TO_A = PlannedTest("a", "b", "ch1"), PlannedTest("b", "a", "ch1")


def test_a_lease_is_given_to_one_and_ends_by_itself():
    leases = Leases(0)

    assert leases.ask(A_TO_B, 1, 16.0, 0) == ""
    assert leases.ask(B_TO_A, 1, 16.0, 15 * SECOND) == "later: a>b/ch1 has the turn"
    assert leases.ask(B_TO_A, 2, 16.0, 16 * SECOND) == ""


def test_only_the_present_lease_can_be_given_back():
    leases = Leases(0)
    leases.ask(A_TO_B, 1, 16.0, 0)
    leases.ask(A_TO_B, 2, 16.0, 0)  # its first answer got lost, so it asked again
    leases.release(A_TO_B, 1)
    leases.release(B_TO_A, 2)
    assert leases.ask(B_TO_A, 1, 16.0, 1) != ""
    leases.release(A_TO_B, 2)

    assert leases.ask(B_TO_A, 1, 16.0, 1) == ""


def test_a_coordinator_that_has_just_begun_gives_no_lease():
    leases = Leases(10)
    leases.hold_off(20)

    assert leases.ask(A_TO_B, 1, 16.0, 19) == "later: the coordinator has only just begun"
    assert leases.ask(A_TO_B, 2, 16.0, 20) == ""


def test_a_coordinator_waits_for_the_last_of_the_leases_that_it_knows_of():
    leases = Leases(0)
    leases.hold_off(20)
    leases.hold_off(15)

    assert leases.ask(A_TO_B, 1, 16.0, 19) == "later: the coordinator has only just begun"


@pytest.mark.parametrize(
    "text", ["", " ", "a>b/ch1", "a>b/ch1 ", "a>b/ch1 x", "a>b/ch1 -1", "a>b/ch1 ²", "b 1", "1" * 99]
)
def test_a_request_that_is_none_is_not_read(text):
    assert read_ask(text, {"a>b/ch1": A_TO_B}) is None
    assert read_ask("a>b/ch1 7", {"a>b/ch1": A_TO_B}) == (A_TO_B, 7)


def test_places_leave_room_for_each_test_and_keep_both_directions_together():
    found = places(plan_of(3))

    assert list(found) == [path.name for path in plan_schedule.test_order(plan_of(3))]
    assert list(found)[:2] == ["a>b/ch1", "b>a/ch1"]
    assert all(later - earlier > 2 for earlier, later in itertools.pairwise(found.values()))


@pytest.mark.parametrize(
    ("planned_s", "met_s", "at_s"), [(86_400, 2.0, 30.0), (86_400, None, 30.0), (60, 2.0, 7.0), (60, 14.0, 15.0), (60, None, 15.0)]
)  # fmt: skip
def test_the_first_round_begins_after_half_a_minute_or_in_a_short_run_soon_after_all_have_met(planned_s, met_s, at_s):
    assert first_round_s(planned_s, met_s) == at_s


@pytest.mark.parametrize(
    ("hours", "at", "seconds", "quiet"),
    [
        ((480, 1080), 479.0, 50, False),
        ((480, 1080), 479.5, 50, True),  # would run into it
        ((480, 1080), 480.0, 2, True),
        ((480, 1080), 1079.99, 2, True),
        ((480, 1080), 1080.0, 2, False),
        ((1320, 360), 1319.0, 2, False),
        ((1320, 360), 1330.0, 2, True),
        ((1320, 360), 0.0, 2, True),  # over midnight
        ((1320, 360), 359.0, 2, True),
        ((1320, 360), 360.0, 2, False),
        ((0, 60), 1439.9, 30, True),  # begins tomorrow, before the end
    ],
)
def test_quiet_hours_are_left_alone_to_the_minute_also_over_midnight(hours, at, seconds, quiet):
    told = quiet_at((Quiet(*hours),), REAL_NS // 86_400_000_000_000 * 86_400_000_000_000 + round(at * 60e9), seconds)

    assert bool(told) is quiet
    assert quiet_at((), 0, 1e6) == ""


def test_a_forecast_takes_the_limit_else_what_was_measured_else_what_was_stated_else_a_fast_lan():
    capped = Ledger(make_plan(bandwidth={"cap_bps": 50_000_000}))
    free = Ledger(make_plan())
    stated = Ledger(make_plan(network={"ch1": {"kind": "channel", "rate_bps": 1_000_000_000}}))

    assert capped.forecast_B(A_TO_B) == 12_500_000
    assert stated.forecast_B(A_TO_B) == 250_000_000
    assert free.forecast_B(A_TO_B) == UNKNOWN_BPS // 8 * 2
    free.measured(A_TO_B, 400e6)
    assert free.forecast_B(A_TO_B) == 100_000_000
    stated.measured(A_TO_B, 400e6)
    assert stated.forecast_B(A_TO_B) == 100_000_000
    capped.measured(A_TO_B, 400e6)
    assert capped.forecast_B(A_TO_B) == 12_500_000


def test_all_kinds_of_tests_of_a_path_share_its_budget():
    plan = make_plan(
        network={"ch1": {"load_bps": 20_000_000}}, bandwidth={"budget_B": 30_000_000, "cap_bps": 80_000_000}
    )
    ledger = Ledger(plan)
    datagrams = PlannedTest("a", "b", "ch1", LoadKind.UDP)
    assert ledger.forecast_B(datagrams) == 5_000_000
    ledger.charge(A_TO_B, None)
    assert ledger.refusal(datagrams) == ""
    ledger.charge(datagrams, 6_000_000)

    assert ledger.refusal(datagrams).startswith("budget used up: 26000000 of 30000000 bytes")


def test_a_test_of_unknown_cost_is_charged_as_it_was_expected():
    ledger = Ledger(make_plan(bandwidth={"cap_bps": 50_000_000, "budget_B": 30_000_000}))
    assert ledger.refusal(A_TO_B) == ""
    ledger.charge(A_TO_B, None)
    assert ledger.refusal(A_TO_B) == ""
    ledger.charge(A_TO_B, None)

    assert ledger.refusal(A_TO_B).startswith("budget used up: 25000000 of 30000000 bytes")
    assert ledger.refusal(B_TO_A) == "", "the budget is each path's own"


def test_a_budget_too_small_for_one_test_says_what_to_do():
    told = Ledger(make_plan(bandwidth={"budget_B": 1_000_000})).refusal(A_TO_B)

    assert "raise budget_B, or set cap_bps or the network's rate_bps" in told
