"""Makes an injected transformer train within a budget of device memory.

    inject(dit, AdapterConfig(rank=32))                       # on any device
    way = way_for(step_size(config, clip, rank=32, targets=TARGETS), budget_bytes=12 * 10**9)
    through = arranged(dit, way, "cuda")
    velocity = predict_velocity(dit, ..., through=through)    # backward() fills the pairs' gradients

Every way gives the gradients of the plain pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn

from videosketcher_app.models.frozen_fp8 import store_in_8_bits
from videosketcher_app.models.kept_activations import Keeper
from videosketcher_app.models.lean_pass import Halves, LeanPass, compiled_halves
from videosketcher_app.models.trained_blocks import HeldTrainedBlocks, StreamedTrainedBlocks
from videosketcher_app.models.training_memory import TrainingWay


def arranged(
    dit: Any,
    way: TrainingWay,
    device: torch.device | str,
    *,
    blocks: Iterable[nn.Module] | None = None,
    num_blocks: int = 0,
    is_compiled: bool = False,
    before_block: Callable[[], None] = lambda: None,
) -> LeanPass:
    """Brings an injected transformer to a device, in place, as a way says.

    Args:
        blocks: injected ones to take the place of the transformer's; a generator never has them all
            at once, and `num_blocks` says how many they are.
        is_compiled: the blocks' halves are compiled; worth it for hundreds of steps on a GPU.
        before_block: see `LeanPass`.
    """
    device = torch.device(device)
    num_blocks = num_blocks or len(dit.blocks)
    given = _taken(dit) if blocks is None else blocks
    stored = (store_in_8_bits(block) if way.in_8_bits else block for block in given)
    if way.holding == "streamed":
        dit.blocks = StreamedTrainedBlocks(stored, device, num_blocks=num_blocks)
    else:
        dit.blocks = HeldTrainedBlocks(block.to(device) for block in stored)
    for name, part in dit.named_children():
        if name != "blocks":
            part.to(device)
    return LeanPass(
        dit.blocks,
        Keeper(device, on_host=way.kept_on_host),
        halves=compiled_halves() if is_compiled else Halves(),
        keeps_reads=way.holding == "resident",
        frames_at_a_time=way.frames_at_a_time,
        before_block=before_block,
    )


def _taken(dit: Any) -> Iterator[nn.Module]:
    """The blocks one by one, out of the network, so that memory is freed as they go."""
    blocks = list(dit.blocks.children())  # blocks that stream for drawing would come to the device
    dit.blocks = nn.ModuleList()
    while blocks:
        yield blocks.pop(0)
