"""What can be spread over a cluster: numbered items, and a recipe that opens a maker of them.

An item's result is written by its maker, under its final name, and depends on the item's number
alone. So an item may be made anywhere, in any order and again, and a run goes on by what is missing.
In one process, a maker is opened and asked for each item in turn; a cluster does the same in many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class Maker(Protocol):
    """Makes items; has what they share, such as a model, loaded."""

    def make(self, item: int, /) -> Any:
        """Makes one item and returns how it ended, which includes what the item is to blame for.

        Raises:
            AppError: what would befall every item (a full disk).
        """
        ...

    def close(self) -> None:
        """Lets everything go."""
        ...


class Recipe(Protocol):
    """How a maker is opened. It is sent to other machines: plain values and absolute paths."""

    def open(self, device: str) -> Maker:
        """Loads what the items share.

        Args:
            device: "cuda" or "cpu".

        Raises:
            AppError: what would befall every item (a missing model).
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an item ended on a cluster.

    Attributes:
        value: what `Maker.make` returned.
        error: instead, why there is no value: it took its workers with it, again and again.
    """

    item: int
    value: Any = None
    error: str = ""
