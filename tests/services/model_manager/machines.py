"""Machines and models that are not here, for the model manager's arithmetic."""

from __future__ import annotations

from dataclasses import replace

from videosketcher_app.models.machine import Machine
from videosketcher_app.services.lease import DeviceLease, DeviceMemory
from videosketcher_app.services.model_manager.sizes import T2V_14B, ModelSizes
from videosketcher_app.services.model_manager.views import GIB

SHARE_FREE = 0.94  # a screen and the driver have some of a card


def card(gigabytes: float, *, ram: float = 64, **changes: object) -> Machine:
    """A computer with a graphics card of this size."""
    machine = Machine(
        device="cuda:0",
        name="A card",
        total_bytes=int(gigabytes * GIB),
        free_bytes=int(gigabytes * GIB * SHARE_FREE),
        ram_bytes=int(ram * GIB),
        ram_free_bytes=int(ram * GIB * 0.9),
        shares_memory=False,
        has_bf16=True,
        driver="CUDA 13",
    )
    return replace(machine, **changes)  # type: ignore[arg-type]


def processor(ram: float = 64) -> Machine:
    """A computer without one."""
    return card(ram, ram=ram, device="cpu", name="A processor", shares_memory=True, driver="")


def lease_of(machine: Machine, limit_gb: float | None = None) -> DeviceLease:
    """The book of its device."""
    memory = DeviceMemory(total_bytes=machine.total_bytes, free_bytes=machine.free_bytes)
    limit = int(limit_gb * GIB) if limit_gb is not None else None
    return DeviceLease(memory=lambda: memory, limit_bytes=limit)


def as_if_large(name: str) -> ModelSizes | None:
    """The tiny brush model is booked like a 14B; the others as they are."""
    return T2V_14B if name == "tiny-brush" else None
