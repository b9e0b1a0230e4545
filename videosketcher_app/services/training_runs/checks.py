"""What is looked at before a run may begin: one sentence for the first thing that is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core import faults
from videosketcher_app.core.errors import (
    CannotWrite,
    ForbiddenPath,
    InvalidRequest,
    MissingModel,
)
from videosketcher_app.services.loras import SUFFIX, LoraLibrary
from videosketcher_app.storage.paths import safe_join, safe_name

if TYPE_CHECKING:
    from videosketcher_app.training.style_request import StyleRunRequest

_MB = 1_000_000


def check_dataset(place: str, datasets: Path) -> Path:
    """The folder of a dataset: a sketchbook of the workspace by name, or any folder by its path.

    Raises:
        InvalidRequest: there is no such folder, or it holds too few sketches.
        InvalidFile: a sketch is damaged or has no caption; the sentence names it.
    """
    from videosketcher_app.training.style_data import read_drawings

    folder = _dataset_folder(place, datasets)
    read_drawings(folder)
    return folder


def check_name(name: str, taken_by_runs: Iterable[str], loras: LoraLibrary) -> None:
    """Whether a LoRA may have this name.

    Raises:
        ForbiddenPath: it cannot name a file.
        InvalidRequest: another run or LoRA has it.
    """
    safe_name(name + SUFFIX)
    if name.casefold() in {other.casefold() for other in taken_by_runs}:
        raise InvalidRequest(
            f"There is another training run named {name!r}.",
            hint="Choose another name, or go on with that run or remove it.",
        )
    if (loras.folder / (name + SUFFIX)).exists():
        raise InvalidRequest(
            f"There is a LoRA named {name!r} already.",
            hint="Choose another name, or remove that LoRA.",
        )


def check_model(name: str) -> None:
    """Whether a model can be trained on here.

    Raises:
        InvalidRequest: there is no such model.
        MissingModel: its weights are not on this disk.
        DamagedModel: they are not what the catalogue says.
    """
    from videosketcher_app.models.catalogue import verify_model

    verify_model(name)


def check_fit(model: str, preset: str) -> None:
    """Whether a preset teaches this model anything that it can learn.

    Raises:
        InvalidRequest: the preset teaches the first noise levels, and the model came with the app:
            it draws in a few steps, the order of drawing is in them, and they would blur (a vector
            style needs them: there it is decided what is filled); or the preset leaves these
            levels out, and the model draws in many steps.
    """
    from videosketcher_app.models.catalogue import model_row
    from videosketcher_app.training.style_preset import read_preset, studio_preset

    row, how = model_row(model), read_preset(preset)
    if row.family == "wan" and (how.kept_share or how.keep_plans):
        raise InvalidRequest(
            f"{model} draws in many steps, and this preset is for models that draw in a few.",
            hint=f"Take --config {studio_preset(by_brush=row.image_conditioned)}.",
        )
    if how.kept_share == 0 and not how.is_layered and row.comes_with_the_app:
        raise InvalidRequest(
            f"{model} knows how to draw step by step already.",
            hint="Learn a style, or choose a model of your own that does not know it.",
        )


def check_frames(model: str, dataset: Path, brush: str) -> None:
    """Whether a dataset can show a model what it draws by.

    Args:
        brush: as in `StyleRunRequest`.

    Raises:
        InvalidRequest: the model draws with a brush and these drawings show none; or a brush is
            given that nothing would be painted with.
    """
    from videosketcher_app.data.brushes.boxed import brush_called
    from videosketcher_app.data.layered import is_layered_set
    from videosketcher_app.data.sketchbook_index import is_sketchbook
    from videosketcher_app.models.catalogue import is_image_conditioned

    has_strokes, draws_by_brush = is_sketchbook(dataset), is_image_conditioned(model)
    if brush:
        brush_called(brush)
        if not draws_by_brush:
            raise InvalidRequest(
                f"{model} draws without a brush, so it cannot learn from drawings painted with "
                f"{brush!r}.",
                hint="Choose a model that draws with a brush, pocket-brush for example, or leave "
                "the brush out.",
            )
        if not has_strokes:
            raise InvalidRequest(
                f"Only the strokes of a sketchbook can be painted with a brush; {dataset.name!r} "
                "holds none.",
                hint="Leave the brush out, or choose a sketchbook.",
            )
    elif draws_by_brush and has_strokes:
        raise InvalidRequest(
            f"{model} learns from drawings that are painted with a brush; those of "
            f"{dataset.name!r} are strokes.",
            hint="Choose the brush to paint them with (--brush marker_blue), or a model that draws "
            "from text.",
        )
    elif draws_by_brush and is_layered_set(dataset):
        raise InvalidRequest(
            f"{model} learns from clips that begin with a brush box; the drawings of "
            f"{dataset.name!r} begin on blank paper.",
            hint="Bring a styled set, as `data shapes --style` makes them, or choose a model that "
            "draws from text.",
        )


def check_lora(name: str | None, loras: LoraLibrary) -> str | None:
    """The path of the LoRA to go on from: a name of the library, or a file.

    Raises:
        MissingModel: there is none.
    """
    if not name:
        return None
    path = loras.path_of(name).expanduser()
    if not path.exists():
        raise MissingModel(
            f"There is no LoRA {name[:80]!r} to go on from.",
            hint="See the names with `lora list`, or leave it out.",
        )
    return str(path.absolute())


def check_preset(name: str) -> tuple[str, int]:
    """A preset's name, or its absolute path; and the bytes that its samples may take on the disk.

    Raises:
        InvalidRequest: there is no such preset, or a value in it is impossible.
        InvalidFile: it cannot be read.
    """
    from videosketcher_app.training.style_preset import preset_names, read_preset

    preset = read_preset(name)
    place = name if name in preset_names() else str(Path(name).absolute())
    return place, preset.disk_budget_mb * _MB


def counted_steps(request: StyleRunRequest) -> int | None:
    """The steps that a request asks for, or the rounds of its preset in steps; None for the preset's.

    Counted once, so that the run's length stays when drawings are added meanwhile.

    Raises:
        InvalidRequest: the preset cannot be used, or the rounds are too many steps.
        InvalidFile: a drawing is damaged.
    """
    from videosketcher_app.training.style_data import num_steps_of
    from videosketcher_app.training.style_preset import read_preset

    preset = read_preset(request.preset)
    if request.num_steps is not None or not preset.epochs:
        return request.num_steps
    return replace(preset, num_steps=num_steps_of(request, preset)).num_steps


def check_room(folder: Path, model: str, samples_bytes: int) -> None:
    """Whether the disk has room for a run.

    The trained values, their average and the optimizer's two moments, there twice while a state is
    replaced, are together less than the weights that they adapt.

    Raises:
        CannotWrite: it has not.
    """
    from videosketcher_app.services.model_facts import facts_of

    faults.point("training_runs.room")
    needed = facts_of(model).memory_bytes + samples_bytes
    place = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise CannotWrite(
            f"A run needs up to {needed // _MB:,} MB on the disk and {free // _MB:,} MB are free.",
            hint="Free some space, or choose another workspace with VIDEOSKETCHER_WORKSPACE.",
        )


def _dataset_folder(place: str, datasets: Path) -> Path:
    try:
        named = safe_join(datasets, place)
    except ForbiddenPath:
        named = None
    if named is not None and named.is_dir():
        return named.absolute()
    try:
        folder = Path(place).expanduser().absolute()
        if place and folder.is_dir():
            return folder
    except (OSError, RuntimeError, ValueError):  # a name that no disk knows
        pass
    raise InvalidRequest(
        f"There is no dataset {place[:80]!r}.",
        hint="Choose a sketchbook of the Train tab by its name, or a folder.",
    )
