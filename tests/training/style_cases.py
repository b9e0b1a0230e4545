"""Small style runs on the tiny model: a sketchbook, a preset and a request in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from videosketcher_app.data.brushes.clause import with_clause
from videosketcher_app.data.brushes.condition import frame_of_color
from videosketcher_app.data.metadata import write_metadata
from videosketcher_app.data.name_maps import STYLE_LIST, write_styles
from videosketcher_app.data.sketchbook_index import Index, IndexRow, write_index
from videosketcher_app.data.sketchbooks import BookSketch, write_sketch
from videosketcher_app.data.strokes import Pen, Stroke
from videosketcher_app.storage.media import write_video
from videosketcher_app.training.style_request import StyleRunRequest, write_request

PLAN = (
    "Step by step sketch process of a cat, following this drawing order: "
    "1. Head – circle on the left. 2. Body – oval on the right."
)
SMALL = {
    "width": 48,
    "height": 48,
    "num_frames": 9,
    "sample_width": 48,
    "sample_height": 48,
    "rank": 2,
    "num_steps": 4,
    "batch_size": 2,
    "rate": 0.01,
    "variants": 2,
    "keep_plans": 2,
    "sample_every": 2,
    "save_every": 1,
    "log_every": 1,
    "disk_budget_mb": 10,
}


def small_sketch(number: int, caption: str = PLAN) -> BookSketch:
    """Two lines whose places depend on the number."""
    rng = np.random.default_rng(number)
    strokes = tuple(
        Stroke(
            points_N2=np.linspace(*rng.uniform(8, 88, (2, 2)), 30).astype(np.float32),
            times_N=np.linspace(10 * part, 10 * part + 8, 30).astype(np.float32),
            pressure_N=np.ones(30, np.float32),
            part=part,
            pen=Pen(width_px=5.0),
        )
        for part in range(2)
    )
    return BookSketch(
        id=f"s{number}", caption=caption, width=96, height=96, strokes=strokes, origin="drawn"
    )


def write_book(folder: Path, sketches: list[BookSketch]) -> Path:
    """A sketchbook of these."""
    for sketch in sketches:
        write_sketch(folder, sketch)
    rows = tuple(
        IndexRow(id=s.id, caption=s.caption, width=s.width, height=s.height) for s in sketches
    )
    write_index(folder, Index(name=folder.name, created="2026-01-01T00:00:00+00:00", rows=rows))
    return folder


def brush_set(folder: Path, colors: tuple[str, ...] = ("blue", "red")) -> Path:
    """A styled set: two clips in every color of a pen, each beginning with the brush box."""
    ink = {"blue": (0.1, 0.2, 0.8), "red": (0.8, 0.1, 0.1)}
    for color in colors:
        place = folder / "pen" / color
        place.mkdir(parents=True)
        box_HW3 = frame_of_color(ink[color], 30.0, (48, 48)).pixels_HW3
        for number in range(2):
            frames = np.repeat(box_HW3[None], 9, axis=0)
            for at in range(1, 9):
                row = 20 + 12 * number
                frames[at:, row : row + 4, 4 * at : 4 * at + 6] = np.multiply(255, ink[color])
            write_video(place / f"{number}.mp4", frames, fps=8)
    write_styles(folder / STYLE_LIST, [f"pen/{color}" for color in colors])
    prompt = with_clause(PLAN)
    write_metadata(folder / "metadata.csv", [(f"{number}.mp4", prompt) for number in range(2)])
    return folder


def small_run(folder: Path, **changes: object) -> Path:
    """A run's folder that asks for a small run; `changes` are keys of the preset or the request."""
    base = folder.parent
    book = base / "book"
    if not book.exists():
        write_book(book, [small_sketch(number) for number in range(3)])
    asked = {k: v for k, v in changes.items() if k in StyleRunRequest.model_fields}
    preset = base / f"{folder.name}.yaml"
    own = {k: v for k, v in changes.items() if k not in asked}
    preset.write_text(yaml.safe_dump({**SMALL, **own}), "utf-8")
    values = {
        "dataset": str(book),
        "name": "ink",
        "model": "tiny",
        "preset": str(preset),
        "sample_prompts": [PLAN],
        **asked,
    }
    folder.mkdir(exist_ok=True)
    write_request(folder, StyleRunRequest(**values))
    return folder


def without_caption(sketch: BookSketch) -> BookSketch:
    """The sketch with an empty caption."""
    return replace(sketch, caption="")
