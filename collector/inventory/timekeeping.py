"""Time zone and locale, who keeps the clock, and from where."""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Env, Json
from collector.inventory.files import link, names, text
from collector.inventory.programs import Programs

_SERVICES = {
    "chronyd": "chronyd",
    "ntpd": "ntpd",
    "systemd-timesyn": "systemd-timesyncd",
    "ptp4l": "ptp4l",
}
"""Name of the process (the kernel keeps 15 characters of it) and of the service."""


_MOST = 16
"""References that are told."""


def timekeeping(env: Env, programs: Programs) -> dict[str, Json]:
    """The facts time, timezone and locale; what is not known is left out."""
    zone, time, error_s = _timezone(env), keeper(env), env.host.clock_error_s()
    found: dict[str, Json] = {"timezone": zone} if zone else {}
    found["locale"] = _locale(env)
    if error_s is not None:
        time["error_s"] = error_s
    references = list(_references(programs, time["service"] or ""))
    if references:
        time["references"] = [name for name, _ in references[:_MOST]]
        time["reference"] = next((name for name, followed in references if followed), "")
    return found | {"time": time}


def keeper(env: Env) -> dict[str, Json]:
    """Which service keeps the clock (empty: none runs; None: it cannot be seen), and whether the kernel calls it synchronised."""
    return {"service": _service(env), "synchronised": env.host.clock_synchronised()}


def _references(programs: Programs, service: str) -> Iterator[tuple[str, bool]]:
    """Where the service takes the time from, and whether it follows that now; a clock inside the machine bears no address."""
    if "chronyd" in service:
        for line in programs.text("chronyc", "-n", "-c", "sources").splitlines():
            mode, state, name, *_ = [*line.split(","), "", "", ""]
            if mode in ("^", "=") and name:
                yield name, state == "*"
            elif mode == "#" and name:
                yield f"local:{name}", state == "*"
    elif "systemd-timesyncd" in service:
        address = programs.text("timedatectl", "show-timesync", "--property=ServerAddress", "--value").strip()
        if address:
            yield address, True
    elif "ntpd" in service:
        # Two lines of heading; the first letter of each other line says what ntpd makes of the peer, and "l" that it is a clock of the machine.
        for line in programs.text("ntpq", "-pn").splitlines()[2:]:
            fields = line[1:].split()
            if len(fields) > 2 and not (fields[0].startswith(".") or fields[1] == ".POOL."):
                inner = fields[0].startswith("127.127.") or fields[3:4] == ["l"]
                yield ("local:" if inner else "") + fields[0], line.startswith(("*", "o"))


def _locale(env: Env) -> str:
    """The system's own; empty where no file sets one."""
    for file in ("etc/locale.conf", "etc/default/locale"):
        for line in text(env, file).splitlines():
            name, found, value = line.partition("=")
            if found and name.strip() == "LANG":
                return value.strip().strip('"')
    return ""


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
