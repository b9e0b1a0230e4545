"""Training samples of the detector: a render and what may be asked about it.

Legend: H/W the detector's grid, Q questions of one sample. A question is a label's number and the
bits of the parts that it names (0: the answer is "nowhere").
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.grammar.pseudo import compose_pseudo
from videosketcher_app.data.heldout import is_held_out
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.evaluation import altered
from videosketcher_app.evaluation.renders import (
    STRANGE_BIT,
    Render,
    distance_to_place,
    render,
    without_part,
)
from videosketcher_app.evaluation.vocabulary import (
    KIND_OF,
    PLACE_NAMES,
    Vocabulary,
    full_label,
    related,
)

NUM_QUESTIONS = 24
INSIDE, OUTSIDE = (
    0.03,
    0.10,
)  # of the canvas: in the place up to the first, elsewhere from the second
SHARES = (0.62, 0.2, 0.18)  # objects, primitives, pseudo-concepts


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One training sample.

    Attributes:
        ink_HW: coverage, uint8.
        owners_HW: bits of parts, int32.
        queries_Q: label numbers, -1 where unused.
        answers_Q: bits of the parts that a query names, 0 if it names none.
        concept: index of the concept for the classifier, -1 if none applies.
    """

    ink_HW: NDArray[np.uint8]
    owners_HW: NDArray[np.int32]
    queries_Q: NDArray[np.int64]
    answers_Q: NDArray[np.int32]
    concept: int


def make_sample(vocabulary: Vocabulary, seed: list[int]) -> Sample:
    """The sample of a seed: an object, primitives or a pseudo-concept, now and then altered."""
    rng = np.random.default_rng(seed)
    shares = np.array(SHARES if vocabulary.concepts else (0, 0.55, 0.45))
    kind = int(rng.choice(3, p=shares / shares.sum()))
    if kind == 0:
        return _object_sample(vocabulary, rng)
    return _shape_sample(vocabulary, rng, primitives=kind == 1)


def _object_sample(vocabulary: Vocabulary, rng: np.random.Generator) -> Sample:
    name = vocabulary.concepts[rng.integers(len(vocabulary.concepts))]
    wrong = rng.random() < 0.35
    layout = Layout(mirrored=bool(rng.random() < 0.5)) if wrong else None
    program = programs()[name]
    if layout and not program.mirrors:
        layout = replace(layout, mirrored=False)
    drawing = compose(program, rng, drop=not wrong, layout=layout, wording="name")
    sketch, absent = drawing.sketch, set()
    if wrong:
        sketch, absent = _alter(drawing, rng)
    if rng.random() < 0.2:
        sketch = altered.scribbled(sketch, STRANGE_BIT, rng)
    picture = render(_with_pen(sketch, rng), len(drawing.labels))
    answers = {
        vocabulary.query(full_label(name, label)): 0 if i in absent else 1 << i
        for i, label in enumerate(drawing.labels)
        if full_label(name, label) in vocabulary
    }
    for label in vocabulary.by_concept[name]:
        answers.setdefault(vocabulary.query(label), 0)
    for label in rng.choice(vocabulary.object_labels, 4):
        answers.setdefault(vocabulary.query(str(label)), 0)
    return _sample(picture, answers, vocabulary.concepts.index(name), rng)


def _alter(drawing: Composition, rng: np.random.Generator) -> tuple[Sketch, set[int]]:
    """One part missing, moved or replaced, and which."""
    part, kind = int(rng.integers(len(drawing.labels))), rng.random()
    if kind < 0.4:
        sketch = altered.moved_far(drawing, part, rng)
    elif kind < 0.65:
        sketch = altered.replaced(drawing, part, STRANGE_BIT, rng)
    else:
        sketch = without_part(drawing.sketch, part)
    if sketch is None or not sketch.strokes:
        return drawing.sketch, set()
    return sketch, {part}


def _shape_sample(vocabulary: Vocabulary, rng: np.random.Generator, *, primitives: bool) -> Sample:
    while True:
        drawing = compose_primitives(rng) if primitives else compose_pseudo(rng)
        if not is_held_out(drawing.labels):
            break
    sketch = drawing.sketch
    if rng.random() < 0.2:
        sketch = altered.scribbled(sketch, STRANGE_BIT, rng)
    picture = render(_with_pen(sketch, rng), len(drawing.labels))
    shapes = [label.split("@")[0] for label in drawing.labels]
    answers = shape_answers(vocabulary, shapes, picture.centers_P2, rng)
    return _sample(picture, answers, -1, rng)


def shape_answers(
    vocabulary: Vocabulary,
    shapes: list[str],
    centers_P2: NDArray[np.float32],
    rng: np.random.Generator,
) -> dict[int, int]:
    """Questions about shapes at places with their answers (bits of parts)."""
    truth = _truths(shapes, centers_P2)
    answers = {vocabulary.query(f"{s}@{p}"): bits for (s, p), bits in truth.items()}
    distance = {
        (i, place): distance_to_place(center, place)
        for i, center in enumerate(centers_P2)
        if not np.isnan(center[0])
        for place in PLACE_NAMES
    }
    occupied = [place for _, place in truth] or list(PLACE_NAMES)
    for _ in range(4 * NUM_QUESTIONS):
        if len(answers) >= NUM_QUESTIONS:
            break
        shape = str(rng.choice(vocabulary.shapes))
        place = str(rng.choice(occupied if rng.random() < 0.7 else PLACE_NAMES))
        if rng.random() < 0.3:
            shape = shapes[rng.integers(len(shapes))]
            place = str(rng.choice(PLACE_NAMES))
        elif rng.random() < 0.6:
            shape = vocabulary.shapes[rng.integers(15)]
        near = any(
            related(shape, shapes[i]) and far < OUTSIDE
            for (i, where), far in distance.items()
            if where == place
        )
        if not near:
            answers.setdefault(vocabulary.query(f"{shape}@{place}"), 0)
    return answers


def _truths(shapes: list[str], centers_P2: NDArray) -> dict[tuple[str, str], int]:
    """(shape, place) -> bits of the parts that are this shape there, kinds included."""
    truth: dict[tuple[str, str], int] = {}
    for i, (shape, center) in enumerate(zip(shapes, centers_P2, strict=True)):
        if np.isnan(center[0]):
            continue
        for place in PLACE_NAMES:
            if distance_to_place(center, place) <= INSIDE:
                for word in {shape, KIND_OF.get(shape, shape)}:
                    truth[word, place] = truth.get((word, place), 0) | 1 << i
    return truth


def _with_pen(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    """The sketch with another line width, half of the time."""
    if rng.random() < 0.5:
        return sketch
    factor = float(rng.uniform(0.7, 1.6))
    strokes = tuple(
        replace(s, pen=replace(s.pen, width_px=s.pen.width_px * factor)) for s in sketch.strokes
    )
    return replace(sketch, strokes=strokes)


def _sample(
    picture: Render, answers: dict[int, int], concept: int, rng: np.random.Generator
) -> Sample:
    asked = [*answers]
    present = [q for q in asked if answers[q]]
    absent = [asked[i] for i in rng.permutation(len(asked)) if not answers[asked[i]]]
    chosen = (present + absent)[:NUM_QUESTIONS]
    queries = np.full(NUM_QUESTIONS, -1, np.int64)
    bits = np.zeros(NUM_QUESTIONS, np.int32)
    queries[: len(chosen)] = chosen
    bits[: len(chosen)] = [answers[q] for q in chosen]
    return Sample(
        ink_HW=np.round(picture.ink_HW * 255).astype(np.uint8),
        owners_HW=picture.owners_HW,
        queries_Q=queries,
        answers_Q=bits,
        concept=concept,
    )
