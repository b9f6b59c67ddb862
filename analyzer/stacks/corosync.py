"""Corosync under Pacemaker: the totem token, and what is computed from it.

What: `token` of the section totem in corosync.conf, with `consensus` and the knet ping options left to corosync, which derives them from the token.
Why HA: Too short, and a pause or outage makes the ring form a new membership: the node that was silent for a moment is fenced. Too long is an outage.
How: The runtime token (token + 650 ms for each node beyond two), less the time for which an idle ring holds the token at one node (a fifth of it), outlasts the vendor's default, 1.25 x the pauses, outages and scenarios that count, and twice the longest
    silence in the replay. Each node needs each other one; between two nodes knet goes on while any of the bound networks lives. Loss is loss: the
    tokens are datagrams, each sent again every 1/4.2 of the token. Whole 100 ms, equal on all nodes.
    **The trap of an explicit consensus**: it is not rescaled with the nodes. `consensus: 3600` is 1.2 x the token of two nodes, and of three it is *below* the
    runtime token of 3650 ms. So it is left out.
    A dead node is noticed when the token is lost; the new membership takes up to the consensus more. Then Pacemaker fences and starts resources.
Source: corosync.conf(5), exec/totemconfig.c; Red Hat articles 3068821 (token up to 300 s) and 2823721 (round trips); votequorum(5).
    That token + consensus is the whole reaction, and steps of 100 ms: unverified and design value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from analyzer import entries, sizing
from analyzer.advisor import Carrier, Model, advise
from analyzer.contract import Constraint, Recommendation, Scope, Setting, Snippet, Untested
from analyzer.detectors import silence
from analyzer.detectors.episodes import Spans
from analyzer.detectors.token_ring import COEFFICIENT_MS, CONSENSUS, RETRANSMITS, Totem, trap
from analyzer.detectors.trace import PathTrace
from analyzer.extension import Combine, Custom, Option, Stack, StackContext
from analyzer.words import seconds

TOKEN_MS = 3000
MOST_MS = 300_000
STEP_MS = 100
HELD = 1.0 / (1.0 - 0.8 / (RETRANSMITS + 0.2))
"""Runtime token over what it outlasts, but for the last milliseconds."""
UNSUPPORTED_S = 0.3
LADDER_MS = (1000, 2000, 3000, 5000, 7500, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000)

TITLE = "Corosync and Pacemaker, totem"
WHERE = "/etc/corosync/corosync.conf on every node, then corosync-cfgtool -R"
_CODE = "corosync.conf(5); exec/totemconfig.c"

OPTIONS = (
    Option("token", "totem", "ms", TOKEN_MS, 30, MOST_MS, True, f"{_CODE}; Red Hat article 3068821 (maximum)", True),
    Option("token_coefficient", "totem", "ms", COEFFICIENT_MS, 0, None, True, _CODE, True),
    Option("token_retransmits_before_loss_const", "totem", "", RETRANSMITS, 1, None, True, _CODE, True),
    Option("consensus", "totem", "ms", "computed", 30, None, True, f"{_CODE}: 1.2 x the runtime token", True),
    Option("knet_ping_interval", "totem.interface", "ms", "computed", None, None, True, _CODE, True),
    Option("knet_ping_timeout", "totem.interface", "ms", "computed", None, None, True, _CODE, True),
    Option("knet_pong_count", "totem.interface", "", 2, None, None, True, _CODE, True),
    Option("join", "totem", "ms", 50, 30, None, True, _CODE, True),
    Option("two_node", "quorum", "", 0, 0, 1, True, "votequorum(5)", True),
)

_LEFT_OUT = "left out"
_TAKEOVER = (
    "Detection ends with the new membership (token and consensus; that this is the whole reaction is unverified). Then Pacemaker fences the lost node "
    "(fencing-timeout, 60 s by default) and starts its resources: not measured."
)


def _model(nodes: int) -> Model[Totem]:
    return Model(
        _fitting(nodes),
        [Totem(token_ms, nodes) for token_ms in LADDER_MS],
        _replay,
        Carrier.DATAGRAM,
        Combine.SURVIVES,
    )


def _fitting(nodes: int) -> Callable[[float], Totem | None]:
    def fit(silence_s: float) -> Totem | None:
        # Less than what is held comes off, so this is the least that can do; two or three steps more will.
        token_ms = max(STEP_MS, STEP_MS * math.ceil((silence_s * HELD * 1e3 - extra_ms(nodes)) / STEP_MS - 1.0))
        while token_ms <= MOST_MS:
            totem = Totem(token_ms, nodes)
            if totem.outlasts_s >= silence_s - 1e-6:
                return totem
            token_ms += STEP_MS
        return None

    return fit


def extra_ms(nodes: int) -> int:
    """What the runtime token has on top of `token`."""
    return max(0, nodes - 2) * COEFFICIENT_MS


def _replay(trace: PathTrace, settings: Sequence[Totem]) -> Spans:
    def steady(totem: Totem) -> silence.Timer:
        retry_s = totem.retransmit_ms / 1e3
        resolved = retry_s >= 2.0 * trace.period_s
        return silence.Timer(retry_s if resolved else trace.period_s, totem.outlasts_s, steady=True)

    return silence.replay(trace, [steady(totem) for totem in settings]).spans


def recommend(context: StackContext) -> Iterator[Recommendation]:
    """One recommendation for the whole ring."""
    nodes = len(context.pair)
    advice = advise(context, _model(nodes), _candidates(context, nodes))
    totem = advice.setting
    if totem is None:
        needed = f"A runtime token of {seconds(advice.binding.value_s)} would be needed ({advice.binding.text}), but 300 s are the longest that is supported."
        yield entries.without(STACK, context, advice, WHERE, needed, "Find and mend the cause, then measure again.")
        return
    settings = tuple(_settings(totem, sizing.reason(context, advice.binding)))
    yield entries.recommended(
        STACK,
        context,
        advice,
        WHERE,
        settings,
        vendor_s=TOKEN_MS // 1000,
        told=_notes(context, totem),
        snippet=_snippet,
        takeover=_TAKEOVER,
    )


def _candidates(context: StackContext, nodes: int) -> Iterator[Constraint]:
    why = f"the vendor's default token of {nodes} nodes; a clean run does not shorten it"
    floor = sizing.floor(context, TOKEN_MS // 1000, why)
    # The floor is one of the option; what is outlasted is the runtime token less what is held.
    yield Constraint(floor.name, Totem(round(floor.value_s * 1e3), nodes).outlasts_s, floor.text)
    if context.timings:
        latency = max(context.timings, key=sizing.latency_s)
        slowest_s = sizing.latency_s(latency)
        text = f"2 x {seconds(slowest_s)}, the 99.9 % round trip of {latency.path} or the slowest of fewer than 1000"
        yield Constraint("latency", 2.0 * slowest_s, text if slowest_s else "RTT not measured")
        yield sizing.pause(context.timings)
        if len({timing.network for timing in context.timings}) == 1:
            yield from sizing.interruptions(context.timings)
    yield from sizing.scenarios(context, tcp=False)


def _settings(totem: Totem, reason: str) -> Iterator[Setting]:
    more = (
        f"; with {totem.nodes} nodes {extra_ms(totem.nodes)} ms are added, so {totem.runtime_ms} ms are in force"
        if totem.nodes > 2
        else ""
    )
    yield entries.entry(OPTIONS, "token", totem.token_ms, f"{reason}{more}")
    yield entries.entry(
        OPTIONS,
        "consensus",
        _LEFT_OUT,
        f"corosync then computes {totem.consensus_runtime_ms} ms, {CONSENSUS} x the runtime token; a written value is not rescaled when a node is added, and has "
        "to be above the runtime token",
    )
    interval_ms, timeout_ms = totem.ping_ms
    yield entries.entry(
        OPTIONS,
        "knet_ping_timeout",
        _LEFT_OUT,
        f"corosync then gives a link up after {timeout_ms} ms and pings it every {interval_ms} ms; set both ping options or neither",
    )
    if totem.nodes == 2:
        yield entries.entry(OPTIONS, "two_node", 1, "two nodes have no majority; it turns wait_for_all on as well")


def _notes(context: StackContext, totem: Totem) -> Iterator[str]:
    yield from sizing.floor_notes(context)
    yield "Enter the same values on every node: they have to be equal."
    written = trap(Totem(totem.token_ms, totem.nodes, consensus_ms=int(CONSENSUS * totem.token_ms)))
    if written:
        yield f"If corosync.conf has a consensus of {int(CONSENSUS * totem.token_ms)} from a ring of two: {written}. Remove the line."
    if len(context.networks) > 1:
        yield (
            f"Give knet a link on each of {', '.join(context.networks)} (ring0_addr, ring1_addr, ...); the value counts on any of them carrying the token. "
            f"A link that fails is left after {totem.ping_ms[1]} ms."
        )
    else:
        yield f"One link only ({', '.join(context.networks)}): its outage alone breaks the ring."
    slow = [timing for timing in context.timings if (timing.rtt.p50 or 0.0) > UNSUPPORTED_S]
    if slow:
        yield f"{slow[0].path} has a round trip above 300 ms: Red Hat calls that unstable and may not support it (article 2823721)."
    yield f"Corosync warns at 75 % of the token ({totem.runtime_ms * 3 // 4} ms): look for that in its log after the installation."


def _snippet(node: str, settings: Sequence[Setting]) -> Snippet:
    lines = []
    for section in ("totem", "quorum"):
        mine = [item for item in settings if (item.place or "").partition(".")[0] == section]
        if not mine:
            continue
        lines.append(f"{section} {{")
        for item in mine:
            lines += entries.reasons(f"{item.option}: {item.because}", "    ")
            if item.value != _LEFT_OUT:
                lines.append(f"    {item.option}: {item.value}")
        lines.append("}")
    return Snippet(node, "Merge into the sections of /etc/corosync/corosync.conf", "\n".join(lines) + "\n")


STACK = Stack(
    "corosync",
    TITLE,
    Combine.SURVIVES,
    lambda _wan: TOKEN_MS / 1e3,
    True,
    OPTIONS,
    recommend,
    (
        Untested("Fencing: that it works, and how long it takes (fencing-timeout, SBD)", "cluster administrator"),
        Untested("Timeouts of Pacemaker's resource operations (20 s by default)", "cluster administrator"),
    ),
    ("udp/5405",),
    frozenset({Custom.MAJORITY, Custom.TWO_ALONE}),
    systems=("Linux", "FreeBSD"),
    scope=Scope.CLUSTER,
)
