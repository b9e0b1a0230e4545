"""What the first stage is worth: stages 1 + 2 against stage 2 alone, from a raw Pocket base.

    python -m benchmarks.style_ablation base   --folder DIR [--seconds 420] [--small-share 0.6]
    python -m benchmarks.style_ablation draw   --folder DIR --rank R [--steps N] [--drawings 1000]
    python -m benchmarks.style_ablation style  --folder DIR --rank R [--alone] [--steps N]
    python -m benchmarks.style_ablation score  --folder DIR --rank R [--alone] [--limit 40]
    python -m benchmarks.style_ablation report --folder DIR

Every piece goes on where it was cut off (`draw` and `style`: the same command again), leaves its
result in DIR, and can run on another machine that has DIR. `base` trains a model that knows no order
(presets/training/pocket_raw.yaml), first at the preset's small canvas, then at 432x240. `draw` is
stage 1: the preset style_draw on sketches of the grammar. `style` is stage 2 on the seven drawings
of `data.style_hand`, with stage 1 below it or --alone; both arms learn at all noise levels, so that
the one without stage 1 may learn the order too. `score` draws unseen concepts and measures their
order. `report` prints one JSON line; wanted: `gain` (order with both stages, less order of stage 2
alone) >= 0.2 at some rank, with ranks 4, 16 and 32 beside each other.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import yaml

from benchmarks.harness import machine
from benchmarks.style import device, sampler_of, write_taught_book
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.evaluation.clip import read_clip
from videosketcher_app.evaluation.detector import load_detector
from videosketcher_app.evaluation.scores import figures
from videosketcher_app.evaluation.style_report import KEPT_FIGURES, unseen_tasks
from videosketcher_app.evaluation.text import score_clips
from videosketcher_app.models.catalogue import CHECKPOINTS
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.pocket import PocketModel, load_pocket
from videosketcher_app.services.shape_sets import ShapeSettings, make_shapes
from videosketcher_app.storage import atomic
from videosketcher_app.training.pocket import main as train_base
from videosketcher_app.training.pocket_run import read_run
from videosketcher_app.training.pocket_weights import export
from videosketcher_app.training.state import STATE_FILE
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_folder import RESULT_FILE
from videosketcher_app.training.style_preset import PRESETS, read_preset
from videosketcher_app.training.style_request import StyleRunRequest, write_request

RANKS = (4, 16, 32)
FREE = {"kept_share": 0.0, "base_steps": 0, "keep_plans": 0, "keep_batch": 0}
RAW = PRESETS / "pocket_raw.yaml"
_FULL = {"width": 432, "height": 240, "max_stamps": 4096, "batch_size": 32}


def base(folder: Path, args: argparse.Namespace) -> None:
    """The raw base, small canvas first."""
    small, whole = str(folder / "raw_small"), str(folder / "raw_whole")
    changes = {"vae": str(CHECKPOINTS / "pocket"), **args.changes}
    share = args.small_share
    train_base(RAW, resume=True, **{"out": small, "budget_s": share * args.seconds, **changes})
    last = {**_FULL, "out": whole, "init": small, "budget_s": (1 - share) * args.seconds}
    train_base(RAW, resume=True, **{**last, **changes})
    run = read_run(RAW, **{**last, **changes})
    export(run, Path(whole), folder / "raw", quantized=False)


def draw(folder: Path, args: argparse.Namespace) -> None:
    """Stage 1 at one rank."""
    model = load_raw(str(folder / "raw"), "cpu")
    d = model.defaults
    shapes = folder / "shapes"
    settings = ShapeSettings(
        seed=args.seed, source="all", width=d.width, height=d.height, num_frames=d.num_frames
    )
    make_shapes(shapes, args.drawings, settings)
    preset = _preset(folder, model, "style_draw", rank=args.rank)
    _run(folder / f"draw_{args.rank}", shapes, preset, args)


def style(folder: Path, args: argparse.Namespace) -> None:
    """Stage 2 at one rank, above stage 1 or alone."""
    model = load_raw(str(folder / "raw"), "cpu")
    book = folder / "book"
    write_taught_book(book, model.defaults.width, model.defaults.height)
    preset = _preset(folder, model, "style", rank=args.rank, **FREE)
    below = None if args.alone else str(folder / f"draw_{args.rank}" / RESULT_FILE)
    _run(folder / _arm(args), book, preset, args, start_from=below)


def score(folder: Path, args: argparse.Namespace) -> None:
    """Order and presence of unseen concepts, with the LoRA of an arm."""
    model = load_raw(str(folder / "raw"), device())
    adapter = read_lora(folder / _arm(args) / RESULT_FILE)
    size = (model.defaults.width, model.defaults.height)
    tasks = unseen_tasks(args.limit, args.seed)
    clips = sampler_of(model, adapter, size)(
        [task.plan for task in tasks], [task.seed for task in tasks]
    )
    scored = figures(tuple(score_clips(load_detector(), tasks, map(read_clip, clips))))
    told = {name: round(scored[name], 4) for name in KEPT_FIGURES if name in scored}
    atomic.write_json(folder / f"{_arm(args)}.json", told)
    sys.stdout.write(json.dumps({"arm": _arm(args), **told}) + "\n")


def report(folder: Path, _: argparse.Namespace) -> None:
    """All arms that were scored, and what stage 1 gained at each rank."""
    arms = {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}
    order = {name: row["order"] for name, row in arms.items() if "order" in row}
    gain = {
        str(rank): round(order[f"both_{rank}"] - order[f"alone_{rank}"], 4)
        for rank in RANKS
        if f"both_{rank}" in order and f"alone_{rank}" in order
    }
    row = {"benchmark": "style_ablation", "arms": arms, "gain": gain, "machine": machine()}
    sys.stdout.write(json.dumps(row) + "\n")


def load_raw(path: str, where: str) -> PocketModel:
    """The raw base by its folder."""
    folder = Path(path)
    if not folder.is_dir():
        raise InvalidRequest(f"There is no raw base at {folder}.", hint="Run the piece base first.")
    return load_pocket(folder, where)


def _arm(args: argparse.Namespace) -> str:
    return f"{'alone' if args.alone else 'both'}_{args.rank}"


def _preset(folder: Path, model: PocketModel, name: str, **changes: object) -> Path:
    """A preset of this ablation: the shipped one at the base's canvas, with a rank."""
    d = model.defaults
    canvas = {"width": d.width, "height": d.height, "num_frames": d.num_frames}
    values = dataclasses.asdict(read_preset(name, **canvas, **changes))
    place = folder / f"{name}_{changes['rank']}.yaml"
    atomic.write_text(place, yaml.safe_dump({**values, "targets": list(values["targets"])}))
    return place


def _run(
    run: Path,
    dataset: Path,
    preset: Path,
    args: argparse.Namespace,
    *,
    start_from: str | None = None,
) -> None:
    run.mkdir(parents=True, exist_ok=True)
    request = StyleRunRequest(
        dataset=str(dataset),
        name=run.name,
        model=str(run.parent / "raw"),
        preset=str(preset),
        num_steps=args.steps,
        seed=args.seed,
        start_from=start_from,
    )
    write_request(run, request)
    run_style(run, resume=(run / STATE_FILE).is_file(), device=device(), load=load_raw)


PIECES = {"base": base, "draw": draw, "style": style, "score": score, "report": report}


def main(words: list[str] | None = None) -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("piece", choices=PIECES)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=420.0, help="budget of the base")
    parser.add_argument("--small-share", type=float, default=0.6, help="of it, at the small canvas")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alone", action="store_true", help="stage 2 without stage 1")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--drawings", type=int, default=1000, help="sketches of stage 1")
    parser.add_argument("--limit", type=int, default=40, help="plans to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--changes", type=yaml.safe_load, default={}, help="keys of the base's run")
    args = parser.parse_args(words)
    args.folder.mkdir(parents=True, exist_ok=True)
    PIECES[args.piece](args.folder, args)


if __name__ == "__main__":
    main()
