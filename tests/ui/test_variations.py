"""The variations' grid: every event has its words, hostile ones stay words, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.services.drawings import published
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import Cancelled, InvalidRequest, OutOfMemory
from videosketcher_app.core.events import Preview, Progress, Waiting
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build as build_services
from videosketcher_app.services.variations import Begun, Drawn, VariationEvent, Verdict
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.present import status_line
from videosketcher_app.ui.tabs.text import sheet_grid, variations
from videosketcher_app.ui.tabs.text.drawing import Asked
from videosketcher_app.ui.tabs.text.model_fields import field_values
from videosketcher_app.ui.tabs.text.sheet_grid import Sheet, Sheets
from videosketcher_app.ui.tabs.text.turns import Turn

MODEL_VALUES = field_values(SketchRequest(prompt="a cat"), "tiny")
VALUES = ("a cat", False, 7, "tiny", 2, None, 9, "", 16, "library", "", None, None, *MODEL_VALUES)
TWO = Sheets(sheets=(Sheet(seed=7), Sheet(seed=8)), busy=True)


def asked(values) -> Asked:
    return Asked(values=tuple(values), plan=None, draft=None, session="page")


def told(event, now=TWO, index=0) -> Sheets:
    return sheet_grid.after(VariationEvent(index=index, event=event), now)


@pytest.fixture
def done(tmp_path) -> Drawn:
    saved = published(tmp_path)
    return Drawn(folder=saved.folder, files=dict(saved.files), seconds=1.25)


def judged(**figures) -> Verdict:
    return Verdict(**{"num_parts": 5, "num_seen": 4, "order": 1.0, "extra_ink": 0.1, **figures})


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (judged(), "4 of 5 parts seen, in order"),
        (judged(order=0.834), "4 of 5 parts seen, 83 % of their pairs in order"),
        (judged(order=0.9999), "4 of 5 parts seen, 99 % of their pairs in order"),
        (judged(num_seen=1, order=None), "1 of 5 parts seen"),
        (judged(unknown=("Gnarl",), order=None), "Not judged"),
        (judged(problem="gone", order=None), "Not judged"),
    ],
)
def test_the_score_is_what_was_measured(verdict, words):
    assert sheet_grid.score_words(verdict) == words


def test_a_sheet_fills(done):
    now = told(Waiting(position=2))
    assert "2" in now.status
    now = told(Begun(index=0, seed=7), now)
    assert (now.sheets[0].state, now.status) == ("drawing", "")
    now = told(Progress(step=1, num_steps=4), now)
    assert now.sheets[0].words == "Drawing, step 1 of 4"
    now = told(Preview(frame_HW3=np.full((24, 24, 3), 255, np.uint8), step=1), now)
    assert sheet_grid.grid_value(now)["sheets"][0]["picture"].startswith("data:image/jpeg")
    now = told(done, now)
    shown = sheet_grid.grid_value(now)["sheets"][0]
    assert shown["picture"].startswith("gradio_api/file=")
    assert shown["name"] == "cat.mp4"
    assert now.num_done == 1
    now = told(judged(), now)
    assert not sheet_grid.grid_value(now)["sheets"][0]["best"]  # nothing to compare it with
    now = told(judged(order=0.5), now, index=1)
    assert [s["best"] for s in sheet_grid.grid_value(now)["sheets"]] == [True, False]


def test_stopping_keeps_what_is_done(done):
    now = told(done, told(Begun(index=1, seed=8), TWO), index=0)
    for error, words in (
        (Cancelled("x"), "1 finished and kept"),
        (OutOfMemory("<b>"), "&lt;b&gt;"),
    ):
        ended = sheet_grid.ended_early(now, error)
        assert [sheet.state for sheet in ended.sheets][1] == "not_drawn"
        assert ended.sheets[0].drawn is done
        assert words in ended.status
        assert not ended.busy


def test_unknown_parts_are_named_and_escaped(done):
    now = told(judged(unknown=("<img src=x>",), order=None), told(done))
    assert "<img" not in status_line(variations._verdict_words(now))
    assert "<img src=x>" in variations._verdict_words(now)


class Event:
    def __init__(self, data):
        self._data = data


@pytest.mark.parametrize(
    "data", [None, {}, {"index": 1}, {"index": 9}, {"index": -1}, {"index": "0"}]
)
def test_only_finished_sheets_can_be_opened(done, data):
    with pytest.raises(InvalidRequest):
        sheet_grid.folder_of(told(done), Event(data))
    assert sheet_grid.folder_of(told(done), Event({"index": 0})) == (0, done.folder)


@pytest.fixture
def context(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build_services(settings) as services:
        yield PageContext(services=services, role=Role.OWNER, model="tiny")


def test_from_the_fields_to_the_drawings(context):
    news = list(variations.drawn(context, 2, asked(VALUES), Turn()))
    last = news[-1]
    assert [sheet.seed for sheet in last.sheets] == [7, 8]
    assert all(isinstance(sheet.drawn.folder, Path) for sheet in last.sheets)
    assert not last.busy
    assert "2 drawings" in last.status


@pytest.mark.parametrize("number", [0, 10])
def test_bad_values_are_sentences(context, number):
    last = list(variations.drawn(context, number, asked(VALUES), Turn()))[-1]
    assert "1 to 9" in last.status
    assert not last.busy


def test_a_closed_page_stops_the_job(context):
    values = (*VALUES[:4], 200, *VALUES[5:])
    news = variations.drawn(context, 4, asked(values), Turn())
    for now in news:
        if any(sheet.preview for sheet in now.sheets):
            break
    news.close()
    job = context.services.generation.preload("tiny")
    assert job.wait(20) is not None
    assert list(context.services.settings.output_dir.iterdir()) == []
