"""Row `resident`: co-drawing turns between 14B passes, under one budget of memory.

The causal model and its cache stay on the device while the blocks of the large one stream through
the rest of the budget. First ink is from the turn's start to the block's clean latents.
"""

from __future__ import annotations

from functools import partial

import torch

from benchmarks.harness import spread, timed
from benchmarks.lines import Lines
from benchmarks.studio.placed import model_of, streaming, velocity
from benchmarks.studio.shapes import (
    TINY_SIZE,
    W480,
    WAN_1_3B,
    Setting,
    Size,
    inputs,
    network,
)
from benchmarks.studio.timing import fastest_attention, forget_peaks, limited_to, peaks
from videosketcher_app.engines.causal_drawing import DEFAULT_WINDOW
from videosketcher_app.engines.rollout import DENOISING_STEPS, BlockNoise, BlockRollout
from videosketcher_app.models.causal_wan import BLOCK_LATENT_FRAMES, CausalWan
from videosketcher_app.models.wan.weights import TRANSFORMER

BUDGET_GB = 24.0
W480_AR = Size(config=WAN_1_3B, clip=(21, 60, 104))
SOLO_TURNS, TURNS, KNOWN_BLOCKS = 6, 6, 4
WANTED = 1.2  # first ink to that of turns alone


def resident(setting: Setting, lines: Lines) -> None:
    """First ink alone, then with a pass of the large model before every turn."""
    small, size = TINY_SIZE if setting.is_tiny else W480_AR, setting.size(W480)
    forget_peaks(setting)
    with limited_to(BUDGET_GB, setting), torch.inference_mode(), fastest_attention(setting):
        large = model_of(size, setting, streaming(BUDGET_GB), [TRANSFORMER])
        given = inputs(size, setting)
        turns = _Turns(small, setting)
        places = turns.places()
        alone = [turns.first_ink_s() for _ in range(SOLO_TURNS + 2)][2:]
        velocity(large, given)
        between, previews = [], []
        for _ in range(TURNS):
            preview = partial(velocity, large, given)
            previews.append(timed(preview, setting.synchronize))
            between.append(turns.first_ink_s())
    ratio = spread(between)["median"] / spread(alone)["median"]
    lines.write(
        "co-drawing beside 14B",
        wanted=WANTED,
        ratio=round(ratio, 4),
        first_ink_alone_s=spread(alone),
        first_ink_s=spread(between),
        pass_of_14b_s=spread(previews),
        reloads=int(turns.places() != places),
        budget_gb=BUDGET_GB,
        memory=peaks(setting),
    )


class _Turns:
    """A causal model with a filled window; every turn draws one block from where it began."""

    def __init__(self, size: Size, setting: Setting) -> None:
        self._setting = setting
        self._causal = CausalWan(
            transformer=network(size, setting),  # type: ignore[arg-type]
            device=setting.device,
            dtype=setting.dtype,
        )
        _, rows, columns = size.clip
        self._shape = (size.config.in_dim, BLOCK_LATENT_FRAMES, rows, columns)
        cache = self._causal.new_cache(
            self._causal.cache_shape(1, rows, columns), DEFAULT_WINDOW, num_pages=None
        )
        words = torch.zeros(1, size.words, size.config.text_dim)
        words = words.to(setting.device, setting.dtype)
        self._rollout = BlockRollout(self._causal, cache, self._causal.prompt_keys(words))
        self._rollout.observe(self._latents(KNOWN_BLOCKS))

    def first_ink_s(self) -> float:
        """Seconds of one turn's denoising steps; the drawn block is taken back."""
        channels, frames, *cells = self._shape
        random = torch.Generator("cpu").manual_seed(0)
        noise = [
            torch.randn(1, channels, frames, *cells, generator=random)
            for _ in range(len(DENOISING_STEPS))
        ]
        first, *later = (each.to(self._setting.device, self._setting.dtype) for each in noise)
        drawing = self._rollout.draw(BlockNoise(first_BCFhw=first, later=later))
        seconds = timed(lambda: list(drawing), self._setting.synchronize)
        self._rollout.rewind(KNOWN_BLOCKS)
        return seconds

    def places(self) -> list[int]:
        """Where every weight lies; unchanged if nothing was loaded again."""
        return [parameter.data_ptr() for parameter in self._causal.transformer.parameters()]

    def _latents(self, blocks: int) -> torch.Tensor:
        channels, frames, *cells = self._shape
        return torch.zeros(
            1,
            channels,
            blocks * frames,
            *cells,
            device=self._setting.device,
            dtype=self._setting.dtype,
        )
