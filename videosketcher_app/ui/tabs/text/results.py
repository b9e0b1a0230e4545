"""What can be done with a finished drawing: another order and pace, back again, its settings."""

from __future__ import annotations

from typing import Any

from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.retime import Retiming
from videosketcher_app.services.changes import Changes
from videosketcher_app.services.container import Services
from videosketcher_app.services.rerender import rerender
from videosketcher_app.services.saved import SavedDrawing, open_saved
from videosketcher_app.ui.components.player import Player
from videosketcher_app.ui.components.player import Retiming as ShownRetiming
from videosketcher_app.ui.tabs.text.page import Result
from videosketcher_app.ui.texts import t


def retimed(
    services: Services,
    role: Role,
    result: Result | None,
    data: Any,
    session: str,
    cancel: CancelToken,
) -> Result:
    """Renders the shown drawing in the order and pace that the player asks for.

    Args:
        data: of the player's event `retime`.

    Raises:
        InvalidRequest: no drawing is shown, or the order does not fit it.
        QuotaExceeded: a guest may keep no more.
        Cancelled: somebody stopped it.
    """
    if result is None:
        raise InvalidRequest(t("text.no_drawing"), hint=t("text.no_drawing_hint"))
    if role is Role.GUEST:
        services.guests.destination(session)
    saved = open_saved(result.folder)
    asked = Player.retiming(data, len(saved.timeline))
    changed = rerender(saved, changes_of(saved, asked), cancel=cancel)
    return Result(folder=changed.folder, original=result.original)


def changes_of(saved: SavedDrawing, asked: ShownRetiming) -> Changes:
    """The player counts shown parts; a re-render names parts by their place in the plan."""
    parts = [saved.timeline[shown].index for shown in asked.order]
    return Changes(
        retiming=Retiming(
            order=tuple(parts),
            durations_s=dict(zip(parts, asked.seconds, strict=True)),
            holds_s=dict.fromkeys(parts, asked.hold_s) if asked.hold_s else {},
        )
    )
