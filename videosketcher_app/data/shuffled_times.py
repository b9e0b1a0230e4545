"""Sketches whose parts are drawn in a random order, under a plan that says another one.

A model that learns from these knows how things look and in which order nothing is drawn: the raw
base that the ablation of the two stages begins with.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from videosketcher_app.data.grammar.compose import Composition


def with_shuffled_times(composition: Composition, rng: np.random.Generator) -> Composition:
    """The same strokes, words and pace; the parts take each other's turns.

    Every part keeps the time that it takes, and the pauses between parts stay where they were, so
    the drawing begins and ends when it did.
    """
    sketch = composition.sketch
    spans = {part: sketch.part_span(part) for part in {stroke.part for stroke in sketch.strokes}}
    order = sorted((span[0], part, span[1]) for part, span in spans.items() if span is not None)
    if len(order) < 2:
        return composition
    pauses = [later[0] - earlier[2] for earlier, later in pairwise(order)]
    now, shift = order[0][0], {}
    for turn, at in enumerate(rng.permutation(len(order))):
        start, part, end = order[at]
        shift[part] = now - start
        now += (end - start) + (pauses[turn] if turn < len(pauses) else 0.0)
    moved = [
        replace(stroke, times_N=(stroke.times_N + shift[stroke.part]).astype(np.float32))
        for stroke in sketch.strokes
    ]
    moved.sort(key=lambda stroke: stroke.start)
    return replace(composition, sketch=replace(sketch, strokes=tuple(moved)))
