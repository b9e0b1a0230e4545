"""Drawings as training data for a style: sketchbooks, or any other dataset of `data.open_dataset`.

Every drawing becomes a few clips, moved and scaled a little, so that the style is learned and not
the places of seven drawings. Lines keep their width in pixels, also on a smaller canvas: a model
draws lines of so many pixels on any canvas, and shall learn the width that they have on its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.core.plan import DrawingPlan, PlanPart, is_plan, parse_plan
from videosketcher_app.data.brushes.boxed import boxed_frames, brush_called
from videosketcher_app.data.brushes.clause import has_clause, with_clause, without_clause
from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.filling import CanvasLike, filled, fitted
from videosketcher_app.data.layered import is_layered_set, read_layered_set
from videosketcher_app.data.open_dataset import DatasetItem, open_dataset
from videosketcher_app.data.sketchbook_index import is_sketchbook
from videosketcher_app.data.sketchbooks import BookSketch, read_sketchbook
from videosketcher_app.training.style_preset import StylePreset
from videosketcher_app.training.style_request import StyleRunRequest

MIN_SKETCHES = 2
MAX_SKETCHES = 5000
_SIDES = re.compile(r"\b(left|right)\b")


class Drawing(Protocol):
    """A drawing to learn from; one with a method `layers` can be supervised layer by layer."""

    @property
    def id(self) -> str:
        """What messages call it."""
        ...

    @property
    def caption(self) -> str:
        """Its prompt."""
        ...

    def clip(self, canvas: CanvasLike, num_frames: int) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3) of it being drawn on white paper."""
        ...


@runtime_checkable
class HasLayers(Protocol):
    """A drawing of which the layers are known."""

    def layers(self, canvas: CanvasLike, num_frames: int) -> NDArray[np.float32]:
        """How much of every pixel shows a layer (L, T, H, W), 0 to 1."""
        ...


@dataclass(frozen=True, kw_only=True)
class FilmedDrawing:
    """A drawing of which only the video is known."""

    item: DatasetItem

    @property
    def id(self) -> str:
        """Its name in its dataset."""
        return self.item.name

    @property
    def caption(self) -> str:
        """Its prompt."""
        return self.item.caption

    def clip(self, canvas: CanvasLike, num_frames: int) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3), evenly chosen from the video.

        Raises:
            InvalidFile: no video, damaged, or of another shape than the canvas.
        """
        return self.item.frames(canvas, num_frames)


@dataclass(frozen=True, kw_only=True)
class PaintedSketch:
    """A sketch with strokes, painted with a brush on paper that shows the brush's box.

    Attributes:
        seed: of the brush's grain.
    """

    sketch: BookSketch
    brush: Brush
    seed: int

    @property
    def id(self) -> str:
        """The sketch's."""
        return self.sketch.id

    @property
    def caption(self) -> str:
        """The sketch's, with the clause that points to the box."""
        return with_clause(self.sketch.caption)

    def clip(self, canvas: CanvasLike, num_frames: int) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3); the brush is as wide against the paper as on any canvas."""
        whole = filled(fitted(self.sketch.sketch, canvas), num_frames)
        return np.stack(list(boxed_frames(whole, self.brush, seed=self.seed)))


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One clip to learn from.

    Attributes:
        caption: the prompt, with the trigger.
    """

    drawing: Drawing
    caption: str


def read_drawings(folder: Path) -> tuple[Drawing, ...]:
    """The drawings of a dataset's folder.

    Raises:
        InvalidRequest: there is no such folder, or too few or too many drawings are in it.
        InvalidFile: a drawing is damaged or without a caption; the message names it.
    """
    if not folder.is_dir():
        raise InvalidRequest(
            f"There is no dataset at {str(folder)[:200]}.", hint="Give a sketchbook or its folder."
        )
    drawings = _drawings(folder)
    if not MIN_SKETCHES <= len(drawings) <= MAX_SKETCHES:
        count = {0: "no drawings", 1: "one drawing"}.get(len(drawings), f"{len(drawings)} drawings")
        raise InvalidRequest(
            f"The dataset {folder.name!r} has {count}; a style needs {MIN_SKETCHES} to "
            f"{MAX_SKETCHES}.",
            hint="Seven drawings are a good number.",
        )
    for drawing in drawings:
        if not drawing.caption.strip():
            raise InvalidFile(
                f"Sketch {drawing.id} has no caption.",
                hint="Write what it shows, or let the app suggest a plan.",
            )
    return drawings


def _drawings(folder: Path) -> tuple[Drawing, ...]:
    if is_sketchbook(folder):
        return read_sketchbook(folder)
    return read_layered_set(folder) if is_layered_set(folder) else _filmed(folder)


def _filmed(folder: Path) -> tuple[FilmedDrawing, ...]:
    """The drawings of any other kind of dataset; none if there is nothing in the folder."""
    if not any(folder.iterdir()):
        return ()
    return tuple(FilmedDrawing(item=item) for item in open_dataset(folder).items)


def variants_of(
    drawings: tuple[Drawing, ...],
    preset: StylePreset,
    *,
    trigger: str,
    seed: int,
    own_size: tuple[int, int],
    brush: str = "",
) -> list[Variant]:
    """Every drawing in its variants, all first variants before all second ones.

    Only drawings with strokes can be moved and painted; a film is used once, as it is.

    Args:
        own_size: width and height of the model's own canvas.
        brush: as in `StyleRunRequest`.

    Raises:
        InvalidRequest: there is no such brush.
    """
    painted = brush_called(brush).brush if brush else None
    drawings = tuple(
        _with_own_lines(d, preset, own_size) if isinstance(d, BookSketch) else d for d in drawings
    )
    found: list[Drawing] = list(drawings)
    for number in range(1, preset.variants):
        for index, drawing in enumerate(drawings):
            if isinstance(drawing, BookSketch):
                rng = np.random.default_rng([seed, number, index])
                found.append(
                    _moved(drawing, preset, rng, mirrored=preset.mirrored and number % 2 == 1)
                )
    if painted is not None:
        found = [
            PaintedSketch(sketch=d, brush=painted, seed=index) if isinstance(d, BookSketch) else d
            for index, d in enumerate(found)
        ]
    return [Variant(drawing=d, caption=with_trigger(d.caption, trigger)) for d in found]


def num_steps_of(request: StyleRunRequest, preset: StylePreset) -> int:
    """Optimizer steps of a run: as many as it asks for, else as its preset counts them.

    Raises:
        AppError: see `read_drawings`; where rounds are counted, the dataset is opened.
    """
    if request.num_steps is not None or not preset.epochs:
        return request.num_steps or preset.num_steps
    drawings = read_drawings(Path(request.dataset))
    moved = sum(isinstance(drawing, BookSketch) for drawing in drawings)
    return preset.steps_for(len(drawings) + (preset.variants - 1) * moved)


def with_trigger(prompt: str, trigger: str) -> str:
    """The prompt with the words that call the style, at the end of its concept.

    A prompt for a brush has them before the clause, as it has where somebody writes them and the
    clause is added.
    """
    if not trigger:
        return prompt
    if not is_plan(prompt):
        return _calling(prompt, trigger)
    plan = parse_plan(prompt)
    return str(DrawingPlan(concept=_calling(plan.concept, trigger), parts=plan.parts))


def _calling(concept: str, trigger: str) -> str:
    bare = without_clause(concept)
    if has_clause(concept) and concept.startswith(bare):
        return f"{bare} {trigger}{concept[len(bare) :]}"
    return f"{concept} {trigger}"


def _with_own_lines(
    sketch: BookSketch, preset: StylePreset, own_size: tuple[int, int]
) -> BookSketch:
    """Lines as wide on the run's canvas as they would be on the model's own."""

    def scale_to(width: int, height: int) -> float:
        return min(width / sketch.width, height / sketch.height)

    factor = min(1.0, scale_to(*own_size)) / scale_to(preset.width, preset.height)
    strokes = tuple(
        replace(stroke, pen=replace(stroke.pen, width_px=stroke.pen.width_px * factor))
        for stroke in sketch.strokes
    )
    return replace(sketch, strokes=strokes)


def _moved(
    sketch: BookSketch, preset: StylePreset, rng: np.random.Generator, *, mirrored: bool
) -> BookSketch:
    """The sketch a little smaller and elsewhere on its paper, perhaps mirrored."""
    size = np.array([sketch.width, sketch.height], np.float32)
    points = np.concatenate([stroke.points_N2 for stroke in sketch.strokes])
    scale = float(rng.uniform(preset.shrunk, 1.0))
    low, high = points.min(0) * scale, points.max(0) * scale
    room = np.maximum(size - (high - low), 0)
    target = rng.uniform(0, 1, 2) * room
    stay = (size * (1 - scale)) / 2  # half of the way: captions may name places
    shift = (0.5 * (target - low) + 0.5 * stay).astype(np.float32)
    shift = np.clip(shift, np.minimum(-low, 0), np.maximum(size - high, 0))
    strokes = []
    for stroke in sketch.strokes:
        at = stroke.points_N2 * scale + shift
        if mirrored:
            at = np.stack([size[0] - at[:, 0], at[:, 1]], axis=1)
        strokes.append(replace(stroke, points_N2=at.astype(np.float32)))
    caption = _mirrored_words(sketch.caption) if mirrored else sketch.caption
    return replace(sketch, strokes=tuple(strokes), caption=caption)


def _mirrored_words(caption: str) -> str:
    def swapped(text: str) -> str:
        return _SIDES.sub(lambda m: "right" if m[1] == "left" else "left", text)

    if not is_plan(caption):
        return swapped(caption)
    plan = parse_plan(caption)
    parts = tuple(
        PlanPart(name=swapped(part.name), description=swapped(part.description))
        for part in plan.parts
    )
    return str(DrawingPlan(concept=swapped(plan.concept), parts=parts))
