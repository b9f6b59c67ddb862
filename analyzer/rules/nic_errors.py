"""Whether the interface receives and sends without errors.

What: Errors of the interface in both directions: their number, their share of all packets, and how many a second; drops beside it.
Why HA: A damaged frame is a lost heartbeat; errors that grow name a cable, a port or a duplex mismatch before it fails.
How: Counters of /proc/net/dev. The share is held against its limit by the lower end of its 95 % interval: one error in ten
    packets proves nothing. An interface that holds no planned address only warns. The loopback is no subject.
Source: PAL (any error in sending; that receiving counts alike is a design value); Prometheus node mixin (1 % of packets); PCP (15
    errors a second).
Fails when: more than 1 % of all packets, or more than 15 errors/s in three minutes at least, on a planned address's interface.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.host import MINUTES, carried, counted_minutes, events, judged, told, too_short, worst
from analyzer.netfacts import loopback
from analyzer.proportion import clopper_pearson
from analyzer.remedies import mend
from analyzer.words import count, share

ERRORS = Limit(
    "interface errors", "1", 0.0, None, Sense.AT_MOST, "PAL: any error in sending; in receiving: design value"
)
SHARE = Limit("interface errors of all packets", "ratio", None, 0.01, Sense.AT_MOST, "Prometheus node mixin: 1 %")
RATE = Limit("interface errors a second", "1/s", None, 15.0, Sense.AT_MOST, "PCP: 15 a second")
_ERRORS = ["rx_errors", "tx_errors"]
_PACKETS = ["rx_packets", "tx_packets"]
_CERTAIN = 1000
"""From so many errors on, the share is as good as its lower bound (within 7 %), and cheaper."""


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("nic")
    nic = context.subject.name.removeprefix(f"{context.node}/")
    title = f"Interface {nic} of node {context.node}"
    if loopback(nic):
        yield Judgement(Status.INFO, f"{title} is the loopback: it has no wire.")
        return
    if not told(frame, "t_s", *_ERRORS, *_PACKETS):
        yield too_short(title, 0)
        return
    placed = carried(context.plan, context.node, context.facts)
    # Where the inventory places no address, any interface may be the one.
    matters = nic in placed or not placed
    errors, packets = (sum(events(frame, name) or 0 for name in names) for names in (_ERRORS, _PACKETS))
    minutes = counted_minutes(frame, _ERRORS)
    if not errors and (len(minutes) < MINUTES or not packets):
        if len(minutes) < MINUTES and matters:
            yield too_short(title, len(minutes))
        else:
            yield Judgement(
                Status.INFO, f"{title} carried {count(packets)} packets in {len(minutes)} minutes, all without error."
            )
        return
    low = _lower(errors, packets)
    limits = [context.limit(limit.name) for limit in (ERRORS, SHARE, RATE)]
    rates = minutes[_ERRORS].sum(axis=1) / minutes["dt_s"]
    found = [limits[0].judge(errors), limits[1].judge(low), *([judged(limits[2], rates).status] if len(rates) else [])]
    status = worst(found)
    if status is Status.FAIL and not matters:
        status = Status.WARN
    dropped = sum(events(frame, name) or 0 for name in ("rx_drops", "tx_drops"))
    yield Judgement(
        status,
        f"{title}: {count(errors)} errors in {count(packets)} packets"
        + (f", {share(errors / (packets + errors))}." if errors else "."),
        (
            Evidence("errors", float(errors), "1", limits[0]),
            Evidence("errors of all packets, lower bound", low, "ratio", limits[1]),
            Evidence("errors a second, worst minute", float(rates.max()) if len(rates) else None, "1/s", limits[2]),
            Evidence("dropped for want of room", float(dropped), "1"),
        ),
        ""
        if status is Status.PASS
        else mend(context.plan, context.node, nic, tuple(network.name for network in placed.get(nic, ()))),
    )


def _lower(errors: int, packets: int) -> float:
    """What the share of errors is at least."""
    if errors >= _CERTAIN:
        return errors / (packets + errors)
    return clopper_pearson(errors, packets + errors)[0] if packets + errors else 0.0


RULE = Rule("nic-errors", "Interface errors", Area.HOST, Scope.DEVICE, ("nic", FACTS), (ERRORS, SHARE, RATE), _check)
