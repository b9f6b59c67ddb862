"""etcd (Raft): heartbeat interval and election timeout.

What: `heartbeat-interval` and `election-timeout` of every member.
Why HA: Too short, and followers call elections while the leader is well: writes stop each time. Too long is an outage after a real failure.
How: The election timeout outlasts the vendor's default of 1 s, 10 x the 99 % round trip, 5 x the heartbeat, 1.25 x the pauses, the slowest commit, outages and scenarios that
    count, and twice the longest silence in the replay of every directed path, all with a heartbeat to spare because etcd counts in ticks: Raft talks over TCP, so what is lost comes late. A follower draws its
    timeout from E to 2 E. The heartbeat follows etcd's own rule, the largest round trip between members, 100 ms at least. **Not below what was resolved**: probes
    every d resolve heartbeats of 5 d, so no election timeout below 25 d is given (5 s at the default rate of 5 a second), and the heartbeat then is the vendor's,
    not ours. E is a multiple of the heartbeat.
    After the timeout votes are cast: a round trip, and a commit at each member.
Source: etcd v3.6 tuning guide, FAQ and embed configuration (rules and limits); Raft paper for the random draw ([E, 2E): unverified for etcd).
    Margins 1.25 and 2, and the commit as a pause: design values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from analyzer import entries, sizing
from analyzer.advisor import RESOLUTION, Carrier, Model, advise, timer
from analyzer.contract import Constraint, Recommendation, Scope, Setting, Snippet, Timing, Untested
from analyzer.detectors import raft, silence
from analyzer.detectors.episodes import Spans
from analyzer.detectors.trace import RESOLVED, PathTrace
from analyzer.extension import Combine, Custom, Option, Stack, StackContext
from analyzer.words import seconds

HEARTBEAT_MS, ELECTION_MS, MOST_MS = 100, 1000, 50_000
RATIO, ROUND_TRIPS = 5, 10
START_S = 5.0
"""What the default probe rate resolves: the least that this version recommends with it."""
COMMIT_P99_S = 0.01
LADDER_MS = (1000, 2000, 3000, 5000, 7500, 10_000, 15_000, 20_000, 30_000, 50_000)

TITLE = "etcd, Raft timers"
WHERE = (
    "configuration file of every etcd member (or the flags of the same names), then restart one member after the other"
)
_TUNING = "etcd v3.6 tuning guide"
_CHECK = "etcd v3.6 tuning guide and FAQ; embed configuration (5 x the heartbeat, 50 s at most)"

OPTIONS = (
    Option("heartbeat-interval", "member", "ms", HEARTBEAT_MS, 1, None, True, _TUNING, True),
    Option("election-timeout", "member", "ms", ELECTION_MS, 5, MOST_MS, True, _CHECK, True),
)


@dataclass(frozen=True, slots=True)
class Raft:
    """The two timers in ms."""

    heartbeat_ms: int
    election_ms: int

    @property
    def outlasts_s(self) -> float:
        """Longest silence after which no follower calls an election, whatever it drew.

        It counts in ticks of a heartbeat, and the one in which it heard its leader last may be all but over.
        """
        return (self.election_ms - self.heartbeat_ms) / 1e3

    @property
    def detection_s(self) -> tuple[float, float]:
        """From the leader's crash to the call for an election."""
        return raft.detection_s(self.heartbeat_ms / 1e3, self.election_ms / 1e3)


def _model(heartbeat_ms: int) -> Model[Raft]:
    ladder = [Raft(heartbeat_ms, election_ms) for election_ms in LADDER_MS if election_ms >= RATIO * heartbeat_ms]
    return Model(_fitting(heartbeat_ms), ladder, _replay, Carrier.TCP, Combine.WORST)


def _fitting(heartbeat_ms: int) -> Callable[[float], Raft | None]:
    def fit(silence_s: float) -> Raft | None:
        ticks = max(RATIO, math.ceil(silence_s * 1e3 / heartbeat_ms - 1e-6) + 1)
        return Raft(heartbeat_ms, ticks * heartbeat_ms) if ticks * heartbeat_ms <= MOST_MS else None

    return fit


def _replay(trace: PathTrace, settings: Sequence[Raft]) -> Spans:
    return silence.replay(trace, [timer(trace, item.heartbeat_ms / 1e3, item.outlasts_s) for item in settings]).spans


def recommend(context: StackContext) -> Iterator[Recommendation]:
    """One recommendation for all members."""
    heartbeat_ms = _heartbeat_ms(context)
    advice = advise(context, _model(heartbeat_ms), _candidates(context, heartbeat_ms))
    timers = advice.setting
    if timers is None:
        needed = f"An election timeout of {seconds(advice.binding.value_s)} would be needed ({advice.binding.text}), but etcd starts with 50 s at most."
        yield entries.without(STACK, context, advice, WHERE, needed, "Find and mend the cause, then measure again.")
        return
    settings = tuple(_settings(context, timers, sizing.reason(context, advice.binding)))
    yield entries.recommended(
        STACK,
        context,
        advice,
        WHERE,
        settings,
        vendor_s=_vendor_floor_s(),
        told=_notes(context),
        snippet=_snippet,
        takeover=_takeover(context),
        cautions=_cautions(context),
    )


def _vendor_floor_s() -> int:
    return ELECTION_MS // 1000


def _usual_s(timing: Timing) -> float:
    return max(timing.rtt.p50 or 0.0, timing.loaded.p50 or 0.0)


def _slow_s(timing: Timing) -> float:
    return max(timing.rtt.p99 or 0.0, timing.loaded.p99 or 0.0, *(fast.rtt.p99 or 0.0 for fast in timing.fast), 0.0)


def _when(timing: Timing) -> str:
    return "at rest" if _slow_s(timing) == timing.rtt.p99 else "under load"


def _heartbeat_ms(context: StackContext) -> int:
    """Etcd's own rule: about the largest usual round trip between members, its default at least."""
    largest_s = max(map(_usual_s, context.timings), default=0.0)
    return max(HEARTBEAT_MS, math.ceil(largest_s * 1e3 - 1e-6))


def _candidates(context: StackContext, heartbeat_ms: int) -> Iterator[Constraint]:
    tick_s = heartbeat_ms / 1e3

    def timeout(name: str, least_s: float, text: str) -> Constraint:
        # Rules are about the option; what is outlasted is a tick less.
        return Constraint(name, max(0.0, least_s - tick_s), f"{text}; less one heartbeat, which comes on top")

    floor = sizing.floor(context, _vendor_floor_s(), "the vendor's default; a clean run does not shorten it")
    yield timeout(floor.name, floor.value_s, floor.text)
    period_s = context.plan.probing.period_s
    yield timeout(
        RESOLUTION,
        RATIO * RESOLVED * period_s,
        f"{RATIO} x {seconds(RESOLVED * period_s)}: faster heartbeats are not resolved by probes every {seconds(period_s)}",
    )
    yield timeout(
        "heartbeat", RATIO * heartbeat_ms / 1e3, f"{RATIO} x the heartbeat of {heartbeat_ms} ms, or etcd does not start"
    )
    if context.timings:
        slowest = max(context.timings, key=_slow_s)
        text = f"{ROUND_TRIPS} x {seconds(_slow_s(slowest))}, the 99 % round trip of {slowest.path}, {_when(slowest)}"
        yield timeout("latency", ROUND_TRIPS * _slow_s(slowest), text if _slow_s(slowest) else "RTT not measured")
        yield sizing.pause(context.timings)
        yield from sizing.silences(context)
    if context.commits:
        slow = max(context.commits, key=lambda item: item.maximum_s)
        yield Constraint(
            "commit",
            sizing.MARGIN * slow.maximum_s,
            f"{sizing.MARGIN} x {seconds(slow.maximum_s)}, the slowest small write of {slow.node} until it was on its disk",
        )
    if context.echoes:
        silent = max(context.echoes, key=lambda echo: echo.longest_silence_s)
        yield sizing.measured_silence(silent.longest_silence_s, silent.path)
    yield from sizing.scenarios(context)


def _settings(context: StackContext, timers: Raft, reason: str) -> Iterator[Setting]:
    period_s = context.plan.probing.period_s
    if timers.heartbeat_ms > HEARTBEAT_MS:
        why = "etcd's own rule: about the largest usual round trip between members"
    else:
        why = "the vendor's default, kept: no usual round trip between members is longer"
    if timers.heartbeat_ms / 1e3 < RESOLVED * period_s:
        why += f"; not a figure of ours: probes every {seconds(period_s)} resolve heartbeats from {seconds(RESOLVED * period_s)} on only"
    yield entries.entry(OPTIONS, "heartbeat-interval", timers.heartbeat_ms, why)
    yield entries.entry(OPTIONS, "election-timeout", timers.election_ms, f"{reason}; a multiple of the heartbeat")


def _takeover(context: StackContext) -> str:
    slowest = max(context.timings, key=_slow_s, default=None)
    votes = (
        [f"one round trip ({seconds(_slow_s(slowest))} at 99 %, {_when(slowest)})"]
        if slowest is not None
        else ["one round trip"]
    )
    if context.commits:
        slow = max(context.commits, key=lambda item: item.p99_s)
        votes.append(f"one commit at each member ({seconds(slow.p99_s)} at 99 % on {slow.node})")
    else:
        votes.append("one commit at each member (not measured)")
    return f"Then votes are cast: {' and '.join(votes)}. A split vote takes another timeout."


def _notes(context: StackContext) -> Iterator[str]:
    yield from sizing.floor_notes(context)
    yield "Enter the same values on every member."
    slow = [item for item in context.commits if item.p99_s > COMMIT_P99_S]
    if slow:
        worst = max(slow, key=lambda item: item.p99_s)
        yield f"etcd wants 99 % of its log writes on the disk within 10 ms; {worst.node} takes {seconds(worst.p99_s)}. A longer timeout does not mend a slow disk."
    if context.commits and not all(item.planned for item in context.commits):
        yield "Writes were timed in a folder that is not the plan's `data` of that node: name etcd's data folder there and repeat the run."
    if len(context.pair) == 2:
        yield "Two members have no majority without one another: three are the least that survives a failure."
    yield "That a follower draws its timeout from E to 2 E is unverified for etcd; the shortest draw is what false elections are counted with."


def _cautions(context: StackContext) -> Iterator[tuple[str, str]]:
    if not context.commits:
        yield (
            "Commit latency of the members' disks",
            "NOT MEASURED: a commit slower than the timeout calls an election; name `data` in the plan",
        )


def _snippet(node: str, settings: Sequence[Setting]) -> Snippet:
    lines = entries.written(settings, ": ")
    return Snippet(node, "Merge into etcd's configuration file (YAML)", "\n".join(lines) + "\n")


STACK = Stack(
    "etcd",
    TITLE,
    Combine.WORST,
    lambda _wan: START_S,
    True,
    OPTIONS,
    recommend,
    (Untested("Load of the store itself: requests and size of its database", "administrator of the store"),),
    customs=frozenset({Custom.COMMITS, Custom.MAJORITY}),
    scope=Scope.CLUSTER,
)
