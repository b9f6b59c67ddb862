"""Small files of the machine, read once. What cannot be read is empty: each costs its own fact only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from collector.contract import Env
from collector.errors import Unavailable


def text(env: Env, path: str) -> str:
    """The whole file without white space around it; empty if it is not there or may not be read."""
    try:
        file = env.read(path)
    except Unavailable:
        return ""
    try:
        return file.read().decode(errors="replace").strip()
    except Unavailable:
        return ""
    finally:
        file.close()


def lines(env: Env, path: str) -> Iterator[str]:
    """The lines of a file that may be large, one by one: what is read whole stays with the process for good."""
    try:
        with (env.root / path).open(encoding="utf-8", errors="replace") as file:
            for line in file:
                yield line.rstrip("\n")
    except OSError:
        return


def value(lines: str, key: str, separator: str) -> str:
    """The first value of `key` in lines of ``key separator value``."""
    for line in lines.splitlines():
        name, found, rest = line.partition(separator)
        if found and name.strip() == key:
            return rest.strip().strip('"')
    return ""


def names(env: Env, folder: str) -> list[str]:
    """What is in a folder, sorted; empty if it cannot be listed."""
    try:
        return sorted(os.listdir(env.root / folder))  # noqa: PTH208 - names alone are wanted
    except OSError:
        return []


def link(env: Env, path: str) -> str:
    """Where a symbolic link points to; empty if it is none."""
    try:
        return str(Path(env.root / path).readlink())
    except OSError:
        return ""
