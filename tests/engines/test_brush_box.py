"""The box put back into latents: as it was given where nothing is drawn, the drawing where it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from videosketcher_app.data.brushes.condition import box_size, frame_of_brush
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.painting import frames
from videosketcher_app.data.brushes.swatch import sketch_of_path
from videosketcher_app.engines.brush_box import boxed_model, with_box_of
from videosketcher_app.engines.brush_frames import boxed
from videosketcher_app.engines.text import to_frames
from videosketcher_app.evaluation.brush_ink import box_error
from videosketcher_app.models.pocket import PocketModel, load_pocket

POCKET = Path(__file__).resolve().parents[2] / "checkpoints" / "pocket"
SHELF = load_brushes()[0]
SIZE = (216, 120)


@pytest.fixture(scope="module")
def pocket() -> PocketModel:
    return replace(load_pocket(POCKET, dtype=torch.float32), image_conditioned=True)


def clip_of(name: str, ends: tuple[tuple[int, int], tuple[int, int]] = ((80, 45), (10, 6))):
    """A stroke between two points with the box under it, and its condition frame."""
    brush, path = SHELF[name].brush, np.linspace(*ends, 40).astype(np.float32)
    condition = frame_of_brush(brush, SIZE)
    return boxed(frames(sketch_of_path(path, *SIZE), brush)[:33], condition), condition


def encoded(model: PocketModel, frames_THW3):
    pixels = torch.from_numpy(np.ascontiguousarray(frames_THW3)).to(model.dtype) / 127.5 - 1
    with torch.inference_mode():
        return model.vae.encode(pixels.permute(3, 0, 1, 2)[None]).float()


def redrawn(latents_BCFhw):
    """Latents as a model draws them: every cell a little wrong, the same in all frames."""
    generator = torch.Generator().manual_seed(1)
    return latents_BCFhw + 0.5 * torch.randn(latents_BCFhw[:, :, :1].shape, generator=generator)


def test_a_box_drawn_wrong_is_mended(pocket):
    clip, condition = clip_of("highlighter_pink", ((110, 50), (200, 100)))
    model, true = boxed_model(pocket, [condition.pixels_HW3], len(clip)), encoded(pocket, clip)
    decoded = (pocket.decode(true), pocket.decode(redrawn(true)), model.decode(redrawn(true)))
    own, raw, mended = (box_error(to_frames(c)[0], condition) for c in decoded)
    assert raw > 1.3 * own
    assert mended < 1.1 * own


@pytest.mark.parametrize("name", ["highlighter_pink", "pencil_graphite"])
def test_ink_in_the_box_stays(pocket, name):
    clip, condition = clip_of(name)
    model, true = boxed_model(pocket, [condition.pixels_HW3], len(clip)), encoded(pocket, clip)
    kept, own = (to_frames(m.decode(true))[0].astype(int) for m in (model, pocket))
    assert np.abs(kept - own).max() <= 12
    assert not torch.equal(with_box_of(true, model.still_BCFhw), true)


def test_the_drawing_beside_the_box_is_not_touched(pocket):
    clip, condition = clip_of("gouache_teal")
    latents = encoded(pocket, clip)
    still = boxed_model(pocket, [condition.pixels_HW3], len(clip)).still_BCFhw
    changed = (with_box_of(latents, still) != latents).any(1)[0].any(0)
    columns, rows = (-(-side // 8) for side in box_size(SIZE))
    assert changed[:rows, :columns].any()
    assert not changed[rows:].any()
    assert not changed[:, columns:].any()


def test_a_preview_is_left_alone(pocket):
    clip, condition = clip_of("gouache_teal")
    model = boxed_model(pocket, [condition.pixels_HW3], len(clip))
    last = encoded(pocket, clip)[:, :, -2:]
    torch.testing.assert_close(model.decode(last), pocket.decode(last))
