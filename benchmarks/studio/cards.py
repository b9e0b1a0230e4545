"""Row `cards`: whole drawings in parts, under the plan that a card of each size is given.

docs/hardware.md chooses plans by a formula. Here each plan runs within the smallest card that it is
chosen for, less what the driver and CUDA keep, with as many LoRAs as a preset lays beside the weights;
on larger cards the same plan has more room.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from benchmarks.lines import Lines
from benchmarks.studio.causal_parts import EXACT
from benchmarks.studio.memory import stages
from benchmarks.studio.rollout import session_within
from benchmarks.studio.shapes import W480, WAN_1_3B, Setting, Size
from benchmarks.studio.timing import GB, limited_to
from videosketcher_app.models.machine import free_unused
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.wan.weights import TRANSFORMER, PartWeights
from videosketcher_app.services.model_manager.cards import CARDS
from videosketcher_app.services.model_manager.footprint import CONTEXT_BYTES
from videosketcher_app.services.model_manager.hardware import how, room_on
from videosketcher_app.services.model_manager.planning import best_plan
from videosketcher_app.services.model_manager.sizes import (
    CAUSAL_1_3B,
    I2V_14B,
    T2V_1_3B,
    T2V_14B,
    ModelSizes,
)


def _with_loras(sizes: ModelSizes, most: int) -> ModelSizes:
    """A network whose drawings have as many LoRAs as the one of its presets that has most."""
    return replace(sizes, clip=replace(sizes.clip, num_loras=most))


DRAWN: dict[str, tuple[ModelSizes, Size]] = {
    "text, 14B": (_with_loras(T2V_14B, 2), W480),
    "brush, 14B": (_with_loras(I2V_14B, 1), W480.by_frame()),
    "text, 1.3B": (_with_loras(T2V_1_3B, 1), Size(config=WAN_1_3B, clip=W480.clip)),
}


def cards(setting: Setting, lines: Lines) -> None:
    """A line for each network and way to place it: does it fit, and what every part took."""
    kept: dict[str, PartWeights] = {}  # making and moving them would take most of the time
    for name, (sizes, full) in DRAWN.items():
        kept.pop(TRANSFORMER, None)
        how_drawn = {"num_loras": sizes.clip.num_loras, "kept": kept}
        for plan, sold_gb in plans_of(sizes):
            limit_gb = plan.budget_bytes / GB
            parts: dict[str, Any] = {}
            told = {}
            free_unused()  # of the plan before
            try:
                with limited_to(limit_gb, setting):
                    for part, facts in stages(setting.size(full), setting, plan, **how_drawn):
                        parts[part] = facts
            except torch.OutOfMemoryError as error:
                told = {"error": str(error).splitlines()[0]}
            lines.write(
                _title(name, plan, sold_gb),
                fits=not told,
                limit_gb=round(limit_gb, 2),
                loras=sizes.clip.num_loras,
                parts=parts,
                **told,
            )
    together = replace(EXACT, decoded_latents=1)  # as the app decodes
    for plan, sold_gb in plans_of(CAUSAL_1_3B):
        facts = session_within(plan.budget_bytes / GB, together, setting)
        lines.write(_title("together, 1.3B", plan, sold_gb), **facts)


def _title(name: str, plan: MemoryPlan, sold_gb: list[int]) -> str:
    return f"{name}, {how(plan)}, cards of {', '.join(map(str, sold_gb))} GB"


def plans_of(sizes: ModelSizes) -> Iterator[tuple[MemoryPlan, list[int]]]:
    """Every way to place a network, within the smallest card it is for, and the sizes of all of them."""
    found: dict[str, tuple[MemoryPlan, list[int]]] = {}
    for card in CARDS:
        room = room_on(card)
        placed = best_plan(sizes, sizes.clip, room)
        if placed is None:
            continue
        left = room.device_bytes - CONTEXT_BYTES
        plan = replace(placed.plan, budget_bytes=left)
        found.setdefault(how(plan), (plan, []))[1].append(card.memory_gb)
    yield from found.values()
