"""Calibration: ten seconds in which this machine shows how fast it computes and copies.

The figures are kept with the device's name, its driver and torch's version. When one of these
changes they count no longer.
"""

from __future__ import annotations

import json
import math
import statistics
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError
from videosketcher_app.models.machine import Machine
from videosketcher_app.services.model_manager.speed import Rates
from videosketcher_app.storage import atomic, bounded

if TYPE_CHECKING:
    import torch

FILE = "calibration.json"
MAX_FILE_BYTES = 100_000
SECONDS = 10.0
MIN_REPEATS = 3
# What measuring takes of the device at most: two works' tensors, the old and the new ones.
CARD_BYTES, PROCESSOR_BYTES = 2 * 1024**3, 512 * 1024**2
SOURCE = "measured on this machine"


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What was measured, and on what.

    Attributes:
        matmul_flops: of matrix products in the format that models compute in.
        attention_flops: of attention over many tokens with torch's own kernels.
        memory_bytes_s: read and written in the device's memory.
        copy_bytes_s: from pinned memory of the computer to the device.
        seconds: that measuring took.
    """

    device: str
    name: str
    driver: str
    torch: str
    matmul_flops: float
    attention_flops: float
    memory_bytes_s: float
    copy_bytes_s: float
    seconds: float

    @property
    def rates(self) -> Rates:
        """For estimates."""
        return Rates(
            matmul_flops=self.matmul_flops,
            attention_flops=self.attention_flops,
            memory_bytes_s=self.memory_bytes_s,
            copy_bytes_s=self.copy_bytes_s,
            source=SOURCE,
        )

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.name}: {_rate(self.matmul_flops)}FLOP/s in matrix products, "
            f"{_rate(self.attention_flops)}FLOP/s in attention, "
            f"{_rate(self.copy_bytes_s)}B/s from memory to the device."
        )

    def is_of(self, machine: Machine) -> bool:
        """True if it was measured on this machine as it is now."""
        import torch

        now = (machine.device, machine.name, machine.driver, torch.__version__)
        return now == (self.device, self.name, self.driver, self.torch)


class CalibrationStore:
    """The latest calibration of a workspace.

    Args:
        cache: the workspace's folder for what can be made again.
    """

    def __init__(self, cache: Path) -> None:
        self._file = cache / FILE
        self._lock = threading.Lock()

    def read(self) -> Calibration | None:
        """What was kept, for whatever machine; None if nothing was, or it is damaged."""
        try:
            text = bounded.read_text(self._file, max_bytes=MAX_FILE_BYTES, what="calibration")
            calibration = Calibration(**json.loads(text))
        except (AppError, ValueError, TypeError, RecursionError):
            return None
        return calibration if _is_possible(calibration) else None

    def keep(self, calibration: Calibration) -> None:
        """Replaces what was kept.

        Raises:
            CannotWrite: the workspace cannot be written.
        """
        with self._lock:
            atomic.write_json(self._file, asdict(calibration))

    def of(self, machine: Machine) -> Calibration | None:
        """What was measured on this machine as it is now."""
        kept = self.read()
        return kept if kept is not None and kept.is_of(machine) else None


def needed_bytes(machine: Machine) -> int:
    """Of the device, while it is measured."""
    return PROCESSOR_BYTES if machine.device == "cpu" else CARD_BYTES


def measure(
    machine: Machine, cancel: CancelToken, *, seconds: float = SECONDS
) -> Generator[float, None, Calibration]:
    """Measures for about so long; yields how much of it is done, 0 to 1. On the compute worker.

    Raises:
        Cancelled: between two measurements.
    """
    import torch

    begun = time.monotonic()
    works = {
        "matmul_flops": _matrix_product,
        "attention_flops": _attention,
        "memory_bytes_s": _own_copy,
        "copy_bytes_s": _copy_from_host,
    }
    figures: dict[str, float] = {}
    for count, (figure, prepare) in enumerate(works.items()):
        yield count / len(works)
        amount, work = prepare(torch.device(machine.device), is_16_bit=machine.number_bytes == 2)
        figures[figure] = amount / _median_seconds(
            work, machine.device, seconds / len(works), cancel
        )
    yield 1.0
    return Calibration(
        device=machine.device,
        name=machine.name,
        driver=machine.driver,
        torch=torch.__version__,
        seconds=time.monotonic() - begun,
        **figures,
    )


def _median_seconds(
    work: Callable[[], object], device: str, budget_s: float, cancel: CancelToken
) -> float:
    """Of one call; the first one, which prepares kernels, is not counted."""
    finish = _waiter(device)
    work()
    finish()
    times: list[float] = []
    until = time.perf_counter() + budget_s
    while len(times) < MIN_REPEATS or time.perf_counter() < until:
        cancel.raise_if_cancelled()
        begun = time.perf_counter()
        work()
        finish()
        times.append(time.perf_counter() - begun)
    return max(statistics.median(times), 1e-9)


def _waiter(device: str) -> Callable[[], None]:
    import torch

    if device.startswith("cuda"):
        return lambda: torch.cuda.synchronize(device)
    return torch.mps.synchronize if device == "mps" else (lambda: None)


def _matrix_product(device: torch.device, *, is_16_bit: bool) -> tuple[float, Callable[[], object]]:
    size = 1024 if device.type == "cpu" else 8192
    a, b = (_random((size, size), device, is_16_bit) for _ in range(2))
    return 2.0 * size**3, lambda: a @ b


def _attention(device: torch.device, *, is_16_bit: bool) -> tuple[float, Callable[[], object]]:
    import torch.nn.functional as F

    heads, tokens, width = (4, 1024, 128) if device.type == "cpu" else (12, 16_384, 128)
    q, k, v = (_random((1, heads, tokens, width), device, is_16_bit) for _ in range(3))
    return 4.0 * heads * tokens**2 * width, lambda: F.scaled_dot_product_attention(q, k, v)


def _own_copy(device: torch.device, *, is_16_bit: bool) -> tuple[float, Callable[[], object]]:
    source = _random(((32 if device.type == "cpu" else 256) * 1024**2,), device, is_16_bit)
    target = source.clone()
    return 2.0 * source.nbytes, lambda: target.copy_(source)


def _copy_from_host(device: torch.device, *, is_16_bit: bool) -> tuple[float, Callable[[], object]]:
    import torch

    if device.type != "cuda":  # the same memory
        return _own_copy(device, is_16_bit=is_16_bit)
    source = torch.zeros(256 * 1024**2, dtype=torch.uint8, pin_memory=True)
    target = torch.empty_like(source, device=device)
    return float(source.nbytes), lambda: target.copy_(source, non_blocking=True)


def _random(shape: tuple[int, ...], device: torch.device, is_16_bit: bool) -> torch.Tensor:
    """Filled in place: zeros would be multiplied with less power, and thus faster."""
    import torch

    dtype = torch.float32
    if is_16_bit:
        old_card = device.type == "cuda" and not torch.cuda.is_bf16_supported(
            including_emulation=False
        )
        dtype = torch.float16 if old_card else torch.bfloat16
    generator = torch.Generator(device).manual_seed(0)
    return torch.empty(shape, dtype=dtype, device=device).normal_(generator=generator)


def _is_possible(calibration: Calibration) -> bool:
    words = ("device", "name", "driver", "torch")
    values = asdict(calibration)
    figures = [value for name, value in values.items() if name not in words]
    return all(isinstance(values[name], str) for name in words) and all(
        isinstance(value, int | float) and 0 < value < math.inf for value in figures
    )


def _rate(value: float) -> str:
    for prefix, size in (("P", 1e15), ("T", 1e12), ("G", 1e9)):
        if value >= size:
            return f"{value / size:.3g} {prefix}"
    return f"{value / 1e6:.3g} M"
