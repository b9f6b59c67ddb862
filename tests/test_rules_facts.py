"""Rules about what a machine tells of itself: disk errors, clocks and their references, restarts that are due, and parity by name."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lan import all_told, trio_data
from test_rules_plan import ask, compared, trio

from analyzer.contract import Status
from analyzer.extension import FACTS
from analyzer.installed import differences, listed
from analyzer.rules import clock_error, disk_errors, parity_hardware, restart_due, time_reference
from analyzer.words import few
from collector.plan import parse

PASS, INFO, WARN, FAIL, SKIPPED = Status.PASS, Status.INFO, Status.WARN, Status.FAIL, Status.SKIPPED
PLAN = trio()
DEMONSTRATION = trio(cluster={"name": "voice", "topology": "ha-dr-trio", "origin": "demonstration"})


def node(rule, plan=PLAN, **facts):
    return ask(rule, "primary", {FACTS: facts}, plan)


def statuses(words):
    return [word.status for word in words]


# ---------------------------------------------------------------- errors of disks


def error(kind, count, device="sda1"):
    return {"kind": kind, "device": device, "count": count}


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([error("ext4", 0), error("md", 0, "md0")], PASS),
        ([error("ext4", 1)], WARN),
        ([error("btrfs", 7, "uuid/1")], WARN),
        ([error("md", 1, "md0")], FAIL),
        ([error("ext4", 3), error("md", 2, "md0")], FAIL),
        ([], INFO),
        ([error("xfs", 3), {"kind": "ext4"}, 5, error("ext4", -1), error("ext4", "many")], INFO),
        (None, SKIPPED),
        ({"kind": "ext4"}, SKIPPED),
    ],
)
def test_any_error_that_a_disk_counts_warns_and_a_degraded_array_fails(told, status):
    (word,) = node(disk_errors.RULE, disk_errors=told)
    assert word.status is status


def test_what_counts_errors_is_named():
    (word,) = node(disk_errors.RULE, disk_errors=[error("ext4", 3), error("md", 1, "md0"), error("ext4", 0, "sdb1")])
    assert "ext4 on sda1 counted 3 errors" in word.message
    assert "array md0 lacks 1 of its members" in word.message
    assert "sdb1" not in word.message


# ---------------------------------------------------------------- error of the clock


@pytest.mark.parametrize(
    ("error_s", "kept", "status"),
    [
        (0.0, True, PASS), (0.999, False, PASS), (1.0, True, INFO), (15.999, False, INFO), (16.0, True, INFO), (16.0, None, INFO),
        (16.0, False, FAIL), (99.0, False, FAIL), (None, True, SKIPPED), (-1.0, True, SKIPPED), (float("nan"), True, SKIPPED),
        ("1", True, SKIPPED), (True, True, SKIPPED),
    ],
)  # fmt: skip
def test_the_error_of_the_clock_fails_only_where_nobody_keeps_it(error_s, kept, status):
    (word,) = node(clock_error.RULE, time={"error_s": error_s, "synchronised": kept})
    assert word.status is status


def test_where_no_time_service_runs_no_word_is_said_of_one():
    adrift = {"service": "", "synchronised": False}
    (word,) = node(clock_error.RULE, time=adrift)
    assert word.status is SKIPPED
    assert word.message.endswith("no time service runs.")
    facts = {name: {"time": {"references": ["10.0.0.1"]}} for name in ("primary", "secondary")}
    (other,) = ask(time_reference.RULE, "voice", {FACTS: facts | {"tertiary": {"time": adrift}}}, PLAN)
    assert other.status is WARN
    assert "tertiary has no time source: no time service runs" in other.message
    for said in (word, other):
        assert said.remedy.startswith("Start and enable chrony on")
        assert "chronyc" not in said.remedy
    # Whether it is synchronised is not told: it may be kept by something that we do not know.
    facts["tertiary"] = {"time": {"service": ""}}
    assert statuses(ask(time_reference.RULE, "voice", {FACTS: facts}, PLAN)) == [SKIPPED]


def test_a_clock_that_tells_no_error_is_unknown_and_a_demonstration_has_one_clock():
    assert statuses(node(clock_error.RULE)) == [SKIPPED]
    assert statuses(node(clock_error.RULE, time="chronyd")) == [SKIPPED]
    assert statuses(node(clock_error.RULE, DEMONSTRATION, time={"error_s": 16.0, "synchronised": False})) == [INFO]


# ---------------------------------------------------------------- same reference


def referring(**references):
    facts = {name: {"time": {"service": "chronyd", "references": told}} for name, told in references.items()}
    return ask(time_reference.RULE, "voice", {FACTS: facts}, PLAN)


def test_nodes_with_a_server_in_common_pass():
    assert statuses(referring(primary=["10.0.0.1", "10.0.0.2"], secondary=["10.0.0.2"], tertiary=["10.0.0.2"])) == [
        PASS
    ]


def test_nodes_without_a_server_in_common_are_warned_of_by_name():
    (word,) = referring(primary=["10.0.0.1"], secondary=["10.0.0.1"], tertiary=["10.0.0.9"])
    assert word.status is WARN
    assert "primary and tertiary have no time server in common (10.0.0.1; 10.0.0.9)" in word.message
    assert "primary and secondary" not in word.message


def test_a_node_that_takes_the_time_from_its_peer_has_the_same_reference():
    peer = str(PLAN.node("primary").addresses["public"].ip)
    assert statuses(referring(primary=["10.0.0.1"], secondary=[peer], tertiary=[peer])) == [PASS]


def test_a_clock_inside_the_machine_cannot_be_compared():
    assert statuses(referring(primary=["local:PHC0"], secondary=["local:PHC0"], tertiary=["local:PHC0"])) == [INFO]
    words = referring(primary=["local:PHC0"], secondary=["10.0.0.1"], tertiary=["10.0.0.1", "local:GPS"])
    assert statuses(words) == [PASS, INFO]


@pytest.mark.parametrize("told", [[], None, "10.0.0.1", [5, None], [["10.0.0.1"]]])
def test_a_node_that_does_not_tell_its_reference_is_unknown_and_never_a_pass(told):
    (word,) = referring(primary=["10.0.0.1"], secondary=["10.0.0.1"], tertiary=told)
    assert word.status is SKIPPED
    assert "tertiary" in word.message
    assert statuses(referring()) == [SKIPPED]


# ---------------------------------------------------------------- restarts


@pytest.mark.parametrize(
    ("restart", "status"),
    [
        ({"wanted": False}, PASS), ({"kernels": []}, PASS), ({"wanted": False, "kernels": []}, PASS), ({"wanted": True}, WARN),
        ({"wanted": False, "kernels": ["6.1.0-31"]}, WARN), ({"wanted": "no"}, SKIPPED), ({"wanted": False, "kernels": [5]}, SKIPPED), ({"kernels": "many"}, SKIPPED), ({}, SKIPPED), (None, SKIPPED), (["wanted"], SKIPPED),
    ],
)  # fmt: skip
def test_what_waits_for_the_next_start_warns_and_what_is_not_told_is_unknown(restart, status):
    assert statuses(node(restart_due.RULE, restart=restart, boot_time_s=1_700_000_000)) == [status]


def test_the_kernel_that_waits_and_the_start_are_named():
    (word,) = node(restart_due.RULE, restart={"kernels": ["6.1.0-31"]}, boot_time_s=1_700_000_000)
    assert "6.1.0-31" in word.message
    assert "started 2023-11-14 22:13 UTC" in word.message
    for odd in (None, -1, 1e300, "long ago", 1 << 62):
        assert "started" not in node(restart_due.RULE, restart={"wanted": False}, boot_time_s=odd)[0].message


# ---------------------------------------------------------------- parity by name


def twins(**changes):
    """All machines alike, with lists; `changes` are facts of the secondary."""
    facts = all_told(PLAN)
    for told in facts.values():
        told["software"] = {"packages": "bash 5.1\nopenssl 3.0.1\nzlib 1", "services": "cron.service\nssh.service"}
        told["locale"] = "C.UTF-8"
        told["drives"] = {name: {"size_B": 10**12, "model": "DISK 9000", "rotating": False} for name in ("sda", "sdb")}
    facts = copy.deepcopy(facts)
    facts["secondary"] |= changes
    return facts


OTHER_PRINT = {"manager": "dpkg", "count": 401, "sha256": "cd" * 32}


def test_machines_alike_in_every_list_pass():
    assert statuses(compared(twins())) == [PASS]
    assert statuses(pair(twins())) == [PASS]


def test_packages_that_differ_are_listed_by_name_and_version():
    software = {"packages": "bash 5.1\nopenssl 3.0.2\nvim 9", "services": "cron.service\nssh.service"}
    (word,) = compared(twins(software=software, packages=OTHER_PRINT))
    assert word.status is WARN
    assert "in other versions: openssl (3.0.1 on primary, 3.0.2 on secondary)" in word.message
    assert "only on primary: zlib" in word.message
    assert "only on secondary: vim" in word.message
    assert word.points == ("packages or their versions differ",)


def test_without_a_list_the_fingerprints_still_differ():
    (word, *_) = compared(twins(software={"services": "cron.service\nssh.service"}, packages=OTHER_PRINT))
    assert word.status is WARN
    assert "Compare the package lists" in word.remedy


def test_services_that_only_one_node_starts_are_listed():
    software = {"packages": "bash 5.1\nopenssl 3.0.1\nzlib 1", "services": "backup.service\ncron.service"}
    (word,) = compared(twins(software=software))
    assert word.status is WARN
    assert "only on primary: ssh.service; only on secondary: backup.service" in word.message


def test_services_that_one_node_does_not_tell_are_unknown_and_of_older_archives_nobody_asked():
    facts = twins()
    del facts["secondary"]["software"]
    assert statuses(compared(facts)) == [SKIPPED]
    assert statuses(compared(all_told(PLAN))) == [PASS]


@pytest.mark.parametrize(
    ("locale", "words"),
    [("de_CH.UTF-8", "locale: C.UTF-8 on primary, de_CH.UTF-8 on secondary"), ("", "none set on secondary")],
)
def test_another_locale_is_warned_of(locale, words):
    (word,) = compared(twins(locale=locale))
    assert word.status is WARN
    assert words in word.message


def test_a_locale_that_one_node_does_not_tell_is_unknown():
    facts = twins()
    del facts["tertiary"]["locale"]
    assert statuses(compared(facts, "primary+tertiary")) == [SKIPPED]


def test_two_long_names_that_differ_at_their_end_are_told_apart():
    long = "x" * 70
    (one, other) = (listed({"software": {"packages": f"{long} {version}"}}, "packages") for version in "12")
    assert list(differences(one, other, "a", "b")) == [f"in other versions: {long} (1 on a, 2 on b)"]


def test_many_versions_of_one_name_fill_no_page():
    told = listed({"software": {"packages": "\n".join(f"libc {number}" for number in range(5000))}}, "packages")
    assert told["libc"].endswith(" and 4980 more")


def test_half_of_the_cpus_comes_before_another_kernel():
    facts = all_told(PLAN)
    facts["secondary"] |= {"kernel": "6.1.0-31", "cpus": facts["primary"]["cpus"] // 2}
    (word,) = (word for word in compared(facts) if word.status is WARN)
    assert 0 < word.message.index("CPU") < word.message.index("kernel")


def test_many_differences_are_listed_and_the_rest_is_counted():
    assert few([str(number) for number in range(23)]).endswith("19 and 3 more")
    assert list(differences({"a": "1"}, {"a": "1"}, "x", "y")) == []
    assert listed({"software": {"packages": "libc 1\nlibc 2\n\nbash"}}, "packages") == {"libc": "1, 2", "bash": ""}
    for odd in ({}, {"software": []}, {"software": {"packages": 5}}, {"software": {"packages": "\n"}}):
        assert listed(odd, "packages") is None


# ---------------------------------------------------------------- disks and interfaces


def pair(facts, ends="primary+secondary", plan=PLAN):
    told = {name: facts[name] for name in ends.split("+") if name in facts}
    return ask(parity_hardware.RULE, ends, {FACTS: told}, plan)


def disks(*sizes, rotating=False, model="DISK 9000"):
    return {f"sd{place}": {"size_B": size, "model": model, "rotating": rotating} for place, size in enumerate(sizes)}


@pytest.mark.parametrize(
    ("size", "status"), [(2 * 10**12, PASS), (4 * 10**12, PASS), (1_960_000_000_000, PASS), (1_959_000_000_000, WARN)]
)
def test_the_standbys_disks_are_at_least_as_large(size, status):
    (word,) = pair(twins(drives=disks(size // 2, size // 2)))
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(size / 2e12)
    if status is WARN:
        assert "secondary has 1.96 TB of disks, primary 2 TB" in word.message


def test_whether_a_virtual_disk_rotates_is_its_hypervisors_invention():
    facts = twins(drives=disks(10**12, 10**12, rotating=True))
    facts["secondary"]["virtual"] = True
    assert WARN not in statuses(pair(facts))


def test_disks_that_rotate_are_slower_than_flash_where_the_standby_has_them():
    assert statuses(pair(twins(drives=disks(10**12, 10**12, rotating=True)))) == [WARN]
    facts = twins()
    facts["primary"]["drives"] = disks(10**12, 10**12, rotating=True)
    assert statuses(pair(facts)) == [PASS]


def test_another_model_is_told_by_name_and_only_recommended_to_be_equal():
    good, told = pair(twins(drives=disks(10**12, 10**12, model="OTHER 1")))
    assert (good.status, told.status) == (PASS, INFO)
    assert "2 x DISK 9000 on primary; 2 x OTHER 1 on secondary" in told.message


def test_a_standby_with_fewer_interfaces_is_warned_of():
    facts = twins()
    del facts["secondary"]["nics"]["eth2"]
    words = pair(facts)
    assert words[0].status is WARN
    assert "secondary has 2 network interfaces, primary 3" in words[0].message
    assert statuses(pair(facts, "secondary+tertiary"))[0] is PASS, "neither is the primary"


def test_other_firmware_is_listed():
    facts = twins()
    for name, firmware in (("primary", "1.63"), ("secondary", "1.70")):
        for nic in ("eth0", "eth1"):
            facts[name]["nics"][nic]["firmware"] = {"version": "6.1", "firmware": firmware}
    good, told = pair(facts)
    assert (good.status, told.status) == (PASS, INFO)
    assert "2 x e1000e 6.1 firmware 1.63 on primary; 2 x e1000e 6.1 firmware 1.70 on secondary" in told.message


def test_what_is_not_told_is_unknown():
    facts = twins()
    del facts["secondary"]["drives"], facts["tertiary"]["nics"]
    assert statuses(pair(facts)) == [SKIPPED]
    assert statuses(pair(facts, "primary+tertiary")) == [SKIPPED]
    assert statuses(pair({"primary": facts["primary"]})) == [SKIPPED]


RUBBISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("a", "size_B", "eth0", "packages", "services", "firmware", "references", "error_s", "wanted", "kernels", "kind", "count", "device")), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    facts=st.dictionaries(
        st.sampled_from(("drives", "nics", "software", "locale", "time", "restart", "disk_errors", "boot_time_s")),
        RUBBISH,
    )
)
def test_rubbish_in_an_inventory_is_no_crash_and_two_empty_ones_no_pass(facts):
    everyone = dict.fromkeys(("primary", "secondary", "tertiary"), facts)
    ask(time_reference.RULE, "voice", {FACTS: everyone}, PLAN)
    pair(everyone)
    compared(everyone)
    for rule in (clock_error.RULE, disk_errors.RULE, restart_due.RULE):
        ask(rule, "primary", {FACTS: facts}, PLAN)


def test_of_members_none_is_called_the_standby():
    data = trio_data()
    for node in data["node"]:
        node["role"] = "member"
    data["cluster"]["topology"] = "custom"
    members = parse(data, "plan.toml")
    facts = twins()
    told = " ".join(word.message for word in (*compared(facts, plan=members), *pair(facts, plan=members)))
    assert "neither is weaker" in told
    assert "standby" not in told
    assert "the standby is no weaker" in " ".join(word.message for word in compared(facts))
