"""Exports: what a finished drawing can become, made when asked for and kept beside it.

Files lie in the folder `exports` of the drawing. They are no part of the run: they can be made
again, and the same drawing gives the same bytes.
"""

from __future__ import annotations

import reprlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.retime import Retiming
from videosketcher_app.services.changes import DEFAULT_HEIGHT_PX, check_height
from videosketcher_app.services.clip_source import (
    Clip,
    StrokeCheck,
    clip_of,
    stroke_check,
)
from videosketcher_app.services.outputs import config_text
from videosketcher_app.services.saved import SavedDrawing, open_saved
from videosketcher_app.storage import archive, atomic, media
from videosketcher_app.storage.metadata import pdf_keyword

FOLDER = "exports"
NAMELESS = "sketch"  # what files are called that must not say what they show
GIF_HEIGHT_PX = 480  # a GIF of more is too large to send
KINDS = ("mp4", "mp4_raw", "gif", "png", "svg", "lesson", "config", "zip")
PAPERS = ("a4", "letter")


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """One thing that a drawing can become.

    Attributes:
        kind: as `ExportService.export` takes it.
        label_key: of its name in the table of texts.
        ready: True if the file lies there already with the default settings.
    """

    kind: str
    label_key: str
    ready: bool


@dataclass(frozen=True, kw_only=True)
class _Order:
    """One export as asked for: the drawing, what of it, and how."""

    saved: SavedDrawing
    height_px: int
    hold_s: float
    speed: float
    keep_prompt: bool
    paper: str
    cancel: CancelToken

    @property
    def comment(self) -> str | None:
        """What the file carries inside."""
        return config_text(self.saved.config) if self.keep_prompt else None

    @property
    def stem(self) -> str:
        """What the file's name begins with."""
        return self.saved.name if self.keep_prompt else NAMELESS

    @property
    def pace(self) -> str:
        """Marks a file whose times differ from the drawing's."""
        hold = f"_hold{self.hold_s:g}s" if self.hold_s else ""
        return hold + (f"_x{self.speed:g}" if self.speed != 1 else "")


class ExportService:
    """Makes exports on the calling thread.

    Args:
        keep_prompts: what files carry if an export does not say: the prompt and the plan, or
            nothing that tells what was asked for.
    """

    def __init__(self, *, keep_prompts: bool = True) -> None:
        self._keep_prompts = keep_prompts
        self._makers: dict[str, Callable[[_Order], Path]] = {
            "mp4": _video,
            "mp4_raw": _raw_video,
            "gif": _gif,
            "png": _png,
            "svg": _svg,
            "lesson": _lesson,
            "config": _config,
            "zip": self._zip,
        }

    def formats(self, folder: Path) -> tuple[ExportFormat, ...]:
        """All kinds, for the menu of downloads.

        Raises:
            InvalidFile: the folder holds no drawing.
        """
        name = open_saved(folder).name
        place = folder / FOLDER
        there = {path.name for path in place.iterdir()} if place.is_dir() else set()
        return tuple(
            ExportFormat(
                kind=kind,
                label_key=f"exports.{kind}",
                ready=bool(there & _default_names(name, kind)),
            )
            for kind in KINDS
        )

    def check(self, folder: Path) -> StrokeCheck:
        """Whether the strokes are the drawing, so that exports are rendered from them.

        Raises:
            InvalidFile: the folder holds no drawing.
        """
        return stroke_check(open_saved(folder))

    def export(
        self,
        folder: Path,
        kind: str,
        *,
        height_px: int = DEFAULT_HEIGHT_PX,
        hold_s: float = 0.0,
        speed: float = 1.0,
        keep_prompt: bool | None = None,
        paper: str = "a4",
        cancel: CancelToken | None = None,
    ) -> Path:
        """The exported file; an export that was made before is not made again.

        Video, GIF and picture are rendered from the strokes if `check` passes. If not, they are
        the frames, scaled, and their names end in "_frames".

        Args:
            kind: one of KINDS.
            height_px: of mp4 and png; a GIF has at most 480.
            hold_s: seconds to wait at the end of every part (mp4, gif, svg).
            speed: 2 draws twice as fast (mp4, gif, svg).
            keep_prompt: False leaves request, plan and concept out of the file and its name.
            paper: of the lesson, "a4" or "letter".
            cancel: looked at before every frame.

        Raises:
            InvalidRequest: a value is not possible, or this drawing cannot become that.
            InvalidFile: the folder holds no drawing, or it is damaged.
            CannotWrite: the folder cannot be written; nothing is left half-written.
            Cancelled: somebody stopped it.
        """
        if kind not in KINDS:
            raise InvalidRequest(
                f"There is no export {reprlib.repr(kind)}.",
                hint=f"Choose one of: {', '.join(KINDS)}.",
            )
        if paper not in PAPERS:
            raise InvalidRequest(
                f"There is no paper {reprlib.repr(paper)}.", hint="Choose a4 or letter."
            )
        check_height(height_px)
        Retiming(speed=speed, holds_s={0: hold_s})  # refuses what is not possible
        order = _Order(
            saved=open_saved(folder),
            height_px=height_px,
            hold_s=float(hold_s),
            speed=float(speed),
            keep_prompt=self._keep_prompts if keep_prompt is None else keep_prompt,
            paper=paper,
            cancel=cancel or CancelToken(),
        )
        order.cancel.raise_if_cancelled()
        return self._makers[kind](order)

    def _zip(self, order: _Order) -> Path:
        left_out = {"zip"}
        if not order.keep_prompt:
            left_out.add("config")
        if not order.saved.strokes.strokes:
            left_out.add("lesson")
        kinds = [kind for kind in KINDS if kind not in left_out]
        path = _place(order, f"{order.stem}{_size(order)}{order.pace}{_private(order)}_all.zip")
        if not path.exists():
            files = [self._makers[kind](order) for kind in kinds]
            archive.write_zip(path, {f"{order.stem}/{file.name}": file for file in files})
        return path


def _video(order: _Order) -> Path:
    clip = _clip(order)
    path = _place(order, f"{order.stem}{_size(order)}{order.pace}{clip.mark}{_private(order)}.mp4")
    if not path.exists():
        media.write_video(path, clip.frames(), fps=clip.fps, comment=order.comment)
    return path


def _raw_video(order: _Order) -> Path:
    path = _place(order, f"{order.stem}_raw{_private(order)}.mp4")
    if not path.exists():
        media.copy_video(order.saved.files["mp4"], path, comment=order.comment)
    return path


def _gif(order: _Order) -> Path:
    clip = _clip(order, min(order.height_px, GIF_HEIGHT_PX))
    size = f"_{min(order.height_px, GIF_HEIGHT_PX)}p"
    path = _place(order, f"{order.stem}{size}{order.pace}{clip.mark}{_private(order)}.gif")
    if not path.exists():
        media.write_gif(
            path,
            clip.frames(),
            fps=clip.fps,
            finished_HW3=clip.finished(),
            comment=order.comment,
        )
    return path


def _png(order: _Order) -> Path:
    clip = _clip(order)
    path = _place(order, f"{order.stem}{_size(order)}{clip.mark}{_private(order)}.png")
    if not path.exists():
        media.write_png(path, clip.finished(), comment=order.comment)
    return path


def _svg(order: _Order) -> Path:
    from videosketcher_app.data.svg import svg_text

    path = _place(order, f"{order.stem}{order.pace}{_private(order)}.svg")
    if path.exists():
        return path
    saved = order.saved
    if order.keep_prompt and not order.pace:
        return _copied(saved.files["svg"], path)
    clip = _clip(order)
    if order.keep_prompt:
        text = svg_text(clip.sketch, description=str(saved.plan), metadata=dict(saved.config))
    else:
        text = svg_text(clip.anonymous_sketch)
    atomic.write_text(path, text)
    return path


def _lesson(order: _Order) -> Path:
    from videosketcher_app.data.lesson import lesson_steps
    from videosketcher_app.data.lesson_pdf import lesson_pdf

    path = _place(order, f"{order.stem}_lesson_{order.paper}{_private(order)}.pdf")
    if path.exists():
        return path
    saved, sketch = order.saved, order.saved.strokes
    if not sketch.strokes:
        raise InvalidRequest(
            "No strokes were found in this drawing, so there is no lesson in it.",
            hint="Draw it again, or with another model.",
        )
    plan = saved.plan if order.keep_prompt else None
    pdf = lesson_pdf(
        lesson_steps(sketch, plan, saved.model_plan if plan else None),
        concept=plan.concept if plan else "",
        plain_concept=saved.model_plan.concept if plan else "",
        canvas_px=(sketch.width_px, sketch.height_px),
        paper="letter" if order.paper == "letter" else "a4",
        keyword=pdf_keyword(order.comment) if order.comment else "",
    )
    atomic.write_bytes(path, pdf)
    return path


def _config(order: _Order) -> Path:
    if not order.keep_prompt:
        raise InvalidRequest(
            "The settings of a drawing are its prompt.", hint="Export them with the prompt."
        )
    source = order.saved.files["config"]
    path = _place(order, source.name)
    return path if path.exists() else _copied(source, path)


def _copied(source: Path, path: Path) -> Path:
    with atomic.replacing(path) as temporary:
        shutil.copyfile(source, temporary)
    return path


def _clip(order: _Order, height_px: int | None = None) -> Clip:
    return clip_of(
        order.saved,
        height_px=height_px or order.height_px,
        hold_s=order.hold_s,
        speed=order.speed,
        cancel=order.cancel,
    )


def _place(order: _Order, name: str) -> Path:
    return order.saved.folder / FOLDER / name


def _size(order: _Order) -> str:
    return f"_{order.height_px}p"


def _private(order: _Order) -> str:
    """Marks a file that tells nothing of the prompt, so that it is not taken for the other."""
    return "" if order.keep_prompt else "_private"


def _default_names(name: str, kind: str) -> set[str]:
    """The names under which an export with default settings may lie."""
    size = f"_{DEFAULT_HEIGHT_PX}p"
    names = {
        "mp4": {f"{name}{size}{mark}.mp4" for mark in ("", "_frames")},
        "mp4_raw": {f"{name}_raw.mp4"},
        "gif": {f"{name}_{GIF_HEIGHT_PX}p{mark}.gif" for mark in ("", "_frames")},
        "png": {f"{name}{size}{mark}.png" for mark in ("", "_frames")},
        "svg": {f"{name}.svg"},
        "lesson": {f"{name}_lesson_a4.pdf"},
        "config": {f"{name}_config.json"},
        "zip": {f"{name}{size}_all.zip"},
    }
    return names[kind]
