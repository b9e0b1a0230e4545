"""Which models can draw by turns, and on which canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videosketcher_app.core.errors import InvalidRequest, MissingModel
from videosketcher_app.core.geometry import nearest_multiple
from videosketcher_app.core.requests import CoDrawRequest

if TYPE_CHECKING:
    from videosketcher_app.models.pocket import ModelDefaults
    from videosketcher_app.services.model_facts import ModelFacts

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
