from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.ingest import measure
from tests.data.clips import line, small_sketch
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data import renderer
from videosketcher_app.data.ingest.film_ink import film_ink
from videosketcher_app.data.ingest.moments import MAX_MOMENTS, moments_of
from videosketcher_app.data.ingest.paper import Paper, find_paper, paper_surface, whitened
from videosketcher_app.data.ingest.recordings import read_recording
from videosketcher_app.data.strokes import Pen


def film() -> np.ndarray:
    """21 frames of 72x96: one line, then another below it."""
    return renderer.frames(
        small_sketch(line([(8, 20), (88, 20)], 2, 8), line([(8, 50), (88, 50)], 10, 15))
    )


@pytest.mark.parametrize("case", [10, 19, 32], ids=["hand", "pen", "arrow"])
def test_screen_recordings_are_read_back(case: int, tmp_path: Path) -> None:
    found = measure(case, tmp_path)
    assert found["order"] >= 0.95
    assert found["part_order"] >= 0.95
    assert found["iou"] >= 0.9


def test_what_passes_over_the_paper_is_no_ink_and_changes_no_time() -> None:
    frames = film()
    passing = frames.copy()
    for moment in range(21):
        x = 4 * moment
        passing[moment, 10:60, x : x + 6] = (205, 160, 130) if moment % 2 else (20, 20, 20)
    true, found = film_ink(frames).ink, film_ink(passing).ink
    same = (true.darkness_HW > 0.5) == (found.darkness_HW > 0.5)
    assert same.mean() > 0.99
    both = (true.darkness_HW > 0.5) & (found.darkness_HW > 0.5)
    assert np.quantile(np.abs(true.times_HW - found.times_HW)[both], 0.9) <= 2


def test_a_pen_that_rests_on_the_drawing_in_the_end_is_no_ink() -> None:
    frames = np.concatenate([film(), np.repeat(film()[-1:], 4, axis=0)])
    blue = (30, 60, 200)
    for moment in range(25):
        x = 66 if moment > 20 else 7 * moment % 60
        frames[moment, 28:44, x : x + 12] = blue
    ink = film_ink(frames).ink
    assert not (ink.darkness_HW[30:42, 68:76] > 0.1).any()
    assert (ink.darkness_HW[20, 10:86] > 0.5).all()


def test_a_preview_of_the_finished_drawing_is_left_out() -> None:
    frames = film()
    preview = np.concatenate([np.repeat(frames[-1:], 6, axis=0), frames])
    found = film_ink(preview)
    assert found.there_before < 0.05
    true = film_ink(frames).ink
    ink = true.darkness_HW > 0.5
    np.testing.assert_allclose(found.ink.times_HW[ink], true.times_HW[ink] + 6, atol=0.6)


def test_a_recording_without_drawing_says_so() -> None:
    still = np.full((40, 96, 128, 3), 240, np.uint8)
    with pytest.raises(InvalidFile, match="stands still"):
        read_recording(still, 16)
    cursor = still.copy()
    for moment in range(40):
        cursor[moment, 40:48, 2 * moment : 2 * moment + 8] = 0
    with pytest.raises(InvalidFile, match="No ink"):
        read_recording(cursor, 16)


def test_a_recording_that_begins_finished_says_so() -> None:
    frames = np.repeat(film()[-1:], 40, axis=0).copy()
    for moment in range(40):
        frames[moment, 60:66, 2 * moment : 2 * moment + 6] = (200, 80, 40)
    frames[20:, 4:6, 40:60] = 0
    with pytest.raises(InvalidFile, match="begins with the drawing finished"):
        read_recording(frames, 16)


def test_idle_stretches_are_shortened_and_long_films_thinned() -> None:
    frames = film()
    idle = np.concatenate([frames[:12], np.repeat(frames[11:12], 200, axis=0), frames[12:]])
    moments = moments_of(idle, 16)
    assert moments.seconds_M[-1] < 2
    rng = np.random.default_rng(0)
    restless = rng.integers(0, 255, (MAX_MOMENTS + 50, 8, 8, 3)).astype(np.uint8)
    assert len(moments_of(restless, 16).frames_M) <= MAX_MOMENTS


def test_only_the_longest_shot_counts() -> None:
    title = np.zeros((5, 72, 96, 3), np.uint8)
    title[2:, 30:40, 30:60] = 255
    moments = moments_of(np.concatenate([title, film()]), 16)
    assert moments.frames_M[0] == 5


def test_light_ink_on_a_dark_canvas_is_drawn_dark_on_white() -> None:
    sketch = small_sketch(line([(8, 36), (88, 36)], 1, 18, Pen(width_px=1)))
    chalk = 30 + (255 - renderer.frames(sketch, 432, 324)) // 5 * 4
    found = read_recording(chalk, 16)
    (stroke,) = found.strokes
    assert max(stroke.pen.color) < 0.2
    assert stroke.points_N2[0, 0] < stroke.points_N2[-1, 0]


def page(width: int = 480, height: int = 300) -> np.ndarray:
    """A drawing on paper of a size."""
    sketch = small_sketch(line([(20, 20), (70, 20), (70, 50), (20, 50)], 1, 18))
    return renderer.picture(sketch, width, height)


def drawn_on(picture: np.ndarray) -> np.ndarray:
    return picture.min(axis=2) < 60


def test_paper_is_found_to_the_pixel() -> None:
    screen = np.full((400, 700, 3), (190, 192, 196), np.uint8)
    screen[41:341, 77:557] = (page() * np.array([0.97, 0.95, 0.88])).astype(np.uint8)
    paper = find_paper(screen, drawn_on(screen))
    assert paper.corners_42.tolist() == [[77, 41], [557, 41], [557, 341], [77, 341]]
    assert paper.canvas[0] / paper.canvas[1] == pytest.approx(480 / 300, abs=0.02)


def test_a_sheet_at_an_angle_is_laid_flat() -> None:
    corners = np.array([(120, 60), (590, 90), (560, 380), (90, 330)], np.float32)
    flat = np.array([(0, 0), (480, 0), (480, 300), (0, 300)], np.float32)
    warp = cv2.getPerspectiveTransform(flat, corners)
    ground = np.full((440, 700, 3), 70, np.uint8)
    desk = cv2.warpPerspective(page(), warp, (700, 440), dst=ground, borderMode=5)
    desk = np.asarray(desk, np.uint8)
    paper = find_paper(desk, desk.min(axis=2) < 30)
    assert np.abs(paper.corners_42 - corners).max() < 5


def test_without_edges_the_whole_picture_is_paper() -> None:
    picture = page()
    corners = find_paper(picture, drawn_on(picture)).corners_42
    assert corners.tolist() == [[0, 0], [480, 0], [480, 300], [0, 300]]


def test_uneven_tinted_paper_becomes_white_and_ink_stays() -> None:
    x, y = np.meshgrid(np.linspace(-1, 1, 480), np.linspace(-1, 1, 300))
    light = (1 - 0.15 * x - 0.1 * y**2)[..., None] * np.array([0.95, 0.92, 0.8])
    shaded = np.clip(page() * light, 0, 255).astype(np.uint8)
    white = whitened(shaded, paper_surface(shaded))
    assert (255 - white[page().min(axis=2) == 255].astype(int)).max() <= 16
    assert white[page().max(axis=2) == 0].max() <= 16


def test_a_canvas_has_the_shape_of_its_paper() -> None:
    square = Paper(corners_42=np.array([(0, 0), (90, 0), (90, 90), (0, 90)], np.float32))
    width, height = square.canvas
    assert width == height
    assert square.flat(np.zeros((100, 100, 3), np.uint8)).shape == (height, width, 3)
