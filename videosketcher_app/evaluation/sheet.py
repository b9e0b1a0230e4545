"""Contact sheets: one row a drawing, columns are moments of its clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from videosketcher_app.evaluation.memory import Nearest
from videosketcher_app.evaluation.scores import Score
from videosketcher_app.storage import atomic

CAPTION_PX = 14
TILE = (144, 80)


def write_sheet(path: Path, scores: Sequence[Score]) -> None:
    """Writes one row of SHOWN_FRAMES tiles for every drawing, with its title and faults.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    rows = []
    for score in scores:
        faults = score.faults()
        caption = f"{score.task.name}  seed {score.task.seed}" + (
            f"  {'; '.join(faults)}" * bool(faults)
        )
        rows.append(_row(list(score.clip.shown), caption))
    _write(path, rows)


def write_pairs(path: Path, pairs: Sequence[tuple[Score, Nearest]]) -> None:
    """Writes drawings beside their nearest training renders, four pairs a row.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    cells = []
    for score, nearest in pairs:
        picture = np.round(255 * (1 - nearest.ink_HW)).astype(np.uint8)
        caption = f"{score.task.name} | {nearest.concept} {nearest.distance:.3f}"
        cells.append(_row([score.clip.shown[-1], picture], caption))
    while len(cells) % 4:
        cells.append(np.full_like(cells[0], 255))
    _write(path, [np.concatenate(cells[i : i + 4], 1) for i in range(0, len(cells), 4)])


def _row(pictures: Sequence[NDArray[np.uint8]], caption: str) -> NDArray[np.uint8]:
    tiles = []
    for picture in pictures:
        small = Image.fromarray(picture).resize(TILE, Image.Resampling.LANCZOS)
        tile = np.array(small)
        tile[:, -1] = tile[-1] = 200
        tiles.append(tile)
    strip = np.concatenate(tiles, 1)
    head = Image.new("L", (strip.shape[1], CAPTION_PX), 235)
    ImageDraw.Draw(head).text((3, 1), caption.encode("ascii", "replace").decode(), fill=0)
    return np.concatenate([np.array(head), strip], 0)


def _write(path: Path, rows: Sequence[NDArray[np.uint8]]) -> None:
    if not rows:
        return
    with atomic.replacing(path) as temporary:
        Image.fromarray(np.concatenate(rows, 0)).save(temporary)
