"""One download: as the service keeps it, and as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.services.download_rate import Rate

if TYPE_CHECKING:
    from videosketcher_app.models.catalogue import ModelRow

ENDED = ("paused", "done", "failed")


@dataclass(frozen=True, kw_only=True)
class DownloadView:
    """One download as a page shows it.

    Attributes:
        state: waiting, running, paused, verifying, done or failed.
        bytes_total: None while a size is not known.
        rate: bytes a second over the last seconds; 0 if nothing moves.
        seconds_left: None if it cannot be said.
        message: what is going on, or went wrong; one sentence or a file's name.
        hint: what to do about it.
    """

    name: str
    state: str
    bytes_done: int
    bytes_total: int | None
    rate: float
    seconds_left: float | None
    message: str
    hint: str


@dataclass
class Entry:
    """One download as the service keeps it; changed under the lock only."""

    row: ModelRow
    source: str | None = None
    revision: str | None = None
    state: str = "waiting"
    bytes_done: int = 0
    bytes_total: int | None = None
    message: str = ""
    hint: str = ""
    token: CancelToken = field(default_factory=CancelToken)
    rate: Rate = field(default_factory=Rate)

    def view(self) -> DownloadView:
        """What a page shows of it now."""
        moving = self.rate.bytes_per_s() if self.state == "running" else 0.0
        missing = None if self.bytes_total is None else self.bytes_total - self.bytes_done
        left = missing / moving if missing is not None and moving > 0 else None
        return DownloadView(
            name=self.row.name,
            state=self.state,
            bytes_done=self.bytes_done,
            bytes_total=self.bytes_total,
            rate=moving,
            seconds_left=left,
            message=self.message,
            hint=self.hint,
        )
