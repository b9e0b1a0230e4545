"""LaunchOptions: how one start of the window is opened; what the command line says to the page."""

from __future__ import annotations

from dataclasses import dataclass

from videosketcher_app.core.access import FREE_SPACE_FLOOR_BYTES, UPLOAD_TIMEOUT_S
from videosketcher_app.services.presets import Notice


@dataclass(frozen=True, kw_only=True)
class LaunchOptions:
    """What one start of the window needs to know beside the settings.

    Attributes:
        share: a public link through a tunnel.
        login: (user, password) of guests; None makes one up where one is needed.
        is_class: seats for a class, and a wall.
        model: name in the catalogue that the Text tab starts with; None is the shipped one.
        keep_free_bytes: of the disk, that uploads never take.
        open_browser: shows the owner's page at once.
        upload_timeout_s: until a request that does not move is given up.
        notices: lines of the settings file that were left out.
    """

    share: bool = False
    login: tuple[str, str] | None = None
    is_class: bool = False
    model: str | None = None
    keep_free_bytes: int = FREE_SPACE_FLOOR_BYTES
    open_browser: bool = True
    upload_timeout_s: float = UPLOAD_TIMEOUT_S
    notices: tuple[Notice, ...] = ()
