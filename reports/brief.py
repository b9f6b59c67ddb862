"""What page 1 says in short; the whole of it stands with its finding, further on."""

from __future__ import annotations

from analyzer.contract import Assessment, Status, Verdict
from reports.limited import parted
from reports.texts import say

LONGEST = 240
"""Letters of a reason or a fix that page 1 has room for."""


def reason(assessment: Assessment, text: str) -> str:
    """A reason in short; among failures a warning says that it is one. Where else the same was found is told nowhere else on the page, so the message before it makes room."""
    message, elsewhere = parted(assessment, text)
    told = f"{brief(message, max(LONGEST - len(elsewhere), LONGEST * 3 // 4))}{elsewhere}"
    found = next((item for item in assessment.findings if item.message and _begins(text, item.message)), None)
    apart = assessment.verdict is Verdict.UNSUITABLE and found is not None and found.status is Status.WARN
    return say("Warning: {text}", text=told) if apart else told


def _begins(text: str, message: str) -> bool:
    """Whether a reason begins with the message, or with its first point where several are counted."""
    return text.startswith((message, f"{message.partition('; ')[0]}, and "))


def brief(text: str, longest: int = LONGEST) -> str:
    """The first sentences of a long text, else its first parts, else words: the whole of it stands with its finding, further on.

    A sentence that is only the beginning of what fits says too little to be cut there. What stands in brackets is kept or dropped whole.
    """
    if len(text) <= longest:
        return text
    room = longest - 2
    ends = (_end(text, mark, room) for mark in (". ", "; ", ", ", " "))
    end = next((end for end in ends if end >= room // 2), room)
    return f"{text[:end].rstrip(' ;,')}{'.' if text[end : end + 2] == '. ' else ''} …"


def _end(text: str, sign: str, room: int) -> int:
    """The last place of the sign in the room where no bracket is open; -1: none."""
    end = text.rfind(sign, 0, room)
    while end > 0 and text.count("(", 0, end) > text.count(")", 0, end):
        end = text.rfind(sign, 0, end)
    return end
