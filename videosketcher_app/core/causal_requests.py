"""Requests to a causal model: a session of drawing together, and clips in a row."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from videosketcher_app.core.plan import MAX_PLAN_CHARACTERS
from videosketcher_app.core.request_base import (
    MAX_SEED,
    Request,
    clean_line,
    require_one_line,
    side_on_the_grid,
)
from videosketcher_app.core.sketch_request import SketchRequest

DEFAULT_CAUSAL_MODEL = "pocket-ar"
CAUSAL_FPS = 15
MAX_TURN_FRAMES = 3600
MAX_ROLLOUTS = 40


class CoDrawRequest(Request):
    """One co-drawing session.

    Attributes:
        concept: what is drawn: a concept, a whole plan in its one-line form, or "" for anything.
        model: a name of the catalogue; it must have a causal pass.
        seed: of the session's noise; every turn of the model has its own from it.
        width, height: canvas in pixels; None means the model's own canvas.
        fps: frames a second of the drawing, of strokes and model alike.
        turn_frames: frames of a turn of the model if nobody says; rounded up to whole blocks.
        match_hand: the model's pen and pace on the screen follow the user's own.
        num_inference_steps: None means the model's own default.
        mode: of speed; "fast" and "sketch" trade likeness for it.
        planner: who turns a concept into a plan.
    """

    concept: str = Field(default="", max_length=MAX_PLAN_CHARACTERS)
    model: str = Field(default=DEFAULT_CAUSAL_MODEL, min_length=1, max_length=100)
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    width: int | None = None
    height: int | None = None
    fps: int = Field(default=CAUSAL_FPS, ge=1, le=60)
    turn_frames: int = Field(default=24, ge=1, le=MAX_TURN_FRAMES)
    match_hand: bool = True
    num_inference_steps: int | None = Field(default=None, ge=1, le=50)
    mode: Literal["exact", "fast", "sketch"] = "exact"
    planner: Literal["auto", "library", "openai", "qwen"] = "auto"

    @field_validator("concept")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return clean_line(value, "concept", "") if value.strip() else ""

    @field_validator("model")
    @classmethod
    def _plain_model(cls, value: str) -> str:
        return require_one_line(value, "model")

    @field_validator("width", "height")
    @classmethod
    def _on_the_grid(cls, value: int | None) -> int | None:
        return side_on_the_grid(value)

    def to_mapping(self) -> dict[str, Any]:
        """The request as plain values for JSON, every field in a fixed order."""
        return self.model_dump(mode="json")


class RolloutRequest(Request):
    """Several clips in a row from one plan.

    Attributes:
        sketch: plan, model, seed and canvas; `num_frames` is the length of one clip.
        num_rollout: clips.
        num_overlap_frames: latent frames that a clip begins with; a multiple of 3.
    """

    sketch: SketchRequest
    num_rollout: int = Field(default=1, ge=1, le=MAX_ROLLOUTS)
    num_overlap_frames: int = Field(default=3, ge=3, le=99, multiple_of=3)
