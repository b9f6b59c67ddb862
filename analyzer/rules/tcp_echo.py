"""Whether a TCP connection between two nodes stays up and answers.

What: Connections that were cut although the peer went on, and the longest silence of a connection beyond what lost packets and
    stalled machines explain.
Why HA: ADDP, Neverfail and replication ride on TCP. A connection that is reset counts as a lost partner at once, however short the
    disturbance; one that hangs longer than the network was out hangs for another reason: a firewall, a proxy, a queue.
How: One message a second on a connection of its own, on schedule whatever became of those before. What an outage explains is computed
    from the longest outage of the probes (two probe periods where there was none) and TCP's retransmission timer. Messages
    during bandwidth tests, ends of runs and starts of the peer do not count.
Source: Linux TCP (srtt + max(200 ms, 4 rttvar), doubled); the limits are design values, those of resets as for links that flap, those
    of the silence as in the rule outages.
Fails when: more than one connection was cut, or a silence was longer than explained by more than half of the shortest timeout that a
    product on this path starts from.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import ECHO, TIMING, Context, Judgement, Rule
from analyzer.sizing import tcp_silence_s
from analyzer.tolerance import borne
from analyzer.words import seconds

RESETS = Limit("connections cut", "1", 0.0, 1.0, Sense.AT_MOST, "design value")
EXCESS = Limit("silence beyond what is explained", "s", 1.0, None, Sense.AT_MOST, "design value")

_ORDER = (Status.PASS, Status.WARN, Status.FAIL)


def _check(context: Context) -> Iterator[Judgement]:
    echo, timing = context.echo, context.timing
    if not echo.answered:
        yield Judgement(
            Status.SKIPPED,
            f"Path {echo.path}: no message over TCP was answered ({echo.sent} were sent).",
            remedy=f"See that the collector on {echo.target} runs at the same time, and why it does not answer.",
        )
        return
    # An outage of fewer than two probes is none for the probes, but may cost a TCP segment.
    outage_s = max(timing.longest_outage_s, 2 * timing.period_s)
    explained_s = tcp_silence_s(outage_s, (timing,), (echo,)) + timing.longest_stall_s + (timing.rtt.maximum or 0.0)
    excess_s = max(0.0, echo.longest_silence_s - explained_s)
    resets, excess = context.limit(RESETS.name), borne(context.limit(EXCESS.name), context.tolerance)
    status = max(resets.judge(echo.resets), excess.judge(excess_s), key=_ORDER.index)
    cut = (
        "no connection was cut" if not echo.resets else f"{echo.resets} TCP connections were cut while the peer went on"
    )
    if echo.resets == 1:
        cut = "a TCP connection was cut while the peer went on"
    yield Judgement(
        status,
        f"Path {echo.path}: {cut}; the longest silence was {seconds(echo.longest_silence_s)}"
        + (f", {seconds(excess_s)} more than outages, pauses and TCP's timer explain." if excess_s else "."),
        (
            Evidence(RESETS.name, float(echo.resets), "1", resets),
            Evidence(EXCESS.name, excess_s, "s", excess),
            Evidence("longest silence of the connection", echo.longest_silence_s, "s"),
            Evidence("silence that unseen outages, pauses and TCP's timer could explain", explained_s, "s"),
            Evidence("segments sent again", None if echo.retransmissions is None else float(echo.retransmissions), "1"),
            Evidence("largest retransmission timeout", echo.rto_s, "s"),
        ),
        ""
        if status is Status.PASS
        else f"Find what handles TCP between {echo.source} and {echo.target} on network {echo.network}: a firewall or proxy that "
        "inspects connections, fails over or is short of memory, address translation, a VPN.",
        (f"rtt:{echo.path}",),
    )


RULE = Rule("tcp-echo", "TCP connections", Area.NETWORK, Scope.PATH, (ECHO, TIMING), (RESETS, EXCESS), _check)
