"""Small writes to the disk: what the probe does to a real folder, and what the rule makes of it."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fakes import FakeHost, make_env
from synthetic import plan_data

from analyzer.contract import Scope, Status, Subject
from analyzer.extension import Context, Custom
from analyzer.rules import commit_latency
from collector.contract import Batch
from collector.errors import PlanError, Unavailable
from collector.machine import SystemClock
from collector.plan import parse
from collector.probes import commit


def env_in(folder):
    return make_env(SystemClock(), FakeHost(), folder)


def ticks(env, count):
    running = commit.sample(env)
    rows = []
    while count:
        item = next(running)
        if item is None:
            count -= 1
        else:
            assert isinstance(item, Batch)
            rows.append(item)
    return running, rows


def test_every_planned_folder_gets_a_row_a_tick_and_keeps_nothing(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    folders = tuple(str(tmp_path / name) for name in ("one", "two"))
    env = env_in(tmp_path)
    running, rows = ticks(replace(env, node=replace(env.node, data=folders)), 3)
    assert [row.labels for row in rows] == [(folder,) for folder in folders] * 3
    told = [row.values for row in rows]  # noqa: PD011 - no pandas here
    assert all(error == 0 and took_us >= 0 for took_us, error in told)
    assert [list(path.iterdir()) for path in tmp_path.iterdir()] == [[], []]
    running.close()


def test_without_a_planned_folder_the_archives_is_measured(tmp_path):
    env = env_in(tmp_path)
    _, rows = ticks(env, 1)
    assert [row.labels for row in rows] == [(str(env.run.folder.resolve()),)]


def test_the_file_does_not_grow(tmp_path, monkeypatch):
    written = []
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: written.append((len(data), at)) or real(fd, data, at))
    ticks(env_in(tmp_path), 2 * commit.BLOCKS + 1)
    assert max(at + size for size, at in written) == commit.BLOCKS * commit.BLOCK_B
    assert written[0] == written[commit.BLOCKS] == (commit.BLOCK_B, 0)


def test_a_commit_that_fails_is_a_row_with_its_error(tmp_path, monkeypatch):
    running, _ = ticks(env_in(tmp_path), 1)

    def fail(_fd):
        raise OSError(5, "I/O error")

    monkeypatch.setattr(commit, "_sync", fail)
    row = next(running)
    assert row.values == (None, 5)  # noqa: PD011 - no pandas here
    running.close()


def test_a_folder_that_is_not_there_is_told_by_name(tmp_path):
    env = env_in(tmp_path)
    missing = str(tmp_path / "nowhere")
    with pytest.raises(Unavailable, match="nowhere"):
        next(commit.sample(replace(env, node=replace(env.node, data=(missing,)))))


@pytest.mark.parametrize(
    ("data", "told"),
    [(["var/lib"], "no absolute path"), (["/a", "/a"], "twice"), ("/a", "must be a list"), ([5], "texts")],
)
def test_a_data_folder_that_makes_no_sense_is_a_mistake_of_the_plan(data, told):
    given = plan_data()
    given["node"][0]["data"] = data
    with pytest.raises(PlanError) as caught:
        parse(given, "plan.toml")
    assert any(told in mistake and "node a, data" in mistake for mistake in str(caught.value).splitlines())


def test_windows_paths_are_paths():
    given = plan_data()
    given["node"][0]["data"] = ["D:\\data"]
    assert parse(given, "plan.toml").node("a").data == ("D:\\data",)


def judge(took_s, failed=0, data=("/var/lib",), asked=(Custom.COMMITS,)):
    given = plan_data()
    given["node"][0]["data"] = list(data)
    took_us = np.append(np.asarray(took_s, dtype=float) * 1e6, np.full(failed, np.nan))
    frame = pd.DataFrame({"took_us": took_us, "error": [0.0] * len(took_s) + [28.0] * failed})
    subject = Subject(Scope.DEVICE, "a//var/lib")
    rule = commit_latency.RULE
    customs = dict.fromkeys(asked, ("store",))
    context = Context(subject, parse(given, "plan.toml"), "a", 900.0, {"commit": frame}, rule.limits, customs=customs)
    return list(rule.check(context))


def mostly(usual_s, rare_s, rare):
    return [rare_s] * rare + [usual_s] * (1000 - rare)


@pytest.mark.parametrize(
    ("took_s", "status"),
    [
        (mostly(0.001, 0.0100, 20), Status.PASS),
        (mostly(0.001, 0.0101, 20), Status.WARN),
        (mostly(0.001, 0.0200, 20), Status.WARN),
        (mostly(0.001, 0.0201, 20), Status.FAIL),
        (mostly(0.001, 0.500, 5), Status.PASS),
        (mostly(0.001, 0.501, 5), Status.WARN),
    ],
)
def test_the_99_per_cent_quantile_and_the_slowest_commit_are_judged(took_s, status):
    (word,) = judge(took_s)
    assert word.status is status
    assert "/var/lib of node a" in word.message
    assert bool(word.remedy) == (status is not Status.PASS)


@pytest.mark.parametrize(
    ("data", "asked", "status"),
    [
        (("/var/lib",), (Custom.COMMITS,), Status.FAIL),
        (("/var/lib",), (), Status.WARN),
        ((), (Custom.COMMITS,), Status.INFO),
        (("/elsewhere",), (Custom.COMMITS,), Status.INFO),
    ],
)
def test_a_slow_commit_condemns_only_where_the_plan_says_that_a_product_waits_for_it(data, asked, status):
    for took_s in ([0.025] * 1000, mostly(0.001, 3.0, 100)):
        (word,) = judge(took_s, data=data, asked=asked)
        assert word.status is status
        assert word.evidence[0].value == max(took_s), "what was measured is told whatever it is worth"


def test_too_few_commits_in_a_folder_that_the_plan_does_not_name_are_no_loss():
    assert [word.status for word in judge([0.001], data=())] == [Status.INFO]
    assert [word.status for word in judge([0.001] * 900, failed=3, data=())] == [Status.WARN, Status.INFO]


def test_too_few_commits_are_unknown():
    (word,) = judge([0.001] * (commit_latency.LEAST - 1))
    assert word.status is Status.SKIPPED


def test_failed_commits_are_warned_of_even_if_the_others_are_fast():
    warned, good = judge([0.001] * 900, failed=3)
    assert (warned.status, good.status) == (Status.WARN, Status.PASS)
    assert "3 writes failed" in warned.message
