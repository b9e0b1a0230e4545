"""From the budget to the drawing: files in the published layouts are loaded by the chosen plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.models import published_wan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.model_manager.views import GIB

NAME = "wan2.1-t2v-1.3b"
REQUEST = SketchRequest(
    prompt="a cat",
    model=NAME,
    planner="library",
    num_frames=5,
    width=32,
    height=32,
    num_inference_steps=1,
)


@pytest.mark.slow
def test_a_small_budget_streams_the_weights_and_the_run_says_so(tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = load_settings(
        workspace=tmp_path / "home", output_dir=out, device="cpu", memory_gb=4.0
    )
    published_wan.write_model(tmp_path / "home" / "models", NAME)
    with build(settings) as services:
        fit = services.model_manager.will_it_fit(NAME, fields=REQUEST.to_mapping())
        assert fit.fits, fit
        events = services.generation.run(REQUEST, destination=Destination(folder=out))
        drawing = list(events)[-1].drawing
        assert drawing.frames.shape == (5, 32, 32, 3)
        run = json.loads(drawing.files["run"].read_text(encoding="utf-8"))
        assert run["memory_plan"]["tier"] == "stream_disk"
        assert "given_up" not in run
        picture = services.model_manager.memory()
        assert {(held.name, held.where) for held in picture.held} == {(NAME, "ram"), (NAME, "disk")}
        assert sum(held.num_bytes for held in picture.held if held.where == "ram") <= 4 * GIB
        whole = SketchRequest(prompt="a cat", model=NAME, num_frames=401, width=1920, height=1072)
        assert not services.model_manager.will_it_fit(NAME, fields=whole.to_mapping()).fits
