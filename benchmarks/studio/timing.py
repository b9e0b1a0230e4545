"""How the passes are timed: in turns with the reference, outside every compilation."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.harness import Comparison, compare
from benchmarks.studio.shapes import Setting

NO_PARITY = float("inf")  # an approximation: its error is stated, and voids nothing
GB = 10**9
FASTEST_FIRST = [
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]


@contextmanager
def fastest_attention(setting: Setting) -> Iterator[None]:
    """Inside, torch takes cuDNN's attention where it is there (565 against 350 TFLOP/s on Hopper)."""
    is_cuda = setting.device.type == "cuda"
    with sdpa_kernel(FASTEST_FIRST, set_priority=True) if is_cuda else nullcontext():
        yield


def against(
    reference: Callable[[], Tensor],
    candidate: Callable[[], Tensor],
    setting: Setting,
    *,
    max_relative_error: float = NO_PARITY,
) -> Comparison:
    """Both in turns; warmed up, so that nothing compiles while the clock runs."""
    return compare(
        lambda: _OnDevice(reference()),
        lambda: _OnDevice(candidate()),
        max_relative_error=max_relative_error,
        pairs=setting.pairs,
        synchronize=setting.synchronize,
    )


class _OnDevice:
    """A result that is copied to the host only when its numbers are asked for.

    The copy of a decoded clip takes a third of the decoding: it must not run while the clock does.
    """

    def __init__(self, result: Tensor) -> None:
        self._result = result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        del copy
        return self._result.float().cpu().numpy().astype(dtype or np.float32, copy=False)


def told(found: Comparison) -> dict[str, Any]:
    """A comparison as plain values, rounded."""
    return {
        "ratio": round(found.ratio, 4),
        "seconds_reference": round(found.seconds_a, 4),
        "seconds": round(found.seconds_b, 4),
        "pairs": found.pairs,
        "drift": round(found.drift, 4),
        "relative_error": round(found.parity.relative_error, 5),
        "cosine": round(found.parity.cosine, 6),
        "valid": found.valid,
    }


def forget_peaks(setting: Setting) -> None:
    """Starts to measure the most memory from here."""
    gc.collect()
    if setting.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(setting.device)


def peaks(setting: Setting) -> dict[str, float]:
    """The most memory since `forget_peaks`, in GB (10^9 bytes); nothing on a CPU."""
    if setting.device.type != "cuda":
        return {}
    free, total = torch.cuda.mem_get_info(setting.device)
    return {
        "allocated_gb": round(torch.cuda.max_memory_allocated(setting.device) / GB, 2),
        "reserved_gb": round(torch.cuda.max_memory_reserved(setting.device) / GB, 2),
        "driver_gb": round((total - free) / GB, 2),
    }


@contextmanager
def limited_to(gigabytes: float, setting: Setting) -> Iterator[None]:
    """Inside, more memory than this (10^9 bytes) is refused by the allocator, not only observed."""
    if setting.device.type != "cuda":
        yield
        return
    total = torch.cuda.get_device_properties(setting.device).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(gigabytes * GB / total, setting.device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, setting.device)
