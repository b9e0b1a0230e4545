"""YAML files that hold keys: one bounded reader for presets, configurations and weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.storage import bounded

_MAX_BYTES = 1_000_000
_FIX = "Write one `key: value` a line."


def read_keys(path: Path, *, what: str) -> dict[str, Any]:
    """The keys of a YAML file and their values.

    Args:
        what: the messages call the file so, before its name.

    Raises:
        InvalidFile: it is missing, over 1 MB, not UTF-8, no YAML, or holds no keys.
    """
    text = bounded.read_text(path, max_bytes=_MAX_BYTES, what=f"{what} {path.name}")
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidFile(f"The {what} {path.name} is no YAML{line}.", hint=_FIX) from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InvalidFile(f"The {what} {path.name} holds no keys.", hint=_FIX)
    return values
