"""What interruption the planned products bear, as a limit of the rules about interruptions."""

from __future__ import annotations

from dataclasses import replace

from analyzer.contract import Limit
from analyzer.extension import Tolerance


def borne(limit: Limit, tolerance: Tolerance | None) -> Limit:
    """The limit, failing at half of what the products that depend on the subject bear; without any it can only warn."""
    if tolerance is None:
        return replace(limit, source=f"{limit.source}; no planned product depends on it alone")
    fails = f"fail: half of {tolerance.timeout_s:g} s ({tolerance.product})"
    return replace(limit, fail=tolerance.half_s, source=f"{limit.source}; {fails}")
