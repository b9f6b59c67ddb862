"""The interval that keepalived gets, in both versions, and the text to paste."""

from __future__ import annotations

import re

import pytest
from advice import advised, both, plan_of, quiet_trace, values
from synthetic import plan_data
from traces import slots

from analyzer.detectors.vrrp import Router
from analyzer.stacks.keepalived import STACK, V2, V3
from collector.plan import parse as parse_plan


def blocks(text):
    """keepalived.conf as blocks of keyword and value."""
    found, block = {}, None
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[-1] == "{":
            block = found.setdefault(words[0], {})
        elif words == ["}"]:
            block = None
        else:
            block[words[0]] = float(words[1])
    assert block is None
    return found


def hurt(length_s):
    return both(lambda name: quiet_trace(name, 3600.0, lost=slots(600.0, 600.0 + length_s)))


def test_the_snippet_says_to_keepalived_what_the_settings_say():
    text = advised(STACK, hurt(4.0)).snippets[0].text
    assert blocks(text) == {"global_defs": {"vrrp_version": 2}, "vrrp_instance": {"advert_int": 3}}
    other = re.sub(r"(?m)^#", "", text[text.index(V3[1:10]) :].partition("\n")[2])
    assert blocks(other) == {
        "global_defs": {"vrrp_version": 3},
        "vrrp_instance": {"advert_int": pytest.approx(2.33, abs=0.03)},
    }


@pytest.mark.parametrize("length_s", [0.0, 1.0, 4.0, 11.3, 39.0])
def test_version_2_has_whole_seconds_and_version_3_hundredths_and_both_outlast(length_s):
    advice = advised(STACK, hurt(length_s))
    two, three = (values(advice, only_if)["advert_int"] for only_if in (V2, V3))
    assert isinstance(two, int)
    assert three == round(three, 2)
    assert min(two, three) >= 1.0
    for version, advert_s in ((2, two), (3, three)):
        router = Router(version, advert_s, 100)
        assert router.interval_s == pytest.approx(advert_s), "keepalived would round it"
        assert router.down_s > 2.0 * length_s


def test_beyond_version_3_there_is_only_version_2_and_beyond_both_nothing():
    advice = advised(STACK, hurt(78.0))
    assert {item.only_if for item in advice.settings} == {V2}
    assert any("no value of it is long enough" in note for note in advice.notes)
    none = advised(STACK, hurt(400.0))
    assert none.settings == ()
    assert "255 s" in none.notes[0]


def test_faster_announcements_than_were_resolved_are_not_recommended():
    data = plan_data(stack=[{"name": "keepalived", "networks": ["ch1"]}], scenario={"off": ["rstp", "live-migration"]})
    plan = parse_plan(data | {"probe": {"period_s": 0.5}}, "plan.toml")
    advice = advised(STACK, {}, plan, measured=False)
    assert values(advice, V3)["advert_int"] == 2.5
    assert next(item.name for item in advice.constraints if item.binding) == "resolution"


def test_detection_counts_the_skew_of_a_backup():
    advice = advised(STACK, both(quiet_trace), plan_of(STACK))
    assert advice.detection_s == (pytest.approx(2.609, abs=1e-3), pytest.approx(3.609, abs=1e-3))
    assert "gratuitous ARP" in advice.takeover


def test_two_sites_are_told_that_multicast_does_not_cross_routers():
    plan = plan_of(STACK, sites={"b": "dr"})
    assert any("does not cross routers" in note for note in advised(STACK, both(quiet_trace), plan).notes)
