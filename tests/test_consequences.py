"""Several checks that fail for one event ask for one thing, and what causes the rest is told first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from synthetic import plan_data

from analyzer.contract import Area, Evidence, Finding, Limit, Outage, Quantiles, Scope, Sense, Status, Subject, Timing
from analyzer.verdict import answer
from collector.plan import parse

SECOND = Limit("longest outage", "s", 1.0, 5.0, Sense.AT_MOST, "a test")
NEVER = Limit("outage of all channels at once", "s", 0.0, 5.0, Sense.AT_MOST, "a test")
ANY = Limit("loss", "ratio", 1e-4, 1e-2, Sense.AT_MOST, "a test")
SHARE = Limit("share of the rate", "ratio", 0.85, 0.5, Sense.AT_LEAST, "a test")
PAIR = Subject(Scope.PAIR, "a+b")


def site():
    """Two channels between two nodes."""
    data = plan_data()
    data["network"]["ch2"] = {**data["network"]["ch1"]}
    for place, node in enumerate(data["node"]):
        node["addr"]["ch2"] = f"10.99.0.{place + 1}/24"
    return parse(data, "plan.toml")


def timing(path, *outages, lost=0):
    ends, _, network = path.partition("/")
    nothing = Quantiles(0)
    return Timing(
        path, *ends.split(">"), network, False, 0.2, 24.0, 5000, 5000 - lost, lost, 0, 0, 0, 0,
        nothing, nothing, nothing, 0.01, 0.01, 0.02, tuple(Outage(start, length, int(5 * length)) for start, length in outages),
        max((length for _, length in outages), default=0.0), 0.0, 0, None, None, nothing, 0, None, 0.0, (),
    )  # fmt: skip


def finding(rule, status, name, value, limit, what=""):
    subject = PAIR if "+" in name else Subject(Scope.PATH, name)
    evidence = (Evidence(what or limit.name, value, limit.unit, limit),)
    return Finding(
        rule, rule, Area.NETWORK, subject, status, f"{rule} of {name}.", evidence, f"mend {rule} of {name[-3:]}"
    )


def told(findings, timings, tests=()):
    plan = site()
    known = {one.name: timing(one.name) for one in plan.paths()} | {one.path: one for one in timings}
    carried = {
        path: SimpleNamespace(
            source=path[0], target=path[2], network=path[4:], tests=(SimpleNamespace(retransmits=retransmits),)
        )
        for path, retransmits in tests
    }
    summaries = {name: SimpleNamespace(name=name, damage=(), sealed=True) for name in "ab"}
    material = SimpleNamespace(
        plan=plan, summaries=summaries, timings=known, throughputs=carried, meetings={}, reasons={}, facts={}
    )
    return answer(material, findings, ())


TOGETHER = finding("redundancy", Status.FAIL, "a+b", 8.0, NEVER, "longest outage of all channels at once")


def silent(at_s, network, *more):
    one = timing(f"a>b/{network}", (at_s, 8.0), *more, lost=40)
    return one, [
        finding("outages", Status.FAIL, one.path, 8.0, SECOND),
        finding("loss", Status.WARN, one.path, 5e-4, ANY),
    ]


def test_what_all_channels_had_at_once_is_looked_for_once():
    (one, found), (other, more) = silent(100.0, "ch1"), silent(100.1, "ch2")
    result = told([*found, *more, TOGETHER], [one, other])
    assert result.reasons[0].startswith("redundancy")
    assert all("That is the outage of ch1, ch2 at the same moment." in text for text in result.reasons[1:])
    assert result.fixes == (TOGETHER.remedy,)


def test_an_outage_of_one_channel_alone_is_looked_for_by_itself():
    (one, found), (other, more) = silent(100.0, "ch1", (700.0, 3.0)), silent(100.1, "ch2")
    result = told([*found, *more, TOGETHER], [one, other])
    assert set(result.fixes) == {TOGETHER.remedy, "mend outages of ch1"}


LOSSY = timing("a>b/ch1", lost=100)
SLOW = finding("bandwidth", Status.FAIL, "a>b/ch1", 0.04, SHARE)


def loss(status=Status.FAIL):
    return finding("loss", status, "a>b/ch1", 0.02, ANY)


def test_loss_stands_before_the_bandwidth_that_it_costs():
    result = told([SLOW, loss()], [LOSSY], [("a>b/ch1", 50)])
    assert [text.split()[0] for text in result.reasons] == ["loss", "bandwidth"]
    assert "mend the loss first" in result.reasons[1]
    assert result.fixes == (loss().remedy,)


@pytest.mark.parametrize(
    ("found", "timings", "tests"),
    [
        pytest.param(loss(), [LOSSY], [("a>b/ch1", 0)], id="nothing was sent again"),
        pytest.param(loss(Status.WARN), [LOSSY], [("a>b/ch1", 50)], id="loss that only warns"),
        pytest.param(loss(), [timing("a>b/ch1", (5.0, 20.0), lost=100)], [("a>b/ch1", 50)], id="lost in an outage"),
    ],
)
def test_loss_that_does_not_explain_the_bandwidth_leaves_it_its_remedy(found, timings, tests):
    result = told([SLOW, found], timings, tests)
    assert SLOW.remedy in result.fixes
    assert result.reasons[0].startswith("bandwidth")


LOADED = Limit("loss under load, lower bound", "ratio", 0.01, None, Sense.AT_MOST, "a test")


@pytest.mark.parametrize(("low", "follows"), [(0.02, True), (0.021, False)])
def test_what_is_lost_under_load_as_at_rest_is_looked_for_at_rest(low, follows):
    heavy = finding("under-load", Status.WARN, "a>b/ch1", low, LOADED)
    result = told([heavy, loss()], [LOSSY])
    assert (heavy.remedy not in result.fixes) is follows
    assert any("It loses as much at rest" in text for text in result.reasons) is follows


def test_a_silence_under_load_is_not_the_loss_at_rest():
    silent = finding("under-load", Status.WARN, "a>b/ch1", 3.0, SECOND)
    assert silent.remedy in told([silent, loss()], [LOSSY]).fixes


def test_a_warning_that_only_follows_stands_behind_those_that_do_not():
    heavy = finding("under-load", Status.WARN, "a>b/ch1", 0.02, LOADED)
    jitter = finding("jitter", Status.WARN, "b>a/ch1", 1.1, SECOND)
    result = told([heavy, jitter, loss()], [LOSSY])
    assert [text.split()[0] for text in result.reasons] == ["loss", "jitter", "under-load"]
