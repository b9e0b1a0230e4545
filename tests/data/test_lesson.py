from __future__ import annotations

import numpy as np

from tests.data.clips import drawing, small_sketch
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data import renderer
from videosketcher_app.data.lesson import lesson_sheet, lesson_steps
from videosketcher_app.evaluation.strokes import ink_iou


def test_every_step_shows_earlier_parts_in_grey_and_its_own_in_black() -> None:
    sketch = drawing("cat").sketch
    steps = lesson_steps(sketch, width_px=432)
    assert len(steps) == len(sketch.part_names)
    for part, step in enumerate(steps):
        darkest = {
            stroke.part: int(step[row, column].max())
            for stroke in sketch.strokes
            for column, row in [np.round(stroke.points_N2[len(stroke.points_N2) // 2]).astype(int)]
        }
        assert all(darkest[new] < 40 for new in darkest if new == part)
        assert all(darkest[earlier] < 200 for earlier in darkest if earlier < part)
    assert (steps[0] == 255).mean() > (steps[-1] == 255).mean()


def test_the_last_step_holds_the_whole_drawing() -> None:
    sketch = drawing("cat").sketch
    last = lesson_steps(sketch, width_px=432)[-1]
    grey_is_ink = np.where(last < 250, 0, 255).astype(np.uint8)
    assert ink_iou(grey_is_ink, renderer.picture(sketch), tolerance_px=1) >= 0.999


def test_the_sheet_is_wide_enough_to_print_and_the_same_every_time() -> None:
    composition = drawing("cat")
    sheet = lesson_sheet(composition.sketch, composition.plan)
    assert sheet.shape[1:] == (2480, 3)
    assert sheet.dtype == np.uint8
    np.testing.assert_array_equal(sheet, lesson_sheet(composition.sketch, composition.plan))
    assert (sheet[:20] == 255).all()


def test_captions_are_drawn_and_long_ones_wrap() -> None:
    composition = drawing("cat")
    plain = DrawingPlan(
        concept="a cat", parts=tuple(PlanPart(name="Part") for _ in composition.plan.parts)
    )
    long = DrawingPlan(
        concept="a cat",
        parts=tuple(PlanPart(name="Chat é 猫", description="wide " * 40) for _ in plain.parts),
    )
    small = lesson_sheet(composition.sketch, plain, width_px=620)
    assert lesson_sheet(composition.sketch, long, width_px=620).shape[0] > small.shape[0]


def test_an_empty_sketch_gives_a_sheet_with_a_title() -> None:
    plan = DrawingPlan(concept="nothing", parts=(PlanPart(name="Part"),))
    sheet = lesson_sheet(small_sketch(), plan, width_px=400)
    assert (sheet < 255).any()
