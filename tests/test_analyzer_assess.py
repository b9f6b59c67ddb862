"""From archives to the verdict: what belongs together, what is damaged, what the answer is."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest
from synthetic import Link, Machine, Site, plan_data, write

import haready
from analyzer.assess import assess
from analyzer.commands import COMMANDS, assess_archives
from analyzer.contract import SCHEMA, Area, Assessment, Basis, Status, Verdict
from analyzer.frames import read
from collector.errors import EXTRA_HINT, ArchiveError, Exit, OperatorError

LENGTH_S = 1000.0
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def busy(share=0.1):
    return lambda t: np.full(len(t), share)


def machine(**changes):
    return Machine(**({"busy": busy(), "memory": True, "disk": True, "host": True} | changes))


def healthy(**changes):
    """Two sound machines and two networks that share nothing."""
    sound = {"length_s": LENGTH_S, "plan": plan_data(networks=("ch1", "ch2"))}
    return Site(**(sound | {"machines": {name: machine() for name in "ab"}} | changes))


def verdict(site, folder):
    return assess(list(write(site, folder).values()), CREATED)


def test_a_sound_site_is_suitable(tmp_path):
    found = verdict(healthy(), tmp_path)
    assert found.verdict is Verdict.SUITABLE, found.reasons
    assert found.score.overall == 100
    assert len(found.reasons) == 3
    assert (found.created, found.origin, found.cluster) == ("2026-01-02T03:04:05Z", "synthetic", "test")
    assert found.duration_s == pytest.approx(LENGTH_S)
    assert {trace.id for trace in found.traces} >= {
        *(f"rtt:{way}/{net}" for way in ("a>b", "b>a") for net in ("ch1", "ch2")),
        *(f"{kind}:{node}" for kind in ("cpu", "stall", "memory", "disk") for node in "ab"),
    }
    assert {curve.id for curve in found.curves} == {
        f"rtt-cdf:{way}/{net}" for way in ("a>b", "b>a") for net in ("ch1", "ch2")
    }
    assert all(len(trace.mid) <= 480 for trace in found.traces)
    memory = next(trace for trace in found.traces if trace.id == "memory:a")
    assert set(memory.mid) == {0.5}
    disk = next(trace for trace in found.traces if trace.id == "disk:b")
    assert max(value for value in disk.high if value is not None) == pytest.approx(0.4)
    assert {item.what.split()[0] for item in found.untested} >= {"Domain", "Packet", "Bandwidth"}


def test_the_assessment_survives_its_json(tmp_path):
    found = verdict(healthy(links={"a>b/ch1": Link(lost_forward=range(500, 520))}), tmp_path)
    assert Assessment.from_json(found.to_json()) == found


@pytest.mark.parametrize(("schema", "by", "hint"), [(SCHEMA - 1, "older", "analyze"), (SCHEMA + 1, "newer", "install")])
def test_an_assessment_of_another_schema_is_refused_by_name_and_not_as_damaged(schema, by, hint, tmp_path):
    data = json.loads(verdict(healthy(), tmp_path).to_json())
    del data["untested"]
    with pytest.raises(ArchiveError, match=f"written by an? {by} haready .schema {schema};") as caught:
        Assessment.from_json(json.dumps(data | {"schema": schema}))
    assert hint in caught.value.hint
    with pytest.raises(ArchiveError, match="damaged"):
        Assessment.from_json(json.dumps(data))


def test_the_same_archives_give_the_same_assessment(tmp_path):
    paths = write(healthy(), tmp_path)
    one = assess([paths["a"], paths["b"]], CREATED)
    assert assess([paths["b"], paths["a"]], CREATED).to_json() == one.to_json()


def test_a_lossy_path_is_unsuitable(tmp_path):
    found = verdict(healthy(links={"a>b/ch1": Link(lost_forward=range(0, 4990, 40))}), tmp_path)
    assert found.verdict is Verdict.UNSUITABLE
    assert "a>b/ch1 lost 125 of 4995" in found.reasons[0]
    assert "cabling" in found.fixes[0]


def test_a_warning_makes_it_conditional(tmp_path):
    found = verdict(healthy(machines={"a": machine(busy=busy(0.6)), "b": machine()}), tmp_path)
    assert found.verdict is Verdict.CONDITIONAL
    assert len(found.reasons) == 1
    assert found.reasons[0].startswith("Node a: the busiest 5 % of all minutes had 60 % CPU busy or more")


def test_a_missing_archive_is_at_best_inconclusive(tmp_path):
    found = verdict(healthy(omit=["b"]), tmp_path)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "No archive of node b" in found.reasons[0]
    assert [node.name for node in found.planned] == ["a", "b"]
    assert [node.name for node in found.nodes] == ["a"]
    (advice,) = found.recommendations
    assert "b>a/ch1" in " ".join(advice.notes)


def test_less_than_fifteen_minutes_are_inconclusive(tmp_path):
    found = verdict(healthy(length_s=850.0), tmp_path)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "15 min" in found.reasons[0]


def test_a_planned_path_that_was_never_measured_is_inconclusive_and_says_why(tmp_path):
    paths_state = [
        {
            "probe": "path a>b/ch2",
            "intervals": [{"state": "error", "reason": "connection refused", "from_us": 0, "to_us": 9}],
            "ticks": 0,
            "missed": 0,
            "seconds": 0.0,
            "traceback": "",
        }
    ]
    site = healthy(
        plan=plan_data(networks=("ch1", "ch2")),
        links={name: Link(stop_s=1.0) for name in ("a>b/ch2", "b>a/ch2")},
    )
    site.machines["a"] = machine(outcomes=paths_state)
    found = verdict(site, tmp_path)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "Never measured: a>b/ch2, b>a/ch2" in found.reasons[0]
    skipped = [item for item in found.findings if item.subject.name == "a>b/ch2"]
    assert {item.status for item in skipped} == {Status.SKIPPED}
    assert "connection refused" in skipped[0].message
    assert "(connection refused)" in found.reasons[0]
    assert found.fixes[0].startswith("Mend what the collector says")


@pytest.mark.parametrize("told", [1.0, True, 1e-300, 0])
def test_a_manifest_that_tells_of_a_short_run_hides_no_loss(tmp_path, told):
    paths = write(healthy(links={"a>b/ch1": Link(lost_forward=range(0, 4990, 40))}), tmp_path)
    with zipfile.ZipFile(paths["b"]) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["manifest.json"] = json.dumps(json.loads(content["manifest.json"]) | {"duration_s": told}).encode()
    with zipfile.ZipFile(paths["b"], "w") as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    found = assess(list(paths.values()))
    assert found.verdict is Verdict.UNSUITABLE
    assert "a>b/ch1 lost 125 of" in found.reasons[0]
    assert next(node for node in found.nodes if node.name == "b").damage


PATHS = [f"{way}/{net}" for way in ("a>b", "b>a") for net in ("ch1", "ch2")]


@pytest.mark.parametrize(
    ("link", "blind_s"),
    [
        (Link(stop_s=2050.0), 450),
        (Link(skipped=range(5000, 6200)), 240),
        (Link(skipped=range(5000, 5290)), 58),
        (Link(lost_forward=range(5000, 6200)), 1),
    ],
    ids=["ended early", "skipped", "skipped for less than a minute", "lost"],
)
def test_a_long_stretch_that_nobody_watched_is_a_warning_however_small_its_share(tmp_path, link, blind_s):
    found = verdict(healthy(length_s=2500.0, links=dict.fromkeys(PATHS, link)), tmp_path)
    assert {round(item.longest_blind_s) for item in found.timings} == {blind_s}
    told = [item for item in found.findings if item.rule == "path-coverage"]
    assert {item.status for item in told} == {Status.WARN if blind_s > 60 else Status.PASS}
    assert all("in a row nothing says what it did" in item.message for item in told) is (blind_s > 60)
    assert found.verdict is not (Verdict.SUITABLE if blind_s > 60 else None)


def test_time_before_the_peer_started_and_after_it_ended_is_nobodys_blindness(tmp_path):
    site = healthy(length_s=2000.0, machines={"a": machine(), "b": machine(start_s=200.0, stop_s=1800.0)})
    found = verdict(site, tmp_path)
    assert all(item.longest_blind_s < 5 for item in found.timings), [item.longest_blind_s for item in found.timings]


def test_a_wan_whose_answers_take_seconds_now_and_then_is_unsuitable(tmp_path):
    def forward(slot):
        return np.where(slot % 50 == 0, 4.0, 0.01)

    def back(slot):
        return np.full(len(slot), 0.01)

    plan = plan_data(networks=("ch1", "ch2"), sites={"b": "dr"})
    found = verdict(healthy(plan=plan, links=dict.fromkeys(PATHS, Link(forward, back))), tmp_path)
    assert found.verdict is Verdict.UNSUITABLE
    assert {item.status for item in found.findings if item.rule == "delay"} == {Status.PASS}
    assert {item.status for item in found.findings if item.rule == "jitter"} == {Status.FAIL}


def test_one_slow_answer_of_a_lan_is_no_jitter(tmp_path):
    link = Link(lambda slot: np.where(slot == 2500, 0.5, 0.0002))
    found = verdict(healthy(links=dict.fromkeys(PATHS, link)), tmp_path)
    assert {item.status for item in found.findings if item.rule == "jitter"} == {Status.PASS}


def test_five_stamped_replies_do_not_stand_for_five_thousand(tmp_path, monkeypatch):
    import synthetic

    whole = synthetic._path

    def few_stamps(site, path, link, rows):
        whole(site, path, link, rows)
        for table, labels, _, values in rows[path.source]:
            if table == "reply" and labels == (path.name,):
                values[5:, 8] = 0

    monkeypatch.setattr(synthetic, "_path", few_stamps)
    link = Link(lambda slot: np.where(slot < 10, 0.0002, 0.06))
    found = verdict(healthy(links=dict.fromkeys(PATHS, link)), tmp_path)
    assert {item.status for item in found.findings if item.rule == "delay"} == {Status.SKIPPED}
    assert found.verdict is Verdict.CONDITIONAL


def unprobed(*bound):
    plan = plan_data(networks=("ch1", "ch2"))
    plan["network"]["ch2"] = {"probe": False}
    plan["stack"] = [
        {"name": name, "networks": list(bound), "auto_failover": [["a", "b"]]} for name in ("genesys-addp", "neverfail")
    ]
    return plan


def test_settings_for_a_network_that_was_never_probed_are_not_suitable(tmp_path):
    found = verdict(healthy(plan=unprobed("ch2")), tmp_path)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reasons[0] == (
        "genesys-addp is to fail over between a and b on ch2, and the plan probes none of that."
    )
    assert "probe = true under [network.ch2]" in found.fixes[0]
    told = {item.rule: item for item in found.findings if item.area is Area.SETTINGS}
    assert {item.status for item in told.values()} == {Status.SKIPPED}
    assert set(told) == {"genesys-addp", "neverfail"}
    assert "nothing was measured on ch2, where neverfail is to run" in told["neverfail"].message


def test_one_unprobed_network_of_two_keeps_settings_from_being_suitable(tmp_path):
    found = verdict(healthy(plan=unprobed("ch1", "ch2")), tmp_path)
    assert found.verdict is Verdict.CONDITIONAL
    assert {item.rule for item in found.findings if item.status is Status.SKIPPED} == {
        "genesys-addp",
        "neverfail",
        "ports",
        "redundancy",
        "replication",
    }


def outcome(probe, *states):
    intervals = [
        {"state": state, "reason": reason, "from_us": from_us, "to_us": to_us}
        for state, reason, from_us, to_us in states
    ]
    return {"probe": probe, "intervals": intervals, "ticks": 9, "missed": 1, "seconds": 0.5, "traceback": ""}


def test_tables_that_end_early_pass_nothing(tmp_path):
    tables = ("ticker", "cpu", "memory", "disk", "load", "paging", "filesystem", "commit", "nic", "link", "observer")
    tables += ("handles", "backlog", "cost")
    observer = [{"name": "gw", "kind": "gateway", "addr": "10.0.0.254"}]
    ended = machine(
        until=dict.fromkeys(tables, 1000.0),
        outcomes=[outcome("memory", ("ok", "", 0, 10**9), ("skipped", "no such file", 10**9, 4 * 10**9))],
        observers={"gw": lambda t: np.full(len(t), 0.001)},
    )
    whole = machine(observers={"gw": lambda t: np.full(len(t), 0.001)})
    plan = plan_data(networks=("ch1", "ch2"), observer=observer)
    found = verdict(healthy(length_s=4000.0, plan=plan, machines={"a": ended, "b": whole}), tmp_path)
    assert found.verdict is Verdict.CONDITIONAL
    thin = {item.rule: item for item in found.findings if item.status is Status.SKIPPED}
    assert set(thin) == {
        "stalls", "cpu-busy", "steal", "run-queue", "memory", "swap", "disk-latency", "commit-latency", "free-space",
        "nic-errors", "link-state", "observers", "cpu-cores", "cpu-kernel", "cpu-sustained", "disk-busy", "nic-load",
        "space-forecast", "commit-charge", "disk-queue", "commit-rate", "handles", "backlog", "collector-cost",
    }  # fmt: skip
    assert all(item.subject.name.startswith("a") for item in thin.values())
    assert "16 min of 66 min only (25 %); memory was skipped (no such file)" in thin["memory"].message
    (gave_up,) = (item for item in found.findings if item.rule == "node-coverage" and item.status is Status.WARN)
    assert "worked and then could not any more: memory (no such file)" in gave_up.message


def test_damage_proves_nothing_and_the_rest_is_used(tmp_path):
    paths = write(healthy(length_s=3000.0), tmp_path)
    data = bytearray(paths["b"].read_bytes())
    at = data.index(b"segments/000003.jsonl.gz") + 60
    data[at] ^= 0xFF
    paths["b"].write_bytes(data)
    found = assess(list(paths.values()))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert {item.basis for item in found.recommendations} <= {Basis.FLOOR, Basis.PROVISIONAL}
    node = next(item for item in found.nodes if item.name == "b")
    assert any("000003" in text for text in node.damage)
    assert node.gaps_s == pytest.approx(600.0)
    assert found.reasons[0].startswith("Of the record of b 10 min cannot be read")


def test_a_truncated_archive_is_read_as_far_as_it_goes(tmp_path):
    paths = write(healthy(length_s=3000.0), tmp_path)
    data = paths["b"].read_bytes()
    paths["b"].write_bytes(data[: int(len(data) * 0.6)])
    found = assess(list(paths.values()))
    assert found.verdict in (Verdict.CONDITIONAL, Verdict.INCONCLUSIVE)
    node = next(item for item in found.nodes if item.name == "b")
    assert not node.sealed
    assert node.damage
    assert dict(node.inventory)["Host name"] == "b"  # from a segment: there is no manifest


def test_a_run_that_was_cut_off_is_conditional(tmp_path):
    site = healthy(machines={"a": machine(), "b": machine(sealed=False)})
    paths = write(site, tmp_path)
    found = assess(list(paths.values()))
    assert found.verdict is Verdict.CONDITIONAL
    assert any("not closed in order" in reason for reason in found.reasons)


def test_an_override_is_listed_and_conditional(tmp_path):
    plan = plan_data()
    plan["stack"][0]["override"] = {"floor_s": 8, "reason": "J. Doe, 2026-01-01"}
    found = verdict(healthy(plan=plan | {"scenario": {"off": ["rstp"]}}), tmp_path)
    assert found.verdict is Verdict.CONDITIONAL
    assert len(found.overrides) == 1
    assert "J. Doe" in found.overrides[0]
    assert found.recommendations[0].settings[1].value == 8


def test_a_trio_gets_settings_for_its_pair_and_none_for_its_dr_legs(tmp_path):
    plan = plan_data(("a", "b", "c"), sites={"c": "dr"})
    site = healthy(plan=plan, machines={name: machine() for name in "abc"})
    found = verdict(site, tmp_path)
    assert [(item.subject.name, bool(item.settings)) for item in found.recommendations] == [
        ("a+b", True),
        ("a+c", False),
        ("b+c", False),
    ]
    assert [joint.pair for joint in found.joints] == [("a", "b"), ("a", "c"), ("b", "c")]


def test_the_same_node_twice_is_refused(tmp_path):
    one, other = write(healthy(), tmp_path / "1"), write(healthy(), tmp_path / "2")
    with pytest.raises(OperatorError, match="both of node 'a'"):
        assess([one["a"], other["a"], one["b"]])


def test_archives_of_different_plans_are_refused_by_name(tmp_path):
    one = write(healthy(), tmp_path / "1")
    other = write(healthy(period_s=0.1), tmp_path / "2")
    with pytest.raises(OperatorError, match="different plans") as caught:
        assess([one["a"], other["b"]])
    assert str(one["a"]) in str(caught.value)
    assert str(other["b"]) in str(caught.value)


def test_archives_of_different_days_are_refused(tmp_path):
    one = write(healthy(), tmp_path / "1")
    strangers = {"a": machine(session="x", wall_offset_s=86400.0), "b": machine(session="y", wall_offset_s=86400.0)}
    other = write(healthy(machines=strangers), tmp_path / "2")
    with pytest.raises(OperatorError, match="different runs"):
        assess([one["a"], other["b"]])


def test_archives_that_overlap_but_never_met_answer_nothing(tmp_path):
    one = write(healthy(), tmp_path / "1")
    other = write(healthy(machines={"a": machine(session="x"), "b": machine(session="y")}), tmp_path / "2")
    found = assess([one["a"], other["b"]])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "never met" in found.reasons[0]
    assert [item.status for item in found.findings if item.rule == "met"] == [Status.WARN]


def test_a_stranger_to_one_of_three_is_a_warning_whatever_its_time(tmp_path):
    plan = plan_data(("a", "b", "c"))
    one = write(healthy(plan=plan, machines={name: machine() for name in "abc"}), tmp_path / "1")
    later = {name: machine(session=f"later-{name}", wall_offset_s=86400.0) for name in "abc"}
    other = write(healthy(plan=plan, machines=later), tmp_path / "2")
    found = assess([one["a"], one["b"], other["c"]])
    warned = {item.subject.name for item in found.findings if item.rule == "met" and item.status is Status.WARN}
    assert warned == {"a+c", "b+c"}
    assert found.verdict is Verdict.INCONCLUSIVE


def test_no_archives_and_no_archive_are_refused(tmp_path):
    with pytest.raises(OperatorError, match="no archives"):
        assess([])
    (tmp_path / "x.zip").write_bytes(b"nothing")
    with pytest.raises(ArchiveError):
        assess([tmp_path / "x.zip"])


def test_a_probe_shows_its_worst_state_and_a_path_its_usual_one(tmp_path):
    told = [
        outcome("disk", ("ok", "", 0, 900), ("error", "boom", 900, 901), ("ok", "", 901, 1000)),
        outcome(
            "path a>b/ch1", ("skipped", "no peer yet", 0, 5), ("ok", "", 5, 990), ("skipped", "goodbye", 990, 1000)
        ),
        outcome("psi"),
        {"probe": "broken"},
    ]
    found = verdict(healthy(machines={"a": machine(outcomes=told), "b": machine()}), tmp_path)
    fared = {item.probe: (item.state, item.reason) for item in found.nodes[0].outcomes}
    assert fared == {"disk": ("error", "boom"), "path a>b/ch1": ("ok", ""), "psi": ("skipped", "never ran")}
    assert found.verdict is Verdict.CONDITIONAL
    assert "disk (boom)" in found.reasons[0]


def test_a_column_that_is_no_numbers_is_damage_and_not_a_crash(tmp_path):
    from collector.archive.format import Segment

    paths = write(healthy(), tmp_path)
    original = Segment.decode.__func__

    def poisoned(cls, data):
        segment = original(cls, data)
        for block in segment.blocks:
            if block.table == "seen" or (block.table == "cpu" and segment.seq == 1):
                block.lines[1] = b"[" + b",".join([b"1e3"] * block.rows) + b"]"
            if block.table == "sent" and segment.seq == 2:
                block.lines[block.columns.index("slot")] = b"[99999999999" + b",1" * (block.rows - 1) + b"]"
        return segment

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Segment, "decode", classmethod(poisoned))
        node = read(paths["a"])
    assert any("table seen: first" in text or "table seen" in text for text in node.damage)
    assert any("slot is out of bounds" in text for text in node.damage)
    assert node.seen == {}
    assert node.spans == ()
    assert "cpu" in node.tables


def test_a_null_is_no_zero(tmp_path):
    node = read(write(healthy(links={"a>b/ch1": Link(tx_us=None)}), tmp_path)["a"])
    tx = node.sent["a>b/ch1"].arrays["tx_us"]
    assert (tx == np.iinfo(tx.dtype).min).all()


def test_the_command_writes_prints_and_answers_by_exit_code(tmp_path, capsys):
    paths = write(healthy(), tmp_path)
    output = tmp_path / "out.json"
    assert COMMANDS["analyze"]([str(paths["a"]), str(paths["b"]), "-o", str(output)]) == Exit.DONE
    printed = capsys.readouterr().out
    assert "verdict: suitable" in printed
    assert str(output) in printed
    assert "\nsettings to enter:\n" in printed
    assert re.search(r"^    addp-timeout = \d+ s$", printed, re.MULTILINE)
    assert json.loads(output.read_text())["verdict"] == "suitable"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.zip", "b.zip", "out.json"]
    assert COMMANDS["analyze"]([str(paths["a"]), "-o", str(output), "--force"]) == Exit.CONDITIONAL
    assert "\nprovisional settings, do not enter them yet:\n" in capsys.readouterr().out
    lossy = write(healthy(links={"a>b/ch1": Link(lost_back=range(0, 4990, 40))}), tmp_path / "lossy")
    assert COMMANDS["analyze"]([*map(str, lossy.values()), "-o", str(output), "--force"]) == Exit.UNSUITABLE


def test_a_place_that_cannot_be_written_is_said_in_words(tmp_path):
    paths = write(healthy(length_s=60.0), tmp_path)
    with pytest.raises(OperatorError, match="there is no folder"):
        COMMANDS["analyze"]([str(paths["a"]), "-o", str(tmp_path / "none" / "x.json")])


def test_without_pandas_the_operator_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(OperatorError, match="numpy and pandas") as caught:
        assess_archives([tmp_path / "a.zip"])
    assert "missing here: pandas" in str(caught.value)
    assert caught.value.hint == EXTRA_HINT


def test_an_assessment_goes_to_standard_output_where_it_is_asked_to(tmp_path, monkeypatch, capsys):
    paths = write(healthy(length_s=60.0), tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())

    COMMANDS["analyze"]([*map(str, paths.values()), "-o", "-"])

    told = capsys.readouterr()
    assert Assessment.from_json(told.out).cluster == "test"
    assert told.err.splitlines()[1].startswith("verdict: ")
    assert sorted(tmp_path.iterdir()) == before, "no file is called -"


@pytest.mark.parametrize("arguments", [["report", "x.json", "-o", "-"], ["assess", "x.zip", "-o", "-"]])
def test_a_report_is_not_written_to_a_file_called_dash(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert haready.main(arguments) == Exit.USAGE
    assert "not to standard output" in capsys.readouterr().err
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("arguments", [["stacks"], ["stacks", "neverfail"], ["stacks", "corosync"], ["rules", "veto"]])
def test_pages_are_printed_without_the_marks_of_their_markup(capsys, arguments):
    assert haready.main(["list", *arguments]) == Exit.DONE
    told = capsys.readouterr().out
    assert told
    assert "`" not in told
    assert "**" not in told


def test_removing_clean_time_never_shortens_the_timeout(tmp_path):
    # The bad minute (slow answers, an outage) lies in the first 16 minutes; the rest of the run is clean.
    def forward(slot):
        return np.where((slot > 1000) & (slot < 1060), 7.0, 0.0005)

    found = []
    for length_s in (961.0, 3000.0):
        link = Link(forward, lost_forward=range(2000, 2040))
        advice = verdict(healthy(length_s=length_s, links={"a>b/ch1": link}), tmp_path / str(length_s))
        found.append(advice.recommendations[0].settings[1].value)
    short, long = found
    assert short >= long >= 16


def test_probes_to_a_peer_that_did_not_run_are_no_exposure(tmp_path):
    site = healthy(machines={"a": machine(), "b": machine(stop_s=600.0)})
    found = verdict(site, tmp_path)
    path = next(item for item in found.timings if item.path == "a>b/ch1")
    assert path.hours * 3600 > 900
    assert found.verdict is Verdict.INCONCLUSIVE
    assert str(found.recommendations[0].basis) == "vendor floor"


def test_a_table_without_times_is_no_record_and_no_crash(tmp_path, monkeypatch):
    from analyzer import assess as module

    def odd(path):
        node = read(path)
        for table in list(node.tables):
            node.tables[table] = node.tables[table].drop(columns="t_us")
        return node

    paths = write(healthy(), tmp_path)
    monkeypatch.setattr(module, "read", odd)
    found = assess(list(paths.values()))
    stalls = [item for item in found.findings if item.rule == "stalls"]
    assert [item.status for item in stalls] == [Status.SKIPPED] * 2
    assert not [item for item in found.findings if item.status is Status.ERROR]


def test_bandwidth_tests_of_a_sound_site_leave_it_suitable_and_long_enough(tmp_path):
    """Fifteen minutes, of which more than one is under test: the tests belong to the run."""
    from synthetic import Test

    plan = plan_data(networks=("ch1", "ch2"), bandwidth={"budget_B": 10**10})
    tests = {
        f"{way}/{net}": Link(tests=[Test(100.0 * (number + 1), 941e6, 15.0)])
        for number, (way, net) in enumerate((way, net) for way in ("a>b", "b>a") for net in ("ch1", "ch2"))
    }
    found = verdict(healthy(length_s=900.0, plan=plan, links=tests), tmp_path)
    assert found.verdict is Verdict.SUITABLE, found.reasons
    assert min(item.hours for item in found.timings) * 3600 < 855
    assert {item.status for item in found.findings if item.rule == "bandwidth"} == {Status.PASS}
