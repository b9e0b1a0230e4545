"""100 broken files brought at once: 100 rows that say what is wrong, and nothing half-added."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.ledger import Count
from tests.security import media_cases as cases
from tests.security.peak import Peak
from videosketcher_app.services.ingest import Ingest
from videosketcher_app.services.sketchbooks import Sketchbooks

pytestmark = [pytest.mark.security, pytest.mark.timeout(900)]

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'
PATH = '<path d="M0 0 L9 9" stroke="black" fill="none"/>'
MAX_BYTES = 300e6


def broken_files() -> dict[str, bytes]:
    """100 files that are no drawings, by name."""
    places = random.Random(cases.SEED)
    goods = cases.good_files()
    files: dict[str, bytes] = {}
    for number in range(12):
        film = goods["MP4"]
        files[f"cut{number}.mp4"] = film[: places.randrange(1, len(film) // 2)]
        start = places.randrange(8, 600)
        files[f"hit{number}.webm"] = film[:start] + places.randbytes(len(film) - start)
    for number in range(20):
        kind = ("PNG", "JPEG", "WEBP", "TIFF")[number % 4]
        picture = goods[kind]
        suffix = kind.lower()
        files[f"cut{number}.{suffix}"] = picture[: places.randrange(1, len(picture) // 2)]
    for number in range(30):
        suffix = ("svg", "json", "ndjson", "png", "mp4", "gif")[number % 6]
        files[f"noise{number}.{suffix}"] = b"" if number < 6 else places.randbytes(400)
    files |= {f"bomb{i}.png": data for i, data in enumerate(list(cases.image_bombs().values())[:4])}
    files |= _vectors() | _strokes()
    return files


def _vectors() -> dict[str, bytes]:
    uses = "".join(f'<g id="g{i}">' + f'<use href="#g{i + 1}"/>' * 10 + "</g>" for i in range(9))
    texts = [
        SVG.format(uses + f'<g id="g9">{PATH}</g>'),
        SVG.format('<g id="a"><use href="#a"/></g>'),
        '<!DOCTYPE svg [<!ENTITY a "&b;"><!ENTITY b "&a;">]>' + SVG.format("&a;"),
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + SVG.format("&a;"),
        SVG.format('<image href="file:///etc/passwd" width="9" height="9"/>'),
        SVG.format("<g>" * 5000 + "</g>" * 5000),
        SVG.format(PATH * 30_000),
        SVG.format('<path d="M0 0' + " L1e999 nan" * 9 + '" stroke="black"/>'),
        SVG.format('<path d="M0 0 A' + "x " * 7000 + '" stroke="black"/>'),
        SVG.format('<path transform="scale(1e300)" d="M1 1 L9 9" stroke="black" fill="none"/>'),
        SVG.format(PATH).replace("0 0 9 9", "0 0 1e308 1e-308"),
        SVG.format(PATH)[:-30],
        SVG.format("<script>alert(1)</script>"),
        SVG.format("<text>only words</text>"),
    ]
    return {f"vector{i}.svg": text.encode() for i, text in enumerate(texts)}


def _strokes() -> dict[str, bytes]:
    texts = [
        "[" * 200_000,
        '{"strokes": ' + "[{}," * 2000 + "{}" + "]" * 2000 + "}",
        '{"strokes": [{"points": [[1e308, 1e308], [1, 1]]}]}',
        '{"strokes": [{"points": [[1, 1]], "width": -3}]}',
        '{"strokes": [{"points": [[1, 1]], "color": "red; drop"}]}',
        '{"strokes": [{"points": "x"}], "width": 1e99, "height": 1}',
        '{"strokes": [{"points": [[1,2],[3]]}]}',
        '{"drawing": [[[1],[2],[3],[4]]], "word": {"a": 1}}',
        '{"turns": [{"draw": 3}]}',
        "\ufeff",
    ]
    return {f"strokes{i}.json": text.encode() for i, text in enumerate(texts)}


@pytest.mark.row("T9", "malformed files")
def test_a_hundred_broken_files_are_a_hundred_clear_rows(tmp_path: Path, ledger: Count) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    files = broken_files()
    assert len(files) >= 100
    for name, data in files.items():
        (folder / name).write_bytes(data)
    books = Sketchbooks(tmp_path / "datasets")
    with Peak() as peak:
        rows = list(Ingest(books).bring([folder], "ink"))
    assert {Path(row.source).name for row in rows} == set(files)
    assert len(rows) == len(files)
    for row in rows:
        assert row.problem, row.source
        assert row.hint, row.source
        assert "Traceback" not in row.problem + row.hint
        assert "could not be understood" not in row.problem, row.source
        assert not row.sketch_id
    assert books.entries() == ()
    assert peak.most < MAX_BYTES
    (folder / "good.svg").write_text(SVG.format(PATH))
    (good,) = Ingest(books).bring([folder / "good.svg"], "ink")
    assert good.sketch_id
    ledger("T9", cases=len(rows), worst_s=None, peak_mb=round(peak.most / 1e6))
