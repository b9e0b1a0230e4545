"""Warming: the model begins to load while somebody looks at the empty paper, before a first stroke.

Looking takes no place and nobody waits for it: the load goes behind everything else in the queue, it
is given up when the last one who looked has left, and weights that do not fit are simply not there
yet. Whoever begins to draw pins the model for their own session.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, QueueFull
from videosketcher_app.core.events import Progress
from videosketcher_app.services.jobs import Job, JobQueue, Priority
from videosketcher_app.services.model_shelf import ModelShelf

logger = logging.getLogger(__name__)
_HOLDER = "Co-drawing, looked at"


class Warming:
    """Keeps the model warm for as long as somebody looks; safe to use from several threads."""

    def __init__(self, queue: JobQueue, models: ModelShelf) -> None:
        self._queue, self._models = queue, models
        self._lock = threading.Lock()
        self._lookers: set[object] = set()
        self._job: Job | None = None

    def look(self, looker: object, name: str) -> None:
        """Somebody looks at the paper: the model begins to load if it is not here. At once.

        Args:
            looker: whoever says `leave` later.
            name: of the model.
        """
        with self._lock:
            self._lookers.add(looker)
            if self._job is not None:
                return

            def body(_cancel: CancelToken) -> Iterator[Any]:
                yield Progress(step=0, num_steps=0, stage="loading")
                self._load(name)

            try:
                job = self._job = self._queue.submit(
                    body, name=f"Loading {name}", priority=Priority.WARMING, session=_HOLDER
                )
            except QueueFull:  # the app is closing
                return
        job.when_ended(self._forget)

    def leave(self, looker: object) -> None:
        """The looker has left; the last one gives up what is not loaded yet, and the weights."""
        with self._lock:
            self._lookers.discard(looker)
            if self._lookers:
                return
            job, self._job = self._job, None
        if job is not None:
            job.cancel()
        self._models.unpin(_HOLDER)

    def _load(self, name: str) -> None:
        """On the worker."""
        import cv2  # noqa: F401 (a first stroke needs it at once, and importing it takes a while)

        try:
            self._models.pin(name, _HOLDER)
        except AppError as error:  # whoever begins to draw is told
            logger.info("%s is not loaded ahead of a drawing: %s", name, error)

    def _forget(self, job: Job) -> None:
        """The job has ended; while it loaded, the last one who looked may have left."""
        with self._lock:
            if self._job is job:
                self._job = None
            is_empty = not self._lookers
        if is_empty:
            self._models.unpin(_HOLDER)
