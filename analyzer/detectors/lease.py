"""A lease: the holder renews it every I, and has to stop when no renewal *sent* less than the lease's length ago was acknowledged.

Leader leases, Patroni's `ttl`, sessions of ZooKeeper, SQL Server's lease. The holder counts from the sending of its last good renewal, because it cannot know when
the other side received it; that is the silence timer exactly. `margin_s` is what the holder keeps back to stop in time (a watchdog's
`safety_margin`, the drift of two clocks). The other side waits the whole lease from the last renewal it received: a crash is noticed
within the lease's length.

Source: Gray, Cheriton, "Leases", SOSP 1989; Patroni dynamic configuration (`ttl`, `loop_wait`, `safety_margin`).
"""

from __future__ import annotations

from analyzer.detectors.silence import Timer


def lease(renewal_s: float, length_s: float, margin_s: float = 0.0) -> Timer:
    """The holder's timer.

    >>> lease(10.0, 30.0, 5.0).timeout_s
    25.0

    Raises:
        ValueError: a lease that ends before it is renewed, or a negative margin.
    """
    if margin_s < 0:
        raise ValueError(f"a margin of {margin_s} s makes the holder stop too late")
    return Timer(renewal_s, length_s - margin_s)
