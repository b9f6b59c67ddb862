"""The synthetic samples: the same seed gives the same archives, and they hold what a collector's would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from collector.archive.reader import open_archive
from collector.plan import PlannedPath, load

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
sys.path.insert(0, str(ROOT / "tools"))

from sampler import archive, probes  # noqa: E402 - the tools are no package of ours
from sampler.scenarios import SCENARIOS  # noqa: E402
from sampler.world import Line, Machine, Pause, Run, Scenario  # noqa: E402

PAIR = load(SAMPLES / "healthy-pair" / "plan.toml")
WAY = PlannedPath("sip-a", "sip-b", "ch1")


def columns(path):
    """Every block's columns as they are written, by table, labels and segment."""
    return {
        (segment.seq, block.table, *block.labels.values()): (block.columns, block.lines, block.nulls)
        for segment in open_archive(path).segments()
        for block in segment.blocks
    }


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path):
    program = (
        "import sys; from pathlib import Path; from sampler.archive import write; from sampler.scenarios import SCENARIOS; "
        "from collector.plan import load; write(SCENARIOS['healthy-pair'], load(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    plan = str(SAMPLES / "healthy-pair" / "plan.toml")
    for number in (1, 2):
        environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tools'}", "PYTHONHASHSEED": str(number)}
        command = [sys.executable, "-c", program, plan, str(tmp_path / str(number))]
        subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / str(number)).iterdir()} for number in (1, 2))
    assert first == second
    assert len(first) == 2
    for name in first:
        # Not byte for byte: another zlib packs the same rows in other bytes.
        assert columns(tmp_path / "1" / name) == columns(SAMPLES / "healthy-pair" / name), "run `make samples`"


def test_every_table_of_a_collector_is_in_the_samples():
    found = {
        block.table
        for name in ("healthy-trio", "stalling-vm")
        for path in (SAMPLES / name).glob("*.zip")
        for segment in open_archive(path).segments()
        for block in segment.blocks
    }
    assert found == {table.name for table in archive.tables()}, (
        "teach tools/sampler the table, or it is never seen there"
    )


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.short])
def test_a_samples_archives_are_whole_and_of_its_seed(name):
    found = [open_archive(path) for path in sorted((SAMPLES / name).glob("*.zip"))]
    assert all(len(list(one.segments())) == 2 for one in found)
    assert [(one.damage, one.lost()) for one in found] == [([], [])] * len(found)
    assert {one.head["command"] for one in found} == {f"tools/make_samples.py {name} (seed {SCENARIOS[name].seed})"}


def told(machines, line, seconds=60.0):
    """Tables of the way from sip-a to sip-b, by name."""
    scenario = Scenario("test", 1, seconds, machines=machines, lines={"ch1": line})
    return {series.table: series.values for _, series in probes.ordinary(Run(scenario, PAIR, ()), WAY)}


def test_an_outage_takes_the_slots_of_its_time_and_no_others():
    tables = told({"sip-a": Machine(), "sip-b": Machine()}, Line(outages=((20.0, 5.0),)))
    sent, answered = tables["sent"][:, :2], set(tables["reply"][:, 0].tolist())
    silent = [at_us / 1e6 for at_us, slot in sent.tolist() if slot not in answered]
    assert len(silent) == pytest.approx(25, abs=1)
    assert all(19.9 <= at_s <= 25.1 for at_s in silent)


def test_a_pause_skips_the_senders_slots_and_delays_the_reflectors_answers():
    pause = Machine(pauses=(Pause(20.0, 3.0),))
    sender = told({"sip-a": pause, "sip-b": Machine()}, Line())["sent"]
    skipped = sender[sender[:, 4] == -1]
    assert len(skipped) == pytest.approx(14, abs=1)
    assert np.isnan(skipped[:, 3]).all()
    reply = told({"sip-a": Machine(), "sip-b": pause}, Line())["reply"]
    assert reply[:, 2].max() == pytest.approx(3e6, rel=0.1)
    assert (np.diff(reply[:, 0]) == 1).all()


def test_a_frozen_clock_loses_its_time_and_the_wall_clock_does_not():
    machine = Machine(freezes=((20.0, 1.5),))
    assert float(machine.local_s(30.0)) == 28.5
    assert float(machine.true_s(28.5)) == 30.0
    assert float(machine.wall_s(30.0)) == 30.0
