"""The wall of a class: everybody's finished drawings, newest first. Opt-in by the class preset."""

from __future__ import annotations

import base64
from html import escape

import gradio as gr

from videosketcher_app.core.access import LIMITS, Capability, Role
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.container import Services
from videosketcher_app.services.guests import Finished
from videosketcher_app.storage import media
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.texts import t

MOST = 60
POLL_S = 5.0
_THUMBNAIL_WIDTH_PX = 216
_JPEG_QUALITY = 80

STYLE = """
.vs-wall { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 1rem;
  list-style: none; padding: 0; }
.vs-wall figure { margin: 0; padding: 0.5rem; background: #ffffff; color: #22262b;
  border: 1px solid #d9d4c7; box-shadow: 0 1px 6px rgba(60, 50, 30, 0.10); }
.vs-wall img { width: 100%; display: block; }
.vs-wall figcaption { padding-top: 0.3rem; text-align: center; overflow-wrap: anywhere; }
"""


def build(services: Services, role: Role) -> None:
    """Lays the wall out; `ui/app.py` calls it within a tab if `services.guests.is_class`."""
    wall = Wall(services)
    gr.HTML(f"<style>{STYLE}</style><h2>{escape(t('wall.heading'))}</h2>")
    pictures = gr.HTML(wall.html(), elem_id="wall")
    timer = gr.Timer(POLL_S)

    @handler(Capability.SEE_WALL)
    def on_tick() -> str:
        return wall.html()

    connect(role, timer.tick, on_tick, outputs=pictures, show_progress="hidden", queue=False)


class Wall:
    """What hangs there, as HTML; a drawing is made small once."""

    def __init__(self, services: Services) -> None:
        self._book = services.guests
        self._figures: dict[Finished, str] = {}

    def html(self) -> str:
        """The wall now. Pictures are in the page itself, so no folder of a guest is opened up."""
        finished = self._book.finished(most=MOST)
        known = self._figures
        self._figures = {drawing: known.get(drawing) or _figure(drawing) for drawing in finished}
        figures = "".join(f"<li>{figure}</li>" for figure in self._figures.values() if figure)
        if not figures:
            return f"<p>{escape(t('wall.empty'))}</p>"
        return f'<ul class="vs-wall">{figures}</ul>'


def _figure(drawing: Finished) -> str:
    """One drawing with its name; empty if its file is gone just now."""
    import cv2

    try:
        image_HW3 = media.read_image(drawing.picture, limits=LIMITS[Role.GUEST])
    except (AppError, OSError):
        return ""
    height, width = image_HW3.shape[:2]
    size = (_THUMBNAIL_WIDTH_PX, max(1, round(height * _THUMBNAIL_WIDTH_PX / width)))
    small = cv2.resize(image_HW3, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), quality)
    data = base64.b64encode(jpeg.tobytes()).decode("ascii")
    name = escape(drawing.concept, quote=True)
    alt = escape(t("wall.picture", concept=drawing.concept), quote=True)
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" alt="{alt}">'
        f"<figcaption>{name}</figcaption></figure>"
    )
