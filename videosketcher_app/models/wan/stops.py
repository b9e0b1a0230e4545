"""Stops: whom a drawing asks within a step whether to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Part = TypeVar("Part")


@dataclass(kw_only=True)
class Stops:
    """Asks before every part of the work; copies of a model share it.

    Hooks do not do where blocks are compiled, or where their modules are called one by one.

    Attributes:
        check: may raise; None asks nobody.
    """

    check: Callable[[], None] | None = None

    def before_each(self, parts: Iterable[Part]) -> Watched[Part]:
        """The same parts; before each of them `check` is called."""
        return Watched(parts, self)


class Watched(Generic[Part]):
    """Parts that can be gone through as often as those within."""

    def __init__(self, parts: Iterable[Part], stops: Stops) -> None:
        self._parts, self._stops = parts, stops

    def __iter__(self) -> Iterator[Part]:
        for part in self._parts:
            if self._stops.check is not None:
                self._stops.check()
            yield part
