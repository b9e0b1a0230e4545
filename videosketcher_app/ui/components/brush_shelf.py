"""BrushShelf: painted previews of all brushes, to search, to star, and to pick one or several."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.brushes.desk import OWN_MEDIUM, ShelfBrush
from videosketcher_app.ui.components.assets import html_texts, script, section, style
from videosketcher_app.ui.texts import t

MAX_PICKED = 6  # brushes side by side
MAX_NAME = 60

_TEMPLATE = """
<section class="bs" aria-label="{shelf_label}">
  <div class="bs-bar">
    <input type="search" class="bs-search" placeholder="{search}" aria-label="{search}" maxlength="60">
    <button type="button" class="bs-stars" aria-pressed="false" title="{favorites}" aria-label="{favorites}">★</button>
  </div>
  <div class="bs-media" role="group" aria-label="{media_label}"></div>
  <ul class="bs-grid" aria-label="{shelf_label}"></ul>
  <p class="bs-none" role="status" hidden>{none_found}</p>
</section>
"""


class BrushShelf(gr.HTML):
    """The shelf. Its value is made by `value_of`.

    Events: `seen` when it comes into view; `pick` {"name"}; `star` {"name", "on"}; `remove`
    {"name"} of an own brush; with `several`, `picks` {"names"} instead of `pick`.

    Args:
        several: up to MAX_PICKED brushes can be picked; nothing can be starred or removed.
    """

    def __init__(self, *, several: bool = False, **options: Any) -> None:
        super().__init__(
            value=None,
            html_template=_TEMPLATE.format(**html_texts("brush")),
            css_template=style("brush_shelf"),
            js_on_load=script(
                "brush_shelf", TEXT=section("brush"), SEVERAL=several, MAX_PICKED=MAX_PICKED
            ),
            apply_default_css=False,
            **options,
        )

    @staticmethod
    def value_of(brushes: Iterable[ShelfBrush], chosen: Sequence[str] = ()) -> dict[str, Any]:
        """What the shelf shows; every word as text.

        Args:
            chosen: names of the brushes that are picked.
        """
        return {"brushes": [_shown(brush) for brush in brushes], "chosen": list(chosen)}

    @staticmethod
    def name_of(data: Any) -> str:
        """The brush that an event is about (`event._data` of its gr.EventData).

        Raises:
            InvalidRequest: it names none.
        """
        name = data.get("name") if isinstance(data, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
            raise InvalidRequest(t("brush.gone"), hint=t("brush.gone_hint"))
        return name

    @staticmethod
    def names_of(data: Any) -> list[str]:
        """The brushes that are picked.

        Raises:
            InvalidRequest: the event names none, or too many.
        """
        names = data.get("names") if isinstance(data, dict) else None
        if not isinstance(names, list) or len(names) > MAX_PICKED:
            raise InvalidRequest(t("brush.gone"), hint=t("brush.gone_hint"))
        return list(dict.fromkeys(BrushShelf.name_of({"name": name}) for name in names))


def _shown(brush: ShelfBrush) -> dict[str, Any]:
    is_own = brush.medium == OWN_MEDIUM
    return {
        "name": brush.name,
        "title": brush.title,
        "medium": brush.medium,
        "group": t("brush.own") if is_own else brush.medium_title,
        "own": is_own,
        "starred": brush.is_starred,
        "picture": _address(brush.preview),
    }


def _address(preview: Path) -> str:
    """The preview inside the page: a brush is two kilobytes, and needs no route that serves it."""
    try:
        return _encoded(preview, preview.stat().st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=512)
def _encoded(preview: Path, _version: int) -> str:
    data = base64.b64encode(preview.read_bytes()).decode("ascii")
    return f"data:image/png;base64,{data}"
