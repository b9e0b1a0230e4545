"""The Python API draws what the other doors draw."""

from __future__ import annotations

import pytest

from videosketcher_app import api
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import BrushSpec
from videosketcher_app.engines.brush_source import understand
from videosketcher_app.storage.media import write_png


@pytest.fixture(autouse=True)
def _close_afterwards():
    yield
    api.close()


def test_sketch_gives_frames_plan_strokes_and_saves(tmp_path):
    drawing = api.sketch("a cat", seed=7, model="tiny", num_frames=9)
    assert drawing.frames.shape == (9, 96, 144, 3)
    assert drawing.plan.concept == "a cat"
    assert drawing.strokes.num_frames == 9
    saved = drawing.save(tmp_path)
    assert saved.folder == tmp_path / "cat"
    assert set(saved.files) == {"mp4", "png", "svg", "config", "run"}


def test_same_call_draws_the_same_frames():
    first, second = (api.sketch("a cat", seed=3, model="tiny", num_frames=9) for _ in range(2))
    assert (first.frames == second.frames).all()


def test_unknown_field_names_the_nearest():
    with pytest.raises(InvalidRequest) as caught:
        api.sketch("a cat", sed=7)
    assert "seed" in caught.value.hint


def test_brush_sketch_draws_with_names_pictures_and_colors(tmp_path):
    fields = {"model": "tiny-brush", "num_frames": 5}
    named = api.brush_sketch("a cat", brush="marker_blue", **fields)
    assert named.settings["painted"] == "model"
    line = api.brush_sketch("a cat", color="#aa2200", width_px=3, **{**fields, "model": "tiny"})
    assert line.settings["painted"] == "reink"
    assert line.settings["brush"]["color"] == "#aa2200"
    frame = understand(BrushSpec(name="ink_crimson"), (832, 480)).condition.pixels_HW3
    write_png(tmp_path / "frame.png", frame)
    pictured = api.brush_sketch("a cat", input_image=tmp_path / "frame.png", **fields)
    assert pictured.request.brush.image == str(tmp_path / "frame.png")
    with pytest.raises(InvalidRequest, match="needs a name, an image or a color"):
        api.brush_sketch("a cat", **fields)
