"""``haready note``: marks an event in the collections that run on this machine."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from collector.archive.format import MAX_NOTE_LETTERS
from collector.archive.story import tidy
from collector.errors import Arguments, Exit, OperatorError
from collector.notes import Running, post, running, taken

_PATIENCE_S = 15.0
"""A collector looks once a second; closing a large segment on a slow disk may take it several."""


def note(arguments: list[str]) -> int:
    """Set a mark in the running collection."""
    parser = Arguments(
        prog="haready note",
        description="Mark an event in the collection that runs on this machine, as the same user or as root. "
        "Several collectors here are all marked, unless --node or --out says which.",
    )
    parser.add_argument("text", nargs="+", metavar="TEXT", help=f"what happens now; {MAX_NOTE_LETTERS} letters at most")
    parser.add_argument("--node", metavar="NAME", help="only the collector of this node")
    parser.add_argument("-o", "--out", type=Path, metavar="DIR", help="only collectors whose archive is in this folder")
    given = parser.parse_args(arguments)
    text = tidy(" ".join(given.text))
    if not text:
        raise OperatorError("the note has no text", 'write what happens now: haready note "live migration of node B"')
    if len(text) > MAX_NOTE_LETTERS:
        raise OperatorError(
            f"the note has {len(text)} letters, {MAX_NOTE_LETTERS} are kept",
            "say it shorter; details go into your own log",
        )
    found = chosen(given.node, given.out)
    moment = dt.datetime.now(dt.UTC)
    left = [one.node for one, kept in _post(found, text) if not kept]
    for one in found:
        if one.node not in left:
            print(f"{one.node}: noted at {moment:%Y-%m-%dT%H:%M:%SZ}: {text}")
    if left:
        raise OperatorError(
            f"the collector of {', '.join(left)} did not take the note within {_PATIENCE_S:.0f} s",
            "has it just ended, or is it stopped? look at its status line, then note again",
        )
    return Exit.DONE


def chosen(node: str | None, out: Path | None) -> list[Running]:
    """The collectors that are meant.

    Raises:
        OperatorError: there is none.
    """
    folder = out.resolve() if out is not None else None
    everything = running()
    found = [
        one
        for one in everything
        if node in (None, one.node) and (folder is None or one.folder.parent.resolve() == folder)
    ]
    if not found:
        which = "".join([f" for node {node}" if node else "", f" with its archive in {out}" if out else ""])
        others = ", ".join(f"{one.node} (in {one.folder.parent})" for one in everything)
        raise OperatorError(
            f"no running collector{which} was found on this machine",
            f"running here: {others}"
            if others
            else "ask on the node, as the user that started `haready collect` or as root",
        )
    return found


def _post(found: list[Running], text: str) -> list[tuple[Running, bool]]:
    """Leave the note everywhere before waiting for anybody, so that all bear the same time."""
    notes: list[tuple[Running, Path | None]] = []
    for one in found:
        try:
            notes.append((one, post(one.folder, text)))
        except OSError:
            notes.append((one, None))
    return [(one, left is not None and taken(left, _PATIENCE_S)) for one, left in notes]
