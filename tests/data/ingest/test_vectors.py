from __future__ import annotations

import numpy as np
import pytest

from tests.data.clips import drawing
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data import renderer
from videosketcher_app.data.ingest.hatching import hatching
from videosketcher_app.data.ingest.vectors import read_vectors
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.data.svg import svg_text

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '


def svg(inside: str, page: str = 'viewBox="0 0 200 100"') -> str:
    return f"{HEAD}{page}>{inside}</svg>"


def picture(text: str) -> np.ndarray:
    found = read_vectors(text)
    sketch = Sketch(strokes=found.strokes, width_px=found.width, height_px=found.height)
    return renderer.picture(sketch)


def test_our_own_svg_keeps_strokes_parts_and_times() -> None:
    sketch = drawing("cat").sketch
    found = read_vectors(svg_text(sketch, description="a cat, as planned"))
    assert (found.width, found.height, found.caption) == (432, 240, "a cat, as planned")
    assert [s.part for s in found.strokes] == [s.part for s in sketch.strokes]
    for a, b in zip(found.strokes, sketch.strokes, strict=True):
        assert a.start == pytest.approx(b.start, abs=0.01)


def test_lines_come_in_document_order_with_color_width_and_place() -> None:
    found = read_vectors(
        svg(
            '<desc>two lines</desc><g transform="translate(10,0)" stroke="#ff0000" fill="none">'
            '<path stroke-width="2" d="M0 10 L90 10 M0 50 C30 20 60 80 90 50"/></g>'
            '<line x1="100" y1="0" x2="200" y2="100" stroke="blue"/>'
        )
    )
    assert (found.width, found.height, found.caption) == (640, 320, "two lines")
    first, second, third = found.strokes
    np.testing.assert_allclose(first.points_N2[[0, -1]], [(32, 32), (320, 32)], atol=0.1)
    assert first.pen.color == (1, 0, 0)
    assert first.pen.width_px == pytest.approx(6.4)
    assert third.pen.color == (0, 0, 1)
    assert first.start < first.end < second.start < second.end < third.start


def test_shapes_groups_and_uses_are_drawn() -> None:
    found = read_vectors(
        svg(
            '<defs><g id="eye"><circle r="5"/></g></defs><g fill="none" stroke="black">'
            '<rect x="10" y="10" width="30" height="20"/><ellipse cx="80" cy="50" rx="20" ry="10"/>'
            '<polyline points="0,0 10,10 20,0"/><polygon points="100,10 120,10 110,30"/>'
            '<use xlink:href="#eye" x="50" y="50"/></g>'
        )
    )
    assert len(found.strokes) == 5


def test_a_filled_shape_is_covered_by_its_hatching() -> None:
    image = picture(svg('<circle cx="100" cy="50" r="30" fill="#008000"/>'))
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    distance = np.hypot(x - 320, y - 160)
    green = image[..., 0] < 100
    assert green[distance < 90].mean() > 0.97
    assert not green[distance > 100].any()


def test_white_paper_is_no_stroke_but_white_over_ink_is() -> None:
    sheet = '<rect width="200" height="100" fill="white"/>'
    line = '<path d="M0 50 L200 50" stroke="black" stroke-width="3" fill="none"/>'
    patch = '<circle cx="100" cy="50" r="20" fill="#fff"/>'
    assert len(read_vectors(svg(sheet + line)).strokes) == 1
    image = picture(svg(sheet + line + patch))
    assert image[160, 320].min() > 200
    assert image[160, 100].max() < 60


def test_hidden_and_unpainted_elements_are_left_out() -> None:
    with pytest.raises(InvalidFile, match="nothing drawn"):
        read_vectors(svg('<path d="M0 0L9 9" stroke="none" fill="none"/>'))
    with pytest.raises(InvalidFile, match="nothing drawn"):
        read_vectors(svg('<path display="none" d="M0 0L9 9" stroke="black" fill="none"/>'))


def test_without_a_page_the_drawing_is_the_page() -> None:
    path = '<path d="M1000 1000 L1100 1000 L1100 1050" stroke="black" fill="none"/>'
    found = read_vectors(svg(path, page=""))
    points = found.strokes[0].points_N2
    assert (points >= 0).all()
    assert (points <= (found.width, found.height)).all()


BOMB = (
    "".join(f'<g id="g{i}">' + f'<use href="#g{i + 1}"/>' * 10 + "</g>" for i in range(9))
    + '<path id="g9" d="M0 0L1 1" stroke="black"/>'
)
BAD = {
    "no xml": "hello",
    "html": "<html></html>",
    "cut": svg("<path d='M0 0")[:-8],
    "entities": '<!DOCTYPE svg [<!ENTITY a "b">]>' + svg("&a;"),
    "uses that multiply": svg(BOMB),
    "a use of itself": svg('<g id="a"><use href="#a"/></g>'),
    "no drawing": svg(""),
    "far outside": svg('<path d="M9000 0L9000 9" stroke="black"/>'),
    "no size": svg("<path d='M0 0L9 9' stroke='black'/>", 'viewBox="0 0 0 0"'),
    "infinite": svg("<path d='M0 0L1e400 9' stroke='black' fill='none'/>"),
    "too many": svg("<path d='M0 0L9 9' stroke='black' fill='none'/>" * 6000),
    "ours, broken": HEAD + 'data-fps="16" width="9"><path d="M0 0"/></svg>',
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_drawing_says_so(name: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_vectors(BAD[name])
    assert caught.value.hint


def test_a_plain_document_type_is_fine() -> None:
    kind = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">'
    line = '<path d="M0 50 L200 50" stroke="black" fill="none"/>'
    assert len(read_vectors(kind + svg(line)).strokes) == 1


def test_hatching_covers_an_area_and_nothing_else() -> None:
    area = np.zeros((60, 90), bool)
    area[10:50, 10:40] = True
    area[20:24, 60:80] = True
    paths = hatching(area, 5.0)
    assert len(paths) == 2
    points = np.vstack(paths)
    assert area[points[:, 1].astype(int), points[:, 0].astype(int)].all()
    assert hatching(np.zeros((9, 9), bool), 5.0) == []
