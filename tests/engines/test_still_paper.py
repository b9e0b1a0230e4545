"""Still paper: passes over some tokens equal the slow twin, which computes all and puts back the rest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from videosketcher_app.engines.rollout import DENOISING_STEPS, BlockRollout, block_noise
from videosketcher_app.engines.still_paper import StillPaper, held, others
from videosketcher_app.models.causal_wan import CLEAN_TIMESTEP, CausalWan, causal_pocket
from videosketcher_app.models.kv_cache import KVCache, Window
from videosketcher_app.models.kv_pool import CacheShape, KVPool
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.forward import rotary_table, rotate

CELLS, FRAMES, PATCH = (9, 18), 3, 3
TOKENS = FRAMES * 3 * 6
WINDOW = Window(blocks=3, sink_blocks=1)
SOME = torch.tensor([0, 4, 5, 19, 30, 31, 53])


@dataclass
class Given:
    """A region for every block; counts what it was asked."""

    active_A: Tensor | None
    asked: list[Tensor] = field(default_factory=list)

    def active(self, clean_BCFhw: Tensor, before_BChw: Tensor, patch: int) -> Tensor | None:
        assert patch == PATCH
        self.asked.append(before_BChw)
        return self.active_A


@pytest.fixture(scope="module", params=[False, True], ids=["renoised", "noise kept"])
def causal(request: pytest.FixtureRequest) -> CausalWan:
    return replace(causal_pocket(tiny_model()), keeps_noise=request.param)


def rollout(causal: CausalWan, region: object = None) -> BlockRollout:
    words = torch.randn(1, 7, 32, generator=torch.Generator().manual_seed(1))
    cache = causal.new_cache(causal.cache_shape(1, *CELLS), WINDOW, num_pages=12)
    return BlockRollout(causal, cache, causal.prompt_keys(words), region)  # type: ignore[arg-type]


@torch.inference_mode()
def drawn(drawing: BlockRollout, block: int) -> list[Tensor]:
    shape = (1, 16, FRAMES, *CELLS)
    noise = block_noise(3, block, shape, len(DENOISING_STEPS), torch.device("cpu"))
    return list(drawing.draw(noise))


def contents(cache: KVCache) -> list[Tensor]:
    return [part for layer in cache.layers for part in (layer.k, layer.v)]


def test_a_region_of_all_tokens_changes_nothing(causal: CausalWan) -> None:
    plain, whole = rollout(causal), rollout(causal, Given(torch.arange(TOKENS)))
    for block in range(5):
        for a, b in zip(drawn(plain, block), drawn(whole, block), strict=True):
            assert torch.equal(a, b)
    plain.settle(), whole.settle()
    for a, b in zip(contents(plain.cache), contents(whole.cache), strict=True):
        assert torch.equal(a, b)


def test_a_region_that_wants_everything_changes_nothing(causal: CausalWan) -> None:
    plain, wanting = rollout(causal), rollout(causal, Given(None))
    for block in range(3):
        for a, b in zip(drawn(plain, block), drawn(wanting, block), strict=True):
            assert torch.equal(a, b)


class Twin:
    """The slow twin: every pass computes all tokens, then keys of still ones are put back."""

    def __init__(self, cache: KVCache, layer: int, still_S: Tensor) -> None:
        self.cache, self.layer, self.still_S = cache, layer, still_S

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        pool, block = self.cache.pool, self.cache.num_blocks
        page = self.cache._slots[self.cache.window.slot_of(block)][1]
        tokens = slice(page * TOKENS, (page + 1) * TOKENS)
        for buffer, new in ((pool.keys, k), (pool.values, v)):
            new = new.transpose(1, 2).clone()
            new[:, self.still_S] = buffer[self.layer][:, tokens][:, self.still_S]
            buffer[self.layer][:, tokens] = new
        seen = [buffer[self.layer] for buffer in (pool.keys, pool.values)]
        k, v = (pool.gather(part, self.cache._read_order).transpose(1, 2) for part in seen)
        return self.cache.attention(q, k, v)


@torch.inference_mode()
def test_some_tokens_equal_the_twin_that_computes_all(causal: CausalWan) -> None:
    drawing = rollout(causal)
    for block in range(4):
        drawn(drawing, block)
    drawing.settle()
    cache, x = drawing.cache, torch.randn(1, 16, FRAMES, *CELLS)
    still_S = others(SOME, TOKENS)
    cache.begin()
    cache.hold_still(still_S)
    narrow = causal.block_velocity(x, 522.0, drawing.prompt, cache, SOME)
    keys = contents(cache)
    twins = [Twin(cache, layer, still_S) for layer in range(len(cache.layers))]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KVCache, "layers", twins)
        whole = causal.block_velocity(x, 522.0, drawing.prompt, cache)
    cells = held(torch.ones(1, 1, FRAMES, *CELLS), torch.zeros(1, 1, *CELLS), SOME, PATCH) > 0
    assert cells.sum() == len(SOME) * PATCH**2
    assert (whole - narrow).abs().masked_select(cells).max() <= 2e-6
    assert (whole - narrow).abs().masked_select(~cells).max() > 1e-2
    for a, b in zip(keys, contents(cache), strict=True):
        assert (a - b).abs().max() <= 2e-6


def test_still_keys_are_those_of_the_frame_before_at_later_places() -> None:
    shape = CacheShape(num_layers=2, num_heads=2, head_width=12, block_tokens=6, block_frames=3)
    cache = KVCache(KVPool(shape, 4), Window(blocks=4))
    k, v = torch.randn(2, 1, 2, 6, 12)
    cache.begin()
    for layer in cache.layers:
        layer(rotate(k, rotary_table(12, 3, 1, 2, 0, "cpu")), *_turned(k, v, 0))
    cache.commit()
    cache.begin()
    for layer in cache.layers:
        layer(k * 7, k * 7, v * 7)
    cache.hold_still(torch.tensor([0, 3, 5]))
    last = k[:, :, 4:].repeat(1, 1, 3, 1)
    wanted_k, _ = _turned(last, v, 3)
    for layer in cache.layers:
        for position, place in ((0, 4), (3, 5), (5, 5)):
            got_k, got_v = layer.k[:, 6 + position], layer.v[:, 6 + position]
            assert (got_k - wanted_k[:, :, position]).abs().max() <= 1e-5
            assert torch.equal(got_v, v[:, :, place])
        assert torch.equal(layer.v[:, 6 + 1], 7 * v[:, :, 1])


def _turned(k: Tensor, v: Tensor, first_frame: int) -> tuple[Tensor, Tensor]:
    return rotate(k, rotary_table(12, 3, 1, 2, first_frame, "cpu")), v


def test_a_block_without_change_takes_one_pass_and_stays(causal: CausalWan) -> None:
    region = Given(torch.empty(0, dtype=torch.long))
    drawing, passes = rollout(causal, region), []

    @torch.inference_mode()
    def counted(block: int) -> list[Tensor]:
        before = drawing.model.block_velocity

        def velocity(*given: object) -> Tensor:
            passes.append(block)
            return before(*given)  # type: ignore[arg-type]

        object.__setattr__(drawing.model, "block_velocity", velocity)
        try:
            return drawn(drawing, block)
        finally:
            object.__delattr__(drawing.model, "block_velocity")

    first = counted(0)[-1]
    assert len(region.asked) == 0, "there is nothing before the first block"
    for block in (1, 2, 3):
        estimates = counted(block)
        assert len(estimates) == len(DENOISING_STEPS)
        for estimate in estimates:
            assert torch.equal(estimate, first[:, :, -1:].expand_as(estimate))
    drawing.settle()
    assert drawing.cache.num_blocks == 4
    # Steps of the first block; later its clean pass, and one step for every block.
    assert [passes.count(block) for block in range(4)] == [3, 2, 1, 1]


def test_rewound_cancelled_and_forked_turns_are_drawn_again_bit_by_bit(causal: CausalWan) -> None:
    drawing = rollout(causal, Given(SOME))
    wanted = [drawn(drawing, block)[-1] for block in range(3)]
    drawing.rewind(2)
    noise = block_noise(3, 2, (1, 16, FRAMES, *CELLS), 3, torch.device("cpu"))
    with torch.inference_mode():
        stopped = drawing.draw(noise)
        next(stopped), next(stopped)
        stopped.close()
        branch = drawing.fork()
    for again in (drawing, branch):
        assert torch.equal(drawn(again, 2)[-1], wanted[2])
        assert torch.equal(drawn(again, 3)[-1], drawn(rollout_of(causal, 3), 3)[-1])


@torch.inference_mode()
def test_what_is_shown_after_a_dropped_block_is_seen_whole(causal: CausalWan) -> None:
    shown = torch.randn(1, 16, FRAMES, *CELLS, generator=torch.Generator().manual_seed(8))
    wanted = rollout_of(causal, 2)
    wanted.observe(shown)
    for how in ("rewound", "stopped"):
        drawing = rollout_of(causal, 2)
        if how == "rewound":
            drawn(drawing, 2)
            drawing.rewind(2)
        else:
            steps = drawing.draw(block_noise(3, 2, (1, 16, FRAMES, *CELLS), 3, torch.device("cpu")))
            next(steps), next(steps)
            steps.close()
        drawing.observe(shown)
        for a, b in zip(contents(wanted.cache), contents(drawing.cache), strict=True):
            assert torch.equal(a, b), how
    drawing = rollout_of(causal, 3)
    drawing.switch_prompt(drawing.prompt)
    again = rollout_of(causal, 3)
    again.settle()
    again.switch_prompt(again.prompt)
    for a, b in zip(contents(again.cache), contents(drawing.cache), strict=True):
        assert torch.equal(a, b)


def rollout_of(causal: CausalWan, blocks: int) -> BlockRollout:
    fresh = rollout(causal, Given(SOME))
    for block in range(blocks):
        drawn(fresh, block)
    return fresh


def test_change_is_found_and_widened() -> None:
    before = torch.randn(1, 16, 12, 20)
    clean = before[:, :, None].repeat(1, 1, FRAMES, 1, 1)
    clean[0, 5, 2, 4, 6] += 1.0  # token (2, 3) of a grid of 6 x 10, in the last frame
    active = StillPaper(spread_tokens=1, bucket_tokens=1).active(clean, before, 2)
    assert active is not None
    grid = torch.zeros(FRAMES * 60)
    grid[active] = 1
    wanted = torch.zeros(FRAMES, 6, 10)
    wanted[:, 1:4, 2:5] = 1
    assert torch.equal(grid.view(FRAMES, 6, 10), wanted)


@pytest.mark.parametrize(
    ("near", "wanted"), [(0, 0), (1, 8), (8, 8), (9, 16), (24, 24), (25, None), (40, None)]
)
def test_regions_fill_buckets_and_large_ones_are_everything(near: int, wanted: int | None) -> None:
    near_L = torch.zeros(40, dtype=torch.bool)
    near_L[torch.randperm(40)[:near]] = True
    active = StillPaper(bucket_tokens=8, most_active=0.6).bucket(near_L)
    assert (None if active is None else len(active)) == wanted
    if active is not None:
        assert set(near_L.nonzero()[:, 0].tolist()) <= set(active.tolist())
        assert active.tolist() == sorted(set(active.tolist()))


def test_the_clean_pass_is_narrow_too(causal: CausalWan) -> None:
    drawing = rollout(causal, Given(SOME))
    for block in range(2):
        drawn(drawing, block)
    seen: list[tuple[float, Tensor | None]] = []
    plain = drawing.model.block_velocity

    def velocity(x: Tensor, timestep: float, *given: object) -> Tensor:
        seen.append((timestep, given[-1]))  # type: ignore[arg-type]
        return plain(x, timestep, *given)  # type: ignore[arg-type]

    object.__setattr__(drawing.model, "block_velocity", velocity)
    try:
        drawing.settle()
    finally:
        object.__delattr__(drawing.model, "block_velocity")
    [(timestep, active)] = seen
    assert timestep == CLEAN_TIMESTEP
    assert active is SOME
