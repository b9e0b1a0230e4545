"""The planner that asks a language model: rules out, plan back, one more try if time is left."""

from __future__ import annotations

import time

from videosketcher_app.services.planner.base import (
    PlannedDrawing,
    check_concept,
    with_brush_clause,
)
from videosketcher_app.services.planner.chat import Chat, PlannerFailed
from videosketcher_app.services.planner.prompt import messages_for
from videosketcher_app.services.planner.replies import BadReply, ReadReply, read_reply
from videosketcher_app.services.planner.words import without_asking

MIN_TRY_S = 1.0  # less is not worth asking for
PAUSE_AFTER_BAD_REPLY_S = 0.0


class LanguageModelPlanner:
    """Plans with a language model; fails rather than guess."""

    def __init__(self, chat: Chat) -> None:
        self.name = chat.name
        self._chat = chat

    def plan(self, concept: str, *, brush: bool = False) -> PlannedDrawing:
        """The plan of a concept; `brush` adds the brush clause to the model's words.

        Raises:
            InvalidRequest: the concept is empty, too long, or not a line of words.
            PlannerFailed: the model gave no plan in time.
        """
        concept = without_asking(check_concept(concept))
        read = self._ask(concept)
        model_plan = with_brush_clause(read.model_plan) if brush else read.model_plan
        note = ""
        if read.in_english:
            note = f"{self._chat.title} answered in another language, so the plan is in English."
        return PlannedDrawing(plan=read.plan, model_plan=model_plan, planner=self.name, note=note)

    def _ask(self, concept: str) -> ReadReply:
        deadline = time.monotonic() + self._chat.limit_s
        messages = messages_for(concept)
        for tries_left in range(self._chat.tries - 1, -1, -1):
            try:
                seconds = deadline - time.monotonic()
                return read_reply(self._chat.complete(messages, seconds=seconds), concept)
            except BadReply as bad:
                failure = PlannerFailed(
                    f"{self._chat.title} replied without a plan ({bad})",
                    retry_after_s=PAUSE_AFTER_BAD_REPLY_S,
                )
            except PlannerFailed as error:
                failure = error
            pause_s = failure.retry_after_s
            if pause_s is None or not tries_left:
                raise failure
            if time.monotonic() + pause_s + MIN_TRY_S > deadline:
                raise failure
            time.sleep(pause_s)
        raise AssertionError("the last try returns or raises")
