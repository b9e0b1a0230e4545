from __future__ import annotations

import numpy as np
import pytest

from tests.data.clips import clip, drawing, line, small_sketch
from videosketcher_app.data import renderer
from videosketcher_app.data.strokes import Pen, Sketch


def frames_by_full_canvas(sketch: Sketch) -> np.ndarray:
    """The slow twin: every stroke composited over its whole box in every frame."""
    shape = (sketch.num_frames, sketch.height_px, sketch.width_px, 3)
    paper = np.ones(shape, np.float32)
    index = np.arange(sketch.num_frames, dtype=np.float32)[:, None, None]
    for layer in renderer.ink_layers(sketch):
        h, w = layer.coverage_HW.shape
        box = paper[:, layer.top : layer.top + h, layer.left : layer.left + w]
        shown = layer.coverage_HW * (layer.times_HW <= index)
        box += shown[..., None] * (np.asarray(layer.color, np.float32) - box)
    return np.round(paper * 255).astype(np.uint8)


@pytest.mark.parametrize("concept", ["cat", "bicycle"])
def test_frames_equal_those_of_the_slow_twin(concept: str) -> None:
    np.testing.assert_array_equal(clip(concept), frames_by_full_canvas(drawing(concept).sketch))


def test_frames_equal_the_slow_twin_for_see_through_ink_that_overlaps_out_of_order() -> None:
    sketch = small_sketch(
        line([(10, 36), (80, 36)], 12, 18, Pen(color=(1, 0, 0), width_px=9, opacity=0.5)),
        line([(45, 5), (45, 66)], 2, 8, Pen(color=(0, 0, 1), width_px=7, opacity=0.7)),
        line([(5, 5), (90, 66)], 15, 40, Pen(width_px=2)),
    )
    np.testing.assert_array_equal(renderer.frames(sketch), frames_by_full_canvas(sketch))


def test_the_last_frame_of_a_finished_clip_is_the_picture_but_for_its_faintest_edges() -> None:
    change = np.abs(clip("cat")[-1].astype(int) - renderer.picture(drawing("cat").sketch))
    assert change.max() <= 255 * renderer.EDGE_COVERAGE


def test_a_sketch_without_strokes_is_blank_paper() -> None:
    assert (renderer.frames(small_sketch()) == 255).all()


def test_a_clip_can_be_rendered_at_another_size() -> None:
    assert renderer.frames(drawing("cat").sketch, 216, 120).shape == (81, 120, 216, 3)
