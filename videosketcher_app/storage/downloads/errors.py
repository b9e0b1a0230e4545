"""What can go wrong with a download: for people, and between the modules of this package."""

from __future__ import annotations

from videosketcher_app.core.errors import AppError


class DownloadFailed(AppError):
    """A server is out of reach, refuses, or sends something else than what it promised."""

    code = "DOWNLOAD_FAILED"


class Offline(AppError):
    """The settings forbid the network."""

    code = "OFFLINE"

    def __init__(self) -> None:
        super().__init__(
            "Nothing is downloaded: the app is set to work offline.",
            hint="Unset VIDEOSKETCHER_OFFLINE (or HF_HUB_OFFLINE) and start again.",
        )


class Trouble(Exception):
    """Something that may be over in a moment: a cut, a stall, a busy server.

    Args:
        sentence: for people, if it does not pass.
        wait_s: how long the server asks to be left alone; None if it does not say.
    """

    def __init__(self, sentence: str, *, wait_s: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.wait_s = wait_s
