"""The streaming renderer against its slow twin."""

from __future__ import annotations

import numpy as np
import pytest

from tests.data.clips import CONCEPTS, drawing, line, small_sketch
from videosketcher_app.data import renderer
from videosketcher_app.data.frame_stream import stream_frames
from videosketcher_app.data.strokes import Pen


@pytest.mark.parametrize("concept", CONCEPTS)
def test_frames_equal_the_renderer(concept: str) -> None:
    sketch = drawing(concept).sketch
    np.testing.assert_array_equal(np.stack(list(stream_frames(sketch))), renderer.frames(sketch))


def test_frames_equal_the_renderer_at_another_size() -> None:
    sketch = drawing("cat").sketch
    streamed = np.stack(list(stream_frames(sketch, 650, 360)))
    np.testing.assert_array_equal(streamed, renderer.frames(sketch, 650, 360))


def test_colors_and_opacity_cover_as_in_the_renderer() -> None:
    under = line([(5, 5), (80, 60)], 8, 15, Pen(width_px=9, color=(0.2, 0.4, 0.9), opacity=0.6))
    over = line([(5, 60), (80, 5)], 1, 12, Pen(width_px=9, color=(1, 0.8, 0), opacity=0.7))
    sketch = small_sketch(under, over)
    np.testing.assert_array_equal(np.stack(list(stream_frames(sketch))), renderer.frames(sketch))


def test_a_blank_sketch_is_white() -> None:
    assert all((frame == 255).all() for frame in stream_frames(small_sketch()))
