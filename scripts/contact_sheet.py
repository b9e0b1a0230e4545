"""Draws concepts of the grammar side by side: python scripts/contact_sheet.py OUT.png [NAME ...].

With names: three random drawings of each, with the plan printed. Without: one of every concept.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs


def main() -> None:
    """Writes the sheet."""
    out, names = Path(sys.argv[1]), sys.argv[2:]
    known = programs()
    tiles = []
    for name in names or known:
        for seed in range(3 if names else 1):
            drawing = compose(
                known[name], np.random.default_rng(seed), drop=False, wording="described"
            )
            tile = renderer.picture(drawing.sketch)
            tile[:, -1], tile[-1] = 180, 180
            tiles.append(tile)
            if names and seed == 0:
                print(drawing.plan)
    columns = 3 if names else 6
    while len(tiles) % columns:
        tiles.append(np.full_like(tiles[0], 255))
    rows = [np.concatenate(tiles[i : i + columns], 1) for i in range(0, len(tiles), columns)]
    sheet = Image.fromarray(np.concatenate(rows, 0))
    sheet.resize((sheet.width * 2 // 3, sheet.height * 2 // 3), Image.Resampling.LANCZOS).save(out)


if __name__ == "__main__":
    main()
