"""What the sections say of a pair, a path or a product agrees with what the checks found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import bad, trio

from analyzer.contract import Area, Evidence, Finding, Limit, Outage, Scope, Sense, Status, Subject, TradeOff
from reports import figures
from reports.contract import Chart, Paragraph, Table
from reports.headroom import headroom_blocks
from reports.prose import method
from reports.replication import replication_blocks
from reports.risk import YEAR_S, risk_blocks
from reports.sections import method as method_section
from reports.sections import network
from reports.zone import time_zone, told_in

ONLY = "ha is their only channel; etcd decides by the majority of its 3 members: a cut stops the side without one and makes no split brain."


def found(rule, name, message, status=Status.INFO, evidence=(), scope=Scope.PAIR):
    return Finding(rule, rule, Area.NETWORK, Subject(scope, name), status, message, evidence)


def with_findings(base, *findings):
    rules = {item.rule for item in findings}
    return replace(base, findings=(*findings, *(item for item in base.findings if item.rule not in rules)))


def texts(blocks):
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph))


def means(assessment):
    table = next(block for block in network.SECTION.build(assessment) if isinstance(block, Table) and block.head[0] == "Pair")  # fmt: skip
    return {row[0]: row[5] for row in table.rows}


def joined(base, pair, **of_joint):
    """The same site, with this said of the pair's channels together."""
    return replace(base, joints=tuple(replace(item, **of_joint) if "+".join(item.pair) == pair else item for item in base.joints))  # fmt: skip


def pair_of(base):
    one, other = base.joints[0].pair
    return f"{one}+{other}", f"{one} and {other}"


def test_members_that_decide_by_majority_are_not_told_to_add_a_channel():
    base = bad()
    name, pair = pair_of(base)

    told_of = means(with_findings(joined(base, name, majority=("etcd",)), found("redundancy", name, f"{pair}: {ONLY}")))

    assert told_of.pop(pair) == ONLY
    assert all("Add a second" in text for text in told_of.values())


def test_the_loss_of_the_only_channel_of_a_pair_that_a_person_switches_is_no_split():
    base = bad()
    name, pair = pair_of(base)

    told_of = means(joined(base, name, by_hand=True))

    assert "so no failover follows" in told_of.pop(pair)
    assert all("Add a second" in text for text in told_of.values())


def both_channels(base):
    return replace(base, networks=tuple(replace(item, kind="channel") for item in base.networks))


def hit(base):
    """A pair whose channels were out together."""
    one, other = next(item.pair for item in base.joints if item.common_outages)
    return f"{one}+{other}", f"{one} and {other}", other


def test_channels_that_were_out_because_a_node_stood_still_are_not_looked_for():
    base = both_channels(bad())
    name, pair, node = hit(base)

    text = means(joined(base, name, stood=node))[pair]

    assert text.startswith(f"{node} stood still with its clock")
    assert "share" not in text
    assert "split the cluster" in text
    assert means(base)[pair].startswith("Either one of the nodes stood still")


def test_channels_of_a_pair_that_a_person_switches_split_no_cluster():
    base = both_channels(bad())
    name, pair, _ = hit(base)

    text = means(joined(base, name, by_hand=True))[pair]

    assert "Meanwhile nothing is replicated" in text
    assert "split the cluster" not in text


def beside(base, *, unjudged=0, outages=()):
    """Two channels of a pair that were out together for 8 s, beside a public network."""
    one, other = pair = base.joints[0].pair
    first = next(item for item in base.timings if {item.source, item.target} == {one, other})

    def way(source, target, net, spans, unjudged=0):
        return replace(
            first, path=f"{source}>{target}/{net}", source=source, target=target, network=net, outages=spans,
            unjudged=unjudged, longest_stall_s=0.0,
        )  # fmt: skip

    cut = (Outage(100.0, 8.0, 40),)
    timings = [way(*ends, net, cut) for ends in (pair, pair[::-1]) for net in ("c1", "c2")]
    timings += [way(one, other, "open", ()), way(other, one, "open", outages, unjudged)]
    kinds = (("c1", "channel"), ("c2", "channel"), ("open", "public"))
    networks = tuple(replace(base.networks[0], name=name, kind=kind) for name, kind in kinds)
    joint = replace(base.joints[0], networks=("c1", "c2"), common_outages=1, longest_common_outage_s=8.0)
    return replace(base, timings=tuple(timings), networks=networks, joints=(joint,), findings=())


def test_no_node_stood_still_while_another_network_answered():
    (text,) = means(beside(trio())).values()
    assert text.startswith("open answered meanwhile, so neither node stood still: the channels share something")


@pytest.mark.parametrize("less", [{"unjudged": 60}, {"outages": (Outage(103.0, 1.0, 5),)}])
def test_a_node_may_have_stood_still_where_the_other_network_does_not_tell(less):
    (text,) = means(beside(trio(), **less)).values()
    assert text.startswith("Either one of the nodes stood still")


def test_channels_of_members_that_decide_by_majority_split_nothing():
    base = both_channels(bad())
    name, pair, _ = hit(base)

    text = means(joined(base, name, majority=("etcd",)))[pair]

    assert "split" not in text
    assert "the side without a majority stops" in text


def test_a_consensus_store_is_not_called_a_product_that_replicates_nothing():
    base = replace(trio(), replications=())
    store = found("consensus", "x", "etcd: on a path …", Status.PASS, (Evidence("p99", 0.001, "s"),), Scope.CLUSTER)

    text = texts(replication_blocks(with_findings(base, store)))

    assert "Every write to etcd goes to every member over its own log" in text
    assert "No planned product" not in text
    none = found("consensus", "x", "No planned product is known to be a consensus store.", scope=Scope.CLUSTER)
    assert "No planned product replicates" in texts(replication_blocks(with_findings(base, none)))


def test_the_work_of_members_is_not_added_up_where_the_check_says_that_none_takes_it_over():
    base = trio()
    pairs = sorted({frozenset((item.node, item.other)) for item in base.headrooms}, key=sorted)
    told_of = "every member of etcd writes all of the data already, and none takes over the work of another."
    findings = [found("headroom", "+".join(sorted(pair)), f"{' and '.join(sorted(pair))}: {told_of}") for pair in pairs]

    blocks = list(headroom_blocks(with_findings(base, *findings)))

    assert not any(isinstance(block, Table) for block in blocks)
    assert texts(blocks).count(told_of) == 1
    assert all(figures.subject(item.subject.name) in texts(blocks) for item in findings)


@pytest.mark.parametrize("status", [Status.INFO, Status.WARN])
def test_a_pair_whose_loads_were_judged_keeps_its_table(status):
    base = trio()
    one, other = base.headrooms[0].node, base.headrooms[0].other
    judged = found("headroom", f"{one}+{other}", "neither is in use", status, (Evidence("CPU", 0.1, "ratio"),))
    unknown = found("headroom", f"{one}+{other}", "an interface does not tell its limit")

    assert any(isinstance(block, Table) for block in headroom_blocks(with_findings(base, judged, unknown)))


def sized(exposure_s, *rows):
    advice = next(item for item in trio().recommendations if item.risk is not None)
    tradeoff = tuple(TradeOff(at, at, hours, bound, chosen=place == 0) for place, (at, hours, bound) in enumerate(rows))
    return replace(advice, risk=replace(advice.risk, exposure_s=exposure_s), tradeoff=tradeoff)


def test_no_chart_shows_more_hours_than_a_year_has():
    day = 86400.0
    rows = ((1.0, 24, 9000.0), (2.0, 3, 2800.0), (5.0, 0, 1094.0))

    (chart,) = [block for block in risk_blocks(sized(day, *rows)) if isinstance(block, Chart)]

    values = [value for band in chart.bands for value in band.mid if value is not None]
    assert max(values) < YEAR_S / 3600.0
    assert [band.mid for band in chart.bands] == [(None, 2800.0, 1094.0), (None, pytest.approx(1095.75), None)]


def test_a_line_without_a_point_is_not_in_the_legend():
    rows = ((1.0, 3, 9000.0), (2.0, 1, 9000.0))

    (chart,) = [block for block in risk_blocks(sized(86400.0, *rows)) if isinstance(block, Chart)]

    assert [band.label for band in chart.bands] == ["as measured (nothing where there was none)"]


@pytest.mark.parametrize("exposure_s", [895.0, 3599.0])
def test_a_run_of_less_than_an_hour_draws_no_hours_of_a_year(exposure_s):
    blocks = list(risk_blocks(sized(exposure_s, (10.0, 1, 167264.0), (40.0, 0, 105626.0))))

    assert not any(isinstance(block, Chart) for block in blocks)
    assert "So short a run bounds the false alarms of no timeout" in texts(blocks)


def test_the_bound_has_the_same_thousands_as_all_numbers():
    assert f"fewer than {figures.count(1094)} hours" in texts(risk_blocks(next(item for item in trio().recommendations if item.risk and item.risk.bound_per_year == 1094.2)))  # fmt: skip


def drawn_legs(statuses):
    """Two legs between sites where something waits, the fuller one first, with these results; the title of the first chart."""
    base = trio()
    one, other = [leg for leg in base.replications if leg.plain is not None][:2]
    legs = tuple(
        replace(leg, wan=True, plain=replace(leg.plain, share=share, largest_B=1e6))
        for leg, share in ((one, 2.5), (other, 2.0))
    )
    findings = [found("replication", leg.path, "", status, scope=Scope.PATH) for leg, status in zip(legs, statuses, strict=True)]  # fmt: skip
    blocks = list(replication_blocks(replace(with_findings(base, *findings), replications=legs)))
    titles = [block.title for block in blocks if isinstance(block, Chart)]
    assert titles
    return [place for place, leg in enumerate(legs) if figures.direction(leg.source, leg.target) in titles[0]]


def test_the_path_that_failed_is_drawn_before_a_fuller_one_that_only_warns():
    assert drawn_legs((Status.WARN, Status.FAIL)) == [1]
    assert drawn_legs((Status.FAIL, Status.FAIL)) == [0]


@pytest.mark.parametrize(("disks", "told_of"), [(("sdb",), "to sdb, which holds the"), (("sda", "sdb"), "to sda, sdb, which hold the")])  # fmt: skip
def test_one_disk_holds_and_two_hold(disks, told_of):
    base = trio()
    leg = next(item for item in base.replications if item.writer)
    assert told_of in texts(replication_blocks(replace(base, replications=(replace(leg, disks=disks),))))


def outages(base, *names):
    """The table of outages, with the first pair's paths over these networks out for a time."""
    pair = set(base.joints[0].pair)
    timings = tuple(
        replace(item, outages=(Outage(100.0, 10.0, 3),) if {item.source, item.target} == pair and item.network in names else ())
        for item in base.timings
    )  # fmt: skip
    blocks = network.SECTION.build(replace(base, timings=timings))
    return next(block for block in blocks if isinstance(block, Table) and block.caption.startswith("Outages of chan"))


def test_moments_do_not_wrap_on_the_name_of_the_clock():
    table = outages(both_channels(trio()), "ha", "public")

    assert table.head == ("From (UTC)", "To (UTC)", "Pair", "Channels out, and for how long at most", "Several at once")
    assert not any("UTC" in cell for row in table.rows for cell in row)
    with told_in(time_zone("Europe/Berlin")):
        assert outages(both_channels(trio()), "ha").head[0] == "From (CET)"
    # The clocks are put back on 25 October 2026, at 01:00 UTC.
    with told_in(time_zone("Europe/Berlin")):
        changed = outages(replace(both_channels(trio()), started="2026-10-25T00:58:15Z"), "ha")
    assert changed.head[0] == "From"
    assert changed.rows[0][0].endswith("CEST")
    assert changed.rows[0][1].endswith("CET")


def test_a_pair_with_one_channel_is_not_asked_for_several():
    assert "Several at once" not in outages(trio(), "ha").head


def test_the_method_has_the_timeout_rules_of_planned_products_only():
    first = trio().recommendations[0]

    def rows(*names):
        return dict(method(replace(trio(), recommendations=tuple(replace(first, stack=name) for name in names))))

    assert not [title for title in rows() if title.startswith("Timeout rule")]
    both = rows("neverfail", "genesys-addp", "neverfail")
    assert {"Timeout rule for ADDP", "Timeout rule for Neverfail"} <= set(both)
    other = rows("genesys-addp", "etcd")
    assert "Timeout rule for Neverfail" not in other
    assert "how each candidate is computed" in other["Timeout rules of etcd"]


def test_of_two_limits_of_one_name_each_says_where_it_holds():
    mild = Limit("longest outage", "s", 1.0, None, Sense.AT_MOST, "a test")
    hard = replace(mild, fail=5.0)
    paths = [("sip-a>sip-b/ha", hard), ("sip-b>sip-a/ha", hard), ("sip-a>sip-b/public", mild)]
    findings = [
        found("outages", path, "", Status.PASS, (Evidence("longest outage", 0.0, "s", limit),), Scope.PATH)
        for path, limit in paths
    ]
    tables = [block for block in method_section.SECTION.build(replace(trio(), findings=tuple(findings))) if isinstance(block, Table)]  # fmt: skip
    told = next(row[1] for table in tables for row in table.rows if "Limits: " in row[1])
    assert "longest outage: warn over 1 s, fail over 5 s (elsewhere)" in told
    assert "longest outage: warn over 1 s (on sip-a → sip-b (public))" in told.replace("\N{NO-BREAK SPACE}", " ")
