"""Condition frames: layout of the reference, whole frames untouched, the clause once."""

from __future__ import annotations

import numpy as np
import pytest

from tests.data.brushes.degrade import photo_of
from tests.data.clips import drawing
from videosketcher_app.core.geometry import SPATIAL_STRIDE
from videosketcher_app.data.brushes import clause, condition
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.mark import NoMark, find_mark
from videosketcher_app.data.brushes.painting import picture
from videosketcher_app.data.strokes import Sketch

LIBRARY = load_brushes()[0]
SIZES = (condition.POCKET_SIZE_PX, condition.STUDIO_SIZE_PX)


def test_the_box_is_where_the_published_frames_have_it() -> None:
    brush = LIBRARY["calligraphy_pink"].brush
    frame = condition.frame_of_brush(brush, condition.STUDIO_SIZE_PX).pixels_HW3
    assert frame.shape == (480, 832, 3)
    assert frame.dtype == np.uint8
    black = (frame < 60).all(-1)
    rows, columns = np.nonzero(black)
    assert (columns.max(), rows.max()) == (156, 78)
    assert black[:77, 155].all()
    assert black[77:79, :155].all()
    assert (frame[0, :150] == 255).all(), "the box is open at the top"
    assert (frame[:70, 0] == 255).all(), "and at the left"
    outside = frame.copy()
    outside[:80, :158] = 255
    assert (outside == 255).all()
    inked = (frame[:74, :152] < 200).any(-1)
    rows, columns = np.nonzero(inked)
    assert 18 <= rows.min() <= 22
    assert 53 <= rows.max() <= 57
    assert columns.min() == pytest.approx(25, abs=5)
    assert columns.max() == pytest.approx(130, abs=6)
    crest = columns[rows.argmin()]
    trough = columns[rows.argmax()]
    assert 40 < crest < 65 < 85 < trough < 112


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LIBRARY)
def test_every_brush_stays_inside_its_box(name: str, size: tuple[int, int]) -> None:
    frame = condition.frame_of_brush(LIBRARY[name].brush, size).pixels_HW3
    assert frame.shape == (size[1], size[0], 3)
    assert not size[0] % SPATIAL_STRIDE
    inner = frame[: round(0.155 * size[1]), : round(0.18 * size[0])]
    assert (inner < 235).any(-1).mean() > 0.01
    assert (inner[0] == 255).all()
    assert (inner[:, 0] == 255).all()
    assert condition.is_condition_frame(frame)


@pytest.mark.parametrize("size", SIZES)
def test_a_whole_frame_is_passed_on_unchanged(size: tuple[int, int]) -> None:
    ready = condition.frame_of_brush(LIBRARY["ink_indigo"].brush, size).pixels_HW3
    frame = condition.frame_of_picture(ready, size)
    assert frame.ready_made
    np.testing.assert_array_equal(frame.pixels_HW3, ready)
    other = SIZES[size == SIZES[0]]
    assert condition.frame_of_picture(ready, other).pixels_HW3.shape == (other[1], other[0], 3)


def test_a_mark_is_not_a_whole_frame() -> None:
    photo = photo_of(LIBRARY["marker_blue"].brush, 1)
    frame = condition.frame_of_picture(photo.pixels_HW3)
    assert not frame.ready_made
    assert frame.mark is not None
    assert not condition.is_condition_frame(photo.pixels_HW3)
    assert condition.is_condition_frame(frame.pixels_HW3)


def test_a_color_and_a_width() -> None:
    frame = condition.frame_of_color((0.1, 0.5, 0.2), 6.0).pixels_HW3
    box = frame[:36, :76].reshape(-1, 3)
    inked = box[(box < 120).any(-1)]
    np.testing.assert_allclose(np.median(inked, 0) / 255, (0.1, 0.5, 0.2), atol=0.03)


def test_the_users_width_and_color_are_followed() -> None:
    mark = find_mark(photo_of(LIBRARY["gouache_teal"].brush, 3).pixels_HW3)
    fitted = condition.frame_width_px(mark)
    wide = condition.frame_of_mark(mark, width_px=2 * fitted).pixels_HW3
    plain = condition.frame_of_mark(mark).pixels_HW3
    assert (wide[:36, :76] < 200).any(-1).sum() > 1.3 * (plain[:36, :76] < 200).any(-1).sum()
    red = condition.frame_of_mark(mark.corrected(color=(0.9, 0.1, 0.1))).pixels_HW3
    inked = red[:36, :76][(red[:36, :76] < 140).any(-1)]
    np.testing.assert_allclose(np.median(inked, 0) / 255, (0.9, 0.1, 0.1), atol=0.14)


def test_a_scribble_a_swatch_and_an_eyedropped_stroke() -> None:
    scribble = np.zeros((240, 432, 4), np.uint8)
    scribble[100:110, 60:300] = (20, 60, 200, 255)
    assert condition.frame_of_picture(scribble).mark is not None
    swatch = np.full((120, 160, 3), (200, 40, 60), np.uint8)
    frame = condition.frame_of_picture(swatch)
    assert frame.mark is not None
    assert frame.mark.swatch
    assert (np.abs(frame.pixels_HW3.astype(int) - (200, 40, 60)).max(-1) < 6).sum() > 200
    sketch = drawing("cat").sketch
    stroke = max(sketch.strokes, key=lambda s: s.length_px)
    dropped = condition.frame_of_stroke(stroke, sketch, LIBRARY["crayon_red"].brush)
    assert condition.is_condition_frame(dropped.pixels_HW3)
    assert (dropped.pixels_HW3[:36, :76] < 200).any(-1).sum() > 20


def test_blank_paper_is_refused() -> None:
    with pytest.raises(NoMark, match="no mark found"):
        condition.frame_of_picture(np.full((240, 432, 3), 255, np.uint8))


def test_the_box_is_laid_over_a_result() -> None:
    frame = condition.frame_of_brush(LIBRARY["marker_green"].brush)
    result = picture(Sketch(strokes=drawing("cat").sketch.strokes), LIBRARY["ink_black"].brush)
    laid = condition.with_box(result, frame)
    width, height = condition.box_size(condition.POCKET_SIZE_PX)
    np.testing.assert_array_equal(laid[:height, :width], frame.pixels_HW3[:height, :width])
    np.testing.assert_array_equal(laid[height:], result[height:])


@pytest.mark.parametrize(
    "text",
    [
        "a cat",
        "a cat, using the color and style of the brush shown in the top-left corner",
        "a cat, using the colour and style of the brush shown in the top left corner,",
        "a cat, in the style and texture of the brush in the upper left",
        "a cat painted with the brush from the top-left box",
        "a cat, with the brush shown in the top-left corner",
        "a cat, matching the color of the brush",
    ],
)
def test_the_clause_is_there_once_whatever_its_wording(text: str) -> None:
    once = clause.with_clause(text)
    assert once == f"a cat{clause.BRUSH_CLAUSE}"
    assert clause.with_clause(once) == once
    assert clause.has_clause(once)
    order = ", following this drawing order: 1. brush – a brush in the top-left corner."
    assert clause.with_clause(text.rstrip(",") + order) == once + order


def test_a_drawing_of_a_brush_keeps_its_brush() -> None:
    assert clause.with_clause("a man with a brush") == f"a man with a brush{clause.BRUSH_CLAUSE}"
    assert not clause.has_clause("a tooth brush in a cup")
