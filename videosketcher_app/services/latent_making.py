"""Latents of datasets and paths of teachers, made once, one file a row; a set goes on by what it lacks.

Rows are shared out by number: with `rank` of `world` processes on one folder, each makes every
`world`-th row (on a Ray cluster, `scale_out.latents` hands them out one by one). A broken clip is
left out and named; the rest goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.services.latent_makers import (
    ClipItem,
    ClipMaker,
    PairMaker,
    RowEnd,
    pair_name,
)

if TYPE_CHECKING:
    from videosketcher_app.training.causal_parts import CausalParts
    from videosketcher_app.training.causal_recipe_config import CausalRun
    from videosketcher_app.training.ode_pairs import PairSettings

MAX_TOLD = 3  # so many broken clips are told when none can be used


@dataclass(frozen=True)
class Share:
    """Which rows a process makes."""

    rank: int = 0
    world: int = 1

    def rows(self, count: int) -> range:
        """Their numbers."""
        return range(self.rank, count, self.world)


@dataclass(kw_only=True)
class LatentReport:
    """What a run came to.

    Attributes:
        made: rows written now.
        kept: rows that were there already.
        broken: what was left out -> why.
    """

    made: int = 0
    kept: int = 0
    broken: dict[str, str] = field(default_factory=dict)


Told = Callable[[int, int], None]  # rows done, rows in all


def make_clip_latents(
    items: Sequence[ClipItem],
    target: Path,
    parts: CausalParts,
    *,
    size: tuple[int, int, int],
    share: Share | None = None,
    force: bool = False,
    told: Told | None = None,
) -> LatentReport:
    """Encodes a dataset's clips and captions; size and force as of `ClipMaker`.

    Raises:
        InvalidFile: no clip of the dataset can be used.
        InvalidRequest: the size does not fit the model, or the folder was begun with other settings.
        CannotWrite: the folder cannot be written.
    """
    share = share or Share()
    sweep_own(target, share)
    maker = ClipMaker(items, target, parts, size=size, force=force)
    drop_rows(target, len(items), share)
    rows = share.rows(len(items))
    ends = ((items[row].name, maker.make(row)) for row in rows)
    return report_of(ends, len(rows), told)


def make_ode_pairs(
    prompts: Sequence[str],
    target: Path,
    parts: CausalParts,
    settings: PairSettings,
    *,
    share: Share | None = None,
    told: Told | None = None,
) -> LatentReport:
    """Draws the paths of a teacher for prompts.

    Raises:
        InvalidRequest: there are no prompts, the size does not fit the model, or the folder was
            begun with other settings.
        CannotWrite: the folder cannot be written.
    """
    share = share or Share()
    rows = share.rows(num_pairs(prompts, settings))
    sweep_own(target, share)
    maker = PairMaker(prompts, target, parts, settings)
    return report_of(((pair_name(row), maker.make(row)) for row in rows), len(rows), told)


def make_for_run(dataset: Path, target: Path, parts: CausalParts, run: CausalRun) -> None:
    """The latents that a training run needs of a dataset; see `make_clip_latents`."""
    size = (run.width, run.height, run.num_frames)
    make_clip_latents(open_items(dataset), target, parts, size=size)


def open_items(dataset: Path) -> Sequence[ClipItem]:
    """The clips of a dataset of any kind.

    Raises:
        InvalidFile: there is no dataset, or nothing in it.
    """
    from videosketcher_app.data.open_dataset import open_dataset

    items = tuple(open_dataset(dataset).items)
    if not items:
        raise InvalidFile(f"{dataset} holds no drawing.", hint="Add some first.")
    return items


def read_captions(source: Path) -> list[str]:
    """Prompts of a file, or the captions of a dataset.

    Raises:
        InvalidFile: it cannot be read, or holds none.
    """
    from videosketcher_app.services.prompts_file import checked_prompts, read_prompts

    if source.is_dir():
        return checked_prompts([" ".join(item.caption.split()) for item in open_items(source)])
    return read_prompts(source)


def num_pairs(prompts: Sequence[str], settings: PairSettings) -> int:
    """How many pairs are asked for.

    Raises:
        InvalidRequest: there are no prompts.
    """
    if not prompts:
        raise InvalidRequest("There are no prompts.", hint="Give one prompt a line.")
    return settings.count or len(prompts)


def report_of(
    ends: Iterable[tuple[str, RowEnd]], num_rows: int, told: Told | None = None
) -> LatentReport:
    """What all rows came to; reading `ends`, names and how they ended, is what makes them.

    Raises:
        InvalidFile: not one row can be used.
    """
    report = LatentReport()
    for done, (name, end) in enumerate(ends, start=1):
        if end.status == "broken":
            report.broken[name] = end.error
        elif end.status == "kept":
            report.kept += 1
        else:
            report.made += 1
        if told:
            told(done, num_rows)
    if num_rows and not report.made + report.kept:
        why = "; ".join(f"{name}: {why}" for name, why in [*report.broken.items()][:MAX_TOLD])
        raise InvalidFile(f"No clip can be used. {why}", hint="Correct or replace the clips.")
    return report


def sweep_own(target: Path, share: Share) -> None:
    """Removes what a killed run left half-written, unless other processes are at work there."""
    from videosketcher_app.training.latents import sweep_set

    if share.world == 1:
        sweep_set(target)


def drop_rows(target: Path, count: int, share: Share | None = None) -> None:
    """Removes rows of clips that the dataset no longer has."""
    share = share or Share()
    for path in target.glob("*.safetensors"):
        if (
            path.stem.isdigit()
            and int(path.stem) >= count
            and int(path.stem) in share.rows(int(path.stem) + 1)
        ):
            path.unlink(missing_ok=True)
