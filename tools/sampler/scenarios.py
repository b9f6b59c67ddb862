"""The samples, each as what it does not share with a sound site. Why each figure is what it is stands in its expected.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sampler.world import Card, Course, Disk, FileSystem, Floats, Line, Machine, Pause, Scenario, steady

_DAY_S = 86_400.0
_CABLE = Line()
_SWITCHED = Line(one_way_s=0.000_13, noise_s=0.000_02)
_LEASED = Line(
    one_way_s=0.0091,
    noise_s=0.000_25,
    late=0.01,
    late_s=0.001_2,
    loss=steady(1e-5),
    usual_bps=95.2e6,
    queue_s=0.012,
    hops=0,
)
_ROUTED = replace(_LEASED, one_way_s=0.0098, hops=3, loss=steady(2e-5))
_FAR_S = {"gateway": 0.000_3, "scs": 0.000_5, "dns": 0.000_6}


def _pair(first: Machine | None = None, second: Machine | None = None) -> dict[str, Machine]:
    """Two machines of which the second was started by the same person, some seconds later."""
    return {"sip-a": first or Machine(), "sip-b": replace(second or Machine(), start_s=4.31)}


_LAN = {"public": _SWITCHED, "ch1": _CABLE, "ch2": _SWITCHED}

_DATA = {"/": FileSystem("sda2", 60.0, 0.71), "/srv/app": FileSystem("sdb1", 500.0, 0.58, 20_000.0)}


def _trio(machine: Machine) -> dict[str, Machine]:
    return {"sip-a": machine, "sip-b": replace(machine, start_s=4.31), "sip-dr": replace(machine, start_s=9.04)}


def _sites(public: Line, **leased: Line) -> dict[str, Line]:
    """Lines of a trio: the public network is switched within the main site and routed to the other."""
    return {"public": public, "public sip-a+sip-b": _SWITCHED, "ch-ab": _CABLE, **leased}


def _trio_observers() -> dict[str, float]:
    far_s = {
        "sip-dr>gateway-main": 0.0196,
        "sip-dr>dns": 0.0199,
        "sip-a>gateway-dr": 0.0196,
        "sip-b>gateway-dr": 0.0196,
    }
    return {"gateway-main": 0.000_3, "gateway-dr": 0.000_3, "dns": 0.000_6, **far_s}


def _dr_observers() -> dict[str, float]:
    far_s = {"sip-dr>gateway-main": 0.0302, "sip-dr>scs": 0.0306, "sip-a>gateway-dr": 0.0302}
    return {"gateway-main": 0.000_3, "gateway-dr": 0.000_3, "scs": 0.000_5, **far_s}


def _office(night: float, noon: float) -> Course:
    """A figure that is `night` at night and `noon` in the busy hours, around 10 and 15 o'clock UTC."""

    def course(true_s: Floats) -> Floats:
        hour = true_s / 3600.0 % 24.0
        shape = np.exp(-(((hour - 9.5) / 1.7) ** 2)) + 0.85 * np.exp(-(((hour - 14.0) / 1.9) ** 2))
        found: Floats = night + (noon - night) * np.minimum(shape, 1.0)
        return found

    return course


def _during(usual: Course, from_s: float, to_s: float, value: float) -> Course:
    """Another figure for a while."""

    def course(true_s: Floats) -> Floats:
        found: Floats = np.where((true_s >= from_s) & (true_s < to_s), value, usual(true_s))
        return found

    return course


def _bursts(usual: float, peak: float, every_s: float, share: float) -> Course:
    """A figure that is `peak` for a share of the time, again and again."""

    def course(true_s: Floats) -> Floats:
        found: Floats = np.where(true_s % every_s < share * every_s, peak, usual)
        return found

    return course


def _moved_route(sound: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What wrong-egress has instead of its routes: the gateway on the channel, and the channel by the public interface."""
    others = [
        {**route, "nic": "eth0", "via": "172.20.31.1"} if route["to"] == "172.20.32.0/24" else route
        for route in sound[1:]
    ]
    return [{"to": "default", "via": "172.20.32.1", "nic": "eth2", "metric": None}, *others]


def _moved_egress(sound: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ways out that follow from those routes."""

    def way(out: dict[str, Any]) -> dict[str, Any]:
        if out["network"] == "ch2":
            return {**out, "nic": "eth0", "source": "172.20.31.21", "via": "172.20.31.1"}
        if out["via"]:
            return {**out, "nic": "eth2", "source": "172.20.32.21", "via": "172.20.32.1"}
        return out

    return [way(out) for out in sound]


def _weak() -> Scenario:
    small = Machine(
        cpus=4,
        memory_GiB=16,
        cpu=steady(0.11),
        used=steady(0.19),
        facts={
            "kernel": "6.1.0-13-amd64",
            "cpu": "Intel(R) Xeon(R) E-2224",
            "model": "R2",
            "bios": "1.9.0",
            "packages": {"manager": "dpkg", "count": 398, "sha256": "71" * 32},
        },
    )
    strong = Machine(cpu=steady(0.39), used=steady(0.43), traffic_bps=steady(38e6))
    return Scenario("weak-secondary", 3, machines=_pair(strong, small), lines=_LAN, observers_s=_FAR_S)


def _lossy() -> Scenario:
    line = Line(
        one_way_s=0.0172,
        noise_s=0.000_5,
        late=0.22,
        late_s=0.004_2,
        loss=steady(0.012),
        usual_bps=4.1e6,
        queue_s=0.002,
        hops=0,
    )
    public = replace(_ROUTED, one_way_s=0.0151)
    machines = {"sip-a": Machine(), "sip-dr": Machine(start_s=6.2)}
    return Scenario(
        "lossy-wan", 4, machines=machines, lines={"public": public, "ch1": line}, observers_s=_dr_observers()
    )


def _thin() -> Scenario:
    busy = Machine(
        cpu=steady(0.17),
        filesystems=_DATA,
        disks={"sda": Disk(), "sdb": Disk(_bursts(1.62e6, 1.76e6, 300.0, 0.5), steady(1.1), 0.09, 0.2, 32_768)},
        traffic_bps=steady(11e6),
    )
    passive = replace(
        busy, cpu=steady(0.05), disks={"sda": Disk(), "sdb": Disk(steady(30_000.0))}, traffic_bps=steady(400_000.0)
    )
    machines = {"sip-a": busy, "sip-b": replace(passive, start_s=4.31), "sip-dr": replace(passive, start_s=9.04)}
    thick = replace(_LEASED, usual_bps=9.41e6, queue_s=0.21, load_loss=0.11)
    lines = _sites(_ROUTED, **{"ch-ac": thick, "ch-bc": replace(thick, usual_bps=7.52e6, load_loss=0.14)})
    return Scenario("thin-wan", 5, machines=machines, lines=lines, observers_s=_trio_observers())


def _stalling() -> Scenario:
    virtual = {"virtual": True, "vendor": "VMware, Inc.", "model": "VMware7,1", "bios": "VMW71.00V"}
    cards = {nic: Card(speed_Mbps=10_000, driver="vmxnet3") for nic in ("eth0", "eth1", "eth2")}
    sound = Machine(facts=virtual, cards=cards)
    pauses = tuple(
        Pause(at_s, length_s, steal=True)
        for at_s, length_s in (
            (97.4, 1.3),
            (181.2, 2.8),
            (302.7, 6.4),
            (388.1, 1.9),
            (517.6, 4.1),
            (690.3, 3.2),
            (811.9, 2.2),
        )
    )
    poor = replace(
        sound,
        pauses=pauses,
        freezes=((600.25, 1.6),),
        steal=_bursts(0.025, 0.05, 150.0, 0.4),
        notes=((598.0, "snapshot of sip-b begins"),),
    )
    lines = {name: replace(line, usual_bps=9.3e9) for name, line in _LAN.items()}
    return Scenario("stalling-vm", 6, machines=_pair(sound, poor), lines=lines, observers_s=_FAR_S)


def _slow_commit() -> Scenario:
    volume = {"/": FileSystem("sda2", 60.0, 0.71), "/var/lib/etcd": FileSystem("sda3", 40.0, 0.83)}
    good = Machine(filesystems=volume, disks={"sda": Disk(steady(90_000.0), steady(0.7), 0.03)}, commit_ms=(1.1, 0.4))
    slow = replace(good, disks={"sda": Disk(steady(240_000.0), steady(31.0), 0.925, 1.4)}, commit_ms=(21.0, 0.48))
    machines = {"store-1": good, "store-2": replace(slow, start_s=3.6), "store-3": replace(good, start_s=7.1)}
    lines = {"public": _SWITCHED, "cluster": _SWITCHED}
    return Scenario("slow-commit", 7, machines=machines, lines=lines, observers_s=_FAR_S)


def _filling() -> Scenario:
    def volumes(free: float, rate: float) -> Mapping[str, FileSystem]:
        return {"/": FileSystem("sda2", 60.0, 0.71), "/var": FileSystem("sda3", 120.0, free, rate)}

    logs = {"sda": Disk(steady(760_000.0), steady(0.8), 0.04)}
    first, second = (Machine(filesystems=volumes(free, 40e6 / 60), disks=logs) for free in (0.081, 0.036))
    return Scenario("filling-disk", 8, machines=_pair(first, second), lines=_LAN, observers_s=_FAR_S)


def _adrift() -> Scenario:
    facts = {"time": {"service": "", "synchronised": False}}
    loose = Machine(offset_s=4.6, steps=((431.7, -1.4),), facts=facts, notes=((428.0, "clock of sip-b set by hand"),))
    return Scenario("clock-adrift", 9, machines=_pair(None, loose), lines=_LAN, observers_s=_FAR_S)


def _together() -> Scenario:
    gone = ((512.3, 8.3),)
    lines = _LAN | {"ch1": replace(_SWITCHED, outages=gone), "ch2": replace(_SWITCHED, outages=gone)}
    return Scenario("channels-together", 10, machines=_pair(), lines=lines, observers_s=_FAR_S)


def _egress() -> Scenario:
    lost = Machine(facts={"routes": _moved_route, "egress": _moved_egress})
    detour = replace(_SWITCHED, one_way_s=0.000_31, hops=1)
    return Scenario("wrong-egress", 11, machines=_pair(lost), lines=_LAN | {"ch2": detour}, observers_s=_FAR_S)


def _slow_nic() -> Scenario:
    half = Machine(cards={"eth1": Card(100, "half", 0.3)})
    line = replace(_SWITCHED, goodput_bps={"sip-a>sip-b": 46.2e6, "sip-b>sip-a": 61.4e6}, queue_s=0.006)
    return Scenario("slow-nic", 12, machines=_pair(None, half), lines=_LAN | {"ch1": line}, observers_s=_FAR_S)


def _trio_day() -> Scenario:
    writes = _during(_office(60_000.0, 900_000.0), 79_200.0, 84_600.0, 1.6e6)
    active = Machine(
        cpu=_office(0.05, 0.24),
        filesystems=_DATA | {"/srv/app": FileSystem("sdb1", 500.0, 0.58, 40_000.0)},
        disks={"sda": Disk(), "sdb": Disk(writes, steady(1.0), 0.03)},
        traffic_bps=_office(500_000.0, 26e6),
        notes=((79_195.0, "backup begins"), (84_610.0, "backup done")),
    )
    passive = replace(
        active,
        cpu=_office(0.03, 0.05),
        disks={"sda": Disk(), "sdb": Disk(steady(40_000.0))},
        traffic_bps=steady(400_000.0),
        notes=(),
    )
    machines = {"sip-a": active, "sip-b": replace(passive, start_s=4.31), "sip-dr": replace(passive, start_s=9.04)}
    lines = _sites(_ROUTED, **{"ch-ac": _LEASED, "ch-bc": replace(_LEASED, one_way_s=0.0104)})
    return Scenario("healthy-trio-day", 21, _DAY_S, "2026-10-06T00:00:00", machines, lines, _trio_observers())


def _wan_day() -> Scenario:
    line = replace(
        _LEASED,
        one_way_s=0.0152,
        noise_s=0.000_5,
        loss=_office(0.000_2, 0.006),
        outages=((10_873.4, 25.2), (13_122.9, 4.4)),
        queue_s=0.03,
    )
    used = Machine(cpu=_office(0.05, 0.27), traffic_bps=_office(500_000.0, 21e6))
    machines = {
        "sip-a": used,
        "sip-dr": replace(used, start_s=6.2, cpu=_office(0.03, 0.05), traffic_bps=steady(400_000.0)),
    }
    lines = {"public": replace(_ROUTED, one_way_s=0.0151), "ch1": line}
    return Scenario("lossy-wan-day", 22, _DAY_S, "2026-10-06T00:00:00", machines, lines, _dr_observers())


def _healthy_pair() -> Scenario:
    return Scenario("healthy-pair", 1, machines=_pair(), lines=_LAN, observers_s=_FAR_S)


def _healthy_trio() -> Scenario:
    machine = Machine(filesystems=_DATA, disks={"sda": Disk(), "sdb": Disk(steady(40_000.0))})
    lines = _sites(_ROUTED, **{"ch-ac": _LEASED, "ch-bc": replace(_LEASED, one_way_s=0.0104)})
    return Scenario("healthy-trio", 2, machines=_trio(machine), lines=lines, observers_s=_trio_observers())


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _healthy_pair(), _healthy_trio(), _weak(), _lossy(), _thin(), _stalling(), _slow_commit(), _filling(), _adrift(), _together(), _egress(),
        _slow_nic(), _trio_day(), _wan_day(),
    )
}  # fmt: skip
