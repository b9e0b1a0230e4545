"""Tables of clips and prompts as the reference repositories keep them: csv, json and jsonl.

A row has a media file (`video`, or `image` for stills) and a `prompt`; further columns are left
alone. csv has a first line of names; json is a list of objects, or an object with one list; jsonl
has one object a line. UTF-8, with or without a byte order mark.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.problems import Problems
from videosketcher_app.storage import atomic, bounded

SUFFIXES = (".csv", ".json", ".jsonl")
MEDIA_COLUMNS = ("video", "image")
PROMPT_COLUMN = "prompt"
MAX_METADATA_BYTES = 1 << 30
MAX_CELL_CHARACTERS = 20_000
_NAMES = 'Name the columns "video" and "prompt" in the first line.'


@dataclass(frozen=True, kw_only=True)
class MetadataRow:
    """One row.

    Attributes:
        number: as a person finds it: line of a csv or jsonl, entry of a json, from 1.
        column: the name of the media file's column.
        media: the media file as written, relative to the media folder or absolute.
        prompt: never empty.
    """

    number: int
    column: str
    media: str
    prompt: str


def read_metadata(path: Path, problems: Problems, *, file: str = "") -> list[MetadataRow]:
    """The rows of a table that can be used; what is wrong with the others goes to `problems`.

    Args:
        file: what the problems call it; its name if empty.

    Raises:
        InvalidFile: the file cannot be read at all, or is too large.
    """
    file = file or path.name
    content = bounded.read_bytes(path, MAX_METADATA_BYTES, f"file {file}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.add(file, "This line is not UTF-8 text.", "Save the file as UTF-8.", row=line)
        return []
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows}
    reader = readers.get(path.suffix.lower(), _json_rows)
    rows = [_row(number, values, file, problems) for number, values in reader(text, file, problems)]
    kept = [row for row in rows if row is not None]
    if not rows and not problems.count:
        problems.add(file, "It has no row.", "Write one row for every clip.")
    return kept


def write_metadata(path: Path, rows: Iterable[tuple[str, str]], *, column: str = "video") -> None:
    """Writes (media file, prompt) rows; the ending of the name decides the layout.

    Raises:
        CannotWrite: the folder cannot be written; what was there stays.
    """
    assert path.suffix in SUFFIXES, path.suffix
    records = [{column: media, PROMPT_COLUMN: prompt} for media, prompt in rows]
    if path.suffix == ".json":
        text = json.dumps(records, ensure_ascii=False, indent=2) + "\n"
    elif path.suffix == ".jsonl":
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    else:
        lines = io.StringIO(newline="")
        # Every text between quotes: a bare carriage return would end a row otherwise.
        writer = csv.DictWriter(
            lines, (column, PROMPT_COLUMN), lineterminator="\n", quoting=csv.QUOTE_ALL
        )
        writer.writeheader()
        writer.writerows(records)
        text = lines.getvalue()
    atomic.write_text(path, text)


def _csv_rows(text: str, file: str, problems: Problems) -> Iterator[tuple[int, Any]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: Sequence[str] | None = None
    try:
        for cells in lines:
            if names is None:
                names = [name.strip() for name in cells]
                if not _names_are_good(names, file, problems):
                    return
            elif len(cells) not in (0, len(names)):
                problems.add(
                    file,
                    f"This row has {len(cells)} columns instead of {len(names)}.",
                    "Put texts with commas between double quotes.",
                    row=lines.line_num,
                )
            elif cells:
                yield lines.line_num, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        problems.add(
            file, f"This is no csv: {error}.", "Double every quote in a text.", row=lines.line_num
        )
    if names is None:
        problems.add(file, "It is empty.", _NAMES)


def _names_are_good(names: Sequence[str], file: str, problems: Problems) -> bool:
    has_media = any(column in names for column in MEDIA_COLUMNS)
    for column, is_there in (("video", has_media), (PROMPT_COLUMN, PROMPT_COLUMN in names)):
        if not is_there:
            problems.add(file, "There is no such column.", _NAMES, row=1, column=column)
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        problems.add(file, "This column is there twice.", _NAMES, row=1, column=repeated)
    return has_media and PROMPT_COLUMN in names and repeated is None


def _json_rows(text: str, file: str, problems: Problems) -> Iterator[tuple[int, Any]]:
    values = _parsed(text, file, problems, row="")
    if isinstance(values, dict) and len(values) == 1:
        values = next(iter(values.values()))
    if isinstance(values, list):
        yield from enumerate(values, start=1)
    elif values is not None:
        problems.add(
            file, "It holds no list.", 'Write [{"video": "a.mp4", "prompt": "a cat"}, ...].'
        )


def _jsonl_rows(text: str, file: str, problems: Problems) -> Iterator[tuple[int, Any]]:
    # Not splitlines(): a text may hold line separators that end no line of JSON.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            values = _parsed(line, file, problems, row=number)
            if values is not None:
                yield number, values


def _parsed(text: str, file: str, problems: Problems, *, row: object) -> Any:
    """The value of a JSON text; None, and a problem, if it is none."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        where = row or f"line {error.lineno}"
        problems.add(
            file,
            f"This is not JSON: {error.msg} at column {error.colno}.",
            "Correct it there.",
            row=where,
        )
        return None
    except (ValueError, RecursionError):
        problems.add(file, "This is not JSON that can be read.", "Correct it.", row=row)
        return None
    if values is None:
        problems.add(file, "It holds nothing.", "Write the rows.", row=row)
    return values


def _row(number: int, values: Any, file: str, problems: Problems) -> MetadataRow | None:
    if not isinstance(values, Mapping):
        problems.add(
            file, "It is no object.", 'Write {"video": "a.mp4", "prompt": "a cat"}.', row=number
        )
        return None
    column = next((name for name in MEDIA_COLUMNS if name in values), MEDIA_COLUMNS[0])
    media = _cell(values, column, number, file, problems)
    prompt = _cell(values, PROMPT_COLUMN, number, file, problems)
    if media is None or prompt is None:
        return None
    return MetadataRow(number=number, column=column, media=media.strip(), prompt=prompt)


def _cell(
    values: Mapping[str, Any], column: str, number: int, file: str, problems: Problems
) -> str | None:
    """The text of a cell; None, and a problem, if it cannot be used."""
    value = values.get(column)
    wrong = ""
    if not isinstance(value, str):
        wrong = "It is missing." if value is None else "It is no text."
    elif not value.strip():
        wrong = "It is empty."
    elif len(value) > MAX_CELL_CHARACTERS:
        wrong = f"It has {len(value):,} characters; at most {MAX_CELL_CHARACTERS:,} are possible."
    elif "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        wrong = "It holds characters that are none."
    if wrong:
        fix = "Name the file." if column in MEDIA_COLUMNS else "Write what the clip shows."
        problems.add(file, wrong, fix, row=number, column=column)
        return None
    return value


def only_metadata(folder: Path) -> Path | None:
    """The one table of a folder: its only file named `metadata*`; None if there is none.

    Raises:
        InvalidFile: there are several.
    """
    found = sorted(
        path
        for path in folder.glob("metadata*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if len(found) > 1:
        raise InvalidFile(
            f"The folder {folder.name} has {len(found)} tables of clips: "
            f"{', '.join(path.name for path in found[:3])}.",
            hint="Give the file instead of the folder.",
        )
    return found[0] if found else None
