"""Latents of datasets and paths of teachers, made once, one file a row; a set goes on by what it lacks.

Rows are shared out by number: with `rank` of `world` processes on one folder, each makes every
`world`-th row. A broken clip is left out and named; the rest goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from videosketcher_app.core.errors import InvalidFile, InvalidRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videosketcher_app.training.causal_parts import CausalParts
    from videosketcher_app.training.causal_recipe_config import CausalRun
    from videosketcher_app.training.ode_pairs import PairSettings

MAX_TOLD = 3  # so many broken clips are told when none can be used


class ClipItem(Protocol):
    """One clip of a dataset, as `data.open_dataset` gives it."""

    @property
    def name(self) -> str:
        """Of the clip within its dataset."""
        ...

    @property
    def caption(self) -> str:
        """Its prompt."""
        ...

    def frames(self, canvas: Any, num_frames: int) -> NDArray[np.uint8]:
        """The clip (T, H, W, 3) at a canvas's size."""
        ...


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
    """Encodes a dataset's clips and captions.

    Args:
        size: width, height and frames; zeros take the model's own.
        force: encodes again what is there, as a clip may have changed under its name.

    Raises:
        InvalidFile: no clip of the dataset can be used.
        InvalidRequest: the size does not fit the model, or the folder was begun with other settings.
        CannotWrite: the folder cannot be written.
    """
    from videosketcher_app.training.batches import Canvas
    from videosketcher_app.training.latents import SetFacts, is_made, row_path, start_set, write_row

    width, height, num_frames = (a or b for a, b in zip(size, parts.size, strict=True))
    _check_size(parts, width, height, num_frames)
    start_set(
        target,
        SetFacts(
            kind="clips",
            encoders=parts.encoders,
            width=width,
            height=height,
            num_frames=num_frames,
        ),
    )
    canvas, report, share = Canvas(width=width, height=height), LatentReport(), share or Share()
    _drop_rows(target, share, len(items))
    rows = share.rows(len(items))
    for done, row in enumerate(rows, start=1):
        item, path = items[row], row_path(target, row)
        try:
            if not force and is_made(path, item.caption, item.name):
                report.kept += 1
            else:
                frames_THW3 = _checked(item.frames(canvas, num_frames), width, height, num_frames)
                latents_FChw = parts.encode_clip(frames_THW3).transpose(0, 1)
                write_row(path, latents_FChw, item.caption, item.name)
                report.made += 1
        except (InvalidFile, InvalidRequest) as error:
            path.unlink(missing_ok=True)  # of an earlier dataset
            report.broken[item.name] = error.message
        if told:
            told(done, len(rows))
    _require_some(report, len(rows))
    _fill_texts(target, [items[row].caption for row in rows], parts)
    return report


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
        InvalidRequest: the size does not fit the model, or the folder was begun with other settings.
        CannotWrite: the folder cannot be written.
    """
    from videosketcher_app.training.latents import (
        TEXT_FOLDER,
        TextStore,
        is_made,
        row_path,
        start_set,
        write_row,
    )
    from videosketcher_app.training.ode_pairs import Teacher

    if not prompts:
        raise InvalidRequest("There are no prompts.", hint="Give one prompt a line.")
    teacher, report, share = Teacher(parts, settings), LatentReport(), share or Share()
    start_set(target, settings.facts(parts))
    texts = TextStore(target / TEXT_FOLDER)
    rows = share.rows(settings.count or len(prompts))
    for done, row in enumerate(rows, start=1):
        prompt, path, source = prompts[row % len(prompts)], row_path(target, row, 5), f"pair {row}"
        if is_made(path, prompt, source):
            report.kept += 1
        else:
            texts.fill([prompt], parts)
            try:
                write_row(path, teacher.path(texts.read(prompt), row), prompt, source)
                report.made += 1
            except InvalidFile as error:
                report.broken[source] = error.message
        if told:
            told(done, len(rows))
    _require_some(report, len(rows))
    texts.fill([parts.negative_prompt], parts)
    return report


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


def _check_size(parts: CausalParts, width: int, height: int, num_frames: int) -> None:
    import torch

    from videosketcher_app.core.geometry import latent_frames_of

    if num_frames % 4 != 1 or width % 8 or height % 8:
        raise InvalidRequest(
            f"A clip of {num_frames} frames of {width}x{height} px has no latents.",
            hint="Use 4n + 1 frames and sides that are multiples of 8.",
        )
    shape = (1, parts.wan.latent_channels, latent_frames_of(num_frames), height // 8, width // 8)
    parts.wan.check_latents(torch.empty(shape, device="meta"), "A clip")


def _checked(frames: NDArray[np.uint8], width: int, height: int, num_frames: int) -> Any:
    if frames.shape != (num_frames, height, width, 3):
        raise InvalidFile(
            f"The clip came as {frames.shape} instead of {(num_frames, height, width, 3)}.",
            hint="Make or convert it again.",
        )
    return frames


def _require_some(report: LatentReport, rows: int) -> None:
    if rows and not report.made + report.kept:
        told = "; ".join(f"{name}: {why}" for name, why in [*report.broken.items()][:MAX_TOLD])
        raise InvalidFile(f"No clip can be used. {told}", hint="Correct or replace the clips.")


def _drop_rows(target: Path, share: Share, count: int) -> None:
    """Removes rows of clips that the dataset no longer has."""
    for path in target.glob("*.safetensors"):
        if (
            path.stem.isdigit()
            and int(path.stem) >= count
            and int(path.stem) in share.rows(int(path.stem) + 1)
        ):
            path.unlink(missing_ok=True)


def _fill_texts(target: Path, captions: Iterable[str], parts: CausalParts) -> None:
    from videosketcher_app.training.latents import TEXT_FOLDER, TextStore

    TextStore(target / TEXT_FOLDER).fill([*captions, parts.negative_prompt], parts)
