"""The laboratory's namespaces: what they join, what they limit, and that nothing of them is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collector.errors import OperatorError, Unavailable
from collector.external import run
from collector.inventory.stamping import stamping
from collector.lab import netns
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab, blackhole, entered, limited, sweep
from collector.lab.wan import Wan, WanEnd
from collector.lab.wanlog import read_log
from collector.machine import PsutilHost

# `make lab` runs them, as root; an ordinary user is told so and can still test everything else.
pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]

LISTEN = """
import socket, sys, time
s = socket.socket()
s.bind((sys.argv[1], 9))
s.listen()
print("ready", flush=True)
c, _ = s.accept()
first = c.recv(65536)
began, got = time.monotonic(), 0
while data := c.recv(65536):
    got += len(data)
print(got * 8 / (time.monotonic() - began), flush=True)
"""
SEND = """
import socket, sys
s = socket.create_connection((sys.argv[1], 9), timeout=10)
s.sendall(bytes(int(sys.argv[2])))
"""
ASK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[2]))
s.connect((sys.argv[1], 9))
s.send(b"?")
try:
    s.recv(10)
except ConnectionRefusedError:
    print("heard")
except TimeoutError:
    print("silence")
"""
OWNER = """
import sys, time
from pathlib import Path
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab
from collector.lab.wan import Wan, WanEnd

folder = Path(sys.argv[1])
with Lab() as lab:
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.link(a, "v0", b, "v0")
    program = a.start(["sleep", "300"], folder / "sleep")
    with Wan((WanEnd(a, "10.0.0.1/24"), WanEnd(b, "10.0.0.2/24")), Impairment(), Impairment(), folder, seed=1) as wan:
        print(a.name, b.name, program.pid, wan.relay_pid, flush=True)
        time.sleep(300)
"""


@pytest.fixture
def lab():
    try:
        with Lab() as lab:
            yield lab
    except Unavailable as reason:
        pytest.fail(f"the laboratory cannot be built here, and its tests must not be skipped: {reason}")


def _devices() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


def _ours(lab: Lab) -> list[str]:
    return [name for name in netns._existing() if name.startswith(lab._prefix)]


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while netns._started(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _hears(where: netns.Namespace, address: str) -> bool:
    """Whether somebody there refuses us: the shortest answer there is."""
    done = where.run([sys.executable, "-c", ASK, address, "1"], 20)
    assert done.code == 0, done.err
    return done.out.strip() == "heard"


def test_namespaces_joined_by_a_router_reach_each_other(lab):
    a, router, b = lab.namespace("a"), lab.namespace("router", router=True), lab.namespace("b")
    lab.link(a, "lan", router, "left")
    lab.link(b, "lan", router, "right")
    a.address("lan", "10.1.0.2/24")
    router.address("left", "10.1.0.1/24")
    router.address("right", "10.2.0.1/24")
    b.address("lan", "10.2.0.2/24")
    a.route("default", "10.1.0.1")
    assert not _hears(a, "10.2.0.2"), "there is no way back yet"
    b.route("10.1.0.0/24", "10.2.0.1")
    assert _hears(a, "10.2.0.2")


def test_namespaces_on_a_bridge_reach_each_other(lab):
    switch = lab.namespace("switch")
    for number in (1, 2, 3):
        node = lab.namespace(f"n{number}")
        lab.link(node, "lan", switch, f"p{number}")
        node.address("lan", f"10.3.0.{number}/24")
    lab.bridge(switch, "br0", ["p1", "p2", "p3"])
    assert _hears(node, "10.3.0.1")
    assert _hears(node, "10.3.0.2")


@pytest.mark.slow
def test_a_cable_tells_that_it_has_no_hardware_that_could_stamp(lab):
    one, other = lab.namespace("one"), lab.namespace("other")
    lab.link(one, "v", other, "v")
    with entered(one.path):
        said = PsutilHost().hardware_stamps("v")
    assert said["phc_index"] == -1
    assert "rx_filter" not in said, "its driver cannot be asked for what it is set to"
    assert stamping(said) == "none"


def test_a_limited_device_sends_at_its_rate_and_no_faster(lab, tmp_path):
    rate_bps = 40_000_000
    a, router, b = lab.namespace("a"), lab.namespace("router", router=True), lab.namespace("b")
    lab.link(a, "lan", router, "left")
    lab.link(b, "lan", router, "right")
    for where, device, address in ((a, "lan", "10.1.0.2"), (router, "left", "10.1.0.1"), (router, "right", "10.2.0.1")):
        where.address(device, f"{address}/24")
    b.address("lan", "10.2.0.2/24")
    a.route("default", "10.1.0.1")
    b.route("default", "10.2.0.1")
    with limited(router, "right", rate_bps):
        server = b.start([sys.executable, "-c", LISTEN, "10.2.0.2"], tmp_path / "rate")
        while "ready" not in (tmp_path / "rate").read_text():
            assert server.poll() is None, (tmp_path / "rate").read_text()
            time.sleep(0.01)
        sent = a.run([sys.executable, "-c", SEND, "10.2.0.2", "10000000"], 30)
        assert sent.code == 0, sent.err
        assert server.wait(20) == 0
    measured = float((tmp_path / "rate").read_text().split()[1])
    # TCP's share of a full frame: 1448 of 1514 octets.
    assert measured == pytest.approx(rate_bps * 1448 / 1514, rel=0.03)
    assert "tbf" not in router.ip("link", "show", "right")


def test_a_blackhole_swallows_what_comes_from_one_address_until_it_is_lifted(lab):
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.link(a, "lan", b, "lan")
    a.address("lan", "10.1.0.1/24")
    b.address("lan", "10.1.0.2/24")
    if not (shutil.which("nft") or shutil.which("iptables")):
        with pytest.raises(Unavailable, match="neither nft nor iptables"), blackhole(b, "10.1.0.1"):
            pass
    else:
        with blackhole(b, "10.1.0.1"):
            assert not _hears(a, "10.1.0.2")
    assert _hears(a, "10.1.0.2")


def test_a_wrong_request_is_an_error_of_the_operator(lab):
    a = lab.namespace("a")
    with pytest.raises(OperatorError, match="Cannot find device"):
        a.address("nothing", "10.1.0.1/24")
    with pytest.raises(OperatorError, match="is no label"):
        lab.namespace("../a")


def test_a_program_that_is_absent_or_does_not_end_is_told():
    with pytest.raises(Unavailable, match="No such file"):
        run(["no-such-program"], 5.0)
    with pytest.raises(OperatorError, match=r"did not end within 0.2 s"):
        run(["sleep", "60"], 0.2)
    done = run([sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"], 20.0)
    assert (done.code, done.out, done.err) == (3, "out\n", "err\n")


def test_without_privileges_the_reason_is_told():
    program = """
import os
from collector.errors import Unavailable
from collector.lab.netns import Lab
with Lab():
    pass  # whatever Python reads only when needed is read while it may be
os.setuid(65534)
try:
    with Lab():
        pass
except Unavailable as reason:
    print(reason)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout.strip() == "network namespaces need root: CAP_NET_ADMIN and CAP_SYS_ADMIN missing", done.stderr


def _break(lab: Lab, folder: Path, started: list) -> None:
    with lab:
        a, b = lab.namespace("a"), lab.namespace("b")
        ends = WanEnd(a, "10.0.0.1/24"), WanEnd(b, "10.0.0.2/24")
        with Wan(ends, Impairment(), Impairment(), folder, seed=1) as wan:
            started += [a.start(["sleep", "300"], folder / "sleep"), wan.relay_pid]
            assert len(_ours(lab)) == 2
            raise RuntimeError("the test broke")


def test_nothing_is_left_after_a_test_that_raised(tmp_path):
    before, started = _devices(), []
    own = Path("/proc/self/ns/net").stat().st_ino
    lab = Lab()
    with pytest.raises(RuntimeError, match="the test broke"):
        _break(lab, tmp_path, started)
    program, relay_pid = started
    assert program.wait(10) == -signal.SIGKILL
    assert _gone(relay_pid)
    assert _ours(lab) == []
    assert _devices() == before
    assert Path("/proc/self/ns/net").stat().st_ino == own
    assert read_log(tmp_path / "wan-a-b.log").packets == (), "the relay finished its log all the same"


def test_what_a_killed_owner_left_is_swept_and_what_lives_is_kept(lab, tmp_path):
    kept = lab.namespace("kept")
    before = _devices()
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    one, other, program, relay = owner.stdout.readline().split()
    assert {one, other} <= set(netns._existing())
    assert not {one, other} & set(sweep()), "its owner lives"
    owner.kill()
    owner.wait()
    owner.stdout.close()
    sweep()  # somebody else's sweep may have been faster
    assert not {one, other} & set(netns._existing())
    assert _gone(int(relay)), "the relay outlived its owner"
    assert _gone(int(program)), "a program in a namespace outlived it"
    assert _devices() == before
    assert kept.name in netns._existing()
