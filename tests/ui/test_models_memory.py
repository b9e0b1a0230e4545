"""The memory picture: bars that add up, words for those who do not see them, and bad figures."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.ui.model_cases import CARD, HOSTILE
from videosketcher_app.services.model_manager.views import GIB, Held, SelfTest, TestRow
from videosketcher_app.ui.tabs.models.errands import DONE, FAILED, Errand
from videosketcher_app.ui.tabs.models.memory import moving_value
from videosketcher_app.ui.tabs.models.memory_view import picture_html, places_of, results_html


def widths(html):
    return [float(share) for share in re.findall(r"width: ([\d.]+)%", html)]


def test_a_card_has_its_own_bar_and_its_limit(tmp_path):
    places = places_of(CARD, 7 * GIB, tmp_path)
    assert [place.key for place in places] == ["gpu", "ram", "disk"]
    device, ram, disk = places
    html = picture_html([device])
    assert widths(html) == pytest.approx([100 * 5 / 16, 100 * 5 / 16], abs=0.01)
    assert 'style="left: 75.00%"' in html
    assert "the app uses 12.0 GB at most" in html
    assert "6.0 GB of 16.0 GB free" in html
    assert ram.limit_bytes is None
    assert [part.num_bytes for part in disk.parts] == [7 * GIB]


def test_a_machine_without_a_card_has_one_bar_for_both(tmp_path):
    held = (Held(name="pocket-t2v", where="ram", num_bytes=GIB, why="loaded"),)
    shared = replace(
        CARD, device="cpu", total=64 * GIB, free=30 * GIB, held=held, budget_bytes=64 * GIB
    )
    places = places_of(shared, 0, tmp_path)
    assert [place.key for place in places] == ["ram", "disk"]
    html = picture_html(places)
    assert "pocket-t2v" in html
    assert "mm-limit" not in html  # the budget is everything
    assert places[1].parts == ()


def test_what_is_read_from_the_disk_is_not_counted_twice(tmp_path):
    streamed = Held(name="wan", where="disk", num_bytes=5 * GIB, why="read at every step")
    *_, disk = places_of(replace(CARD, held=(streamed,)), 7 * GIB, tmp_path)
    assert sum(part.num_bytes for part in disk.parts) == 7 * GIB


def test_bars_are_told_in_words_and_words_of_others_stay_words(tmp_path):
    held = (Held(name=HOSTILE, where="gpu", num_bytes=GIB, why=HOSTILE),)
    places = places_of(replace(CARD, name=HOSTILE, held=held), 0, tmp_path / "not" / "there")
    html = picture_html(places, (HOSTILE,))
    assert html.count('role="img" aria-label="') == 3
    assert "<img" not in html
    assert "${" not in html


def test_a_tiny_part_can_be_seen_and_a_large_one_does_not_leave_the_bar(tmp_path):
    held = (
        Held(name="small", where="gpu", num_bytes=1, why=""),
        Held(name="large", where="gpu", num_bytes=40 * GIB, why=""),
    )
    html = picture_html([places_of(replace(CARD, held=held), 0, tmp_path)[0]])
    assert widths(html) == [0.4, 100.0]


def test_the_self_test_tells_of_every_model():
    rows = (
        TestRow(name="pocket", good=True, seconds=1.2, sentence="9 frames."),
        TestRow(name=HOSTILE, good=False, seconds=0.0, sentence="It is damaged.", hint="Check it."),
    )
    errand = Errand(key="measure", state=DONE, words="Not every model draws.")
    html = results_html(errand, SelfTest(rows=rows))
    assert html.count("<li") == 2
    assert "mm-outcome mm-bad" in html
    assert "It is damaged. Check it." in html
    assert "<img" not in html
    assert "mm-bad" not in results_html(errand, SelfTest(rows=rows[:1]))
    assert "mm-bad" in results_html(replace(errand, state=FAILED), None)
    assert results_html(None, None) == ""


def test_a_measurement_is_followed_while_it_runs():
    running = Errand(key="measure", words="Measuring", done=3, total=10)
    assert moving_value(running) == {"words": "Measuring", "done": 3, "total": 10}
    assert moving_value(replace(running, state=DONE)) is None
    assert moving_value(None) is None
