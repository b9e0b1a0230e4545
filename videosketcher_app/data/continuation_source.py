"""Endless half-drawn sketches for training, and what the samples of one step have in common.

A causal model draws a batch block by block, so all its samples stand at the same block and have the
same number of blocks before them: the setting. Sample and setting are functions of their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data.continuations import (
    WINDOW_BLOCKS,
    Continuation,
    continue_sketch,
    first_frame_of,
    turns,
)
from videosketcher_app.data.datasets import SketchMix, SketchSource, held_out
from videosketcher_app.data.grammar.primitives import compose_primitives, sample_shapes

SETTING_SALT = 77
MOST_BLOCKS = 20  # of a long drawing before the window
FRAMES_A_PART = 10
MOST_PARTS = 24  # a plan's limit
MOST_PARTS_SAID = 8  # of a long drawing; the rest is ink that the plan does not name


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all samples of a step share.

    Attributes:
        first_block: number of the window's second block; its first is always block 0. One means
            the first seven blocks of a drawing, more a later window of a longer one.
        given_blocks: blocks of the window that are there before the model draws.
    """

    first_block: int = 1
    given_blocks: int = 0

    @property
    def blocks_before(self) -> int:
        """Blocks of the whole drawing that are there before the model draws."""
        return self.given_blocks + (self.first_block - 1 if self.given_blocks else 0)

    @property
    def num_blocks(self) -> int:
        """Blocks of the whole drawing up to the window's end."""
        return self.first_block + WINDOW_BLOCKS - 1

    @staticmethod
    def sample(rng: np.random.Generator, *, late: float, empty: float) -> Setting:
        """A random setting.

        Args:
            late: share of windows that lie later in a long drawing.
            empty: share of drawings that the model begins, of the others.
        """
        if rng.random() < late:
            first = int(rng.integers(2, MOST_BLOCKS + 1))
            return Setting(first_block=first, given_blocks=int(rng.integers(3, WINDOW_BLOCKS)))
        given = 0 if rng.random() < empty else int(rng.choice(5, p=(0.3, 0.25, 0.2, 0.15, 0.1))) + 1
        return Setting(given_blocks=given)


@dataclass(frozen=True, kw_only=True)
class ContinuationMix:
    """Shares of the kinds of settings, and of the drawings within them.

    Attributes:
        late, empty: see `Setting.sample`.
        longest_plans: share of late windows in plans longer than a model reads at once; the others
            are drawings of the grammar at which a slow hand was at work, and which mostly are done
            before the window ends: there, a model learns to hold still.
    """

    sketches: SketchMix = field(default_factory=SketchMix)
    late: float = 0.25
    empty: float = 0.3
    longest_plans: float = 0.5


class ContinuationSource:
    """Draws the continuation of a sample number under a setting; held-out plans are left out."""

    def __init__(self, mix: ContinuationMix, seed: int) -> None:
        self.mix, self.seed = mix, seed
        self._sketches = SketchSource(mix.sketches, seed, held_out)

    def setting(self, step: int) -> Setting:
        """The setting of a training step, the same on all processes."""
        rng = np.random.default_rng([SETTING_SALT, self.seed, step])
        return Setting.sample(rng, late=self.mix.late, empty=self.mix.empty)

    def __call__(self, index: int, setting: Setting) -> Continuation:
        """The drawing of a sample."""
        rng = np.random.default_rng([SETTING_SALT + 1, self.seed, index])
        before = turns(setting.blocks_before, rng)
        others = (*before, *(False,) * (setting.num_blocks - len(before)))
        if setting.first_block > 1 and rng.random() < self.mix.longest_plans:
            return long_drawing(others, setting, rng)
        drawn = self._sketches(index)
        sketch = (
            drawn.sketch if setting == Setting() else continue_sketch(drawn.sketch, others, rng)
        )
        return Continuation(
            sketch=sketch, plan=drawn.plan, source=drawn.source, labels=drawn.labels, others=others
        )


def long_drawing(
    others: tuple[bool, ...], setting: Setting, rng: np.random.Generator
) -> Continuation:
    """Shapes at places, more than one plan says: the plan is about where the drawing has come to.

    Earlier shapes are ink without words; nothing is drawn after the plan's last part.
    """
    count = int(np.clip(1.2 * setting.blocks_before + rng.uniform(1, 8), 5, MOST_PARTS))
    items = []
    while len(items) < count:
        items += sample_shapes(rng, min(9, count - len(items)))
    drawn = compose_primitives(rng, items, num_frames=FRAMES_A_PART * count)
    sketch = continue_sketch(drawn.sketch, others, rng)
    now = first_frame_of(setting.blocks_before)
    done = sum(span[1] < now for i in range(count) if (span := sketch.part_span(i)))
    low = min(max(0, done - int(rng.integers(0, 6))), count - 1)  # a plan has one part at least
    high = min(count, max(low + int(rng.integers(4, MOST_PARTS_SAID + 1)), 2))
    strokes = tuple(
        replace(s, part=s.part - low if low <= s.part < high else -1)
        for s in sketch.strokes
        if s.part < high or s.start < now
    )
    plan = DrawingPlan(concept=drawn.plan.concept, parts=drawn.plan.parts[low:high])
    return Continuation(
        sketch=replace(sketch, strokes=strokes),
        plan=plan,
        source="primitives",
        labels=drawn.labels[low:high],
        others=others,
    )
