"""Genesys SIP Server in hot standby: ADDP on the HA-sync link (section [backup-sync]).

What: ADDP timeouts and the reconnect timeout of the link over which the two servers keep their state in step.
Why HA: Too short, and a pause of the network or of a node costs the synchronisation; too long, and the backup, which handles no
    calls, is out of step without anybody knowing: at the next switchover the state of the calls is lost.
How: ``T = max(floor, ceil(2 x p99.9 RTT), ceil(1.25 x S))``, S being the longest stall that must not disconnect: pauses
    measured on either node, TCP's silence after the longest outage measured, idle or under a bandwidth test, the longest
    silence of a real TCP connection, and the scenarios that are on.
    The detector itself is replayed on the trace of both directions, idle link, TCP's retransmissions, pauses and load included: T is 1.25 x the
    longest answer that a poll would have waited for, if that is more. ``R = ceil(2 T + p99.9 RTT)``. ADDP waits T for a sign of life, polls, and waits T again: detection takes T to 2T.
    The worst of the bound networks counts, both ways. Under 15 minutes of measurement the vendor's floor stands.
Source: Genesys SIP Server HA guide (both inequalities); docs.genesys.com, T-Server, "backup-sync Section" (options,
    0 to 3600 s); Framework CORM, Host [addp] (10 s and more where delays are a risk). Floor between sites, factor 1.25
    and the note above 30 s: design values.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from analyzer import entries, legs, polls, sip_topology, sizing
from analyzer.advisor import advise
from analyzer.contract import Constraint, Quantiles, Recommendation, Setting, Snippet, Timing, Untested
from analyzer.extension import Combine, Custom, Option, Stack, StackContext
from analyzer.words import seconds
from collector.plan import ObserverKind, spelling

FLOOR_LAN_S, FLOOR_WAN_S = 10, 20
LONG_S = 30
MAXIMUM_S = 3600
MANY = 1000
"""Answers from which on one in a thousand can be told from the slowest of all."""

TITLE = "Genesys SIP Server, ADDP of the HA-sync link"
WHERE = "SIP Server Application objects of primary and backup > Options > [backup-sync]"
_PAGE = 'docs.genesys.com, T-Server, "backup-sync Section"'
_GSIP = "Genesys SIP Server HA guide: ADDP timeouts >= 2 x latency"
_GSIP_R = "Genesys SIP Server HA guide: sync-reconnect-tout >= 2 x timeout + latency"

OPTIONS = (
    Option("protocol", "backup-sync", "", "default", None, None, False, _PAGE, True),
    Option("addp-timeout", "backup-sync", "s", 0, 0, MAXIMUM_S, True, f"{_GSIP}; {_PAGE}", True),
    Option("addp-remote-timeout", "backup-sync", "s", 0, 0, MAXIMUM_S, True, f"{_GSIP}; {_PAGE}", True),
    Option("addp-trace", "backup-sync", "", "off", None, None, False, _PAGE, True),
    # Type, range and default of this one come from memory; only the inequality was read.
    Option("sync-reconnect-tout", "backup-sync", "s", 20, None, None, True, _GSIP_R, False),
)

_HOT_STANDBY = "For hot standby only: in warm standby nothing is synchronised and [backup-sync] has no effect."
_UNSIZED = ("Host object [addp], SCS to host", "NOT SIZED, decides switchovers: ask the Genesys administrator")
_HOST = (
    "Whether a switchover happens is decided by the Host object's section [addp] (SCS to LCA), not by these options. "
)
_NOT_SIZED = "It is sized where the plan names the product genesys-host and an observer of kind scs."
_BY_HAND = "A person switches over here: make sure that SCS is not set to switch. ADDP only tells, and logs, that synchronisation was lost."
_TAKEOVER = (
    "A loss of synchronisation switches nothing over. The backup connects again, for as long as sync-reconnect-tout; how long both then take "
    "until the state of the calls is in step is not measured."
)
MODEL = polls.model(MAXIMUM_S)


def recommend(context: StackContext) -> Iterator[Recommendation]:
    """One recommendation for the pair; without settings where none would be right."""
    if not context.automatic and context.binding.auto_failover:
        why = "The plan pairs other nodes: a SIP Server in hot standby has one backup, so these two have no HA-sync link to size."
        yield legs.leg(STACK, context, "Genesys SIP Server", WHERE, (why,))
        return
    advice = advise(context, MODEL, _candidates(context))
    binding = advice.binding
    timeout_s = sizing.whole(binding.value_s)
    latency_s = _latency_s(context.timings)
    if advice.setting is None:
        note = (
            f"A timeout of {timeout_s} s would be needed ({binding.text}), but the options end at {MAXIMUM_S} s. "
            "No timeout helps here: find and mend the cause, then measure again."
        )
        yield entries.without(STACK, context, advice, WHERE, note, _switchover(context))
        return
    timeout_s = round(advice.setting.wait_s)
    reconnect_s = sizing.whole(2 * timeout_s + latency_s)
    _recheck(timeout_s, reconnect_s, latency_s)
    settings = _settings(sizing.reason(context, binding), timeout_s, reconnect_s, _slowest(context.timings))
    yield entries.recommended(
        STACK,
        context,
        advice,
        WHERE,
        settings,
        vendor_s=_vendor_floor_s(context),
        told=_notes(context, binding, timeout_s),
        snippet=_snippet,
        takeover=_TAKEOVER,
        cautions=_unsized(context),
    )


def _unsized(context: StackContext) -> tuple[tuple[str, str], ...]:
    return () if not context.automatic or "genesys-host" in _planned(context) else (_UNSIZED,)


def _planned(context: StackContext) -> list[str]:
    return [spelling(binding.name) for binding in context.plan.stacks]


def _switchover(context: StackContext) -> str:
    """Who or what decides switchovers, and where that is sized: what a person does is sized nowhere."""
    if not context.automatic:
        return _BY_HAND
    planned = _planned(context)
    if "genesys-host" not in planned:
        return _HOST + _NOT_SIZED
    # The settings of products stand in the order of the plan.
    before = planned.index("genesys-host") < planned.index(spelling(STACK.name))
    return f"{_HOST}It is sized {'above' if before else 'below'}. It rests on the way to SCS and not on the HA-sync link, so the two values may differ."


def _vendor_floor_s(context: StackContext) -> int:
    return FLOOR_WAN_S if context.wan else FLOOR_LAN_S


def _latency_s(timings: tuple[Timing, ...]) -> float:
    """Worst p99.9 round trip of all directions and networks; 0 where nothing was answered."""
    return max((sizing.latency_s(timing) for timing in timings), default=0.0)


def _slowest(timings: tuple[Timing, ...]) -> str:
    """That round trip in words: of fewer than 1000 answers the slowest stands in, and of none nothing is known."""
    worst, loaded = max(map(_worse, timings), key=lambda item: item[0].p999 or 0.0, default=(Quantiles(0), ""))
    return "RTT not measured" if worst.p999 is None else f"{seconds(worst.p999)}, {_rank(worst)}{loaded}"


def _worse(timing: Timing) -> tuple[Quantiles, str]:
    """(the round trips of the idle path or those under a bandwidth test, whichever are the slowest; which they are, in words)."""
    fast = ((one.rtt, " of the fast probes under load") for one in timing.fast)
    told = ((timing.rtt, ""), (timing.loaded, " under load"), *fast)
    return max(told, key=lambda item: item[0].p999 or 0.0)


def _rank(rtt: Quantiles) -> str:
    return "the 99.9 % round trip" if rtt.samples >= MANY else f"the slowest of {rtt.samples} round trips"


def _candidates(context: StackContext) -> Iterator[Constraint]:
    why = "between sites (design value)" if context.wan else "Genesys advises 10 s and more where delays are a risk"
    yield sizing.floor(context, _vendor_floor_s(context), why)
    if context.timings:
        latency = max(context.timings, key=sizing.latency_s)
        slow, loaded = _worse(latency)
        known = slow.p999 is not None
        text = (
            f"2 x {seconds(slow.p999 or 0.0)}, {_rank(slow)} of {latency.path}{loaded}" if known else "RTT not measured"
        )
        latency_s = sizing.latency_s(latency)
        yield Constraint("latency", 2.0 * latency_s, text)
        yield sizing.pause(context.timings)
        yield from sizing.silences(context)
    if context.echoes:
        silent = max(context.echoes, key=lambda echo: echo.longest_silence_s)
        yield sizing.measured_silence(silent.longest_silence_s, silent.path)
    yield from sizing.scenarios(context)


def _recheck(timeout_s: int, reconnect_s: int, latency_s: float) -> None:
    """Hold the rounded values against the vendor's inequalities."""
    if timeout_s < 2 * latency_s - 1e-9 or reconnect_s < 2 * timeout_s + latency_s - 1e-9:
        raise AssertionError(
            f"addp-timeout {timeout_s} and sync-reconnect-tout {reconnect_s} break the vendor's rule at {latency_s} s"
        )


def _settings(reason: str, timeout_s: int, reconnect_s: int, latency: str) -> tuple[Setting, ...]:
    because: dict[str, tuple[int | str, str]] = {
        "protocol": (
            "addp",
            "without it the other options of the section are ignored; it takes effect when the two servers connect next",
        ),
        "addp-timeout": (timeout_s, reason),
        "addp-remote-timeout": (timeout_s, "equal to addp-timeout: roles swap, so both ends wait alike"),
        "addp-trace": ("full", "so that the log shows which end lost the other"),
        "sync-reconnect-tout": (
            reconnect_s,
            f"2 x {timeout_s} s + the round trip ({latency}), rounded up to whole seconds",
        ),
    }
    return tuple(
        Setting(
            option.name, because[option.name][0], option.unit, because[option.name][1], option.source, option.verified
        )
        for option in OPTIONS
    )


def _notes(context: StackContext, binding: Constraint, timeout_s: int) -> Iterator[str]:
    yield from sizing.floor_notes(context)
    if timeout_s > LONG_S:
        yield (
            f"Above {LONG_S} s a real failure goes unnoticed for long. What asks for it: {binding.text}. "
            "Mend the cause instead of waiting it out."
        )
    yield "Enter the same values on both nodes."
    yield _HOT_STANDBY
    yield _switchover(context)


def _snippet(node: str, settings: tuple[Setting, ...]) -> Snippet:
    lines = ["[backup-sync]"]
    for setting in settings:
        lines += textwrap.wrap(setting.because, 76, initial_indent="# ", subsequent_indent="# ")
        lines.append(f"{setting.option} = {setting.value}")
    return Snippet(
        node,
        "Enter in Configuration Manager or Genesys Administrator > Application (SIP Server) > Options",
        "\n".join(lines) + "\n",
    )


STACK = Stack(
    "genesys-addp",
    TITLE,
    Combine.WORST,
    lambda wan: float(FLOOR_WAN_S if wan else FLOOR_LAN_S),
    True,
    OPTIONS,
    recommend,
    (
        Untested(
            "Where the virtual address moves: that it lies in the SIP adapter's subnet, both servers in one subnet of their own (IP address "
            "takeover, NLB), and HA synchronisation on the adapter of the Host object's address",
            "Genesys administrator",
        ),
        Untested(
            "Options of section [backup-sync] equal on both servers, which swap roles, and HA synchronisation ticked on the port that the backup "
            "connects to",
            "Genesys administrator",
        ),
        Untested(
            "SIP traffic monitoring (oos-check + oos-force), Timeout Startup of the VIP scripts (8 s) and Cancel Timeout of the alarms (1 s)",
            "Genesys administrator",
        ),
    ),
    customs=frozenset({Custom.VOICE}),
    unobserved=(
        (
            ObserverKind.SCS,
            Untested(
                "The path from the Solution Control Server to the hosts (Host [addp]), which decides switchovers",
                "Genesys administrator",
            ),
        ),
    ),
    # The shortest timeout makes twice as much of an outage, so half of it is what one may take (design value).
    advise=lambda context: sip_topology.advise(context, _vendor_floor_s(context) / 2.0),
)
