"""When a bandwidth test may begin: rounds, a test's place in its round, quiet hours and the byte budget. Pure functions of the plan.

Every node works the same list out for itself, so that tests meet each other's turns as rarely as possible. That they never run
at the same time is the business of `collector/peers/turns.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from collector.plan import Plan, PlannedTest, Quiet
from collector.plan_schedule import FIRST_ROUND_S, test_length_s, test_limit_bps, test_order

EVERY_S, FEW_ROUNDS, ROOM = 3600, 4, 10
"""Unless the plan says otherwise: from round to round, rounds that a run should have, and how much longer than a round it is to the
next one (design values)."""
SHORT_S = 300.0
"""A shorter run cannot wait for its first round as long as others (design value)."""
SHORT_SETTLE_S, SHORT_FIRST_S = 5.0, 15.0
"""In a short run the first round begins so long after all paths have met, or so long after the start (design values)."""
GAP_S = 3.0
"""Between two tests of a round: turns are asked for and servers started (design value)."""
CLIENT_S, SERVER_S, LEASE_S = 6.0, 10.0, 14.0
"""Beyond its length a test may take so long until its client, its server and its turn are ended: 5 s to connect, 1 s to exchange the
results; a server is started before the client, and a turn begins before the server is asked for (which may take 5 s)."""
CLOSING_S = 1.5
"""Beyond its length a test takes so long if all is well. One that would not be over when the run is does not begin."""
UNKNOWN_BPS = 10_000_000_000
"""Forecast of a test whose rate nobody has stated, limited or measured: a fast server LAN. So a budget is not overrun at the first test."""

_DAY_MIN = 24 * 60


def places(plan: Plan) -> dict[str, float]:
    """Seconds from the beginning of a round to each test, by its name, in the order of the round."""
    found: dict[str, float] = {}
    at_s = 0.0
    for test in test_order(plan):
        found[test.name] = at_s
        at_s += test_length_s(plan, test) + GAP_S
    return found


def round_s(plan: Plan) -> float:
    """How long one round lasts."""
    return sum(test_length_s(plan, test) + GAP_S for test in test_order(plan))


def every_s(plan: Plan, planned_s: float) -> int:
    """From round to round: as the plan says, else an hour, or less where a run would have too few rounds to tell a spread.

    Tests are no more than a tenth of the time, or a short run would be one of tests.
    """
    if plan.bandwidth.every_s is not None:
        return plan.bandwidth.every_s
    return min(EVERY_S, max(round(planned_s / FEW_ROUNDS), math.ceil(ROOM * round_s(plan)), 10))


def first_round_s(planned_s: float, met_s: float | None) -> float:
    """When the first round begins, since the start. `met_s`: when all paths had met, None if that has not happened."""
    if planned_s >= SHORT_S:
        return float(FIRST_ROUND_S)
    return SHORT_FIRST_S if met_s is None else min(SHORT_FIRST_S, met_s + SHORT_SETTLE_S)


def quiet_at(hours: tuple[Quiet, ...], real_ns: int, seconds: float) -> str:
    """The quiet hours that a stretch beginning at `real_ns` (UTC) touches, in words; empty if none."""
    begin_min = real_ns / 60e9 % _DAY_MIN
    end_min = begin_min + seconds / 60
    for quiet in hours:
        to_min = quiet.to_min + (_DAY_MIN if quiet.to_min <= quiet.from_min else 0)
        # Those of the day before may last until now; those of tomorrow may begin before the end.
        if any(begin_min < to_min + day and end_min > quiet.from_min + day for day in (-_DAY_MIN, 0, _DAY_MIN)):
            return f"quiet hours {_clock(quiet.from_min)}-{_clock(quiet.to_min)} UTC"
    return ""


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


class Ledger:
    """Bytes that the tests of this run have sent, by path and of all kinds, and what the next one may cost."""

    def __init__(self, plan: Plan, spent: Mapping[str, int] | None = None) -> None:
        """`spent`: what earlier starts of this run have sent, by path."""
        self._plan = plan
        self._spent = dict(spent or {})
        self._measured_bps: dict[str, float] = {}

    def forecast_B(self, test: PlannedTest) -> int:
        """What a test will send: at its limit, else as fast as the last one, else as the network's stated rate has it."""
        stated = self._plan.network(test.network).rate_bps
        measured = self._measured_bps.get(test.name)
        rate = test_limit_bps(self._plan, test) or measured or stated or UNKNOWN_BPS
        return round(rate / 8 * test_length_s(self._plan, test))

    def refusal(self, test: PlannedTest) -> str:
        """Why the budget does not allow another test; empty if it does."""
        spent, budget = self._spent.get(test.path, 0), self._plan.bandwidth.budget_B
        forecast = self.forecast_B(test)
        if spent + forecast <= budget:
            return ""
        if spent:
            return f"budget used up: {spent} of {budget} bytes, and the next test would send about {forecast}"
        return (
            f"the budget of {budget} bytes may not last for one test of about {forecast}: "
            "raise budget_B, or set cap_bps or the network's rate_bps"
        )

    def charge(self, test: PlannedTest, sent: int | None) -> int:
        """Note how many bytes a test sent; None: not known, so as many as were expected. Returns what its path has sent in all."""
        self._spent[test.path] = self._spent.get(test.path, 0) + (self.forecast_B(test) if sent is None else sent)
        return self._spent[test.path]

    def expected_B(self, test: PlannedTest) -> int:
        """What its path will have sent in all when a test is over that begins now."""
        return self._spent.get(test.path, 0) + self.forecast_B(test)

    def measured(self, test: PlannedTest, rate_bps: float) -> None:
        """Note how fast the last test was."""
        self._measured_bps[test.name] = rate_bps
