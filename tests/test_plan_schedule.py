"""What `plan schedule` says is what a run of the plan would send: who, when, how many bytes, through which ports."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

import pytest
from fakes import plan_data
from nodes import haready

from collector import plan_forecast as forecast
from collector import plan_schedule as tests
from collector.errors import Exit
from collector.peers.hello import Identity, Purpose, call, serve
from collector.peers.stamp import probe
from collector.plan import LoadKind, Plan, PlannedTest, Quiet, Topology, parse
from collector.plan_templates import template

DAY_S = 86_400.0
GIGABIT = 1_000_000_000


def plan_of(**more: Any) -> Plan:
    return parse(copy.deepcopy(plan_data()) | more, "p")


def template_plan(topology: Topology) -> Plan:
    return parse(tomllib.loads(template(topology, "c", "p.toml", "p.key")), "p.toml")


def across(**network: Any) -> Plan:
    """Two sites, joined by ch1."""
    data = plan_data() | {"network": {"ch1": network}}
    data["node"][1]["site"] = "dr"
    return parse(data, "p")


def first(plan: Plan) -> PlannedTest:
    """The test that fills the plan's first path."""
    path = next(plan.paths())
    return PlannedTest(path.source, path.target, path.network)


def path_of(plan: Plan, name: str) -> Any:
    return next(path for path in plan.paths() if path.name == name)


# --- which tests, in which order -------------------------------------------------------------------------------------


def test_in_a_round_the_two_directions_of_a_pair_follow_each_other():
    plan = parse(plan_data("10.9.0.1", "10.9.0.2", "10.9.0.3"), "p")

    assert [path.name for path in tests.test_order(plan)] == [
        "a>b/ch1",
        "b>a/ch1",
        "a>c/ch1",
        "c>a/ch1",
        "b>c/ch1",
        "c>b/ch1",
    ]


def test_the_order_holds_exactly_the_paths_that_have_no_reason_not_to_be_tested():
    plan = template_plan(Topology.HA_DR_TRIO)

    ordered = [path.name for path in tests.test_order(plan)]

    assert sorted(ordered) == sorted(path.name for path in plan.paths() if not tests.why_not_tested(plan, path))
    assert {name.partition("/")[2] for name in ordered} == {"ch-ab", "ch-ac", "ch-bc"}


@pytest.mark.parametrize(
    ("network", "more", "why"),
    [
        ({"kind": "public"}, {}, "is no channel; bandwidth = true would allow it"),
        ({"kind": "channel", "bandwidth": False}, {}, "the plan says bandwidth = false"),
        ({"kind": "channel"}, {"bandwidth": {"budget_B": 0}}, "budget_B is 0"),
        ({"kind": "public", "bandwidth": True}, {}, ""),
        ({"kind": "channel"}, {}, ""),
    ],
)
def test_a_path_is_tested_or_there_is_a_reason(network, more, why):
    plan = plan_of(network={"ch1": network}, **more)
    path = next(plan.paths())

    assert why in tests.why_not_tested(plan, path)
    assert bool(tests.why_not_tested(plan, path)) is bool(why)
    assert bool(tests.test_order(plan)) is not bool(why)


def test_between_sites_only_a_line_of_stated_rate_is_tested_and_never_above_it():
    unknown, known = across(), across(rate_bps=20_000_000)

    assert "no rate_bps" in tests.why_not_tested(unknown, next(unknown.paths()))
    assert tests.why_not_tested(known, first(known)) == ""
    assert tests.test_limit_bps(known, first(known)) == 20_000_000


def test_within_a_site_only_the_cap_holds_a_test_back():
    rated, capped = plan_of(network={"ch1": {"rate_bps": GIGABIT}}), plan_of(bandwidth={"cap_bps": 5_000_000})

    assert tests.test_limit_bps(rated, first(rated)) is None
    assert tests.test_limit_bps(capped, first(capped)) == 5_000_000


@pytest.mark.parametrize(("cap", "limit"), [(10_000_000, 10_000_000), (90_000_000, 20_000_000)])
def test_between_sites_the_lower_of_cap_and_rate_holds(cap, limit):
    data = plan_data() | {"network": {"ch1": {"rate_bps": 20_000_000}}, "bandwidth": {"cap_bps": cap}}
    data["node"][1]["site"] = "dr"
    plan = parse(data, "p")

    assert tests.test_limit_bps(plan, first(plan)) == limit


def test_a_test_is_longer_between_sites_unless_the_plan_says_how_long():
    near, far, told = plan_of(), across(rate_bps=GIGABIT), plan_of(bandwidth={"seconds": 7})

    lengths = [tests.test_length_s(plan, first(plan)) for plan in (near, far, told)]

    assert lengths == [2, 30, 7]


# --- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ips", "ip_B"), [(("10.9.0.1", "10.9.0.2"), 20), (("fd00::1", "fd00::2"), 40)])
def test_a_probe_weighs_what_a_real_one_does_with_its_headers(ips, ip_B):  # noqa: N803 - a unit
    payload = probe(b"k" * 32, 1, 1_750_000_000_000_000_000, 1)

    told = forecast.schedule(parse(plan_data(*ips), "p"), 10.0)

    assert {item.packet_B for item in told.probes} == {len(payload) + 8 + ip_B + 14}
    assert {(item.out_B, item.back_B) for item in told.probes} == {(50 * (len(payload) + 8 + ip_B + 14),) * 2}


def test_a_conversation_weighs_no_more_than_forecast():
    plan = plan_of()
    near, far = (Identity(plan, name, name * 32, "0.1.0", b"k" * 64) for name in "ab")
    caller, server = call(near, "b", "ch1", Purpose.PROBE), serve(far, "a", "ch1")
    next(server)
    lines = [next(caller)]
    lines.append(server.send(lines[-1]))
    lines.append(caller.send(lines[-1]))
    server.send(lines[-1])
    lines.append(server.send(b""))

    written = sum(len(line) + 1 for line in lines)

    assert 400 < written <= forecast.HELLO_B - 10 * 54
    assert {item.bytes_B for item in forecast.schedule(plan, 60.0).hellos} == {2 * forecast.HELLO_B}


def test_every_node_pings_every_observer_once_a_second():
    plan = plan_of(
        observer=[
            {"name": "gw", "kind": "gateway", "addr": "10.9.0.9"},
            {"name": "six", "kind": "dns", "addr": "fd00::9"},
        ]
    )

    told = forecast.schedule(plan, 100.0)

    assert [(item.node, item.observer, item.out_B, item.back_B) for item in told.echoes] == [
        ("a", "gw", 100 * (56 + 8 + 20 + 14), 9800),
        ("a", "six", 100 * (56 + 8 + 40 + 14), 11_800),
        ("b", "gw", 9800, 9800),
        ("b", "six", 11_800, 11_800),
    ]


def test_without_a_stated_rate_a_gigabit_is_assumed_and_said():
    plan = plan_of()

    (first, _) = forecast.schedule(plan, DAY_S).tests

    assert (first.rate_bps, first.assumed, first.test_B, first.limit_bps) == (GIGABIT, True, GIGABIT // 8 * 2, None)


@pytest.mark.parametrize(
    ("network", "bandwidth", "rate"),
    [
        ({"rate_bps": 8_000_000}, {}, 8_000_000),
        ({"rate_bps": 8_000_000}, {"cap_bps": 2_000_000}, 2_000_000),
        ({"rate_bps": 8_000_000}, {"cap_bps": 9_000_000}, 8_000_000),
        ({}, {"cap_bps": 2_000_000}, 2_000_000),
    ],
)
def test_a_stated_rate_or_a_cap_is_what_the_forecast_counts_with(network, bandwidth, rate):
    plan = plan_of(network={"ch1": network}, bandwidth=bandwidth)

    (first, _) = forecast.schedule(plan, DAY_S).tests

    assert (first.rate_bps, first.assumed, first.test_B) == (rate, False, rate // 4)


# --- rounds ----------------------------------------------------------------------------------------------------------


def rounds_of(duration_s: float, **bandwidth: Any) -> list[tuple[int, int, int]]:
    plan = plan_of(network={"ch1": {"rate_bps": GIGABIT}}, bandwidth=bandwidth)
    return [(item.fit, item.affordable, item.rounds) for item in forecast.schedule(plan, duration_s).tests]


def test_a_day_has_a_round_every_hour_and_the_default_budget_allows_more():
    assert rounds_of(DAY_S) == [(24, 40, 24)] * 2


def test_the_budget_ends_the_tests_of_a_path_early():
    assert rounds_of(DAY_S, budget_B=1_000_000_000) == [(24, 4, 4)] * 2
    assert rounds_of(DAY_S, budget_B=249_999_999) == [(24, 0, 0)] * 2


def test_a_test_that_would_not_end_within_the_run_is_not_begun():
    # 30 s to the first round, 2 s of test and 1.5 s to close; the second path comes 5 s later. Runs below 300 s begin at 15 s.
    assert [fit for fit, _, _ in rounds_of(18.4)] == [0, 0]
    assert [fit for fit, _, _ in rounds_of(18.6)] == [1, 0]
    assert [fit for fit, _, _ in rounds_of(23.6)] == [1, 1]
    assert [fit for fit, _, _ in rounds_of(3633.6, every_s=3600)] == [2, 1]


@pytest.mark.parametrize(("planned_s", "rounds"), [(900.0, 4), (7200.0, 4), (4 * 3600.0, 4), (DAY_S, 24)])
def test_rounds_are_spread_over_the_whole_run_and_not_only_its_beginning(planned_s, rounds):
    plan = plan_of(network={"ch1": {"rate_bps": GIGABIT}})
    told = forecast.schedule(plan, planned_s)
    assert [item.rounds for item in told.tests] == [rounds] * 2
    last_s = told.rounds.first_s + (rounds - 1) * told.rounds.every_s

    assert last_s > 0.7 * planned_s
    assert told.rounds.every_s >= 10 * told.rounds.round_s, "a short run is not one of tests"


def test_tests_of_many_paths_leave_a_short_run_idle_for_most_of_the_time():
    plan = parse(plan_data(*(f"10.9.0.{number}" for number in range(1, 5))), "p")
    told = forecast.schedule(plan, 600.0)

    assert told.rounds.every_s >= 10 * told.rounds.round_s


def test_a_planned_load_gets_a_test_at_its_rate_and_one_with_udp_in_the_same_round_and_budget():
    plan = plan_of(network={"ch1": {"rate_bps": GIGABIT, "load_bps": 40_000_000}})
    found = forecast.schedule(plan, DAY_S)

    assert [(item.path, item.limit_bps) for item in found.tests] == [
        ("a>b/ch1", None), ("b>a/ch1", None),
        ("a>b/ch1 planned", 40_000_000), ("b>a/ch1 planned", 40_000_000),
        ("a>b/ch1 udp", 40_000_000), ("b>a/ch1 udp", 40_000_000),
    ]  # fmt: skip
    assert [item.test_B for item in found.tests[::2]] == [250_000_000, 10_000_000, 10_000_000]
    assert {item.affordable for item in found.tests} == {plan.bandwidth.budget_B // 270_000_000}
    assert {(item.protocol, item.port) for item in found.openings if item.purpose == "bandwidth tests"} == {
        ("TCP", 8863), ("UDP", 8863),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bandwidth", "network", "kinds"),
    [
        ({}, {}, ["full"]),
        ({"udp_bps": 5_000_000}, {}, ["full", "udp"]),
        ({"udp_bps": 0}, {"load_bps": 10_000_000}, ["full", "planned"]),
    ],
)
def test_a_rate_that_the_plan_does_not_state_is_not_tested(bandwidth, network, kinds):
    plan = plan_of(network={"ch1": network}, bandwidth=bandwidth)

    assert tests.test_kinds(plan, "ch1") == kinds


def test_between_sites_no_kind_of_test_goes_above_the_stated_rate():
    plan = across(rate_bps=20_000_000, load_bps=90_000_000)

    assert {test.kind: tests.test_limit_bps(plan, test) for test in tests.test_order(plan)} == {
        LoadKind.FULL: 20_000_000, LoadKind.PLANNED: 20_000_000, LoadKind.UDP: 20_000_000,
    }  # fmt: skip


def test_the_places_in_a_round_follow_each_other_without_overlap():
    told = forecast.schedule(template_plan(Topology.HA_DR_TRIO), DAY_S)

    ends = [item.at_s + item.length_s for item in told.tests]

    assert all(end < item.at_s for end, item in zip(ends, told.tests[1:], strict=False))
    assert told.rounds.round_s >= ends[-1]


@pytest.mark.parametrize(
    ("hours", "share"),
    [
        ([], 0.0),
        ([Quiet(480, 1080)], 10 / 24),
        ([Quiet(1320, 360)], 8 / 24),
        ([Quiet(0, 720), Quiet(660, 0)], 1.0),
        ([Quiet(0, 60), Quiet(0, 60)], 1 / 24),
    ],
)
def test_quiet_hours_that_overlap_count_once(hours, share):
    assert forecast.quiet_share(hours) == pytest.approx(share)


# --- totals and firewalls --------------------------------------------------------------------------------------------


def test_between_nodes_as_much_is_received_as_is_sent():
    told = forecast.schedule(template_plan(Topology.HA_DR_TRIO), DAY_S)

    assert sum(item.tests_sent_B for item in told.totals) == sum(item.tests_received_B for item in told.totals)
    assert sum(item.tests_sent_B for item in told.totals) == sum(item.run_B for item in told.tests)
    probes = sum(item.out_B + item.back_B for item in told.probes)
    hellos, echoes = sum(item.bytes_B for item in told.hellos), sum(item.out_B for item in told.echoes)
    tcp = sum(item.out_B + item.back_B for item in told.tcp_echoes)
    assert tcp > 0
    assert sum(item.sent_B for item in told.totals) == probes + hellos + tcp + echoes
    assert all(item.sent_B == item.received_B for item in told.totals)


def test_a_node_lets_in_what_its_peers_send_and_nothing_else():
    plan = plan_of(
        network={"ch1": {}, "lan": {"kind": "public"}},
        node=[
            {"name": "a", "addr": {"ch1": "10.9.0.1/24", "lan": "10.8.0.1/24"}},
            {"name": "b", "addr": {"ch1": "10.9.0.2/24", "lan": "10.8.0.2/24"}},
        ],
        observer=[{"name": "gw", "kind": "gateway", "addr": "10.8.0.9"}],
    )

    told = forecast.of_node(forecast.schedule(plan, 60.0), "a")

    assert [(item.protocol, item.port, str(item.source), str(item.target)) for item in told.openings] == [
        ("UDP", 8862, "10.9.0.2", "10.9.0.1"),
        ("TCP", 8862, "10.9.0.2", "10.9.0.1"),
        ("TCP", 8863, "10.9.0.2", "10.9.0.1"),
        ("UDP", 8862, "10.8.0.2", "10.8.0.1"),
        ("TCP", 8862, "10.8.0.2", "10.8.0.1"),
        ("ICMP", None, "10.8.0.9", "None"),
    ]


def test_a_node_lets_in_whom_the_plan_invites():
    data = plan_data("10.9.0.1", "10.9.0.2") | {"security": {"open_to": ["192.0.2.7", "198.51.100.0/28"]}}

    told = forecast.schedule(parse(data, "p"), 60.0)

    assert [
        (item.node, item.protocol, item.port, str(item.source)) for item in told.openings if "open_to" in item.purpose
    ] == [(node, "UDP", 8862, source) for node in "ab" for source in ("192.0.2.7", "198.51.100.0/28")]


def test_ports_of_products_and_networks_without_probes_are_openings_too():
    plan = plan_of(
        network={"ch1": {}, "mg": {"kind": "management", "probe": False}},
        node=[
            {"name": "a", "addr": {"ch1": "10.9.0.1/24", "mg": "10.8.0.1/24"}},
            {"name": "b", "addr": {"ch1": "10.9.0.2/24", "mg": "10.8.0.2/24"}},
        ],
        stack=[{"name": "neverfail", "networks": ["ch1"], "ports": ["tcp/57348", "ip/112"]}],
    )

    told = forecast.of_node(forecast.schedule(plan, 60.0), "a")

    assert [(item.protocol, item.port, str(item.source), str(item.target)) for item in told.openings[3:]] == [
        ("TCP", 57348, "10.9.0.2", "10.9.0.1"),
        ("IP 112", None, "10.9.0.2", "10.9.0.1"),
        ("TCP", 8862, "10.8.0.2", "10.8.0.1"),
    ]


def test_the_part_of_a_node_is_what_it_sends_or_answers():
    whole = forecast.schedule(parse(plan_data("10.9.0.1", "10.9.0.2", "10.9.0.3"), "p"), DAY_S)

    part = forecast.of_node(whole, "b")

    assert {item.path for item in part.probes} == {"a>b/ch1", "b>a/ch1", "b>c/ch1", "c>b/ch1"}
    assert [item.at_s for item in part.tests] == [item.at_s for item in whole.tests if "b" in item.path]
    assert [item.node for item in part.totals] == ["b"]
    assert {item.node for item in part.openings} == {"b"}


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def trio(tmp_path):
    haready("plan", "init", "ha-dr-trio", cwd=tmp_path)
    return tmp_path


def test_the_command_shows_every_part_and_needs_no_key(trio):
    (trio / "plan.key").unlink()

    done = haready("plan", "schedule", "plan.toml", cwd=trio)

    assert (done.returncode, done.stderr) == (Exit.DONE, "")
    heads = [line.partition(":")[0].split(" of ")[0] for line in done.stdout.splitlines() if line[:2].isupper()]
    assert heads == ["TOTALS", "PORTS to open between the nodes, both ways (by address", *heads[2:]]
    assert heads[2:] == ["PROBES", "HELLO", "TCP ECHO", "PINGS", "BANDWIDTH TESTS", "FIREWALLS"]
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert len(done.stdout.splitlines()) <= 100
    text = " ".join(done.stdout.split())
    assert (
        "UDP and TCP 8862 on public, ch-ab, ch-ac, ch-bc TCP 8862 on management, where addresses are tried and nothing is probed TCP 8863 on ch-ab, ch-ac, ch-bc TCP 57348 on ch-ab, ch-ac, ch-bc, which neverfail needs ICMP echo to scs,"
        in text
    )
    assert "Tests fill the WAN line 30 s each, 24 times each way in this run, whatever the hour, also at noon" in text
    assert "budget" not in text, "it is not reached"
    probed = forecast.schedule(template_plan(Topology.HA_DR_TRIO), DAY_S).probes
    assert "secondary tertiary ch-bc 10.16.10.102 10.16.10.103 0 194 B 167.6 MB" in text
    assert 2 * probed[0].out_B == pytest.approx(167.6e6, rel=1e-3)
    assert "from 10.16.8.101 to 10.16.8.103 UDP 8862, TCP 8862, TCP 8863, TCP 57348" in text
    assert "Not tested, because network 'public' is no channel" in done.stdout
    assert "held to" in done.stdout
    assert "100 Mbit/s" in done.stdout


def test_of_one_node_nothing_between_the_others_is_shown(trio):
    done = haready("plan", "schedule", "plan.toml", "--node", "tertiary", "--duration", "15m", cwd=trio)

    assert done.returncode == Exit.DONE
    assert "00:15:00" in done.stdout
    assert "primary>tertiary/ch-ac" in done.stdout
    assert "primary>secondary/" not in done.stdout
    assert "on primary" not in done.stdout


def test_as_data_it_is_the_same_schedule(trio):
    done = haready("plan", "schedule", "plan.toml", "--json", "--node", "primary", "--duration", "2h", cwd=trio)

    told = json.loads(done.stdout)

    plan = template_plan(Topology.HA_DR_TRIO)
    expected = forecast.of_node(forecast.schedule(plan, 7200.0), "primary")
    assert (told["cluster"], told["node"], told["duration_s"]) == ("my-cluster", "primary", 7200.0)
    assert [item["run_B"] for item in told["tests"]] == [item.run_B for item in expected.tests]
    assert [item["source"] for item in told["probes"]] == [str(item.source) for item in expected.probes]
    assert told["totals"][0]["sent_B"] == expected.totals[0].sent_B
    assert len(told["openings"]) == len(expected.openings)


def test_an_assumed_rate_and_quiet_hours_are_said(trio):
    path = trio / "plan.toml"
    text = path.read_text().replace("rate_bps = 1_000_000_000\n", "").replace("quiet = []", 'quiet = ["08:00-18:00"]')
    path.write_text(text)

    done = haready("plan", "schedule", "plan.toml", cwd=trio)

    assert "250.0 MB*" in done.stdout
    assert "* assumed 1 Gbit/s" in done.stdout
    assert "08:00-18:00 UTC, 42% of a day" in done.stdout
    assert "at noon" not in done.stdout


def test_a_budget_that_is_reached_names_the_paths(trio):
    path = trio / "plan.toml"
    path.write_text(path.read_text().replace("budget_B = 10_000_000_000", "budget_B = 6_500_000_000"))

    text = " ".join(haready("plan", "schedule", "plan.toml", cwd=trio).stdout.split())

    ended = "primary>tertiary/ch-ac, tertiary>primary/ch-ac, secondary>tertiary/ch-bc, tertiary>secondary/ch-bc"
    assert f"The budget of 6.5 GB a path and direction ends the tests of {ended} early." in text
    assert "17 of 24 (budget)" in text


def test_a_wrong_node_or_plan_is_two_lines(trio):
    for arguments, error, hint in (
        (("plan.toml", "--node", "z"), "no node 'z'", "nodes: primary, secondary, tertiary"),
        (("no.toml",), "no.toml: No such file", "plan init"),
    ):
        done = haready("plan", "schedule", *arguments, cwd=trio)
        lines = done.stderr.splitlines()
        assert done.returncode == Exit.USAGE
        assert [line.partition(": ")[0] for line in lines] == ["error", "hint"]
        assert error in lines[0]
        assert hint in lines[1]


@pytest.mark.parametrize("topology", list(Topology))
def test_every_template_can_be_forecast(tmp_path, topology):
    haready("plan", "init", topology, cwd=tmp_path)

    done = haready("plan", "schedule", "plan.toml", "--duration", "1s", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (Exit.DONE, "")
    assert "(run too short)" in done.stdout
