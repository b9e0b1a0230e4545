"""Paints the previews of brushes/: python scripts/paint_brushes.py [--sheet OUT.png].

Previews are a wave on white paper and depend only on brushes.yaml and the engine. The sheet shows
every brush painting a wave, a spiral and a cat.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from videosketcher_app.data.brushes.library import BRUSHES, LibraryBrush, load_brushes
from videosketcher_app.data.brushes.painting import picture
from videosketcher_app.data.brushes.swatch import sketch_of_path, spiral_points, wave_points
from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.storage import atomic

PREVIEW_PX = (240, 96)
CELL_PX = (432, 240)
SHEET_COLUMNS = 2


def main() -> None:
    """Writes the previews, or the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    brushes, notices = load_brushes()
    for notice in notices:
        print(notice)
    if arguments.sheet:
        atomic.write_bytes(arguments.sheet, _png(_sheet(list(brushes.values()))))
        return
    for entry in brushes.values():
        atomic.write_bytes(BRUSHES / f"{entry.name}.png", preview_png(entry))
    print(f"{len(brushes)} previews, {sum(e.preview.stat().st_size for e in brushes.values())} B")


def preview_png(entry: LibraryBrush) -> bytes:
    """The preview of one brush as a PNG: a wave, at twice the size of the sketch canvas."""
    width, height = PREVIEW_PX
    wave = wave_points(width, height, margin_px=26.0, amplitude_px=height * 0.22)
    # The canvas is far higher than the preview: the scale follows the height.
    painted = picture(sketch_of_path(wave, width, 480), entry.brush, seed=1)[:height]
    return _png(painted, colors=160)


def _sheet(entries: list[LibraryBrush]) -> np.ndarray:
    width, height = CELL_PX
    cat = compose(programs()["cat"], np.random.default_rng(11), drop=False).sketch
    wave = sketch_of_path(wave_points(width, height, 60.0, 55.0), width, height)
    spiral = sketch_of_path(spiral_points(width, height), width, height)
    rows = [
        np.concatenate([picture(_framed(s), e.brush, seed=3) for s in (wave, spiral, cat)], 1)
        for e in entries
    ]
    while len(rows) % SHEET_COLUMNS:
        rows.append(np.full_like(rows[0], 255))
    half = len(rows) // SHEET_COLUMNS
    columns = [np.concatenate(rows[i : i + half], 0) for i in range(0, len(rows), half)]
    return np.concatenate(columns, 1)


def _framed(sketch: Sketch) -> Sketch:
    assert (sketch.width_px, sketch.height_px) == CELL_PX
    return sketch


def _png(picture_HW3: np.ndarray, colors: int | None = None) -> bytes:
    image = Image.fromarray(picture_HW3)
    if colors is not None:
        image = image.quantize(colors, dither=Image.Dither.NONE)
    with io.BytesIO() as buffer:
        image.save(buffer, "PNG", optimize=True)
        return buffer.getvalue()


if __name__ == "__main__":
    main()
