"""The components of the Models tab and where they are."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.tabs.models.bring import BringParts, lay_out_bring
from videosketcher_app.ui.tabs.models.memory import MemoryParts, lay_out_memory
from videosketcher_app.ui.tabs.models.shelf import ShelfParts, lay_out_shelf
from videosketcher_app.ui.texts import t


@dataclass(frozen=True, kw_only=True)
class ModelParts:
    """The tab's components."""

    memory: MemoryParts
    shelf: ShelfParts
    bring: BringParts


def lay_out() -> ModelParts:
    """Memory above, because it decides what fits; the cards; and last how to bring a file in."""
    intro = f"<h2>{safe(t('models.title'))}</h2><p>{safe(t('models.intro'))}</p>"
    gr.HTML(f'<div class="vs-intro">{intro}</div>', apply_default_css=False)
    return ModelParts(memory=lay_out_memory(), shelf=lay_out_shelf(), bring=lay_out_bring())
