"""Re-ink: a finished drawing's strokes painted again with another brush, as a drawing of its own.

Its config is that of the drawing with the new brush in it: what the model would have been asked for
at first. The strokes keep their places, their times and their parts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.svg import svg_text
from videosketcher_app.engines.brush_frames import painted_clip, with_pen_of
from videosketcher_app.engines.brush_source import UnderstoodBrush
from videosketcher_app.services.brushes.choice import BrushChoice
from videosketcher_app.services.brushes.painted import BY_REINK
from videosketcher_app.services.outputs import config_text, file_names, run_record
from videosketcher_app.services.saved import SavedDrawing, open_saved
from videosketcher_app.storage import atomic, media, paths


def reink(
    saved: SavedDrawing,
    choice: BrushChoice,
    *,
    output_dir: Path | None = None,
    show_box: bool = False,
    cancel: CancelToken | None = None,
) -> SavedDrawing:
    """Paints a drawing's strokes with a brush and publishes the result; the original stays.

    Args:
        output_dir: of the new folder; None is beside the original.
        show_box: the result shows the brush box.

    Raises:
        InvalidRequest: the drawing has no strokes.
        InvalidFile: it is damaged.
        CannotWrite: the folder cannot be written; nothing is left half-written.
        Cancelled: somebody stopped it.
    """
    begun, started = time.monotonic(), datetime.now(timezone.utc)
    cancel = cancel or CancelToken()
    sketch = saved.strokes
    if not sketch.strokes:
        raise InvalidRequest(
            f"No strokes were found in {saved.name!r}, so no brush can follow them.",
            hint="Draw it again, or take another drawing.",
        )
    source = UnderstoodBrush(
        condition=choice.frame((sketch.width_px, sketch.height_px)), brush=choice.brush
    )
    config = _config(saved, choice, source, show_box=show_box)
    folder = paths.run_folder(
        output_dir or saved.folder.parent,
        _name(saved, choice),
        seed=saved.request.seed,
        config=config,
    )
    cancel.raise_if_cancelled()
    frames = painted_clip(sketch, source, seed=saved.request.seed, show_box=show_box)
    cancel.raise_if_cancelled()
    with atomic.publish_folder(folder) as temporary:
        files = {kind: temporary / name for kind, name in file_names(folder.name).items()}
        comment = config_text(config)
        media.write_video(files["mp4"], frames, fps=saved.request.fps, comment=comment)
        media.write_png(files["png"], frames[-1], comment=comment)
        lines = with_pen_of(source.brush, sketch)
        svg = svg_text(lines, description=str(saved.plan), metadata=config, simplify_px=0)
        atomic.write_text(files["svg"], svg)
        atomic.write_json(files["config"], config)
        record = run_record(
            started=started.isoformat(timespec="seconds"),
            timings={"reink": time.monotonic() - begun, "total": time.monotonic() - begun},
            device="cpu",
            extra={"reinked_from": saved.name},
        )
        atomic.write_json(files["run"], record)
    return open_saved(folder)


def _config(
    saved: SavedDrawing, choice: BrushChoice, source: UnderstoodBrush, *, show_box: bool
) -> dict[str, Any]:
    spec = choice.spec.model_copy(update={"show_box": show_box})
    settings = saved.config.get("settings")
    settings = dict(settings) if isinstance(settings, Mapping) else {}
    return {
        **saved.config,
        "request": saved.request.replaced(brush=spec.model_dump(mode="json")).to_mapping(),
        "settings": {**settings, "painted": BY_REINK, "brush": source.facts()},
    }


def _name(saved: SavedDrawing, choice: BrushChoice) -> str:
    """The drawing's name and the brush's: "cat_marker_blue"."""
    stem = saved.name.partition("__")[0]
    return f"{stem}__{paths.slug(choice.name or choice.origin, max_characters=40)}"
