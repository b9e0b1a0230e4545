"""`data latents` and `data ode-pairs`: what training reads, encoded once.

Under `accelerate launch`, or started with RANK and WORLD_SIZE set, each process makes its share of
the rows. With `--cluster` one process hands them out to workers on a Ray cluster.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videosketcher_app.cli import cluster_flags, options
from videosketcher_app.cli.console import Console

if TYPE_CHECKING:
    from accelerate import PartialState

    from videosketcher_app.services.latent_making import LatentReport, Share, Told
    from videosketcher_app.training.ode_pairs import PairSettings

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
    context: typer.Context,
    dataset: Annotated[Path, typer.Argument(help="Folder of drawings or clips.")],
    output_dir: Target,
    model: Annotated[str, typer.Option(help="Whose VAE and text encoder.")] = "pocket-t2v",
    width: Size = 0,
    height: Size = 0,
    num_frames: Frames = 0,
    lmdb_path: Lmdb = None,
    force: Annotated[bool, typer.Option("--force", help="Encodes again what is there.")] = False,
    cluster: cluster_flags.Cluster = None,
    workers: cluster_flags.Workers = None,
    cpus_per_worker: cluster_flags.CpusPerWorker = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Encodes a dataset's clips and captions once; what is there already is kept."""
    console, size = Console(quiet=quiet, as_json=as_json), (width, height, num_frames)
    where = cluster_flags.cluster_options(context.params)
    if where is None:
        report = _clips_here(dataset, output_dir, model, size, force=force, console=console)
    else:
        from videosketcher_app.services.scale_out.latents import ClipRecipe, make_clip_latents_on

        recipe = ClipRecipe(
            dataset=dataset.absolute(),
            target=output_dir.absolute(),
            model=_anywhere(model),
            size=size,
            force=force,
        )
        with cluster_flags.connection(where) as connected:
            report = make_clip_latents_on(connected, recipe, _teller(console))
    _finish(report, output_dir, lmdb_path, console)


def ode_pairs(
    context: typer.Context,
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
    cluster: cluster_flags.Cluster = None,
    workers: cluster_flags.Workers = None,
    cpus_per_worker: cluster_flags.CpusPerWorker = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Draws a guided teacher's paths, for `train ode`; what is there already is kept."""
    from videosketcher_app.services.latent_making import read_captions
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
    console, words = Console(quiet=quiet, as_json=as_json), read_captions(prompts)
    where = cluster_flags.cluster_options(context.params)
    if where is None:
        report = _pairs_here(words, output_dir, settings, console)
    else:
        from videosketcher_app.services.scale_out.latents import PairRecipe, make_ode_pairs_on

        recipe = PairRecipe(
            prompts=tuple(words),
            target=output_dir.absolute(),
            settings=settings,
            model=_anywhere(settings.model),
        )
        with cluster_flags.connection(where) as connected:
            report = make_ode_pairs_on(connected, recipe, _teller(console))
    _finish(report, output_dir, lmdb_path, console)


def _clips_here(
    dataset: Path,
    target: Path,
    model: str,
    size: tuple[int, int, int],
    *,
    force: bool,
    console: Console,
) -> LatentReport:
    from videosketcher_app.services.latent_making import make_clip_latents, open_items
    from videosketcher_app.training.causal_parts import load_parts

    process = _process()
    parts = load_parts(model, target / "converted", str(process.device))
    return make_clip_latents(
        open_items(dataset),
        target,
        parts,
        size=size,
        share=_share(process),
        force=force,
        told=_teller(console),
    )


def _pairs_here(
    words: list[str], target: Path, settings: PairSettings, console: Console
) -> LatentReport:
    from videosketcher_app.services.latent_making import make_ode_pairs
    from videosketcher_app.training.causal_parts import load_parts

    process = _process()
    parts = load_parts(settings.model, target / "converted", str(process.device))
    return make_ode_pairs(
        words, target, parts, settings, share=_share(process), told=_teller(console)
    )


def _anywhere(model: str) -> str:
    """A model's name, or its path as every machine knows it."""
    return str(Path(model).absolute()) if Path(model).exists() else model


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
    console: Console,
) -> None:
    """Tells what came of this process's share; the first process packs what all have made."""
    from videosketcher_app.services.latent_sets import pack_latents

    process = _process()
    for name, reason in report.broken.items():
        console.remark(f"{name} was left out: {reason}")
    process.wait_for_everyone()
    if lmdb_path is not None and process.is_main_process:
        pack_latents(folder, lmdb_path)
    value = {"made": report.made, "kept": report.kept, "broken": report.broken}
    counts = [f"made: {report.made}", f"kept: {report.kept}", f"broken: {len(report.broken)}"]
    console.result({"output": str(folder), **value}, "\n".join([str(folder), *counts]))
