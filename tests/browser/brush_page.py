"""What a person does on the Brush tab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser.text_page import DRAWN_MS


class BrushDesk:
    """A page with the Brush tab open."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.get_by_role("tab", name="Brush").click()
        self.concept = page.locator("#brush-concept :is(textarea, input)").first
        self.status = page.locator("#brush-status")
        self.words = page.locator("#brush-words")
        page.locator("#brush-shelf .bs-brush").first.wait_for()
        page.locator("#brush-frame img").wait_for()

    def source(self, name: str) -> None:
        """Opens one of the places that brushes come from."""
        self.page.locator("#brush-sources").get_by_role("tab", name=name).click()

    def pick(self, name: str, title: str) -> None:
        """Picks a brush of the shelf and waits until its card is there."""
        self.page.locator(f"#brush-shelf [data-name={name}] .bs-pick").click()
        self.has(title)

    def has(self, title: str) -> None:
        """Waits until a brush is the chosen one."""
        self.words.get_by_text(title).first.wait_for()

    def upload(self, path: Path) -> None:
        """Chooses a file for the picture field."""
        self.page.locator("#brush-picture input[type=file]").set_input_files(str(path))

    def take_from_gallery(self, concept: str) -> None:
        """Finds the first drawing of a concept in the gallery and brings it to this tab."""
        page = self.page
        page.get_by_role("tab", name="Gallery").click()
        page.locator("#gallery-search :is(textarea, input)").first.fill(concept)
        page.wait_for_function(
            """(concept) => {
                const tiles = [...document.querySelectorAll('#gallery-grid li')];
                return tiles.length && tiles.every((tile) => tile.textContent.includes(concept));
            }""",
            arg=concept,
            timeout=DRAWN_MS,
        )
        page.locator("#gallery-grid .vg-open").last.click()
        page.locator("#gallery-reink").click()

    def told(self, words: str) -> None:
        """Waits until the line above the sheet says something."""
        self.status.get_by_text(words).wait_for(timeout=DRAWN_MS)

    def plays(self) -> None:
        """Waits until the player has a film."""
        self.page.wait_for_function(
            "document.querySelector('#brush-player video')?.readyState >= 2"
        )

    def draw(self, concept: str) -> None:
        """Draws a concept to its end."""
        self.concept.fill(concept)
        self.page.locator("#brush-draw").click()
        self.told("Done in")
        self.plays()

    def ink_color(self) -> list[int]:
        """RGB of the most colorful pixels of the frame that the player shows last."""
        return self.page.evaluate(
            """async () => {
                const video = document.querySelector('#brush-player video');
                video.pause();
                const seeked = new Promise((done) => video.addEventListener('seeked', done, { once: true }));
                video.currentTime = video.duration - 0.02;
                await seeked;
                const canvas = document.createElement('canvas');
                [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
                const paper = canvas.getContext('2d');
                paper.drawImage(video, 0, 0);
                const data = paper.getImageData(0, 0, canvas.width, canvas.height).data;
                let best = [0, 0, 0], most = -1;
                for (let i = 0; i < data.length; i += 4) {
                    const rgb = [data[i], data[i + 1], data[i + 2]];
                    const chroma = Math.max(...rgb) - Math.min(...rgb);
                    if (chroma > most) [best, most] = [rgb, chroma];
                }
                return best;
            }"""
        )
