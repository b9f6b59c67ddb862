"""The published JSON Schema is that of what this version writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from report_fixtures import ALL, trio

from analyzer import schema
from analyzer.commands import COMMANDS
from analyzer.contract import SCHEMA, Assessment
from collector.errors import ArchiveError

SAMPLES = sorted((Path(__file__).parent.parent / "samples").glob("*/assessment.json"))


@pytest.fixture(scope="module")
def published() -> Draft202012Validator:
    form = json.loads(schema.FILE.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(form)
    return Draft202012Validator(form)


def test_the_published_schema_is_the_contracts():
    """After a change of the contract: `make schema`."""
    assert schema.FILE.read_text(encoding="utf-8") == schema.text()
    assert [path.name for path in schema.FILE.parent.glob("*.json")] == [f"assessment-{SCHEMA}.json"]


@pytest.mark.parametrize("name", ALL)
def test_what_is_written_is_valid(name, published):
    assert not list(published.iter_errors(json.loads(ALL[name]().to_json())))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.parent.name)
def test_the_samples_are_valid(path, published):
    assert not list(published.iter_errors(json.loads(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    "change",
    [
        {"schema": SCHEMA + 1},
        {"verdict": "perhaps"},
        {"duration_s": None},
        {"duration_s": "86400"},
        {"reasons": "one"},
        {"another": 1},
        {"score": {"overall": 99.5, "areas": []}},
        {
            "minutes": [
                {"figure": "loss", "subject": {"scope": "path", "name": "a"}, "unit": "ratio", "values": [None, "1"]}
            ]
        },
    ],
)
def test_what_this_version_would_not_write_is_not_valid(change, published):
    data = json.loads(trio().to_json())

    assert not published.is_valid(data | change)


def test_a_missing_key_is_not_valid(published):
    data = json.loads(trio().to_json())
    del data["origin"]

    assert not published.is_valid(data)


def test_the_command_prints_the_schema_and_asks_for_no_archive(capsys):
    with pytest.raises(SystemExit) as ended:
        COMMANDS["analyze"](["--schema"])

    assert not ended.value.code
    assert capsys.readouterr().out == schema.FILE.read_text(encoding="utf-8")


def test_what_is_infinite_is_written_as_null():
    odd = trio()
    trace = replace(odd.traces[0], low=(float("inf"), float("nan"), float("-inf")))
    written = json.loads(replace(odd, traces=(trace,)).to_json())

    assert written["traces"][0]["low"] == [None, None, None]


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999", "-1e999", "1" + "0" * 400])
def test_what_is_infinite_is_refused(number):
    text = trio().to_json().replace('"duration_s": 86400.0', f'"duration_s": {number}', 1)
    assert number in text

    with pytest.raises(ArchiveError):
        Assessment.from_json(text)


def test_an_endless_nesting_is_no_assessment():
    with pytest.raises(ArchiveError, match="not an assessment"):
        Assessment.from_json("[" * 200_000)
