"""Brush sketching: a plan drawn in the hand of a brush.

An image-conditioned model reads the condition frame and paints by itself (`painted: model`). The
strokes of a small one are then painted again by the brush engine, unless its own ink is asked for,
and so are the black strokes of a model that draws from text only (`painted: reink`). The files of a
run say which of the two made it.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled
from videosketcher_app.core.events import Event, Frames, Preview, Progress
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import Finish, SketchRequest
from videosketcher_app.data.brushes.condition import ConditionFrame
from videosketcher_app.data.brushes.record import brush_mapping
from videosketcher_app.data.ink import composite
from videosketcher_app.data.recover import recover_sketch
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.engines.base import Finished
from videosketcher_app.engines.brush_box import boxed_model
from videosketcher_app.engines.brush_finish import painted_again
from videosketcher_app.engines.brush_frames import (
    cleaned,
    painted_clip,
    tinted,
    with_pen_of,
    without_box,
)
from videosketcher_app.engines.brush_source import UnderstoodBrush
from videosketcher_app.engines.text import TextEngine
from videosketcher_app.models.pocket import PocketModel

BY_MODEL, BY_REINK = "model", "reink"


class BrushEngine:
    """Draws one plan with one brush.

    Args:
        model: networks on their device; image-conditioned or not.
        understood: the brush, for the canvas that the request will be drawn on.
        show_box: the result shows the brush box.
        finish: "brush" paints the strokes of an image-conditioned model again, "model" leaves its
            ink; None is "brush" for Pocket and "model" for large models, which keep texture.
    """

    def __init__(
        self,
        model: PocketModel,
        understood: UnderstoodBrush,
        *,
        show_box: bool = True,
        finish: Finish | None = None,
    ) -> None:
        self.model, self.understood, self.show_box = model, understood, show_box
        self.finish = finish or ("brush" if isinstance(model, PocketModel) else "model")
        self._paint = understood.brush  # what painted the strokes of the last drawing
        self._sketch: Sketch | None = None
        self._is_painted = False

    @property
    def reads_brush(self) -> bool:
        """The model sees the condition frame, and is not drawing blindly in black."""
        return self.model.image_conditioned

    def generate(
        self, request: SketchRequest, plan: DrawingPlan, *, cancel: CancelToken
    ) -> Iterator[Event]:
        """Progress and a preview after every denoising step, then the raw frames.

        Re-inked frames are raw and finished at once: no decoder made them. A broad brush whose
        thinly drawn strokes do not tell what was drawn is drawn once more, as broad as it is.
        """
        frames: Frames | None = None
        spent: dict[str, float] = {}
        for seen in self._tries():
            begun = time.monotonic()
            try:
                drawn = yield from self._drawn(seen, request, plan, cancel)
            except Cancelled:
                if frames is None or cancel.cancelled:
                    raise
                break  # asked to finish early: what was drawn before is kept
            frames = replace(drawn, timings={**drawn.timings, **spent})
            if not self._is_to_paint:
                break
            steps = int(frames.settings["num_inference_steps"])
            yield Progress(step=steps, num_steps=steps, stage="decoding")
            cancel.raise_if_cancelled()
            frames = self._painted(frames, request, plan)
            if self._is_painted or cancel.finishes_early:
                break
            spent = {"first_try": time.monotonic() - begun}
        assert frames is not None, "there is always something to try"
        yield replace(frames, settings=self._settings(frames))

    def finished(
        self, frames_THW3: NDArray[np.uint8], request: SketchRequest, plan: DrawingPlan
    ) -> Finished:
        """The raw frames that `generate` ended with as a result, and its strokes."""
        names = tuple(part.name for part in plan.parts)  # the model's plan may be in other words
        if self._sketch is not None:
            self._sketch = replace(self._sketch, part_names=names)
        if self._is_painted:
            return Finished(frames_THW3=frames_THW3, sketch=self._sketch)
        # Large models keep the color by themselves, and what they draw is left as it is.
        brush = self.understood.brush if isinstance(self.model, PocketModel) else None
        clean = cleaned(frames_THW3, self.understood.condition, show_box=self.show_box, brush=brush)
        if self._sketch is None:
            self._sketch = recover_sketch(without_box(clean), part_names=names, fps=request.fps)
        return Finished(frames_THW3=clean, sketch=self._sketch)

    @property
    def _is_to_paint(self) -> bool:
        """Strokes of this drawing are painted by the brush engine, if they can be."""
        return not self.reads_brush or self.finish == "brush"

    def _tries(self) -> tuple[ConditionFrame, ...]:
        """What the model sees, one after another, until its drawing can be painted."""
        if self.reads_brush and self._is_to_paint and isinstance(self.model, PocketModel):
            return self.understood.tries()
        return (self.understood.condition,)

    def _painter(self, seen: ConditionFrame, request: SketchRequest) -> PocketModel:
        """The model as it draws by a condition frame; a plain one if it cannot read any."""
        if not self.reads_brush:
            return self.model
        shown_HW3 = self.understood.condition.pixels_HW3
        if not isinstance(self.model, PocketModel):
            return self.model.conditioned(shown_HW3)
        return boxed_model(self.model, [seen.pixels_HW3], request.num_frames, shown=[shown_HW3])

    def _drawn(
        self, seen: ConditionFrame, request: SketchRequest, plan: DrawingPlan, cancel: CancelToken
    ) -> Generator[Event, None, Frames]:
        """The model's own frames; what comes before them is passed on."""
        text = TextEngine(self._painter(seen, request))
        for event in text.generate(request, plan, cancel=cancel):
            if isinstance(event, Frames):
                return event
            if isinstance(event, Preview) and not self.reads_brush:
                color, condition = self.understood.brush.color, self.understood.condition
                event = replace(event, frame_HW3=tinted(event.frame_HW3, color, condition))
            yield event
        raise AssertionError("the text engine ends with its frames")

    def _painted(self, frames: Frames, request: SketchRequest, plan: DrawingPlan) -> Frames:
        """The same frames, painted by the brush if their strokes tell what was drawn."""
        begun = time.monotonic()
        painted_THW3 = self._painted_again(frames.frames_THW3, request, plan)
        self._is_painted = painted_THW3 is not None
        return Frames(
            frames_THW3=frames.frames_THW3 if painted_THW3 is None else painted_THW3,
            timings={**frames.timings, "reink": time.monotonic() - begun},
            settings=frames.settings,
        )

    def _settings(self, frames: Frames) -> dict[str, Any]:
        """Beside the model's: the brush that was asked for, and the paint that was taken."""
        brush = {**self.understood.facts(), "paint": brush_mapping(self._paint)}
        painted = BY_REINK if self._is_painted else BY_MODEL
        return {**frames.settings, "brush": brush, "painted": painted}

    def _painted_again(
        self, raw_THW3: NDArray[np.uint8], request: SketchRequest, plan: DrawingPlan
    ) -> NDArray[np.uint8] | None:
        """The drawing's strokes painted with the brush; None if they do not tell what was drawn."""
        how: dict[str, Any] = {"seed": request.seed, "show_box": self.show_box}
        found: dict[str, Any] = {"part_names": [p.name for p in plan.parts], "fps": request.fps}
        if self.reads_brush:
            painted_THW3, self._sketch, self._paint = painted_again(
                raw_THW3, self.understood, **found, **how
            )
            return painted_THW3
        sketch = recover_sketch(composite(raw_THW3), **found)
        self._sketch = with_pen_of(self.understood.brush, sketch)
        return painted_clip(sketch, self.understood, **how)
