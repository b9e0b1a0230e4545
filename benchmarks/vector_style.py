"""A vector style with and without layer-wise supervision: how steady layers stay over time.

    python -m benchmarks.vector_style [--folder DIR] [--steps N] [--pictures 16] [--limit 24]
                                      [--preset style_vector] [--model pocket-t2v] [--seed N]

Trains two LoRAs on the same layered pictures of the grammar (data.vector_pictures), in the same
order and noise: one with the preset's layer-wise terms, one with plain flow matching. Draws unseen
concepts from the same noise with the base and with both, and prints one JSON line: of each, shape
IoU, color drift and their sum `unsteady` (evaluation.layers), beside true pictures of the same plans.

`unsteady` looks only at layers that are there, so blank paper would be best of all. `consistency`
counts those that are not: the share of a true picture's layers that were found, times 1 - unsteady.
Wanted: `better.layers` >= 0.25, by how much consistency is above the base's, which draws thin black
lines; they are layers too. `better.plain` says what the style alone does.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.harness import machine
from benchmarks.style import device, sampler_of
from videosketcher_app.data.grammar.compose import Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.heldout import is_held_out
from videosketcher_app.data.layered import CAPTION_FILE
from videosketcher_app.data.vector_pictures import vector_picture
from videosketcher_app.evaluation.layers import Steadiness, steadiness
from videosketcher_app.evaluation.style_report import unseen_tasks
from videosketcher_app.evaluation.tasks import Task, truth_of
from videosketcher_app.models.catalogue import load_text_model
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.storage import atomic
from videosketcher_app.storage.media import write_png
from videosketcher_app.training.state import STATE_FILE
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_folder import RESULT_FILE
from videosketcher_app.training.style_preset import StylePreset, read_preset
from videosketcher_app.training.style_request import StyleRunRequest, write_request

TRIGGER = "flatvector"
PLAIN = {"layer_shape": 0.0, "layer_color": 0.0, "layer_motion": 0.0}
ARMS = {"layers": {}, "plain": PLAIN}
PICTURE_PX = (432, 240)
Film = NDArray[np.uint8]


def write_pictures(folder: Path, count: int, seed: int) -> None:
    """A set of layered pictures, each of another concept that may be taught."""
    rng = np.random.default_rng(seed)
    width, height = PICTURE_PX
    for name, program in list(programs().items()):
        drawing = compose(program, rng, layout=Layout(fill=0.9), width_px=width, height_px=height)
        if is_held_out(drawing.labels) or (folder / name).is_dir():
            continue
        picture = vector_picture(name, drawing)
        with atomic.publish_folder(folder / name) as target:
            atomic.write_text(target / CAPTION_FILE, picture.caption)
            for number, layer in enumerate(picture.rgba_LHW4):
                write_png(target / f"{number}_layer.png", layer)
        if len(list(folder.iterdir())) >= count:
            return


def trained(folder: Path, arm: str, args: argparse.Namespace) -> Path:
    """The LoRA of an arm; a run that was cut off goes on."""
    run, preset = folder / arm, read_preset(args.preset, **ARMS[arm])
    place = folder / f"{arm}.yaml"
    values = dataclasses.asdict(preset)
    atomic.write_text(place, yaml.safe_dump({**values, "targets": list(values["targets"])}))
    run.mkdir(parents=True, exist_ok=True)
    request = StyleRunRequest(
        dataset=str(folder / "pictures"),
        name=arm,
        model=args.model,
        preset=str(place),
        num_steps=args.steps,
        seed=args.seed,
        trigger=TRIGGER,
    )
    write_request(run, request)
    run_style(run, resume=(run / STATE_FILE).is_file(), device=device())
    return run / RESULT_FILE


def figures(films: Iterable[Film], true_layers: Sequence[int]) -> dict[str, float]:
    """Means over the films in which a layer was found; consistency over all.

    Args:
        true_layers: of a true picture of each film's plan.
    """
    rows = [steadiness(film) for film in films]
    found = [row for row in rows if row.num_layers]
    if not found:
        return {"films": 0, "consistency": 0.0}
    mean = {
        name: round(float(np.mean([getattr(row, name) for row in found])), 5)
        for name in ("num_layers", "shape_iou", "color_drift", "unsteady")
    }
    there = [min(1.0, row.num_layers / max(1, n)) for row, n in zip(rows, true_layers, strict=True)]
    steady = [1 - row.unsteady if row.num_layers else 0.0 for row in rows]
    consistency = float(np.mean(np.multiply(there, steady)))
    return {"films": len(found), **mean, "consistency": round(consistency, 5)}


def _mean_unsteady(rows: Sequence[Steadiness]) -> float:
    return round(float(np.mean([row.unsteady for row in rows if row.num_layers])), 5)


def true_films(tasks: Sequence[Task], size: tuple[int, int], num_frames: int) -> Iterator[Film]:
    """The plans as true pictures in layers come into being."""
    canvas = StylePreset(width=size[0], height=size[1])
    for task in tasks:
        yield vector_picture(task.name, truth_of(task)).clip(canvas, num_frames)


def measure(args: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Everything, as one row."""
    write_pictures(folder / "pictures", args.pictures, args.seed)
    loras = {arm: trained(folder, arm, args) for arm in ARMS}
    model = load_text_model(args.model, device())
    size = (model.defaults.width, model.defaults.height)
    tasks = unseen_tasks(args.limit, args.seed)
    plans, seeds = [task.plan for task in tasks], [task.seed for task in tasks]
    styled = [dataclasses.replace(plan, concept=f"{plan.concept} {TRIGGER}") for plan in plans]
    true = [steadiness(film) for film in true_films(tasks, size, model.defaults.num_frames)]
    layers = [row.num_layers for row in true]
    told = {
        "true": {"num_layers": float(np.mean(layers)), "unsteady": _mean_unsteady(true)},
        "base": figures(sampler_of(model, None, size)(plans, seeds), layers),
    }
    for arm, lora in loras.items():
        told[arm] = figures(sampler_of(model, read_lora(lora), size)(styled, seeds), layers)
    base = told["base"]["consistency"]
    better = {arm: round(told[arm]["consistency"] / base - 1, 4) for arm in ARMS if base}
    row = {"benchmark": "vector_style", "model": args.model, "preset": args.preset}
    return {**row, "steps": args.steps, **told, "better": better, "machine": machine()}


def main(words: list[str] | None = None) -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keeps the runs there, and goes on with them")
    parser.add_argument("--preset", default="style_vector")
    parser.add_argument("--model", default="pocket-t2v")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--limit", type=int, default=24, help="plans to draw")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(words)
    if args.folder is not None:
        sys.stdout.write(json.dumps(measure(args, args.folder)) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(json.dumps(measure(args, Path(folder))) + "\n")


if __name__ == "__main__":
    main()
