"""What a style run costs and what it teaches: seven drawings by a hand that no model knows.

    python -m benchmarks.style [--preset NAME|FILE] [--steps N] [--folder FOLDER] [--resume]
                               [--lora FILE [--scale X]] [--draw-size 432x240] [--limit N]
                               [--seed N]

Trains on the seven drawings of `data.style_hand` at the preset's canvas (or takes a finished LoRA
with --lora), draws plans of concepts that it was not taught with, without and with it, from the
same noise, at the model's own canvas unless --draw-size names another, and prints one JSON line:
seconds by the clock and of processor time, the share of drawings that the classifier calls the new
style beside its calibration on true renders, and order and presence of both. Wanted:
`styled.new_style` >= 0.80, `base.new_style` <= 0.10, both of `loss` <= 0.05, and `seconds` <= 1200
on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.harness import machine
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data.sketchbook_index import Index, IndexRow, write_index
from videosketcher_app.data.sketchbooks import BookSketch, write_sketch
from videosketcher_app.data.style_hand import TAUGHT, taught_drawings
from videosketcher_app.engines.text import SamplerSettings, denoise, to_frames
from videosketcher_app.evaluation.style_report import compare_style
from videosketcher_app.evaluation.text import Sampler
from videosketcher_app.models.catalogue import load_text_model
from videosketcher_app.models.lora.adapter import LoraAdapter
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_folder import RESULT_FILE
from videosketcher_app.training.style_preset import read_preset
from videosketcher_app.training.style_request import StyleRunRequest, write_request


def device() -> str:
    """What trains and draws."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def write_taught_book(folder: Path, width: int, height: int) -> None:
    """A sketchbook of the seven drawings, on paper of this size."""
    drawings = dict(zip(TAUGHT, taught_drawings(width, height), strict=True))
    for name, drawing in drawings.items():
        sketch = BookSketch(
            id=name,
            caption=str(drawing.plan),
            width=width,
            height=height,
            strokes=drawing.sketch.strokes,
            origin="drawn",
        )
        write_sketch(folder, sketch)
    rows = tuple(
        IndexRow(id=name, caption=str(drawing.plan), width=width, height=height)
        for name, drawing in drawings.items()
    )
    write_index(folder, Index(name="taught", created="2026-01-01T00:00:00+00:00", rows=rows))


def trained(folder: Path, args: argparse.Namespace) -> dict[str, object]:
    """Trains in the folder; what it cost."""
    preset = read_preset(args.preset)
    book, run = folder / "book", folder / "run"
    write_taught_book(book, preset.width, preset.height)
    request = StyleRunRequest(
        dataset=str(book),
        name="taught",
        model=args.model,
        preset=args.preset,
        num_steps=args.steps,
        seed=args.seed,
    )
    run.mkdir(parents=True, exist_ok=True)
    write_request(run, request)
    begun, processor = time.perf_counter(), time.process_time()
    run_style(run, resume=args.resume, device=device())
    status = json.loads((run / "status.json").read_text("utf-8"))
    return {
        "steps": status["step"],
        "seconds": round(time.perf_counter() - begun, 1),
        "processor_seconds": round(time.process_time() - processor, 1),
        "final_loss": status["loss"],
    }


def sampler_of(
    model: PocketModel, adapter: LoraAdapter | None, size: tuple[int, int], scale: float = 1.0
) -> Sampler:
    """Draws plans one by one, with the LoRA if there is one."""
    d = model.defaults
    settings = SamplerSettings(
        num_inference_steps=d.num_inference_steps,
        cfg_scale=d.cfg_scale,
        shift=d.shift,
        num_frames=d.num_frames,
        width=size[0],
        height=size[1],
    )

    def draw(plans: list[DrawingPlan], seeds: list[int]) -> Iterator[NDArray[np.uint8]]:
        for plan, seed in zip(plans, seeds, strict=True):
            stack = [(adapter, scale)] if adapter is not None else []
            with applied(model.transformer, stack) if stack else nullcontext():
                latents = None
                for _, reached, _ in denoise(model, [str(plan)], [seed], settings):
                    latents = reached
            assert latents is not None, "a sampler has steps"
            yield to_frames(model.decode(latents))[0]

    return draw


def measure(args: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Everything, as one row."""
    row: dict[str, object] = {"benchmark": "style", "model": args.model, "preset": args.preset}
    if args.lora is None:
        row |= trained(folder, args)
    model = load_text_model(args.model, device())
    size = args.draw_size or (model.defaults.width, model.defaults.height)
    adapter = read_lora(args.lora or folder / "run" / RESULT_FILE)
    compared = compare_style(
        sampler_of(model, None, size),
        sampler_of(model, adapter, size, args.scale),
        width=size[0],
        height=size[1],
        limit=args.limit,
        drawings=args.drawings,
        seed=args.seed,
    )
    row |= {"drawn_at": list(size), "scale": args.scale}
    return {**row, **compared, "machine": machine()}


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="style")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--model", default="pocket-t2v")
    parser.add_argument("--folder", type=Path, help="keeps the run there")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--lora", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="of the LoRA when it draws")
    parser.add_argument("--draw-size", type=_size, help="default: the model's own canvas")
    parser.add_argument("--limit", type=int, default=40, help="plans to draw")
    parser.add_argument("--drawings", type=int, default=60, help="renders of a hand for fitting")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.folder is not None:
        sys.stdout.write(json.dumps(measure(args, args.folder)) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(json.dumps(measure(args, Path(folder))) + "\n")


if __name__ == "__main__":
    main()
