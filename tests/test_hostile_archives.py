"""Archives that were made to hurt: no name, number or shape in them crashes a command, or steers a terminal."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nodes import haready as haready_process
from synthetic import Machine, Site, plan_data, write

import haready
from collector.archive.format import MANIFEST, START
from collector.errors import printable

LATIN_1 = "/mnt/caf\udce9"
"""What Python makes of a mount point in Latin-1."""
STEERING = "\x1b[2J\x1b]0;x\x07\u202egpj.\u2066\x9b1m\r\n"
"""Clears the screen, sets its title, turns the line around."""
HUGE = 10**400

Head = dict[str, Any]


@dataclass
class Series:
    """A block of a segment: its head, and the columns as lists."""

    head: Head
    columns: dict[str, list[Any]]


def rewrite(
    source: Path,
    target: Path,
    *,
    manifest: Callable[[Head], object] | None = None,
    series: Callable[[Series], object] | None = None,
    start: Callable[[Head], object] | None = None,
) -> Path:
    """A copy of an archive, changed and with all its checksums right."""
    with zipfile.ZipFile(source) as old:
        members = {name: old.read(name) for name in old.namelist()}
    head = json.loads(members.pop(MANIFEST))
    if manifest is not None:
        manifest(head)
    if start is not None:
        said = json.loads(members[START])
        start(said)
        members[START] = json.dumps(said).encode()
    for name, data in members.items():
        if name.startswith("segments/") and series is not None:
            members[name] = _segment(data, series)
    head["members"] = [
        {"name": name, "rows": 0, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    ]
    members[MANIFEST] = json.dumps(head).encode()
    with zipfile.ZipFile(target, "w") as new:
        for name, data in members.items():
            new.writestr(zipfile.ZipInfo(name), data)
    return target


def _segment(data: bytes, change: Callable[[Series], object]) -> bytes:
    lines = gzip.decompress(data).split(b"\n")[:-1]
    made, at = [lines[0]], 1
    while at < len(lines) - 1:
        head = json.loads(lines[at])
        names = head["columns"]
        one = Series(head, {name: json.loads(lines[at + 1 + place]) for place, name in enumerate(names)})
        at += 1 + len(names)
        change(one)
        head["columns"] = list(one.columns)
        head["null"] = {name: ranges for name, ranges in head["null"].items() if name in one.columns}
        made += [json.dumps(head).encode(), *(json.dumps(values).encode() for values in one.columns.values())]
    end = json.loads(lines[-1]) | {"lines": len(made)}
    return gzip.compress(b"\n".join([*made, json.dumps(end).encode()]) + b"\n")


def cli(*arguments: object) -> tuple[int, str, str]:
    """The whole program in this process: exit code and what it said. A crash is the test's failure."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = haready.main(["--debug", *map(str, arguments)])
    assert code != 1, err.getvalue()
    (out.getvalue() + err.getvalue()).encode()
    return code, out.getvalue(), err.getvalue()


def every_command(path: Path, other: Path, folder: Path) -> dict[str, Any]:
    """Have every command read the archive; the assessment."""
    for command in (["verify"], ["verify", "--json"], ["inspect"], ["inspect", "--json"]):
        _, out, err = cli(*command, path)
        unsteered(out + err)
    cli("export", path, "--csv", folder / "csv")
    code, out, err = cli("analyze", path, other, "-o", folder / "assessment.json")
    assert code in (0, 3, 4), err
    unsteered(out + err)
    found: dict[str, Any] = json.loads((folder / "assessment.json").read_text(encoding="utf-8"))
    return found


def unsteered(text: str) -> None:
    """Nothing in it that is no letter, but the line breaks."""
    assert [letter for letter in text if letter != "\n" and not letter.isprintable()] == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    machines = {name: Machine(memory=True, disk=True, host=True, busy=lambda t: t * 0 + 0.1) for name in "ab"}
    site = Site(length_s=200.0, plan=plan_data(), machines=machines)
    return write(site, tmp_path_factory.mktemp("sound"))


# --- terminals -----------------------------------------------------------------------------------------------------


def test_what_may_be_printed_has_no_control_characters():
    assert printable("Größe 5 µs \U0001f600 · 日本") == "Größe 5 µs \U0001f600 · 日本"
    unsteered(printable(STEERING + "".join(map(chr, range(0x300))) + "\u2028\ufeff\ud800"))
    assert printable("a\nb") == "a\ufffdb"


def test_no_text_of_an_archive_steers_the_terminal(sound, tmp_path):
    def steer(head):
        head |= dict.fromkeys(("tool", "command", "cluster", "started", "ended", "ended_because", "origin"), STEERING)
        head["events"] = [[5, STEERING]]
        head["peers"][STEERING] = [STEERING]
        head["outcomes"] = [
            {
                "probe": STEERING,
                "intervals": [{"state": "error", "reason": STEERING, "from_us": 0, "to_us": 5}],
                "ticks": 0,
                "missed": 0,
                "seconds": 0,
            }
        ]

    def rename(series):
        if series.head["table"] in ("filesystem", "disk", "nic"):
            series.head["labels"] = {series.head["table"]: STEERING}
        for name in ("free_KiB", "inodes_free"):
            if name in series.columns:
                series.columns[name][0] = 1

    every_command(rewrite(sound["a"], tmp_path / "a.zip", manifest=steer, series=rename), sound["b"], tmp_path)


def test_no_message_about_an_archive_steers_the_terminal(sound, tmp_path):
    def newer(head):
        head |= {"format": 99, "tool": STEERING}

    path = rewrite(sound["a"], tmp_path / "a.zip", manifest=newer, start=newer)
    for command in ("verify", "inspect", "analyze"):
        code, out, err = cli(command, path)
        assert code == 5
        unsteered(out + err)
        assert len(err.splitlines()) == 2
    odd = rewrite(sound["a"], tmp_path / "b.zip", manifest=lambda head: head["plan"].update({STEERING: 1}))
    _, out, err = cli("analyze", odd, "-o", tmp_path / "j")
    unsteered(out + err)
    odd = rewrite(sound["a"], tmp_path / "c.zip", series=lambda one: one.head.update(table=STEERING))
    for command in (["verify"], ["inspect"], ["export", "--csv", tmp_path / "csv"], ["analyze", "-o", tmp_path / "j"]):
        _, out, err = cli(*command, odd)
        unsteered(out + err)


def test_a_terminal_of_few_letters_costs_a_letter_and_no_result(sound, tmp_path):
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    path = rewrite(sound["a"], tmp_path / "a.zip", manifest=lambda head: head.update(cluster="Größe"))
    done = haready_process("inspect", str(path), env=env)
    assert done.returncode == 0, done.stderr
    assert r"Gr\xf6\xdfe" in done.stdout
