"""Drawings whose files could not be written: a line each, with buttons to save it or let it go."""

from __future__ import annotations

from collections.abc import Sequence

from videosketcher_app.services.unfinished import KeptDrawing
from videosketcher_app.ui.components.gallery_grid import button_html, safe
from videosketcher_app.ui.texts import t


def kept_html(kept: Sequence[KeptDrawing]) -> str:
    """The lines, for a GalleryView, whose events are `save` and `forget`; empty if nothing waits."""
    if not kept:
        return ""
    many = t("gallery.kept_many", count=len(kept))
    heading = t("gallery.kept_one") if len(kept) == 1 else many
    items = "".join(_line(drawing) for drawing in kept)
    return (
        f'<section class="vg-strip" aria-label="{safe(t("gallery.kept_label"))}">'
        f"<p><strong>{safe(heading)}</strong> {safe(t('gallery.kept_why'))}</p>"
        f"<ul>{items}</ul></section>"
    )


def _line(kept: KeptDrawing) -> str:
    concept = kept.concept
    save = button_html(
        "save",
        kept.key,
        t("gallery.save_again"),
        told=t("gallery.save_again_named", concept=concept),
    )
    forget = button_html(
        "forget",
        kept.key,
        t("gallery.throw_away"),
        told=t("gallery.throw_away_named", concept=concept),
    )
    return f"<li><span>{safe(concept)}</span> {save} {forget}</li>"
