"""Model settings: mode of speed, negative prompt, attention kernel, rounding, where a model has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr
from gradio.components import Component

from videosketcher_app.core.access import Capability
from videosketcher_app.core.plan import MAX_PLAN_CHARACTERS
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.model_settings import MODEL_SETTINGS, usable_settings
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.texts import t

OPEN_PROMPT = ""  # the model's own negative prompt


@dataclass(frozen=True, kw_only=True)
class ModelFields:
    """The components, each named after its field of a request."""

    mode: gr.Dropdown
    negative_prompt: gr.Textbox
    attention: gr.Dropdown
    rounding: gr.Dropdown

    @property
    def inputs(self) -> list[Component]:
        """In the order of MODEL_SETTINGS, in which `settings_of` takes their values."""
        return [getattr(self, name) for name in MODEL_SETTINGS]


def lay_out_model_fields(model: str, ids: str = "") -> ModelFields:
    """The fields in an accordion.

    Args:
        model: that draws if nobody chooses another.
        ids: what the ids of another tab's elements begin with.
    """
    usable = usable_settings(model)
    with gr.Accordion(
        t("model_settings.title"),
        open=False,
        elem_id=f"{ids}model-settings",
        elem_classes="vt-model",
    ):
        gr.HTML(f'<p class="vs-note">{safe(t("model_settings.intro"))}</p>', padding=False)
        mode = _choice("mode", usable, ids)
        negative_prompt = gr.Textbox(
            OPEN_PROMPT,
            label=t("model_settings.negative_prompt"),
            info=t("model_settings.negative_prompt_info"),
            placeholder=t("model_settings.negative_prompt_hint"),
            max_length=MAX_PLAN_CHARACTERS,
            interactive="negative_prompt" in usable,
            elem_id=f"{ids}negative-prompt",
        )
        with gr.Row():
            attention = _choice("attention", usable, ids)
            rounding = _choice("rounding", usable, ids)
    return ModelFields(
        mode=mode, negative_prompt=negative_prompt, attention=attention, rounding=rounding
    )


def _choice(name: str, usable: frozenset[str], ids: str) -> gr.Dropdown:
    field = SketchRequest.model_fields[name]
    return gr.Dropdown(
        [(t(f"model_settings.{name}_{value}"), value) for value in get_args(field.annotation)],
        value=field.default,
        label=t(f"model_settings.{name}"),
        info=t(f"model_settings.{name}_info"),
        min_width=150,
        interactive=name in usable,
        elem_id=f"{ids}{name}",
    )


def connect_model_fields(context: PageContext, fields: ModelFields, model: Any) -> None:
    """Lets the fields follow the model.

    Args:
        model: the field of the model's name.
    """

    @handler(Capability.GENERATE)
    def on_model(name: str) -> list[Any]:
        return following(name)

    quick: dict[str, Any] = {"show_progress": "hidden", "queue": False}
    connect(context.role, model.change, on_model, inputs=model, outputs=fields.inputs, **quick)


def following(model: str) -> list[Any]:
    """Updates of `ModelFields.inputs` for a model: what it cannot use is closed, and as it was at first."""
    usable, first = usable_settings(model), SketchRequest(prompt="a cat")
    return [
        gr.update(interactive=True)
        if name in usable
        else gr.update(interactive=False, value=_value(first, name))
        for name in MODEL_SETTINGS
    ]


def settings_of(values: Sequence[Any]) -> dict[str, Any]:
    """The fields of a request that the values of `ModelFields.inputs` ask for."""
    given = dict(zip(MODEL_SETTINGS, values, strict=True))
    words = given["negative_prompt"]
    if isinstance(words, str) and not words.strip():
        given["negative_prompt"] = None
    return given


def field_values(request: SketchRequest, model: str) -> list[Any]:
    """Values of `ModelFields.inputs` for a request.

    Args:
        model: that is chosen, which need not be the request's; what it cannot use stays out.
    """
    usable, first = usable_settings(model), SketchRequest(prompt="a cat")
    return [_value(request if name in usable else first, name) for name in MODEL_SETTINGS]


def not_held(request: SketchRequest, model: str) -> list[str]:
    """Names of the settings that a request uses and the fields cannot hold with this model."""
    held = settings_of(field_values(request, model))
    return [name for name in MODEL_SETTINGS if getattr(request, name) != held[name]]


def _value(request: SketchRequest, name: str) -> Any:
    value = getattr(request, name)
    return OPEN_PROMPT if value is None else value
