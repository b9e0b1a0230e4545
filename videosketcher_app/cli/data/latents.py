"""`data latents` and `data ode-pairs`: what training reads, encoded once.

Under `accelerate launch`, or started with RANK and WORLD_SIZE set, each process makes its share of
the rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console

if TYPE_CHECKING:
    from accelerate import PartialState

    from videosketcher_app.services.latent_making import LatentReport, Share, Told

Target = Annotated[
    Path,
    typer.Option("--output-dir", "--output-folder", help="Folder of the set; goes on if begun."),
]
Lmdb = Annotated[
    Path | None, typer.Option("--lmdb-path", help="Packs the set into this LMDB, too.")
]
Size = Annotated[int, typer.Option(help="In pixels; 0 is the model's own.", min=0)]
Frames = Annotated[int, typer.Option("--num-frames", help="0 is the model's own.", min=0)]


def latents(
    dataset: Annotated[Path, typer.Argument(help="Folder of drawings or clips.")],
    output_dir: Target,
    model: Annotated[str, typer.Option(help="Whose VAE and text encoder.")] = "pocket-t2v",
    width: Size = 0,
    height: Size = 0,
    num_frames: Frames = 0,
    lmdb_path: Lmdb = None,
    force: Annotated[bool, typer.Option("--force", help="Encodes again what is there.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Encodes a dataset's clips and captions once; what is there already is kept."""
    from videosketcher_app.services.latent_making import make_clip_latents, open_items
    from videosketcher_app.training.causal_parts import load_parts

    console, process = Console(quiet=quiet, as_json=as_json), _process()
    parts = load_parts(model, output_dir / "converted", str(process.device))
    report = make_clip_latents(
        open_items(dataset),
        output_dir,
        parts,
        size=(width, height, num_frames),
        share=_share(process),
        force=force,
        told=_teller(console),
    )
    _finish(report, output_dir, lmdb_path, process, console)


def ode_pairs(
    prompts: Annotated[Path, typer.Argument(help="File of prompts, or a dataset: its captions.")],
    output_dir: Target,
    config: Annotated[
        Path | None, typer.Option(help="Preset, such as presets/training/ode_pairs_pocket.yaml.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The teacher.")] = None,
    count: Annotated[
        int | None,
        typer.Option(help="Pairs; prompts come again with other noise. Default: one a prompt."),
    ] = None,
    num_inference_steps: options.Steps = None,
    guidance_scale: Annotated[float | None, typer.Option(help="Of the teacher.")] = None,
    seed: options.Seed = None,
    lmdb_path: Lmdb = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Draws a guided teacher's paths, for `train ode`; what is there already is kept."""
    from videosketcher_app.services.latent_making import make_ode_pairs, read_captions
    from videosketcher_app.training.causal_parts import load_parts
    from videosketcher_app.training.ode_pairs import pair_settings, read_pair_settings

    named = {
        "model": model,
        "count": count,
        "num_inference_steps": num_inference_steps,
        "guidance_scale": guidance_scale,
        "seed": seed,
    }
    given = {name: value for name, value in named.items() if value is not None}
    settings = (
        read_pair_settings(config, **given) if config else pair_settings(given, "These settings")
    )
    console, process = Console(quiet=quiet, as_json=as_json), _process()
    words = read_captions(prompts)
    parts = load_parts(settings.model, output_dir / "converted", str(process.device))
    report = make_ode_pairs(
        words, output_dir, parts, settings, share=_share(process), told=_teller(console)
    )
    _finish(report, output_dir, lmdb_path, process, console)


def _process() -> PartialState:
    from accelerate import PartialState

    return PartialState()


def _share(process: PartialState) -> Share:
    from videosketcher_app.services import latent_making

    return latent_making.Share(process.process_index, process.num_processes)


def _teller(console: Console) -> Told:
    def tell(done: int, total: int) -> None:
        console.remark(f"{done} of {total}")

    return tell


def _finish(
    report: LatentReport,
    folder: Path,
    lmdb_path: Path | None,
    process: PartialState,
    console: Console,
) -> None:
    """Tells what came of this process's share; the first process packs what all have made."""
    from videosketcher_app.services.latent_sets import pack_latents

    for name, reason in report.broken.items():
        console.remark(f"{name} was left out: {reason}")
    process.wait_for_everyone()
    if lmdb_path is not None and process.is_main_process:
        pack_latents(folder, lmdb_path)
    value = {"made": report.made, "kept": report.kept, "broken": report.broken}
    counts = [f"made: {report.made}", f"kept: {report.kept}", f"broken: {len(report.broken)}"]
    console.result({"output": str(folder), **value}, "\n".join([str(folder), *counts]))
