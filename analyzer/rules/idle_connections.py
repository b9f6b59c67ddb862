"""Whether something between two nodes forgets TCP connections that carry nothing.

What: TCP connections that were left idle for 5, 30, 60 and 120 minutes (those that fit into the run) and then used.
Why HA: A stateful firewall drops what it has not seen for a while, and tells neither end. The next message, of a replication or
    a failover that is rare, meets a connection that is dead: it hangs until TCP gives up, a quarter of an hour by default.
How: A connection counts as dropped if the message was not answered for 20 s, or the connection was cut, while the path's other
    connection was answered all the time and the peer had not been started again. An age is survived unless more of its
    connections were dropped than not; one among many is a doubt. What lies between two ages is not known, so the longest age
    that was survived below one that was not is what is judged.
Source: Linux sends its first keep-alive after 2 hours (tcp_keepalive_time, tcp(7)), so nothing should forget earlier; half an hour as
    the border of what fails is a design value.
Fails when: connections were dropped, and half an hour was not survived.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, EchoTiming, Effort, Evidence, IdleAge, Limit, Scope, Sense, Status
from analyzer.extension import ECHO, Context, Judgement, Rule
from analyzer.words import span

SURVIVED = Limit(
    "idle time that was survived", "s", 7200.0, 1800.0, Sense.AT_LEAST, "warn: Linux keep-alive; fail: design value"
)


def _check(context: Context) -> Iterator[Judgement]:
    echo = context.echo
    told = [age for age in echo.idle if age.survived + age.dropped]
    if not told:
        yield Judgement(
            Status.SKIPPED,
            f"Path {echo.path}: no TCP connection was left idle for long enough"
            + (", or the path itself did not answer then." if echo.idle else "."),
            remedy="Let the run last six minutes at least; two and a half hours try every age.",
        )
        return
    figures = tuple(_evidence(told))
    gone = [age for age in told if age.dropped > age.survived]
    if gone:
        yield _dropped(context, echo, told, gone, figures)
        return
    longest = max(age.age_s for age in told)
    doubtful = [age for age in told if age.dropped]
    fact = f"Path {echo.path}: TCP connections survived being idle for {span(longest)}"
    if doubtful:
        many = "; ".join(
            f"{age.dropped} of {age.dropped + age.survived} idle for {span(age.age_s)}" for age in doubtful
        )
        yield Judgement(
            Status.WARN,
            f"{fact}, but some were lost ({many}).",
            figures,
            f"See what happened on network {echo.network} at those times: a firewall that failed over or was restarted.",
        )
        return
    yield Judgement(Status.PASS, f"{fact}; longer was not tried.", figures)


def _dropped(
    context: Context, echo: EchoTiming, told: list[IdleAge], gone: list[IdleAge], figures: tuple[Evidence, ...]
) -> Judgement:
    """The shortest age that was not survived decides."""
    limit = context.limit(SURVIVED.name)
    first = min(gone, key=lambda age: age.age_s)
    survived_s = float(max((age.age_s for age in told if age.age_s < first.age_s), default=0))
    safe_s = survived_s or (first.shortest_s or float(first.age_s)) / 2
    return Judgement(
        limit.judge(survived_s),
        f"Path {echo.path}: TCP connections that were idle for {span(first.age_s)} were dropped without a word "
        f"({first.dropped} of {first.dropped + first.survived}).",
        (Evidence(limit.name, survived_s, "s", limit), *figures),
        f"Raise the idle timeout for TCP on the firewalls of network {echo.network} above two hours, or exempt these nodes. "
        f"Otherwise let the applications, or the system's TCP keep-alive, send something at least every {span(safe_s)}.",
    )


def _evidence(told: list[IdleAge]) -> Iterator[Evidence]:
    for age in told:
        tried = age.survived + age.dropped
        yield Evidence(f"connections of {tried} that survived {span(age.age_s)} idle", float(age.survived), "1")


RULE = Rule(
    "idle-connections",
    "Idle TCP connections",
    Area.NETWORK,
    Scope.PATH,
    (ECHO,),
    (SURVIVED,),
    _check,
    effort=Effort.SETTING,
)
