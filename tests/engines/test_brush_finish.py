"""The finish of brush drawings: strokes are painted again where they tell what was drawn."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.events import Frames
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import BrushSpec, SketchRequest
from videosketcher_app.data.brushes.painting import frames
from videosketcher_app.data.grammar.compose import Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.recover import recover_sketch
from videosketcher_app.engines.brush import BrushEngine
from videosketcher_app.engines.brush_color import denser_by
from videosketcher_app.engines.brush_finish import (
    MOST_DENSER,
    NEEDED_AGREEMENT,
    agreement,
    hiding,
    painted_again,
)
from videosketcher_app.engines.brush_frames import boxed, without_box
from videosketcher_app.engines.brush_source import PALEST_DRAWN, understand, vivid
from videosketcher_app.models.tiny import tiny_model

SIZE = (432, 240)
CRAYON = understand(BrushSpec(name="crayon_red"), SIZE)
PLAN = DrawingPlan(concept="a cat", parts=(PlanPart(name="Head", description="circle"),))


@pytest.fixture(scope="module")
def house():
    rng = np.random.default_rng(3)
    return compose(programs()["house"], rng, layout=Layout(fill=0.8), width_px=432, height_px=240)


@pytest.fixture(scope="module")
def smeared(house):
    """What a small model makes of a crayon: the place is right, the texture is gone."""
    soft = [cv2.GaussianBlur(f, (0, 0), 1.5) for f in frames(house.sketch, CRAYON.brush, seed=1)]
    return boxed(np.stack(soft), CRAYON.condition)


def finish(raw, show_box=True):
    painted, sketch, _ = painted_again(
        raw, CRAYON, part_names=["Wall", "Roof"], fps=16, seed=5, show_box=show_box
    )
    return painted, sketch


def test_smeared_strokes_get_the_brushs_own_texture(house, smeared):
    again, sketch = finish(smeared, show_box=False)
    true_HW3 = frames(house.sketch, CRAYON.brush, seed=1)[-1]
    assert again.shape == smeared.shape
    assert again.dtype == np.uint8
    assert agreement(true_HW3, again[-1], CRAYON.brush) >= 0.95

    def grain(picture_HW3):
        """How rough ink is: its difference from itself made smooth, where it is dense."""
        grey = picture_HW3.min(axis=2).astype(np.float32)
        ink = cv2.erode((grey < 160).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        return float(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.5))[ink].mean())

    assert grain(again[-1]) > 2 * grain(smeared[-1])
    assert grain(again[-1]) == pytest.approx(grain(true_HW3), rel=0.3)
    widths = {round(stroke.pen.width_px, 2) for stroke in sketch.strokes}
    assert widths == {round(CRAYON.brush.width_px, 2)}


def test_the_box_is_the_true_one_or_none(smeared):
    with_box, _ = finish(smeared)
    without, _ = finish(smeared, show_box=False)
    assert np.array_equal(with_box[0, :20, :40], CRAYON.condition.pixels_HW3[:20, :40])
    assert (without[0] == 255).all(), "the first frame is blank paper"
    assert np.array_equal(with_box[:, 100:], without[:, 100:])


def test_ink_only_ever_comes(smeared):
    again, _ = finish(smeared)
    assert (np.diff(again.astype(np.int16), axis=0) <= 0).all()


def test_agreement_counts_what_lies_near():
    paper = np.full((240, 432, 3), 255, np.uint8)
    line, near, far, more = (paper.copy() for _ in range(4))
    line[100:106, 50:250] = 0
    near[103:109, 50:250] = 0
    far[200:206, 50:250] = 0
    more[100:106, 50:250] = 0
    more[200:206, 50:250] = 0
    assert agreement(line, line, CRAYON.brush) == 1
    assert agreement(line, near, CRAYON.brush) == 1
    assert agreement(line, far, CRAYON.brush) == 0
    assert agreement(line, more, CRAYON.brush) == agreement(more, line, CRAYON.brush) == 0.5
    assert agreement(line, paper, CRAYON.brush) == agreement(paper, line, CRAYON.brush) == 0


def test_blank_paper_and_blots_stay_as_the_model_drew_them():
    paper = np.full((9, 240, 432, 3), 255, np.uint8)
    frames_of_paper, sketch = finish(boxed(paper, CRAYON.condition))
    assert frames_of_paper is None
    assert not sketch.strokes
    blot = paper.copy()
    cv2.circle(blot[-1], (250, 130), 70, (180, 40, 40), -1)
    blot[5:] = blot[-1]
    painted, sketch = finish(boxed(blot, CRAYON.condition))
    assert painted is None, "its middle line says nothing of a blot"
    assert sketch.strokes, "what was found is kept"


@pytest.mark.parametrize("asked", [None, "brush", "model"])
def test_the_record_says_who_painted(asked):
    request = SketchRequest(prompt="a cat", num_frames=9, seed=5, brush=BrushSpec(color="#aa0000"))
    understood = understand(request.brush, (144, 96))
    engine = BrushEngine(tiny_model(image_conditioned=True), understood, finish=asked)
    *_, last = engine.generate(request, PLAN, cancel=CancelToken())
    assert isinstance(last, Frames)
    said = DrawingPlan(concept="un gato", parts=(PlanPart(name="Cabeza", description=""),))
    result = engine.finished(last.frames_THW3, request, said)
    assert result.sketch.part_names == ("Cabeza",), "in the person's words"
    by_brush = last.settings["painted"] == "reink"
    assert by_brush == np.array_equal(result.frames_THW3, last.frames_THW3)
    assert ("reink" in last.timings) == (asked != "model")
    if asked == "model":
        assert not by_brush
    bare = without_box(result.frames_THW3)
    found = recover_sketch(bare, part_names=["Head"], fps=request.fps)
    if not by_brush:
        of_result, of_frames = (
            [s.points_N2.tolist() for s in k.strokes] for k in (result.sketch, found)
        )
        assert of_result == of_frames, "the strokes are those of the frames"


def test_the_needed_agreement_lets_a_good_drawing_through_and_no_other(house, smeared):
    true_HW3 = frames(house.sketch, CRAYON.brush, seed=1)[-1]
    moved = np.roll(true_HW3, (40, 60), axis=(0, 1))
    assert agreement(smeared[-1][60:], true_HW3[60:], CRAYON.brush) >= NEEDED_AGREEMENT
    assert agreement(moved, true_HW3, CRAYON.brush) < NEEDED_AGREEMENT


@pytest.mark.parametrize("name", ["marker_carrot", "highlighter_yellow", "ink_black"])
@pytest.mark.parametrize("opacity", [0.7, 0.15])
def test_a_pale_drawing_of_double_strokes_is_painted_in_its_color(house, name, opacity):
    shelf = understand(BrushSpec(name=name, width_px=9), SIZE)
    pale = replace(shelf.brush, flow=replace(shelf.brush.flow, opacity=opacity))
    source = replace(shelf, brush=pale)
    double = replace(house.sketch, strokes=house.sketch.strokes * 2)
    raw = boxed(frames(double, vivid(pale), seed=1), source.condition)
    painted, sketch, _ = painted_again(
        raw, source, part_names=["Wall", "Roof"], fps=16, seed=5, show_box=False
    )
    assert painted is not None
    assert denser_by(painted[-1], pale) <= MOST_DENSER
    assert {stroke.pen.color for stroke in sketch.strokes} == {pale.color}


def test_a_model_sees_pale_paint_dark_enough_to_be_found():
    for color in ("#ffffff", "#f0f4ff", "#dddddd"):
        pale = understand(BrushSpec(color=color, width_px=3), SIZE)
        seen, last = pale.tries()
        assert last is pale.condition
        assert 1 - min(vivid(pale.brush).color) >= PALEST_DRAWN
        assert seen.pixels_HW3.mean() < pale.condition.pixels_HW3.mean()
    assert vivid(CRAYON.brush) is CRAYON.brush


def test_see_through_strokes_that_lie_double_hide_each_other(house):
    marker = understand(BrushSpec(name="marker_carrot"), SIZE)
    once = frames(house.sketch, marker.brush, seed=1)[-1]
    twice = (once.astype(np.uint16) * once // 255).astype(np.uint8)
    blank = np.full_like(once, 255)
    assert denser_by(twice, marker.brush) > MOST_DENSER > denser_by(once, marker.brush)
    assert denser_by(blank, marker.brush) == 0
    double = replace(house.sketch, strokes=house.sketch.strokes * 2)
    assert denser_by(frames(double, marker.brush, seed=1)[-1], marker.brush) > MOST_DENSER
    assert denser_by(frames(double, hiding(marker.brush), seed=1)[-1], marker.brush) <= MOST_DENSER
    assert hiding(CRAYON.brush).color == pytest.approx(CRAYON.brush.color, abs=0.06)
