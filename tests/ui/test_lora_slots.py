"""LoRA slots: what is offered, what becomes of it, and words that stay words."""

from __future__ import annotations

import pytest

from tests.models.lora.made import made, modules_of
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.container import build
from videosketcher_app.ui.tabs.text.drawing import Asked, draw
from videosketcher_app.ui.tabs.text.lora_slots import (
    NUM_SLOTS,
    looked,
    slot_values,
    specs_of,
    taken,
)
from videosketcher_app.ui.tabs.text.page import request_of
from videosketcher_app.ui.tabs.text.turns import Turn

EMPTY = [""] * NUM_SLOTS
FIELDS = ["a cat", True, 7, "tiny", "", "", 9, "", 16, "auto", "", None, 0.8]
FIELDS += ["exact", "", "torch", "none"]


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


@pytest.fixture
def ink(services, tmp_path):
    """One LoRA of the tiny model in the folder, with words of its own."""
    path = tmp_path / "ink.safetensors"
    write_lora(path, adapter_from(made(modules_of(tiny_model().transformer))))
    return services.loras.add(path, trigger_words=["inkhand", "<b>wild</b>"]).name


def parts(updates):
    """Dropdowns, rows, words and note of `looked`."""
    return updates[:NUM_SLOTS], updates[NUM_SLOTS : 2 * NUM_SLOTS], updates[-2], updates[-1]


def test_without_loras_there_is_a_sentence_and_no_slot(services):
    _, rows, words, note = parts(looked(services.loras, EMPTY))
    assert not any(row["visible"] for row in rows)
    assert words == []
    assert "lora import" in note


def test_slots_open_one_after_another_and_offer_the_words(services, ink):
    names, rows, words, _ = parts(looked(services.loras, EMPTY))
    assert [value for _, value in names[0]["choices"]] == ["", ink]
    assert [row["visible"] for row in rows] == [True, False, False, False]
    assert words == []
    _, rows, words, _ = parts(looked(services.loras, [ink, "", "", ""]))
    assert [row["visible"] for row in rows] == [True, True, False, False]
    assert words == ["inkhand", "<b>wild</b>"]


def test_a_lora_that_is_gone_is_said(services, ink):
    *_, note = looked(services.loras, ["<i>gone</i>", "", "", ""])
    assert "Not here any more: &lt;i&gt;gone" in note


def test_a_word_goes_before_the_concept_once():
    assert taken({"word": "inkhand"}, "a cat") == ["inkhand, a cat", True]
    assert taken({"word": "inkhand"}, "  ") == ["inkhand, ", True]
    assert taken({"word": "inkhand"}, "an INKHAND cat")[1] is True
    for odd in ({"word": 7}, {"word": "x" * 300}, None, {"word": ""}):
        assert all("__type__" in value for value in taken(odd, "a cat"))


def test_values_become_a_request_and_come_back():
    values = ["ink", 0.5, "", 1.0, "wash", -1, "", 1.0]
    request = request_of([*FIELDS, *values])
    assert [(spec.path, spec.scale) for spec in request.loras] == [("ink", 0.5), ("wash", -1.0)]
    assert slot_values(request)[:4] == ["ink", 0.5, "wash", -1.0]
    assert specs_of(slot_values(SketchRequest(prompt="a cat"))) == ()
    with pytest.raises(InvalidRequest):
        specs_of(["ink", 99.0])


def test_the_page_draws_with_a_lora(services, ink):
    asked = Asked(
        values=(*FIELDS, ink, 1.0, "", 1.0, "", 1.0, "", 1.0),
        plan=None,
        draft=None,
        session="page",
        request_of=request_of,
    )
    *_, done = draw(services, Role.OWNER, asked, Turn())
    assert done.view.folder is not None
    (row,) = services.history.drawings()
    assert [spec.path for spec in services.history.open(row.id).request.loras] == [ink]
