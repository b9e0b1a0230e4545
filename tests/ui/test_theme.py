"""Every pair of text and ground is readable, in both modes, and nothing comes from elsewhere."""

from __future__ import annotations

import re
from itertools import product

import pytest

from videosketcher_app.ui.theme import ASSETS, page_css, theme

TEXT = ("ink", "faded", "accent", "warning", "good", *(f"part-{n}" for n in range(1, 9)))
GROUNDS = ("paper", "card", "sheet")
READABLE, VISIBLE = 4.5, 3.0


def variables(selector: str) -> dict[str, str]:
    """The colors that one block of the page's rules sets."""
    block = re.search(rf"^{re.escape(selector)} {{\n(.*?)^}}", page_css(), re.M | re.S)
    assert block, selector
    return dict(re.findall(r"--vs-([\w-]+): (#[0-9a-f]{6});", block[1]))


LIGHT, DARK = variables(":root, .dark .vs-sheet"), variables(".dark")


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(("text", "ground"), list(product(TEXT, GROUNDS)))
def test_light_text_is_readable(text: str, ground: str) -> None:
    assert contrast(LIGHT[text], LIGHT[ground]) >= READABLE


@pytest.mark.parametrize(("text", "ground"), list(product(TEXT, ("paper", "card"))))
def test_dark_text_is_readable(text: str, ground: str) -> None:
    """Sheets are white in dark mode too, and everything in them has its light color."""
    assert contrast(DARK[text], DARK[ground]) >= READABLE


@pytest.mark.parametrize("mode", [LIGHT, DARK], ids=["light", "dark"])
def test_buttons_and_edges_are_clear(mode: dict[str, str]) -> None:
    for ground in ("ink", "accent"):
        assert contrast(mode["on-accent"], mode[ground]) >= READABLE
    for ground in ("paper", "card"):
        assert contrast(mode["edge"], mode[ground]) >= VISIBLE
        assert contrast(mode["accent"], mode[ground]) >= VISIBLE


def test_both_modes_set_the_same_variables_and_paper_stays_white() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert LIGHT["sheet"] == DARK["sheet"] == "#ffffff"


def test_the_parts_can_be_told_apart() -> None:
    for mode in (LIGHT, DARK):
        parts = [mode[f"part-{n}"] for n in range(1, 9)]
        for one, other in product(parts, parts):
            apart = [abs(int(one[i : i + 2], 16) - int(other[i : i + 2], 16)) for i in (1, 3, 5)]
            assert one == other or sum(apart) >= 60, (one, other)


def test_every_variable_that_is_used_is_set_and_documented() -> None:
    css = page_css()
    used = set(re.findall(r"var\(--vs-([\w-]+)", css + theme()._get_theme_css()))
    for path in ASSETS.glob("*.svg"):
        used |= set(re.findall(r"var\(--vs-([\w-]+)", path.read_text(encoding="utf-8")))
    declared = set(re.findall(r"--vs-([\w-]+):", css))
    assert used <= declared
    head = css[: css.index("*/")]
    undocumented = {n for n in declared if f"--vs-{n}" not in head and not n.startswith("part-")}
    assert not undocumented
    assert len(declared) >= 20


def test_nothing_is_loaded_from_other_hosts() -> None:
    whole = theme()._get_theme_css() + "".join(
        path.read_text(encoding="utf-8") for path in ASSETS.iterdir() if path.is_file()
    )
    assert not re.findall(r"https?://(?!www\.w3\.org/)", whole)
    assert "@import" not in whole


def test_drawings_of_the_page_run_no_scripts() -> None:
    drawings = [path.read_text(encoding="utf-8") for path in ASSETS.glob("*.svg")]
    assert drawings
    assert not [text for text in drawings if re.search(r"<script|\son\w+=|href=", text)]


def test_whoever_wants_less_motion_gets_none() -> None:
    reduced = page_css().split("prefers-reduced-motion: reduce")[1]
    assert "animation: none" in reduced
