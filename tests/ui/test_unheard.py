"""Pages that ask and do not listen."""

from __future__ import annotations

import pytest

from videosketcher_app.ui.unheard import MOST_PAGES, MOST_QUESTIONS, Unheard
from videosketcher_app.ui.uploads import Refusal


@pytest.fixture
def unheard():
    return Unheard()


def test_only_the_first_question_of_a_silent_page_is_told(unheard):
    assert unheard.ask("ann", "page")
    assert not unheard.ask("ann", "page")
    assert unheard.concerns("ann", "page")
    assert not unheard.concerns("bob", "page")


def test_a_page_that_listens_may_ask_without_end(unheard):
    with unheard.listening("ann", "page"):
        assert not any(unheard.ask("ann", "page") for _ in range(100))
        assert unheard.concerns("ann", "page")
    assert not unheard.concerns("ann", "page")
    assert unheard.ask("ann", "page")


def test_a_silent_page_may_ask_for_a_few_things(unheard):
    for _ in range(MOST_QUESTIONS):
        unheard.ask("ann", "page")
    with pytest.raises(Refusal) as caught:
        unheard.ask("ann", "page")
    assert caught.value.status == 429
    assert unheard.ask("bob", "other")


def test_a_guest_has_a_few_silent_pages(unheard):
    for number in range(MOST_PAGES):
        assert unheard.ask("ann", f"page{number}")
    with pytest.raises(Refusal):
        unheard.ask("ann", "one more")
    with unheard.listening("ann", "page0"):
        assert unheard.ask("ann", "one more")


def test_what_is_forgotten_makes_room_and_two_listeners_are_two(unheard):
    assert not unheard.forget("ann", "page")
    unheard.ask("ann", "page")
    assert unheard.forget("ann", "page")
    assert not unheard.forget("ann", "page")
    with unheard.listening("ann", "page"):
        with unheard.listening("ann", "page"):
            pass
        assert unheard.concerns("ann", "page")
