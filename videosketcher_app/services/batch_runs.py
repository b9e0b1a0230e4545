"""Batches of the app: in the background, behind everybody's own sketches, to stop and go on."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError, Cancelled, InvalidRequest
from videosketcher_app.core.events import Event
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.batch import SUMMARY, BatchEntry, BatchEvent, run_batch, shortened
from videosketcher_app.services.generation import Destination, GenerationService
from videosketcher_app.services.job import Job, Priority
from videosketcher_app.storage import archive
from videosketcher_app.storage.paths import slug

MAX_GUEST_PROMPTS = 10
AWAY_S = 90.0  # browsers wake a page in the background once a minute
MAX_ENDED = 100


@dataclass(frozen=True, kw_only=True)
class BatchCounts:
    """Prompts by how they ended, and how many there are in all."""

    total: int
    done: int
    skipped: int
    failed: int

    @property
    def ended(self) -> int:
        """Prompts that need nothing more."""
        return self.done + self.skipped + self.failed


class BatchRun:
    """One batch of the app: a thread of its own that asks for one drawing after another.

    Its rows are the entries of `run_batch`; those that have not ended are "waiting" or "drawing".

    Args:
        generation: queues behind others.
        folder: of this batch.
        force: draws again what is finished.
    """

    def __init__(
        self,
        generation: GenerationService,
        prompts: Sequence[str],
        settings: Mapping[str, Any],
        *,
        folder: Path,
        role: Role,
        session: str,
        force: bool = False,
        own_settings: Sequence[Mapping[str, Any]] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.prompts = tuple(prompts)
        self.settings = dict(settings)
        self.folder = folder
        self.role = role
        self.error = ""
        self.revision = 0
        self.current = 0
        self._generation = generation
        self._session = session
        self._force = force
        self.own_settings = tuple(own_settings)
        self.notes = tuple(notes) or ("",) * len(self.prompts)
        self._rows = [
            BatchEntry(index=index, prompt=shortened(prompt), status="waiting", note=note)
            for index, (prompt, note) in enumerate(zip(prompts, self.notes, strict=True), start=1)
        ]
        self._counts: Counter[str] = Counter(waiting=len(prompts))
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._is_stopped = False
        self._looked_at = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="batch", daemon=True)

    def start(self) -> None:
        """Begins; call it once."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """True until the last prompt has ended, or the batch was stopped."""
        return self._thread.is_alive()

    @property
    def is_stopped(self) -> bool:
        """True if somebody stopped it before its end."""
        return self._is_stopped

    @property
    def counts(self) -> BatchCounts:
        """How far it is."""
        with self._lock:
            done, skipped, failed = (self._counts[s] for s in ("done", "skipped", "failed"))
        return BatchCounts(total=len(self.prompts), done=done, skipped=skipped, failed=failed)

    def rows(self, first: int, count: int) -> list[BatchEntry]:
        """Some rows in order, `first` from 0; somebody is looking."""
        with self._lock:
            self._looked_at = time.monotonic()
            return self._rows[first : first + count]

    def stop(self) -> None:
        """Stops at the next step; what is finished stays."""
        with self._lock:
            self._is_stopped = True
            job = self._job
        if job is not None:
            job.cancel()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Blocks until it has ended; False if the time was over before."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def pack(self) -> Path:
        """A zip of all that this batch has drawn, with its summary.

        Raises:
            InvalidRequest: nothing is drawn.
            CannotWrite: the disk is full.
        """
        files = self.files()
        if not files:
            raise InvalidRequest("Nothing is drawn yet.", hint="Wait for the first drawing.")
        path = self.folder / f"{self.folder.name}.zip"
        archive.write_zip(path, files)
        return path

    def files(self) -> dict[str, Path]:
        """What goes into the zip, by name in it; empty without a drawing."""
        with self._lock:
            names = [row.folder for row in self._rows if row.folder]
        found = {
            f"{self.folder.name}/{name}/{path.name}": path
            for name in names
            for path in sorted((self.folder / name).glob("*.*"))
            if path.is_file()
        }
        summary = self.folder / SUMMARY
        if found and summary.is_file():
            found[f"{self.folder.name}/{SUMMARY}"] = summary
        return found

    def run(self, request: SketchRequest, *, destination: Destination) -> Iterator[Event]:
        """Draws one prompt; `run_batch` calls it.

        Raises:
            AppError: why it failed; Cancelled once the batch is stopped.
        """
        job = self._generation.submit(
            request,
            destination=destination,
            role=self.role,
            session=self._session,
            priority=Priority.TRAINING,  # everybody else goes first
        )
        with self._lock:
            self._job = job
        if self._is_stopped:
            job.cancel()
        try:
            yield from self._generation.follow(job)
        finally:
            job.cancel()

    def _work(self) -> None:
        events = run_batch(
            self,
            self.prompts,
            self.settings,
            output_dir=self.folder,
            force=self._force,
            own_settings=self.own_settings,
        )
        try:
            for event in events:
                self._note(event)
                if self._is_stopped:
                    break
        except Cancelled:
            self._is_stopped = True
        except AppError as error:
            self.error = str(error)
        finally:
            events.close()
            self._settle()

    def _note(self, event: BatchEvent) -> None:
        entry = event.entry
        if entry is None:
            if self.current == event.index:
                self._stop_if_alone()
                return
            entry = replace(self._rows[event.index - 1], status="drawing")
        note = self.notes[entry.index - 1]
        self._put(replace(entry, prompt=shortened(entry.prompt), note=note))

    def _put(self, entry: BatchEntry) -> None:
        with self._lock:
            self._counts[self._rows[entry.index - 1].status] -= 1
            self._counts[entry.status] += 1
            self._rows[entry.index - 1] = entry
            self.current = entry.index
            self.revision += 1

    def _stop_if_alone(self) -> None:
        """A guest who went away needs no more drawings; the owner's go on."""
        if self.role is Role.GUEST and time.monotonic() - self._looked_at > AWAY_S:
            self.stop()

    def _settle(self) -> None:
        """The prompt that was being drawn waits again."""
        with self._lock:
            rows = [row for row in self._rows if row.status == "drawing"]
        for row in rows:
            self._put(replace(row, status="waiting"))
        with self._lock:
            self.revision += 1


class BatchService:
    """The batches of the app: one at a time for the owner, and one for each guest.

    Args:
        generation: what draws.
    """

    def __init__(self, generation: GenerationService) -> None:
        self._generation = generation
        self._lock = threading.Lock()
        self._runs: dict[str, BatchRun] = {}

    def start(
        self,
        prompts: Sequence[str],
        settings: Mapping[str, Any],
        *,
        parent: Path,
        role: Role = Role.OWNER,
        session: str = "",
        force: bool = False,
        own_settings: Sequence[Mapping[str, Any]] = (),
        notes: Sequence[str] = (),
    ) -> BatchRun:
        """Begins a batch in a folder below `parent` that these prompts always get.

        Asking for the same prompts again, also after a restart, goes on where they were left.

        Args:
            settings: fields of every request but its prompt.
            force: draws again what is finished.
            own_settings: further fields for each prompt; none if all requests are alike.
            notes: what people read of these.

        Raises:
            InvalidRequest: a setting is not possible, a guest asks for too much, or a batch runs.
        """
        if role is Role.GUEST and len(prompts) > MAX_GUEST_PROMPTS:
            raise InvalidRequest(
                f"A guest's batch has at most {MAX_GUEST_PROMPTS} prompts. "
                f"Received: {len(prompts):,}",
                hint="Send fewer lines.",
            )
        SketchRequest(**{**settings, "prompt": "anything"})
        run = BatchRun(
            self._generation,
            prompts,
            settings,
            folder=parent / folder_of([*prompts, *(str(own) for own in own_settings)]),
            role=role,
            session=f"{session} batch",
            force=force,
            own_settings=own_settings,
            notes=notes,
        )
        with self._lock:
            earlier = self._runs.pop(self._key(role, session), None)
            if earlier is not None and earlier.is_running:
                self._runs[self._key(role, session)] = earlier
                raise InvalidRequest(
                    "A batch is being drawn already.", hint="Stop it, or wait for its end."
                )
            self._runs[self._key(role, session)] = run
            run.start()
            self._forget_ended()
        return run

    def current(self, role: Role, session: str) -> BatchRun | None:
        """The newest batch of the owner, or of this guest."""
        with self._lock:
            return self._runs.get(self._key(role, session))

    def _key(self, role: Role, session: str) -> str:
        return f"guest {session}" if role is Role.GUEST else "owner"

    def _forget_ended(self) -> None:
        ended = [key for key, run in self._runs.items() if not run.is_running]
        for key in ended[: max(0, len(ended) - MAX_ENDED)]:
            del self._runs[key]


def folder_of(prompts: Sequence[str]) -> str:
    """The name of a batch's folder: the first prompt's words, and a mark of all of them."""
    mark = hashlib.sha256("\n".join(prompts).encode("utf-8", "replace")).hexdigest()[:8]
    return f"batch_{slug(prompts[0], max_characters=24)}_{mark}"
