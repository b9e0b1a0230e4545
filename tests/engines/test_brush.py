"""The brush engine: what paints is said, the box lies under the ink, strokes are in the brush's color."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled, InvalidRequest
from videosketcher_app.core.events import Frames, Preview, Progress
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import BrushSpec, SketchRequest
from videosketcher_app.data.brushes.condition import box_size
from videosketcher_app.data.brushes.mark import NoMark
from videosketcher_app.engines.brush import BrushEngine
from videosketcher_app.engines.brush_frames import boxed, cleaned, without_box
from videosketcher_app.engines.brush_source import BROADEST_DRAWN_PX, rgb, understand
from videosketcher_app.models.tiny import tiny_model

PLAN = DrawingPlan(concept="a cat", parts=(PlanPart(name="Head", description="circle"),))
SPEC = BrushSpec(name="gouache_teal")
REQUEST = SketchRequest(prompt="a cat", num_frames=9, seed=5, brush=SPEC)
SIZE = (144, 96)


@pytest.fixture(scope="module")
def models():
    return {"reink": tiny_model(), "model": tiny_model(image_conditioned=True)}


def drawn(model, request=REQUEST, **options):
    engine = BrushEngine(model, understand(request.brush, SIZE), **options)
    events = list(engine.generate(request, PLAN, cancel=CancelToken()))
    assert isinstance(events[-1], Frames)
    return engine, events


@pytest.mark.parametrize("painted", ["reink", "model"])
def test_who_painted_is_said_and_drawings_repeat(models, painted):
    _, events = drawn(models[painted], finish="model")
    last = events[-1]
    assert last.settings["painted"] == painted
    assert last.settings["brush"]["kind"] == "gouache"
    assert last.settings["brush"]["color"] == "#1f8a84"
    assert last.frames_THW3.shape == (9, 96, 144, 3)
    assert sum(isinstance(event, Preview) for event in events) == 2
    _, again = drawn(models[painted], finish="model")
    assert np.array_equal(again[-1].frames_THW3, last.frames_THW3)


def test_the_conditioned_model_sees_the_frame(models):
    _, events = drawn(models["model"])
    other = REQUEST.replaced(brush=BrushSpec(name="ink_black"))
    _, changed = drawn(models["model"], other)
    assert not np.array_equal(events[-1].frames_THW3, changed[-1].frames_THW3)


def test_a_broad_brush_is_drawn_thin_where_its_strokes_are_painted(models):
    broad, thin = (understand(BrushSpec(name="marker_blue", width_px=w), SIZE) for w in (14, 4))
    like_thin = understand(BrushSpec(name="marker_blue", width_px=BROADEST_DRAWN_PX), SIZE)
    seen, last = broad.tries()
    assert np.array_equal(seen.pixels_HW3, like_thin.condition.pixels_HW3)
    assert last is broad.condition
    assert thin.tries() == (thin.condition,)
    engine = BrushEngine(models["model"], broad)
    own, painted = (engine._painter(frame, REQUEST) for frame in (last, seen))
    assert not torch.equal(own.condition_BCFhw, painted.condition_BCFhw)
    assert torch.equal(own.still_BCFhw, painted.still_BCFhw), "the box shows the brush as it is"


def test_a_broad_brush_that_cannot_be_painted_is_drawn_again_as_broad_as_it_is(models):
    spec = BrushSpec(name="marker_blue", width_px=14)
    asked = REQUEST.replaced(brush=spec)
    _, own = drawn(models["model"], asked, finish="model")
    engine, events = drawn(models["model"], asked)  # random weights leave nothing to find
    last = events[-1]
    assert last.settings["painted"] == "model"
    assert np.array_equal(last.frames_THW3, own[-1].frames_THW3)
    assert last.timings["first_try"] > 0
    previews = [event for event in events if isinstance(event, Preview)]
    assert len(previews) == 2 * sum(isinstance(event, Preview) for event in own)
    assert len(engine.finished(last.frames_THW3, asked, PLAN).frames_THW3) == 9


@pytest.mark.parametrize("when", ["first steps", "painting", "second begins"])
def test_a_broad_drawing_that_is_stopped_early_is_kept(models, when):
    asked = REQUEST.replaced(brush=BrushSpec(name="marker_blue", width_px=14))
    engine, cancel = BrushEngine(models["model"], understand(asked.brush, SIZE)), CancelToken()
    seen = []
    for event in engine.generate(asked, PLAN, cancel=cancel):
        kind = (
            f"{event.stage} {event.step}" if isinstance(event, Progress) else type(event).__name__
        )
        seen.append(kind)
        reached = {
            "first steps": kind == "Preview",
            "painting": seen.count("decoding 2") == 2,
            "second begins": seen.count("drawing 0") == 2,
        }
        if reached[when]:
            cancel.finish_early()
    assert isinstance(event, Frames)
    assert event.settings.get("stopped_after") == (1 if when == "first steps" else None)
    assert "first_try" not in event.timings, "the first drawing is what was kept"
    assert seen.count("drawing 0") == (2 if when == "second begins" else 1)


def test_strokes_have_the_brushs_color_and_width(models):
    engine, events = drawn(models["reink"])
    result = engine.finished(events[-1].frames_THW3, REQUEST, PLAN)
    assert np.array_equal(result.frames_THW3, events[-1].frames_THW3)
    assert result.sketch.strokes
    for stroke in result.sketch.strokes:
        assert stroke.pen.color == pytest.approx(rgb("#1f8a84"))
        assert stroke.pen.width_px == pytest.approx(10 * 96 / 240)


@pytest.mark.parametrize("painted", ["reink", "model"])
def test_the_box_can_be_left_out(models, painted):
    for show_box in (True, False):
        engine, events = drawn(models[painted], show_box=show_box)
        finished = engine.finished(events[-1].frames_THW3, REQUEST, PLAN).frames_THW3
        width, height = box_size(SIZE)
        side = finished[0, : height - 3, width - 3 : width].min(axis=1)
        assert bool((side < 60).all()) is show_box


def test_cancel_stops_a_brush_drawing(models):
    cancel = CancelToken()
    engine = BrushEngine(models["reink"], understand(SPEC, SIZE))
    events = engine.generate(REQUEST, PLAN, cancel=cancel)
    next(events)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(events)


def test_the_box_lies_under_the_ink_and_comes_off_again():
    condition = understand(SPEC, (432, 240)).condition
    frames = np.full((5, 240, 432, 3), 255, np.uint8)
    frames[2:, 33:37, 60:200] = (200, 30, 30)  # a stroke through the box's side
    under = boxed(frames, condition)
    assert np.array_equal(under[0, :30, :60], condition.pixels_HW3[:30, :60])
    assert (under[4, 33:37, 100:200] == (200, 30, 30)).all(), "outside nothing changes"
    assert (under[4, 33:37, 60:75] == (200, 30, 30)).all(), "inside the ink shows"
    clean = cleaned(under, condition, show_box=True)
    away = np.ones((240, 432), bool)
    away[30:40, 57:203] = False
    assert np.array_equal(clean[4][away], under[4][away])
    bare = without_box(clean)
    assert (bare[:, :30, :83] == 255).all()
    assert (bare[4, 33:37, 62:78] != 255).any(), "the stroke stays"


def test_a_brush_is_understood_from_the_shelf_a_picture_or_a_color():
    shelf = understand(BrushSpec(name="marker_blue", color="#aa0000", width_px=4))
    assert (shelf.brush.kind, shelf.brush.width_px) == ("marker", 4)
    assert shelf.brush.color == pytest.approx(rgb("#aa0000"))
    line = understand(BrushSpec(color="#00aa00"))
    assert line.brush.kind == "fineliner"
    whole = understand(BrushSpec(name="calligraphy_pink"), (832, 480)).condition.pixels_HW3
    again = understand(BrushSpec(image="frame.png"), (832, 480), picture=whole)
    assert again.condition.ready_made
    assert np.array_equal(again.condition.pixels_HW3, whole), "a ready-made frame stays as it is"
    assert np.abs(np.array(again.brush.color) - rgb("#e651e9")).max() < 0.12
    fixed = understand(BrushSpec(image="frame.png", color="#0000cc"), (832, 480), picture=whole)
    assert not fixed.condition.ready_made


def test_what_is_no_brush_is_refused():
    with pytest.raises(InvalidRequest, match="no brush named") as caught:
        understand(BrushSpec(name="marker_bleu"))
    assert "marker_blue" in caught.value.hint
    blank = np.full((60, 80, 3), 255, np.uint8)
    with pytest.raises(NoMark):
        understand(BrushSpec(image="blank.png"), picture=blank)
