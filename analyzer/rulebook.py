"""What a rule is, for people: its page and its limits, with what each built-in profile makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import analyzer.rules
from analyzer.contract import Change, Limit, Sense
from analyzer.extension import Rule
from analyzer.limits import Profile, built_in, load
from analyzer.words import quantity
from collector.plugins import discover, documented

_NOTICE = "<!-- Made by `make docs` from analyzer/rules/ and analyzer/profiles/. Do not edit. -->"
_LABELS = ("What:", "Why HA:", "How:", "Source:", "Fails when:")


def rules() -> list[Rule]:
    """Every rule, by the name of its file."""
    found: list[Rule] = discover(analyzer.rules, "RULE")
    return found


def profiles() -> dict[str, Profile]:
    """The built-in profiles by name."""
    known = rules()
    return {name: load(name, known) for name in built_in()}


def rule_page(name: str) -> str:
    """The page of a rule, then its limits."""
    rule = next(rule for rule in rules() if rule.id == name)
    page = documented(analyzer.rules, "RULE")[name]
    takes = f"Mending usually takes: {rule.effort} (design value)."
    return "\n".join(
        [page, "", takes, *(["", "Limits:"] if rule.limits else []), *_limits(rule, list(profiles().values()))]
    )


def profile_page(profile: Profile) -> str:
    """What a profile is for, and every limit that it changes."""
    titles = {rule.id: rule.title for rule in rules()}
    lines = [f"{profile.title}.", "", profile.why, ""]
    for (rule, _), limit in profile.limits.items():
        lines.append(f"{titles[rule]} ({rule}), {limit.name}: {_changed(limit)}")
    return "\n".join(lines)


def rulebook() -> str:
    """All rules as one document."""
    known, pages, kinds = rules(), documented(analyzer.rules, "RULE"), profiles()
    lines = [
        "# Rules",
        "",
        _NOTICE,
        "",
        "Every check that this version makes, with its limits. What no rule judges is listed in the report by name, with who can confirm it.",
        "A value at a limit passes. The last column is what it usually takes to mend what a rule warns of (design value): it is told on page 1.",
        "`haready list rules NAME` shows one rule.",
        "",
        "| rule | title | area | asked of each | mending takes |",
        "| --- | --- | --- | --- | --- |",
        *(f"| [{rule.id}](#{rule.id}) | {rule.title} | {rule.area} | {rule.scope} | {rule.effort} |" for rule in known),
        "",
        "Profiles (`--profile NAME`) change limits and nothing else:",
        "",
        *(f"- `{profile.name}`: {profile.title}. {profile.why}" for profile in kinds.values()),
    ]
    for rule in known:
        title, *rest = pages[rule.id].splitlines()
        lines += ["", f"## {rule.id}", "", title, "", *_page(rest)]
        if rule.limits:
            lines += ["", *_table(rule, list(kinds.values()))]
    return "\n".join(lines) + "\n"


def _page(lines: Sequence[str]) -> Iterator[str]:
    """The labelled paragraphs as a list."""
    for line in lines:
        label = next((label for label in _LABELS if line.startswith(label)), None)
        text = line.strip().replace("<", "&lt;")
        if label:
            yield f"- **{label.removesuffix(':')}**:{text.removeprefix(label)}"
        elif text:
            yield f"  {text}"


def _table(rule: Rule, kinds: Sequence[Profile]) -> Iterator[str]:
    yield "| limit | warn | fail | source | profiles |"
    yield "| --- | --- | --- | --- | --- |"
    for limit in rule.limits:
        other = [
            f"{kind.name}: {_levels(found)} ({found.change}; {found.source})"
            for kind in kinds
            if (found := kind.limits.get((rule.id, limit.name))) is not None
        ]
        cells = (
            f"{limit.name} ({limit.sense})",
            _level(limit, limit.warn),
            _level(limit, limit.fail),
            limit.source,
            "<br>".join(other),
        )
        yield f"| {' | '.join(cells)} |".replace("  |", " |")


def _limits(rule: Rule, kinds: Sequence[Profile]) -> Iterator[str]:
    for limit in rule.limits:
        yield f"  {limit.name}: {_levels(limit)} (given in {_unit(limit)}). Source: {limit.source}."
        for kind in kinds:
            found = kind.limits.get((rule.id, limit.name))
            if found is not None:
                yield f"    profile {kind.name}, {found.change}: {_levels(found)}. Source: {found.source}."


def _changed(limit: Limit) -> str:
    before = Limit(limit.name, limit.unit, limit.default_warn, limit.default_fail, limit.sense, limit.source)
    word = limit.change if limit.change is not Change.NONE else "unchanged"
    return f"{_levels(limit)} ({word}; usually {_levels(before)}). Source: {limit.source}."


def _levels(limit: Limit) -> str:
    side = "above" if limit.sense is Sense.AT_MOST else "below"
    told = [
        f"{word} {side} {quantity(level, limit.unit)}"
        for word, level in (("warns", limit.warn), ("fails", limit.fail))
        if level is not None
    ]
    return ", ".join(told) or "no level"


def _level(limit: Limit, level: float | None) -> str:
    side = "above" if limit.sense is Sense.AT_MOST else "below"
    return "" if level is None else f"{side} {quantity(level, limit.unit)}"


def _unit(limit: Limit) -> str:
    return {"1": "plain numbers", "ratio": "a ratio, 0.05 is 5 %"}.get(limit.unit, limit.unit)
