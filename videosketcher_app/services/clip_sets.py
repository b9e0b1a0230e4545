"""Folders of clips as CausVid's data pipeline makes them: sliced by annotations, converted.

A broken clip is left out and named; the rest goes on. What is there already is not made again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidFile, InvalidRequest
from videosketcher_app.data.clips import cover, resampled, stretch
from videosketcher_app.data.merge import annotation_text
from videosketcher_app.storage.atomic import write_text
from videosketcher_app.storage.bounded import read_text
from videosketcher_app.storage.media import OpenVideo, open_video, write_video
from videosketcher_app.storage.paths import safe_join

CLIP_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif")
MAX_ANNOTATION_BYTES = 1 << 30
_FRAMES = re.compile(r"(\d{1,9}):(\d{1,9})")


@dataclass(kw_only=True)
class ClipReport:
    """What a run over a folder came to.

    Attributes:
        made: clips written now, by name.
        kept: clips that were there already.
        broken: what was left out -> why.
    """

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def noting(self, name: str) -> Iterator[None]:
        """Notes an error of the block as this clip's."""
        try:
            yield
        except AppError as error:
            self.broken[name] = error.message


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One annotated stretch of a clip: frames `start` to `end`, the end not included."""

    path: str
    caption: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """Of the file that holds the stretch."""
        return f"{Path(self.path).stem}_{self.start}_{self.end}.mp4"


def slice_clips(
    source: Path, target: Path, annotations: Path, output_json: Path, *, by: str = "video"
) -> ClipReport:
    """Cuts the annotated stretches out of a folder's clips and writes what each one shows.

    Args:
        annotations: a list of records with `path`, `cap` and `frame_idx` ("start:end").
        output_json: a table of clip -> caption, or the other way round.
        by: what the table's keys are, `video` or `caption`. Equal captions share one key.

    Raises:
        InvalidFile: the annotations cannot be read, or are no list.
        InvalidRequest: `by` is neither of the two.
        CannotWrite: the target cannot be written.
    """
    if by not in ("video", "caption"):
        raise InvalidRequest(
            f"The table's keys are video or caption. Received: {by!r}", hint="Use video."
        )
    report, captions = ClipReport(), {}
    for number, record in enumerate(_records(annotations), start=1):
        with report.noting(f"record {number}"):
            piece = _slice(record)
            with report.noting(f"record {number}, {piece.path}"):
                clip = _found(source, piece.path)
                made = _slicer(piece)
                _write_clip(clip, target / piece.name, made, report, force=False)
                captions[piece.name] = piece.caption
    table = captions if by == "video" else {text: name for name, text in captions.items()}
    output_json.parent.mkdir(parents=True, exist_ok=True)
    write_text(output_json, annotation_text(table))
    return report


def convert_clips(
    source: Path,
    target: Path,
    *,
    width: int = 832,
    height: int = 480,
    fps: int = 16,
    num_frames: int = 81,
    force: bool = False,
) -> ClipReport:
    """Brings a folder's clips to one size, rate and length: the first frames, cut to the shape.

    Raises:
        InvalidFile: there is no folder, or no clip in it.
        InvalidRequest: an odd or impossible size.
        CannotWrite: the target cannot be written.
    """
    if width % 2 or height % 2 or min(width, height, fps, num_frames) < 1:
        raise InvalidRequest(
            f"Clips need even sides, a rate and a length. Received: {width}x{height}, {fps} fps, "
            f"{num_frames} frames",
            hint="Use for example 832x480, 16 fps, 81 frames.",
        )
    if not source.is_dir():
        raise InvalidFile(f"There is no folder {source.name}.", hint="Give a folder of clips.")
    clips = sorted(path for path in source.iterdir() if path.suffix.lower() in CLIP_SUFFIXES)
    if not clips:
        raise InvalidFile(f"The folder {source.name} holds no clip.", hint="Flatten it first.")

    def frames(video: OpenVideo) -> tuple[Iterator[Any], int]:
        rate = {"fps_in": video.fps, "fps_out": fps, "num_frames": num_frames}
        return (cover(f, width, height) for f in resampled(video.frames_HW3, **rate)), fps

    report = ClipReport()
    for clip in clips:
        with report.noting(clip.name):
            _write_clip(clip, target / f"{clip.stem}.mp4", frames, report, force=force)
    return report


def _write_clip(
    clip: Path,
    target: Path,
    frames: Callable[[OpenVideo], tuple[Iterator[Any], int]],
    report: ClipReport,
    *,
    force: bool,
) -> None:
    if target.is_file() and not force:
        report.kept.append(target.name)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_video(clip) as video:
        chosen, rate = frames(video)
        write_video(target, chosen, fps=rate)
    report.made.append(target.name)


def _slicer(piece: Slice) -> Callable[[OpenVideo], tuple[Iterator[Any], int]]:
    def frames(video: OpenVideo) -> tuple[Iterator[Any], int]:
        even = (f[: f.shape[0] // 2 * 2, : f.shape[1] // 2 * 2] for f in video.frames_HW3)
        return stretch(even, piece.start, piece.end), max(1, round(video.fps))

    return frames


def _found(source: Path, relative: str) -> Path:
    """The clip at its annotated place, or by its name alone in a flattened folder."""
    for name in (relative, Path(relative).name):
        path = safe_join(source, name)
        if path.is_file():
            return path
    raise InvalidFile(f"There is no clip {relative}.", hint="Download it, or leave it out.")


def _slice(record: Any) -> Slice:
    path, caption, frames = (
        (record.get("path"), record.get("cap"), record.get("frame_idx"))
        if isinstance(record, dict)
        else (None, None, None)
    )
    if isinstance(caption, list) and caption:
        caption = caption[0]
    match = _FRAMES.fullmatch(frames.strip()) if isinstance(frames, str) else None
    if not isinstance(path, str) or not path or not isinstance(caption, str) or match is None:
        raise InvalidFile(
            'It needs path, cap and frame_idx as in "0:65".', hint="Correct the annotations."
        )
    start, end = int(match[1]), int(match[2])
    if start >= end:
        raise InvalidFile(f"Its frames {start}:{end} are empty.", hint="Correct the annotations.")
    return Slice(path=path, caption=caption, start=start, end=end)


def _records(path: Path) -> list[Any]:
    text = read_text(path, max_bytes=MAX_ANNOTATION_BYTES, what="file of annotations")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidFile(f"{path.name} is not JSON.", hint="Correct it there.") from error
    if not isinstance(value, list):
        raise InvalidFile(f"{path.name} does not hold a list.", hint="Give a list of records.")
    return value
