"""Exports a trained pocket-brush to the product's folder and enters it into the catalogue.

    python scripts/export_brush.py CONFIG.yaml TARGET [SHEET.png] [KEY=VALUE ...]

TARGET gets the int8 adapter and its settings. If TARGET is checkpoints/pocket-brush, its row of
checkpoints/models.yaml is written too. SHEET shows plans drawn with shelf and unseen brushes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import torch
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.evaluation.brush import score_brush_clips
from videosketcher_app.evaluation.brush_cases import brush_cases
from videosketcher_app.evaluation.brush_report import brush_clips, round_trip_of, write_sheet
from videosketcher_app.models.adapters import ADAPTER_FILE
from videosketcher_app.models.pocket import MODEL_FILE, load_adapted
from videosketcher_app.storage.tensors import sha256_of
from videosketcher_app.training.pocket_brush_run import MODEL_NAME, export_brush
from videosketcher_app.training.pocket_run import read_run

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
ROW = """  {name}:
    family: pocket
    base: pocket-t2v
    image_conditioned: true
    summary: shipped; draws in the color and style of a brush
    folder: pocket-brush
    licence: Apache-2.0
    files:
"""
FILE = """      {file}:
        bytes: {bytes}
        sha256: {sha256}
"""
BRUSHES_SHOWN = 16


def enter(folder: Path) -> None:
    """Writes the model's row of the catalogue, anew if there is one; everything else stays."""
    catalogue = CHECKPOINTS / "models.yaml"
    files = "".join(
        FILE.format(
            file=name, bytes=(folder / name).stat().st_size, sha256=sha256_of(folder / name)
        )
        for name in (ADAPTER_FILE, MODEL_FILE)
    )
    text = catalogue.read_text("utf-8")
    text = re.sub(rf"  {MODEL_NAME}:\n(?:    .*\n)+", "", text)
    text = text.replace("  tiny:\n", ROW.format(name=MODEL_NAME) + files + "  tiny:\n", 1)
    yaml.safe_load(text)
    catalogue.write_text(text, "utf-8")


def draw_sheet(folder: Path, base: Path, path: Path, batch: int = 20) -> None:
    """Draws some brushes times plans."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = replace(load_adapted(folder, base, device), image_conditioned=True)
    cases = brush_cases(limit=BRUSHES_SHOWN)
    clips = brush_clips(model, cases, batch)
    scores = score_brush_clips(cases, clips, round_trip=round_trip_of(model))
    write_sheet(path, scores)


def run() -> None:
    """Parses the command line."""
    words = [a for a in sys.argv[1:] if "=" not in a]
    changes = {k: yaml.safe_load(v) for k, v in (a.split("=", 1) for a in sys.argv[1:] if "=" in a)}
    config, target = read_run(Path(words[0]), **changes), Path(words[1])
    export_brush(config, Path(config.out), target)
    if target.resolve() == (CHECKPOINTS / "pocket-brush").resolve():
        enter(target)
    if len(words) > 2:
        draw_sheet(target, Path(config.base), Path(words[2]))


if __name__ == "__main__":
    run()
