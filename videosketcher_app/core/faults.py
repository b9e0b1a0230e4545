"""Named fault points: places where a test makes a failure happen; no-ops in the product.

Code calls `faults.point("atomic.before_replace")` at a moment worth failing at. A test arms the
name with an action (raise, kill the process, block) or traces which points were passed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from videosketcher_app.core.errors import Interrupted

Action = Callable[[], None]


@dataclass
class Armed:
    """What a test armed: `hits` counts how often the point was passed since."""

    name: str
    action: Action
    skip: int = 0
    hits: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def fire(self) -> None:
        """Counts one pass and runs the action, unless it is among the first `skip`."""
        with self._lock:
            self.hits += 1
            due = self.hits > self.skip
        if due:
            self.action()


# Rebound as a whole, never changed in place, so that `point` may read them without a lock.
_armed: dict[str, Armed] = {}
_traces: tuple[list[str], ...] = ()
_change = threading.Lock()


def point(name: str) -> None:
    """A place where a test may make something happen; does nothing unless armed."""
    if not _armed and not _traces:
        return
    for trace in _traces:
        trace.append(name)
    armed_point = _armed.get(name)
    if armed_point is not None:
        armed_point.fire()


def interrupt() -> None:
    """The default action.

    Raises:
        Interrupted: always.
    """
    raise Interrupted("A fault point fired.", hint="A test armed it; it never fires otherwise.")


@contextmanager
def armed(name: str, action: Action = interrupt, *, skip: int = 0) -> Generator[Armed, None, None]:
    """Arms one point for the length of a `with` block; `skip` passes are let through first."""
    global _armed
    record = Armed(name=name, action=action, skip=skip)
    with _change:
        assert name not in _armed, f"{name} is armed already"
        _armed = {**_armed, name: record}
    try:
        yield record
    finally:
        with _change:
            _armed = {key: value for key, value in _armed.items() if key != name}


@contextmanager
def traced() -> Generator[list[str], None, None]:
    """Lists the names of the points passed within a `with` block, in order, of all threads."""
    global _traces
    names: list[str] = []
    with _change:
        _traces = (*_traces, names)
    try:
        yield names
    finally:
        with _change:
            _traces = tuple(trace for trace in _traces if trace is not names)


def armed_names() -> frozenset[str]:
    """The names that are armed now: empty in the product."""
    return frozenset(_armed)
