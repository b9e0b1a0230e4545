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


class Warming:
    """Keeps models warm for as long as somebody looks; safe to use from several threads."""

    def __init__(self, queue: JobQueue, models: ModelShelf) -> None:
        self._queue, self._models = queue, models
        self._lock = threading.Lock()
        self._looked_at: dict[object, str] = {}  # looker -> model
        self._jobs: dict[str, Job] = {}  # by model

    def look(self, looker: object, name: str) -> None:
        """Somebody looks at the paper: the model begins to load if it is not here. At once.

        Args:
            looker: whoever says `leave` later; looks at one model, the latest.
            name: of the model.
        """
        if self._looked_at.get(looker, name) != name:
            self.leave(looker)
        with self._lock:
            self._looked_at[looker] = name
            if name in self._jobs:
                return

            def body(_cancel: CancelToken) -> Iterator[Any]:
                yield Progress(step=0, num_steps=0, stage="loading")
                self._load(name)

            try:
                job = self._jobs[name] = self._queue.submit(
                    body, name=f"Loading {name}", priority=Priority.WARMING, session=_holder(name)
                )
            except QueueFull:  # the app is closing
                return
        job.when_ended(lambda ended: self._forget(name, ended))

    def leave(self, looker: object) -> None:
        """The looker has gone; the last one gives up what is not loaded yet, and the weights."""
        with self._lock:
            name = self._looked_at.pop(looker, None)
            if name is None or name in self._looked_at.values():
                return
            job = self._jobs.pop(name, None)
        if job is not None:
            job.cancel()
        self._models.unpin(_holder(name))

    def _load(self, name: str) -> None:
        """On the worker."""
        import cv2  # noqa: F401 (a first stroke needs it at once, and importing it takes a while)

        try:
            self._models.pin(name, _holder(name))
        except AppError as error:  # whoever begins to draw is told
            logger.info("%s is not loaded ahead of a drawing: %s", name, error)

    def _forget(self, name: str, job: Job) -> None:
        """The job has ended; while it loaded, the last one who looked may have left."""
        with self._lock:
            if self._jobs.get(name) is job:
                del self._jobs[name]
            is_left = name not in self._looked_at.values()
        if is_left:
            self._models.unpin(_holder(name))


def _holder(name: str) -> str:
    """Who pins a model that is looked at."""
    return f"Co-drawing, {name} looked at"
