"""Keepalived (VRRP): how often the master announces itself.

What: `advert_int` of a VRRP instance, for version 2 in whole seconds and for version 3 in steps of 10 ms.
Why HA: Too short, and a backup that misses three announcements takes the address while the master still has it; too long is an outage.
How: A backup takes over after three intervals and a skew, (256 - priority) / 256 of a second or, in version 3, of the interval. Counted with priority 100, they outlast the vendor's default of 1 s, 1.25 x the pauses, outages and
    scenarios that count, and twice the longest silence in the replay of both directions. Announcements are datagrams: lost is lost. Version 2 knows
    whole seconds only, and keepalived rounds other values with no more than a line in its log. No interval below five probe periods is recommended: it
    was not resolved. Equal on all routers of the group. Where the plan lets other pairs fail over, a pair gets an alarm time and no interval.
Source: keepalived.conf(5), vrrp_parser.c, vrrp.c and vrrp.h (units, ranges, rounding, timer); RFC 9568. Margin: design value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from analyzer import entries, legs, sizing
from analyzer.advisor import RESOLUTION, Carrier, Model, advise, timer
from analyzer.contract import Constraint, Recommendation, Setting, Snippet, Untested
from analyzer.detectors import silence
from analyzer.detectors.episodes import Spans
from analyzer.detectors.trace import RESOLVED, PathTrace
from analyzer.detectors.vrrp import ADVERTS, Router
from analyzer.extension import Combine, Option, Stack, StackContext
from analyzer.words import seconds

FLOOR_S = 3
MOST_S = {2: 255.0, 3: 40.95}
STEP_S = {2: 1.0, 3: 0.01}
PRIORITY = 100
"""Of the backups: keepalived's own default. A higher one waits for a shorter time after the third interval."""

TITLE = "Keepalived, VRRP announcements"
WHERE = "/etc/keepalived/keepalived.conf on every router of the group, then systemctl reload keepalived"
V2 = ""
V3 = "only if all routers of the group run VRRP version 3, instead of version 2"
_CODE = "keepalived.conf(5); vrrp_parser.c, vrrp.c"

OPTIONS = (
    Option("vrrp_version", "global_defs", "", 2, 2, 3, True, f"{_CODE} (IPv6 instances: 3)", True),
    Option("advert_int", "vrrp_instance", "s", 1, 0.01, 255, False, _CODE, True),
    Option("down_timer_adverts", "vrrp_instance", "", ADVERTS, 1, 100, True, f"{_CODE}, vrrp.h", True),
    Option("preempt_delay", "vrrp_instance", "s", 0, 0, 1000, False, "keepalived.conf(5)", True),
)

_TAKEOVER = (
    "The backup that is first takes the address at once and announces it (5 gratuitous ARP, and 5 more after 5 s). How long hosts and switches hold "
    "on to the old entry is not measured."
)


@dataclass(frozen=True, slots=True)
class Announced:
    """An interval in one of the versions."""

    version: int
    advert_s: float

    @property
    def outlasts_s(self) -> float:
        """Longest silence that a backup does not take for a dead master."""
        return Router(self.version, self.advert_s, PRIORITY).down_s

    @property
    def detection_s(self) -> tuple[float, float]:
        """From a crash to the takeover: an announcement was just due, or just sent."""
        return self.outlasts_s - self.advert_s, self.outlasts_s


def _fitting(version: int) -> Callable[[float], Announced | None]:
    def fit(silence_s: float) -> Announced | None:
        skew = (256 - PRIORITY) / 256.0
        advert_s = (silence_s - skew) / ADVERTS if version == 2 else silence_s / (ADVERTS + skew)
        advert_s = round(max(1, math.ceil(advert_s / STEP_S[version] - 1e-6)) * STEP_S[version], 2)
        return Announced(version, advert_s) if advert_s <= MOST_S[version] else None

    return fit


def _replay(trace: PathTrace, settings: Sequence[Announced]) -> Spans:
    def rounded_s(advert_s: float) -> float:
        # Announcements are replayed at every so many probes; rarer ones are the worse.
        return math.ceil(advert_s / trace.period_s - 1e-6) * trace.period_s

    return silence.replay(trace, [timer(trace, rounded_s(item.advert_s), item.outlasts_s) for item in settings]).spans


LADDER_S = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30)
MODELS = {
    version: Model(
        _fitting(version),
        # The trade-off is told once, in whole seconds.
        [Announced(version, float(advert_s)) for advert_s in LADDER_S if version == 2],
        _replay,
        Carrier.DATAGRAM,
        Combine.WORST,
    )
    for version in (2, 3)
}


def recommend(context: StackContext) -> Iterator[Recommendation]:
    """One recommendation for the pair, with values for both versions; none where the plan lets other pairs fail over."""
    if not context.automatic and context.binding.auto_failover:
        why = "The plan pairs other nodes: a router of the group would take the address over by itself, so these two are no group."
        yield legs.leg(STACK, context, "Keepalived", WHERE, (why,))
        return
    candidates = tuple(_candidates(context))
    advice, fine = (advise(context, MODELS[version], candidates) for version in (2, 3))
    announced = advice.setting
    if announced is None:
        needed = f"Silence of {seconds(advice.binding.value_s)} has to be borne ({advice.binding.text}); three intervals of 255 s end before."
        yield entries.without(STACK, context, advice, WHERE, needed, "Find and mend the cause, then measure again.")
        return
    settings = tuple(_settings(announced, fine.setting, sizing.reason(context, advice.binding)))
    yield entries.recommended(
        STACK,
        context,
        advice,
        WHERE,
        settings,
        vendor_s=FLOOR_S,
        told=_notes(context, fine.setting),
        snippet=_snippet,
        takeover=_TAKEOVER,
    )


def _candidates(context: StackContext) -> Iterator[Constraint]:
    yield sizing.floor(context, FLOOR_S, "three times the vendor's default of 1 s; a clean run does not shorten it")
    interval_s = RESOLVED * context.plan.probing.period_s
    yield Constraint(
        RESOLUTION,
        Router(3, min(interval_s, MOST_S[3]), PRIORITY).down_s,
        f"three times {seconds(interval_s)} and the skew: faster announcements are not resolved by probes every {seconds(context.plan.probing.period_s)}",
    )
    if context.timings:
        yield sizing.pause(context.timings)
        yield from sizing.interruptions(context.timings)
    yield from sizing.scenarios(context, tcp=False)


def _settings(announced: Announced, fine: Announced | None, reason: str) -> Iterator[Setting]:
    three = f"a backup takes over after {ADVERTS} intervals and its skew, counted with priority {PRIORITY}"
    yield entries.entry(OPTIONS, "vrrp_version", 2, "the default for IPv4; equal on all routers", V2)
    yield entries.entry(
        OPTIONS, "advert_int", round(announced.advert_s), f"{reason}; {three}; whole seconds, others are rounded", V2
    )
    if fine is not None:
        yield entries.entry(OPTIONS, "vrrp_version", 3, "needed for fractions of a second; equal on all routers", V3)
        yield entries.entry(OPTIONS, "advert_int", fine.advert_s, f"{reason}; {three}; in steps of 10 ms", V3)


def _notes(context: StackContext, fine: Announced | None) -> Iterator[str]:
    yield from sizing.floor_notes(context)
    yield "Enter the same values on all routers of the group; version 3 does no more than log a mismatch."
    if fine is None:
        yield "Version 3 ends at 40.95 s: no value of it is long enough here."
    yield f"Give backups a priority of {PRIORITY} or less: a higher one shortens the skew, and two announcements that are lost or late may then do."
    if context.wan:
        yield "The two stand at different sites: VRRP's multicast does not cross routers, so this works over a stretched network or with unicast_peer only."
    yield (
        "The replay is one of unicast probes between the two nodes. That the switches let multicast 224.0.0.18 (protocol 112) through was tried only where the "
        'plan lists ports = ["ip/112"].'
    )
    yield "keepalived.conf(5): a scheduler late by more than two intervals means that another node may be master already; pauses of the nodes count above."


def _snippet(node: str, settings: Sequence[Setting]) -> Snippet:
    lines = []
    for only_if in (V2, V3):
        mine = {item.option: item for item in settings if item.only_if == only_if}
        if not mine:
            continue
        off = "" if only_if == V2 else "#"
        head = f"{only_if[0].upper()}{only_if[1:]}" if only_if else "VRRP version 2, the default for IPv4"
        lines += [f"# {head}:"]
        lines += [f"{off}global_defs {{", f"{off}    vrrp_version {mine['vrrp_version'].value}", f"{off}}}"]
        lines += [f"{off}vrrp_instance VI_1 {{"]
        lines += entries.reasons(mine["advert_int"].because, f"{off}    ")
        lines += [f"{off}    advert_int {mine['advert_int'].value:g}", f"{off}}}"]
    title = "Merge into /etc/keepalived/keepalived.conf, under the name of your instance"
    return Snippet(node, title, "\n".join(lines) + "\n")


STACK = Stack(
    "keepalived",
    TITLE,
    Combine.WORST,
    lambda _wan: float(FLOOR_S),
    True,
    OPTIONS,
    recommend,
    (
        Untested("Checks of the service itself (vrrp_script interval, rise, fall)", "administrator of the service"),
        Untested("How long neighbours keep the old ARP entry after a takeover", "network administrator"),
    ),
    ("ip/112",),
    systems=("Linux",),
)
