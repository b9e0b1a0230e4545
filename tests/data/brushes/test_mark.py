"""Mark finding on bad photos and hostile pictures: figures with bars, and clear sentences."""

from __future__ import annotations

import time

import numpy as np
import pytest
from skimage import data
from skimage.color import deltaE_ciede2000, rgb2lab

from tests import thorough
from tests.data.brushes.degrade import PHOTO_PX, Photo, photo_of
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.likeness import brush_like
from videosketcher_app.data.brushes.mark import WORK_SIDE_PX, Mark, NoMark, find_mark

LIBRARY = load_brushes()[0]
NAMES = list(LIBRARY)
STEP = 8  # has no factor of 35 brushes, so it walks through all of them


def color_error(mark: Mark, color: tuple[float, float, float]) -> float:
    labs = [rgb2lab(np.array(c)[None, None]) for c in (mark.color, color)]
    return float(deltaE_ciede2000(*labs)[0, 0])


def width_ratio(mark: Mark, photo: Photo) -> float:
    return mark.figures.width_px * max(1.0, max(PHOTO_PX) / WORK_SIDE_PX) / photo.width_px


def photos(count: int):
    for index in range(count):
        name = NAMES[index * STEP % len(NAMES)]
        yield name, photo_of(LIBRARY[name].brush, index, ruled=index % 3 == 0)


def check(count: int) -> None:
    colors, widths, missed = [], [], []
    for name, photo in photos(count):
        try:
            mark = find_mark(photo.pixels_HW3)
        except NoMark as error:
            missed.append((name, error.message))
            continue
        colors.append(color_error(mark, photo.color))
        widths.append(width_ratio(mark, photo))
    assert len(missed) <= 0.05 * count, missed
    within = np.array(colors) <= 8
    assert np.median(colors) <= 4
    assert (~within).sum() <= max(2, 0.1 * count), np.round(colors, 1)
    assert np.median(np.abs(np.log(widths))) <= 0.15
    assert 0.75 <= np.median(widths) <= 1.33
    assert np.mean([0.6 <= ratio <= 1.5 for ratio in widths]) >= 0.9


def test_marks_are_found_in_bad_photos() -> None:
    check(thorough.of(60, sample=15))


def test_the_cutout_shows_the_mark_without_paper() -> None:
    photo = photo_of(LIBRARY["gouache_vermilion"].brush, 2)
    cutout = find_mark(photo.pixels_HW3).cutout_HW4
    assert cutout.shape[2] == 4
    alpha = cutout[..., 3]
    assert (alpha[[0, -1]] == 0).mean() > 0.98
    assert 0.03 < (alpha > 128).mean() < 0.5
    assert cutout.shape[1] < 0.9 * PHOTO_PX[0]


def test_direction_dependence_is_seen() -> None:
    chisel = find_mark(photo_of(LIBRARY["calligraphy_black"].brush, 4).pixels_HW3).figures
    disc = find_mark(photo_of(LIBRARY["gouache_teal"].brush, 4).pixels_HW3).figures
    assert chisel.direction > 0.5
    assert disc.direction < 0.35


def test_texture_is_seen() -> None:
    smooth = find_mark(photo_of(LIBRARY["marker_blue"].brush, 5).pixels_HW3).figures
    broken = find_mark(photo_of(LIBRARY["dry_brush_black"].brush, 5).pixels_HW3).figures
    running = find_mark(photo_of(LIBRARY["ink_indigo"].brush, 5).pixels_HW3).figures
    assert smooth.unevenness < 0.1 < broken.unevenness
    assert running.trend > smooth.trend + 0.04


def test_a_transparent_picture_is_taken_as_it_is() -> None:
    picture = np.zeros((100, 300, 4), np.uint8)
    picture[40:60, 30:270] = (10, 120, 200, 255)
    mark = find_mark(picture)
    assert color_error(mark, (10 / 255, 120 / 255, 200 / 255)) < 1
    assert mark.figures.width_px == pytest.approx(20, rel=0.15)


def test_light_ink_on_dark_paper() -> None:
    picture = np.full((300, 400, 3), 18, np.uint8)
    picture[140:156, 60:340] = (240, 200, 90)
    mark = find_mark(picture)
    assert color_error(mark, (240 / 255, 200 / 255, 90 / 255)) < 8


def test_corrections_are_taken() -> None:
    mark = find_mark(photo_of(LIBRARY["ink_black"].brush, 6).pixels_HW3)
    other = mark.corrected(color=(0.8, 0.1, 0.1), width_px=33)
    assert other.color == (0.8, 0.1, 0.1)
    assert other.figures.width_px == 33
    dense = other.cutout_HW4[other.cutout_HW4[..., 3] > 200][:, :3]
    assert color_error(mark.corrected(color=tuple(np.median(dense, 0) / 255)), other.color) < 6


def test_a_brush_like_the_mark() -> None:
    """A first guess from one photo, in the mark's color."""
    for seed, name in enumerate(("calligraphy_sepia", "gouache_vermilion")):
        mark = find_mark(photo_of(LIBRARY[name].brush, seed + 20).pixels_HW3)
        brush = brush_like(mark, LIBRARY, width_px=7)
        assert brush.kind == LIBRARY[name].brush.kind
        assert brush.color == mark.color
        assert brush.width_px == 7


BLANKS = {
    "white": np.full((300, 400, 3), 255, np.uint8),
    "black": np.zeros((300, 400, 3), np.uint8),
    "grey paper": np.full((300, 400), 180, np.uint8),
    "clear": np.zeros((300, 400, 4), np.uint8),
    "white on clear": np.pad(np.full((40, 40, 4), 255, np.uint8), ((99, 99), (99, 99), (0, 0))),
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "a thread": np.zeros((2, 9000, 3), np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8),
    "faint noise": np.random.default_rng(1).normal(225, 5, (300, 400, 3)).astype(np.uint8),
}


@pytest.mark.parametrize("name", BLANKS)
def test_pictures_without_a_mark_are_told_in_one_sentence(name: str) -> None:
    if name == "grey paper":
        assert find_mark(BLANKS[name]).swatch
        return
    start = time.process_time()
    with pytest.raises(NoMark) as told:
        find_mark(BLANKS[name])
    assert told.value.message.startswith("no mark found: ")
    assert told.value.message.count(".") == 1
    assert told.value.hint
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "photo", ["chelsea", "coffee", "astronaut", "brick", "grass", "gravel", "page", "coins"]
)
def test_photos_of_other_things_are_told(photo: str) -> None:
    with pytest.raises(NoMark, match=r"^no mark found: "):
        find_mark(getattr(data, photo)())


def test_a_large_picture_is_fast() -> None:
    small = photo_of(LIBRARY["marker_blue"].brush, 9).pixels_HW3
    large = np.repeat(np.repeat(small, 5, 0), 5, 1)
    start = time.process_time()
    find_mark(large)
    assert time.process_time() - start < 2
