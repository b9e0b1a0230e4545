"""Stage: the model's side of one session, a cursor over the blocks of any path of its tree.

`goto` brings the model's memory to the end of a path: it rewinds as far as the paths agree, and
plays the rest from known latents, one clean pass a block. Where rewinding is not possible it plays
the path from its beginning. Either way the memory equals a fresh rollout bit for bit.

Runs on the compute worker only. Legend: T frames, H/W pixels, B batch, C channels.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.engines.thrift import Thrift
from videosketcher_app.services.codraw.blocks import Block, Clip, LatentShelf

if TYPE_CHECKING:
    from torch import Tensor

    from videosketcher_app.engines.causal_drawing import CausalDrawing, Estimate
    from videosketcher_app.engines.memory.modes import Mode
    from videosketcher_app.models.kv_cache import Window
    from videosketcher_app.models.pocket import PocketModel

# Three blocks behind the model's own window make an undo of a usual turn quick.
HISTORY_BLOCKS = 3
PEEK_BLOCKS = 2


def stage_bytes(
    model: PocketModel,
    *,
    width: int,
    height: int,
    thrift: Thrift | None = None,
    mode: Mode = "exact",
) -> int:
    """Bytes of one session's cache on a canvas of this size, and of what only its mode needs."""
    from videosketcher_app.engines.causal_modes import bytes_in_mode
    from videosketcher_app.models.causal_wan import causal_of

    _, _, *cells = model.latent_shape(1, height, width)
    page_bytes = causal_of(model).cache_shape(1, cells[0], cells[1]).page_bytes
    return page_bytes * _num_pages(window_of(thrift or Thrift())) + bytes_in_mode(model, mode)


class Stage:
    """One session's memory of the model.

    Args:
        words: that the model reads first.
        shelf: where latents are found and kept.
        thrift: what it may take; None is all that the model was made for.
        mode: of speed.
    """

    def __init__(
        self,
        model: PocketModel,
        words: str,
        shelf: LatentShelf,
        *,
        width: int,
        height: int,
        num_inference_steps: int | None = None,
        thrift: Thrift | None = None,
        mode: Mode = "exact",
    ) -> None:
        from videosketcher_app.engines.autoregressive import timesteps_for
        from videosketcher_app.engines.causal_drawing import CausalDrawing

        self._shelf, self._words = shelf, words
        thrift = thrift or Thrift()
        window = window_of(thrift)
        self._timesteps = timesteps_for(model, num_inference_steps)
        self._drawing = CausalDrawing(
            model,
            words,
            width=width,
            height=height,
            window=window,
            num_pages=_num_pages(window),
            decode_frames=thrift.decode_frames,
            mode=mode,
        )
        self._blank_HW3 = np.full((height, width, 3), 255, np.uint8)
        self._at: list[Block] = []
        self._switches: list[int] = []  # numbers of blocks before which the words changed

    @property
    def num_bytes(self) -> int:
        """Bytes of the cache, all preallocated."""
        return self._drawing.num_bytes

    @property
    def facts(self) -> Mapping[str, str]:
        """What it draws with, in words, where the mode decides that."""
        return self._drawing.facts

    @property
    def num_steps(self) -> int:
        """Denoising steps of a block."""
        return len(self._timesteps)

    def goto(self, path: Sequence[Block], words: str, cancel: CancelToken | None = None) -> None:
        """Brings the memory to the end of the path, ready to draw with these words.

        Raises:
            Cancelled: between two blocks; the memory is at one of them.
        """
        common = 0
        while common < min(len(path), len(self._at)) and path[common] is self._at[common]:
            common += 1
        if not self._rewind(common, path[common].words if common < len(path) else words):
            self._restart()
            common = 0
        for block in path[common:]:
            if cancel is not None:
                cancel.raise_if_cancelled()
            self._say(block.words)
            self._play(self._drawing, block)
            self._at.append(block)
        self._say(words)

    def draw(
        self, block: Block, *, seed: int, cancel: CancelToken
    ) -> Generator[Estimate, None, Clip]:
        """Draws the next block and keeps it as `block`; returns its frames (T, H, W, 3).

        Raises:
            Cancelled: the memory is as it was before.
        """
        over, timesteps = self._begun_over(block)
        latents_CFhw, frames_THW3 = yield from _drawn(
            self._drawing, seed=seed, timesteps=timesteps, cancel=cancel, over=over
        )
        self._shelf.put(block, latents_CFhw)
        self._at.append(block)
        return frames_THW3

    def peek(
        self, shown: Sequence[Block], num_blocks: int, *, seed: int, cancel: CancelToken
    ) -> Generator[Estimate, None, tuple[Clip, Clip]]:
        """What `draw` would come to after these blocks, on a fork that is closed at the end.

        Returns its frames (T, H, W, 3) and, like `seen`, the frame (H, W, 3) before them.
        """
        branch, clips = self._drawing.fork(), []
        try:
            for block in shown:
                self._play(branch, block)
            seen_HW3 = self._latest(branch)
            for _ in range(num_blocks):
                _, frames_THW3 = yield from _drawn(
                    branch, seed=seed, timesteps=self._timesteps, cancel=cancel
                )
                clips.append(frames_THW3)
        finally:
            branch.close()
        return np.concatenate(clips), seen_HW3

    def seen(self) -> Clip:
        """The latest frame (H, W, 3) as the decoder makes it; white paper at the beginning."""
        return self._latest(self._drawing)

    def settle(self) -> None:
        """Does now what would delay the next block."""
        self._drawing.settle()

    def close(self) -> None:
        """Gives the memory back."""
        self._drawing.close()
        self._at, self._switches = [], []

    def _latest(self, drawing: CausalDrawing) -> Clip:
        from videosketcher_app.engines.text import to_frames

        latest_BCHW = drawing.latest_frame_BCHW
        if latest_BCHW is None:
            return self._blank_HW3
        return to_frames(latest_BCHW[:, :, None])[0][0]

    def _play(self, drawing: CausalDrawing, block: Block) -> None:
        latents_CFhw = self._shelf.get(block)
        if latents_CFhw is not None:
            import torch

            latents_BCFhw = torch.from_numpy(latents_CFhw)[None].to(drawing.device)
            drawing.show_latents(latents_BCFhw)
            return
        assert block.shown is not None
        frames_THW3, before_THW3 = block.shown()
        before = None if before_THW3 is None else _clip(before_THW3)
        latents_BCFhw = drawing.show(_clip(frames_THW3), before)
        self._shelf.put(block, latents_BCFhw[0].cpu().numpy())

    def _begun_over(self, block: Block) -> tuple[Tensor | None, tuple[float, ...]]:
        """Latents (1, C, F, h, w) of the video below a block, and the steps from there."""
        if block.over is None:
            return None, self._timesteps
        from videosketcher_app.engines.course import timesteps_below

        frames_THW3, before_THW3 = block.over.part(block.start, block.stop)
        state = None
        if self._drawing.num_blocks:  # the first block of all begins with a single frame
            _, state = self._drawing.encode_video(_clip(before_THW3), None)
        latents, _ = self._drawing.encode_video(_clip(frames_THW3), state)
        return latents, timesteps_below(block.over.strength, self._timesteps)

    def _rewind(self, num_blocks: int, words: str) -> bool:
        """Back to the first blocks, if that leaves what a fresh rollout would have left."""
        # Changed words recache the window: what was before them is not there any more.
        for switch in self._switches:
            if switch > num_blocks or (switch == num_blocks and words != self._words):
                return False
        if not self._drawing.can_rewind(num_blocks):
            return False
        self._drawing.rewind(num_blocks)
        del self._at[num_blocks:]
        return True

    def _restart(self) -> None:
        self._drawing.close()
        self._at, self._switches = [], []

    def _say(self, words: str) -> None:
        if words == self._words:
            return
        if self._at:
            self._switches.append(len(self._at))
        self._drawing.switch_prompt(words)
        self._words = words


def _drawn(
    drawing: CausalDrawing,
    *,
    seed: int,
    timesteps: Sequence[float],
    cancel: CancelToken,
    over: Tensor | None = None,
) -> Generator[Estimate, None, tuple[NDArray[np.float32], Clip]]:
    """Draws a block: its latents (C, F, h, w) and frames (T, H, W, 3)."""
    from videosketcher_app.engines.text import to_frames

    frames, latents = None, None
    steps = drawing.draw(seed=seed, timesteps=timesteps, cancel=cancel, over_BCFhw=over)
    for estimate in steps:
        latents, frames = estimate.latents_BCFhw, estimate.frames_BCTHW
        yield estimate
    assert frames is not None
    assert latents is not None
    return latents[0].float().cpu().numpy(), to_frames(frames)[0]


def _clip(frames_THW3: Clip) -> Tensor:
    from videosketcher_app.engines.course import clip_tensor

    return clip_tensor(frames_THW3)


def window_of(thrift: Thrift, history_blocks: int = HISTORY_BLOCKS) -> Window:
    """What a block looks back on, and what undo finds behind it."""
    from videosketcher_app.engines.causal_drawing import DEFAULT_WINDOW

    return replace(DEFAULT_WINDOW, blocks=thrift.window_blocks, history_blocks=history_blocks)


def _num_pages(window: Window) -> int:
    """Pages of one session: its own, and those of the fork behind the onion skin."""
    return window.num_pages + PEEK_BLOCKS + window.sink_blocks + 1
