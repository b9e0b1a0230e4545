"""The film that a sketch starts from: chosen, looked at, and shown where the model can use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.sketch_request import DEFAULT_STRENGTH
from videosketcher_app.services.start_films import StartFilm, StartFilms, takes_film
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.texts import t

LEAST_STRENGTH = 0.05
# As in data.clip_media, which needs OpenCV: the page is up before that is imported.
SUFFIXES = [
    ".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif",
    ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FilmField:
    """The components.

    Attributes:
        film: State of str | None: path of the kept film.
        strength: how much of it is drawn anew.
        note: which film it is, or what is wrong.
    """

    film: gr.State
    strength: gr.Slider
    choose: gr.UploadButton
    remove: gr.Button
    note: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """What a film that comes or goes changes, in the order of `shown`."""
        return [self.film, self.note, self.strength, self.remove]


def lay_out_film(model: str) -> FilmField:
    """The field in an accordion.

    Args:
        model: that draws if nobody chooses another.
    """
    with gr.Accordion(t("film.title"), open=False, elem_id="film-fold"):
        gr.HTML(f'<p class="vs-note">{safe(t("film.intro"))}</p>', padding=False)
        with gr.Row(elem_classes="vs-buttons"):
            choose = gr.UploadButton(
                t("film.choose"),
                file_types=SUFFIXES,
                size="sm",
                min_width=150,
                interactive=takes_film(model),
                elem_id="film-choose",
            )
            remove = gr.Button(
                t("film.remove"), size="sm", interactive=False, min_width=120, elem_id="film-remove"
            )
        note = gr.HTML(
            _note(None, model), elem_id="film-note", apply_default_css=False, padding=False
        )
        strength = gr.Slider(
            LEAST_STRENGTH,
            1,
            DEFAULT_STRENGTH,
            step=0.05,
            label=t("film.strength"),
            info=t("film.strength_info"),
            interactive=False,
            elem_id="film-strength",
        )
    return FilmField(
        film=gr.State(None), strength=strength, choose=choose, remove=remove, note=note
    )


def connect_film(context: PageContext, field: FilmField, model: Any) -> None:
    """Connects the field.

    Args:
        model: the field of the model's name.
    """
    films = context.services.start_films

    @handler(Capability.IMPORT_FILES)
    def on_choose(path: str | None, name: str) -> Iterator[list[Any]]:
        if path is not None:
            yield [gr.skip(), status_line(t("film.looking")), gr.skip(), gr.skip()]
            yield chosen(films, Path(path), name)

    @handler(Capability.IMPORT_FILES)
    def on_remove(name: str) -> list[Any]:
        return shown(None, _note(None, name))

    @handler(Capability.IMPORT_FILES)
    def on_model(name: str, film: str | None) -> list[Any]:
        return [_note(film, name), gr.update(interactive=takes_film(name))]

    quiet: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None}
    role = context.role
    connect(
        role,
        field.choose.upload,
        on_choose,
        inputs=[field.choose, model],
        outputs=field.outputs,
        **quiet,
    )
    connect(role, field.remove.click, on_remove, inputs=model, outputs=field.outputs, **quiet)
    connect(
        role,
        model.change,
        on_model,
        inputs=[model, field.film],
        outputs=[field.note, field.choose],
        **quiet,
    )


def chosen(films: StartFilms, source: Path, model: str) -> list[Any]:
    """The field with a film that was sent; with a sentence, and as before, if it is none."""
    try:
        film = films.keep(source)
    except AppError as error:
        return [gr.skip(), error_line(error), gr.skip(), gr.skip()]
    told = status_line(_words(film)) if takes_film(model) else _note(str(film.path), model)
    return shown(film.path, told)


def shown(path: Path | None, note: str, *, strength: float | None = None) -> list[Any]:
    """Values of `FilmField.outputs`.

    Args:
        strength: for the slider; None leaves it where it is.
    """
    usable = gr.update(interactive=path is not None)
    slider = usable if strength is None else {**usable, "value": strength}
    return [None if path is None else str(path), note, slider, usable]


def reused(request: SketchRequest, model: str) -> list[Any]:
    """Values of `FilmField.outputs` for a request's film, which may be gone by now.

    Args:
        model: that is chosen, which need not be the request's.
    """
    strength = DEFAULT_STRENGTH if request.strength is None else request.strength
    if request.input_video is None:
        return shown(None, _note(None, model), strength=strength)
    path = Path(request.input_video)
    told = _note(str(path), model)
    if not path.is_file():
        told = status_line(t("film.gone", name=path.name))
    return shown(path, told, strength=strength)


def _words(film: StartFilm) -> str:
    key = "film.chosen_picture" if film.num_frames == 1 else "film.chosen_film"
    return t(key, name=film.path.name, frames=film.num_frames)


def _note(film: str | None, model: str) -> str:
    """Which film is chosen, or that this model cannot use one."""
    if not takes_film(model):
        return status_line(t("film.cannot", model=model))
    if film is None:
        return status_line(t("film.none"))
    return status_line(t("film.chosen_again", name=Path(film).name))
