"""Whether packets queue up in front of the network interface.

What: Packets in the kernel's queue of the interface: 95 % quantile of the one-minute means; what the queue dropped is told beside it.
Why HA: A heartbeat stands in the same queue as a backup. On a full one it waits, and then it is dropped.
How: The root queue of the interface, once a second; seconds of our own bandwidth tests are left out. A minute counts with 30 readings. What
    waits inside the card is not seen. On a fast interface two packets are microseconds, so a queue that dropped nothing only warns (design
    value), and so does an interface that holds no planned address. The loopback is no subject.
Source: PAL: network output queue length, above 1 and above 2.
Fails when: more than 2 packets wait, in three minutes at least, on a planned address's interface whose queue also dropped some.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, TESTS, Context, Judgement, Rule
from analyzer.host import MINUTES, carried, events, judged, minute_means, quiet, told, too_short
from analyzer.netfacts import loopback

QUEUE = Limit("packets that wait", "1", 1.0, 2.0, Sense.AT_MOST, "PAL: output queue length, 1 and 2")


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("backlog")
    nic = context.subject.name.removeprefix(f"{context.node}/")
    title = f"Interface {nic} of node {context.node}"
    if loopback(nic):
        yield Judgement(Status.INFO, f"{title} is the loopback: nothing waits for it.")
        return
    placed = carried(context.plan, context.node, context.facts)
    # Where the inventory places no address, any interface may be the one.
    matters = nic in placed or not placed
    waiting = None
    if told(frame, "t_s", "packets"):
        rows = frame[quiet(frame["t_s"], context.tests)]
        waiting = minute_means(rows["t_s"], rows["packets"].where(rows["packets"] >= 0))
    if waiting is None or len(waiting) < MINUTES:
        short = too_short(
            f"The queue of interface {nic} of node {context.node}, without our own tests,",
            0 if waiting is None else len(waiting),
        )
        yield short if matters else Judgement(Status.INFO, short.message)
        return
    limit = context.limit(QUEUE.name)
    found = judged(limit, waiting, 0.95)
    dropped = events(frame, "drops")
    status = Status.WARN if found.status is Status.FAIL and not (matters and dropped) else found.status
    yield Judgement(
        status,
        f"{title}: in the worst 5 % of all minutes {found.value:.2g} packets or more waited to be sent."
        if found.value
        else f"{title}: in 95 % of all minutes or more no packet waited to be sent.",
        (
            Evidence("packets that wait, 95 % of all minutes", found.value, "1", limit),
            Evidence("packets that wait, worst minute", float(waiting.max()), "1"),
            Evidence("dropped by the queue", None if dropped is None else float(dropped), "1"),
            Evidence("minutes", float(len(waiting)), "1"),
        ),
        ""
        if status is Status.PASS
        else f"Find what sends over {nic} of {context.node}; give heartbeats an interface of their own, or a faster one to all.",
        (f"nic:{context.subject.name}",),
    )


RULE = Rule("backlog", "Queue of the interfaces", Area.HOST, Scope.DEVICE, ("backlog", FACTS, TESTS), (QUEUE,), _check)
