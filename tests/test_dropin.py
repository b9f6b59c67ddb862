"""One new file each for a probe, a rule, a stack and a section, and nothing else, reaches from the node to the PDF."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nodes import loopback_plan

ROOT = Path(__file__).parent.parent

PROBE = '''"""Counts its own ticks.

What: the number of ticks.
Why HA: none; it is a test.
How: adds one.
Source: none.
"""
from collector.contract import Batch, Kind, Metric, Probe, Table

TALLY = Table("tally", metrics=(Metric("ticks", "1", Kind.COUNTER, help="ticks so far"),))


def sample(env):
    ticks = 0
    while True:
        ticks += 1
        yield Batch("tally", (), env.clock.monotonic_ns(), (ticks,))
        yield None


PROBE = Probe("tally", (TALLY,), sample)
'''

RULE = '''"""The tally grows.

What: reads the tally.
Why HA: none; it is a test.
How: last minus first.
Source: none.
Fails when: it does not grow.
"""
from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Judgement, Rule

LIMIT = Limit("tally", "1", 1.0, 1.0, Sense.AT_LEAST, "a test")


def check(context):
    ticks = context.table("tally")["ticks"]
    grown = float(ticks.iloc[-1] - ticks.iloc[0])
    yield Judgement(LIMIT.judge(grown), f"the zanzibar tally grew by {grown:.0f}", (Evidence("growth", grown, "1", LIMIT),))


RULE = Rule("tally", "Tally", Area.HOST, Scope.NODE, ("tally",), (LIMIT,), check)
'''

SECTION = '''"""A page of the test.

What: one sentence.
Why HA: none; it is a test.
How: a paragraph.
Source: none.
"""
from reports.contract import Heading, Paragraph, Section


def build(assessment):
    yield Heading("Quokka page")
    yield Paragraph(f"The quokka saw {len(assessment.nodes)} nodes.")


SECTION = Section("quokka", "Quokka page", 85, build)
'''


def _stack_source() -> str:
    """The Genesys stack under another name and with another title: a stack that really recommends."""
    source = (ROOT / "analyzer" / "stacks" / "genesys_addp.py").read_text(encoding="utf-8")
    return source.replace('"genesys-addp"', '"wombat-ha"').replace("addp-timeout", "wombat-timeout")


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_one_file_each_reaches_from_collect_to_the_report(tmp_path):
    package = tmp_path / "package"
    source = tmp_path / "source"
    subprocess.run(["git", "-C", str(ROOT), "checkout-index", "--all", f"--prefix={source}/"], check=True)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--target",
            str(package),
            str(source),
        ],
        check=True,
    )
    before = _digests(package)
    dropped = {
        "collector/probes/tally.py": PROBE,
        "analyzer/rules/tally.py": RULE,
        "analyzer/stacks/wombat.py": _stack_source(),
        "reports/sections/quokka.py": SECTION,
    }
    for name, text in dropped.items():
        (package / name).write_text(text, encoding="utf-8")

    stack = '[[stack]]\nname = "wombat-ha"\nnetworks = ["ch1"]\nauto_failover = [["a", "b"]]\n'
    plan = loopback_plan(tmp_path / "run", "92.1", extra=stack)
    env = os.environ | {"PYTHONPATH": str(package)}

    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "haready", *arguments]

    collecting = [
        subprocess.Popen(
            command(
                "collect", "--plan", str(plan), "--node", node, "--duration", "6s", "--out", str(plan.parent), "--quiet"
            ),
            env=env,
            cwd=tmp_path,
        )
        for node in "ab"
    ]
    assert [process.wait(60) for process in collecting] == [0, 0]
    archives = [str(path) for path in sorted(plan.parent.glob("*.zip"))]
    pdf, data = tmp_path / "report.pdf", tmp_path / "assessment.json"
    done = subprocess.run(
        command("assess", *archives, "-o", str(pdf), "--json", str(data)),
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    # Too short to be suitable; whether the machine that runs the test has a fault of its own is not known.
    assert done.returncode in (3, 4), done.stderr

    inspected = subprocess.run(
        command("inspect", archives[0]), env=env, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "tally" in inspected.stdout
    assessment = json.loads(data.read_text(encoding="utf-8"))
    findings = [finding for finding in assessment["findings"] if finding["rule"] == "tally"]
    assert [finding["status"] for finding in findings] == ["pass", "pass"]
    settings = [
        setting["option"]
        for recommendation in assessment["recommendations"]
        if recommendation["stack"] == "wombat-ha"
        for setting in recommendation["settings"]
    ]
    assert "wombat-timeout" in settings
    text = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
    assert "The quokka saw 2 nodes." in text
    assert "Tally" in text, "what passed is named"
    assert "growth" in text, "and has its evidence"
    assert "wombat-timeout" in text
    after = _digests(package)
    assert {name for name in after if after[name] != before.get(name)} == set(dropped)
