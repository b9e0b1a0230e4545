"""The Models tab (owner): every model, where it is, what it takes, and what fits this machine."""

from __future__ import annotations

from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.models.bring import connect_bring
from videosketcher_app.ui.tabs.models.desk import ModelDesk
from videosketcher_app.ui.tabs.models.layout import ModelParts, lay_out
from videosketcher_app.ui.tabs.models.memory import connect_memory
from videosketcher_app.ui.tabs.models.shelf import connect_shelf


def build(context: PageContext) -> ModelParts:
    """Lays the tab out and connects what this role may do; whoever opens it sees it as it is now."""
    parts = lay_out()
    desk = ModelDesk(context.services, context.model)
    connect_shelf(context, parts.shelf, desk)
    connect_memory(
        context,
        parts.memory,
        desk,
        seen=parts.shelf.cards.seen,
        tick=parts.shelf.timer.tick,
    )
    connect_bring(context, parts.bring, desk)
    return parts
