"""The TCP echo assessed: archives whose truth is known, the two rules at their borders, and what it adds to a timeout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import Link, Machine, Site, Test, plan_data, write

from analyzer.assess import assess
from analyzer.contract import Assessment, EchoTiming, IdleAge, Quantiles, Scope, Silence, Status, Subject
from analyzer.echo import silent_together
from analyzer.extension import ECHO, TIMING, Context, Tolerance
from analyzer.rules import idle_connections, tcp_echo
from analyzer.sizing import MARGIN, measured_silence, tcp_silence_s
from collector.plan import parse

PATH = "a>b/ch1"
NULL = None


def assessed(site: Site, folder: Path) -> Assessment:
    return assess(list(write(site, folder).values()))


def beat(*rows: tuple[float, float | None], flag: int = 0) -> list[list[float | None]]:
    """Rows of `echo`: (when it was due, its answer after so long or None), in s."""
    return [
        [at_s * 1e6, number, 0, None if rtt_s is None else round(rtt_s * 1e6), flag]
        for number, (at_s, rtt_s) in enumerate(rows)
    ]


def steady(start: int, stop: int) -> list[tuple[float, float | None]]:
    return [(float(at), 0.002) for at in range(start, stop)]


def echo_of(folder: Path, link: Link, path: str = PATH, length_s: float = 60.0, **machines: Machine) -> EchoTiming:
    site = Site(length_s=length_s, links={PATH: link}, machines=machines)
    return next(item for item in assessed(site, folder).echoes if item.path == path)


def test_the_longest_silence_is_the_answer_that_took_longest_and_what_waited_with_it_adds_nothing(tmp_path):
    """Three messages wait for one retransmission: one silence of 3.2 s, not three."""
    rows = [*steady(2, 20), (20.0, 3.2), (21.0, 2.2), (22.0, 1.2), (23.0, 0.2), *steady(24, 50)]
    found = echo_of(tmp_path, Link(echo={"echo": beat(*rows)}))
    assert (found.sent, found.answered, found.resets) == (48, 48, 0)
    assert found.longest_silence_s == pytest.approx(3.2, abs=1e-6)
    (silence,) = found.silences
    assert (silence.start_s, silence.length_s) == (pytest.approx(20.0, abs=0.01), pytest.approx(3.2, abs=1e-6))
    assert found.rtt.maximum == pytest.approx(3.2, abs=1e-6)
    # Linux only: elsewhere the kernel tells nothing, which is not zero.
    assert (found.retransmissions, found.rto_s) == (None, None)


def test_a_trickle_of_answers_is_no_long_silence(tmp_path):
    """Every answer takes 1.5 s, but one comes every second."""
    found = echo_of(tmp_path, Link(echo={"echo": beat(*[(float(at), 1.5) for at in range(2, 50)])}))
    assert found.longest_silence_s == pytest.approx(1.5, abs=1e-6)
    assert found.rtt.p50 == pytest.approx(1.5, abs=1e-6)


ENDED = [*steady(2, 20), *[(float(at), NULL) for at in range(20, 28)]]


@pytest.mark.parametrize(
    ("flag", "same", "resets", "silence_s"),
    [
        (104, 1, 1, 10.0),
        (-1, 1, 1, 10.0),
        (104, 0, 0, 0.002),
        (-1, 0, 0, 0.002),
        (110, None, 1, 10.0),
        (0, None, 0, 10.0),
        (0, 0, 0, 0.002),
    ],
    ids=[
        "reset, the peer went on",
        "closed, the peer went on",
        "reset by a peer that was started again",
        "closed by a peer that was started again",
        "timed out, nobody was met again, but the peer's archive runs on",
        "ended here while nothing was answered",
        "ended in order because the peer was started again",
    ],
)
def test_only_an_end_that_was_not_the_peer_s_doing_counts(tmp_path, flag, same, resets, silence_s):
    link = Link(echo={"echo": beat(*ENDED), "echo_end": [[30e6, 1e6, flag, same]]})
    found = echo_of(tmp_path, link)
    assert found.resets == resets
    assert found.longest_silence_s == pytest.approx(silence_s, abs=1e-6)
    assert (found.sent, found.answered) == (26, 18)


def test_a_peer_that_had_left_cut_nothing(tmp_path):
    link = Link(echo={"echo": beat(*ENDED), "echo_end": [[30e6, 1e6, 104, NULL]]})
    found = echo_of(tmp_path, link, b=Machine(stop_s=22.0))
    assert (found.resets, found.longest_silence_s) == (0, pytest.approx(0.002, abs=1e-6))


def test_what_the_kernel_tells_is_summed_over_connections_and_a_timer_that_was_backed_off_is_none(tmp_path):
    rows = [[at * 1e6, 300, 90, rto, backoff, count] for at, rto, backoff, count in (
        (2, 204_000, 0, 1), (3, 260_000, 0, 3), (4, 520_000, 1, 4), (5, 204_000, 0, 0), (6, 204_000, 0, 2),
    )]  # fmt: skip
    found = echo_of(tmp_path, Link(echo={"echo": beat(*steady(2, 8)), "echo_tcp": rows}))
    assert (found.retransmissions, found.rto_s) == (6, 0.26)


def test_messages_under_a_bandwidth_test_stand_apart(tmp_path):
    rows = [*steady(2, 20), (20.0, 0.9), (21.0, 0.8), *steady(23, 50)]
    tcp = [[at * 1e6, 300, 90, 204_000, 0, 7 if at > 20 else 0] for at in range(2, 50)]
    link = Link(echo={"echo": beat(*rows), "echo_tcp": tcp}, tests=[Test(19.9, 1e9)])
    plan = plan_data(bandwidth={"budget_B": 10**12}, network={"ch1": {"rate_bps": 10**9}})
    site = Site(length_s=60.0, links={PATH: link}, plan=plan)
    found = next(item for item in assessed(site, tmp_path).echoes if item.path == PATH)
    assert found.longest_silence_s == pytest.approx(0.002, abs=1e-6)
    assert found.silences == ()
    assert found.loaded.maximum == 0.9
    assert found.rtt.samples + found.loaded.samples == len(rows)
    assert found.retransmissions == 0


def test_idle_ages_are_counted_by_what_became_of_them(tmp_path):
    rows = [[301e6, 300, 300, 1, 0], [601e6, 300, 300, 1, 0], [620e6, 1800, 420, 0, 104], [700e6, 3600, 3600, NULL, -4]]
    found = echo_of(tmp_path, Link(echo={"echo": beat(*steady(2, 700)), "idle": rows}), length_s=900.0)
    assert found.idle == (
        IdleAge(300, 2, 0, 0, None),
        IdleAge(1800, 0, 1, 0, 420.0),
        IdleAge(3600, 0, 0, 1, None),
    )


def test_an_archive_without_the_tables_is_not_measured_and_says_so(tmp_path):
    site = Site(length_s=900.0, links={path: Link(echo={}) for path in (PATH, "b>a/ch1")})
    whole = assessed(site, tmp_path)
    assert [item.reason for item in whole.echoes] == [
        f"the TCP echo of {item.path} was never measured" for item in whole.echoes
    ]
    found = {item.rule: item.status for item in whole.findings if item.rule in ("tcp-echo", "idle-connections")}
    assert set(found.values()) == {Status.SKIPPED}
    names = {constraint.name for advice in whole.recommendations for constraint in advice.constraints}
    assert "silence of TCP" not in names


@pytest.mark.parametrize(
    "rows",
    [
        {"echo": [[2e6, 0, 0, -5, 0], [3e6, 0, 0, 9e15, 0], [4e6, 0, 0, NULL, 0]]},
        {"echo": beat(*steady(2, 9)), "echo_tcp": [[2e6, -1, -1, -1, -1, -1], [3e6, 0, 0, 9e15, 0, 9e15]]},
        {"echo": beat(*steady(2, 9)), "echo_end": [[3e6, 9e15, 9e15, 77]]},
        {"echo": beat(*steady(2, 9)), "idle": [[3e6, -300, 9e15, 5, 5], [4e6, 9e15, 1, 1, 1]]},
        {"echo_end": [[3e6, 1, 104, 1]]},
    ],
)
def test_impossible_figures_are_used_for_nothing(tmp_path, rows):
    found = echo_of(tmp_path, Link(echo=rows))
    assert found.longest_silence_s <= 60.0
    assert found.retransmissions in (None, 0)
    assert found.idle == ()


# --- rules -----------------------------------------------------------------------------------------------------------


def timing_and_echo(folder: Path):
    whole = assessed(Site(length_s=900.0), folder)
    return whole.timings[0], whole.echoes[0]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return timing_and_echo(tmp_path_factory.mktemp("sound"))


def judged(rule, given):
    plan = parse(plan_data(), "plan.toml")
    bears = Tolerance(10.0, "a product")
    context = Context(Subject(Scope.PATH, PATH), plan, "a", 900.0, given, rule.limits, bears)
    (word,) = rule.check(context)
    return word


@pytest.mark.parametrize(("resets", "status"), [(0, Status.PASS), (1, Status.WARN), (2, Status.FAIL)])
def test_a_connection_that_is_cut_warns_and_a_second_one_fails(sound, resets, status):
    timing, echo = sound
    word = judged(tcp_echo.RULE, {TIMING: timing, ECHO: replace(echo, resets=resets)})
    assert word.status is status
    assert bool(word.remedy) is (status is not Status.PASS)


@pytest.mark.parametrize(
    ("beyond_s", "status"),
    [(0.0, Status.PASS), (1.0, Status.PASS), (1.01, Status.WARN), (5.0, Status.WARN), (5.01, Status.FAIL)],
)
@pytest.mark.parametrize("outage_s", [0.0, 8.0])
def test_only_a_silence_that_outages_do_not_explain_is_judged(sound, outage_s, beyond_s, status):
    timing, echo = sound
    timing = replace(timing, longest_outage_s=outage_s)
    explained_s = tcp_silence_s(max(outage_s, 0.4), (timing,), (echo,)) + timing.longest_stall_s + timing.rtt.maximum
    echo = replace(echo, longest_silence_s=explained_s + beyond_s - (1e-9 if beyond_s else 0.0))
    assert judged(tcp_echo.RULE, {TIMING: timing, ECHO: echo}).status is status


def test_a_connection_without_any_answer_is_unknown(sound):
    timing, echo = sound
    assert judged(tcp_echo.RULE, {TIMING: timing, ECHO: replace(echo, answered=0)}).status is Status.SKIPPED


def ages(**survived: tuple[int, int]) -> tuple[IdleAge, ...]:
    """By seconds (``s300``): how many survived, and were dropped."""
    return tuple(
        IdleAge(int(name[1:]), good, bad, 0, float(name[1:]) if bad else None) for name, (good, bad) in survived.items()
    )


@pytest.mark.parametrize(
    ("told", "status", "words"),
    [
        (ages(s300=(1, 0)), Status.PASS, "survived being idle for 5 min; longer was not tried"),
        (ages(s300=(9, 0), s1800=(4, 0), s3600=(2, 0), s7200=(1, 0)), Status.PASS, "2 h"),
        (ages(s300=(0, 1)), Status.FAIL, "idle for 5 min were dropped"),
        (ages(s300=(9, 0), s1800=(0, 2)), Status.FAIL, "idle for 30 min were dropped"),
        (ages(s300=(9, 0), s1800=(4, 0), s3600=(0, 2)), Status.WARN, "idle for 60 min were dropped"),
        (ages(s300=(9, 0), s1800=(4, 0), s3600=(2, 0), s7200=(0, 1)), Status.WARN, "idle for 2 h were dropped"),
        (ages(s300=(9, 1), s1800=(4, 0)), Status.WARN, "some were lost (1 of 10 idle for 5 min)"),
        (ages(s300=(1, 1), s1800=(1, 0)), Status.WARN, "some were lost"),
        ((), Status.SKIPPED, "left idle for long enough"),
        ((IdleAge(300, 0, 0, 3, None),), Status.SKIPPED, "the path itself did not answer"),
    ],
)
def test_an_age_that_is_not_survived_is_judged_by_the_longest_that_is(sound, told, status, words):
    word = judged(idle_connections.RULE, {ECHO: replace(sound[1], idle=told)})
    assert word.status is status
    assert words in word.message


# --- sizing ----------------------------------------------------------------------------------------------------------


def sized(folder: Path, rows: list[tuple[float, float | None]]) -> tuple[int, dict[str, float]]:
    """(addp-timeout, its candidates) for a run of 20 minutes."""
    whole = assessed(Site(length_s=1200.0, links={PATH: Link(echo={"echo": beat(*rows)})}), folder)
    (advice,) = whole.recommendations
    timeout = next(setting.value for setting in advice.settings if setting.option == "addp-timeout")
    return int(timeout), {constraint.name: constraint.value_s for constraint in advice.constraints}


def test_a_silence_that_was_measured_counts_where_it_is_longer_than_what_is_computed(tmp_path):
    """The probes saw no outage at all: only TCP hung."""
    timeout, candidates = sized(tmp_path, [*steady(2, 500), (500.0, 16.0), *steady(517, 1199)])
    assert candidates["silence of TCP"] == pytest.approx(MARGIN * 16.0)
    assert candidates["outage"] == 0.0
    assert timeout == 20
    assert sized(tmp_path / "short", steady(2, 1199))[0] == 10


def silent(network: str, *spans: tuple[float, float]) -> EchoTiming:
    silences = tuple(Silence(start, length) for start, length in spans)
    return EchoTiming(
        f"a>b/{network}",
        "a",
        "b",
        network,
        False,
        9,
        9,
        Quantiles(0),
        silences,
        0.0,
        0,
        None,
        None,
        Quantiles(0),
        (),
        "",
    )


def test_channels_are_silent_together_only_while_each_of_them_is():
    one, other = silent("ch1", (10.0, 30.0), (100.0, 50.0)), silent("ch2", (30.0, 20.0), (149.0, 3.0))
    assert silent_together([one, other]) == (10.0, ("ch1", "ch2"))
    assert silent_together([one]) == (50.0, ("ch1",))
    assert silent_together([one, silent("ch2")]) == (0.0, ("ch1", "ch2"))
    assert silent_together([]) == (0.0, ())


spans = st.lists(st.tuples(st.floats(0, 1e4), st.floats(0.5, 1e3)), max_size=6)


@settings(max_examples=100)
@given(spans, spans, spans)
def test_more_silence_never_makes_the_common_one_shorter_nor_does_a_missing_echo(one, other, more):
    both = silent_together([silent("ch1", *one), silent("ch2", *other)])[0]
    assert silent_together([silent("ch1", *one, *more), silent("ch2", *other)])[0] >= both - 1e-6
    assert silent_together([silent("ch1", *one)])[0] >= both - 1e-6


def test_a_connection_that_was_never_silent_is_not_multiplied():
    assert measured_silence(0.0, "ch1").text == "no silence of a TCP connection on ch1 was long enough to be listed"
    assert measured_silence(2.0, "ch1").text.startswith(f"{MARGIN} x 2 s")
