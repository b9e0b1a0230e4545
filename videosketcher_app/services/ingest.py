"""Bringing other people's drawings into a sketchbook: every source a row, good or not.

A source is an SVG, a file of strokes, a recording, a picture, a scan, the folder of a drawing that
this app left, or a folder of any of these. One that cannot be used says why and what to do, and the
rest goes on; a drawing is added whole or not at all. Only the owner of the machine brings drawings.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.errors import AppError, CannotWrite, InvalidFile, InvalidRequest
from videosketcher_app.core.plan import DrawingPlan, is_plan, parse_plan
from videosketcher_app.services.saved import CONFIG_ENDING, open_saved
from videosketcher_app.services.sketchbooks import Sketchbooks
from videosketcher_app.storage import bounded
from videosketcher_app.storage.guarded_media import decode_image, decode_video

if TYPE_CHECKING:
    from videosketcher_app.data.ingest.drawings import IngestedDrawing

VECTORS = (".svg",)
STROKES = (".json", ".ndjson", ".jsonl")
FILMS = (".mp4", ".mov", ".mkv", ".webm", ".avi")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
MOVING_PICTURES = (".gif",)
SUFFIXES = (*VECTORS, *STROKES, *FILMS, *PICTURES, *MOVING_PICTURES)
MAX_SOURCES = 5000
MAX_DEPTH = 4  # of folders in folders
MAX_TEXT_BYTES = 100_000_000
MAX_CAPTION_BYTES = 20_000
MAX_PICTURE_SIDE_PX = 1600
MAX_FILM_SIDE_PX = 960
DECODING_LIMIT_S = 300.0
LEAST_FILM_FRAMES = 8  # a GIF with fewer is a picture

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class IngestRow:
    """What became of one source, or of one drawing in it.

    Attributes:
        source: the file as it was given or found, with the place inside it if it holds several.
        sketch_id: of the new sketch; empty if it could not be used.
        origin: as in a sketchbook ("svg", "recording", ...); empty if it could not be used.
        num_strokes: of the new sketch.
        caption: of the new sketch; empty if the source names none.
        problem: what is wrong; empty if it was added.
        hint: what to do about it.
    """

    source: str
    sketch_id: str = ""
    origin: str = ""
    num_strokes: int = 0
    caption: str = ""
    problem: str = ""
    hint: str = ""


class Ingest:
    """Brings drawings into sketchbooks.

    Args:
        sketchbooks: where they go.
    """

    def __init__(self, sketchbooks: Sketchbooks) -> None:
        self._sketchbooks = sketchbooks

    def bring(
        self,
        sources: Sequence[Path],
        into: str,
        *,
        caption: str = "",
        role: Role = Role.OWNER,
    ) -> Iterator[IngestRow]:
        """Adds what the sources show to a sketchbook, which is made with its first drawing.

        A text file beside a source (`cat.mp4`, `cat.txt`) holds its caption; a caption that is a
        plan also orders the strokes of pictures and scans.

        Args:
            caption: of the sources that name none themselves.

        Raises:
            Forbidden: the role may not do it.
            InvalidRequest: the sketchbook is damaged or full, or its name is impossible.
            CannotWrite: the sketchbook's folder cannot be written.
        """
        require(role, Capability.TRAIN)
        if into in {book.name for book in self._sketchbooks.entries()}:
            flaw = self._sketchbooks.book(into).flaw
            if flaw:
                raise InvalidRequest(
                    f"The sketchbook {into!r} cannot take drawings: {flaw}",
                    hint="Repair it, or choose another name.",
                )
        return self._rows(sources, into, caption, role)

    def _rows(
        self, sources: Sequence[Path], into: str, caption: str, role: Role
    ) -> Iterator[IngestRow]:
        for path in _found(sources):
            if isinstance(path, IngestRow):
                yield path
                continue
            for place, found in _drawings(path, caption):
                source = f"{path}, {place}" if place else str(path)
                yield self._added(source, found, into, role)

    def _added(
        self, source: str, found: IngestedDrawing | AppError, into: str, role: Role
    ) -> IngestRow:
        if isinstance(found, AppError):
            return _refused(source, found)
        if into not in {book.name for book in self._sketchbooks.entries()}:
            self._sketchbooks.create(into, role=role)
        try:
            sketch_id = self._sketchbooks.add(
                into,
                found.strokes,
                width=found.width,
                height=found.height,
                caption=found.caption,
                origin=found.origin,
                role=role,
            )
        except InvalidFile as error:
            return _refused(source, error)
        return IngestRow(
            source=source,
            sketch_id=sketch_id,
            origin=found.origin,
            num_strokes=len(found.strokes),
            caption=found.caption,
        )


def _refused(source: str, error: AppError) -> IngestRow:
    return IngestRow(source=source, problem=error.message, hint=error.hint)


def _found(sources: Sequence[Path]) -> Iterator[Path | IngestRow]:
    """Every file and drawing folder among the sources, or why there is none."""
    count = 0
    for source in sources:
        for path in _below(source, MAX_DEPTH):
            count += 1
            if count > MAX_SOURCES:
                problem = f"More than {MAX_SOURCES:,} files were given."
                yield IngestRow(source=str(path), problem=problem, hint="Bring the rest later.")
                return
            yield path


def _below(source: Path, depth: int) -> Iterator[Path | IngestRow]:
    """The source itself, or what a folder holds; files that are no drawings are passed over."""
    if not source.is_dir():
        yield source
        return
    if _is_drawing_folder(source):
        yield source
        return
    try:
        inside = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    except OSError as error:
        reason = error.strerror or str(error)
        problem = f"This folder cannot be read: {reason}."
        yield IngestRow(source=str(source), problem=problem, hint="Check its permissions.")
        return
    useful = [p for p in inside if p.is_dir() or p.suffix.lower() in SUFFIXES]
    if not useful and depth == MAX_DEPTH:
        problem = "This folder holds no drawings."
        yield IngestRow(source=str(source), problem=problem, hint=_usable())
    for path in useful:
        if path.is_symlink() or (path.is_dir() and depth == 0):
            continue
        yield from _below(path, depth - 1)


def _is_drawing_folder(folder: Path) -> bool:
    """True for the folder that a run of this app leaves."""
    return any(folder.glob(f"*{CONFIG_ENDING}")) and any(folder.glob("*.svg"))


def _drawings(path: Path, caption: str) -> Iterator[tuple[str, IngestedDrawing | AppError]]:
    """What one file or drawing folder shows; an error ends it and is the last thing given."""
    try:
        yield from _read(path, caption)
    except CannotWrite:
        raise
    except AppError as error:
        yield "", error
    except MemoryError:
        yield "", InvalidFile("This file needs too much memory.", hint="Use a smaller one.")
    except Exception:  # one odd file must not end the others' way into the sketchbook
        _log.exception("ingest failed")
        yield (
            "",
            InvalidFile(
                "This file could not be understood.", hint="Save it again, or use another."
            ),
        )


def _read(path: Path, caption: str) -> Iterator[tuple[str, IngestedDrawing | AppError]]:
    from videosketcher_app.data.ingest.drawings import IngestedDrawing

    words = _sidecar(path) or caption
    for place, found in _of_kind(path, words):
        if isinstance(found, IngestedDrawing):
            found = _captioned(found, _sidecar(path) or found.caption or caption)
        yield place, found


def _captioned(drawing: IngestedDrawing, caption: str) -> IngestedDrawing:
    from dataclasses import replace

    return replace(drawing, caption=caption)


def _of_kind(path: Path, words: str) -> Iterator[tuple[str, IngestedDrawing | AppError]]:
    suffix = path.suffix.lower()
    if path.is_dir():
        yield "", _of_run(path)
    elif path.name.endswith(CONFIG_ENDING):
        yield "", _of_run(path.parent)
    elif suffix in VECTORS:
        from videosketcher_app.data.ingest.vectors import read_vectors

        yield "", read_vectors(_text(path, "SVG"))
    elif suffix in STROKES:
        from videosketcher_app.data.ingest.stroke_files import read_stroke_file

        yield from read_stroke_file(_text(path, "file of strokes"))
    elif suffix in FILMS or (suffix in MOVING_PICTURES and _moves(path)):
        yield "", _of_film(path)
    elif suffix in (*PICTURES, *MOVING_PICTURES):
        yield "", _of_picture(path, _plan(words))
    else:
        raise InvalidFile(
            f"Files of this kind ({suffix or 'no suffix'}) hold no drawings.", hint=_usable()
        )


def _usable() -> str:
    return f"Use one of: {', '.join(suffix[1:] for suffix in SUFFIXES)}."


def _text(path: Path, what: str) -> str:
    return bounded.read_text(path, max_bytes=MAX_TEXT_BYTES, what=what)


def _sidecar(path: Path) -> str:
    """The caption in the text file beside a source, on one line; empty if there is none."""
    beside = path.with_suffix(".txt")
    if path.is_dir() or beside == path or not beside.is_file():
        return ""
    return " ".join(bounded.read_text(beside, max_bytes=MAX_CAPTION_BYTES, what="caption").split())


def _plan(words: str) -> DrawingPlan | None:
    return parse_plan(words) if is_plan(words) else None


def _of_run(folder: Path) -> IngestedDrawing:
    """The strokes of a drawing that this app made, with its plan as the caption."""
    from videosketcher_app.data.ingest.drawings import drawing_of

    saved = open_saved(folder)
    return drawing_of(saved.strokes, "output", str(saved.model_plan))


def _of_film(path: Path) -> IngestedDrawing:
    from videosketcher_app.data.ingest.drawings import drawing_of
    from videosketcher_app.data.ingest.recordings import read_recording

    clip = decode_video(path, time_limit_s=DECODING_LIMIT_S, max_side_px=MAX_FILM_SIDE_PX)
    return drawing_of(read_recording(clip.frames_THW3, clip.fps), "recording")


def _of_picture(path: Path, plan: DrawingPlan | None) -> IngestedDrawing:
    from videosketcher_app.data.ingest.pictures import read_layers, read_scan

    picture = decode_image(path, keep_alpha=True, max_side_px=MAX_PICTURE_SIDE_PX)
    if picture.shape[2] == 4 and (picture[..., 3] < 128).any():
        return read_layers(picture, plan)
    return read_scan(picture[..., :3], plan)


def _moves(path: Path) -> bool:
    """True if an animated picture shows something being drawn."""
    clip = decode_video(path, time_limit_s=DECODING_LIMIT_S, max_side_px=MAX_FILM_SIDE_PX)
    return len(clip.frames_THW3) >= LEAST_FILM_FRAMES
