"""Requests: what a person asks for. If one exists, it is valid; nobody checks it again.

Built from keywords (`SketchRequest(prompt="a cat")`), a mapping, or a JSON file; every way raises
InvalidRequest with one sentence and a hint. This module is the door to all of them.
"""

from videosketcher_app.core.brush_request import BrushSpec, Finish
from videosketcher_app.core.causal_requests import (
    CAUSAL_FPS,
    DEFAULT_CAUSAL_MODEL,
    MAX_ROLLOUTS,
    MAX_TURN_FRAMES,
    CoDrawRequest,
    RolloutRequest,
)
from videosketcher_app.core.request_base import MAX_SEED, MAX_SIDE_PX, MIN_SIDE_PX, refuse_unknown
from videosketcher_app.core.request_json import MAX_REQUEST_CHARACTERS, parse_request_json
from videosketcher_app.core.sketch_request import (
    DEFAULT_MODEL,
    MAX_FRAMES,
    MODES,
    PLANNERS,
    LoraSpec,
    SketchRequest,
    check_canvas,
)
from videosketcher_app.core.sparse_request import SparseSpec

__all__ = [
    "CAUSAL_FPS",
    "DEFAULT_CAUSAL_MODEL",
    "DEFAULT_MODEL",
    "MAX_FRAMES",
    "MAX_REQUEST_CHARACTERS",
    "MAX_ROLLOUTS",
    "MAX_SEED",
    "MAX_SIDE_PX",
    "MAX_TURN_FRAMES",
    "MIN_SIDE_PX",
    "MODES",
    "PLANNERS",
    "BrushSpec",
    "CoDrawRequest",
    "Finish",
    "LoraSpec",
    "RolloutRequest",
    "SketchRequest",
    "SparseSpec",
    "check_canvas",
    "parse_request_json",
    "refuse_unknown",
]
