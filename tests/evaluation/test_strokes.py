from __future__ import annotations

import pytest

from tests.data.clips import line, small_sketch
from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.curves import ellipse
from videosketcher_app.data.ink import ink_map
from videosketcher_app.evaluation.strokes import DrawnScore, fewest_strokes, median_of_drawn

ACROSS, DOWN = [(10.0, 36.0), (86.0, 36.0)], [(48.0, 10.0), (48.0, 62.0)]
STEM = [(48.0, 36.0), (48.0, 62.0)]
RING = [(float(x), float(y)) for x, y in ellipse(48, 36, 20)]


@pytest.mark.parametrize(
    ("lines", "fewest"),
    [([], 0), ([ACROSS], 1), ([RING], 1), ([ACROSS, DOWN], 2), ([ACROSS, STEM], 2)],
    ids=["blank", "line", "ring", "cross", "T"],
)
def test_fewest_strokes_of_simple_figures(lines: list[list], fewest: int) -> None:
    sketch = small_sketch(*(line(points, 1, 9) for points in lines))
    assert fewest_strokes(ink_map(renderer.frames(sketch))) == fewest


def test_the_median_drawing_keeps_all_figures() -> None:
    rows = [DrawnScore(iou=i, order=i, stroke_count_ratio=i, fewest_ratio=i) for i in (0, 1, 5)]
    assert median_of_drawn(rows) == rows[1]
