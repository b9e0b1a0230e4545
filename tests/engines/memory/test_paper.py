"""Blank paper is found, merged and left alone; every shortcut has a slow twin."""

from __future__ import annotations

import pytest
import torch

from videosketcher_app.engines.memory.culling import CulledAttention, culled_attention_slow
from videosketcher_app.engines.memory.frozen import FrozenPasses, freeze
from videosketcher_app.engines.memory.paper import (
    BLANK,
    PaperWatch,
    cells_of,
    merged_keys,
    spread,
)
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.forward import dense_attention, predict_velocity

PATCH = 3


def latents(value: float = 0.0, *, frames: int = 3, rows: int = 4, columns: int = 5):
    return torch.full((1, 16, frames, rows * PATCH, columns * PATCH), value)


def with_ink(row: int, column: int, frame: int = 1):
    inked = latents()
    inked[..., frame, row * PATCH, column * PATCH] = 9.0
    return inked


def test_ink_and_its_neighbours_are_not_blank():
    watch = PaperWatch(latents(), PATCH, patience=1)
    watch.see(with_ink(0, 0))
    blank = watch.blank_FHW
    assert blank is not None
    assert not blank[:, :2, :2].any()
    assert blank[:, 2:].all()
    assert blank[:, :, 2:].all()


def test_paper_settles_only_after_it_stayed():
    watch = PaperWatch(latents(), PATCH, patience=2)
    for _ in range(2):
        watch.see(latents(0.01))
    assert watch.settled_FHW is not None
    assert not watch.settled_FHW.any()
    watch.see(latents(0.01))
    assert watch.settled_FHW.all()
    watch.see(latents(0.9 * BLANK))  # still blank, but it moved
    assert not watch.settled_FHW.any()


def test_masks_of_tokens_cover_their_cells():
    mask = torch.zeros(1, 2, 2, dtype=torch.bool)
    mask[0, 1, 0] = True
    cells = cells_of(mask, PATCH)
    assert cells.sum() == PATCH**2
    assert cells[0, PATCH:, :PATCH].all()
    assert spread(mask).all()


def test_merged_keys_stand_for_all_tokens():
    blank = torch.rand(3, 9, 11, generator=torch.Generator().manual_seed(0)) > 0.3
    keys = merged_keys(blank)
    assert round(float(keys.bias_K.exp().sum())) == blank.numel()
    assert len(keys.kept_K) < blank.numel()
    assert set((~blank).flatten().nonzero()[:, 0].tolist()) <= set(keys.kept_K.tolist())


def test_culled_attention_equals_its_slow_twin():
    blank = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(1)) > 0.4
    keys = merged_keys(blank)
    q, k, v = torch.randn(3, 1, 2, blank.numel(), 24)
    fast = CulledAttention(keys)(q, k, v)
    torch.testing.assert_close(fast, culled_attention_slow(q, k, v, keys), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(fast, dense_attention(q, k, v), atol=1e-3)


def test_merging_equal_keys_changes_nothing():
    blank = torch.zeros(1, 8, 8, dtype=torch.bool)
    blank[0, :4, :4] = True
    q, k, v = torch.randn(3, 1, 2, 64, 24)
    paper = blank.flatten()
    k[:, :, paper], v[:, :, paper] = k[:, :, :1], v[:, :, :1]
    merged = CulledAttention(merged_keys(blank))(q, k, v)
    torch.testing.assert_close(merged, dense_attention(q, k, v), atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def network():
    dit = tiny_model().transformer
    with torch.random.fork_rng():
        torch.manual_seed(2)
        for parameter in dit.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.05)
    return dit


def test_a_narrow_pass_equals_the_whole_one_where_nothing_changed(network):
    x = torch.randn(1, 57, 3, 4 * PATCH, 5 * PATCH)
    words, level = torch.randn(1, 5, 32), torch.full((1, 1), 500.0)
    settled = torch.zeros(3, 4, 5, dtype=torch.bool)
    settled[:, 2:] = True
    passes = FrozenPasses(freeze(settled, x[:, :16], PATCH, merges=False))

    def narrow(blocks):
        return passes.widened(passes.narrowed(blocks).run(), blocks)

    with torch.inference_mode():
        plain = predict_velocity(network, x, level, words)
        whole = predict_velocity(network, x, level, words, through=passes.whole)
        late = predict_velocity(network, x, level, words, through=narrow)
    active = ~cells_of(settled, PATCH)
    assert torch.equal(plain, whole)
    torch.testing.assert_close(late[..., active], plain[..., active], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(late[..., ~active], plain[..., ~active])


def test_merged_frozen_keys_stand_for_all_of_the_paper():
    settled = torch.zeros(2, 8, 8, dtype=torch.bool)
    settled[:, 4:] = True
    frozen = freeze(settled, latents(), PATCH, merges=True)
    assert frozen.bias_S is not None
    assert round(float(frozen.bias_S.exp().sum())) == int(settled.sum())
    assert frozen.share == 0.5


def test_frozen_cells_go_straight_to_their_estimate():
    settled = torch.ones(3, 4, 5, dtype=torch.bool)
    clean, x = torch.randn(1, 16, 3, 12, 15), torch.randn(1, 16, 3, 12, 15)
    velocity = freeze(settled, clean, PATCH, merges=False).hold(x, torch.zeros_like(x), 0.5)
    torch.testing.assert_close(x - 0.5 * velocity, clean, atol=1e-6, rtol=1e-5)
    free = freeze(~settled, clean, PATCH, merges=False)
    assert torch.equal(free.hold(x, velocity * 0, 0.5), velocity * 0)
    assert free.share == 1.0
