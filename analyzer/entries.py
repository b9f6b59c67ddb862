"""What stacks have in common when they write down settings: values with their reasons, and text to paste."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from analyzer.contract import Basis, Constraint, Recommendation, Setting
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


def without(
    stack: Stack, context: StackContext, where: str, basis: Basis, constraints: tuple[Constraint, ...], *notes: str
) -> Recommendation:
    """What is said where no setting would be right."""
    return Recommendation(
        stack.name,
        stack.title,
        context.subject,
        context.networks,
        where,
        basis,
        (),
        constraints,
        None,
        "",
        notes,
        (),
        nodes=context.pair,
    )
