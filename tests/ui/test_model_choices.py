"""What a tab offers to draw with: a model that needs a brush is no choice where there is none."""

from __future__ import annotations

from videosketcher_app.core.requests import DEFAULT_CAUSAL_MODEL
from videosketcher_app.services.model_facts import all_facts, facts_of
from videosketcher_app.ui.tabs.text.values import model_choices


def test_the_catalogue_says_who_needs_a_brush():
    needing = {facts.name for facts in all_facts() if facts.image_conditioned}
    assert {"tiny-brush", "wan2.1-i2v-14b-480p"} <= needing
    assert not needing & {"pocket-t2v", "tiny", "wan2.1-t2v-14b"}


def test_a_brush_model_is_offered_where_there_are_brushes_only():
    assert model_choices("pocket-t2v") == ["pocket-t2v"]
    assert model_choices("pocket-t2v", with_brush=True) == ["pocket-t2v", "pocket-brush"]


def test_a_model_that_takes_turns_is_no_choice_for_whole_clips():
    assert facts_of(DEFAULT_CAUSAL_MODEL).here
    assert DEFAULT_CAUSAL_MODEL not in model_choices("pocket-t2v", with_brush=True)


def test_what_the_app_was_started_with_is_always_offered():
    assert model_choices("tiny-brush") == ["tiny-brush", "pocket-t2v"]
