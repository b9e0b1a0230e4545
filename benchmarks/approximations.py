"""What every approximation costs in likeness: PSNR to `exact`, and whether order survives.

    python -m benchmarks.approximations [--limit 12] [--device cuda] [--out FILE] [--only NAME ...]
    python -m benchmarks.approximations --measure-curves
    python -m benchmarks.approximations --table FILE

Draws plans of concepts, each in an order of its own, with Pocket's own weights, exactly and in every
variant, with the same seeds. PSNR is over all decoded frames before they are composited; 8-bit clips
that are equal count as 99 dB. `order` and `present` are the figures of docs/evaluation.md, for the variant and for
`exact`. `passes` is the share of the tokens' passes through the blocks that were computed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.lines import RESULTS, Lines
from videosketcher_app.core.sparse_request import SPARSE_PRESETS
from videosketcher_app.engines.memory.modes import EXACT, Acceleration, acceleration_of
from videosketcher_app.engines.memory.sampling import AcceleratedSampler
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.engines.step_cache.residual import ResidualCache, embedding_changes
from videosketcher_app.engines.text import SamplerSettings, denoise, initial_noise, to_frames
from videosketcher_app.evaluation.clip import read_clips
from videosketcher_app.evaluation.detector import Detector, load_detector
from videosketcher_app.evaluation.scores import figures
from videosketcher_app.evaluation.tasks import Task, tasks_of
from videosketcher_app.evaluation.text import score_clips
from videosketcher_app.models.catalogue import load_text_model
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.sparse_attention.drawing import sparse_attention_of

MODEL = "pocket-t2v"
EQUAL_DB = 99.0
GUIDED = 2.0  # scale at which what guidance loses is measured; Pocket itself draws without
DEFAULT_OUT = RESULTS / "approximations.jsonl"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of the table: what is left out, and at which guidance both sides draw."""

    name: str
    acceleration: Acceleration
    cfg_scale: float = 1.0


def variants(model: str) -> tuple[Variant, ...]:
    """Every approximation alone, then the modes as people choose them."""
    alone = Acceleration(mode="fast")
    return (
        Variant(
            name="step cache (MagCache)",
            acceleration=replace(
                alone, step_cache="magcache", cache_error=0.03, cache_max_skips=1, cache_start=0.25
            ),
        ),
        Variant(
            name="step cache (TeaCache)",
            acceleration=replace(alone, step_cache="teacache", cache_error=0.06),
        ),
        Variant(name="CFG skip", acceleration=replace(alone, cfg_skip=0.25), cfg_scale=GUIDED),
        Variant(name="blank keys merged", acceleration=replace(alone, culling=0.6)),
        Variant(name="frozen paper", acceleration=replace(alone, frozen_paper=0.4)),
        Variant(
            name="frozen paper, keys merged",
            acceleration=replace(alone, frozen_paper=0.4, merged_keys=True),
        ),
        Variant(name="sparse", acceleration=replace(alone, sparse=SPARSE_PRESETS["careful"])),
        Variant(name="fp8 linears", acceleration=replace(alone, fp8=True)),
        Variant(name="mode fast", acceleration=acceleration_of("fast", model)),
        Variant(name="mode sketch", acceleration=acceleration_of("sketch", model)),
    )


@dataclass(kw_only=True, eq=False)
class Drawn:
    """Clips of one variant, with what they took."""

    clips: list[NDArray[np.uint8]]
    passes: float
    seconds: float


class Bench:
    """Draws and scores one set of tasks."""

    def __init__(
        self, model: PocketModel, tasks: Sequence[Task], settings: SamplerSettings
    ) -> None:
        self.model, self.tasks, self.settings = model, tasks, settings
        self.detector: Detector = load_detector()
        self._exact: dict[float, Drawn] = {}

    def row(self, variant: Variant) -> dict[str, Any]:
        """All figures of a variant against exact at the same guidance."""
        settings = replace(self.settings, cfg_scale=variant.cfg_scale)
        if variant.cfg_scale not in self._exact:
            self._exact[variant.cfg_scale] = self._draw(EXACT, settings)
        exact, drawn = self._exact[variant.cfg_scale], self._draw(variant.acceleration, settings)
        psnr = [_psnr(a, b) for a, b in zip(exact.clips, drawn.clips, strict=True)]
        return {
            "acceleration": variant.acceleration.to_mapping(),
            "cfg_scale": variant.cfg_scale,
            "drawings": len(self.tasks),
            "psnr_db": round(statistics.fmean(psnr), 2),
            "psnr_worst_db": round(min(psnr), 2),
            "passes": round(drawn.passes, 3),
            "seconds": round(drawn.seconds / len(self.tasks), 2),
            "seconds_exact": round(exact.seconds / len(self.tasks), 2),
            "scores": self._scores(drawn.clips),
            "scores_exact": self._scores(exact.clips),
        }

    def _draw(self, acceleration: Acceleration, settings: SamplerSettings) -> Drawn:
        clips, passes, begun = [], [], time.perf_counter()
        for task in self.tasks:
            latents, share = _sampled(self.model, task, settings, acceleration)
            clips.append(to_frames(self.model.decode(latents))[0])
            passes.append(share)
        return Drawn(
            clips=clips, passes=statistics.fmean(passes), seconds=time.perf_counter() - begun
        )

    def _scores(self, clips: list[NDArray[np.uint8]]) -> dict[str, float]:
        scores = tuple(score_clips(self.detector, self.tasks, read_clips(iter(clips))))
        kept = ("order", "order_all_pairs", "present", "recognised")
        found = figures(scores)
        return {name: found[name] for name in kept if name in found}


def _sampled(
    model: PocketModel, task: Task, settings: SamplerSettings, acceleration: Acceleration
) -> tuple[torch.Tensor, float]:
    """Latents of one drawing, and the share of all block passes that were computed."""
    prompts, seeds = [str(task.plan)], [task.seed]
    if acceleration.is_exact:
        *_, (_, latents, _) = denoise(model, prompts, seeds, settings)
        return latents, 1.0
    contexts = [model.encode_prompts(prompts)]
    if settings.cfg_scale != 1:
        contexts.append(model.encode_prompts([""]))
    shape = model.latent_shape(settings.num_frames, settings.height, settings.width)
    sampler = AcceleratedSampler(
        model,
        contexts,
        settings,
        acceleration,
        levels=sigmas(settings.num_inference_steps, settings.shift),
        sparse=sparse_attention_of(model, acceleration.sparse, settings, seed=task.seed),
    )
    *_, (_, latents, _) = sampler.run(initial_noise(seeds, shape, model.device))
    return latents, sampler.share


def _psnr(exact: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    error = float(np.mean((exact.astype(np.float32) - other.astype(np.float32)) ** 2))
    return EQUAL_DB if error == 0 else min(EQUAL_DB, 10 * np.log10(255**2 / error))


def measured_curves(
    model: PocketModel, tasks: Sequence[Task], settings: SamplerSettings
) -> dict[str, list[float]]:
    """MagCache's ratios, and the coefficients of TeaCache's polynomial, for a model.

    TeaCache's signal is fitted to how much the velocity's residual changes in length; with few
    steps a straight line is all that the points carry.
    """
    levels = sigmas(settings.num_inference_steps, settings.shift)
    rows = [_ratios(model, task, settings, levels) for task in tasks]
    ratios = np.mean(rows, axis=0)
    changes = embedding_changes(model.transformer, [1000 * level for level in levels[:-1]])
    line = np.polyfit(changes[1:], np.abs(1 - ratios[1:]), 1)
    return {"ratios": [round(float(r), 5) for r in ratios], "coefficients": line.tolist()}


def _ratios(
    model: PocketModel, task: Task, settings: SamplerSettings, levels: Sequence[float]
) -> list[float]:
    cache = ResidualCache(measures=True)
    shape = model.latent_shape(settings.num_frames, settings.height, settings.width)
    x = initial_noise([task.seed], shape, model.device)
    context = model.encode_prompts([str(task.plan)])
    for sigma, next_sigma in pairwise(levels):
        velocity = model.velocity(x, sigma, context, through=cache.compute)
        x = x + (next_sigma - sigma) * velocity
    return cache.ratios


def table(lines: Iterator[str]) -> str:
    """The table of docs/guide/acceleration.md from a results file; the last line of a row counts."""
    rows: dict[str, dict[str, Any]] = {}
    for line in lines:
        entry = json.loads(line)
        if entry["bench"] == "approximations":
            rows[entry["what"]] = entry
    text = [
        "| variant | passes | PSNR to exact, mean (worst) | order (exact) | parts present (exact) |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        ours, exact = row["scores"], row["scores_exact"]
        text.append(
            f"| {name} | {row['passes']:.0%} | {row['psnr_db']:.1f} ({row['psnr_worst_db']:.1f}) dB "
            f"| {ours['order']:.3f} ({exact['order']:.3f}) "
            f"| {ours['present']:.3f} ({exact['present']:.3f}) |"
        )
    return "\n".join(text) + "\n"


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--limit", type=int, default=12, help="Drawings.")
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", nargs="*", help="Variants by the beginning of their name.")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--measure-curves", action="store_true")
    parser.add_argument("--table", type=Path, metavar="FILE")
    args = parser.parse_args()
    if args.table is not None:
        sys.stdout.write(table(iter(args.table.read_text("utf-8").splitlines())))
        return
    model = load_text_model(MODEL, args.device)
    assert isinstance(model, PocketModel)
    d = model.defaults
    settings = SamplerSettings(
        num_inference_steps=args.steps or d.num_inference_steps,
        cfg_scale=1.0,
        shift=d.shift,
        num_frames=args.frames,
        width=d.width,
        height=d.height,
    )
    tasks = tasks_of("concepts", seed=0, limit=args.limit)
    if args.measure_curves:
        sys.stdout.write(json.dumps(measured_curves(model, tasks, settings)) + "\n")
        return
    lines, bench = Lines("approximations", args.out), Bench(model, tasks, settings)
    for variant in variants(MODEL):
        if not args.only or variant.name.startswith(tuple(args.only)):
            settled = {"frames": args.frames, "steps": settings.num_inference_steps}
            lines.write(variant.name, **bench.row(variant), **settled)


if __name__ == "__main__":
    main()
