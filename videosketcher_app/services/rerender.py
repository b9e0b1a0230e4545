"""Re-render: a finished drawing from its strokes, in another order, at other times, at any size.

The result is a drawing folder of its own. Its config holds the original request and every change
since, so `rerender(original, *read_changes(config))` writes the same bytes again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data import renderer
from videosketcher_app.data.frame_stream import stream_frames
from videosketcher_app.data.retime import full_order, retimed
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.data.svg import read_svg, svg_text
from videosketcher_app.services.brushes.painted import painter_of
from videosketcher_app.services.changes import MAX_STEPS, Changes, read_changes, shown_plan, size_of
from videosketcher_app.services.outputs import config_text, file_names, run_record
from videosketcher_app.services.saved import SavedDrawing, open_saved
from videosketcher_app.storage import atomic, media, paths

SUFFIX = "_retimed"


def rerender(
    saved: SavedDrawing,
    *changes: Changes,
    output_dir: Path | None = None,
    cancel: CancelToken | None = None,
) -> SavedDrawing:
    """Renders a drawing again with some changes, one after another, and publishes the result.

    Args:
        output_dir: of the new folder; None is beside the original.
        cancel: looked at before every frame.

    Raises:
        InvalidRequest: a change is not possible, or the drawing has no strokes.
        CannotWrite: the folder cannot be written; nothing is left half-written.
        Cancelled: somebody stopped it.
    """
    begun, started = time.monotonic(), datetime.now(timezone.utc)
    assert changes, "a re-render changes something"
    _require_strokes(saved)
    sketch, steps = _changed(saved.strokes, changes)
    steps = (*read_changes(saved.config), *steps)
    if len(steps) > MAX_STEPS:
        raise InvalidRequest(
            f"This drawing was rendered again {MAX_STEPS} times already.",
            hint="Start from the original.",
        )
    config = {**saved.config, "rerender": [step.to_mapping() for step in steps]}
    folder = paths.run_folder(
        output_dir or saved.folder.parent,
        saved.name.removesuffix(SUFFIX) + SUFFIX,
        seed=saved.request.seed,
        config=config,
    )
    with atomic.publish_folder(folder) as temporary:
        names = file_names(folder.name)
        files = {kind: temporary / name for kind, name in names.items()}
        atomic.write_json(files["config"], config)
        _write_media(files, sketch, config, steps[-1].height_px, saved, cancel or CancelToken())
        record = run_record(
            started=started.isoformat(timespec="seconds"),
            timings={"render": time.monotonic() - begun},
            device="cpu",
            extra={"rendered_from": saved.name},
        )
        atomic.write_json(files["run"], record)
    return open_saved(folder)


def cancellable(
    frames_HW3: Iterator[NDArray[np.uint8]], cancel: CancelToken
) -> Iterator[NDArray[np.uint8]]:
    """The same frames, until somebody stops them.

    Raises:
        Cancelled: before the next frame.
    """
    for frame_HW3 in frames_HW3:
        cancel.raise_if_cancelled()
        yield frame_HW3


def _require_strokes(saved: SavedDrawing) -> None:
    if not saved.strokes.strokes:
        raise InvalidRequest(
            f"No strokes were found in {saved.name!r}, so it cannot be rendered again.",
            hint="Use the video as it is.",
        )


def _changed(sketch: Sketch, changes: tuple[Changes, ...]) -> tuple[Sketch, tuple[Changes, ...]]:
    """The sketch after all changes, and the changes with their orders written out.

    After each change the sketch is what its SVG says, so that later changes find the same numbers
    whether they are made at once or to a published folder.
    """
    steps = []
    for change in changes:
        step = change.with_order(full_order(sketch, change.retiming.order))
        sketch = read_svg(svg_text(retimed(sketch, step.retiming), simplify_px=0))
        steps.append(step)
    return sketch, tuple(steps)


def _write_media(
    files: dict[str, Path],
    sketch: Sketch,
    config: dict[str, Any],
    height_px: int,
    saved: SavedDrawing,
    cancel: CancelToken,
) -> None:
    comment = config_text(config)
    size = size_of(sketch.width_px, sketch.height_px, wanted_height_px=height_px)
    painter = painter_of(saved)
    frames = stream_frames if painter is None else painter.frames
    picture = renderer.picture if painter is None else painter.picture
    media.write_video(
        files["mp4"],
        cancellable(frames(sketch, *size), cancel),
        fps=saved.request.fps,
        comment=comment,
    )
    media.write_png(files["png"], picture(sketch, *size), comment=comment)
    plan = shown_plan(saved.planned.plan, read_changes(config))
    svg = svg_text(sketch, description=str(plan), metadata=config, simplify_px=0)
    atomic.write_text(files["svg"], svg)
