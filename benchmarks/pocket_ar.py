"""What a turn of co-drawing costs the model, on this machine: first ink, and every block after it.

    python -m benchmarks.pocket_ar [--adapter FOLDER | --model NAME] [--device DEVICE] [--runs N]
                                  [--mode exact|fast|sketch]

A turn as the app makes it: the other hand's block is shown while the pen is still down; when it is
up, its last frames are shown again, the model draws a block, and that block is decoded. Prints one
JSON line. `first_ink_s` is from pen-up to the block's frames, `first_preview_s` to the first clean
estimate; `block_s` is a later block, the pass that remembers the one before included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch

from benchmarks.harness import machine, spread
from videosketcher_app.core.requests import MODES
from videosketcher_app.engines.autoregressive import timesteps_for
from videosketcher_app.engines.causal_drawing import CausalDrawing
from videosketcher_app.engines.memory.modes import Mode
from videosketcher_app.evaluation.continuation_cases import HalfDrawn, half_drawn
from videosketcher_app.models.catalogue import load_adapter_folder, load_text_model
from videosketcher_app.models.pocket import PocketModel

LATER_BLOCKS = 4


def measure(model: PocketModel, *, runs: int, mode: Mode = "exact") -> dict[str, object]:
    """Figures of `runs` turns, after one that warms up."""
    turns = [one_turn(model, half_drawn(number), mode) for number in range(runs + 1)][1:]
    return {
        "benchmark": "pocket_ar",
        "model": model.name,
        "canvas": [model.defaults.width, model.defaults.height],
        "timesteps": list(timesteps_for(model, None)),
        "mode": mode,
        "runs": runs,
        "first_preview_s": spread([turn["first_preview_s"] for turn in turns]),
        "first_ink_s": spread([turn["first_ink_s"] for turn in turns]),
        "block_s": spread([turn["block_s"] for turn in turns]),
        **machine(),
    }


def one_turn(model: PocketModel, case: HalfDrawn, mode: Mode) -> dict[str, float]:
    """Seconds of one turn."""
    size, timesteps = (model.defaults.width, model.defaults.height), timesteps_for(model, None)
    drawing = CausalDrawing(model, str(case.plan), width=size[0], height=size[1], mode=mode)
    given = torch.from_numpy(case.given_frames()).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    given = torch.nn.functional.interpolate(given, (given.shape[2], size[1], size[0]))
    shown = 9 + 12 * (case.given_blocks - 2)
    if case.given_blocks > 1:  # all but the latest block came while the pen was down
        drawing.show(given[:, :, :shown])
        given = given[:, :, shown:]
    begun = _now()
    drawing.show(given)
    seconds: dict[str, float] = {}
    for estimate in drawing.draw(seed=case.seed, timesteps=timesteps):
        seconds.setdefault("first_preview_s", _now() - begun)
        if estimate.frames_BCTHW is not None:
            seconds["first_ink_s"] = _now() - begun
    later = []
    for _ in range(LATER_BLOCKS):
        begun = _now()
        for _ in drawing.draw(seed=case.seed, timesteps=timesteps):
            pass
        later.append(_now() - begun)
    drawing.close()
    seconds["block_s"] = statistics.median(later)
    return seconds


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="pocket-ar")
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mode", choices=MODES, default="exact")
    args = parser.parse_args()
    if args.adapter is not None:
        model = load_adapter_folder(args.adapter, args.device)
    else:
        model = load_text_model(args.model, args.device)
    sys.stdout.write(json.dumps(measure(model, runs=args.runs, mode=args.mode)) + "\n")


if __name__ == "__main__":
    main()
