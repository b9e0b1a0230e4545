"""The words that plans are made of: simple shapes, sizes and the nine places of the sheet."""

from __future__ import annotations

import re

from videosketcher_app.core.plan import DrawingPlan

# fmt: off
SHAPES = (
    "circle", "oval", "square", "rectangle", "triangle", "diamond", "star", "heart", "cross",
    "spiral", "zigzag", "wave", "arrow", "crescent", "arc", "straight line", "curved line",
)
SIZES = ("tiny", "small", "large", "very large", "long", "short", "thin", "wide", "tall")
PLACES = (
    "at the top left", "at the top center", "at the top right",
    "on the left", "in the center", "on the right",
    "at the bottom left", "at the bottom center", "at the bottom right",
)
_RELATIONS = (
    "inside", "above", "below", "behind", "beside", "between", "around", "across", "along",
    "attached", "next", "under", "over", "top", "bottom", "left", "right", "center", "middle",
)
_OTHER_SHAPES = (
    "line", "lines", "shape", "curve", "curves", "ellipse", "box", "dot", "ring", "cone", "tube",
    "cylinder", "band", "loop", "rounded", "curved", "pointed", "dome", "arch", "trapezoid",
)
# fmt: on
MIN_SHARE = 0.5  # of the parts that must name a shape or a place
MIN_LATIN_SHARE = 0.9  # of the letters, so that "café" passes
_KNOWN = re.compile(
    rf"\b(?:{'|'.join((*SHAPES, *_OTHER_SHAPES, *_RELATIONS))})(?:s|es)?\b", re.IGNORECASE
)


def speaks_of_shapes(plan: DrawingPlan) -> bool:
    """True if a plan is in English words of shapes and places, as the models were taught."""
    letters = [c for part in plan.parts for c in part.text if c.isalpha()]
    if sum(c.isascii() for c in letters) < MIN_LATIN_SHARE * len(letters):
        return False
    named = sum(bool(_KNOWN.search(part.description)) for part in plan.parts)
    return named >= MIN_SHARE * len(plan.parts)
