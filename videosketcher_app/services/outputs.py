"""Drawing: the result of a run, and the folder of files it leaves, published whole or not at all.

Legend: T frames, H/W canvas pixels.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app import __version__
from videosketcher_app.core.errors import CannotWrite, InvalidRequest
from videosketcher_app.core.plan import DrawingPlan, parse_plan
from videosketcher_app.core.requests import SketchRequest, parse_request_json, refuse_unknown
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.storage import atomic, media, paths

CONFIG_FORMAT = 1
STOPPED_SUFFIX = "_stopped"  # the whole sketch has the plain name, whichever comes first
MAX_NAME_BYTES = 120  # leaves room for a prefix, the seed and the files' endings
CONFIG_KEYS: dict[str, None] = dict.fromkeys(
    ("format", "request", "plan", "model", "settings", "loras", "rerender")
)


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """Which weights drew: the catalogue's name and sha256 by file name."""

    name: str
    hashes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A sketch that somebody stopped and kept.

    Attributes:
        step: denoising steps that were done.
        num_steps: denoising steps of the whole sketch.
    """

    step: int
    num_steps: int


def stopped_of(settings: Mapping[str, Any]) -> Stopped | None:
    """Where a sketch with these settings was stopped; None for a whole one.

    The settings of a file may be anybody's: what is no count of steps says nothing.
    """
    step, num_steps = settings.get("stopped_after"), settings.get("num_inference_steps")
    if type(step) is int and type(num_steps) is int and 0 < step < num_steps:
        return Stopped(step=step, num_steps=num_steps)
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """What a request came to.

    Attributes:
        frames: (T, H, W, 3) uint8, composited: ink never disappears, paper is white.
        raw_frames: (T, H, W, 3) uint8 as the model decoded them.
        planned: the plan in display and model words, and who made it.
        model: the weights.
        settings: every value that the request left open.
        run: dates, timings in seconds, device and versions; differs between equal runs.
        folder: where it was published; None if it was not.
    """

    frames: NDArray[np.uint8]
    raw_frames: NDArray[np.uint8]
    request: SketchRequest
    planned: PlannedDrawing
    model: ModelRecord
    settings: Mapping[str, Any] = field(default_factory=dict)
    loras: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def plan(self) -> DrawingPlan:
        """The plan in display words."""
        return self.planned.plan

    @property
    def stopped(self) -> Stopped | None:
        """Where somebody stopped it; None if it is whole."""
        return stopped_of(self.settings)

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The finished drawing (H, W, 3)."""
        return self.frames[-1]

    @cached_property
    def strokes(self) -> Sketch:
        """The drawing as timed strokes, recovered from the frames when first asked for."""
        from videosketcher_app.data.recover import recover_sketch

        frames = self.frames
        if self.request.brush is not None:  # the brush box is no stroke
            from videosketcher_app.engines.brush_frames import without_box

            frames = without_box(frames)
        names = [part.name for part in self.plan.parts]
        return recover_sketch(frames, part_names=names, fps=self.request.fps)

    @property
    def files(self) -> dict[str, Path]:
        """Published files by kind ("mp4", "png", "svg", "config", "run", "gif")."""
        if self.folder is None:
            return {}
        names = file_names(self.folder.name)
        return {kind: self.folder / name for kind, name in names.items() if self._has(name)}

    def save(self, folder: Path | str, *, gif: bool = False) -> Drawing:
        """Writes the files below `folder`, in a folder named after the concept.

        Raises:
            CannotWrite: the folder cannot be written; nothing is left half-written.
        """
        return publish(self, Path(folder), gif=gif)

    def _has(self, name: str) -> bool:
        return self.folder is not None and (self.folder / name).is_file()


def file_names(name: str) -> dict[str, str]:
    """The files of a run named `name`, by kind."""
    return {
        "mp4": f"{name}.mp4",
        "png": f"{name}.png",
        "svg": f"{name}.svg",
        "config": f"{name}_config.json",
        "run": f"{name}_run.json",
        "gif": f"{name}.gif",
    }


def folder_name(plan: DrawingPlan) -> str:
    """The concept as a name that every system can hold: "a cat" -> "cat"."""
    name = paths.slug(plan.slug)
    while len(name.encode("utf-8")) > MAX_NAME_BYTES:
        name = name[:-1].rstrip("_")
    return name


def publish(drawing: Drawing, output_dir: Path, *, prefix: str = "", gif: bool = False) -> Drawing:
    """Writes all files of a drawing into one folder that appears complete.

    The folder is `<prefix><slug of the concept>`, with `_stopped` behind it for a sketch that was
    stopped early, or another name if that holds another request.

    Raises:
        CannotWrite: the folder cannot be written; what was there before is untouched.
    """
    config = config_of(drawing)
    name = prefix + folder_name(drawing.plan) + (STOPPED_SUFFIX if drawing.stopped else "")
    folder = paths.run_folder(output_dir, name, seed=drawing.request.seed, config=config)
    with atomic.publish_folder(folder) as temporary:
        write_files(drawing, temporary, name=folder.name, config=config, gif=gif)
    saved = replace(drawing, folder=folder)
    saved.__dict__["strokes"] = drawing.strokes  # recovered once
    return saved


def prepare(output_dir: Path) -> None:
    """Makes the folder of all runs, and removes what a killed process left half-written in it.

    Raises:
        CannotWrite: it cannot be written; said before any work is done.
    """
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output_dir):
            pass
    except OSError as error:
        raise CannotWrite(
            f"The folder {output_dir} cannot be written: {error.strerror or error}.",
            hint="Choose another folder with --output-dir, or change its permissions.",
        ) from error
    atomic.sweep_leftovers(output_dir)


def write_files(
    drawing: Drawing, folder: Path, *, name: str, config: Mapping[str, Any], gif: bool
) -> None:
    """Writes the files of design 5 under `name` into an existing folder."""
    from videosketcher_app.data.svg import svg_text

    files = {kind: folder / file_name for kind, file_name in file_names(name).items()}
    fps, comment = drawing.request.fps, config_text(config)
    media.write_video(files["mp4"], drawing.frames, fps=fps, comment=comment)
    media.write_png(files["png"], drawing.picture, comment=comment)
    svg = svg_text(drawing.strokes, description=str(drawing.plan), metadata=config)
    atomic.write_text(files["svg"], svg)
    if gif:
        media.write_gif(
            files["gif"], drawing.frames, fps=fps, finished_HW3=drawing.picture, comment=comment
        )
    atomic.write_json(files["config"], dict(config))
    atomic.write_json(files["run"], dict(drawing.run))


def config_of(drawing: Drawing) -> dict[str, Any]:
    """Everything that decides what the files hold; equal runs have equal configs. No dates."""
    return {
        "format": CONFIG_FORMAT,
        "request": drawing.request.to_mapping(),
        "plan": {
            "concept": drawing.plan.concept,
            "text": str(drawing.plan),
            "model_text": drawing.request.model_text(drawing.planned.model_plan),
            "model_plan": str(drawing.planned.model_plan),
            "planner": drawing.planned.planner,
            "note": drawing.planned.note,
            "taught": drawing.planned.taught,
        },
        "model": {"name": drawing.model.name, "files": dict(drawing.model.hashes)},
        "loras": dict(drawing.loras),
        "settings": dict(drawing.settings),
    }


def config_text(config: Mapping[str, Any]) -> str:
    """A config as the one line that files carry inside; equal configs give equal text."""
    return json.dumps(config, ensure_ascii=False, sort_keys=True, allow_nan=False)


def read_request(text: str) -> tuple[SketchRequest, PlannedDrawing | None]:
    """What `--request FILE` replays: a bare request, or a run's config with the plan it used.

    Raises:
        InvalidRequest: the text is neither.
    """
    return read_config(parse_request_json(text))


def read_config(values: Mapping[str, Any]) -> tuple[SketchRequest, PlannedDrawing | None]:
    """The same of the parsed JSON.

    Raises:
        InvalidRequest: the values are neither a request nor a config of this format.
    """
    if "request" not in values:
        return SketchRequest.from_mapping(values), None
    found = values.get("format", CONFIG_FORMAT)
    if found != CONFIG_FORMAT:
        raise InvalidRequest(
            f"These settings have format {str(found)[:20]!r}; this app reads {CONFIG_FORMAT}.",
            hint="Open them with the version of the app that wrote them, or a newer one.",
        )
    refuse_unknown(values, CONFIG_KEYS)
    request = SketchRequest.from_mapping(values["request"])
    plan = values.get("plan")
    if not isinstance(plan, dict):
        return request, None
    planned = PlannedDrawing(
        plan=parse_plan(str(plan.get("text", ""))),
        model_plan=parse_plan(str(plan.get("model_plan", plan.get("text", "")))),
        planner=str(plan.get("planner", "")),
        note=str(plan.get("note", "")),
        taught=plan.get("taught") is True,
    )
    return request, planned


def run_record(
    *, started: str, timings: Mapping[str, float], device: str, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """The contents of _run.json: what may differ between equal runs."""
    return {
        "started": started,
        "seconds": {name: round(float(value), 4) for name, value in timings.items()},
        "device": device,
        "version": __version__,
        **extra,
    }
