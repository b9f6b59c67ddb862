"""What a collector would have told beside its rows: whom it met, what happened, and how every probe and path fared."""

from __future__ import annotations

import collector.probes
from collector.contract import State
from collector.plan import Node
from collector.plugins import discover
from collector.record import Record
from sampler.inventory import SOFTWARE, inventory, neighbours
from sampler.world import Load, Run

_SLOW = {"filesystem": 10.0, "handles": 10.0, "link": 10.0, "neighbours": 30.0, "cost": 60.0, "inventory": 3600.0}


def record(run: Run, node: Node) -> Record:
    """The whole of it."""
    found, machine = Record(), run.scenario.machine(node.name)
    end_us = round(run.scenario.seconds * 1e6)
    found.facts = {
        "inventory": inventory(run, node),
        "software": SOFTWARE,
        "neighbours": neighbours(run, node),
        "bandwidth": {"iperf3": "iperf 3.12 (cJSON 1.7.15)"},
    }
    found.started(0, run.scenario.session(node.name))
    for probe in sorted(_probes()):
        _went(found, probe, 85_000, end_us, round(run.scenario.seconds / _SLOW.get(probe, 1.0)))
    for ticker in ("default", "fifo"):
        _went(found, f"ticker {ticker}", 80_000, end_us, round(run.scenario.seconds * 50))
    _paths(run, node, found)
    for at_s, text in machine.notes:
        found.note(round(float(machine.local_s(at_s)) * 1e6), text)
    found.event(end_us, "stopping: planned end")
    return found


def _probes() -> list[str]:
    return [probe.name for probe in discover(collector.probes, "PROBE")]


def _went(record: Record, name: str, from_us: int, to_us: int, ticks: int) -> None:
    outcome = record.outcome(name)
    outcome.enter(State.OK, "", from_us)
    outcome.enter(State.OK, "", to_us)
    outcome.ticks = ticks


def _paths(run: Run, node: Node, found: Record) -> None:
    machine = run.scenario.machine(node.name)
    for path in run.plan.paths():
        if path.source != node.name:
            continue
        first_us, last_us = (
            round(float(machine.local_s(at_s)) * 1e6) for at_s in (run.begins_s(path), run.ends_s(path))
        )
        session = run.scenario.session(path.target)
        found.met(first_us, path.name, path.target, session)
        found.event(first_us, f"{path.name}: the collector on {path.target} answers (session {session[:8]})")
        _went(found, f"path {path.name}", first_us, last_us, round((last_us - first_us) / 2e5))
        _went(found, f"pmtu {path.name}", first_us + 1_000_000, first_us + 1_000_000, 1)
        found.event(first_us + 1_000_000, f"pmtu {path.name}: 1500 B")
    for path in run.plan.echo_paths():
        if path.source == node.name:
            _went(
                found,
                f"echo {path.name}",
                1_500_000,
                round((run.scenario.seconds - 1.0) * 1e6),
                round(run.scenario.seconds),
            )
    for port in run.plan.ports():
        if port.source == node.name:
            _went(
                found, f"reach {port.path} {port.port.name}", 1_100_000, round((run.scenario.seconds - 100.0) * 1e6), 2
            )
    for load in run.loads:
        if load.path.source == node.name:
            _tested(run, load, found)


def _tested(run: Run, load: Load, found: Record) -> None:
    suffix = {"full": "", "planned": " planned", "udp": " udp"}[load.kind.value]
    name = f"bandwidth {load.path.name}{suffix}"
    machine = run.scenario.machine(load.path.source)
    begin_us = round(float(machine.local_s(load.at_s)) * 1e6)
    end_us = begin_us + round(load.length_s * 1e6) + 180_000
    found.event(begin_us, f"{name}: a test of {load.length_s:.0f} s begins")
    found.event(end_us, f"{name}: {load.rate_bps / 1e6:.1f} Mbit/s")
    outcome = found.outcome(name)
    outcome.enter(State.OK, "", end_us)
    outcome.ticks += 1
    found.spent[load.path.name] = found.spent.get(load.path.name, 0) + round(load.rate_bps * load.length_s / 8.0)
