"""What an operator can get wrong, through the whole program: two lines that help, and the exit code.

Files that can still be used are used; what is wrong with them is then named in the result.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from nodes import haready, loopback_plan
from synthetic import Machine, Site, plan_data, write
from test_hostile_archives import rewrite

from collector.archive.reader import open_archive
from collector.commands import seconds
from collector.errors import OperatorError


def two_lines(done, code, error, hint):
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert re.search(f"^error: .*{error}", lines[0]), lines[0]
    assert re.search(f"^hint: .*{hint}", lines[1]), lines[1]
    return lines


@pytest.fixture
def archives(tmp_path):
    return write(Site(length_s=120.0, segment_s=30.0), tmp_path / "run")


def assess(*paths, folder):
    """The whole program, and what it said in the assessment (None if it wrote none)."""
    data = folder / "assessment.json"
    done = haready("assess", *map(str, paths), "-o", str(folder / "report.pdf"), "--json", str(data))
    return done, json.loads(data.read_text(encoding="utf-8")) if data.exists() else None


def nothing_written(folder):
    return not list(folder.glob("*.pdf")) and not list(folder.glob("*.json"))


# Archives that cannot be used, or not together


def test_a_file_that_is_no_archive(tmp_path, archives):
    notes = tmp_path / "notes.zip"
    notes.write_text("these are my notes\n" * 20)
    done, said = assess(archives["a"], notes, folder=tmp_path)
    two_lines(done, 5, "notes.zip", ".")
    assert said is None
    assert nothing_written(tmp_path)
    two_lines(haready("verify", str(notes)), 5, "notes.zip", ".")


def test_a_file_that_is_not_there(tmp_path, archives):
    done, _ = assess(archives["a"], tmp_path / "absent.zip", folder=tmp_path)
    two_lines(done, 5, "absent.zip.*No such file", ".")


def test_an_archive_cut_before_its_first_measurement(tmp_path, archives):
    archives["b"].write_bytes(archives["b"].read_bytes()[:60])
    done, _ = assess(*archives.values(), folder=tmp_path)
    two_lines(done, 5, "b.zip", "[Cc]opy|pass")
    two_lines(haready("verify", str(archives["b"])), 5, "b.zip", ".")


def test_an_archive_of_a_newer_version(tmp_path, archives):
    newer = tmp_path / "newer.zip"
    with zipfile.ZipFile(archives["b"]) as old, zipfile.ZipFile(newer, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".json"):
                data = json.dumps(json.loads(data) | {"format": 7, "tool": "9.9.9"}).encode()
            new.writestr(name, data)
    done, said = assess(archives["a"], newer, folder=tmp_path)
    two_lines(done, 5, r"newer.zip.*format 7.* 1\b", "install haready.*9.9.9")
    assert said is None
    two_lines(haready("verify", str(newer)), 5, "format 7", "install haready")


def test_archives_of_another_run(tmp_path, archives):
    later = {name: Machine(session=f"later-{name}", wall_offset_s=86400.0) for name in "ab"}
    other = write(Site(length_s=120.0, machines=later), tmp_path / "later")
    done, said = assess(archives["a"], other["b"], folder=tmp_path)
    two_lines(done, 2, "different runs", "collected at the same time")
    assert said is None


def test_archives_of_another_plan(tmp_path, archives):
    other = write(Site(length_s=120.0, plan=plan_data(networks=("ch2",))), tmp_path / "other")
    done, _ = assess(archives["a"], other["b"], folder=tmp_path)
    two_lines(done, 2, "different plans", "same plan.toml")


def test_the_same_node_twice(tmp_path, archives):
    again = tmp_path / "copy-of-a.zip"
    again.write_bytes(archives["a"].read_bytes())
    done, _ = assess(archives["a"], archives["b"], again, folder=tmp_path)
    two_lines(done, 2, "both of node 'a'", "one archive per node")


# Archives that can be used in part


def test_a_cut_archive_is_used_as_far_as_it_goes_and_named(tmp_path, archives):
    archives["b"].write_bytes(archives["b"].read_bytes()[: int(archives["b"].stat().st_size * 0.6)])
    checked = haready("verify", str(archives["b"]))
    assert checked.returncode == 5
    assert "NOT whole" in checked.stdout
    assert checked.stderr == ""
    done, said = assess(*archives.values(), folder=tmp_path)
    assert (done.returncode, done.stderr) == (4, "")
    assert said["verdict"] == "inconclusive"
    assert next(node for node in said["nodes"] if node["name"] == "b")["damage"]
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_flipped_bit_is_found_and_named_and_the_rest_is_used(tmp_path, archives):
    data = bytearray(archives["b"].read_bytes())
    data[data.index(b"segments/000002.jsonl.gz") + 200] ^= 4
    archives["b"].write_bytes(data)
    checked = haready("verify", str(archives["b"]))
    assert checked.returncode == 5
    assert "000002" in checked.stdout
    done, said = assess(*archives.values(), folder=tmp_path)
    assert (done.returncode, done.stderr) == (4, "")
    node = next(node for node in said["nodes"] if node["name"] == "b")
    assert any("000002" in text for text in node["damage"])
    assert node["gaps_s"] == pytest.approx(30.0, abs=1.0)


def test_one_archive_alone_says_which_is_missing(tmp_path, archives):
    done, said = assess(archives["a"], folder=tmp_path)
    assert (done.returncode, done.stderr) == (4, "")
    assert said["verdict"] == "inconclusive"
    assert "No archive of node b was given." in done.stdout
    assert said["fixes"][0] == "Run the collector on b as well and assess all archives together."


def about(said, node):
    """Every finding about a node, its pairs, its paths, or all nodes together."""
    return [
        item
        for item in said["findings"]
        if item["subject"]["scope"] == "cluster" or node in re.split(r"[+>/]", item["subject"]["name"])
    ]


def test_of_a_node_whose_archive_is_missing_no_check_passes(tmp_path, archives):
    _, said = assess(archives["a"], folder=tmp_path)
    found = [item for item in about(said, "b") if item["subject"]["name"] != "a>b/ch1"]
    assert len(found) > 20
    assert {item["status"] for item in found} <= {"skipped", "info"}
    assert {item["status"] for item in found if item["subject"]["name"] == "b"} == {"skipped"}
    assert all("no archive of node b" in item["message"] for item in found if item["subject"]["name"] in ("b", "a+b"))


UNITS = [("memory", "total_KiB", "B", 1.0), ("disk", "read_ms", "s", 1e-6), ("commit", "took_us", "1", 1e-6)]


@pytest.mark.parametrize(("table", "column", "unit", "scale"), [*UNITS, ("memory", "total_KiB", "B", 10**400)])
def test_a_table_in_units_of_another_platform_is_damage_and_passes_nothing(tmp_path, table, column, unit, scale):
    site = Site(length_s=1000.0, machines={name: Machine(host=True, memory=True, disk=True) for name in "ab"})
    paths = write(site, tmp_path / "run")

    def tell(head):
        metric = {"name": column, "unit": unit, "kind": "gauge", "scale": scale, "help": ""}
        head["tables"] = [{"name": table, "metrics": [metric]}, {"name": "cpu", "metrics": "none"}, 5]

    changed = rewrite(paths["a"], tmp_path / "a.zip", manifest=tell)
    _, said = assess(changed, paths["b"], folder=tmp_path)
    rules = {"memory": ("memory",), "disk": ("disk-latency", "disk-busy"), "commit": ("commit-latency",)}[table]
    told = {item["subject"]["name"].partition("/")[0]: item for item in said["findings"] if item["rule"] in rules}
    assert told["a"]["status"] == "skipped"
    assert f"node a recorded no {table}" in told["a"]["message"]
    assert told["b"]["status"] != "skipped"
    node = next(node for node in said["nodes"] if node["name"] == "a")
    assert f"table {table}: {column} is told in another unit than its name says" in node["damage"]


# Results and where they go


def test_results_are_named_after_cluster_and_start_so_that_two_sites_never_meet(tmp_path, archives):
    first = haready("assess", *map(str, archives.values()), cwd=tmp_path)
    names = first.stdout.splitlines()[-2:]
    head = open_archive(archives["a"]).head
    stem = f"{head['cluster']}-{re.sub('[-:]', '', head['started'])[:15]}Z"
    assert names == [f"{stem}-assessment.json", f"{stem}-report.pdf"]
    later = {name: Machine(session=f"later-{name}", wall_offset_s=86400.0) for name in "ab"}
    other = write(Site(length_s=120.0, machines=later), tmp_path / "later")
    assert not set(haready("assess", *map(str, other.values()), cwd=tmp_path).stdout.splitlines()) & set(names)
    # The same run again is what one does after an upgrade: no word about it.
    again = haready("assess", *map(str, archives.values()), cwd=tmp_path)
    assert (again.returncode, again.stderr) == (first.returncode, "")
    assert len(list(tmp_path.glob("*-report.pdf"))) == len(list(tmp_path.glob("*-assessment.json"))) == 2
    for command, name in (("analyze", names[0]), ("report", names[1])):
        (tmp_path / "alone").mkdir(exist_ok=True)
        given = map(str, archives.values()) if command == "analyze" else [str(tmp_path / names[0])]
        assert haready(command, *given, cwd=tmp_path / "alone").stdout.splitlines()[-1] == name
        assert (tmp_path / "alone" / name).stat().st_size > 0


def test_a_result_with_a_name_of_its_own_is_overwritten_by_force_only(tmp_path, archives):
    pdf, data = tmp_path / "r.pdf", tmp_path / "r.json"
    both = [str(archives["a"]), str(archives["b"])]
    data.write_text("of another site", encoding="utf-8")
    two_lines(haready("assess", *both, "-o", str(pdf)), 2, "r.json exists already", "--json.*--force")
    two_lines(haready("analyze", *both, "-o", str(data)), 2, "r.json exists already", "-o.*--force")
    assert (data.read_text(encoding="utf-8"), pdf.exists()) == ("of another site", False)
    assert haready("analyze", *both, "-o", str(data), "--force").stderr == ""
    pdf.write_text("of another site", encoding="utf-8")
    two_lines(haready("assess", *both, "-o", str(pdf), "--json", "x"), 2, "r.pdf exists already", "-o.*--force")
    two_lines(haready("report", str(data), "-o", str(pdf)), 2, "r.pdf exists already", "-o.*--force")
    assert pdf.read_text(encoding="utf-8") == "of another site"
    assert haready("report", str(data), "-o", str(pdf), "--force").returncode == 0
    assert pdf.read_bytes().startswith(b"%PDF")
    assert haready("assess", *both, "-o", str(pdf), "--force").stderr == ""


def test_no_result_overwrites_an_archive_not_even_by_force(archives):
    before = archives["b"].read_bytes()
    for command in ("assess", "analyze"):
        done = haready(command, str(archives["a"]), "-o", str(archives["b"]), "--force")
        two_lines(done, 2, "b.*zip is an archive", "another name")
    assert archives["b"].read_bytes() == before


def test_a_place_that_takes_no_result_is_named_before_the_work_as_it_was_typed(tmp_path, archives):
    archive = str(archives["a"])
    two_lines(haready("assess", archive, "-o", "no/such/r.pdf"), 2, "no/such/r.pdf: there is no folder no/such", "-o")
    two_lines(haready("assess", archive, "--json", "no/r.json"), 2, "no/r.json: there is no folder no", "--json")
    two_lines(haready("assess", archive, "-o", "both.json"), 2, "both results would be both.json", "--json")
    two_lines(haready("analyze", archive, "-o", str(tmp_path)), 2, "it is a folder", "-o")
    assert nothing_written(tmp_path)


@pytest.mark.parametrize("name", ["plan.toml", "a.zip"])
def test_what_is_no_assessment_is_named(tmp_path, archives, name):
    plan = loopback_plan(tmp_path, "95.9")
    given = plan if name == "plan.toml" else archives["a"]
    done = haready("report", str(given), cwd=tmp_path)
    if name == "plan.toml":
        two_lines(done, 5, "plan.toml: not an assessment: no JSON$", r"\.json file")
    else:
        two_lines(done, 2, "is an archive, not an assessment", "haready assess")
    assert nothing_written(tmp_path)


def test_an_export_makes_one_folder_and_overwrites_by_force_only(tmp_path, archives):
    archive, folder = str(archives["a"]), tmp_path / "csv"
    two_lines(haready("export", archive, "--csv", str(folder / "deep")), 2, f"no folder {folder}", "--csv")
    assert not folder.exists()
    assert haready("export", archive, "--csv", str(folder)).returncode == 0
    before = (folder / "sent.csv").read_bytes()
    other = str(archives["b"])
    two_lines(haready("export", other, "--csv", str(folder)), 2, "csv has CSV files already", "--csv.*--force")
    assert (folder / "sent.csv").read_bytes() == before
    assert haready("export", other, "--csv", str(folder), "--force").returncode == 0
    assert (folder / "sent.csv").read_bytes() != before


# Plans, keys and ports


def collect(plan, node, out, **options):
    return haready("collect", "--plan", str(plan), "--node", node, "--duration", "5s", "--out", str(out), **options)


def test_a_plan_with_a_mistake(tmp_path):
    plan = loopback_plan(tmp_path, "95.1")
    plan.write_text(plan.read_text().replace('kind = "sync"', 'kind = "tube"'))
    two_lines(collect(plan, "a", tmp_path), 2, "plan.toml: network.ch1.kind", "docs/plan.md|plan init")
    assert not list(tmp_path.glob("*.zip*"))


def test_a_plan_that_is_no_toml(tmp_path):
    plan = loopback_plan(tmp_path, "95.2")
    plan.write_text("nodes: [a, b]\n")
    two_lines(collect(plan, "a", tmp_path), 2, "plan.toml", "TOML")


def test_a_missing_key(tmp_path):
    plan = loopback_plan(tmp_path, "95.3")
    (tmp_path / "plan.key").unlink()
    two_lines(collect(plan, "a", tmp_path), 2, "plan.key: No such file", "copy the key")


def test_a_node_that_is_not_in_the_plan(tmp_path):
    plan = loopback_plan(tmp_path, "95.4")
    two_lines(collect(plan, "z", tmp_path), 2, "no node 'z'", "nodes: a, b")


def test_a_port_in_use(tmp_path):
    plan = loopback_plan(tmp_path, "95.5")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.95.5.1", 8862))
        two_lines(collect(plan, "a", tmp_path), 2, "UDP port 8862 on 127.95.5.1", "another collector")
    assert not list(tmp_path.glob("*.zip*"))


# Peers and programs that are not there


def only_archive(folder: Path, node: str) -> Path:
    (found,) = folder.glob(f"*{node}*.zip")
    return found


@pytest.mark.slow
def test_a_peer_that_never_answers_is_told_by_the_exit_code_and_is_no_answer_of_the_assessment(tmp_path):
    plan = loopback_plan(tmp_path, "95.6")
    done = collect(plan, "a", tmp_path)
    assert done.returncode == 7, done.stderr
    assert done.stderr.splitlines()[-2] == "error: no path of a was measured (Connection refused)"
    archive = only_archive(tmp_path, "a")
    told = {item["probe"]: item["intervals"] for item in open_archive(archive).head["outcomes"]}
    states = {(part["state"], bool(part["reason"])) for part in told["path a>b/ch1"]}
    assert states == {("skipped", True)}
    assessed, said = assess(archive, folder=tmp_path)
    # What else is wrong with the machine that the test runs on is not known; suitable it cannot be.
    assert (assessed.returncode in (3, 4), assessed.stderr) == (True, "")
    assert said["verdict"] in ("inconclusive", "unsuitable")
    assert "No archive of node b was given." in said["reasons"]
    unmeasured = {item["rule"]: item for item in said["findings"] if item["subject"]["name"] == "a>b/ch1"}
    assert {item["status"] for item in unmeasured.values()} == {"skipped"}
    assert "path a>b/ch1 was never measured (" in unmeasured["path-coverage"]["message"]


@pytest.mark.slow
def test_without_iperf3_everything_else_is_measured_and_what_to_install_is_told(tmp_path):
    plan = loopback_plan(tmp_path, "95.7", extra="bandwidth = true\n[bandwidth]\nevery_s = 10\nseconds = 2\n")
    empty = tmp_path / "bin"
    empty.mkdir()
    env = os.environ | {"PATH": str(empty)}
    command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--duration", "16s", "--quiet"]
    running = [
        subprocess.Popen([*command, "--node", node, "--out", str(tmp_path)], env=env, stderr=subprocess.PIPE, text=True)
        for node in "ab"
    ]
    for process in running:
        _, problems = process.communicate(timeout=90)
        assert process.returncode == 0, problems
    assessed, said = assess(*tmp_path.glob("*.zip"), folder=tmp_path)
    assert (assessed.returncode in (3, 4), assessed.stderr) == (True, "")
    assert len(said["throughputs"]) == 2
    assert all("iperf3" in item["reason"] for item in said["throughputs"]), said["throughputs"]
    found = [item for item in said["findings"] if item["rule"] == "bandwidth"]
    assert [item["status"] for item in found] == ["skipped"] * 2
    assert all("Install iperf3" in item["remedy"] for item in found)
    assert all(item["answered"] > 0 for item in said["timings"])


@pytest.mark.parametrize("text", ["367d", "20000d", "366d1s", "1" + "0" * 400 + "h", "9" * 4000 + "s"])
def test_a_run_longer_than_any_archive_can_be_read_is_refused_before_it_begins(tmp_path, text):
    plan = loopback_plan(tmp_path, "95.8")
    for command in (
        ["collect", "--plan", str(plan), "--node", "a", "--out", str(tmp_path)],
        ["plan", "schedule", str(plan)],
    ):
        done = haready(*command, "--duration", text)
        assert done.returncode == 2
        assert "is too long: a run lasts 366 days at most\nhint: " in done.stderr, done.stderr[-200:]
    assert not list(tmp_path.glob("*.part"))
    assert haready("plan", "schedule", str(plan), "--duration", "366d").returncode == 0


@pytest.mark.parametrize("text", ["", "x", "-5s", "1.5h", "0s", "9" * 5000 + "s", "٣h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(OperatorError):
        seconds(text)
    assert seconds("1d2h3m4s") == 93_784.0
