"""DropZone: one exported file dropped anywhere on the window is uploaded and told to Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.ui.components.assets import html_texts, script, section, style
from videosketcher_app.ui.texts import t

ENDINGS = (".mp4", ".png", ".svg", ".gif", ".json")
MAX_MEGABYTES = 256
MAX_PATH = 4096

_TEMPLATE = """
<div class="drop-zone" aria-hidden="true"><div class="dz-sheet"><strong>{prompt}</strong>
<span>{kinds}</span></div></div>
<p class="dz-status" role="status" aria-live="polite"></p>
"""


class DropZone(gr.HTML):
    """Invisible until a file is dragged over the window.

    The event `dropped` carries {"path", "name"}: read it with `DropZone.path_of`. Gradio's own drop
    areas on the page keep what is dropped on them.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            html_template=_TEMPLATE.format(**html_texts("drop")),
            css_template=style("drop_zone"),
            js_on_load=script(
                "pointer",
                "drop_zone",
                TEXT=section("drop"),
                ENDINGS=list(ENDINGS),
                MAX_MEGABYTES=MAX_MEGABYTES,
            ),
            apply_default_css=False,
            **options,
        )

    @staticmethod
    def path_of(data: Any, uploads: Path) -> Path:
        """The uploaded file (`event._data` of the event's gr.EventData).

        Args:
            uploads: the folder of Gradio's uploads; a page cannot name files elsewhere.

        Raises:
            InvalidRequest: the event names no file of a known kind in that folder.
        """
        match data:
            case {"path": str(text)} if "\0" not in text and len(text) <= MAX_PATH:
                path = Path(text.encode("utf-8", "replace").decode("utf-8")).resolve()
            case _:
                raise _no_file()
        inside = path.is_relative_to(uploads.resolve())
        if not (inside and path.suffix.lower() in ENDINGS and path.is_file()):
            raise _no_file()
        return path


def _no_file() -> InvalidRequest:
    return InvalidRequest(t("drop.bad_path"), hint=t("drop.bad_path_hint"))
