from __future__ import annotations

import numpy as np
import pytest

from tests.data.clips import as_decoded, clip, drawing, line, small_sketch
from videosketcher_app.data import renderer
from videosketcher_app.data.ink import composite, ink_figures, ink_map
from videosketcher_app.data.strokes import Pen

BLUE, YELLOW = (0.1, 0.2, 0.9), (1.0, 0.85, 0.0)


def two_colors() -> np.ndarray:
    return renderer.frames(
        small_sketch(
            line([(8, 20), (88, 20)], 2, 8, Pen(color=BLUE, width_px=5)),
            line([(8, 50), (88, 50)], 10, 18, Pen(color=YELLOW, width_px=5)),
        )
    )


def test_time_of_ink_is_half_a_frame_before_the_first_frame_that_shows_it() -> None:
    layers = renderer.ink_layers(small_sketch(line([(8, 36), (88, 36)], 1, 19)))
    sketch = small_sketch(line([(8, 36), (88, 36)], 1, 19))
    ink = ink_map(renderer.frames(sketch))
    full = layers[0].coverage_HW == 1
    box = ink.times_HW[layers[0].top :, layers[0].left :][: full.shape[0], : full.shape[1]]
    np.testing.assert_allclose(box[full], np.ceil(layers[0].times_HW[full]) - 0.5, atol=0.02)


def test_time_of_ink_survives_a_decoder() -> None:
    true, decoded = ink_map(clip("cat")), ink_map(as_decoded(clip("cat")))
    core = (true.darkness_HW > 0.9) & (decoded.darkness_HW > 0.5)
    error = np.abs(true.times_HW - decoded.times_HW)[core]
    assert np.median(error) <= 1.5
    assert np.quantile(error, 0.95) <= 3.0


def test_one_dark_frame_is_no_ink_and_one_light_frame_takes_none_away() -> None:
    frames = two_colors()
    flicker = frames.copy()
    flicker[5, 30:34, 30:40] = 0
    flicker[15, 18:22] = 255
    np.testing.assert_array_equal(ink_map(flicker).times_HW, ink_map(frames).times_HW)
    np.testing.assert_array_equal(composite(flicker), composite(frames))


@pytest.mark.parametrize("concept", ["cat", "bird"])
def test_composited_ink_is_permanent_and_paper_is_white(concept: str) -> None:
    raw = as_decoded(clip(concept))
    clean = composite(raw)
    assert (clean[1:] <= clean[:-1]).all()
    figures = ink_figures(clean)
    assert figures.persistence == 1.0
    assert figures.first_frame_white == 1.0
    assert figures.paper_drift <= 0.1
    assert figures.paper_blotch <= 1.0
    far = np.abs(clean[-1].astype(int) - clip(concept)[-1]).max(axis=2) > 128
    assert far.mean() < 0.001


def test_clean_renders_are_left_alone() -> None:
    change = np.abs(composite(clip("cat")).astype(int) - clip("cat"))
    assert change.mean() < 0.01
    assert change.max() <= 10


def test_lost_ink_is_seen_by_the_figures_and_held_by_the_clean_up() -> None:
    frames = two_colors()
    frames[14:, :, 40:] = 255
    assert ink_figures(frames).persistence < 0.8
    assert ink_figures(composite(frames)).persistence == 1.0
    assert (composite(frames)[-1, 20, 60] < 255).any()


def test_grey_paper_is_measured_and_then_cleaned() -> None:
    frames = (two_colors().astype(int) * 245 // 255).astype(np.uint8)
    assert ink_figures(frames).paper_drift == pytest.approx(10, abs=1)
    assert ink_figures(composite(frames)).paper_drift <= 0.1


def test_colors_survive() -> None:
    noisy = as_decoded(two_colors())
    ink = ink_map(noisy)
    np.testing.assert_allclose(ink.color_HW3[20, 30:70].mean(axis=0), BLUE, atol=0.08)
    np.testing.assert_allclose(ink.color_HW3[50, 30:60].mean(axis=0), YELLOW, atol=0.08)
    np.testing.assert_allclose(composite(noisy)[-1, 20, 50] / 255, BLUE, atol=0.08)


def test_blank_paper_has_no_ink() -> None:
    blank = np.full((5, 24, 24, 3), 252, np.uint8)
    assert not ink_map(blank).darkness_HW.any()
    assert (composite(blank) == 255).all()
    assert ink_figures(blank).persistence == 1.0


def test_figures_of_a_true_render_are_perfect() -> None:
    figures = ink_figures(clip("cat"))
    assert figures.persistence == 1.0
    assert figures.first_frame_white == 1.0
    assert figures.paper_drift == 0.0
    assert len(drawing("cat").sketch.strokes) > 0
