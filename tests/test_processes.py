"""Processes and their pipes: whole messages, no blocking, and nobody stays behind."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import PATIENCE_S, pipe
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import processes
from collector.processes import Child, Inlet, Outlet, fork

messages = st.lists(
    st.tuples(
        st.sampled_from(["rows", "probe"]),
        st.integers() | st.none() | st.text() | st.binary(max_size=300) | st.lists(st.integers(), max_size=5),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(sent=messages, cuts=st.lists(st.integers(1, 40), max_size=200))
def test_messages_arrive_whole_however_the_bytes_are_cut(sent, cuts):
    reading, writing = os.pipe()
    between_in, between_out = os.pipe()
    outlet, inlet = Outlet(writing), Inlet(between_in)
    for message in sent:
        outlet.put(message)
    os.close(writing)
    data = b""
    while chunk := os.read(reading, 1 << 16):
        data += chunk

    got = []
    for cut in [*cuts, len(data) + 1]:
        os.write(between_out, data[:cut])
        data = data[cut:]
        got += inlet.messages()
    os.close(between_out)
    got += inlet.messages()

    assert got == sent
    assert inlet.ended
    os.close(reading)
    os.close(between_in)


def test_a_full_pipe_does_not_block_and_the_rest_follows_in_order():
    inlet, outlet = pipe()
    sent = [("rows", number, b"x" * 50_000) for number in range(20)]
    for message in sent:
        outlet.put(message)

    assert not outlet.push()
    got = list(inlet.messages())
    assert 0 < len(got) < 20
    while not outlet.push():
        got += inlet.messages()
    got += inlet.messages()

    assert got == sent, "nothing was dropped"
    os.close(inlet.fd)
    os.close(outlet.fd)


def test_beyond_the_bound_messages_are_dropped_and_counted_and_none_is_torn(monkeypatch):
    monkeypatch.setattr(processes, "_BACKLOG_B", 200_000)
    inlet, outlet = pipe()
    for number in range(100):
        outlet.put(("rows", number, b"x" * 10_000))

    got = []
    while not outlet.push():
        got += inlet.messages()
    got += inlet.messages()
    kept = len(got)
    assert 0 < kept < 100
    assert [message[1] for message in got] == list(range(kept))

    outlet.put(("rows", "after", b""))
    note = ("dropped", 100 - kept)
    assert list(inlet.messages()) == [note, ("rows", "after", b"")]
    os.close(inlet.fd)
    os.close(outlet.fd)


def test_the_bound_is_64_MiB():
    assert processes._BACKLOG_B == 64 << 20


def test_a_writer_learns_that_its_reader_is_gone():
    inlet, outlet = pipe()
    os.close(inlet.fd)

    with pytest.raises(BrokenPipeError):
        outlet.put(("rows",))
    os.close(outlet.fd)


def test_a_message_that_could_not_be_sent_to_the_dead_does_not_make_the_next_push_raise():
    """`put` told its caller already; `push` is called on every beat, where a BrokenPipeError ends the run."""
    inlet, outlet = pipe()
    os.close(inlet.fd)
    with pytest.raises(BrokenPipeError):
        outlet.put(("send", "a>b/ch1", b"key"))

    assert outlet.push()
    os.close(outlet.fd)


def test_a_frame_that_its_writer_did_not_finish_is_no_message():
    inlet, outlet = pipe()
    outlet.put(("whole",))
    os.write(outlet.fd, b"\xff\0\0\0half")
    os.close(outlet.fd)

    assert list(inlet.messages()) == [("whole",)]
    assert inlet.ended
    os.close(inlet.fd)


def test_a_reader_that_stops_half_way_does_not_get_the_same_message_again():
    inlet, outlet = pipe()
    outlet.put(("one",))
    outlet.put(("two",))

    assert next(inlet.messages()) == ("one",)
    assert list(inlet.messages()) == [("two",)]
    os.close(inlet.fd)
    os.close(outlet.fd)


def drain(child: Child) -> list[tuple]:
    """All messages up to the end of the child."""
    got: list[tuple] = []
    while not child.inlet.ended:
        ready, _, _ = select.select([child.inlet.fd], [], [], PATIENCE_S)
        assert ready, "the child neither speaks nor ends"
        got += child.inlet.messages()
    return got


def wait_for_the_parent(orders: Inlet, out: Outlet) -> None:
    out.put(("waiting",))
    select.select([orders.fd], [], [])
    list(orders.messages())
    out.put(("ended", orders.ended))


def test_a_child_leaves_when_the_parent_s_end_closes():
    child = fork("c", wait_for_the_parent)
    spare = os.dup(child.orders.fd)
    os.close(child.orders.fd)
    os.close(spare)  # as the kernel does when a parent is killed

    assert drain(child)[-1] == ("ended", True)
    _, status = os.waitpid(child.pid, 0)
    os.close(child.inlet.fd)
    assert os.waitstatus_to_exitcode(status) == 0


def test_orders_reach_the_child():
    def body(orders: Inlet, out: Outlet) -> None:
        select.select([orders.fd], [], [])
        for order in orders.messages():
            out.put(("got", order))

    child = fork("c", body)
    child.orders.put(("send", "a>b/ch1", b"key"))

    assert drain(child) == [("got", ("send", "a>b/ch1", b"key"))]
    assert os.waitstatus_to_exitcode(child.reap()) == 0


SCRIPT = """
import os, sys
from collector.processes import fork

def body(orders, out):
    out.put(("before",))
    {body}

main = os.getpid()
{before}
try:
    child = fork("c", body)
finally:
    if os.getpid() != main:
        os.write(1, b"the child is here")
        os._exit(99)
os.write(1, str(os.waitstatus_to_exitcode(child.reap())).encode())
"""


def run_script(body: str, before: str = "", stderr: int = subprocess.PIPE) -> tuple[str, str]:
    """Fork in a Python of its own, whose stderr is a plain descriptor. Returns what it wrote."""
    script = SCRIPT.format(body=body, before=before)
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=stderr, timeout=30, check=True)
    return done.stdout.decode(), (done.stderr or b"").decode()


def test_a_child_that_raises_ends_with_a_status_and_a_traceback():
    said, complained = run_script('raise ZeroDivisionError("in the child")')

    assert said == "70"
    assert "ZeroDivisionError: in the child" in complained


@pytest.mark.parametrize("body", ["sys.exit(0)", "sys.exit(5)", "raise KeyboardInterrupt", "raise GeneratorExit"])
def test_a_child_never_returns_into_its_parent_s_code(body):
    said, _ = run_script(body)

    assert said == "70"


def test_a_child_that_cannot_even_complain_does_not_return_into_its_parent_s_code():
    """There it would clean up for its parent: kill its siblings, say."""
    said, _ = run_script("1 / 0", before="os.close(2)")

    assert said == "70"


def test_a_child_keeps_stdio_its_pipes_and_what_it_was_told_to_keep_and_nothing_else():
    kept, other = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(other, True)

    def body(orders: Inlet, out: Outlet) -> None:
        found = {int(entry.name) for entry in Path("/proc/self/fd").iterdir()}
        found = {fd for fd in found if _is_open(fd)}  # the listing's own descriptor is closed again
        out.put(("open", sorted(found - {0, 1, 2, orders.fd, out.fd})))

    child = fork("c", body, [kept])

    assert drain(child) == [("open", [kept])]
    child.reap()
    os.close(kept)
    os.close(other)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_a_child_outlives_ctrl_c_and_ends_when_it_is_killed():
    def body(_orders: Inlet, out: Outlet) -> None:
        os.kill(os.getpid(), 2)
        os.kill(os.getpid(), 15)
        out.put(("alive",))
        select.select([], [], [])

    child = fork("c", body)
    ready, _, _ = select.select([child.inlet.fd], [], [], PATIENCE_S)

    assert ready
    assert list(child.inlet.messages()) == [("alive",)]
    child.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
