"""Drawing block by block: the engine's events, and one drawing stopped, taken back and branched."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled, InvalidRequest
from videosketcher_app.core.events import Frames, Preview, Progress
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.engines.autoregressive import (
    AutoregressiveEngine,
    BlockPreview,
    rollout_frames,
    timesteps_of,
)
from videosketcher_app.engines.causal_drawing import CausalDrawing
from videosketcher_app.models.kv_cache import Window
from videosketcher_app.models.tiny import tiny_model

PLAN = DrawingPlan(concept="a cat", parts=(PlanPart(name="Head", description="circle"),))
REQUEST = SketchRequest(prompt="a cat", num_frames=33, seed=5, width=48, height=48)
WINDOW = Window(blocks=4, sink_blocks=1, history_blocks=2)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def new_drawing(model, prompt="a cat", **fields):
    return CausalDrawing(model, prompt, width=48, height=48, window=WINDOW, **fields)


def draw(drawing, num_blocks=1, seed=3):
    """Latents of the next blocks."""
    return [list(drawing.draw(seed=seed))[-1].latents_BCFhw for _ in range(num_blocks)]


def canvas(model, num_frames, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, num_frames, 48, 48, generator=generator) * 2 - 1


def test_events_tell_every_step_and_every_block(model):
    events = list(AutoregressiveEngine(model).generate(REQUEST, PLAN, cancel=CancelToken()))
    assert [e.step for e in events if isinstance(e, Progress)] == list(range(10))
    blocks = [e for e in events if isinstance(e, BlockPreview)]
    assert [len(e.frames_THW3) for e in blocks] == [9, 12, 12]
    assert isinstance(events[-1], Frames)
    assert np.array_equal(events[-1].frames_THW3, np.concatenate([e.frames_THW3 for e in blocks]))
    assert all(np.array_equal(e.frame_HW3, e.frames_THW3[-1]) for e in blocks)


def test_a_clip_that_ends_inside_a_block_is_cut(model):
    request = REQUEST.replaced(num_frames=17)
    *_, short = AutoregressiveEngine(model).generate(request, PLAN, cancel=CancelToken())
    *_, long = AutoregressiveEngine(model).generate(REQUEST, PLAN, cancel=CancelToken())
    assert np.array_equal(short.frames_THW3, long.frames_THW3[:17])


@pytest.mark.parametrize(("mode", "window_blocks"), [("exact", 7), ("fast", 4), ("sketch", 4)])
def test_a_mode_of_speed_is_drawn_in_and_recorded(model, mode, window_blocks):
    request = REQUEST.replaced(mode=mode, num_frames=81)
    *_, frames = AutoregressiveEngine(model).generate(request, PLAN, cancel=CancelToken())
    assert frames.settings["mode"] == mode
    assert frames.settings["window_blocks"] == window_blocks
    *_, exact = AutoregressiveEngine(model).generate(
        REQUEST.replaced(num_frames=81), PLAN, cancel=CancelToken()
    )
    assert np.array_equal(frames.frames_THW3, exact.frames_THW3) == (mode == "exact")


def test_streamed_frames_equal_one_decode_of_all_latents(model):
    drawing = new_drawing(model)
    ends = [list(drawing.draw(seed=1))[-1] for _ in range(6)]
    whole = model.decode(torch.cat([e.latents_BCFhw for e in ends], dim=2))
    torch.testing.assert_close(
        torch.cat([e.frames_BCTHW for e in ends], dim=2), whole, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("stop_after", range(8))
def test_the_engine_stops_between_any_two_events(model, stop_after):
    cancel = CancelToken()
    events = AutoregressiveEngine(model).generate(REQUEST, PLAN, cancel=cancel)
    for _ in range(stop_after + 1):
        next(events)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(events)


@pytest.mark.parametrize("num_turns", [40, pytest.param(300, marks=pytest.mark.slow)])
def test_stopped_turns_leave_no_trace(model, num_turns):
    choices = random.Random(7)
    stopped, undisturbed = new_drawing(model), new_drawing(model)
    for turn in range(num_turns):
        cancel = CancelToken()
        estimates = stopped.draw(seed=900 + turn, cancel=cancel)
        for _ in range(choices.randrange(3)):
            next(estimates)
        if choices.random() < 0.5:
            estimates.close()
        else:
            cancel.cancel()
            with pytest.raises(Cancelled):
                list(estimates)
        if turn % 20 == 0:
            assert torch.equal(*draw(stopped, seed=turn), *draw(undisturbed, seed=turn))
    assert stopped.num_blocks == undisturbed.num_blocks == num_turns // 20


def test_a_finished_block_stays_when_the_drawing_is_stopped_after_it(model):
    cancel = CancelToken()
    drawing, whole = new_drawing(model), new_drawing(model)
    estimates = drawing.draw(seed=1, cancel=cancel)
    shown = [next(estimates) for _ in range(3)]
    cancel.cancel()
    estimates.close()
    assert drawing.num_blocks == 1
    assert shown[-1].frames_BCTHW is not None
    draw(whole, seed=1)
    assert torch.equal(*draw(drawing), *draw(whole))


def test_rewound_and_forked_drawings_go_on_as_fresh_ones(model):
    drawing, fresh = new_drawing(model, num_pages=30), new_drawing(model)
    draw(drawing, 6, seed=1)
    branch = drawing.fork()
    draw(drawing, 2, seed=2)
    drawing.rewind(6)
    draw(fresh, 6, seed=1)
    expected = draw(fresh, 3, seed=4)
    for other in (drawing, branch):
        assert all(torch.equal(a, b) for a, b in zip(draw(other, 3, seed=4), expected, strict=True))


def test_interleaved_drawings_equal_their_solo_runs(model):
    prompts = ("a cat", "head", "circle")
    together = [new_drawing(model, prompt) for prompt in prompts]
    turns = [[draw(drawing, seed=i)[0] for i, drawing in enumerate(together)] for _ in range(6)]
    for i, prompt in enumerate(prompts):
        alone = draw(new_drawing(model, prompt), 6, seed=i)
        assert all(torch.equal(a[i], b) for a, b in zip(turns, alone, strict=True))


def test_shown_frames_are_encoded_as_one_clip(model):
    clip = canvas(model, 33)
    drawing = new_drawing(model)
    latents = [drawing.show(clip[:, :, a:b]) for a, b in ((0, 9), (9, 33))]
    assert drawing.num_blocks == 3
    assert torch.equal(torch.cat(latents, dim=2), model.vae.encode(clip))


def test_frames_shown_after_drawn_ones_continue_their_clip(model):
    """The encoder catches up on what was drawn: equal to encoding the whole film."""
    drawing = new_drawing(model)
    film = [list(drawing.draw(seed=2))[-1].frames_BCTHW for _ in range(2)]
    film.append(canvas(model, 12))
    shown = drawing.show(film[-1])
    whole = model.vae.encode(torch.cat(film, dim=2))
    torch.testing.assert_close(shown, whole[:, :, -3:], atol=1e-6, rtol=0)
    assert drawing.frames_in_next_block() == 12


def test_what_was_shown_decides_what_is_drawn(model):
    results = []
    for seed in (0, 1):
        drawing = new_drawing(model)
        drawing.show(canvas(model, 9, seed))
        results += draw(drawing)
    assert not torch.equal(*results)
    with pytest.raises(InvalidRequest, match="not whole blocks"):
        new_drawing(model).show(canvas(model, 12))


def test_switched_words_equal_a_drawing_shown_under_them(model):
    """Within the window: the past as the new words would have seen it."""
    switched, shown = new_drawing(model, "a cat"), new_drawing(model, "circle")
    latents = draw(switched, 3)
    switched.switch_prompt("circle")
    shown.show_latents(torch.cat(latents, dim=2))
    assert torch.equal(*draw(switched), *draw(shown))


def test_words_can_be_switched_in_an_endless_drawing(model):
    drawing, same = new_drawing(model), new_drawing(model)
    draw(drawing, 9)
    draw(same, 9)
    drawing.switch_prompt("circle")
    assert drawing.num_blocks == 9
    changed = draw(drawing, 6)
    assert not torch.equal(changed[0], draw(same)[0])
    assert not drawing.can_rewind(8)


def test_three_hundred_latent_frames_at_constant_memory(model):
    drawing = new_drawing(model)
    sizes = []
    for block in range(100):
        end = list(drawing.draw(seed=1, timesteps=(1000.0,)))[-1]
        assert end.latents_BCFhw.isfinite().all()
        if block >= 10:
            sizes.append((drawing.num_bytes, drawing.held_bytes(), len(drawing._marks)))
    assert drawing.num_blocks == 100
    assert len(set(sizes)) == 1


@pytest.mark.parametrize(("num_rollout", "count"), [(1, 33), (2, 57), (3, 81)])
def test_rollouts_join_with_nine_frames_of_overlap(model, num_rollout, count):
    engine = AutoregressiveEngine(model)
    events = list(engine.rollout(REQUEST, PLAN, num_rollout=num_rollout, cancel=CancelToken()))
    assert events[-1].frames_THW3.shape == (count, 48, 48, 3)
    assert rollout_frames(num_rollout, 3, 33) == count
    steps = [e for e in events if isinstance(e, Progress)]
    assert steps[-1].step == steps[-1].num_steps
    assert isinstance(events[-2], Preview)


def test_rollout_lengths_are_those_of_the_reference():
    assert [rollout_frames(n, 3) for n in (1, 2, 3)] == [81, 153, 225]


def test_the_second_rollout_begins_with_the_end_of_the_first(model):
    engine = AutoregressiveEngine(model)
    handed = []
    original = engine._handed_on
    engine._handed_on = lambda *args: handed.append((args, original(*args))) or handed[-1][1]
    list(engine.rollout(REQUEST, PLAN, num_rollout=2, cancel=CancelToken()))
    (frames, latents, _), start = handed[0]
    assert start.shape[2] == 3
    assert torch.equal(start[:, :, 1:], latents[:, :, -2:])
    frame = torch.from_numpy(frames[-9].copy()).permute(2, 0, 1)[None, :, None] / 127.5 - 1
    torch.testing.assert_close(start[:, :, :1], model.vae.encode(frame))


def test_a_background_is_the_first_block(model):
    engine = AutoregressiveEngine(model)
    picture = np.full((48, 48, 3), 200, np.uint8)
    fields = {"num_rollout": 1, "background_HW3": picture, "cancel": CancelToken()}
    *_, with_picture = engine.rollout(REQUEST, PLAN, **fields)
    clip = torch.full((1, 3, 9, 48, 48), 200 / 127.5 - 1)
    decoded = model.decode(model.vae.encode(clip))
    first = np.transpose(((decoded[0] + 1) * 127.5).round().numpy(), (1, 2, 3, 0))
    assert np.array_equal(with_picture.frames_THW3[:9], first.astype(np.uint8))
    assert len(with_picture.frames_THW3) == 33
    with pytest.raises(InvalidRequest, match="background is 40 x 48"):
        list(engine.rollout(REQUEST, PLAN, **{**fields, "background_HW3": picture[:, :40]}))


@pytest.mark.parametrize(
    ("changes", "fields", "message"),
    [
        ({"num_frames": 29}, {"num_rollout": 2}, "12n - 3"),
        ({}, {"num_rollout": 0}, "at least 1"),
        ({}, {"num_rollout": 2, "num_overlap_frames": 4}, "multiple of 3"),
        ({}, {"num_rollout": 2, "num_overlap_frames": 9}, "below 9"),
        ({"cfg_scale": 5.0}, {"num_rollout": 1}, "without guidance"),
    ],
)
def test_impossible_rollouts_are_refused(model, changes, fields, message):
    engine = AutoregressiveEngine(model)
    with pytest.raises(InvalidRequest, match=message):
        list(engine.rollout(REQUEST.replaced(**changes), PLAN, cancel=CancelToken(), **fields))


def test_three_steps_are_the_published_ones_and_others_follow_their_schedule():
    assert timesteps_of(None) == timesteps_of(3) == (1000.0, 757.0, 522.0)
    steps = timesteps_of(50)
    assert steps[36] == pytest.approx(756.757, abs=1e-3)
    assert steps[44] == pytest.approx(521.739, abs=1e-3)
