"""Whether the interface's link is steady, full duplex and as fast as planned.

What: Flaps and changes of speed during the run; half duplex, and the link's speed against the plan's rate of its network.
Why HA: A link that goes and comes takes its heartbeats with it; half duplex and a slow port lose packets under load only.
How: /sys/class/net every 10 s, and the interface's own count of carrier changes: two are one flap. The speed is judged where a
    planned address with a stated rate sits. An interface that holds no planned address only warns. Of one without a line (tun, tap, veth, dummy)
    speed and duplex are invented and count as not told.
Source: design values.
Fails when: more than one flap or change of speed, or less than half of the plan's rate, on a planned address's interface.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.host import LONGER, MINUTES, carried, events, told, too_short, worst
from analyzer.netfacts import lineless, loopback
from analyzer.rates import increments
from analyzer.remedies import mend
from analyzer.words import bits, share, span

FLAPS = Limit("flaps or changes of speed", "1", 0.0, 1.0, Sense.AT_MOST, "design value")
HALF = Limit("readings at half duplex", "ratio", 0.0, None, Sense.AT_MOST, "design value")
SPEED = Limit("link speed of the plan's rate", "ratio", 1.0, 0.5, Sense.AT_LEAST, "design value")
_HOLE_S = 30.0
"""Two readings in a row may be lost."""
_FASTEST_MBPS = 10_000_000
"""What lies beyond is a driver's way to say "unknown"."""


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("link")
    nic = context.subject.name.removeprefix(f"{context.node}/")
    title = f"Interface {nic} of node {context.node}"
    if loopback(nic):
        yield Judgement(Status.INFO, f"{title} is the loopback: it has no link.")
        return
    if not told(frame, "t_s"):
        yield too_short(title, 0)
        return
    driver = lineless(context.facts, nic)
    if driver:
        frame = frame.drop(columns=["speed_Mbps", "full_duplex"], errors="ignore")
    placed = carried(context.plan, context.node, context.facts)
    # Where neither inventory nor plan place an address, any interface may be the one.
    matters = nic in placed or not placed
    if told(frame, "carrier"):
        up = frame[frame["carrier"] == 1]
    else:
        # One that counts its carrier's changes and never tells the carrier is switched off.
        up = frame.iloc[:0] if told(frame, "carrier_changes") else frame
    if up.empty:
        status = Status.WARN if nic in placed else Status.INFO
        remedy = f"Plug in {nic} on {context.node} and see that both ends are switched on." if nic in placed else ""
        yield Judgement(status, f"{title} was down or had no link during the whole run.", remedy=remedy)
        return
    rate_bps = max((network.rate_bps or 0 for network in placed.get(nic, ())), default=0)
    remedy = mend(context.plan, context.node, nic, tuple(network.name for network in placed.get(nic, ())))
    for words, statuses, evidence in (_steady(context, frame, up), _mode(context, up, rate_bps)):
        if statuses:
            status = worst(statuses)
            status = Status.WARN if status is Status.FAIL and not matters else status
            yield Judgement(status, f"{title} {words}.", evidence, "" if status is Status.PASS else remedy)
        elif words:
            yield Judgement(
                Status.SKIPPED if matters else Status.INFO, f"{title} {words}.", remedy=LONGER if matters else ""
            )
    if rate_bps and _speeds(up).empty:
        why = (
            f"has no line, so the speed that it tells is invented ({driver})"
            if driver
            else "does not tell its speed, as many virtual ones"
        )
        yield Judgement(Status.INFO, f"{title} {why}: see the throughput.")


_Found = tuple[str, tuple[Status, ...], tuple[Evidence, ...]]
"""In words, what to judge by (nothing: not known), and the figures."""


def _steady(context: Context, frame: pd.DataFrame, up: pd.DataFrame) -> _Found:
    changes = events(frame, "carrier_changes")
    if changes is None and told(frame, "carrier"):
        changes = int((frame["carrier"].dropna().diff().dropna() != 0).sum())
    if changes is None:
        return "does not tell of its carrier", (), ()
    flaps, turns = math.ceil(changes / 2), int((_speeds(up).diff().dropna() != 0).sum())
    watched_s = float(increments(frame, [], hole_s=_HOLE_S)["dt_s"].sum())
    if watched_s < MINUTES * 60.0 and not flaps + turns:
        return f"was watched for {span(watched_s)} only, less than 15 min", (), ()
    limit = context.limit(FLAPS.name)
    evidence = (Evidence("flaps", float(flaps), "1", limit), Evidence("changes of speed", float(turns), "1", limit))
    words = f"lost its link {flaps} times and changed its speed {turns} times" if flaps + turns else "was steady"
    return f"{words} in {span(watched_s)}", (limit.judge(max(flaps, turns)),), evidence


def _mode(context: Context, up: pd.DataFrame, rate_bps: int) -> _Found:
    words, statuses, evidence = [], [], []
    if told(up, "full_duplex"):
        limit, half = context.limit(HALF.name), float((up["full_duplex"].dropna() == 0).mean())
        words.append(f"ran at half duplex for {share(half)} of the time" if half else "ran at full duplex")
        statuses.append(limit.judge(half))
        evidence.append(Evidence("readings at half duplex", half, "ratio", limit))
    speeds = _speeds(up)
    if rate_bps and len(speeds):
        limit, slowest = context.limit(SPEED.name), float(speeds.min())
        words.append(f"ran at {bits(slowest * 1e6)} where the plan says {bits(rate_bps)}")
        # A link that is faster than what the plan asks of it has all of that.
        part = min(slowest * 1e6 / rate_bps, 1.0)
        statuses.append(limit.judge(part))
        evidence += [
            Evidence("link speed of the plan's rate", part, "ratio", limit),
            Evidence("link speed", slowest * 1e6, "bit/s"),
            Evidence("rate in the plan", float(rate_bps), "bit/s"),
        ]
    return " and ".join(words), tuple(statuses), tuple(evidence)


def _speeds(rows: pd.DataFrame) -> pd.Series[float]:
    if "speed_Mbps" not in rows:
        return pd.Series(dtype=float)
    return rows["speed_Mbps"][rows["speed_Mbps"].between(1, _FASTEST_MBPS)]


RULE = Rule("link-state", "Links", Area.HOST, Scope.DEVICE, ("link", FACTS), (FLAPS, HALF, SPEED), _check)
