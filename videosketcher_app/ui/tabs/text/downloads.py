"""Downloads: a button for each thing that a drawing can become, made when it is asked for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.container import Services
from videosketcher_app.services.exports import KINDS
from videosketcher_app.ui.components.assets import script
from videosketcher_app.ui.texts import t

_KEYS = [
    "mp4",
    "png",
    "gif",
    "svg",
    "lesson",
    "mp4_raw",
    "config",
    "zip",
]  # in the order of their use
assert set(_KEYS) == set(KINDS)


class Downloads(gr.HTML):
    """Buttons that are always there, so that nothing moves when a drawing is finished.

    Its value is news of one kind: {"drawing", "enabled", "note"} for another drawing, or
    {"drawing", "kind", "state", "words", "path"} for one file. The event `make` carries
    {"kind", "drawing"}.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            value=None,
            html_template=_template(),
            js_on_load=script("text_downloads"),
            apply_default_css=False,
            **options,
        )

    @staticmethod
    def news_of(folder: Path | None, note: str = "") -> dict[str, Any]:
        """The value for a drawing; None for a page without one."""
        return {"drawing": str(uuid.uuid4()), "enabled": folder is not None, "note": note}


def check_note(services: Services, folder: Path) -> str:
    """Where exports of this drawing come from, as a sentence.

    Raises:
        InvalidFile: the folder holds no drawing.
    """
    passes = services.exports.check(folder).passes
    return t("exports.from_strokes") if passes else t("exports.from_frames")


def made(
    services: Services, data: Any, folder: Path | None, options: Sequence[Any]
) -> Iterator[dict[str, Any]]:
    """News while one file is made; the last holds its path or why there is none.

    Args:
        data: of the event `make`.
        options: height in pixels, pause after a part in seconds, speed, paper, and whether the
            file carries its prompt.
    """
    match data:
        case {"kind": str(kind), "drawing": str(drawing)} if kind in KINDS:
            pass
        case _:
            return
    label = t(f"exports.{kind}")
    news = {"drawing": drawing, "kind": kind}
    yield {**news, "state": "making", "words": t("exports.making", format=label)}
    try:
        path = _exported(services, kind, folder, options)
    except AppError as error:
        words = t("exports.failed", format=label, reason=str(error))
        yield {**news, "state": "failed", "words": words}
        return
    words = f"{t('exports.ready')}: {path.name}"
    yield {
        **news,
        "state": "ready",
        "words": words,
        "path": str(path.absolute()),
        "name": path.name,
    }


def _exported(services: Services, kind: str, folder: Path | None, options: Sequence[Any]) -> Path:
    if folder is None:
        raise InvalidRequest(t("text.no_drawing"), hint=t("text.no_drawing_hint"))
    height, hold, speed, paper, keep = options
    return services.exports.export(
        folder,
        kind,
        height_px=int(height),
        hold_s=float(hold),
        speed=float(speed),
        paper=str(paper),
        keep_prompt=keep is True,
    )


def _template() -> str:
    items = "".join(_button(kind) for kind in _KEYS)
    return (
        f'<section class="td" aria-label="{escape(t("text.downloads"))}">'
        f'<ul>{items}</ul><p class="td-status" role="status" aria-live="polite">'
        f"{escape(t('text.downloads_none'))}</p></section>"
    )


def _button(kind: str) -> str:
    label, use = escape(t(f"exports.{kind}")), escape(t(f"text.use_{kind}"))
    return (
        f'<li><button type="button" data-kind="{kind}" disabled>'
        f"<strong>{label}</strong><small>{use}</small></button></li>"
    )
