"""The probes: exact rows from a machine that is a folder, and agreement with psutil on this one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil
import pytest
from fakes import FakeClock, FakeHost, machine, make_env

import collector.probes
from collector.contract import Batch, Env, Facts
from collector.errors import Unavailable
from collector.machine import LINUX, Anchor, KeptFile, PsutilHost, SystemClock, take_anchor
from collector.plugins import discover
from collector.probes import cpu, disk, inventory, memory, nic

ALL = discover(collector.probes, "PROBE")
COUNTING = {"cpu": cpu, "disk": disk, "memory": memory, "nic": nic}

STAT = """cpu  100 2 30 4000 50 6 7 8 9 10
cpu0 50 1 15 2000 25 3 3 4 4 5
intr 12345
"""
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


def tick(probe_iterator) -> list[Batch | Facts]:
    """What a probe yields in one tick."""
    found: list[Batch | Facts] = []
    for item in probe_iterator:
        if item is None:
            return found
        found.append(item)
    raise AssertionError("the probe ended")


def rows(probe_iterator) -> dict[tuple[str, ...], tuple[int | None, ...]]:
    return {item.labels: item.values for item in tick(probe_iterator)}


def env_of(tmp_path, files: dict[str, str], **told) -> Env:
    return make_env(FakeClock(), FakeHost(**told), machine(tmp_path, files))


# --- a machine that is a folder --------------------------------------------------------------------------------------


def test_cpu_reads_the_first_line_and_ignores_fields_it_does_not_know(tmp_path):
    probe = cpu.sample(env_of(tmp_path, {"proc/stat": STAT}))

    assert tick(probe) == [Batch("cpu", ("all",), FakeClock().mono_ns, (100, 2, 30, 4000, 50, 6, 7, 8))]


def test_every_tick_reads_the_file_anew(tmp_path):
    probe = cpu.sample(env_of(tmp_path, {"proc/stat": STAT}))
    tick(probe)
    with (tmp_path / "proc/stat").open("r+") as file:
        file.write("cpu  101")

    assert rows(probe)[("all",)][0] == 101


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


@pytest.mark.parametrize(
    ("name", "file"),
    [("cpu", "proc/stat"), ("memory", "proc/meminfo"), ("disk", "proc/diskstats"), ("nic", "proc/net/dev")],
)
def test_a_missing_file_is_unavailable_by_name(tmp_path, name, file):
    with pytest.raises(Unavailable, match=f"{file}: No such file"):
        next(COUNTING[name].sample(env_of(tmp_path, {})))


@pytest.mark.parametrize("name", sorted(COUNTING))
def test_every_row_fits_its_table(tmp_path, name):
    files = {"proc/stat": STAT, "proc/meminfo": MEMINFO, "proc/diskstats": DISKSTATS, "proc/net/dev": NET_DEV}
    module = COUNTING[name]
    (table,) = module.PROBE.tables

    found = tick(module.sample(env_of(tmp_path, files)))

    assert found
    for batch in found:
        assert isinstance(batch, Batch)
        assert batch.table == table.name
        assert len(batch.values) == len(table.metrics)
        assert len(batch.labels) == len(table.labels)
        assert batch.t_mono_ns == FakeClock().mono_ns


@pytest.mark.parametrize("name", sorted(COUNTING))
def test_closing_a_probe_gives_its_descriptor_back(tmp_path, name, monkeypatch):
    files = {"proc/stat": STAT, "proc/meminfo": MEMINFO, "proc/diskstats": DISKSTATS, "proc/net/dev": NET_DEV}
    opened: list[KeptFile] = []
    closed: list[KeptFile] = []
    monkeypatch.setattr(KeptFile, "__init__", _noting(KeptFile.__init__, opened))
    monkeypatch.setattr(KeptFile, "close", _noting(KeptFile.close, closed))
    probe: Iterator = COUNTING[name].sample(env_of(tmp_path, files))
    next(probe)

    probe.close()  # type: ignore[attr-defined]

    assert len(opened) == 1
    assert closed == opened


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
}
FALLBACK = {
    "cpu": {("all",): (124, 0, 200, 10000, None, None, None, None)},
    "memory": {(): (4, 2, 1, None, None, None, None, None, 8, 0)},
    "disk": {("disk0",): (1, 2, 3, 4, 5, 6, None, None)},
    "nic": {("en0",): (1, 2, 3, 4, 5, 6, None, None)},
}


@pytest.mark.parametrize("name", sorted(COUNTING))
def test_where_there_is_no_proc_psutil_is_asked_and_what_it_does_not_tell_is_null(tmp_path, monkeypatch, name):
    monkeypatch.setattr(COUNTING[name], "LINUX", False)
    probe = COUNTING[name].sample(env_of(tmp_path, {}, **TOLD))

    assert rows(probe) == FALLBACK[name]
    assert rows(probe) == FALLBACK[name]
    assert {len(values) for values in FALLBACK[name].values()} == {len(COUNTING[name].PROBE.tables[0].metrics)}


@pytest.mark.parametrize("name", sorted(COUNTING))
def test_the_real_psutil_gives_rows_of_the_declared_width(tmp_path, monkeypatch, name):
    monkeypatch.setattr(COUNTING[name], "LINUX", False)
    probe = COUNTING[name].sample(make_env(SystemClock(), PsutilHost(), tmp_path))

    for values in rows(probe).values():
        assert len(values) == len(COUNTING[name].PROBE.tables[0].metrics)
        assert all(value is None or type(value) is int for value in values)
        assert any(value is not None for value in values)


# --- against psutil on this machine ----------------------------------------------------------------------------------

real_machine = pytest.mark.skipif(not LINUX, reason="reads /proc")


def real(module, tmp_path) -> dict[tuple[str, ...], tuple[int | None, ...]]:
    """One tick on this machine."""
    env = make_env(SystemClock(), PsutilHost(), tmp_path)
    found = rows(module.sample(Env(env.clock, env.host, env.run, env.plan, env.node)))
    assert found or module is disk
    return found


@real_machine
def test_cpu_agrees_with_psutil_read_before_and_after(tmp_path):
    before = psutil.cpu_times()
    ours = real(cpu, tmp_path)[("all",)]
    after = psutil.cpu_times()

    for state, value in zip(cpu.STATES, ours, strict=True):
        if state not in ("idle", "iowait"):  # the kernel lets these two run backwards (proc(5))
            assert round(getattr(before, state) * 100) <= value <= round(getattr(after, state) * 100), state
    assert abs(sum(ours) / 100 - sum(before[:8])) < 5.0 * psutil.cpu_count()


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


# --- inventory -------------------------------------------------------------------------------------------------------

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


def facts(env: Env) -> dict[str, object]:
    (found,) = tick(inventory.sample(env))
    assert isinstance(found, Facts)
    assert found.name == "inventory"
    return dict(found.values)


def test_inventory_joins_what_psutil_and_the_files_say(tmp_path):
    assert facts(env_of(tmp_path, IRON)) == {
        "hostname": "fake",
        "system": "FakeOS",
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


def test_inventory_without_any_file_is_what_psutil_says(tmp_path):
    assert facts(env_of(tmp_path, {})) == {
        "hostname": "fake",
        "system": "FakeOS",
        "os": "FakeOS",
        "cpu": "",
        "virtual": None,
    }


def test_one_file_that_cannot_be_read_costs_its_own_fact_only(tmp_path):
    env = env_of(tmp_path, IRON)
    (tmp_path / "sys/class/dmi/id/bios_version").unlink()
    (tmp_path / "sys/class/dmi/id/bios_version").mkdir()  # opens, but does not read

    found = facts(env)

    assert found["vendor"] == "Dell Inc."
    assert "bios" not in found


def test_bytes_that_are_no_text_do_not_end_the_inventory(tmp_path):
    env = env_of(tmp_path, {"sys/class/dmi/id/sys_vendor": b"Ac\xffme\n"})  # type: ignore[dict-item]

    assert facts(env)["vendor"] == "Ac\ufffdme"


@real_machine
def test_the_inventory_of_this_machine_has_addresses_and_memory(tmp_path):
    env = make_env(SystemClock(), PsutilHost(), tmp_path)
    found = facts(Env(env.clock, env.host, env.run, env.plan, env.node))

    assert found["memory_B"] == psutil.virtual_memory().total
    assert "lo" in found["nics"]
    assert "127.0.0.1" in [address["address"] for address in found["nics"]["lo"]["addresses"]]


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
