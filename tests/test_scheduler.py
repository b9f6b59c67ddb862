"""The scheduler: whatever a probe does, it becomes rows and an outcome, on an absolute schedule."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fakes import FakeClock, FakeHost, make_env, pipe

from collector.contract import Batch, Facts, Kind, Metric, Probe, Table
from collector.errors import Unavailable
from collector.scheduler import ASK_AGAIN_S, PARK_AFTER, Watch, run_host, run_probe

TABLE = Table("t", (Metric("v", "1", Kind.GAUGE),), labels=("dev",))


class Bench:
    """Runs one probe under a clock that moves only while it waits (or while the probe says so)."""

    def __init__(self, tmp_path, sample, rounds: int, **options: Any) -> None:
        self.clock = FakeClock()
        self.env = make_env(self.clock, FakeHost(), tmp_path)
        self.probe = Probe("p", (TABLE,), sample, **options)
        self.watch = Watch([self.probe])
        self.messages: list[tuple[Any, ...]] = []
        self.waits: list[float] = []
        self.rounds = rounds

    def wait(self, seconds: float) -> bool:
        self.waits.append(round(seconds, 6))
        self.clock.advance(seconds)
        return len(self.waits) >= self.rounds

    def run(self) -> Bench:
        run_probe(self.probe, self.env, self.watch, self.messages.append, self.wait)
        return self

    @property
    def reports(self) -> list[dict[str, Any]]:
        names = ("name", "state", "reason", "t_us", "ticks", "missed", "seconds", "trace")
        return [dict(zip(names, message[1:], strict=True)) for message in self.messages if message[0] == "probe"]

    @property
    def states(self) -> list[str]:
        return [report["state"] for report in self.reports]


def steady(env) -> Iterator[Batch | Facts | None]:
    for value in range(100):
        yield Batch("t", ("x",), env.clock.monotonic_ns(), (value,))
        yield None


def test_rows_and_facts_pass_through_with_time_since_t0(tmp_path):
    def sample(env):
        yield Facts("about", {"a": [1]})
        yield Batch("t", ("x",), env.clock.monotonic_ns() + 7_000, (None,))
        yield Batch("t", ("y",), env.clock.monotonic_ns(), (5,))
        yield None

    bench = Bench(tmp_path, sample, rounds=1).run()

    assert bench.messages[:3] == [
        ("facts", "about", {"a": [1]}),
        ("rows", "t", ("x",), [(7, None)]),
        ("rows", "t", ("y",), [(0, 5)]),
    ]
    assert bench.states == ["ok"]


def test_a_steady_probe_ticks_once_a_period_and_misses_nothing(tmp_path):
    bench = Bench(tmp_path, steady, rounds=5, period_s=2.0).run()

    assert bench.waits == [2.0] * 5
    assert [report["t_us"] for report in bench.reports] == [0, 2_000_000, 4_000_000, 6_000_000, 8_000_000]
    assert bench.reports[-1] | {"t_us": 0} == {
        "name": "p",
        "state": "ok",
        "reason": "",
        "t_us": 0,
        "ticks": 5,
        "missed": 0,
        "seconds": 0.0,
        "trace": "",
    }


def test_missed_ticks_are_counted_and_the_schedule_stays_absolute(tmp_path):
    took = iter([0.25, 2.5, 0.25, 0.25])

    def sample(env):
        while True:
            env.clock.advance(next(took))
            yield None

    bench = Bench(tmp_path, sample, rounds=4).run()

    # Ticks at 0, 1, (2 and 3 missed) 4, 5: always at whole seconds since the start.
    assert [report["t_us"] for report in bench.reports] == [0, 1_000_000, 4_000_000, 5_000_000]
    assert [report["missed"] for report in bench.reports] == [0, 2, 2, 2]
    assert bench.reports[-1]["ticks"] == 4
    assert bench.reports[-1]["seconds"] == pytest.approx(3.25)


def test_what_is_not_there_is_skipped_with_its_reason_and_asked_for_again_after_a_minute(tmp_path):
    there = iter([False, False, True])

    def sample(env):
        if not next(there):
            raise Unavailable("no PSI on this kernel")
        yield from steady(env)

    bench = Bench(tmp_path, sample, rounds=4).run()

    assert [(report["state"], report["reason"]) for report in bench.reports] == [
        ("skipped", "no PSI on this kernel"),
        ("skipped", "no PSI on this kernel"),
        ("ok", ""),
        ("ok", ""),
    ]
    assert bench.waits[:2] == [ASK_AGAIN_S, ASK_AGAIN_S]
    assert bench.reports[-1]["ticks"] == 2
    assert bench.reports[-1]["missed"] == 0


def test_a_rare_probe_is_not_asked_more_often_for_being_absent(tmp_path):
    def sample(_env):
        raise Unavailable("no")
        yield

    assert Bench(tmp_path, sample, rounds=1, period_s=3600.0).run().waits == [3600.0]


def test_an_exception_is_an_error_with_one_traceback_and_five_in_a_row_park_the_probe(tmp_path):
    def sample(_env):
        raise ZeroDivisionError("by zero")
        yield

    bench = Bench(tmp_path, sample, rounds=100).run()

    assert bench.states == ["error"] * PARK_AFTER
    assert PARK_AFTER == 5
    assert "ZeroDivisionError: by zero" in bench.reports[0]["trace"]
    assert "in sample" in bench.reports[0]["trace"]
    assert [report["trace"] for report in bench.reports[1:]] == [""] * 4
    assert bench.reports[0]["reason"] == "ZeroDivisionError: by zero"
    assert bench.reports[-1]["reason"] == "ZeroDivisionError: by zero (left out after 5 failures in a row)"
    assert bench.reports[-1]["ticks"] == 0
    assert len(bench.waits) == 4, "a parked probe is not waited for"


def test_a_tick_that_succeeds_forgives_the_failures_before_it(tmp_path):
    calls = iter(range(100))

    def sample(_env):
        while True:
            if next(calls) % 5 < 4:
                raise ValueError("odd")
            yield None

    bench = Bench(tmp_path, sample, rounds=20).run()

    assert bench.states == (["error"] * 4 + ["ok"]) * 4


def test_a_failing_probe_is_closed_and_looks_again_from_its_start(tmp_path):
    log: list[str] = []

    def sample(_env):
        log.append("open")
        try:
            yield None
            raise ValueError("gone bad")
        finally:
            log.append("close")

    Bench(tmp_path, sample, rounds=4).run()

    assert log == ["open", "close", "open", "close"]


def test_a_generator_that_ends_is_started_again_a_period_later(tmp_path):
    def sample(env):
        yield Batch("t", ("x",), env.clock.monotonic_ns(), (1,))

    bench = Bench(tmp_path, sample, rounds=3).run()

    assert bench.states == ["ok"] * 3
    assert sum(message[0] == "rows" for message in bench.messages) == 3


BAD_ROWS = {
    "too few values": Batch("t", ("x",), 0, ()),
    "too many values": Batch("t", ("x",), 0, (1, 2)),
    "a fraction": Batch("t", ("x",), 0, (1.5,)),  # type: ignore[arg-type]
    "a text": Batch("t", ("x",), 0, ("1",)),  # type: ignore[arg-type]
    "another table": Batch("other", ("x",), 0, (1,)),
    "no label": Batch("t", (), 0, (1,)),
    "a label too many": Batch("t", ("x", "y"), 0, (1,)),
}


@pytest.mark.parametrize("batch", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_row_that_does_not_fit_its_declaration_is_that_probe_s_error_and_goes_no_further(tmp_path, batch):
    """Further on it would end the whole run: the writer encodes it minutes later."""

    def sample(_env):
        yield batch
        yield None

    bench = Bench(tmp_path, sample, rounds=1).run()

    assert bench.states == ["error"]
    assert not [message for message in bench.messages if message[0] == "rows"]


# --- watch -----------------------------------------------------------------------------------------------------------


def test_a_probe_is_overdue_once_it_is_inside_its_tick_for_longer_than_its_deadline():
    slow, quick = Probe("slow", (), steady, deadline_s=10.0), Probe("quick", (), steady, deadline_s=1.0)
    watch = Watch([slow, quick])

    assert watch.overdue(10**18) == []
    watch.enter(slow, 5 * 10**9)
    watch.enter(quick, 5 * 10**9)
    assert watch.overdue(6 * 10**9) == []
    assert watch.overdue(6 * 10**9 + 1) == [quick]
    for second in range(7, 16):
        watch.overdue(second * 10**9)
    assert watch.overdue(15 * 10**9 + 1) == [slow, quick]
    watch.leave(quick)
    assert watch.overdue(16 * 10**9) == [slow]


def test_a_probe_that_stood_still_with_the_whole_collector_gets_its_time_again():
    probe = Probe("p", (), steady, deadline_s=5.0)
    watch = Watch([probe])
    watch.overdue(10**9)
    watch.enter(probe, 2 * 10**9)
    watch.overdue(2 * 10**9)
    assert watch.overdue(32 * 10**9) == [], "all of them were stopped for 30 s"
    for second in range(33, 38):
        assert watch.overdue(second * 10**9) == []
    assert watch.overdue(37 * 10**9 + 1) == [probe], "and it hangs all the same"


def test_the_watch_is_seen_across_a_fork():
    probe = Probe("p", (), steady, deadline_s=1.0)
    watch = Watch([probe])
    pid = os.fork()
    if not pid:
        watch.enter(probe, 1)
        os._exit(0)
    os.waitpid(pid, 0)

    assert watch.overdue(2 * 10**9) == [probe]


def test_the_watch_holds_a_probe_while_it_is_inside_its_tick_and_not_while_it_waits(tmp_path):
    seen: list[list[Probe]] = []

    def sample(_env):
        while True:
            seen.append(bench.watch.overdue(bench.clock.monotonic_ns() + 10**12))
            yield None

    bench = Bench(tmp_path, sample, rounds=2)
    wait = bench.wait
    between: list[list[Probe]] = []
    bench.wait = lambda seconds: (
        between.append(bench.watch.overdue(bench.clock.monotonic_ns() + 10**12)) or wait(seconds)
    )  # type: ignore[method-assign]
    bench.run()

    assert seen == [[bench.probe]] * 2
    assert between == [[]] * 2


# --- the host process ------------------------------------------------------------------------------------------------


def run_in_thread(probes, tmp_path) -> tuple[threading.Thread, Any, Any, list[int]]:
    env = make_env(FakeClock(), FakeHost(), tmp_path)
    orders_in, orders_out = pipe()
    rows_in, rows_out = pipe()
    thread = threading.Thread(target=run_host, args=(probes, env, Watch(probes), orders_in, rows_out), daemon=True)
    thread.start()
    return thread, orders_out, rows_in, [orders_in.fd, rows_in.fd, rows_out.fd]


@pytest.mark.parametrize("how", ["the parent is gone", "the parent says stop"])
def test_the_host_process_leaves_when(tmp_path, how):
    probe = Probe("p", (TABLE,), steady, period_s=3600.0)
    thread, orders, rows, fds = run_in_thread([probe], tmp_path)
    if how == "the parent says stop":
        orders.put(("stop",))
    os.close(orders.fd)
    thread.join(10)

    assert not thread.is_alive()
    assert ("rows", "t", ("x",), [(0, 0)]) in list(rows.messages())
    for fd in fds:
        os.close(fd)


def test_one_probe_that_fails_does_not_touch_another(tmp_path):
    def bad(_env):
        raise MemoryError
        yield

    done = threading.Event()

    def good(env):
        yield Batch("t", ("x",), env.clock.monotonic_ns(), (1,))
        yield None
        done.set()
        yield None

    probes = [Probe("bad", (), bad, period_s=0.01), Probe("good", (TABLE,), good, period_s=0.01)]
    thread, orders, rows, fds = run_in_thread(probes, tmp_path)
    assert done.wait(10)
    os.close(orders.fd)
    thread.join(10)

    messages = list(rows.messages())
    assert ("rows", "t", ("x",), [(0, 1)]) in messages
    assert {message[2] for message in messages if message[:2] == ("probe", "bad")} == {"error"}
    for fd in fds:
        os.close(fd)
