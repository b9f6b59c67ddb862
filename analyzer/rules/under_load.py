"""Whether heartbeats get through while the line is full.

What: Loss and the longest silence of a path's probes while a bandwidth test filled it.
Why HA: Replication and a full copy fill the same line for minutes or hours. A heartbeat that dies under load fails over a healthy server
    just when there is most to lose.
How: Slots during the tests, kept apart from all figures of the idle path. Fast probes (25 a second) tell delay and loss beside each kind of test of the path itself;
    the others go on while either of its nodes is tested, so they meet a full line less often. The loss is the lower end of its 95 % interval, the larger one; from the
    silence one probe period is taken off. Paths without a test are not judged.
Source: Design values: 1 % and 1 s, as for the idle path; half of the shortest timeout that a product on this path starts from.
Fails when: silent for more than half of that timeout.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import TIMING, Context, Judgement, Rule
from analyzer.tolerance import borne
from analyzer.words import certainly, count, tail

SILENCE = Limit("longest silence under load", "s", 1.0, None, Sense.AT_MOST, "design value")
LOSS = Limit("loss under load, lower bound", "ratio", 0.01, None, Sense.AT_MOST, "design value")


def _check(context: Context) -> Iterator[Judgement]:
    timing = context.timing
    sent = timing.loaded.samples + timing.loaded_lost
    if not sent:
        yield Judgement(
            Status.INFO,
            f"Path {timing.path}: no bandwidth test filled it, so nothing is known of heartbeats under load.",
        )
        return
    silence, loss = borne(context.limit(SILENCE.name), context.tolerance), context.limit(LOSS.name)
    certain_s = max(0.0, timing.loaded_outage_s - timing.period_s)
    lows = [
        Evidence(loss.name, timing.loaded_low or 0.0, "ratio", loss),
        *(
            Evidence(f"{loss.name}, fast probes, {fast.kind}", fast.loss_low, "ratio", loss)
            for fast in timing.fast
            if fast.loss_low is not None
        ),
    ]
    low = max(item.value or 0.0 for item in lows)
    status = max((silence.judge(certain_s), loss.judge(low)), key=(Status.PASS, Status.WARN, Status.FAIL).index)
    lost = (
        f"of {count(sent)} probes under load {count(timing.loaded_lost)} were lost"
        if timing.loaded_lost
        else f"none of {count(sent)} probes under load was lost"
    )
    worst = max(timing.fast, key=lambda fast: fast.loss_low or 0.0, default=None)
    if worst is not None and worst.lost:
        lost += f", of {count(worst.sent)} fast ones, {worst.kind}, {count(worst.lost)}"
    told = f"Path {timing.path}: {lost}"
    silent = certainly(timing.loaded_outage_s, certain_s, silence)
    told += f", the longest silence was {silent}." if timing.loaded_outage_s else "."
    yield Judgement(
        status,
        told,
        (
            Evidence(f"{silence.name}, less one probe period", certain_s, "s", silence),
            *lows,
            *(
                Evidence(f"round trip, {tail(fast.rtt.samples)}, {fast.kind}", fast.rtt.p999, "s")
                for fast in timing.fast
            ),
        ),
        ""
        if status is Status.PASS
        else f"Give heartbeats precedence on network {timing.network} (DSCP and queues), hold replication below the line's rate, or "
        "let heartbeats have a channel of their own.",
        (f"rtt:{timing.path}",),
    )


RULE = Rule(
    "under-load",
    "Heartbeats under load",
    Area.NETWORK,
    Scope.PATH,
    (TIMING,),
    (SILENCE, LOSS),
    _check,
    effort=Effort.SETTING,
)
