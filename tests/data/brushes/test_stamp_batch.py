"""What is known of a batch before it is painted: reach, patches, and how many operations it takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from tests.data.clips import drawing
from videosketcher_app.data.brushes import stamps as st
from videosketcher_app.data.brushes.batch import painted_clips
from videosketcher_app.data.brushes.layers import footprint_distance
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.stamp_batch import (
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    collate,
    sketch_stamps,
)
from videosketcher_app.data.brushes.swatch import sketch_of_path

SHELF = load_brushes()[0]
SIZE = (216, 120)


@pytest.mark.parametrize("name", ["gouache_teal", "marker_blue", "dry_brush_navy", "spray_black"])
def test_no_ink_lies_beyond_a_stamps_box_or_its_patch(name: str) -> None:
    batch = sketch_stamps(drawing("cat").sketch, SHELF[name].brush, *SIZE)
    x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    for row in range(0, len(batch.stamps_NC), 7):
        stamp = batch.stamps_NC[row : row + 1].numpy()[..., None]
        near = footprint_distance(np, stamp, x.reshape(1, -1), y.reshape(1, -1))[0] < 0.5
        own, patch = batch.boxes_N4[row], batch.patches_P4[batch.patch_N[row]]
        for box in (own, patch):
            left, top, width, height = box.tolist()
            inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
            assert inside.reshape(-1)[near].all()
        assert int(own[WIDTH] * own[HEIGHT]) <= 2 * int(near.sum()) + 30, "boxes are tight"


def test_stamps_beyond_the_canvas_have_no_box() -> None:
    path = np.stack([np.linspace(-60, 80, 30), np.full(30, 40)], 1).astype(np.float32)
    batch = sketch_stamps(sketch_of_path(path, *SIZE), SHELF["gouache_teal"].brush, *SIZE)
    outside = batch.stamps_NC[:, st.X] < -20
    assert outside.any()
    assert (batch.boxes_N4[outside] == 0).all()
    assert int(batch.boxes_N4[:, [LEFT, TOP]].min()) >= 0
    assert int((batch.patches_P4[:, LEFT] + batch.patches_P4[:, WIDTH]).max()) <= SIZE[0]
    off = sketch_stamps(sketch_of_path(path - 300, *SIZE), SHELF["gouache_teal"].brush, *SIZE)
    assert (painted_clips(off, *SIZE, 2) == 1).all(), "nothing to paint is a blank sheet"
    both = painted_clips(collate([off, batch]), *SIZE, 2, first_frame=79)
    assert torch.equal(both[1:], painted_clips(batch, *SIZE, 2, first_frame=79))


def test_the_number_of_operations_does_not_grow_with_the_batch() -> None:
    brushes = ("marker_blue", "gouache_teal", "pencil_red", "crayon_green")
    batches = [
        sketch_stamps(drawing(concept).sketch, SHELF[name].brush, *SIZE, seed=k)
        for k, (concept, name) in enumerate(
            zip(("cat", "house", "bird", "cat"), brushes, strict=True)
        )
    ]
    alone, together = operations(batches[0]), operations(collate(batches))
    assert together < 1.5 * alone, "strokes and sketches are painted at once"
    assert together < 1300


def operations(batch) -> int:
    """Calls of torch's operations, views included."""
    painted_clips(batch, *SIZE, 1)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        painted_clips(batch, *SIZE, 1, first_frame=80)
    events = profiled.events() or []
    return sum(e.name.startswith("aten::") and e.cpu_parent is None for e in events)
