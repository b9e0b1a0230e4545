"""The text engine: deterministic, cancellable, batched equals single."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled
from videosketcher_app.core.events import Frames, Preview, Progress
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.engines.schedules import clean_estimate, euler_step, guided, sigmas
from videosketcher_app.engines.text import SamplerSettings, TextEngine, denoise
from videosketcher_app.models.tiny import tiny_model

PLAN = DrawingPlan(concept="a cat", parts=(PlanPart(name="Head", description="circle"),))
REQUEST = SketchRequest(prompt="a cat", num_frames=9, seed=5)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def test_events_end_with_the_frames(model):
    events = list(TextEngine(model).generate(REQUEST, PLAN, cancel=CancelToken()))
    assert isinstance(events[0], Progress)
    assert sum(isinstance(e, Preview) for e in events) == 2
    assert isinstance(events[-1], Frames)
    assert events[-1].frames_THW3.shape == (9, 96, 144, 3)
    again = list(TextEngine(model).generate(REQUEST, PLAN, cancel=CancelToken()))
    assert np.array_equal(events[-1].frames_THW3, again[-1].frames_THW3)


def test_cancel_stops_before_the_next_step(model):
    cancel = CancelToken()
    events = TextEngine(model).generate(REQUEST, PLAN, cancel=cancel)
    next(events)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(events)


def test_a_prompt_as_written_reaches_the_model(model):
    written = REQUEST.replaced(prompt="head head circle", as_written=True)
    frames = [
        list(TextEngine(model).generate(r, PLAN, cancel=CancelToken()))[-1].frames_THW3
        for r in (REQUEST, written)
    ]
    assert not np.array_equal(*frames)


def test_a_batch_draws_what_single_requests_draw(model):
    settings = SamplerSettings(
        num_inference_steps=2, cfg_scale=2.0, shift=5.0, num_frames=9, width=144, height=96
    )
    *_, (_, both, _) = denoise(model, ["a cat", "head"], [1, 2], settings)
    *_, (_, second, _) = denoise(model, ["head"], [2], settings)
    torch.testing.assert_close(both[1:], second, atol=2e-4, rtol=1e-3)


def test_schedule_and_guidance():
    levels = sigmas(4, 5.0)
    assert levels[0] == 1.0
    assert levels[-1] == 0.0
    assert levels[1:4] == pytest.approx([0.9375, 0.8333333, 0.625])
    clean, noise = 2.0, -1.0
    x = 0.3 * clean + 0.7 * noise
    assert clean_estimate(x, noise - clean, 0.7) == pytest.approx(clean)
    assert euler_step(x, noise - clean, 0.7, 0.0) == pytest.approx(clean)
    assert guided(3.0, 1.0, 2.0) == 5.0


@pytest.mark.parametrize("mode", ["exact", "fast", "sketch"])
def test_asked_to_finish_early_it_decodes_the_estimate_of_the_last_step(model, mode):
    request = REQUEST.replaced(num_inference_steps=6, mode=mode)
    cancel, previews = CancelToken(), []
    for event in TextEngine(model).generate(request, PLAN, cancel=cancel):
        if isinstance(event, Preview):
            previews.append(event)
            if event.step == 3:
                cancel.finish_early()
    assert isinstance(event, Frames)
    assert [preview.step for preview in previews] == [1, 2, 3]
    assert event.settings["stopped_after"] == 3
    assert event.settings["num_inference_steps"] == 6
    assert len(event.frames_THW3) == 9
    last_HW3, shown_HW3 = event.frames_THW3[-1].astype(int), previews[-1].frame_HW3.astype(int)
    assert (
        np.abs(last_HW3 - shown_HW3).mean() < 2
    )  # the preview was decoded without what came before
    before_HW3 = previews[-2].frame_HW3.astype(int)
    assert np.abs(last_HW3 - before_HW3).mean() > np.abs(last_HW3 - shown_HW3).mean()


def test_asked_at_the_last_step_the_drawing_is_whole(model):
    cancel = CancelToken()
    for event in TextEngine(model).generate(REQUEST, PLAN, cancel=cancel):
        if isinstance(event, Preview) and event.step == 2:
            cancel.finish_early()
    whole = list(TextEngine(model).generate(REQUEST, PLAN, cancel=CancelToken()))[-1]
    assert event.settings == whole.settings
    assert "stopped_after" not in event.settings
    assert np.array_equal(event.frames_THW3, whole.frames_THW3)


def test_asked_before_the_first_step_there_is_nothing_to_finish(model):
    cancel = CancelToken()
    cancel.finish_early()
    with pytest.raises(Cancelled):
        list(TextEngine(model).generate(REQUEST, PLAN, cancel=cancel))
