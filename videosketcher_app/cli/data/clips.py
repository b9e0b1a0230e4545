"""`data flatten`, `slice` and `convert`: folders of clips, as CausVid's pipeline makes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console
from videosketcher_app.core.errors import Cancelled

if TYPE_CHECKING:
    from videosketcher_app.services.clip_sets import ClipReport


def flatten(
    folder: Annotated[Path, typer.Argument(help="Whose nested files move to its top.")],
    force: Annotated[bool, typer.Option("--force", "-f", help="Does not ask.")] = False,
    keep_structure: Annotated[
        bool, typer.Option("--keep-structure", help="Leaves the emptied folders.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Moves all files of nested folders into one; content is compared, nothing is overwritten."""
    from videosketcher_app.storage.flatten import flatten as move_up
    from videosketcher_app.storage.flatten import nested_files

    number = len(nested_files(folder))
    if number and not force and not typer.confirm(f"Move {number} files to the top of {folder}?"):
        raise Cancelled("Nothing was moved.", hint="Answer y, or add --force.")
    done = move_up(folder, keep_structure=keep_structure)
    console = Console(quiet=quiet, as_json=as_json)
    for old, new in done.renamed.items():
        console.remark(f"{old} is now {new}: its name was taken by another file.")
    for link in done.links:
        console.remark(f"{link} is a link and was left where it is.")
    value = {"moved": done.moved, "renamed": done.renamed, "twins": done.twins, "links": done.links}
    counts = [f"{name}: {v if isinstance(v, int) else len(v)}" for name, v in value.items()]
    console.result({"folder": str(folder), **value}, "\n".join(counts))


def cut(
    input_folder: Annotated[Path, typer.Option("--input-folder", help="Folder of clips.")],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "--output-folder", help="Folder of the pieces.")
    ],
    anno_json: Annotated[
        Path, typer.Option("--anno-json", help="Records of path, cap, frame_idx.")
    ],
    output_json: Annotated[
        Path, typer.Option("--output-json", help="Table of pieces and captions.")
    ],
    by: Annotated[
        str, typer.Option(help="The table's keys: video, or caption (equal captions share one).")
    ] = "video",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Cuts annotated stretches out of clips and writes what each of them shows."""
    from videosketcher_app.services.clip_sets import slice_clips

    report = slice_clips(input_folder, output_dir, anno_json, output_json, by=by)
    _tell(report, output_dir, Console(quiet=quiet, as_json=as_json))


def convert(
    input_dir: Annotated[Path, typer.Option("--input-dir", help="Folder of clips.")],
    output_dir: Annotated[Path, typer.Option("--output-dir", help="Folder of the results.")],
    width: Annotated[int, typer.Option(help="In pixels.")] = 832,
    height: Annotated[int, typer.Option(help="In pixels.")] = 480,
    fps: Annotated[int, typer.Option(help="Frames a second.")] = 16,
    frames: Annotated[int, typer.Option(help="Of each clip, from its begin.")] = 81,
    force: options.Force = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Brings clips to one size, rate and length; what is there already is kept."""
    from videosketcher_app.services.clip_sets import convert_clips

    report = convert_clips(
        input_dir,
        output_dir,
        width=width,
        height=height,
        fps=fps,
        num_frames=frames,
        force=force,
    )
    _tell(report, output_dir, Console(quiet=quiet, as_json=as_json))


def _tell(report: ClipReport, folder: Path, console: Console) -> None:
    for name, reason in report.broken.items():
        console.remark(f"{name} was left out: {reason}")
    value = {"made": report.made, "kept": report.kept, "broken": report.broken}
    counts = [f"{name}: {len(items)}" for name, items in value.items()]
    console.result({"output": str(folder), **value}, "\n".join([str(folder), *counts]))
