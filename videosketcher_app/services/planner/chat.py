"""What a planner needs of a language model: one question, one text back, in bounded time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from videosketcher_app.core.errors import AppError
from videosketcher_app.services.planner.prompt import Message


class PlannerFailed(AppError):
    """A planner that is set up made no plan; the next one takes over.

    Args:
        message: one sentence for the person; it quotes nothing that a server sent.
        retry_after_s: seconds after which another try may help; None if none will.
    """

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Chat(Protocol):
    """A language model, here or behind an address.

    Attributes:
        name: of the planner ("openai", "qwen"), for metadata.
        title: how sentences call it ("OpenAI").
        limit_s: how long a plan may take, all tries together.
        tries: how often it is asked at most.
    """

    name: str
    title: str
    limit_s: float
    tries: int

    def complete(self, messages: Sequence[Message], *, seconds: float) -> str:
        """The reply to a conversation, within `seconds`.

        Raises:
            PlannerFailed: there is none.
        """
        ...
