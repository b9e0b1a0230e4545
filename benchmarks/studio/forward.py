"""Rows `forward` and `forward-720p`: one pass of the 14B transformer, and what 50 x 2 of them cost.

The seconds of a whole run are those of its passes, added up by the plan: which steps are dense, which
are sparse, which are narrow, and which are skipped. Row `complete` checks the sum.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from benchmarks.harness import WARM_UP_PASSES, spread, timed
from benchmarks.lines import Lines
from benchmarks.studio.shapes import (
    W480,
    W720,
    Inputs,
    Setting,
    Size,
    diffsynth_pass,
    our_pass,
    settled_paper,
    workload,
)
from benchmarks.studio.timing import against, fastest_attention, forget_peaks, peaks, told
from videosketcher_app.core.sparse_request import SPARSE_PRESETS, SparseSpec
from videosketcher_app.engines.memory.frozen import Freeze, FrozenPasses, freeze
from videosketcher_app.engines.memory.modes import acceleration_of
from videosketcher_app.engines.step_cache.curves import MAG_RATIOS
from videosketcher_app.engines.step_cache.plans import SkipPlan, mag_plan, no_skips
from videosketcher_app.engines.step_cache.residual import ResidualCache
from videosketcher_app.models.fp8 import Fp8Blocks
from videosketcher_app.models.fused import SplitBlock, compiled_block
from videosketcher_app.models.sparse_attention.attention import SparseAttention
from videosketcher_app.models.sparse_attention.layout import TokenLayout
from videosketcher_app.models.wan.forward import BlockPass
from videosketcher_app.models.wan.row_block import row_block

STEPS, BRANCHES = 50, 2
EXACT_ERROR, FP8_ERROR = 0.03, 0.1  # relative, in bfloat16: cosines of 0.9995 and 0.995
MODE = acceleration_of("sketch", "wan2.1-t2v-14b")


def block_of(setting: Setting) -> Callable[..., Tensor]:
    """The block that is measured; uncompiled at tiny size, where compiling would be all there is."""
    if setting.by_rows:
        return row_block(dynamic=False)
    return SplitBlock() if setting.is_tiny else compiled_block(dynamic=False)


def cache_plan() -> SkipPlan:
    """The step cache's plan of 50 steps; 44 % are skipped."""
    return mag_plan(
        MAG_RATIOS["wan2.1-t2v-14b"],
        STEPS,
        max_error=MODE.cache_error,
        max_skips=MODE.cache_max_skips,
        start=MODE.cache_start,
    )


def sparse_of(
    size: Size, spec: SparseSpec, setting: Setting, *, num_steps: int = STEPS
) -> SparseAttention:
    """Sparse VideoGen for a clip of this size."""
    frames, rows, columns = size.grid
    layout = TokenLayout(num_frames=frames, tokens_per_frame=rows * columns)
    return SparseAttention(
        spec, layout, num_steps=num_steps, num_layers=size.config.num_layers, has_room=True
    )


class FrozenPass:
    """Late passes of the mode `sketch`, with the paper of a real drawing."""

    def __init__(self, size: Size, given: Inputs, *, merges: bool) -> None:
        settled_FHW = settled_paper(size).to(given.latents_BCFhw.device)
        self.freeze: Freeze = freeze(
            settled_FHW, given.latents_BCFhw, size.config.patch, merges=merges
        )
        self._passes = FrozenPasses(self.freeze)

    def through(self, blocks: BlockPass) -> Tensor:
        """The first pass is whole, the others are narrow."""
        if not self._passes.is_ready:
            return self._passes.whole(blocks)
        narrow = self._passes.narrowed(blocks)
        return self._passes.widened(narrow.run(), blocks)


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """One pass of each kind; the narrow one may be unknown."""

    reference: float
    dense: float
    sparse: float
    reused: float
    frozen: float | None = None


def run_seconds(
    each: Seconds, plan: SkipPlan, *, sparse_from: int = STEPS, frozen_from: int = STEPS
) -> float:
    """Seconds of all passes of a guided run; the first computed late step is whole."""
    total, is_whole = 0.0, True
    for step, skips in enumerate(plan.skips):
        if skips:
            total += each.reused
        elif step >= frozen_from and not is_whole:
            assert each.frozen is not None, "asked for from a step on"
            total += each.frozen
        else:
            is_whole = is_whole and step < frozen_from
            total += each.sparse if step >= sparse_from else each.dense
    return total * BRANCHES


def forward(setting: Setting, lines: Lines) -> None:
    """Every pass of the fastest mode against diffsynth's own, then the runs made of them.

    Each sum is written as soon as its passes are known: what fails later takes none of them along.
    """
    size, dit, given = workload(setting, W480)
    bench = _Passes(dit, given, size, setting, lines)
    bench.exact()
    both = Fp8Blocks(dit.blocks)  # type: ignore[arg-type]
    dense, sparse, reused = bench.fp8(both), bench.sparse(both), bench.reused()
    reference = bench.seconds_reference()
    each = Seconds(
        reference=reference, dense=dense * reference, sparse=sparse * reference, reused=reused
    )
    whole, cached = no_skips(STEPS), cache_plan()
    write_run("50 x 2 sparse", 0.58, each, whole, lines)
    write_run("50 x 2 sparse, step cache", 0.32, each, cached, lines)
    frozen, rho = bench.frozen(both)
    each = replace(each, frozen=frozen * reference)
    name = "50 x 2 sparse, step cache, frozen paper"
    write_run(name, 0.22, each, cached, lines, active_share=rho)


def write_run(
    name: str, wanted: float, each: Seconds, plan: SkipPlan, lines: Lines, **facts: Any
) -> None:
    """A row of the table that is a sum of passes; late ones are narrow if their seconds are known."""
    sparse_from = SPARSE_PRESETS["careful"].num_dense_steps(STEPS)
    late = round((MODE.frozen_paper or 1) * STEPS)
    frozen_from = STEPS if each.frozen is None else late
    seconds = run_seconds(each, plan, sparse_from=sparse_from, frozen_from=frozen_from)
    reference = each.reference * STEPS * BRANCHES
    known = {name: value for name, value in vars(each).items() if value is not None}
    lines.write(
        name,
        ratio=round(seconds / reference, 4),
        wanted=wanted,
        seconds=round(seconds, 2),
        seconds_reference=round(reference, 2),
        passes_s={name: round(value, 4) for name, value in known.items()},
        skipped=plan.share,
        sparse_from=sparse_from,
        frozen_from=frozen_from,
        is_sum_of_passes=True,
        **facts,
    )


class _Passes:
    """The passes over one network, each timed in turns with diffsynth's; they return ratios."""

    def __init__(
        self, dit: nn.Module, given: Inputs, size: Size, setting: Setting, lines: Lines
    ) -> None:
        self._dit, self._given, self._size = dit, given, size
        self._setting, self._lines = setting, lines
        self._block = block_of(setting)
        self._references: list[float] = []

    def seconds_reference(self) -> float:
        """diffsynth's own pass, over all comparisons."""
        return statistics.median(self._references)

    def exact(self) -> None:
        """bfloat16, dense: the same result within rounding."""
        self._compared("forward exact", 0.88, EXACT_ERROR)

    def fp8(self, both: Fp8Blocks) -> float:
        """8-bit linear layers, dense."""
        return self._compared("forward fp8", 0.78, FP8_ERROR, both=both)

    def sparse(self, both: Fp8Blocks) -> float:
        """A step after the dense ones."""
        spec = SPARSE_PRESETS["careful"]
        sparse = sparse_of(self._size, spec, self._setting)
        layers = sparse.at_step(spec.num_dense_steps(STEPS))
        return self._compared(
            "forward fp8, sparse", None, both=both, attention=layers, facts=sparse.facts
        )

    def frozen(self, both: Fp8Blocks) -> tuple[float, float]:
        """A late step with paper left alone: all its keys kept, and merged; the mode's own counts."""
        ratios, rho = {}, 1.0
        for name, merges in (("all keys", False), ("merged keys", True)):
            late = FrozenPass(self._size, self._given, merges=merges)
            rho = round(late.freeze.share, 4)
            facts = {"active_share": rho, "stored_keys": len(late.freeze.stored_S)}
            ratios[merges] = self._compared(
                f"forward fp8, frozen paper, {name}",
                None,
                both=both,
                through=late.through,
                facts=lambda facts=facts: facts,
            )
            del late  # its keys take gigabytes
        return ratios[MODE.merged_keys], rho

    def reused(self) -> float:
        """Seconds of a skipped step: embedding, the last residual, head."""
        cache = ResidualCache()
        with fastest_attention(self._setting):
            our_pass(self._dit, self._given, run_block=self._block, through=cache.compute)

        def skip() -> Tensor:
            return our_pass(self._dit, self._given, through=cache.reuse)

        skip()
        seconds = [timed(skip, self._setting.synchronize) for _ in range(self._setting.pairs)]
        self._lines.write("forward skipped", seconds=spread(seconds))
        return statistics.median(seconds)

    def _compared(
        self,
        name: str,
        wanted: float | None,
        max_relative_error: float = float("inf"),
        *,
        both: Fp8Blocks | None = None,
        facts: Any = dict,
        **how: Any,
    ) -> float:
        def reference() -> Tensor:
            if both is not None:
                both.use(fp8=False)
            return diffsynth_pass(self._dit, self._given)

        def candidate() -> Tensor:
            if both is not None:
                both.use(fp8=True)
            with fastest_attention(self._setting):
                return our_pass(self._dit, self._given, run_block=self._block, **how)

        forget_peaks(self._setting)
        found = against(reference, candidate, self._setting, max_relative_error=max_relative_error)
        if both is not None:
            both.use(fp8=False)
        self._references.append(found.seconds_a)
        self._lines.write(
            name, wanted=wanted, **told(found), memory=peaks(self._setting), **facts()
        )
        return found.ratio


def forward_720p(setting: Setting, lines: Lines) -> None:
    """Sparse VideoGen's published preset at 1280x720x81 against diffsynth's dense pass."""
    size, dit, given = workload(setting, W720)
    spec = SPARSE_PRESETS["readme"]
    sparse = sparse_of(size, spec, setting)
    layers = sparse.at_step(spec.num_dense_steps(STEPS))
    block = block_of(setting)

    def candidate() -> Tensor:
        with fastest_attention(setting):
            return our_pass(dit, given, run_block=block, attention=layers)

    forget_peaks(setting)
    found = against(lambda: diffsynth_pass(dit, given), candidate, setting)
    lines.write(
        "forward 720p sparse",
        wanted=0.62,
        **told(found),
        memory=peaks(setting),
        **sparse.facts(),
    )
    reference_s = found.seconds_a
    both = Fp8Blocks(dit.blocks)
    both.use(fp8=True)
    del both  # and with it the layers of before
    forget_peaks(setting)
    for _ in range(WARM_UP_PASSES):
        candidate()
    seconds = spread([timed(candidate, setting.synchronize) for _ in range(setting.pairs)])
    lines.write(
        "forward 720p sparse fp8",
        wanted=0.62,
        ratio=round(seconds["median"] / reference_s, 4),
        seconds=seconds,
        memory=peaks(setting),
    )
