"""Drawings that are wrong on purpose: a part missing, moved away, replaced, or strange ink added.

They teach the detector what absent means, and measure its false alarms.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.primitives import draw_shape
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.strokes import Sketch, Stroke
from videosketcher_app.evaluation.renders import part_box, with_part_as, with_part_moved
from videosketcher_app.evaluation.vocabulary import BASIC_SHAPES

NATURAL_DRAWS = 24
FAR = 0.24  # of the canvas height: a part this far from all its natural positions is misplaced
SMALLEST_REPLACED_PX = 22.0
_SALT = 977


@cache
def natural_centers(concept: str) -> dict[str, NDArray[np.float32]]:
    """Where a concept's parts stand in its usual layout: label -> (N, 2) canvas pixels."""
    program, seen = programs()[concept], {}
    for seed in range(NATURAL_DRAWS):
        layout = Layout(mirrored=program.mirrors and seed % 2 == 1)
        drawing = compose(
            program,
            np.random.default_rng([_SALT, seed]),
            drop=False,
            shuffle=False,
            wording="name",
            layout=layout,
        )
        for index, label in enumerate(drawing.labels):
            low, high = part_box(drawing.sketch, index)
            seen.setdefault(label, []).append((low + high) / 2)
    return {label: np.asarray(points, np.float32) for label, points in seen.items()}


def moved_far(drawing: Composition, part: int, rng: np.random.Generator) -> Sketch | None:
    """One part of an object where it never stands; None if no such position was found."""
    sketch = drawing.sketch
    low, high = part_box(sketch, part)
    middle, half = (low + high) / 2, (high - low) / 2
    usual = natural_centers(drawing.source).get(drawing.labels[part])
    if usual is None:
        return None
    canvas = np.array([sketch.width_px, sketch.height_px], np.float32)
    room_low, room_high = half + 4, canvas - half - 4
    if (room_low >= room_high).any():
        return None
    need = FAR * sketch.height_px
    for _ in range(12):
        target = rng.uniform(room_low, room_high)
        nearest = np.hypot(*(usual - target).T).min()
        if min(nearest, np.hypot(*(middle - target))) >= need:
            return with_part_moved(sketch, part, target - middle)
    return None


def replaced(
    drawing: Composition, part: int, strange: int, rng: np.random.Generator
) -> Sketch | None:
    """One part's place taken by a random shape of its size; None if the part is too small."""
    sketch = drawing.sketch
    low, high = part_box(sketch, part)
    size = high - low
    if size.min() < SMALLEST_REPLACED_PX:
        return None
    shape = str(rng.choice(BASIC_SHAPES))
    curves = draw_shape(shape, (0.0, 0.0), 1.0, rng)
    points = np.vstack(curves)
    span = np.maximum(points.max(0) - points.min(0), 0.3)
    scale = float((size / span).min())
    middle = (low + high) / 2 - scale * (points.max(0) + points.min(0)) / 2
    emptied = with_part_as(sketch, part, strange)
    model = next(s for s in emptied.strokes if s.part == strange)
    kept = tuple(s for s in emptied.strokes if s.part != strange)
    return replace(
        sketch, strokes=kept + tuple(_like(model, c * scale + middle, strange) for c in curves)
    )


def scribbled(sketch: Sketch, strange: int, rng: np.random.Generator) -> Sketch:
    """The sketch with one loose curve that belongs to no part."""
    canvas = np.array([sketch.width_px, sketch.height_px])
    count = int(rng.integers(3, 6))
    reach = rng.uniform(0.06, 0.25) * sketch.height_px
    knots = rng.uniform(0.08, 0.92, 2) * canvas + rng.uniform(-reach, reach, (count, 2))
    at = np.linspace(0, count - 1, 60)
    curve = np.stack([np.interp(at, np.arange(count), knots[:, axis]) for axis in (0, 1)], 1)
    if rng.random() < 0.6:
        kernel = np.ones(15) / 15
        padded = np.pad(curve, ((7, 7), (0, 0)), mode="edge")
        curve = np.stack([np.convolve(padded[:, a], kernel, "valid") for a in (0, 1)], 1)
    extra = _like(sketch.strokes[-1], curve, strange)
    return replace(sketch, strokes=(*sketch.strokes, extra))


def _like(model: Stroke, curve_px: NDArray, part: int) -> Stroke:
    """A stroke along another curve with the pen and the time span of `model`."""
    count = len(curve_px)
    return replace(
        model,
        points_N2=np.asarray(curve_px, np.float32),
        times_N=np.linspace(model.start, model.end, count).astype(np.float32),
        pressure_N=np.ones(count, np.float32),
        part=part,
    )
