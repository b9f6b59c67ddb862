"""The samples are what this version reads and makes, whatever was recorded.

Where one of these fails after a change of the assessment or of a rule, assess the sample's archives again:
``haready assess samples/demonstration/haready-demo-*.zip --json samples/demonstration/assessment.json
-o samples/demonstration/report.pdf``, and see whether samples/README.md still says what is true.
"""

from __future__ import annotations

import hashlib
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from analyzer.assess import assess
from analyzer.contract import Assessment
from collector.plan import load
from reports.commands import write_report
from reports.figures import moment

SAMPLES = Path(__file__).parent.parent / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/assessment.json"))


def told(folder):
    return Assessment.from_json((folder / "assessment.json").read_text(encoding="utf-8"))


def words(pdf):
    done = subprocess.run(["pdftotext", "-raw", str(pdf), "-"], check=True, capture_output=True, encoding="utf-8")
    # A long name or digest is broken where the table's column ends.
    return "".join(done.stdout.split())


def test_there_is_a_sample():
    assert FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_samples_archives_are_those_that_its_assessment_names(folder):
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.zip")}
    assert {node.archive: node.sha256 for node in told(folder).nodes} == found
    assert told(folder).plan_digest == load(folder / "plan.toml").digest


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_samples_assessment_is_what_its_archives_give(folder):
    old = told(folder)
    new = assess(sorted(folder.glob("*.zip")), datetime.fromisoformat(old.created))
    assert new.verdict is old.verdict
    assert new.timings == old.timings
    assert [(item.rule, item.subject, item.status) for item in new.findings] == [
        (item.rule, item.subject, item.status) for item in old.findings
    ]
    assert f"*{old.verdict}*" in (SAMPLES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_samples_report_is_of_its_assessment_and_can_be_drawn_again(folder, tmp_path):
    assessment = told(folder)
    write_report(assessment, tmp_path / "again.pdf")
    for pdf in (folder / "report.pdf", tmp_path / "again.pdf"):
        text = words(pdf)
        drawn = [node.sha256 for node in assessment.nodes] + [node.archive for node in assessment.nodes]
        drawn += [assessment.plan_digest, moment(assessment.created)]
        for item in drawn:
            assert "".join(item.split()) in text, item
