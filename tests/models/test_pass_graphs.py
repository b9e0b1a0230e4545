"""Recorded passes draw what launched ones draw."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from videosketcher_app.engines.rollout import DENOISING_STEPS, BlockRollout, block_noise
from videosketcher_app.engines.still_paper import ReplayedRegion
from videosketcher_app.models.causal_wan import CausalWan, causal_pocket
from videosketcher_app.models.fp8 import Fp8Blocks
from videosketcher_app.models.kv_cache import Window
from videosketcher_app.models.pass_graphs import (
    PassGraphs,
    SharedPool,
    WeightsInPlace,
    run_again,
)
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.forward import BlockPass

CELLS, FRAMES, BLOCKS = (9, 18), 3, 9
WINDOW = Window(blocks=3, sink_blocks=1)
SOME = torch.tensor([0, 4, 5, 19, 30, 31, 53])


class InTurns:
    """Another region of the same size for every block."""

    def __init__(self, device: str) -> None:
        self._device, self._asked = device, 0

    def active(self, clean: Tensor, before: Tensor, patch: int) -> Tensor | None:
        del clean, before, patch
        self._asked += 1
        return ((SOME + self._asked) % 54).sort().values.to(self._device)


def words(causal: CausalWan, seed: int) -> Any:
    random = torch.Generator().manual_seed(seed)
    return causal.prompt_keys(torch.randn(1, 7, 32, generator=random))


@torch.inference_mode()
def drawn(causal: CausalWan, region: Any = None) -> list[Tensor]:
    """Every estimate of a drawing that changes its words, goes back, and branches."""
    cache = causal.new_cache(causal.cache_shape(1, *CELLS), WINDOW, num_pages=16)
    rollout, found = BlockRollout(causal, cache, words(causal, 1), region), []

    def block(of: BlockRollout) -> None:
        shape = (1, 16, FRAMES, *CELLS)
        noise = block_noise(3, of.num_blocks, shape, len(DENOISING_STEPS), causal.device)
        found.extend(each.clone() for each in of.draw(noise))

    for _ in range(BLOCKS):
        block(rollout)
    rollout.switch_prompt(words(causal, 2))
    block(rollout)
    branch = rollout.fork()
    for _ in range(2):
        block(branch)
        block(rollout)
    rollout.close()
    for _ in range(BLOCKS):
        block(rollout)
    return found


@pytest.fixture
def causal() -> CausalWan:
    return causal_pocket(tiny_model())


@pytest.mark.parametrize("some", [False, True], ids=["all tokens", "some tokens"])
def test_replayed_passes_equal_launched_ones(causal: CausalWan, some: bool) -> None:
    graphs = PassGraphs(record=run_again)
    expected = drawn(causal, InTurns("cpu") if some else None)
    found = drawn(replace(causal, graphs=graphs), InTurns("cpu") if some else None)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert graphs.num_recorded > 0


def test_a_long_drawing_records_no_more_than_its_ring(causal: CausalWan) -> None:
    graphs = PassGraphs(record=run_again)
    wan = replace(causal, graphs=graphs)
    cache = wan.new_cache(wan.cache_shape(1, *CELLS), WINDOW)
    rollout = BlockRollout(wan, cache, words(wan, 1), ReplayedRegion(SOME))
    counts = []
    with torch.inference_mode():
        for number in range(12):
            noise = block_noise(3, number, (1, 16, FRAMES, *CELLS), 3, wan.device)
            assert len(list(rollout.draw(noise))) == 3
            counts.append(graphs.num_recorded)
    assert counts[-1] == counts[6], counts
    few = PassGraphs(2, record=run_again)
    assert all(
        torch.equal(a, b)
        for a, b in zip(drawn(replace(causal, graphs=few)), drawn(causal), strict=True)
    )
    assert few.num_recorded == 2


def test_other_words_of_the_same_length_are_no_other_passes(causal: CausalWan) -> None:
    graphs = PassGraphs(record=run_again)
    wan = replace(causal, graphs=graphs)
    rollout = BlockRollout(wan, wan.new_cache(wan.cache_shape(1, *CELLS), WINDOW), words(wan, 1))
    with torch.inference_mode():
        for number in range(8):
            list(rollout.draw(block_noise(3, number, (1, 16, FRAMES, *CELLS), 3, wan.device)))
        before = graphs.num_recorded
        for seed in range(2, 9):
            rollout.switch_prompt(words(wan, seed))
            list(rollout.draw(block_noise(3, 8, (1, 16, FRAMES, *CELLS), 3, wan.device)))
            rollout.rewind(8)
    assert before
    assert graphs.num_recorded - before < 7, "the window's passes are recorded once"


def test_what_cannot_be_recorded_is_launched(
    causal: CausalWan, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def refuse(blocks: BlockPass) -> Any:
        asked.append(blocks)
        raise RuntimeError("operation not permitted when stream is capturing")

    graphs = PassGraphs(record=refuse)
    found, expected = drawn(replace(causal, graphs=graphs)), drawn(causal)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert len(asked) == 1
    assert "not recorded" in caplog.text
    assert graphs.num_recorded == 0


def test_a_drawing_that_ends_gives_its_pages_back_at_once(causal: CausalWan) -> None:
    wan = replace(causal, graphs=PassGraphs(record=run_again))
    rollout = BlockRollout(wan, wan.new_cache(wan.cache_shape(1, *CELLS), WINDOW), words(wan, 1))
    with torch.inference_mode():
        for number in range(6):
            list(rollout.draw(block_noise(3, number, (1, 16, FRAMES, *CELLS), 3, wan.device)))
    pool = weakref.ref(rollout.cache.pool)
    gc.collect()
    gc.disable()
    try:
        del rollout, wan
        assert pool() is None
    finally:
        gc.enable()


def test_other_layers_weights_and_loras_are_other_passes() -> None:
    blocks = tiny_model().transformer.blocks
    weights = WeightsInPlace(blocks)
    before = weights.now()
    assert weights.now() == before
    hook = blocks[0].self_attn.q.register_forward_hook(lambda *_: None)
    assert weights.now() != before
    hook.remove()
    assert weights.now() == before
    weight = blocks[1].ffn[0].weight
    kept, weight.data = weight.data, weight.data.clone()  # moved, as memory management does
    assert weights.now() != before
    weight.data = kept
    both = Fp8Blocks(blocks)
    both.use(fp8=True)
    small = weights.now()
    assert small != before
    hook = blocks[0].self_attn.q.register_forward_hook(lambda *_: None)
    assert weights.now() not in (small, before), "of a layer that came later"
    hook.remove()
    both.use(fp8=False)
    assert weights.now() == before


def test_a_processor_launches_every_pass(causal: CausalWan) -> None:
    graphs = PassGraphs()
    found, expected = drawn(replace(causal, graphs=graphs)), drawn(causal)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert graphs.num_recorded == 0


@pytest.mark.gpu
@pytest.mark.parametrize("some", [False, True], ids=["all tokens", "some tokens"])
def test_a_card_replays_what_it_launches(some: bool) -> None:
    causal = causal_pocket(tiny_model())
    causal.transformer.to("cuda")
    causal = replace(causal, device=torch.device("cuda"))
    expected = drawn(causal, InTurns("cuda") if some else None)
    graphs = PassGraphs()
    found = drawn(replace(causal, graphs=graphs), InTurns("cuda") if some else None)
    assert graphs.num_recorded > 0
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.skipif(torch.version.cuda is None, reason="this torch was built without CUDA")
def test_a_pool_lives_as_long_as_what_was_recorded_in_it() -> None:
    card, other = torch.device("cuda", 0), torch.device("cuda", 1)
    held = SharedPool.of(card)
    handle = held.handle
    assert SharedPool.of(card) is held
    assert SharedPool.of(other).handle != handle
    del held
    assert SharedPool.of(card).handle != handle


@pytest.mark.gpu
def test_a_card_records_again_after_all_recordings_are_gone() -> None:
    causal = causal_pocket(tiny_model())
    causal.transformer.to("cuda")
    causal = replace(causal, device=torch.device("cuda"))
    expected = drawn(causal)
    for _ in range(3):
        graphs = PassGraphs()
        found = drawn(replace(causal, graphs=graphs))
        assert graphs.num_recorded > 0
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
