"""The card of the chosen brush: the condition frame, and what was understood, to be corrected."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import gradio as gr
from PIL import Image

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.brushes.choice import BrushChoice, Understanding
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.texts import t

MIN_WIDTH_PX, MAX_WIDTH_PX = 0.5, 60.0
ROUND_BELOW, FLAT_FROM = 0.15, 0.4
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_RGB = re.compile(r"rgba?\(\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*(?:,\s*[\d.]+\s*)?\)")


@dataclass(frozen=True, kw_only=True)
class BrushCard:
    """The card's components.

    Attributes:
        choice: State of BrushChoice | None.
    """

    choice: gr.State
    frame: gr.HTML
    words: gr.HTML
    color: gr.ColorPicker
    width: gr.Slider
    kind: gr.Dropdown
    direction: gr.Slider
    reset: gr.Button

    @property
    def fields(self) -> list[Any]:
        """What a person corrects, in the order of `understanding_of`."""
        return [self.color, self.width, self.kind, self.direction]

    @property
    def shown(self) -> list[Any]:
        """What follows the choice, in the order of `shown_values`."""
        return [self.choice, self.frame, self.words, self.reset]

    @property
    def outputs(self) -> list[Any]:
        """Everything, in the order of `card_values`."""
        return [*self.shown, *self.fields]


def lay_out_card(kinds: dict[str, str], ids: str) -> BrushCard:
    """Makes the components.

    Args:
        kinds: of texture, with what people read.
    """
    with gr.Row(elem_classes="vk-card", equal_height=False):
        with gr.Column(min_width=150, scale=4):
            frame = gr.HTML(elem_id=f"{ids}frame", apply_default_css=False, padding=False)
            words = gr.HTML(elem_id=f"{ids}words", apply_default_css=False, padding=False)
        with gr.Column(min_width=150, scale=5, elem_classes="vk-fields"):
            gr.HTML(f'<h3 class="vk-head">{safe(t("brush.understood"))}</h3>', padding=False)
            with gr.Row(elem_classes="vk-pair"):
                color = gr.ColorPicker(label=t("brush.color"), min_width=60, elem_id=f"{ids}color")
                kind = gr.Dropdown(
                    [(title, kind) for kind, title in kinds.items()],
                    value=None,
                    label=t("brush.kind"),
                    min_width=120,
                    elem_id=f"{ids}kind",
                )
            width = gr.Slider(
                MIN_WIDTH_PX,
                MAX_WIDTH_PX,
                MIN_WIDTH_PX,
                step=0.1,
                label=t("brush.width"),
                info=t("brush.width_info"),
                buttons=[],
                elem_id=f"{ids}width",
            )
            direction = gr.Slider(
                0,
                1,
                0,
                step=0.01,
                label=t("brush.direction"),
                info=t("brush.direction_info"),
                buttons=[],
                elem_id=f"{ids}direction",
            )
            reset = gr.Button(t("brush.reset"), size="sm", interactive=False, elem_id=f"{ids}reset")
    return BrushCard(
        choice=gr.State(None),
        frame=frame,
        words=words,
        color=color,
        width=width,
        kind=kind,
        direction=direction,
        reset=reset,
    )


def card_values(choice: BrushChoice) -> list[Any]:
    """New values of `BrushCard.outputs`."""
    now = choice.understood
    return [*shown_values(choice), now.color, now.width_px, now.kind, now.direction]


def shown_values(choice: BrushChoice) -> list[Any]:
    """New values of `BrushCard.shown`; the fields stay as somebody is setting them."""
    return [
        choice,
        frame_html(choice),
        words_html(choice),
        gr.update(interactive=choice.is_corrected),
    ]


def understanding_of(color: Any, width: Any, kind: Any, direction: Any) -> Understanding:
    """What the fields say.

    Raises:
        InvalidRequest: a value is not possible.
    """
    return Understanding(
        color=hex_color(color),
        width_px=round(_number(width), 1),
        kind=str(kind or ""),
        direction=round(_number(direction), 2),
    )


def hex_color(text: Any) -> str:
    """A color as browsers write it, as "#1d3fa6".

    Raises:
        InvalidRequest: it is none.
    """
    words = str(text or "").strip()
    if _HEX.fullmatch(words):
        return words.lower()
    found = _RGB.fullmatch(words)
    channels = [round(float(channel)) for channel in found.groups()] if found else []
    if not found or max(channels) > 255:
        raise InvalidRequest(t("brush.bad_color", color=words[:20]), hint=t("brush.bad_color_hint"))
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def frame_html(choice: BrushChoice) -> str:
    """The condition frame as the model sees it."""
    buffer = BytesIO()
    Image.fromarray(choice.frame().pixels_HW3).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    alt = safe(t("brush.frame_alt", title=choice.title or t("brush.title_picture")))
    return (
        f'<figure class="vk-frame"><img src="data:image/png;base64,{data}" alt="{alt}">'
        f"<figcaption>{safe(t('brush.frame_label'))}</figcaption></figure>"
    )


def words_html(choice: BrushChoice) -> str:
    """What was understood, in words."""
    now = choice.understood
    title = safe(choice.title or t("brush.title_picture"))
    lines = [f'<strong class="vk-title">{title}</strong>', safe(understood_words(now))]
    if choice.is_ready_made:
        lines.append(safe(t("brush.as_is")))
    elif choice.is_corrected:
        lines.append(safe(t("brush.changed")))
    return f'<p class="vk-words" role="status" aria-live="polite">{"<br>".join(lines)}</p>'


def understood_words(now: Understanding) -> str:
    """Texture, width and tip as a sentence."""
    if now.direction < ROUND_BELOW:
        tip = t("brush.round")
    else:
        tip = t("brush.somewhat") if now.direction < FLAT_FROM else t("brush.flat")
    kind = now.kind.replace("_", " ").capitalize()
    return t("brush.words", kind=kind, width=f"{now.width_px:g}", direction=tip)


def _number(value: Any) -> float:
    """A number of a field; what is none becomes one that no range holds."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e6 else -1.0
