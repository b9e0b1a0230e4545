"""Annotation files: read within limits, merged, written whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.merge import MergeCounts, annotation_text, merge_json
from videosketcher_app.storage.atomic import write_text
from videosketcher_app.storage.bounded import read_text

MAX_BYTES = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge wrote.

    Attributes:
        repeated: keys that stand more than once in one object of the files' texts; the last counts.
        notes: what a reader of the result should know, a sentence each.
    """

    output: Path
    counts: MergeCounts
    repeated: tuple[str, ...]
    notes: tuple[str, ...]


def merge_files(
    first: Path,
    second: Path,
    output: Path,
    *,
    mode: str = "overwrite",
    key_field: str | None = None,
) -> Merged:
    """Merges two JSON files into a third, which may be one of the two.

    Raises:
        InvalidFile: a file is missing, too large, or not JSON.
        InvalidRequest: see `merge_json`.
        CannotWrite: the output cannot be written; what was there stays.
    """
    repeated: list[str] = []
    values = [_read(path, repeated) for path in (first, second)]
    merged, counts = merge_json(*values, mode=mode, key_field=key_field)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, annotation_text(merged))
    notes = tuple(_notes(merged, counts, key_field, repeated))
    return Merged(output=output, counts=counts, repeated=tuple(repeated), notes=notes)


def _read(path: Path, repeated: list[str]) -> Any:
    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            names = [name for name, _ in pairs]
            repeated.extend(name for name in value if names.count(name) > 1)
        return value

    text = read_text(path, max_bytes=MAX_BYTES, what=f"file {path.name}")
    try:
        return json.loads(
            text.removeprefix("\ufeff"), object_pairs_hook=table, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise InvalidFile(
            f"The file {path.name} is not JSON: {_reason(error)}.",
            hint="Correct it there, or give another file.",
        ) from error


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _notes(
    merged: Any, counts: MergeCounts, key_field: str | None, repeated: list[str]
) -> list[str]:
    notes = []
    if isinstance(merged, list) and key_field is None:
        notes.append("Without a key field the lists were joined end to end.")
    elif isinstance(merged, list) and counts.without_key:
        notes.append(f"{counts.without_key} items have no field {key_field!r} and were kept.")
    elif isinstance(merged, dict) and key_field is not None:
        notes.append("The key field was not used: these files hold objects.")
    if repeated:
        notes.append(
            f"Keys that stood twice in one object: {', '.join(sorted(set(repeated))[:5])}."
        )
    return notes
