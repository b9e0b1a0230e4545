"""Self-test: every model that is here draws something tiny, and what comes out is looked at."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.brush_request import BrushSpec
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.models.machine import is_out_of_memory
from videosketcher_app.services.model_manager.trouble import SMALLER
from videosketcher_app.services.model_manager.views import SelfTest, TestRow, duration

if TYPE_CHECKING:
    from videosketcher_app.services.model_facts import ModelFacts

logger = logging.getLogger(__name__)
PROMPT, NUM_FRAMES = "a circle", 9
WIDTH_STEPS, HEIGHT_STEPS = 6, 4  # the tiny canvas, in the steps of the model's sizes
BRUSH_COLOR = "#1d3fa6"
Draw = Callable[[SketchRequest, CancelToken], Generator[Any, None, Any]]
Multiple = Callable[[str], int]


@dataclass(frozen=True, kw_only=True)
class Testing:
    """The test is about to draw with a model; `index` counts from 0."""

    index: int
    total: int
    name: str


def run(
    models: tuple[ModelFacts, ...], draw: Draw, multiple_of: Multiple, cancel: CancelToken
) -> Generator[Testing, None, SelfTest]:
    """Yields before each model; on the compute worker.

    Args:
        models: that are here.
        draw: draws a request and returns an object with `raw_frames` (T, H, W, 3) uint8.
        multiple_of: what a model's sizes are multiples of; loads it.

    Raises:
        Cancelled: between two models, or in one.
    """
    rows = []
    for index, facts in enumerate(models):
        cancel.raise_if_cancelled()
        yield Testing(index=index, total=len(models), name=facts.name)
        rows.append(_test(facts, draw, multiple_of, cancel))
    return SelfTest(rows=tuple(rows))


def _test(facts: ModelFacts, draw: Draw, multiple_of: Multiple, cancel: CancelToken) -> TestRow:
    begun = time.monotonic()
    good, hint = False, ""
    try:
        multiple = multiple_of(facts.name)
        frames = _drained(draw(_request(facts, multiple), cancel)).raw_frames
        good, sentence = _judged(frames)
    except Cancelled:
        raise
    except AppError as error:
        sentence, hint = error.message, error.hint
    except Exception as error:
        if is_out_of_memory(error):
            sentence, hint = "The memory of the device ran out.", SMALLER
        else:  # the boundary: one broken model must not hide how the others do
            logger.exception("the self-test of %s failed", facts.name)
            sentence = f"It stopped because of an unexpected error: {type(error).__name__}."
            hint = "The log has the details; verify the model's files, or fetch them again."
    seconds = time.monotonic() - begun
    if good:
        sentence = f"{sentence} It took {duration(seconds)}, loading included."
    elif not hint:
        hint = "Verify its files, or fetch them again."
    return TestRow(name=facts.name, good=good, seconds=seconds, sentence=sentence, hint=hint)


def _request(facts: ModelFacts, multiple: int) -> SketchRequest:
    return SketchRequest(
        prompt=PROMPT,
        model=facts.name,
        width=WIDTH_STEPS * multiple,
        height=HEIGHT_STEPS * multiple,
        num_frames=NUM_FRAMES,
        num_inference_steps=1,
        planner="library",
        brush=BrushSpec(color=BRUSH_COLOR) if facts.image_conditioned else None,
    )


def _drained(events: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


def _judged(frames: Any) -> tuple[bool, str]:
    """As decoded: on so small a canvas there may be no ink, but numbers that are none leave one shade."""
    if frames.size == 0:
        return False, "It drew no frames."
    if frames.min() == frames.max():
        return False, f"It drew nothing but one shade ({int(frames.min())} of 255)."
    return True, f"It drew {len(frames)} frames."
