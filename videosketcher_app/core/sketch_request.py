"""SketchRequest: one sketch, with what it is made by: a model, LoRAs, a brush.

What depends on the model (sizes, modes, defaults) is None here or checked with `check_canvas` once
the model is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeGuard, cast

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from videosketcher_app.core.brush_request import BrushSpec
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import (
    DEFAULT_FPS,
    DEFAULT_NUM_FRAMES,
    TEMPORAL_STRIDE,
    nearest_multiple,
    nearest_valid_frames,
)
from videosketcher_app.core.invisible import without_invisible
from videosketcher_app.core.plan import MAX_PLAN_CHARACTERS, DrawingPlan
from videosketcher_app.core.request_base import (
    MAX_SEED,
    Request,
    clean_line,
    require_one_line,
    shown,
    side_on_the_grid,
)
from videosketcher_app.core.sparse_request import SparseSpec

DEFAULT_MODEL = "pocket-t2v"
MAX_FRAMES = 401
MIN_CLIP_FRAMES = 5
MODES = ("exact", "fast", "sketch")
PLANNERS = ("auto", "library", "openai", "qwen")
DEFAULT_STRENGTH = 0.8
# Fields that a request's files name only where they are used.
_ONLY_IF_USED = ("sparse", "brush", "rounding", "input_video", "strength")


class LoraSpec(Request):
    """One LoRA and how strongly it works (1 is as trained).

    Attributes:
        path: of its file, or the name of one in the folder of LoRAs.
        sha256: of the file that is meant; None takes whichever is there. A drawing's own request
            has it, so that a replay notices another file.
    """

    path: str = Field(min_length=1, max_length=1024)
    scale: float = Field(default=1.0, ge=-10.0, le=10.0)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")

    @field_validator("path")
    @classmethod
    def _plain(cls, value: str) -> str:
        return require_one_line(value, "path of a LoRA")

    @model_serializer(mode="wrap")
    def _without_open_hash(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = serialize(self)
        return {name: value for name, value in values.items() if (name, value) != ("sha256", None)}

    @classmethod
    def parse(cls, text: str) -> LoraSpec:
        """Reads "FILE" or "FILE=SCALE"."""
        path, equals, scale = text.rpartition("=")
        if not equals:
            return cls(path=text)
        try:
            return cls(path=path, scale=float(scale))
        except ValueError:
            raise InvalidRequest(
                f"The scale of a LoRA must be a number. Received: {scale!r}",
                hint="Write --lora FILE=0.8, or --lora FILE for full strength.",
            ) from None


class SketchRequest(Request):
    """One sketch: from text, or, with a brush, in that brush's hand.

    Attributes:
        prompt: a concept ("a cat") or a whole plan in its one-line form.
        as_written: the model reads the prompt exactly as it is; nothing is planned.
        model: a name of the catalogue.
        seed: of the noise.
        num_inference_steps, cfg_scale: None means the model's own default.
        num_frames: frames of the clip, 4n + 1; one frame is a picture.
        width, height: canvas in pixels; None means the model's own canvas.
        fps: frames a second of the files; does not change the drawing.
        negative_prompt: what guidance moves away from; None means the model's own, "" nothing at all.
        loras: adapters, applied in order.
        attention: name of the attention implementation; "auto" is the fastest that works here.
        rounding: "reference" repeats what the published scripts round in half precision.
        input_video: path of a clip or picture to draw over; None starts from noise alone.
        strength: how much of it is drawn anew, up to 1; None means DEFAULT_STRENGTH.
        mode: "exact", or one of the modes that trade likeness for speed.
        sparse: how much of self-attention is computed; None leaves it to the mode.
        planner: who turns a concept into a plan.
        brush: draws in the color and style of a brush; None is the model's own line.
    """

    prompt: str
    as_written: bool = False
    model: str = Field(default=DEFAULT_MODEL, min_length=1, max_length=100)
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    num_inference_steps: int | None = Field(default=None, ge=1, le=200)
    cfg_scale: float | None = Field(default=None, ge=0.0, le=30.0)
    num_frames: int = DEFAULT_NUM_FRAMES
    width: int | None = None
    height: int | None = None
    fps: int = Field(default=DEFAULT_FPS, ge=1, le=60)
    negative_prompt: str | None = Field(default=None, max_length=MAX_PLAN_CHARACTERS)
    loras: tuple[LoraSpec, ...] = Field(default=(), max_length=8)
    attention: Literal["torch", "xformers", "flash", "sage", "auto"] = "torch"
    mode: Literal["exact", "fast", "sketch"] = "exact"
    sparse: SparseSpec | None = None
    planner: Literal["auto", "library", "openai", "qwen"] = "auto"
    brush: BrushSpec | None = None
    rounding: Literal["none", "reference"] = "none"
    input_video: str | None = Field(default=None, min_length=1, max_length=1024)
    strength: float | None = Field(default=None, gt=0.0, le=1.0)

    @field_validator("prompt")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return clean_line(value, "prompt", 'Write what to draw, for instance "a cat".')

    @field_validator("model")
    @classmethod
    def _plain_model(cls, value: str) -> str:
        return require_one_line(value, "model")

    @field_validator("negative_prompt")
    @classmethod
    def _plain_negative_prompt(cls, value: str | None) -> str | None:
        if value is None:
            return None
        return require_one_line(without_invisible(value), "negative prompt")

    @field_validator("num_frames")
    @classmethod
    def _four_n_plus_one(cls, value: int) -> int:
        if not 1 <= value <= MAX_FRAMES or (value - 1) % TEMPORAL_STRIDE:
            nearest = nearest_valid_frames(min(max(value, MIN_CLIP_FRAMES), MAX_FRAMES))
            raise InvalidRequest(
                f"num_frames must be 4n + 1, from 5 to {MAX_FRAMES}, or 1 for a picture. "
                f"Received: {shown(value)}",
                hint=f"Try {nearest}.",
            )
        return value

    @field_validator("input_video")
    @classmethod
    def _plain_input_video(cls, value: str | None) -> str | None:
        return None if value is None else require_one_line(value, "path of the input video")

    @field_validator("strength")
    @classmethod
    def _strength_of_a_clip(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and info.data.get("input_video") is None:
            raise InvalidRequest(
                "strength says how much of a clip is drawn anew, and there is no clip.",
                hint="Give an input video, or leave strength out.",
            )
        return value

    @field_validator("width", "height")
    @classmethod
    def _on_the_grid(cls, value: int | None) -> int | None:
        return side_on_the_grid(value)

    @field_validator("loras", mode="before")
    @classmethod
    def _loras_from_json(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return tuple(_spec_from(LoraSpec, v) for v in cast("Sequence[object]", value))
        return value

    @field_validator("brush", mode="before")
    @classmethod
    def _brush_from_json(cls, value: object) -> object:
        return _spec_from(BrushSpec, value)

    @field_validator("sparse", mode="before")
    @classmethod
    def _sparse_from_json(cls, value: object) -> object:
        return _spec_from(SparseSpec, value)

    @classmethod
    def from_mapping(cls, values: object) -> SketchRequest:
        """Reads what `to_mapping` wrote; missing fields take their defaults.

        Raises:
            InvalidRequest: not a mapping, an unknown field, or a value that is not possible.
        """
        if not _is_object(values):
            raise InvalidRequest(
                f"A request must be a JSON object. Received: {type(values).__name__}",
                hint='Write {"prompt": "a cat"}.',
            )
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """The request as plain values for JSON, in a fixed order; what is not used has no key."""
        values = self.model_dump(mode="json")
        for name in _ONLY_IF_USED:
            if values[name] == type(self).model_fields[name].default:
                del values[name]
        return values

    def replaced(self, **changes: Any) -> SketchRequest:
        """The same request with some fields changed, validated again."""
        return type(self).from_mapping({**self.to_mapping(), **changes})

    def model_text(self, model_plan: DrawingPlan) -> str:
        """What the text encoder reads: the plan, or the prompt itself if `as_written`."""
        return self.prompt if self.as_written else str(model_plan)


def _is_object(values: object) -> TypeGuard[Mapping[str, Any]]:
    if not isinstance(values, Mapping):
        return False
    return all(isinstance(key, str) for key in cast("Mapping[object, Any]", values))


def _spec_from(kind: Callable[..., Request], value: object) -> object:
    """A part of a request from its JSON object; anything else is left to the field's own check."""
    return kind(**value) if _is_object(value) else value


def check_canvas(request: SketchRequest, *, multiple_px: int, model: str) -> None:
    """Refuses a size that this model's patches do not divide.

    Raises:
        InvalidRequest: names the nearest size that works.
    """
    for name, value in (("width", request.width), ("height", request.height)):
        if value is not None and value % multiple_px:
            raise InvalidRequest(
                f"{model} draws in multiples of {multiple_px} px. Received: {name}={value}",
                hint=f"Try {nearest_multiple(value, multiple_px)}.",
            )
