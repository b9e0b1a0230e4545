"""Brush sketching: a plan drawn in the hand of a brush.

An image-conditioned model reads the condition frame and paints by itself (`painted: model`). The
strokes of a small one are then painted again by the brush engine, unless its own ink is asked for,
and so are the black strokes of a model that draws from text only (`painted: reink`). The files of a
run say which of the two made it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.events import Event, Frames, Preview, Progress
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import Finish, SketchRequest
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

        Re-inked frames are raw and finished at once: no decoder made them.
        """
        condition = self.understood.condition
        text = TextEngine(self._painter(request))
        for event in text.generate(request, plan, cancel=cancel):
            if isinstance(event, Frames):
                yield from self._last(event, request, plan, cancel)
            elif isinstance(event, Preview) and not self.reads_brush:
                color = self.understood.brush.color
                yield replace(event, frame_HW3=tinted(event.frame_HW3, color, condition))
            else:
                yield event

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

    def _painter(self, request: SketchRequest) -> PocketModel:
        """The model as it draws by the condition frame; a plain one if its drawing is painted anew."""
        if not self.reads_brush:
            return self.model
        shown_HW3 = self.understood.condition.pixels_HW3
        if not isinstance(self.model, PocketModel):
            return self.model.conditioned(shown_HW3)
        seen = (
            self.understood.condition if self.finish == "model" else self.understood.to_be_painted()
        )
        return boxed_model(self.model, [seen.pixels_HW3], request.num_frames, shown=[shown_HW3])

    def _last(
        self, frames: Frames, request: SketchRequest, plan: DrawingPlan, cancel: CancelToken
    ) -> Iterator[Event]:
        if self.reads_brush and self.finish == "model":
            yield replace(frames, settings=self._settings(frames, BY_MODEL))
            return
        steps = int(frames.settings["num_inference_steps"])
        yield Progress(step=steps, num_steps=steps, stage="decoding")
        cancel.raise_if_cancelled()
        begun = time.monotonic()
        painted_THW3 = self._painted_again(frames.frames_THW3, request, plan)
        self._is_painted = painted_THW3 is not None
        timings = {**frames.timings, "reink": time.monotonic() - begun}
        yield Frames(
            frames_THW3=frames.frames_THW3 if painted_THW3 is None else painted_THW3,
            timings=timings,
            settings=self._settings(frames, BY_REINK if self._is_painted else BY_MODEL),
        )

    def _settings(self, frames: Frames, painted: str) -> dict[str, Any]:
        brush = replace(self.understood, brush=self._paint).facts()
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
