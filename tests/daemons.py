"""Real daemons against the replay: keepalived, corosync and etcd across the laboratory's WAN, whose outages are chosen beforehand.

    python tests/daemons.py [keepalived|corosync|etcd ...]     as root, on a quiet machine, with Debian's packages; about 20 minutes

For each outage the replay says in which share of all phases the daemon's detector gives its peer up. Where that is none, the daemon must not; where it is all,
it must; between it has to come out as often as predicted (Poisson binomial, 1 % over all daemons). How far a daemon's own clockwork can shift an outage against the
model (`slack_s`) is stated for each. Ends with 1 if one of them does not hold. Nothing leaves the namespaces that it makes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analyzer.detectors import raft, silence
from analyzer.detectors.token_ring import Totem
from analyzer.detectors.trace import PathTrace, over_tcp, regular
from analyzer.detectors.vrrp import Router
from collector import external
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab, Namespace
from collector.lab.wan import Wan, WanEnd

OUTAGES = 40
DELAY_S = 0.002
PERIOD_S = 0.01
"""Of the trace that is replayed: fine, so that what is compared is the detector and not the probing."""
FAMILY = 0.01
ONE, OTHER = "10.88.0.1", "10.88.0.2"


@dataclass(frozen=True)
class Outage:
    """One outage in s since the start of the relay, and the share of phases that the model suspects at: least and most."""

    start_s: float
    length_s: float
    low: float
    high: float


@dataclass(frozen=True)
class Trial:
    """One daemon: its timeout, what the model says of an outage (least and most), and how it is run."""

    name: str
    timeout_s: float
    settle_s: float
    """From the start of the relay to the first outage."""
    rest_s: float
    """After each outage, until both are in step again."""
    predict: Callable[[PathTrace], float]
    slack_s: float
    run: Callable[[Namespace, Namespace, Path], Iterator[Callable[[], list[float]]]]
    """Starts the daemons; gives when (wall clock) one of them gave its peer up."""
    tcp: bool = False
    least: Callable[[PathTrace], float] | None = None
    """What suspects whatever the detector was about when the outage began; None: the same."""


def schedule(trial: Trial) -> list[tuple[float, float]]:
    random = Random(f"daemons/{trial.name}")
    at_s, found = trial.settle_s, []
    # Spread evenly over 0.5 to 2 times the timeout, in random order.
    shares = [0.5 + 1.5 * (place + random.random()) / OUTAGES for place in range(OUTAGES)]
    random.shuffle(shares)
    for share in shares:
        length_s = trial.timeout_s * share
        at_s += random.uniform(0.0, 2.0 * trial.timeout_s)
        found.append((round(at_s, 3), round(length_s, 3)))
        at_s += length_s + trial.rest_s
    return found


def trace_of(length_s: float) -> PathTrace:
    """One outage in a path that is well, long enough for every phase."""
    before_s, after_s = 20.0, 2.0 * length_s + 20.0
    count = round((before_s + length_s + after_s) / PERIOD_S)
    first = round(before_s / PERIOD_S)
    lost = range(first, first + round(length_s / PERIOD_S))
    return regular("a>b/wan", PERIOD_S, np.full(count, 2 * DELAY_S), lost=lost)


def phases(trace: PathTrace, interval_s: float, timeout_s: float, *, steady: bool = False) -> float:
    """Share of the phases of a heartbeat at which a silence is longer than the timeout."""
    stride = trace.stride(interval_s)
    found = silence.gaps(trace, stride, timeout_s, steady=steady)
    return len(set(found.phase.tolist())) / stride


def predicted(trial: Trial, length_s: float) -> tuple[float, float]:
    """Share of phases at least, and at most."""
    least, most = (trace_of(max(length_s + by, PERIOD_S)) for by in (-trial.slack_s, trial.slack_s))
    most = over_tcp(most, TCP_TIMER_S) if trial.tcp else most
    return (trial.least or trial.predict)(least), trial.predict(most)


def tail(chances: Sequence[float], seen: int) -> tuple[float, float]:
    """Chance of at most, and of at least so many events with these chances."""
    law = np.array([1.0])
    for chance in chances:
        law = np.convolve(law, [1.0 - chance, chance])
    return float(law[: seen + 1].sum()), float(law[seen:].sum())


def judge(outages: Sequence[Outage], hit: Sequence[bool]) -> list[str]:
    """What does not hold, in words."""
    wrong = []
    between = [
        (outage, given) for outage, given in zip(outages, hit, strict=True) if outage.high > 0.0 and outage.low < 1.0
    ]
    for outage, given in zip(outages, hit, strict=True):
        if outage.high == 0.0 and given:
            wrong.append(f"gave up in an outage of {outage.length_s:.3f} s, which no phase explains")
        if outage.low == 1.0 and not given:
            wrong.append(f"bore an outage of {outage.length_s:.3f} s, which every phase excludes")
    seen = sum(given for _, given in between)
    at_most, _ = tail([outage.low for outage, _ in between], seen)
    _, at_least = tail([outage.high for outage, _ in between], seen)
    # Too many even for the most that the model allows, or too few even for the least; two sides of three daemons.
    limit = FAMILY / 6.0
    if at_least < limit or at_most < limit:
        wrong.append(f"between the bounds {seen} of {len(between)}, which has a chance of {min(at_least, at_most):.2g}")
    return wrong


def trial_run(trial: Trial, folder: Path) -> tuple[list[Outage], list[bool]]:
    folder.mkdir(parents=True, exist_ok=True)
    planned = schedule(trial)
    trouble = Impairment(delay_s=DELAY_S, outages=tuple(planned), udp_port=None)
    with Lab() as lab:
        one, other = lab.namespace("a"), lab.namespace("b")
        ends = WanEnd(one, f"{ONE}/24"), WanEnd(other, f"{OTHER}/24")
        with Wan(ends, trouble, trouble, folder, seed=1):
            head = json.loads((folder / "wan-a-b.log").read_text(encoding="utf-8").partition("\n")[0])
            started_s = head["start_real_ns"] / 1e9
            with contextmanager(trial.run)(one, other, folder) as events:
                end_s = planned[-1][0] + planned[-1][1] + trial.rest_s
                while (left_s := started_s + end_s - time.time()) > 0:
                    time.sleep(min(left_s, 5.0))
                told = [at_s - started_s for at_s in events()]
    outages = [Outage(start_s, length_s, *predicted(trial, length_s)) for start_s, length_s in planned]
    reach_s = trial.rest_s * 0.8
    hit = [any(out.start_s < at_s < out.start_s + out.length_s + reach_s for at_s in told) for out in outages]
    stray = [
        at_s
        for at_s in told
        if at_s > trial.settle_s
        and not any(out.start_s < at_s < out.start_s + out.length_s + reach_s for out in outages)
    ]
    if stray:
        raise SystemExit(f"{trial.name}: gave up without an outage, at {stray} s")
    return outages, hit


# keepalived ----------------------------------------------------------------------------------------------------------

ADVERT_S, PRIORITY = 0.5, 100


def _vrrp(folder: Path, label: str, own: str, peer: str, state: str, priority: int) -> list[str]:
    config = folder / f"keepalived-{label}.conf"
    config.write_text(
        "global_defs {\n    vrrp_version 3\n    vrrp_garp_master_repeat 1\n}\n"
        f"vrrp_instance VI_1 {{\n    state {state}\n    interface wan0\n    virtual_router_id 51\n    priority {priority}\n"
        f"    advert_int {ADVERT_S}\n    unicast_src_ip {own}\n    unicast_peer {{\n        {peer}\n    }}\n"
        "    virtual_ipaddress {\n        10.88.0.9/32\n    }\n}\n",
        encoding="utf-8",
    )
    files = [str(folder / f"{label}-{name}.pid") for name in ("main", "vrrp", "checkers")]
    return ["keepalived", "-n", "-l", "-D", "-f", str(config), "-p", files[0], "-r", files[1], "-c", files[2]]


def run_keepalived(one: Namespace, other: Namespace, folder: Path) -> Iterator[Callable[[], list[float]]]:
    told = folder / "address.log"
    running = [
        other.start(["ip", "-ts", "-o", "monitor", "address"], told),
        one.start(_vrrp(folder, "a", ONE, OTHER, "MASTER", 200), folder / "keepalived-a.log"),
        other.start(_vrrp(folder, "b", OTHER, ONE, "BACKUP", PRIORITY), folder / "keepalived-b.log"),
    ]

    def taken() -> list[float]:
        found = re.findall(r"(?m)^\[([\d:.T-]+)\] (?!Deleted).*10\.88\.0\.9", told.read_text(encoding="utf-8"))
        return [datetime.fromisoformat(stamp).astimezone(UTC).timestamp() for stamp in found]

    try:
        yield taken
    finally:
        _ended(running)


def predict_keepalived(trace: PathTrace) -> float:
    router = Router(3, ADVERT_S, PRIORITY)
    return phases(trace, router.interval_s, router.down_s)


# corosync ------------------------------------------------------------------------------------------------------------

TOTEM = Totem(2000, 2)


def _ring(folder: Path, label: str) -> list[str]:
    home = folder / f"corosync-{label}"
    home.mkdir()
    config = home / "corosync.conf"
    nodes = "".join(
        f"    node {{\n        ring0_addr: {address}\n        nodeid: {place}\n        name: n{place}\n    }}\n"
        for place, address in ((1, ONE), (2, OTHER))
    )
    config.write_text(
        f"totem {{\n    version: 2\n    cluster_name: lab\n    transport: udpu\n    crypto_cipher: none\n    crypto_hash: none\n    token: {TOTEM.token_ms}\n}}\n"
        f"nodelist {{\n{nodes}}}\n"
        "quorum {\n    provider: corosync_votequorum\n    two_node: 1\n}\n"
        f"logging {{\n    to_logfile: yes\n    logfile: {home}/log\n    to_syslog: no\n    to_stderr: no\n    timestamp: hires\n    debug: off\n}}\n",
        encoding="utf-8",
    )
    script = (
        "mount -t tmpfs none /run && mount -t tmpfs none /dev/shm && mkdir -p /run/corosync && "
        f"mkdir -p {home}/lib && mount --bind {home}/lib /var/lib/corosync && exec corosync -f -c {config}"
    )
    return ["unshare", "-m", "sh", "-c", script]


def run_corosync(one: Namespace, other: Namespace, folder: Path) -> Iterator[Callable[[], list[float]]]:
    running = [
        space.start(_ring(folder, label), folder / f"corosync-{label}.out")
        for label, space in (("a", one), ("b", other))
    ]

    def lost() -> list[float]:
        found = []
        for label in "ab":
            text = (folder / f"corosync-{label}" / "log").read_text(encoding="utf-8", errors="replace")
            for stamp in re.findall(r"(?m)^(\w{3} \d\d \d\d:\d\d:\d\d\.\d+) .*A processor failed, forming new", text):
                year = datetime.now(tz=UTC).year
                found.append(datetime.strptime(f"{year} {stamp}", "%Y %b %d %H:%M:%S.%f").astimezone().timestamp())
        return sorted(found)

    try:
        yield lost
    finally:
        _ended(running)


def predict_corosync(trace: PathTrace) -> float:
    """At most: the token was held elsewhere for as long as it may be when the outage began."""
    return phases(trace, TOTEM.retransmit_ms / 1e3, TOTEM.outlasts_s, steady=True)


def least_corosync(trace: PathTrace) -> float:
    """At least: it had just been seen."""
    return phases(trace, TOTEM.retransmit_ms / 1e3, TOTEM.runtime_ms / 1e3, steady=True)


# etcd ----------------------------------------------------------------------------------------------------------------

HEARTBEAT_S, ELECTION_S = 0.1, 1.0
TCP_TIMER_S = 0.25
"""The first retransmission on a path of 4 ms: 0.2 s and a little."""


def _member(folder: Path, name: str, address: str, port: int) -> list[str]:
    members = ",".join(
        f"{one}=http://{at}:{peer}" for one, at, peer in (("m1", ONE, 2380), ("m2", OTHER, 2380), ("m3", ONE, 2480))
    )
    client = f"http://127.0.0.1:{port - 1}"
    return [
        *("etcd", "--name", name, "--data-dir", str(folder / name), "--pre-vote", "--unsafe-no-fsync=false"),
        *(
            "--listen-peer-urls",
            f"http://{address}:{port}",
            "--initial-advertise-peer-urls",
            f"http://{address}:{port}",
        ),
        *("--listen-client-urls", client, "--advertise-client-urls", client, "--initial-cluster", members),
        *("--heartbeat-interval", f"{HEARTBEAT_S * 1e3:.0f}", "--election-timeout", f"{ELECTION_S * 1e3:.0f}"),
        *("--logger", "zap", "--log-outputs", "stderr"),
    ]


def run_etcd(one: Namespace, other: Namespace, folder: Path) -> Iterator[Callable[[], list[float]]]:
    """Two members on one side, so that the leader keeps its majority; the third is across the WAN and starts last, so that it does not lead."""
    running = [
        one.start(_member(folder, "m1", ONE, 2380), folder / "m1.log"),
        one.start(_member(folder, "m3", ONE, 2480), folder / "m3.log"),
    ]
    time.sleep(4.0)
    running.append(other.start(_member(folder, "m2", OTHER, 2380), folder / "m2.log"))

    def called() -> list[float]:
        found = []
        for line in (folder / "m2.log").read_text(encoding="utf-8", errors="replace").splitlines():
            if "is starting a new election" in line and line.startswith("{"):
                stamp = json.loads(line)["ts"].replace("Z", "+00:00")
                found.append(datetime.fromisoformat(stamp).timestamp())
        return found

    try:
        yield called
    finally:
        _ended(running)


def predict_etcd(trace: PathTrace) -> float:
    """Mean chance over all phases. At least nothing more than the outage is silent; at most all that retransmissions add."""
    stride = trace.stride(HEARTBEAT_S)
    found = silence.gaps(trace, stride, ELECTION_S / 2.0)
    worst = np.zeros(stride)
    np.maximum.at(worst, found.phase, found.stop_s - found.start_s)
    return float(raft.chance(worst, ELECTION_S).mean())


def _ended(running: Sequence[external.Running]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


TRIALS = (
    Trial("keepalived", Router(3, ADVERT_S, PRIORITY).down_s, 12.0, 3.0, predict_keepalived, 0.02, run_keepalived),
    Trial("corosync", TOTEM.runtime_ms / 1e3, 20.0, 8.0, predict_corosync, 0.05, run_corosync, least=least_corosync),
    Trial("etcd", ELECTION_S, 20.0, 6.0, predict_etcd, HEARTBEAT_S, run_etcd, tcp=True),
)


def main(names: Sequence[str]) -> int:
    """Run the trials and print a line for each outage of interest and one for each daemon."""
    failed = False
    for trial in TRIALS:
        if names and trial.name not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="haready-daemons-") as name:
            outages, hit = trial_run(trial, Path(name))
        wrong = judge(outages, hit)
        print(f"\n{trial.name}: timeout {trial.timeout_s:.3f} s, {len(outages)} outages")
        print("| outage (s) | predicted | gave up |\n| --- | --- | --- |")
        for outage, given in sorted(zip(outages, hit, strict=True), key=lambda item: item[0].length_s):
            share = f"{outage.low:.2f}" if outage.low == outage.high else f"{outage.low:.2f} to {outage.high:.2f}"
            print(f"| {outage.length_s:.3f} | {share} | {'yes' if given else 'no'} |")
        between = [given for outage, given in zip(outages, hit, strict=True) if outage.high > 0 and outage.low < 1]
        never = sum(outage.high == 0 for outage in outages)
        always = sum(outage.low == 1 for outage in outages)
        print(
            f"never {never}, always {always}, between {sum(between)} of {len(between)}: {'; '.join(wrong) or 'as predicted'}",
            flush=True,
        )
        failed |= bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
