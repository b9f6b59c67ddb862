"""Which way of moving a SIP Server's address fits the site, hot or warm standby, and whether the path of the SCS is the weak one.

Everything that is asked of a topology here stands in the SIP Server HA guide (GSIP). What neither the plan nor the machines tell becomes a
question to whoever knows; nothing is taken for granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from analyzer.concerns import names
from analyzer.contract import AddressFound, Choice, Fit, ObserverTiming, Quantiles, Timing, TopologyAdvice, Untested
from analyzer.extension import SUFFICIENT_S, StackContext
from analyzer.lanplan import addresses
from analyzer.netfacts import nics, text
from analyzer.proportion import clopper_pearson
from analyzer.words import few, seconds, share, span
from collector.plan import Network, NetworkKind, Node, ObserverKind

SOURCE = "Genesys SIP Server HA guide (GSIP)"
TAKEOVER = "IP address takeover"
BALANCING = "Windows NLB"
DEVICE = "External device (F5 BIG-IP LTM)"
ONE_HOST = "Both servers on one host"
HOT, WARM = "Hot standby", "Warm standby"

_ASKED_EVERY_S = 1.0
"""An observer is asked once a second: silences that differ by less are alike."""

_ENOUGH = 1000
"""Round trips below which 99.9 % of them is all of them."""
_NETWORK, _GENESYS, _HOSTS = "network administrator", "Genesys administrator", "data centre or virtualisation team"


@dataclass(frozen=True, slots=True)
class _Site:
    """What is known of the pair. None: not told. `network` carries SIP and with it the virtual address; None: the plan has none."""

    nodes: tuple[Node, Node]
    network: Network | None
    rows: tuple[AddressFound, ...]
    systems: tuple[str, str]
    adapters: tuple[int | None, int | None]

    @property
    def subnets(self) -> list[str]:
        """The subnets of the SIP network, one if they are the same."""
        if self.network is None:
            return []
        return list(dict.fromkeys(str(node.addresses[self.network.name].network) for node in self.nodes))

    @property
    def apart(self) -> str:
        """Why the two cannot share an address; empty: they can, as far as the plan says."""
        if len(self.subnets) < 2:
            return ""
        name = self.network.name if self.network else ""
        return f"it needs one subnet, and the two stand in {' and '.join(self.subnets)} on {name}"

    @property
    def leased(self) -> list[str]:
        """Addresses that came from a server."""
        return [f"{row.address} of {row.node}" for row in self.rows if row.static is False]


def advise(context: StackContext, tolerated_s: float) -> Iterator[TopologyAdvice]:
    """The advice for the pair; none where the plan pairs other nodes. `tolerated_s`: the longest outage that hot standby takes."""
    if not context.automatic and context.binding.auto_failover:
        return
    site = _site(context)
    weaker, compared, asked = _scs(context)
    hot = _hot(context, tolerated_s)
    yield TopologyAdvice(
        stack=context.binding.name,
        title="Genesys SIP Server: how the address moves, and what stands by",
        subject=context.subject,
        address=(_takeover(site, weaker), _balancing(site), _device(site), _one_host(site)),
        standby=(hot, _warm(hot)),
        scs_weaker=weaker,
        scs=(_decides(context), *compared),
        questions=tuple(dict.fromkeys((*_questions(site), *asked))),
        source=SOURCE,
    )


def _site(context: StackContext) -> _Site:
    plan, facts = context.plan, context.facts
    one, other = (plan.node(name) for name in context.pair)
    common = [net for net in plan.networks if net.name in one.addresses and net.name in other.addresses]
    of_kind = [net for kind in (NetworkKind.SIP, NetworkKind.PUBLIC) for net in common if net.kind is kind]
    return _Site(
        nodes=(one, other),
        network=of_kind[0] if of_kind else None,
        rows=tuple(row for row in addresses(plan, facts) if row.node in context.pair),
        systems=(text(facts.get(one.name, {}).get("system")), text(facts.get(other.name, {}).get("system"))),
        adapters=(_adapters(context, one.name), _adapters(context, other.name)),
    )


def _adapters(context: StackContext, node: str) -> int | None:
    found = nics(context.facts.get(node, {}))
    return None if found is None else sum(nic.outward and nic.up is not False for nic in found)


def _takeover(site: _Site, weaker: bool | None) -> Choice:
    if site.network is None:
        why = "the plan has no SIP or public network that both servers are on, so where the address would move is not known"
        return Choice(TAKEOVER, Fit.OPEN, (why,))
    if site.apart:
        return Choice(TAKEOVER, Fit.RULED_OUT, (site.apart,))
    reasons = [
        f"both servers stand in {site.subnets[0]} on {site.network.name}, by the plan",
        "it runs on every operating system and needs no further device",
        "the operations on both sides have to succeed, and the subnet has to accept gratuitous ARP",
    ]
    if "Windows" in site.systems:
        reasons.append("on Windows adding or removing the address may take up to 5 s, with some adapters much longer")
    if weaker:
        reasons.append(
            "while the SCS does not reach a host the script that takes the address down cannot run there, and both servers hold it: mend "
            "the path of the SCS first"
        )
    if site.leased:
        reasons.append(
            f"static addresses are asked for on every interface, and {', '.join(site.leased)} came from a server"
        )
        return Choice(TAKEOVER, Fit.POSSIBLE, tuple(reasons))
    return Choice(TAKEOVER, Fit.ADVISED, tuple(reasons))


def _balancing(site: _Site) -> Choice:
    against = [site.apart] if site.apart else []
    told = [(node.name, system) for node, system in zip(site.nodes, site.systems, strict=True) if system]
    against += [f"{name} runs {system}" for name, system in told if system != "Windows"]
    few = [node.name for node, count in zip(site.nodes, site.adapters, strict=True) if count is not None and count < 2]
    against += [f"{' and '.join(few)} has fewer than two adapters"] if few else []
    against += [f"no address may come from a server, as {', '.join(site.leased)} did"] if site.leased else []
    if against:
        return Choice(BALANCING, Fit.RULED_OUT, tuple(against))
    if site.network is None or len(told) < len(site.nodes) or None in site.adapters:
        return Choice(BALANCING, Fit.OPEN, ("subnet, operating system or adapters of the servers were not told",))
    return Choice(
        BALANCING,
        Fit.POSSIBLE,
        (
            "both run Windows in one subnet with two adapters",
            "it needs a switch or VLAN of its own, and two LANs that are physically independent",
        ),
    )


def _device(site: _Site) -> Choice:
    if site.apart:
        why = "the only way to move the address that does not ask for one subnet"
        return Choice(DEVICE, Fit.ADVISED, (why, "it needs the device, and somebody who runs it"))
    return Choice(DEVICE, Fit.POSSIBLE, ("it needs a further device, which then everything depends on",))


def _one_host(site: _Site) -> Choice:
    one, other = site.nodes
    if not (one.host and other.host):
        return Choice(
            ONE_HOST,
            Fit.OPEN,
            ("the plan does not state the physical machines; on one, 100 seats or fewer are the limit",),
        )
    if one.host == other.host:
        why = f"the plan puts both on {one.host}: two physical hosts are asked for, or 100 seats or fewer"
        return Choice(ONE_HOST, Fit.OPEN, (why,))
    return Choice(
        ONE_HOST, Fit.RULED_OUT, (f"not needed: the plan has two physical machines ({one.host}, {other.host})",)
    )


def _hot(context: StackContext, tolerated_s: float) -> Choice:
    networks = ", ".join(context.networks)
    if not context.timings or context.exposure_s < SUFFICIENT_S or context.hurt:
        why = f"the HA-sync link ({networks or 'none'}) was not measured for 15 min on every path"
        return Choice(HOT, Fit.OPEN, (why,))
    worst = max(context.timings, key=_outage_s)
    longest_s = _outage_s(worst)
    measured = f"the HA-sync link ({networks}) was watched for {span(context.exposure_s)}: {_line(context.timings)}"
    if longest_s > tolerated_s:
        why = f"an outage of {seconds(longest_s)} on {worst.path} takes the synchronisation with it: mend it, or do without"
        return Choice(HOT, Fit.POSSIBLE, (measured, why))
    if context.failed:
        bad = few(
            list(dict.fromkeys(f"{finding.title.lower()} ({names((finding.subject,))})" for finding in context.failed)),
            3,
        )
        return Choice(HOT, Fit.POSSIBLE, (measured, f"what failed has to be mended first: {bad}"))
    return Choice(
        HOT, Fit.ADVISED, (measured, "the state of the calls is kept in step; ADDP is recommended on that link")
    )


def _warm(hot: Choice) -> Choice:
    why = "nothing is synchronised, so it needs no HA-sync link, and [backup-sync] has no effect"
    if hot.fit is Fit.ADVISED:
        return Choice(WARM, Fit.POSSIBLE, (why, "hot standby keeps more, and the link for it is there"))
    return Choice(WARM, Fit.POSSIBLE, (why,))


def _outage_s(timing: Timing) -> float:
    return timing.longest_outage_s


def _line(timings: Sequence[Timing]) -> str:
    return (
        f"longest outage {seconds(max(map(_outage_s, timings), default=0.0))}, loss {share(max((t.loss or 0.0 for t in timings), default=0.0))}, "
        f"{_slowest(timing.rtt for timing in timings)}"
    )


def _slowest(rtts: Iterable[Quantiles]) -> str:
    """The 99.9 % of the slowest path, where there are enough round trips for that: of fewer it would be the slowest one under another name."""
    known = list(rtts)
    if known and all(rtt.samples >= _ENOUGH for rtt in known):
        return f"99.9 % of the round trips within {seconds(max(rtt.p999 or 0.0 for rtt in known))}"
    return f"the slowest round trip {seconds(max((rtt.maximum or 0.0 for rtt in known), default=0.0))}"


def _decides(context: StackContext) -> str:
    """Who decides a switchover of these two, as far as the plan says."""
    loses = "when it loses the primary's host, however well the pair sees each other"
    if not context.automatic:
        return (
            "By the plan a person switches these two over: see that no Solution Control Server (SCS) is set to do it. An SCS that is set to do so switches over "
            f"{loses}."
        )
    planned = [observer.name for observer in context.plan.observers if observer.kind is ObserverKind.SCS]
    if not planned:
        return f"The plan names no Solution Control Server (SCS). In automatic operation the SCS decides: it switches {loses}. So its path was not measured."
    return f"The SCS ({' or '.join(planned)}) decides switchovers: it switches {loses}."


def _scs(context: StackContext) -> tuple[bool | None, list[str], list[Untested]]:
    """(whether the path of an SCS is weaker than the pair's own link, what was found, what to ask)."""
    planned = [observer.name for observer in context.plan.observers if observer.kind is ObserverKind.SCS]
    if not planned:
        what = (
            'Which machine runs the Solution Control Server, and over which network it reaches both hosts: add it as [[observer]] kind = "scs", '
            "because a lost connection from it to the primary's host causes a switchover"
        )
        return None, [], [Untested(what, _GENESYS)]
    told: list[str] = []
    weak: list[bool] = []
    silent: list[str] = []
    for timing in context.observers:
        if timing.observer in planned and timing.node in context.pair:
            if not timing.answered:
                silent.append(f"{timing.observer} to {timing.node}")
                continue
            lost = timing.sent - timing.answered
            told.append(
                f"{timing.observer} and {timing.node}: longest silence {seconds(timing.longest_outage_s)} while {timing.node} asked, loss {share(lost / timing.sent)}, "
                f"{_slowest((timing.rtt,))}"
            )
            weak.append(_weaker(timing, context.timings))
    asked = [
        Untested(f"How the Solution Control Server reaches the hosts (not measured: {item})", _GENESYS)
        for item in silent
    ]
    if not context.timings or not told:
        return None, told, asked or [Untested("The path from the Solution Control Server to both hosts", _GENESYS)]
    told.append(f"the pair's own link ({', '.join(context.networks)}): {_line(context.timings)}")
    return (True if any(weak) else None if silent else False), told, asked


def _weaker(timing: ObserverTiming, link: Sequence[Timing]) -> bool:
    """Whether silence or loss goes beyond that of the link; a delay of milliseconds decides nothing for timeouts of seconds."""
    if not link:
        return False
    low, _ = clopper_pearson(timing.sent - timing.answered, timing.sent)
    return timing.longest_outage_s > max(map(_outage_s, link)) + _ASKED_EVERY_S or low > max(
        item.loss_high or 0.0 for item in link
    )


def _questions(site: _Site) -> Iterator[Untested]:
    if site.network is None:
        yield Untested("In which network the virtual address of the SIP Servers is to lie", _GENESYS)
    elif site.apart:
        yield Untested(
            "Whether an external device (F5 BIG-IP LTM) is there for the SIP Servers, and who runs it", _NETWORK
        )
    else:
        name = site.network.name
        yield Untested(
            f"Whether the subnet of {name} accepts gratuitous ARP, and serves the SIP Servers alone", _NETWORK
        )
        yield Untested(f"Whether the virtual address lies in {site.subnets[0]} of {name}, and is free", _NETWORK)
    one, other = site.nodes
    if not (one.host and other.host):
        yield Untested(f"On which physical machines {one.name} and {other.name} run", _HOSTS)
    if one.host == other.host:
        yield Untested("How many seats the SIP Servers are to serve (more than 100 need two physical hosts)", _GENESYS)
    if set(site.systems) == {"Windows"}:
        yield Untested(
            "For Windows NLB: name resolution (DNS or WINS), one domain, and current drivers where adapters are teamed",
            "system administrator",
        )
    yield Untested(
        "Whether the calls have to survive a switchover (hot standby), or new ones are enough (warm standby)", _GENESYS
    )
