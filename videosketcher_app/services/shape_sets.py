"""Synthetic sets for learning to draw: clips of the grammar with their plans, of any number.

    plain    metadata_random_shapes.csv, video/000000.mp4, ...
    styled   metadata_random_shapes_styles.csv, style_train_path.txt, name_map.yaml,
             marker/blue/000000.mp4, ...    every drawing in every brush, from its brush box on

Drawing number i of a seed is the same on every machine, so a set can be gone on with, made longer
and made in several places. `shapes.json` holds what was asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import DEFAULT_FPS, DEFAULT_NUM_FRAMES
from videosketcher_app.data.metadata import SUFFIXES, write_metadata
from videosketcher_app.data.name_maps import (
    NAME_MAP,
    STYLE_LIST,
    NameMap,
    write_name_map,
    write_styles,
)
from videosketcher_app.storage import atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videosketcher_app.data.brushes.model import Brush
    from videosketcher_app.data.datasets import SketchMix
    from videosketcher_app.data.grammar.compose import Composition

SETTINGS_FILE = "shapes.json"
PLAIN_FOLDER = "video"
SOURCES = ("shapes", "concepts", "all")
ALL_STYLES = "all"
MAX_COUNT = 1_000_000
MAX_SIDE_PX, MAX_FRAMES = 2048, 1001
Told = Callable[[int, int], None]  # clips done, clips in all


@dataclass(frozen=True, kw_only=True)
class ShapeSettings:
    """What decides every byte of a set but its length.

    Attributes:
        source: "shapes" at named places, "concepts" of the grammar, or "all" that models learn.
        styles: brushes of the shelf, "marker_blue", each also in another color,
            "marker_blue:#1d3fa6"; "all" is the whole shelf; none makes a plain set.
        layout: of the table, a suffix: "csv", "json" or "jsonl".
    """

    seed: int = 0
    source: str = "shapes"
    styles: tuple[str, ...] = ()
    layout: str = "csv"
    width: int = 432
    height: int = 240
    num_frames: int = DEFAULT_NUM_FRAMES
    fps: int = DEFAULT_FPS

    def __post_init__(self) -> None:
        sides_are_good = all(
            48 <= side <= MAX_SIDE_PX and side % 2 == 0 for side in (self.width, self.height)
        )
        for is_good, told, fix in (
            (self.source in SOURCES, f"source={self.source!r}", f"Use {', '.join(SOURCES)}."),
            (f".{self.layout}" in SUFFIXES, f"layout={self.layout!r}", "Use csv, json or jsonl."),
            (sides_are_good, f"{self.width}x{self.height} px", "Use even sides from 48 to 2048."),
            (5 <= self.num_frames <= MAX_FRAMES, f"{self.num_frames} frames", "Use 5 to 1001."),
            (1 <= self.fps <= 120, f"{self.fps} frames a second", "Use 1 to 120."),
            (self.seed >= 0, f"seed={self.seed}", "Use 0 or more."),
        ):
            if not is_good:
                raise InvalidRequest(f"No set can be made like this. Received: {told}", hint=fix)


@dataclass(kw_only=True)
class ShapeReport:
    """What a run came to: clips written now, and clips that were there already."""

    made: int = 0
    kept: int = 0
    table: Path = field(default_factory=Path)


def make_shapes(
    target: Path, count: int, settings: ShapeSettings, *, told: Told | None = None
) -> ShapeReport:
    """Makes a set of `count` drawings, or what is missing of it.

    Raises:
        InvalidRequest: there is another set in the folder, no such brush, or no such number.
        CannotWrite: the folder cannot be written; what is finished stays.
    """
    from videosketcher_app.data.datasets import SketchSource, held_out

    if not 1 <= count <= MAX_COUNT:
        raise InvalidRequest(
            f"A set has 1 to {MAX_COUNT:,} drawings. Received: {count:,}", hint="Try 1000."
        )
    painters = _painters(settings)
    _claim(target, settings)
    source = SketchSource(_mix(settings), settings.seed, reject=held_out)
    report, rows = ShapeReport(), []
    names = [f"{index:06d}.mp4" for index in range(count)]
    for index, name in enumerate(names):
        composition = source(index)
        rows.append((name, _prompt(composition, styled=bool(settings.styles))))
        for folder, frames_of in painters.items():
            clip = target / folder / name
            if clip.is_file():
                report.kept += 1
            else:
                _write_clip(clip, frames_of(composition, index), settings.fps)
                report.made += 1
        if told:
            told(index + 1, count)
    report.table = _write_tables(target, rows, list(painters), settings)
    return report


FramesOf = Callable[["Composition", int], Iterator["NDArray[np.uint8]"]]


def _painters(settings: ShapeSettings) -> dict[str, FramesOf]:
    """What makes the clips of every folder."""
    from videosketcher_app.data.frame_stream import stream_frames

    if not settings.styles:
        return {PLAIN_FOLDER: lambda composition, _: stream_frames(composition.sketch)}
    return {
        f"{brush_name}/{color_name}": _brush_painter(brush, settings)
        for brush_name, color_name, brush in _styles(settings.styles)
    }


def _brush_painter(brush: Brush, settings: ShapeSettings) -> FramesOf:
    from videosketcher_app.data.brushes.boxed import boxed_frames

    return lambda composition, index: boxed_frames(
        composition.sketch, brush, seed=settings.seed + index
    )


def _styles(wanted: Sequence[str]) -> list[tuple[str, str, Brush]]:
    """Names of brush and color, and the brush itself, of every wanted style."""
    from videosketcher_app.data.brushes.boxed import brush_called
    from videosketcher_app.data.brushes.library import load_brushes

    shelf, _ = load_brushes()
    names = [name for style in wanted for name in (shelf if style == ALL_STYLES else (style,))]
    named = [brush_called(name) for name in names]
    return [
        (*folder, brush) for folder, brush in {(b.kind, b.color): b.brush for b in named}.items()
    ]


def _mix(settings: ShapeSettings) -> SketchMix:
    from videosketcher_app.data.datasets import SketchMix

    shares = {
        "shapes": {"concepts": 0.0, "primitives": 1.0},
        "concepts": {"concepts": 1.0, "primitives": 0.0},
        "all": {},
    }[settings.source]
    return SketchMix(
        **shares,
        width_px=settings.width,
        height_px=settings.height,
        num_frames=settings.num_frames,
    )


def _prompt(composition: Composition, *, styled: bool) -> str:
    from videosketcher_app.data.brushes.clause import with_clause

    text = str(composition.plan)
    return with_clause(text) if styled else text


def _write_clip(path: Path, frames: Iterator[NDArray[np.uint8]], fps: int) -> None:
    from videosketcher_app.storage.media import write_video

    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, frames, fps=fps)


def _write_tables(
    target: Path, rows: list[tuple[str, str]], folders: list[str], settings: ShapeSettings
) -> Path:
    stem = "metadata_random_shapes_styles" if settings.styles else "metadata_random_shapes"
    table = target / f"{stem}.{settings.layout}"
    write_metadata(table, rows)
    if settings.styles:
        brushes, colors = zip(*(folder.split("/") for folder in folders), strict=True)
        words = {
            "color": {name: _color_words(name) for name in colors},
            "brush": {name: name.replace("_", " ") for name in brushes},
        }
        write_name_map(target / NAME_MAP, NameMap(words=words))
        write_styles(target / STYLE_LIST, folders)
    return table


def _color_words(name: str) -> str:
    return f"#{name}" if re.fullmatch(r"[0-9a-f]{6}", name) else name.replace("_", " ")


def _claim(target: Path, settings: ShapeSettings) -> None:
    """Notes the settings in a new folder; refuses one that holds another set.

    Raises:
        InvalidRequest: it does.
    """
    values: dict[str, Any] = {**vars(settings), "styles": list(settings.styles)}
    path = target / SETTINGS_FILE
    if path.is_file():
        try:
            held = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            held = None
        if held != values:
            raise InvalidRequest(
                f"The folder {target.name} holds a set with other settings.",
                hint=f"Give another folder, or the settings in its {SETTINGS_FILE}.",
            )
    elif target.is_dir() and any(target.iterdir()):
        raise InvalidRequest(
            f"The folder {target.name} is not empty.", hint="Give a new folder for the set."
        )
    else:
        target.mkdir(parents=True, exist_ok=True)
        atomic.write_json(path, values)
