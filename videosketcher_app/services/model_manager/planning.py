"""Planning: which memory plan a machine affords a model, and what is given up step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from videosketcher_app.models.machine import Machine
from videosketcher_app.models.memory_plan import MemoryPlan, Tier, WeightsDtype
from videosketcher_app.services.model_manager.footprint import Footprint, footprint
from videosketcher_app.services.model_manager.sizes import Clip, ModelSizes

# In the order in which they are wished for. Streaming from memory costs next to nothing, since a
# block travels while the one before computes; 8-bit weights change the picture a little; the disk
# is slow. With each, whole frames are decoded rather than tiles if they fit.
WISHES: tuple[tuple[Tier, WeightsDtype], ...] = (
    ("resident", "bf16"),
    ("stream_ram", "bf16"),
    ("resident", "fp8"),
    ("stream_ram", "fp8"),
    ("stream_disk", "bf16"),
    ("stream_disk", "fp8"),
)


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a model may use.

    Attributes:
        device_bytes: of the device, what others hold taken off.
        ram_bytes: of the computer's memory, where it is not the device's.
        number_bytes: of a number in activations.
        multiplies_8_bits: the device has matrix products in 8 bits.
    """

    device_bytes: int
    ram_bytes: int
    number_bytes: int = 2
    shares_memory: bool = False
    multiplies_8_bits: bool = False


def room_of(machine: Machine, device_bytes: int) -> Room:
    """The room on a machine, of whose device so much may be used."""
    return Room(
        device_bytes=device_bytes,
        ram_bytes=machine.ram_free_bytes,
        number_bytes=machine.number_bytes,
        shares_memory=machine.shares_memory,
        multiplies_8_bits=machine.has_fp8,
    )


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A plan and what it takes."""

    plan: MemoryPlan
    footprint: Footprint


def needs_of(sizes: ModelSizes, clip: Clip, plan: MemoryPlan, room: Room) -> Footprint:
    """What a clip takes under a plan on this machine."""
    return footprint(
        sizes,
        clip,
        plan,
        number_bytes=room.number_bytes,
        shares_memory=room.shares_memory,
        multiplies_8_bits=room.multiplies_8_bits,
    )


def best_plan(sizes: ModelSizes, clip: Clip, room: Room) -> Placed | None:
    """The first wish that fits; None if none does."""
    fitting = (placed for placed in _candidates(sizes, clip, room) if _fits(placed, room))
    return next(fitting, None)


def leanest(sizes: ModelSizes, clip: Clip, room: Room) -> Placed:
    """The plan that is nearest to fitting where none does.

    Of those that the device has room for, the one with the least beside it; else that with the
    least of the device.
    """
    plans = list(_candidates(sizes, clip, room))
    on_device = [one for one in plans if one.footprint.device_bytes <= room.device_bytes]
    if on_device:
        return min(on_device, key=lambda placed: placed.footprint.ram_bytes)
    return min(plans, key=lambda placed: placed.footprint.device_bytes)


def lower(
    plan: MemoryPlan, *, streams: bool = True, shares_memory: bool = False
) -> tuple[MemoryPlan, str] | None:
    """What is given up next when memory ran out under a plan, and a sentence that says so.

    Every rung takes less of the device or of memory than the one before; None at the end.

    Args:
        streams: this model can be streamed.
        shares_memory: the device has no memory of its own.
    """
    if not streams:
        return None
    if plan.tier == "resident" and not shares_memory:
        return replace(plan, tier="stream_ram"), (
            "The weights now wait in the computer's memory and come block by block."
        )
    if not plan.vae_tiled:
        return replace(plan, vae_tiled=True), "Frames are now decoded in tiles."
    if plan.weights_dtype != "fp8":
        return replace(plan, weights_dtype="fp8"), (
            "The weights are now kept in 8 bits, which changes the drawing a little."
        )
    if plan.tier != "stream_disk":
        return replace(plan, tier="stream_disk"), (
            "The weights are now read from the disk block by block, which is slow."
        )
    return None


def _candidates(sizes: ModelSizes, clip: Clip, room: Room) -> Iterator[Placed]:
    for tier, dtype in WISHES if sizes.streams else WISHES[:1]:
        if room.shares_memory and tier == "stream_ram":
            continue  # the same memory: nothing is won
        for tiled in (False, True) if sizes.streams else (False,):
            plan = MemoryPlan(
                budget_bytes=max(room.device_bytes, 1),
                weights_dtype=dtype if room.number_bytes == 2 or sizes.streams else "fp32",
                tier=tier,
                vae_tiled=tiled,
            )
            yield Placed(plan=plan, footprint=needs_of(sizes, clip, plan, room))


def _fits(placed: Placed, room: Room) -> bool:
    needs = placed.footprint
    return needs.device_bytes <= room.device_bytes and (
        room.shares_memory or needs.ram_bytes <= room.ram_bytes
    )
