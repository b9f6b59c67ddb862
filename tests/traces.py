"""Traces for the failure detectors, and detectors one heartbeat at a time, as a reader would write them from their descriptions."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from analyzer.detectors.trace import State, cut, over_tcp, paused, regular

PERIOD_S = 0.2
"""Of the probes in all traces made here."""
RTT_S = 0.01


def calm(length_s, **kind):
    """A path that answers within 10 ms."""
    return regular("a>b/c", PERIOD_S, np.full(round(length_s / PERIOD_S), RTT_S), **kind)


def slots(start_s, stop_s):
    return range(round(start_s / PERIOD_S), round(stop_s / PERIOD_S))


@st.composite
def impaired(draw, length_s=80.0):
    """A path with outages, lone losses, answers held up, pauses of either end and holes in the record."""
    count = round(length_s / PERIOD_S)
    delay = np.full(count, RTT_S)
    lost, absent = set(), set()
    for _ in range(draw(st.integers(0, 4))):
        start, length = draw(st.integers(0, count - 1)), draw(st.integers(1, 90))
        what = draw(st.sampled_from(["lost", "held", "absent", "late"]))
        rows = np.arange(start, min(start + length, count))
        if what == "lost":
            lost |= set(rows.tolist())
        elif what == "absent":
            absent |= set(rows.tolist())
        elif what == "held":
            delay[rows] = np.maximum(delay[rows], (start + length - rows) * PERIOD_S)
        else:
            delay[rows[:1]] = length * PERIOD_S
    lost |= set(draw(st.lists(st.integers(0, count - 1), max_size=5)))
    trace = regular("a>b/c", PERIOD_S, delay, lost=lost - absent, absent=absent)
    spans = draw(st.lists(st.tuples(st.floats(0, length_s), st.floats(0.05, 8)), max_size=2))
    return paused(trace, [(at, at + long) for at, long in spans[:1]], [(at, at + long) for at, long in spans[1:]])


@st.composite
def worse(draw, trace):
    """The same path with something more: delay, loss, a pause of either end."""
    what = draw(st.sampled_from(["delay", "tail", "loss", "pause here", "pause there"]))
    at_s, long_s = draw(st.floats(0, 75)), draw(st.floats(0.1, 30))
    rows = (trace.sent_s >= at_s) & (trace.sent_s < at_s + long_s)
    if what == "pause here":
        return paused(trace, [(at_s, at_s + long_s)])
    if what == "pause there":
        return paused(trace, (), [(at_s, at_s + long_s)])
    answer_s = trace.answer_s.copy()
    if what == "loss":
        answer_s[rows] = np.inf
    elif what == "delay":
        answer_s[rows] += draw(st.floats(0.01, 20))
    else:
        # A heavier tail: the slower an answer the more it gains.
        delay_s = trace.delay_s
        answer_s = trace.sent_s + delay_s * np.where(delay_s > 0.1, draw(st.floats(1.0, 3.0)), 1.0)
    return type(trace)(
        trace.path,
        trace.period_s,
        trace.sent_s,
        answer_s,
        trace.state,
        trace.stalls_s,
        trace.peer_stalls_s,
        trace.loaded,
    )


@st.composite
def thinner(draw, trace):
    """The same path with nothing known of some of the time in which nothing happened, 5 s away from whatever did, over TCP too."""
    slow = over_tcp(trace, 0.5).delay_s > RTT_S + 1e-9
    bad = ~trace.known | (trace.delay_s > RTT_S + 1e-9) | slow
    near = np.convolve(bad, np.ones(51), "same") > 0.5
    quiet = np.flatnonzero(~near)
    if not len(quiet):
        return trace
    first = int(quiet[draw(st.integers(0, len(quiet) - 1))])
    rest = np.flatnonzero(near[first:])
    last = first + (int(rest[0]) if len(rest) else len(trace) - first)
    stop = draw(st.integers(first + 1, last))
    return cut(trace, [(first * PERIOD_S - 0.05, (stop - 1) * PERIOD_S + 0.05)])


def naive_kmiss(trace, interval_s, deadline_s, misses):
    """Episodes (start, stop) by phase, one heartbeat at a time."""
    stride = trace.stride(interval_s)
    found = []
    for phase in range(stride):
        run, suspect, last = 0, None, 0.0
        mine = []
        for at in range(phase, len(trace), stride):
            if trace.state[at] == State.NO_DATA:
                if suspect is not None:
                    mine.append((suspect, max(trace.sent_s[at] - deadline_s, last)))
                run, suspect = 0, None
            elif trace.answer_s[at] - trace.sent_s[at] > deadline_s + 1e-9:
                run, last = run + 1, trace.sent_s[at]
                if run == misses:
                    suspect = trace.sent_s[at]
            else:
                if suspect is not None:
                    mine.append((suspect, max(trace.answer_s[at] - deadline_s, last)))
                run, suspect = 0, None
        if suspect is not None:
            at += stride
            end_s = trace.sent_s[at] if at < len(trace) else trace.end_s
            mine.append((suspect, max(end_s - deadline_s, last)))
        found.append(mine)
    return found


def naive_silence(trace, interval_s, timeout_s):
    """Suspected stretches by phase, one question at a time."""
    stride = trace.stride(interval_s)
    step_s = stride * trace.period_s
    found = []
    for phase in range(stride):
        mine = []
        heard, edge = math.inf, trace.end_s
        for at in reversed(range(phase, len(trace), stride)):
            if trace.state[at] == State.NO_DATA:
                edge = trace.sent_s[at]
                continue
            heard = min(heard, trace.answer_s[at])
            stop = min(heard, edge)
            if stop - (trace.sent_s[at] - step_s) > timeout_s + 1e-6:
                mine.append((trace.sent_s[at] - step_s + timeout_s, stop))
        found.append(mine)
    return found


def naive_addp(trace, idle_s, wait_s, offset_s):
    """Times at which an idle connection is given up, one poll at a time; the first poll comes `offset_s` after the start."""
    lost, poll_s = [], float(trace.sent_s[0]) + offset_s
    while poll_s < trace.sent_s[-1]:
        at = round((poll_s - trace.sent_s[0]) / trace.period_s)
        if at >= len(trace):
            break
        took_s = trace.answer_s[at] - trace.sent_s[at]
        if took_s > wait_s + 1e-9:
            lost.append(poll_s + wait_s)
            later = trace.answer_s[trace.sent_s >= poll_s + wait_s]
            if not len(later):
                break
            poll_s = float(later.min()) + idle_s
        else:
            poll_s += idle_s
    return lost


def covered(spans):
    """Stretches made one."""
    merged = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1] + 1e-9:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged
