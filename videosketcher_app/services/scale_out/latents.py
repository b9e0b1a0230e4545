"""Latents and ODE pairs made on a cluster: the very makers that one process uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.services.latent_makers import ClipMaker, PairMaker, RowEnd, pair_name
from videosketcher_app.services.latent_making import (
    LatentReport,
    Share,
    Told,
    drop_rows,
    num_pairs,
    open_items,
    report_of,
    sweep_own,
)
from videosketcher_app.services.scale_out.work import Outcome

if TYPE_CHECKING:
    from videosketcher_app.services.scale_out.cluster import Cluster
    from videosketcher_app.training.causal_parts import CausalParts
    from videosketcher_app.training.ode_pairs import PairSettings


@dataclass(frozen=True, kw_only=True)
class ClipRecipe:
    """How the clips of a dataset are encoded; see `ClipMaker`.

    Attributes:
        model: name in the catalogue, or a path.
    """

    dataset: Path
    target: Path
    model: str
    size: tuple[int, int, int]
    force: bool = False

    def open(self, device: str) -> ClipMaker:
        """Loads the model and opens the dataset."""
        parts = _parts_of(self.model, self.target, device)
        return ClipMaker(
            open_items(self.dataset), self.target, parts, size=self.size, force=self.force
        )


@dataclass(frozen=True, kw_only=True)
class PairRecipe:
    """How pairs are drawn; see `PairMaker`.

    Attributes:
        model: the teacher of the settings, or the path where every machine finds it.
    """

    prompts: tuple[str, ...]
    target: Path
    settings: PairSettings
    model: str

    def open(self, device: str) -> PairMaker:
        """Loads the teacher."""
        parts = _parts_of(self.model, self.target, device)
        return PairMaker(self.prompts, self.target, parts, self.settings)


def make_clip_latents_on(
    cluster: Cluster, recipe: ClipRecipe, told: Told | None = None
) -> LatentReport:
    """As `make_clip_latents`, on a cluster.

    Raises:
        InvalidFile: no clip of the dataset can be used.
        AppError: see `Cluster.outcomes`.
    """
    names = [item.name for item in open_items(recipe.dataset)]
    sweep_own(recipe.target, Share())
    drop_rows(recipe.target, len(names))
    outcomes = cluster.outcomes(recipe, range(len(names)), folder=recipe.target)
    ends = ((names[outcome.item], _end_of(outcome)) for outcome in outcomes)
    return report_of(ends, len(names), told)


def make_ode_pairs_on(
    cluster: Cluster, recipe: PairRecipe, told: Told | None = None
) -> LatentReport:
    """As `make_ode_pairs`, on a cluster.

    Raises:
        InvalidRequest: there are no prompts.
        AppError: see `Cluster.outcomes`.
    """
    count = num_pairs(recipe.prompts, recipe.settings)
    sweep_own(recipe.target, Share())
    outcomes = cluster.outcomes(recipe, range(count), folder=recipe.target)
    return report_of(_named_pairs(outcomes), count, told)


def _named_pairs(outcomes: Iterator[Outcome]) -> Iterator[tuple[str, RowEnd]]:
    return ((pair_name(outcome.item), _end_of(outcome)) for outcome in outcomes)


def _end_of(outcome: Outcome) -> RowEnd:
    return RowEnd(status="broken", error=outcome.error) if outcome.error else outcome.value


def _parts_of(model: str, target: Path, device: str) -> CausalParts:
    from videosketcher_app.training.causal_parts import load_parts

    return load_parts(model, target / "converted", device)
