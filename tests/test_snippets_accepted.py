"""The text to paste, read by the daemons themselves where they are installed: Debian's keepalived and corosync check a file and start nothing; etcd has to be started."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess

import pytest
from advice import advised, both, quiet_trace
from traces import slots

from analyzer.stacks import corosync, etcd, keepalived


def hurt(name):
    return quiet_trace(name, 1800.0, lost=slots(600.0, 604.0))


def checked(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("keepalived") is None, reason="keepalived is not installed")
@pytest.mark.parametrize("version", [2, 3])
def test_keepalived_reads_its_snippet(tmp_path, version):
    lines = advised(keepalived.STACK, both(hurt)).snippets[0].text.splitlines()
    later = next(number for number, line in enumerate(lines) if "version 3" in line)
    chosen = lines[:later] if version == 2 else [line.removeprefix("#") for line in lines[later + 1 :]]
    own = ["    interface lo", "    virtual_router_id 51", "    virtual_ipaddress {", "        10.255.0.9/32", "    }"]
    place = next(number for number, line in enumerate(chosen) if line.startswith("vrrp_instance"))
    config = tmp_path / "keepalived.conf"
    config.write_text("\n".join([*chosen[: place + 1], *own, *chosen[place + 1 :]]) + "\n", encoding="utf-8")
    config.chmod(0o600)
    code, told = checked("keepalived", "-t", str(config))
    assert (code, [line for line in told.splitlines() if "advert" in line or "Unknown" in line]) == (0, [])


@pytest.mark.skipif(shutil.which("corosync") is None, reason="corosync is not installed")
def test_corosync_reads_its_snippet(tmp_path):
    text = advised(corosync.STACK, both(hurt)).snippets[0].text
    config = tmp_path / "corosync.conf"
    text = text.replace("totem {\n", "totem {\n    version: 2\n    cluster_name: test\n    transport: udpu\n", 1)
    text = text.replace("quorum {\n", "quorum {\n    provider: corosync_votequorum\n", 1)
    nodes = "".join(
        f"    node {{\n        ring0_addr: 127.0.0.{place}\n        nodeid: {place}\n    }}\n" for place in (1, 2)
    )
    config.write_text(f"{text}nodelist {{\n{nodes}}}\nlogging {{\n    to_stderr: yes\n}}\n", encoding="utf-8")
    code, told = checked("corosync", "-t", "-c", str(config))
    assert code == 0, told


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def started(config):
    """What etcd says until it serves, or ends; it is ended then."""
    told = []
    with subprocess.Popen(
        ["etcd", "--config-file", str(config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as daemon:
        try:
            for line in daemon.stdout:
                told.append(line)
                if "ready to serve client requests" in line:
                    break
        finally:
            daemon.kill()
    return "".join(told)


@pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed")
def test_etcd_starts_with_its_snippet_and_refuses_what_breaks_its_rule(tmp_path):
    text = advised(etcd.STACK, both(hurt)).snippets[0].text
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    own = (
        f"name: a\ndata-dir: {tmp_path / 'data'}\nlisten-client-urls: {client}\nadvertise-client-urls: {client}\n"
        f"listen-peer-urls: {peer}\ninitial-advertise-peer-urls: {peer}\ninitial-cluster: a={peer}\n"
    )
    config = tmp_path / "etcd.yaml"
    config.write_text(text + own, encoding="utf-8")
    assert "ready to serve client requests" in started(config)

    election_ms = int(re.search(r"^election-timeout: (\d+)$", text, re.MULTILINE)[1])
    broken = re.sub(r"^heartbeat-interval: .*", f"heartbeat-interval: {election_ms // 4}", text, flags=re.MULTILINE)
    config.write_text(broken + own, encoding="utf-8")
    refusal = started(config)
    assert "should be at least as 5 times" in refusal
    assert "ready to serve" not in refusal
