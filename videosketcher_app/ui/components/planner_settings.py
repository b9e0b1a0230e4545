"""The owner's settings of the language model that plans: key, address, model.

No component ever has the key as its value: values are public in the page's configuration. What is
typed goes to the service once, and the field is empty again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlsplit

import gradio as gr

from videosketcher_app.core.access import Capability, allows
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.planner.keys import (
    MAX_KEY_CHARACTERS,
    MAX_MODEL_CHARACTERS,
    MAX_URL_CHARACTERS,
    AccessState,
    KeyStore,
    is_loopback,
)
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.texts import t


@dataclass(frozen=True, kw_only=True)
class PlannerComponents:
    """The accordion's components."""

    accordion: gr.Accordion
    key: gr.Textbox
    base_url: gr.Textbox
    model: gr.Textbox
    save: gr.Button
    forget: gr.Button
    test: gr.Button
    state: gr.HTML


def build(context: PageContext) -> PlannerComponents | None:
    """Lays the accordion out and connects it; None on a page whose role may not change settings."""
    keys = context.services.planner.keys
    if not allows(context.role, Capability.CHANGE_SETTINGS) or keys is None:
        return None
    page = _layout(keys.state())

    @handler(Capability.CHANGE_SETTINGS)
    def on_open() -> str:
        return state_line(keys.state())

    @handler(Capability.CHANGE_SETTINGS)
    def on_save(key: str, base_url: str, model: str) -> list[Any]:
        return _changed(
            keys, lambda: keys.save(key=key, base_url=base_url, model=model), t("planner.saved")
        )

    @handler(Capability.CHANGE_SETTINGS)
    def on_forget() -> list[Any]:
        return _changed(keys, keys.forget, t("planner.forgotten"))

    @handler(Capability.USE_OWNER_KEYS)
    def on_test() -> Iterator[str]:
        yield _line(t("planner.testing"))
        yield _tested(context, keys)

    fields = [page.key, page.base_url, page.model]
    changed = {"outputs": [*fields, page.state], "show_progress": "hidden"}
    connect(context.role, page.accordion.expand, on_open, outputs=page.state, queue=False)
    connect(context.role, page.save.click, on_save, inputs=fields, **changed)
    connect(context.role, page.forget.click, on_forget, **changed)
    connect(
        context.role,
        page.test.click,
        on_test,
        outputs=page.state,
        show_progress="hidden",
        concurrency_limit=1,
    )
    return page


def state_line(state: AccessState, done: str = "") -> str:
    """Whether a key is set and for whom, never the key; `done` says what just happened."""
    host = urlsplit(state.base_url).hostname or ""
    if state.key_from:
        text = t(f"planner.state_{state.key_from}", host=host)
    elif is_loopback(state.base_url):
        text = t("planner.state_keyless", host=host)
    else:
        text = t("planner.state_none")
    return _line(f"{done} {text}".strip()) + (_error(state.notice) if state.notice else "")


def _changed(keys: KeyStore, change: Callable[[], None], done: str) -> list[Any]:
    """Makes a change; the new values of key, address, model and state line."""
    try:
        change()
    except AppError as error:
        return [gr.skip(), gr.skip(), gr.skip(), _error(str(error))]
    state = keys.state()
    return ["", state.base_url, state.model, state_line(state, done)]


def _tested(context: PageContext, keys: KeyStore) -> str:
    try:
        seconds = context.services.planner.try_language_model(role=context.role)
    except AppError as error:
        return _error(str(error))
    return _line(t("planner.works", model=keys.state().model, seconds=seconds))


def _line(text: str) -> str:
    return f'<p class="vs-status" role="status" aria-live="polite">{escape(text)}</p>'


def _error(text: str) -> str:
    return f'<p class="vs-status vs-error" role="alert">{escape(text)}</p>'


def _layout(state: AccessState) -> PlannerComponents:
    with gr.Accordion(t("planner.title"), open=False, elem_id="planner-settings") as accordion:
        gr.Markdown(t("planner.about"))
        key = gr.Textbox(
            label=t("planner.key"),
            info=t("planner.key_info"),
            type="password",
            max_length=MAX_KEY_CHARACTERS,
            elem_id="planner-key",
            html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
        )
        with gr.Row():
            base_url = gr.Textbox(
                state.base_url,
                label=t("planner.base_url"),
                info=t("planner.base_url_info"),
                max_length=MAX_URL_CHARACTERS,
                elem_id="planner-base-url",
            )
            model = gr.Textbox(
                state.model,
                label=t("planner.model"),
                info=t("planner.model_info"),
                max_length=MAX_MODEL_CHARACTERS,
                elem_id="planner-model",
            )
        with gr.Row(elem_classes="vs-buttons"):
            save = gr.Button(t("planner.save"), variant="primary", elem_id="planner-save")
            forget = gr.Button(t("planner.forget"), elem_id="planner-forget")
            test = gr.Button(t("planner.test"), elem_id="planner-test")
        line = gr.HTML(state_line(state), elem_id="planner-state")
    return PlannerComponents(
        accordion=accordion,
        key=key,
        base_url=base_url,
        model=model,
        save=save,
        forget=forget,
        test=test,
        state=line,
    )
