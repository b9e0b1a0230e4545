"""The sketchbook's wires: what is drawn and written on its page goes into the dataset at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError
from videosketcher_app.data.sketchbook_limits import read_strokes
from videosketcher_app.services.sketchbooks import Sketchbooks
from videosketcher_app.ui.components.sketchbook_desk import SketchbookDesk
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.tabs.train.book_view import (
    Outcome,
    Question,
    book_value,
    opened,
    question_of,
)
from videosketcher_app.ui.texts import t

# (sketchbooks, question) -> what the person reads, and the name of the sketchbook to show.
Act = Callable[[Sketchbooks, Question], tuple[str, str]]
# Each press works on what the one before it left.
IN_ORDER: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_limit": 1,
    "concurrency_id": "train-book",
}


def connect_book(context: PageContext, desk: SketchbookDesk, name: gr.State) -> None:
    """Connects the desk.

    Args:
        name: becomes the name of the sketchbook that is shown.
    """
    events: list[tuple[Any, Act]] = [
        (desk.seen, _look),
        (desk.open, _open),
        (desk.create, _create),
        (desk.forget, _forget),
        (desk.keep, _keep),
        (desk.caption, _caption),
        (desk.suggest, _suggest),
        (desk.move, _move),
        (desk.drop, _drop),
        (desk.order, _order),
        (desk.propose, _propose),
        (desk.shift, _shift),
    ]
    for listen, act in events:
        connect(
            context.role,
            listen,
            _answering(context.services.sketchbooks, act),
            outputs=[desk, name],
            **IN_ORDER,
        )


def _answering(books: Sketchbooks, act: Act) -> Callable[[gr.EventData], list[Any]]:
    @handler(Capability.TRAIN)
    def on_event(event: gr.EventData) -> list[Any]:
        value = answered(books, act, question_of(event._data))
        return [value, value["book"]]

    return on_event


def answered(books: Sketchbooks, act: Act, question: Question) -> dict[str, Any]:
    """The desk's value after a question, or with a sentence that says why nothing was done."""
    try:
        words, book = act(books, question)
        ordered = question.text("id") if act in ORDERING else ""
        outcome = Outcome(number=question.number, words=words, book=book, ordered=ordered)
    except AppError as error:
        outcome = Outcome(number=question.number, ok=False, words=str(error), book=question.book)
    return book_value(books, outcome)


def _look(_books: Sketchbooks, question: Question) -> tuple[str, str]:
    return "", question.book


def _open(_books: Sketchbooks, question: Question) -> tuple[str, str]:
    return "", question.text("name")


def _create(books: Sketchbooks, question: Question) -> tuple[str, str]:
    name = books.create(question.text("name").strip()).name
    return t("train.created", name=name), name


def _forget(books: Sketchbooks, question: Question) -> tuple[str, str]:
    books.remove(question.book)
    return t("train.forgotten", name=question.book), ""


def _keep(books: Sketchbooks, question: Question) -> tuple[str, str]:
    """A first drawing needs no sketchbook: one is begun for it."""
    strokes = read_strokes(question.values.get("strokes"), t("train.this_drawing"))
    width, height = question.whole("width"), question.whole("height")
    found = opened(books.entries(), question.book)
    name = found.name if found else books.create(t("train.first_book")).name
    books.add(name, strokes, width=width, height=height)
    return t("train.kept", count=len(books.book(name).sketches), name=name), name


def _caption(books: Sketchbooks, question: Question) -> tuple[str, str]:
    books.set_caption(question.book, question.sketch, question.text("text"))
    return t("train.captioned"), question.book


def _suggest(books: Sketchbooks, question: Question) -> tuple[str, str]:
    line = books.suggest_caption(question.book, question.sketch, question.text("concept"))
    books.set_caption(question.book, question.sketch, line)
    return t("train.suggested"), question.book


def _move(books: Sketchbooks, question: Question) -> tuple[str, str]:
    index = question.whole("index")
    books.move(question.book, question.sketch, index)
    return t("train.moved", number=index + 1), question.book


def _drop(books: Sketchbooks, question: Question) -> tuple[str, str]:
    books.remove_sketch(question.book, question.sketch)
    return t("train.dropped"), question.book


def _order(books: Sketchbooks, question: Question) -> tuple[str, str]:
    books.order(question.book, question.sketch)
    return "", question.book


def _propose(books: Sketchbooks, question: Question) -> tuple[str, str]:
    books.propose_order(question.book, question.sketch)
    return t("train.proposed"), question.book


def _shift(books: Sketchbooks, question: Question) -> tuple[str, str]:
    index = question.whole("index")
    books.move_group(question.book, question.sketch, question.whole("group"), index)
    return t("train.shifted", number=index + 1), question.book


ORDERING = (_order, _propose, _shift)
