"""Exports a trained stage to the product's folder and draws a sheet of it.

    python scripts/export_pocket.py CONFIG.yaml TARGET [SHEET.png] [KEY=VALUE ...]

TARGET gets the int8 weights that the product loads; SHEET shows plans as rows of frames.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.heldout import load as load_held_out
from videosketcher_app.engines.text import SamplerSettings, denoise, to_frames
from videosketcher_app.models.pocket import PocketModel, load_pocket
from videosketcher_app.training.pocket_run import read_run
from videosketcher_app.training.pocket_weights import export

CONCEPTS = ("cat", "house", "sailboat", "flower", "car", "snowman", "elephant", "castle", "bicycle")
CONCEPTS += ("owl", "teapot", "guitar", "beach", "rocket", "face", "horse")
SHOWN = range(0, 81, 8)


def sheet_prompts() -> list[str]:
    """Taught concepts, held-out primitives and held-out concepts."""
    known = programs()
    plans = [
        str(compose(known[name], np.random.default_rng(1), drop=False, wording="described").plan)
        for name in CONCEPTS
    ]
    plans += [str(item.plan) for item in load_held_out("heldout_primitives")[:4]]
    return plans + [str(item.plan) for item in load_held_out("heldout_concepts")[::9]][:6]


def draw_sheet(model: PocketModel, path: Path, prompts: list[str], batch: int = 8) -> None:
    """One row a prompt, seed 0."""
    d = model.defaults
    settings = SamplerSettings(
        num_inference_steps=d.num_inference_steps,
        cfg_scale=d.cfg_scale,
        shift=d.shift,
        num_frames=d.num_frames,
        width=d.width,
        height=d.height,
    )
    rows = []
    for at in range(0, len(prompts), batch):
        texts = prompts[at : at + batch]
        *_, (_, latents, _) = denoise(model, texts, [0] * len(texts), settings)
        for clip in to_frames(model.decode(latents)):
            row = np.concatenate([clip[t] for t in SHOWN if t < len(clip)], axis=1)
            row[-1] = 170
            rows.append(row)
    image = Image.fromarray(np.concatenate(rows))
    image.resize((image.width * 2 // 5, image.height * 2 // 5), Image.Resampling.LANCZOS).save(path)


def run() -> None:
    """Parses the command line."""
    words = [a for a in sys.argv[1:] if "=" not in a]
    changes = {k: yaml.safe_load(v) for k, v in (a.split("=", 1) for a in sys.argv[1:] if "=" in a)}
    config = read_run(Path(words[0]), **changes)
    export(config, Path(config.out), Path(words[1]))
    if len(words) > 2:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        draw_sheet(load_pocket(Path(words[1]), device), Path(words[2]), sheet_prompts())


if __name__ == "__main__":
    run()
