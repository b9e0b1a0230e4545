"""Row `cards`: whole drawings in parts, under the plan that a card of each size is given.

docs/hardware.md chooses plans by a formula. Here each plan runs within the smallest card that it is
chosen for, less what the driver and CUDA keep; on larger ones the same plan has more room.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from benchmarks.lines import Lines
from benchmarks.studio.memory import stages
from benchmarks.studio.shapes import W480, WAN_1_3B, Setting, Size
from benchmarks.studio.timing import GB, limited_to
from videosketcher_app.models.machine import free_unused
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.services.model_manager.cards import CARDS
from videosketcher_app.services.model_manager.footprint import CONTEXT_BYTES
from videosketcher_app.services.model_manager.hardware import how, room_on
from videosketcher_app.services.model_manager.planning import best_plan
from videosketcher_app.services.model_manager.sizes import T2V_1_3B, T2V_14B, ModelSizes

DRAWN: dict[str, tuple[ModelSizes, Size]] = {
    "14B": (T2V_14B, W480),
    "1.3B": (T2V_1_3B, Size(config=WAN_1_3B, clip=W480.clip)),
}


def cards(setting: Setting, lines: Lines) -> None:
    """A line for each network and way to place it: does it fit, and what every part took."""
    for name, (sizes, full) in DRAWN.items():
        for plan, sold_gb in plans_of(sizes):
            limit_gb = plan.budget_bytes / GB
            parts, told = {}, {}
            free_unused()  # of the plan before
            try:
                with limited_to(limit_gb, setting):
                    parts = dict(stages(setting.size(full), setting, plan))
            except torch.OutOfMemoryError as error:
                told = {"error": str(error).splitlines()[0]}
            lines.write(
                f"{name}, {how(plan)}, cards of {', '.join(map(str, sold_gb))} GB",
                fits=not told,
                limit_gb=round(limit_gb, 2),
                parts=parts,
                **told,
            )


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
