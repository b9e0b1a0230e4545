"""Downloads: what is on its way to this disk, one after another, paused and continued at will.

Nothing has to be remembered elsewhere: parts and records lie beside the files, so a download that a
restart interrupted is found again, paused.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.errors import AppError, Cancelled, InvalidRequest
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services import download_work
from videosketcher_app.services.download_entry import ENDED, DownloadView, Entry
from videosketcher_app.services.download_folders import (
    left_unfinished,
    remove_unfinished,
    standing_of,
)
from videosketcher_app.services.download_places import Places
from videosketcher_app.services.download_plan import sources_of

if TYPE_CHECKING:
    from videosketcher_app.models.catalogue import ModelRow
    from videosketcher_app.storage.downloads.limits import Limits

_CLOSING_S = 15.0
_log = logging.getLogger(__name__)


class Downloads:
    """Brings models and data sets, one at a time, on a thread that lives only while one waits.

    Args:
        folder: where each row gets a folder of its name.
        row_of: the row of the catalogue with a name.
        places: knows what is on this disk already, downloaded by whatever program.
        limits: how patient it is.
    """

    def __init__(
        self,
        folder: Path,
        settings: AppSettings,
        *,
        row_of: Callable[[str], ModelRow] | None = None,
        places: Places | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.folder = folder
        self._settings, self._limits = settings, limits
        self._row_of, self._places = row_of or _catalogue_row, places
        self._changed = threading.Condition()
        self._entries: dict[str, Entry] = {}
        self._looked = False
        self._running: Entry | None = None
        self._lines: download_work.Lines | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(
        self,
        name: str,
        *,
        source: str | None = None,
        revision: str | None = None,
        role: Role = Role.OWNER,
    ) -> DownloadView:
        """Puts a download at the end, after whatever it needs that is not here.

        What is here already is compared with the hub, and brought again where it differs.

        Raises:
            Forbidden: a guest asks.
            Offline: the settings forbid it.
            InvalidRequest: there is no such row or source, it comes with the app, or the app is closing.
        """
        require(role, Capability.MANAGE_MODELS)
        self._refuse_offline()
        rows = self.needed(name)
        sources_of(rows[-1], source)
        self._use_what_is_found(name)
        with self._changed:
            self._look_back()
            for row in rows:
                chosen = (source, revision) if row.name == name else (None, None)
                self._enqueue(row, *chosen)
            return self._entries[name].view()

    def pause(self, name: str, *, role: Role = Role.OWNER) -> DownloadView:
        """Stops for now; what has arrived stays.

        Raises:
            Forbidden: a guest asks.
            InvalidRequest: there is no such download.
        """
        require(role, Capability.MANAGE_MODELS)
        with self._changed:
            entry = self._entry(name)
            if entry.state not in ENDED:
                self._halt(entry, "paused")
            return entry.view()

    def go_on(self, name: str, *, role: Role = Role.OWNER) -> DownloadView:
        """Continues what was paused or failed, and what it needs first.

        Raises:
            Forbidden: a guest asks.
            Offline: the settings forbid it.
            InvalidRequest: there is no such download, or the app is closing.
        """
        require(role, Capability.MANAGE_MODELS)
        self._refuse_offline()
        with self._changed:
            self._entry(name)
        rows = self.needed(name)
        self._use_what_is_found(name)
        with self._changed:
            for row in rows:
                before = self._entries.get(row.name) or Entry(row)
                self._enqueue(row, before.source, before.revision)
            return self._entries[name].view()

    def stop(self, name: str, *, role: Role = Role.OWNER) -> None:
        """Gives a download up and removes what has arrived of it; one that is done stays.

        Raises:
            Forbidden: a guest asks.
            InvalidRequest: there is no such download.
            CannotWrite: something cannot be removed.
        """
        require(role, Capability.MANAGE_MODELS)
        with self._changed:
            entry = self._entry(name)
            self._halt(entry, "paused")
            self._changed.wait_for(lambda: self._running is not entry)
            del self._entries[name]
            self._changed.notify_all()
        remove_unfinished(self.folder / entry.row.name)

    def views(self) -> tuple[DownloadView, ...]:
        """Everything that waits, runs, ended since the start, or was left by an earlier one."""
        with self._changed:
            self._look_back()
            return tuple(entry.view() for entry in self._entries.values())

    def follow(self, names: Sequence[str], *, every_s: float = 0.2) -> Iterator[DownloadView]:
        """The views of some downloads as they change, until all have ended.

        Args:
            every_s: at least between two looks while nothing begins or ends.
        """
        waiting = list(names)
        while waiting:
            with self._changed:
                self._changed.wait(every_s)
                found = [self._entry(name).view() for name in waiting]
            yield from found
            waiting = [view.name for view in found if view.state not in ENDED]

    def close(self) -> None:
        """Pauses what runs and waits for its thread."""
        with self._changed:
            self._closed = True
            for entry in self._entries.values():
                if entry.state not in ENDED:
                    self._halt(entry, "paused")
            thread = self._thread
        if thread is not None:
            thread.join(_CLOSING_S)

    def needed(self, name: str) -> list[ModelRow]:
        """The rows that `start` would bring: what this one needs and is nowhere on this disk, then
        itself.

        Raises:
            InvalidRequest: there is no such row.
        """
        found: dict[str, ModelRow] = {}

        def add(each: str) -> None:
            for need in self._row_of(each).needs:
                if need not in found and need != name and not self._is_on_disk(need):
                    add(need)
                    found[need] = self._row_of(need)

        add(name)
        return [*(row for row in found.values() if row.sources), self._row_of(name)]

    def folder_of(self, name: str) -> Path:
        """Where a row's files go.

        Raises:
            InvalidRequest: there is no such row.
        """
        return self.folder / self._row_of(name).name

    def _is_on_disk(self, name: str) -> bool:
        return self._places is not None and self._places.has(name)

    def _use_what_is_found(self, name: str) -> None:
        """What a row needs and another program has brought is used where it lies."""
        for need in self._row_of(name).needs:
            if self._places is not None and self._places.has(need):
                self._places.use(need)
            self._use_what_is_found(need)

    def _enqueue(self, row: ModelRow, source: str | None, revision: str | None) -> None:
        if self._closed:
            raise InvalidRequest("The app is closing.", hint="Go on after the next start.")
        before = self._entries.get(row.name)
        if before is not None and before.state not in ENDED:
            return
        entry = Entry(row, source, revision)
        if before is not None:
            entry.bytes_done, entry.bytes_total = before.bytes_done, before.bytes_total
            del self._entries[row.name]  # to the end of the line
        self._entries[row.name] = entry
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="downloads", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _halt(self, entry: Entry, state: str) -> None:
        entry.state, entry.message, entry.hint = state, "", ""
        entry.token.cancel()
        if self._running is entry and self._lines is not None:
            self._lines.wire.hang_up()
        self._changed.notify_all()

    def _work(self) -> None:
        while (entry := self._next()) is not None:
            end, message, hint = self._bring(entry)
            with self._changed:
                self._running, self._lines = None, None
                if entry.state != "paused":
                    entry.state, entry.message, entry.hint = end, message, hint
                self._changed.notify_all()

    def _next(self) -> Entry | None:
        with self._changed:
            waiting = [entry for entry in self._entries.values() if entry.state == "waiting"]
            if not waiting:
                self._thread = None
                self._changed.notify_all()
                return None
            self._running = waiting[0]
            self._running.state = "running"
            self._changed.notify_all()
            return self._running

    def _bring(self, entry: Entry) -> tuple[str, str, str]:
        """Brings one row; how it ended, in words."""
        try:
            lines = download_work.open_lines(self._settings, self._limits)
            with self._changed:
                self._lines = lines
            with lines.wire:
                download_work.bring(
                    entry.row,
                    self.folder / entry.row.name,
                    lines,
                    source=entry.source,
                    revision=entry.revision,
                    on_standing=lambda standing: self._show(entry, standing),
                    cancel=entry.token,
                )
        except Cancelled:
            return "paused", "", ""
        except AppError as error:
            return "failed", error.message, error.hint
        except Exception:  # one odd answer must not end the thread that serves the others
            _log.exception("download failed")
            return (
                "failed",
                "The download stopped for a reason that nobody foresaw.",
                "Go on; if it happens again, look at the log.",
            )
        return "done", "", ""

    def _show(self, entry: Entry, standing: download_work.Standing) -> None:
        with self._changed:
            if entry.state == "paused":
                return
            entry.state = "verifying" if standing.stage == "verifying" else "running"
            entry.bytes_done, entry.bytes_total = standing.num_bytes, standing.total_bytes
            entry.message = standing.note
            entry.rate.saw(standing.num_bytes)

    def _look_back(self) -> None:
        """Finds, once, what an earlier start left unfinished."""
        if self._looked:
            return
        self._looked = True
        for name in left_unfinished(self.folder):
            try:
                row = self._row_of(name)
            except AppError:  # a row that a newer catalogue no longer has
                continue
            self._entries.setdefault(name, self._left(row))

    def _left(self, row: ModelRow) -> Entry:
        found = standing_of(self.folder / row.name)
        return Entry(
            row,
            found.source,
            found.revision,
            state="paused",
            bytes_done=found.num_bytes,
            bytes_total=found.total_bytes,
        )

    def _entry(self, name: str) -> Entry:
        self._look_back()
        if name not in self._entries:
            raise InvalidRequest(
                f"There is no download of {name!r}.", hint="Start it with `models download`."
            )
        return self._entries[name]

    def _refuse_offline(self) -> None:
        if self._settings.offline:
            from videosketcher_app.storage.downloads.errors import Offline

            raise Offline


def _catalogue_row(name: str) -> ModelRow:
    from videosketcher_app.models.catalogue import model_row

    return model_row(name)
