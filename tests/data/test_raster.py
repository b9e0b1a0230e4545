"""The batch renderer equals the plain one."""

from __future__ import annotations

import numpy as np
import torch

from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.raster import clip_of_maps, ink_maps, sketch_stamps


def test_batch_clip_equals_the_plain_renderer():
    sketches = [
        compose(programs()[name], np.random.default_rng(0)).sketch for name in ("cat", "house")
    ]
    stamps = torch.from_numpy(np.stack([sketch_stamps(s, 432, 240, 6000) for s in sketches]))
    clips = clip_of_maps(*ink_maps(stamps, 432, 240), 81)
    for clip, sketch in zip(clips, sketches, strict=True):
        truth = renderer.frames(sketch)[..., 0].astype(np.float32) / 127.5 - 1
        difference = np.abs(clip.numpy() - truth)
        # The plain renderer resamples every stroke once more, so edges differ by a little.
        assert np.mean(difference > 0.5) < 0.002
        assert difference.mean() < 0.004


def test_longer_sketches_are_thinned_and_padding_is_never_inked():
    sketch = compose(programs()["cat"], np.random.default_rng(1)).sketch
    thin = sketch_stamps(sketch, 432, 240, 300)
    assert thin.shape == (300, 4)
    padded = torch.from_numpy(sketch_stamps(sketch, 432, 240, 6000))[None]
    assert (padded[0, -1] == torch.tensor([-100.0, -100.0, 1e6, 0.0])).all()
    coverage, inked = ink_maps(padded, 432, 240)
    assert ((coverage > 0.2) == (inked < 1e6))[coverage > 0.2].all()
