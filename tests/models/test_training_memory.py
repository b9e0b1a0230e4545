"""The estimate of a training step's memory against counted tensors, and what it says of 14B and 1.3B."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.models.live_memory import most_bytes
from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.models.adapters import TARGETS, AdapterConfig, inject
from videosketcher_app.models.streamed_training import arranged
from videosketcher_app.models.training_memory import (
    RESERVE_BYTES,
    StepSize,
    TrainingWay,
    host_bytes,
    memory_terms,
    step_size,
    told,
    way_for,
    ways,
)
from videosketcher_app.models.wan import forward
from videosketcher_app.models.wan.forward import predict_velocity
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer

_WAN: dict[str, Any] = {"in_dim": 16, "text_dim": 4096, "patch": 2}
WAN_14B = TransformerConfig(dim=5120, ffn_dim=13824, num_heads=40, num_layers=40, **_WAN)
WAN_1_3B = TransformerConfig(dim=1536, ffn_dim=8960, num_heads=12, num_layers=30, **_WAN)
SMALL: dict[str, Any] = {
    "dim": 96, "in_dim": 16, "text_dim": 32, "freq_dim": 32, "num_layers": 4, "patch": 2,
}  # fmt: skip
CLIP = (8, 16, 32)
FEW_IMAGE_TOKENS = 4
WAYS = (
    TrainingWay(holding="resident"),
    TrainingWay(holding="checkpointed", frames_at_a_time=2),
    TrainingWay(holding="checkpointed", kept_on_host=True, frames_at_a_time=3),
    TrainingWay(holding="streamed", kept_on_host=True),
    TrainingWay(holding="streamed", kept_on_host=True, frames_at_a_time=1),
)


def counted_bytes(config: TransformerConfig, way: TrainingWay, *, reads_picture: bool) -> int:
    """Of one step's activations and gradients in bfloat16; what waits on the host left out."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dit = build_transformer(config, reads_picture=reads_picture).requires_grad_(False)
    inject(dit, AdapterConfig(rank=2))
    dit.to(torch.bfloat16)
    through = arranged(dit, way, "cpu")
    through.keeper._small_bytes = 1024
    random = torch.Generator().manual_seed(1)
    x = torch.randn(1, 16, *CLIP, generator=random).bfloat16()
    tokens = 4 + FEW_IMAGE_TOKENS * reads_picture
    read = [torch.randn(1, tokens, config.dim, generator=random).bfloat16()] * config.num_layers

    def step() -> None:
        velocity = predict_velocity(dit, x, torch.full((1, 1), 700.0), read, through=through)
        velocity.float().square().mean().backward()

    step()  # buffers on the host are made
    for parameter in dit.parameters():
        parameter.grad = None
    known = [*dit.state_dict().values(), *_waiting(through)]
    return most_bytes(step, known)


def _waiting(through: Any) -> list[torch.Tensor]:
    kept = [each for free in through.keeper._pool._free.values() for each in free]
    slots = [slot.buffer for slot in getattr(through.blocks, "_slots", ())]
    return kept + slots


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(
    ("ffn_dim", "num_heads", "reads_picture"), [(96, 1, False), (480, 2, False), (480, 2, True)]
)
def test_no_step_takes_more_than_was_estimated(monkeypatch, way, ffn_dim, num_heads, reads_picture):
    # So few that they weigh beside a small clip what 257 weigh beside a large one: nothing.
    monkeypatch.setattr(forward, "IMAGE_TOKENS", FEW_IMAGE_TOKENS)
    config = TransformerConfig(ffn_dim=ffn_dim, num_heads=num_heads, **SMALL)
    size = step_size(config, CLIP, rank=2, targets=TARGETS, reads_picture=reads_picture)
    terms = memory_terms(size, way)
    gradients = size.pair_values * size.num_layers * 4
    estimate = terms["kept"] + terms["one block"] + gradients
    counted = counted_bytes(config, way, reads_picture=reads_picture)
    assert 0.65 * estimate < counted <= estimate


def published(config: TransformerConfig, clip: tuple[int, int, int], rank: int) -> StepSize:
    return step_size(config, clip, rank=rank, targets=TARGETS)


def test_the_sizes_are_those_of_the_published_networks():
    large = published(WAN_14B, (21, 60, 104), 32)
    assert large.num_layers * large.block_values + large.other_values == 14_288_491_584
    assert large.num_layers * large.pair_values == 153_354_240
    assert large.matrix_bytes == 32_760 * 5120 * 2
    how = {"rank": 32, "targets": TARGETS, "reads_picture": True}
    brush = step_size(replace(WAN_14B, in_dim=36), (21, 60, 104), **how)
    total = brush.num_layers * brush.block_values + brush.other_values
    assert total == pytest.approx(16.395e9, abs=0.5e6)  # facts: diffsynth, numbers for the 14B
    assert brush.pair_values == large.pair_values, "the picture's keys are not adapted"


@pytest.mark.parametrize(
    ("config", "clip", "rank", "limit_gb"),
    [(WAN_14B, (21, 60, 104), 32, 12), (WAN_1_3B, (9, 60, 104), 16, 8)],
    ids=["14B, 81 frames", "1.3B, 33 frames"],
)
def test_the_published_networks_train_within_their_limits(config, clip, rank, limit_gb):
    size = published(config, clip, rank)
    way = way_for(size, limit_gb * 10**9)
    assert way.holding == ("streamed" if config is WAN_14B else "checkpointed")
    assert not way.in_8_bits
    assert told(size, way)["all"] + RESERVE_BYTES / 1e9 <= limit_gb
    assert host_bytes(size, way) < 64e9


def test_smaller_budgets_take_slower_ways():
    size = published(WAN_14B, (21, 60, 104), 32)
    order = list(ways(size))
    places = [order.index(way_for(size, gb * 10**9)) for gb in (141, 80, 48, 24, 12)]
    assert places == sorted(places)
    assert len(set(places)) > 3
    with pytest.raises(OutOfMemory, match=r"Training needs 9\.9 GB") as caught:
        way_for(size, 6 * 10**9)
    assert "smaller canvas" in caught.value.hint
