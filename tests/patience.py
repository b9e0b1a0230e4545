"""Limits of time that hold for a machine that computes alone, asked on one that does not.

A shared machine is at times three to ten times slower than by itself, in processor time too, since
its cores are threads of others' cores. A limit that was missed is therefore asked once more, as
many times longer as a fixed piece of work takes longer at this moment.
"""

from __future__ import annotations

import time

ALONE_S = 0.14  # for ROUNDS, the best of 60 on the idle two-core machine of docs/log.md
ROUNDS = 1_000_000
LOOKS = 3


def slowness() -> float:
    """How many times longer than alone work takes now, by the clock; at least 1."""
    return max(1.0, sorted(_work_s() for _ in range(LOOKS))[LOOKS // 2] / ALONE_S)


def within(seconds: float, limit_s: float) -> bool:
    """Whether something took no longer than it may, on a machine as busy as this one is."""
    return seconds < limit_s or seconds < limit_s * slowness()


def _work_s() -> float:
    begun, total = time.perf_counter(), 0
    for number in range(ROUNDS):
        total += number * number & 7
    return time.perf_counter() - begun
