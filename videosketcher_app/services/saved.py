"""SavedDrawing: a published folder opened again, with its request, its strokes and its timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import SketchRequest, parse_request_json
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.services.changes import read_changes, shown_plan
from videosketcher_app.services.outputs import Stopped, file_names, read_config, stopped_of
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.storage import bounded

CONFIG_ENDING = "_config.json"
NEEDED = ("mp4", "png", "svg", "config")
MAX_CONFIG_BYTES = 1_000_000
MAX_SVG_BYTES = 20_000_000
_HINT = "Open a folder that this app wrote, or draw it again."


@dataclass(frozen=True, kw_only=True)
class PartSpan:
    """When one part of the plan is drawn.

    Attributes:
        index: of the part in the plan, from 0.
        name: as the plan calls it.
        start_s, end_s: seconds in the clip; a span ends where the next one starts.
    """

    index: int
    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class SavedDrawing:
    """A finished drawing on disk; made by `open_saved`.

    Attributes:
        folder: its folder.
        name: what its files' names begin with; the folder's name unless somebody renamed that.
        request: what was asked for.
        planned: the plan that was drawn.
        config: the whole contents of its _config.json.
        files: paths by kind ("mp4", "png", "svg", "config", and "run", "gif" if they are there).
    """

    folder: Path
    name: str
    request: SketchRequest
    planned: PlannedDrawing
    config: Mapping[str, Any]
    files: Mapping[str, Path]

    @cached_property
    def plan(self) -> DrawingPlan:
        """The plan in display words, its parts in the order in which this clip draws them.

        Differs from `planned.plan` where the drawing was rendered again in another order.
        """
        return shown_plan(self.planned.plan, read_changes(self.config))

    @cached_property
    def model_plan(self) -> DrawingPlan:
        """The same in the words that the model reads."""
        return shown_plan(self.planned.model_plan, read_changes(self.config))

    @property
    def stopped(self) -> Stopped | None:
        """Where somebody stopped it; None if it is whole."""
        settings = self.config.get("settings")
        return stopped_of(settings) if isinstance(settings, dict) else None

    @cached_property
    def strokes(self) -> Sketch:
        """The timed strokes of the SVG, read when first asked for.

        Raises:
            InvalidFile: the SVG is damaged or was replaced.
        """
        from videosketcher_app.data.svg import read_svg

        return read_svg(bounded.read_text(self.files["svg"], max_bytes=MAX_SVG_BYTES, what="SVG"))

    @cached_property
    def timeline(self) -> tuple[PartSpan, ...]:
        """The parts that were drawn, in drawing order, covering the clip from 0 to its end.

        Raises:
            InvalidFile: see `strokes`.
        """
        return part_timeline(self.strokes)


def open_saved(folder: Path) -> SavedDrawing:
    """Opens the folder of a published drawing.

    Raises:
        InvalidFile: there is no such folder, it holds no drawing, or a file of it is missing or
            damaged; the message names the file.
    """
    config_file = _config_file(folder)
    name = config_file.name.removesuffix(CONFIG_ENDING)
    text = bounded.read_text(config_file, max_bytes=MAX_CONFIG_BYTES, what="file of settings")
    try:
        config = parse_request_json(text)
        request, planned = read_config(config)
        read_changes(config)
    except AppError as error:
        raise InvalidFile(
            f"The file {config_file.name} of this drawing is damaged: {error.message}", hint=_HINT
        ) from error
    if planned is None:
        raise InvalidFile(f"The file {config_file.name} holds no plan.", hint=_HINT)
    files = {kind: folder / file for kind, file in file_names(name).items()}
    files = {kind: path for kind, path in files.items() if path.is_file()}
    missing = [file_names(name)[kind] for kind in NEEDED if kind not in files]
    if missing:
        raise InvalidFile(f"The drawing {name} lacks its file {missing[0]}.", hint=_HINT)
    return SavedDrawing(
        folder=folder, name=name, request=request, planned=planned, config=config, files=files
    )


def part_timeline(sketch: Sketch) -> tuple[PartSpan, ...]:
    """Spans of the parts that have strokes, by their first stroke, without gaps or overlap.

    The first span starts at 0 and the last ends with the clip. A sketch without strokes is one
    span.
    """
    end = float(sketch.num_frames)
    first: dict[int, float] = {}
    for stroke in sketch.strokes:
        first[stroke.part] = min(first.get(stroke.part, end), max(0.0, stroke.start))
    order = sorted(first, key=lambda part: (first[part], part)) or [0]
    starts = [0.0, *(min(first[part], end) for part in order[1:])]
    return tuple(
        PartSpan(
            index=part,
            name=_part_name(sketch, part),
            start_s=start / sketch.fps,
            end_s=stop / sketch.fps,
        )
        for part, (start, stop) in zip(order, pairwise([*starts, end]), strict=True)
    )


def _part_name(sketch: Sketch, part: int) -> str:
    return sketch.part_names[part] if part < len(sketch.part_names) else str(part + 1)


def _config_file(folder: Path) -> Path:
    """The one file of settings in the folder; the one named after it if there are several."""
    if not folder.is_dir():
        raise InvalidFile(f"There is no drawing named {folder.name!r}.", hint=_HINT)
    own = folder / f"{folder.name}{CONFIG_ENDING}"
    found = [own] if own.is_file() else sorted(folder.glob(f"*{CONFIG_ENDING}"))
    if len(found) != 1:
        raise InvalidFile(
            f"The folder {folder.name!r} holds no finished drawing: "
            f"{'no' if not found else 'more than one'} file ends in {CONFIG_ENDING}.",
            hint=_HINT,
        )
    return found[0]
