"""iperf3: what it is asked, what its JSON is taken for, and the process that runs it and never leaves it behind."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes import PATIENCE_S, addresses, free_port, until
from hypothesis import given
from hypothesis import strategies as st
from nodes import alive, children_of

from collector import external
from collector.machine import SystemClock
from collector.peers import bandwidth, iperf3
from collector.peers.guard import BUSY, Limits
from collector.peers.iperf3 import Datagrams, Failure, Result, Window, client_command, read, read_udp, server_command
from collector.peers.tables import BANDWIDTH, DATAGRAMS, SERVED, WINDOW
from collector.processes import Child, Message, fork

needs_iperf3 = pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed")
PATH = "a>b/ch1"

# --- what it says --------------------------------------------------------------------------------------------------


def step(start: float, seconds: float, count: int, **more: Any) -> dict[str, Any]:
    """One of the server's intervals."""
    total = {"start": start, "end": start + seconds, "seconds": seconds, "bytes": count, "omitted": False} | more
    return {"streams": [], "sum": total}


def document(**more: Any) -> dict[str, Any]:
    """What iperf3 3.12 printed for a test of 2 s at 50 Mbit/s, shortened."""
    sender = {"bytes": 12_582_912, "retransmits": 3, "max_rtt": 128, "min_rtt": 57, "mean_rtt": 112, "sender": True}
    return {
        "start": {"connected": [{"socket": 5}], "version": "iperf 3.12", "timestamp": {"timesecs": 1795272077}},
        "intervals": [step(0, 0.10014, 655_360)],
        "end": {
            "streams": [{"sender": sender, "receiver": {"bytes": 12_500_000}}],
            "sum_sent": {"seconds": 2.00019, "bytes": 12_582_912, "retransmits": 3},
            "sum_received": {"seconds": 2.000273, "bytes": 12_500_000},
            "cpu_utilization_percent": {"host_total": 3.766916670904872, "remote_total": 0.3513458927325192},
        },
        "server_output_json": {"intervals": [step(0, 0.100122, 655_360), step(0.100122, 0.099993, 600_000)]},
    } | more


def said(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def test_the_receiver_s_figures_are_taken_and_not_the_sender_s():
    result = read(said(document()), 2)

    assert result == Result(
        received_B=12_500_000,
        receiver_us=2_000_273,
        retransmits=3,
        source_cpu_ppm=37_669,
        target_cpu_ppm=3_513,
        lead_us=256,
        windows=(Window(0, 100_122, 655_360), Window(100_122, 99_993, 600_000)),
    )


def test_a_newer_version_is_read_as_well():
    """3.16 and later run threads and say more; some of them print their object twice, after a warning."""
    new = document()
    new["start"] |= {"version": "iperf 3.19.1+", "fq_rate": 0, "test_start": {"bidir": 0, "fqrate": 0, "interval": 0.1}}
    new["start"]["timestamp"] |= {"timemillisecs": 1795272077394}
    new["end"]["cpu_utilization_percent"]["host_total"] = 187.5
    new["end"]["streams"][0]["sender"] |= {"max_snd_wnd": 1, "reorder": 0}

    result = read(b"warning: something\n" + said(new) + b"\n" + said(new), 2)

    assert isinstance(result, Result)
    assert result.received_B == 12_500_000
    assert result.source_cpu_ppm == 1_875_000


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        ("unable to connect to server: Connection refused", 0),
        ("unable to connect to server - server may have stopped running: Connection refused", 0),
        ("the server is busy running a test. try again later", 0),
        ("unable to receive results: ", None),
        ("control socket has closed unexpectedly", None),
    ],
)
def test_the_key_error_decides_whatever_else_is_there(error, sent):
    nothing_told = {"start": {"connected": []}, "intervals": [], "end": {}, "error": error}

    assert read(said(nothing_told), 2) == Failure(error, sent), (
        "unless it was refused the server may have received data"
    )


def test_what_a_failed_test_sent_has_its_cost():
    error = "unable to receive results: "

    assert read(said(document(error=error)), 2) == Failure(error, 655_360)
    assert read(said(document(error=error, intervals=[step(0, 0.1, 5), {"sum": {}}])), 2) == Failure(error, None)


def test_the_words_of_a_program_do_not_steer_the_terminal():
    for output in (said({"error": "\x1b[2J\nhint: x\u202e"}), b"\x1b[2J\n"):
        told = read(output, 2)
        assert isinstance(told, Failure)
        assert told.why.isprintable()


def test_steps_beyond_the_length_of_the_test_or_too_many_are_not_kept():
    """The receiver is another machine: its figures must not spoil this node's record."""
    far = document()
    far["server_output_json"] = {"intervals": [step(4000.0 * place, 4000.0, 5) for place in range(20_000)]}
    many = document()
    many["server_output_json"] = {"intervals": [step(0.0001 * place, 0.0001, 5) for place in range(20_000)]}
    late = document()
    late["server_output_json"] = {"intervals": [step(2.0, 0.9, 5), step(2.9, 0.2, 5)]}

    results = [read(said(odd), 2) for odd in (far, many, late)]
    assert [len(result.windows) for result in results if isinstance(result, Result)] == [0, 40, 1]


@pytest.mark.parametrize(
    "output",
    [b"", b"iperf3: parameter error - bad option", b"{", said(document())[:-300], b"\xff\xfe", b"[" * 5000, b"{}x"],
)
def test_output_that_was_cut_short_is_a_failure(output):
    result = read(output, 2)

    assert isinstance(result, Failure)
    assert result.sent_B is None
    assert read(b"iperf3: parameter error - bad option", 2).why.endswith("'iperf3: parameter error - bad option'")


def test_what_the_other_machine_says_is_not_trusted():
    strange = document()
    strange["server_output_json"] = {
        "intervals": [
            step(0, 0.1, 5),
            step(0.1, 0.1, -5),
            step(0.2, float("nan"), 5),
            step(-1, 0.1, 5),
            step(0.3, 0, 5),
            step(0.3, 0.1, 10**30),
            step(0.4, 0.1, True),
            step(0.5, 0.1, 7, omitted=True),
            {"sum": None},
            None,
            "x",
        ]
    }
    strange["end"]["cpu_utilization_percent"] = {"host_total": None, "remote_total": "much"}
    strange["end"]["sum_sent"]["retransmits"] = None
    strange["end"]["streams"] = "none"
    result = read(said(strange), 2)

    assert isinstance(result, Result)
    assert result.windows == (Window(0, 100_000, 5),)
    assert (result.retransmits, result.source_cpu_ppm, result.target_cpu_ppm, result.lead_us) == (None, None, None, 0)


@pytest.mark.parametrize(
    "received", [None, {}, {"bytes": 5}, {"bytes": 5, "seconds": 0}, {"bytes": None, "seconds": 2}, []]
)
def test_without_a_count_of_the_receiver_there_is_no_result(received):
    odd = document()
    odd["end"]["sum_received"] = received

    assert read(said(odd), 2) == Failure("iperf3 did not tell what was received", None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["start", "intervals", "sum", "end", "error", "bytes", "seconds", "streams", "sender", "sum_received",
             "min_rtt", "server_output_json", "cpu_utilization_percent", "host_total", "sum_sent", "retransmits"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_anything_is_a_result_or_a_failure(value):
    assert isinstance(read(json.dumps(value).encode(), 2), Result | Failure)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_failure(value):
    assert isinstance(read(value, 2), Failure)


def test_a_limit_is_held_with_blocks_of_a_millisecond():
    assert "-b" not in client_command("::1", "::2", 1, 2, None)
    for limit, block in ((1_000_000, "1024"), (50_000_000, "6250"), (100_000_000_000, "131072")):
        command = client_command("::1", "::2", 1, 2, limit)
        assert command[command.index("-b") + 1] == str(limit)
        assert command[command.index("-l") + 1] == block


def datagrams(**more: Any) -> dict[str, Any]:
    """What iperf3 3.12 printed for a test with UDP through a queue that lost some, shortened."""
    total = {"bytes": 5_000_000, "seconds": 2.0, "jitter_ms": 0.0108, "lost_packets": 12, "packets": 3450}
    return {
        "end": {
            "sum": total,
            "sum_sent": {"bytes": 5_000_000, "packets": 3453},
            "sum_received": {"bytes": 4_999_999},
            "cpu_utilization_percent": {"host_total": 12.5, "remote_total": 1.5},
        },
        "server_output_json": {"intervals": [step(0, 1.0, 2_100_000), step(1.0, 1.05, 2_200_000)]},
    } | more


def test_of_datagrams_the_receiver_s_steps_count_and_what_was_sent_is_the_cost():
    assert read_udp(said(datagrams()), 2) == Datagrams(
        received_B=4_300_000,
        receiver_us=2_050_000,
        packets=3450,
        lost=12,
        jitter_us=11,
        sent_B=5_000_000,
        source_cpu_ppm=125_000,
        target_cpu_ppm=15_000,
    )


@pytest.mark.parametrize("server", [None, {}, {"intervals": []}, {"intervals": [step(0, 0.1, -5)]}, "text"])
def test_datagrams_of_which_the_receiver_tells_nothing_have_no_result(server):
    told = read_udp(said(datagrams(server_output_json=server)), 2)

    assert isinstance(told, Failure)


@given(
    value=st.recursive(
        st.none() | st.floats() | st.text(),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["end", "sum", "sum_sent", "intervals", "server_output_json", "packets", "bytes"]),
                inner,
            )
            | st.lists(inner)
        ),
    )
)
def test_anything_is_a_result_or_a_failure_of_datagrams_too(value):
    assert isinstance(read_udp(json.dumps(value).encode(), 2), Datagrams | Failure)


# --- the process ---------------------------------------------------------------------------------------------------


class Runner:
    """The bandwidth process as main starts it, and what it said so far."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.heard: list[Message] = []

    def order(self, *message: Any) -> None:
        self.child.orders.put(message)

    def wait(self, kind: str, seconds: float = 15.0) -> Message:
        """The next message of that kind; rows are kept aside."""
        end = time.monotonic() + seconds
        while True:
            for index, message in enumerate(self.heard):
                if message[0] == kind:
                    return self.heard.pop(index)
            assert time.monotonic() < end, f"no {kind!r} came, but {self.heard}"
            select.select([self.child.inlet.fd], [], [], 0.05)
            self.heard += self.child.inlet.messages()
            assert not self.child.inlet.ended or self.heard, "it ended"

    def rows(self, table: Any) -> list[dict[str, Any]]:
        return [
            dict(zip(table.columns, row, strict=True))
            for message in self.heard
            if message[0] == "rows" and message[1] == table.name
            for row in message[3]
        ]

    def programs(self) -> list[int]:
        return children_of(self.child.pid)


@contextmanager
def running(t0_ns: int = 0, limits: Limits = bandwidth.NO_LIMITS) -> Iterator[Runner]:
    child = fork("bandwidth", lambda orders, out: bandwidth.run_bandwidth(SystemClock(), t0_ns, orders, out, limits))
    try:
        yield Runner(child)
    finally:
        child.kill()


def _gone(pids: list[int]) -> None:
    end = time.monotonic() + PATIENCE_S
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < end, "iperf3 was left behind"
        time.sleep(0.01)


def _family(address: str) -> str:
    if ":" in address:
        try:
            with socket.socket(socket.AF_INET6) as sock:
                sock.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    return address


@needs_iperf3
@pytest.mark.slow
def test_a_test_with_udp_has_rows_of_its_own():
    source, target = addresses(2)
    port = free_port(target)
    began_ns = time.monotonic_ns()
    with running(began_ns) as sender, running(began_ns) as receiver:
        receiver.order("serve", f"{PATH} udp", target, port, 8_000_000, 20.0)
        receiver.wait("served-ready")
        sender.order("test", f"{PATH} udp", source, target, port, 2, 8_000_000, 10.0)
        _, name, state, reason, received, receiver_us, sent = sender.wait("tested")
        receiver.wait("served")

    assert (name, state, reason) == (f"{PATH} udp", "ok", "")
    assert 0.5 * 8e6 < 8e6 * received / receiver_us < 1.05 * 8e6
    assert sent >= received
    (row,) = sender.rows(DATAGRAMS)
    assert (row["rate_bps"], row["received_B"], row["receiver_us"]) == (8_000_000, received, receiver_us)
    assert 0 <= row["lost"] < row["packets"]
    assert sender.rows(BANDWIDTH) == sender.rows(WINDOW) == []
    assert [row["kind"] for row in receiver.rows(SERVED)] == [2]
    assert {message[2] for message in sender.heard if message[0] == "rows"} == {(PATH,)}


@needs_iperf3
@pytest.mark.slow
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_test_makes_room_when_other_programs_need_the_node(side):
    """Whatever runs on this machine is more than the share of CPU that is left to others here."""
    source, target = addresses(2)
    port = free_port(target)
    with running(0, Limits(cpu=1e-9) if side == "source" else bandwidth.NO_LIMITS) as sender, \
            running(0, Limits(cpu=1e-9) if side == "target" else bandwidth.NO_LIMITS) as receiver:  # fmt: skip
        receiver.order("serve", PATH, target, port, None, 30.0)
        receiver.wait("served-ready")
        sender.order("test", PATH, source, target, port, 20, 1_000_000, 26.0)
        with _busy():
            _, _, state, reason, *_, sent = sender.wait("tested")
            _, _, aborted = receiver.wait("served", 40.0)

    told = reason if side == "source" else aborted
    assert re.match(rf"ended after \d+ s, {BUSY}other programs used more than 0% of this node's CPUs", told)
    assert sent is None or side == "target"
    assert state == ("skipped" if side == "source" else "error")
    (row,) = sender.rows(BANDWIDTH)
    assert (row["received_B"], row["kind"]) == (None, 0), "the path was loaded, but it gave no figure"
    assert row["loaded_us"] < 15e6
    assert len(receiver.rows(SERVED)) == 1


@contextmanager
def _busy() -> Iterator[None]:
    """A program that uses a CPU."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


@needs_iperf3
@pytest.mark.slow
@pytest.mark.parametrize("limit", [10_000_000, 200_000_000])
def test_a_test_at_a_limited_rate_is_measured_at_both_ends(limit):
    source, target = addresses(2)
    port = free_port(target)
    began_ns = time.monotonic_ns()
    with running(began_ns) as sender, running(began_ns) as receiver:
        assert sender.wait("iperf3")[1].startswith("iperf 3")
        receiver.order("serve", PATH, target, port, None, 20.0)
        assert receiver.wait("served-ready") == ("served-ready", PATH, "")
        sender.order("test", PATH, source, target, port, 2, limit, 10.0)
        _, path, state, reason, received, receiver_us, sent = sender.wait("tested")
        assert receiver.wait("served") == ("served", PATH, "")

    assert (path, state, reason, sent) == (PATH, "ok", "", received)
    # A limit is what iperf3 never exceeds; on a busy machine it falls short. How exact a rate is, the laboratory tells.
    assert 0.5 * limit < 8e6 * received / receiver_us < 1.01 * limit
    (row,) = sender.rows(BANDWIDTH)
    assert (row["received_B"], row["receiver_us"], row["limit_bps"]) == (received, receiver_us, limit)
    assert 2_000_000 < row["loaded_us"] < 3_000_000
    assert row["source_cpu_ppm"] > 0
    windows = sender.rows(WINDOW)
    assert len(windows) >= 19
    assert sum(window["received_B"] for window in windows) == pytest.approx(received, rel=0.02)
    last = windows[-1]
    assert (
        row["t_us"] <= windows[0]["t_us"] < last["t_us"] + last["length_us"] <= row["t_us"] + row["loaded_us"] + 50_000
    )
    (served,) = receiver.rows(SERVED)
    assert served["t_us"] < row["t_us"]
    assert served["t_us"] + served["loaded_us"] > row["t_us"] + 2_000_000


@needs_iperf3
@pytest.mark.slow
def test_a_test_runs_between_ipv6_addresses():
    address = _family("::1")
    port = 20_000 + os.getpid() % 20_000
    with running() as sender, running() as receiver:
        receiver.order("serve", PATH, address, port, None, 20.0)
        assert receiver.wait("served-ready")[2] == ""
        sender.order("test", PATH, address, address, port, 1, 10_000_000, 10.0)
        assert sender.wait("tested")[2:4] == ("ok", "")


@needs_iperf3
def test_a_refused_connection_is_an_error_with_iperf3_s_own_words_and_no_row():
    source, target = addresses(2)
    with running() as sender:
        sender.order("test", PATH, source, target, free_port(target), 2, None, 10.0)

        told = sender.wait("tested")
        assert told[2] == "error"
        assert "unable to connect to server" in told[3]
        assert told[4:] == (None, None, 0)
        assert sender.rows(BANDWIDTH) == []


@needs_iperf3
def test_a_busy_server_is_an_error_though_iperf3_ends_with_0():
    source, target = addresses(2)
    port = free_port(target)
    with running() as receiver, running() as sender:
        receiver.order("serve", PATH, target, port, None, 20.0)
        receiver.wait("served-ready")
        with socket.create_connection((target, port), timeout=PATIENCE_S) as first:
            first.sendall(b"c" * 36 + b"\0")  # the cookie by which iperf3 knows its client
            assert first.recv(1) == b"\x09", "it asks for the parameters"
            wanted = json.dumps({"tcp": True, "omit": 0, "time": 9, "parallel": 1, "len": 1024}).encode()
            first.sendall(len(wanted).to_bytes(4, "big") + wanted)
            assert first.recv(1) == b"\x0a", "it waits for the stream: from now on it is busy"
            sender.order("test", PATH, source, target, port, 1, 10_000_000, 10.0)
            told = sender.wait("tested")

    assert told[2] == "error"
    assert "busy" in told[3]


@needs_iperf3
def test_an_address_that_cannot_be_served_is_told():
    with running() as receiver:
        receiver.order("serve", PATH, "192.0.2.1", 18_863, None, 20.0)

        assert "Cannot assign requested address" in receiver.wait("served-ready")[2]


def test_a_port_that_somebody_else_holds_is_told():
    (target,) = addresses(1)
    with socket.create_server((target, 0)) as other, running() as receiver:
        port = other.getsockname()[1]
        receiver.order("serve", PATH, target, port, None, 20.0)

        assert receiver.wait("served-ready")[2].startswith(f"TCP port {port} on {target} is in use; ")


@needs_iperf3
def test_a_server_nobody_comes_to_is_ended_at_its_deadline():
    (target,) = addresses(1)
    with running() as receiver:
        receiver.order("serve", PATH, target, free_port(target), None, 1.0)
        receiver.wait("served-ready")
        programs = receiver.programs()
        assert len(programs) == 1
        receiver.wait("served")

        _gone(programs)
        (row,) = receiver.rows(SERVED)
        assert 900_000 < row["loaded_us"] < 1_500_000


@needs_iperf3
def test_a_client_that_does_not_end_is_ended_at_its_deadline_and_its_load_is_kept():
    source, target = addresses(2)
    with socket.create_server((target, 0)) as silent, running() as sender:
        sender.order("test", PATH, source, target, silent.getsockname()[1], 2, 10_000_000, 1.0)
        told = sender.wait("tested")

        assert told[2] == "timeout"
        assert "deadline" in told[3]
        assert told[6] is None, "nobody knows what it cost"
        (row,) = sender.rows(BANDWIDTH)
        assert row["received_B"] is None
        assert row["loaded_us"] >= 1_000_000
        assert sender.programs() == []


@needs_iperf3
def test_one_program_at_a_time():
    source, target = addresses(2)
    port = free_port(target)
    with running() as receiver:
        receiver.order("serve", PATH, target, port, None, 20.0)
        receiver.wait("served-ready")
        receiver.order("serve", "c>b/ch1", target, port, None, 20.0)
        assert receiver.wait("served-ready") == ("served-ready", "c>b/ch1", f"{PATH} is being tested here")
        receiver.order("test", "b>a/ch1", source, target, port, 2, None, 20.0)
        assert receiver.wait("tested")[2:4] == ("error", f"{PATH} is being tested here")
        assert len(receiver.programs()) == 1


@needs_iperf3
@pytest.mark.parametrize("way", ["stop", "main goes", "kill -9"])
def test_no_iperf3_is_left_behind_however_its_process_ends(way):
    (target,) = addresses(1)
    with running() as receiver:
        receiver.order("serve", PATH, target, free_port(target), None, 60.0)
        receiver.wait("served-ready")
        programs = receiver.programs()
        assert len(programs) == 1
        if way == "stop":
            receiver.order("stop")
        elif way == "main goes":
            os.dup2(os.open("/dev/null", os.O_WRONLY), receiver.child.orders.fd)  # closes the pipe
        else:
            os.kill(receiver.child.pid, signal.SIGKILL)

        _gone(programs)


def wrapper(folder: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """Put a shell script in the place of iperf3."""
    script = folder / "iperf3-wrapper"
    script.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo iperf 3.12 && exit\n{does}\n')
    script.chmod(0o755)
    monkeypatch.setattr(iperf3, "PROGRAM", str(script))


def _descendants(pid: int) -> list[int]:
    return [one for child in children_of(pid) for one in (child, *_descendants(child))]


@pytest.mark.parametrize("way", ["deadline", "stop", "main goes"])
def test_what_a_wrapper_of_iperf3_has_started_is_ended_with_it(way, tmp_path, monkeypatch):
    wrapper(tmp_path, monkeypatch, "sleep 600 &\nwait")
    source, target = addresses(2)
    with running() as runner:
        runner.wait("iperf3")
        runner.order("test", PATH, source, target, 1, 2, None, 1.0 if way == "deadline" else 60.0)
        until(lambda: len(_descendants(runner.child.pid)) == 2, lambda: time.sleep(0.01))
        programs = _descendants(runner.child.pid)
        if way == "deadline":
            assert runner.wait("tested")[2] == "timeout"
        elif way == "stop":
            runner.order("stop")
        else:
            os.dup2(os.open("/dev/null", os.O_WRONLY), runner.child.orders.fd)  # closes the pipe

        _gone(programs)


def test_what_a_wrapper_leaves_behind_when_it_ends_is_ended(tmp_path, monkeypatch):
    noted = tmp_path / "pid"
    wrapper(tmp_path, monkeypatch, f"sleep 600 >/dev/null 2>&1 &\necho $! >{noted}")
    source, target = addresses(2)
    with running() as runner:
        runner.wait("iperf3")
        runner.order("test", PATH, source, target, 1, 2, None, 60.0)
        assert runner.wait("tested")[2] == "error"

        _gone([int(noted.read_text())])


def test_without_iperf3_it_says_so_and_every_order_is_answered(monkeypatch):
    monkeypatch.setattr(iperf3, "PROGRAM", "no-such-iperf3")
    source, target = addresses(2)
    with running() as runner:
        assert runner.wait("iperf3") == ("iperf3", "", "iperf3 is not installed")
        runner.order("test", PATH, source, target, 1, 2, None, 5.0)
        assert runner.wait("tested")[2] == "skipped"
        runner.order("serve", PATH, target, free_port(target), None, 5.0)
        assert "no-such-iperf3" in runner.wait("served-ready")[2]


def test_the_servers_command_serves_once_on_the_planned_address_only():
    assert server_command("10.1.1.2", 8863) == ["iperf3", "-s", "-1", "-B", "10.1.1.2", "-p", "8863", "-J", "-i", "0.1"]


def test_a_program_that_is_listened_to_speaks_c_and_is_told_absent():
    program = external.listen(["sh", "-c", "echo $LC_ALL; echo oops >&2"])
    assert program.stdout is not None
    assert program.stdout.read() == b"C\noops\n"
    assert external.finish(program, 5.0) == 0
    program.stdout.close()
    with pytest.raises(external.Unavailable, match="no-such-program"):
        external.listen(["no-such-program"])
