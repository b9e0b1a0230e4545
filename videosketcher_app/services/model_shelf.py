"""ModelShelf: the weights in memory, loaded when first needed, with a state that people can see."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.lease import DeviceLease, DeviceMemory, measure_device
from videosketcher_app.services.model_facts import facts_of

logger = logging.getLogger(__name__)
STATES = ("not loaded", "loading", "ready", "failed")


@dataclass(frozen=True, kw_only=True)
class ShelfState:
    """Where one model is; `seconds` is how long loading took, `error` why it failed.

    Attributes:
        num_bytes: of its weights in memory, measured once it is there.
    """

    state: str = "not loaded"
    seconds: float = 0.0
    num_bytes: int = 0
    error: AppError | None = None


class ModelShelf:
    """Keeps one model in memory; asking for another one replaces it.

    Args:
        device: "auto", "cpu", "cuda", "cuda:1", ...; auto picks CUDA if there is any.
        lease: the device's book; the weights are a resident grant in it.
    """

    def __init__(self, *, device: str = "auto", lease: DeviceLease | None = None) -> None:
        self._wanted_device = device
        self._lease = lease or DeviceLease(memory=lambda: measure_device(device))
        self._lock = threading.Lock()
        self._states: dict[str, ShelfState] = {}
        self._held: tuple[str, Any] | None = None

    def state(self, name: str) -> ShelfState:
        """Where a model is; never waits."""
        return self._states.get(name, ShelfState())

    @property
    def device(self) -> str:
        """The device's name; "auto" until something was loaded on it."""
        return str(self._held[1].device) if self._held is not None else self._wanted_device

    def memory(self) -> DeviceMemory:
        """The memory of the device as it is now."""
        return self._lease.memory()

    def get(self, name: str) -> Any:
        """The model, loading it if needed; runs on the compute worker, one call at a time.

        Raises:
            OutOfMemory: its weights do not fit beside what else holds the device.
            MissingModel: its weights are not on this disk.
            DamagedModel: they are not what the catalogue says.
            InvalidRequest: there is no such model or device.
        """
        with self._lock:
            if self._held is not None and self._held[0] == name:
                return self._held[1]
            self._states = {name: ShelfState(state="loading")}
            self._let_go()  # the old weights leave memory before the new ones enter it
            begun = time.monotonic()
            error: AppError | None = None
            try:
                self._lease.keep(name, facts_of(name).memory_bytes)
                model = self._load(name)
                num_bytes = weight_bytes(model)
                self._lease.keep(name, num_bytes)
                self._held = (name, model)
            except AppError as refused:
                error = refused
                raise
            finally:
                if self._held is None:  # whatever went wrong, nobody waits for it any longer
                    self._states = {name: ShelfState(state="failed", error=error)}
                    self._lease.release(name)
            seconds = time.monotonic() - begun
            self._states = {name: ShelfState(state="ready", seconds=seconds, num_bytes=num_bytes)}
            logger.info("%s loaded in %.2f s, %.1f MB", name, seconds, num_bytes / 1e6)
            return model

    def clear(self) -> None:
        """Lets the weights go."""
        with self._lock:
            self._states = {}
            self._let_go()

    def _let_go(self) -> None:
        if self._held is not None:
            self._lease.release(self._held[0])
            self._held = None

    def _load(self, name: str) -> Any:
        from videosketcher_app.models.catalogue import load_text_model

        return load_text_model(name, pick_device(self._wanted_device))


def weight_bytes(model: Any) -> int:
    """What a model's networks hold, in bytes, each tensor once."""
    networks = (model.transformer, model.text_encoder, model.vae)
    tensors = [t for network in networks for t in (*network.parameters(), *network.buffers())]
    return sum({t.data_ptr(): t.nelement() * t.element_size() for t in tensors}.values())


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
