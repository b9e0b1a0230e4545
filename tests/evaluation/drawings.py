"""Drawings with truth for the tests of the evaluator, and a detector that is always right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.grammar.primitives import PlacedShape, compose_primitives
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.evaluation.detector import Masks
from videosketcher_app.evaluation.reading import DrawingReading, queries_of, read_drawing
from videosketcher_app.evaluation.renders import INK_PIXEL, Render, render

ITEMS = (
    ("star", "top left"),
    ("circle", "center"),
    ("arrow", "right"),
    ("square", "bottom left"),
    ("wave", "top right"),
)


@cache
def shapes_drawing(seed: int = 0) -> Composition:
    """Five shapes at five places."""
    items = [PlacedShape(shape=shape, place=place) for shape, place in ITEMS]
    return compose_primitives(np.random.default_rng(seed), items)


def oracle_masks(picture: Render, labels: Sequence[str]) -> Masks:
    """What a perfect detector says: each part's own ink, and nothing for other questions."""
    rows, columns = np.nonzero(picture.ink_HW > INK_PIXEL)
    owners = picture.owners_HW[rows, columns]
    asked = queries_of(labels)
    probability = np.zeros((len(asked), len(rows)), np.float32)
    for index, label in enumerate(labels):
        probability[asked.index(label)] = (owners >> index) & 1
    return Masks(ink_HW=picture.ink_HW, rows_N=rows, columns_N=columns, probability_QN=probability)


def oracle_reading(
    sketch: Sketch, labels: Sequence[str], *, planned: Sequence[str] | None = None
) -> DrawingReading:
    """The sketch as a perfect detector reads it, against the plan's labels in its own order.

    Args:
        labels: the label of every part number of the sketch.
        planned: the plan's labels; None for the sketch's own.
    """
    picture = render(sketch, len(labels))
    masks = oracle_masks(picture, labels)
    wanted = list(planned or labels)
    own = dict(zip(queries_of(labels), masks.probability_QN, strict=True))
    blank = np.zeros(len(masks.rows_N), np.float32)
    rows = np.stack([own.get(name, blank) for name in queries_of(wanted)])
    masks = Masks(
        ink_HW=masks.ink_HW, rows_N=masks.rows_N, columns_N=masks.columns_N, probability_QN=rows
    )
    return read_drawing(masks, wanted, picture.times_HW, {}, {})
