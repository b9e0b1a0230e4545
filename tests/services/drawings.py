"""Finished drawings on disk for the tests: true renders of the grammar, published like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.data.clips import clip
from tests.data.clips import drawing as composition
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.outputs import Drawing, ModelRecord, publish
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.saved import SavedDrawing, open_saved


def drawn(concept: str = "cat", *, scribble: bool = False) -> Drawing:
    """A drawing in memory; `scribble` draws grey noise that no stroke explains."""
    plan = composition(concept).plan
    frames = clip(concept)[:, ::2, ::2] if scribble else clip(concept)
    if scribble:
        rng = np.random.default_rng(3)
        frames = np.where(rng.random(frames.shape) < 0.4, 0, 255).astype(np.uint8)
    return Drawing(
        frames=frames,
        raw_frames=frames,
        request=SketchRequest(prompt=f"a {concept}", model="tiny", seed=7),
        planned=PlannedDrawing(plan=plan, model_plan=plan, planner="library", taught=True),
        model=ModelRecord(name="tiny", hashes={"model.safetensors": "ab" * 32}),
        settings={"num_inference_steps": 2},
        run={"started": "2020-01-01T00:00:00+00:00", "seconds": {"total": 1.0}},
    )


def published(folder: Path, concept: str = "cat", *, gif: bool = False) -> SavedDrawing:
    """The same in a folder of its own below `folder`."""
    saved = publish(drawn(concept), folder, gif=gif)
    assert saved.folder is not None
    return open_saved(saved.folder)
