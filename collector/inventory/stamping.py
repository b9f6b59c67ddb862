"""Whether a network card stamps packets in hardware: whether it can, and whether it is set to. Nothing is set here.

Setting it (SIOCSHWTSTAMP) would change how a production interface works, for every program on it, and needs CAP_NET_ADMIN.
Our probes are stamped by the kernel's software in any case.
"""

from __future__ import annotations

from collections.abc import Mapping

# linux/net_tstamp.h
_TX_HARDWARE, _RX_HARDWARE, _RAW_HARDWARE = 1 << 0, 1 << 2, 1 << 6
_NEEDED = _TX_HARDWARE | _RX_HARDWARE | _RAW_HARDWARE
_TX_ON, _FILTER_ALL = 1, 1
"""Stamp what is sent; stamp all that is received. Other filters stamp the packets of PTP or NTP only, which probes are not."""


def stamping(told: Mapping[str, int]) -> str:
    """``none``, ``other`` (packets of PTP or NTP only), ``off`` (can, but is not set to) or ``on``; empty: not told.

    `told` are what the driver said that it can (so_timestamping, phc_index, tx_types, rx_filters) and, if it said so, what it is
    set to (tx_type, rx_filter).
    """
    if "so_timestamping" not in told:
        return ""
    if told["so_timestamping"] & _NEEDED != _NEEDED or told["phc_index"] < 0:
        return "none"
    if not (told["rx_filters"] >> _FILTER_ALL & 1 and told["tx_types"] >> _TX_ON & 1):
        return "other"
    return "on" if (told.get("tx_type"), told.get("rx_filter")) == (_TX_ON, _FILTER_ALL) else "off"
