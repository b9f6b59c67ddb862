"""Whose turn it is: bandwidth tests run one at a time in the whole cluster, and no node takes part in two.

The source of a path asks the coordinator (of the nodes it can talk to, itself included, the first in the plan) for a *lease*, then the
target to serve, sends, and gives the lease back. A lease ends by itself after the test's length and a margin, so that one who died
holds nobody up. Times in it are relative: no two clocks have to agree. A coordinator that has only just begun, or taken over, gives none
until those of before have ended.

Coordinators may be two for a while, when nodes see each other differently. Therefore every node holds a lock of its own as well: once it
takes part in a test it refuses every other, whatever anyone says, until its iperf3 is gone.

There are no sockets and no processes here: `collector.peers.world.World` is what this needs of them. It is one state machine, so it
stands in one module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.contract import State
from collector.machine import Clock
from collector.peers.guard import BUSY
from collector.peers.hello import Purpose
from collector.peers.leases import LATER, NEVER, Leases, read_ask
from collector.peers.rounds import (
    CLIENT_S,
    CLOSING_S,
    LEASE_S,
    SERVER_S,
    Ledger,
    every_s,
    first_round_s,
    places,
    quiet_at,
)
from collector.peers.world import Finish, World
from collector.plan import Plan, PlannedTest
from collector.plan_schedule import test_length_s, test_limit_bps, test_order, why_not_tested

RETRY_S, PATIENT_S, EAGER_TRIES = 1.0, 10.0, 20
"""A source that was refused asks again after so long; after that many times less often."""
STAGGER_S = 0.3
"""By so much longer for each place in the plan, so that sources which were refused together do not come back together."""
FAILURES = 3
"""A test that failed so often in a round is left for the next one."""


@dataclass(slots=True)
class _Owed:
    """A test that this node is to make in the present round, and why it has not yet."""

    test: PlannedTest
    due_ns: int
    tries: int = 0
    failures: int = 0
    state: State = State.TIMEOUT
    reason: str = ""


@dataclass(slots=True, eq=False)
class _Attempt:
    """The test that this node wants to make now. It takes the lock with the lease."""

    owed: _Owed
    number: int
    coordinator: str
    asked_ns: int
    leased: bool = False
    running: bool = False


@dataclass(slots=True)
class _Serving:
    test: PlannedTest
    reply: Callable[[str], None] | None


class Turns:
    """One node's part in the bandwidth tests."""

    def __init__(
        self,
        plan: Plan,
        node: str,
        world: World,
        clock: Clock,
        planned_s: float,
        spent: Mapping[str, int] | None = None,
    ) -> None:
        """`spent`: bytes that this node's tests have sent in earlier starts of the run, by path."""
        self._plan = plan
        self._me = node
        self._world = world
        self._clock = clock
        self._t0_ns = clock.monotonic_ns()
        self._planned_s = planned_s
        self._end_ns = self._t0_ns + round(planned_s * 1e9)
        self._order = [one.name for one in plan.nodes]
        self._tests = {test.name: test for test in test_order(plan)}
        self._places = places(plan)
        self._every_ns = every_s(plan, planned_s) * 1_000_000_000
        self._ledger = Ledger(plan, spent)
        # Two tests without a common node need four nodes; with fewer the locks suffice.
        many = len({name for test in self._tests.values() for name in (test.source, test.target)}) > 3
        longest_s = max((self._lease_s(test) for test in self._tests.values()), default=0.0)
        self._longest_ns = round(longest_s * 1e9) if many else 0
        self._leases = Leases(self._t0_ns + self._longest_ns)
        self._first = True
        """Whether this node was the first in the plan of those alive; at the start it makes no difference."""
        self._met_s: float | None = None
        self._round_ns: int | None = None
        self._owed: list[_Owed] = []
        self._attempt: _Attempt | None = None
        self._serving: _Serving | None = None
        self._number = 0
        self._unable = ""
        self._leaving = False
        for path in plan.bandwidth_paths():
            if path.source == node and (why := why_not_tested(plan, path)):
                world.outcome(path.name, State.SKIPPED, why)

    @property
    def wanted(self) -> bool:
        """True if this node has a part in any test."""
        return any(self._me in (test.source, test.target) for test in self._tests.values())

    @property
    def busy(self) -> str:
        """The name of the test that this node takes part in, empty if none: the node's own lock."""
        if self._serving is not None:
            return self._serving.test.name
        return self._attempt.owed.test.name if self._attempt is not None and self._attempt.leased else ""

    def upcoming(self) -> tuple[str, float] | None:
        """The next test of this node's own and the seconds until its turn, if all goes well; None if there is none to come."""
        now = self._clock.monotonic_ns()
        due = [(owed.due_ns, owed.test) for owed in self._owed]
        if not due:
            first_ns = self._t0_ns + round(first_round_s(self._planned_s, self._met_s) * 1e9)
            begin = first_ns if self._round_ns is None else self._round_ns + self._every_ns
            mine = [test for test in self._tests.values() if test.source == self._me]
            due = [(begin + round(self._places[test.name] * 1e9), test) for test in mine]
        if self._leaving or self._unable or not due:
            return None
        at_ns, test = min(due, key=lambda one: one[0])
        over_ns = at_ns + round((test_length_s(self._plan, test) + CLOSING_S) * 1e9)
        return None if over_ns > self._end_ns else (test.name, max(0.0, (at_ns - now) / 1e9))

    def unable(self, why: str) -> None:
        """Take part in no test, for this reason."""
        self._unable = why

    # --- the source's side -----------------------------------------------------------------------------------------

    def beat(self) -> None:
        """Once a second or so, and whenever something ended: begin what is due."""
        if self._leaving or not self._tests:
            return
        now = self._clock.monotonic_ns()
        first = self._coordinator() == self._me
        if first and not self._first:
            self._leases.hold_off(now + self._longest_ns)
        self._first = first
        self._rounds(now)
        for owed in sorted(self._owed, key=lambda owed: owed.due_ns):
            if self._attempt is not None or self._serving is not None or owed.due_ns > now:
                return
            self._try(owed, now)

    def leave(self) -> None:
        """The run ends: ask for nothing any more, and say what was not done."""
        self._leaving = True
        self._close_round("the run ended before its turn came")

    def _rounds(self, now: int) -> None:
        mine = [test for test in self._tests.values() if test.source == self._me]
        if self._met_s is None and all(self._world.met(test.path) for test in mine):
            self._met_s = (now - self._t0_ns) / 1e9
        every_ns = self._every_ns
        if self._round_ns is None:
            begin = self._t0_ns + round(first_round_s(self._planned_s, self._met_s) * 1e9)
        else:
            begin = self._round_ns + every_ns
        if now < begin:
            return
        self._close_round("its turn did not come in this round")
        self._round_ns = begin + (now - begin) // every_ns * every_ns
        under_way = "" if self._attempt is None else self._attempt.owed.test.name
        self._owed = [
            _Owed(test, self._round_ns + round(self._places[test.name] * 1e9))
            for test in mine
            if test.name != under_way
        ]

    def _close_round(self, otherwise: str) -> None:
        """Record what was missed, and why; `otherwise` of those that were not due yet."""
        for owed in self._owed:
            self._world.outcome(owed.test.name, owed.state, owed.reason or otherwise)
        self._owed = []

    def _try(self, owed: _Owed, now: int) -> None:
        """Begin the test, or note what holds it up."""
        length_s = test_length_s(self._plan, owed.test)
        if self._unable:
            self._drop(owed, State.SKIPPED, self._unable)
        elif now + round((length_s + CLOSING_S) * 1e9) > self._end_ns:
            if owed.tries + owed.failures:
                self._drop(owed, owed.state, f"{owed.reason}; then the run was about to end")
            else:
                self._drop(owed, State.SKIPPED, "the run ends before a test would be over")
        elif refusal := self._ledger.refusal(owed.test):
            self._drop(owed, State.SKIPPED, refusal)
        elif quiet := quiet_at(self._plan.bandwidth.quiet, self._clock.realtime_ns(), length_s + CLIENT_S):
            self._world.outcome(owed.test.name, State.SKIPPED, quiet)
            self._again(owed, State.SKIPPED, quiet)
        elif not self._world.met(owed.test.path):
            self._again(owed, State.SKIPPED, f"no collector answers on {owed.test.target}")
        elif laden := self._world.laden():
            self._world.outcome(owed.test.name, State.SKIPPED, laden)
            self._again(owed, State.SKIPPED, laden)
        else:
            self._ask(owed, now)

    def _ask(self, owed: _Owed, now: int) -> None:
        self._number += 1
        attempt = self._attempt = _Attempt(owed, self._number, self._coordinator(), now)

        def done(answer: str | None, why: str) -> None:
            self._granted(attempt, answer, why)

        if attempt.coordinator == self._me:
            done(self._leases.ask(owed.test, attempt.number, self._lease_s(owed.test), now), "")
        else:
            self._world.call(Purpose.TURN, attempt.coordinator, "", f"{owed.test.name} {attempt.number}", done)

    def _granted(self, attempt: _Attempt, answer: str | None, why: str) -> None:
        """The coordinator has answered: ask the target to serve."""
        test = attempt.owed.test
        if answer != "":
            self._attempt = None
            self._refused(attempt.owed, attempt.coordinator, answer, why)
            return
        attempt.leased = True
        if self._serving is not None or self._leaving:
            self._give_back(attempt)
            self._again(attempt.owed, State.TIMEOUT, "this node was itself needed as a server")
            return

        def done(answer: str | None, why: str) -> None:
            self._served_by(attempt, answer, why)

        self._world.call(Purpose.SERVE, test.target, test.path, test.name, done)

    def _served_by(self, attempt: _Attempt, answer: str | None, why: str) -> None:
        """The target has answered: send, if the lease still lasts long enough and the run too."""
        owed, now = attempt.owed, self._clock.monotonic_ns()
        seconds = test_length_s(self._plan, owed.test)
        if answer != "" or self._leaving:
            self._give_back(attempt)
            self._refused(owed, owed.test.target, answer, why)
        # By this clock the lease began before the coordinator gave it, so it ends here first.
        elif now + round((seconds + CLIENT_S) * 1e9) > attempt.asked_ns + round(self._lease_s(owed.test) * 1e9):
            self._give_back(attempt)
            self._again(owed, State.TIMEOUT, "the target was ready too late")
        elif now + round((seconds + CLOSING_S) * 1e9) > self._end_ns:
            self._give_back(attempt)
            self._drop(owed, State.SKIPPED, "the run ends before a test would be over")
        else:
            limit = test_limit_bps(self._plan, owed.test)
            attempt.running = True
            # Whoever is killed during the test has spent its bytes all the same.
            self._world.spent(owed.test.path, self._ledger.expected_B(owed.test))
            self._world.note(f"bandwidth {owed.test.name}: a test of {seconds} s begins")
            self._world.test(owed.test, seconds, limit, seconds + CLIENT_S)

    def tested(self, name: str, end: Finish) -> None:
        """The test that was begun is over."""
        attempt = self._attempt
        if attempt is None or not attempt.running or attempt.owed.test.name != name:
            return
        owed = attempt.owed
        self._give_back(attempt)
        self._world.spent(owed.test.path, self._ledger.charge(owed.test, end.sent_B))
        if end.state is State.OK and end.received_B is not None and end.receiver_us:
            rate_bps = 8e6 * end.received_B / end.receiver_us
            self._ledger.measured(owed.test, rate_bps)
            self._world.note(f"bandwidth {name}: {rate_bps / 1e6:.1f} Mbit/s")
            self._drop(owed, State.OK, "")
            return
        owed.failures += 1
        if owed.failures >= FAILURES or owed not in self._owed:
            self._drop(owed, end.state, end.reason)
        else:
            self._world.outcome(name, end.state, end.reason)
            self._again(owed, end.state, end.reason)

    def _give_back(self, attempt: _Attempt) -> None:
        """End the attempt: unlock this node, and let others have the turn."""
        self._attempt = None
        test = attempt.owed.test
        if attempt.coordinator == self._me:
            self._leases.release(test, attempt.number)
        else:
            ask = f"{test.name} {attempt.number}"
            # If it gets lost the lease ends by itself.
            self._world.call(Purpose.RELEASE, attempt.coordinator, "", ask, lambda _answer, _why: None)

    def _refused(self, owed: _Owed, by: str, answer: str | None, why: str) -> None:
        if answer is None:
            self._again(owed, State.TIMEOUT, f"{by} did not answer: {why}")
        elif answer.startswith(NEVER):
            self._drop(owed, State.SKIPPED, f"{by}: {answer.removeprefix(NEVER)}")
        else:
            why = answer.removeprefix(LATER)
            if why.startswith(BUSY):
                self._world.outcome(owed.test.name, State.SKIPPED, f"{by}: {why}")
                self._again(owed, State.SKIPPED, f"{by}: {why}")
            else:
                self._again(owed, State.TIMEOUT, f"no turn: {by} said {why}")

    def _again(self, owed: _Owed, state: State, reason: str) -> None:
        owed.state, owed.reason = state, reason
        owed.tries += 1
        wait_s = (RETRY_S if owed.tries < EAGER_TRIES else PATIENT_S) + STAGGER_S * self._order.index(self._me)
        owed.due_ns = self._clock.monotonic_ns() + round(wait_s * 1e9)

    def _drop(self, owed: _Owed, state: State, reason: str) -> None:
        """No more of it in this round."""
        if owed in self._owed:
            self._owed.remove(owed)
        self._world.outcome(owed.test.name, state, reason)

    def _coordinator(self) -> str:
        alive = {self._me, *self._world.live()}
        return next(name for name in self._order if name in alive)

    def _lease_s(self, test: PlannedTest) -> float:
        return test_length_s(self._plan, test) + LEASE_S

    # --- what others ask -------------------------------------------------------------------------------------------

    def asked(self, purpose: Purpose, node: str, on: str, ask: str, reply: Callable[[str], None]) -> None:
        """A peer (proved) asks something on the path `on`, from it to here. `reply` may be called later."""
        if self._leaving:
            reply(f"{NEVER}its run is ending")
        elif purpose is Purpose.SERVE:
            self._asked_to_serve(node, on, ask, reply)
        elif (read := read_ask(ask, self._tests)) is None or read[0].source != node:
            reply(f"{NEVER}that is no test of the plan")
        elif purpose is Purpose.RELEASE:
            self._leases.release(*read)
            reply("")
            self.beat()
        elif self.busy and self._tests[self.busy].source != node:
            reply(f"{LATER}{self.busy} is being tested")
        else:
            reply(self._leases.ask(*read, self._lease_s(read[0]), self._clock.monotonic_ns()))

    def _asked_to_serve(self, node: str, on: str, ask: str, reply: Callable[[str], None]) -> None:
        test = self._tests.get(ask)
        if test is None or test.path != on or test.source != node or test.target != self._me:
            reply(f"{NEVER}that is no test of the plan")
            return
        length_s = test_length_s(self._plan, test)
        if self._unable:
            reply(f"{NEVER}{self._unable}")
        elif self.busy:
            reply(f"{LATER}{self.busy} is being tested")
        elif self._clock.monotonic_ns() + round((length_s + CLOSING_S) * 1e9) > self._end_ns:
            reply(f"{NEVER}its run ends before a test would be over")
        elif laden := self._world.laden():
            reply(f"{LATER}{laden}")
        else:
            self._serving = _Serving(test, reply)
            self._world.serve(test, test_limit_bps(self._plan, test), length_s + SERVER_S)

    def serving(self, name: str, why_not: str) -> None:
        """The server listens, or does not and is gone (`why_not`)."""
        serving = self._serving
        if serving is None or serving.test.name != name or serving.reply is None:
            return
        reply, serving.reply = serving.reply, None
        if why_not:
            self._serving = None
            reply(f"{LATER}{why_not}")
        else:
            reply("")

    def served(self, name: str) -> None:
        """The server is gone."""
        if self._serving is not None and self._serving.test.name == name:
            self._serving = None
            self.beat()

    def interrupted(self, why: str) -> None:
        """The process that runs tests died, and its iperf3 with it."""
        if self._serving is not None:
            reply, self._serving = self._serving.reply, None
            if reply is not None:
                reply(f"{LATER}{why}")
        attempt = self._attempt
        if attempt is not None and attempt.running:
            self.tested(attempt.owed.test.name, Finish(State.ERROR, why, None, None, None))
