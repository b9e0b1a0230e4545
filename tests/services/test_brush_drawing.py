"""From a request with a brush to files: the right model, the clause once, nobody else's pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidRequest, MissingModel
from videosketcher_app.core.events import Done
from videosketcher_app.core.requests import BrushSpec, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.data.brushes.clause import BRUSH_CLAUSE
from videosketcher_app.services.container import build
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.outputs import read_request
from videosketcher_app.storage.media import write_png

SPEC = BrushSpec(name="marker_blue")
REQUEST = SketchRequest(prompt="a cat", model="tiny-brush", num_frames=9, brush=SPEC)
WORDINGS = (
    "a cat",
    f"a cat{BRUSH_CLAUSE}",
    "a cat in the style of the brush in the top left corner",
    "a cat, with the colour and texture of the brush shown in the box",
    f"Step by step sketch process of a cat{BRUSH_CLAUSE}, following this drawing order: 1. Head.",
)


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def draw(services, request, **options):
    folder = Destination(folder=services.settings.output_dir)
    events = services.generation.run(request, destination=folder, **options)
    return [event for event in events if isinstance(event, Done)][-1].drawing


@pytest.mark.parametrize("prompt", WORDINGS)
def test_the_clause_is_there_exactly_once(services, prompt):
    drawing = draw(services, REQUEST.replaced(prompt=prompt))
    text = drawing.request.model_text(drawing.planned.model_plan)
    assert text.count(BRUSH_CLAUSE) == 1
    assert text.lower().count("brush") == 1
    assert text.startswith(f"Step by step sketch process of a cat{BRUSH_CLAUSE}, following")
    assert drawing.plan.concept == "a cat", "people see their own words"
    assert drawing.folder.name == "cat"


def test_a_text_model_reads_no_clause_and_says_that_it_was_painted_again(services):
    drawing = draw(services, REQUEST.replaced(model="tiny", prompt=WORDINGS[2]))
    config = json.loads(drawing.files["config"].read_text("utf-8"))
    assert config["settings"]["painted"] == "reink"
    assert config["model"]["name"] == "tiny"
    assert "brush" not in config["plan"]["model_text"]
    assert config["request"]["brush"]["name"] == "marker_blue"


def test_a_drawing_is_replayed_from_its_config(services):
    drawing = draw(services, REQUEST)
    assert drawing.settings["painted"] == "model"
    request, planned = read_request(drawing.files["config"].read_text("utf-8"))
    again = draw(services, request, planned=planned)
    assert again.folder == drawing.folder
    assert np.array_equal(again.frames, drawing.frames)


def test_a_picture_gives_the_brush_to_its_owner_only(services, tmp_path):
    from videosketcher_app.engines.brush_source import understand

    path = tmp_path / "frame.png"
    write_png(path, understand(BrushSpec(name="ink_crimson"), (832, 480)).condition.pixels_HW3)
    request = REQUEST.replaced(brush=BrushSpec(image=str(path)), num_frames=5)
    drawing = draw(services, request)
    assert drawing.settings["brush"]["ready_made_frame"] is True
    with pytest.raises(InvalidRequest, match="not here"):
        draw(services, request, role=Role.GUEST, session="guest-1")


def test_models_and_brushes_must_fit(services):
    with pytest.raises(InvalidRequest, match="draws with a brush"):
        draw(services, REQUEST.replaced(brush=None))
    with pytest.raises(InvalidRequest, match="no brush named"):
        draw(services, REQUEST.replaced(brush=BrushSpec(name="broom")))
    with pytest.raises(MissingModel):
        draw(services, REQUEST.replaced(model="wan2.1-i2v-14b-480p"))
