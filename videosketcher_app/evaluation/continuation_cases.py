"""Two hundred half-drawn sketches: what a co-drawing model is asked to go on with.

Three in five are concepts of the grammar with all their parts, the others held-out plans of shapes.
Another hand has drawn some parts in the first one to three blocks: shakily, with its own pen, a
little off, now and then in another order or with a part left out.

Legend: T frames, H/W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data import renderer
from videosketcher_app.data.continuations import (
    WINDOW_BLOCKS,
    OtherHand,
    continue_sketch,
    first_frame_of,
)
from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.heldout import load
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.evaluation.cases import items_of
from videosketcher_app.evaluation.vocabulary import full_label

NUM_CASES = 200
CONCEPT_SHARE = 0.6
SALT = 91
WIDEST_PX = 4.8  # what the detector knows; a thicker pen says nothing about the model


@dataclass(frozen=True, kw_only=True, eq=False)
class HalfDrawn:
    """A half-drawn sketch with its plan, and how the grammar would have gone on.

    Attributes:
        name: program of the concept, or the title of a plan of shapes.
        labels: the detector's labels of the plan's parts, in drawing order.
        given_blocks: blocks that the other hand took.
        sketch: the whole drawing, both hands'.
        seed: for the model.
    """

    name: str
    is_concept: bool
    plan: DrawingPlan
    labels: tuple[str, ...]
    given_blocks: int
    sketch: Sketch
    seed: int

    @property
    def blocks_to_draw(self) -> int:
        """Blocks that are left for the model."""
        return WINDOW_BLOCKS - self.given_blocks

    @property
    def num_given(self) -> int:
        """Frames that the other hand took."""
        return first_frame_of(self.given_blocks)

    @cached_property
    def missing(self) -> tuple[int, ...]:
        """Parts of the plan without any ink yet."""
        begun = {s.part for s in self.sketch.strokes if s.start < self.num_given}
        return tuple(part for part in range(len(self.labels)) if part not in begun)

    def given_frames(self) -> NDArray[np.uint8]:
        """What the other hand drew (T, H, W, 3)."""
        theirs = tuple(s for s in self.sketch.strokes if s.start < self.num_given)
        return renderer.frames(replace(self.sketch, strokes=theirs, num_frames=self.num_given))

    def true_frames(self) -> NDArray[np.uint8]:
        """The whole drawing (T, H, W, 3), as the grammar goes on with it."""
        return renderer.frames(self.sketch)


def half_drawn_sketches(*, seed: int = 0, limit: int | None = None) -> list[HalfDrawn]:
    """The cases; with a limit, evenly spaced ones."""
    numbers = np.arange(NUM_CASES)
    if limit is not None and limit < NUM_CASES:
        numbers = np.linspace(0, NUM_CASES - 1, limit).round().astype(int)
    return [half_drawn(int(number), seed=seed) for number in numbers]


def half_drawn(number: int, *, seed: int = 0) -> HalfDrawn:
    """The case of a number below NUM_CASES."""
    rng = np.random.default_rng([SALT, seed, number])
    num_concepts = int(CONCEPT_SHARE * NUM_CASES)
    is_concept = number < num_concepts
    drawn = (
        _concept(number, num_concepts, rng) if is_concept else _shapes(number - num_concepts, rng)
    )
    given_blocks = int(rng.integers(1, 4))
    others = (True,) * given_blocks + (False,) * (WINDOW_BLOCKS - given_blocks)
    sketch = continue_sketch(
        drawn.sketch, others, rng, hand=_hand(rng), share=_share(drawn.sketch, rng)
    )
    return HalfDrawn(
        name=drawn.source if is_concept else drawn.plan.concept,
        is_concept=is_concept,
        plan=drawn.plan,
        labels=tuple(full_label(drawn.source, label) for label in drawn.labels),
        given_blocks=given_blocks,
        sketch=sketch,
        seed=seed + number,
    )


def _concept(number: int, count: int, rng: np.random.Generator) -> Composition:
    """All parts in the program's own order, so that the classifier may be asked for the concept."""
    known = list(programs().values())
    program = known[number * len(known) // count]
    return compose(program, rng, drop=False, shuffle=False, wording="described", layout=Layout())


def _shapes(number: int, rng: np.random.Generator) -> Composition:
    plans = load("heldout_primitives")
    chosen = plans[number * len(plans) // (NUM_CASES - int(CONCEPT_SHARE * NUM_CASES))]
    drawn = compose_primitives(rng, items_of(chosen))
    return replace(drawn, plan=chosen.plan, labels=chosen.labels)


def _hand(rng: np.random.Generator) -> OtherHand:
    hand = OtherHand.sample(rng)
    return replace(hand, width_px=min(hand.width_px, WIDEST_PX))


def _share(sketch: Sketch, rng: np.random.Generator) -> float:
    """The share of the drawing's time that ends with some part, a quarter to 60 % of all."""
    parts = list(dict.fromkeys(s.part for s in sketch.strokes))
    count = max(1, round(len(parts) * float(rng.uniform(0.25, 0.6))))
    begin = min(s.start for s in sketch.strokes)
    whole = max(s.end for s in sketch.strokes) - begin
    end = max(s.end for s in sketch.strokes if s.part in parts[:count])
    return (end - begin) / whole
