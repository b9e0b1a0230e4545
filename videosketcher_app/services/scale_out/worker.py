"""One process of a cluster: looks whether it is in the right place, loads a model, makes items."""

from __future__ import annotations

import platform
from pathlib import Path

from videosketcher_app import __version__
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.scale_out.work import Maker, Recipe


class Worker:
    """The class of the actors.

    Args:
        recipe: opens the maker.
        device: that the worker was given, "cuda" or "cpu".
        marker: a file in the folder of the results, which every machine must see.
        version: of the app that asks.
    """

    def __init__(self, recipe: Recipe, device: str, marker: Path, version: str) -> None:
        self._recipe, self._device = recipe, device
        self._marker, self._version = marker, version
        self._maker: Maker | None = None

    def arrive(self) -> None:
        """Refuses to work where results would get lost or differ.

        Raises:
            InvalidRequest: the folder of the results is not here, or the app is another one.
        """
        if self._version != __version__:
            raise InvalidRequest(
                f"The app is {__version__} on {platform.node()} and {self._version} here.",
                hint="Install the same version on every machine of the cluster.",
            )
        if not self._marker.is_file():
            raise InvalidRequest(
                f"{platform.node()} does not see the folder {self._marker.parent}.",
                hint="Use folders on a disk that all machines share, under the same path.",
            )

    def open(self) -> None:
        """Loads what the items share; see `Recipe.open`."""
        self._maker = self._recipe.open(self._device)

    def make(self, item: int) -> object:
        """Makes one item; see `Maker.make`."""
        assert self._maker is not None, "a worker opens before it makes"
        return self._maker.make(item)

    def close(self) -> None:
        """Lets everything go."""
        if self._maker is not None:
            self._maker.close()
