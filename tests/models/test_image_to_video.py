"""Image-to-video: the condition is laid out as the facts say, and sampling equals diffsynth's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import DamagedModel, InvalidRequest
from videosketcher_app.core.events import Frames
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import BrushSpec, SketchRequest
from videosketcher_app.engines.brush import BrushEngine
from videosketcher_app.engines.brush_source import understand
from videosketcher_app.models import image_condition as ic
from videosketcher_app.models.wan.image_to_video import (
    NEGATIVE_PROMPT,
    STUDIO_DEFAULTS,
    WanImageModel,
)

SIZE, NUM_FRAMES = (80, 48), 9  # width and height
CALL = {"num_inference_steps": 2, "cfg_scale": 2.0, "num_frames": NUM_FRAMES}
CALL |= {"width": SIZE[0], "height": SIZE[1]}


def frame_of(size=SIZE):
    return understand(BrushSpec(name="marker_blue"), size).condition.pixels_HW3


@pytest.fixture(scope="module")
def pipes():
    return {"2.1": tiny_pipeline(clip=True), "2.2": tiny_pipeline()}


def model_of(pipe, **changes):
    return WanImageModel(name="tiny-i2v", pipe=pipe, tiled=False, **changes)


def test_mask_and_latents_lie_as_the_facts_say():
    frame = torch.from_numpy(frame_of((832, 480)))
    seen = []

    def encode(clip_3THW):
        seen.append(clip_3THW)
        return torch.full((16, 21, 60, 104), 7.0)

    y = ic.first_frame_condition(encode, frame, 81, torch.float32)
    assert y.shape == (1, 20, 21, 60, 104)
    assert ic.IMAGE_TO_VIDEO_CHANNELS == 36
    mask, latents = y[0, :4], y[0, 4:]
    assert (mask[:, 0] == 1).all(), "all four mask channels of the first latent frame"
    assert (mask[:, 1:] == 0).all()
    assert (latents == 7).all()
    (clip,) = seen
    assert clip.shape == (3, 81, 480, 832)
    assert (clip[:, 1:] == 0).all(), "mid grey after the first frame"
    assert torch.equal(clip[:, 0], frame.permute(2, 0, 1) * (2 / 255) - 1)


@pytest.mark.parametrize("style", ["2.1", "2.2"])
def test_sampling_equals_the_pipelines_own_call(pipes, style):
    pipe, frame = pipes[style], frame_of()
    theirs = pipe(
        prompt="a cat",
        negative_prompt=NEGATIVE_PROMPT,
        input_image=Image.fromarray(frame),
        seed=5,
        sigma_shift=5.0,
        tiled=False,
        output_type="floatpoint",
        progress_bar_cmd=lambda steps: steps,
        **CALL,
    )
    model = model_of(pipe).conditioned(frame)
    *_, (step, latents, _) = model.denoise(["a cat"], [5], shift=5.0, **CALL)
    assert step == 2
    ours = model.decode(latents)
    assert float((ours - theirs.clamp(-1, 1)).abs().max()) == 0.0

    other = model_of(pipe).conditioned(np.full_like(frame, 128))
    *_, (_, changed, _) = other.denoise(["a cat"], [5], shift=5.0, **CALL)
    assert not torch.equal(changed, latents), "the frame is seen"


def test_the_vae_remembers_nothing_while_others_compute(pipes):
    model = model_of(pipes["2.1"]).conditioned(frame_of())
    vae = model.pipe.vae.model
    model.first_frame(5)
    assert not any(x is not None for x in vae._enc_feat_map)
    model.decode(torch.zeros(1, 16, 2, SIZE[1] // 8, SIZE[0] // 8))
    assert not any(x is not None for x in vae._feat_map)


def test_the_brush_engine_draws_with_it(pipes):
    model = model_of(pipes["2.2"])
    request = SketchRequest(
        prompt="a cat", brush=BrushSpec(name="marker_blue"), num_frames=5, seed=3,
        num_inference_steps=1, width=SIZE[0], height=SIZE[1],
    )  # fmt: skip
    plan = DrawingPlan(concept="a cat", parts=(PlanPart(name="head"),))
    engine = BrushEngine(model, understand(request.brush, SIZE))
    *_, last = engine.generate(request, plan, cancel=CancelToken())
    assert isinstance(last, Frames)
    assert last.frames_THW3.shape == (5, SIZE[1], SIZE[0], 3)
    assert last.settings["painted"] == "model"
    assert last.settings["cfg_scale"] == 2.0 == STUDIO_DEFAULTS.cfg_scale


def test_models_that_would_not_see_the_brush_are_refused():
    with pytest.raises(InvalidRequest, match="draws from text only"):
        model_of(tiny_pipeline(in_dim=16))
    blind = tiny_pipeline(clip=True)
    blind.image_encoder = None
    with pytest.raises(DamagedModel, match="take words for the brush"):
        model_of(blind)


def test_a_frame_is_needed_and_must_fit(pipes):
    model = model_of(pipes["2.2"])
    with pytest.raises(InvalidRequest, match="there is none"):
        next(model.denoise(["a cat"], [0], shift=5.0, **CALL))
    with pytest.raises(InvalidRequest, match="80x48"):
        next(model.conditioned(frame_of((96, 48))).denoise(["a cat"], [0], shift=5.0, **CALL))
