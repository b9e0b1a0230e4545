"""A tile laid over the frame before gives the next frame, whatever the ink and the paper."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from videosketcher_app.ui.codraw import tiles


def laid_over(before, tile):
    """What a page shows after a tile."""
    kind, _, _, left, top = tiles.HEADER.unpack_from(tile)
    picture = Image.fromarray(before).convert("RGBA")
    if len(tile) > tiles.HEADER.size:
        layer = Image.open(io.BytesIO(tile[tiles.HEADER.size :]))
        if kind == tiles.INK:
            picture.alpha_composite(layer.convert("RGBA"), (left, top))
        else:
            picture.paste(layer, (left, top))
    return np.asarray(picture)[..., :3]


def drawing(seed, colors):
    """Two frames, the second with more ink, over and beside the lines of the first."""
    rng = np.random.default_rng(seed)
    before = np.full((48, 72, 3), 255, np.uint8)
    before[10:14] = rng.integers(0, 255, (4, 1, 3))
    after = before.copy()
    for _ in range(colors):
        top, left = rng.integers(0, 40), rng.integers(0, 60)
        cover = rng.random((8, 12, 1))
        color = rng.integers(0, 256, 3)
        box = after[top : top + 8, left : left + 12]
        box[...] = np.round(box + cover * (color - box.astype(float)))
    return before, after


@given(st.integers(0, 10_000), st.integers(0, 4))
def test_a_tile_gives_the_next_frame(seed, colors):
    before, after = drawing(seed, colors)
    shown = laid_over(before, tiles.ink_tile(7, 3, before, after))
    assert np.abs(shown.astype(int) - after).max() <= 1


def test_nothing_new_takes_no_bytes_but_its_place_in_time():
    before, _ = drawing(0, 0)
    tile = tiles.ink_tile(7, 3, before, before)
    assert tile == tiles.HEADER.pack(tiles.INK, 7, 3, 0, 0)


def test_black_ink_needs_no_colors():
    before, after = drawing(0, 0)
    after[20:22, 30:60] = 0
    layer = Image.open(io.BytesIO(tiles.ink_tile(1, 0, before, after)[tiles.HEADER.size :]))
    assert layer.mode == "LA"
    assert layer.size == (30, 2)


@pytest.mark.parametrize("levels", [1, tiles.NOISE])
def test_raw_pixels_that_only_flicker_are_not_sent_again(levels):
    before, _ = drawing(1, 2)
    after = np.clip(before.astype(int) - levels, 0, 255).astype(np.uint8)
    assert len(tiles.raw_tile(1, 1, before, after)) == tiles.HEADER.size


def test_raw_pixels_begin_with_a_whole_picture():
    _, after = drawing(1, 2)
    tile = tiles.raw_tile(1, 0, None, after)
    assert Image.open(io.BytesIO(tile[tiles.HEADER.size :])).size == (72, 48)
    shown = laid_over(np.zeros_like(after), tile)
    assert np.abs(shown.astype(int) - after).mean() < 12
