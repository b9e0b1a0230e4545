"""The Co-draw tab in a real browser: what a person does on the paper, and what is on it."""

from __future__ import annotations

from typing import Any

DRAWN_MS = 180_000  # a turn of the tiny model takes a second alone, much longer beside other work

FIND = """window.desk = () => {
    const found = [...document.querySelectorAll("*")].find((one) => one.codraw);
    return found?.codraw;
}"""

# Dark pixels of what is finished and shown, in pixels of the paper.
INK = """() => {
    const { stage } = desk();
    const { width, height } = stage.base;
    const { data } = stage.baseContext.getImageData(0, 0, width, height);
    let dark = 0;
    for (let i = 0; i < data.length; i += 4) dark += data[i] + data[i + 1] + data[i + 2] < 384;
    return dark / stage.ratio ** 2 / stage.view.fit ** 2;
}"""


class Paper:
    """A page with the Co-draw tab open and ready."""

    def __init__(self, page: Any, *, ready: bool = True) -> None:
        self.page = page
        page.set_default_timeout(DRAWN_MS)
        page.get_by_role("tab", name="Co-draw").first.click()
        self.live = page.locator(".cd-live")
        self.live.wait_for()
        self.status = page.locator(".cd-told")
        page.evaluate(FIND)
        page.wait_for_function("desk()")
        if ready:
            self.ready()

    def ready(self) -> None:
        self.page.wait_for_function("desk().isWelcome || desk().isReady")

    def button(self, action: str) -> Any:
        return self.page.locator(f'.codraw [data-do="{action}"]')

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place on the paper, given as shares of its sides, on the page."""
        box = self.live.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def stroke(self, *places: tuple[float, float]) -> None:
        """One stroke with the mouse."""
        mouse = self.page.mouse
        mouse.move(*self.at(*places[0]))
        mouse.down()
        for place in places[1:]:
            mouse.move(*self.at(*place), steps=6)
        mouse.up()

    def told(self, words: str) -> None:
        self.status.get_by_text(words).wait_for()

    def kept(self) -> None:
        """Waits until the server has confirmed every stroke."""
        self.page.wait_for_function("desk().story.pending.every((one) => one.isKept || !one.id)")

    def until_shown(self, frame: int) -> None:
        self.page.wait_for_function(f"desk().hearing.turn?.shown >= {frame}")

    def turn_over(self) -> None:
        """Waits until the model has ended its turn and the server has told the drawing's state."""
        self.page.wait_for_function(
            "!desk().hearing.turn && !desk().hearing.pace.isRunning && desk().can",
            timeout=DRAWN_MS,
        )

    def go(self) -> None:
        """Lets the model have one whole turn."""
        before = self.num_turns()
        self.button("go").click()
        self.page.wait_for_function(
            f"desk().story.turns.size > {before} && !desk().hearing.turn", timeout=DRAWN_MS
        )
        self.turn_over()

    def num_turns(self) -> int:
        return self.page.evaluate("desk().story.turns.size")

    def num_strokes(self) -> int:
        """Strokes that wait for the model's answer."""
        return self.page.evaluate("desk().story.pending.length")

    def head(self) -> int:
        return self.page.evaluate("desk().story.head")

    def frames(self) -> int:
        """Frames of the last turn."""
        return self.page.evaluate("desk().story.last?.frames ?? 0")

    def ink(self) -> float:
        """How many dark pixels the paper has, in its own pixels."""
        return self.page.evaluate(INK)

    def ink_until(self, condition: str) -> None:
        """Waits until the ink fulfils a comparison, for instance "> 10"."""
        self.page.wait_for_function(f"() => ({INK})() {condition}")

    def leave(self) -> None:
        """Gives the drawing up, so that other tests find room for theirs."""
        self.page.evaluate("desk().startNew()")
        self.page.wait_for_function("desk().isReady")
        self.page.evaluate("sessionStorage.clear()")
        self.page.close()
