"""Profiles: files that change limits of the rules, and nothing else.

A profile is TOML. It names a rule and one of its limits and gives other levels, each with its source; a name that is not known is a
mistake. The built-in ones are in `analyzer/profiles/`. A changed limit carries the profile's name and its former levels wherever it goes,
so that no reader takes a relaxed limit for the usual one.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analyzer.contract import Change, Finding, Limit, LimitChange, Sense, Status
from analyzer.extension import Rule
from collector.contract import Json
from collector.errors import OperatorError, nearest, printable

FOLDER = Path(__file__).parent / "profiles"
_KEYS = ("warn", "fail", "source")
_JUDGED = (Status.PASS, Status.WARN)
_SEVERITY = (Status.PASS, Status.WARN, Status.FAIL)


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of changed limits, by rule and name of the limit."""

    name: str
    title: str
    why: str
    limits: Mapping[tuple[str, str], Limit]


def built_in() -> list[str]:
    """Names of the profiles that come with the product."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(given: str, rules: Sequence[Rule]) -> Profile:
    """A built-in profile by its name, or one of a file.

    Raises:
        OperatorError: there is no such profile, or it has mistakes (each is one line).
    """
    names = built_in()
    if given in names:
        return _parsed(FOLDER / f"{given}.toml", given, rules)
    path = Path(given)
    if not path.suffix and not path.is_file():
        raise OperatorError(
            f"there is no profile {given!r}",
            f"{nearest(given, names)}known: {', '.join(names)}; or name a file (.toml)",
        )
    # By the whole name: a file wan.toml is not the built-in wan, and a command in the report has to find it.
    return _parsed(path, printable(path.name), rules)


def changed(rules: Iterable[Rule], profile: Profile | None) -> list[Rule]:
    """The rules with the profile's limits in the place of theirs."""
    if profile is None:
        return list(rules)
    return [
        replace(rule, limits=tuple(profile.limits.get((rule.id, limit.name), limit) for limit in rule.limits))
        for rule in rules
    ]


def marked(findings: Iterable[Finding]) -> list[Finding]:
    """Findings whose words say where they rest on a changed limit."""
    return [_marked(finding) for finding in findings]


def changes(rules: Iterable[Rule], findings: Sequence[Finding]) -> tuple[LimitChange, ...]:
    """Every changed limit, relaxed ones first, with the subjects that it decided about."""
    found = [
        LimitChange(rule.id, rule.title, limit, _decided(rule.id, limit, findings))
        for rule in rules
        for limit in rule.limits
        if limit.change is not Change.NONE
    ]
    return tuple(sorted(found, key=lambda one: (one.limit.change is not Change.RELAXED, not one.decided)))


def _marked(finding: Finding) -> Finding:
    held = dict.fromkeys(item.limit for item in finding.evidence if item.limit is not None)
    words = [f"{limit.name} ({limit.change})" for limit in held if limit.change is not Change.NONE]
    if not words:
        return finding
    profile = next(limit.profile for limit in held if limit.profile)
    return replace(finding, message=f"{finding.message} By limits of profile {profile}: {'; '.join(words)}.")


def _decided(rule: str, limit: Limit, findings: Iterable[Finding]) -> tuple[str, ...]:
    """Subjects of a relaxed limit whose finding would be worse without it."""
    return tuple(
        dict.fromkeys(
            finding.subject.name
            for finding in findings
            if finding.rule == rule and finding.status in _JUDGED
            for item in finding.evidence
            # What a planned product bears may have taken the place of the failing level.
            if item.limit is not None
            and (item.limit.name, item.limit.profile) == (limit.name, limit.profile)
            and item.value is not None
            and _SEVERITY.index(item.limit.judge_default(item.value)) > _SEVERITY.index(item.limit.judge(item.value))
        )
    )


def _parsed(path: Path, name: str, rules: Sequence[Rule]) -> Profile:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OperatorError(
            f"cannot read {path}: {error.strerror}", "name a profile, or a file that is there"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path}: not TOML: {error}", "correct it at that place") from error
    mistakes: list[str] = []
    limits: dict[tuple[str, str], Limit] = {}
    known = {rule.id: rule for rule in rules}
    mistakes += [
        f"{key!r} is no key of a profile; {nearest(key, ('title', 'why', 'limit'))}known: title, why, limit"
        for key in data.keys() - {"title", "why", "limit"}
    ]
    mistakes += [f"{key} has to be a text" for key in ("title", "why") if not isinstance(data.get(key, ""), str)]
    for rule, limit, entry in _entries(data.get("limit", {}), mistakes):
        if rule not in known:
            mistakes.append(f"there is no rule {rule!r}; {nearest(rule, known)}known: {', '.join(known)}")
            continue
        own = {item.name: item for item in known[rule].limits}
        if limit not in own:
            told = f"known: {', '.join(map(repr, own))}" if own else "it has none"
            mistakes.append(f"rule {rule} has no limit {limit!r}; {nearest(limit, own)}{told}")
            continue
        changed_to = _limit(own[limit], entry, name, f"limit.{rule}.{limit!r}", mistakes)
        if changed_to is not None:
            limits[rule, limit] = changed_to
    if mistakes:
        lines = [f"{path}: {printable(text)}" for text in mistakes]
        raise OperatorError("\n".join(lines), "`haready list rules NAME` shows a rule's limits and their units")
    title, why = str(data.get("title", "")), str(data.get("why", ""))
    return Profile(name, printable(title), printable(" ".join(why.split())), limits)


def _entries(tables: Json, mistakes: list[str]) -> Iterator[tuple[str, str, Mapping[str, Json]]]:
    """Every ``[limit.RULE."NAME"]``."""
    form = 'write [limit.RULE."NAME OF THE LIMIT"]'
    if not isinstance(tables, dict):
        mistakes.append(f"limit is no table; {form}")
        return
    for rule, entries in tables.items():
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            mistakes.append(f"limit.{rule} does not say which limit; {form}")
            continue
        for limit, entry in entries.items():
            yield rule, limit, entry


def _limit(limit: Limit, entry: Mapping[str, Json], profile: str, where: str, mistakes: list[str]) -> Limit | None:
    """The limit as the profile has it; what is wrong goes to `mistakes`."""
    before = len(mistakes)
    mistakes += [
        f"{where}: {key!r} is not known here; {nearest(key, _KEYS)}known: {', '.join(_KEYS)}"
        for key in entry.keys() - set(_KEYS)
    ]
    source = entry.get("source")
    if not isinstance(source, str) or not source.strip():
        mistakes.append(f'{where}: source is missing: who says so, or "design value"')
    levels = {"warn": limit.warn, "fail": limit.fail}
    for key in levels.keys() & entry.keys():
        value = entry[key]
        if value == "none":
            levels[key] = None
        elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            mistakes.append(f'{where}: {key} has to be a number from 0 on, or "none"')
        elif limit.unit == "ratio" and value > 1:
            mistakes.append(f"{where}: {key} is a ratio: write 0.05 for 5 %")
        else:
            levels[key] = float(value)
    warn, fail = levels["warn"], levels["fail"]
    if warn is not None and fail is not None and (warn > fail if limit.sense is Sense.AT_MOST else warn < fail):
        mistakes.append(f"{where}: what fails ({fail:g}) has to lie beyond what warns ({warn:g})")
    if len(mistakes) > before:
        return None
    return replace(
        limit,
        warn=warn,
        fail=fail,
        source=printable(str(source).strip()),
        profile=profile,
        default_warn=limit.warn,
        default_fail=limit.fail,
    )
