"""The clause of a prompt that points the model to the brush box: exactly once, in its own words.

The published model was trained on one wording (facts: reference 2.2), so other wordings of the
same request are replaced by it.
"""

from __future__ import annotations

import re

BRUSH_CLAUSE = ", using the color and style of the brush shown in the top-left corner"
_ORDER = re.compile(r",?\s*following this drawing order\s*:", re.IGNORECASE)
_WHERE = r"(?:top|upper)[\s-]*left|box|first frame|reference (?:image|picture)|brush image"
_WHAT = r"colou?rs?|styles?|textures?|looks?|hand|strokes?"
# A part of a sentence between commas that speaks of a brush, of what is wanted of it, and where.
_WORDING = re.compile(
    rf"[,;]?\s*(?:and\s+)?\b(?:using|in|with|drawn with|painted with|matching|following|like|by)\s+"
    rf"(?:(?!following this drawing order)[^,;.:])*?"
    rf"(?:\b(?:{_WHAT})\b[^,;.:]*?\bbrush\b[^,;.:]*|\bbrush\b[^,;.:]*?\b(?:{_WHERE})\b[^,;.:]*)",
    re.IGNORECASE,
)


def with_clause(text: str) -> str:
    """A concept or a whole prompt with the clause once, right after the concept."""
    order = _ORDER.search(text)
    concept, rest = (text[: order.start()], text[order.start() :]) if order else (text, "")
    concept = without_clause(concept)
    return f"{concept}{BRUSH_CLAUSE}{rest}"


def without_clause(concept: str) -> str:
    """The concept without any wording of the clause."""
    return _WORDING.sub("", concept).rstrip(" ,;")


def has_clause(text: str) -> bool:
    """True if a concept or prompt has the clause, in whatever words."""
    order = _ORDER.search(text)
    return _WORDING.search(text[: order.start()] if order else text) is not None
