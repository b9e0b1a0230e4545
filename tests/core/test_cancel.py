"""A raised flag stays raised."""

from __future__ import annotations

import threading

import pytest

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled


def test_a_token_stops_work_once_it_is_cancelled() -> None:
    token = CancelToken()
    token.raise_if_cancelled()
    assert not token.cancelled
    token.cancel()
    token.cancel()
    assert token.cancelled
    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


def test_a_waiting_thread_wakes_up() -> None:
    token = CancelToken()
    assert not token.wait(0)
    thread = threading.Thread(target=token.cancel)
    thread.start()
    assert token.wait(30)
    thread.join()
