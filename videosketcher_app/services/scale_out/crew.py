"""The workers of one run on a cluster: hired, given one step at a time, replaced when lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from videosketcher_app.core.errors import AppError
from videosketcher_app.services.model_manager.trouble import DeviceLost

logger = logging.getLogger(__name__)

CLOSING_S = 20.0  # for workers to let go in order at the end


@dataclass(frozen=True, kw_only=True, eq=False)
class Hand:
    """What a worker is doing.

    Attributes:
        actor: Ray's handle.
        step: "arrive", "open" or "make".
        item: being made.
    """

    actor: Any
    step: str
    item: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A step of a worker that has ended.

    Attributes:
        value: what it returned.
        lost: instead, why the worker is no longer there; "" if it is.
    """

    hand: Hand
    value: Any = None
    lost: str = ""


class Crew:
    """Workers that are busy or have just ended a step.

    Args:
        hire: starts an actor of `Worker`.
    """

    def __init__(self, hire: Callable[[], Any]) -> None:
        self._hire = hire
        self._busy: dict[Any, Hand] = {}
        self._idle: list[Any] = []

    @property
    def size(self) -> int:
        """Workers that were hired and not lost."""
        return len(self._busy) + len(self._idle)

    def count(self, step: str) -> int:
        """Workers that do this."""
        return sum(hand.step == step for hand in self._busy.values())

    def hire(self) -> None:
        """Asks for one more worker, who comes when the cluster has a place."""
        self._begin(self._hire(), "arrive")

    def open(self, actor: Any) -> None:
        """Has a worker load what the items share."""
        self._begin(actor, "open")

    def make(self, actor: Any, item: int) -> None:
        """Has a worker make an item."""
        self._begin(actor, "make", item)

    def rest(self, actor: Any) -> None:
        """Keeps a worker who has nothing to do."""
        self._idle.append(actor)

    def rested(self) -> Any | None:
        """A worker who has nothing to do, if there is one."""
        return self._idle.pop() if self._idle else None

    def next_ended(self, timeout_s: float) -> Ended | None:
        """The next step that ends, or None if the time is over before.

        Raises:
            AppError: what a worker says would befall every item.
        """
        import ray
        from ray.exceptions import RayError, RayTaskError

        ready, _ = ray.wait(list(self._busy), num_returns=1, timeout=timeout_s)
        if not ready:
            return None
        hand = self._busy.pop(ready[0])
        try:
            return Ended(hand=hand, value=ray.get(ready[0]))
        except RayTaskError as error:
            if isinstance(error.cause, AppError) and not isinstance(error.cause, DeviceLost):
                raise error.cause from None
            lost = f"{type(error.cause).__name__}: {error.cause}"
            logger.warning("A worker failed to %s: %s", hand.step, error)
        except RayError as error:
            lost = "the worker was lost"
            logger.warning("A worker was lost: %s", str(error).partition("\n")[0])
            logger.debug("%s", error)
        # After an error of unknown effect a worker is not trusted: a broken device stays broken.
        ray.kill(hand.actor)
        return Ended(hand=hand, lost=lost)

    def close(self) -> None:
        """Lets idle workers end in order, then ends all of them."""
        import ray

        closing = [actor.close.remote() for actor in self._idle]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=CLOSING_S)
        self.kill()

    def kill(self) -> None:
        """Ends all workers at once; what they are writing never gets its name."""
        import ray

        for actor in [*self._idle, *(hand.actor for hand in self._busy.values())]:
            ray.kill(actor)
        self._idle.clear()
        self._busy.clear()

    def _begin(self, actor: Any, step: str, item: int | None = None) -> None:
        method = getattr(actor, step)
        promise = method.remote() if item is None else method.remote(item)
        self._busy[promise] = Hand(actor=actor, step=step, item=item)
