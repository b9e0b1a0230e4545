"""What the page shows of a sketchbook: its sketches as pictures and words, and what came of a press."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.data.stroke_order import UNORDERED
from videosketcher_app.data.strokes import Stroke
from videosketcher_app.services.sketchbooks import BookEntry, Sketchbooks, SketchEntry
from videosketcher_app.ui.components.inlined import picture_address
from videosketcher_app.ui.texts import t

THUMBNAIL_PX = 320
MAX_PATH_POINTS = 60  # of a stroke in a replay
MAX_TEXT = 100_000  # of anything that a page may send as a name or as words; services check closer


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a question of the page.

    Attributes:
        number: of the question.
        words: for the person; may be empty.
        book: the sketchbook to show; empty for the newest.
        ordered: id of the sketch whose order is shown; empty for none.
    """

    number: int
    ok: bool = True
    words: str = ""
    book: str = ""
    ordered: str = ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """An event of the page, read from what it sent.

    Attributes:
        book: the sketchbook that is open; empty if none is.
        values: the event's own fields.
    """

    number: int
    book: str
    values: dict[str, Any]

    @property
    def sketch(self) -> str:
        """Id of the sketch that it is about."""
        return self.text("id")

    def text(self, name: str) -> str:
        """A field that holds words.

        Raises:
            InvalidRequest: it is missing or holds something else.
        """
        value = self.values.get(name)
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise not_understood()
        return value

    def whole(self, name: str) -> int:
        """A field that holds a whole number.

        Raises:
            InvalidRequest: it is missing or holds something else.
        """
        value = self.values.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise not_understood()
        return value


def question_of(data: Any) -> Question:
    """Reads `event._data` of a gr.EventData; what is no question of ours has the number 0."""
    values = data if isinstance(data, dict) else {}
    number, book = values.get("number"), values.get("book")
    return Question(
        number=number if isinstance(number, int) and not isinstance(number, bool) else 0,
        book=book if isinstance(book, str) and len(book) <= MAX_TEXT else "",
        values=values,
    )


def not_understood() -> InvalidRequest:
    """The answer to what no page of ours sends."""
    return InvalidRequest(t("train.not_understood"), hint=t("train.not_understood_hint"))


def opened(entries: Sequence[BookEntry], wanted: str) -> BookEntry | None:
    """The sketchbook of that name, else the first one; None if there is none."""
    named = [entry for entry in entries if entry.name == wanted]
    return next(iter([*named, *entries]), None)


def book_value(books: Sketchbooks, outcome: Outcome) -> dict[str, Any]:
    """The value of SketchbookDesk; every word as text."""
    entries = books.entries()
    book = opened(entries, outcome.book)
    words = outcome.words
    if not words and book is not None and book.flaw:
        words = t("train.flaw", name=book.name, flaw=book.flaw)
    return {
        "books": [entry.name for entry in entries],
        "book": book.name if book else "",
        "sketches": [_shown(books, book.name, each) for each in book.sketches] if book else [],
        "answered": outcome.number,
        "ok": outcome.ok and not (book is not None and book.flaw),
        "words": words,
        "order": _order(books, book.name, outcome.ordered) if book and outcome.ordered else None,
    }


def _order(books: Sketchbooks, book: str, sketch_id: str) -> dict[str, Any]:
    """The groups of a sketch's strokes with their paths, thinned out, for the page to replay."""
    sketch = books.sketch(book, sketch_id)
    return {
        "id": sketch_id,
        "width": sketch.width,
        "height": sketch.height,
        "groups": [
            {"words": group.words, "paths": [_path(sketch.strokes[at]) for at in group.strokes]}
            for group in books.order(book, sketch_id)
        ],
    }


def _path(stroke: Stroke) -> dict[str, Any]:
    every = -(-len(stroke.points_N2) // MAX_PATH_POINTS)
    points = np.concatenate([stroke.points_N2[::every], stroke.points_N2[-1:]])
    red, green, blue = (round(255 * channel) for channel in stroke.pen.color)
    return {
        "points": points.round(1).tolist(),
        "color": f"#{red:02x}{green:02x}{blue:02x}",
        "width": round(float(stroke.pen.width_px), 2),
    }


def _shown(books: Sketchbooks, book: str, sketch: SketchEntry) -> dict[str, Any]:
    with suppress(AppError):  # a sketch whose strokes are gone has no picture either
        books.picture(book, sketch.id)
    return {
        "id": sketch.id,
        "caption": sketch.caption,
        "picture": picture_address(sketch.picture, side_px=THUMBNAIL_PX),
        "about": t(f"train.origin_{sketch.origin}"),
        "can_order": sketch.origin in UNORDERED,
    }
