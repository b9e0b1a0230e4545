"""How a style run's steps fit the device: the fastest way within a budget of memory."""

from __future__ import annotations

import torch

from videosketcher_app.models.catalogue import files_for, load_text_model, model_row
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.training_memory import (
    RESERVE_BYTES,
    StepSize,
    TrainingWay,
    plain_bytes,
    step_size,
    told,
    way_for,
)
from videosketcher_app.training.style_model import arithmetic_of, config_of, reads_picture
from videosketcher_app.training.style_preset import StylePreset

_ROOM_FOR_STEPS = 16 * 10**9  # 14B at 832x480x81, its weights left out
_ROOM_FOR_VAE = 16 * 10**9  # whole clips of 832x480 are encoded above it, tiles below


def load_to_teach(name: str, device: str, budget_bytes: int | None = None) -> PocketModel:
    """The model of a run; a Wan model that is too large for the card waits in memory, part by part.

    Raises:
        AppError: as `load_text_model`.
    """
    is_large = device.startswith("cuda") and model_row(name).family == "wan"
    plan = _loading_plan(name, torch.device(device), budget_bytes) if is_large else None
    return load_text_model(name, device, plan=plan)


def _loading_plan(name: str, device: torch.device, budget_bytes: int | None) -> MemoryPlan | None:
    """None if all weights fit beside the steps."""
    free, _ = torch.cuda.mem_get_info(device)
    budget = free if budget_bytes is None else min(free, budget_bytes)
    weights = sum(
        path.stat().st_size for files in files_for(name).values() for path in files.values()
    )
    if weights + _ROOM_FOR_STEPS <= budget:
        return None
    return MemoryPlan(budget_bytes=budget, tier="stream_ram", vae_tiled=budget < _ROOM_FOR_VAE)


def way_within(
    model: PocketModel, preset: StylePreset, budget_bytes: int | None
) -> TrainingWay | None:
    """None if nothing needs to be left out or computed twice.

    Args:
        model: loaded; what it takes on the device counts.
        budget_bytes: of device memory for everything; None takes what a graphics card has free, and
            on a processor whatever is needed.

    Raises:
        OutOfMemory: no way fits.
    """
    left = _left_bytes(model.device, budget_bytes)
    size = size_of(model, preset)
    if left is None or plain_bytes(size) + RESERVE_BYTES <= left:
        return None
    return way_for(size, left)


def size_of(model: PocketModel, preset: StylePreset) -> StepSize:
    """What the memory of a step depends on."""
    return step_size(
        config_of(model),
        ((preset.num_frames - 1) // 4 + 1, preset.height // 8, preset.width // 8),
        rank=preset.rank,
        targets=preset.targets,
        batch=preset.batch_size + preset.keep_batch,
        value_bytes=arithmetic_of(model).itemsize,
        reads_picture=reads_picture(model),
    )


def told_way(model: PocketModel, preset: StylePreset, way: TrainingWay | None) -> str:
    """A way and its most memory, in words; nothing for the plain way."""
    if way is None:
        return ""
    most = told(size_of(model, preset), way)["all"]
    return f"{way}, {most:.1f} GB of it for the steps"


def _left_bytes(device: torch.device, budget_bytes: int | None) -> int | None:
    if device.type != "cuda":
        return budget_bytes
    free, _ = torch.cuda.mem_get_info(device)
    if budget_bytes is None:
        return free
    return min(free, budget_bytes - torch.cuda.memory_allocated(device))
