"""ModelShelf: the weights in memory, loaded when first needed, with a state that people can see."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.models.machine import free_unused
from videosketcher_app.models.memory_plan import PAGEABLE
from videosketcher_app.services.lease import DeviceLease, DeviceMemory, measure_device
from videosketcher_app.services.model_facts import facts_of

if TYPE_CHECKING:
    from videosketcher_app.models.memory_plan import MemoryPlan
    from videosketcher_app.services.model_manager.planning import Placed

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


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model that is in memory.

    Attributes:
        num_bytes: of the device that it has booked.
        placed: the memory plan that it was loaded by; None for models that have none.
        is_pinned: it stays when another model needs the room.
        streams_slowly: the system did not lock memory for the card, so copies from it are slow.
    """

    name: str
    num_bytes: int
    placed: Placed | None
    is_pinned: bool
    streams_slowly: bool = False


Place = Callable[[str], "Placed | None"]


class ModelShelf:
    """Keeps one model in memory, and beside it those that somebody has pinned.

    Asking for another model replaces the one that is not pinned. Every model is booked once, however
    many hold it. When the device is short, the one that is not pinned makes room, too.

    Args:
        device: "auto", "cpu", "cuda", "cuda:1", ...; auto picks CUDA if there is any.
        lease: the device's book; the weights are a resident grant in it.
        place: chooses a model's memory plan just before it is loaded; None for models without one.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        lease: DeviceLease | None = None,
        place: Place = lambda _name: None,
    ) -> None:
        self._wanted_device = device
        self._lease = lease or DeviceLease(memory=lambda: measure_device(device))
        self._lease.when_short(self.let_go_of_unpinned)
        self._place = place
        self._lock = threading.RLock()
        self._states: dict[str, ShelfState] = {}
        self._models: dict[str, Any] = {}
        self._placed: dict[str, Placed | None] = {}
        self._outdated: set[str] = set()  # to be loaded again by a new plan when next asked for
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
            if name in self._outdated and name not in self._pins.values():
                self._asked_for = ""
                self._let_go_of_others()
            self._asked_for = name
            self._let_go_of_others()  # the old weights leave memory before the new ones enter it
            model = self._loaded(name)
            self._asked_for = name  # making room forgot it
            return model

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

    def loaded(self) -> tuple[Loaded, ...]:
        """The models in memory; never waits."""
        pinned = set(self._pins.copy().values())
        return tuple(
            Loaded(
                name=name,
                num_bytes=self.state(name).num_bytes,
                placed=self._placed.get(name),
                is_pinned=name in pinned,
                streams_slowly=PAGEABLE in getattr(model, "memory", {}).values(),
            )
            for name, model in self._models.copy().items()
        )

    def plan_again(self, name: str | None = None) -> None:
        """What may be used has changed: a model (all of them without a name) gets a new plan.

        It takes effect when the model is next asked for; pinned ones stay as they are.
        """
        self._outdated = {*self._outdated, *([name] if name else self._models.copy())}

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
            placed = self._place(name)
            num_bytes = _bytes_before(name, placed)
            self._lease.keep(name, num_bytes)
            model = self._load(name, placed.plan if placed is not None else None)
            if placed is None:
                num_bytes = weight_bytes(model)
                self._lease.keep(name, num_bytes)
            self._models[name], self._placed[name] = model, placed
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
        gone = self._models.keys() - {self._asked_for, *self._pins.values()}
        for name in gone:
            del self._models[name], self._placed[name]
            self._lease.release(name)
        self._outdated = {name for name in self._outdated if name in self._models}
        self._states = self._kept_states()
        if gone:
            free_unused()

    def let_go_of_unpinned(self, but: str = "") -> bool:
        """Drops what nobody has pinned, except one model; True if there was anything."""
        if not self._lock.acquire(blocking=False):
            return False  # another thread is loading: its weights are not to be taken away
        try:
            before = len(self._models)
            self._asked_for = but
            self._let_go_of_others()
            return len(self._models) < before
        finally:
            self._lock.release()

    def _load(self, name: str, plan: MemoryPlan | None) -> Any:
        from videosketcher_app.models.catalogue import load_text_model

        device = pick_device(self._wanted_device)
        return load_text_model(name, device, plan=plan)


def _bytes_before(name: str, placed: Placed | None) -> int:
    """What must be free before a model is loaded."""
    return facts_of(name).memory_bytes if placed is None else placed.footprint.device_bytes


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
