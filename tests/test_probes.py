"""The probes: exact rows from a machine that is a folder, and agreement with psutil on this one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fakes import FakeClock, FakeHost, machine, make_env

import collector.probes
from collector.contract import Batch, Env, Facts
from collector.errors import Unavailable
from collector.machine import LINUX, Anchor, KeptFile, PsutilHost, SystemClock, take_anchor
from collector.plugins import discover
from collector.probes import backlog, cost, cpu, disk, filesystem, handles, link, memory, nic, paging, pressure, tcp
from collector.qdisc import Waiting

ALL = discover(collector.probes, "PROBE")
ANYWHERE = {"cpu": cpu, "disk": disk, "filesystem": filesystem, "link": link, "memory": memory, "nic": nic}
COUNTING = ANYWHERE | {"handles": handles, "paging": paging, "pressure": pressure, "tcp": tcp}

STAT = """cpu  100 2 30 4000 50 6 7 8 9 10
cpu0 50 1 15 2000 25 3 3 4 4 5
cpu7 49 1 15 2000 25 3 3 4 4 5
intr 12345 1 2 3
ctxt 987654321
btime 1700000000
processes 4711
procs_running 3
procs_blocked 0
softirq 1 2 3
"""
LOADAVG = "0.29 0.50 1.00 2/345 6789\n"
MEMINFO = """MemTotal:       16000000 kB
MemFree:         1000000 kB
MemAvailable:    8000000 kB
Buffers:          200000 kB
Cached:          3000000 kB
SwapTotal:       2000000 kB
SwapFree:        1500000 kB
Dirty:               123 kB
CommitLimit:    10000000 kB
Committed_AS:    5000000 kB
HugePages_Total:       0
"""
DISKSTATS = """   8       0 sda 100 1 2000 30 200 2 4000 60 3 90 100 0 0 0 0 5 6
   8       1 sda1 99 1 1999 30 200 2 4000 60 0 90 100 0 0 0 0 5 6
 259       0 nvme0n1 10 0 20 3 40 0 50 6 0 7 9
 259       1 nvme0n1p1 10 0 20 3 40 0 50 6 0 7 9
 253       0 dm-0 7 0 8 1 9 0 16 2 1 3 4 0 0 0 0 0 0
   9     127 md127 1 0 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0
   7       0 loop0 5 0 6 7 0 0 0 0 0 0 0 0 0 0 0 0 0
   1       0 ram0 5 0 6 7 0 0 0 0 0 0 0 0 0 0 0 0 0
 251       0 zram0 5 0 6 7 0 0 0 0 0 0 0 0 0 0 0 0 0
  11       0 sr0 5 0 6 7 0 0 0 0 0 0 0 0 0 0 0 0 0
   8      16 sdb 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 252       0 vda 0 0 0 0 1 0 8 1 0 1 1
 179       0 mmcblk0 1 0 8 0 0 0 0 0 0 0 0
 179       1 mmcblk0p1 1 0 8 0 0 0 0 0 0 0 0
"""
NET_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1000      10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
  eth0:18446744073709551615 20    1    2    3     4          5         6     2001      21    7    8    9    10      11         12
enp129s0f1np123: 5 6 7 8 0 0 0 0 9 10 11 12 0 0 0 0
br-0a1b.100: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0
"""
VMSTAT = """nr_free_pages 1
pswpin 11
pswpout 12
pgfault 99
pgmajfault 13
oom_kill 0
"""
PRESSURE = """some avg10=0.05 avg60=0.72 avg300=0.30 total=6997935
full avg10=0.00 avg60=0.00 avg300=0.00 total=17
"""
SNMP = """Ip: Forwarding OutSegs
Ip: 1 5
Tcp: RtoAlgorithm MaxConn OutSegs RetransSegs InErrs OutRsts
Tcp: 1 -1 1383 7 0 10
Udp: OutSegs
Udp: 6
"""
NETSTAT = """TcpExt: SyncookiesSent TCPTimeouts TCPSpuriousRTOs
TcpExt: 0 42 3
IpExt: InNoRoutes
IpExt: 0
"""
MOUNTS = """proc /proc proc rw 0 0
/dev/sda1 / ext4 ro,relatime 0 0
/dev/sdb1 /var/my\\040data xfs rw 0 0
/dev/sda1 /run/netns ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
server:/home /home nfs4 rw 0 0
//server/share /share cifs rw 0 0
/dev/loop3 /snap/core squashfs ro 0 0
/dev/loop4 /mnt/image ext4 ro 0 0
/dev/sdc1 /gone ext4 rw 0 0
/dev/sdd1 /hidden ext4 rw 0 0
server:/x /hidden nfs rw 0 0
overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
cut short
"""
ETH0 = {
    "sys/class/net/eth0/speed": "1000\n",
    "sys/class/net/eth0/duplex": "full\n",
    "sys/class/net/eth0/mtu": "1500\n",
    "sys/class/net/eth0/carrier": "1\n",
    "sys/class/net/eth0/carrier_changes": "2\n",
    "sys/class/net/eth0/operstate": "up\n",
}
FILES = {
    "proc/stat": STAT,
    "proc/loadavg": LOADAVG,
    "proc/meminfo": MEMINFO,
    "proc/diskstats": DISKSTATS,
    "proc/net/dev": NET_DEV,
    "proc/vmstat": VMSTAT,
    "proc/sys/fs/file-nr": "1885 0 2466170\n",
    "proc/pressure/cpu": PRESSURE,
    "proc/pressure/memory": PRESSURE,
    "proc/pressure/io": PRESSURE,
    "proc/net/snmp": SNMP,
    "proc/net/netstat": NETSTAT,
    "proc/mounts": MOUNTS,
    **ETH0,
}


def tick(probe_iterator) -> list[Batch | Facts]:
    """What a probe yields in one tick."""
    found: list[Batch | Facts] = []
    for item in probe_iterator:
        if item is None:
            return found
        found.append(item)
    raise AssertionError("the probe ended")


def rows(probe_iterator, table: str | None = None) -> dict[tuple[str, ...], tuple[int | None, ...]]:
    """Values of a tick by labels; of one table where the probe has several."""
    return {item.labels: item.values for item in tick(probe_iterator) if table in (None, item.table)}


def env_of(tmp_path, files: dict[str, str | bytes], **told) -> Env:
    return make_env(FakeClock(), FakeHost(**told), machine(tmp_path, files))


# --- a machine that is a folder --------------------------------------------------------------------------------------


def test_cpu_gives_the_sum_and_each_cpu_that_is_on_line_and_ignores_fields_it_does_not_know(tmp_path):
    probe = cpu.sample(env_of(tmp_path, {"proc/stat": STAT, "proc/loadavg": LOADAVG}))

    assert tick(probe) == [
        Batch("cpu", ("all",), FakeClock().mono_ns, (100, 2, 30, 4000, 50, 6, 7, 8)),
        Batch("cpu", ("0",), FakeClock().mono_ns, (50, 1, 15, 2000, 25, 3, 3, 4)),
        Batch("cpu", ("7",), FakeClock().mono_ns, (49, 1, 15, 2000, 25, 3, 3, 4)),
        Batch("load", (), FakeClock().mono_ns, (3, 0, 29, 987654321)),
    ]


def test_cpu_times_and_load_that_are_not_told_are_null_not_zero(tmp_path):
    """Emulated /proc files of containers leave fields and lines out; one cut off in the middle of a line is no reason to end."""
    probe = cpu.sample(env_of(tmp_path, {"proc/stat": "cpu  1 2 3 4\ncpu0 1\nctxt\nprocs_blocked 0\npro"}))

    assert tick(probe) == [
        Batch("cpu", ("all",), FakeClock().mono_ns, (1, 2, 3, 4, None, None, None, None)),
        Batch("cpu", ("0",), FakeClock().mono_ns, (1, None, None, None, None, None, None, None)),
        Batch("load", (), FakeClock().mono_ns, (None, 0, None, None)),
    ]


def test_a_cpu_that_goes_off_line_has_no_rows_and_ends_nothing(tmp_path):
    probe = cpu.sample(env_of(tmp_path, {"proc/stat": STAT}))
    assert ("7",) in rows(probe, "cpu")
    text = "".join(line for line in STAT.splitlines(keepends=True) if not line.startswith("cpu7"))
    (tmp_path / "proc/stat").write_text(text)

    assert set(rows(probe, "cpu")) == {("all",), ("0",)}


def test_one_tick_of_cpu_and_load_reads_proc_stat_once(tmp_path, monkeypatch):
    """The kernel adds up every interrupt of every CPU for it."""
    read: list[KeptFile] = []
    monkeypatch.setattr(KeptFile, "read", _noting(KeptFile.read, read))
    probe = cpu.sample(env_of(tmp_path, {"proc/stat": STAT, "proc/loadavg": LOADAVG}))

    tick(probe)

    assert [file.path.name for file in read] == ["stat", "loadavg"]


def test_every_tick_reads_the_file_anew(tmp_path):
    probe = cpu.sample(env_of(tmp_path, {"proc/stat": STAT}))
    tick(probe)
    with (tmp_path / "proc/stat").open("r+") as file:
        file.write("cpu  101")

    assert rows(probe, "cpu")[("all",)][0] == 101


def test_memory_reads_kibibytes_by_name_whatever_their_order(tmp_path):
    shuffled = "".join(sorted(MEMINFO.splitlines(keepends=True)))
    probe = memory.sample(env_of(tmp_path, {"proc/meminfo": shuffled}))

    assert rows(probe) == {(): (16000000, 8000000, 1000000, 200000, 3000000, 123, 5000000, 10000000, 2000000, 1500000)}


def test_what_meminfo_does_not_tell_is_null_not_zero(tmp_path):
    probe = memory.sample(env_of(tmp_path, {"proc/meminfo": "MemTotal: 5 kB\nMemFree: 0 kB\n"}))

    assert rows(probe)[()] == (5, None, 0, None, None, None, None, None, None, None)


def test_disk_gives_whole_disks_that_did_something_and_no_partitions(tmp_path):
    probe = disk.sample(env_of(tmp_path, {"proc/diskstats": DISKSTATS}))

    assert rows(probe) == {
        ("sda",): (100, 2000 * 512, 30, 200, 4000 * 512, 60, 3, 90),
        ("nvme0n1",): (10, 20 * 512, 3, 40, 50 * 512, 6, 0, 7),
        ("dm-0",): (7, 8 * 512, 1, 9, 16 * 512, 2, 1, 3),
        ("md127",): (1, 8 * 512, 0, 0, 0, 0, 0, 0),
        ("vda",): (0, 0, 0, 1, 8 * 512, 1, 0, 1),
        ("mmcblk0",): (1, 8 * 512, 0, 0, 0, 0, 0, 0),
    }


def test_a_disk_that_appears_and_goes_during_the_run_has_rows_while_it_is_there(tmp_path):
    probe = disk.sample(env_of(tmp_path, {"proc/diskstats": ""}))

    assert rows(probe) == {}
    path = tmp_path / "proc/diskstats"
    path.write_text(DISKSTATS)
    assert ("sda",) in rows(probe)
    path.write_text("")
    assert rows(probe) == {}


def test_nic_gives_bytes_packets_errors_and_drops_of_every_interface(tmp_path):
    """15 letters leave no space after the colon; a counter of 64 bits stands as it is."""
    probe = nic.sample(env_of(tmp_path, {"proc/net/dev": NET_DEV}))

    assert rows(probe) == {
        ("lo",): (1000, 10, 0, 0, 1000, 10, 0, 0),
        ("eth0",): (18446744073709551615, 20, 1, 2, 2001, 21, 7, 8),
        ("enp129s0f1np123",): (5, 6, 7, 8, 9, 10, 11, 12),
        ("br-0a1b.100",): (1, 2, 3, 4, 5, 6, 7, 8),
    }


def test_an_alias_with_a_colon_keeps_its_name_and_does_not_end_the_probe(tmp_path):
    header = "".join(NET_DEV.splitlines(keepends=True)[:2])
    probe = nic.sample(env_of(tmp_path, {"proc/net/dev": header + "eth0:1: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"}))

    assert rows(probe) == {("eth0:1",): (1, 2, 3, 4, 5, 6, 7, 8)}


@pytest.mark.parametrize("text", ["MemTotal:", "MemTotal: \n", "MemTotal: 5 k", "Mem", "", "MemFree: x kB"])
def test_a_meminfo_that_is_cut_off_ends_nothing(tmp_path, text):
    probe = memory.sample(env_of(tmp_path, {"proc/meminfo": text}))

    assert rows(probe)[()] == (5 if "5" in text else None, *[None] * 9)


def test_lines_of_disks_and_interfaces_that_are_cut_off_are_left_out_and_the_others_stay(tmp_path):
    files = {
        "proc/diskstats": DISKSTATS.splitlines()[0] + "\n   8 16 sdc 1 2 3\n 8\n\n",
        "proc/net/dev": NET_DEV + "eth9: 1 2 3\neth8:\n\neth7\n",
    }

    assert set(rows(disk.sample(env_of(tmp_path, files)))) == {("sda",)}
    assert set(rows(nic.sample(env_of(tmp_path, files)))) == {
        ("lo",),
        ("eth0",),
        ("enp129s0f1np123",),
        ("br-0a1b.100",),
    }


def test_names_of_devices_that_are_no_text_are_labels_all_the_same(tmp_path):
    files = {
        "proc/diskstats": DISKSTATS.encode().splitlines()[0].replace(b"sda", b"s\xff"),
        "proc/net/dev": b"a\nb\n\xffth: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n",
    }

    assert set(rows(disk.sample(env_of(tmp_path, files)))) == {("s\ufffd",)}
    assert set(rows(nic.sample(env_of(tmp_path, files)))) == {("\ufffdth",)}


def test_pressure_gives_the_totals_of_each_resource(tmp_path):
    """Kernels before 5.13 tell no "full" for the CPU."""
    files = {"cpu": PRESSURE.splitlines()[0], "memory": PRESSURE, "io": "some avg10=0.00 avg60=0.00 avg300=0.00 tot"}
    probe = pressure.sample(env_of(tmp_path, {f"proc/pressure/{name}": text for name, text in files.items()}))

    assert rows(probe) == {("cpu",): (6997935, None), ("memory",): (6997935, 17)}


def test_a_kernel_without_pressure_says_so(tmp_path):
    with pytest.raises(Unavailable, match=r"^no PSI on this kernel$"):
        next(pressure.sample(env_of(tmp_path, {})))


def test_a_kernel_with_pressure_switched_off_says_so_too(tmp_path):
    env = env_of(tmp_path, {})
    (tmp_path / "proc/pressure/cpu").mkdir(parents=True)  # opens, but does not read

    with pytest.raises(Unavailable, match=r"^no PSI on this kernel .*pressure/cpu: Is a directory"):
        next(pressure.sample(env))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (VMSTAT, (11, 12, 13, 0)),
        (VMSTAT.replace("oom_kill 0\n", ""), (11, 12, 13, None)),
        ("pswpin 18446744073709551615", (18446744073709551615, None, None, None)),
        ("xpswpin 5\npswpin_x 6\npswpout \n", (None, None, None, None)),
        ("", (None, None, None, None)),
    ],
    ids=["whole", "before 4.13", "64 bits", "other names", "empty"],
)
def test_paging_reads_by_name_and_what_is_not_told_is_null(tmp_path, text, values):
    assert rows(paging.sample(env_of(tmp_path, {"proc/vmstat": text}))) == {(): values}


@pytest.mark.parametrize(
    ("snmp", "netstat", "values"),
    [
        (SNMP, NETSTAT, (1383, 7, 42, 10)),
        (SNMP, None, (1383, 7, None, 10)),
        (SNMP.replace("OutRsts", "Other"), NETSTAT, (1383, 7, 42, None)),
        ("Tcp: OutSegs RetransSegs OutRsts\nTcp: 5\n", NETSTAT, (5, None, 42, None)),
        ("Tcp: OutSegs RetransSegs\n", "TcpExt: TCPTimeouts", (None, None, None, None)),
    ],
    ids=["whole", "no netstat", "other fields", "short", "names only"],
)
def test_tcp_finds_its_counters_by_name_in_the_right_group(tmp_path, snmp, netstat, values):
    files = {"proc/net/snmp": snmp} | ({"proc/net/netstat": netstat} if netstat else {})

    assert rows(tcp.sample(env_of(tmp_path, files))) == {(): values}


def test_file_systems_are_the_local_ones_each_device_once_and_what_is_gone_is_left_out(tmp_path, monkeypatch):
    asked = []

    def statvfs(path):
        asked.append(path)
        return os.statvfs_result((4096, 1024, 1000, 300, 200, 50, 40, 30, 0, 255))

    env = env_of(tmp_path, {"proc/mounts": MOUNTS})
    (tmp_path / "var/my data").mkdir(parents=True)
    real = os.statvfs
    monkeypatch.setattr(os, "statvfs", lambda path: statvfs(path) if real(path) else None)

    found = rows(filesystem.sample(env))

    assert found == {("/",): (1000, 200, 50, 30), ("/var/my data",): (1000, 200, 50, 30)}
    assert sorted(asked) == [os.fsencode(tmp_path) + b"/", os.fsencode(tmp_path) + b"/var/my data"]


def test_a_network_file_system_is_never_asked_even_where_it_lies_over_a_local_one():
    """Asking one whose server is gone would hang the probe."""
    assert filesystem.local_mounts(MOUNTS.encode()) == [b"/", b"/var/my data", b"/gone"]


def test_a_file_system_without_inodes_has_null_not_zero(tmp_path, monkeypatch):
    result = os.statvfs_result((4096, 4096, 1000, 300, 200, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: result)

    probe = filesystem.sample(env_of(tmp_path, {"proc/mounts": "/dev/sda1 / btrfs rw 0 0\n"}))

    assert rows(probe) == {("/",): (4000, 800, None, None)}


def test_a_file_system_that_is_mounted_and_unmounted_has_rows_while_it_is_there(tmp_path):
    probe = filesystem.sample(env_of(tmp_path, {"proc/mounts": "/dev/sda1 / ext4 rw 0 0\n"}))
    assert set(rows(probe)) == {("/",)}
    (tmp_path / "mnt").mkdir()
    (tmp_path / "proc/mounts").write_text("/dev/sda1 / ext4 rw 0 0\n/dev/sdb /mnt ext4 rw 0 0\n")
    assert set(rows(probe)) == {("/",), ("/mnt",)}
    (tmp_path / "mnt").rmdir()
    assert set(rows(probe)) == {("/",)}


@pytest.mark.parametrize(
    ("changed", "values"),
    [
        ({}, (1000, 1, 1500, 1, 2)),
        ({"speed": "-1", "duplex": "unknown"}, (None, None, 1500, 1, 2)),
        ({"speed": "4294967295"}, (None, 1, 1500, 1, 2)),
        ({"speed": "65535"}, (None, 1, 1500, 1, 2)),
        ({"speed": "0"}, (None, 1, 1500, 1, 2)),
        ({"speed": "fast"}, (None, 1, 1500, 1, 2)),
        ({"speed": "100", "duplex": "half", "carrier": "0"}, (100, 0, 1500, 0, 2)),
        ({"carrier_changes": None}, (1000, 1, 1500, 1, None)),
        ({"carrier": None, "operstate": "down"}, (1000, 1, 1500, 0, 2)),
        ({"carrier": None, "operstate": "up"}, (1000, 1, 1500, None, 2)),
    ],
)
def test_link_gives_what_the_driver_tells_and_null_for_the_rest(tmp_path, changed, values):
    files = dict(ETH0)
    for name, text in changed.items():
        path = f"sys/class/net/eth0/{name}"
        del files[path]
        if text is not None:
            files[path] = text

    assert rows(link.sample(env_of(tmp_path, files))) == {("eth0",): values}


def test_an_attribute_that_opens_but_does_not_read_is_null(tmp_path):
    """The kernel answers EINVAL for the speed of an interface that has none."""
    env = env_of(tmp_path, ETH0)
    (tmp_path / "sys/class/net/eth0/speed").unlink()
    (tmp_path / "sys/class/net/eth0/speed").mkdir()

    assert rows(link.sample(env)) == {("eth0",): (None, 1, 1500, 1, 2)}


def test_an_interface_that_goes_and_comes_back_has_rows_while_it_is_there(tmp_path):
    probe = link.sample(env_of(tmp_path, ETH0 | {"sys/class/net/bonding_masters": "bond0\n"}))
    assert set(rows(probe)) == {("eth0",)}
    (tmp_path / "sys/class/net/eth0").rename(tmp_path / "away")
    assert rows(probe) == {}
    (tmp_path / "away").rename(tmp_path / "sys/class/net/eth0")
    (tmp_path / "sys/class/net/eth0/speed").write_text("100")
    assert rows(probe) == {("eth0",): (100, 1, 1500, 1, 2)}


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("1885\t0\t2466170\n", (1885, 2466170)),
        ("1885 85 9223372036854775807\n", (1800, 1 << 53)),
        ("1 0 0 7\n", (1, 0)),
    ],
    ids=["usual", "no limit", "a field more"],
)
def test_handles_are_those_that_are_open_and_the_systems_limit(tmp_path, text, row):
    assert rows(handles.sample(env_of(tmp_path, {"proc/sys/fs/file-nr": text}))) == {(): row}


def test_a_limit_of_handles_in_another_form_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="1 numbers instead of 3"):
        next(handles.sample(env_of(tmp_path, {"proc/sys/fs/file-nr": "12\n"})))


def test_the_backlog_is_that_of_every_interface(tmp_path):
    told = {"eth1": Waiting(3, 4500, 7), "eth0": Waiting(0, 0, 0)}
    assert rows(backlog.sample(env_of(tmp_path, {}, queues=told))) == {("eth0",): (0, 0, 0), ("eth1",): (3, 4500, 7)}


def test_a_kernel_that_tells_no_queue_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="not told"):
        next(backlog.sample(env_of(tmp_path, {})))


def _process(pid, parent, ticks, memory=None):
    stat = f"{pid} (a name (with) brackets) S {parent} 1 1 0 -1 0 1 0 0 0 {ticks} {ticks} 900 900 20 0 1 0 5 6 7\n"
    files = {f"proc/{pid}/stat": stat}
    return files if memory is None else files | {f"proc/{pid}/smaps_rollup": f"Rss: 9 kB\nPss:    {memory} kB\n"}


def test_the_cost_is_that_of_the_main_process_and_its_children_and_of_no_other(tmp_path):
    main, second = os.getppid(), 100 / os.sysconf("SC_CLK_TCK")
    files = _process(main, 1, 10, 300) | _process(900001, main, 5, 40) | _process(900002, 900001, 99, 9)
    assert rows(cost.sample(env_of(tmp_path, files))) == {(): (2, int(30 * second), 340)}


def test_children_that_the_kernel_lists_are_not_searched_for(tmp_path):
    main = os.getppid()
    files = _process(main, 1, 10, 300) | _process(900001, main, 5, 40) | _process(900002, main, 99, 9)
    listed = {f"proc/{main}/task/{main}/children": "900001 "}
    ((processes, _, pss),) = rows(cost.sample(env_of(tmp_path, files | listed))).values()
    assert (processes, pss) == (2, 340)


def test_memory_that_one_process_does_not_tell_is_null_and_a_child_that_comes_later_is_found(tmp_path):
    main = os.getppid()
    probe = cost.sample(env_of(tmp_path, _process(main, 1, 10, 300) | _process(900001, main, 5)))
    ((processes, _, pss),) = rows(probe).values()
    assert (processes, pss) == (2, None)
    # The bandwidth process starts again under another number.
    (tmp_path / "proc/900001/stat").unlink()
    machine(tmp_path, _process(900003, main, 7, 50))
    ((processes, _, pss),) = rows(probe).values()
    assert (processes, pss) == (2, 350)


def test_without_processes_the_cost_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="proc: No such file"):
        next(cost.sample(env_of(tmp_path, {})))


def test_an_interface_whose_name_is_no_text_has_rows_all_the_same(tmp_path):
    env = env_of(tmp_path, ETH0)
    folder = tmp_path / "sys/class/net"
    (folder / "eth0").rename(folder / os.fsdecode(b"e.t-h@\xff"))

    assert rows(link.sample(env)) == {("e.t-h@\ufffd",): (1000, 1, 1500, 1, 2)}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cpu", "proc/stat"),
        ("disk", "proc/diskstats"),
        ("filesystem", "proc/mounts"),
        ("handles", "proc/sys/fs/file-nr"),
        ("link", "sys/class/net"),
        ("memory", "proc/meminfo"),
        ("nic", "proc/net/dev"),
        ("paging", "proc/vmstat"),
        ("tcp", "proc/net/snmp"),
    ],
)
def test_a_missing_file_is_unavailable_by_name(tmp_path, name, file):
    with pytest.raises(Unavailable, match=f"{file}: No such file"):
        next(COUNTING[name].sample(env_of(tmp_path, {})))


@pytest.mark.parametrize("name", sorted(COUNTING))
def test_every_row_fits_its_table(tmp_path, name):
    module = COUNTING[name]
    tables = {table.name: table for table in module.PROBE.tables}

    found = tick(module.sample(env_of(tmp_path, FILES)))

    assert {batch.table for batch in found if isinstance(batch, Batch)} == set(tables)
    for batch in found:
        assert isinstance(batch, Batch)
        assert len(batch.values) == len(tables[batch.table].metrics)
        assert len(batch.labels) == len(tables[batch.table].labels)
        assert batch.t_mono_ns == FakeClock().mono_ns


@pytest.mark.parametrize("name", sorted(COUNTING))
def test_closing_a_probe_gives_its_descriptors_back(tmp_path, name, monkeypatch):
    opened: list[KeptFile] = []
    closed: list[KeptFile] = []
    monkeypatch.setattr(KeptFile, "__init__", _noting(KeptFile.__init__, opened))
    monkeypatch.setattr(KeptFile, "close", _noting(KeptFile.close, closed))
    env = env_of(tmp_path, FILES)
    before = len(list(Path("/dev/fd").iterdir()))
    probe: Iterator = COUNTING[name].sample(env)
    next(probe)

    probe.close()  # type: ignore[attr-defined]

    assert {file.path for file in closed} == {file.path for file in opened}
    assert len(closed) == len(opened)
    assert len(list(Path("/dev/fd").iterdir())) == before


def _noting(method, notes):
    def noted(self, *arguments):
        notes.append(self)
        return method(self, *arguments)

    return noted


def test_a_file_that_comes_in_parts_is_read_whole(tmp_path):
    """/proc files may, and so may anything longer than one read."""
    content = b"0123456789" * 20_000
    machine(tmp_path, {"big": content})

    file = KeptFile(tmp_path / "big")

    assert file.read() == content
    assert file.read() == content
    file.close()


def test_a_file_that_cannot_be_read_any_more_is_unavailable(tmp_path):
    file = KeptFile(tmp_path)  # a folder opens, but does not read

    with pytest.raises(Unavailable, match="directory"):
        file.read()
    file.close()


# --- psutil instead of /proc -----------------------------------------------------------------------------------------

TOLD = {
    "cpu_times": {"user": 1.239, "system": 2.0, "idle": 100.004, "nice": 0.0, "interrupt": 5.0},
    "memory": {"total": 4096, "available": 2048, "free": 1024, "swap_total": 8192, "swap_free": 0, "wired": 7},
    "disks": {"disk0": {"reads": 1, "read_B": 2, "read_ms": 3, "writes": 4, "write_B": 5, "write_ms": 6}},
    "nics": {"en0": {"rx_B": 1, "rx_packets": 2, "rx_errors": 3, "rx_drops": 4, "tx_B": 5, "tx_packets": 6}},
    "cores": [{"user": 1.0, "idle": 50.0}, {"user": 0.239, "idle": 50.0}],
    "load": {"load1": 0.29, "switches": 77.0},
    "filesystems": {"/": {"size_B": 8192, "free_B": 1024}},
    "links": {"en0": {"speed_Mbps": 1000, "full_duplex": 1, "mtu": 1500}, "utun0": {"mtu": 1380}},
}
FALLBACK = {
    "cpu": {
        ("all",): (124, 0, 200, 10000, None, None, None, None),
        ("0",): (100, None, None, 5000, None, None, None, None),
        ("1",): (24, None, None, 5000, None, None, None, None),
        (): (None, None, 29, 77),
    },
    "filesystem": {("/",): (8, 1, None, None)},
    "link": {("en0",): (1000, 1, 1500, None, None), ("utun0",): (None, None, 1380, None, None)},
    "memory": {(): (4, 2, 1, None, None, None, None, None, 8, 0)},
    "disk": {("disk0",): (1, 2, 3, 4, 5, 6, None, None)},
    "nic": {("en0",): (1, 2, 3, 4, 5, 6, None, None)},
}


@pytest.mark.parametrize("name", sorted(ANYWHERE))
def test_where_there_is_no_proc_psutil_is_asked_and_what_it_does_not_tell_is_null(tmp_path, monkeypatch, name):
    monkeypatch.setattr(ANYWHERE[name], "LINUX", False)
    probe = ANYWHERE[name].sample(env_of(tmp_path, {}, **TOLD))

    assert rows(probe) == FALLBACK[name]
    assert rows(probe) == FALLBACK[name]


def test_a_load_that_psutil_does_not_tell_is_null(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "LINUX", False)

    assert rows(cpu.sample(env_of(tmp_path, {})), "load") == {(): (None, None, None, None)}


@pytest.mark.parametrize("name", sorted(ANYWHERE))
def test_the_real_psutil_gives_rows_of_the_declared_width(tmp_path, monkeypatch, name):
    monkeypatch.setattr(ANYWHERE[name], "LINUX", False)
    tables = {table.name: table for table in ANYWHERE[name].PROBE.tables}

    for batch in tick(ANYWHERE[name].sample(make_env(SystemClock(), PsutilHost(), tmp_path))):
        assert isinstance(batch, Batch)
        assert len(batch.values) == len(tables[batch.table].metrics)
        assert all(value is None or type(value) is int for value in batch.values)
        assert any(value is not None for value in batch.values)


# --- against psutil on this machine ----------------------------------------------------------------------------------

real_machine = pytest.mark.skipif(not LINUX, reason="reads /proc")


def real(module, tmp_path, table: str | None = None) -> dict[tuple[str, ...], tuple[int | None, ...]]:
    """One tick on this machine."""
    env = make_env(SystemClock(), PsutilHost(), tmp_path)
    found = rows(module.sample(Env(env.clock, env.host, env.run, env.plan, env.node)), table)
    assert found or module in (disk, filesystem)
    return found


@real_machine
def test_cpu_agrees_with_psutil_read_before_and_after(tmp_path):
    before = {"all": psutil.cpu_times()} | dict(zip(map(str, _online()), psutil.cpu_times(percpu=True), strict=True))
    found = real(cpu, tmp_path, "cpu")
    after = {"all": psutil.cpu_times()} | dict(zip(map(str, _online()), psutil.cpu_times(percpu=True), strict=True))

    assert [label for (label,) in found] == list(before)
    for (label,), ours in found.items():
        for state, value in zip(cpu.STATES, ours, strict=True):
            if state not in ("idle", "iowait"):  # the kernel lets these two run backwards (proc(5))
                low, high = (getattr(times[label], state) for times in (before, after))
                assert round(low * 100) <= value <= round(high * 100), (label, state)
        assert abs(sum(ours) / 100 - sum(before[label][:8])) < 5.0 * psutil.cpu_count()


def _online() -> list[int]:
    """Numbers of the CPUs that are on line, from ranges such as 0-3,6."""
    found: list[int] = []
    for part in Path("/sys/devices/system/cpu/online").read_text().strip().split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@real_machine
def test_load_agrees_with_psutil_read_before_and_after(tmp_path):
    low, averages = psutil.cpu_stats().ctx_switches, [os.getloadavg()[0]]
    ((running, blocked, load1_c, switches),) = real(cpu, tmp_path, "load").values()
    averages.append(os.getloadavg()[0])

    assert low <= switches <= psutil.cpu_stats().ctx_switches
    assert running >= 1, "this test runs"
    assert blocked >= 0
    assert min(averages) - 0.011 <= load1_c / 100 <= max(averages) + 0.011


@real_machine
def test_paging_agrees_with_psutil_read_before_and_after(tmp_path):
    before = psutil.swap_memory()
    in_pages, out_pages, faults, _ = real(paging, tmp_path)[()]
    after = psutil.swap_memory()

    assert before.sin <= in_pages * 4096 <= after.sin, "psutil takes every page for 4096 bytes"
    assert before.sout <= out_pages * 4096 <= after.sout
    assert faults > 0


@real_machine
def test_pressure_of_this_machine_only_grows_and_is_below_its_age(tmp_path):
    if not Path("/proc/pressure/cpu").exists():
        pytest.skip("no PSI on this kernel")
    first, again = real(pressure, tmp_path), real(pressure, tmp_path)

    assert list(first) == [("cpu",), ("memory",), ("io",)]
    for label, (some, full) in first.items():
        assert 0 <= (full or 0) <= some <= again[label][0] <= time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6


@real_machine
def test_tcp_of_this_machine_counts_segments_of_a_connection(tmp_path):
    before = real(tcp, tmp_path)[()]
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        client.sendall(b"x")
        server.accept()[0].close()
    after = real(tcp, tmp_path)[()]

    assert after[0] >= before[0] + 4, "SYN, SYN-ACK, ACK and one octet at least"
    assert all(low <= high for low, high in zip(before, after, strict=True) if low is not None)


@real_machine
def test_file_systems_of_this_machine_are_told_as_psutil_tells_them(tmp_path):
    """Other processes write meanwhile: the free space is that of a moment."""
    types = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    for (mount,), (size, free, inodes, inodes_free) in real(filesystem, tmp_path).items():
        usage = psutil.disk_usage(mount)
        assert types[mount] not in ("tmpfs", "proc", "nfs4", "squashfs")
        assert 0 <= free <= size
        assert abs(free * 1024 - usage.free) < usage.total / 10
        assert inodes is None or 0 <= inodes_free <= inodes


@real_machine
def test_links_of_this_machine_agree_with_psutil(tmp_path):
    told = PsutilHost().links()
    found = real(link, tmp_path)

    assert {label for (label,) in found} == set(told)
    for (label,), (speed, duplex, mtu, carrier, _) in found.items():
        assert (speed, duplex, mtu) == tuple(told[label].get(name) for name in ("speed_Mbps", "full_duplex", "mtu"))
        assert carrier in (0, 1)
    assert found[("lo",)][3] == 1


@real_machine
def test_memory_agrees_with_psutil(tmp_path):
    ours = dict(zip(memory.FIELDS, real(memory, tmp_path)[()], strict=True))

    assert ours["total"] * 1024 == psutil.virtual_memory().total
    assert ours["swap_total"] * 1024 == psutil.swap_memory().total
    assert abs(ours["available"] * 1024 - psutil.virtual_memory().available) < psutil.virtual_memory().total / 10


@real_machine
def test_disk_agrees_with_psutil_read_before_and_after(tmp_path):
    names = [metric.name for metric in disk.DISK.metrics]
    before = PsutilHost().disks()
    ours = real(disk, tmp_path)
    after = PsutilHost().disks()

    for (label,), values in ours.items():
        told = dict(zip(names, values, strict=True))
        for name, low in before[label].items():
            assert low <= told[name] <= after[label][name], (label, name)
        assert told["busy_ms"] >= 0


@real_machine
def test_nic_agrees_with_psutil_read_before_and_after(tmp_path):
    names = [metric.name for metric in nic.NIC.metrics]
    before = PsutilHost().nics()
    ours = real(nic, tmp_path)
    after = PsutilHost().nics()

    assert {label for (label,) in ours} == set(before)
    for (label,), values in ours.items():
        for name, value in zip(names, values, strict=True):
            assert before[label][name] <= value <= after[label][name], (label, name)


@real_machine
def test_a_tick_is_cheap(tmp_path):
    """All counting probes together: their daily cost must stay invisible beside what they measure."""
    env = make_env(SystemClock(), PsutilHost(), tmp_path)
    env = Env(env.clock, env.host, env.run, env.plan, env.node)
    probes = [module.sample(env) for module in COUNTING.values()]
    for probe in probes:
        tick(probe)
    began = time.process_time()
    for _ in range(50):
        for probe in probes:
            tick(probe)

    assert (time.process_time() - began) / 50 < 0.01


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_an_anchor_is_the_tightest_of_five_readings_with_monotonic_in_the_middle():
    widths = iter([900, 500, 40, 700, 800])

    class Jumpy(FakeClock):
        def boottime_ns(self) -> int:
            self.mono_ns += next(widths)
            return 77

    clock = Jumpy(mono_ns=0)

    assert take_anchor(clock) == Anchor(900 + 500 + 20, clock.real_ns, 77)


def test_the_system_clock_tells_nanoseconds_since_1970_and_does_not_run_backwards():
    clock = SystemClock()
    anchor = take_anchor(clock)

    assert abs(anchor.real_ns - time.time_ns()) < 10**10
    assert anchor.mono_ns <= clock.monotonic_ns()
    assert anchor.boot_ns <= clock.boottime_ns()
