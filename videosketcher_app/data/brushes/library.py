"""The brush library: `brushes/brushes.yaml` and its painted previews.

    license: Apache-2.0
    media:                      # how a brush paints
      marker: {title: Marker, kind: marker, width_px: 9, flow: {opacity: 0.7}}
    brushes:                    # in which color; groups here go over the medium's
      marker_blue: {medium: marker, title: "Marker, blue", color: "#83bbe3"}

A broken file never stops the app: a broken brush is left out, a file that cannot be read gives the
renderer's own pen, and a notice names file and line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from videosketcher_app.data.brushes.model import (
    KINDS,
    MAX_WIDTH_PX,
    NIB_SHAPES,
    PEN,
    Brush,
    Edge,
    Flow,
    Grain,
    Hairs,
    Nib,
    Pigment,
)

BRUSHES = Path(__file__).resolve().parents[3] / "brushes"
FILE_NAME = "brushes.yaml"
MAX_FILE_BYTES = 65_536
MAX_BRUSHES = 500
MAX_TITLE_CHARACTERS = 60
DEFAULT_LICENSE = "Apache-2.0"
_GROUPS = {
    "nib": Nib, "edge": Edge, "grain": Grain, "hairs": Hairs, "flow": Flow, "pigment": Pigment,
}  # fmt: skip
_MEDIUM_KEYS = ("title", "kind", "width_px", *_GROUPS)
_BRUSH_KEYS = ("medium", "title", "color", "width_px", "license", *_GROUPS)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
# Ranges of the numbers whose range is not [0, 1].
_RANGES: dict[tuple[str, str], tuple[float, float]] = {
    ("nib", "angle"): (-2 * math.pi, 2 * math.pi),
    ("nib", "thickness"): (0.05, 1),
    ("nib", "taper_widths"): (0, 20),
    ("edge", "rough_px"): (0.3, 60),
    ("edge", "wet_px"): (0.3, 20),
    ("grain", "size_px"): (0.5, 60),
    ("hairs", "count"): (0, 60),
    ("hairs", "length_px"): (1, 400),
    ("hairs", "droplet_px"): (0.5, 20),
    ("flow", "opacity"): (0.02, 1),
    ("flow", "run_widths"): (0.5, 400),
    ("pigment", "cloud_px"): (0.5, 200),
    ("pigment", "jitter"): (0, 0.3),
}


@dataclass(frozen=True, kw_only=True)
class LibraryBrush:
    """A brush of the shelf.

    Attributes:
        name: unique, lower case, used on the command line.
        title: what people read.
        license: SPDX name of the terms of the brush and its preview.
        preview: the painted preview; may be missing on disk.
    """

    name: str
    title: str
    medium: str
    brush: Brush
    license: str
    preview: Path


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What was wrong with a brush or file, and on which line (from 1)."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.message}"


class _Broken(Exception):
    """An entry cannot be used because of what is on one line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


def load_brushes(folder: Path = BRUSHES) -> tuple[dict[str, LibraryBrush], list[Notice]]:
    """All brushes by name in the file's order, and a notice for each that is broken.

    Never raises for what is in the file, and always returns at least the renderer's own pen.
    """
    path = folder / FILE_NAME
    try:
        document = _Document(_read(path))
    except _Broken as error:
        told = f"{error.message} The default pen is used."
        return _default(folder), [Notice(file=path.name, line=error.line, message=told)]
    found: dict[str, LibraryBrush] = {}
    notices: list[Notice] = []
    for name in list(document.brushes)[:MAX_BRUSHES]:
        try:
            found[name] = document.library_brush(name, folder)
        except _Broken as error:
            told = f"{error.message} The brush is left out."
            notices.append(Notice(file=path.name, line=error.line, message=told))
    return found or _default(folder), notices


def _default(folder: Path) -> dict[str, LibraryBrush]:
    name = "pen_black"
    pen = LibraryBrush(
        name=name,
        title="Pen, black",
        medium=PEN,
        brush=Brush(),
        license=DEFAULT_LICENSE,
        preview=folder / f"{name}.png",
    )
    return {name: pen}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _Broken(f"It cannot be read: {error.strerror or error}.", 1) from None
    if len(data) > MAX_FILE_BYTES:
        raise _Broken(f"It is longer than {MAX_FILE_BYTES:,} bytes.", 1)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _Broken("It is not UTF-8 text.", line) from None


class _Document:
    """The file as values, with the line of every key: lines[("brushes", "ink_black", "color")]."""

    def __init__(self, text: str) -> None:
        self.lines: dict[tuple[str, ...], int] = {}
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            top = self._value(node, ())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise _Broken(f"It is not YAML: {error.problem}.", line) from None
        except (yaml.YAMLError, RecursionError):
            raise _Broken("It is not YAML.", 1) from None
        self.top = self._mapping(top, ("license", "media", "brushes"), "file", ())
        self.media = self._mapping(self.top.get("media", {}), None, "list of media", ("media",))
        brushes = self.top.get("brushes", {})
        self.brushes = self._mapping(brushes, None, "list of brushes", ("brushes",))
        if not self.brushes:
            raise self._broken("It lists no brushes.", ("brushes",))

    def library_brush(self, name: str, folder: Path) -> LibraryBrush:
        """One brush, its medium's numbers below its own."""
        where = ("brushes", name)
        if not _NAME.fullmatch(name):
            raise self._broken("A name has lower case letters, digits and underscores.", where)
        entry = self._mapping(self.brushes[name], _BRUSH_KEYS, "brush", where)
        medium = entry.get("medium")
        if medium not in self.media:
            raise self._broken(f"There is no medium {_shown(medium)}.", (*where, "medium"))
        base_at = ("media", str(medium))
        base = self._mapping(self.media[medium], _MEDIUM_KEYS, "medium", base_at)
        kind = base.get("kind")
        if kind not in KINDS:
            raise self._broken(f"There is no kind {_shown(kind)}.", (*base_at, "kind"))
        title, terms = entry.get("title"), entry.get("license", self.top.get("license"))
        for key, value in (("title", title), ("license", terms or DEFAULT_LICENSE)):
            if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_TITLE_CHARACTERS:
                limit = f"1 to {MAX_TITLE_CHARACTERS} characters"
                raise self._broken(f"The {key} must be {limit}.", (*where, key))
        groups = {
            group: of_type(
                **{
                    **self._group(base.get(group, {}), group, of_type, base_at),
                    **self._group(entry.get(group, {}), group, of_type, where),
                }
            )
            for group, of_type in _GROUPS.items()
        }
        wide_at = where if "width_px" in entry else base_at
        width = entry.get("width_px", base.get("width_px", 2.2))
        brush = Brush(
            kind=kind,
            color=self._color(entry.get("color"), where),
            width_px=self._number(width, (0.5, MAX_WIDTH_PX), (*wide_at, "width_px")),
            **groups,
        )
        return LibraryBrush(
            name=name,
            title=str(title).strip(),
            medium=str(medium),
            brush=brush,
            license=str(terms or DEFAULT_LICENSE).strip(),
            preview=folder / f"{name}.png",
        )

    def _group(
        self, values: Any, group: str, of_type: type, where: tuple[str, ...]
    ) -> dict[str, Any]:
        known = tuple(f.name for f in fields(of_type))
        found = self._mapping(values, known, group, (*where, group))
        for key, value in found.items():
            at = (*where, group, key)
            if key == "shape":
                if value not in NIB_SHAPES:
                    raise self._broken(f"There is no nib {_shown(value)}.", at)
            else:
                found[key] = self._number(value, _RANGES.get((group, key), (0, 1)), at)
        return found

    def _color(self, value: Any, where: tuple[str, ...]) -> tuple[float, float, float]:
        if not isinstance(value, str) or not _COLOR.fullmatch(value):
            told = f'A color is written "#1d3fa6". Received: {_shown(value)}.'
            raise self._broken(told, (*where, "color"))
        red, green, blue = (int(value[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return red, green, blue

    def _number(self, value: Any, limits: tuple[float, float], where: tuple[str, ...]) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not limits[0] <= value <= limits[1]:
            told = f"{where[-1]} must be {limits[0]:g} to {limits[1]:g}. Received: {_shown(value)}."
            raise self._broken(told, where)
        return float(value)

    def _mapping(
        self, value: Any, known: tuple[str, ...] | None, what: str, where: tuple[str, ...]
    ) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self._broken(f"The {what} must be names with values.", where)
        for key in value:
            if known is not None and key not in known:
                raise self._broken(f"A {what} has no {_shown(key)}.", (*where, str(key)))
        return dict(value)

    def _broken(self, message: str, where: tuple[str, ...]) -> _Broken:
        while where and where not in self.lines:
            where = where[:-1]
        return _Broken(message, self.lines.get(where, 1))

    def _value(self, node: yaml.Node | None, where: tuple[str, ...]) -> Any:
        """The value of a node; remembers lines, and follows no anchors and no tags."""
        if len(where) > 5:
            raise _Broken("It is nested too deeply.", node.start_mark.line + 1 if node else 1)
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            found = {}
            for key_node, value_node in node.value:
                key = str(getattr(key_node, "value", ""))
                line = key_node.start_mark.line + 1
                if key in found:
                    raise _Broken(f"{_shown(key)} is written twice.", line)
                self.lines[(*where, key)] = line
                found[key] = self._value(value_node, (*where, key))
            return found
        if isinstance(node, yaml.ScalarNode) and node.tag.startswith("tag:yaml.org,2002:"):
            return yaml.safe_load(node.value) if node.style is None else node.value
        raise _Broken("A name with one value is expected.", node.start_mark.line + 1 if node else 1)


def _shown(value: object) -> str:
    return repr(str(value)[:40])
