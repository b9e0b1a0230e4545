"""What a brush changes in the way from a request to a drawing: model, words, engine.

A brush is drawn by the image-conditioned model of the family if its weights are here; otherwise by
the text model, whose strokes are then painted again. Only the former reads the brush clause.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import BrushSpec, SketchRequest
from videosketcher_app.data.brushes.clause import with_clause, without_clause
from videosketcher_app.services.planner import PlannedDrawing

if TYPE_CHECKING:
    from videosketcher_app.engines.brush import BrushEngine

# The pixels of a brush's image, for a role and session that may see it.
ReadPicture = Callable[[BrushSpec, Role, str], NDArray[np.uint8]]


def model_name_of(request: SketchRequest) -> str:
    """The model that draws a request.

    Raises:
        InvalidRequest: there is no such model.
    """
    from videosketcher_app.models.catalogue import brush_model_of

    return request.model if request.brush is None else brush_model_of(request.model)


def worded(planned: PlannedDrawing, request: SketchRequest, model: Any) -> PlannedDrawing:
    """The plan in the words of the model that draws it: with the brush clause exactly once, or without."""
    if request.brush is None:
        return planned
    concept = without_clause(planned.model_plan.concept)
    if model.image_conditioned:
        concept = with_clause(concept)
    return replace(
        planned,
        plan=bare_plan(planned.plan),
        model_plan=replace(planned.model_plan, concept=concept),
    )


def bare_plan(plan: DrawingPlan) -> DrawingPlan:
    """The plan whose concept does not speak of the brush; a concept of nothing else stays."""
    return replace(plan, concept=without_clause(plan.concept) or plan.concept)


def brush_engine(
    model: Any, request: SketchRequest, picture: NDArray[np.uint8] | None
) -> BrushEngine:
    """The engine for a request with a brush.

    Args:
        picture: of the brush's image, if it has one.

    Raises:
        InvalidRequest: there is no such brush, or the picture shows none.
    """
    from videosketcher_app.engines.brush import BrushEngine
    from videosketcher_app.engines.brush_source import understand

    assert request.brush is not None
    size = (request.width or model.defaults.width, request.height or model.defaults.height)
    understood = understand(request.brush, size, picture=picture)
    how = {"show_box": request.brush.show_box, "finish": request.brush.finish}
    return BrushEngine(model, understood, **how)


def read_own_picture(spec: BrushSpec, role: Role, _session: str) -> NDArray[np.uint8]:
    """The picture of the owner's brush; guests name no files.

    Raises:
        InvalidRequest: a guest asks.
        InvalidFile: it cannot be read as a picture.
    """
    from videosketcher_app.storage.guarded_media import decode_image

    assert spec.image is not None
    if role is not Role.OWNER:
        raise InvalidRequest(
            "The picture of this brush is not here.", hint="Show the brush once more."
        )
    return decode_image(Path(spec.image), limits=LIMITS[role])
