"""The film that a sketch starts from: where it is offered, what is said, what comes back."""

from __future__ import annotations

import asyncio

import gradio as gr
import numpy as np
import pytest

from tests.ui.text_cases import asked, drawn, fields
from videosketcher_app.core.access import Role
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.data.clip_media import MEDIA_SUFFIXES
from videosketcher_app.services.container import build
from videosketcher_app.storage import media
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text import film_field, reuse
from videosketcher_app.ui.tabs.text.layout import lay_out
from videosketcher_app.ui.tabs.text.page import request_of


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "harbor.mp4"
    media.write_video(path, np.full((5, 48, 64, 3), 90, np.uint8), fps=16)
    return path


def page_of(services, role):
    context = PageContext(services=services, role=role, model="tiny")

    async def build_page():
        with gr.Blocks() as blocks:
            return lay_out(context), blocks

    return context, *asyncio.run(build_page())


def test_every_kind_that_can_be_read_can_be_chosen():
    assert set(film_field.SUFFIXES) == set(MEDIA_SUFFIXES)


def test_the_fields_become_a_request_with_a_film():
    assert request_of(fields()).input_video is None
    assert request_of(fields(strength=0.3)).strength is None
    request = request_of(fields(film="/films/a.mp4", strength=0.3))
    assert (request.input_video, request.strength) == ("/films/a.mp4", 0.3)


def test_a_film_that_was_sent_is_kept_and_drawn_over(services, film):
    path, note, slider, remove = film_field.chosen(services.start_films, film, "tiny")
    assert "5 frames" in note
    assert slider["interactive"]
    assert remove["interactive"]
    last = drawn(services, asked(film=path, strength=0.4, frames=9))[-1].view
    config = (last.folder / "cat_config.json").read_text("utf-8")
    assert '"strength": 0.4' in config
    assert path in config


def test_what_is_no_film_is_said_and_the_one_of_before_stays(services, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"<script>")
    film, note, slider, _ = film_field.chosen(services.start_films, path, "tiny")
    assert film == slider == gr.skip()
    assert "vs-error" in note


def test_a_model_that_cannot_says_so(services, film):
    _, note, *_ = film_field.chosen(services.start_films, film, "pocket-brush")
    assert "pocket-brush cannot start from a film" in note


def test_settings_bring_their_film_back_or_say_that_it_is_gone(services, film):
    kept = services.start_films.keep(film).path
    request = SketchRequest(prompt="a cat", model="tiny", input_video=str(kept), strength=0.2)
    path, note, slider, _ = film_field.reused(request, "tiny")
    assert path == str(kept)
    assert kept.name in note
    assert slider["value"] == 0.2
    kept.unlink()
    assert "not on this disk any more" in film_field.reused(request, "tiny")[1]
    plain = film_field.reused(request.replaced(input_video=None, strength=None), "tiny")
    assert plain[0] is None
    assert plain[2] == {**gr.update(interactive=False), "value": 0.8}


def test_reuse_fills_the_films_fields_too(services):
    context, page, _ = page_of(services, Role.OWNER)
    request = SketchRequest(prompt="a cat", model="tiny")
    places, values = reuse.reuse_outputs(page), reuse.reuse_updates(context, page, request, None)
    assert len(places) == len(values)
    assert page.film in places


def test_a_guests_page_has_no_film(services):
    _, page, blocks = page_of(services, Role.GUEST)
    assert page.film_field is None
    assert not any(isinstance(block, gr.UploadButton) for block in blocks.blocks.values())
