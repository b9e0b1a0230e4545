"""Endless random sketches for training: sample `index` is the same on every machine and worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.grammar.compose import Composition, Variety, compose
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.grammar.program import Program, programs
from videosketcher_app.data.grammar.pseudo import compose_pseudo
from videosketcher_app.data.heldout import is_held_out
from videosketcher_app.data.shuffled_times import with_shuffled_times

Reject = Callable[[Composition], bool]


def held_out(composition: Composition) -> bool:
    """True for compositions that no training may see."""
    return is_held_out(composition.labels)


@dataclass(frozen=True, kw_only=True)
class SketchMix:
    """Shares of the three sources of training sketches; the rest is pseudo-concepts.

    Attributes:
        concepts: share of object programs and scenes.
        primitives: share of shapes at named places.
        weights: how often a concept comes, by program name; 1 for those that are not named.
        variety: of the drawings of concepts.
        shuffle_times: the parts are drawn in another order than their plan says.
    """

    concepts: float = 0.52
    primitives: float = 0.22
    weights: Mapping[str, float] = field(default_factory=dict)
    variety: Variety = field(default_factory=Variety)
    width_px: int = 432
    height_px: int = 240
    num_frames: int = 81
    shuffle_times: bool = False


class SketchSource:
    """Draws the composition of a sample index.

    Args:
        seed: another seed gives other sketches for the same indices.
        reject: compositions that must never be used (held-out plans); the next draw is taken.
    """

    def __init__(self, mix: SketchMix, seed: int, reject: Reject | None = None) -> None:
        self.mix = mix
        self.seed = seed
        self.reject = reject
        self._programs = list(programs().values())
        self._upto = _upto([mix.weights.get(name, 1.0) for name in programs()])

    def __call__(self, index: int) -> Composition:
        """The sketch and plan of a sample."""
        rng = np.random.default_rng([self.seed, index])
        while True:
            composition = self._draw(rng)
            if self.reject is None or not self.reject(composition):
                break
        return with_shuffled_times(composition, rng) if self.mix.shuffle_times else composition

    def _draw(self, rng: np.random.Generator) -> Composition:
        mix = self.mix
        canvas: dict[str, Any] = {
            "width_px": mix.width_px,
            "height_px": mix.height_px,
            "num_frames": mix.num_frames,
        }
        pick = rng.random()
        if pick < mix.concepts:
            return compose(self._program(rng), rng, variety=mix.variety, **canvas)
        if pick < mix.concepts + mix.primitives:
            return compose_primitives(rng, **canvas)
        return compose_pseudo(rng, **canvas)

    def _program(self, rng: np.random.Generator) -> Program:
        if not self.mix.weights:
            return self._programs[rng.integers(len(self._programs))]
        return self._programs[int(np.searchsorted(self._upto, rng.random(), side="right"))]


def _upto(weights: Sequence[float]) -> NDArray[np.float64]:
    """Running shares of weights; the last is 1."""
    running = np.cumsum(weights)
    return running / running[-1]
