"""The command `plan`: make a plan, check one, and forecast what a run of it sends."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import sys
import textwrap
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from collector.display import duration, size
from collector.errors import Arguments, Exit, OperatorError
from collector.plan import NAME, LoadKind, Plan, PlannedTest, Topology, load, load_key, parse
from collector.plan_doubts import doubts, untouched
from collector.plan_forecast import ASSUMED_BPS, HELLO_B, BandwidthRun, Schedule, of_node, schedule

_COLUMNS = 80
EXAMPLE = "my-cluster"
"""What a cluster is called until somebody calls it otherwise."""


def plan(arguments: list[str], stacks: Sequence[str] = (), whole: Collection[str] = ()) -> int:
    """Make a plan, check one, or forecast a run. `stacks`: the products whose names are known; `whole`: those that fail over in no pairs."""
    from collector.commands import seconds

    parser = Arguments(prog="haready plan", description="Make a plan, check it, and see what a run of it would send.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="init|check|schedule")
    text = "write a commented plan to edit, and a key"
    init = verbs.add_parser("init", help=text, description=f"{text.capitalize()} beside it.")
    init.add_argument(
        "topology",
        choices=[t.value for t in Topology],
        metavar="|".join(Topology),
        help="two nodes on one site, two on two sites, a pair and a third node at another site, any others",
    )
    init.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("plan.toml"),
        metavar="FILE",
        help="the plan (default: plan.toml); the key is called likewise",
    )
    init.add_argument("--cluster", default=EXAMPLE, metavar="NAME", help=f"name of the cluster (default: {EXAMPLE})")
    text = "list every mistake in a plan, and what is doubtful"
    check = verbs.add_parser("check", help=text, description=f"{text.capitalize()}; print the command for each node.")
    check.add_argument("plan", type=Path, metavar="PLAN")
    forecast = verbs.add_parser(
        "schedule",
        help="who will talk to whom, when, with how many bytes, and which ports to open",
        description="Show who will talk to whom, when, with how many bytes, and which ports to open. Nothing is sent.",
    )
    forecast.add_argument("plan", type=Path, metavar="PLAN")
    forecast.add_argument("--node", metavar="NAME", help="only what this node sends, answers or lets in")
    forecast.add_argument(
        "--duration", type=seconds, default=86_400.0, metavar="24h", help="length of the run (default: 24h)"
    )
    forecast.add_argument("--json", action="store_true", help="the same as data")
    given = parser.read(arguments)
    if given.verb == "init":
        return _init(given)
    return _check(given, stacks, whole) if given.verb == "check" else _schedule(given)


def _init(given: argparse.Namespace) -> int:
    from collector.plan_templates import template

    output: Path = given.out
    key = output.with_suffix(".key")
    if not NAME.match(given.cluster):
        raise OperatorError(f"{given.cluster!r} is no name", "letters, digits, '.', '_' and '-', at most 63")
    if key == output:
        raise OperatorError(
            f"{output} is to be the plan, not the key", "choose another name with -o, such as plan.toml"
        )
    for path in (output, key):
        if path.exists():
            raise OperatorError(f"{path} exists already", "choose another name with -o, or remove it first")
    text = template(Topology(given.topology), given.cluster, output.name, key.name)
    try:
        output.write_text(text, encoding="utf-8")
        with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    except OSError as error:
        raise OperatorError(f"cannot write {output}: {error.strerror}", "choose another place with -o") from error
    print(output)
    print(key)
    print(
        f"next: edit {output}, then `haready plan check {shlex.quote(str(output))}`; copy both files to every node",
        file=sys.stderr,
    )
    return Exit.DONE


def _check(given: argparse.Namespace, stacks: Sequence[str], whole: Collection[str]) -> int:
    from collector.plan_templates import template

    found = load(given.plan)
    load_key(given.plan, found)
    example = template(found.topology, EXAMPLE, "plan.toml", "plan.key")
    warnings = [*untouched(found, parse(tomllib.loads(example), "")), *doubts(found, stacks, whole)]
    if found.stacks and not stacks:
        warnings.append(
            "whether this version knows the products of the plan was not checked: the analysis is not installed here "
            "(the extra report); check the plan once more where it is"
        )
    for doubt in warnings:
        print(f"warning: {doubt}", file=sys.stderr)
    paths = list(found.paths())
    many = len(warnings) > 1
    told = f"usable, {len(warnings)} warning{'s' * many}: read {'them' if many else 'it'}" if warnings else "good"
    print(f"{given.plan}: {told}. {found.cluster}: {len(found.nodes)} nodes, {len(paths)} directed paths")
    ends = [[found.node(end).addresses[path.network].ip for end in (path.source, path.target)] for path in paths]
    _table([[path.name, str(source), "->", str(target)] for path, (source, target) in zip(paths, ends, strict=True)])
    file = shlex.quote(str(given.plan))
    print(f"what will be sent, and which ports to open: haready plan schedule {file}")
    print(f"before the run, on every node at once: haready check --plan {file} --node NAME")
    for node in found.nodes:
        print(f"on {node.name}: haready collect --plan {file} --node {node.name} --duration 24h")
    return Exit.DONE


def _schedule(given: argparse.Namespace) -> int:
    found = load(given.plan)
    told = schedule(found, given.duration)
    if given.node is not None:
        told = of_node(told, found.node(given.node).name)
    if given.json:
        head = {"plan": str(given.plan), "cluster": found.cluster, "digest": found.digest, "node": given.node}
        print(json.dumps(head | asdict(told), indent=1, default=str))
        return Exit.DONE
    whose = f"node {given.node}" if given.node else f"{len(found.nodes)} nodes"
    print(f"{found.cluster}: what a run of {duration(told.duration_s)} sends, {whose}. Nothing has been sent yet.")
    print("Bytes are those of Ethernet frames.")
    _print_totals(told)
    _print_ports(found, told)
    _print_probes(found, told)
    _print_tcp_echoes(found, told)
    _print_echoes(told)
    _print_tests(found, told)
    _print_openings(told)
    return Exit.DONE


def _say(text: str, indent: int = 2) -> None:
    """A sentence, wrapped for a terminal of 80 columns."""
    blank = " " * indent
    print(textwrap.fill(text, _COLUMNS, initial_indent=blank, subsequent_indent=blank, break_on_hyphens=False))


def _print_totals(told: Schedule) -> None:
    print("\nTOTALS of the run")
    rows = [["node", "sends", "receives", "on average", "tests send", "tests receive"]]
    for item in told.totals:
        average = _bps(round(8 * max(item.sent_B, item.received_B) / told.duration_s))
        amounts = [
            size(item.sent_B),
            size(item.received_B),
            average,
            size(item.tests_sent_B),
            size(item.tests_received_B),
        ]
        rows.append([item.node, *amounts])
    _table(rows)


def _print_ports(found: Plan, told: Schedule) -> None:
    print("\nPORTS to open between the nodes, both ways (by address: at the end)")
    kinds: dict[str, set[LoadKind]] = {}
    for item in told.tests:
        path, kind = PlannedTest.read(item.path)
        kinds.setdefault(path.partition("/")[2], set()).add(kind)
    both = [network for network, found_kinds in kinds.items() if LoadKind.UDP in found_kinds]
    tested = [network for network in kinds if network not in both]
    probed = list(dict.fromkeys(item.path.partition("/")[2] for item in told.probes))
    _say(f"UDP and TCP {found.probing.port} on {', '.join(probed)}")
    if unprobed := [network.name for network in found.networks if not network.probe]:
        _say(f"TCP {found.probing.port} on {', '.join(unprobed)}, where addresses are tried and nothing is probed")
    if tested:
        _say(f"TCP {found.bandwidth.port} on {', '.join(tested)}")
    if both:
        _say(f"UDP and TCP {found.bandwidth.port} on {', '.join(both)}")
    for stack in found.stacks:
        if stack.ports:
            ports = ", ".join(f"{port.transport.upper()} {port.number}" for port in stack.ports)
            _say(f"{ports} on {', '.join(stack.networks)}, which {stack.name} needs")
    if found.security.open_to:
        _say(f"UDP {found.probing.port} from {', '.join(map(str, found.security.open_to))} (open_to)")
    if told.echoes:
        _say(f"ICMP echo to {', '.join(dict.fromkeys(item.observer for item in told.echoes))}, and the replies")


def _print_probes(found: Plan, told: Schedule) -> None:
    print(f"\nPROBES: UDP port {found.probing.port}, every {found.probing.period_s:g} s, all the time")
    _say("Both nodes send; every probe is answered by a packet of the same size.")
    each: dict[tuple[str, ...], int] = {}
    for item in told.probes:
        source, _, rest = item.path.partition(">")
        target, _, network = rest.partition("/")
        ends = [source, target, network, str(item.source), str(item.target), str(item.dscp), f"{item.packet_B} B"]
        back = (target, source, network, ends[4], ends[3], *ends[5:])
        key = back if back in each else tuple(ends)
        each[key] = each.get(key, 0) + item.out_B
    rows = [["between", "and", "network", "addresses", "", "DSCP", "packet", "each way"]]
    _table([*rows, *([*key, size(amount)] for key, amount in each.items())])
    print(f"HELLO: TCP port {found.probing.port}, on the same paths, about {size(HELLO_B)} each time")
    _say("At the start, at the end, and when one fell silent; also asks for turns of tests, TCP echoes and ports.")
    _say(
        "At the start and every hour a search for the path MTU, with packets as large as the interface sends; not in the totals."
    )


def _print_tcp_echoes(found: Plan, told: Schedule) -> None:
    print(f"\nTCP ECHO: port {found.probing.port}, on connections that HELLO has begun")
    if not told.tcp_echoes:
        _say("none: the plan has no channel, and no stack names a network")
        return
    rows = [["path", "every", "message", "a run", "answers"]]
    rows += [
        [item.path, f"{item.period_s:g} s", f"{item.message_B} B", size(item.out_B), size(item.back_B)]
        for item in told.tcp_echoes
    ]
    _table(rows)
    ages = ", ".join(duration(age_s) for age_s in told.tcp_echoes[0].idle_s)
    _say(
        f"Beside each, connections that carry nothing for {ages}."
        if ages
        else "The run is too short for idle connections."
    )


def _print_echoes(told: Schedule) -> None:
    print("\nPINGS: ICMP echo requests to the observers, all the time")
    _say("Every one is answered by a packet of the same size.")
    rows: dict[tuple[str, ...], list[str]] = {}
    for item in told.echoes:
        key = (item.observer, str(item.target), f"{item.period_s:g} s", f"{item.packet_B} B", size(item.out_B))
        rows.setdefault(key, []).append(item.node)
    heading = ["observer", "address", "every", "packet", "each way, a node", "from"]
    told_rows = [[*key, ", ".join(nodes) if len(nodes) <= 3 else f"{len(nodes)} nodes"] for key, nodes in rows.items()]
    _table([heading, *told_rows]) if rows else print("  none: the plan has no observers")


def _print_tests(found: Plan, told: Schedule) -> None:
    protocols = "TCP and UDP" if any(PlannedTest.read(item.path)[1] is LoadKind.UDP for item in told.tests) else "TCP"
    print(f"\nBANDWIDTH TESTS: iperf3, {protocols} port {found.bandwidth.port}, one at a time")
    if told.tests:
        _print_rounds(found, told)
        rows = [["in a round", "path", "length", "held to", "a test", "rounds", "a run"]]
        _table([*rows, *(_test_row(item, told.rounds.every_s) for item in told.tests)])
        ended = [item.path for item in told.tests if item.rounds < item.fit]
        budget = f"The budget of {size(found.bandwidth.budget_B)} a path and direction"
        if ended:
            _say(f"{budget} ends the tests of {', '.join(ended)} early.")
        if any(item.assumed for item in told.tests):
            _say(
                f"* assumed {_bps(ASSUMED_BPS)}: the plan states no rate. A faster network carries more. {budget} is the end."
            )
    reasons: dict[str, list[str]] = {}
    for path, reason in told.not_tested:
        reasons.setdefault(reason, []).append(path)
    for reason, paths in reasons.items():
        _say(f"Not tested, because {reason}:")
        _say(", ".join(paths), 4)


def _print_rounds(found: Plan, told: Schedule) -> None:
    rounds = told.rounds
    _say(
        f"A round takes about {duration(rounds.round_s)}; the first begins about {rounds.first_s:g} s after the start, "
        f"then one every {duration(rounds.every_s)}."
    )
    if rounds.quiet:
        hours = ", ".join(f"{span.begin}-{span.end}" for span in rounds.quiet)
        _say(f"None in the quiet hours {hours} UTC, {rounds.quiet_share:.0%} of a day: the bytes below are then fewer.")
        return
    far = [item for item in told.tests if found.is_wan(*_nodes(item.path))]
    longest = max(far or told.tests, key=lambda item: (item.length_s, item.rounds))
    if longest.rounds:
        _say(
            f"Tests fill the {'WAN line' if far else 'network'} {longest.length_s} s each, {longest.rounds} times each way in "
            "this run, whatever the hour, also at noon; `quiet` in [bandwidth] stops that."
        )


def _nodes(path: str) -> tuple[str, str]:
    source, _, rest = path.partition(">")
    return source, rest.partition("/")[0]


def _test_row(item: BandwidthRun, every_s: int) -> list[str]:
    limit = "no limit" if item.limit_bps is None else _bps(item.limit_bps)
    rounds = str(item.rounds)
    if item.rounds < item.fit:
        rounds += f" of {item.fit} (budget)"
    elif not item.fit:
        rounds += " (run too short)" if item.at_s < every_s else " (every_s too short)"
    amounts = size(item.test_B) + "*" * item.assumed, rounds, size(item.run_B)
    return [f"+{item.at_s:.0f} s", item.path, f"{item.length_s} s", limit, *amounts]


def _print_openings(told: Schedule) -> None:
    print("\nFIREWALLS: what each node has to let in; answers go back the same way")
    for node in dict.fromkeys(item.node for item in told.openings):
        print(f"  on {node}")
        ends: dict[tuple[str, str], list[str]] = {}
        for item in told.openings:
            if item.node == node and item.target is not None:
                ends.setdefault((str(item.source), str(item.target)), []).append(f"{item.protocol} {item.port}")
        _table([[f"from {source}", f"to {target}", ", ".join(ports)] for (source, target), ports in ends.items()], 4)
    for observer, address in dict.fromkeys((item.observer, item.target) for item in told.echoes):
        nodes = ", ".join(item.node for item in told.echoes if item.observer == observer)
        _say(f"on {observer} ({address}): ICMP echo requests from {nodes}")


def _bps(rate: int) -> str:
    """``1.5 Mbit/s`` (powers of ten)."""
    value = float(rate)
    for unit in ("bit/s", "kbit/s", "Mbit/s"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.4g} Gbit/s"


def _table(rows: Sequence[Sequence[str]], indent: int = 2) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(" " * indent + "  ".join(_padded(row, widths)).rstrip())


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    return (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
