"""The systemd unit, as text: one template for all nodes, and what differs from node to node in a drop-in of its instance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from collector.peers.fifo import PRIORITY

TEMPLATE = "haready@.service"
OLDEST = 247
"""systemd that knows LoadCredential=."""

# What must not be restricted, and why:
#   Nice, CPUSchedulingPolicy: the tickers have to feel what a process of the HA product feels.
#   RestrictRealtime: the second ticker runs at SCHED_FIFO.
#   ProtectProc, ProcSubset: the counters of the machine and the name of the time service are read in /proc.
#   ProtectClock: it forbids to ask whether the clock is kept (adjtimex); to set it is forbidden all the same, for want of CAP_SYS_TIME.
#   PrivateUsers, PrivateNetwork: CAP_NET_RAW would be worth nothing, and the machine's own network is what is measured.
#   MemoryDenyWriteExecute: Python's ctypes may need it, depending on its build.
_UNIT = """\
# Written by `haready service install`; `haready service uninstall` removes it.
[Unit]
Description=haready measures as node %i
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=30min
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={command} collect --plan ${{CREDENTIALS_DIRECTORY}}/plan.toml --node %i --duration ${{HAREADY_DURATION}} --out ${{STATE_DIRECTORY}}/${{HAREADY_RUN}} --resume --patience 5m
# At boot an address may come late; --patience waits for it.
TimeoutStartSec=10min
TimeoutStopSec=2min
# A slow disk may hold the main process up for a while (design value).
WatchdogSec=2min
Restart=on-failure
RestartSec=15s
# 6: ended early, with a valid archive: that is what `stop` leads to.
SuccessExitStatus=6
# Nothing of this mends itself: usage or plan, archive, ended early, not one path measured.
RestartPreventExitStatus=2 5 6 7
# The main process ends the others and seals; only what is left then is killed.
KillMode=mixed
StandardOutput=journal
StandardError=journal
SyslogIdentifier=haready

DynamicUser=yes
StateDirectory=haready/%i
StateDirectoryMode=0700
WorkingDirectory=%S/haready/%i
UMask=0077
AmbientCapabilities=CAP_NET_RAW
CapabilityBoundingSet=CAP_NET_RAW
LimitRTPRIO={priority}
LimitCORE=0
# 40 MiB are what it takes (docs/cost.md).
MemoryMax=256M
TasksMax=128

NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallFilter=adjtimex clock_adjtime
SystemCallErrorNumber=EPERM

# From `haready service start` to `stop` the run goes on after a reboot.
[Install]
WantedBy=multi-user.target
"""

_DROP_IN = """\
# Written by `haready service install`.
[Service]
Environment=HAREADY_DURATION={duration_s}s
# The folder of this run's archive: `--resume` goes on with what is in it, and never with an earlier one.
Environment=HAREADY_RUN={run}
LoadCredential=plan.toml:{folder}/plan.toml
LoadCredential={key}:{folder}/{key}
"""


def unit(command: Sequence[str]) -> str:
    """The template. `command`: how haready is called."""
    return _UNIT.format(command=" ".join(map(quoted, command)), priority=PRIORITY)


def drop_in(folder: Path, key: str, duration_s: int, run: str, data: Iterable[str]) -> str:
    """What is this node's own: length and name of the run, plan and key in `folder`, and data folders that it may write."""
    text = _DROP_IN.format(duration_s=duration_s, run=run, folder=_plain(str(folder)), key=_plain(key))
    return text + "".join(f"ReadWritePaths={quoted('-' + path)}\n" for path in data)


def instance(node: str) -> str:
    """The unit of a node; its name needs no escapes (see `collector.plan.NAME`)."""
    return TEMPLATE.replace("@", f"@{node}")


def quoted(word: str) -> str:
    """A word of a unit file's line: quoted, with what systemd would expand left as it is."""
    escaped = _plain(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return text.replace("%", "%%")
