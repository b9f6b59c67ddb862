"""Waivers: a person accepts what a rule found on one subject, until a day.

A waiver hides nothing. The finding keeps its status, its points and its place, and carries who accepted it and why; the verdict is no
better than "suitable with waivers". One that has expired, or that fits no finding, is told and not applied.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from analyzer.contract import Finding, Status, Subject, Waiver, WaiverState, WaiverUse
from collector.contract import Json
from collector.errors import OperatorError, nearest, printable

WAIVABLE = (Status.FAIL, Status.WARN, Status.SKIPPED)
"""What a person may accept. A rule that broke (error) is a fault of ours, and nobody can vouch for it."""

_KEYS = ("rule", "subject", "reason", "who", "until")
_FORM = "each [[waiver]] needs rule, subject, reason, who and until (the last day, 2027-03-31)"


def load(path: Path) -> tuple[Waiver, ...]:
    """Read a file of waivers.

    Raises:
        OperatorError: it cannot be read, or has mistakes (each is one line).
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OperatorError(
            f"cannot read {path}: {error.strerror}", "--waivers takes a TOML file; docs/control.md describes it"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path}: not TOML: {error}", "correct it at that place") from error
    mistakes = [f"{key!r} is no key here" for key in data if key != "waiver"]
    entries = data.get("waiver", [])
    if not isinstance(entries, list):
        entries, mistakes = [], [*mistakes, "waiver is no list: write [[waiver]]"]
    found = [_waiver(entry, f"waiver {place}", mistakes) for place, entry in enumerate(entries, 1)]
    seen: set[tuple[str, str]] = set()
    for place, waiver in enumerate(found, 1):
        if waiver is not None and (waiver.rule, waiver.subject) in seen:
            mistakes.append(f"waiver {place}: there is one for {waiver.rule} of {waiver.subject} already")
        if waiver is not None:
            seen.add((waiver.rule, waiver.subject))
    if mistakes:
        raise OperatorError("\n".join(f"{path}: {printable(text)}" for text in mistakes), _FORM)
    return tuple(waiver for waiver in found if waiver is not None)


def check(waivers: Iterable[Waiver], known: Collection[str]) -> None:
    """Refuse waivers of rules that there are not.

    Raises:
        OperatorError: a rule is not known.
    """
    for waiver in waivers:
        if waiver.rule not in known:
            raise OperatorError(
                f"a waiver names the rule {waiver.rule!r}, which there is not",
                f"{nearest(waiver.rule, known)}known: {', '.join(known)}",
            )


def apply(
    waivers: Sequence[Waiver], findings: Sequence[Finding], today: date
) -> tuple[list[Finding], tuple[WaiverUse, ...]]:
    """(findings with their waivers, what came of each waiver)."""
    uses = tuple(_use(waiver, findings, today) for waiver in waivers)
    applied = [use.waiver for use in uses if use.state is WaiverState.APPLIED]

    def waived(finding: Finding) -> Finding:
        waiver = next((one for one in applied if finding.status in WAIVABLE and _about(one, finding)), None)
        return finding if waiver is None else replace(finding, waiver=waiver)

    return [waived(finding) for finding in findings], uses


def _use(waiver: Waiver, findings: Sequence[Finding], today: date) -> WaiverUse:
    fitting = [finding for finding in findings if _about(waiver, finding)]
    if not fitting:
        subjects = dict.fromkeys(finding.subject.name for finding in findings if finding.rule == waiver.rule)
        near = nearest(waiver.subject, subjects)
        remark = near or (f"the rule judged {', '.join(list(subjects)[:4])}" if subjects else "the rule judged nothing")
        return WaiverUse(waiver, WaiverState.UNMATCHED, remark.strip())
    if any(finding.status is Status.ERROR for finding in fitting):
        return WaiverUse(waiver, WaiverState.UNMATCHED, "the check itself failed to run, which nobody can accept")
    if not any(finding.status in WAIVABLE for finding in fitting):
        return WaiverUse(waiver, WaiverState.NOT_NEEDED, "the check found nothing to accept; take the waiver out")
    if date.fromisoformat(waiver.until) < today:
        return WaiverUse(waiver, WaiverState.EXPIRED, f"expired on {waiver.until}: decide again, or mend it")
    return WaiverUse(waiver, WaiverState.APPLIED, "")


def _about(waiver: Waiver, finding: Finding) -> bool:
    return waiver.rule == finding.rule and waiver.subject in _names(finding.subject)


def _names(subject: Subject) -> tuple[str, ...]:
    """The subject as the JSON names it, and as page 1 and the report's tables do: a name that is shown is taken back."""
    name = subject.name
    owner, slash, rest = name.partition("/")
    if not slash:
        return name, name.replace("+", " and ")
    source, sign, target = owner.partition(">")
    if not sign:
        return name, f"{owner}: {rest}"
    return name, *(f"{source} {arrow} {target} ({rest})" for arrow in ("\N{RIGHTWARDS ARROW}", "->", ">"))


def _waiver(entry: Json, where: str, mistakes: list[str]) -> Waiver | None:
    if not isinstance(entry, Mapping):
        mistakes.append(f"{where} is no table")
        return None
    before = len(mistakes)
    mistakes += [
        f"{where}: {key!r} is not known; {nearest(key, _KEYS)}known: {', '.join(_KEYS)}"
        for key in entry
        if key not in _KEYS
    ]
    texts = {key: entry.get(key) for key in _KEYS[:-1]}
    mistakes += [
        f"{where}: {key} is missing" for key, text in texts.items() if not isinstance(text, str) or not text.strip()
    ]
    until = _day(entry.get("until"))
    if until is None:
        mistakes.append(f"{where}: until is missing or no date")
    if len(mistakes) > before or until is None:
        return None
    rule, subject, reason, who = (printable(" ".join(str(text).split())) for text in texts.values())
    return Waiver(rule, subject, reason, who, until.isoformat())


def _day(value: Json) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
