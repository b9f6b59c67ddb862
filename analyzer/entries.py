"""What stacks have in common when they write down settings: values with their reasons, and text to paste."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence

from analyzer import sizing
from analyzer.advisor import Advice, S, notes
from analyzer.contract import Recommendation, Setting, Snippet
from analyzer.extension import Option, Stack, StackContext


def entry(options: Sequence[Option], name: str, value: float | str, because: str, only_if: str = "") -> Setting:
    """A value of one of the options, in the option's own spelling and unit."""
    option = next(option for option in options if option.name == name)
    unit = "" if isinstance(value, str) else option.unit
    return Setting(name, value, unit, because, option.source, option.verified, option.section, only_if)


def reasons(text: str, indent: str = "", mark: str = "#") -> Iterable[str]:
    """A reason as comment lines of a configuration file."""
    return textwrap.wrap(
        text, 78 - len(indent), initial_indent=f"{indent}{mark} ", subsequent_indent=f"{indent}{mark} "
    )


def written(settings: Iterable[Setting], between: str) -> list[str]:
    """Lines of a configuration file: each option with its value, below its reason. `between` stands between the two."""
    return [line for item in settings for line in (*reasons(item.because), f"{item.option}{between}{item.value}")]


def recommended(
    stack: Stack,
    context: StackContext,
    advice: Advice[S],
    where: str,
    settings: tuple[Setting, ...],
    *,
    vendor_s: int,
    told: Iterable[str],
    snippet: Callable[[str, tuple[Setting, ...]], Snippet],
    takeover: str,
    cautions: Iterable[tuple[str, str]] = (),
) -> Recommendation:
    """The settings with all that the advice says of them. `vendor_s`: the vendor's floor; `told`: the stack's own notes; `snippet`: what a node gets to paste."""
    override = sizing.relaxed(stack.name, context, vendor_s)
    return Recommendation(
        stack=stack.name,
        title=stack.title,
        subject=context.subject,
        networks=context.networks,
        where=where,
        basis=sizing.basis(context, advice.binding, override),
        settings=settings,
        constraints=advice.constraints,
        detection_s=None if advice.setting is None else advice.setting.detection_s,
        override=override,
        notes=(*told, *notes(advice)),
        snippets=tuple(snippet(node, settings) for node in context.pair),
        cautions=(*cautions, *advice.cautions),
        takeover=takeover,
        risk=advice.risk,
        tradeoff=advice.tradeoff,
        change=advice.change,
        nodes=context.pair,
    )


def without(stack: Stack, context: StackContext, advice: Advice[S], where: str, *told: str) -> Recommendation:
    """What is said where no setting of the product is long enough."""
    return Recommendation(
        stack.name,
        stack.title,
        context.subject,
        context.networks,
        where,
        sizing.basis(context, advice.binding, ""),
        (),
        advice.constraints,
        None,
        "",
        told,
        (),
        nodes=context.pair,
    )
