"""Which models can draw by turns, and on which canvas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videosketcher_app.core.errors import AppError, InvalidRequest, MissingModel
from videosketcher_app.core.geometry import nearest_multiple
from videosketcher_app.core.requests import CoDrawRequest

if TYPE_CHECKING:
    from videosketcher_app.models.pocket import ModelDefaults
    from videosketcher_app.services.model_facts import ModelFacts
    from videosketcher_app.services.model_manager.views import Fit

POCKET_MULTIPLE_PX, WAN_MULTIPLE_PX = 24, 16  # cells of the VAE times the transformer's patch
CAUSAL_FAMILIES = ("pocket", "tiny")  # their transformer has a block-causal pass


def check_model(name: str) -> None:
    """Refuses a model that is not here.

    Raises:
        MissingModel: says which one co-drawing needs and what to do.
    """
    from videosketcher_app.models.catalogue import files_for
    from videosketcher_app.services.model_facts import all_facts

    drawing = {facts.name: facts for facts in all_facts() if _draws_by_turns(facts)}
    here = [name for name, facts in drawing.items() if facts.here]
    if name in here:
        return
    if name in drawing:
        files_for(name)  # says which of its parts is missing
    others = [other for other in here if other != "tiny"]
    hint = f"Choose one that is here: {', '.join(others)}." if others else "Restore checkpoints/."
    raise MissingModel(f"The model {name}, which draws by turns, is not on this disk.", hint=hint)


@dataclass(frozen=True, kw_only=True)
class CausalChoice:
    """A causal model that is on this disk.

    Attributes:
        about: one phrase.
        multiple_px: sides of its canvas are multiples of it.
        why_not: one sentence on why it cannot be chosen; "" if it can.
    """

    name: str
    about: str
    multiple_px: int
    why_not: str = ""


def causal_choices(default: str, fit: Callable[[str], Fit]) -> list[CausalChoice]:
    """The models that a person may draw with: the default, then every causal one that is here.

    Args:
        fit: whether a model fits into the memory; asked for those that come without the app.
    """
    from videosketcher_app.services.model_facts import all_facts

    here = [facts for facts in all_facts() if facts.here]
    causal = [facts for facts in here if facts.name == default or facts.kind == "causal"]
    return [
        _choice(facts, fit) for facts in sorted(causal, key=lambda facts: facts.name != default)
    ]


def _choice(facts: ModelFacts, fit: Callable[[str], Fit]) -> CausalChoice:
    why_not = ""
    if facts.family not in CAUSAL_FAMILIES:
        try:
            fitting = fit(facts.name)
            why_not = "" if fitting.fits else fitting.sentence
        except AppError as error:
            why_not = error.message
    return CausalChoice(
        name=facts.name,
        about=facts.summary,
        multiple_px=canvas_multiple(facts),
        why_not=why_not,
    )


def canvas_multiple(facts: ModelFacts) -> int:
    """What the sides of a model's canvas must be multiples of, in pixels."""
    return WAN_MULTIPLE_PX if facts.family == "wan" else POCKET_MULTIPLE_PX


def _draws_by_turns(facts: ModelFacts) -> bool:
    return facts.family in CAUSAL_FAMILIES or facts.kind == "causal"


def fitted(request: CoDrawRequest, defaults: ModelDefaults) -> CoDrawRequest:
    """The request with the canvas that it means.

    Raises:
        InvalidRequest: the model cannot draw on that canvas.
    """
    size = {
        "width": request.width or defaults.width,
        "height": request.height or defaults.height,
    }
    for name, side in size.items():
        if side % defaults.multiple_px:
            raise InvalidRequest(
                f"{request.model} draws in multiples of {defaults.multiple_px} px. "
                f"Received: {name}={side}",
                hint=f"Try {nearest_multiple(side, defaults.multiple_px)}.",
            )
    return request.model_copy(update=size)
