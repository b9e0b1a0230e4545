"""Films to start from: kept once, under limits, and drawn over to the same bytes."""

from __future__ import annotations

import os

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services import start_films
from videosketcher_app.services.container import build
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.start_films import StartFilms, takes_film
from videosketcher_app.storage import media


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "Am Hafen.mp4"
    media.write_video(path, np.full((7, 48, 64, 3), 90, np.uint8), fps=16)
    return path


@pytest.fixture
def films(tmp_path):
    return StartFilms(tmp_path / "films")


def test_the_same_film_is_kept_once_under_a_name_that_tells_it(films, film):
    kept = films.keep(film)
    assert kept.num_frames == 7
    assert kept.path.name.startswith("am_hafen-")
    assert kept.path.suffix == ".mp4"
    assert kept.path.read_bytes() == film.read_bytes()
    assert films.keep(film) == kept
    assert len(list(kept.path.parent.iterdir())) == 1


def test_a_picture_starts_a_sketch_too(films, tmp_path):
    path = tmp_path / "photo.PNG"
    media.write_png(path, np.zeros((20, 30, 3), np.uint8))
    kept = films.keep(path)
    assert (kept.num_frames, kept.path.suffix) == (1, ".png")


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.txt", b"words", "kind .txt"),
        ("a", b"words", "without an ending"),
        ("a.mp4", b"no film", r"\w"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, r"\w"),
        ("a.mp4", b"", r"\w"),
    ],
)
def test_what_is_no_film_is_refused_and_not_kept(films, tmp_path, name, data, told):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InvalidFile, match=told) as caught:
        films.keep(path)
    assert caught.value.hint
    assert not (tmp_path / "films").exists()


def test_films_that_were_not_used_for_long_make_room(films, tmp_path, monkeypatch):
    monkeypatch.setattr(start_films, "MAX_KEPT", 2)
    kept = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        media.write_png(path, np.full((8, 8, 3), number, np.uint8))
        kept.append(films.keep(path).path)
        os.utime(kept[-1], (1000 + number, 1000 + number))
    assert [path.is_file() for path in kept] == [False, True, True]
    monkeypatch.setattr(start_films, "MAX_KEPT_BYTES", 1)
    films.keep(tmp_path / "0.png")
    assert [path.is_file() for path in kept] == [True, False, False]


def test_who_can_start_from_a_film():
    assert takes_film("tiny")
    assert takes_film("pocket-t2v")
    assert not takes_film("pocket-brush")
    assert not takes_film("pocket-ar")
    assert not takes_film("nobody")


def test_a_sketch_over_a_film_says_so_in_its_files_and_is_drawn_again_the_same(
    films, film, tmp_path
):
    kept = films.keep(film)
    request = SketchRequest(
        prompt="a cat", model="tiny", num_frames=9, input_video=str(kept.path), strength=0.5
    )
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as services:
        destination = Destination(folder=settings.output_dir)
        first = services.generation.submit(request, destination=destination).result()
        before = first.files["mp4"].read_bytes()
        again = services.generation.submit(first.request, destination=destination).result()
        plain = request.replaced(input_video=None, strength=None)
        other = services.generation.submit(plain, destination=destination).result()
    assert first.settings["strength"] == 0.5
    assert again.folder == first.folder
    assert again.files["mp4"].read_bytes() == before
    assert (other.raw_frames != first.raw_frames).any()
