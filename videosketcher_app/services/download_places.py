"""What a download need not bring, because some program brought it to this disk before."""

from __future__ import annotations

from typing import Protocol

from videosketcher_app.services.model_store import ModelStore


class Places(Protocol):
    """What is on this disk."""

    def has(self, name: str) -> bool:
        """True if a row is whole, wherever it lies."""
        ...

    def use(self, name: str) -> None:
        """Makes the app draw with a row that `has` knows."""
        ...


class StoredPlaces:
    """The places that the app's store of models knows or finds.

    Args:
        store: looks into the app's folder, the hubs' caches and other programs' folders.
    """

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    def has(self, name: str) -> bool:
        """True if a row is whole, here or elsewhere."""
        return self._store.card(name).state in ("shipped", "here", "found")

    def use(self, name: str) -> None:
        """Draws with it where it was found; nothing is copied."""
        card = self._store.card(name)
        if card.state == "found" and card.place is not None:
            self._store.use_place(name, card.place)
