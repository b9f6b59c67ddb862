"""The probe that tells which hardware address answers for whom, on folders that look like machines."""

from __future__ import annotations

import pytest
from fakes import FakeClock, FakeHost, machine, make_env, plan_data

from collector.contract import Env
from collector.errors import Unavailable
from collector.plan import parse
from collector.probes import neighbours

HEAD = "IP address       HW type     Flags       HW address            Mask     Device\n"


def row(ip, mac="52:54:00:00:00:02", flags="0x2", nic="eth0"):
    return f"{ip:<16} 0x1         {flags}         {mac}     *        {nic}\n"


def env_of(root, *rows):
    observers = [{"name": "gw", "kind": "gateway", "addr": "10.9.0.9"}]
    plan = parse(plan_data("10.9.0.1", "10.9.0.2") | {"observer": observers}, "plan")
    machine(root, {neighbours.TABLE: HEAD + "".join(rows)})
    env = make_env(FakeClock(), FakeHost(), root)
    return Env(env.clock, env.host, env.run, plan, plan.node("a"), root)


def seen(ticks):
    """What it tells in one tick, None if that is nothing new."""
    fact = next(ticks)
    if fact is not None:
        assert next(ticks) is None
    return None if fact is None else [(one["address"], one["nic"], one["mac"]) for one in fact.values["seen"]]


def test_who_answers_for_peers_and_observers_is_told_and_nobody_elses(tmp_path):
    env = env_of(
        tmp_path,
        row("10.9.0.2", "52:54:00:AB:00:02"),
        row("10.9.0.9", "00:00:00:00:00:00", "0x0", "eth1"),
        row("10.9.0.77"),
        row("10.9.0.1"),
    )
    assert seen(neighbours.sample(env)) == [("10.9.0.2", "eth0", "52:54:00:ab:00:02"), ("10.9.0.9", "eth1", "")]


def test_a_second_machine_that_answers_for_an_address_is_told_beside_the_first(tmp_path):
    env = env_of(tmp_path, row("10.9.0.2"))
    ticks = neighbours.sample(env)
    assert len(seen(ticks)) == 1
    assert seen(ticks) is None, "nothing new"
    machine(tmp_path, {neighbours.TABLE: HEAD + row("10.9.0.2", "52:54:00:00:00:99")})
    assert [mac for _, _, mac in seen(ticks)] == ["52:54:00:00:00:02", "52:54:00:00:00:99"]


def test_an_empty_table_is_told_as_empty_and_a_missing_one_is_unavailable(tmp_path):
    env = env_of(tmp_path)
    assert seen(neighbours.sample(env)) == []
    (tmp_path / neighbours.TABLE).unlink()
    with pytest.raises(Unavailable):
        next(neighbours.sample(env))


def test_an_address_that_changes_its_owner_without_end_fills_no_archive(tmp_path):
    rows = [row("10.9.0.2", f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}") for number in range(300)]
    assert len(seen(neighbours.sample(env_of(tmp_path, *rows)))) == neighbours.MOST


@pytest.mark.parametrize("line", ["", "rubbish\n", "10.9.0.2\n", "10.9.0.2 0x1 zz mac * eth0\n", "10.9.0.2 0x1 0x2\n"])
def test_a_line_that_makes_no_sense_costs_itself_only(tmp_path, line):
    assert [ip for ip, _, _ in seen(neighbours.sample(env_of(tmp_path, line, row("10.9.0.9"))))] == ["10.9.0.9"]
