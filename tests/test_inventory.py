"""What a machine says it is: from folders that look like machines, programs that say what a test wants, and this machine."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from fakes import FakeClock, FakeHost, machine, make_env, plan_data

from collector.contract import Env, Facts, Run
from collector.errors import OperatorError, Unavailable
from collector.external import Finished
from collector.inventory.network import ROUTES
from collector.inventory.programs import ALL_S, CALL_S
from collector.inventory.stamping import stamping
from collector.machine import LINUX, PsutilHost, SystemClock
from collector.plan import Origin, parse
from collector.probes import inventory

real_machine = pytest.mark.skipif(not LINUX, reason="reads /proc")

KVM = {
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: Fast CPU\nflags\t\t: fpu hypervisor sse\n",
    "sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
}
IRON = {
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: Fast CPU\nflags\t\t: fpu sse\n",
    "sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
    "sys/class/dmi/id/product_name": "PowerEdge R750\n",
    "sys/class/dmi/id/bios_version": "1.2.3\n",
    "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
}
NOBODY_TOLD = {
    "hostname": "fake",
    "system": "FakeOS",
    "os": "FakeOS",
    "cpu": "",
    "virtual": None,
    "egress": [{"target": "b", "network": "ch1", "address": "10.9.0.2", "nic": "", "source": "", "via": ""}],
    "time": {"service": None, "synchronised": None},
    "locale": "",
}


def nic(*addresses: dict[str, Any], **told: Any) -> dict[str, Any]:
    """An interface as psutil tells it."""
    return {"up": True, "speed_Mbps": 1000, "mtu": 1500, "duplex": "full", "mac": "", **told, "addresses": addresses}


def v4(address: str, netmask: str | None = "255.255.255.0") -> dict[str, Any]:
    return {"family": "AF_INET", "address": address, "netmask": netmask}


def env_of(root: Path, files: dict[str, str | bytes] | None = None, **told: Any) -> Env:
    return make_env(FakeClock(), FakeHost(**told), machine(root, files or {}))


def facts(env: Env) -> dict[str, Any]:
    """The inventory that the probe yields in one tick."""
    return tick(env)["inventory"]


def tick(env: Env) -> dict[str, dict[str, Any]]:
    """All facts that the probe yields in one tick, by their names."""
    found: dict[str, dict[str, Any]] = {}
    for item in inventory.sample(env):
        if item is None:
            break
        assert isinstance(item, Facts)
        json.dumps(item.values)
        found[item.name] = dict(item.values)
    assert list(found) in (["inventory"], ["inventory", "software"])
    return found


def host_with(nics: dict[str, Any], **programs: Any) -> dict[str, Any]:
    """Keywords of a fake host; programs by name, "ip route" written ip_route."""
    commands = {
        "ip_address": "ip -json -details address",
        "ip_route": "ip -json -4 route",
        "ip_route6": "ip -json -6 route",
        "ip_get": "ip -json route get 10.9.0.2",
        "rpm": "rpm -qa --qf %{NAME} %{VERSION}-%{RELEASE}.%{ARCH}\n",
    }
    texts = {
        commands[name]: value if isinstance(value, (str, Exception, Finished)) else json.dumps(value)
        for name, value in programs.items()
    }
    return {"inventory": {"hostname": "fake", "system": "FakeOS", "nics": nics}, "programs": texts}


# --- disks -----------------------------------------------------------------------------------------------------------


def on_disks(root: Path, *holding: str, mapped: str = "") -> Env:
    """A machine of which sda1 and sdb1 are an array and sda2 is a logical volume. `mapped`: where the folders of `holding` are."""
    for part in ("sda/sda1", "sda/sda2", "sdb/sdb1", "md0/slaves/sda1", "md0/slaves/sdb1", "dm-0/slaves/sda2"):
        (root / "sys/block" / part).mkdir(parents=True)
    for folder in holding:
        (root / folder.lstrip("/")).mkdir()
    device = root.stat().st_dev
    (root / "sys/dev/block").mkdir(parents=True)
    (root / f"sys/dev/block/{os.major(device)}:{os.minor(device)}").symlink_to(f"../../devices/x/block/{mapped}")
    env = env_of(root)
    return replace(env, node=replace(env.node, data=(*holding, "/not-there")))


@pytest.mark.parametrize(("mapped", "disk"), [("sda/sda2", "sda"), ("sda", "sda"), ("dm-0", "dm-0")])
def test_it_is_told_which_disks_lie_on_which_and_which_holds_each_data_folder(tmp_path, mapped, disk):
    told = facts(on_disks(tmp_path, "/db", mapped=mapped))
    assert told["disks"] == {"dm-0": ["sda"], "md0": ["sda", "sdb"]}
    assert told["data"] == [{"folder": "/db", "disk": disk}, {"folder": "/not-there"}]


def test_a_folder_on_a_device_of_its_own_kind_has_no_disk(tmp_path):
    env = on_disks(tmp_path, "/db", mapped="sda/sda2")
    next((tmp_path / "sys/dev/block").iterdir()).unlink()
    assert facts(env)["data"] == [{"folder": "/db"}, {"folder": "/not-there"}]


# --- hardware and operating system -----------------------------------------------------------------------------------


def test_inventory_joins_what_psutil_and_the_files_say(tmp_path):
    assert facts(env_of(tmp_path, IRON)) == NOBODY_TOLD | {
        "os": "Debian GNU/Linux 12 (bookworm)",
        "cpu": "Fast CPU",
        "virtual": False,
        "vendor": "Dell Inc.",
        "model": "PowerEdge R750",
        "bios": "1.2.3",
    }


@pytest.mark.parametrize(
    ("files", "virtual"),
    [
        (KVM, True),
        (IRON, False),
        (IRON | {"sys/class/dmi/id/sys_vendor": "VMware, Inc.\n"}, True),
        (IRON | {"sys/class/dmi/id/product_name": "KVM Virtual Machine\n"}, True),
        (IRON | {"sys/class/dmi/id/sys_vendor": "innotek GmbH\n"}, True),
        ({"proc/cpuinfo": IRON["proc/cpuinfo"]}, None),
        ({"sys/class/dmi/id/sys_vendor": "Dell Inc.\n"}, None),
        ({}, None),
    ],
    ids=["flag", "iron", "vmware", "kvm", "virtualbox", "no dmi", "no cpuinfo", "nothing"],
)
def test_a_virtual_machine_is_told_where_it_can_be_and_unknown_is_not_physical(tmp_path, files, virtual):
    assert facts(env_of(tmp_path, files))["virtual"] is virtual


def test_inventory_of_a_machine_that_tells_nothing_invents_nothing(tmp_path):
    assert facts(env_of(tmp_path, {})) == NOBODY_TOLD


def test_one_file_that_cannot_be_read_costs_its_own_fact_only(tmp_path):
    env = env_of(tmp_path, IRON)
    (tmp_path / "sys/class/dmi/id/bios_version").unlink()
    (tmp_path / "sys/class/dmi/id/bios_version").mkdir()  # opens, but does not read

    found = facts(env)

    assert found["vendor"] == "Dell Inc."
    assert "bios" not in found


def test_bytes_that_are_no_text_do_not_end_the_inventory(tmp_path):
    env = env_of(tmp_path, {"sys/class/dmi/id/sys_vendor": b"Ac\xffme\n"})

    assert facts(env)["vendor"] == "Ac\ufffdme"


SIGNED = {
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "sys/class/dmi/id/product_uuid": "4c4c4544-0042\n",
    "sys/class/net/eth0/address": "52:54:00:00:00:01\n",
    "sys/class/net/eth0/addr_assign_type": "0\n",
}


def test_a_signature_is_16_hexadecimal_digits_and_stays_the_same(tmp_path):
    first, again = (facts(env_of(tmp_path / name, SIGNED))["signature"] for name in ("1", "2"))

    assert first == again
    assert len(first) == 16
    assert int(first, 16)


@pytest.mark.parametrize("file", ["etc/machine-id", "sys/class/dmi/id/product_uuid", "sys/class/net/eth0/address"])
def test_clones_that_differ_in_one_mark_have_different_signatures(tmp_path, file):
    assert (
        facts(env_of(tmp_path / "1", SIGNED))["signature"]
        != facts(env_of(tmp_path / "2", SIGNED | {file: "other\n"}))["signature"]
    )


def test_addresses_that_change_are_no_part_of_the_signature(tmp_path):
    """Random ones of bridges and containers, and that of a bond on its members, which keep their own beside it."""
    bonded = SIGNED | {
        "sys/class/net/eth0/address": "52:54:00:00:00:99\n",
        "sys/class/net/eth0/addr_assign_type": "3\n",
        "sys/class/net/eth0/bonding_slave/perm_hwaddr": "52:54:00:00:00:01\n",
        "sys/class/net/lo/address": "00:00:00:00:00:00\n",
        "sys/class/net/lo/addr_assign_type": "0\n",
        "sys/class/net/br0/address": "2a:11:22:33:44:55\n",
        "sys/class/net/br0/addr_assign_type": "1\n",
    }

    assert facts(env_of(tmp_path / "1", SIGNED))["signature"] == facts(env_of(tmp_path / "2", bonded))["signature"]


# --- packages --------------------------------------------------------------------------------------------------------

STATUS = """Package: zlib1g
Status: install ok installed
Architecture: amd64
Version: 1:1.2.13
Description: library
 Version: 9 in a description counts for nothing

Package: gone
Status: deinstall ok config-files
Version: 2.0

Package: bash
Essential: yes
Status: hold ok installed
Version: 5.2.15-2

Package: half
Status: install ok half-installed
Version: 1

Package: cut
"""


def test_packages_are_those_installed_as_count_and_fingerprint_of_sorted_names_and_versions(tmp_path):
    found = facts(env_of(tmp_path, {"var/lib/dpkg/status": STATUS}))

    digest = hashlib.sha256(b"bash 5.2.15-2\nzlib1g 1:1.2.13").hexdigest()
    assert found["packages"] == {"manager": "dpkg", "count": 2, "sha256": digest}


def test_rpm_is_asked_where_there_is_no_dpkg_and_its_order_does_not_matter(tmp_path):
    told = host_with({}, rpm="zlib 1-2.x86_64\ngpg-pubkey ab-cd.(none)\nbash 5-1.x86_64\n")

    digest = hashlib.sha256(b"bash 5-1.x86_64\nzlib 1-2.x86_64").hexdigest()
    assert facts(env_of(tmp_path, {}, **told))["packages"] == {"manager": "rpm", "count": 2, "sha256": digest}


@pytest.mark.parametrize(
    "rpm",
    ["", Finished(1, "error: x", ""), OperatorError("late"), Unavailable("no")],
    ids=["none", "fails", "hangs", "no"],
)
def test_packages_that_nobody_tells_are_left_out(tmp_path, rpm):
    assert "packages" not in facts(env_of(tmp_path, {"var/lib/dpkg/status": "\n\nPackage"}, **host_with({}, rpm=rpm)))


def test_the_packages_themselves_are_a_fact_of_their_own(tmp_path):
    found = tick(env_of(tmp_path, {"var/lib/dpkg/status": STATUS}))

    assert found["software"] == {"packages": "bash 5.2.15-2\nzlib1g 1:1.2.13"}
    assert "bash" not in json.dumps(found["inventory"])


def test_a_demonstration_lists_nothing_of_the_machine_it_runs_on(tmp_path):
    env = env_of(tmp_path, {"var/lib/dpkg/status": STATUS})
    found = tick(replace(env, plan=replace(env.plan, origin=Origin.DEMONSTRATION)))

    assert list(found) == ["inventory"]
    assert found["inventory"]["packages"]["count"] == 2


def test_a_list_of_packages_that_is_too_long_is_left_to_its_fingerprint(tmp_path):
    told = host_with({}, rpm="".join(f"package{number} {'1' * 100}\n" for number in range(12_000)))
    found = tick(env_of(tmp_path, {}, **told))

    assert found["inventory"]["packages"]["count"] == 12_000
    assert "software" not in found


def test_services_are_those_that_start_with_the_machine(tmp_path):
    unit = "etc/systemd/system"
    files = {
        f"{unit}/multi-user.target.wants/cron.service": "",
        f"{unit}/multi-user.target.wants/backup.timer": "",
        f"{unit}/sockets.target.requires/ssh.service": "",
        f"{unit}/timers.target.wants/cron.service": "",
        f"{unit}/not-enabled.service": "",
    }
    assert tick(env_of(tmp_path, files))["software"] == {"services": "cron.service\nssh.service"}


def with_kernels(root, *kernels, booted_s):
    """A machine whose kernels are installed now."""
    running = {"proc/sys/kernel/osrelease": "6.1.0-30\n", "proc/stat": f"cpu 1\nbtime {booted_s}\n"}
    return env_of(root, running | {f"lib/modules/{name}/modules.builtin": "" for name in kernels})


def test_a_kernel_that_was_installed_after_the_start_waits_for_the_next(tmp_path):
    long_ago, later = 1_000_000_000, 1 << 40
    kernels = ("6.1.0-29", "6.1.0-30", "6.1.0-31")
    found = facts(with_kernels(tmp_path / "before", *kernels, booted_s=long_ago))["restart"]
    assert found == {"kernels": ["6.1.0-29", "6.1.0-31"]}, "all but the one that runs"
    assert facts(with_kernels(tmp_path / "after", *kernels, booted_s=later))["restart"] == {"kernels": []}


def test_a_list_of_modules_that_is_made_anew_is_no_new_kernel(tmp_path):
    env = with_kernels(tmp_path, "6.1.0-30", booted_s=1_000_000_000)
    machine(tmp_path, {"lib/modules/6.1.0-29/modules.dep": ""})
    assert facts(env)["restart"] == {"kernels": []}


def test_a_machine_whose_kernel_is_kept_elsewhere_does_not_tell_its_next_one(tmp_path):
    assert "restart" not in facts(with_kernels(tmp_path, "other", booted_s=1_000_000_000))


@pytest.mark.parametrize("mark", [True, False])
def test_debian_marks_that_a_restart_is_due(tmp_path, mark):
    files = {"var/lib/dpkg/status": STATUS} | ({"run/reboot-required": "x"} if mark else {})
    assert facts(env_of(tmp_path, files))["restart"] == {"wanted": mark}


def test_whether_the_kernel_holds_to_its_commit_limit_is_told(tmp_path):
    assert facts(env_of(tmp_path / "2", {"proc/sys/vm/overcommit_memory": "2\n"}))["overcommit"] == 2
    assert "overcommit" not in facts(env_of(tmp_path / "odd", {"proc/sys/vm/overcommit_memory": "many\n"}))


# --- disks and their errors ------------------------------------------------------------------------------------------


def test_drives_are_told_with_size_and_make_and_what_lies_on_them_is_none(tmp_path):
    files = {
        "sys/block/sda/size": "2000\n",
        "sys/block/sda/device/model": "DISK 9000 \n",
        "sys/block/sda/queue/rotational": "0\n",
        "sys/block/dm-0/size": "1000\n",
        "sys/block/sr0/size": "2097151\n",
        "sys/block/sr0/queue/rotational": "1\n",
        "sys/block/sdb/size": "0\n",
        "sys/block/sdb/device/model": "CARD READER\n",
        "sys/block/sr0/device/model": "DVD\n",
    }
    found = facts(env_of(tmp_path, files))
    assert found["drives"] == {"sda": {"size_B": 1_024_000, "model": "DISK 9000", "rotating": False}}


def test_a_disk_that_is_reached_by_two_ways_is_told_once(tmp_path):
    wwids = {"sda": "naa.6000c291", "sdb": "naa.6000c292", "sdc": "naa.6000c291", "sdd": "", "sde": ""}
    files = {f"sys/block/{name}/size": "2000\n" for name in wwids}
    files |= {f"sys/block/{name}/device/wwid": f"{wwid}\n" for name, wwid in wwids.items()}
    assert list(facts(env_of(tmp_path, files))["drives"]) == ["sda", "sdb", "sdd", "sde"]


def test_errors_are_those_of_ext4_btrfs_and_degraded_arrays(tmp_path):
    files = {
        "sys/block/sda/size": "2000\n",
        "sys/block/md0/md/degraded": "1\n",
        "sys/fs/ext4/sda1/errors_count": "3\n",
        "sys/fs/ext4/features/lazy_itable_init": "supported\n",
        "sys/fs/btrfs/uuid/devinfo/1/error_stats": "write_errs 1\nread_errs 2\nflush_errs 0\ncorruption_errs 4\ngeneration_errs 0\n",
    }
    assert facts(env_of(tmp_path / "some", files))["disk_errors"] == [
        {"device": "sda1", "kind": "ext4", "count": 3},
        {"device": "uuid/1", "kind": "btrfs", "count": 7},
        {"device": "md0", "kind": "md", "count": 1},
    ]
    assert facts(env_of(tmp_path / "none", {"sys/block/sda/size": "2000\n"}))["disk_errors"] == []
    assert "disk_errors" not in facts(env_of(tmp_path / "untold", {}))


def test_a_real_interface_tells_its_firmware_and_a_virtual_one_is_not_asked(tmp_path):
    nics = {name: {"up": True, "addresses": []} for name in ("eth0", "veth1")}
    told = host_with(nics, ip_address=[{"ifname": "veth1", "linkinfo": {"info_kind": "veth"}}])
    version = {"version": "3.2", "firmware": "1.63"}
    env = env_of(tmp_path, {}, **told, firmware={"eth0": version, "veth1": {"version": "1.0"}})
    (tmp_path / "sys/class/net/eth0/device").mkdir(parents=True)
    (tmp_path / "sys/class/net/eth0/device/driver").symlink_to("../drivers/igb")

    found = facts(env)["nics"]
    assert found["eth0"]["firmware"] == version
    assert "firmware" not in found["veth1"]


# --- time, its references, and locale --------------------------------------------------------------------------------

CHRONY = """^,*,10.9.0.1,2,6,377,17,0.000,0.000,0.001
^,+,10.9.0.2,2,6,377,17,0.000,0.000,0.001
=,-,10.9.0.3,3,6,377,17,0.000,0.000,0.001
#,?,PHC0,0,6,0,4294967295,0,0,0
"""
NTPQ = """     remote           refid      st t when poll reach   delay   offset  jitter
==============================================================================
 0.pool.ntp.org  .POOL.          16 p    -   64    0    0.000    0.000   0.001
*10.9.0.1        .GPS.            1 u   33   64  377    0.1      0.0     0.0
+10.9.0.2        10.1.1.1         2 u   33   64  377    0.1      0.0     0.0
 127.127.1.0     .LOCL.           5 l    -   64    0    0.000    0.000   0.000
 SHM(0)          .GPS.            0 l   33   64  377    0.0      0.0     0.0
"""


@pytest.mark.parametrize(
    ("comm", "command", "text", "followed", "references"),
    [
        ("chronyd", "chronyc -n -c sources", CHRONY, "10.9.0.1", ["10.9.0.1", "10.9.0.2", "10.9.0.3", "local:PHC0"]),
        ("ntpd", "ntpq -pn", NTPQ, "10.9.0.1", ["10.9.0.1", "10.9.0.2", "local:127.127.1.0", "local:SHM(0)"]),
        (
            "systemd-timesyn",
            "timedatectl show-timesync --property=ServerAddress --value",
            "10.9.0.7\n",
            "10.9.0.7",
            ["10.9.0.7"],
        ),
    ],
)
def test_the_time_service_is_asked_for_its_references(tmp_path, comm, command, text, followed, references):
    time = facts(env_of(tmp_path, {"proc/1/comm": f"{comm}\n"}, programs={command: text}))["time"]
    assert (time["reference"], time["references"]) == (followed, references)


@pytest.mark.parametrize("text", ["", "506 Cannot talk to daemon\n", OperatorError("late"), Finished(1, "x,y", "")])
def test_a_time_service_that_does_not_tell_its_references_has_none_invented(tmp_path, text):
    programs = {"chronyc -n -c sources": text}
    assert "references" not in facts(env_of(tmp_path, {"proc/1/comm": "chronyd\n"}, programs=programs))["time"]


def test_the_largest_error_of_the_clock_is_left_out_where_it_is_not_told(tmp_path):
    assert facts(env_of(tmp_path, {}, clock_error_s=0.25))["time"]["error_s"] == 0.25
    assert "error_s" not in facts(env_of(tmp_path, {}))["time"]


@pytest.mark.parametrize(
    ("files", "locale"),
    [
        ({"etc/locale.conf": "LANG=de_CH.UTF-8\n"}, "de_CH.UTF-8"),
        ({"etc/default/locale": '# none\nLC_ALL=C\nLANG="C.UTF-8"\n'}, "C.UTF-8"),
        ({"etc/default/locale": "LC_ALL=C\n"}, ""),
        ({}, ""),
    ],
)
def test_the_locale_is_what_the_systems_file_sets(tmp_path, files, locale):
    assert facts(env_of(tmp_path, files))["locale"] == locale


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("processes", "service"),
    [
        ({"1": "systemd", "77": "chronyd"}, "chronyd"),
        ({"1": "systemd", "77": "systemd-timesyn"}, "systemd-timesyncd"),
        ({"1": "init", "8": "ptp4l", "9": "chronyd"}, "chronyd, ptp4l"),
        ({"1": "systemd", "77": "chronyc", "self": "ntpd"}, ""),
        ({"77": "bash"}, None),
        ({"77": "ntpd"}, "ntpd"),
        ({}, None),
    ],
    ids=["one", "cut to 15 letters", "two", "none", "not all seen", "seen all the same", "nothing seen"],
)
def test_the_time_service_is_the_one_that_runs_and_unseen_is_not_absent(tmp_path, processes, service):
    files = {f"proc/{number}/comm": f"{name}\n" for number, name in processes.items()}

    assert facts(env_of(tmp_path, files))["time"]["service"] == service


@pytest.mark.parametrize("synchronised", [True, False, None])
def test_whether_the_clock_is_synchronised_is_what_the_kernel_says(tmp_path, synchronised):
    assert facts(env_of(tmp_path, {}, synchronised=synchronised))["time"]["synchronised"] is synchronised


@pytest.mark.parametrize(
    ("target", "text", "zone"),
    [
        ("/usr/share/zoneinfo/Europe/Berlin", "Etc/UTC", "Europe/Berlin"),
        ("../usr/share/zoneinfo/UTC", None, "UTC"),
        (None, "Asia/Tokyo", "Asia/Tokyo"),
        ("/elsewhere", None, None),
        (None, None, None),
    ],
)
def test_the_time_zone_is_where_localtime_points_to(tmp_path, target, text, zone):
    (tmp_path / "etc").mkdir()
    if target:
        (tmp_path / "etc/localtime").symlink_to(target)

    assert facts(env_of(tmp_path, {"etc/timezone": text} if text else {})).get("timezone") == zone


# --- interfaces and addresses ----------------------------------------------------------------------------------------


def address_of(name: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """An interface as `ip -json -details address` tells it."""
    return {"ifname": name, "addr_info": list(entries)}


FOREVER = {"valid_life_time": 4294967295}


@pytest.mark.parametrize(
    ("entry", "static"),
    [
        ({"local": "10.0.0.1", **FOREVER}, True),
        ({"local": "10.0.0.1", "dynamic": True, "valid_life_time": 3600}, False),
        ({"local": "10.0.0.1", "valid_life_time": 3600}, False),
        ({"local": "10.0.0.1", "dynamic": True, **FOREVER}, False),
        ({"local": "10.0.0.1"}, True),
        ({"local": "10.0.0.2", **FOREVER}, None),
        ({}, None),
    ],
)
def test_an_address_is_static_if_the_kernel_counts_no_lease_down(tmp_path, entry, static):
    told = host_with({"eth0": nic(v4("10.0.0.1"))}, ip_address=[address_of("eth0", entry)])

    assert facts(env_of(tmp_path, {}, **told))["nics"]["eth0"]["addresses"][0]["static"] is static


@pytest.mark.parametrize(
    "said", [None, "", "Option -json is unknown", '[1, {}, {"addr_info": 5}]', "{}", "[[", "[" * 100_000]
)
def test_without_a_usable_ip_it_is_unknown_whether_an_address_is_static(tmp_path, said):
    told = host_with({"eth0": nic(v4("10.0.0.1"))}, **({} if said is None else {"ip_address": said}))

    assert facts(env_of(tmp_path, {}, **told))["nics"]["eth0"]["addresses"][0]["static"] is None


@pytest.mark.parametrize(
    ("netmask", "prefix"),
    [("255.255.254.0", 23), ("ffff:ffff:ffff:ffff::", 64), ("0.0.0.0", 0), (None, None), ("odd", None), (7.5, None)],
)
def test_the_prefix_is_the_length_of_the_netmask(tmp_path, netmask, prefix):
    told = host_with({"eth0": nic(v4("10.0.0.1", netmask))})

    assert facts(env_of(tmp_path, {}, **told))["nics"]["eth0"]["addresses"][0]["prefix"] == prefix


def test_link_local_addresses_find_their_entry_without_the_zone(tmp_path):
    entry = {"family": "AF_INET6", "address": "fe80::1%eth0", "netmask": "ffff:ffff:ffff:ffff::"}
    told = host_with({"eth0": nic(entry)}, ip_address=[address_of("eth0", {"local": "fe80::1", **FOREVER})])

    assert facts(env_of(tmp_path, {}, **told))["nics"]["eth0"]["addresses"] == [{**entry, "prefix": 64, "static": True}]


def test_labelled_addresses_belong_to_their_interface(tmp_path):
    """psutil gives the service address of a cluster ("eth0:1") an interface of its own."""
    told = host_with(
        {"eth0:1": nic(v4("10.0.0.9")), "eth0": nic(v4("10.0.0.1")), "odd:1": nic()},
        ip_address=[address_of("eth0", {"local": "10.0.0.1", **FOREVER}, {"local": "10.0.0.9", **FOREVER})],
    )
    nics = facts(env_of(tmp_path, {}, **told))["nics"]

    assert set(nics) == {"eth0", "odd:1"}
    assert [(entry["address"], entry["static"]) for entry in nics["eth0"]["addresses"]] == [
        ("10.0.0.1", True),
        ("10.0.0.9", True),
    ]


def test_mac_and_driver_come_from_sys_where_psutil_does_not_tell(tmp_path):
    env = env_of(
        tmp_path,
        {"sys/class/net/eth0/address": "52:54:00:00:00:01\n", "sys/class/net/eth0/device/x": ""},
        **host_with({"eth0": nic(), "bond0": nic(mac="52:54:00:00:00:02")}),
    )
    (tmp_path / "sys/class/net/eth0/device/driver").symlink_to("../../../../bus/pci/drivers/ixgbe")
    nics = facts(env)["nics"]

    assert (nics["eth0"]["mac"], nics["eth0"]["driver"]) == ("52:54:00:00:00:01", "ixgbe")
    assert (nics["bond0"]["mac"], nics["bond0"]["driver"]) == ("52:54:00:00:00:02", "")


def test_a_virtual_interface_has_its_kind_for_a_driver(tmp_path):
    kinds = {"br0": "bridge", "bond0": "bond", "v0": "veth", "eth0": None}
    told = host_with(
        {name: nic() for name in [*kinds, "odd0"]},
        ip_address=[
            *({"ifname": name, "linkinfo": {"info_kind": kind} if kind else {}} for name, kind in kinds.items()),
            {"ifname": "odd0", "linkinfo": 5},
        ],
    )
    nics = facts(env_of(tmp_path, {}, **told))["nics"]

    assert {name: entry["driver"] for name, entry in nics.items()} == {
        "br0": "bridge",
        "bond0": "bonding",
        "v0": "veth",
        "eth0": "",
        "odd0": "",
    }


# --- routes, ways and name servers -----------------------------------------------------------------------------------


CAN = {"so_timestamping": 0x5F, "phc_index": 0, "tx_types": 0b11, "rx_filters": 0b11}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, None),
        ({"so_timestamping": 0x1A, "phc_index": -1, "tx_types": 0, "rx_filters": 0}, "none"),
        (CAN | {"phc_index": -1}, "none"),
        (CAN | {"so_timestamping": 0x5F & ~0x40}, "none"),
        (CAN | {"rx_filters": 1 << 12 | 1}, "other"),
        (CAN | {"tx_types": 1}, "other"),
        (CAN, "off"),
        (CAN | {"tx_type": 0, "rx_filter": 0}, "off"),
        (CAN | {"tx_type": 1, "rx_filter": 12}, "off"),
        (CAN | {"tx_type": 0, "rx_filter": 1}, "off"),
        (CAN | {"tx_type": 1, "rx_filter": 1}, "on"),
    ],
)
def test_whether_a_card_stamps_every_packet_is_what_its_driver_says(tmp_path, said, told):
    found = facts(env_of(tmp_path, {}, **host_with({"eth0": nic()}), hardware_stamps={"eth0": said}))
    assert found["nics"]["eth0"].get("hardware_stamps") == told


@real_machine
def test_this_machines_loopback_is_asked_and_has_no_hardware_that_could_stamp():
    said = PsutilHost().hardware_stamps("lo")
    assert said["phc_index"] == -1
    assert stamping(said) == "none"


@real_machine
@pytest.mark.parametrize("name", ["not-there", "a-name-that-is-too-long", "", "\0"])
def test_an_interface_that_cannot_be_asked_tells_nothing(name):
    assert PsutilHost().hardware_stamps(name) == {}


def test_routes_of_both_families_default_first_with_every_next_hop(tmp_path):
    told = host_with(
        {},
        ip_route=[
            {"dst": "10.0.0.0/8", "gateway": "10.1.1.1", "dev": "eth1", "metric": 100},
            {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"},
            {"dst": "10.7.0.0/16", "nexthops": [{"gateway": "10.1.1.2", "dev": "eth1"}, {"dev": "tun0"}, 5]},
            {"dst": "10.8.0.0/16", "via": {"family": "inet6", "host": "fe80::9"}, "dev": "eth2", "metric": "odd"},
            {"type": "blackhole", "dst": "192.168.0.0/16"},
            "odd",
        ],
        ip_route6=[
            {"dst": "fe80::/64", "dev": "eth0"},
            {"dst": "default", "gateway": "fd00::1", "dev": "eth0", "metric": 1024},
        ],
    )

    assert facts(env_of(tmp_path, {}, **told))["routes"] == [
        {"to": "default", "via": "192.0.2.1", "nic": "eth0", "metric": None},
        {"to": "default", "via": "fd00::1", "nic": "eth0", "metric": 1024},
        {"to": "10.0.0.0/8", "via": "10.1.1.1", "nic": "eth1", "metric": 100},
        {"to": "10.7.0.0/16", "via": "10.1.1.2", "nic": "eth1", "metric": None},
        {"to": "10.7.0.0/16", "via": "", "nic": "tun0", "metric": None},
        {"to": "10.8.0.0/16", "via": "fe80::9", "nic": "eth2", "metric": None},
    ]


def test_a_machine_with_many_routes_says_how_many_it_left_out(tmp_path):
    many = [{"dst": f"10.{n}.0.0/16", "dev": "eth0"} for n in range(ROUTES + 3)]
    found = facts(env_of(tmp_path, {}, **host_with({}, ip_route=[*many, {"dst": "default", "dev": "eth0"}])))

    assert len(found["routes"]) == ROUTES
    assert found["routes"][0]["to"] == "default"
    assert found["routes_left_out"] == 4


def test_a_machine_without_routes_differs_from_one_that_does_not_tell(tmp_path):
    assert facts(env_of(tmp_path, {}, **host_with({}, ip_route=[])))["routes"] == []
    assert "routes" not in facts(env_of(tmp_path, {}, **host_with({})))


def test_the_way_to_a_peer_is_what_the_kernel_picks(tmp_path):
    got = [{"dst": "10.9.0.2", "gateway": "10.1.0.1", "dev": "eth1", "prefsrc": "10.1.0.7", "flags": []}]

    assert facts(env_of(tmp_path, {}, **host_with({}, ip_get=got)))["egress"] == [
        {"target": "b", "network": "ch1", "address": "10.9.0.2", "nic": "eth1", "source": "10.1.0.7", "via": "10.1.0.1"}
    ]


def test_without_ip_the_way_is_told_by_the_source_and_the_interface_that_holds_it(tmp_path):
    nics = {"lo": nic(v4("127.0.0.1")), "eth1": nic(v4("10.9.0.1"))}
    env = env_of(tmp_path, {}, **host_with(nics), sources={"10.9.0.2": "10.9.0.1"})

    assert facts(env)["egress"] == [
        {"target": "b", "network": "ch1", "address": "10.9.0.2", "nic": "eth1", "source": "10.9.0.1", "via": ""}
    ]


def test_ways_are_told_for_every_network_two_nodes_share_and_every_observer(tmp_path):
    data = plan_data()
    data["network"] = {"ch1": {"kind": "channel"}, "ch2": {"kind": "channel"}, "pub": {"kind": "public"}}
    data["node"] = [
        {"name": "a", "addr": {"ch1": "10.1.0.1/24", "ch2": "10.2.0.1/24"}},
        {"name": "b", "addr": {"ch1": "10.1.0.2/24", "ch2": "10.2.0.2/24", "pub": "10.8.0.2/24"}},
        {"name": "c", "addr": {"ch1": "10.1.0.3/24"}},
    ]
    data["observer"] = [{"name": "gw", "kind": "gateway", "addr": "192.0.2.254"}]
    plan = parse(data, "plan")
    env = Env(FakeClock(), FakeHost(), Run("5e" * 16, 0, tmp_path), plan, plan.node("a"), tmp_path)

    assert [(way["target"], way["network"], way["address"]) for way in facts(env)["egress"]] == [
        ("b", "ch1", "10.1.0.2"),
        ("b", "ch2", "10.2.0.2"),
        ("c", "ch1", "10.1.0.3"),
        ("gw", "", "192.0.2.254"),
    ]


@pytest.mark.parametrize(
    ("files", "dns"),
    [
        (
            {"etc/resolv.conf": "# x\nsearch a\nnameserver 10.0.0.1\nnameserver\nnameserver fd00::1 # y\n"},
            ["10.0.0.1", "fd00::1"],
        ),
        (
            {
                "etc/resolv.conf": "nameserver 127.0.0.53\noptions edns0\n",
                "run/systemd/resolve/resolv.conf": "nameserver 10.0.0.2\n",
            },
            ["10.0.0.2"],
        ),
        ({"etc/resolv.conf": "nameserver 127.0.0.53\n"}, ["127.0.0.53"]),
        ({}, None),
    ],
    ids=["plain", "behind systemd-resolved", "stub alone", "not told"],
)
def test_name_servers_are_those_that_are_really_asked(tmp_path, files, dns):
    assert facts(env_of(tmp_path, files)).get("dns") == dns


# --- programs --------------------------------------------------------------------------------------------------------


def test_a_program_that_hangs_is_asked_once_and_costs_its_own_facts_only(tmp_path):
    late = OperatorError("'ip' did not end within 10 s")
    told = host_with({}, ip_address=late, ip_route=[], ip_get=[{"dev": "eth0"}], rpm="bash 5-1.x86_64\n")
    env = env_of(tmp_path, {}, **told)

    found = facts(env)

    assert [command.split()[0] for command, _ in env.host.ran] == ["ip", "rpm", *["getent"] * 3]
    assert "routes" not in found
    assert found["packages"]["count"] == 1


def test_programs_together_stay_within_the_deadline_of_the_probe(tmp_path):
    """Each takes nearly as long as it may: past the probe's deadline its whole process would be ended."""
    clock = FakeClock()

    class Slow(FakeHost):
        def run(self, command, deadline_s):
            clock.advance(deadline_s * 0.9)
            return super().run(command, deadline_s)

    host = Slow()
    began = clock.monotonic_ns()
    nodes = [f"10.9.0.{n}" for n in range(1, 9)]
    plan = parse(plan_data(*nodes), "plan")
    facts(Env(clock, host, Run("5e" * 16, 0, tmp_path), plan, plan.node("a"), tmp_path))

    assert clock.monotonic_ns() - began <= ALL_S * 1e9 < inventory.PROBE.deadline_s * 1e9
    assert max(deadline_s for _, deadline_s in host.ran) <= CALL_S


# --- this machine ----------------------------------------------------------------------------------------------------


def this_machine(tmp_path: Path) -> Env:
    env = make_env(SystemClock(), PsutilHost(), tmp_path)
    return Env(env.clock, env.host, env.run, env.plan, env.node)


@real_machine
def test_the_inventory_of_this_machine_has_addresses_and_memory(tmp_path):
    found = facts(this_machine(tmp_path))
    (loopback,) = [entry for entry in found["nics"]["lo"]["addresses"] if entry["address"] == "127.0.0.1"]

    assert found["memory_B"] == psutil.virtual_memory().total
    assert loopback["prefix"] == 8
    assert loopback["static"] is (True if shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") else None)
    assert set(found["nics"]) == {name.partition(":")[0] for name in psutil.net_if_addrs()}
    for name, told in found["nics"].items():
        assert told["mac"] == Path(f"/sys/class/net/{name}/address").read_text().strip()


@real_machine
def test_the_inventory_is_small_enough_to_be_repeated_in_every_state(tmp_path):
    found = facts(this_machine(tmp_path))
    own = {key: found.get(key) for key in ("egress", "dns", "timezone", "time", "packages", "signature")}

    assert len(json.dumps(own)) < 2000


@pytest.mark.parametrize(("target", "source"), [("127.0.0.1", "127.0.0.1"), ("no address", ""), ("256.0.0.1", "")])
def test_the_source_address_is_what_the_kernel_would_use(target, source):
    assert PsutilHost().source_address(target) == source


class Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it is used."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
    )


@pytest.mark.parametrize(
    ("returned", "status", "synchronised"),
    [(0, 0x2001, True), (0, 0x2041, False), (5, 0x0040, False), (5, 0, False), (1, 0, True), (-1, 0, None)],
    ids=["kept", "status says no", "never kept", "error", "leap second ahead", "refused"],
)
def test_a_clock_is_synchronised_if_the_kernel_says_so_both_ways(monkeypatch, returned, status, synchronised):
    class Library:
        def __init__(self, *_, **__):
            pass

        @staticmethod
        def adjtimex(buffer):
            timex = Timex.from_buffer(buffer)
            assert timex.modes == 0, "it would set the clock"
            timex.status = status
            return returned

    monkeypatch.setattr(ctypes, "CDLL", Library)

    assert PsutilHost().clock_synchronised() is synchronised


@pytest.mark.parametrize(("returned", "error_s"), [(0, 1.5), (5, 1.5), (-1, None)])
def test_the_largest_error_of_the_clock_is_the_kernels(monkeypatch, returned, error_s):
    class Library:
        def __init__(self, *_, **__):
            pass

        @staticmethod
        def adjtimex(buffer):
            Timex.from_buffer(buffer).maxerror = 1_500_000
            return returned

    monkeypatch.setattr(ctypes, "CDLL", Library)

    assert PsutilHost().clock_error_s() == error_s


@real_machine
def test_the_clock_of_this_machine_can_be_asked():
    assert PsutilHost().clock_synchronised() in (True, False, None)
    assert (PsutilHost().clock_error_s() is None) is (PsutilHost().clock_synchronised() is None)


@real_machine
def test_an_interface_that_has_no_driver_tells_no_firmware():
    assert PsutilHost().firmware("lo") == {}
    assert PsutilHost().firmware("no-such-nic") == {}


def test_a_program_that_is_not_installed_is_unavailable():
    with pytest.raises(Unavailable, match="haready-no-such-program: not installed"):
        PsutilHost().run(["haready-no-such-program"], 5.0)


@real_machine
def test_a_program_is_found_where_an_ordinary_users_path_does_not_lead(monkeypatch):
    system = [folder for folder in ("/usr/sbin", "/sbin") if Path(folder, "ldconfig").exists()]
    if not system:
        pytest.skip("no program that only system folders have")
    monkeypatch.setenv("PATH", "/nowhere")

    assert PsutilHost().run(["ldconfig", "--version"], 10.0).code == 0


# --- names and ARP ---------------------------------------------------------------------------------------------------


def test_the_plans_names_are_looked_up_and_one_that_is_nowhere_has_no_address(tmp_path):
    told = host_with({})
    told["programs"] |= {
        "getent ahosts a": "10.9.0.1 STREAM a\n10.9.0.1 DGRAM\n10.9.0.1 RAW\nfd00::1 STREAM\nrubbish\n",
        "getent ahosts b": Finished(2, "", ""),
        "getent ahosts fake": Finished(1, "", "broken"),
    }

    names = facts(env_of(tmp_path, {}, **told))["names"]

    assert names == {"a": ["10.9.0.1", "fd00::1"], "b": []}, "what could not be asked about is left out"


def test_without_getent_no_name_is_told_of(tmp_path):
    assert "names" not in facts(env_of(tmp_path, {}, **host_with({})))


def test_arp_settings_are_told_of_interfaces_with_an_address_and_of_all(tmp_path):
    files = {
        "proc/sys/net/ipv4/conf/all/arp_ignore": "1\n",
        "proc/sys/net/ipv4/conf/eth0/arp_announce": "2\n",
        "proc/sys/net/ipv4/conf/eth0/drop_gratuitous_arp": "odd\n",
        "proc/sys/net/ipv4/conf/eth1/arp_ignore": "8\n",
    }
    found = facts(env_of(tmp_path, files, **host_with({"eth0": nic(v4("10.9.0.1")), "eth1": nic()})))

    assert found["arp"] == {"all": {"arp_ignore": 1}, "eth0": {"arp_announce": 2}}
    assert "arp" not in facts(env_of(tmp_path / "other", {}))
