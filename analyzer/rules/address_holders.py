"""Who held the shared addresses while the product ran.

What: Beside a running product (`phase = "live"`): which node held each address of the plan and each virtual address that the plan names as an
    observer, whether two nodes held one at the same time, and for how long nobody did between two holders.
Why HA: Two nodes with one address are both active: calls and writes go to either of them (split brain). An address that nobody holds is a
    service that nobody gives.
How: Every collector looks every ten seconds whether packets to the address would leave from itself. What lasts no longer than two looks
    cannot be told from a clean move. An address that clones share by design (Neverfail's public one) may be on both, masked on the passive one.
Source: Design values (unverified): two looks of the collector.
Fails when: two nodes held one address at the same time for more than 20 s.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import HOLDINGS, Context, Custom, Judgement, Rule
from analyzer.roles import LOOK_S, Tenure, tenures
from analyzer.words import seconds
from collector.plan import NetworkKind, Phase

_SOURCE = "design value, unverified: two looks of the collector"
TWICE = Limit("address held by two nodes at once", "s", None, 2 * LOOK_S, Sense.AT_MOST, _SOURCE)
NOBODY = Limit("address held by nobody between two holders", "s", 2 * LOOK_S, None, Sense.AT_MOST, _SOURCE)


def _check(context: Context) -> Iterator[Judgement]:
    if context.plan.phase is not Phase.LIVE:
        yield Judgement(Status.INFO, "The run was made before the product was installed: no address had moved yet.")
        return
    found = tenures(context.holdings)
    if not found:
        yield Judgement(
            Status.SKIPPED,
            "Not judged: no archive tells which node held which address.",
            remedy="Measure with this version of haready on all nodes at the same time.",
        )
        return
    masked = _masked(context)
    for tenure in found:
        yield _one(context, tenure, masked=tenure.address in masked)


def _one(context: Context, tenure: Tenure, *, masked: bool) -> Judgement:
    twice, nobody = context.limit(TWICE.name), context.limit(NOBODY.name)
    evidence = (
        Evidence(twice.name, tenure.twice_s, "s", None if masked else twice),
        Evidence(nobody.name, tenure.nobody_s, "s", nobody),
        Evidence("moves seen", float(len(tenure.holders) - 1), "1"),
    )
    who = f"Address {tenure.address} ({tenure.name})"
    if not masked and twice.judge(tenure.twice_s) is Status.FAIL:
        return Judgement(
            Status.FAIL,
            f"{who} was on {' and '.join(tenure.both)} at the same time for {seconds(tenure.twice_s)}: both were active.",
            evidence,
            "Find why neither gave way: channels that failed together, fencing or witness that did not answer. Until then do not rely on automatic failover.",
        )
    if nobody.judge(tenure.nobody_s) is Status.WARN:
        return Judgement(
            Status.WARN,
            f"{who} was on no node for {seconds(tenure.nobody_s)}, between {tenure.holders[0]} and its next holder.",
            evidence,
            "Look into the product's log of that time: what did the takeover wait for?",
        )
    held = " and ".join(tenure.both) if masked and tenure.both else " then ".join(tenure.holders)
    moved = len(tenure.holders) > 1 and not masked
    return Judgement(Status.INFO if moved or masked else Status.PASS, f"{who} was on {held}.", evidence)


def _masked(context: Context) -> set[str]:
    """Public addresses of clones: on both nodes by design."""
    if Custom.CLONES not in context.customs:
        return set()
    public = {network.name for network in context.plan.networks if network.kind is NetworkKind.PUBLIC}
    return {str(there.ip) for node in context.plan.nodes for name, there in node.addresses.items() if name in public}


RULE = Rule(
    "address-holders", "Holders of shared addresses", Area.NETWORK, Scope.CLUSTER, (HOLDINGS,), (TWICE, NOBODY), _check
)
