"""The models' cards: what each state shows and offers, and that every word stays text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ui.model_cases import AWAY, COMING, HERE, HOSTILE
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.model_rows import HUBS, KINDS, Source
from videosketcher_app.services.model_shelf import STATES as SHELF_STATES
from videosketcher_app.services.model_shelf import ShelfState
from videosketcher_app.services.model_store import STATES
from videosketcher_app.ui.tabs.models.acts import ACTS, name_of
from videosketcher_app.ui.tabs.models.errands import DONE, FAILED, Errand
from videosketcher_app.ui.tabs.models.shelf_view import ACTS as BUTTONS
from videosketcher_app.ui.tabs.models.shelf_view import (
    Live,
    allowed,
    card_html,
    download_words,
    groups_html,
    line_words,
    live_value,
    needs_words,
    size_words,
)
from videosketcher_app.ui.tabs.models.shown import FitLine, source_words

IDLE = Live()


def errand(state="running", **changes):
    return Errand(key="files of wan", state=state, **changes)


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_the_disk_has_its_words_and_its_buttons(state):
    model = replace(AWAY, state=state)
    value = live_value(model, IDLE)
    assert value["state"]
    assert value["facts"] == ""
    assert ("download" in value["can"]) == (state in ("absent", "partial"))
    assert ("use" in value["can"]) == (state == "found")
    assert ("verify" in value["can"]) == (state in ("here", "shipped", "damaged"))
    assert ("remove" in value["can"]) == (state in ("here", "partial", "damaged"))


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("waiting", ["pause", "stop"]),
        ("running", ["pause", "stop"]),
        ("verifying", ["stop"]),
        ("paused", ["go_on", "stop"]),
        ("failed", ["go_on", "stop"]),
        ("done", ["download"]),
    ],
)
def test_every_state_of_a_download_has_its_buttons(state, offered):
    live = Live(download=replace(COMING, state=state))
    assert allowed(AWAY, live) == offered
    assert live_value(AWAY, live)["state"]


@pytest.mark.parametrize("state", SHELF_STATES)
def test_what_is_in_memory_is_said(state):
    value = live_value(HERE, Live(shelf=ShelfState(state=state)))
    assert value["state"]


def test_a_failed_load_says_why():
    error = InvalidRequest("It is broken.", hint="Check it.")
    value = live_value(HERE, Live(shelf=ShelfState(state="failed", error=error)))
    assert (value["words"], value["ok"]) == ("It is broken. Check it.", False)


def test_a_download_says_how_far_how_fast_and_how_long():
    assert download_words(COMING) == "3.0 GB of 10.0 GB · 100 MB a second · 1 min left"
    unknown = replace(COMING, bytes_total=None, seconds_left=None, message="a.bin")
    assert download_words(unknown) == "3.0 GB · 100 MB a second · a.bin"
    assert download_words(replace(COMING, state="paused")) == "3.0 GB of 10.0 GB"


def test_a_failed_download_says_why_and_what_to_do():
    failed = replace(COMING, state="failed", message="The disk is full.", hint="Free 2 GB.")
    value = live_value(AWAY, Live(download=failed))
    assert (value["words"], value["ok"]) == ("The disk is full. Free 2 GB.", False)
    assert (value["total"], value["facts"]) == (0, "")


def test_the_line_above_the_cards_names_what_comes_and_what_waits():
    waiting = [replace(COMING, name=name, state="waiting") for name in ("vae", "wan")]
    line = line_words([replace(COMING, name="text"), *waiting])
    assert line.startswith("text: 3.0 GB of 10.0 GB")
    assert line.endswith("then vae, wan")
    assert line_words([replace(COMING, state="paused")]) == ""


def test_a_check_is_followed_and_its_end_stays_until_the_next_one():
    running = Live(errand=errand(words="Comparing", done=3, total=8))
    flawed = replace(HERE, state="damaged", flaw="Another size.")
    value = live_value(flawed, running)
    assert (value["done"], value["total"], value["facts"]) == (3, 8, "Comparing")
    assert value["words"] == ""
    assert value["can"] == ["stop_check"]
    good = live_value(HERE, Live(errand=errand(DONE, words="As published.")))
    assert (good["words"], good["ok"]) == ("As published.", True)
    bad = live_value(HERE, Live(errand=errand(FAILED, words="It differs.")))
    assert (bad["words"], bad["ok"]) == ("It differs.", False)
    assert live_value(flawed, IDLE)["words"] == "Another size."


def test_what_is_here_can_bring_what_it_needs():
    lonely = replace(HERE, missing=("vae",))
    assert "needs" in allowed(lonely, IDLE)
    assert "needs" not in allowed(HERE, IDLE)
    assert needs_words(lonely) == "text, vae. Not here yet: vae"
    assert needs_words(HERE) == "text, vae"


def test_imported_loras_and_shipped_models_keep_what_cannot_be_done():
    lora = replace(HERE, kind="lora", is_imported_lora=True)
    assert allowed(lora, IDLE) == ["remove"]
    assert allowed(replace(HERE, state="shipped"), IDLE) == ["verify"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "10.0 GB"),
        ({"total_bytes": None}, ""),
        ({"state": "partial", "num_bytes": 3 * 2**30}, "3.0 GB of 10.0 GB are here"),
        ({"state": "here", "num_bytes": 9 * 2**30}, "9.0 GB"),
    ],
)
def test_sizes_are_said_as_far_as_they_are_known(changes, words):
    assert size_words(replace(AWAY, **changes)) == words


def test_a_repository_on_two_hubs_is_named_once():
    sources = [Source(hub=hub, repo="A/B", revision="main") for hub in HUBS]
    other = Source(hub="huggingface", repo="C/D", revision="main")
    words = source_words([*sources, other])
    assert words == "A/B (Hugging Face, ModelScope), C/D (Hugging Face)"


def test_cards_stand_in_groups_in_the_order_of_the_kinds():
    models = [replace(AWAY, name=kind, kind=kind) for kind in reversed(KINDS)]
    groups = groups_html(models, None)
    assert [group["cards"][0]["key"] for group in groups] == list(KINDS)
    assert groups_html([], None) == []
    assert all(group["title"] for group in groups)


def test_the_first_preset_is_seen_and_the_others_are_folded():
    lines = tuple(FitLine(label=f"P{n}", fits=n < 2, words="about 12 s") for n in range(3))
    html = card_html(HERE, {"wan": lines})
    assert html.index("P0") < html.index("<details") < html.index("P1")
    assert html.count("ms-fits-yes") == 2
    assert 'aria-label="does not fit"' in html
    assert "<details" not in card_html(HERE, {"wan": lines[:1]})
    assert "ms-fits" not in card_html(HERE, None)


def test_words_of_others_stay_words():
    model = replace(AWAY, name=HOSTILE, about=HOSTILE, licence=HOSTILE, source=HOSTILE)
    html = card_html(model, {HOSTILE: (FitLine(label=HOSTILE, fits=True, words=HOSTILE),)})
    assert "<img" not in html
    assert "${" not in html
    assert "{{" not in html


def test_every_button_has_its_act_and_its_name():
    html = card_html(AWAY, None)
    assert set(ACTS) == set(BUTTONS)
    for act in BUTTONS:
        assert html.count(f'data-do="{act}"') == 1
    assert 'aria-label="Download: wan"' in html


@pytest.mark.parametrize("data", [None, {}, {"name": 5}, {"name": ""}, {"name": "x" * 300}])
def test_an_event_without_a_model_is_refused(data):
    with pytest.raises(InvalidRequest):
        name_of(data)
