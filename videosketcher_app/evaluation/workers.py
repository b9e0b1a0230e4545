"""Processes that measure and render for an evaluation, started once for all of its work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Any, TypeVar

Result = TypeVar("Result")


class Workers:
    """Calls run in other processes; leaving the block ends them, and calls that wait are dropped.

    Args:
        count: processes; 0 runs every call here, at once.
    """

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self._pool = (
            ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_use_one_core)
            if count
            else None
        )

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def submit(self, work: Callable[..., Result], *given: Any) -> Future[Result]:
        """One call; `work` is a function of a module, so that another process finds it."""
        if self._pool is not None:
            return self._pool.submit(work, *given)
        done: Future[Result] = Future()
        done.set_result(work(*given))
        return done

    def in_order(self, work: Callable[..., Result], calls: Iterable[tuple]) -> Iterator[Result]:
        """Results of calls in order; few are held at a time."""
        waiting: deque[Future[Result]] = deque()
        for given in calls:
            waiting.append(self.submit(work, *given))
            if len(waiting) > 2 * self.count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _use_one_core() -> None:
    """Stops OpenCV from starting a thread per core in each of many processes."""
    import cv2

    cv2.setNumThreads(1)
