"""ModelShelf: the weights in memory, loaded when first needed, with a state that people can see."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidRequest

logger = logging.getLogger(__name__)
STATES = ("not loaded", "loading", "ready", "failed")


@dataclass(frozen=True, kw_only=True)
class ShelfState:
    """Where one model is; `seconds` is how long loading took, `error` why it failed."""

    state: str = "not loaded"
    seconds: float = 0.0
    error: AppError | None = None


class ModelShelf:
    """Keeps one model in memory; asking for another one replaces it.

    Args:
        device: "auto", "cpu", "cuda", "cuda:1", ...; auto picks CUDA if there is any.
    """

    def __init__(self, *, device: str = "auto") -> None:
        self._wanted_device = device
        self._lock = threading.Lock()
        self._states: dict[str, ShelfState] = {}
        self._held: tuple[str, Any] | None = None

    def state(self, name: str) -> ShelfState:
        """Where a model is; never waits."""
        return self._states.get(name, ShelfState())

    def get(self, name: str) -> Any:
        """The model, loading it if needed; runs on the compute worker, one call at a time.

        Raises:
            MissingModel: its weights are not on this disk.
            DamagedModel: they are not what the catalogue says.
            InvalidRequest: there is no such model or device.
        """
        with self._lock:
            if self._held is not None and self._held[0] == name:
                return self._held[1]
            self._states = {name: ShelfState(state="loading")}
            self._held = None  # the old weights leave memory before the new ones enter it
            begun = time.monotonic()
            try:
                model = self._load(name)
            except AppError as error:
                self._states = {name: ShelfState(state="failed", error=error)}
                raise
            seconds = time.monotonic() - begun
            self._states = {name: ShelfState(state="ready", seconds=seconds)}
            self._held = (name, model)
            logger.info("%s loaded in %.2f s", name, seconds)
            return model

    def clear(self) -> None:
        """Lets the weights go."""
        with self._lock:
            self._states, self._held = {}, None

    def _load(self, name: str) -> Any:
        from videosketcher_app.models.catalogue import load_text_model

        return load_text_model(name, pick_device(self._wanted_device))


def pick_device(wanted: str) -> str:
    """The device that a setting means on this machine.

    Raises:
        InvalidRequest: it names a device that this machine has not.
    """
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError):  # torch built without that backend asserts
        raise InvalidRequest(
            f"This machine has no device {wanted!r}.",
            hint="Leave VIDEOSKETCHER_DEVICE out, or set it to cpu.",
        ) from None
    return wanted
