"""Endless random sketches for training: sample `index` is the same on every machine and worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from videosketcher_app.data.grammar.compose import Composition, compose
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.grammar.program import programs
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
        shuffle_times: the parts are drawn in another order than their plan says.
    """

    concepts: float = 0.52
    primitives: float = 0.22
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
        canvas = {
            "width_px": mix.width_px,
            "height_px": mix.height_px,
            "num_frames": mix.num_frames,
        }
        pick = rng.random()
        if pick < mix.concepts:
            return compose(self._programs[rng.integers(len(self._programs))], rng, **canvas)
        if pick < mix.concepts + mix.primitives:
            return compose_primitives(rng, **canvas)
        return compose_pseudo(rng, **canvas)
