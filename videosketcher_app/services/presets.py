"""Request presets: named sets of request fields, one YAML file each.

    label: Careful          # what people read
    order: 3                # where it stands in the list
    request:                # fields of SketchRequest, except prompt and seed
      num_inference_steps: 16

A file that is broken never stops the app: it is left out, and a notice names file and line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.core.requests import SketchRequest

PRESETS = Path(__file__).resolve().parents[2] / "presets"
MAX_FILE_BYTES = 16_384
MAX_FILES = 200
MAX_LABEL_CHARACTERS = 60
_OWN_WORDS = ("prompt", "seed")  # what a person says for each drawing, never a preset
_KEYS = ("label", "order", "request")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named set of request fields; `request` goes into `SketchRequest(prompt=..., **request)`."""

    name: str
    label: str
    order: int = 100
    request: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What was wrong with a file that was left out, and on which line (from 1)."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.message}"


DEFAULT = Preset(name="default", label="Everyday", order=0)


class _BrokenPreset(InvalidFile):
    """A preset cannot be used because of what is on one line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def load_presets(*folders: Path) -> tuple[list[Preset], list[Notice]]:
    """All presets of the folders in their order, and a notice for each file that is broken.

    A later folder replaces presets of the same name. Never raises for what is in the files, and
    always returns at least the default one.
    """
    found: dict[str, Preset] = {}
    notices: list[Notice] = []
    for folder in folders:
        for path in sorted(folder.glob("*.yaml"))[:MAX_FILES]:
            try:
                found[path.stem] = read_preset(path)
            except _BrokenPreset as error:
                told = f"{error.message} The preset is left out."
                notices.append(Notice(file=path.name, line=error.line, message=told))
    ordered = sorted(found.values(), key=lambda preset: (preset.order, preset.name))
    return ordered or [DEFAULT], notices


def read_preset(path: Path) -> Preset:
    """One preset.

    Raises:
        InvalidFile: it cannot be used; `line` says where.
    """
    entries, lines = _read_mapping(path)
    for key in entries:
        if key not in _KEYS:
            raise _BrokenPreset(f"A preset has no {_shown(key)}.", lines.get(key, 1))
    label, order = entries.get("label"), entries.get("order", 100)
    if not isinstance(label, str) or not 0 < len(label.strip()) <= MAX_LABEL_CHARACTERS:
        raise _BrokenPreset(
            f"The label must be 1 to {MAX_LABEL_CHARACTERS} characters.", lines.get("label", 1)
        )
    if not isinstance(order, int) or isinstance(order, bool) or abs(order) > 10_000:
        raise _BrokenPreset("The order must be a number.", lines["order"])
    request = entries.get("request") or {}
    if not isinstance(request, dict):
        raise _BrokenPreset("The request must be a list of fields.", lines["request"])
    _check_fields(request, lines)
    return Preset(
        name=path.stem, label=label.strip(), order=order, request=MappingProxyType(request)
    )


def _check_fields(request: dict[Any, Any], lines: Mapping[Any, int]) -> None:
    """Every field is one of a request and possible by itself."""
    for name, value in request.items():
        line = lines.get(("request", name), 1)
        if name in _OWN_WORDS or not isinstance(name, str):
            raise _BrokenPreset(f"A preset cannot set {_shown(name)}.", line)
        try:
            SketchRequest(prompt="a cat", **{name: value})
        except InvalidRequest as error:
            raise _BrokenPreset(str(error), line) from None


def _read_mapping(path: Path) -> tuple[dict[Any, Any], dict[Any, int]]:
    """The file's entries, and the line of each key; keys below `request` as ("request", key)."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _BrokenPreset(f"It cannot be read: {error.strerror or error}.", 1) from None
    if len(data) > MAX_FILE_BYTES:
        raise _BrokenPreset(f"It is longer than {MAX_FILE_BYTES:,} bytes.", 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _BrokenPreset("It is not UTF-8 text.", line) from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_odd_nodes(node, text)
        entries = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise _BrokenPreset(
            f"It is not valid YAML: {error.problem or error.context}.", line
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        position = getattr(error, "position", 0)
        line = text[:position].count("\n") + 1
        raise _BrokenPreset("It is not valid YAML.", line) from None
    if not isinstance(entries, dict):
        raise _BrokenPreset("It must hold label, order and request.", 1)
    assert isinstance(node, yaml.MappingNode)
    return entries, _lines_of(node)


def _refuse_odd_nodes(node: yaml.Node | None, text: str) -> None:
    """No aliases (a few lines of them unfold to gigabytes) and no key twice."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _BrokenPreset("Aliases are not allowed.", event.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise _BrokenPreset(f"{_shown(key.value)} is there twice.", key.start_mark.line + 1)
            seen.add(str(key.value))


def _lines_of(node: yaml.MappingNode) -> dict[Any, int]:
    lines: dict[Any, int] = {}
    for key, value in node.value:
        lines[key.value] = key.start_mark.line + 1
        if key.value == "request" and isinstance(value, yaml.MappingNode):
            for field_key, _ in value.value:
                lines["request", field_key.value] = field_key.start_mark.line + 1
    return lines


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
