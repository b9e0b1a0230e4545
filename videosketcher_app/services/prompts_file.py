"""Prompts from a file: one a line, a JSON list, or a CSV column; errors name the line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.storage import bounded

MAX_PROMPTS_BYTES = 5_000_000
MAX_PROMPTS = 20_000
COLUMN = "prompt"
SUFFIXES = (".txt", ".json", ".csv")


def read_prompts(path: Path) -> list[str]:
    """The prompts of a UTF-8 file, judged by its size before it is read.

    `.json` holds a list of texts or of objects with a "prompt"; `.csv` one column, or a column
    named "prompt"; anything else one prompt a line.

    Raises:
        InvalidFile: it cannot be read, is too large, is not UTF-8, is not what its ending says, or
            has no prompt in it.
    """
    content = bounded.read_bytes(path, MAX_PROMPTS_BYTES, "prompts file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidFile(
            f"Line {line} of the prompts file is not UTF-8 text.", hint="Save it as UTF-8."
        ) from None
    readers = {".json": _json_prompts, ".csv": _csv_prompts}
    return checked_prompts(readers.get(path.suffix.lower(), str.splitlines)(text))


def checked_prompts(lines: Sequence[str]) -> list[str]:
    """The non-empty ones, stripped.

    Raises:
        InvalidFile: there are none, or too many.
    """
    prompts = [line.strip() for line in lines if line.strip()]
    if not prompts:
        raise InvalidFile("There is no prompt in it; it is empty.", hint="Write one prompt a line.")
    if len(prompts) > MAX_PROMPTS:
        raise InvalidFile(
            f"There are {len(prompts):,} prompts.", hint=f"Split them: at most {MAX_PROMPTS:,}."
        )
    return prompts


def _json_prompts(text: str) -> list[str]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidFile(
            f"Line {error.lineno} of the prompts file is not JSON: {error.msg}.",
            hint='Write ["a cat", "a house"].',
        ) from None
    except (RecursionError, ValueError):
        raise InvalidFile(
            "The prompts file is nested too deeply or holds an impossible number.",
            hint='Write ["a cat", "a house"].',
        ) from None
    if not isinstance(values, list):
        raise InvalidFile("The prompts file is no list.", hint='Write ["a cat", "a house"].')
    return [_json_prompt(value, number) for number, value in enumerate(values, start=1)]


def _json_prompt(value: object, number: int) -> str:
    if isinstance(value, dict) and set(value) == {COLUMN}:
        value = value[COLUMN]
    if not isinstance(value, str):
        raise InvalidFile(
            f'Entry {number} of the prompts file is neither a text nor {{"{COLUMN}": text}}.',
            hint="Leave everything else out.",
        )
    return value


def _csv_prompts(text: str) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    prompts: list[str] = []
    column: int | None = None
    try:
        for row in rows:
            if column is None:
                names = [name.strip().lower() for name in row]
                column = names.index(COLUMN) if COLUMN in names else 0
                if COLUMN in names:
                    continue
                if len(row) > 1:
                    raise InvalidFile(
                        f"Line 1 of the prompts file names no column {COLUMN!r}.",
                        hint=f"Call the prompts' column {COLUMN!r}, or leave only that column.",
                    )
            if row and len(row) <= column:
                raise InvalidFile(
                    f"Line {rows.line_num} of the prompts file has no column {COLUMN!r}.",
                    hint="Give every line as many columns as the first.",
                )
            prompts += row[column : column + 1]
    except csv.Error as error:
        raise InvalidFile(
            f"Line {rows.line_num} of the prompts file is not CSV: {error}.",
            hint="Put prompts with commas or quotes between double quotes.",
        ) from None
    return prompts
