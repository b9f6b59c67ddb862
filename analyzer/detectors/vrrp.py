"""VRRP (keepalived): a backup that hears no advertisement for ``adverts x interval + skew`` takes the address over.

Version 2 knows whole seconds of 1 to 255 only, and its skew is ``(256 - priority) / 256`` s; version 3 counts in centiseconds,
0.01 to 40.95 s, and its skew is that share of the interval. keepalived rounds what it is given, with no more than a line in its log. Advertisements
are single datagrams: what is lost stays lost.

Source: RFC 5798 and RFC 9568 (skew of version 3); RFC 3768 (version 2); keepalived.conf(5), vrrp_parser.c and vrrp.h (ranges, rounding,
`down_timer_adverts` 3).
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.detectors.silence import Timer

ADVERTS = 3
"""Advertisements that may be missed; another number departs from the RFC and has to be equal everywhere."""


@dataclass(frozen=True, slots=True)
class Router:
    """One setting of a backup: version, advertisement interval as written, own priority."""

    version: int
    advert_s: float
    priority: int
    adverts: int = ADVERTS

    def __post_init__(self) -> None:
        """Raises ValueError: no value that keepalived takes."""
        if self.version not in (2, 3):
            raise ValueError(f"VRRP has versions 2 and 3, not {self.version}")
        longest_s = 255.0 if self.version == 2 else 40.95
        if not 0.01 <= self.advert_s <= longest_s:
            raise ValueError(f"advert_int {self.advert_s} s: version {self.version} takes up to {longest_s} s")
        if not 1 <= self.priority <= 255 or not 1 <= self.adverts <= 100:
            raise ValueError(f"priority {self.priority} is 1 to 255, down_timer_adverts {self.adverts} 1 to 100")

    @property
    def interval_s(self) -> float:
        """The interval as it runs: whole seconds in version 2 (at least one), centiseconds in version 3.

        >>> Router(2, 0.25, 100).interval_s, Router(3, 0.256, 100).interval_s
        (1.0, 0.26)
        """
        if self.version == 2:
            return max(1.0, float(int(self.advert_s + 0.5)))
        return int(self.advert_s * 100.0 + 0.5) / 100.0

    @property
    def skew_s(self) -> float:
        """The lower the priority the longer a backup waits, so that the best one is first."""
        return (256 - self.priority) / 256.0 * (1.0 if self.version == 2 else self.interval_s)

    @property
    def down_s(self) -> float:
        """How long silence is borne.

        >>> round(Router(2, 1.0, 100).down_s, 3), round(Router(2, 1.0, 254).down_s, 4)
        (3.609, 3.0078)
        """
        return self.adverts * self.interval_s + self.skew_s

    @property
    def timer(self) -> Timer:
        """The silence timer that it is."""
        return Timer(self.interval_s, self.down_s)
