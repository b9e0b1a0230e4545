"""How figures are taken: warm-up, A B A B in one process, parity before speed.

A ratio counts only if both variants ran in turns in the same process and gave the same result
within the stated tolerance; a failed parity voids the speed.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WARM_UP_PASSES = 2
MIN_PAIRS = 3
MAX_DRIFT = 0.03  # of A's own time between first and last pair


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How close two results are.

    Attributes:
        relative_error: L2 norm of the difference over that of the reference.
        cosine: of both, flattened.
    """

    relative_error: float
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Reference A against candidate B: median seconds, their ratio, and how close they are."""

    seconds_a: float
    seconds_b: float
    ratio: float
    pairs: int
    drift: float
    parity: Parity
    valid: bool


def compare(
    reference: Callable[[], Any],
    candidate: Callable[[], Any],
    *,
    max_relative_error: float,
    pairs: int = MIN_PAIRS,
    synchronize: Callable[[], None] = lambda: None,
) -> Comparison:
    """Times both in turns; `valid` is False if parity fails or the machine drifted.

    Args:
        reference, candidate: return an array; equal inputs, equal noise.
        synchronize: waits for the device (torch.cuda.synchronize).
    """
    assert pairs >= MIN_PAIRS, pairs
    for _ in range(WARM_UP_PASSES):
        result_a, result_b = reference(), candidate()
    parity = parity_of(np.asarray(result_a), np.asarray(result_b))
    times_a, times_b = [], []
    for _ in range(pairs):
        times_a.append(timed(reference, synchronize))
        times_b.append(timed(candidate, synchronize))
    drift = abs(times_a[-1] / times_a[0] - 1)
    a, b = statistics.median(times_a), statistics.median(times_b)
    return Comparison(
        seconds_a=a,
        seconds_b=b,
        ratio=b / a,
        pairs=pairs,
        drift=drift,
        parity=parity,
        valid=parity.relative_error <= max_relative_error and drift <= MAX_DRIFT,
    )


def timed(work: Callable[[], Any], synchronize: Callable[[], None] = lambda: None) -> float:
    """Seconds of one call on the monotonic clock, device included."""
    synchronize()
    begun = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - begun


def parity_of(reference: NDArray[Any], candidate: NDArray[Any]) -> Parity:
    """How close a candidate is to its reference; both of one shape."""
    assert reference.shape == candidate.shape, (reference.shape, candidate.shape)
    a, b = (x.astype(np.float64).ravel() for x in (reference, candidate))
    norm_a, norm_b = np.linalg.norm(a), np.linalg.norm(b)
    return Parity(
        relative_error=float(np.linalg.norm(a - b) / max(norm_a, 1e-30)),
        cosine=float(a @ b / max(norm_a * norm_b, 1e-30)),
    )


def spread(values: list[float]) -> dict[str, float]:
    """Median, smallest and largest, rounded to milliseconds."""
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
    }


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    import torch

    facts: dict[str, Any] = {
        "processor": _processor_name(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
