"""Rows `memory` and `pipeline`: 14B in 8 GB and less, under a limit that the allocator enforces.

What runs is what the product runs under a plan that streams: `models/wan/memory.settle` places the
weights, and the model's own pass reads them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil
import torch
from torch import Tensor

from benchmarks.harness import timed
from benchmarks.lines import Lines
from benchmarks.studio.placed import RESIDENT, embedded, model_of, random_lora, streaming, velocity
from benchmarks.studio.shapes import W480, Inputs, Setting, Size, diffsynth_pass, inputs
from benchmarks.studio.timing import GB, fastest_attention, forget_peaks, limited_to, peaks
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.machine import free_unused
from videosketcher_app.models.memory_plan import MemoryPlan, WeightsDtype
from videosketcher_app.models.wan.image_to_video import FirstFrame, WanImageModel
from videosketcher_app.models.wan.weights import TRANSFORMER, PartWeights

PIPELINE_GB = 8.0
REPEATS, WARM_UP = 5, 2


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to stream.

    Attributes:
        wanted: seconds at most, to those of the pass named by `reference`.
    """

    name: str
    weights_dtype: WeightsDtype
    limit_gb: float
    reference: str
    wanted: float


WAYS = (
    Way(
        name="streamed bf16", weights_dtype="bf16", limit_gb=8.0, reference="resident", wanted=1.06
    ),
    Way(name="streamed fp8", weights_dtype="fp8", limit_gb=6.0, reference="diffsynth", wanted=0.82),
)


def streamed(setting: Setting, lines: Lines) -> None:
    """With all weights on the card, diffsynth's own pass and ours; then streamed in two types."""
    size = setting.size(W480)
    given = inputs(size, setting)
    seconds, expected = _resident(size, given, setting, lines)
    for way in WAYS:
        free_unused()  # of the way before
        forget_peaks(setting)
        try:
            with limited_to(way.limit_gb, setting):
                facts = _measured(way, size, given, setting, expected)
        except torch.OutOfMemoryError as error:
            told = str(error).splitlines()[0]
            lines.write(way.name, fits=False, error=told, limit_gb=way.limit_gb)
            continue
        ratios = {f"to_{other}": round(facts["seconds"] / s, 4) for other, s in seconds.items()}
        told = {"wanted": way.wanted, "reference": way.reference, **ratios}
        lines.write(way.name, fits=True, **told, **facts)


def _resident(
    size: Size, given: Inputs, setting: Setting, lines: Lines
) -> tuple[dict[str, float], Tensor]:
    """Seconds of ours and of diffsynth's pass with all weights on the device, and our velocity."""
    model = model_of(size, setting, RESIDENT, [TRANSFORMER])
    forget_peaks(setting)
    resident_s, expected = _timed(partial(velocity, model, given), setting)
    memory = peaks(setting)
    diffsynth_s, _ = _timed(partial(diffsynth_pass, model.pipe.dit, given), setting)
    seconds = {"resident": resident_s, "diffsynth": diffsynth_s}
    rounded = {name: round(each, 4) for name, each in seconds.items()}
    lines.write("resident bf16", seconds=rounded["resident"], all_seconds=rounded, memory=memory)
    return seconds, expected.cpu()


def _measured(
    way: Way, size: Size, given: Inputs, setting: Setting, expected: Tensor
) -> dict[str, Any]:
    """One way to stream, inside its limit."""
    plan = streaming(way.limit_gb, way.weights_dtype)
    model = model_of(size, setting, plan, [TRANSFORMER])
    blocks: Any = model.pipe.dit.blocks
    seconds, found = _timed(partial(velocity, model, given), setting)
    error = found.cpu().float() - expected.float()
    return {
        "seconds": round(seconds, 4),
        "relative_error": round(float(error.norm() / expected.float().norm()), 6),
        "limit_gb": way.limit_gb,
        "streamed_gb": blocks.num_bytes / GB,
        "slots_gb": blocks.device_bytes / GB,
        "pinning_refused": blocks.pinning_refused,
        "memory": peaks(setting),
        "host_gb": round(psutil.Process().memory_info().rss / GB, 2),
    }


def _timed(work: Callable[[], Tensor], setting: Setting) -> tuple[float, Tensor]:
    """Median seconds after warm-up, and the result."""
    with fastest_attention(setting):
        for _ in range(WARM_UP - 1):
            work()
        result = work()
        repeats = 1 if setting.is_tiny else REPEATS
        times = [timed(work, setting.synchronize) for _ in range(repeats)]
    return statistics.median(times), result


def pipeline(setting: Setting, lines: Lines) -> None:
    """Words, one pass of the transformer and 81 frames decoded, each part in the same 8 GB."""
    size, host_gb = setting.size(W480), 0.0
    with limited_to(PIPELINE_GB, setting):
        for stage, facts in stages(size, setting, streaming(PIPELINE_GB)):
            lines.write(f"pipeline: {stage}", limit_gb=PIPELINE_GB, **facts)
            # Within the loop: the model is gone after the last part.
            host_gb = round(psutil.Process().memory_info().rss / GB, 2)
    lines.write("pipeline: whole", limit_gb=PIPELINE_GB, fits=True, host_gb=host_gb)


def stages(
    size: Size,
    setting: Setting,
    plan: MemoryPlan,
    *,
    num_loras: int = 0,
    kept: dict[str, PartWeights] | None = None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parts of a drawing as they come, each with seconds and memory, under a plan.

    Args:
        num_loras: that lie beside the weights.
        kept: see `placed.model_of`.

    Raises:
        torch.OutOfMemoryError: a part does not fit.
    """
    given = inputs(size, setting)
    model = model_of(size, setting, plan, kept=kept)
    pipe = model.pipe
    loras = [(random_lora(pipe.dit, setting), 1.0)] * num_loras
    works: dict[str, Callable[[], Any]] = {"text encoder": lambda: embedded(model, size.words)}
    seen: dict[str, FirstFrame] = {}
    if isinstance(model, WanImageModel):
        works["first frame"] = lambda: seen.update(first=model.first_frame(size.num_frames))
    works["transformer"] = lambda: velocity(model, given, seen.get("first"))
    works["vae"] = lambda: model.decode(given.latents_BCFhw)
    with applied(pipe.dit, loras):
        for stage, work in works.items():
            if stage == "transformer":
                pipe.load_models_to_device(pipe.in_iteration_models)
            forget_peaks(setting)
            with fastest_attention(setting):
                seconds = [timed(work, setting.synchronize) for _ in range(2)]
            yield (
                stage,
                {
                    "seconds": round(seconds[1], 3),
                    "first_s": round(seconds[0], 3),
                    "memory": peaks(setting),
                },
            )
