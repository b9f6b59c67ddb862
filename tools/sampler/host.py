"""The tables of the host: what its counters and its tickers would have told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from collector.plan import Node
from sampler.world import Disk, FileSystem, Floats, Machine, Run, Series, chance, micro

_EVERY_S, _COST_S = 10.0, 60.0
_TICK_S, _NOTED_S = 0.02, 0.02
_PHASES = {name: 0.084 + 0.004 * place for place, name in enumerate(
    ("commit", "cpu", "disk", "filesystem", "link", "memory", "nic", "paging", "pressure", "tcp", "wire", "backlog", "handles", "cost")
)}  # fmt: skip
_PROBE_B, _PROBES_PS = 166.0, 20.5
"""Octets of a probe's packet, and packets a second and path, as a demonstration counts them on its cables."""
_UPTIME_S = 260_000.0


def tables(run: Run, node: Node) -> Iterator[Series]:
    """All of them, one series after the other."""
    machine = run.scenario.machine(node.name)
    yield from _tickers(run, node.name, machine)
    yield from _cpu(run, node.name, machine)
    yield from _memory(run, node.name, machine)
    for name, disk in machine.disks.items():
        yield _disk(run, node.name, machine, name, disk)
    for folder in node.data or ("/var/tmp",):  # noqa: S108 - a label
        yield _commit(run, node.name, machine, folder)
    for mount, system in machine.filesystems.items():
        yield _filesystem(run, machine, mount, system)
    yield from _nics(run, node, machine)
    yield from _tcp(run, node.name, machine)
    yield from _system(run, node, machine)


def _sampled(run: Run, machine: Machine, table: str, every_s: float = 1.0) -> tuple[Floats, Floats]:
    """(own clock, true time) of a table's rows: none while the machine runs nothing."""
    local_s = np.arange(0.0, run.scenario.seconds, every_s) + _PHASES[table]
    true_s = machine.true_s(local_s)
    kept = ~machine.paused(true_s)
    return local_s[kept], true_s[kept]


def _series(table: str, labels: tuple[str, ...], local_s: Floats, *columns: Floats | float) -> Series:
    whole = [np.broadcast_to(np.asarray(column, dtype=float), len(local_s)) for column in columns]
    return Series(table, labels, local_s, np.column_stack([micro(local_s), *whole]))


def _counter(seconds: float, at_s: Floats, increments: Floats, before: float) -> Floats:
    """A counter read at these times, of which the increments of every second are known."""
    grown = np.concatenate([[0.0], np.cumsum(increments)])
    found: Floats = np.round(before + np.interp(at_s, np.arange(len(grown), dtype=float), grown))
    assert seconds <= len(increments)
    return found


def _seconds(run: Run, machine: Machine) -> Floats:
    """The beginnings of all seconds of true time that the run touches."""
    return np.arange(np.ceil(machine.start_s + run.scenario.seconds) + 2.0)


def _tickers(run: Run, name: str, machine: Machine) -> Iterator[Series]:
    for label, usual_us, wait_us in (("default", 190.0, 6000.0), ("fifo", 160.0, 60.0)):
        random = chance(run.scenario.seed, "ticker", name, label)
        local_s = np.arange(2.0, run.scenario.seconds - 1.0) + 0.3 + _TICK_S * random.randint(0, 2)
        true_s = machine.true_s(local_s)
        late_us = np.round(usual_us + 60.0 * np.exp(0.6 * random.standard_normal(len(local_s))))
        waited_us = np.round(wait_us * (0.7 + 0.05 * random.randint(0, 13, len(local_s))))
        ticks = np.full(len(local_s), 50.0) + (random.random_sample(len(local_s)) < 0.03)
        stalls = []
        for pause in machine.pauses:
            at = int(np.searchsorted(true_s, pause.at_s + pause.length_s))
            if at < len(late_us):
                late_us[at] = micro(pause.length_s)
                ticks[at] = max(1.0, 50.0 - pause.length_s / _TICK_S)
            stalls.append([micro(machine.local_s(pause.at_s)), micro(pause.length_s), 300.0 if pause.steal else 0.0])
        for at in np.flatnonzero(random.random_sample(len(local_s)) < (0.002 if label == "default" else 0.0)).tolist():
            short_us = round(21_000 + 6_000 * random.random_sample())
            late_us[at] = max(late_us[at], short_us)
            stalls.append([micro(local_s[at] - 0.4), short_us, 0.9 * short_us])
        kept = ~machine.paused(true_s)
        yield _series("ticker", (label,), local_s[kept], ticks[kept], late_us[kept], waited_us[kept])
        if stalls:
            values = np.array(sorted(stalls), dtype=float)
            yield Series("stall", (label,), (values[:, 0] + values[:, 1]) / 1e6, values)


def _cpu(run: Run, name: str, machine: Machine) -> Iterator[Series]:
    local_s, true_s = _sampled(run, machine, "cpu")
    seconds = _seconds(run, machine)
    share, stolen = machine.cpu(seconds), machine.steal(seconds)
    pausing = sum(
        (_overlap_s(seconds, one.at_s, one.length_s) for one in machine.pauses if one.steal), np.zeros(len(seconds))
    )
    kinds: list[Floats] = []
    each = []
    for cpu in range(machine.cpus):
        random = chance(run.scenario.seed, "cpu", name, str(cpu))
        busy = np.minimum(random.poisson(100.0 * share), 98.0)
        kernel = random.binomial(busy.astype(int), 0.22).astype(float)
        soft = (random.random_sample(len(seconds)) < 0.06).astype(float)
        waits = random.poisson(0.12, len(seconds)).astype(float)
        taken = np.minimum(random.poisson(100.0 * stolen) + np.round(100.0 * pausing), 100.0)
        busy, kernel = np.where(pausing > 0, 0.0, busy), np.where(pausing > 0, 0.0, kernel)
        idle = np.maximum(100.0 - busy - soft - waits - taken, 0.0)
        nothing = np.zeros(len(seconds))
        kinds = [busy - kernel, nothing, kernel, idle, waits, nothing, soft, taken]
        shares = (0.05, 0.0, 0.015, 0.93, 0.002, 0.0, 0.001, float(stolen.mean()))
        each.append(
            [
                _counter(true_s[-1], true_s, one, before * _UPTIME_S * 100)
                for one, before in zip(kinds, shares, strict=True)
            ]
        )
    whole = [sum(columns) for columns in zip(*each, strict=True)]
    for label, columns in (("all", whole), *((str(cpu), columns) for cpu, columns in enumerate(each))):
        yield _series("cpu", (label,), local_s, *columns)
    random = chance(run.scenario.seed, "load", name)
    wants = machine.cpus * machine.cpu(true_s)
    running = 1.0 + random.poisson(wants)
    average = np.round(100.0 * (wants + 0.05 + 0.04 * np.sin(true_s / 90.0)))
    switched = _counter(true_s[-1], true_s, 2500.0 + 9000.0 * share * machine.cpus, 6e8)
    yield _series(
        "load", (), local_s, running, np.where(random.random_sample(len(local_s)) < 0.01, 1.0, 0.0), average, switched
    )
    local_s, true_s = _sampled(run, machine, "pressure")
    for resource, some, full in (("cpu", 0.004, 0.0), ("memory", 0.0, 0.0), ("io", 0.000_6, 0.000_5)):
        random = chance(run.scenario.seed, "pressure", name, resource)
        usual = 1e6 * (
            some * (0.5 + random.random_sample(len(seconds))) + (share**3 if resource == "cpu" else 0.0) * 0.2
        )
        columns = [
            _counter(true_s[-1], true_s, usual * part, 5e8 * part)
            for part in (1.0 if some else 0.0, full / some if some else 0.0)
        ]
        yield _series("pressure", (resource,), local_s, *columns)


def _overlap_s(seconds: Floats, at_s: float, length_s: float) -> Floats:
    return np.clip(np.minimum(seconds + 1.0, at_s + length_s) - np.maximum(seconds, at_s), 0.0, 1.0)


def _memory(run: Run, name: str, machine: Machine) -> Iterator[Series]:
    local_s, true_s = _sampled(run, machine, "memory")
    random = chance(run.scenario.seed, "memory", name)
    total = machine.memory_GiB * 1024.0 * 1024.0 - 430_000.0
    used = total * machine.used(true_s) + 40.0 * np.round(np.cumsum(random.randint(-30, 31, len(true_s))))
    cached = np.full(len(true_s), round(0.22 * total)) + np.cumsum(random.randint(0, 9, len(true_s))) * 4.0
    free = np.round(total - used - cached)
    dirty = 200.0 + 4.0 * random.randint(0, 220, len(true_s))
    swap = 4_194_300.0
    columns = (
        round(total), np.round(free + 0.92 * cached), free, 90_112.0, np.round(cached), dirty,
        np.round(used * 1.15), round(total / 2 + swap), swap, swap,
    )  # fmt: skip
    yield _series("memory", (), local_s, *columns)
    local_s, true_s = _sampled(run, machine, "paging")
    faults = np.cumsum(random.random_sample(len(true_s)) < 0.01) + 48_211.0
    yield _series("paging", (), local_s, 0.0, 0.0, faults, 0.0)


def _disk(run: Run, name: str, machine: Machine, label: str, disk: Disk) -> Series:
    local_s, true_s = _sampled(run, machine, "disk")
    random = chance(run.scenario.seed, "disk", name, label)
    seconds = _seconds(run, machine)
    writes = random.poisson(np.maximum(disk.write_Bps(seconds), 0.0) / disk.op_B).astype(float)
    wait_ms = disk.wait_ms(seconds) * (0.8 + 0.4 * random.random_sample(len(seconds)))
    reads = random.poisson(0.8, len(seconds)).astype(float)
    busy_ms = np.minimum(1000.0, 1000.0 * disk.busy * (0.9 + 0.2 * random.random_sample(len(seconds))) + 0.25 * writes)
    if disk.busy > 0.5:
        busy_ms = np.minimum(1000.0, 1000.0 * disk.busy * (0.985 + 0.03 * random.random_sample(len(seconds))))
    last = float(true_s[-1])
    columns = [
        _counter(last, true_s, reads, 812_000.0), _counter(last, true_s, reads * 16384.0, 2.1e10), _counter(last, true_s, reads * 0.7, 610_000.0),
        _counter(last, true_s, writes, 4_400_000.0), _counter(last, true_s, writes, 4_400_000.0) * disk.op_B, _counter(last, true_s, writes * wait_ms, 2_900_000.0),
        random.poisson(disk.queue, len(true_s)).astype(float), _counter(last, true_s, busy_ms, 1_700_000.0),
    ]  # fmt: skip
    return _series("disk", (label,), local_s, *columns)


def _commit(run: Run, name: str, machine: Machine, folder: str) -> Series:
    local_s, _ = _sampled(run, machine, "commit")
    random = chance(run.scenario.seed, "commit", name, folder)
    usual_ms, spread = machine.commit_ms
    took_us = np.round(1e3 * usual_ms * np.exp(spread * random.standard_normal(len(local_s))))
    return _series("commit", (folder,), local_s, took_us, 0.0)


def _filesystem(run: Run, machine: Machine, mount: str, system: FileSystem) -> Series:
    local_s, _ = _sampled(run, machine, "filesystem", _EVERY_S)
    size = round(system.size_GiB * 1024 * 1024 * 0.98)
    free = np.round(size * system.free - local_s * system.fills_Bps / 1024.0)
    inodes = round(system.size_GiB * 65_536)
    return _series(
        "filesystem",
        (mount,),
        local_s,
        size,
        np.maximum(free, 0.0),
        inodes,
        np.round(inodes * system.inodes_free - local_s / 400.0),
    )


def cards(node: Node) -> Mapping[str, list[str]]:
    """The networks of each planned interface."""
    found: dict[str, list[str]] = {}
    for network, socket in node.sockets.items():
        found.setdefault(socket.nic, []).append(network)
    return found


def _nics(run: Run, node: Node, machine: Machine) -> Iterator[Series]:
    local_s, true_s = _sampled(run, machine, "nic")
    seconds = _seconds(run, machine)
    for nic, networks in cards(node).items():
        random = chance(run.scenario.seed, "nic", node.name, nic)
        card = machine.cards.get(nic)
        probed = sum(path.network in networks and path.source == node.name for path in run.plan.paths())
        columns = []
        for receiving in (True, False):
            octets = np.full(len(seconds), probed * _PROBES_PS * _PROBE_B)
            if nic == next(iter(cards(node))):
                octets += machine.traffic_bps(seconds) / 8.0 * (0.8 + 0.4 * random.random_sample(len(seconds)))
            octets += 166 * random.randint(0, 6, len(seconds))
            for load in run.loads:
                end = load.path.target if receiving else load.path.source
                if end == node.name and load.path.network in networks:
                    octets += 1.045 * load.rate_bps / 8.0 * _overlap_s(seconds, load.at_s + 0.15, load.length_s)
            packets = np.round(octets / 420.0)
            errors = random.poisson(card.errors_ps if card and receiving else 0.0, len(seconds)).astype(float)
            last = float(true_s[-1])
            columns += [
                _counter(last, true_s, octets, 9e9),
                _counter(last, true_s, packets, 2e7),
                _counter(last, true_s, errors, 0.0),
                np.zeros(len(true_s)),
            ]
        yield _series("nic", (nic,), local_s, *columns)
    within = [
        _counter(float(true_s[-1]), true_s, np.full(len(seconds), step), step * _UPTIME_S)
        for step in (120.0, 2.0, 0.0, 0.0)
    ]
    yield _series("nic", ("lo",), local_s, *within, *within)
    local_s, _ = _sampled(run, machine, "link", _EVERY_S)
    for nic in cards(node):
        card = machine.cards.get(nic)
        speed, full = (card.speed_Mbps, float(card.duplex == "full")) if card else (1000, 1.0)
        yield _series("link", (nic,), local_s, speed, full, 1500.0, 1.0, 2.0)
    yield _series("link", ("lo",), local_s, np.nan, np.nan, 65_536.0, 1.0, 0.0)


def _tcp(run: Run, name: str, machine: Machine) -> Iterator[Series]:
    local_s, true_s = _sampled(run, machine, "tcp")
    random = chance(run.scenario.seed, "tcp", name)
    seconds = _seconds(run, machine)
    sent = random.poisson(40.0 + 30.0 * machine.cpu(seconds) * machine.cpus).astype(float)
    again = (random.random_sample(len(seconds)) < 0.004).astype(float)
    last = float(true_s[-1])
    columns = [
        _counter(last, true_s, one, before)
        for one, before in ((sent, 3e7), (again, 2411.0), (again * 0.5, 180.0), (again * 0.3, 930.0))
    ]
    yield _series("tcp", (), local_s, *columns)
    local_s, _ = _sampled(run, machine, "wire", _EVERY_S)
    yield _series("wire", (), local_s + _EVERY_S, *([0.0] * 7))


def _system(run: Run, node: Node, machine: Machine) -> Iterator[Series]:
    """File handles, what the collector itself takes, and the queues of the interfaces."""
    local_s, _ = _sampled(run, machine, "handles", _EVERY_S)
    random = chance(run.scenario.seed, "handles", node.name)
    yield _series("handles", (), local_s, 2_350.0 + random.poisson(40.0, len(local_s)), float(2**53))
    local_s, _ = _sampled(run, machine, "cost", _COST_S)
    random = chance(run.scenario.seed, "cost", node.name)
    spent_cs = np.cumsum(random.poisson(0.016 * 100.0 * _COST_S, len(local_s)))
    yield _series("cost", (), local_s, 5.0, spent_cs, 38_000.0 + random.randint(0, 900, len(local_s)))
    local_s, _ = _sampled(run, machine, "backlog")
    for nic in cards(node):
        random = chance(run.scenario.seed, "backlog", node.name, nic)
        packets = (random.random_sample(len(local_s)) < 0.002).astype(float)
        yield _series("backlog", (nic,), local_s, packets, packets * 208.0, 0.0)
