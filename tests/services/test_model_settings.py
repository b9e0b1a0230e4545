"""Settings that only some models can use: what is offered is what drawing takes, and nothing else."""

from __future__ import annotations

import pytest

from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import DEFAULT_CAUSAL_MODEL, SketchRequest
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.text_to_video import WanTextModel
from videosketcher_app.services.generation import check_model_can
from videosketcher_app.services.model_settings import MODEL_SETTINGS, usable_settings

STUDIO = "wan2.1-t2v-1.3b"
USED = {"mode": "fast", "negative_prompt": "fog", "attention": "flash", "rounding": "reference"}


@pytest.fixture(scope="module")
def models():
    pipe = tiny_pipeline(in_dim=16, require_vae_embedding=False)
    return {"tiny": tiny_model(), STUDIO: WanTextModel(name=STUDIO, pipe=pipe)}


def is_taken(model, **told):
    request = SketchRequest(prompt="a cat", model=model.name, num_frames=9, **told)
    try:
        check_model_can(request, model, takes_loras=True, takes_modes=True, takes_clips=True)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize("name", ["tiny", STUDIO])
def test_what_is_offered_is_what_drawing_takes(models, name):
    assert set(USED) == set(MODEL_SETTINGS)
    taken = {field for field, value in USED.items() if is_taken(models[name], **{field: value})}
    assert taken == usable_settings(name)


def test_who_can_use_what():
    assert usable_settings("pocket-t2v") == usable_settings("pocket-brush") == {"mode"}
    assert usable_settings("wan2.1-i2v-14b-480p") == set(MODEL_SETTINGS)
    assert usable_settings(DEFAULT_CAUSAL_MODEL) == usable_settings("nobody") == frozenset()


def test_where_no_mode_leaves_anything_out_there_is_none_to_choose():
    assert usable_settings("causvid-bidirectional-2") == set(MODEL_SETTINGS) - {"mode"}
