"""What a style run will cost, from one step of it: nothing is trained and nothing is kept.

Every kind of work of a run is done once and timed: loading, encoding one clip, drawing one keepsake,
one training step (after one that warms up), one step of a sample and its decoding. The run's length
follows by counting.

Legend: V variants.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import psutil
import torch

from videosketcher_app.engines.text import denoise, to_frames
from videosketcher_app.models.catalogue import load_text_model
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.training.state import StepRandom
from videosketcher_app.training.style_data import Variant, read_drawings, variants_of
from videosketcher_app.training.style_preset import StylePreset, num_sample_times, read_preset
from videosketcher_app.training.style_prepare import Prepared, prepare
from videosketcher_app.training.style_recipe import StyleRecipe, style_network
from videosketcher_app.training.style_request import StyleRunRequest
from videosketcher_app.training.style_samples import sample_prompts, sample_settings

_FLOAT, _HALF = 4, 2  # bytes
_MIB = 1024**2
_SAMPLE_BYTES = 100_000  # picture and video of one sketch, generously
_STATE_PARTS = 4  # weights, their average, two moments of the optimizer
_STATE_COPIES = 2  # while a state is replaced
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RunEstimate:
    """What a whole run will take.

    Attributes:
        num_steps: of the run.
        step_seconds: of one training step.
        num_samples: drawings that it shows meanwhile.
        sample_seconds: of one of them.
        prepare_seconds: before the first step.
        memory_bytes: the most at one time.
        disk_bytes: the most at one time.
    """

    num_steps: int
    step_seconds: float
    num_samples: int
    sample_seconds: float
    prepare_seconds: float
    memory_bytes: int
    disk_bytes: int


def calibrate(request: StyleRunRequest, *, device: str = "cpu") -> RunEstimate:
    """Measures one step of a run on this machine.

    Raises:
        AppError: the drawings, the preset or the model cannot be used.
    """
    preset = read_preset(request.preset)
    num_steps = request.num_steps or preset.num_steps
    model, load_s = _timed(lambda: load_text_model(request.model, device))
    own = (model.defaults.width, model.defaults.height)
    drawings = read_drawings(Path(request.dataset))
    variants = variants_of(
        drawings, preset, trigger=request.trigger, seed=request.seed, own_size=own
    )
    prepared, clip_s, keep_s = _prepared_one(model, variants, preset, request)
    step_s, num_values = _step(model, prepared, preset, request)
    sample_s = _sample(model, preset, request)
    num_keep = preset.keep_plans if len(prepared.noise_KCFhw) else 0
    times = num_sample_times(preset, num_steps)
    num_samples = times * len(sample_prompts(request.sample_prompts, ""))
    return RunEstimate(
        num_steps=num_steps,
        step_seconds=step_s,
        num_samples=num_samples,
        sample_seconds=sample_s,
        prepare_seconds=load_s + len(variants) * clip_s + num_keep * keep_s,
        memory_bytes=_peak_memory(device),
        disk_bytes=_disk_bytes(prepared, len(variants), num_keep, num_values, times, num_samples)
        if not preset.disk_budget_mb
        else min(
            _disk_bytes(prepared, len(variants), num_keep, num_values, times, num_samples),
            _disk_bytes(prepared, len(variants), num_keep, num_values, 0, 0)
            + preset.disk_budget_mb * _MIB,
        ),
    )
