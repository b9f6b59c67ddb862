"""System calls that only look and need no privilege: the clock's own state, and what the driver of an interface says of itself."""

from __future__ import annotations

import os
import socket
import struct
import sys

_STA_UNSYNC, _TIME_ERROR = 0x40, 5
"""What adjtimex(2) says of a clock that nobody keeps, in `status` and as its return value."""
_SIOCETHTOOL, _SIOCGHWTSTAMP, _ETHTOOL_GET_TS_INFO, _IFNAMSIZ = 0x8946, 0x89B1, 0x41, 16
_ETHTOOL_GDRVINFO = 0x03
_IFREQ = struct.Struct("@16sP16x")
_TS_INFO = struct.Struct("@IIiI12xI12x")
_HWTSTAMP = struct.Struct("@iii")
_DRVINFO = struct.Struct("@I32s32s32s96x")
"""struct ifreq with a pointer, ethtool_ts_info, hwtstamp_config and ethtool_drvinfo of the kernel's headers."""


def adjtimex() -> tuple[bool, float] | None:
    """What the kernel says of its clock: whether it is synchronised, and its largest error in s. None: it cannot be asked."""
    import ctypes

    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError, TypeError):
        return None
    timex = ctypes.create_string_buffer(1024)  # zeros: `modes`, its first field, asks for no change
    state: int = call(timex)
    if state < 0:
        return None
    # `modes` and the longs offset, freq, maxerror and esterror stand before `status`; alignment gives each of the five the size of a long.
    size = ctypes.sizeof(ctypes.c_long)
    status = ctypes.c_int.from_buffer(timex, 5 * size).value
    error_us = ctypes.c_long.from_buffer(timex, 3 * size).value
    return state != _TIME_ERROR and not status & _STA_UNSYNC, error_us / 1e6


def _interface_ioctl(nic: str, request: int, value: bytes) -> bytes:
    """Ask the driver of an interface; empty if there is none of that name or it does not answer."""
    name = os.fsencode(nic)
    if not sys.platform.startswith("linux") or len(name) >= _IFNAMSIZ:
        return b""
    import ctypes
    import fcntl

    buffer = ctypes.create_string_buffer(value, len(value))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, request, _IFREQ.pack(name, ctypes.addressof(buffer)))
    except OSError:
        return b""
    return buffer.raw


def firmware(nic: str) -> dict[str, str]:
    """What the driver of an interface says of itself: version and firmware; empty if it cannot be asked."""
    found = _interface_ioctl(nic, _SIOCETHTOOL, _DRVINFO.pack(_ETHTOOL_GDRVINFO, b"", b"", b""))
    if not found:
        return {}
    _, _, version, firmware = _DRVINFO.unpack(found)
    told = {"version": version, "firmware": firmware}
    return {key: text for key, raw in told.items() if (text := raw.partition(b"\0")[0].decode("ascii", "replace"))}


def hardware_stamps(nic: str) -> dict[str, int]:
    """What the driver of an interface says of stamping packets in hardware; empty if it cannot be asked. See `machine.Host`."""
    can = _interface_ioctl(nic, _SIOCETHTOOL, _TS_INFO.pack(_ETHTOOL_GET_TS_INFO, 0, 0, 0, 0))
    if not can:
        return {}
    _, flags, phc_index, tx_types, rx_filters = _TS_INFO.unpack(can)
    found = {"so_timestamping": flags, "phc_index": phc_index, "tx_types": tx_types, "rx_filters": rx_filters}
    is_set = _interface_ioctl(nic, _SIOCGHWTSTAMP, _HWTSTAMP.pack(0, 0, 0))
    if is_set:
        _, found["tx_type"], found["rx_filter"] = _HWTSTAMP.unpack(is_set)
    return found
