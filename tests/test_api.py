"""The Python API draws what the other doors draw."""

from __future__ import annotations

import pytest

from videosketcher_app import api
from videosketcher_app.core.errors import InvalidRequest


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
