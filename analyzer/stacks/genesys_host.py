"""Genesys Framework: ADDP between the Solution Control Server and a host's Local Control Agent (Host object, section [addp]).

What: ADDP timeouts of the connection over which the Solution Control Server (SCS) sees a host.
Why HA: Losing it *is* the switchover: SCS takes the host for dead and makes the backup primary, while the host, which is well, keeps the virtual address. Loss of the
    HA-sync link (genesys-addp) switches nothing over.
How: One value T for both ends, whole seconds: ``T = max(floor, ceil(2 x p99 round trip), ceil(1.25 x S))``, S being the longest that a poll would have waited for its answer on
    the path between the node and the plan's observer of kind `scs`: its requests once a second, replayed as polls of an idle TCP connection, with the pauses of
    the node; and the scenarios that are on. The vendor's default of 9 s is not enough where delays are a risk, so the floor is 10 s, and 20 s in a plan of several sites
    (an observer has no site). While the node stands still it asks nothing, but SCS does, and waits; so its pauses count as answers that late. Hosts that swap roles get one
    value, the larger. Without such an observer only floor and scenarios stand. The requests are ICMP from the node: what SCS itself suffers is not in them.
Source: Framework CORM, Host [addp] (options, defaults, 10 s and more where delays are a risk); GSIP (SCS loses the host: switchover). Floor between sites
    and factor 1.25: design values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer import entries, polls, sizing
from analyzer.advisor import advise
from analyzer.contract import Constraint, Recommendation, Scope, Setting, Snippet, Untested
from analyzer.extension import Combine, Option, Stack, StackContext
from analyzer.words import seconds
from collector.plan import spelling

FLOOR_LAN_S, FLOOR_WAN_S = 10, 20
DEFAULT_S = 9
MOST_S = 3600
"""No range is documented beyond "any positive integer"; what backup-sync takes stands in."""

TITLE = "Genesys Host, ADDP between SCS and LCA"
PLACE = "Host object of the node > Annex > [addp]"
WHERE = f"{PLACE}; it takes effect when SCS connects to the host next"
_CORM = 'Framework CORM, "Host [addp] Section"'

OPTIONS = (
    Option("addp-timeout", "addp", "s", DEFAULT_S, 0, None, True, _CORM, True),
    Option("addp-remote-timeout", "addp", "s", 0, 0, None, True, _CORM, True),
    Option("addp-trace", "addp", "", "off", None, None, False, _CORM, True),
)

_TAKEOVER = (
    "Then SCS makes the backup primary. Moving the virtual address takes its time (up to 5 s where Windows does it, longer with some adapters: GSIP); on a host that SCS has lost the "
    "VIP-down script cannot run, so both servers hold the address until it is back."
)

MODEL = polls.model(MOST_S)


def recommend(context: StackContext) -> Iterator[Recommendation]:
    """One recommendation for the node."""
    advice = advise(context, MODEL, [*_candidates(context), *_swapped(context)])
    if advice.setting is None:
        needed = f"A timeout of {seconds(advice.binding.value_s)} would be needed ({advice.binding.text}): no timeout helps here."
        yield entries.without(STACK, context, advice, WHERE, needed, "Find and mend the cause, then measure again.")
        return
    timeout_s = round(advice.setting.wait_s)
    settings = (
        entries.entry(OPTIONS, "addp-timeout", timeout_s, _reason(context, sizing.reason(context, advice.binding))),
        entries.entry(
            OPTIONS,
            "addp-remote-timeout",
            timeout_s,
            "equal to addp-timeout; at its default of 0 LCA does not poll at all",
        ),
        entries.entry(OPTIONS, "addp-trace", "both", "so that the log shows which end lost the other"),
    )
    yield entries.recommended(
        STACK,
        context,
        advice,
        WHERE,
        settings,
        vendor_s=_floor_s(context),
        told=_notes(context),
        snippet=_snippet,
        takeover=_TAKEOVER,
        cautions=_cautions(context),
    )


def _floor_s(context: StackContext) -> int:
    sites = {node.site for node in context.plan.nodes}
    return FLOOR_WAN_S if len(sites) > 1 else FLOOR_LAN_S


def _reason(context: StackContext, reason: str) -> str:
    return (
        reason
        if context.asked
        else reason.replace("nothing was measured between these nodes", "the path to SCS was not measured")
    )


def _candidates(context: StackContext) -> Iterator[Constraint]:
    floor_s = _floor_s(context)
    why = (
        "several sites, one of which is far from SCS (design value)"
        if floor_s == FLOOR_WAN_S
        else "Genesys advises 10 s and more where delays are a risk"
    )
    yield sizing.floor(context, floor_s, why)
    if context.asked:
        rtt_s = sizing.asked_rtt_s(context)
        stood = (
            ", pauses of the node in it as SCS meets them"
            if any(trace.kept.any() for trace in context.asked.values())
            else ""
        )
        yield Constraint(
            "latency",
            2.0 * rtt_s,
            f"2 x {seconds(rtt_s)}, the 99 % round trip to {' and '.join(context.asked)}{stood}",
        )
    for trace in context.asked.values():
        paused_s = max((stop - start for start, stop in trace.stalls_s.tolist()), default=0.0)
        yield sizing.paused(paused_s, context.pair[0])
    yield from sizing.scenarios(context)


def _swapped(context: StackContext) -> Iterator[Constraint]:
    """What the other host of the pair asks for: roles swap, so both have one value."""
    for partner in context.partners:
        needs = advise(partner, MODEL, _candidates(partner))
        value_s = needs.binding.value_s if needs.setting is None else needs.setting.wait_s
        text = (
            f"both hosts have one value, because roles swap, and {partner.pair[0]} asks for this: {needs.binding.text}"
        )
        yield Constraint(f"{sizing.OF_PARTNER}{partner.pair[0]}: {needs.binding.name}", value_s, text)


def _notes(context: StackContext) -> Iterator[str]:
    if context.asked:
        yield f"Measured by one ICMP request a second from {context.pair[0]} to {' and '.join(context.asked)}: what SCS itself suffers, a pause of its host, is not in it."
    else:
        yield (
            "The path to SCS was not measured: the plan names no observer of kind scs, or it never answered for the record. The values are floors and "
            "scenarios only."
        )
    override = context.binding.override
    if override and not sizing.enough(context):
        yield "The plan's floor was not applied: a shorter timeout than the vendor's floor needs 15 min of measurement."
    yield "A false alarm here is a false switchover: each loss of this connection makes SCS switch over."
    yield "Enter it for every host of the pair, with equal values: roles swap."
    if "genesys-addp" in {spelling(binding.name) for binding in context.plan.stacks}:
        yield (
            "[backup-sync] of the SIP Servers may have another value: it rests on the HA-sync link and what both servers showed there, this one on the way to SCS "
            "and the pauses of the hosts."
        )


def _cautions(context: StackContext) -> Iterator[tuple[str, str]]:
    if not context.asked:
        yield (
            "Path from SCS to the hosts",
            'NOT MEASURED: name the SCS host as [[observer]] kind = "scs" and repeat the run',
        )


def _snippet(node: str, settings: Sequence[Setting]) -> Snippet:
    lines = ["[addp]", *entries.written(settings, " = ")]
    return Snippet(node, f"Enter in Genesys Administrator: {PLACE}", "\n".join(lines) + "\n")


STACK = Stack(
    "genesys-host",
    TITLE,
    Combine.WORST,
    lambda wan: float(FLOOR_WAN_S if wan else FLOOR_LAN_S),
    True,
    OPTIONS,
    recommend,
    (
        Untested("Pauses and load of the SCS host itself: it carries no collector", "Genesys administrator"),
        Untested("SCS's alive_timeout and disconnect-switchover-timeout: not documented", "Genesys administrator"),
    ),
    scope=Scope.NODE,
)
