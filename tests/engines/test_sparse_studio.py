"""Wan's pipelines draw sparsely, from text and by a condition frame, and are dense again after."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled
from videosketcher_app.core.events import Preview
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest, SparseSpec
from videosketcher_app.engines.text import SamplerSettings, TextEngine, denoise
from videosketcher_app.models.sparse_attention.attention import SparseAttention
from videosketcher_app.models.sparse_attention.drawing import sparse_attention_of
from videosketcher_app.models.wan.image_to_video import WanImageModel
from videosketcher_app.models.wan.text_to_video import WanTextModel

PLAN = DrawingPlan(concept="a cat", parts=(PlanPart(name="Head", description="circle"),))
LITTLE = SparseSpec(kept_fraction=0.1, first_steps_fraction=0.5, first_layers_fraction=0.0)
EVERYTHING = SparseSpec(kept_fraction=1.0)
SIZE = {"num_frames": 17, "width": 128, "height": 96, "num_inference_steps": 2}
SETTINGS = SamplerSettings(**SIZE, cfg_scale=2.0, shift=5.0)
REQUEST = SketchRequest(prompt="a cat", cfg_scale=2.0, sparse=LITTLE, **SIZE)


@pytest.fixture(scope="module", params=["text", "image"])
def model(request):
    if request.param == "text":
        pipe = tiny_pipeline(in_dim=16, require_vae_embedding=False)
        return WanTextModel(name="tiny", pipe=pipe)
    frame = np.full((96, 128, 3), 255, dtype=np.uint8)
    return WanImageModel(name="tiny", pipe=tiny_pipeline()).conditioned(frame)


def _drawn(model, sparse: SparseAttention | None) -> torch.Tensor:
    """Latents after the last step; decoding them would take most of the time."""
    *_, (_, latents, _) = denoise(model, ["a cat"], [5], SETTINGS, sparse=sparse)
    return latents


def _slots(model) -> list[torch.nn.Module]:
    return [block.self_attn.attn for block in model.transformer.blocks]


def test_a_pipeline_draws_sparsely_and_is_dense_again(model):
    slots, dense = _slots(model), _drawn(model, None)
    little, everything = (
        sparse_attention_of(model, spec, SETTINGS) for spec in (LITTLE, EVERYTHING)
    )
    assert little is not None
    assert torch.equal(_drawn(model, everything), dense)
    assert not torch.equal(_drawn(model, little), dense)
    assert torch.equal(_drawn(model, None), dense)
    assert _slots(model) == slots
    facts = little.facts()
    assert (facts["pattern"], facts["dense_steps"], facts["kernel"]) == ("SVG", 1, "sliced")
    assert 0 < facts["density"] < 1
    assert facts["temporal_heads"] is not None


def test_a_drawing_that_is_stopped_at_its_preview_leaves_the_pipeline_dense(model):
    slots, cancel = _slots(model), CancelToken()

    def stop(clean: torch.Tensor) -> torch.Tensor:
        assert _slots(model) != slots, "it is in the middle of its drawing"
        cancel.cancel()
        cancel.raise_if_cancelled()
        return clean

    stopping = replace(model, preview_decoder=stop)
    with pytest.raises(Cancelled) as stopped:
        list(TextEngine(stopping).generate(REQUEST, PLAN, cancel=cancel))
    assert stopped.value.__traceback__ is not None, "whoever keeps the error keeps its frames"
    assert _slots(model) == slots


def test_a_stop_between_two_steps_leaves_the_pipeline_dense(model):
    slots = _slots(model)
    events = TextEngine(model).generate(REQUEST, PLAN, cancel=CancelToken())
    assert any(isinstance(event, Preview) for event in events)
    assert _slots(model) != slots, "it is in the middle of its drawing"
    events.close()  # type: ignore[attr-defined]
    assert _slots(model) == slots
