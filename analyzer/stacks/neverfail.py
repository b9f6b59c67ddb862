"""Neverfail Heartbeat (also sold as VMware vCenter Server Heartbeat): failover timeout and channel settings.

What: How long the passive server goes without a heartbeat before it may take over, the rules that veto that, and the settings of
    channel and pings.
Why HA: Too short on a thin or lossy channel, and both servers go active (split brain) and corrupt data; too long is an outage.
How: ``T = max(60, ceil(1.25 x S))``, S being the longest stall that must not fail over: pauses measured on either node, the longest
    time in which TCP was silent on *all* channels together, as computed from their outages and as the TCP echo measured it, and the
    scenarios that are on. The detector is replayed on the joint trace of all channels: T is also twice the longest time in which nothing was heard on any of them,
    over TCP, pauses and load included. A clean run does not
    shorten the vendor's 60 s. Detection takes T from the first missed heartbeat and a ping attempt. Pairs that a person switches get
    no timeout, but the silence after which to raise an alarm.
Source: vCSHB 6.5 Admin Guide p. 32 and 42, 6.4 p. 21 and 38, 5.5 p. 17; Neverfail KB "Configuring Failover Timeout", "The Failover
    Started Event", "How to Configure Split-Brain Avoidance"; NF (manual switchover to the DR server). Factors 1.25 and 2: design values.
    Detection is derived from the vendor's sequence. The documents state no range for any field.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer import entries, legs, sizing
from analyzer.advisor import Carrier, Model, advise, timer
from analyzer.contract import Constraint, Recommendation, Setting, Snippet, Throughput, Untested
from analyzer.detectors import silence
from analyzer.detectors.episodes import Spans
from analyzer.detectors.trace import PathTrace
from analyzer.echo import silent_together
from analyzer.extension import Combine, Custom, Option, Stack, StackContext
from analyzer.words import seconds
from collector.plan import NetworkKind, Plan

NEVERFAIL = "neverfail"
DEFAULT_S = 60
BEAT_S, BEATS = 20, 3
ECHO_S, PING_S = 5, 10
PORT = 57348
THIN_BPS = 10_000_000

TITLE = "Neverfail Heartbeat, failover and channels"
WHERE = "Neverfail management client > Server > Monitoring > Configure Failover, or where the table says"

LEG_WHERE = "Neverfail configuration wizard > Channel"

TIMEOUT = "Failover timeout"
OLD_TIMEOUT = "Heartbeat timeout"
OLD_COUNT = "Heartbeats missed"
OLD_ONLY = f"only if your release is 5.5 or older, instead of {TIMEOUT}"
FORWARD = "Failover from primary to secondary if the channel is lost"
BACKWARD = "Failover from secondary to primary if the channel is lost"
ISOLATED = "Make the server passive if channel and public network are lost"
SYNCHRONISED = "No failover while unsynchronized"
VISIBLE = "No failover if the active server is still visible"
THIN = "Low Bandwidth Module"
CHANNEL_PORT = "Channel port"
PING = "Public network ping interval"
ECHO = "Ping echo timeout"

_FAILOVER = 'vCSHB 6.5 Admin Guide p. 32; Neverfail KB "Configuring Failover Timeout"'
_OLD = 'Neverfail KB "The Failover Started Event"'
_RULES = "vCSHB 6.5 Admin Guide p. 32; Neverfail KB: recommended"
_ORDER = "vCSHB 6.5 Admin Guide p. 32: rules are taken in order, unselected ones are skipped"
_UNKNOWN = "range and default not found"

OPTIONS = (
    Option(TIMEOUT, "Monitoring > Configure Failover", "s", DEFAULT_S, None, None, True, _FAILOVER, True),
    Option(OLD_TIMEOUT, "Heartbeat Missed event", "s", BEAT_S, None, None, True, _OLD, True),
    Option(OLD_COUNT, "Heartbeat Missed event", "", BEATS, None, None, True, _OLD, True),
    Option(FORWARD, "Monitoring > Configure Failover", "", None, None, None, False, _ORDER, True),
    Option(BACKWARD, "Monitoring > Configure Failover", "", None, None, None, False, _ORDER, True),
    Option(SYNCHRONISED, "Monitoring > Configure Failover", "", None, None, None, False, _RULES, True),
    Option(VISIBLE, "Monitoring > Configure Failover", "", None, None, None, False, _RULES, True),
    Option(ISOLATED, "Monitoring > Configure Failover", "", None, None, None, False, _ORDER, True),
    Option(THIN, "Configuration wizard > Channel", "", None, None, None, False, "vCSHB 6.4 p. 21, 5.5 p. 17", True),
    Option(CHANNEL_PORT, "Configuration wizard > Channel", "", PORT, 1, 65535, True, "vCSHB 6.4 p. 21", True),
    Option(PING, "Network Monitoring > Configure Pings", "s", PING_S, None, None, True, "vCSHB 6.5 p. 42", True),
    Option(ECHO, "Network Monitoring > Configure Pings", "s", ECHO_S, None, None, True, "vCSHB 6.4 p. 38", True),
    # What follows exists by the vendor's documents, but neither default nor range was found: nothing is recommended.
    Option("Ping Interval", "Configure Pings", "s", None, None, None, False, f"vCSHB 6.5 p. 31; {_UNKNOWN}", False),
    Option(
        "Auto-switchover after missed pings",
        "Network",
        "",
        None,
        None,
        None,
        True,
        f"vCSHB 6.4 p. 38; {_UNKNOWN}",
        False,
    ),
    Option(
        "Max server time difference", "Summary", "s", None, None, None, False, f"vCSHB 6.4 p. 38; {_UNKNOWN}", False
    ),
    Option(
        "Response times of the channel",
        "Monitoring",
        "s",
        None,
        None,
        None,
        False,
        f"vCSHB 6.5 p. 41; {_UNKNOWN}",
        False,
    ),
)

_SEQUENCE = (
    "The timeout counts from the first missed heartbeat. Then each server pings the other over the public network, and an answer "
    f"vetoes the failover. So detection takes the failover timeout, up to one heartbeat interval before it and a ping attempt of {ECHO_S} s "
    f"after it (derived). The interval is documented for releases up to 5.5 only ({BEAT_S} s), and stands in for later ones."
)
_UNTOLD = (
    "The vendor's documents give neither defaults nor ranges for Ping Interval, channel response times, auto-switchover count "
    "and maximum time difference: leave them as installed."
)


_TAKEOVER = "Then the protected services start on the other server: not measured."


@dataclass(frozen=True, slots=True)
class Failover:
    """A failover timeout. Heartbeats run on every channel, so any that is heard starts it anew; its interval is not known for later releases."""

    timeout_s: float

    @property
    def outlasts_s(self) -> float:
        """Longest silence of all channels together that starts no failover, wherever it begins."""
        return self.timeout_s

    @property
    def detection_s(self) -> tuple[float, float]:
        """From a crash to the decision: up to one heartbeat before the timeout, and a ping attempt after it."""
        return self.timeout_s, self.timeout_s + BEAT_S + ECHO_S


def _replay(trace: PathTrace, settings: Sequence[Failover]) -> Spans:
    return silence.replay(trace, [timer(trace, 0.0, item.timeout_s) for item in settings]).spans


MODEL = Model(
    lambda silence_s: Failover(float(sizing.whole(silence_s))),
    [Failover(float(timeout_s)) for timeout_s in (10, 20, 30, 45, 60, 90, 120, 180, 300)],
    _replay,
    Carrier.TCP,
    Combine.SURVIVES,
)


def recommend(context: StackContext) -> Iterator[Recommendation]:
    """One recommendation for the pair; no failover timeout where a person switches."""
    if not context.automatic:
        yield _manual(context)
        return
    advice = advise(context, MODEL, _candidates(context))
    assert advice.setting is not None  # no range is documented, so none ends
    binding, timeout_s = advice.binding, round(advice.setting.timeout_s)
    settings = _settings(context, timeout_s, sizing.reason(context, binding))
    yield entries.recommended(
        STACK,
        context,
        advice,
        WHERE,
        settings,
        vendor_s=DEFAULT_S,
        told=_notes(context, binding, timeout_s),
        snippet=_snippet,
        takeover=_TAKEOVER,
        cautions=_cautions(context),
    )


def _candidates(context: StackContext) -> Iterator[Constraint]:
    yield sizing.floor(context, DEFAULT_S, "the vendor's default; a clean run does not shorten it")
    if context.timings:
        yield sizing.pause(context.timings)
        if len({timing.network for timing in context.timings}) > 1:
            yield sizing.common_silence(context)
            yield sizing.least_loaded(context)
        else:
            yield from sizing.silences(context)
    if context.echoes:
        silent_s, networks = silent_together(context.echoes)
        together = "every one of " if len(networks) > 1 else ""
        yield sizing.measured_silence(silent_s, together + ", ".join(networks))
    yield from sizing.scenarios(context)


def _together(context: StackContext) -> tuple[float, str]:
    """The longest moment without any channel, and which channels. The heartbeat survives while one of them lives."""
    assert context.joint is not None  # there are timings
    networks = context.joint.networks
    together = "all of " if len(networks) > 1 else ""
    return context.joint.longest_common_outage_s, together + ", ".join(networks)


def _thin(context: StackContext) -> tuple[str, str]:
    """Low Bandwidth Module on or off, and why, by the plan's rates and what was measured, whichever is less."""
    if not context.wan:
        return (
            "off",
            "not for use on a LAN: it queues on disk and costs CPU; a slow channel within a site is to be mended",
        )
    rates = {name: _rate_bps(context, name) for name in {path.network for path in context.paths}}
    slow = sorted(name for name, rate_bps in rates.items() if rate_bps is not None and rate_bps < THIN_BPS)
    if slow:
        return "on", f"channel {', '.join(slow)} carries less than 10 Mbit/s; the module queues on disk and costs CPU"
    unknown = sorted(name for name, rate_bps in rates.items() if rate_bps is None)
    if unknown or not rates:
        return "on", (
            f"default of a WAN installation; nothing is known of the rate of {', '.join(unknown) or 'the channel'}: "
            "off from 10 Mbit/s on"
        )
    return "off", "only for channels slower than 10 Mbit/s; these are not"


def _rate_bps(context: StackContext, network: str) -> float | None:
    """The least of what the plan states and what the tests found; None if neither tells. A test held to less tells nothing."""
    planned_bps = context.plan.network(network).rate_bps
    told = [] if planned_bps is None else [float(planned_bps)]
    told += [
        carried.median_bps
        for carried in context.throughputs
        if carried.network == network and carried.median_bps is not None and not _held(carried)
    ]
    return min(told, default=None)


def _held(carried: Throughput) -> bool:
    """Whether the tests were held to less than the network may carry, and went as fast as they might."""
    limit_bps, median_bps = carried.limit_bps, carried.median_bps
    if limit_bps is None or median_bps is None:
        return False
    return median_bps > 0.9 * limit_bps and (carried.planned_bps is None or limit_bps < carried.planned_bps)


def _settings(context: StackContext, timeout_s: int, reason: str) -> tuple[Setting, ...]:
    count = math.ceil(timeout_s / BEAT_S)
    because: dict[str, tuple[int | str, str]] = {
        TIMEOUT: (timeout_s, reason),
        FORWARD: ("on", "unselected, nothing fails over from the primary"),
        BACKWARD: ("on", "unselected, nothing fails over back from the secondary"),
        SYNCHRONISED: ("on", "a server whose data are stale must not take over"),
        VISIBLE: _visible(context),
        ISOLATED: ("on", "a server that sees neither peer nor clients must not stay active (our advice, design value)"),
        THIN: _thin(context),
        CHANNEL_PORT: (PORT, "default, to be open between the nodes; change only on conflict"),
        PING: (PING_S, "default; the active server pings gateway, DNS and global catalog"),
        ECHO: (ECHO_S, "default; increase on slow networks with high latency or collisions"),
        OLD_TIMEOUT: (BEAT_S, "default; releases up to 5.5 count missed heartbeats instead of seconds"),
        OLD_COUNT: (count, f"{count} x {BEAT_S} s = {count * BEAT_S} s, at least the failover timeout above"),
    }
    return tuple(_setting(name, value, why) for name, (value, why) in because.items())


def _visible(context: StackContext) -> tuple[str, str]:
    """The rule that needs management addresses: where the plan has none it can veto nothing."""
    why = "a lost channel alone is no dead server (split brain)"
    without = _unmanaged(context)
    if not without:
        return "on", why
    return "on, once both have management addresses", f"{why}; the plan gives none for {' and '.join(without)}"


def _unmanaged(context: StackContext) -> list[str]:
    return [name for name in context.pair if not _managed(context.plan, name)]


def _cautions(context: StackContext) -> Iterator[tuple[str, str]]:
    if len(context.networks) == 1:
        yield (
            f"One channel only ({context.networks[0]})",
            "its loss alone starts the countdown to a failover; a second, independent one is advised",
        )


def _setting(name: str, value: int | str, why: str) -> Setting:
    option = next(option for option in OPTIONS if option.name == name)
    only_if = OLD_ONLY if name in (OLD_TIMEOUT, OLD_COUNT) else ""
    return Setting(name, value, option.unit, why, option.source, option.verified, option.section, only_if)


def _notes(context: StackContext, binding: Constraint, timeout_s: int) -> Iterator[str]:
    yield from sizing.floor_notes(context)
    if timeout_s > DEFAULT_S:
        yield (
            f"Above the default of {DEFAULT_S} s a real failure goes unnoticed for longer. What asks for it: {binding.text}. "
            "Mend the cause instead of waiting it out."
        )
    if timeout_s < DEFAULT_S:
        yield f"Below the default of {DEFAULT_S} s a thin channel risks split brain."
    yield _SEQUENCE
    if len({path.network for path in context.paths}) < 2:
        yield "One channel only: its loss alone starts the countdown. The vendor advises redundant channels (split brain)."
    without = _unmanaged(context)
    if without:
        yield (
            f"“{VISIBLE}” needs a management address on both servers; the plan gives none for {' and '.join(without)}, "
            "and until then the rule vetoes nothing."
        )
    yield "Enter the same values on both servers: the roles swap."
    yield _UNTOLD


def _managed(plan: Plan, node: str) -> bool:
    return any(plan.network(network).kind is NetworkKind.MANAGEMENT for network in plan.node(node).addresses)


def _manual(context: StackContext) -> Recommendation:
    """What a leg to the DR server needs instead of a timeout."""
    found = [
        "Switching to or from the DR server is manual in every Neverfail topology, so a failover timeout would be wrong advice.",
        "What this leg needs is an alarm when its channel is down.",
    ]
    if context.timings:
        length_s, where = _together(context)
        found.append(
            f"The longest interruption measured on {where} lasted {seconds(length_s)}."
            if length_s
            else f"No interruption of {', '.join(context.networks)} was measured."
        )
    found.append(
        "The channel needs 1 Mbit/s to spare, and a latency no worse than that of a T1 line, a leased line of 1.5 Mbit/s; the vendor "
        "names no milliseconds (vCSHB 5.5 p. 17)."
    )
    settings = (_setting(THIN, *_thin(context)), _setting(CHANNEL_PORT, PORT, "default, to be open between the nodes"))
    return legs.leg(STACK, context, "Neverfail Heartbeat", LEG_WHERE, found, settings)


def _snippet(node: str, settings: tuple[Setting, ...]) -> Snippet:
    lines = []
    told = ""
    for setting in settings:
        if setting.only_if != told:
            told = setting.only_if
            lines.append(f"{told[0].upper()}{told[1:]}:" if told else "Always:")
        unit = f" {setting.unit}" if setting.unit else ""
        lines.append(f"[ ] {setting.place}: {setting.option} = {setting.value}{unit}")
        lines += textwrap.wrap(setting.because, 72, initial_indent="      ", subsequent_indent="      ")
    return Snippet(node, "Enter in the Neverfail management client", "\n".join(lines) + "\n")


STACK = Stack(
    NEVERFAIL,
    TITLE,
    Combine.SURVIVES,
    lambda _wan: float(DEFAULT_S),
    False,
    OPTIONS,
    recommend,
    (
        Untested(
            "Neverfail's Ping Interval, channel response times, auto-switchover count and maximum time difference: "
            "defaults are not documented",
            "Neverfail administrator",
        ),
        Untested(
            "How long replication tolerates an interruption of its channel (room for the queue)",
            "Neverfail administrator",
        ),
    ),
    (f"tcp/{PORT}",),
    frozenset({Custom.CHANNEL, Custom.INTERFACES, Custom.MANAGEMENT, Custom.REPLICATES, Custom.CLONES}),
    systems=("Windows",),
)
