"""The text engine with a Studio model: events, facts, modes, and stopping within a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled
from videosketcher_app.core.events import Frames, Preview, Progress
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.engines.memory.modes import Acceleration
from videosketcher_app.engines.text import TextEngine, denoise, settle
from videosketcher_app.models.wan.text_to_video import WanTextModel

PLAN = DrawingPlan(concept="a cat", parts=(PlanPart(name="head"),))
REQUEST = SketchRequest(
    prompt="a cat", num_frames=5, width=48, height=32, num_inference_steps=2, seed=4
)


@pytest.fixture(scope="module")
def model():
    return WanTextModel(name="tiny", pipe=tiny_pipeline(in_dim=16, require_vae_embedding=False))


def test_every_step_is_shown_and_the_files_say_how(model):
    clip = np.full((5, 32, 48, 3), 255, np.uint8)
    over = model.settled(negative_prompt="a dog").starting_from(clip, 0.6)
    *events, last = TextEngine(over).generate(REQUEST, PLAN, cancel=CancelToken())
    assert isinstance(last, Frames)
    assert last.frames_THW3.shape == clip.shape
    previews = [event for event in events if isinstance(event, Preview)]
    assert [preview.step for preview in previews] == [1, 2]
    assert previews[0].frame_HW3.shape == (32, 48, 3)
    told = {"attention": "torch", "rounding": "none", "weights": "float32", "strength": 0.6}
    assert told.items() <= dict(last.settings).items()


def test_without_a_cheap_preview_the_steps_go_on(model):
    class Streamed(WanTextModel):
        def preview(self, clean_BCFhw):
            return None

    streamed = Streamed(name="tiny", pipe=model.pipe)
    *events, last = TextEngine(streamed).generate(REQUEST, PLAN, cancel=CancelToken())
    assert [event.step for event in events if isinstance(event, Progress)] == [0, 1, 2, 2]
    assert not any(isinstance(event, Preview) for event in events)
    assert "first_preview" not in last.timings


def test_a_drawing_is_stopped_between_two_blocks(model):
    token = CancelToken()
    stopped = replace(model, before_step=lambda *_: token.cancel())
    steps, blocks_run = [], []
    counting = model.pipe.dit.blocks[0].register_forward_hook(lambda *_: blocks_run.append(1))
    with pytest.raises(Cancelled):
        steps.extend(TextEngine(stopped).generate(REQUEST, PLAN, cancel=token))
    counting.remove()
    assert [event.step for event in steps] == [0], "no step was finished"
    assert not blocks_run, "and none was begun"
    assert not model.pipe.dit.blocks[0]._forward_pre_hooks


def test_a_drawing_that_finishes_early_does_not_wait_for_its_step(model):
    token, previews = CancelToken(), []
    early = replace(model, before_step=lambda step, *_: step == 1 and token.finish_early())
    for event in TextEngine(early).generate(REQUEST, PLAN, cancel=token):
        if isinstance(event, Preview):
            previews.append(event.step)
    assert previews == [1]
    assert event.settings["stopped_after"] == 1
    assert event.frames_THW3.shape == (5, 32, 48, 3)
    assert not model.pipe.dit.blocks[0]._forward_pre_hooks, "the networks are as before"


def test_a_drawing_that_finishes_in_its_first_step_has_nothing(model):
    token = CancelToken()
    early = replace(model, before_step=lambda *_: token.finish_early())
    with pytest.raises(Cancelled):
        list(TextEngine(early).generate(REQUEST, PLAN, cancel=token))


def test_a_mode_draws_nearly_the_same(model):

    settings = settle(REQUEST.replaced(num_inference_steps=4), model)
    plain, quick = (
        list(denoise(model, ["a cat"], [4], settings, how))[-1][1]
        for how in (Acceleration(), Acceleration(mode="fast", cfg_skip=0.5))
    )
    difference = float((plain - quick).abs().max())
    assert 0 < difference < float(plain.abs().max())
