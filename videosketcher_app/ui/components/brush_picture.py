"""BrushPicture: a picture of a mark, uploaded, dropped, pasted, or taken with the camera."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.ui.texts import t

MAX_PATH = 4096


class BrushPicture(gr.Image):
    """Gradio's picture field, whose value is the path of what was sent, with nothing decoded.

    Gradio would open every picture in this process; ours are read by a child that can be killed.
    """

    is_template = True

    def preprocess(self, payload: Any) -> str | None:
        """The path of the sent file; None without one."""
        return None if payload is None or payload.path is None else str(payload.path)


def sent_file(path: Any, cache: str) -> Path:
    """The file that a page names, if it lies in the folder of uploads.

    Args:
        cache: the component's GRADIO_CACHE.

    Raises:
        InvalidRequest: it names none, or one elsewhere.
    """
    if isinstance(path, str) and "\0" not in path and len(path) <= MAX_PATH:
        found = Path(path.encode("utf-8", "replace").decode("utf-8")).resolve()
        if found.is_relative_to(Path(cache).resolve()) and found.is_file():
            return found
    raise InvalidRequest(t("brush.no_picture"), hint=t("brush.no_picture_hint"))
