"""The brush's color given back: off colors are mended, paper and the shape of lines stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.painting import picture
from videosketcher_app.engines.brush_color import MOST_GAIN, core_of, recolored
from videosketcher_app.evaluation.brush_ink import (
    brush_figures,
    color_difference,
    paint_figures,
    references,
)

SHELF = load_brushes()[0]


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("marker_blue", (0.3, 0.55, 0.75)),
        ("highlighter_pink", (0.75, 0.4, 0.85)),
        ("gouache_teal", (0.3, 0.6, 0.5)),
        ("ink_indigo", (0.1, 0.3, 0.5)),
    ],
)
def test_an_off_color_becomes_the_brushs(name, drawn):
    brush = SHELF[name].brush
    off = picture(references()[0], replace(brush, color=drawn))
    true = brush_figures(brush)
    before, after = (
        color_difference(true.color, paint_figures(shown).color)
        for shown in (off, recolored(off[None], brush)[0])
    )
    assert before > 8
    assert after < 4


def test_paper_stays_white_and_a_true_drawing_as_it_is():
    brush = SHELF["gouache_teal"].brush
    frames = np.stack([np.full((240, 432, 3), 255, np.uint8), picture(references()[0], brush)])
    result = recolored(frames, brush)
    assert result.shape == frames.shape
    assert result.dtype == np.uint8
    assert (result[frames.min(-1) == 255] == 255).all()
    assert np.abs(result.astype(int) - frames).mean() < 1


def test_a_blank_sheet_and_a_box_alone_are_no_drawing():
    brush = SHELF["gouache_teal"].brush
    blank = np.full((2, 60, 80, 3), 255, np.uint8)
    assert np.array_equal(recolored(blank, brush), blank)
    blank[:, :10, :12] = (200, 0, 0)
    assert np.array_equal(recolored(blank, brush, (12, 10)), blank)


def test_the_gain_is_bounded():
    black = replace(SHELF["gouache_teal"].brush, color=(0.0, 0.0, 0.0))
    faint = np.full((1, 60, 80, 3), 255, np.uint8)
    faint[:, 20:40, 10:70] = 225
    assert recolored(faint, black).min() == pytest.approx(255 - 30 * MOST_GAIN, abs=1)
    assert core_of(black).max() < 0.2
