"""Genesys SIP Server: SIP traffic monitoring (oos-check and oos-force of the service devices).

What: How often SIP Server asks a service device, how long it waits for the answer, and with that how soon missing SIP traffic makes the pair switch over.
Why HA: With `sip-pass-check` SIP Server gives its role up after oos-check + oos-force seconds without SIP traffic. Too short, and an outage of the SIP network switches over for
    nothing; if both servers are out, the effective time doubles with each switchover, up to four times.
How: Poll and wait: oos-force outlasts 1.25 x the longest that a request would have waited for its answer in the replay of the bound networks between the nodes, the pauses,
    outages and scenarios that count, 10 s at least. A request over UDP is sent again after 0.5 s, then ever later; it is taken to double as TCP does, which is no
    shorter; oos-check is equal. Detection takes oos-force to oos-check + oos-force, and up to four times as long after double switchovers.
    Where the plan lets other pairs fail over, a pair gets an alarm time and no value. The way to the service devices themselves is not in it. Where more than 30 s would be needed there is no value: oos-force ends there, as far as is known.
Source: GSIP, SIP Traffic Monitoring (sum, doubling up to 4 x); ranges (0-300 and 0-30 s), section and unit: unverified. Equal parts, factor 1.25 and 10 s, which is
    what Genesys advises for ADDP: design values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer import entries, legs, polls, sizing
from analyzer.advisor import advise
from analyzer.contract import Constraint, Recommendation, Setting, Snippet, Untested
from analyzer.extension import Combine, Option, Stack, StackContext
from analyzer.words import seconds

FLOOR_S = 10
MOST_CHECK_S, MOST_FORCE_S = 300, 30
DOUBLED = 4
SIP_TIMER_S = 0.5
"""First retransmission of a request over UDP (RFC 3261, timer T1; from memory)."""

TITLE = "Genesys SIP Server, SIP traffic monitoring"
WHERE = "each monitored service DN > Options > [TServer], on the switch of the SIP Server pair"
_GSIP = "Genesys SIP Server HA guide, SIP Traffic Monitoring; range and unit from memory"

OPTIONS = (
    Option("oos-check", "TServer", "s", 0, 0, MOST_CHECK_S, True, _GSIP, False),
    Option("oos-force", "TServer", "s", 0, 0, MOST_FORCE_S, True, _GSIP, False),
)

MODEL = polls.model(MOST_FORCE_S, SIP_TIMER_S)


def recommend(context: StackContext) -> Iterator[Recommendation]:
    """One recommendation for the pair; none where the plan lets other pairs fail over."""
    if not context.automatic and context.binding.auto_failover:
        why = "The plan pairs other nodes: SIP traffic monitoring switches a SIP Server over to its one backup, and these two are no such pair."
        yield legs.leg(STACK, context, "Genesys SIP Server, SIP traffic monitoring", WHERE, (why,))
        return
    advice = advise(context, MODEL, _candidates(context))
    if advice.setting is None:
        needed = f"oos-force would have to be {seconds(advice.binding.value_s)} ({advice.binding.text}), but it ends at {MOST_FORCE_S} s (unverified)."
        yield entries.without(
            STACK,
            context,
            advice,
            WHERE,
            needed,
            "Find and mend the cause, or leave sip-pass-check off.",
        )
        return
    wait_s = round(advice.setting.wait_s)
    settings = (
        entries.entry(
            OPTIONS,
            "oos-check",
            wait_s,
            "equal to oos-force: how often a device without traffic is asked (design value)",
        ),
        entries.entry(OPTIONS, "oos-force", wait_s, sizing.reason(context, advice.binding)),
    )
    yield entries.recommended(
        STACK,
        context,
        advice,
        WHERE,
        settings,
        vendor_s=FLOOR_S,
        told=_notes(context, advice.setting.detection_s[1]),
        snippet=_snippet,
        takeover="Then SCS switches over, with the VIP scripts: up to 5 s on Windows to move the address, longer with some adapters (GSIP).",
    )


def _candidates(context: StackContext) -> Iterator[Constraint]:
    yield sizing.floor(context, FLOOR_S, "what Genesys advises for ADDP where delays are a risk (design value)")
    if context.timings:
        yield sizing.pause(context.timings)
        yield from sizing.silences(context)
    yield from sizing.scenarios(context)


def _notes(context: StackContext, high_s: float) -> Iterator[str]:
    yield from sizing.floor_notes(context)
    yield (
        f"After a double switchover the effective time doubles, up to four times: {seconds(high_s)} become {seconds(DOUBLED * high_s)}. Of several service "
        "devices the largest sum counts."
    )
    yield "It has an effect only with sip-pass-check = true."
    yield "Measured between the nodes, not to the service devices: what lies between SIP Server and a device is not in it."
    yield "Set the same values for every monitored device."


def _snippet(node: str, settings: Sequence[Setting]) -> Snippet:
    lines = ["[TServer]", *entries.written(settings, " = ")]
    return Snippet(node, "Enter in the options of each service DN (unverified section)", "\n".join(lines) + "\n")


STACK = Stack(
    "genesys-sip",
    TITLE,
    Combine.WORST,
    lambda _wan: float(FLOOR_S),
    True,
    OPTIONS,
    recommend,
    (
        Untested(
            "The way from SIP Server to its service devices (trunks, gateways, voicemail)", "Genesys administrator"
        ),
    ),
)
