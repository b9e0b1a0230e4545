"""The batch engine against its slow twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.data.clips import drawing
from videosketcher_app.data.brushes import painting
from videosketcher_app.data.brushes.batch import painted_clips
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.stamp_batch import collate, sketch_stamps
from videosketcher_app.data.brushes.swatch import sketch_of_path, spiral_points

MEDIA = {entry.medium: entry.brush for entry in load_brushes()[0].values()}
SIZE = (216, 120)


@pytest.mark.parametrize("medium", sorted(MEDIA.keys() - {"pen"}))
def test_clips_equal_the_plain_engine(medium: str) -> None:
    sketch = sketch_of_path(spiral_points(432, 240, turns=4.5), 432, 240)
    batch = collate([sketch_stamps(sketch, MEDIA[medium], *SIZE, seed=3)])
    clip = painted_clips(batch, *SIZE, sketch.num_frames)[0].permute(0, 2, 3, 1).numpy()
    small = painting.stream_frames(
        sketch, MEDIA[medium], width_px=SIZE[0], height_px=SIZE[1], seed=3
    )
    difference = np.abs((clip + 1) * 127.5 - np.stack(list(small)))
    # Frames round to whole levels; a few pixels lie equally deep in two stamps.
    assert np.mean(difference > 1.0) < 2e-4
    assert difference.mean() < 0.1


def test_brushes_of_a_batch_do_not_mix() -> None:
    sketches = [drawing(name).sketch for name in ("cat", "house", "bird")]
    brushes = [MEDIA[name] for name in ("marker", "dry_brush", "spray")]
    alone = [
        sketch_stamps(s, b, *SIZE, seed=k)
        for k, (s, b) in enumerate(zip(sketches, brushes, strict=True))
    ]
    together = painted_clips(collate(alone), *SIZE, 5, first_frame=76)
    assert together.shape == (3, 5, 3, 120, 216)
    for k, one in enumerate(alone):
        single = painted_clips(collate([one]), *SIZE, 5, first_frame=76)[0]
        torch.testing.assert_close(together[k], single, atol=1e-5, rtol=0)


def test_the_pen_is_near_the_renderers() -> None:
    sketch = drawing("cat").sketch
    batch = collate([sketch_stamps(sketch, MEDIA["pen"], 432, 240)])
    clip = painted_clips(batch, 432, 240, 1, first_frame=80)[0, 0].permute(1, 2, 0).numpy()
    truth = painting.picture(sketch, MEDIA["pen"]) / 127.5 - 1
    assert np.abs(clip - truth).mean() < 0.01
