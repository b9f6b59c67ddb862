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

import pandas as pd
import pytest
from nodes import haready as haready_process
from synthetic import Link, Machine, Site, Test, plan_data, write
from test_rules_plan import trio

import collector.probes
import haready
from analyzer import frames, slots, thin
from analyzer.assess import assess
from analyzer.columns import LABELS, check_labels
from analyzer.contract import Area, Scope, Status, Subject
from analyzer.engine import judge
from analyzer.extension import Judgement, Rule
from analyzer.inventory import described
from analyzer.material import Material
from analyzer.words import MOST_LETTERS
from collector.archive.format import MANIFEST, START, Block, check_line, dumps, loads
from collector.archive.reader import open_archive
from collector.archive.story import DEPTH, ENTRIES, bounded, story
from collector.errors import OperatorError, printable
from collector.peers.tables import TABLES
from collector.plugins import discover

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


# --- names ---------------------------------------------------------------------------------------------------------


def test_a_name_that_is_no_utf_8_is_written_and_read_with_a_visible_mark():
    assert json.loads(dumps({"filesystem": LATIN_1})) == {"filesystem": "/mnt/caf\ufffd"}
    assert loads(rb'{"filesystem":"/mnt/caf\udce9","ok":"\ud83d\ude00"}') == {
        "filesystem": "/mnt/caf\ufffd",
        "ok": "\U0001f600",
    }
    assert loads(dumps({"\ud800": [LATIN_1]})) == {"\ufffd": ["/mnt/caf\ufffd"]}


@pytest.mark.parametrize("table", ["filesystem", "disk", "nic", "commit"])
def test_a_device_whose_name_is_no_utf_8_is_assessed(sound, tmp_path, table):
    def rename(series):
        if series.head["table"] == table:
            series.head["labels"] = {table: LATIN_1}
            if table == "filesystem":
                series.columns["free_KiB"][0] = 1000

    path = rewrite(sound["a"], tmp_path / "a.zip", series=rename)
    said = every_command(path, sound["b"], tmp_path)
    if table == "filesystem":
        assert "a//mnt/caf\ufffd" in {finding["subject"]["name"] for finding in said["findings"]}


def test_facts_and_events_that_are_no_utf_8_are_assessed(sound, tmp_path):
    def rename(head):
        head["facts"]["inventory"] |= {"hostname": LATIN_1, LATIN_1: {"\ud800": 1}}
        head["events"] = [[5, LATIN_1]]
        head["ended_because"] = LATIN_1

    said = every_command(rewrite(sound["a"], tmp_path / "a.zip", manifest=rename), sound["b"], tmp_path)
    assert ["Host name", "/mnt/caf\ufffd"] in next(node for node in said["nodes"] if node["name"] == "a")["inventory"]


def test_an_archive_in_a_folder_whose_name_is_no_utf_8_is_assessed(sound, tmp_path):
    path = tmp_path / f"{Path(LATIN_1).name}.zip"
    path.write_bytes(sound["a"].read_bytes())
    code, _, _ = cli("analyze", path, sound["b"], "-o", tmp_path / "assessment.json")
    assert code in (0, 4)


# --- journals ------------------------------------------------------------------------------------------------------

NIC = {"series": 0, "table": "nic", "labels": {"nic": "x"}, "columns": ["t_us", "rx_B"]}
ROWS = [0, [[201_000_000, 1], [202_000_000, None]]]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """An archive that was cut short, without its journal; and one of the other node."""
    site = Site(length_s=200.0, machines={"a": Machine(sealed=False), "b": Machine()})
    found = write(site, tmp_path_factory.mktemp("killed"))
    return found["a"].with_name("a.zip.part"), found["b"]


def journal(part: Path, folder: Path, *lines: Any, **head: Any) -> Path:
    """The killed archive with such a journal beside it."""
    copy = folder / part.name
    copy.write_bytes(part.read_bytes())
    first = {"format": 1, "node": "a", "session": "session-a", "t0_ns": 10**12, "seq": 50, "from_us": 200_000_000}
    text = [json.dumps(line).encode() for line in (first | head, *lines)]
    data = gzip.compress(b"\n".join([*text, check_line(text, 205_000_000)]) + b"\n")
    copy.with_name("a.zip.journal").write_bytes(data)
    return copy


def test_a_journal_that_fits_is_read(killed, tmp_path):
    archive = open_archive(journal(killed[0], tmp_path, NIC, ROWS))
    last = list(archive.segments())[-1]
    assert archive.damage == []
    assert [(block.table, block.labels, block.column("rx_B")) for block in last.blocks] == [
        ("nic", {"nic": "x"}, [1, None])
    ]


@pytest.mark.parametrize(
    "lines",
    [
        (NIC | {"labels": {"nic": ["x"]}}, ROWS),
        (NIC | {"labels": {"nic": None}}, ROWS),
        (NIC | {"labels": {"nic": 5}}, ROWS),
        (NIC | {"labels": ["nic"]}, ROWS),
        (NIC | {"table": ["nic"]}, ROWS),
        (NIC | {"table": None}, ROWS),
        (NIC | {"columns": ["t_us", ["rx_B"]]}, ROWS),
        (NIC | {"columns": "tr"}, ROWS),
        (NIC | {"columns": []}, [0, [[]]]),
        (NIC, [0, [[201_000_000, 1], [202_000_000]]]),
        (NIC, [0, [[201_000_000, 1.5]]]),
        (NIC, [0, [[201_000_000, True]]]),
        (NIC, [0, [[201_000_000, "x"]]]),
        (NIC, [0, ["ab"]]),
        (NIC, [0, {"ab": 1}]),
        (NIC, [0, 5]),
        (NIC, ["x", [[1, 2]]]),
        ({"state": [["peers", 5]]},),
        ({"state": "abc"},),
        (5,),
        ("series",),
    ],
    ids=str,
)
def test_a_journal_of_odd_declarations_or_rows_is_damage(killed, tmp_path, lines):
    path = journal(killed[0], tmp_path, *lines)
    said = every_command(path, killed[1], tmp_path)
    assert any("a.zip.journal" in text for node in said["nodes"] for text in node["damage"])


@pytest.mark.parametrize("head", [{"seq": 10**30}, {"from_us": -(10**30)}, {"t0_ns": "x"}, {"seq": True}], ids=str)
def test_a_journal_of_odd_times_is_damage(killed, tmp_path, head):
    path = journal(killed[0], tmp_path, NIC, ROWS, **head)
    assert any(
        "a.zip.journal" in text for node in every_command(path, killed[1], tmp_path)["nodes"] for text in node["damage"]
    )


def test_a_journal_that_unpacks_to_much_more_than_ten_minutes_is_read_no_further(killed, tmp_path):
    path = journal(killed[0], tmp_path, NIC, [0, [[0, 0]] * 8_000_000])
    archive = open_archive(path)
    assert [segment.seq for segment in archive.segments()] == [1]


# --- facts ---------------------------------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize(
    "facts",
    [
        {"memory_B": HUGE},
        {"memory_B": float("nan")},
        {"memory_B": -HUGE, "cpus": HUGE, "disk_B": 1e308},
        {"boot_time_s": -9.9e10},
        {"boot_time_s": 9.9e11},
        {"boot_time_s": float("-inf")},
        {"boot_time_s": HUGE},
        {"extra": nested(900)},
        {"nics": {"eth0": {"addresses": [nested(600)], "speed_Mbps": HUGE}}},
        {"time": {"service": HUGE, "synchronised": nested(300)}, "packages": {"count": HUGE, "sha256": nested(20)}},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_facts_that_no_machine_has_are_not_told(sound, tmp_path, facts):
    path = rewrite(sound["a"], tmp_path / "a.zip", manifest=lambda head: head["facts"]["inventory"].update(facts))
    said = every_command(path, sound["b"], tmp_path)
    inventory = dict(next(node for node in said["nodes"] if node["name"] == "a")["inventory"])
    if "memory_B" in facts:
        assert inventory["Memory"] == "not told"
    if "boot_time_s" in facts:
        assert inventory["Booted"] == "not told"


def test_what_a_real_inventory_holds_is_within_the_bounds():
    inventory = {
        "nics": {"eth0": {"addresses": [{"family": "AF_INET", "prefix": 24}]}},
        "memory_B": 1 << 50,
        "load": 0.5,
    }
    assert story({"facts": {"inventory": inventory}}).facts["inventory"] == inventory
    assert bounded(nested(DEPTH)) == nested(DEPTH)
    assert bounded(nested(DEPTH + 1)) != nested(DEPTH + 1)


def test_a_list_longer_than_any_machines_is_cut_and_every_text_with_it():
    """Rules hold each entry against each, and write out what they find."""
    assert bounded(list(range(ENTRIES + 5))) == list(range(ENTRIES))
    assert len(bounded({str(number): number for number in range(ENTRIES + 5)})) == ENTRIES
    assert all(
        len(text) < MOST_LETTERS + 50
        for _, text in described({"names": {"a": ["10.0.0.1"] * ENTRIES}, "odd": ["x"] * ENTRIES})
    )


def test_a_rule_that_says_more_than_anybody_reads_is_cut():
    def check(_):
        yield Judgement(Status.WARN, "x" * 1_000_000, remedy="y" * 1_000_000)

    rule = Rule("odd", "Odd", Area.HOST, Scope.CLUSTER, (), (), check)
    material = Material(trio(), {}, {}, {}, {}, {}, (), {}, {}, {}, (), 900.0)
    (finding,) = judge([rule], material)
    assert finding.message.endswith(f"and {1_000_000 - MOST_LETTERS} more letters")
    assert len(finding.remedy) < MOST_LETTERS + 50


def test_a_head_that_is_nested_too_deep_is_inspected(sound, tmp_path):
    path = rewrite(sound["a"], tmp_path / "a.zip", manifest=lambda head: head.update(extra=nested(900)))
    every_command(path, sound["b"], tmp_path)


@pytest.mark.parametrize(
    "started",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01", "", 5, None, HUGE, nested(900)],
    ids=str,
)
def test_a_start_that_is_no_moment_is_taken_from_the_clocks(sound, tmp_path, started):
    path = rewrite(sound["a"], tmp_path / "a.zip", manifest=lambda head: head.update(started=started))
    said = every_command(path, sound["b"], tmp_path)
    begins = {node["name"]: node["started"] for node in said["nodes"]}
    assert begins["a"] == begins["b"]


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


# --- labels --------------------------------------------------------------------------------------------------------


def test_the_tables_of_this_version_are_labelled_as_the_analysis_takes_them():
    ours = [*TABLES, *(table for probe in discover(collector.probes, "PROBE") for table in probe.tables)]
    for table in ours:
        labels = dict.fromkeys(table.labels, "x")
        check_labels(Block(table.name, labels, table.columns, 1, {}, []))
        if labels:
            with pytest.raises(ValueError, match="labelled by nothing"):
                check_labels(Block(table.name, {}, table.columns, 1, {}, []))
    assert set(LABELS) <= {table.name for table in ours}


COLUMNS = [
    ("memory", "available_KiB"),
    ("memory", "t_us"),
    ("memory", "t_s"),
    ("disk", "busy_ms"),
    ("disk", "read_ms"),
    ("cpu", "idle_cs"),
    ("cpu", "t_s"),
    ("nic", "rx_B"),
    ("nic", "rx_errors"),
    ("link", "carrier"),
    ("link", "speed_Mbps"),
    ("commit", "took_us"),
    ("filesystem", "free_KiB"),
    ("filesystem", "size_KiB"),
    ("ticker", "late_max_us"),
    ("load", "running"),
    ("paging", "oom_kills"),
    ("sent", "slot"),
    ("reply", "fwd_us"),
    ("seen", "first"),
]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_label_that_bears_a_column_s_name_is_damage(sound, tmp_path, table, column):
    def rename(series):
        if series.head["table"] == table:
            series.head["labels"] |= {column: "x"}
            series.columns.pop(column, None)

    path = rewrite(sound["a"], tmp_path / "a.zip", series=rename)
    said = every_command(path, sound["b"], tmp_path)
    assert damage_of(said, f"table {table}: labelled by")


@pytest.mark.parametrize("table", ["disk", "cpu", "nic", "link", "commit", "filesystem", "ticker", "sent", "seen"])
def test_a_table_without_its_label_is_damage(sound, tmp_path, table):
    def strip(series):
        if series.head["table"] == table:
            series.head["labels"] = {}

    path = rewrite(sound["a"], tmp_path / "a.zip", series=strip)
    assert damage_of(every_command(path, sound["b"], tmp_path), f"table {table}: labelled by nothing")


@pytest.mark.parametrize("table", ["memory", "disk", "cpu", "nic", "link", "commit", "ticker", "stall", "observer"])
@pytest.mark.parametrize("kept", ["t_us", "no t_us", "its own name"])
def test_a_table_with_odd_columns_is_assessed(sound, tmp_path, table, kept):
    def cut(series):
        if series.head["table"] == table:
            first = next(iter(series.columns.values()))
            if kept == "t_us":
                series.columns = {"t_us": first}
            elif kept == "no t_us":
                del series.columns["t_us"]
            else:
                series.columns[table] = first

    every_command(rewrite(sound["a"], tmp_path / "a.zip", series=cut), sound["b"], tmp_path)


@pytest.mark.parametrize("first", [1 << 62, -(1 << 62), 1 << 63, 10**30])
def test_figures_beyond_every_bound_are_assessed(sound, tmp_path, first):
    def raise_all(series):
        for name, values in series.columns.items():
            if name != "t_us" and series.head["table"] not in ("sent", "reply", "seen"):
                values[0] = first

    every_command(rewrite(sound["a"], tmp_path / "a.zip", series=raise_all), sound["b"], tmp_path)


def damage_of(said: dict[str, Any], text: str) -> bool:
    return any(text in one for node in said["nodes"] if node["name"] == "a" for one in node["damage"])


def test_a_chart_that_cannot_be_drawn_costs_no_other():
    def chart(values):
        return "id", "title", "s", lambda: {Subject(Scope.NODE, "a"): values()}

    good = pd.Series([1.0, 2.0], index=[0.0, 1.0])
    assert len(thin._drawn(chart(lambda: good), 10.0)) == 1
    assert thin._drawn(chart(lambda: good["x"]), 10.0) == []
    assert thin._drawn(chart(lambda: pd.Series(["x", "y"], index=[0.0, 1.0])), 10.0) == []


# --- more than there is memory for ---------------------------------------------------------------------------------


def test_what_an_archive_holds_beyond_the_bound_is_left_out_and_said(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "_MOST_B", 1000)
    with pytest.raises(OperatorError, match="no measurement in it can be read"):
        frames.read(sound["a"])
    site = Site(length_s=200.0, segment_s=100.0)
    path = write(site, tmp_path)["a"]
    first = sum(map(frames._kept_B, next(open_archive(path).segments()).blocks))
    monkeypatch.setattr(frames, "_MOST_B", first)
    data = frames.read(path)
    assert data.damage == ("segment 2: left out, for an archive may hold 0 MB of values",)
    assert data.spans == ((0, 100_000_000),)


def test_a_weekend_of_a_busy_node_is_within_the_bound():
    def rows(table, columns, rate, count=1):
        return count * frames._kept_B(Block(table, {}, ("c",) * columns, rate * 3 * 86_400, {}, []))

    wire = sum(rows(table, 0, rate, 4) for table, rate in (("sent", 5), ("reply", 5), ("seen", 1)))
    host = rows("cpu", 9, 1, 17) + rows("disk", 9, 1, 2) + rows("nic", 9, 1, 3) + rows("memory", 40, 1)
    assert wire + host < frames._MOST_B


def test_a_sender_that_started_often_is_not_held_against_every_run_of_a_long_record(tmp_path, monkeypatch):
    """There would be a table of starts times runs."""
    site = Site(length_s=100.0, links={"a>b/ch1": Link(restart_at=[200], lost_forward=[100, 101])})
    paths = list(write(site, tmp_path).values())
    usual = next(item for item in assess(paths).timings if item.path == "a>b/ch1")
    monkeypatch.setattr(slots, "_MOST_FITS", 100)
    timing = next(item for item in assess(paths).timings if item.path == "a>b/ch1")
    assert (usual.lost_forward, usual.lost_unknown) == (2, 0)
    assert (timing.lost_forward, timing.lost_unknown) == (0, 2)


# --- what is damage of the wire, and what is not -------------------------------------------------------------------


@pytest.mark.parametrize(("table", "spans"), [("window", 1), ("memory", 1), ("sent", 0), ("reply", 0), ("seen", 0)])
def test_only_a_damaged_table_of_the_wire_leaves_its_stretch_uncovered(tmp_path, table, spans):
    links = {"a>b/ch1": Link(tests=[Test(at_s=50.0, rate_bps=1e8)])}
    path = write(Site(length_s=200.0, links=links, machines={"a": Machine(memory=True)}), tmp_path)["a"]

    def hurt(series):
        if series.head["table"] == table:
            series.columns[next(iter(series.columns))][0] = 1 << 60

    data = frames.read(rewrite(path, tmp_path / "odd.zip", series=hurt))
    assert len(data.spans) == spans
    assert [text for text in data.damage if f"table {table}" in text]
