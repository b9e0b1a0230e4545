"""Words of a plan's part <-> shape, size, place and relation, in the model's own language.

What cannot be read is never lost: `reworded` replaces only the words that a change is about. The
page follows the same rules in JavaScript (ui/assets/wording.js) from the same table (`word_table`), so
patterns use only what both kinds of regular expressions know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from videosketcher_app.core.geometry import PLACES
from videosketcher_app.core.plan import PlanPart

# Half width and half height of each shape, in units of its size. The first fifteen are the shapes
# that Pocket was taught best; the others are words that it knows too.
BASIC_SHAPES: dict[str, tuple[float, float]] = {
    "circle": (1.0, 1.0),
    "oval": (1.5, 0.8),
    "square": (0.88, 0.88),
    "rectangle": (1.4, 0.7),
    "triangle": (1.0, 0.92),
    "diamond": (0.75, 1.0),
    "star": (1.05, 1.0),
    "heart": (1.0, 1.0),
    "cross": (0.95, 0.95),
    "spiral": (1.0, 1.0),
    "zigzag": (1.5, 0.5),
    "wave": (1.6, 0.4),
    "arrow": (1.35, 0.5),
    "crescent": (0.8, 1.0),
    "straight line": (1.55, 0.3),
}
MORE_SHAPES: dict[str, tuple[float, float]] = {
    "half circle": (1.1, 0.7),
    "trapezoid": (1.15, 0.7),
    "tall rectangle": (0.5, 1.1),
    "wide rectangle": (1.7, 0.6),
    "tall oval": (0.6, 1.1),
    "wide oval": (1.7, 0.7),
    "curved line": (1.3, 0.4),
    "vertical line": (0.3, 1.2),
    "horizontal line": (1.5, 0.3),
    "diagonal line": (0.8, 0.9),
    "cloud shape": (1.3, 0.75),
}
SHAPES = BASIC_SHAPES | MORE_SHAPES
UNKNOWN_SHAPE = (1.2, 1.0)  # of the box of a part that names no shape

# Half height as a share of the sheet's height, and up to which share the word holds.
SIZES: dict[str, tuple[float, float]] = {
    "tiny": (0.0375, 0.048),
    "small": (0.065, 0.095),
    "medium": (0.135, 0.185),
    "large": (0.25, 1.0),
}
USUAL_SIZE = "medium"  # drawn when a part names no size

# Where a part stands from another: x in widths and y in heights of both together, and how the
# size follows. "inside" measures in halves of the other part instead.
RELATIONS: dict[str, tuple[float, float, str]] = {
    "above": (0.0, -1.15, ""),
    "below": (0.0, 1.15, ""),
    "on top of": (0.0, -1.0, ""),
    "under": (0.0, 1.0, ""),
    "inside": (0.0, 0.0, "inside"),
    "next to": (1.35, 0.0, ""),
    "to the left of": (-1.35, 0.0, ""),
    "to the right of": (1.35, 0.0, ""),
    "attached to": (1.08, 0.0, ""),
    "around": (0.0, 0.0, "around"),
    "at the top of": (0.0, -0.7, "inside"),
    "at the bottom of": (0.0, 0.7, "inside"),
    "across": (0.0, 0.0, "inside"),
    "along": (0.0, 0.0, "inside"),
    "on": (0.0, 0.0, "inside"),
    "in": (0.0, 0.0, "inside"),
}
_OTHER_SIZE_WORDS = {"little": "small", "big": "large", "huge": "large"}
_OTHER_PLACE_WORDS = {
    "top": "top center",
    "top middle": "top center",
    "upper left": "top left",
    "upper right": "top right",
    "bottom": "bottom center",
    "bottom middle": "bottom center",
    "lower left": "bottom left",
    "lower right": "bottom right",
    "middle": "center",
}
_AFTER_PLACE = (
    "and|with|inside|above|below|under|next|near|behind|in|on|at|to|from|over|pointing|facing"
)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the words of one part say; None where they are silent.

    Attributes:
        shape: one of SHAPES.
        size: one of SIZES.
        place: one of the nine places.
        relation: one of RELATIONS, to the part named `other`.
        plural: the words speak of several such shapes.
    """

    shape: str | None = None
    size: str | None = None
    place: str | None = None
    relation: str | None = None
    other: str | None = None
    plural: bool = False


def plural_of(shape: str) -> str:
    """ "circle" -> "circles"."""
    return shape + ("es" if shape.endswith("s") else "s")


def where_words(layout: Layout) -> str:
    """The place or relation with its preposition: "at the top left", "above the head"."""
    if layout.relation and layout.other:
        return f"{layout.relation} the {layout.other.lower()}"
    if layout.place is None:
        return ""
    if layout.place == "center":
        return "in the center"
    return f"{'on' if layout.place in ('left', 'right') else 'at'} the {layout.place}"


def write_part(layout: Layout) -> str:
    """The description of a layout: "a small circle at the top left"."""
    shape = layout.shape and (plural_of(layout.shape) if layout.plural else layout.shape)
    words = " ".join(word for word in (layout.size, shape) if word)
    if shape and not layout.plural:
        words = f"{_article(words)} {words}"
    return " ".join(word for word in (words, where_words(layout)) if word)


def read_part(description: str, name: str = "", others: Sequence[str] = ()) -> Layout:
    """What the words of a part say; "in the very top left" and the like stay unread.

    Args:
        name: of the part; it says the shape or place if it is one ("Top left", "Circle"), or
            everything if there is no description ("Draw a small circle on the left").
        others: names of the plan's other parts, for relations to them.
    """
    return _read(PlanPart(name=name or "part", description=description), others).layout


def reworded(
    part: PlanPart,
    others: Sequence[str] = (),
    *,
    shape: str | None = None,
    size: str | None = None,
    place: str | None = None,
) -> PlanPart:
    """The part with other words for what is given, and all its further words as they were.

    A new place takes the place of relations, since a part cannot follow both.
    """
    for change in ({"shape": shape}, {"size": size}, {"place": place}):
        ((kind, word),) = change.items()
        if word is not None:
            part = _CHANGES[kind](_read(part, others), word)
    return part


def word_table() -> dict[str, Any]:
    """Words, their meanings and patterns as plain JSON, for the page's script."""
    return {
        "shapes": {name: list(halves) for name, halves in SHAPES.items()},
        "basicShapes": list(BASIC_SHAPES),
        "unknownShape": list(UNKNOWN_SHAPE),
        "sizes": {word: list(limits) for word, limits in SIZES.items()},
        "usualSize": USUAL_SIZE,
        "places": {name: list(cell) for name, cell in PLACES.items()},
        "relations": {word: list(where) for word, where in RELATIONS.items()},
        "shapeWords": {word: list(meaning) for word, meaning in _SHAPE_WORDS.items()},
        "sizeWords": _SIZE_WORDS,
        "placeWords": _PLACE_WORDS,
        "patterns": _PATTERNS,
    }


_SHAPE_WORDS: dict[str, tuple[str, bool]] = {
    **{name: (name, False) for name in SHAPES},
    **{plural_of(name): (name, True) for name in SHAPES},
}
_SIZE_WORDS = {word: word for word in SIZES} | _OTHER_SIZE_WORDS
_PLACE_WORDS = {place: place for place in PLACES} | _OTHER_PLACE_WORDS


def _any_of(words: Sequence[str] | dict[str, Any]) -> str:
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


_PATTERNS = {
    "shape": rf"\b({_any_of(_SHAPE_WORDS)})\b",
    "size": rf"\b({_any_of(_SIZE_WORDS)})\b",
    "place": rf"\b(?:in|at|on|near|along|across) the ({_any_of(_PLACE_WORDS)})"
    rf"(?: (?:corner|side|edge|half))?(?=$|[.,;:()]| (?:{_AFTER_PLACE})\b)",
    "relation": rf"\b({_any_of(RELATIONS)}) (?:the |its |an |a )?",
    "opening": r"^(?:draw )?(?:an |a |the )?",
    "article": r"\b(an?) $",
}
_REGEX = {name: re.compile(text, re.IGNORECASE | re.ASCII) for name, text in _PATTERNS.items()}

Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """A layout and the words that said it.

    Attributes:
        field: which text of the part was read, "description" or "name".
        shape, size: spans in that text.
        where: spans of places and relations, in order.
        name_is: "shape" or "place" if the part's name says that instead.
    """

    part: PlanPart
    layout: Layout
    field: str
    shape: Span | None
    size: Span | None
    where: tuple[Span, ...]
    name_is: str = ""

    @property
    def text(self) -> str:
        return str(getattr(self.part, self.field))


def _read(part: PlanPart, others: Sequence[str]) -> _Reading:
    field = "description" if part.description else "name"
    text = part.description or part.name
    where, layout = _read_where(text, others)
    shape = _first_outside(_REGEX["shape"], text, where)
    size = _first_outside(_REGEX["size"], text, where)
    if shape:
        word, plural = _SHAPE_WORDS[text[slice(*shape)].lower()]
        layout = replace(layout, shape=word, plural=plural)
    if size:
        layout = replace(layout, size=_SIZE_WORDS[text[slice(*size)].lower()])
    layout, name_is = _read_name(part, layout)
    return _Reading(
        part=part, layout=layout, field=field, shape=shape, size=size, where=where, name_is=name_is
    )


def _read_name(part: PlanPart, layout: Layout) -> tuple[Layout, str]:
    name = part.name.lower()
    if layout.shape is None and name in SHAPES:
        return replace(layout, shape=name), "shape"
    if layout.place is None and layout.relation is None and name in PLACES:
        return replace(layout, place=name), "place"
    return layout, ""


def _read_where(text: str, others: Sequence[str]) -> tuple[tuple[Span, ...], Layout]:
    layout = Layout()
    spans: list[Span] = []
    place = _REGEX["place"].search(text)
    if place:
        layout = replace(layout, place=_PLACE_WORDS[place.group(1).lower()])
        spans.append(place.span())
    for match in _REGEX["relation"].finditer(text):
        other = _named_at(text, match.end(), others)
        if other and not (place and place.start() == match.start()):
            layout = replace(layout, relation=match.group(1).lower(), other=other)
            spans.append((match.start(), match.end() + len(other)))
            break
    return tuple(sorted(spans)), layout


def _named_at(text: str, start: int, others: Sequence[str]) -> str | None:
    """The longest of the names that stands in the text from `start` on as whole words."""
    for name in sorted(others, key=lambda name: -len(name)):
        end = start + len(name)
        if text[start:end].lower() == name.lower() and not text[end : end + 1].isalnum():
            return name
    return None


def _first_outside(pattern: re.Pattern[str], text: str, spans: Sequence[Span]) -> Span | None:
    for match in pattern.finditer(text):
        if all(match.end() <= start or match.start() >= end for start, end in spans):
            return match.span()
    return None


def _with_text(reading: _Reading, text: str) -> PlanPart:
    if reading.field == "name":
        text = text[:1].upper() + text[1:]
    return replace(reading.part, **{reading.field: text})


def _change_shape(reading: _Reading, word: str) -> PlanPart:
    part = reading.part
    if reading.shape:
        word = plural_of(word) if reading.layout.plural else word
        head = reading.size if reading.size and reading.size[1] + 1 == reading.shape[0] else None
        text = _put(reading.text, reading.shape, word, fix_article=head is None)
        return _with_text(reading, text)
    if reading.name_is == "shape":
        return replace(part, name=word[:1].upper() + word[1:])
    if not part.description and not reading.where:
        return replace(part, description=write_part(Layout(shape=word, size=reading.layout.size)))
    start = reading.where[0][0] if reading.where else len(reading.text)
    before, after = reading.text[:start].rstrip(" ,"), reading.text[start:]
    words = f"{before}, {word}" if before else word
    return _with_text(reading, f"{words} {after}".strip())


def _change_size(reading: _Reading, word: str) -> PlanPart:
    if reading.size:
        return _with_text(reading, _put(reading.text, reading.size, word))
    if not reading.part.description and not (reading.shape or reading.where):
        return replace(reading.part, description=word)
    opening = _REGEX["opening"].match(reading.text)
    start = reading.shape[0] if reading.shape else opening.end() if opening else 0
    joint = ", " if reading.text[start:].lower().startswith("placed") else " "
    return _with_text(reading, _put(reading.text, (start, start), word + joint))


def _change_place(reading: _Reading, word: str) -> PlanPart:
    words = where_words(Layout(place=word))
    if reading.where:
        text = reading.text
        for start, end in reversed(reading.where[1:]):
            text = f"{text[:start].rstrip()}{text[end:]}"
        return _with_text(reading, _put(text, reading.where[0], words))
    if reading.name_is == "place":
        return replace(reading.part, name=word[:1].upper() + word[1:])
    if not reading.part.description and not (reading.shape or reading.size):
        return replace(reading.part, description=words)
    return _with_text(reading, f"{reading.text} {words}")


_CHANGES = {"shape": _change_shape, "size": _change_size, "place": _change_place}


def _put(text: str, span: Span, words: str, *, fix_article: bool = True) -> str:
    """The text with other words at a span; an article before them agrees with them."""
    before, after = text[: span[0]], text[span[1] :]
    article = _REGEX["article"].search(before) if fix_article else None
    if article:
        right = _article(words)
        right = right[0].upper() + right[1:] if article.group(1)[0] == "A" else right
        before = f"{before[: article.start()]}{right} "
    return before + words + after


def _article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"
