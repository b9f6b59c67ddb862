"""Advice on the topology of a SIP Server pair: from what was found, and a question for what was not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import trio
from synthetic import Site, plan_data, write
from test_analyzer_addp import timing

from analyzer.assess import assess
from analyzer.contract import Area, Assessment, Finding, Fit, ObserverTiming, Quantiles, Scope, Status, Subject
from analyzer.extension import StackContext
from analyzer.sip_topology import BALANCING, DEVICE, HOT, ONE_HOST, TAKEOVER, WARM
from analyzer.stacks.genesys_addp import STACK
from collector.plan import parse
from reports.contract import Callout, Tone
from reports.sections.sip_topology import SECTION

LINUX = {"system": "Linux"}
SCS = [{"name": "scs-1", "kind": "scs", "addr": "10.9.9.9"}]


def make_plan(*, sip=("10.5.0.1/24", "10.5.0.2/24"), hosts=("esx-1", "esx-2"), kind="sip", observer=None, pairs=None):
    data = plan_data(**({"observer": observer} if observer else {}))
    data["network"]["front"] = {"kind": kind}
    for node, ip, host in zip(data["node"], sip, hosts, strict=True):
        node["addr"]["front"] = ip
        node["host"] = host
    if pairs is not None:
        data["stack"][0]["auto_failover"] = pairs
    return parse(data, "plan.toml")


def inventory(system, ip, *, adapters=2, static=True):
    held = {"family": "AF_INET", "address": ip, "prefix": 24, "static": static}
    found = {f"eth{place}": {"up": True, "driver": "e1000e", "addresses": []} for place in range(adapters)}
    found["eth0"]["addresses"] = [held]
    return {"system": system, "nics": found}


def seen(node, silence_s=0.0, lost=0, answered=1000, observer="scs-1"):
    rtt = Quantiles(answered, 0.001, 0.001, 0.001, 0.002, 0.002)
    return ObserverTiming(observer, "scs", "10.9.9.9", node, answered + lost, answered, rtt, silence_s, "")


def advice(
    plan=None, systems=("Linux", "Linux"), timings=None, observers=(), automatic=True, facts=None, failed=(), **machines
):
    plan = plan or make_plan()
    told = {
        name: inventory(
            system,
            str(plan.node(name).addresses["front"].ip) if "front" in plan.node(name).addresses else "10.5.0.9",
            **machines,
        )
        for name, system in zip("ab", systems, strict=True)
    }
    paths = tuple(path for path in plan.paths() if path.network == "ch1")
    measured = (timing("a>b/ch1"), timing("b>a/ch1")) if timings is None else timings
    context = StackContext(
        plan, plan.stacks[0], Subject(Scope.PAIR, "a+b"), ("a", "b"), automatic, paths, measured, (),
        facts=told if facts is None else facts, observers=tuple(observers), failed=failed,
    )  # fmt: skip
    found = list(STACK.advise(context))
    return found[0] if found else None


def fits(found):
    return {choice.name: choice.fit for choice in (*found.address, *found.standby)}


def asked(found):
    assert all(item.what and item.who for item in found.questions)
    return " ".join(item.what for item in found.questions)


def test_one_subnet_and_two_machines_ask_for_the_takeover_of_the_address():
    found = advice()
    assert fits(found) == {
        TAKEOVER: Fit.ADVISED, BALANCING: Fit.RULED_OUT, DEVICE: Fit.POSSIBLE, ONE_HOST: Fit.RULED_OUT, HOT: Fit.ADVISED, WARM: Fit.POSSIBLE,
    }  # fmt: skip
    assert "10.5.0.0/24 on front" in found.address[0].reasons[0]
    assert "a runs Linux" in found.address[1].reasons
    assert "gratuitous ARP" in asked(found)


def test_two_subnets_leave_the_external_device_only():
    found = advice(make_plan(sip=("10.5.0.1/24", "10.6.0.2/24")), ("Windows", "Windows"))
    assert fits(found)[TAKEOVER] is fits(found)[BALANCING] is Fit.RULED_OUT
    assert fits(found)[DEVICE] is Fit.ADVISED
    assert "10.5.0.0/24 and 10.6.0.0/24" in found.address[0].reasons[0]
    assert "external device" in asked(found)


@pytest.mark.parametrize(
    ("systems", "changes", "fit"),
    [
        (("Windows", "Windows"), {}, Fit.POSSIBLE),
        (("Windows", "Linux"), {}, Fit.RULED_OUT),
        (("Windows", ""), {}, Fit.OPEN),
        (("Windows", "Windows"), {"adapters": 1}, Fit.RULED_OUT),
        (("Windows", "Windows"), {"static": False}, Fit.RULED_OUT),
    ],
)
def test_load_balancing_needs_windows_two_adapters_and_static_addresses(systems, changes, fit):
    found = advice(systems=systems, **changes)
    assert fits(found)[BALANCING] is fit
    assert ("name resolution" in asked(found)) is (systems == ("Windows", "Windows"))


def test_on_windows_the_takeover_takes_its_time():
    assert "up to 5 s" in " ".join(advice(systems=("Windows", "Windows")).address[0].reasons)
    assert "up to 5 s" not in " ".join(advice().address[0].reasons)


def test_an_address_from_a_server_is_no_static_one():
    found = advice(static=False)
    assert fits(found)[TAKEOVER] is Fit.POSSIBLE
    assert "10.5.0.1/24 of a" in " ".join(found.address[0].reasons)


@pytest.mark.parametrize(
    ("hosts", "fit", "question"),
    [
        (("x", "x"), Fit.OPEN, "How many seats"),
        (("", "x"), Fit.OPEN, "On which physical machines"),
        (("x", "y"), Fit.RULED_OUT, ""),
    ],
)
def test_one_host_is_for_a_hundred_seats(hosts, fit, question):
    found = advice(make_plan(hosts=hosts))
    assert fits(found)[ONE_HOST] is fit
    assert question in asked(found)


def test_without_a_network_for_clients_nothing_is_taken_for_granted():
    found = advice(make_plan(kind="management"))
    assert fits(found)[TAKEOVER] is Fit.OPEN
    assert "In which network the virtual address" in asked(found)


def test_hot_standby_needs_a_link_that_was_measured_and_holds():
    short = (timing("a>b/ch1", hours=0.1), timing("b>a/ch1", hours=0.1))
    assert fits(advice(timings=short))[HOT] is Fit.OPEN
    assert fits(advice(timings=()))[HOT] is Fit.OPEN
    sound = (timing("a>b/ch1", outage_s=5.0), timing("b>a/ch1"))
    assert fits(advice(timings=sound))[HOT] is Fit.ADVISED
    broken = advice(timings=(timing("a>b/ch1", outage_s=5.1), timing("b>a/ch1")))
    assert fits(broken)[HOT] is Fit.POSSIBLE
    assert "outage of 5.1 s on a>b/ch1" in broken.standby[0].reasons[1]


def test_hot_standby_is_not_advised_while_a_host_or_the_link_fails():
    failed = Finding("stalls", "Pauses", Area.HOST, Subject(Scope.NODE, "a"), Status.FAIL, "It stood still.")
    found = advice(failed=(failed,))
    assert fits(found)[HOT] is Fit.POSSIBLE
    assert "what failed has to be mended first: pauses (a)" in found.standby[0].reasons


@pytest.mark.parametrize(
    ("scope", "name", "counts"),
    [
        (Scope.NODE, "a", True),
        (Scope.DEVICE, "b/sda", True),
        (Scope.PATH, "a>b/ch1", True),
        (Scope.PATH, "a>c/ch1", False),
        (Scope.NODE, "c", False),
        (Scope.PAIR, "a+b", True),
        (Scope.CLUSTER, "test", False),
    ],
)
def test_only_what_fails_of_the_pair_itself_counts_for_its_advice(tmp_path, monkeypatch, scope, name, counts):
    seen_ = []

    def noting(context):
        if context.pair == ("a", "b"):
            seen_.append(context.failed)
        yield from ()

    finding = Finding("x", "X", Area.HOST, Subject(scope, name), Status.FAIL, "bad")
    monkeypatch.setattr("analyzer.assess.judge", lambda *_: [finding])
    monkeypatch.setattr("analyzer.stacks.genesys_addp.STACK", replace(STACK, advise=noting))
    assess(list(write(Site(length_s=60.0, plan=plan_data("abc")), tmp_path).values()))
    assert seen_ == [(finding,) if counts else ()]


def test_no_merit_is_made_of_a_link_that_is_no_good():
    sound = advice(make_plan(observer=SCS), observers=(seen("a"), seen("b")))
    broken = replace(sound, standby=tuple(replace(choice, fit=Fit.POSSIBLE) for choice in sound.standby))
    assert tone_of_scs(sound) is Tone.GOOD
    assert tone_of_scs(broken) is Tone.NOTE


def tone_of_scs(found):
    blocks = SECTION.build(replace(trio(), topologies=(found,)))
    return next(block.tone for block in blocks if isinstance(block, Callout))


def test_an_unplanned_scs_is_a_question_and_no_verdict():
    found = advice()
    assert (found.scs_weaker, len(found.scs)) == (None, 1)
    assert "The plan names no Solution Control Server" in found.scs[0]
    assert "Which machine runs the Solution Control Server" in asked(found)


@pytest.mark.parametrize(
    ("answers", "weaker"),
    [
        ((seen("a"), seen("b")), False),
        ((seen("a", 3.9), seen("b")), False),
        ((seen("a", 4.1), seen("b")), True),
        ((seen("a", lost=100), seen("b")), True),
        ((seen("a", lost=1), seen("b")), False),
        ((seen("a"), seen("b", answered=0)), None),
        ((seen("a", 9.0), seen("b", answered=0)), True),
        ((seen("a", observer="other"),), None),
        ((), None),
    ],
)
def test_the_path_of_the_scs_is_weaker_if_it_is_silent_or_loses_more(answers, weaker):
    link = (timing("a>b/ch1", outage_s=3.0), timing("b>a/ch1"))
    found = advice(make_plan(observer=SCS), timings=link, observers=answers)
    assert found.scs_weaker is weaker
    assert ("both servers hold it" in " ".join(found.address[0].reasons)) is (weaker is True)
    if weaker is None:
        assert "Solution Control Server" in asked(found)


def test_who_decides_a_switchover_is_told_by_the_plan():
    by_scs = advice(make_plan(observer=SCS))
    by_hand = advice(make_plan(observer=SCS, pairs=[]), automatic=False)
    assert by_scs.scs[0].startswith("The SCS (scs-1) decides switchovers")
    assert by_hand.scs[0].startswith("By the plan a person switches these two over")
    for found in (by_scs, by_hand):
        assert found.scs[0] in said_of_scs(found)
        assert "The SCS decides" not in said_of_scs(found)


def said_of_scs(found):
    blocks = SECTION.build(replace(trio(), topologies=(found,)))
    return next(block.text for block in blocks if isinstance(block, Callout))


def test_nodes_that_the_plan_does_not_pair_get_no_advice():
    assert advice(automatic=False) is None
    assert advice(make_plan(pairs=[]), automatic=False) is not None


@pytest.mark.parametrize("facts", [{}, {"a": {"system": 7, "nics": []}, "b": {"nics": {"x": 1}}}])
def test_odd_or_missing_inventories_are_not_told(facts):
    assert fits(advice(facts=facts))[BALANCING] is Fit.OPEN


@pytest.mark.parametrize(("name", "many"), [("genesys-addp", 1), ("neverfail", 0)])
def test_only_a_sip_stack_gets_advice_and_the_assessment_keeps_it(tmp_path, name, many):
    data = plan_data()
    data["stack"][0]["name"] = name
    found = assess(list(write(Site(length_s=60.0, plan=data), tmp_path).values()))
    assert len(found.topologies) == many
    assert Assessment.from_json(found.to_json()).topologies == found.topologies


def test_a_fault_in_the_advice_costs_nothing_else(tmp_path, monkeypatch):
    def broken(_context):
        raise ZeroDivisionError
        yield

    monkeypatch.setattr("analyzer.stacks.genesys_addp.STACK", replace(STACK, advise=broken))
    found = assess(list(write(Site(length_s=60.0), tmp_path).values()))
    assert any("advice on topology of genesys-addp failed" in item.message for item in found.findings)
    assert found.recommendations
