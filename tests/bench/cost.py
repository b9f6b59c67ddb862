"""What one trio node of haready costs, beside sadc and node_exporter, in one run on this machine.

    python tests/bench/cost.py [SECONDS]

Three collectors run on loopback, joined by two channels: each node sends 20 and answers 20 authenticated probes a second,
talks TCP once a second on each path, samples at 1 Hz and runs its tickers. Beside the first node's five processes run `sadc 1` (its
default set) and node_exporter, scraped once a second. CPU is what the kernel's scheduler accounted (schedstat), start-up excluded.
Then ping and fping send as many probes a second, and the CPU of one round trip is compared.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

WARM_S = 10.0
SENT_PER_S = 20
"""Four paths at 5 Hz; as many are answered."""
PINGS = 400
_SADC = "/usr/lib/sysstat/sadc"
_EXPORTER = "prometheus-node-exporter"


def plan(folder: Path) -> Path:
    net = secrets.randbelow(200) + 1
    nodes = "".join(
        f'[[node]]\nname = "n{i}"\naddr = {{ c1 = "127.94.{net}.{i}/24", c2 = "127.95.{net}.{i}/24" }}\n'
        for i in (1, 2, 3)
    )
    path = folder / "plan.toml"
    path.write_text(
        'format = 1\n[cluster]\nname = "bench"\ntopology = "ha-dr-trio"\norigin = "demonstration"\n'
        '[bandwidth]\nbudget_B = 0\n[network.c1]\nkind = "channel"\n[network.c2]\nkind = "channel"\n' + nodes
    )
    key = folder / "plan.key"
    key.write_text(secrets.token_hex(32))
    key.chmod(0o600)
    return path


def tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def cpu_ns(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total


def pss_kib(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total


def cpu_of(command: list[str]) -> float:
    """CPU time of a program, user and kernel, in s."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return usage.ru_utime + usage.ru_stime


def install() -> None:
    missing = [
        name
        for name, there in (
            ("sysstat", Path(_SADC).exists()),
            (_EXPORTER, bool(shutil.which(_EXPORTER))),
            ("iputils-ping", bool(shutil.which("ping"))),
            ("fping", bool(shutil.which("fping"))),
        )
        if not there
    ]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    install()
    folder = Path(tempfile.mkdtemp(prefix="haready-bench-"))
    subjects: dict[str, list[int]] = {}
    started: list[subprocess.Popen[bytes]] = []
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def start(*command: str) -> int:
        started.append(subprocess.Popen(command, **quiet))  # type: ignore[call-overload]
        return started[-1].pid

    run_s = f"{round(seconds + 2 * WARM_S)}s"
    path = plan(folder)
    nodes = [
        start(
            sys.executable,
            "-m",
            "haready",
            "collect",
            "--plan",
            str(path),
            "--node",
            f"n{i}",
            "--duration",
            run_s,
            "--out",
            str(folder),
        )
        for i in (1, 2, 3)
    ]
    scrape = ""
    if Path(_SADC).exists():
        subjects["sadc 1 (default set)"] = [start(_SADC, "1", str(round(seconds + 3 * WARM_S)), str(folder / "sadc"))]
    if shutil.which(_EXPORTER):
        scrape = "http://127.94.0.9:19100/metrics"
        subjects["node_exporter, scraped 1/s"] = [start(_EXPORTER, "--web.listen-address=127.94.0.9:19100")]
    time.sleep(WARM_S)
    subjects["haready, one trio node"] = tree(nodes[0])
    names = [Path(f"/proc/{pid}/task/{pid}/children") for pid in subjects["haready, one trio node"]]
    assert all(name.exists() for name in names)
    before = {name: cpu_ns(pids) for name, pids in subjects.items()}
    parts_before = [cpu_ns([pid]) for pid in subjects["haready, one trio node"]]
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        if scrape:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(scrape, timeout=2).read()
        time.sleep(max(0.0, 1.0 - (time.monotonic() - began - elapsed)))
    spent = time.monotonic() - began
    print(f"{spent:.0f} s, {os.cpu_count()} cores")
    ours = (cpu_ns(subjects["haready, one trio node"]) - before["haready, one trio node"]) / spent / 1e7
    for name, pids in subjects.items():
        share = (cpu_ns(pids) - before[name]) / spent / 1e7
        print(
            f"{name:28} CPU {share:6.3f} % of a core   PSS {pss_kib(pids) / 1024:6.1f} MiB   haready/this {ours / share:5.2f}"
        )
    for name, pid, was in zip(
        ("main", "wire", "fifo", "host", "echo"), subjects["haready, one trio node"], parts_before, strict=True
    ):
        print(
            f"  {name:26} CPU {(cpu_ns([pid]) - was) / spent / 1e7:6.3f} % of a core   PSS {pss_kib([pid]) / 1024:6.1f} MiB"
        )
    wire = subjects["haready, one trio node"][1]
    trip_us = (cpu_ns([wire]) - parts_before[1]) / 1e3 / (SENT_PER_S * spent)
    print(f"one round trip, both roles, with its share of a 20 ms ticker: haready {trip_us:.0f} us of CPU")
    for process in started[:3]:
        process.wait(60)
    for process in started[3:]:
        process.kill()
        process.wait()
    for name, command in (
        ("ping", ["ping", "-q", "-i", "0.05", "-c", str(PINGS), "127.0.0.1"]),
        ("fping", ["fping", "-q", "-p", "50", "-c", str(PINGS), "127.0.0.1"]),
    ):
        if shutil.which(name):
            each_us = 1e6 * cpu_of(command) / PINGS
            print(
                f"one round trip of {name:6} (the kernel answers): {each_us:.0f} us of CPU, haready/this {trip_us / each_us:.1f}"
            )
    archive = next(folder.glob("haready-bench-n1-*.zip"))
    told = json.loads(
        subprocess.run(
            [sys.executable, "-m", "haready", "inspect", "--json", str(archive)], capture_output=True, check=True
        ).stdout
    )
    columns = {table: len(next(iter(widths))) for table, widths in widths_of(archive).items()}
    values = sum(rows * columns[table] for table, series in told["rows"].items() for rows in series.values())
    print(
        f"archive {archive.stat().st_size} B for {values} values: {archive.stat().st_size / values:.2f} B a value, {archive.stat().st_size / told['duration_s'] * 86400 / 1e6:.1f} MB a day at this rate"
    )
    shutil.rmtree(folder)


def widths_of(archive: Path) -> dict[str, set[tuple[str, ...]]]:
    from collector.archive.reader import open_archive

    found: dict[str, set[tuple[str, ...]]] = {}
    for segment in open_archive(archive).segments():
        for block in segment.blocks:
            found.setdefault(block.table, set()).add(block.columns)
    return found


if __name__ == "__main__":
    main()
