from __future__ import annotations

import numpy as np
import pytest

from tests.data.clips import drawing, line, small_sketch
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data import renderer
from videosketcher_app.data.ingest.ordering import ordered
from videosketcher_app.data.ingest.pictures import read_layers, read_scan
from videosketcher_app.data.strokes import Pen, Sketch
from videosketcher_app.evaluation.strokes import ink_iou

RED, GREEN = (0.9, 0.1, 0.1), (0.1, 0.6, 0.2)


def scanned(sketch: Sketch) -> np.ndarray:
    """A scan of twice the size: tinted, unevenly lit, noisy."""
    x, y = np.meshgrid(np.linspace(-1, 1, 864), np.linspace(-1, 1, 480))
    light = (1 - 0.15 * x - 0.1 * y**2)[..., None] * np.array([0.97, 0.93, 0.85])
    noise = np.random.default_rng(0).normal(0, 3, (480, 864, 3))
    return np.clip(renderer.picture(sketch, 864, 480) * light + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("concept", ["cat", "house"])
def test_a_scan_is_traced(concept: str) -> None:
    sketch = drawing(concept).sketch
    found = read_scan(scanned(sketch))
    again = Sketch(strokes=found.strokes, width_px=found.width, height_px=found.height)
    assert ink_iou(renderer.picture(again.scaled(432, 240)), renderer.picture(sketch)) >= 0.95
    assert all(a.end < b.start for a, b in zip(found.strokes, found.strokes[1:], strict=False))
    assert found.origin == "scan"


def test_layers_are_drawn_color_by_color_darkest_first() -> None:
    sketch = small_sketch(
        line([(10, 10), (80, 10)], 1, 2, Pen(color=RED)),
        line([(10, 60), (80, 60)], 3, 4),
        line([(10, 40), (80, 40)], 5, 6, Pen(color=GREEN)),
        line([(10, 25), (80, 25)], 7, 8, Pen(color=RED)),
    )
    rgb = renderer.picture(sketch, 432, 324)
    alpha = np.where(rgb.min(axis=2) < 250, 255, 0).astype(np.uint8)
    hidden = np.where(alpha[..., None] > 0, rgb, (255, 0, 255)).astype(np.uint8)
    found = read_layers(np.dstack([hidden, alpha]))
    colors = [tuple(round(c) for c in s.pen.color) for s in found.strokes]
    assert len(colors) == 4
    assert colors[0] == (0, 0, 0)
    assert sorted(colors[1:]) == [(0, 1, 0), (1, 0, 0), (1, 0, 0)]
    reds = [i for i, color in enumerate(colors) if color == (1, 0, 0)]
    assert reds[1] - reds[0] == 1
    assert found.origin == "image"


def test_areas_are_hatched() -> None:
    rgba = np.zeros((240, 432, 4), np.uint8)
    rgba[60:180, 100:300] = (200, 40, 40, 255)
    found = read_layers(rgba)
    picture = renderer.picture(
        Sketch(strokes=found.strokes, width_px=found.width, height_px=found.height)
    )
    assert (picture[70:170, 110:290, 1] < 120).mean() > 0.97


def test_a_plan_orders_the_strokes_of_a_scan() -> None:
    head = line([(30, 10), (66, 10), (66, 36), (30, 36), (30, 10)], 0, 1)
    legs = [line([(x, 50), (x, 70)], 0, 1) for x in (36, 60)]
    roof = [PlanPart(name="Legs", description="two lines at the bottom center")]
    top = [PlanPart(name="Head", description="large square at the top center")]
    for parts, first in ((roof + top, 0), (top + roof, 2)):
        plan = DrawingPlan(concept="a stool", parts=tuple(parts))
        found = ordered([head, *legs] if first == 0 else [*legs, head], plan)
        assert [s.part for s in found] == sorted(s.part for s in found)
        big = [i for i, s in enumerate(found) if len(s.points_N2) == 5]
        assert big == [2 - first]


def test_without_a_plan_large_shapes_come_first_and_neighbors_follow() -> None:
    body = line([(10, 10), (60, 10), (60, 60), (10, 60)], 0, 1)
    eye = line([(20, 20), (26, 20)], 0, 1)
    far = line([(85, 10), (85, 30)], 0, 1)
    found = ordered([far, eye, body])
    assert found[0] is body
    assert found[-1].points_N2[0, 0] == 85
    assert ordered([]) == []


def test_what_holds_no_lines_says_so() -> None:
    white = np.full((200, 300, 3), 250, np.uint8)
    with pytest.raises(InvalidFile, match="No lines"):
        read_scan(white)
    with pytest.raises(InvalidFile, match="No lines"):
        read_layers(np.zeros((200, 300, 4), np.uint8))
    dark = np.zeros((200, 300, 4), np.uint8)
    dark[..., 3] = 255
    with pytest.raises(InvalidFile, match="ink than paper"):
        read_layers(dark)
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    with pytest.raises(InvalidFile):
        read_scan(noise)
