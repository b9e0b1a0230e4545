"""Rows `few-steps` and `complete`: whole runs, from noise to the end.

Legend: B batch, C channels, F latent frames, h/w latent cells, H/W tokens, S words.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness import spread, timed
from benchmarks.lines import Lines
from benchmarks.studio.forward import MODE, STEPS, block_of, sparse_of
from benchmarks.studio.shapes import (
    W480,
    Inputs,
    Setting,
    Size,
    diffsynth_pass,
    our_pass,
    settled_paper,
    vae,
    workload,
)
from benchmarks.studio.timing import fastest_attention, forget_peaks, peaks
from videosketcher_app.core.sparse_request import SPARSE_PRESETS
from videosketcher_app.engines.memory.sampling import AcceleratedSampler
from videosketcher_app.engines.schedules import euler_step, sigmas
from videosketcher_app.models.fp8 import Fp8Blocks
from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder
from videosketcher_app.models.wan.forward import dense_attention

FEW_STEPS, SHIFT, CFG_SCALE = 4, 5.0, 2.0
WANTED_FEW_S, AIM_FEW_S = 11.7, 8.0
REPEATS = 5


def few_steps(setting: Setting, lines: Lines) -> None:
    """Four steps without guidance in 8 bits, decoded: dense, and sparse from the second step on."""
    size, dit, given = workload(setting, W480)
    decoder = ChannelsLastDecoder(vae(setting))
    both = Fp8Blocks(dit.blocks)
    both.use(fp8=True)
    sparse = sparse_of(size, SPARSE_PRESETS["careful"], setting)
    late = sparse.at_step(sparse.num_dense_steps)
    for name, attention in (("few steps fp8", dense_attention), ("few steps fp8, sparse", late)):

        def draw(attention: Any = attention) -> Tensor:
            return decoder.decode(_few(dit, given, setting, attention))

        with fastest_attention(setting):
            cold = timed(draw, setting.synchronize)
            forget_peaks(setting)
            repeats = 1 if setting.is_tiny else REPEATS
            warm = [timed(draw, setting.synchronize) for _ in range(repeats)]
        lines.write(
            name,
            wanted_s=WANTED_FEW_S,
            aim_s=AIM_FEW_S,
            seconds=spread(warm),
            cold_s=round(cold, 2),
            steps=FEW_STEPS,
            decoded_frames=size.num_frames,
            memory=peaks(setting),
        )


def _few(dit: nn.Module, given: Inputs, setting: Setting, late_attention: Any) -> Tensor:
    """Latents after four steps, the first of them dense."""
    x, block = given.latents_BCFhw, block_of(setting)
    for step, (sigma, next_sigma) in enumerate(pairwise(sigmas(FEW_STEPS, SHIFT))):
        timestep = torch.full_like(given.timestep_B, 1000 * sigma)
        now = Inputs(latents_BCFhw=x, timestep_B=timestep, words_BSD=given.words_BSD)
        attention = late_attention if step else dense_attention
        velocity = our_pass(dit, now, run_block=block, attention=attention)
        x = euler_step(x, velocity, sigma, next_sigma)
    return x


@dataclass(kw_only=True, eq=False)
class RandomModel:
    """A transformer of random weights, as the accelerated sampler wants a model."""

    transformer: nn.Module
    words_BSD: Tensor
    name: str = "wan2.1-t2v-14b"

    def velocity(
        self, latents_BCFhw: Tensor, sigma: float, context_BLD: Tensor, **how: Any
    ) -> Tensor:
        """As `PocketModel.velocity`."""
        given = Inputs(
            latents_BCFhw=latents_BCFhw,
            timestep_B=torch.full((1,), 1000 * sigma, device=latents_BCFhw.device),
            words_BSD=context_BLD,
        )
        return our_pass(self.transformer, given, **how)

    def paper_latents(self, num_frames: int, height: int, width: int) -> Tensor:
        """Nothing that random weights could reach: the paper is replayed."""
        del num_frames, height, width
        return torch.zeros((), device=self.words_BSD.device)


@dataclass(frozen=True, kw_only=True, eq=False)
class ReplayedPaper:
    """Stands where the sampler watches paper: that of a real drawing, from the start."""

    settled_FHW: Tensor

    @property
    def blank_FHW(self) -> Tensor:
        """The same tokens."""
        return self.settled_FHW

    def see(self, clean_BCFhw: Tensor) -> None:
        """Random weights show nothing."""
        del clean_BCFhw


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Of a whole run."""

    num_inference_steps: int
    cfg_scale: float
    num_frames: int
    width: int
    height: int


def complete(setting: Setting, lines: Lines) -> None:
    """50 guided steps in the mode `sketch`, once warmed up by its first steps."""
    size, dit, given = workload(setting, W480)
    seconds_reference = _reference(dit, given, setting)
    model = RandomModel(transformer=dit, words_BSD=given.words_BSD)
    paper = settled_paper(size).to(setting.device)
    _run(model, given, size, setting, paper, steps=8)  # compiles every kind of pass
    forget_peaks(setting)
    samplers = []
    seconds = timed(
        lambda: samplers.append(_run(model, given, size, setting, paper, steps=STEPS)),
        setting.synchronize,
    )
    sampler = samplers[0]
    whole = seconds_reference * STEPS * 2
    lines.write(
        "complete run, 50 x 2",
        wanted=0.22,
        ratio=round(seconds / whole, 4),
        seconds=round(seconds, 2),
        seconds_reference_pass=round(seconds_reference, 4),
        computed_share=round(sampler.share, 4),
        active_share=round(sampler.frozen.share, 4) if sampler.frozen else None,
        acceleration=MODE.to_mapping(),
        memory=peaks(setting),
    )


def _run(
    model: RandomModel, given: Inputs, size: Size, setting: Setting, paper: Tensor, *, steps: int
) -> AcceleratedSampler:
    _, rows, columns = size.clip
    sampler = AcceleratedSampler(
        model,
        [given.words_BSD, torch.zeros_like(given.words_BSD)],
        RunSettings(
            num_inference_steps=steps,
            cfg_scale=CFG_SCALE,
            num_frames=size.num_frames,
            width=columns * 8,
            height=rows * 8,
        ),
        replace(MODE, compiled=not setting.is_tiny),
        levels=sigmas(steps, SHIFT),
        sparse=sparse_of(size, SPARSE_PRESETS["careful"], setting, num_steps=steps),
        watch=ReplayedPaper(settled_FHW=paper),
    )
    with torch.inference_mode(), fastest_attention(setting):
        for _ in sampler.run(given.latents_BCFhw):
            pass
    return sampler


def _reference(dit: nn.Module, given: Inputs, setting: Setting) -> float:
    """Median seconds of diffsynth's own pass."""
    work = partial(diffsynth_pass, dit, given)
    return statistics.median(timed(work, setting.synchronize) for _ in range(5))
