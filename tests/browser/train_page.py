"""What a person does on the Train tab."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

Point = tuple[float, float]
ENDED_S = 300.0  # a run of two steps takes ten seconds alone, much longer beside other work


def circle(x: float, y: float, radius: float, count: int = 16) -> list[Point]:
    """Points around a place, in shares of the sheet's width and height."""
    angles = [2 * math.pi * i / count for i in range(count + 1)]
    return [(x + 0.55 * radius * math.cos(a), y + radius * math.sin(a)) for a in angles]


CAT = [circle(0.5, 0.5, 0.3), circle(0.44, 0.42, 0.06), circle(0.56, 0.42, 0.06)]
HOUSE = [
    [(0.3, 0.85), (0.3, 0.45), (0.7, 0.45), (0.7, 0.85), (0.3, 0.85)],
    [(0.25, 0.45), (0.5, 0.15), (0.75, 0.45)],
]


class TrainDesk:
    """A page with the Train tab open."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.get_by_role("tab", name="Train").click()
        self.book = page.locator("#train-book")
        self.board = page.locator("#train-runs")
        self.paper = self.book.locator(".cd-live")
        self.paper.wait_for()
        # The first answer is here: there are sketchbooks to choose from, or a word that says none.
        self.book.locator("[data-set=book] option").first.wait_for(state="attached")

    def told(self, words: str) -> None:
        """Waits until the sketchbook says something."""
        self.book.locator(".cd-told", has_text=words).wait_for()

    def field(self, name: str) -> Any:
        return self.page.locator(f"#train-{name} :is(textarea, input)").first

    def choose(self, name: str, option: str) -> None:
        """Picks from a dropdown."""
        self.page.locator(f"#train-{name} input").click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def sketch(self, number: int) -> Any:
        """One of the kept sketches, from 1."""
        return self.book.locator(".tb-sketches > li").nth(number - 1)

    def caption(self, number: int) -> Any:
        return self.sketch(number).locator(".tb-caption")

    def has_caption(self, number: int, words: str) -> None:
        """Waits until a sketch has a caption that begins like this."""
        self.page.wait_for_function(
            """([at, words]) => document.querySelectorAll('#train-book .tb-caption')[at]
                ?.value.startsWith(words)""",
            arg=[number - 1, words],
        )

    def draw(self, strokes: Sequence[Sequence[Point]]) -> None:
        """Draws with the mouse; positions are shares of the sheet."""
        self.paper.scroll_into_view_if_needed()
        box = self.paper.bounding_box()
        mouse = self.page.mouse

        def go(point: Point) -> None:
            x, y = point
            mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

        for stroke in strokes:
            go(stroke[0])
            mouse.down()
            for point in stroke[1:]:
                go(point)
            mouse.up()
        self.has_strokes(len(strokes))

    def has_strokes(self, count: int) -> None:
        """Waits until the sheet holds so many strokes."""
        self.page.wait_for_function(
            """(n) => [...document.querySelectorAll('#train-book, #train-book *')]
                .some((part) => part.book?.sheet.strokes.length === n)""",
            arg=count,
        )

    def keep(self, number: int) -> None:
        """Keeps the drawing, which becomes sketch `number`."""
        self.book.locator("[data-do=keep]").click()
        self.sketch(number).wait_for()
        self.has_strokes(0)

    def state(self, words: str) -> None:
        """Waits until the run that is open is in a state."""
        state = self.board.locator(".tr-state")
        until = time.monotonic() + ENDED_S
        while words not in state.inner_text():
            shown = f"not {words}: {state.inner_text()}: {self.board.inner_text()[:2000]}"
            assert time.monotonic() < until, shown
            # A board out of sight does not ask for news, and a page that grows moves it there.
            state.scroll_into_view_if_needed()
            self.page.wait_for_timeout(500)
