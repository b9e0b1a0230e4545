"""TextPage: the components of the Text tab, and the request that its fields make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.ui.components.plan_editor import PlanEditor
from videosketcher_app.ui.components.player import Player
from videosketcher_app.ui.tabs.text.downloads import Downloads
from videosketcher_app.ui.tabs.text.film_field import FilmField
from videosketcher_app.ui.tabs.text.lora_slots import LoraSlots, specs_of
from videosketcher_app.ui.tabs.text.model_fields import MODEL_SETTINGS, ModelFields, settings_of
from videosketcher_app.ui.tabs.text.sparse_field import parse_sparse
from videosketcher_app.ui.tabs.text.values import open_number, parse_size, whole


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The plan that was put into the editor, and the words that it was made for."""

    prompt: str
    planned: PlannedDrawing


@dataclass(frozen=True, kw_only=True)
class Result:
    """The finished drawing on the page.

    Attributes:
        folder: of what is shown.
        original: of the drawing as the model made it; the same unless it was retimed.
    """

    folder: Path
    original: Path


@dataclass(frozen=True, kw_only=True)
class TextPage:
    """The tab's components.

    Attributes:
        draft: State of Draft | None: where the editor's plan comes from.
        result: State of Result | None: what the player shows.
        planner: a dropdown on the owner's page, a fixed State on a guest's.
        film: State of str | None: path of the film to start from.
        strength: how much of the film is drawn anew; a fixed State where no film can be chosen.
        loras: None on a page without slots.
        film_field: what chooses a film; None on a page where none can be chosen.
        WITHOUT_PLACE: fields of a request that the page has no place for.
    """

    WITHOUT_PLACE: ClassVar = ("brush",)

    concept: gr.Textbox
    draw: gr.Button
    plan_first: gr.Button
    stop: gr.Button
    stop_and_keep: gr.Button
    preset: gr.Dropdown
    as_written: gr.Checkbox
    seed: gr.Number
    lock: gr.Checkbox
    dice: gr.Button
    model: gr.Dropdown
    steps: gr.Textbox
    guidance: gr.Textbox
    frames: gr.Slider
    size: gr.Dropdown
    fps: gr.Slider
    planner: gr.Dropdown | gr.State
    kept: gr.Textbox
    model_fields: ModelFields
    film: gr.State
    strength: gr.Slider | gr.State
    about_model: gr.HTML
    plan: PlanEditor
    draft: gr.State
    status: gr.HTML
    preview: gr.Image
    player: Player
    result: gr.State
    back: gr.Button
    again: gr.Button
    whole: gr.Button
    downloads: Downloads
    file_options: Sequence[Component]
    loras: LoraSlots | None = None
    film_field: FilmField | None = None

    @property
    def settings_inputs(self) -> list[Component]:
        """What a request is made of, in the order that `request_of` takes."""
        return [
            self.concept,
            self.as_written,
            self.seed,
            self.model,
            self.steps,
            self.guidance,
            self.frames,
            self.size,
            self.fps,
            self.planner,
            self.kept,
            self.film,
            self.strength,
            *self.model_fields.inputs,
            *(self.loras.inputs if self.loras is not None else ()),
        ]

    @property
    def settings_fields(self) -> list[Component]:
        """What `values.settings_values` fills."""
        choices = [self.model, self.steps, self.guidance, self.frames, self.size, self.fps]
        return [*choices, self.kept]

    @property
    def plan_inputs(self) -> list[Component]:
        """The plan as it is in the editor and where it comes from: see `planning.plan_of`."""
        return [self.plan, self.draft]

    def request_of(self, values: Sequence[Any]) -> SketchRequest:
        """The request that the values of `settings_inputs` ask for.

        Raises:
            InvalidRequest: a value is not possible.
        """
        return request_of(values)


def request_of(values: Sequence[Any]) -> SketchRequest:
    """See `TextPage.request_of`."""
    concept, as_written, seed, model, steps, guidance, frames, size, fps, planner, *rest = values
    kept, film, strength, *others = rest
    told, slots = others[: len(MODEL_SETTINGS)], others[len(MODEL_SETTINGS) :]
    width, height = parse_size(size)
    return SketchRequest(
        prompt=concept or "",
        as_written=as_written is True,
        seed=whole(seed),
        model=model or "",
        num_inference_steps=whole(open_number(steps)),
        cfg_scale=open_number(guidance),
        num_frames=whole(frames),
        width=width,
        height=height,
        fps=whole(fps),
        planner=planner,
        sparse=parse_sparse(kept),
        input_video=film,
        strength=None if film is None else strength,
        loras=specs_of(slots),
        **settings_of(told),
    )
