"""The memory picture: the lease's book and the shelf's models in words for people."""

from __future__ import annotations

import sys

import psutil

from videosketcher_app.models.machine import processor_name
from videosketcher_app.services.lease import DeviceLease, Grant
from videosketcher_app.services.model_manager.views import Held, MemoryPicture
from videosketcher_app.services.model_shelf import Loaded, ModelShelf

_TIER_WHY = {
    "resident": "weights, and room to compute",
    "stream_ram": "the blocks at work, and room to compute",
    "stream_disk": "the blocks at work, and room to compute",
}


def picture_of(lease: DeviceLease, shelf: ModelShelf, *, said: tuple[str, ...]) -> MemoryPicture:
    """As it is now; asks the device only in a process that has loaded torch."""
    measured, ram = lease.measured(), psutil.virtual_memory()
    device, name, own_memory = _device(shelf.device)
    where = "gpu" if own_memory else "ram"
    models = {model.name: model for model in shelf.loaded()}
    held = [_of_grant(grant, models.get(grant.holder), where) for grant in lease.grants()]
    for model in models.values():
        held += _beside_the_device(model)
    limit = lease.limit_bytes
    return MemoryPicture(
        device=device,
        name=name,
        total=measured.total_bytes,
        free=measured.free_bytes,
        held=tuple(sorted(held, key=lambda one: -one.num_bytes)),
        budget_bytes=min(limit or measured.total_bytes, measured.total_bytes),
        is_budget_set=limit is not None,
        ram_total=ram.total,
        ram_free=ram.available,
        said=(*said, *(_slowly(model) for model in models.values() if model.streams_slowly)),
    )


def _slowly(model: Loaded) -> str:
    return (
        f"{model.name}: the system does not lock enough memory for the card, so its weights stream "
        "from ordinary memory, which is slower."
    )


def _of_grant(grant: Grant, model: Loaded | None, where: str) -> Held:
    if model is None:
        why = "stays between jobs" if grant.resident else "the running job"
        return Held(
            name=grant.holder, where=where, num_bytes=grant.num_bytes, why=why, stays=grant.resident
        )
    why = "weights" if model.placed is None else _TIER_WHY[model.placed.plan.tier]
    if model.is_pinned:
        why += "; stays while somebody draws with it"
    return Held(
        name=grant.holder,
        where=where,
        num_bytes=grant.num_bytes,
        why=why,
        stays=model.is_pinned,
    )


def _beside_the_device(model: Loaded) -> list[Held]:
    """What a model that streams keeps elsewhere."""
    if model.placed is None:
        return []
    needs, plan = model.placed.footprint, model.placed.plan
    rows = []
    if plan.tier == "stream_ram":
        rows.append(("ram", needs.waiting_bytes, "weights that wait for their turn"))
    if plan.tier == "stream_disk":
        rows.append(("disk", needs.read_bytes, "read again at every step"))
    return [
        Held(name=model.name, where=where, num_bytes=num_bytes, why=why, stays=model.is_pinned)
        for where, num_bytes, why in rows
    ]


def _device(wanted: str) -> tuple[str, str, bool]:
    """The device's name for torch, its own name, and whether it has memory of its own."""
    torch = sys.modules.get("torch")
    asks_cuda = wanted == "auto" or wanted.startswith("cuda")
    if asks_cuda and torch is not None and torch.cuda.is_available():
        index = torch.device(wanted if wanted != "auto" else "cuda").index or 0
        return f"cuda:{index}", torch.cuda.get_device_name(index), True
    return ("mps" if wanted == "mps" else "cpu"), processor_name(), False
