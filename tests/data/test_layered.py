"""Pictures in layers: how they come in, what hides what, and what is wrong with a set."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.layered import LayeredDrawing, is_layered_set, read_layered_set
from videosketcher_app.data.style_hand import plain_drawing
from videosketcher_app.data.vector_pictures import vector_picture
from videosketcher_app.storage.media import write_png

CANVAS = SimpleNamespace(width=48, height=24)
RED, BLUE = (200, 30, 30, 255), (20, 40, 220, 255)


def layer(color: tuple[int, ...], rows: slice, columns: slice) -> np.ndarray:
    rgba = np.zeros((24, 48, 4), np.uint8)
    rgba[rows, columns] = color
    return rgba


def two() -> LayeredDrawing:
    """A red layer and a blue one over its right half."""
    red = layer(RED, slice(4, 20), slice(8, 40))
    blue = layer(BLUE, slice(4, 20), slice(24, 40))
    return LayeredDrawing(id="two", caption="two boxes", rgba_LHW4=np.stack([red, blue]))


def test_layers_come_in_one_after_another_and_stay():
    frames = two().clip(CANVAS, 41)
    assert frames.shape == (41, 24, 48, 3)
    assert frames[0].min() == 255
    assert tuple(frames[-1][12, 12]) == RED[:3]
    assert tuple(frames[-1][12, 30]) == BLUE[:3]
    assert tuple(frames[-1][2, 2]) == (255, 255, 255)
    middle = frames[20]  # red is whole, blue has not come yet
    assert tuple(middle[12, 12]) == RED[:3]
    assert tuple(middle[12, 38]) == RED[:3]
    assert (np.diff(frames[38:].astype(int), axis=0) == 0).all()


def test_shares_say_what_is_seen_and_nearer_layers_hide():
    shares = two().layers(CANVAS, 41)
    assert shares.shape == (2, 41, 24, 48)
    assert float(shares.sum(axis=0).max()) <= 1 + 1e-6
    assert shares[0, -1, 12, 12] == 1
    assert shares[0, 20, 12, 38] == 1
    assert shares[0, -1, 12, 38] == 0
    assert shares[1, -1, 12, 38] == 1
    frames = two().clip(CANVAS, 41) / 255
    colors = np.array([RED[:3], BLUE[:3]]) / 255
    paper = 1 - shares.sum(axis=0)[..., None]
    again = np.einsum("lthw,lc->thwc", shares, colors) + paper
    np.testing.assert_allclose(again, frames, atol=0.01)


def write_set(folder: Path, drawing: LayeredDrawing) -> Path:
    (folder / drawing.id).mkdir(parents=True)
    (folder / drawing.id / "caption.txt").write_text(drawing.caption + "\n", "utf-8")
    for number, rgba in enumerate(drawing.rgba_LHW4):
        write_png(folder / drawing.id / f"{number}_part.png", rgba)
    return folder


def test_a_set_is_read_as_it_was_written(tmp_path):
    folder = write_set(tmp_path / "set", two())
    assert is_layered_set(folder)
    assert not is_layered_set(tmp_path)
    (read,) = read_layered_set(folder)
    assert (read.id, read.caption) == ("two", "two boxes")
    np.testing.assert_array_equal(read.rgba_LHW4, two().rgba_LHW4)


def test_eleven_layers_stay_in_order(tmp_path):
    layers = np.stack([layer((20 * n, 0, 0, 255), slice(0, 2), slice(0, 2)) for n in range(11)])
    many = LayeredDrawing(id="many", caption="many", rgba_LHW4=layers)
    (read,) = read_layered_set(write_set(tmp_path, many))
    assert read.rgba_LHW4[:, 0, 0, 0].tolist() == [20 * n for n in range(11)]


def test_a_broken_set_is_named(tmp_path):
    folder = write_set(tmp_path, two())
    write_png(folder / "two" / "2_small.png", np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(InvalidFile, match=r"2_small\.png of two has another size"):
        read_layered_set(folder)
    for file in (folder / "two").glob("*.png"):
        file.unlink()
    with pytest.raises(InvalidFile, match="two has 0 layers"):
        read_layered_set(folder)


def test_drawings_become_flat_layers_of_their_parts():
    drawing = plain_drawing("cat", 3, 432, 240)
    picture = vector_picture("cat", drawing)
    assert len(picture.rgba_LHW4) == len({s.part for s in drawing.sketch.strokes})
    assert picture.caption == str(drawing.plan)
    again = vector_picture("cat", plain_drawing("cat", 3, 432, 240))
    np.testing.assert_array_equal(picture.rgba_LHW4, again.rgba_LHW4)
