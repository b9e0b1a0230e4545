"""A file of prompts drawn one after another, or spread over a cluster; `sketch` and `brush` use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.cli.cluster_flags import connection
from videosketcher_app.cli.console import Console

if TYPE_CHECKING:
    from videosketcher_app.services.batch import BatchEvent
    from videosketcher_app.services.scale_out.cluster import ClusterOptions

FAILED_PROMPTS = 1  # exit code


def draw_batch(
    console: Console,
    settings: Any,
    prompts_file: Path,
    fields: dict[str, Any],
    *,
    cluster: ClusterOptions | None,
    force: bool,
    gif: bool,
) -> int:
    """Draws every prompt of a file; returns the exit code.

    Args:
        fields: of every request but its prompt.
        cluster: draws there; None draws in this process.
    """
    from videosketcher_app.services.batch import read_prompts

    prompts = read_prompts(prompts_file)
    if cluster is None:
        drawing = _here(settings, prompts, fields, force=force, gif=gif)
    else:
        drawing = _on_cluster(settings, prompts, fields, cluster, force=force, gif=gif)
    with drawing as events:
        failed = sum(_show(console, event) for event in events)
    return FAILED_PROMPTS if failed else 0


@contextmanager
def _here(
    settings: Any, prompts: list[str], fields: dict[str, Any], *, force: bool, gif: bool
) -> Iterator[Iterator[BatchEvent]]:
    from videosketcher_app.services.batch import run_batch
    from videosketcher_app.services.container import build

    with build(settings) as services:
        yield run_batch(
            services.generation,
            prompts,
            _pinned(services.loras, fields),
            output_dir=settings.output_dir,
            force=force,
            gif=gif,
        )


@contextmanager
def _on_cluster(
    settings: Any,
    prompts: list[str],
    fields: dict[str, Any],
    cluster: ClusterOptions,
    *,
    force: bool,
    gif: bool,
) -> Iterator[Iterator[BatchEvent]]:
    from videosketcher_app.services.loras import library_of
    from videosketcher_app.services.scale_out.sketches import run_batch_on, sketch_recipe

    fields = _pinned(library_of(settings), fields)
    recipe = sketch_recipe(settings, prompts, fields, force=force, gif=gif)
    with connection(cluster) as connected:
        yield run_batch_on(connected, recipe)


def _pinned(loras: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """A changed file is another request: its prompts are drawn again."""
    from videosketcher_app.services.lora_requests import pinned

    return {**fields, "loras": pinned(loras, fields["loras"])} if "loras" in fields else fields


def _show(console: Console, event: BatchEvent) -> bool:
    """Shows one event; True if a prompt failed."""
    from dataclasses import asdict

    entry = event.entry
    if entry is None:
        return False
    told = f": {entry.error}" if entry.error else ""
    text = f"{entry.index}/{event.count} {entry.status} {entry.folder or entry.prompt}{told}"
    console.result(asdict(entry), text)
    return entry.status == "failed"
