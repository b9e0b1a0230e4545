"""Errands: one of a key at a time, followed to its end, stopped, and never an exception."""

from __future__ import annotations

import threading

import pytest

from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.ui.tabs.models.errands import DONE, FAILED, STOPPED, Errands


def ended(errands, key="a"):
    return list(errands.follow(key))[-1]


def test_an_errand_is_followed_from_its_begin_to_its_end():
    errands, go = Errands(), threading.Event()

    def work(told, cancel):
        assert go.wait(60)
        told("half of it", 1, 2)
        return "All of it."

    errands.start("a", "Begun.", work)
    seen = errands.follow("a")
    assert next(seen).words == "Begun."
    go.set()
    rest = list(seen)
    assert rest[-1].state == DONE
    assert rest[-1].words == "All of it."
    assert (rest[-1].done, rest[-1].total) == (1, 2)
    assert errands.view() == {"a": rest[-1]}


def test_two_of_one_key_never_run_together():
    errands, go = Errands(), threading.Event()
    errands.start("a", "", lambda told, cancel: str(go.wait(60)))
    with pytest.raises(InvalidRequest):
        errands.start("a", "", lambda told, cancel: "")
    errands.start("b", "", lambda told, cancel: "other")
    assert ended(errands, "b").words == "other"
    go.set()
    assert ended(errands).words == "True"
    errands.start("a", "", lambda told, cancel: "again")
    assert ended(errands).words == "again"


def test_a_stopped_errand_ends_and_says_so():
    errands = Errands()

    def work(told, cancel):
        assert cancel.wait(60)
        cancel.raise_if_cancelled()
        return "too late"

    errands.start("a", "", work)
    errands.stop("a")
    assert ended(errands).state == STOPPED
    errands.stop("nobody")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InvalidFile("It is broken.", hint="Choose another."), "It is broken. Choose another."),
        (ValueError("secret path"), "the log says what"),
    ],
)
def test_what_goes_wrong_is_a_sentence(error, words):
    errands = Errands()

    def work(told, cancel):
        raise error

    errands.start("a", "", work)
    end = ended(errands)
    assert end.state == FAILED
    assert words in end.words
    assert "secret" not in end.words


def test_what_came_of_an_errand_can_be_forgotten():
    errands, go = Errands(), threading.Event()
    errands.start("a", "", lambda told, cancel: str(go.wait(60)))
    errands.forget("a")
    assert "a" in errands.view()
    go.set()
    ended(errands)
    errands.forget("a")
    assert errands.view() == {}
    assert list(errands.follow("a")) == []
