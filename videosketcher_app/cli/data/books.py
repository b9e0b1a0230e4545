"""`data shapes`, `data check` and `data books`: sets made, checked and listed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Exit

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console
from videosketcher_app.core.errors import InvalidFile

MAX_SHOWN = 50  # problems as lines; --json prints them all


def shapes(
    folder: Annotated[Path, typer.Argument(help="Folder of the set; one begun is gone on with.")],
    count: Annotated[int, typer.Option("--count", help="Drawings.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Another one gives other drawings.")] = 0,
    source: Annotated[str, typer.Option(help="shapes, concepts or all.")] = "shapes",
    style: Annotated[
        list[str] | None,
        typer.Option("--style", help="A brush, marker_blue or marker_blue:#1d3fa6; repeatable."),
    ] = None,
    layout: Annotated[str, typer.Option(help="Of the table: csv, json or jsonl.")] = "csv",
    width: Annotated[int, typer.Option(help="In pixels.")] = 432,
    height: Annotated[int, typer.Option(help="In pixels.")] = 240,
    frames: Annotated[int, typer.Option("--num-frames", help="Of each clip.")] = 81,
    fps: Annotated[int, typer.Option(help="Frames a second.")] = 16,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Makes a synthetic set for learning to draw, plain or with brushes."""
    from videosketcher_app.services.shape_sets import ShapeSettings, make_shapes

    settings = ShapeSettings(
        seed=seed,
        source=source,
        styles=tuple(style or ()),
        layout=layout,
        width=width,
        height=height,
        num_frames=frames,
        fps=fps,
    )
    console = Console(quiet=quiet, as_json=as_json)
    report = make_shapes(folder, count, settings, told=_telling(console, "drawings"))
    value = {"output": str(report.table), "made": report.made, "kept": report.kept}
    console.result(value, f"{report.table}\nmade: {report.made}\nkept: {report.kept}")


def check(
    dataset: Annotated[
        Path, typer.Argument(help="A folder, table or style list, or a sketchbook's name.")
    ],
    name_map: Annotated[
        Path | None, typer.Option("--name-map", help="Words for {color} and {brush}.")
    ] = None,
    names_only: Annotated[
        bool, typer.Option("--names-only", help="Reads texts and names, decodes no clip.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Checks a dataset of any kind and says what to correct, by file, row and column."""
    from videosketcher_app.services.dataset_check import check_dataset

    console = Console(quiet=quiet, as_json=as_json)
    told = _telling(console, "clips")
    path = dataset if dataset.exists() else _named(dataset)
    report = check_dataset(path, name_map=name_map, decode=not names_only, told=told)
    lines = [str(problem) for problem in report.problems[:MAX_SHOWN]]
    if report.count > MAX_SHOWN:
        lines.append(f"... and {report.count - MAX_SHOWN:,} more; --json lists them.")
    kind = report.kind or "no dataset"
    count = f"{report.count} problem{'s' * (report.count != 1)}"
    lines.append(f"{path}: {kind}, {report.usable} usable, {count}")
    console.result(report.to_dict(), "\n".join(lines))
    if not report.is_good:
        raise Exit(InvalidFile.exit_code)


def books(as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Lists the sketchbooks of the workspace: datasets that were drawn or brought."""
    from videosketcher_app.services.sketchbooks import Sketchbooks

    console = Console(quiet=quiet, as_json=as_json)
    for book in Sketchbooks(_folder()).entries():
        value = {
            "name": book.name,
            "folder": str(book.folder),
            "sketches": len(book.sketches),
            "flaw": book.flaw,
        }
        sketches = f"{len(book.sketches)} sketch{'es' * (len(book.sketches) != 1)}"
        console.result(value, f"{book.name}: {book.flaw or sketches}")


def _folder() -> Path:
    """Where the workspace keeps its datasets."""
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.sketchbooks import FOLDER
    from videosketcher_app.storage.paths import Workspace

    return Workspace(load_settings().workspace).root / FOLDER


def _named(name: Path) -> Path:
    """The dataset of this name in the workspace; the name itself if there is none."""
    found = _folder() / name.name
    return found if len(name.parts) == 1 and found.is_dir() else name


def _telling(console: Console, what: str):
    """Says now and then how far it is."""

    def told(done: int, total: int) -> None:
        if done % max(1, total // 10) == 0 and total > 10:
            console.remark(f"{done:,} of {total:,} {what}")

    return told
