"""StyleRunRequest: what a style run is asked to do, as it stands in its folder's request.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.core.plan import MAX_PLAN_CHARACTERS
from videosketcher_app.core.request_base import as_invalid_request
from videosketcher_app.core.requests import DEFAULT_MODEL, MAX_SEED, refuse_unknown
from videosketcher_app.storage import atomic, bounded
from videosketcher_app.storage.paths import safe_name

REQUEST_FILE = "request.json"
MAX_STEPS = 1_000_000
MAX_SAMPLE_PROMPTS = 8
MAX_TRIGGER_CHARACTERS = 80
MAX_BRUSH_CHARACTERS = 80
DEFAULT_SAMPLES = (0, 9)  # of the held-out concepts
_MAX_BYTES = 1_000_000
Prompt = Annotated[str, Field(min_length=1, max_length=MAX_PLAN_CHARACTERS)]


class StyleRunRequest(BaseModel):
    """One style run; frozen, strict about types, closed to unknown fields.

    Attributes:
        dataset: folder of the drawings to learn from.
        name: of the LoRA that it makes.
        model: that is taught, a name of the catalogue.
        preset: a name in presets/training or a YAML file, see `style_preset`.
        num_steps: instead of the preset's.
        seed: of the LoRA's first weights, the noise and the order of the drawings.
        start_from: a LoRA file to go on from.
        trigger: words that are added to the concept of every prompt and call the style; empty if
            the style is always wanted.
        brush: of the shelf, "marker_blue" or "marker_blue:#1d3fa6", that the strokes of a
            sketchbook are painted with, for a model that draws with a brush; empty for all others.
        sample_prompts: plans to draw while it learns; none takes held-out ones.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    dataset: Annotated[str, Field(min_length=1)]
    name: str
    model: str = DEFAULT_MODEL
    preset: str = "style"
    num_steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    start_from: str | None = None
    trigger: Annotated[str, Field(max_length=MAX_TRIGGER_CHARACTERS)] = ""
    brush: Annotated[str, Field(max_length=MAX_BRUSH_CHARACTERS)] = ""
    sample_prompts: Annotated[list[Prompt], Field(max_length=MAX_SAMPLE_PROMPTS)] = []

    def __init__(self, **values: Any) -> None:
        refuse_unknown(values, type(self).model_fields)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise as_invalid_request(error) from None

    @property
    def num_samples(self) -> int:
        """Plans that are drawn each time."""
        return len(self.sample_prompts) or len(DEFAULT_SAMPLES)

    @field_validator("name")
    @classmethod
    def _usable_name(cls, name: str) -> str:
        return safe_name(name)

    @field_validator("trigger")
    @classmethod
    def _one_line(cls, trigger: str) -> str:
        return " ".join(trigger.split())


def write_request(folder: Path, request: StyleRunRequest) -> None:
    """Writes the request of a run's folder.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    atomic.write_json(folder / REQUEST_FILE, request.model_dump())


def read_request(folder: Path) -> StyleRunRequest:
    """Reads the request of a run's folder.

    Raises:
        InvalidFile: there is none, or it is damaged.
        InvalidRequest: it asks for something impossible.
    """
    text = bounded.read_text(
        folder / REQUEST_FILE, max_bytes=_MAX_BYTES, what="request of the training run"
    )
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InvalidFile(
            f"The file {REQUEST_FILE} of {folder.name} is damaged.", hint="Start the run anew."
        )
    return StyleRunRequest(**values)
