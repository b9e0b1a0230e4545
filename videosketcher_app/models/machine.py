"""Machine: what this computer can compute with, and how its errors about memory are told apart.

Nothing here imports torch before it is called, so that services may ask without loading it.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ALLOCATOR, _ALLOCATOR_BEFORE = "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"
DRIVER_FILE = Path("/proc/driver/nvidia/version")
# CUDA errors after which the context of the process is lost, by the words of the runtime.
_LOST = (
    "illegal memory access",
    "unspecified launch failure",
    "device-side assert",
    "misaligned address",
    "illegal instruction",
    "device unavailable",
    "GPU has fallen off the bus",
    "uncorrectable ECC",
    "driver shutting down",
    "unknown error",
)
_FULL = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One device and the computer around it.

    Attributes:
        device: as torch names it: "cuda:0", "mps", "cpu".
        name: of the card or processor.
        total_bytes: of the device's memory; on CPU and MPS that is the computer's own.
        shares_memory: the device has no memory of its own.
        ram_bytes: of the computer's memory, `ram_free_bytes` of it unused.
        has_bf16: arithmetic in bfloat16 runs on the hardware.
        has_fp8: matrix products in float8 do, with a scale a row (models/fp8.py).
        driver: version of the graphics driver or runtime; empty on a CPU.
    """

    device: str
    name: str
    total_bytes: int
    free_bytes: int
    ram_bytes: int
    ram_free_bytes: int
    shares_memory: bool
    has_bf16: bool
    has_fp8: bool = False
    driver: str = ""

    @property
    def number_bytes(self) -> int:
        """Bytes of a number in activations: 16 bits, except on processors without bfloat16."""
        return 4 if self.device == "cpu" and not self.has_bf16 else 2


def use_gaps() -> None:
    """Lets torch map a card's memory as it is needed, before it first meets the card.

    Words, denoising and frames leave gaps of other sizes. With a model that just fits, 1.3 of 4.7 GB
    were seen to be gaps that nothing fitted into. What the person set counts instead; on other
    systems than Linux torch cannot.
    """
    if sys.platform == "linux" and _ALLOCATOR_BEFORE not in os.environ:
        os.environ.setdefault(ALLOCATOR, "expandable_segments:True")


def look_at(device: str = "auto") -> Machine:
    """The machine as it is now; imports torch.

    Args:
        device: as the settings say it; "auto" is CUDA if there is any, else the CPU.
    """
    import psutil
    import torch

    ram = psutil.virtual_memory()
    if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()):
        return _cuda(torch.device("cuda" if device == "auto" else device), ram.total, ram.available)
    if device == "mps":
        total = torch.mps.recommended_max_memory()
        free = max(0, min(total - torch.mps.driver_allocated_memory(), ram.available))
        return Machine(
            device="mps",
            name=processor_name(),
            total_bytes=total,
            free_bytes=free,
            shares_memory=True,
            has_bf16=torch.backends.mps.is_macos_or_newer(14, 0),
            driver=platform.mac_ver()[0],
            ram_bytes=ram.total,
            ram_free_bytes=ram.available,
        )
    from videosketcher_app.models.pocket import best_dtype

    return Machine(
        device="cpu",
        name=processor_name(),
        total_bytes=ram.total,
        free_bytes=ram.available,
        shares_memory=True,
        has_bf16=best_dtype("cpu") is torch.bfloat16,
        ram_bytes=ram.total,
        ram_free_bytes=ram.available,
    )


def _cuda(device: torch.device, ram_bytes: int, ram_free_bytes: int) -> Machine:
    import torch

    from videosketcher_app.models.fp8 import multiplies_natively

    index = device.index if device.index is not None else torch.cuda.current_device()
    free, total = torch.cuda.mem_get_info(index)
    return Machine(
        device=f"cuda:{index}",
        name=torch.cuda.get_device_name(index),
        total_bytes=total,
        free_bytes=free,
        shares_memory=False,
        # Older cards only imitate bfloat16, slowly.
        has_bf16=torch.cuda.is_bf16_supported(including_emulation=False),
        has_fp8=multiplies_natively(torch.device("cuda", index)),
        driver=f"CUDA {torch.version.cuda or torch.version.hip}, {driver_version() or 'driver unknown'}",
        ram_bytes=ram_bytes,
        ram_free_bytes=ram_free_bytes,
    )


def driver_version() -> str:
    """The version of NVIDIA's driver, if one is loaded on Linux; else empty."""
    try:
        text = DRIVER_FILE.read_text(encoding="utf-8")
    except OSError:
        return ""
    words = text.splitlines()[0].split() if text else []
    numbers = [word for word in words if word[:1].isdigit() and "." in word]
    return f"driver {numbers[0]}" if numbers else ""


def processor_name() -> str:
    """As the system calls its processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def hold_to(device: str, budget_bytes: int | None) -> None:
    """Makes torch refuse to take more of a CUDA device than this; None lifts the limit.

    Other devices have no such limit: there the app only counts.
    """
    import torch

    if not device.startswith("cuda") or not torch.cuda.is_available():
        return
    index = torch.device(device).index or 0
    total = torch.cuda.get_device_properties(index).total_memory
    share = 1.0 if budget_bytes is None else min(1.0, budget_bytes / total)
    torch.cuda.set_per_process_memory_fraction(share, index)


def free_unused() -> None:
    """Gives back what nobody refers to any more: torch's caches, and Python's own cycles."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        # Memory that was locked for the card; torch 2.11 has no public name for this.
        public = getattr(torch.accelerator, "empty_host_cache", None)
        (public or torch._C._host_emptyCache)()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """True if an allocation failed: torch says it in its own class on a GPU, in words elsewhere."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, RuntimeError):
        return False
    return isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in _FULL)


def is_device_lost(error: BaseException) -> bool:
    """True if the device can compute nothing more in this process (a sticky CUDA error)."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, RuntimeError) or is_out_of_memory(error):
        return False
    said = str(error)
    special = getattr(torch, "AcceleratorError", None)  # from torch 2.8 on
    from_device = (special is not None and isinstance(error, special)) or "CUDA error" in said
    return from_device and any(word in said for word in _LOST)
