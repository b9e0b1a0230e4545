"""The Text tab's components in their places: words and plan on the left, the sheet on the right."""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability, allows
from videosketcher_app.core.plan import MAX_PLAN_CHARACTERS
from videosketcher_app.core.requests import MAX_FRAMES, MAX_SEED, SketchRequest
from videosketcher_app.services.changes import DEFAULT_HEIGHT_PX
from videosketcher_app.ui.components import planner_settings
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.components.plan_editor import PlanEditor
from videosketcher_app.ui.components.player import Player
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.present import status_line
from videosketcher_app.ui.tabs.text.downloads import Downloads
from videosketcher_app.ui.tabs.text.film_field import FilmField, lay_out_film
from videosketcher_app.ui.tabs.text.lora_slots import lay_out_loras
from videosketcher_app.ui.tabs.text.model_fields import lay_out_model_fields
from videosketcher_app.ui.tabs.text.page import TextPage
from videosketcher_app.ui.tabs.text.sparse_field import MAX_CHARACTERS
from videosketcher_app.ui.tabs.text.suggestions import Suggestions
from videosketcher_app.ui.tabs.text.values import (
    OWN_SIZE,
    model_choices,
    model_note,
    planner_choices,
    preset_choices,
    size_choices,
)
from videosketcher_app.ui.texts import t

HEIGHTS_PX = (720, 1080, 2160)
CONCEPT_ID = "concept"
Parts = dict[str, Any]


def lay_out(context: PageContext) -> TextPage:
    """Makes the components; only the settings of the language model connect themselves."""
    with gr.Row(elem_id="text-desk", equal_height=False):
        with gr.Column(elem_classes="vt-ask", min_width=280):
            ask = lay_out_ask()
            ask |= lay_out_choices(context)
        with gr.Column(elem_classes="vt-sheet", min_width=320):
            sheet = lay_out_sheet()
            _drop_hint(context)
        with gr.Column(elem_classes="vt-work", min_width=280):
            work = lay_out_plan()
            work |= lay_out_settings(context, model_choices(context.model))
            film_field = _film(context)
            if film_field is not None:
                work |= {"film": film_field.film, "strength": film_field.strength}
            loras = lay_out_loras()
            planner_settings.build(context)
    return TextPage(**ask, **sheet, **work, loras=loras, film_field=film_field)


def _film(context: PageContext) -> FilmField | None:
    """The owner's alone: a request names its film by its path on this disk."""
    if not allows(context.role, Capability.IMPORT_FILES):
        return None
    return lay_out_film(context.model)


def lay_out_ask(ids: str = "") -> Parts:
    """Words, suggestions and buttons.

    Args:
        ids: what the ids of another tab's elements begin with.
    """
    concept = gr.Textbox(
        label=t("text.concept"),
        placeholder=t("text.concept_hint"),
        max_length=MAX_PLAN_CHARACTERS,
        autofocus=not ids,  # one field of the page
        elem_id=ids + CONCEPT_ID,
    )
    Suggestions(field=ids + CONCEPT_ID, elem_id=f"{ids}suggestions")
    with gr.Row(elem_classes="vt-buttons"):
        draw = gr.Button(t("text.draw"), variant="primary", min_width=90, elem_id=f"{ids}draw")
        plan_first = gr.Button(t("text.plan_first"), min_width=90, elem_id=f"{ids}plan-first")
        stop = gr.Button(t("text.stop"), interactive=False, min_width=70, elem_id=f"{ids}stop")
        stop_and_keep = gr.Button(
            t("text.stop_and_keep"),
            interactive=False,
            min_width=134,
            elem_id=f"{ids}stop-and-keep",
        )
    return {
        "concept": concept,
        "draw": draw,
        "plan_first": plan_first,
        "stop": stop,
        "stop_and_keep": stop_and_keep,
    }


def lay_out_choices(context: PageContext, ids: str = "") -> Parts:
    """The few choices that are always in sight."""
    with gr.Row(elem_classes="vt-choices"):
        preset = gr.Dropdown(
            preset_choices(context.services.presets, model_choices(context.model)),
            value=None if context.model == "tiny" else context.services.presets[0].name,
            label=t("text.preset"),
            min_width=130,
            elem_id=f"{ids}preset",
        )
        as_written = gr.Checkbox(
            label=t("text.as_written"),
            info=t("text.as_written_info"),
            min_width=190,
            elem_id=f"{ids}as-written",
        )
    with gr.Row(elem_classes="vt-seed"):
        seed = gr.Number(
            label=t("text.seed"),
            value=0,
            precision=0,
            minimum=0,
            maximum=MAX_SEED,
            min_width=110,
            scale=2,
            elem_id=f"{ids}seed",
        )
        lock = gr.Checkbox(label=t("text.lock"), min_width=80, scale=0, elem_id=f"{ids}seed-lock")
        dice = gr.Button(t("text.dice"), min_width=90, scale=1, elem_id=f"{ids}seed-dice")
    return {
        "preset": preset,
        "as_written": as_written,
        "seed": seed,
        "lock": lock,
        "dice": dice,
    }


def lay_out_sheet(ids: str = "") -> Parts:
    """How it goes, the drawing, and what can be done with it."""
    status = gr.HTML(status_line(t("text.ready")), elem_id=f"{ids}status", apply_default_css=False)
    with gr.Group(elem_id=f"{ids}stage"):
        player = Player(elem_id=f"{ids}player")
        preview = gr.Image(
            show_label=False,
            alt_text=t("text.preview"),
            format="png",
            interactive=False,
            buttons=[],
            visible=False,
            container=False,
            elem_id=f"{ids}preview",
        )
    with gr.Row(elem_classes="vt-after"):
        back = gr.Button(
            t("text.back"), interactive=False, size="sm", min_width=140, elem_id=f"{ids}back"
        )
        again = gr.Button(
            t("text.again"), interactive=False, size="sm", min_width=140, elem_id=f"{ids}again"
        )
        whole = gr.Button(
            t("text.whole"),
            visible=False,
            size="sm",
            variant="primary",
            min_width=140,
            elem_id=f"{ids}whole",
        )
    downloads = Downloads(elem_id=f"{ids}downloads")
    with gr.Accordion(t("text.file_options"), open=False, elem_id=f"{ids}file-options"):
        file_options = _file_options()
    return {
        "status": status,
        "player": player,
        "preview": preview,
        "result": gr.State(None),
        "back": back,
        "again": again,
        "whole": whole,
        "downloads": downloads,
        "file_options": file_options,
    }


def _drop_hint(context: PageContext) -> None:
    """Says that the window takes files, where it does."""
    if allows(context.role, Capability.UPLOAD_MEDIA):
        hint = f'<p class="vt-drop">{safe(t("text.drop_hint"))}</p>'
        gr.HTML(hint, elem_id="drop-hint", apply_default_css=False)


def _file_options() -> list[Any]:
    """In the order in which `downloads.made` takes them."""
    with gr.Row():
        height = gr.Dropdown(
            [(f"{value} px", value) for value in HEIGHTS_PX],
            value=DEFAULT_HEIGHT_PX,
            label=t("exports.height"),
            min_width=110,
        )
        hold = gr.Slider(0, 3, 0, step=0.5, label=t("exports.hold"), min_width=150)
        speed = gr.Slider(0.25, 4, 1, step=0.25, label=t("exports.speed"), min_width=150)
        paper = gr.Radio(
            [(t("exports.paper_a4"), "a4"), (t("exports.paper_letter"), "letter")],
            value="a4",
            label=t("exports.paper"),
            min_width=150,
        )
    keep = gr.Checkbox(
        True, label=t("exports.keep_prompt"), info=t("exports.keep_prompt_info"), min_width=200
    )
    return [height, hold, speed, paper, keep]


def lay_out_plan(ids: str = "") -> Parts:
    """The plan and where it comes from."""
    return {"plan": PlanEditor(elem_id=f"{ids}plan"), "draft": gr.State(None)}


def lay_out_settings(context: PageContext, models: list[str], ids: str = "") -> Parts:
    """What the model is told beside the words.

    Args:
        models: names to choose from.
    """
    request = SketchRequest(prompt="a cat", model=context.model)
    with gr.Accordion(t("text.settings"), open=False, elem_id=f"{ids}settings"):
        with gr.Row():
            model = gr.Dropdown(
                models,
                value=context.model,
                label=t("text.model"),
                min_width=150,
                elem_id=f"{ids}model",
            )
            planner = _planner(context, ids)
        about_model = gr.HTML(_note(context.model), elem_id=f"{ids}about-model", padding=False)
        with gr.Row():
            steps = _open_number(f"{ids}steps", t("text.steps"), t("text.steps_info"))
            guidance = _open_number(f"{ids}guidance", t("text.guidance"), t("text.guidance_info"))
        with gr.Row():
            frames = gr.Slider(
                5, MAX_FRAMES, request.num_frames, step=4, label=t("text.frames"), min_width=150
            )
            fps = gr.Slider(1, 60, request.fps, step=1, label=t("text.fps"), min_width=150)
        size = gr.Dropdown(
            size_choices(),
            value=OWN_SIZE,
            label=t("text.size"),
            info=t("text.size_info"),
            allow_custom_value=True,
            elem_id=f"{ids}size",
        )
        kept = gr.Textbox(
            label=t("sparse.kept"),
            info=t("sparse.kept_info"),
            placeholder=t("sparse.kept_hint"),
            max_length=MAX_CHARACTERS,
            elem_id=f"{ids}kept",
        )
        model_fields = lay_out_model_fields(context.model, ids)
    return {
        "model": model,
        "planner": planner,
        "about_model": about_model,
        "steps": steps,
        "guidance": guidance,
        "frames": frames,
        "fps": fps,
        "size": size,
        "kept": kept,
        "model_fields": model_fields,
        "film": gr.State(None),
        "strength": gr.State(None),
    }


def _open_number(name: str, label: str, info: str) -> gr.Textbox:
    """A number that may be left open; Gradio's own number field would show that as 0."""
    return gr.Textbox(
        label=label,
        info=info,
        placeholder=t("text.as_trained"),
        max_length=8,
        min_width=150,
        elem_id=name,
    )


def _planner(context: PageContext, ids: str) -> gr.Dropdown | gr.State:
    """The owner chooses; what guests are planned by is not theirs to choose."""
    if not allows(context.role, Capability.USE_OWNER_KEYS):
        return gr.State("auto")
    return gr.Dropdown(
        planner_choices(),
        value="auto",
        label=t("text.planner"),
        info=t("text.planner_info"),
        min_width=150,
        elem_id=f"{ids}planner",
    )


def _note(model: str) -> str:
    return note_html(model_note(model))


def note_html(text: str) -> str:
    """A remark in small print."""
    return f'<p class="vs-note">{safe(text)}</p>'
