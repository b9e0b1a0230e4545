"""Which denoising steps a cache skips, decided before sampling begins.

Neither TeaCache's signal (Liu et al. 2024, arXiv 2411.19108) nor MagCache's (Ma et al. 2025, arXiv
2506.09045) depends on the picture, so that nothing has to be read back from the device between two
steps, and the time of a sketch is known when it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RETAINED_STEPS = 5  # that TeaCache always computes at the start
MAG_START = 0.2  # of the steps, that MagCache always computes at the start


@dataclass(frozen=True, kw_only=True)
class SkipPlan:
    """One entry a denoising step: True takes the last computed step's result again."""

    method: str
    skips: tuple[bool, ...]

    def __post_init__(self) -> None:
        assert not any(self.skips[:1]), "the first step has nothing to take again"

    @property
    def share(self) -> float:
        """Share of the steps that are skipped."""
        return sum(self.skips) / len(self.skips)


def no_skips(num_steps: int) -> SkipPlan:
    """Every step is computed."""
    return SkipPlan(method="none", skips=(False,) * num_steps)


def mag_plan(
    ratios: Sequence[float],
    num_steps: int,
    *,
    max_error: float,
    max_skips: int,
    start: float = MAG_START,
) -> SkipPlan:
    """MagCache: skips while the residual's magnitude is known to change little.

    Args:
        ratios: mean magnitude of each step's residual over that of the step before, measured once
            for a model at any number of steps; the first entry is 1.
        max_error: sum of |1 - product of ratios| over the skips in a row ("E").
        max_skips: in a row ("K").
        start: share of the steps that is always computed first ("R").
    """
    skips, product, error, in_a_row = [False], 1.0, 0.0, 0
    for step, ratio in enumerate(stretched(ratios, num_steps)[1:], start=1):
        if step < int(num_steps * start):
            skips.append(False)
            continue
        product *= ratio
        error += abs(1 - product)
        in_a_row += 1
        skips.append(error < max_error and in_a_row <= max_skips)
        if not skips[-1]:
            product, error, in_a_row = 1.0, 0.0, 0
    return SkipPlan(method="magcache", skips=tuple(skips))


def tea_plan(
    changes: Sequence[float],
    coefficients: Sequence[float],
    *,
    threshold: float,
    retained_steps: int = RETAINED_STEPS,
) -> SkipPlan:
    """TeaCache: skips while a polynomial of the time embedding's changes sums to little.

    Args:
        changes: relative L1 change of the embedding from the step before; the first entry is 0.
        coefficients: of the polynomial, highest degree first.
        threshold: sum from which a step is computed again.
        retained_steps: steps that are always computed at the start; the last always is too.
    """
    skips, total = [], 0.0
    for step, change in enumerate(changes):
        total += polynomial(coefficients, change)
        kept = step < max(1, retained_steps) or step == len(changes) - 1
        skips.append(not kept and total < threshold)
        if not skips[-1]:
            total = 0.0
    return SkipPlan(method="teacache", skips=tuple(skips))


def guidance_plan(num_steps: int, share: float, *, start: float = MAG_START) -> SkipPlan:
    """CFG skip: steps spread evenly after the start take the last guidance direction again.

    Args:
        share: of all steps; at most every second one after the start is skipped.
    """
    first = max(1, int(num_steps * start))
    late = num_steps - first
    wanted = min(round(share * num_steps), late // 2)
    chosen = {first + int((i + 0.5) * late / wanted) for i in range(wanted)} if wanted else set()
    return SkipPlan(method="cfg skip", skips=tuple(step in chosen for step in range(num_steps)))


def stretched(values: Sequence[float], length: int) -> list[float]:
    """The nearest entries of a curve that was measured at another number of steps.

    Ratios between neighbouring steps grow when steps are fewer; the published method leaves that
    out, and so does this.
    """
    if len(values) == length:
        return list(values)
    if length == 1:
        return [values[-1]]
    pitch = (len(values) - 1) / (length - 1)
    return [values[round(i * pitch)] for i in range(length)]


def polynomial(coefficients: Sequence[float], x: float) -> float:
    """The value of a polynomial by Horner's rule, highest degree first."""
    value = 0.0
    for coefficient in coefficients:
        value = value * x + coefficient
    return value
