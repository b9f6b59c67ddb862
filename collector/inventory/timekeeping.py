"""Time zone, and who keeps the clock."""

from __future__ import annotations

from collector.contract import Env, Json
from collector.inventory.files import link, names, text

_SERVICES = {
    "chronyd": "chronyd",
    "ntpd": "ntpd",
    "systemd-timesyn": "systemd-timesyncd",
    "ptp4l": "ptp4l",
}
"""Name of the process (the kernel keeps 15 characters of it) and of the service."""


def timekeeping(env: Env) -> dict[str, Json]:
    """The facts time and timezone; an unknown time zone is left out."""
    zone = _timezone(env)
    found: dict[str, Json] = {"timezone": zone} if zone else {}
    return found | {"time": {"service": _service(env), "synchronised": env.host.clock_synchronised()}}


def _service(env: Env) -> str | None:
    """What runs, joined by commas if there are several; empty if none does, None if that cannot be seen."""
    processes = [name for name in names(env, "proc") if name.isdecimal()]
    comms = {text(env, f"proc/{process}/comm") for process in processes}
    running = [service for comm, service in _SERVICES.items() if comm in comms]
    # Without the first process the list shows the processes of one user or one container only.
    return ", ".join(running) if running or "1" in processes else None


def _timezone(env: Env) -> str:
    _, found, zone = link(env, "etc/localtime").partition("zoneinfo/")
    return zone if found else text(env, "etc/timezone")
