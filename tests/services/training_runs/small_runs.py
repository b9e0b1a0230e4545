"""A workspace with a sketchbook of two drawings, and runs of a few steps of the model `tiny`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from videosketcher_app.core.settings import AppSettings
from videosketcher_app.data.strokes import Stroke
from videosketcher_app.services.sketchbooks import Sketchbooks
from videosketcher_app.services.training_runs.runs import TrainingRuns
from videosketcher_app.services.training_runs.views import RunView
from videosketcher_app.training.style_request import StyleRunRequest

LIMIT_S = 200.0
POLL_S = 0.05
CAPTION = "Step by step sketch process of a cat, following this drawing order: 1. Head – circle."
PLAN = "Step by step sketch process of a cat, following this drawing order: 1. Head – a circle."
PRESET = """\
width: 96
height: 48
num_frames: 9
sample_width: 96
sample_height: 48
rank: 2
num_steps: {num_steps}
batch_size: 1
variants: 1
keep_plans: 1
keep_batch: 1
base_steps: 0
sample_every: {sample_every}
save_every: {save_every}
log_every: 1
"""


def line(x: float) -> Stroke:
    return Stroke(
        points_N2=np.array([[x, 10], [x + 30, 40]], np.float32),
        times_N=np.array([1, 8], np.float32),
        pressure_N=np.ones(2, np.float32),
    )


def make_book(workspace: Path, *, name: str = "ink", num_sketches: int = 2) -> Path:
    books = Sketchbooks(workspace / "datasets")
    books.create(name)
    for number in range(num_sketches):
        strokes = [line(10.0 + 8 * number), line(50.0)]
        books.add(name, strokes, width=96, height=48, caption=CAPTION)
    return workspace / "datasets" / name


def make_preset(
    folder: Path, *, num_steps: int = 4, sample_every: int = 0, save_every: int = 1
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"small_{num_steps}_{sample_every}_{save_every}.yaml"
    values = {"num_steps": num_steps, "sample_every": sample_every, "save_every": save_every}
    path.write_text(PRESET.format(**values), encoding="utf-8")
    return path


def small_request(workspace: Path, *, name: str = "inky", **steps: int) -> StyleRunRequest:
    """A run over the workspace's sketchbook `ink`, which must be there."""
    preset = make_preset(workspace / "own_presets", **steps)
    return StyleRunRequest(
        dataset="ink",
        name=name,
        model="tiny",
        preset=str(preset),
        trigger="inkstyle",
        sample_prompts=[PLAN],
    )


def settings_of(workspace: Path) -> AppSettings:
    return AppSettings(workspace=workspace, device="cpu")


def await_view(training: TrainingRuns, run_id: str, wanted: Callable[[RunView], bool]) -> RunView:
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        view = training.view(run_id)
        if wanted(view):
            return view
        if view.state == "failed":
            break
        time.sleep(POLL_S)
    raise AssertionError(f"{training.view(run_id)}\n{training.log(run_id)}")


def has_ended(view: RunView) -> bool:
    return not view.is_alive and view.state not in ("waiting", "preparing")
