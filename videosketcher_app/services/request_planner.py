"""From a request to its plan: written as one already, taken as it is, or made by a planner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from videosketcher_app.core.access import Capability, Role, allows, require
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import JOINT, DrawingPlan, PlanPart, is_plan, parse_plan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.data.brushes.clause import without_clause
from videosketcher_app.services.lease import DeviceLease, device_lease
from videosketcher_app.services.planner import LibraryPlanner, PlannedDrawing
from videosketcher_app.services.planner.chat import PlannerFailed
from videosketcher_app.services.planner.keys import KeyStore
from videosketcher_app.services.planner.openai_chat import OpenAIChat
from videosketcher_app.services.planner.qwen import DOWNLOAD_HINT, QwenChat
from videosketcher_app.services.planner.refiner import LanguageModelPlanner
from videosketcher_app.storage.paths import Workspace


class RequestPlanner:
    """Plans requests: OpenAI if there is a key, else Qwen if it is here, else the library.

    A planner that fails hands over to the next one, and the plan's note says so.

    Args:
        settings: the default planner, keys and folders; None plans with the library alone.
        lease: the device that a local model must share; None takes a book of its own.
    """

    def __init__(
        self, settings: AppSettings | None = None, *, lease: DeviceLease | None = None
    ) -> None:
        self._default = settings.refine_backend if settings else "library"
        self.keys = KeyStore(settings) if settings else None
        self._qwen: QwenChat | None = None
        if settings is not None:
            models = Workspace(settings.workspace).models
            lease = lease or device_lease(settings.device, settings.memory_gb)
            self._qwen = QwenChat(models, device=settings.device, lease=lease)

    @cached_property
    def _library(self) -> LibraryPlanner:
        return LibraryPlanner()

    def plan(self, request: SketchRequest, *, role: Role = Role.GUEST) -> PlannedDrawing:
        """The plan that this request is drawn by.

        Args:
            role: who asks. Guests get the library: keys and device memory are the owner's.

        Raises:
            InvalidRequest: it is written as a plan but is none, or its planner is not set up.
            Forbidden: a guest asks for a planner that is the owner's.
        """
        if is_plan(request.prompt):
            return _written(parse_plan(request.prompt))
        if request.as_written:
            return _written(_one_part(request.prompt))
        asked = self._asked(request.planner, role)
        concept = request.prompt
        if request.brush is not None:  # the brush is no part of what is planned
            concept = without_clause(concept) or concept
        failures: list[PlannerFailed] = []
        for planner in self._language_models(asked, failures):
            try:
                return _with_failures(planner.plan(concept), failures)
            except PlannerFailed as error:
                failures.append(error)
        return _with_failures(self._library.plan(concept), failures)

    def try_language_model(self, *, role: Role) -> float:
        """Asks the language model behind the key for one small plan; seconds that it took.

        Raises:
            Forbidden: the role may not use the owner's key.
            InvalidRequest: there is no key, or the settings cannot be used.
            PlannerFailed: it gave no plan; the message says why.
        """
        require(role, Capability.USE_OWNER_KEYS)
        begun = time.monotonic()
        self._openai().plan("a cat")
        return time.monotonic() - begun

    def _asked(self, planner: str, role: Role) -> str:
        """The planner that a request means by its words, for this role."""
        if planner == "auto":
            planner = self._default if allows(role, Capability.USE_OWNER_KEYS) else "library"
        elif planner != "library":
            require(role, Capability.USE_OWNER_KEYS)
        return planner

    def _language_models(
        self, asked: str, failures: list[PlannerFailed]
    ) -> Iterator[LanguageModelPlanner]:
        """The language models to try, in order; settings that cannot be used count as a failure.

        Raises:
            InvalidRequest: the one asked for by name is not set up.
        """
        if asked == "openai":
            yield self._openai()
        elif asked == "qwen":
            yield LanguageModelPlanner(self._required_qwen())
        elif asked == "auto" and self.keys is not None and self._qwen is not None:
            try:
                access = self.keys.access()
            except InvalidRequest as error:
                failures.append(PlannerFailed(error.message))
                access = None
            if access is not None:
                yield LanguageModelPlanner(OpenAIChat(access))
            if self._qwen.is_on_disk:
                yield LanguageModelPlanner(self._qwen)

    def _openai(self) -> LanguageModelPlanner:
        access = self.keys.access() if self.keys is not None else None
        if access is None:
            raise InvalidRequest(
                "The planner 'openai' has no key.",
                hint="Set OPENAI_API_KEY in the environment, in .env or in the settings.",
            )
        return LanguageModelPlanner(OpenAIChat(access))

    def _required_qwen(self) -> QwenChat:
        if self._qwen is None or not self._qwen.is_on_disk:
            raise InvalidRequest(
                "The planner 'qwen' is not on this disk.",
                hint=f"{DOWNLOAD_HINT}, or choose auto.",
            )
        return self._qwen


def _with_failures(planned: PlannedDrawing, failures: list[PlannerFailed]) -> PlannedDrawing:
    """The plan, with one sentence in front of its note that says which planners failed."""
    if not failures:
        return planned
    who = {"qwen": "Qwen", "openai": "OpenAI"}.get(planned.planner, "the library")
    why = " and ".join(failure.message.rstrip(".") for failure in failures)
    note = f"{why}, so this plan comes from {who}. {planned.note}".strip()
    return replace(planned, note=note)


def _written(plan: DrawingPlan) -> PlannedDrawing:
    return PlannedDrawing(plan=plan, model_plan=plan, planner="as written", note="")


def _one_part(prompt: str) -> DrawingPlan:
    """A name for a prompt that follows no plan; the model reads the prompt itself."""
    concept = prompt.replace(JOINT, ", ")
    return DrawingPlan(concept=concept, parts=(PlanPart(name="drawing"),))
