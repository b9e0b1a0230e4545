"""ModelManager: what is loaded where, what fits, how fast it is, and whether it works."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest, OutOfMemory
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.services.job import TerminalEvent
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.lease import DeviceLease
from videosketcher_app.services.model_manager import calibration as calibrating
from videosketcher_app.services.model_manager import self_test as testing
from videosketcher_app.services.model_manager.budget import LEAST_GB, STEP_GB, BudgetNote
from videosketcher_app.services.model_manager.calibration import Calibration, CalibrationStore
from videosketcher_app.services.model_manager.ladder import Ladder
from videosketcher_app.services.model_manager.picture import picture_of
from videosketcher_app.services.model_manager.planning import lower
from videosketcher_app.services.model_manager.plans import MemoryPlans, clip_of
from videosketcher_app.services.model_manager.sizes import sizes_of
from videosketcher_app.services.model_manager.views import (
    GIB,
    Fit,
    MemoryPicture,
    SelfTest,
    gigabytes,
)
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.presets import Preset

if TYPE_CHECKING:
    from videosketcher_app.services.generation import GenerationService


class ModelManager:
    """Answers every question about memory and speed; UI and CLI ask here.

    Args:
        queue: the compute worker, for what computes.
        lease: the device's book; it holds the budget.
        shelf: models in memory.
        plans, ladder: choose plans, and lower ones when memory runs out.
        generation: draws the self-test.
        note: keeps the budget; `store` the calibration.
        presets: that `will_it_fit` knows by name.
    """

    def __init__(
        self,
        *,
        queue: JobQueue,
        lease: DeviceLease,
        shelf: ModelShelf,
        plans: MemoryPlans,
        ladder: Ladder,
        generation: GenerationService,
        note: BudgetNote,
        store: CalibrationStore,
        presets: tuple[Preset, ...] = (),
    ) -> None:
        self._queue, self._lease, self._shelf = queue, lease, shelf
        self._plans, self._ladder, self._generation = plans, ladder, generation
        self._note, self._store = note, store
        self._presets = {preset.name: preset for preset in presets}

    def memory(self) -> MemoryPicture:
        """Who holds what now; never waits, and loads nothing."""
        return picture_of(self._lease, self._shelf, said=self._ladder.said)

    def budget_range(self) -> tuple[float, float, float]:
        """Least and most that the budget may be on this device, and the slider's step, in GB."""
        most = math.floor(self._lease.measured().total_bytes / GIB / STEP_GB) * STEP_GB
        return LEAST_GB, max(most, LEAST_GB), STEP_GB

    def set_budget(self, gb: float | None) -> MemoryPicture:
        """What the app may use of the device from now on, kept over restarts; None is everything.

        Models get new plans when they are next asked for; what sessions hold stays.

        Raises:
            InvalidRequest: it is no number, or less than what cannot be let go now.
            CannotWrite: the workspace cannot be written.
        """
        limit_bytes = None if gb is None else self._checked(gb)
        self._note.keep(gb)
        self._lease.set_limit(limit_bytes)
        self._plans.forget()
        self._shelf.plan_again()
        return self.memory()

    def plan_for(self, name: str) -> MemoryPlan:
        """How a model would be loaded now.

        Raises:
            OutOfMemory: no plan fits.
            InvalidRequest: there is no such model, or it does not draw.
        """
        fit = self.will_it_fit(name)
        if not fit.fits:
            raise OutOfMemory(fit.sentence, hint=fit.hint)
        # Small models have no plan of their own: they are simply there.
        return fit.plan or MemoryPlan(budget_bytes=max(self._lease.room(), 1))

    def will_it_fit(
        self,
        name: str,
        preset: Preset | str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> Fit:
        """Whether a model draws here with a preset, by which plan, and in how many seconds.

        Counts on the room of models that nobody has pinned.

        Args:
            preset: itself or its name; None is the model's own settings.
            fields: of a request, over those of the preset: width, height, num_frames, ...

        Raises:
            InvalidRequest: there is no such model or preset, or the model does not draw.
        """
        sizes = sizes_of(name)
        chosen = self._preset(preset)
        given = {**(chosen.request if chosen is not None else {}), **(fields or {})}
        clip = clip_of(sizes, given) if sizes is not None else None
        leaving = [model.name for model in self._shelf.loaded() if not model.is_pinned]
        return self._plans.fit(name, clip, without=leaving)

    def ladder(self, plan: MemoryPlan) -> MemoryPlan | None:
        """What is given up next when memory runs out under a plan; None at the end."""
        rung = lower(plan, shares_memory=self._plans.machine().shares_memory)
        return rung[0] if rung is not None else None

    @property
    def calibration(self) -> Calibration | None:
        """What was measured last on this machine; None if that was before it changed."""
        kept = self._store.read()
        return kept if kept is not None and kept.is_of(self._plans.machine()) else None

    def calibrate(
        self,
        on_progress: Callable[[float], None] | None = None,
        *,
        seconds: float | None = None,
        session: str = "",
    ) -> Calibration:
        """Measures this machine when the compute worker is free; waits.

        Args:
            seconds: for about so long; None is the usual time.
            on_progress: told how much is done, 0 to 1.

        Raises:
            OutOfMemory: the device has no room for it now.
            QueueFull: too many jobs wait.
            CannotWrite: the workspace cannot be written.
        """

        def body(cancel: CancelToken) -> Generator[float, None, Calibration]:
            machine = self._plans.machine()
            with self._lease.resident("Calibration", calibrating.needed_bytes(machine)):
                measured = yield from calibrating.measure(
                    machine, cancel, seconds=seconds or calibrating.SECONDS
                )
            self._store.keep(measured)
            return measured

        return self._followed(body, "Calibration", on_progress, session)

    def self_test(
        self,
        on_progress: Callable[[testing.Testing], None] | None = None,
        *,
        session: str = "",
    ) -> SelfTest:
        """Every model that is here draws something tiny, when the compute worker is free; waits.

        Args:
            on_progress: told before each model.

        Raises:
            QueueFull: too many jobs wait.
        """
        from videosketcher_app.services.model_facts import all_facts

        # A causal model of the Wan family draws in sessions, which have their own way to load it.
        models = tuple(
            facts
            for facts in all_facts()
            if facts.here and (facts.kind == "model" or facts.family == "pocket")
        )

        def draw(request: Any, cancel: CancelToken) -> Generator[Any, None, Any]:
            from videosketcher_app.services.generation import Destination

            return self._generation.draw(request, None, Destination(), Role.OWNER, cancel)

        def body(cancel: CancelToken) -> Generator[testing.Testing, None, SelfTest]:
            return (yield from testing.run(models, draw, self._multiple_of, cancel))

        return self._followed(body, "Self-test", on_progress, session)

    def _multiple_of(self, name: str) -> int:
        return self._shelf.get(name).defaults.multiple_px

    def _followed(
        self, body: Any, name: str, on_progress: Callable[[Any], None] | None, session: str
    ) -> Any:
        """Runs a body on the worker and passes its events on; cancels it if the caller leaves."""
        job = self._queue.submit(body, name=name, session=session)
        try:
            for event in job.events():
                if on_progress is not None and not isinstance(event, TerminalEvent):
                    on_progress(event)
            return job.result()
        finally:
            job.cancel()

    def _preset(self, preset: Preset | str | None) -> Preset | None:
        if preset is None or isinstance(preset, Preset):
            return preset
        if preset not in self._presets:
            raise InvalidRequest(
                f"There is no preset named {preset[:80]!r}.",
                hint=f"Known presets: {', '.join(self._presets)}.",
            )
        return self._presets[preset]

    def _checked(self, gb: float) -> int:
        least, most, _ = self.budget_range()
        if not (isinstance(gb, int | float) and math.isfinite(gb) and least <= gb <= most):
            raise InvalidRequest(
                f"The memory budget is {least:g} to {most:g} GB here. Received: {gb}",
                hint="Move the slider, or give --memory a number in between.",
            )
        limit_bytes = int(gb * GIB)
        free_to_go = {model.name for model in self._shelf.loaded() if not model.is_pinned}
        staying = [grant for grant in self._lease.grants() if grant.holder not in free_to_go]
        held_bytes = sum(grant.num_bytes for grant in staying)
        if held_bytes > limit_bytes:
            names = ", ".join(grant.holder for grant in staying if grant.num_bytes)
            raise InvalidRequest(
                f"{gigabytes(held_bytes)} are in use and cannot be let go now: {names}.",
                hint="Close drawings and training runs first, or choose a larger budget.",
            )
        return limit_bytes
