"""Whether the node would come back as something else after a restart.

What: Debian's mark that a restart is due, and kernels that were installed after the machine was started; when it was started.
Why HA: What was measured and accepted is the running system. A node that updates itself at its next start, and that may be the start after a failover, is
    another one.
How: /run/reboot-required, and the times of /lib/modules against the boot time, once an hour. Updates that are offered and not yet installed
    are not looked for: that would mean to ask a server.
Source: NF: the same updates on all nodes; that pending ones are worth a warning is a design value.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from analyzer.contract import Area, Effort, Scope, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.netfacts import flag, text, whole
from analyzer.words import few

_YEAR_10000_S = 253_402_300_799


def _check(context: Context) -> Iterator[Judgement]:
    told = context.facts.get("restart")
    restart = told if isinstance(told, dict) else {}
    wanted, listed = flag(restart.get("wanted")), restart.get("kernels")
    kernels = [name for entry in listed if (name := text(entry))] if isinstance(listed, list) else None
    if listed and not kernels:
        kernels = None  # names that nobody can read are not the same as none
    booted_s = whole(context.facts.get("boot_time_s"), 1, _YEAR_10000_S)
    since = "" if booted_s is None else f", started {datetime.fromtimestamp(booted_s, UTC):%Y-%m-%d %H:%M} UTC"
    troubles = ["its system says that a restart is due"] if wanted else []
    if kernels:
        troubles.append(f"kernel {few(kernels)} was installed since and does not run yet")
    if troubles:
        yield Judgement(
            Status.WARN,
            f"Node {context.node}{since}: {'; '.join(troubles)}.",
            remedy=f"Restart {context.node} in a maintenance window and repeat the run on what then runs.",
        )
    elif kernels is None and (wanted is None or listed):
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell whether updates wait for its next start.",
            remedy=f"Look with the system's own tools on {context.node} (`needs-restarting -r`, `checkrestart`).",
        )
    else:
        yield Judgement(
            Status.PASS,
            f"Node {context.node}{since}: no installed update waits for its next start, as far as it tells.",
        )


RULE = Rule("restart-due", "Restart due", Area.HOST, Scope.NODE, (FACTS,), (), _check, effort=Effort.WINDOW)
