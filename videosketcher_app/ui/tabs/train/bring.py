"""Bringing drawings from files into the sketchbook that is open, with a line on each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.ingest import SUFFIXES, Ingest, IngestRow
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.components.sketchbook_desk import SketchbookDesk
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.text.layout import note_html
from videosketcher_app.ui.tabs.train.book import IN_ORDER
from videosketcher_app.ui.tabs.train.book_view import Outcome, book_value
from videosketcher_app.ui.texts import t


def build_bring(context: PageContext, desk: SketchbookDesk, book: gr.State) -> None:
    """Lays it out below the desk and connects it.

    Args:
        book: State of the name of the sketchbook that is open.
    """
    with gr.Accordion(t("train.bring"), open=False, elem_id="train-bring"):
        gr.HTML(note_html(t("train.bring_intro")), padding=False)
        files = gr.File(
            label=t("train.bring_files"),
            file_count="multiple",
            file_types=list(SUFFIXES),
            elem_id="train-files",
        )
        start = gr.Button(t("train.bring_start"), elem_id="train-bring-start")
        told = gr.HTML(elem_id="train-brought", apply_default_css=False)
    services = context.services

    @handler(Capability.TRAIN)
    def on_bring(paths: list[str] | None, name: str) -> Iterator[list[Any]]:
        sources = [Path(path) for path in paths or ()]
        into = name or t("train.first_book")
        for words in brought(Ingest(services.sketchbooks), sources, into):
            yield [words, gr.skip(), into]
        yield [gr.skip(), None, into]

    @handler(Capability.TRAIN)
    def on_end(name: str) -> dict[str, Any]:
        return book_value(services.sketchbooks, Outcome(number=0, book=name))

    event = connect(
        context.role,
        start.click,
        on_bring,
        inputs=[files, book],
        outputs=[told, files, book],
        show_progress="hidden",
        concurrency_limit=1,
        concurrency_id="train-bring",
    )
    if event is not None:
        connect(context.role, event.then, on_end, inputs=book, outputs=desk, **IN_ORDER)


def brought(ingest: Ingest, sources: Sequence[Path], into: str) -> Iterator[str]:
    """Status and list after every file; ends with a sentence, never with an exception."""
    if not sources:
        yield status_line(t("train.bring_none"))
        return
    rows: list[IngestRow] = []
    yield status_line(t("train.bringing"))
    try:
        for row in ingest.bring(sources, into):
            rows.append(row)
            yield status_line(t("train.bringing")) + rows_html(rows, sources)
    except AppError as error:
        yield error_line(error) + rows_html(rows, sources)
        return
    count = sum(not row.problem for row in rows)
    words = t("train.brought", count=count, total=len(rows), name=into)
    yield status_line(words) + rows_html(rows, sources)


def rows_html(rows: Sequence[IngestRow], sources: Sequence[Path]) -> str:
    """What became of each file, by the name that the person knows."""
    if not rows:
        return ""
    return f'<ul class="vs-brought">{"".join(_row(row, sources) for row in rows)}</ul>'


def _row(row: IngestRow, sources: Sequence[Path]) -> str:
    name = row.source
    for source in sources:
        name = name.replace(str(source), source.name)
    if row.problem:
        words = f'<span class="vs-error">{safe(row.problem)} {safe(row.hint)}</span>'
    else:
        words = safe(t("train.brought_strokes", count=row.num_strokes))
    return f"<li><strong>{safe(name)}</strong> {words}</li>"
