"""Commands as an installer types them at night: every mistake is two lines, with what was meant."""

from __future__ import annotations

import re

import pytest

import haready
from collector.commands import seconds
from collector.errors import Exit


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """What a mistake is answered with: the two lines."""
    assert haready.main(list(arguments)) == Exit.USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    error, hint = printed.err.splitlines()
    assert (error[:7], hint[:6]) == ("error: ", "hint: ")
    return error[7:], hint[6:]


# --- what was typed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("collect", "--plan, --node are missing", "`haready collect --help`"),
        ("collect --plan p", "--node is missing", "`haready collect --help`"),
        ("collect --plan p --node", "--node needs a value", "`haready collect --help`"),
        ("collect --plan p --node a --durration=5s", "--durration=5s is not known", "did you mean --duration?"),
        ("verify", "ARCHIVE is missing", "`haready verify --help`"),
        ("inspect", "ARCHIVE is missing", "`haready inspect --help`"),
        ("export x.zip", "--csv is missing", "`haready export --help`"),
        ("analyze", "ARCHIVE is missing", "`haready analyze --help`"),
        ("assess", "ARCHIVE is missing", "`haready assess --help`"),
        ("assess x.zip --paper a5", "'a5' is none of a4, letter", "`haready assess --help`"),
        ("report", "ASSESSMENT is missing", "`haready report --help`"),
        ("plan", "init|check|schedule is missing", "`haready plan --help`"),
        ("plan check", "PLAN is missing", "`haready plan check --help`"),
        ("plan chekc p", "'chekc' is none of init, check, schedule", "did you mean check?"),
        ("plan init ha_pair", "'ha_pair' is none of ha-pair, dr-pair,", "did you mean ha-pair?"),
        ("list", "probes|profiles|rules|sections|stacks is missing", "`haready list --help`"),
        ("list rule", "'rule' is none of probes, profiles, rules, sections, stacks", "did you mean rules?"),
        ("list rules stall", "no 'stall' among the rules", "did you mean stalls?"),
        ("colect", "no command 'colect'", "did you mean collect?"),
    ],
)
def test_a_mistake_of_usage_is_two_lines_with_what_was_meant(capsys, line, error, hint):
    lines = told(capsys, *line.split())
    assert error in lines[0]
    assert hint in lines[1]


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("24", "is no duration", "24h for hours, 24m for minutes"),
        ("24hours", "is no duration", "write 24h"),
        ("24 Hours", "is no duration", "write 24h"),
        ("90sec", "is no duration", "write 90s"),
        ("1.5h", "is no duration", "write 1h30m"),
        ("0.5m", "is no duration", "write 30s"),
        ("0s", "too short", "write 24h,"),
        ("0.0h", "is no duration", "write 24h,"),
        ("-5s", "is no duration", "write 24h,"),
        ("", "is no duration", "write 24h,"),
        ("soon", "is no duration", "write 24h,"),
        ("\u0664h", "is no duration", "write 24h,"),
        ("9" * 400 + "h", "is too long", "write 24h,"),
    ],
)
def test_a_duration_that_is_none_is_told_with_what_to_write(capsys, text, error, hint):
    lines = told(capsys, "collect", "--plan", "p", "--node", "a", "--duration", text)
    assert re.match(rf"'.*' {error}|'.*' is {error}", lines[0]), lines
    assert hint in lines[1]


@pytest.mark.parametrize(("text", "length_s"), [("24h", 86_400), ("1d", 86_400), ("1h30m", 5400), ("90s", 90)])
def test_a_duration_is_days_hours_minutes_and_seconds(text, length_s):
    assert seconds(text) == length_s


def test_a_debugged_mistake_of_usage_is_the_same_two_lines(capsys):
    assert told(capsys, "--debug", "list", "rule") == told(capsys, "list", "rule")
