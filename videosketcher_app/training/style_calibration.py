"""What a style run will cost, from one step of it: nothing is trained and nothing is kept.

Every kind of work of a run is done once and timed: loading, encoding one clip, drawing one keepsake,
one training step (after one that warms up), one step of a sample and its decoding. The run's length
follows by counting.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import psutil
import torch
from torch import Tensor

from videosketcher_app.engines.text import denoise, to_frames
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.training_memory import TrainingWay
from videosketcher_app.training.state import StepRandom
from videosketcher_app.training.style_data import Variant, num_steps_of, read_drawings, variants_of
from videosketcher_app.training.style_memory import load_to_teach, told_way, way_within
from videosketcher_app.training.style_model import check_teachable, painter
from videosketcher_app.training.style_prepare import Prepared, prepare
from videosketcher_app.training.style_preset import StylePreset, num_sample_times, read_preset
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
        way: how the steps fit the memory, in words; empty if nothing has to be done for it.
    """

    num_steps: int
    step_seconds: float
    num_samples: int
    sample_seconds: float
    prepare_seconds: float
    memory_bytes: int
    disk_bytes: int
    way: str = ""


def calibrate(
    request: StyleRunRequest, *, device: str = "cpu", budget_bytes: int | None = None
) -> RunEstimate:
    """Measures one step of a run on this machine.

    Args:
        budget_bytes: of device memory; see `way_within`.

    Raises:
        AppError: the drawings, the preset or the model cannot be used.
    """
    preset = read_preset(request.preset)
    num_steps = num_steps_of(request, preset)
    model, load_s = _timed(lambda: load_to_teach(request.model, device, budget_bytes))
    check_teachable(model, preset)
    own = (model.defaults.width, model.defaults.height)
    variants = variants_of(
        read_drawings(Path(request.dataset)),
        preset,
        trigger=request.trigger,
        seed=request.seed,
        own_size=own,
        brush=request.brush,
    )
    prepared, clip_s, keep_s = _prepared_one(model, variants[:1], preset, request)
    way = way_within(model, preset, budget_bytes)
    step_s, num_values = _step(model, prepared, preset, request, way)
    sample_s = _sample(model, prepared, preset, request)
    num_kept = preset.keep_plans if len(prepared.noise_KCFhw) else 0
    times = num_sample_times(preset, num_steps)
    num_samples = times * request.num_samples
    shown = times * num_values * _HALF + num_samples * _SAMPLE_BYTES
    return RunEstimate(
        num_steps=num_steps,
        step_seconds=step_s,
        num_samples=num_samples,
        sample_seconds=sample_s,
        prepare_seconds=load_s + len(variants) * clip_s + num_kept * keep_s,
        memory_bytes=_peak_memory(device),
        disk_bytes=_STATE_COPIES * _STATE_PARTS * num_values * _FLOAT
        + _prepared_bytes(prepared, len(variants), num_kept)
        + min(shown, preset.disk_budget_mb * _MIB),
        way=told_way(model, preset, way),
    )


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    made = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return made, time.perf_counter() - begun


def _prepared_one(
    model: PocketModel,
    variants: Sequence[Variant],
    preset: StylePreset,
    request: StyleRunRequest,
) -> tuple[Prepared, float, float]:
    """One clip and one keepsake as steps see them, and the seconds that each takes."""

    def made(num_kept: int) -> Prepared:
        few = replace(preset, keep_plans=num_kept)
        ready = prepare(model, model.transformer, variants, few, request, may_go_on=lambda: True)
        assert ready is not None, "nobody stops it"
        return ready

    prepared, both_s = _timed(lambda: made(min(1, preset.keep_plans)))
    _, clip_s = _timed(lambda: made(0))
    return prepared, clip_s, max(0.0, both_s - clip_s)


def _step(
    model: PocketModel,
    prepared: Prepared,
    preset: StylePreset,
    request: StyleRunRequest,
    way: TrainingWay | None,
) -> tuple[float, int]:
    """Seconds of a training step, the second of two, and the number of values that it trains."""
    network = style_network(model, preset, request.seed, way)
    recipe = StyleRecipe(preset, model, model.transformer, network, prepared, seed=request.seed)
    batches = recipe.batches(0, 0, 1)

    def step() -> None:
        random = StepRandom(request.seed, 0, 0, model.device)
        recipe.loss(network, next(batches), random)["loss"].backward()
        for optimizer in recipe.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    step()
    _, seconds = _timed(step)
    return seconds, sum(value.numel() for value in network.parameters())


def _sample(
    model: PocketModel, prepared: Prepared, preset: StylePreset, request: StyleRunRequest
) -> float:
    """Seconds of one sample: its steps cost alike, so one is drawn and counted."""
    model = painter(model, prepared.sample_frame_HW3.numpy())
    settings = sample_settings(model, preset)
    (prompt, *_) = sample_prompts(request.sample_prompts, request.trigger)
    (_, latents, _), step_s = _timed(lambda: next(iter(denoise(model, [prompt], [0], settings))))
    _, decoding_s = _timed(lambda: to_frames(model.decode(latents)))
    return settings.num_inference_steps * step_s + decoding_s


def _prepared_bytes(prepared: Prepared, num_variants: int, num_kept: int) -> int:
    """Of prepared.safetensors, from one clip and one keepsake."""

    def of(*tensors: Tensor) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    read = (prepared.condition_VCFhw, prepared.picture_VSD)
    clip = of(prepared.clean_VCFhw, prepared.weight_VFhw, prepared.context_VLD, *read)
    kept = of(prepared.noise_KCFhw, prepared.velocity_KSCFhw, prepared.keep_context_KLD)
    return num_variants * clip + num_kept * kept


def _peak_memory(device: str) -> int:
    """The most that this process has taken, the graphics card's memory included."""
    on_card = torch.cuda.max_memory_allocated() if device.startswith("cuda") else 0
    memory = psutil.Process().memory_info()
    if sys.platform == "win32":
        return on_card + int(memory.peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return on_card + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
