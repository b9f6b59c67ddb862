"""What the operator may change: limits by profile, findings by waiver. Both are seen wherever they matter, and neither makes a pass."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from nodes import haready
from report_fixtures import trio
from synthetic import Link, Machine, Site, plan_data, write

from analyzer import limits, waivers
from analyzer.assess import assess
from analyzer.commands import COMMANDS, verdict_exit
from analyzer.contract import (
    Area,
    Assessment,
    Change,
    Evidence,
    Finding,
    Limit,
    LimitChange,
    Scope,
    Sense,
    Status,
    Subject,
    Verdict,
    Waiver,
    WaiverState,
    WaiverUse,
)
from analyzer.extension import Tolerance
from analyzer.rulebook import rulebook, rules
from analyzer.tolerance import borne
from collector.errors import Exit, OperatorError
from reports.build import build
from reports.findings import finding_table
from reports.sections import method, verdict

ROOT = Path(__file__).parent.parent
CREATED = datetime(2026, 6, 1, tzinfo=UTC)
RULES = rules()
MEDIAN = "wire, median, on one site"
SLOW = Link(forward_s=lambda slot: np.full(len(slot), 0.003), back_s=lambda slot: np.full(len(slot), 0.003))
"""6 ms there and back: beyond the 5 ms of one site."""


def site(**links):
    sound = {"busy": lambda t: np.full(len(t), 0.1), "memory": True, "disk": True, "host": True}
    return Site(
        length_s=1000.0,
        plan=plan_data(networks=("ch1", "ch2")),
        machines={name: Machine(**sound) for name in "ab"},
        links=links,
    )


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """Archives of a sound site of which one path takes 6 ms."""
    return list(write(site(**{"a>b/ch1": SLOW}), tmp_path_factory.mktemp("slow")).values())


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return list(write(site(), tmp_path_factory.mktemp("sound")).values())


def profile(tmp_path, *entries, name="site"):
    """A file of (rule, limit, lines)."""
    path = tmp_path / f"{name}.toml"
    path.write_text("\n".join(f'[limit.{rule}."{limit}"]\n{lines}' for rule, limit, lines in entries), encoding="utf-8")
    return str(path)


def relaxed(tmp_path):
    return profile(
        tmp_path,
        ("delay", MEDIAN, 'warn = 0.01\nfail = 0.02\nsource = "our network team"'),
        ("delay", "wire, 99.9 %, on one site", 'warn = 0.01\nsource = "our network team"'),
    )


def waiver(**changes):
    return Waiver(
        **(
            {"rule": "delay", "subject": "a>b/ch1", "reason": "new fibre ordered", "who": "Ada", "until": "2026-12-31"}
            | changes
        )
    )


def levels(warn, fail, sense=Sense.AT_MOST, usual=(1.0, 2.0)):
    return Limit("x", "s", warn, fail, sense, "a test", "site", *usual)


@pytest.mark.parametrize(
    ("limit", "change"),
    [
        (levels(1.1, 2.0), Change.RELAXED),
        (levels(0.9, 2.0), Change.STRICTER),
        (levels(0.9, 2.1), Change.RELAXED),
        (levels(None, 2.0), Change.RELAXED),
        (levels(1.0, 2.0), Change.NONE),
        (levels(1.0, 2.0, usual=(1.0, None)), Change.STRICTER),
        (levels(2.0, 1.0, Sense.AT_LEAST, (2.0, 1.5)), Change.RELAXED),
        (levels(2.5, 1.5, Sense.AT_LEAST, (2.0, 1.5)), Change.STRICTER),
        (Limit("x", "s", 1.0, 2.0, Sense.AT_MOST, "a test"), Change.NONE),
    ],
)
def test_one_level_relaxed_is_relaxed_whatever_became_of_the_other(limit, change):
    assert limit.change is change


def test_a_profile_changes_what_it_names_and_nothing_else(tmp_path):
    found = limits.changed(RULES, limits.load(relaxed(tmp_path), RULES))
    assert [rule.id for rule in found] == [rule.id for rule in RULES]
    other = [(rule, before) for rule, before in zip(found, RULES, strict=True) if rule != before]
    assert [rule.id for rule, _ in other] == ["delay"]
    limit = next(limit for limit in other[0][0].limits if limit.name == MEDIAN)
    assert (limit.warn, limit.fail, limit.default_warn, limit.default_fail) == (0.01, 0.02, 0.001, 0.005)
    assert (limit.profile, limit.source, limit.unit) == ("site.toml", "our network team", "s")
    assert limits.changed(RULES, None) == RULES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[limit.dealy."x"]\nfail = 1\nsource = "s"', "there is no rule 'dealy'; did you mean delay?"),
        ('[limit.delay."wire, median, on one sight"]\nfail = 1\nsource = "s"', f"did you mean {MEDIAN}?"),
        (f'[limit.delay."{MEDIAN}"]\nfail = 1', "source is missing"),
        (f'[limit.delay."{MEDIAN}"]\nfail = 1\nsource = " "', "source is missing"),
        (f'[limit.delay."{MEDIAN}"]\nfial = 1\nsource = "s"', "'fial' is not known here; did you mean fail?"),
        (f'[limit.delay."{MEDIAN}"]\nfail = "1 ms"\nsource = "s"', "fail has to be a number"),
        (f'[limit.delay."{MEDIAN}"]\nfail = true\nsource = "s"', "fail has to be a number"),
        (f'[limit.delay."{MEDIAN}"]\nfail = nan\nsource = "s"', "fail has to be a number"),
        (f'[limit.delay."{MEDIAN}"]\nfail = -1\nsource = "s"', "fail has to be a number"),
        (f'[limit.delay."{MEDIAN}"]\nfail = 0.0001\nsource = "s"', "has to lie beyond what warns"),
        ('[limit.memory."memory available"]\nwarn = 0.01\nsource = "s"', "has to lie beyond what warns"),
        ('[limit.memory."memory available"]\nwarn = 20\nsource = "s"', "write 0.05 for 5 %"),
        ("[limit.delay]\nfail = 1", "does not say which limit"),
        ("limit = 3", "limit is no table"),
        ("limits = 3", "'limits' is no key of a profile; did you mean limit?"),
        ("title = 3", "title has to be a text"),
        ("[", "not TOML"),
        ('[limit.egress."x"]\nfail = 1\nsource = "s"', "it has none"),
    ],
)
def test_a_mistake_in_a_profile_is_told_with_what_was_meant(text, words, tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError) as caught:
        limits.load(str(path), RULES)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_mistake_is_told_at_once(tmp_path):
    path = profile(tmp_path, ("dealy", "x", "fail = 1"), ("delay", MEDIAN, "fail = 1"))
    with pytest.raises(OperatorError) as caught:
        limits.load(path, RULES)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(("name", "words"), [("vowip", "did you mean voip?"), ("none.toml", ""), ("/no/such.toml", "")])
def test_a_profile_that_is_not_there_is_two_lines(name, words):
    with pytest.raises(OperatorError) as caught:
        limits.load(name, RULES)
    assert words in caught.value.hint


def test_no_level_at_all_is_a_level(tmp_path):
    found = limits.load(profile(tmp_path, ("delay", MEDIAN, 'fail = "none"\nsource = "s"')), RULES)
    limit = found.limits["delay", MEDIAN]
    assert (limit.fail, limit.change) == (None, Change.RELAXED)


@pytest.mark.parametrize("name", ["lan", "metro", "voip", "wan"])
def test_each_built_in_profile_says_why_and_only_overrides(name):
    assert limits.built_in() == ["lan", "metro", "voip", "wan"]
    found = limits.load(name, RULES)
    assert found.title
    assert found.why
    assert all(limit.change is not Change.NONE and limit.source for limit in found.limits.values())
    if "Stricter only" in found.why:
        assert {limit.change for limit in found.limits.values()} == {Change.STRICTER}


def test_a_pass_by_a_relaxed_limit_is_marked_and_makes_the_verdict_conditional(slow, sound, tmp_path):
    assert assess(slow, CREATED).verdict is Verdict.UNSUITABLE
    found = assess(slow, CREATED, relaxed(tmp_path))
    assert found.verdict is Verdict.CONDITIONAL
    assert found.profile == "site.toml"
    passed = next(item for item in found.findings if item.rule == "delay" and item.subject.name == "a>b/ch1")
    assert passed.status is Status.PASS
    assert passed.message.endswith(
        "By limits of profile site.toml: wire, median, on one site (relaxed); wire, 99.9 %, on one site (relaxed)."
    )
    assert {(change.limit.name, change.decided) for change in found.changes} == {
        (MEDIAN, ("a>b/ch1",)),
        ("wire, 99.9 %, on one site", ("a>b/ch1",)),
    }
    assert found.reasons[0].startswith("Only by a limit that profile site.toml relaxed: Network delay of a>b/ch1")
    assert Assessment.from_json(found.to_json()) == found
    # A relaxed limit that decides nothing changes no verdict, and is told all the same.
    quiet = assess(sound, CREATED, relaxed(tmp_path))
    assert quiet.verdict is Verdict.SUITABLE
    assert [change.decided for change in quiet.changes] == [(), ()]


def test_a_relaxed_limit_of_outages_decides_although_a_product_sets_when_it_fails(tmp_path):
    cut = Link(lost_forward=range(1000, 1010))
    archives = list(write(site(**{"a>b/ch1": cut}), tmp_path / "run").values())
    about = {(item.rule, item.subject.name): item.status for item in assess(archives, CREATED).findings}
    assert about["outages", "a>b/ch1"] is Status.WARN
    found = assess(
        archives, CREATED, profile(tmp_path, ("outages", "longest outage", 'warn = 3.0\nfail = 30.0\nsource = "ours"'))
    )
    passed = next(item for item in found.findings if (item.rule, item.subject.name) == ("outages", "a>b/ch1"))
    assert passed.status is Status.PASS
    assert [change.decided for change in found.changes] == [("a>b/ch1",)]
    # What a product bears fails with the profile as without it, so the profile decides nothing there.
    limit = Limit("x", "s", 3.0, 30.0, Sense.AT_MOST, "a test", "site", 1.0, 2.0)
    judged = borne(limit, Tolerance(10.0, "a product"))
    assert judged.judge_default(4.0) is Status.WARN
    assert judged.judge_default(6.0) is judged.judge(6.0) is Status.FAIL


def test_a_stricter_limit_judges_and_is_marked(sound, tmp_path):
    strict = profile(tmp_path, ("cpu-busy", "CPU busy", 'warn = 0.05\nsource = "ours"'))
    found = assess(sound, CREATED, strict)
    assert found.verdict is Verdict.CONDITIONAL
    warned = [item for item in found.findings if item.rule == "cpu-busy"]
    assert {item.status for item in warned} == {Status.WARN}
    assert all(item.message.endswith("By limits of profile site.toml: CPU busy (stricter).") for item in warned)
    assert found.changes[0].decided == ()


def test_without_profile_and_waivers_nothing_is_said_of_them(sound):
    found = assess(sound, CREATED)
    assert (found.profile, found.changes, found.waivers) == ("", (), ())
    assert not any("profile" in item.message for item in found.findings)


def test_a_waived_failure_stays_a_failure_and_the_verdict_says_so(slow):
    found = assess(slow, CREATED, waived=(waiver(),))
    assert found.verdict is Verdict.WAIVED
    assert verdict_exit(found.verdict) == Exit.CONDITIONAL
    failed = next(item for item in found.findings if item.rule == "delay" and item.subject.name == "a>b/ch1")
    assert (failed.status, failed.waiver) == (Status.FAIL, waiver())
    assert found.reasons == (
        f"Waived, not passed: {failed.message} Accepted by Ada until 2026-12-31: new fibre ordered.",
    )
    assert "1 finding is waived, 1 of them failed" in found.summary
    assert [use.state for use in found.waivers] == [WaiverState.APPLIED]
    network = next(area for area in found.score.areas if area.area is Area.NETWORK)
    assert network.worst == "a>b/ch1"
    assert network.score is not None
    assert network.score < 100
    assert Assessment.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("changes", "state", "remark"),
    [
        ({"until": "2026-05-31"}, WaiverState.EXPIRED, "expired on 2026-05-31"),
        ({"subject": "a>b/ch3"}, WaiverState.UNMATCHED, "did you mean a>b/ch"),
        ({"subject": "sip"}, WaiverState.UNMATCHED, "the rule judged a>b/ch1"),
        ({"subject": "b>a/ch1"}, WaiverState.NOT_NEEDED, "found nothing"),
    ],
)
def test_a_waiver_that_has_expired_or_fits_nothing_is_told_and_waives_nothing(changes, state, remark, slow):
    found = assess(slow, CREATED, waived=(waiver(**changes),))
    assert found.verdict is Verdict.UNSUITABLE
    assert found.reasons == assess(slow, CREATED).reasons
    assert [use.state for use in found.waivers] == [state]
    assert remark in found.waivers[0].remark


def failed(status=Status.FAIL, subject=None):
    return Finding("disk", "Disk", Area.HOST, subject or Subject(Scope.DEVICE, "a//var"), status, "Slow.")


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        (Subject(Scope.DEVICE, "a//var"), "a: /var"),
        (Subject(Scope.DEVICE, "a/eth0"), "a/eth0"),
        (Subject(Scope.PAIR, "a+b"), "a and b"),
        (Subject(Scope.PATH, "a>b/ch1"), "a -> b (ch1)"),
        (Subject(Scope.PATH, "a>b/ch1"), "a \N{RIGHTWARDS ARROW} b (ch1)"),
        (Subject(Scope.NODE, "a"), "a"),
    ],
)
def test_a_subject_is_taken_back_as_it_is_shown(subject, name):
    found, uses = waivers.apply([waiver(rule="disk", subject=name)], [failed(subject=subject)], date(2026, 1, 1))
    assert uses[0].state is WaiverState.APPLIED
    assert found[0].waiver is not None


def test_the_last_day_counts_and_the_day_after_does_not():
    word = waiver(rule="disk", subject="a//var")
    assert waivers.apply([word], [failed()], date(2026, 12, 31))[0][0].waiver == word
    assert waivers.apply([word], [failed()], date(2027, 1, 1))[0][0].waiver is None


@pytest.mark.parametrize("status", [Status.WARN, Status.SKIPPED])
def test_warnings_and_what_could_not_be_judged_can_be_waived(status):
    found, _ = waivers.apply([waiver(rule="disk", subject="a//var")], [failed(status)], date(2026, 1, 1))
    assert (found[0].status, found[0].waiver is None) == (status, False)


def test_a_rule_that_broke_cannot_be_waived():
    found, uses = waivers.apply([waiver(rule="disk", subject="a//var")], [failed(Status.ERROR)], date(2026, 1, 1))
    assert found[0].waiver is None
    assert uses[0].state is WaiverState.UNMATCHED


GOOD = 'rule = "delay"\nsubject = "a>b/ch1"\nreason = "new fibre"\nwho = "Ada"\nuntil = 2026-12-31\n'


def test_a_file_of_waivers_is_read(tmp_path):
    path = tmp_path / "w.toml"
    second = GOOD.replace("ch1", "ch2").replace("2026-12-31", '"2027-01-01"')
    path.write_text(f"[[waiver]]\n{GOOD}[[waiver]]\n{second}", encoding="utf-8")
    one, other = waivers.load(path)
    assert one == waiver(reason="new fibre")
    assert (other.subject, other.until) == ("a>b/ch2", "2027-01-01")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((f"[[waiver]]\n{GOOD.replace(key, f'#{key}')}", f"waiver 1: {key} is missing") for key in ("rule", "who")),
        (f"[[waiver]]\n{GOOD.replace('new fibre', ' ')}", "reason is missing"),
        (f"[[waiver]]\n{GOOD}".replace("2026-12-31", '"soon"'), "until is missing or no date"),
        (f"[[waiver]]\n{GOOD.replace('2026-12-31', '2026-12-31T00:00:00')}", "until is missing or no date"),
        (f"[[waiver]]\n{GOOD}untill = 3", "'untill' is not known; did you mean until?"),
        (f"[[waiver]]\n{GOOD}[[waiver]]\n{GOOD}", "there is one for delay of a>b/ch1 already"),
        ("waiver = 3", "write [[waiver]]"),
        ("waiver = [3]", "waiver 1 is no table"),
        ("waivers = 3", "'waivers' is no key here"),
        ("[[", "not TOML"),
    ],
)
def test_a_mistake_in_a_file_of_waivers_is_told(text, words, tmp_path):
    path = tmp_path / "w.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError) as caught:
        waivers.load(path)
    assert words in str(caught.value)


def test_a_waiver_of_a_rule_that_there_is_not_is_refused(slow):
    with pytest.raises(OperatorError) as caught:
        assess(slow, CREATED, waived=(waiver(rule="dealy"),))
    assert "did you mean delay?" in caught.value.hint


def test_analyze_takes_both_and_prints_what_came_of_them(slow, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.toml").write_text(f"[[waiver]]\n{GOOD.replace('2026', '2999')}", encoding="utf-8")
    code = COMMANDS["analyze"]([*map(str, slow), "--waivers", "w.toml", "--profile", "voip", "-o", "x.json"])
    told = capsys.readouterr().out
    assert code == Exit.CONDITIONAL
    assert "verdict: suitable with waivers" in told
    assert "profile voip: limits relaxed: 0, made stricter: 4" in told
    assert "waiver delay of a>b/ch1 applied: until 2999-12-31, Ada: new fibre" in told


def operated():
    """The trio with a relaxed limit that decided, a stricter one, and three waivers."""
    base = trio()
    word = Waiver("loss", base.findings[0].subject.name, "seen by <b>QA</b>", "Ada & Bob", "2027-03-31")
    limit = Limit("wire, median", "s", 0.1, 0.2, Sense.AT_MOST, "ours", "wan", 0.04, 0.08)
    tight = replace(limit, name="pause", warn=0.01, fail=0.02, default_fail=0.05)
    bad = Finding(
        "loss", "Packet loss", Area.NETWORK, base.findings[0].subject, Status.FAIL, "Lost much.",
        (Evidence("median", 0.15, "s", limit),), waiver=word,
    )  # fmt: skip
    return replace(
        base,
        verdict=Verdict.WAIVED,
        findings=(bad, *base.findings),
        profile="wan",
        changes=(LimitChange("delay", "Network delay", limit, ("sip-a>sip-dr/public",)), LimitChange("stalls", "Pauses", tight, ())),
        waivers=(
            WaiverUse(word, WaiverState.APPLIED, ""),
            WaiverUse(replace(word, rule="steal"), WaiverState.EXPIRED, "expired on 2026-01-01: decide again, or mend it"),
            WaiverUse(replace(word, rule="swap"), WaiverState.UNMATCHED, "did you mean sip-b?"),
        ),
    )  # fmt: skip


def test_page_one_shows_waivers_and_relaxed_limits():
    told = repr(list(verdict.SECTION.build(operated())))
    assert "Suitable with waivers" in told
    assert "fail: Lost much." in told
    assert "Ada & Bob, until 2027-03-31: seen by <b>QA</b>" in told
    assert "NOT APPLIED, expired: expired on 2026-01-01" in told
    assert "NOT APPLIED, matches nothing" in told
    assert (
        "Network delay, wire, median: warn over 100 ms, fail over 200 ms (relaxed by profile wan; usually: warn over 40 ms"
        in told
    )
    assert "1 limit of profile wan" in told
    callout = next(block for block in verdict.SECTION.build(operated()) if type(block).__name__ == "Callout")
    assert "Judged with profile wan: limits relaxed: 1, made stricter: 1." in callout.text
    assert "Waivers: 1 applied, 1 expired, 1 matches nothing." in callout.text
    assert "this is not the product's own verdict" in told


def test_the_last_section_and_every_table_of_findings_show_them_too():
    told = repr(list(method.SECTION.build(operated())))
    assert "Limits changed by profile wan" in told
    assert "wire, median (at most)\\nrelaxed by profile wan; usually: warn over 40 ms, fail over 80 ms" in told
    assert "(relaxed by profile wan)" in told
    assert "waived until 2027-03-31 by Ada & Bob" in told
    table = finding_table(operated().findings[:1])
    assert "Waived until 2027-03-31 by Ada & Bob: seen by <b>QA</b>." in repr(table)
    assert "fail" in repr(table.statuses[0])
    assert all(blocks for _, blocks in build(operated()))


def test_the_document_of_the_rules_is_what_make_docs_writes():
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert text == rulebook(), "docs/rules.md is stale: run `make docs`"
    for rule in RULES:
        assert f"\n## {rule.id}\n" in text


def test_a_rule_is_explained_with_its_limits_and_what_profiles_make_of_them():
    told = haready("list", "rules", "delay").stdout
    for label in ("What:", "Why HA:", "How:", "Fails when:", "Source:", "Limits:"):
        assert label in told
    assert f"{MEDIAN}: warns above 1 ms, fails above 5 ms (given in s). Source: KOET" in told
    assert "profile wan, relaxed: warns above 100 ms, fails above 200 ms. Source: contact-centre" in told


def test_profiles_are_listed_and_explained():
    told = haready("list", "profiles").stdout
    assert [line.split()[0] for line in told.splitlines()] == limits.built_in()
    one = haready("list", "profiles", "metro").stdout
    assert "warns above 5 ms, fails above 10 ms (relaxed; usually warns above 1 ms, fails above 5 ms)" in one
    wrong = haready("list", "profiles", "metor")
    assert (wrong.returncode, "did you mean metro?" in wrong.stderr) == (2, True)


def test_a_file_that_is_called_like_a_built_in_profile_is_not_taken_for_it(tmp_path):
    path = tmp_path / "wan.toml"
    path.write_text(
        'title = "Ours"\nwhy = "Because."\n[limit.delay."wire, median, on one site"]\nwarn = 0.002\nsource = "us"\n',
        encoding="utf-8",
    )

    assert limits.load(str(path), RULES).name == "wan.toml"
    assert limits.load("wan", RULES).name == "wan"


def test_the_profiles_are_in_the_distribution():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["package-data"]["analyzer"] == ["profiles/*.toml", "schemas/*.json"]
