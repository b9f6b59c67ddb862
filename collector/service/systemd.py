"""The service under systemd: files below /etc, and `systemctl`."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import collector
from collector.errors import OperatorError, Unavailable, printable
from collector.external import Finished
from collector.service.contract import Order, Run, ServiceState
from collector.service.unit import OLDEST, TEMPLATE, drop_in, instance, unit

_UNITS = "etc/systemd/system"
_PLANS = "etc/haready"
_STATE = "/var/lib/haready"
_RUNNING = "run/systemd/system"
_DROP_IN = "run.conf"
_CALL_S = 30.0
_START_S = 630.0
"""Beyond TimeoutStartSec= of the unit, so that systemd's own verdict is heard."""
_STOP_S = 150.0
_JOURNAL_LINES = "5"
_SHOWN = ("LoadState", "ActiveState", "SubState", "StatusText", "ExecMainStatus", "NRestarts", "Result")
_ACTIVE = ("active", "activating", "reloading", "deactivating")
_CREDENTIAL = re.compile(r"[A-Za-z0-9._-]{1,200}\Z")


class Systemd:
    """`root` stands for the machine's root; programs are started through `run` only; `command` is how haready is called."""

    def __init__(self, root: Path, run: Run, command: Callable[[], Sequence[str]] | None = None) -> None:
        self._root = root
        self._run = run
        self._command = command or own_command

    # --- files -----------------------------------------------------------------------------------------------------

    def install(self, order: Order) -> list[Path]:
        """See `Services`."""
        key = order.plan.security.key_file
        if not _CREDENTIAL.match(key) or key == "plan.toml":
            raise OperatorError(
                f"the key is to be beside the plan, and key_file = {key!r} leads elsewhere",
                'put the key into the plan\'s folder and name it plainly, on every node: key_file = "plan.key"',
            )
        if order.node in self.installed():
            raise OperatorError(
                f"the service of {order.node} is installed already",
                f"haready service uninstall --node {order.node} removes it and leaves its archives",
            )
        self._check_systemd()
        command = self._command()
        kept = Path("/") / _PLANS / order.node
        run = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}"
        text = drop_in(kept, key, round(order.duration_s), run, order.plan.node(order.node).data)
        written = [
            (self._plans(order.node) / "plan.toml", _read(order.plan_file), 0o600),
            (self._plans(order.node) / key, _read(order.key_file), 0o600),
            (self._units / TEMPLATE, unit(command).encode(), 0o644),
            (self._drop_ins(order.node) / _DROP_IN, text.encode(), 0o644),
        ]
        try:
            for path, content, mode in written:
                _write(path, content, mode)
            self._systemctl("daemon-reload")
        except (OSError, OperatorError) as error:
            with contextlib.suppress(OSError):  # what stands in the way is not ours
                self._remove(order.node)
            if isinstance(error, OperatorError):
                raise
            raise OperatorError(f"cannot write {error.filename}: {error.strerror}", _as_root()) from error
        return [path for path, _, _ in written]

    def installed(self) -> list[str]:
        """See `Services`."""
        prefix, suffix = TEMPLATE.split("@")
        found = self._units.glob(f"{prefix}@?*{suffix}.d")
        return sorted(path.name.removeprefix(f"{prefix}@").removesuffix(f"{suffix}.d") for path in found)

    def uninstall(self, node: str) -> str:
        """See `Services`."""
        self._known(node)
        self.stop(node)
        try:
            self._remove(node)
        except OSError as error:
            raise OperatorError(f"cannot remove {error.filename}: {error.strerror}", _as_root()) from error
        self._systemctl("daemon-reload")
        with contextlib.suppress(OperatorError):  # systemd has forgotten it already
            self._systemctl("reset-failed", instance(node))
        return f"{_STATE}/{node}"

    def _remove(self, node: str) -> None:
        for folder in (self._plans(node), self._drop_ins(node)):
            if folder.is_dir():
                shutil.rmtree(folder)
        if not self.installed():
            (self._units / TEMPLATE).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another node's plan is there, or it never was
            (self._root / _PLANS).rmdir()

    @property
    def _units(self) -> Path:
        return self._root / _UNITS

    def _drop_ins(self, node: str) -> Path:
        return self._units / f"{instance(node)}.d"

    def _plans(self, node: str) -> Path:
        return self._root / _PLANS / node

    # --- systemctl -------------------------------------------------------------------------------------------------

    def start(self, node: str) -> None:
        """See `Services`. From now on a reboot goes on with it."""
        self._known(node)
        try:
            self._systemctl("start", instance(node), deadline_s=_START_S)
        except OperatorError as error:
            said = self._journal(node)
            raise OperatorError(
                f"the service of {node} did not start{': ' if said else ''}{said or ''}",
                f"journalctl -u {instance(node)} tells all; `haready check` tells what is missing",
            ) from error
        self._systemctl("enable", instance(node))

    def stop(self, node: str) -> None:
        """See `Services`."""
        self._known(node)
        self._systemctl("disable", instance(node))
        self._systemctl("stop", instance(node), deadline_s=_STOP_S)

    def state(self, node: str) -> ServiceState:
        """See `Services`."""
        self._known(node)
        shown = self._systemctl("show", instance(node), "--property", ",".join(_SHOWN)).out
        told = dict(line.partition("=")[::2] for line in shown.splitlines())
        active, sub = told.get("ActiveState", ""), told.get("SubState", "")
        restarts = told.get("NRestarts", "")
        state = f"{active or 'not known'} ({sub})" if sub else active or "not known"
        if active not in _ACTIVE and told.get("ExecMainStatus", "0") != "0":
            state += f", ended with exit code {told['ExecMainStatus']} ({told.get('Result', '')})"
        return ServiceState(
            node,
            active in _ACTIVE,
            printable(state),
            printable(told.get("StatusText", "")),
            int(restarts) if restarts.isascii() and restarts.isdecimal() else None,
            f"{_STATE}/{node}",
        )

    def _known(self, node: str) -> None:
        if node not in self.installed():
            others = ", ".join(self.installed())
            raise OperatorError(
                f"no service of {node} is installed here",
                f"installed: {others}" if others else f"haready service install --plan PLAN --node {node}",
            )

    def _journal(self, node: str) -> str:
        """The last words of the service, on one line; empty if they cannot be had."""
        command = ["journalctl", "-u", instance(node), "-n", _JOURNAL_LINES, "-o", "cat", "--no-pager"]
        try:
            done = self._run(command, _CALL_S)
        except (Unavailable, OperatorError):
            return ""
        lines = [line.strip() for line in done.out.splitlines() if line.startswith(("error:", "hint:"))]
        return printable(" ".join(lines))

    def _check_systemd(self) -> None:
        if not (self._root / _RUNNING).is_dir():
            raise OperatorError(
                "systemd does not run this machine",
                "run `haready collect` in the foreground (screen, tmux, nohup), or under the service manager that you have",
            )
        found = re.match(r"systemd (\d+)", self._systemctl("--version").out)
        if not found or int(found[1]) < OLDEST:
            raise OperatorError(
                f"systemd {found[1] if found else 'of an unknown version'} is too old: {OLDEST} is needed",
                "run `haready collect` in the foreground (screen, tmux, nohup)",
            )

    def _systemctl(self, *arguments: str, deadline_s: float = _CALL_S) -> Finished:
        try:
            done = self._run(["systemctl", *arguments], deadline_s)
        except Unavailable as error:
            raise OperatorError(str(error), "the service needs systemd; `haready collect` runs without") from error
        if done.code:
            why = printable(" ".join((done.err or done.out).split()))
            raise OperatorError(f"systemctl {' '.join(arguments)} failed: {why or done.code}", _as_root())
        return done


def _as_root() -> str:
    return "do it as root"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OperatorError(f"cannot read {path}: {error.strerror}", _as_root()) from error


def _write(path: Path, content: bytes, mode: int) -> None:
    """A new file in place of an old one, never through a link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == 0o600:
        path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        os.chmod(path, mode)  # noqa: PTH101 - whatever the umask was


def own_command() -> Sequence[str]:
    """How the service calls haready: this very installation, which a user of its own has to be able to read.

    Raises:
        OperatorError: it is where only its owner may read.
    """
    program = Path(collector.__file__).parent.parent / "haready.py"
    for path in (Path(sys.executable), Path(sys.base_prefix), program):
        hidden = next(unreadable(path), None)
        if hidden is not None:
            raise OperatorError(
                f"the service's own user could not read {hidden}",
                "install haready where everybody can read it: python3 -m venv /opt/haready, then pip install there",
            )
    return [sys.executable, str(program)]


def unreadable(path: Path) -> Iterator[Path]:
    """What of a path, links followed, is not open to everybody."""
    for step in (path.absolute(), path.resolve()):
        for part in (*reversed(step.parents), step):
            try:
                mode = part.stat().st_mode
            except OSError:
                yield part
                continue
            need = stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
            if not mode & need:
                yield part
