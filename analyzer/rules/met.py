"""Whether the two nodes were measured in the same run.

What: Whether the archives of two nodes that share a network name each other's session.
Why HA: Archives of different runs show two different days; which way a packet was lost cannot be told from them.
How: Each collector notes the session of every peer it shook hands with.
Source: design value.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Scope, Status
from analyzer.extension import MEETING, Context, Judgement, Rule


def _check(context: Context) -> Iterator[Judgement]:
    pair = context.subject.name.replace("+", " and ")
    if context.met:
        yield Judgement(Status.PASS, f"The archives of {pair} are of one run.")
        return
    yield Judgement(
        Status.WARN,
        f"The archives of {pair} do not name each other: the nodes never met, or the archives are of different runs.",
        remedy=f"Check that {pair} reach each other on the plan's port, run both collectors together and assess again.",
    )


RULE = Rule("met", "Same run", Area.DATA, Scope.PAIR, (MEETING,), (), _check, effort=Effort.RUN)
