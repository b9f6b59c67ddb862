"""Links within the document: names of rows and charts become places, and a link to what is not there is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reports.contract import Block, Chart, Table


def resolved(parts: Iterable[Sequence[Block]]) -> list[list[Block]]:
    """The same blocks, in which every target is unique and every link has one. Names of the plan become plain keys."""
    made = [list(blocks) for blocks in parts]
    keys: dict[str, str] = {}
    for blocks in made:
        for place, block in enumerate(blocks):
            if isinstance(block, Chart):
                blocks[place] = replace(block, targets=_new(block.targets, keys))
            elif isinstance(block, Table):
                blocks[place] = replace(block, targets=tuple(_new(names, keys) for names in block.targets))
    for blocks in made:
        for place, block in enumerate(blocks):
            if isinstance(block, Table):
                blocks[place] = replace(block, links=tuple(keys.get(name, "") for name in block.links))
    return made


def _new(names: tuple[str, ...], keys: dict[str, str]) -> tuple[str, ...]:
    """Keys of the names that have none yet: of equal names the first one in the document is meant."""
    fresh = [name for name in dict.fromkeys(names) if name not in keys]
    for name in fresh:
        keys[name] = f"t{len(keys) + 1}"
    return tuple(keys[name] for name in fresh)
