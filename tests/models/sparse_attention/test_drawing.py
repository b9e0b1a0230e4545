"""Sparse attention inside real transformers: Pocket's forward pass and diffsynth's pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.core.sparse_request import SparseSpec
from videosketcher_app.models.sparse_attention.attention import SparseAttention
from videosketcher_app.models.sparse_attention.drawing import (
    attending,
    slots_filled,
    sparse_attention_of,
)
from videosketcher_app.models.sparse_attention.kernels import dense_band_attention
from videosketcher_app.models.sparse_attention.layout import (
    TokenLayout,
    gather_order,
    restore_order,
)
from videosketcher_app.models.tiny import tiny_model

EVERYTHING = SparseSpec(kept_fraction=1.0)
LITTLE = SparseSpec(kept_fraction=0.2, first_steps_fraction=0.5, first_layers_fraction=0.0)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A sampler's settings."""

    num_inference_steps: int = 2
    num_frames: int = 33
    width: int = 288
    height: int = 240


@pytest.fixture(scope="module")
def tiny():
    return tiny_model()


def test_dense_is_nothing(tiny) -> None:
    assert sparse_attention_of(tiny, None, Clip()) is None
    assert sparse_attention_of(tiny, SparseSpec(pattern="dense"), Clip()) is None


def test_the_layout_follows_from_the_model_and_the_canvas(tiny) -> None:
    sparse = sparse_attention_of(tiny, LITTLE, Clip())
    assert sparse is not None
    assert (sparse.layout.num_frames, sparse.layout.tokens_per_frame) == (9, 12 * 10)
    assert len(sparse.layers) == len(tiny.transformer.blocks)


def test_pocket_draws_through_its_attention_slot(tiny) -> None:
    clip = Clip()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, *tiny.latent_shape(33, 240, 288), generator=generator)
    words = tiny.encode_prompts(["a cat"])
    dense = tiny.velocity(noise, 0.9, words)

    def drawn(spec: SparseSpec, step: int) -> torch.Tensor:
        sparse = sparse_attention_of(tiny, spec, clip)
        assert sparse is not None
        return tiny.velocity(noise, 0.9, words, attention=sparse.at_step(step))

    assert torch.equal(drawn(EVERYTHING, 1), dense)
    assert torch.equal(drawn(LITTLE, 0), dense), "half of the steps stay dense"
    assert not torch.equal(drawn(LITTLE, 1), dense)


@dataclass(kw_only=True)
class Pipeline:
    """What `attending` needs of a pipeline's model."""

    transformer: Any
    before_step: Any = None
    told: list = field(default_factory=list)

    def draw(self) -> list[torch.Tensor]:
        """Two steps of the transformer alone."""
        out = []
        for step in range(2):
            if self.before_step is not None:
                self.before_step(step, 2)
            out.append(_velocity(self.transformer))
        return out


def _velocity(dit: Any) -> torch.Tensor:
    from diffsynth.pipelines.wan_video import model_fn_wan_video

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        return model_fn_wan_video(
            dit=dit,
            latents=torch.randn(1, 16, 5, 16, 24, generator=generator),
            timestep=torch.tensor([500.0]),
            context=torch.randn(1, 8, dit.text_embedding[0].in_features, generator=generator),
            y=torch.randn(1, 20, 5, 16, 24, generator=generator),
        )


@pytest.fixture(scope="module")
def dit():
    return tiny_pipeline(in_dim=36).dit


def _sparse(dit: Any, spec: SparseSpec) -> SparseAttention:
    layout = TokenLayout(num_frames=5, tokens_per_frame=96)
    return SparseAttention(spec, layout, num_steps=2, num_layers=len(dit.blocks))


def test_image_to_video_blocks_attend_sparsely_and_go_back(dit) -> None:
    before = [block.self_attn.attn for block in dit.blocks]
    names = set(dit.state_dict())
    dense = Pipeline(transformer=dit).draw()
    with attending(Pipeline(transformer=dit), _sparse(dit, LITTLE)) as model:
        assert set(dit.state_dict()) == names
        first, second = model.draw()
    assert torch.equal(first, dense[0]), "the first half of the steps stays dense"
    assert not torch.equal(second, dense[1])
    assert [block.self_attn.attn for block in dit.blocks] == before


def test_what_diffsynth_computes_is_attention_under_the_band(dit) -> None:
    sparse = _sparse(dit, SparseSpec(kept_fraction=0.2, first_steps_fraction=0.0))
    seen = []

    def spy(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layer: int) -> torch.Tensor:
        out = SparseAttention.attend(sparse, q, k, v, layer)
        seen.append((q, k, v, out))
        return out

    sparse.attend = spy  # type: ignore[method-assign]
    with slots_filled(dit, sparse):
        _velocity(dit)
    assert len(seen) == len(dit.blocks)
    for q, k, v, out in seen:
        ways = [_under_the_band(q, k, v, sparse, temporal) for temporal in (False, True)]
        for head in range(q.shape[1]):
            fits = [torch.allclose(out[:, head], way[:, head], atol=1e-5) for way in ways]
            assert sum(fits) == 1, "a head attends in one of the two orders"


def _under_the_band(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, sparse: SparseAttention, temporal: bool
) -> torch.Tensor:
    kind = torch.full(q.shape[:2], temporal)
    q, k, v = (gather_order(x, kind, sparse.layout) for x in (q, k, v))
    out = dense_band_attention(q, k, v, sparse.band)
    return restore_order(out, kind, sparse.layout)


def test_slots_are_emptied_when_drawing_fails(dit) -> None:
    before = [block.self_attn.attn for block in dit.blocks]
    with pytest.raises(RuntimeError), slots_filled(dit, _sparse(dit, LITTLE)):
        raise RuntimeError
    assert [block.self_attn.attn for block in dit.blocks] == before


def test_whoever_was_told_of_steps_is_told_still(dit) -> None:
    told = []
    model = Pipeline(transformer=dit, before_step=lambda step, steps: told.append((step, steps)))
    sparse = _sparse(dit, LITTLE)
    with attending(model, sparse) as changed:
        changed.before_step(1, 2)
    assert told == [(1, 2)]
    assert sparse.step == 1
    assert replace(model).before_step is model.before_step
