"""The Text tab: a concept, a button, the plan, and the drawing as it appears."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.plan import MAX_PLAN_CHARACTERS
from videosketcher_app.core.requests import MAX_SEED, SketchRequest
from videosketcher_app.services.container import Services
from videosketcher_app.services.generation import Destination
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui.handlers import CurrentJobs, connect, handler
from videosketcher_app.ui.present import View, model_line, present, present_error, started

MODEL_POLL_S = 0.5


@dataclass(frozen=True, kw_only=True)
class TextComponents:
    """The tab's components."""

    concept: gr.Textbox
    draw: gr.Button
    stop: gr.Button
    seed: gr.Number
    status: gr.HTML
    plan: gr.HTML
    preview: gr.Image
    video: gr.Video
    files: gr.File
    model_state: gr.HTML
    timer: gr.Timer

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What a sketch changes, in the order of `updates`."""
        return [
            self.status,
            self.plan,
            self.preview,
            self.video,
            self.files,
            self.draw,
            self.stop,
        ]


def build(services: Services, role: Role, *, model: str) -> None:
    """Lays the tab out and connects what this role may do."""
    page = _layout(model)
    jobs = CurrentJobs()

    @handler(Capability.GENERATE)
    def on_draw(concept: str, seed: int, session: gr.Request) -> Iterator[list[Any]]:
        yield from _draw(services, jobs, role, model, concept, seed, str(session.session_hash))

    @handler(Capability.GENERATE)
    def on_stop(session: gr.Request) -> None:
        jobs.stop(str(session.session_hash))

    @handler(Capability.GENERATE)
    def on_tick() -> tuple[str, gr.Timer]:
        shelf = services.shelf.state(model)
        return model_line(model, shelf), gr.Timer(active=shelf.state != "ready")

    wiring = {
        "inputs": [page.concept, page.seed],
        "outputs": page.outputs,
        "show_progress": "hidden",
        "concurrency_limit": None,  # the job queue is what decides who waits
    }
    connect(role, page.draw.click, on_draw, **wiring)
    connect(role, page.concept.submit, on_draw, **wiring)
    connect(role, page.stop.click, on_stop, queue=False)
    connect(
        role,
        page.timer.tick,
        on_tick,
        outputs=[page.model_state, page.timer],
        show_progress="hidden",
        queue=False,
    )


def updates(view: View, shown: View | None = None) -> list[Any]:
    """The components' new values, in the order of `TextComponents.outputs`.

    Args:
        shown: what the page shows already; what did not change is not sent again.
    """
    done = view.video is not None
    files = [str(path) for path in view.files] or None
    values = {
        "status": view.status,
        "plan": view.plan,
        "preview": gr.update(value=view.preview, visible=not done),
        "video": gr.update(value=str(view.video) if done else None, visible=done),
        "files": gr.update(value=files, visible=done),
    }
    changed = [
        gr.skip() if _is_shown(name, view, shown) else value for name, value in values.items()
    ]
    return [
        *changed,
        gr.update(interactive=not view.busy),
        gr.update(interactive=view.busy),
    ]


def _is_shown(name: str, view: View, shown: View | None) -> bool:
    if shown is None or shown.video is not view.video:
        return False
    return getattr(shown, name) is getattr(view, name)


def _draw(
    services: Services,
    jobs: CurrentJobs,
    role: Role,
    model: str,
    concept: str,
    seed: int,
    session: str,
) -> Iterator[list[Any]]:
    """Follows one sketch; ends with a video or a message, never with an exception."""
    view = started()
    yield updates(view)
    try:
        request = SketchRequest(prompt=concept, seed=seed, model=model)
        job = services.generation.submit(
            request, destination=_destination(services, role), role=role, session=session
        )
    except AppError as error:
        yield updates(present_error(error, view))
        return
    jobs.put(session, job)
    try:
        for event in services.generation.follow(job):
            shown, view = view, present(event, view)
            if view is not shown:
                yield updates(view, shown)
    except AppError as error:
        yield updates(present_error(error, view), view)
    finally:
        job.cancel()
        jobs.forget(session, job)


def _destination(services: Services, role: Role) -> Destination:
    """The owner's outputs folder; a folder of its own with an unguessable name for a guest."""
    settings = services.settings
    if role is Role.OWNER:
        return Destination(folder=settings.output_dir)
    return Destination(folder=Workspace(settings.workspace).sessions / secrets.token_hex(16))


def _layout(model: str) -> TextComponents:
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=280):
            concept = gr.Textbox(
                label="What shall I draw?",
                placeholder="a cat",
                max_length=MAX_PLAN_CHARACTERS,
                autofocus=True,
                elem_id="concept",
            )
            with gr.Row(elem_classes="vs-buttons"):
                draw = gr.Button("Draw", variant="primary", elem_id="draw")
                stop = gr.Button("Stop", interactive=False, elem_id="stop")
            status = gr.HTML(elem_id="status")
            plan = gr.HTML(elem_id="plan")
            with gr.Accordion("Settings", open=False):
                seed = gr.Number(
                    label="Seed",
                    info="Another number, another drawing of the same thing.",
                    value=0,
                    precision=0,
                    minimum=0,
                    maximum=MAX_SEED,
                )
            model_state = gr.HTML(elem_id="model-state")
        with gr.Column(scale=3, min_width=360):
            preview = gr.Image(
                label="So far",
                interactive=False,
                buttons=[],
                elem_id="preview",
                elem_classes="vs-sheet",
            )
            video = gr.Video(
                label="Drawing",
                interactive=False,
                autoplay=True,
                visible=False,
                elem_id="video",
                elem_classes="vs-sheet",
            )
            files = gr.File(
                label="Files",
                file_count="multiple",
                interactive=False,
                visible=False,
                elem_id="files",
            )
    return TextComponents(
        concept=concept,
        draw=draw,
        stop=stop,
        seed=seed,
        status=status,
        plan=plan,
        preview=preview,
        video=video,
        files=files,
        model_state=model_state,
        timer=gr.Timer(MODEL_POLL_S),
    )
