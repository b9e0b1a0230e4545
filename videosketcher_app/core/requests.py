"""SketchRequest: what a person asks for. If it exists, it is valid; nobody checks it again.

Built from keywords (`SketchRequest(prompt="a cat")`), a mapping, or a JSON file; every way raises
InvalidRequest with one sentence and a hint. What depends on the model (sizes, modes, defaults) is
None here or checked with `check_canvas` once the model is known.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import (
    DEFAULT_FPS,
    DEFAULT_NUM_FRAMES,
    SPATIAL_STRIDE,
    TEMPORAL_STRIDE,
    nearest_multiple,
    nearest_valid_frames,
)
from videosketcher_app.core.invisible import without_invisible
from videosketcher_app.core.plan import MAX_PLAN_CHARACTERS, NOT_ON_A_LINE, DrawingPlan

DEFAULT_MODEL = "pocket-t2v"
# Its untrained block-causal pass, until a model trained to take turns is shipped.
DEFAULT_CAUSAL_MODEL = "pocket-t2v"
CAUSAL_FPS = 15
MAX_SEED = 2**32 - 1
MAX_FRAMES = 401
MAX_TURN_FRAMES = 3600
MAX_ROLLOUTS = 40
MIN_SIDE_PX = 24
MAX_SIDE_PX = 1920
MAX_REQUEST_CHARACTERS = 200_000  # a request file is a page, not a data set
MODES = ("exact", "fast", "sketch")
PLANNERS = ("auto", "library", "openai", "qwen")


class _Request(BaseModel):
    """Frozen, strict about types, closed to unknown fields; raises InvalidRequest only."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    def __init__(self, **values: Any) -> None:
        refuse_unknown(values, type(self).model_fields)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _as_invalid_request(error) from None


class LoraSpec(_Request):
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
        return _require_one_line(value, "path of a LoRA")

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


class BrushSpec(_Request):
    """Which brush a sketch is drawn with: one of the shelf, one in a picture, or a plain line.

    Attributes:
        name: of a library brush.
        image: path of a picture of a mark, of a swatch, or of a whole condition frame.
        color: "#1d3fa6"; corrects the brush, or gives an even line without name and image.
        width_px: of its line on the canvas 240 px high; None keeps the brush's own.
        kind: corrects the texture that was understood ("crayon"); None keeps it.
        direction: corrects the share by which the width depends on the direction, in [0, 1].
        show_box: the result shows the brush box at the top left, as the published model's do.
    """

    name: str | None = Field(default=None, min_length=1, max_length=60)
    image: str | None = Field(default=None, min_length=1, max_length=1024)
    color: str | None = None
    width_px: float | None = Field(default=None, ge=0.5, le=60.0)
    kind: str | None = Field(default=None, min_length=1, max_length=30)
    direction: float | None = Field(default=None, ge=0.0, le=1.0)
    show_box: bool = True

    @field_validator("name", "image", "kind")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        return None if value is None else _require_one_line(value, "brush")

    @field_validator("color")
    @classmethod
    def _hexadecimal(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise InvalidRequest(
                f'A color is written "#1d3fa6". Received: {_shown(value)}',
                hint="Give # and six hexadecimal digits.",
            )
        return value.lower()

    @model_validator(mode="after")
    def _one_source(self) -> BrushSpec:
        if self.name is not None and self.image is not None:
            raise InvalidRequest(
                "A brush comes from the shelf or from a picture, not from both.",
                hint="Leave out its name or its image.",
            )
        if self.name is None and self.image is None and self.color is None:
            raise InvalidRequest(
                "A brush needs a name, an image or a color.",
                hint='For instance "marker_blue", or a picture of a stroke.',
            )
        return self


class SketchRequest(_Request):
    """One sketch: from text, or, with a brush, in that brush's hand.

    Attributes:
        prompt: a concept ("a cat") or a whole plan in its one-line form.
        as_written: the model reads the prompt exactly as it is; nothing is planned.
        model: a name of the catalogue.
        seed: of the noise.
        num_inference_steps, cfg_scale: None means the model's own default.
        num_frames: frames of the clip, 4n + 1.
        width, height: canvas in pixels; None means the model's own canvas.
        fps: frames a second of the files; does not change the drawing.
        negative_prompt: what guidance moves away from; None means the model's own.
        loras: adapters, applied in order.
        attention: name of the attention implementation.
        mode: "exact", or one of the modes that trade likeness for speed.
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
    attention: Literal["torch"] = "torch"
    mode: Literal["exact", "fast", "sketch"] = "exact"
    planner: Literal["auto", "library", "openai", "qwen"] = "auto"
    brush: BrushSpec | None = None

    @field_validator("prompt")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return _clean_line(value, "prompt", 'Write what to draw, for instance "a cat".')

    @field_validator("model")
    @classmethod
    def _plain_model(cls, value: str) -> str:
        return _require_one_line(value, "model")

    @field_validator("negative_prompt")
    @classmethod
    def _plain_negative_prompt(cls, value: str | None) -> str | None:
        if value is None:
            return None
        return _require_one_line(without_invisible(value), "negative prompt")

    @field_validator("num_frames")
    @classmethod
    def _four_n_plus_one(cls, value: int) -> int:
        if not 5 <= value <= MAX_FRAMES or (value - 1) % TEMPORAL_STRIDE:
            nearest = nearest_valid_frames(min(max(value, 5), MAX_FRAMES))
            raise InvalidRequest(
                f"num_frames must be 4n + 1, from 5 to {MAX_FRAMES}. Received: {_shown(value)}",
                hint=f"Try {nearest}.",
            )
        return value

    @field_validator("width", "height")
    @classmethod
    def _on_the_grid(cls, value: int | None) -> int | None:
        return _side_on_the_grid(value)

    @field_validator("loras", mode="before")
    @classmethod
    def _loras_from_json(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return tuple(LoraSpec(**v) if isinstance(v, dict) else v for v in value)
        return value

    @field_validator("brush", mode="before")
    @classmethod
    def _brush_from_json(cls, value: object) -> object:
        return BrushSpec(**value) if isinstance(value, dict) else value

    @classmethod
    def from_mapping(cls, values: object) -> SketchRequest:
        """Reads what `to_mapping` wrote; missing fields take their defaults.

        Raises:
            InvalidRequest: not a mapping, an unknown field, or a value that is not possible.
        """
        if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
            raise InvalidRequest(
                f"A request must be a JSON object. Received: {type(values).__name__}",
                hint='Write {"prompt": "a cat"}.',
            )
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """The request as plain values for JSON, every field in a fixed order; no brush, no key."""
        values = self.model_dump(mode="json")
        if self.brush is None:
            del values["brush"]
        return values

    def replaced(self, **changes: Any) -> SketchRequest:
        """The same request with some fields changed, validated again."""
        return type(self).from_mapping({**self.to_mapping(), **changes})

    def model_text(self, model_plan: DrawingPlan) -> str:
        """What the text encoder reads: the plan, or the prompt itself if `as_written`."""
        return self.prompt if self.as_written else str(model_plan)


class CoDrawRequest(_Request):
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
    planner: Literal["auto", "library", "openai", "qwen"] = "auto"

    @field_validator("concept")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return _clean_line(value, "concept", "") if value.strip() else ""

    @field_validator("model")
    @classmethod
    def _plain_model(cls, value: str) -> str:
        return _require_one_line(value, "model")

    @field_validator("width", "height")
    @classmethod
    def _on_the_grid(cls, value: int | None) -> int | None:
        return _side_on_the_grid(value)

    def to_mapping(self) -> dict[str, Any]:
        """The request as plain values for JSON, every field in a fixed order."""
        return self.model_dump(mode="json")


class RolloutRequest(_Request):
    """Several clips in a row from one plan.

    Attributes:
        sketch: plan, model, seed and canvas; `num_frames` is the length of one clip.
        num_rollout: clips.
        num_overlap_frames: latent frames that a clip begins with; a multiple of 3.
    """

    sketch: SketchRequest
    num_rollout: int = Field(default=1, ge=1, le=MAX_ROLLOUTS)
    num_overlap_frames: int = Field(default=3, ge=3, le=99, multiple_of=3)


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


def parse_request_json(text: str) -> dict[str, Any]:
    """The JSON object in a request file (a bare request, or a run's _config.json).

    Raises:
        InvalidRequest: not JSON, not an object, far too long, or with NaN or infinity in it.
    """
    if len(text) > MAX_REQUEST_CHARACTERS:
        raise InvalidRequest(
            f"The request file is {len(text):,} characters long.",
            hint=f"A request has at most {MAX_REQUEST_CHARACTERS:,}.",
        )
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # JSONDecodeError, or a number without an end
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "nesting"
        where = "a number" if type(error) is ValueError else where
        raise InvalidRequest(
            f"The request file is not valid JSON ({where}).", hint="Correct or regenerate it."
        ) from None
    if not isinstance(values, dict):
        raise InvalidRequest(
            f"A request must be a JSON object. Received: {type(values).__name__}",
            hint='Write {"prompt": "a cat"}.',
        )
    return values


def refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuses the first key that is not among the known ones, naming the nearest.

    Raises:
        InvalidRequest: a key is unknown.
    """
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            raise InvalidRequest(
                f"A request has no field {_shown(key)}.",
                hint=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.",
            )


def _clean_line(value: str, name: str, hint: str) -> str:
    line = without_invisible(value).strip()
    if not line:
        raise InvalidRequest(f"The {name} is empty.", hint=hint)
    if len(line) > MAX_PLAN_CHARACTERS:
        raise InvalidRequest(
            f"The {name} is {len(line):,} characters long.",
            hint=f"Shorten it to {MAX_PLAN_CHARACTERS:,} characters.",
        )
    return _require_one_line(line, name)


def _side_on_the_grid(value: int | None) -> int | None:
    """A side of the canvas as it is, if VAEs can have it."""
    if value is None:
        return None
    if not MIN_SIDE_PX <= value <= MAX_SIDE_PX or value % SPATIAL_STRIDE:
        inside = min(max(value, MIN_SIDE_PX), MAX_SIDE_PX)
        raise InvalidRequest(
            f"width and height must be multiples of {SPATIAL_STRIDE} from {MIN_SIDE_PX} to "
            f"{MAX_SIDE_PX} px. Received: {_shown(value)}",
            hint=f"Try {nearest_multiple(inside, SPATIAL_STRIDE)}.",
        )
    return value


def _require_one_line(value: str, name: str) -> str:
    if any(unicodedata.category(character) in NOT_ON_A_LINE for character in value):
        raise InvalidRequest(
            f"The {name} has line breaks or control characters in it.",
            hint="Write it on one line of plain text.",
        )
    return value


def _as_invalid_request(error: ValidationError) -> InvalidRequest:
    """The first fault as one sentence that names the field and what was received."""
    fault = error.errors(include_url=False)[0]
    field = ".".join(str(step) for step in fault["loc"]) or "request"
    if fault["type"] == "missing":
        return InvalidRequest(f"{field} is missing.", hint=f"Give a value for {field}.")
    wanted = fault["msg"].removeprefix("Input ").removeprefix("should ")
    return InvalidRequest(
        f"{field} should {wanted}. Received: {_shown(fault['input'])}",
        hint=f"Correct {field} or leave it out.",
    )


def _shown(value: object) -> str:
    """A value in a message, short."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _refuse_constant(name: str) -> None:
    raise InvalidRequest(
        f"A request must hold finite numbers only. Received: {name}", hint="Replace it by a number."
    )
