"""The brush engine: the core pen's pixels, frames, media, determinism and speed."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from tests.data.clips import CONCEPTS, drawing, line, small_sketch
from videosketcher_app.data import renderer
from videosketcher_app.data.brushes import painting
from videosketcher_app.data.brushes.layers import brush_of, stroke_layer
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.model import Brush, Edge, Flow, Nib, Pigment
from videosketcher_app.data.brushes.swatch import path_stroke, sketch_of_path, spiral_points
from videosketcher_app.data.strokes import Pen, Sketch

LIBRARY = load_brushes()[0]
MEDIA = {entry.medium: entry.brush for entry in LIBRARY.values()}
ROUND = Brush(kind="gouache", width_px=8)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_the_core_pen_gives_the_renderers_pixels(concept: str) -> None:
    sketch = drawing(concept).sketch
    brushes = [brush_of(stroke.pen) for stroke in sketch.strokes]
    np.testing.assert_array_equal(painting.frames(sketch, brushes), renderer.frames(sketch))


def test_the_core_pen_gives_the_renderers_pixels_at_another_size_and_with_colors() -> None:
    pens = (
        Pen(width_px=7, color=(0.2, 0.4, 0.9), opacity=0.6, nib="chisel"),
        Pen(width_px=9, color=(1, 0.8, 0), opacity=0.7),
    )
    sketch = small_sketch(
        line([(5, 5), (80, 60)], 8, 15, pens[0]), line([(5, 60), (80, 5)], 1, 12, pens[1])
    )
    scale = sketch.height_px / 240
    brushes = [brush_of(pen, scale) for pen in pens]
    painted = painting.picture(sketch, brushes, width_px=192, height_px=144).astype(int)
    truth = renderer.frames(sketch, 192, 144)[-1]
    assert np.abs(painted - truth).max() <= 1  # the width went through a division


@pytest.mark.parametrize("medium", MEDIA)
def test_every_medium_paints_the_same_again_and_ends_as_its_picture(medium: str) -> None:
    sketch = drawing("cat").sketch
    ink = painting.ink_of(sketch, MEDIA[medium], seed=4)
    *_, last = painting.frames_of(ink)
    np.testing.assert_array_equal(last, painting.picture_of(ink))
    np.testing.assert_array_equal(last, painting.picture(sketch, MEDIA[medium], seed=4))
    assert (last < 200).any(-1).mean() > 0.005
    first = next(painting.frames_of(ink))
    assert (first == 255).all()


@pytest.mark.parametrize("medium", sorted(MEDIA.keys() - {"pen"}))
def test_ink_never_goes_away(medium: str) -> None:
    clip = painting.frames(drawing("bird").sketch, MEDIA[medium], seed=1).astype(np.int16)
    if MEDIA[medium].pigment.streaks == 0 and MEDIA[medium].flow.see_through == 1:
        assert (np.diff(clip, axis=0) <= 1).all()
    inked = (clip < 245).any(-1)
    assert (inked[:-1] & ~inked[1:]).mean() < 1e-4


def test_another_seed_is_another_paper() -> None:
    sketch = drawing("cat").sketch
    one, other = (painting.picture(sketch, MEDIA["crayon"], seed=s) for s in (1, 2))
    assert (one != other).any(-1).mean() > 0.005


def test_the_cutout_over_white_is_the_picture() -> None:
    for medium in ("marker", "gouache", "ink", "spray"):
        ink = painting.ink_of(drawing("house").sketch, MEDIA[medium])
        cutout = painting.cutout_of(ink).astype(np.float32) / 255
        over = 1 + cutout[..., 3:] * (cutout[..., :3] - 1)
        assert np.abs(over * 255 - painting.picture_of(ink)).max() <= 2


def test_a_chisel_is_thick_and_thin_by_direction() -> None:
    nib = Nib(shape="chisel", angle=np.pi / 2, thickness=0.15, corner=0.2, pressure=0)
    brush = Brush(kind="calligraphy", width_px=12, nib=nib)
    across = painting.picture(_straight((60, 120), (370, 120)), brush)
    down = painting.picture(_straight((200, 40), (200, 200)), brush)
    thick = (across[:, 200, 0] < 128).sum()
    thin = (down[120, :, 0] < 128).sum()
    assert thick == pytest.approx(12, abs=1.5)
    assert thin <= 3


def test_marker_is_darker_where_it_overlaps_and_gouache_hides() -> None:
    strokes = (*_straight((60, 120), (370, 120)).strokes, *_straight((200, 40), (200, 200)).strokes)
    cross = Sketch(strokes=strokes)
    marker = replace(MEDIA["marker"], pigment=Pigment(), width_px=14)
    painted = painting.picture(cross, marker).astype(int)
    assert painted[120, 200].sum() < painted[120, 100].sum() - 40
    gouache = replace(MEDIA["gouache"], pigment=Pigment(), width_px=14, flow=Flow())
    painted = painting.picture(cross, gouache).astype(int)
    assert abs(painted[120, 200].sum() - painted[120, 100].sum()) <= 3


@pytest.mark.parametrize("build_up", [0.0, 1.0])
def test_a_stroke_that_crosses_itself_builds_up_only_if_told(build_up: float) -> None:
    angle = np.linspace(0, 2 * np.pi, 200)
    eight = np.stack([216 + 110 * np.sin(angle), 120 + 70 * np.sin(2 * angle)], 1)
    brush = replace(ROUND, width_px=12, flow=Flow(opacity=0.5, build_up=build_up))
    level = painting.picture(sketch_of_path(eight, 432, 240), brush)[..., 0].astype(int)
    single = int(np.median(level[level < 200]))
    crossing = level[118:123, 214:219].mean()
    if build_up:
        assert crossing < single - 35
    else:
        assert abs(crossing - single) <= 3
    # No seam where one pass goes on as the next: nothing along the curve is lighter than it.
    inner = (
        renderer.picture(Sketch(strokes=(replace(path_stroke(eight), pen=Pen(width_px=4)),)))[
            ..., 0
        ]
        < 20
    )
    assert level[inner].max() <= single + 4


def test_ink_runs_from_faint_to_dense() -> None:
    brush = replace(ROUND, flow=Flow(start=0.3, end=1, run_widths=20))
    row = painting.picture(_straight((60, 120), (370, 120)), brush)[120, :, 0].astype(int)
    assert row[80] > 150
    assert row[300] < 10
    assert (np.diff(row[70:220]) <= 1).all()


def test_wet_edges_are_darker_than_the_middle() -> None:
    brush = replace(ROUND, width_px=16, edge=Edge(wet=0.6), flow=Flow(opacity=0.6))
    column = painting.picture(_straight((60, 120), (370, 120)), brush)[:, 200, 0].astype(int)
    assert column[108:133].min() < column[120] - 15


def test_dots_and_strokes_off_the_canvas() -> None:
    dot = line([(48, 36)], 3, 3)
    painted = painting.picture(small_sketch(dot), replace(ROUND, width_px=30))
    assert 20 < (painted < 128).all(-1).sum() < 120
    away = stroke_layer(line([(-90, -90), (-70, -80)], 0, 2), ROUND, 96, 72)
    assert away is None
    blank = small_sketch(line([(-90, -90), (-70, -80)], 0, 2))
    assert (painting.picture(blank, ROUND) == 255).all()
    assert all((frame == 255).all() for frame in painting.stream_frames(small_sketch(), ROUND))


def test_sizes_agree() -> None:
    """The same sketch at twice the size, made small again, is the same painting."""
    sketch = sketch_of_path(spiral_points(432, 240), 432, 240)
    for medium in ("calligraphy", "marker", "gouache"):
        small = painting.picture(sketch, MEDIA[medium], seed=2).astype(float)
        large = painting.picture(sketch, MEDIA[medium], seed=2, width_px=864, height_px=480)
        halved = large.reshape(240, 2, 432, 2, 3).mean((1, 3))
        assert np.abs(halved - small).mean() < 2.5


def test_speed() -> None:
    """Bars of the issue with room for a busy machine: processor time of one core."""
    sketch = drawing("cat").sketch
    painting.picture(sketch, MEDIA["gouache"])  # makes the noise tiles
    start = time.process_time()
    painting.picture(sketch, MEDIA["gouache"])
    assert time.process_time() - start < 0.4
    start = time.process_time()
    painting.picture(sketch, MEDIA["dry_brush"], width_px=1920, height_px=1080)
    assert time.process_time() - start < 5


def _straight(start: tuple[float, float], end: tuple[float, float]) -> Sketch:
    points = np.linspace(start, end, 60)
    stroke = path_stroke(points)
    return Sketch(strokes=(replace(stroke, pressure_N=np.ones(60, np.float32)),), num_frames=49)
