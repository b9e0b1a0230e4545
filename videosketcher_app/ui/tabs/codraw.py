"""The Co-draw tab: the live paper, and below it a plain pad for whoever wants nothing live."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.requests import DEFAULT_CAUSAL_MODEL, CoDrawRequest
from videosketcher_app.services.codraw.events import FrameDrawn, TurnEnded, TurnFailed, Waiting
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.ui.codraw.door import causal_model, multiple_of, visitor_name
from videosketcher_app.ui.components.brush_pad import PadNote
from videosketcher_app.ui.components.codraw_canvas import CodrawCanvas, mode_words
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line, waiting_line
from videosketcher_app.ui.texts import t

PAD_PX = (432, 240)
SHOWN_FRAMES = 4  # one frame of so many is sent: pictures of Gradio are no stream
_PAPER_LEVEL = 250  # what is lighter is paper
# The field for the mode of speed is the live paper's own, which Gradio does not know.
_WITH_MODE = """(drawn, concept) =>
  [drawn, concept, document.querySelector("#codraw [data-set=mode]")?.value ?? "exact"]"""

Shown = tuple[Any, str]  # picture or skip, line


def build(context: PageContext) -> None:
    """Lays the tab out; the paper connects itself over a line of its own."""
    CodrawCanvas(multiple_px=multiple_of(context.model), elem_id="codraw")
    if causal_model(context.model) == DEFAULT_CAUSAL_MODEL:
        gr.Markdown(t("codraw.rough", model=DEFAULT_CAUSAL_MODEL), elem_id="codraw-rough")
    if context.role is Role.OWNER:  # a guest's door has no way for what Gradio's pad sends
        with gr.Accordion(t("codraw.simple"), open=False, elem_id="simple-pad"):
            _pad(context)


def _pad(context: PageContext) -> None:
    words = html.escape(t("codraw.simple_intro"))
    PadNote(f"<p>{words}</p>", pad="simple-paper", padding=False)
    with gr.Row(equal_height=False):
        pad = gr.Sketchpad(
            label=t("codraw.simple_pad"),
            canvas_size=PAD_PX,
            fixed_canvas=True,
            type="numpy",
            image_mode="RGB",
            layers=False,
            brush=gr.Brush(default_size=3, default_color="#000000", color_mode="fixed"),
            elem_id="simple-paper",
        )
        answer = gr.Image(
            label=t("codraw.simple_answer"),
            interactive=False,
            format="png",
            elem_classes="vs-sheet",
            elem_id="simple-answer",
        )
    concept = gr.Textbox(label=t("codraw.simple_concept"), max_length=400, elem_id="simple-concept")
    mode = gr.Textbox("exact", visible=False)
    go = gr.Button(t("codraw.simple_go"), variant="primary", elem_id="simple-go")
    status = gr.HTML(elem_id="simple-status", apply_default_css=False)

    @handler(Capability.CO_DRAW)
    def on_go(drawn: Any, concept: str, mode: str, request: gr.Request) -> Iterator[Shown]:
        try:
            yield from _continued(context, drawn, concept, mode, visitor_name(request))
        except AppError as error:
            yield gr.skip(), error_line(error)

    connect(
        context.role,
        go.click,
        on_go,
        inputs=[pad, concept, mode],
        outputs=[answer, status],
        show_progress="hidden",
        concurrency_limit=None,  # the job queue decides who waits
        js=_WITH_MODE,
    )


def _continued(
    context: PageContext, drawn: Any, concept: str, mode: str, visitor: str
) -> Iterator[Shown]:
    """The model's answer to a pad, in a session of its own that is gone afterwards."""
    picture = picture_of_pad(drawn)
    yield gr.skip(), status_line(t("codraw.drawing"))
    width, height = PAD_PX
    request = CoDrawRequest(
        concept=concept.strip(),
        model=causal_model(context.model),
        mode=mode,  # type: ignore[arg-type]
        width=width,
        height=height,
    )
    service = context.services.codraw
    session = service.open(visitor, request, role=context.role)
    try:
        session.background(picture)
        yield from _frames(session)
    finally:
        service.close(session.id, visitor)


def _frames(session: Session) -> Iterator[Shown]:
    last: NDArray[np.uint8] | None = None
    with closing(session.generate()) as events:  # type: ignore[type-var]
        for event in events:
            match event:
                case Waiting(position=position):
                    yield gr.skip(), waiting_line(position)
                case FrameDrawn(index=index, frame_HW3=last) if index % SHOWN_FRAMES == 0:
                    yield last, status_line(t("codraw.simple_working", frame=index + 1))
                case FrameDrawn(frame_HW3=last):
                    pass
                case TurnFailed(error=error):
                    raise error
                case TurnEnded():
                    shown = gr.skip() if last is None else last
                    yield shown, status_line(_done(session))


def _done(session: Session) -> str:
    if session.mode == "exact":
        return t("codraw.simple_done")
    return t("codraw.simple_done_in", mode=mode_words()[session.mode])


def picture_of_pad(drawn: Any) -> NDArray[np.uint8]:
    """What was drawn on a `gr.Sketchpad`, (H, W, 3) uint8 on white paper.

    Raises:
        InvalidRequest: nothing was drawn.
    """
    picture = drawn.get("composite") if isinstance(drawn, dict) else None
    if not isinstance(picture, np.ndarray) or picture.ndim != 3 or not picture.size:
        raise InvalidRequest(t("codraw.simple_empty"))
    if picture.min() >= _PAPER_LEVEL:
        raise InvalidRequest(t("codraw.simple_empty"))
    return np.ascontiguousarray(picture[..., :3], np.uint8)
