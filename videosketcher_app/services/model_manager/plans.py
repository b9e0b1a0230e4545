"""MemoryPlans: the plan of every model on this machine, as the budget and its neighbours allow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from videosketcher_app.core.errors import InvalidRequest, OutOfMemory
from videosketcher_app.models.machine import Machine, hold_to, look_at
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.services.lease import DeviceLease
from videosketcher_app.services.model_manager.footprint import cache_bytes, twin_bytes
from videosketcher_app.services.model_manager.planning import (
    Placed,
    Room,
    best_plan,
    leanest,
    lower,
    needs_of,
    room_of,
)
from videosketcher_app.services.model_manager.sizes import CLIP_FIELDS, Clip, ModelSizes, sizes_of
from videosketcher_app.services.model_manager.speed import Rates, drawing_seconds
from videosketcher_app.services.model_manager.views import Fit, duration, gigabytes

_TIER_WORDS = {
    "resident": "all weights on the device",
    "stream_ram": "weights streamed from the computer's memory",
    "stream_disk": "weights streamed from the disk",
}
MORE_ROOM = (
    "Choose a smaller size or fewer frames, raise the memory budget, or close other programs."
)
EXACT_FITS = 'Use the mode "exact", for which there is room: it needs no weights in 8 bits beside.'


class MemoryPlans:
    """Chooses plans and remembers what had to be given up.

    Args:
        lease: the device's book: the budget, and who holds what of it.
        device: the setting, as the lease's.
        look: describes the machine.
        rates: what is known of its speed.
        sizes: of a model of the catalogue; None for what takes next to nothing.
    """

    def __init__(
        self,
        lease: DeviceLease,
        *,
        device: str = "auto",
        look: Callable[[str], Machine] = look_at,
        rates: Callable[[Machine], Rates | None] = lambda _machine: None,
        sizes: Callable[[str], ModelSizes | None] = sizes_of,
    ) -> None:
        self._lease = lease
        self._device = device
        self._look = look
        self._rates = rates
        self._sizes = sizes
        self._changing = threading.Lock()
        self._lowered: Mapping[str, MemoryPlan] = {}  # this and the next: replaced as a whole
        self._wanted: Mapping[str, Clip] = {}  # the clip that a model is loaded for

    def machine(self) -> Machine:
        """The machine as it is now; the first call imports torch.

        Raises:
            InvalidRequest: it has not the device of the settings.
        """
        try:
            return self._look(self._device)
        except (RuntimeError, AssertionError) as error:
            raise InvalidRequest(
                f"This machine has no device {self._device!r}.",
                hint="Leave VIDEOSKETCHER_DEVICE out, or set it to cpu.",
            ) from error

    def place(self, name: str) -> Placed | None:
        """The plan to load a model by now, for the shelf; None for models that have none.

        Raises:
            OutOfMemory: no plan fits beside what is held.
        """
        machine = self.machine()
        hold_to(machine.device, self._lease.limit_bytes)
        sizes = self._sizes(name)
        if sizes is None or not sizes.has_plan:
            return None
        room = room_of(machine, self._lease.room(without=(name,)))
        clip = self._wanted.get(name, sizes.clip)
        placed = self._placed(name, sizes, clip, room)
        if placed is None:
            fit = _too_much(name, sizes, clip, room)
            raise OutOfMemory(fit.sentence, hint=fit.hint)
        # Whoever draws block by block books the cache and layers in 8 bits himself, for each drawing.
        drawing = cache_bytes(sizes, clip, room.number_bytes)
        if room.multiplies_8_bits:
            drawing += twin_bytes(sizes, clip)
        return replace(placed, footprint=placed.footprint.without(drawing))

    def fit(self, name: str, clip: Clip | None = None, *, without: Collection[str] = ()) -> Fit:
        """Whether a model draws a clip here, how, and how long it takes.

        Args:
            clip: None is the model's own.
            without: who would let go of what they hold.

        Raises:
            InvalidRequest: there is no such model, or it does not draw.
        """
        sizes = self._sizes(name)
        if sizes is None:
            return _next_to_nothing(name)
        clip = clip or sizes.clip
        machine = self.machine()
        room = room_of(machine, self._lease.room(without=(*without, name)))
        placed = self._placed(name, sizes, clip, room)
        if placed is None:
            return _too_much(name, sizes, clip, room)
        rates = self._rates(machine)
        seconds = drawing_seconds(sizes, clip, placed.plan, rates) if rates else None
        return Fit(
            fits=True,
            plan=placed.plan,
            needed_bytes=placed.footprint.device_bytes,
            ram_bytes=placed.footprint.ram_bytes,
            seconds=seconds,
            sentence=_sentence(placed, room, seconds, rates),
        )

    def clip(self, name: str, fields: Mapping[str, Any]) -> Clip | None:
        """What a request draws; None for models without a plan.

        Raises:
            InvalidRequest: there is no such model.
        """
        sizes = self._sizes(name)
        return clip_of(sizes, fields) if sizes is not None and sizes.has_plan else None

    def want(self, name: str, clip: Clip, *, without: Collection[str] = ()) -> None:
        """A model is about to be loaded for this clip.

        Raises:
            OutOfMemory: no plan fits, even if `without` let go of what they hold.
        """
        fit = self.fit(name, clip, without=without)
        if not fit.fits:
            raise OutOfMemory(fit.sentence, hint=fit.hint)
        with self._changing:
            self._wanted = {**self._wanted, name: clip}

    def suits(self, name: str, plan: MemoryPlan, *, without: Collection[str] = ()) -> bool:
        """Whether the wanted clip can be drawn by the plan that the model was loaded by."""
        sizes = self._sizes(name)
        assert sizes is not None
        machine = self.machine()
        room = room_of(machine, self._lease.room(without=(*without, name)))
        needs = needs_of(sizes, self._wanted.get(name, sizes.clip), plan, room)
        return needs.device_bytes <= room.device_bytes

    def give_up(self, name: str, plan: MemoryPlan | None = None) -> str | None:
        """Memory ran out under a model's plan: the next lower one, said in a sentence.

        It holds until `forget`. None if there is nothing left to give up.

        Args:
            plan: that ran out; None is the one of `place` now.
        """
        sizes = self._sizes(name)
        if sizes is None or not sizes.has_plan:
            return None
        machine = self.machine()
        if plan is None:
            placed = self.place(name)
            assert placed is not None
            plan = placed.plan
        rung = lower(plan, streams=sizes.streams, shares_memory=machine.shares_memory)
        if rung is None:
            return None
        with self._changing:
            self._lowered = {**self._lowered, name: rung[0]}
        return rung[1]

    def forget(self) -> None:
        """What was given up may be tried again: the budget has changed."""
        with self._changing:
            self._lowered = {}

    def _placed(self, name: str, sizes: ModelSizes, clip: Clip, room: Room) -> Placed | None:
        lowered = self._lowered.get(name)
        if lowered is None:
            return best_plan(sizes, clip, room)
        plan = replace(lowered, budget_bytes=max(room.device_bytes, 1))
        return Placed(plan=plan, footprint=needs_of(sizes, clip, plan, room))


def clip_of(sizes: ModelSizes, fields: Mapping[str, Any]) -> Clip:
    """The model's own clip with what a preset or a request sets."""
    given = {name: fields[name] for name in CLIP_FIELDS if fields.get(name) is not None}
    return replace(
        sizes.clip,
        **given,
        num_loras=len(fields.get("loras") or ()),
        is_quick=fields.get("mode") not in (None, "exact"),
    )


def _sentence(placed: Placed, room: Room, seconds: float | None, rates: Rates | None) -> str:
    plan, needs = placed.plan, placed.footprint
    shared = room.shares_memory and plan.tier == "resident"
    how = ["all weights in memory" if shared else _TIER_WORDS[plan.tier]]
    if plan.weights_dtype == "fp8":
        how.append("kept in 8 bits")
    if plan.vae_tiled:
        how.append("frames decoded in tiles")
    said = (
        f"It fits: {gigabytes(needs.device_bytes)} of {gigabytes(room.device_bytes)}, "
        f"{', '.join(how)}."
    )
    if seconds is None or rates is None:
        return f"{said} Calibrate to learn how long a drawing takes."
    return f"{said} A drawing takes about {duration(seconds)} ({rates.source})."


def _too_much(name: str, sizes: ModelSizes, clip: Clip, room: Room) -> Fit:
    least = leanest(sizes, clip, room).footprint
    of_device = least.device_bytes > room.device_bytes
    needed, has = (
        (least.device_bytes, room.device_bytes) if of_device else (least.ram_bytes, room.ram_bytes)
    )
    where = "" if of_device or room.shares_memory else " of the computer's own memory"
    return Fit(
        fits=False,
        plan=None,
        needed_bytes=least.device_bytes,
        ram_bytes=least.ram_bytes,
        seconds=None,
        sentence=(
            f"{name} at {clip.width}x{clip.height} and {clip.num_frames} frames needs "
            f"{gigabytes(needed)}{where} at least, and {gigabytes(has)} are free for it."
        ),
        hint=_way_out(sizes, clip, room),
    )


def _way_out(sizes: ModelSizes, clip: Clip, room: Room) -> str:
    exact = replace(clip, is_quick=False)
    if clip.is_quick and best_plan(sizes, exact, room) is not None:
        return EXACT_FITS
    return MORE_ROOM


def _next_to_nothing(name: str) -> Fit:
    from videosketcher_app.models.catalogue import model_row
    from videosketcher_app.services.model_facts import TINY_BYTES

    row = model_row(name)
    if not row.draws:
        raise InvalidRequest(f"{name} does not draw by itself.", hint="Choose a model.")
    return Fit(
        fits=True,
        plan=None,
        needed_bytes=TINY_BYTES,
        seconds=None,
        sentence=f"It fits: {gigabytes(TINY_BYTES)}.",
    )
