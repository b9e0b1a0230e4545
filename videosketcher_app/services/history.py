"""HistoryService: the owner's drawings and what was asked for, across restarts and kills.

The disk decides: the database is an index of the outputs folder that can be made again from it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.history_index import (
    EXPORTS,
    Changes,
    binned,
    root_name,
    sweep,
    sync,
)
from videosketcher_app.services.history_journal import Journal, Place, planned_from_mapping
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.process_mark import lives
from videosketcher_app.services.saved import SavedDrawing, open_saved
from videosketcher_app.storage import folders
from videosketcher_app.storage.history import UNFINISHED, DrawingRow, HistoryStore, JobRow
from videosketcher_app.storage.paths import Workspace, safe_join, slug

logger = logging.getLogger(__name__)

KEPT_JOBS = 1000
_GONE_HINT = "Reload the gallery; drawings whose files were moved come back with their files."


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """Everything that draws the same bytes again.

    Attributes:
        planned: the plan that was drawn; None if the job was stopped before it had one.
        place: where the drawing goes.
    """

    request: SketchRequest
    planned: PlannedDrawing | None
    place: Place


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """What a start found: jobs that a crash stopped, and what changed on the disk."""

    interrupted: int = 0
    changes: Changes = field(default_factory=Changes)


class HistoryService:
    """The index of one outputs folder; opens its database when first used.

    Args:
        workspace: holds the database and the bin.
        output_dir: holds the drawings.
    """

    def __init__(self, *, workspace: Workspace, output_dir: Path) -> None:
        self.output_dir = output_dir
        self._workspace = workspace
        self._opening = threading.Lock()
        self._disk = threading.RLock()  # one walk or move at a time; writing down jobs goes on
        self._store: HistoryStore | None = None
        self._is_recovered = False
        self.journal = Journal(self._opened, output_dir)

    @property
    def _root(self) -> str:
        return root_name(self.output_dir)

    def recover(self) -> Recovery:
        """Marks what a crash left behind and brings the index in step with the disk.

        Cheap when nothing changed, so that a page may call it whenever it is opened.

        Raises:
            CannotWrite: the database or the outputs folder cannot be used.
        """
        with self._disk:
            store = self._opened()
            if not self._is_recovered:
                sweep(self.output_dir)
                store.prune_jobs(KEPT_JOBS)
            afresh = store.was_damaged and not self._is_recovered
            changes = sync(store, self.output_dir, self._workspace.bin, afresh=afresh)
            interrupted = self._mark_interrupted(store, changes.found)
            self._is_recovered = True
        return Recovery(interrupted=interrupted, changes=changes)

    def rebuild(self, output_dir: Path | None = None) -> int:
        """Reads every folder again; returns the number of drawings. Stars are kept.

        Args:
            output_dir: of these drawings; the service's own by default.

        Raises:
            CannotWrite: the database cannot be used.
        """
        folder = output_dir or self.output_dir
        with self._disk:
            store = self._opened()
            sync(store, folder, self._workspace.bin, afresh=True)
            return store.count(root_name(folder))

    def drawings(
        self, *, search: str = "", favorites: bool = False, limit: int = -1, offset: int = 0
    ) -> list[DrawingRow]:
        """Drawings, newest first; every word of `search` occurs in concept, plan, model or seed."""
        return self._opened().drawings(
            self._root, search=search, favorites=favorites, limit=limit, offset=offset
        )

    def count(self, *, search: str = "", favorites: bool = False) -> int:
        """How many drawings there are."""
        return self._opened().count(self._root, search=search, favorites=favorites)

    def drawing(self, drawing_id: str) -> DrawingRow:
        """One drawing that is in its place.

        Raises:
            InvalidRequest: there is none of this id.
        """
        row = self._opened().drawing(drawing_id)
        if row is None or row.root != self._root or row.place != "here":
            raise InvalidRequest("This drawing is not in the gallery.", hint=_GONE_HINT)
        return row

    def folder_of(self, row: DrawingRow) -> Path:
        """A drawing's folder, which lies below the outputs whatever the database says.

        Raises:
            ForbiddenPath: it does not.
        """
        return safe_join(self.output_dir, row.folder)

    def open(self, drawing_id: str) -> SavedDrawing:
        """A drawing's files, request and plan.

        Raises:
            InvalidRequest: there is none of this id, or a file of it is missing or damaged.
        """
        return open_saved(self.folder_of(self.drawing(drawing_id)))

    def set_favorite(self, drawing_id: str, favorite: bool) -> None:
        """Gives or takes a star."""
        self._opened().set_favorite(self.drawing(drawing_id).id, favorite)

    def delete(self, drawing_id: str) -> None:
        """Moves a drawing's folder to the bin.

        Raises:
            CannotWrite: it cannot be moved; it stays where it is.
        """
        row = self.drawing(drawing_id)
        target = binned(self._workspace.bin, row.id)
        with self._disk:
            folders.remove_folder(target)  # a copy that a crash left when the original stayed
            folders.move_folder(self.folder_of(row), target)
            self._opened().set_places({row.id: "bin"})

    def restore(self, drawing_id: str) -> DrawingRow:
        """Brings a drawing back from the bin, under another name if its own is taken.

        Raises:
            InvalidRequest: it is not in the bin.
            CannotWrite: it cannot be moved; it stays in the bin.
        """
        with self._disk:
            store = self._opened()
            row = store.drawing(drawing_id)
            if row is None or row.place != "bin":
                raise InvalidRequest("This drawing is not in the bin.", hint=_GONE_HINT)
            wanted = safe_join(self.output_dir, row.folder)
            target = folders.free_path(wanted.parent, wanted.name)
            folder = target.relative_to(self.output_dir).as_posix()
            # The row first: if the move does not happen, the next look at the disk says "bin".
            store.set_here(row.id, root=self._root, folder=folder)
            try:
                folders.move_folder(binned(self._workspace.bin, row.id), target)
            except AppError:
                if not target.is_dir():
                    store.set_places({row.id: "bin"})
                raise
        return self.drawing(row.id)

    def in_bin(self) -> list[DrawingRow]:
        """Deleted drawings."""
        return self._opened().drawings(self._root, place="bin")

    def empty_bin(self) -> int:
        """Removes deleted drawings for good; returns how many.

        Raises:
            CannotWrite: a file cannot be removed.
        """
        with self._disk:
            rows = self.in_bin()
            for row in rows:
                folders.remove_folder(binned(self._workspace.bin, row.id))
                self._opened().remove_drawings([row.id])
        return len(rows)

    def export(self, drawing_ids: Sequence[str], *, name: str = "drawings") -> Path:
        """Copies the folders of these drawings into a new folder among the outputs.

        Raises:
            InvalidRequest: nothing is chosen, or a drawing is gone.
            CannotWrite: the disk is full; nothing half-written remains.
        """
        if not drawing_ids:
            raise InvalidRequest("No drawing is chosen.", hint="Tick the drawings to export.")
        sources = [self.folder_of(self.drawing(drawing_id)) for drawing_id in drawing_ids]
        target = folders.free_path(self.output_dir / EXPORTS, slug(name))
        folders.copy_folders(sources, target)
        return target

    def interrupted(self) -> list[JobRow]:
        """Jobs that a crash or the app's end stopped, newest first."""
        return self._opened().jobs("interrupted", root=self._root)[::-1]

    def dismiss(self, job_id: str) -> None:
        """Takes an interrupted job out of sight: waved away, or drawn again."""
        self._opened().dismiss(job_id)

    def rerun(self, job_id: str) -> Rerun:
        """What draws a job again, with the same bytes as result.

        Raises:
            InvalidRequest: there is no such job, or its request cannot be read.
        """
        row = self._opened().job(job_id)
        if row is None or row.root != self._root:
            raise InvalidRequest("This sketch is not in the history.", hint="Ask for it anew.")
        relative = str(row.destination.get("folder", "."))
        folder = self.output_dir if relative == "." else safe_join(self.output_dir, relative)
        return Rerun(
            request=SketchRequest.from_mapping(row.request),
            planned=None if row.planned is None else planned_from_mapping(row.planned),
            place=Place(
                folder=folder,
                prefix=str(row.destination.get("prefix", "")),
                gif=row.destination.get("gif") is True,
            ),
        )

    def closing(self) -> None:
        """The app is about to stop its jobs: they count as interrupted, not as cancelled."""
        self.journal.closing()

    def close(self) -> None:
        """Gives the database back, once no job runs any more."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _opened(self) -> HistoryStore:
        with self._opening:
            if self._store is None:
                self._store = HistoryStore(self._workspace.history)
            return self._store

    def _mark_interrupted(self, store: HistoryStore, found: Sequence[str]) -> int:
        """Ends jobs of dead processes; returns how many were interrupted.

        Args:
            found: folders that were complete but unknown: their jobs were killed too late to matter.
        """
        dead = [job for job in store.jobs(*UNFINISHED) if not lives(job.process)]
        interrupted = 0
        for job in dead:
            is_drawn = job.root == self._root and self._is_drawn(job, found)
            store.end_job(job.id, "done" if is_drawn else "interrupted")
            interrupted += not is_drawn
        return interrupted

    def _is_drawn(self, job: JobRow, found: Sequence[str]) -> bool:
        """True if one of these folders holds this very request with this very plan."""
        try:
            rerun = self.rerun(job.id)
            saved = [open_saved(safe_join(self.output_dir, folder)) for folder in found]
        except AppError as error:
            logger.info("An interrupted job cannot be compared: %s", error)
            return False
        return any(_is_of(drawing, rerun) for drawing in saved)


def _is_of(saved: SavedDrawing, rerun: Rerun) -> bool:
    return (
        rerun.planned is not None
        and saved.folder.name.startswith(rerun.place.prefix)
        and saved.request == rerun.request
        and str(saved.planned.plan) == str(rerun.planned.plan)
        and str(saved.planned.model_plan) == str(rerun.planned.model_plan)
    )
