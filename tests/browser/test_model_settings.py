"""A person sets what only some models can be told, draws, and takes it back; small files of Wan 1.3B."""

from __future__ import annotations

import json

import pytest

from tests.browser.component_app import browser_pages, expect
from tests.browser.text_page import Desk, text_app
from tests.models import published_wan

pytestmark = [pytest.mark.browser, pytest.mark.slow]
STUDIO = "wan2.1-t2v-1.3b"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model settings")
    published_wan.write_model(folder / "home" / "models", STUDIO)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with text_app(folder, model="tiny") as address:
        yield address


@pytest.fixture
def desk(chromium_path, address):
    with browser_pages(chromium_path) as open_page:
        yield Desk(open_page(address))


def open_model_settings(desk):
    desk.open_settings()
    desk.page.locator("#model-settings .label-wrap").click()
    desk.field("mode").wait_for()


def choose(desk, element, label):
    desk.field(element).click()
    desk.page.get_by_role("option", name=label, exact=True).click()
    expect(desk.field(element)).to_have_value(label)


def reuse_from_gallery(desk, concept):
    desk.page.get_by_role("tab", name="Gallery").click()
    desk.page.locator(".vg-open", has_text=concept).first.click()
    desk.page.locator("#gallery-reuse").click()
    desk.told("settings of this drawing are back")


def request_of(folder, name):
    return json.loads((folder / "out" / name / f"{name}_config.json").read_text("utf-8"))["request"]


def test_what_a_studio_model_was_told_comes_back_from_the_gallery(desk, folder):
    open_model_settings(desk)
    closed = [desk.field(name) for name in ("negative-prompt", "attention", "rounding")]
    for field in closed:
        expect(field).to_be_disabled()
    choose(desk, "model", STUDIO)
    for field in closed:
        expect(field).to_be_enabled()
    told = ["fog, text", "The fastest that changes nothing", "As published"]
    desk.field("negative-prompt").fill(told[0])
    choose(desk, "attention", told[1])
    choose(desk, "rounding", told[2])
    desk.field("steps").fill("1")
    desk.field("size").fill("64 x 48")
    desk.field("size").press("Enter")
    desk.page.locator("#settings").get_by_label("Frames", exact=False).first.fill("5")
    desk.draw("a lamp")
    request = request_of(folder, "lamp")
    assert (request["model"], request["num_frames"]) == (STUDIO, 5)
    assert request["negative_prompt"] == "fog, text"
    assert (request["attention"], request["rounding"]) == ("auto", "reference")

    choose(desk, "model", "tiny")
    for field, first in zip(closed, ["", "PyTorch, the rule", "Better numerics"], strict=True):
        expect(field).to_be_disabled()
        expect(field).to_have_value(first)
    reuse_from_gallery(desk, "a lamp")
    expect(desk.status).not_to_contain_text("Not brought back")
    expect(desk.field("model")).to_have_value(STUDIO)
    for field, words in zip(closed, told, strict=True):
        expect(field).to_be_enabled()
        expect(field).to_have_value(words)


def test_a_mode_of_speed_is_drawn_and_comes_back_with_a_dropped_file(desk, folder):
    open_model_settings(desk)
    choose(desk, "mode", "Fast, skips what changes little")
    desk.draw("a spoon")
    assert request_of(folder, "spoon")["mode"] == "fast"
    choose(desk, "mode", "Exact, nothing is left out")
    desk.drop(folder / "out" / "spoon" / "spoon_config.json")
    desk.told("are back")
    expect(desk.field("mode")).to_have_value("Fast, skips what changes little")
    expect(desk.status).not_to_contain_text("Not brought back")
