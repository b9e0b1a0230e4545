"""Meter: the bytes of one upload, booked with its guest while they arrive, within what the disk has."""

from __future__ import annotations

from videosketcher_app.services.guests import Guest, GuestBook, QuotaExceeded
from videosketcher_app.ui.uploads import Refusal, declared_bytes
from videosketcher_app.ui.visit import Visit


class Meter:
    """Books the bytes of one upload with its guest while they arrive, and watches the disk."""

    _STEP_BYTES = 1 << 22  # between two looks at the disk

    def __init__(self, book: GuestBook, guest: Guest | None, visit: Visit) -> None:
        self._book, self._guest = book, guest
        self._num_bytes = self._looked_at = 0
        self._look(declared_bytes(visit.headers))

    def add(self, num_bytes: int) -> None:
        """Books one more piece, and looks now and then whether there is still room."""
        self._num_bytes += num_bytes
        if self._guest is not None:
            self._guest.incoming_bytes += num_bytes
        if self._num_bytes - self._looked_at >= self._STEP_BYTES:
            self._looked_at = self._num_bytes
            self._look(0)

    def close(self) -> None:
        """What arrived counts by its file from now on."""
        if self._guest is not None:
            self._guest.incoming_bytes -= self._num_bytes

    def _look(self, more_bytes: int) -> None:
        try:
            if self._guest is None:
                self._book.check_disk(more_bytes)
            else:
                self._book.check_room(self._guest, more_bytes)
        except QuotaExceeded as error:
            raise Refusal(413, str(error)) from None
