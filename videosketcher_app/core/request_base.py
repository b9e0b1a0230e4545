"""What every request is made of: frozen values, checked once, refused with a sentence and a hint."""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import SPATIAL_STRIDE, nearest_multiple
from videosketcher_app.core.invisible import without_invisible
from videosketcher_app.core.plan import MAX_PLAN_CHARACTERS, NOT_ON_A_LINE

MAX_SEED = 2**32 - 1
MIN_SIDE_PX = 24
MAX_SIDE_PX = 1920


class Request(BaseModel):
    """Frozen, strict about types, closed to unknown fields; raises InvalidRequest only."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    def __init__(self, **values: Any) -> None:
        refuse_unknown(values, type(self).model_fields)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise as_invalid_request(error) from None


def refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuses the first key that is not among the known ones, naming the nearest.

    Raises:
        InvalidRequest: a key is unknown.
    """
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            raise InvalidRequest(
                f"A request has no field {shown(key)}.",
                hint=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.",
            )


def clean_line(value: str, name: str, hint: str) -> str:
    """One line of text without what cannot be seen.

    Raises:
        InvalidRequest: it is empty, too long, or has control characters.
    """
    line = without_invisible(value).strip()
    if not line:
        raise InvalidRequest(f"The {name} is empty.", hint=hint)
    if len(line) > MAX_PLAN_CHARACTERS:
        raise InvalidRequest(
            f"The {name} is {len(line):,} characters long.",
            hint=f"Shorten it to {MAX_PLAN_CHARACTERS:,} characters.",
        )
    return require_one_line(line, name)


def side_on_the_grid(value: int | None) -> int | None:
    """A side of the canvas in pixels as it is, if VAEs can have it.

    Raises:
        InvalidRequest: it is off the grid or too long; names the nearest one.
    """
    if value is None:
        return None
    if not MIN_SIDE_PX <= value <= MAX_SIDE_PX or value % SPATIAL_STRIDE:
        inside = min(max(value, MIN_SIDE_PX), MAX_SIDE_PX)
        raise InvalidRequest(
            f"width and height must be multiples of {SPATIAL_STRIDE} from {MIN_SIDE_PX} to "
            f"{MAX_SIDE_PX} px. Received: {shown(value)}",
            hint=f"Try {nearest_multiple(inside, SPATIAL_STRIDE)}.",
        )
    return value


def require_one_line(value: str, name: str) -> str:
    """The text as it is, if it is one plain line.

    Raises:
        InvalidRequest: it has line breaks or control characters.
    """
    if any(unicodedata.category(character) in NOT_ON_A_LINE for character in value):
        raise InvalidRequest(
            f"The {name} has line breaks or control characters in it.",
            hint="Write it on one line of plain text.",
        )
    return value


def as_invalid_request(error: ValidationError) -> InvalidRequest:
    """The first fault as one sentence that names the field and what was received."""
    fault = error.errors(include_url=False)[0]
    field = ".".join(str(step) for step in fault["loc"]) or "request"
    if fault["type"] == "missing":
        return InvalidRequest(f"{field} is missing.", hint=f"Give a value for {field}.")
    wanted = fault["msg"].removeprefix("Input ").removeprefix("should ")
    return InvalidRequest(
        f"{field} should {wanted}. Received: {shown(fault['input'])}",
        hint=f"Correct {field} or leave it out.",
    )


def shown(value: object) -> str:
    """A value in a message, short."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
