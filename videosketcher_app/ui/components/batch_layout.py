"""The components of a batch and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from videosketcher_app.core.requests import MAX_SEED
from videosketcher_app.services.prompts_file import SUFFIXES
from videosketcher_app.ui.components.assets import script, style
from videosketcher_app.ui.components.batch_view import Look
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.texts import t

POLL_S = 1.0
MAX_TYPED_CHARACTERS = 200_000


class BatchView(gr.HTML):
    """The table. Event `seen`: it has come into view."""

    def __init__(self, value: str = "", **options: Any) -> None:
        super().__init__(
            value=value,
            css_template=style("batch"),
            js_on_load=script("batch"),
            apply_default_css=False,
            **options,
        )


@dataclass(frozen=True, kw_only=True)
class BatchParts:
    """The components; `outputs` is what `updates` answers, in its order."""

    file: gr.File
    lines: gr.Textbox
    seed: gr.Number
    start: gr.Button
    stop: gr.Button
    go_on: gr.Button
    again: gr.Button
    pack: gr.Button
    status: gr.HTML
    packed: BatchView
    table: BatchView
    earlier: gr.Button
    later: gr.Button
    look: gr.State
    timer: gr.Timer

    @property
    def outputs(self) -> list[Any]:
        """Everything that follows a batch."""
        buttons = [self.start, self.stop, self.go_on, self.again, self.pack]
        return [self.look, self.table, *buttons, self.earlier, self.later, self.timer]


def lay_out(ids: str = "") -> BatchParts:
    """Makes the components where the batch is being built.

    Args:
        ids: what the ids of another tab's elements begin with.
    """
    gr.HTML(f'<p class="vs-note">{safe(t("batch.intro"))}</p>')
    with gr.Row(equal_height=False):
        file = gr.File(label=t("batch.file"), file_types=list(SUFFIXES), elem_id=f"{ids}vb-file")
        with gr.Column():
            lines = gr.Textbox(
                label=t("batch.lines"),
                placeholder=t("batch.lines_hint"),
                lines=4,
                max_lines=8,
                max_length=MAX_TYPED_CHARACTERS,
                elem_id=f"{ids}vb-lines",
            )
            seed = gr.Number(
                label=t("batch.seed"), value=0, precision=0, minimum=0, maximum=MAX_SEED
            )
    with gr.Row(elem_classes="vs-buttons"):
        start = gr.Button(t("batch.start"), variant="primary", elem_id=f"{ids}vb-start")
        off: dict[str, Any] = {"interactive": False}
        stop = gr.Button(t("batch.stop"), elem_id=f"{ids}vb-stop", **off)
        go_on = gr.Button(t("batch.go_on"), elem_id=f"{ids}vb-go-on", **off)
        again = gr.Button(t("batch.again"), elem_id=f"{ids}vb-again", **off)
        pack = gr.Button(t("batch.pack"), elem_id=f"{ids}vb-pack", **off)
    status = gr.HTML(elem_id=f"{ids}vb-status", apply_default_css=False)
    packed = BatchView(elem_id=f"{ids}vb-packed")
    table = BatchView(elem_id=f"{ids}vb-table")
    with gr.Row(elem_classes="vs-buttons"):
        pages: dict[str, Any] = {"size": "sm", "visible": False, **off}  # until there are two
        earlier = gr.Button(t("batch.earlier"), elem_id=f"{ids}vb-earlier", **pages)
        later = gr.Button(t("batch.later"), elem_id=f"{ids}vb-later", **pages)
    return BatchParts(
        file=file,
        lines=lines,
        seed=seed,
        start=start,
        stop=stop,
        go_on=go_on,
        again=again,
        pack=pack,
        status=status,
        packed=packed,
        table=table,
        earlier=earlier,
        later=later,
        look=gr.State(Look()),
        timer=gr.Timer(POLL_S, active=False),
    )
