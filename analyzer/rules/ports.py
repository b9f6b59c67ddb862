"""Whether firewalls let through what the planned products need between the nodes.

What: Each port and protocol that the plan lists for a product, each way, on the networks it is bound to; and on networks without
    probes whether each planned address is reached at all.
Why HA: A product whose port is closed starts, finds no peer and believes itself alone: both nodes go active, or nothing is copied. Our
    own probes prove nothing about it, since firewalls decide port by port.
How: The peer was asked to listen on the port for a few seconds, and answered a token. Where another program listens there, being
    accepted is all that was tried. Once at the start, and in runs of ten minutes and more again near the end; the worst counts.
Source: The plan's [[stack]] ports; what vendors document is in `haready plan init` (Neverfail's channel port: vCSHB 6.4 p. 21). That no
    answer in 3 s means a filter: design value.
Fails when: a listed port is refused, or nothing answers on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Access, Area, Effort, PortTest, Scope, Status
from analyzer.extension import PORTS, Context, Judgement, Rule
from analyzer.troubles import Trouble, words


def _check(context: Context) -> Iterator[Judgement]:
    pair = context.subject.name.replace("+", " and ")
    tests = context.ports
    if not tests:
        yield Judgement(
            Status.INFO,
            f"Between {pair} no port was tested: the plan lists none for its products on networks that join them.",
        )
        return
    troubles = [trouble for test in tests for trouble in _trouble(test)]
    good = f"Between {pair} all {len(tests)} planned ports and addresses are open, each way counted apart."
    yield from words(context.plan, f"Between {pair}", troubles, good)


def _trouble(test: PortTest) -> Iterator[Trouble]:
    where = f"{test.port} of {test.target} from {test.source} over {test.network}"
    where += f" ({test.stack})" if test.stack else " (network without probes)"
    why = f" ({test.reason})" if test.reason else ""
    match test.access:
        case Access.FILTERED:
            yield Trouble(
                Status.FAIL,
                f"{where}: nothing answered{why}",
                f"Let {test.port} through every firewall between {test.source} and {test.target}, each way; one drops it silently.",
            )
        case Access.REFUSED:
            yield Trouble(
                Status.FAIL,
                f"{where}: it was turned away although {test.target} listened{why}",
                f"Let {test.port} through: a firewall on {test.target} or on the way rejects it.",
            )
        case Access.NOT_TESTED:
            yield Trouble(
                Status.SKIPPED,
                f"{where} was not tested{why}",
                f"Try {test.port} from {test.source} to {test.target} by hand.",
            )
        case Access.USED:
            yield Trouble(Status.INFO, f"{where} is open, and another program than haready listens there")
        case Access.OPEN:
            pass


RULE = Rule("ports", "Ports between the nodes", Area.NETWORK, Scope.PAIR, (PORTS,), (), _check, effort=Effort.SETTING)
