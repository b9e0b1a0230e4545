"""The stages of training, and the request that the fields of the page make of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.container import Services
from videosketcher_app.services.training_runs.views import RunCost
from videosketcher_app.ui.components.status_bar import gb
from videosketcher_app.ui.tabs.text.values import draws_with_brush, open_number, whole
from videosketcher_app.ui.tabs.train.run_view import duration
from videosketcher_app.ui.texts import t

DEFAULT_STAGE = "style"
PRESETS = {"draw": "style_draw", "style": "style"}  # stage -> its preset, in the order of learning
MAX_NAME = 60
MAX_TRIGGER = 80


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the fields of the page ask for.

    Attributes:
        book: name of the sketchbook that is open; empty if none is.
        brush: that strokes are painted with; counts for models that draw with one.
        steps: as it was typed; empty for the preset's own.
        start_from: name of a LoRA to go on from; empty for none.
    """

    stage: str
    book: str
    name: str
    trigger: str
    model: str
    brush: str
    steps: str
    start_from: str

    @classmethod
    def of(cls, values: Sequence[Any]) -> Wish:
        """From the values of `TrainParts.wish_inputs`."""
        stage, *texts = values
        words = [text.strip() if isinstance(text, str) else "" for text in texts]
        names = ("book", "name", "trigger", "model", "brush", "steps", "start_from")
        known = stage if stage in PRESETS else DEFAULT_STAGE
        return cls(stage=known, **dict(zip(names, words, strict=True)))


def offered_stages() -> tuple[str, ...]:
    """The stages whose presets are shipped."""
    from videosketcher_app.training.style_preset import preset_names

    return tuple(stage for stage, preset in PRESETS.items() if preset in preset_names())


def request_of(services: Services, wish: Wish, *, stage: str) -> Any:
    """The StyleRunRequest of a wish.

    Raises:
        InvalidRequest: no sketchbook is open, it is empty, or a field is not possible.
    """
    from videosketcher_app.training.style_request import StyleRunRequest

    if not wish.book:
        raise InvalidRequest(t("train.no_sketches"), hint=t("train.no_sketches_hint"))
    book = services.sketchbooks.book(wish.book)
    if not book.sketches:
        raise InvalidRequest(
            t("train.empty_book", name=book.name), hint=t("train.no_sketches_hint")
        )
    return StyleRunRequest(
        dataset=str(book.folder),
        name=wish.name or book.name,
        model=wish.model,
        preset=PRESETS[stage],
        num_steps=whole(open_number(wish.steps)),
        start_from=wish.start_from or None,
        trigger=wish.trigger,
        brush=wish.brush if draws_with_brush(wish.model) else "",
    )


def checked_request(services: Services, wish: Wish) -> Any:
    """The StyleRunRequest that a person has asked for; every sketch has its caption.

    Raises:
        InvalidRequest: see `request_of`; or a sketch has none.
    """
    request = request_of(services, wish, stage=wish.stage)
    for number, sketch in enumerate(services.sketchbooks.book(wish.book).sketches, start=1):
        if not sketch.caption:
            raise InvalidRequest(
                t("train.no_caption", number=number), hint=t("train.no_caption_hint")
            )
    return request


def cards_value(services: Services, wish: Wish) -> dict[str, Any]:
    """The value of StageCards: what each stage takes on this machine, or why that is unknown."""
    return {
        "chosen": wish.stage,
        "cards": [{"stage": stage, **_cost(services, wish, stage)} for stage in offered_stages()],
    }


def _cost(services: Services, wish: Wish, stage: str) -> dict[str, str]:
    if not wish.book:
        return {"cost": "", "note": ""}  # pressing "Start" says what is missing
    try:
        cost = services.training.cost(request_of(services, wish, stage=stage))
    except AppError as error:
        return {"cost": "", "note": str(error)}
    return {"cost": cost_words(cost), "note": cost.note}


def cost_words(cost: RunCost) -> str:
    """Time, memory and disk; what nobody has measured is said to be unknown."""
    known = []
    if cost.seconds is not None:
        known.append(t("train.cost_time", time=duration(cost.seconds)))
    if cost.memory_bytes:
        known.append(t("train.cost_memory", memory=gb(cost.memory_bytes)))
    if cost.disk_bytes:
        known.append(t("train.cost_disk", disk=gb(cost.disk_bytes)))
    return ", ".join(known) or t("train.cost_unknown")
