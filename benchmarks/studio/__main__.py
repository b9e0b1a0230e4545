"""`python -m benchmarks.studio ROW`: see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import torch

import benchmarks.studio
from benchmarks.lines import RESULTS, Lines
from benchmarks.studio import campaign
from benchmarks.studio.shapes import Setting
from videosketcher_app.models.machine import use_gaps

ROWS = {
    "forward": "forward.forward",
    "forward-720p": "forward.forward_720p",
    "few-steps": "runs.few_steps",
    "complete": "runs.complete",
    "vae": "decoding.vae_decode",
    "memory": "memory.streamed",
    "pipeline": "memory.pipeline",
    "cards": "cards.cards",
    "resident": "resident.resident",
    "parallel": "several.parallel",
    "rollout": "rollout.rollout",
    "session": "rollout.session",
    "training-limits": "training.limits",
    "training-speed": "training.speed",
    "kernels": "kernels.kernels",
}


def main() -> None:
    """Parses the command line and runs one row, or the campaign of all of them."""
    use_gaps()  # as the product's own command
    if sys.argv[1:2] == ["campaign"]:
        sys.exit(campaign.main(sys.argv[2:]))
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.studio",
        description=benchmarks.studio.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("row", choices=ROWS)
    parser.add_argument("--tiny", action="store_true", help="Everything but the sizes.")
    parser.add_argument("--layers", type=int, help="Fewer layers, for a quick look.")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--by-rows", action="store_true", help="Blocks by hand-written kernels.")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="Added to.")
    parser.add_argument("--graphs", action="store_true", help="Causal passes as CUDA graphs.")
    args = parser.parse_args()
    setting = Setting(
        device=numbered(args.device),
        is_tiny=args.tiny,
        layers=args.layers,
        pairs=args.pairs,
        by_rows=args.by_rows,
        graphs=args.graphs,
    )
    out = args.out or (None if args.tiny else RESULTS / "studio.jsonl")
    name = "studio tiny" if args.tiny else "studio"
    ways = [name, *["by rows"] * args.by_rows, *["graphs"] * args.graphs]
    lines = Lines(", ".join(ways), out)
    run_row(args.row, setting, lines)


def numbered(name: str) -> torch.device:
    """The device of a name, with its number: a limit of memory is for one card, not for "cuda"."""
    device = torch.device(name)
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def run_row(row: str, setting: Setting, lines: Lines) -> None:
    """Measures one row and writes its lines."""
    module, _, function = ROWS[row].partition(".")
    work: Callable[[Setting, Lines], None] = getattr(
        import_module(f"benchmarks.studio.{module}"), function
    )
    work(setting, lines)


if __name__ == "__main__":
    main()
