"""Request files: the JSON of a request, read with limits."""

from __future__ import annotations

import json
from typing import Any, cast

from videosketcher_app.core.errors import InvalidRequest

MAX_REQUEST_CHARACTERS = 200_000  # a request file is a page, not a data set


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
    return cast("dict[str, Any]", values)


def _refuse_constant(name: str) -> None:
    raise InvalidRequest(
        f"A request must hold finite numbers only. Received: {name}", hint="Replace it by a number."
    )
