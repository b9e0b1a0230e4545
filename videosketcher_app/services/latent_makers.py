"""Makers of the rows of a set of latents: one clip, or one pair, at a time, whole or not at all.

A maker has the model loaded. Rows depend on nothing but their number, so that any process may make
any of them, again and in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from videosketcher_app.core.errors import InvalidFile, InvalidRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videosketcher_app.training.causal_parts import CausalParts
    from videosketcher_app.training.ode_pairs import PairSettings


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


@dataclass(frozen=True, kw_only=True)
class RowEnd:
    """How one row ended.

    Attributes:
        status: written now, there already, or left out.
        error: why it was left out.
    """

    status: Literal["made", "kept", "broken"]
    error: str = ""


class ClipMaker:
    """Encodes the clips of a dataset and their captions.

    Args:
        size: width, height and frames; zeros take the model's own.
        force: encodes again what is there, as a clip may have changed under its name.

    Raises:
        InvalidRequest: the size does not fit the model, or the folder was begun with other settings.
        CannotWrite: the folder cannot be written.
    """

    def __init__(
        self,
        items: Sequence[ClipItem],
        target: Path,
        parts: CausalParts,
        *,
        size: tuple[int, int, int],
        force: bool = False,
    ) -> None:
        from videosketcher_app.training.batches import Canvas
        from videosketcher_app.training.latents import TEXT_FOLDER, SetFacts, TextStore, start_set

        width, height, num_frames = (a or b for a, b in zip(size, parts.size, strict=True))
        _check_size(parts, width, height, num_frames)
        facts = SetFacts(
            kind="clips",
            encoders=parts.encoders,
            width=width,
            height=height,
            num_frames=num_frames,
        )
        start_set(target, facts)
        self._items, self._target, self._parts, self._force = items, target, parts, force
        self._canvas, self._num_frames = Canvas(width=width, height=height), num_frames
        self._texts = TextStore(target / TEXT_FOLDER)
        self._texts.keep(parts.negative_prompt, parts)

    def make(self, row: int) -> RowEnd:
        """Makes what is missing of a row.

        Raises:
            CannotWrite: the folder cannot be written.
        """
        from videosketcher_app.training.latents import is_made, row_path, write_row

        item, path = self._items[row], row_path(self._target, row)
        is_kept = not self._force and is_made(path, item.caption, item.name)
        if not is_kept:
            try:
                frames_THW3 = self._frames(item)
                latents_FChw = self._parts.encode_clip(frames_THW3).transpose(0, 1)
                write_row(path, latents_FChw, item.caption, item.name)
            except (InvalidFile, InvalidRequest) as error:
                path.unlink(missing_ok=True)  # of an earlier dataset
                return RowEnd(status="broken", error=error.message)
        self._texts.keep(item.caption, self._parts)
        return RowEnd(status="kept" if is_kept else "made")

    def close(self) -> None:
        """Nothing is open."""

    def _frames(self, item: ClipItem) -> NDArray[np.uint8]:
        frames = item.frames(self._canvas, self._num_frames)
        expected = (self._num_frames, self._canvas.height, self._canvas.width, 3)
        if frames.shape != expected:
            raise InvalidFile(
                f"The clip came as {frames.shape} instead of {expected}.",
                hint="Make or convert it again.",
            )
        return frames


class PairMaker:
    """Draws the paths of a teacher for prompts, which come again with other noise.

    Raises:
        InvalidRequest: the size does not fit the model, or the folder was begun with other settings.
        CannotWrite: the folder cannot be written.
    """

    def __init__(
        self, prompts: Sequence[str], target: Path, parts: CausalParts, settings: PairSettings
    ) -> None:
        from videosketcher_app.training.latents import TEXT_FOLDER, TextStore, start_set
        from videosketcher_app.training.ode_pairs import Teacher

        self._teacher = Teacher(parts, settings)
        start_set(target, settings.facts(parts))
        self._prompts, self._target, self._parts = prompts, target, parts
        self._texts = TextStore(target / TEXT_FOLDER)
        self._texts.keep(parts.negative_prompt, parts)

    def make(self, row: int) -> RowEnd:
        """Makes what is missing of a pair.

        Raises:
            CannotWrite: the folder cannot be written.
        """
        from videosketcher_app.training.latents import is_made, row_path, write_row

        prompt, source = self._prompts[row % len(self._prompts)], pair_name(row)
        path = row_path(self._target, row, 5)
        self._texts.keep(prompt, self._parts)
        if is_made(path, prompt, source):
            return RowEnd(status="kept")
        try:
            write_row(path, self._teacher.path(self._texts.read(prompt), row), prompt, source)
        except InvalidFile as error:
            return RowEnd(status="broken", error=error.message)
        return RowEnd(status="made")

    def close(self) -> None:
        """Nothing is open."""


def pair_name(row: int) -> str:
    """What a pair is called, in its file and in reports."""
    return f"pair {row}"


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
