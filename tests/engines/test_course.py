"""A rollout on its course: other words from a block on, and a video that is drawn over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.engines.autoregressive import AutoregressiveEngine
from videosketcher_app.engines.causal_drawing import CausalDrawing
from videosketcher_app.engines.course import Course, VideoStream, timesteps_below
from videosketcher_app.engines.rollout import DENOISING_STEPS
from videosketcher_app.models.tiny import tiny_model

PLAN = DrawingPlan(concept="a cat", parts=(PlanPart(name="head", description="circle"),))
REQUEST = SketchRequest(prompt="a cat", model="tiny", seed=3, num_frames=33, width=48, height=48)


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_model()


def rolled(model: Any, course: Course, num_rollout: int = 1, **how: Any) -> np.ndarray:
    *_, last = AutoregressiveEngine(model, **how).rollout(
        REQUEST, PLAN, num_rollout=num_rollout, course=course, cancel=CancelToken()
    )
    return last.frames_THW3


def film(count: int = 33) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (count, 48, 48, 3), dtype=np.uint8)


def drawn_by_hand(model: Any, switches: dict[int, str], blocks: int = 3) -> np.ndarray:
    """The same rollout, block by block, with the words changed before a block."""
    drawing = CausalDrawing(model, str(PLAN), width=48, height=48)
    clips = []
    for block in range(blocks):
        if block in switches:
            drawing.switch_prompt(switches[block])
        *_, last = drawing.draw(seed=REQUEST.seed)
        clips.append(last.frames_BCTHW)
    clip = (torch.cat(clips, dim=2)[0] + 1) * 127.5
    return clip.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 3, 0).numpy()


@pytest.mark.parametrize(("frame", "block"), [(1, 1), (9, 1), (10, 2), (21, 2)])
def test_words_hold_from_the_next_block_on(model: Any, frame: int, block: int) -> None:
    frames = rolled(model, Course(switches=((frame, "circle"),)))
    assert np.array_equal(frames, drawn_by_hand(model, {block: "circle"}))
    assert not np.array_equal(frames, rolled(model, Course()))


def test_the_latest_of_several_words_counts(model: Any) -> None:
    course = Course(switches=((20, "head"), (4, "circle")))
    expected = drawn_by_hand(model, {1: "circle", 2: "head"})
    assert np.array_equal(rolled(model, course), expected)


def test_words_hold_in_the_next_clip_too(model: Any) -> None:
    """Clips share nine frames: what begins in the second is counted in the whole run's frames."""
    same, other = rolled(model, Course(), 2), rolled(model, Course(switches=((33, "circle"),)), 2)
    assert np.array_equal(same[:33], other[:33])
    assert not np.array_equal(same[33:], other[33:])


def test_a_strength_of_one_forgets_the_video(model: Any) -> None:
    over = Course(video_THW3=film(), strength=1.0)
    assert np.array_equal(rolled(model, over), rolled(model, Course()))


def test_a_strength_of_nothing_is_the_video(model: Any) -> None:
    """As far as the VAE gives it back."""
    frames = film()
    got = rolled(model, Course(video_THW3=frames, strength=1e-6)).astype(int)
    clip = torch.from_numpy(frames).permute(3, 0, 1, 2)[None] / 127.5 - 1
    with torch.inference_mode():
        back = model.vae.decode(model.vae.encode(clip))[0].permute(1, 2, 3, 0)
    assert np.abs(got - ((back + 1) * 127.5).numpy()).max() <= 1.0


def test_a_video_is_encoded_as_one_clip(model: Any) -> None:
    drawing, frames = CausalDrawing(model, "a cat", width=48, height=48), film()
    stream = VideoStream(drawing, frames)
    blocks = [stream.latents_until(stop) for stop in (9, 21, 33)]
    clip = torch.from_numpy(frames).permute(3, 0, 1, 2)[None] / 127.5 - 1
    assert torch.equal(torch.cat(blocks, dim=2), model.vae.encode(clip).float())


def test_steps_below_a_strength() -> None:
    assert timesteps_below(1.0, DENOISING_STEPS) == DENOISING_STEPS
    assert timesteps_below(0.6, DENOISING_STEPS) == (600.0, 522.0)
    assert timesteps_below(0.3, DENOISING_STEPS) == (300.0,)


def test_decoding_in_pieces_changes_no_pixel(model: Any) -> None:
    assert np.array_equal(rolled(model, Course(), decode_frames=1), rolled(model, Course()))
