"""Whether the network interface has room beside what it carries already.

What: Bytes a second of the busier direction against the speed of the link: 95 % quantile of the one-minute means.
Why HA: Replication, a rejoining node and the other node's clients come on top; a heartbeat waits behind them in a full queue.
How: Counters of the interface and the speed that its link tells; seconds of our own bandwidth tests are left out. A virtual interface that
    tells no speed, or an invented one (tun, tap, veth, dummy), is not judged. An interface that holds no planned address only warns.
Source: PAL: above 30 % and 50 % of the bandwidth.
Fails when: more than 50 %, in three minutes at least, on a planned address's interface.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, TESTS, Context, Judgement, Rule
from analyzer.host import MINUTES, carried, judged, minute_sums, quiet, told, too_short
from analyzer.netfacts import lineless, loopback
from analyzer.rates import increments
from analyzer.words import quantity, share

LOAD = Limit(
    "traffic of the link's speed", "ratio", 0.30, 0.50, Sense.AT_MOST, "PAL: network utilisation, 30 % and 50 %"
)
_COLUMNS = ["rx_B", "tx_B"]
_FASTEST_MBPS = 10_000_000
"""What lies beyond is a driver's way to say "unknown"."""


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("nic")
    nic = context.subject.name.removeprefix(f"{context.node}/")
    title = f"Interface {nic} of node {context.node}"
    if loopback(nic):
        yield Judgement(Status.INFO, f"{title} is the loopback: it has no link.")
        return
    if driver := lineless(context.facts, nic):
        yield Judgement(
            Status.INFO,
            f"{title} has no line, so the speed that it tells is invented ({driver}) and its traffic has nothing to be held against.",
        )
        return
    speed_bps = _speed_bps(context.table("link"), nic)
    if speed_bps is None:
        yield Judgement(Status.INFO, f"{title} does not tell its speed, so its traffic has nothing to be held against.")
        return
    sums = _quiet_minutes(frame, context.tests)
    placed = carried(context.plan, context.node, context.facts)
    # Where the inventory places no address, any interface may be the one.
    matters = nic in placed or not placed
    if len(sums) < MINUTES:
        short = too_short(f"{title}, without our own tests,", len(sums))
        yield short if matters else Judgement(Status.INFO, short.message)
        return
    limit = context.limit(LOAD.name)
    parts = (sums[_COLUMNS].max(axis=1) * 8.0 / sums["dt_s"] / speed_bps).clip(upper=1.0)
    found = judged(limit, parts, 0.95)
    status = Status.WARN if found.status is Status.FAIL and not matters else found.status
    yield Judgement(
        status,
        f"{title} carried, in the worst 5 % of all minutes without bandwidth tests, {share(found.value)} of its {quantity(speed_bps, 'bit/s')} or more.",
        (
            Evidence(
                "traffic of the link's speed, 95 % of all minutes without bandwidth tests", found.value, "ratio", limit
            ),
            Evidence("busiest minute", float(parts.max()), "ratio"),
            Evidence("minutes", float(len(parts)), "1"),
        ),
        ""
        if status is Status.PASS
        else f"Find what sends over {nic} of {context.node} (backup, replication, clients); give it another interface, or a faster one.",
        (f"nic:{context.subject.name}",),
    )


def _speed_bps(frame: pd.DataFrame, nic: str) -> float | None:
    """The slowest speed that the link had while it told one."""
    if not told(frame, "link", "speed_Mbps"):
        return None
    speeds = frame["speed_Mbps"][frame["link"] == nic]
    speeds = speeds[speeds.between(1, _FASTEST_MBPS)]
    return float(speeds.min()) * 1e6 if len(speeds) else None


def _quiet_minutes(frame: pd.DataFrame, tests: Sequence[tuple[float, float]]) -> pd.DataFrame:
    if not told(frame, "t_s", *_COLUMNS):
        return pd.DataFrame()
    steps = increments(frame, _COLUMNS)
    return minute_sums(steps[quiet(steps["t_s"], tests)], _COLUMNS)


RULE = Rule(
    "nic-load", "Traffic of the interfaces", Area.HOST, Scope.DEVICE, ("nic", "link", FACTS, TESTS), (LOAD,), _check
)
