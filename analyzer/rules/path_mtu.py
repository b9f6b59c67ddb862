"""Whether full-size packets get through, each way.

What: The largest IP packet that arrives whole with don't-fragment set, beside the MTU of both ends' interfaces and the other direction.
Why HA: Heartbeats are small and pass everywhere; replication sends full packets. Where those vanish the channel looks alive,
    and the copy stops: the fault shows at the first large transfer, or at the switchover.
How: The sender searched at the start and every hour, past what its kernel believes about the path; the peer confirmed what arrived.
    Where packets below the interface's MTU vanish and no router says why, TCP cannot adapt: a black hole.
Source: vSAN and Test-NetStack: a full-size no-fragment packet passes both ways on every channel, a mismatch between ends warns, a black
    hole fails. 1500 B on one site, and that routers which do say their MTU only warn: design values.
Fails when: packets that both ends' interfaces can send vanish without a word from a router.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, PathMtu, Scope, Sense, Status
from analyzer.extension import MTUS, Context, Judgement, Rule
from analyzer.troubles import Trouble, words

LAN = Limit(
    "path MTU on one site", "octets", 1500.0, None, Sense.AT_LEAST, "design value: Ethernet without jumbo frames"
)
_SAME = "Give every interface, switch and router of network {} the same MTU."


def _check(context: Context) -> Iterator[Judgement]:
    own = context.mtus[context.subject.name]
    back = context.mtus.get(f"{own.target}>{own.source}/{own.network}")
    if own.size_B is None:
        yield Judgement(
            Status.SKIPPED,
            f"Path {own.path}: its MTU is not known: {own.reason}.",
            remedy=f"Send full-size packets without fragmentation from {own.source} to {own.target} by hand (ping -M do -s 1472).",
        )
        return
    limit = context.limit(LAN.name)
    troubles = list(_thinner(own, back, own.size_B))
    named = bool(troubles)
    if back is not None:
        troubles += _compared(own, back)
    if own.largest_B is not None and own.largest_B != own.size_B:
        troubles.append(
            Trouble(
                Status.WARN,
                f"it changed during the run, between {own.size_B} B and {own.largest_B} B",
                f"Ask who runs network {own.network} which routes it has between {own.source} and {own.target}.",
            )
        )
    # Where something between the ends is thinner than they are, its size is told already, and is what has to be mended.
    if not own.wan and not named and limit.judge(own.size_B) is not Status.PASS:
        troubles.append(Trouble(Status.WARN, f"less than {limit.warn:.0f} B on one site", _SAME.format(own.network)))
    evidence = (
        Evidence("path MTU", float(own.size_B), "octets", None if own.wan else limit),
        *(Evidence(what, float(size), "octets") for what, size in (("interface's MTU", own.nic_B), ("named by a router", own.told_B)) if size),
    )  # fmt: skip
    good = f"Path {own.path} carries packets of {own.size_B} B whole, all that the interface sends."
    yield from words(context.plan, f"Path {own.path} ({own.size_B} B)", troubles, good, evidence)


def _thinner(own: PathMtu, back: PathMtu | None, size: int) -> Iterator[Trouble]:
    """Whether the network carries less than the interfaces at its ends."""
    ends = [nic for nic in (own.nic_B, back.nic_B if back else None) if nic is not None]
    most = min(ends, default=size)
    if size >= most:
        return
    if own.told_B is not None:
        yield Trouble(
            Status.WARN,
            f"the interfaces send {most} B; a router says that it forwards {own.told_B} B",
            _SAME.format(own.network),
        )
        return
    yield Trouble(
        Status.FAIL,
        f"the interfaces send {most} B, and what is larger than {size} B vanishes without a word (a black hole)",
        f"Find what drops large packets between {own.source} and {own.target}: a switch or tunnel with a smaller MTU, or a "
        f"firewall that drops the ICMP messages of a router. Until then set the MTU of both interfaces to {size}.",
    )


def _compared(own: PathMtu, back: PathMtu) -> Iterator[Trouble]:
    if own.nic_B is not None and back.nic_B is not None and own.nic_B != back.nic_B:
        yield Trouble(
            Status.WARN,
            f"the interface of {own.source} has an MTU of {own.nic_B} B, that of {own.target} {back.nic_B} B",
            _SAME.format(own.network),
        )
    elif back.size_B is not None and back.size_B != own.size_B:
        yield Trouble(
            Status.WARN,
            f"the way back carries {back.size_B} B",
            f"Find where the two directions between {own.source} and {own.target} part; they should have one MTU.",
        )


RULE = Rule("path-mtu", "Path MTU", Area.NETWORK, Scope.PATH, (MTUS,), (LAN,), _check, effort=Effort.SETTING)
