"""Ladder: a job that ran out of memory is repeated with less, rung by rung, until it fits or ends.

    1. what nobody uses is let go: caches, and models that are not pinned
    2. the weights are streamed, 3. frames are decoded in tiles, 4. weights in 8 bits, 5. from disk

A rung is taken once. The job is repeated from its beginning with the same request and seed, so
nothing of it is lost but time. At the end stands one clear sentence with what it would have needed.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Generator
from dataclasses import asdict
from typing import Any, TypeVar

from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.models.machine import free_unused, is_out_of_memory
from videosketcher_app.services.model_manager.planning import Placed
from videosketcher_app.services.model_manager.plans import MORE_ROOM, MemoryPlans
from videosketcher_app.services.model_manager.sizes import Clip
from videosketcher_app.services.model_manager.views import gigabytes
from videosketcher_app.services.model_shelf import ModelShelf

logger = logging.getLogger(__name__)
Event = TypeVar("Event")
Result = TypeVar("Result")
FREED = "What nobody used was let go."
MAX_SAID = 20


class Ladder:
    """Runs work that may run out of memory. Used on the compute worker.

    Args:
        plans: chooses the next lower plan.
        shelf: where the model is loaded again.
    """

    def __init__(self, plans: MemoryPlans, shelf: ModelShelf) -> None:
        self._plans, self._shelf = plans, shelf
        self._lock = threading.Lock()
        self._said: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """What was given up lately, a sentence each, the latest last."""
        return self._said

    def climb(
        self,
        name: str,
        attempt: Callable[[], Generator[Event, None, Result]],
        *,
        asked: SketchRequest,
        save: Callable[[], str | None] = lambda: None,
    ) -> Generator[Event, None, tuple[Result, tuple[str, ...]]]:
        """Yields the attempt's events; returns its result and what was given up for it.

        Args:
            name: of the model that the attempt gets from the shelf.
            attempt: begins anew each time it is called.
            asked: what it draws; a size beyond the device is refused before anything is loaded.
            save: makes the next attempt take less by itself, before the weights do, and says how;
                None if it cannot.

        Raises:
            OutOfMemory: nothing is left to give up.
        """
        clip = self._plans.clip(name, asked.to_mapping())
        self._prepare(name, clip)
        given_up: list[str] = []
        while True:
            try:
                return (yield from attempt()), tuple(given_up)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                traceback.clear_frames(error.__traceback__)  # they hold what filled the memory
            rung = self._next_rung(name, save, first=not given_up)
            if rung is None:
                raise self._end(name, clip, given_up)
            given_up.append(rung)
            self.say(f"{name}: memory ran out. {rung}")

    def record(self, name: str, given_up: tuple[str, ...]) -> dict[str, Any]:
        """For a run's files: the memory plan of a model that has one, and what was given up."""
        placed = self._placed(name)
        record: dict[str, Any] = {}
        if placed is not None:
            record["memory_plan"] = asdict(placed.plan)
        if given_up:
            record["given_up"] = list(given_up)
        return record

    def _prepare(self, name: str, clip: Clip | None) -> None:
        """Refuses what cannot fit, and has the model loaded anew if this clip needs another plan."""
        if clip is None:
            return
        models = self._shelf.loaded()
        leaving = [model.name for model in models if not model.is_pinned]
        self._plans.want(name, clip, without=leaving)
        placed = self._placed(name)
        if placed is not None and not self._plans.suits(name, placed.plan, without=leaving):
            self._shelf.plan_again(name)

    def _placed(self, name: str) -> Placed | None:
        return {model.name: model.placed for model in self._shelf.loaded()}.get(name)

    def _next_rung(self, name: str, save: Callable[[], str | None], *, first: bool) -> str | None:
        """Gives up one thing and says what; None if nothing is left."""
        if first:
            if not self._shelf.let_go_of_unpinned(but=name):
                free_unused()
            return FREED
        saved = save()
        if saved is not None:
            return saved
        placed = self._placed(name)
        rung = self._plans.give_up(name, placed.plan if placed is not None else None)
        if rung is not None:
            self._shelf.plan_again(name)
            self._shelf.let_go_of_unpinned()
        return rung

    def _end(self, name: str, clip: Clip | None, given_up: list[str]) -> OutOfMemory:
        needs = self._plans.fit(name, clip).needed_bytes
        size = f" at {clip.width}x{clip.height} and {clip.num_frames} frames" if clip else ""
        tried = " Tried in vain: " + " ".join(given_up) if given_up else ""
        return OutOfMemory(
            f"{name}{size} needs about {gigabytes(needs)}, and there is not enough memory for it."
            f"{tried}",
            hint=MORE_ROOM,
        )

    def say(self, sentence: str) -> None:
        """Notes what was given up, for people; from any thread."""
        logger.warning("%s", sentence)
        with self._lock:
            self._said = (*self._said, sentence)[-MAX_SAID:]
