"""One drawing in full (replay, parts, plan, settings, downloads), or two side by side, as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videosketcher_app.core.sketch_request import DEFAULT_STRENGTH
from videosketcher_app.services.saved import PartSpan, SavedDrawing
from videosketcher_app.storage.history import DrawingRow
from videosketcher_app.ui.components.gallery_grid import day, file_url, safe, stopped_mark
from videosketcher_app.ui.texts import t

FILE_KINDS = ("mp4", "png", "svg", "gif", "config", "run")


def detail_html(
    row: DrawingRow,
    saved: SavedDrawing,
    *,
    spans: tuple[PartSpan, ...] = (),
    larger: Mapping[int, Path] | None = None,
) -> str:
    """A drawing with its replay and everything that is known of it.

    Args:
        spans: when its parts are drawn; empty leaves the jumps out.
        larger: videos that were rendered larger, by height in pixels.
    """
    plan = saved.planned.plan
    parts = "".join(
        f"<li><strong>{safe(part.name)}</strong> {safe(part.description)}</li>"
        for part in plan.parts
    )
    note = f'<p class="vg-note">{safe(saved.planned.note)}</p>' if saved.planned.note else ""
    return (
        f'<article class="vg-detail" aria-label="{safe(t("gallery.detail_label", concept=plan.concept))}">'
        f"<h3>{safe(plan.concept)}{' <span class=vg-star>★</span>' if row.favorite else ''}</h3>"
        f"{stopped_mark(saved.stopped)}{_video(row, saved)}{_jumps(spans)}"
        f"<h4>{safe(t('gallery.plan'))}</h4><ol>{parts}</ol>{note}"
        f"<h4>{safe(t('gallery.settings'))}</h4>{_facts(row, saved)}"
        f"<h4>{safe(t('gallery.files'))}</h4>{_downloads(row, saved, larger or {})}"
        "</article>"
    )


def compare_html(
    pair: tuple[tuple[DrawingRow, SavedDrawing], tuple[DrawingRow, SavedDrawing]],
) -> str:
    """Two drawings that play in step; the script of the gallery moves both."""
    (first, _), (second, _) = pair
    label = t("gallery.compare_label", first=first.concept, second=second.concept)
    figures = "".join(
        f"<figure>{_video(row, saved, controls=False)}"
        f"<figcaption>{safe(row.concept)} <small>{safe(row.model)} · "
        f"{safe(t('gallery.seed'))} {safe(row.seed)}</small></figcaption></figure>"
        for row, saved in pair
    )
    return (
        f'<section class="vg-compare" aria-label="{safe(label)}">'
        f'<div class="vg-pair">{figures}</div><div class="vg-transport">'
        f'<button type="button" class="vg-button" data-do="both" '
        f'data-play="{safe(t("gallery.compare_play"))}" '
        f'data-pause="{safe(t("gallery.compare_pause"))}">{safe(t("gallery.compare_play"))}</button>'
        f'<input type="range" class="vg-scrub" min="0" max="1000" value="0" '
        f'aria-label="{safe(t("gallery.compare_time"))}"></div></section>'
    )


def _video(row: DrawingRow, saved: SavedDrawing, *, controls: bool = True) -> str:
    label = t("gallery.video_label", concept=saved.planned.plan.concept)
    return (
        f'<video class="vg-video" src="{safe(file_url(saved.files["mp4"], row.sequence))}" '
        f'poster="{safe(file_url(saved.files["png"], row.sequence))}" preload="metadata" muted '
        f'playsinline aria-label="{safe(label)}"{" controls" if controls else ""}></video>'
    )


def _jumps(spans: tuple[PartSpan, ...]) -> str:
    if len(spans) < 2:
        return ""
    buttons = "".join(
        f'<button type="button" class="vg-button vg-part-{span.index % 8 + 1}" data-do="seek" '
        f'data-at="{span.start_s:.3f}">{safe(span.name)}</button>'
        for span in spans
    )
    label = safe(t("gallery.parts_label"))
    return f'<div class="vg-jumps" role="group" aria-label="{label}">{buttons}</div>'


def _facts(row: DrawingRow, saved: SavedDrawing) -> str:
    settings: Mapping[str, Any] = saved.config.get("settings") or {}
    width, height = settings.get("width"), settings.get("height")
    facts = {
        "model": row.model,
        "seed": row.seed,
        "frames": saved.request.num_frames,
        "steps": settings.get("num_inference_steps"),
        "guidance": settings.get("cfg_scale"),
        "size": f"{width} × {height} px" if width and height else None,
        "planner": saved.planned.planner,
        "film": _film(saved),
        "date": day(row.created),
    }
    pairs = "".join(
        f"<div><dt>{safe(t(f'gallery.{name}'))}</dt><dd>{safe(value)}</dd></div>"
        for name, value in facts.items()
        if value is not None
    )
    return f"<dl>{pairs}</dl>"


def _film(saved: SavedDrawing) -> str | None:
    """What it was drawn over, and how much of that was drawn anew."""
    request = saved.request
    if request.input_video is None:
        return None
    strength = DEFAULT_STRENGTH if request.strength is None else request.strength
    return f"{Path(request.input_video).name}, {strength:g}"


def _downloads(row: DrawingRow, saved: SavedDrawing, larger: Mapping[int, Path]) -> str:
    links = [
        _link(saved.files[kind], row, t(f"gallery.file_{kind}"))
        for kind in FILE_KINDS
        if kind in saved.files
    ]
    links += [
        _link(path, row, t("gallery.file_larger", height=height))
        for height, path in sorted(larger.items())
    ]
    return f'<ul class="vg-files">{"".join(f"<li>{link}</li>" for link in links)}</ul>'


def _link(path: Path, row: DrawingRow, label: str) -> str:
    url = safe(file_url(path, row.sequence))
    return f'<a href="{url}" download="{safe(path.name)}">{safe(label)}</a>'
