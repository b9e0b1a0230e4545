"""The sampler of the modes `fast` and `sketch`: `engines.text.denoise` with less arithmetic.

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

from videosketcher_app.engines.memory.culling import CulledAttention
from videosketcher_app.engines.memory.frozen import Freeze, FrozenPasses, freeze
from videosketcher_app.engines.memory.modes import Acceleration
from videosketcher_app.engines.memory.paper import PaperWatch, merged_keys
from videosketcher_app.engines.schedules import clean_estimate, euler_step, guided
from videosketcher_app.engines.step_cache.curves import MAG_RATIOS, TEA_COEFFICIENTS
from videosketcher_app.engines.step_cache.plans import (
    SkipPlan,
    guidance_plan,
    mag_plan,
    no_skips,
    tea_plan,
)
from videosketcher_app.engines.step_cache.residual import ResidualCache, embedding_changes
from videosketcher_app.models.fp8 import quantized
from videosketcher_app.models.wan.forward import BlockPass, dense_attention
from videosketcher_app.models.wan.row_block import row_block

if TYPE_CHECKING:
    from videosketcher_app.models.sparse_attention.attention import SparseAttention

PATIENCE = 0.06  # of the steps, that a token must be settled: 3 of 50


class SkippingModel(Protocol):
    """What the sampler asks of a model, beside the text engine's own wishes."""

    name: str
    transformer: Any

    def velocity(
        self,
        latents_BCFhw: Tensor,
        sigma: float,
        context_BLD: Tensor,
        *,
        attention: Any,
        through: Any,
    ) -> Tensor:
        """As `PocketModel.velocity`, with `attention` and `through`."""
        ...

    def paper_latents(self, num_frames: int, height: int, width: int) -> Tensor:
        """Latents (1, C, F, h, w) of a blank clip."""
        ...


class Watch(Protocol):
    """Who sees where the paper is, as `PaperWatch` does."""

    @property
    def blank_FHW(self) -> Tensor | None:
        """Tokens that are blank now."""
        ...

    @property
    def settled_FHW(self) -> Tensor | None:
        """Tokens that have been blank and unmoved for long enough."""
        ...

    def see(self, clean_BCFhw: Tensor) -> None:
        """Takes in a clean estimate."""
        ...


@dataclass(frozen=True, kw_only=True)
class StepPlan:
    """What is left out at every denoising step, known before the first.

    Attributes:
        blocks, guidance: steps that take the last result again.
        culled_from, frozen_from: steps from which paper is treated apart; past the last for never.
    """

    blocks: SkipPlan
    guidance: SkipPlan
    culled_from: int
    frozen_from: int


def step_plan(
    acceleration: Acceleration, model: SkippingModel, levels: Sequence[float]
) -> StepPlan:
    """The plan of one schedule of noise levels (the last is 0)."""
    num_steps = len(levels) - 1
    return StepPlan(
        blocks=_skipped_blocks(acceleration, model, levels[:-1]),
        guidance=guidance_plan(num_steps, acceleration.cfg_skip),
        culled_from=_from_share(acceleration.culling, num_steps),
        frozen_from=_from_share(acceleration.frozen_paper, num_steps),
    )


def _from_share(share: float | None, num_steps: int) -> int:
    return num_steps if share is None else max(1, round(share * num_steps))


def _skipped_blocks(
    acceleration: Acceleration, model: SkippingModel, levels: Sequence[float]
) -> SkipPlan:
    ratios, coefficients = MAG_RATIOS.get(model.name), TEA_COEFFICIENTS.get(model.name)
    if acceleration.step_cache == "magcache" and ratios is not None:
        return mag_plan(
            ratios,
            len(levels),
            max_error=acceleration.cache_error,
            max_skips=acceleration.cache_max_skips,
            start=acceleration.cache_start,
        )
    if acceleration.step_cache == "teacache" and coefficients is not None:
        changes = embedding_changes(model.transformer, [1000 * level for level in levels])
        return tea_plan(changes, coefficients, threshold=acceleration.cache_error)
    return no_skips(len(levels))


class Branch:
    """One context of a clip (with words, or without) and what its passes remember.

    Args:
        run_block: instead of `block_forward`.

    Attributes:
        num_tokens: that were asked for in all passes.
    """

    def __init__(
        self,
        model: SkippingModel,
        context_BLD: Tensor,
        run_block: Callable[..., Tensor] | None = None,
    ) -> None:
        self._model, self._context_BLD, self._run_block = model, context_BLD, run_block
        self.cache = ResidualCache()
        self.num_tokens = 0
        self._frozen: FrozenPasses | None = None

    def freeze(self, what: Freeze) -> None:
        """From now on, computes the active tokens only."""
        self._frozen = FrozenPasses(what)
        self._active_A = what.active_A

    def velocity(self, x_BCFhw: Tensor, sigma: float, *, skips: bool, attention: Any) -> Tensor:
        """The velocity at one level; `skips` takes the last pass's result again."""
        return self._model.velocity(
            x_BCFhw,
            sigma,
            self._context_BLD,
            attention=attention,
            through=partial(self._through, skips=skips),
        )

    def _through(self, blocks: BlockPass, *, skips: bool) -> Tensor:
        frozen = self._frozen
        self.num_tokens += blocks.x_BLD.shape[1]
        if self._run_block is not None:
            blocks = replace(blocks, run_block=self._run_block)
        if frozen is None or (skips and not frozen.is_ready):
            return self.cache.reuse(blocks) if skips else self.cache.compute(blocks)
        if not frozen.is_ready:
            out_BLD = self.cache.compute(blocks, run=frozen.whole)
            self.cache.narrow(self._active_A)
            return out_BLD
        narrow = frozen.narrowed(blocks)
        out_BAD = self.cache.reuse(narrow) if skips else self.cache.compute(narrow)
        return frozen.widened(out_BAD, blocks)


class AcceleratedSampler:
    """Samples one batch in a mode of speed.

    Args:
        settings: of the text engine, with nothing left open.
        levels: sigmas of the steps and, last, 0.
        sparse: attention of this drawing; None is dense.
        watch: who sees where the paper is; None watches the clean estimates.

    Attributes:
        plan: what it leaves out.
        frozen: what it leaves alone, once it is known.
    """

    def __init__(
        self,
        model: SkippingModel,
        contexts: Sequence[Tensor],
        settings: Any,
        acceleration: Acceleration,
        *,
        levels: Sequence[float],
        sparse: SparseAttention | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._settings, self._acceleration = settings, acceleration
        self._model, self._levels = model, levels
        self.plan = step_plan(acceleration, model, levels)
        run_block = row_block() if acceleration.compiled else None
        self.branches = [Branch(model, context, run_block) for context in contexts]
        self.frozen: Freeze | None = None
        self._direction_BCFhw: Tensor | None = None
        self._patch = int(model.transformer.patch_size[-1])
        self._sparse = sparse
        self._watch = watch
        if acceleration.watches_paper and watch is None:
            paper = model.paper_latents(settings.num_frames, settings.height, settings.width)
            patience = max(1, round(PATIENCE * settings.num_inference_steps))
            self._watch = PaperWatch(paper, self._patch, patience=patience)

    def run(self, x_BCFhw: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yields (steps done, latents, clean estimate) after every denoising step."""
        blocks = self._model.transformer.blocks
        with quantized(blocks) if self._acceleration.fp8 else nullcontext():
            yield from self._steps(x_BCFhw)

    @property
    def share(self) -> float:
        """Share of all tokens' passes through the blocks that was computed."""
        tokens = sum(branch.cache.num_tokens for branch in self.branches)
        return tokens / max(1, sum(branch.num_tokens for branch in self.branches))

    def _steps(self, x_BCFhw: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        for step, (sigma, next_sigma) in enumerate(pairwise(self._levels)):
            velocity = self._velocity(x_BCFhw, sigma, step)
            if self.frozen is not None:
                velocity = self.frozen.hold(x_BCFhw, velocity, sigma)
            clean = clean_estimate(x_BCFhw, velocity, sigma)
            x_BCFhw = euler_step(x_BCFhw, velocity, sigma, next_sigma)
            self._see(clean, step)
            yield step + 1, x_BCFhw, clean

    def _velocity(self, x_BCFhw: Tensor, sigma: float, step: int) -> Tensor:
        how = {"skips": self.plan.blocks.skips[step], "attention": self._attention(step)}
        with_words, *others = self.branches
        velocity = with_words.velocity(x_BCFhw, sigma, **how)
        if not others:
            return velocity
        scale = self._settings.cfg_scale
        if self.plan.guidance.skips[step] and self._direction_BCFhw is not None:
            others[0].num_tokens += with_words.num_tokens // (step + 1)
            return velocity + (scale - 1) * self._direction_BCFhw
        without = others[0].velocity(x_BCFhw, sigma, **how)
        self._direction_BCFhw = velocity - without
        return guided(velocity, without, scale)

    def _attention(self, step: int) -> Any:
        if self._sparse is not None:
            return self._sparse.at_step(step)
        blank_FHW = self._watch.blank_FHW if self._watch is not None else None
        if step < self.plan.culled_from or blank_FHW is None:
            return dense_attention
        return CulledAttention(merged_keys(blank_FHW))

    def _see(self, clean_BCFhw: Tensor, step: int) -> None:
        """Looks at the paper after a computed step; freezes it once, when its time has come."""
        if self._watch is None or self.frozen is not None or self.plan.blocks.skips[step]:
            return
        self._watch.see(clean_BCFhw)
        settled_FHW = self._watch.settled_FHW
        if step + 1 < self.plan.frozen_from or settled_FHW is None or not settled_FHW.any():
            return
        settled_FHW = settled_FHW.clone()
        settled_FHW[0, 0, 0] = False  # a pass needs at least one token
        merges = self._acceleration.merged_keys
        self.frozen = freeze(settled_FHW, clean_BCFhw, self._patch, merges=merges)
        for branch in self.branches:
            branch.freeze(self.frozen)
