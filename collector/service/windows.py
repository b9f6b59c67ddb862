"""The service under Windows: the service control manager, by its own program `sc`. Never run on Windows so far: see the README."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import collector
from collector.errors import OperatorError, Unavailable, printable
from collector.external import Finished
from collector.service.contract import Order, Run, ServiceState

_PREFIX = "haready-"
_CALL_S = 60.0
_STATE = re.compile(r"^\s*STATE\s*:\s*(\d+)\s+(\w+)", re.MULTILINE)
_EXIT = re.compile(r"^\s*(?:WIN32|SERVICE)_EXIT_CODE\s*:\s*(\d+)", re.MULTILINE)
_STOPPED = 1
_ABSENT = 1060
"""ERROR_SERVICE_DOES_NOT_EXIST"""
_NOT_RUNNING = 1062
"""ERROR_SERVICE_NOT_ACTIVE"""
_ACCOUNT = r"NT AUTHORITY\LocalService"
# Well-known names of accounts, which no translation of Windows changes: LocalSystem, Administrators, LocalService.
_MAY_READ = ("*S-1-5-18:F", "*S-1-5-32-544:F", "*S-1-5-19:R")


class WindowsServices:
    """`data` is the folder for programs' data (``%ProgramData%``); programs are started through `run` only."""

    def __init__(self, data: Path, run: Run) -> None:
        self._folder = data / "haready"
        self._run = run

    def install(self, order: Order) -> list[Path]:
        """See `Services`."""
        key = order.plan.security.key_file
        if key != Path(key).name or "\\" in key or ":" in key:
            raise OperatorError(
                "the key is to be beside the plan", 'name it plainly, on every node: key_file = "plan.key"'
            )
        if order.node in self.installed():
            raise OperatorError(
                f"the service of {order.node} is installed already",
                f"haready service uninstall --node {order.node} removes it and leaves its archives",
            )
        folder, archives = self._plans(order.node), self._archives(order.node)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            archives.mkdir(parents=True, exist_ok=True)
            self._command(
                "icacls",
                str(folder),
                "/inheritance:r",
                "/grant:r",
                *(f"{one[:-2]}:(OI)(CI){one[-1]}" for one in _MAY_READ),
            )
            self._command("icacls", str(archives), "/grant", "*S-1-5-19:(OI)(CI)M")
            shutil.copyfile(order.plan_file, folder / "plan.toml")
            shutil.copyfile(order.key_file, folder / key)
            program = Path(collector.__file__).parent.parent / "haready.py"
            words = [sys.executable, str(program), "collect", "--plan", str(folder / "plan.toml"), "--node", order.node]
            words += ["--duration", f"{round(order.duration_s)}s", "--out", str(archives), "--patience", "5m"]
            path = " ".join(f'"{word}"' for word in words)
            self._command(
                "sc", "create", self._name(order.node), "binPath=", path, "start=", "demand", "obj=", _ACCOUNT
            )
            self._command("sc", "failure", self._name(order.node), "reset=", "1800", "actions=", "restart/15000")
        except OSError as error:
            self._remove(order.node)
            raise OperatorError(f"cannot write {error.filename}: {error.strerror}", _as_administrator()) from error
        except OperatorError:
            self._remove(order.node)
            raise
        return [folder / "plan.toml", folder / key]

    def installed(self) -> list[str]:
        """See `Services`."""
        plans = self._folder / "plans"
        return sorted(path.name for path in plans.iterdir() if path.is_dir()) if plans.is_dir() else []

    def start(self, node: str) -> None:
        """See `Services`."""
        self._known(node)
        self._command("sc", "start", self._name(node))

    def stop(self, node: str) -> None:
        """See `Services`."""
        self._known(node)
        self._command("sc", "stop", self._name(node), well=(0, _NOT_RUNNING))

    def state(self, node: str) -> ServiceState:
        """See `Services`."""
        self._known(node)
        said = self._command("sc", "query", self._name(node), well=(0, _ABSENT)).out
        found, ended = _STATE.search(said), [code for code in _EXIT.findall(said) if code != "0"]
        state = found[2].lower() if found else "not known to the service control manager"
        active = found is not None and int(found[1]) != _STOPPED
        if not active and ended:
            state += f", ended with {ended[0]}"
        return ServiceState(node, active, printable(state), "", None, str(self._archives(node)))

    def uninstall(self, node: str) -> str:
        """See `Services`."""
        self._known(node)
        self._command("sc", "stop", self._name(node), well=(0, _NOT_RUNNING, _ABSENT))
        self._command("sc", "delete", self._name(node), well=(0, _ABSENT))
        self._remove(node)
        return str(self._archives(node))

    def _remove(self, node: str) -> None:
        shutil.rmtree(self._plans(node), ignore_errors=True)
        for folder in (self._archives(node), self._archives(node).parent, self._plans(node).parent, self._folder):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _plans(self, node: str) -> Path:
        return self._folder / "plans" / node

    def _archives(self, node: str) -> Path:
        return self._folder / "archives" / node

    @staticmethod
    def _name(node: str) -> str:
        return _PREFIX + node

    def _known(self, node: str) -> None:
        if node not in self.installed():
            raise OperatorError(
                f"no service of {node} is installed here", f"haready service install --plan PLAN --node {node}"
            )

    def _command(self, *words: str, well: tuple[int, ...] = (0,)) -> Finished:
        try:
            done = self._run(words, _CALL_S)
        except Unavailable as error:
            raise OperatorError(str(error), "this needs Windows") from error
        if done.code not in well:
            why = printable(" ".join((done.err or done.out).split()))
            raise OperatorError(f"{' '.join(words[:2])} failed: {why or done.code}", _as_administrator())
        return done


def _as_administrator() -> str:
    return "do it as an administrator"
