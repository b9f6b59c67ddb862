"""The samples are what this version reads and makes, whatever was recorded, and the synthetic ones show what was expected of them.

Where one of these fails after a change of the assessment, of a rule or of the report, make them again: ``make samples`` for the synthetic
ones (``python tools/make_samples.py --from archives`` where the archives may stay), and for the recorded one
``haready assess samples/demonstration/haready-demo-*.zip --json samples/demonstration/assessment.json -o samples/demonstration/report.pdf``.
Then see whether samples/README.md still says what is true. What was expected changes only with a reason.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
import sample_set

from analyzer.assess import assess
from analyzer.contract import Assessment, Status
from collector.plan import load
from reports.commands import write_report
from reports.figures import moment

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from sampler.expected import Expected, Reason, answered  # noqa: E402 - the tools are no package of ours
from sampler.scenarios import SCENARIOS  # noqa: E402

SAMPLES = ROOT / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/assessment.json"))
WITH_ARCHIVES = [folder for folder in FOLDERS if folder.name not in SCENARIOS or SCENARIOS[folder.name].short]


@cache
def told(folder):
    return Assessment.from_json((folder / "assessment.json").read_text(encoding="utf-8"))


def words(pdf):
    done = subprocess.run(["pdftotext", "-raw", str(pdf), "-"], check=True, capture_output=True, encoding="utf-8")
    # A long name or digest is broken where the table's column ends.
    return "".join(done.stdout.split())


def test_there_is_a_recorded_sample_and_one_of_every_scenario():
    assert {folder.name for folder in FOLDERS} == {"demonstration", *SCENARIOS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_tour_tells_every_sample_and_its_verdict(folder):
    tour = (SAMPLES / "README.md").read_text(encoding="utf-8")
    (line,) = (line for line in tour.splitlines() if line.startswith(f"| [{folder.name}]({folder.name}/) |"))
    assert f"*{told(folder).verdict}*" in line


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_sample_says_that_it_is_no_site(folder):
    assessment = told(folder)
    assert assessment.origin == ("demonstration" if folder.name == "demonstration" else "synthetic")
    assert assessment.origin == load(folder / "plan.toml").origin


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_samples_archives_are_those_that_its_assessment_names(folder):
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.zip")}
    assert found == ({node.archive: node.sha256 for node in told(folder).nodes} if folder in WITH_ARCHIVES else {})
    assert told(folder).plan_digest == load(folder / "plan.toml").digest


@pytest.mark.parametrize("folder", WITH_ARCHIVES, ids=lambda folder: folder.name)
def test_a_samples_assessment_is_what_its_archives_give(folder):
    old = told(folder)
    new = assess(sorted(folder.glob("*.zip")), datetime.fromisoformat(old.created))
    assert (new.verdict, new.reasons) == (old.verdict, old.reasons)
    assert new.timings == old.timings
    assert [(item.rule, item.subject, item.status) for item in new.findings] == [
        (item.rule, item.subject, item.status) for item in old.findings
    ]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_synthetic_sample_shows_what_was_expected_of_it(name):
    assert list(answered(Expected.of(SAMPLES / name), told(SAMPLES / name))) == []


@pytest.mark.parametrize("name", sample_set.drawn(folder.name for folder in FOLDERS))
def test_a_samples_report_is_of_its_assessment_and_can_be_drawn_again(name, tmp_path):
    folder = SAMPLES / name
    assessment = told(folder)
    write_report(assessment, tmp_path / "again.pdf")
    for pdf in (folder / "report.pdf", tmp_path / "again.pdf"):
        text = words(pdf)
        drawn = [node.sha256 for node in assessment.nodes] + [node.archive for node in assessment.nodes]
        drawn += [assessment.plan_digest, moment(assessment.created)]
        for item in drawn:
            assert "".join(item.split()) in text, item


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_page_of_a_samples_report_holds_nothing_but_its_head_and_foot(folder):
    told_of = subprocess.run(["pdftotext", "-layout", str(folder / "report.pdf"), "-"], check=True, capture_output=True, encoding="utf-8")  # fmt: skip
    pages = [[line for line in page.splitlines() if line.strip()] for page in told_of.stdout.split("\f")[:-1]]
    assert all(len(lines) > 3 for lines in pages), [len(lines) for lines in pages]


def test_the_node_that_stood_still_is_named_with_the_channels_that_it_silenced():
    assert [joint.stood for joint in told(SAMPLES / "stalling-vm").joints] == ["sip-b"]
    assert [joint.stood for joint in told(SAMPLES / "channels-together").joints] == [""]


def test_an_expectation_that_is_not_met_is_told():
    assessment = told(SAMPLES / "slow-nic")
    met = Expected.of(SAMPLES / "slow-nic")
    assert list(answered(met, assessment)) == []
    (other,) = answered(Expected("suitable", "", met.reasons), assessment)
    assert other == "the verdict is unsuitable, expected was suitable"
    turned = Expected(met.verdict, "", met.reasons[::-1])
    assert [text.partition(",")[0] for text in answered(turned, assessment)] == [
        "reason 1 is link-state of sip-b/eth1",
        "reason 3 is nic-errors of sip-b/eth1",
    ]
    elsewhere = Expected(met.verdict, "", (Reason("link-state", "sip-b/eth2", ""), *met.reasons[1:]))
    assert list(answered(elsewhere, assessment)) == ["reason 1 is link-state, but does not name sip-b/eth2"]
    assert list(answered(Expected(met.verdict, "", met.reasons[:2]), assessment)) == [
        "there are 3 reasons, expected were 2"
    ]
    concerns = sum(finding.status not in (Status.PASS, Status.INFO) for finding in assessment.findings)
    assert len(list(answered(Expected("unsuitable", "", ()), assessment))) == concerns


def test_every_sample_is_drawn_often_or_in_the_matrix():
    assert {folder.name for folder in FOLDERS} == sample_set.OFTEN | sample_set.SAMPLES
