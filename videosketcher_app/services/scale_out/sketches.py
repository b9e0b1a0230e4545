"""A batch of sketches on a cluster: each worker draws as `run_batch` does, prompt by prompt."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.settings import AppSettings, load_settings
from videosketcher_app.services.batch import (
    BatchEntry,
    BatchEvent,
    Summary,
    check_settings,
    destination_of,
    earlier_folders,
    failed_entry,
    prompt_events,
)
from videosketcher_app.services.container import Services, build
from videosketcher_app.storage import atomic

if TYPE_CHECKING:
    from videosketcher_app.services.scale_out.cluster import Cluster

# What decides how a drawing is made and where it goes. Keys stay out: a worker reads its own.
_SENT = ("memory_gb", "offline", "refine_backend", "openai_base_url", "llm_model")


@dataclass(frozen=True, kw_only=True)
class SketchRecipe:
    """How the prompts of a batch are drawn; an item is a prompt's place, from 1.

    Attributes:
        fields: of every request but its prompt.
        settings: of the app, as `load_settings` takes them.
        force: draws again what is finished.
    """

    prompts: tuple[str, ...]
    fields: Mapping[str, Any]
    settings: Mapping[str, Any]
    output_dir: Path
    force: bool = False
    gif: bool = False

    def open(self, device: str) -> SketchMaker:
        """Builds the services; the first drawing loads its model, which then stays."""
        settings = load_settings(**self.settings, device=device)
        return SketchMaker(self, build(settings, keeps_history=False))


class SketchMaker:
    """Draws prompts of a batch."""

    def __init__(self, recipe: SketchRecipe, services: Services) -> None:
        self._recipe, self._services = recipe, services
        self._earlier = {} if recipe.force else earlier_folders(recipe.output_dir)

    def make(self, index: int) -> BatchEntry:
        """Draws one prompt.

        Raises:
            AppError: what would stop every prompt.
        """
        recipe = self._recipe
        events = prompt_events(
            self._services.generation,
            index,
            {**recipe.fields, "prompt": recipe.prompts[index - 1]},
            self._earlier.get(index, ()),
            destination=destination_of(index, recipe.output_dir, gif=recipe.gif),
        )
        return next(event for event in events if isinstance(event, BatchEntry))

    def close(self) -> None:
        """Frees the model."""
        self._services.close()


def sketch_recipe(
    settings: AppSettings,
    prompts: list[str],
    fields: Mapping[str, Any],
    *,
    force: bool = False,
    gif: bool = False,
) -> SketchRecipe:
    """The recipe of a batch into the output folder of the settings."""
    output_dir = settings.output_dir.absolute()
    sent = {name: getattr(settings, name) for name in _SENT}
    places = {"workspace": settings.workspace.absolute(), "output_dir": output_dir}
    return SketchRecipe(
        prompts=tuple(prompts),
        fields=dict(fields),
        settings={**sent, **places},
        output_dir=output_dir,
        force=force,
        gif=gif,
    )


def run_batch_on(cluster: Cluster, recipe: SketchRecipe) -> Generator[BatchEvent, None, None]:
    """As `run_batch`, on a cluster: entries come as prompts end, the summary is in their order.

    Raises:
        AppError: what would stop every prompt, and see `Cluster.outcomes`.
    """
    check_settings(recipe.fields)
    count = len(recipe.prompts)
    summary = Summary(recipe.output_dir, total=count)
    atomic.sweep_leftovers(recipe.output_dir)
    try:
        items = range(1, count + 1)
        for outcome in cluster.outcomes(recipe, items, folder=recipe.output_dir):
            index, entry = outcome.item, outcome.value
            if outcome.error:
                entry = failed_entry(index, recipe.prompts[index - 1], outcome.error)
            summary.add(entry)
            yield BatchEvent(index=index, count=count, entry=entry)
    finally:
        summary.write_if_new()
