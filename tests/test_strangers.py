"""Peers that run but are not ours are told until a person mends it; all else is told once, and passes."""

from __future__ import annotations

import re

import pytest

import haready
from collector.display import line
from collector.peers.hello import HelloError, Identity, Purpose, call, serve
from collector.strangers import Strangers, refusal
from collector.supervisor import Status

from fakes import make_plan  # isort: skip

KEY = "its key differs: every node needs the same key file"
PLAN = "it refused: the plans differ; copy one plan.toml to every node (it runs haready 1)"


class Told:
    """What reached the record of the run, and what the screen alone; the clock is the test's."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.noted: list[str] = []
        self.shown: list[str] = []
        self.strangers = Strangers(
            "site.key", 8862, lambda: round(self.now_s * 1e6), self.noted.append, self.shown.append
        )

    def refused(self, peer: str, text: str, at_s: float) -> bool:
        self.now_s = at_s
        return self.strangers.refused(peer, text)


def test_another_key_is_told_at_once_and_every_minute_but_recorded_once():
    told = Told()
    for second in range(0, 181, 2):
        assert told.refused("b", KEY, second)
    lines = ["ERROR: b runs, but its key is not ours; nothing is measured with it"]
    lines.append("hint: copy site.key from one node to all, and start all of them again")
    assert told.noted == lines
    assert told.shown == lines * 3


def test_several_paths_to_one_peer_are_one_trouble_and_another_peer_is_another():
    told = Told()
    assert [told.refused(peer, KEY, 1.0) for peer in "bbcb"] == [True] * 4
    assert [line.split()[1] for line in told.noted if line.startswith("ERROR")] == ["b", "c"]


def test_another_trouble_of_the_same_peer_is_told_at_once():
    told = Told()
    told.refused("b", KEY, 0.0)
    told.refused("b", PLAN, 2.0)
    assert "its plan is not ours" in told.noted[2]
    assert told.strangers.remedy() == "copy the plan from one node to all, and start all of them again"


def test_a_peer_that_was_mended_is_no_stranger_any_more():
    told = Told()
    told.refused("b", KEY, 0.0)
    told.strangers.met("b")
    assert told.strangers.remedy() == ""
    told.refused("b", KEY, 1.0)
    assert len(told.noted) == 4


@pytest.mark.parametrize("text", ["Connection refused", "no answer in time", "No route to host", ""])
def test_what_may_pass_by_itself_is_left_to_others(text):
    told = Told()
    assert not told.refused("b", text, 0.0)
    assert (told.noted, told.shown, told.strangers.remedy()) == ([], [], "")


def test_another_program_or_version_is_named():
    assert "another program than haready on TCP port 8862" in refusal("it does not speak HELLO", "k", 8862).what
    assert "install the same version" in refusal("it refused: it speaks 1; install the same version", "k", 1).what


def _talk(one: Identity, other: Identity) -> str:
    """What the caller says of a conversation that fails."""
    caller, server = call(one, "b", "ch1", Purpose.PROBE), serve(other, "a", "ch1")
    next(server)
    with pytest.raises(HelloError) as failed:
        caller.send(server.send(next(caller)))
    return str(failed.value)


def test_what_hello_says_of_another_key_and_plan_is_recognised():
    plan, other = make_plan(), make_plan(port=9000)
    me = Identity(plan, "a", "s" * 32, "1", b"k" * 64)
    assert "key" in refusal(_talk(me, Identity(plan, "b", "t" * 32, "1", b"x" * 64)), "k", 1).what
    assert "plan" in refusal(_talk(me, Identity(other, "b", "t" * 32, "1", b"k" * 64)), "k", 1).what


# --- the status line -------------------------------------------------------------------------------------------------


def status(**more: object) -> Status:
    values = {"left_s": 3600, "paths": 2, "up": 0, "sent": 0, "answered": 0, "rtt_us": None, "size_B": 1000}
    return Status(**(values | more))  # type: ignore[arg-type]


def test_after_two_minutes_without_a_path_the_status_line_says_so_first():
    assert "NOTHING" not in line("a", status(alone_s=119.9))
    assert line("a", status(alone_s=120.0), 60).startswith("a  NOTHING IS BEING MEASURED  left 01:00:00")


def test_help_explains_every_word_of_the_status_line(capsys):
    whole = line("a", status(observers=1, alone_s=120.0, test="a>b/ch1"))
    with pytest.raises(SystemExit):
        haready.main(["collect", "--help"])
    told = capsys.readouterr().out
    words = re.findall(r"  ([a-zA-Z ]+?)(?= [-\d]| a>|  )", whole)
    assert words == [
        "NOTHING IS BEING MEASURED",
        *["left", "paths up", "observers", "lost", "slowest now", "archive", "testing"],
    ]
    assert [word for word in words if not re.search(rf"^  {word} ", told, re.MULTILINE)] == []
    assert max(map(len, told.splitlines())) <= 80


def test_on_a_narrow_terminal_the_least_important_is_left_out_not_cut():
    whole = line("sip-a", status(up=2, sent=1_728_000, answered=1_727_980, rtt_us=130, test="a>b/ch1"))
    assert whole.endswith("lost 18 of 1728000  slowest now 0.13 ms  archive 1.0 kB  testing a>b/ch1")
    for width in range(5, len(whole)):
        part = line("sip-a", status(up=2, sent=1_728_000, answered=1_727_980, rtt_us=130, test="a>b/ch1"), width)
        assert len(part) <= width
        assert whole.startswith(part)
        assert whole[len(part) : len(part) + 2] == "  "
