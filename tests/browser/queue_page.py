"""Jobs that wait until a test says so, and the list of them in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.browser.component_app import expect
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.events import Progress
from videosketcher_app.services.jobs import Job, JobQueue


def endless(cancel: CancelToken) -> Iterator[Progress]:
    """A drawing that goes on until somebody stops it."""
    while not cancel.wait(0.02):
        yield Progress(step=1, num_steps=8, seconds_left=75.0)
    cancel.raise_if_cancelled()


def ask(queue: JobQueue, subject: str, **who: Any) -> Job:
    return queue.submit(endless, name="A sketch", subject=subject, **who)


class Slip:
    """The list of waiting jobs on a page."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.button = page.locator("#queue .qp-open")
        self.panel = page.locator("#queue .qp-panel")
        self.rows = page.locator("#queue .qp-row")
        self.told = page.locator("#queue .qp-told")

    def says(self, words: str) -> None:
        expect(self.button).to_have_text(words)

    def open(self) -> None:
        self.button.click()
        expect(self.panel).to_be_visible()

    def shows(self, *subjects: str) -> None:
        """Waits until the rows are these, from top to bottom."""
        expect(self.page.locator("#queue .qp-what")).to_have_text(list(subjects))

    def act(self, row: int, name: str) -> Any:
        return self.rows.nth(row).get_by_role("button", name=name)
