"""Contexts of stacks over traces, without archives."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from synthetic import plan_data
from traces import PERIOD_S, RTT_S

from analyzer.contract import Quantiles, Scope, Subject, Timing
from analyzer.detectors.trace import regular
from analyzer.extension import Stack, StackContext
from analyzer.scenarios import resolve
from analyzer.stacks import corosync, etcd, genesys_addp, genesys_host, genesys_sip, keepalived, neverfail
from collector.plan import parse

STACKS = [module.STACK for module in (corosync, etcd, genesys_addp, genesys_host, genesys_sip, keepalived, neverfail)]
QUIET = {"off": ["live-migration", "rstp"]}
DAY_S = 86400.0


def plan_of(stack: Stack, nodes="ab", networks=("ch1",), *, scenario=QUIET, target=None, override=None, sites=None):
    bound = {"name": stack.name, "networks": list(networks), "auto_failover": [list(nodes[:2])]}
    if override:
        bound["override"] = override
    extra = {"scenario": scenario, "stack": [bound], "sites": sites or {}}
    if target:
        extra["target"] = target
    return parse(plan_data(nodes=nodes, networks=networks, **extra), "plan.toml")


def quiet_trace(name="a>b/ch1", length_s=DAY_S, **kind):
    return regular(name, PERIOD_S, np.full(round(length_s / PERIOD_S), RTT_S), **kind)


def timing_of(trace, rtt_s=RTT_S):
    """A timing that says no more than that the path was measured."""
    ends, _, network = trace.path.partition("/")
    source, _, target = ends.partition(">")
    nothing = Quantiles(0)
    count = int(trace.known.sum())
    return Timing(
        trace.path, source, target, network, False, PERIOD_S, count * PERIOD_S / 3600.0, count, count, 0, 0, 0, 0, 0,
        Quantiles(count, rtt_s, rtt_s, rtt_s, rtt_s, rtt_s), nothing, nothing,
        0.0, 0.0, 0.01, (), 0.0, 0.0, 0, None, None, nothing, 0, None, 0.0, (),
    )  # fmt: skip


def context_of(stack: Stack, traces, plan=None, *, commits=(), measured=True, rtt_s=RTT_S):
    """The stack's one context. `traces` by path; of a stack of scope node the first is what it asked its observer."""
    nodes = sorted({name for path in traces for name in path.partition("/")[0].split(">")}) or ["a", "b"]
    networks = sorted({path.partition("/")[2] for path in traces}) or ["ch1"]
    plan = plan or plan_of(stack, nodes, networks)
    names = tuple(node.name for node in plan.nodes)
    scenarios = resolve(plan, {name: {"virtual": False} for name in names})
    if stack.scope is Scope.NODE:
        asked = {"scs": next(iter(traces.values()))} if traces else {}
        return StackContext(
            plan,
            plan.stacks[0],
            Subject(Scope.NODE, "a"),
            ("a",),
            True,
            (),
            (),
            scenarios,
            asked=asked,
            commits=commits,
        )
    pair = names if stack.scope is Scope.CLUSTER else next(combinations(names, 2))
    paths = tuple(path for path in plan.paths() if {path.source, path.target} <= set(pair))
    subject = Subject(stack.scope, plan.cluster if stack.scope is Scope.CLUSTER else "+".join(pair))
    timings = tuple(timing_of(trace, rtt_s) for trace in traces.values()) if measured else ()
    return StackContext(
        plan, plan.stacks[0], subject, pair, True, paths, timings, scenarios, traces=traces, commits=commits
    )


def advised(stack: Stack, traces, plan=None, **how):
    (advice,) = stack.recommend(context_of(stack, traces, plan, **how))
    return advice


def outlasted_s(advice):
    """The silence that the recommended setting outlasts; infinite where the product has none that is long enough."""
    rows = [row.timeout_s for row in advice.tradeoff if row.chosen]
    return rows[0] if rows else float("inf")


def both(trace_of, network="ch1"):
    return {name: trace_of(name) for name in (f"a>b/{network}", f"b>a/{network}")}


def values(advice, only_if=None):
    return {item.option: item.value for item in advice.settings if only_if is None or item.only_if == only_if}
