"""CoDrawService: who co-draws, whether there is room, and how long a drawing waits for its owner."""

from __future__ import annotations

from pathlib import Path

from videosketcher_app.core.access import Role
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.services.codraw.session import Session


class CoDrawService:
    """All sessions of this start of the app; safe to use from several threads."""

    def open(self, owner: str, request: CoDrawRequest, *, role: Role = Role.OWNER) -> Session:
        """A new session on blank paper; loads the model if needed, so call it off the event loop.

        Args:
            owner: who may come back to it: the name of the guest, "" for the owner of the machine.

        Raises:
            Forbidden: the role may not co-draw.
            SessionsFull: no more sessions fit into memory, or this visitor has enough of them.
            MissingModel: there is no causal model on this disk.
            InvalidRequest: the canvas does not fit the model.
        """
        raise NotImplementedError

    def get(self, session_id: str, owner: str) -> Session:
        """The session, from memory or from the disk after a restart; it counts as connected.

        Raises:
            NoSession: there is none of that id for this visitor; the same words for every reason.
        """
        raise NotImplementedError

    def of(self, owner: str) -> list[str]:
        """Ids of the drawings that this visitor can come back to, latest first."""
        raise NotImplementedError

    def leave(self, session_id: str, owner: str) -> None:
        """The visitor's connection is gone: the session is kept for 15 minutes."""
        raise NotImplementedError

    def close(self, session_id: str, owner: str) -> None:
        """Ends a session and deletes what it left on the disk."""
        raise NotImplementedError

    def sweep(self) -> int:
        """Ends sessions that nobody came back to; how many. Called now and then by the app."""
        raise NotImplementedError

    def shutdown(self) -> None:
        """Lets go of everything; drawings stay on the disk."""
        raise NotImplementedError

    def folder_of(self, session_id: str, owner: str) -> Path:
        """Where the session's files are (exports too)."""
        raise NotImplementedError
