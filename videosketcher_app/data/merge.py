"""Merge: two annotation files become one, and what happened to every entry is counted.

The rules where the tool's description is silent (facts: reference, 7.3):

- Two objects collide by key, two lists by the value of a key field. Values compare as JSON does, so
  `1` and `"1"` are different keys.
- The entries of the first file keep their places. A replaced entry keeps its place too.
- List items without the key field, or a list merge without one, cannot collide: they are kept.
- The entries of the second file are taken in turn, so an entry collides with an earlier one of its
  own file as with one of the first.
- A suffix counts up to the first free key. In a list it is written into the key field.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from videosketcher_app.core.errors import InvalidRequest

MergeMode = Literal["overwrite", "keep", "append"]
_SURROGATE = re.compile("[\ud800-\udfff]")
MERGE_MODES: tuple[str, ...] = get_args(MergeMode)


@dataclass
class MergeCounts:
    """What a merge did, in entries.

    Attributes:
        first, second: entries of the two files.
        added: entries of the second file that met no other.
        replaced, kept, renamed: entries of the second file that met one, by what was done.
        identical: collisions whose two values were equal; counted above as well.
        without_key: list items, of both files, that have no key.
        merged: entries of the result.
    """

    first: int = 0
    second: int = 0
    added: int = 0
    replaced: int = 0
    kept: int = 0
    renamed: int = 0
    identical: int = 0
    without_key: int = 0
    merged: int = 0

    def to_dict(self) -> dict[str, int]:
        """As JSON."""
        return asdict(self)


def merge_json(
    first: Any, second: Any, *, mode: str = "overwrite", key_field: str | None = None
) -> tuple[Any, MergeCounts]:
    """Two objects or two lists as one; neither argument is changed.

    Args:
        mode: on a collision `overwrite` takes the second entry, `keep` the first, and `append`
            takes both, the second under its key with a numeric suffix (`key_1`).
        key_field: what identifies a list's items; None joins lists end to end.

    Raises:
        InvalidRequest: an unknown mode, or values that are not two objects or two lists.
    """
    if mode not in MERGE_MODES:
        raise InvalidRequest(
            f"mode must be one of {', '.join(MERGE_MODES)}. Received: {mode!r}",
            hint="Use overwrite to let the second file win.",
        )
    if isinstance(first, dict) and isinstance(second, dict):
        table = _Table(mode, None)
        entries = [first.items(), second.items()]
    elif isinstance(first, list) and isinstance(second, list):
        table = _Table(mode, key_field)
        entries = [((_key_of(item, key_field), item) for item in side) for side in (first, second)]
    else:
        raise InvalidRequest(
            f"Both files must hold an object, or both a list. Received: {_kind(first)} and "
            f"{_kind(second)}",
            hint="Convert one of them first.",
        )
    for key, value in entries[0]:
        table.start_with(key, value)
    for key, value in entries[1]:
        table.merge(key, value)
    counts = table.counts
    counts.first, counts.second = len(first), len(second)
    counts.merged = len(table.rows)
    return (dict(table.rows) if isinstance(first, dict) else [v for _, v in table.rows]), counts


class _Missing:
    """The key of an item that has none; it equals no other."""


class _Table:
    """Rows (key, value) in order, found by key."""

    def __init__(self, mode: str, key_field: str | None) -> None:
        self.mode, self.key_field = mode, key_field
        self.rows: list[tuple[Any, Any]] = []
        self.counts = MergeCounts()
        self._places: dict[str, int] = {}
        self._last_suffix: Counter[str] = Counter()

    def start_with(self, key: Any, value: Any) -> None:
        """An entry of the first file: kept whatever it is."""
        if isinstance(key, _Missing):
            self.counts.without_key += 1
        else:
            self._places.setdefault(_identity(key), len(self.rows))
        self.rows.append((key, value))

    def merge(self, key: Any, value: Any) -> None:
        """An entry of the second file."""
        place = None if isinstance(key, _Missing) else self._places.get(_identity(key))
        if place is None:
            self.counts.added += not isinstance(key, _Missing)
            self.start_with(key, value)
            return
        self.counts.identical += _identity(self.rows[place][1]) == _identity(value)
        if self.mode == "overwrite":
            self.rows[place] = (key, value)
            self.counts.replaced += 1
        elif self.mode == "keep":
            self.counts.kept += 1
        else:
            renamed = self._free_key(key)
            if self.key_field is not None:
                value = {**value, self.key_field: renamed}
            self.start_with(renamed, value)
            self.counts.renamed += 1

    def _free_key(self, key: Any) -> str:
        base = key if isinstance(key, str) else _identity(key)
        while True:
            self._last_suffix[base] += 1
            candidate = f"{base}_{self._last_suffix[base]}"
            if _identity(candidate) not in self._places:
                return candidate


def _key_of(item: Any, key_field: str | None) -> Any:
    if key_field is None or not isinstance(item, dict):
        return _Missing()
    return item.get(key_field, _Missing())


def _identity(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list"}.get(type(value), "a single value")


def annotation_text(value: Any) -> str:
    """Indented JSON with a final line feed; list items that hold no lists or objects take one line.

    Text beyond ASCII stays readable, but for halves of surrogate pairs, which UTF-8 cannot hold.
    """
    text = "\n".join(_lines(value)) + "\n"
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def _lines(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not value:
        yield json.dumps(value, indent=2, ensure_ascii=False)
        return
    yield "["
    for number, item in enumerate(value, start=1):
        parts = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        is_flat = not any(isinstance(part, (dict, list)) for part in parts)
        text = json.dumps(item, indent=None if is_flat else 2, ensure_ascii=False)
        comma = "," if number < len(value) else ""
        yield "\n".join(f"  {line}" for line in text.split("\n")) + comma
    yield "]"
