"""The Co-draw tab's parts: papers, scripts, and what a plain pad hands over."""

from __future__ import annotations

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import DEFAULT_CAUSAL_MODEL
from videosketcher_app.ui.codraw.door import causal_model, multiple_of
from videosketcher_app.ui.components.codraw_canvas import SIZES, CodrawCanvas, paper_sizes
from videosketcher_app.ui.tabs.codraw import picture_of_pad


@pytest.mark.parametrize("multiple", [8, 16, 24])
def test_papers_fit_the_model_and_are_no_smaller_than_their_names(multiple):
    for (width, height), (named_width, named_height) in zip(
        paper_sizes(multiple), SIZES, strict=True
    ):
        assert width % multiple == height % multiple == 0
        assert 0 <= width - named_width < multiple
        assert 0 <= height - named_height < multiple


def test_the_tiny_family_draws_together_with_itself():
    assert causal_model("tiny") == "tiny"
    assert causal_model("pocket-t2v") == DEFAULT_CAUSAL_MODEL
    assert multiple_of("tiny") == 24


def test_nothing_that_changes_is_in_the_template():
    canvas = CodrawCanvas(render=False)
    assert "${" not in canvas.html_template
    assert "{{" not in canvas.css_template
    assert "\\" not in canvas.css_template
    assert "`" not in canvas.css_template


def test_a_pad_gives_its_picture_without_layers_and_transparency():
    drawn = np.full((24, 32, 4), 255, np.uint8)
    drawn[4:6, 4:20, :3] = 0
    picture = picture_of_pad({"composite": drawn, "layers": [], "background": None})
    assert picture.shape == (24, 32, 3)
    assert picture.min() == 0


@pytest.mark.parametrize(
    "drawn",
    [
        None,
        {},
        {"composite": None},
        {"composite": np.full((24, 32, 3), 255, np.uint8)},
        {"composite": np.zeros((0, 0, 3), np.uint8)},
        {"composite": "x"},
    ],
)
def test_an_empty_pad_is_named(drawn):
    with pytest.raises(InvalidRequest, match="pad is empty"):
        picture_of_pad(drawn)
