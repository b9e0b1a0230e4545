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
    """Keeps one model in memory, and beside it those that somebody has pinned.

    Asking for another model replaces the one that is not pinned. Every model is booked once, however
    many hold it.

    Args:
        device: "auto", "cpu", "cuda", "cuda:1", ...; auto picks CUDA if there is any.
        lease: the device's book; the weights are a resident grant in it.
    """

    def __init__(self, *, device: str = "auto", lease: DeviceLease | None = None) -> None:
        self._wanted_device = device
        self._lease = lease or DeviceLease(memory=lambda: measure_device(device))
        self._lock = threading.Lock()
        self._states: dict[str, ShelfState] = {}
        self._models: dict[str, Any] = {}
        self._asked_for = ""  # the latest model that was got without a pin
        self._pins: dict[str, str] = {}  # holder -> model

    def state(self, name: str) -> ShelfState:
        """Where a model is; never waits."""
        return self._states.get(name, ShelfState())

    @property
    def device(self) -> str:
        """The device's name; "auto" until something was loaded on it."""
        model = next(iter(self._models.copy().values()), None)
        return str(model.device) if model is not None else self._wanted_device

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
            self._asked_for = name
            self._let_go_of_others()  # the old weights leave memory before the new ones enter it
            return self._loaded(name)

    def pin(self, name: str, holder: str) -> Any:
        """The model as `get` gives it, and it stays until this holder's `unpin`.

        A holder pins one model; others on the shelf stay where they are.

        Raises:
            AppError: as `get` does; then nothing is pinned.
        """
        with self._lock:
            assert self._pins.get(holder, name) == name, "a holder pins one model"
            model = self._loaded(name)
            self._pins[holder] = name
            return model

    def unpin(self, holder: str) -> None:
        """The holder needs its model no longer; one without a pin changes nothing."""
        with self._lock:
            if self._pins.pop(holder, None) is not None:
                self._let_go_of_others()

    def clear(self) -> None:
        """Lets all weights go."""
        with self._lock:
            self._pins = {}
            self._asked_for = ""
            self._let_go_of_others()
            self._states = {}

    def _loaded(self, name: str) -> Any:
        if name in self._models:
            return self._models[name]
        self._states = {**self._kept_states(), name: ShelfState(state="loading")}
        begun = time.monotonic()
        error: AppError | None = None
        try:
            self._lease.keep(name, facts_of(name).memory_bytes)
            model = self._load(name)
            num_bytes = weight_bytes(model)
            self._lease.keep(name, num_bytes)
            self._models[name] = model
        except AppError as refused:
            error = refused
            raise
        finally:
            if name not in self._models:  # whatever went wrong, nobody waits for it any longer
                self._states = {
                    **self._kept_states(),
                    name: ShelfState(state="failed", error=error),
                }
                self._lease.release(name)
        seconds = time.monotonic() - begun
        ready = ShelfState(state="ready", seconds=seconds, num_bytes=num_bytes)
        self._states = {**self._kept_states(), name: ready}
        logger.info("%s loaded in %.2f s, %.1f MB", name, seconds, num_bytes / 1e6)
        return model

    def _kept_states(self) -> dict[str, ShelfState]:
        """Of the models that are here; what failed before is forgotten."""
        return {name: state for name, state in self._states.items() if name in self._models}

    def _let_go_of_others(self) -> None:
        """Drops every model that was neither asked for last nor is pinned."""
        for name in self._models.keys() - {self._asked_for, *self._pins.values()}:
            del self._models[name]
            self._lease.release(name)
        self._states = self._kept_states()

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
