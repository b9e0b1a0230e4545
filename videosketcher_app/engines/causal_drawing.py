"""CausalDrawing: a picture that a causal model and a person draw by turns, block by block.

It joins the rollout over latents with the VAE's two streams: no block is decoded twice, and what a
person shows is encoded once.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import TEMPORAL_STRIDE
from videosketcher_app.engines.causal_modes import parts_in_mode, region_in_mode, window_in_mode
from videosketcher_app.engines.finite import require_finite
from videosketcher_app.engines.memory.modes import Mode
from videosketcher_app.engines.rollout import DENOISING_STEPS, BlockRollout, block_noise
from videosketcher_app.models.kv_cache import Window
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.vae import StreamState

# Seven blocks are what the causal models learned to look back on; the first one stays.
DEFAULT_WINDOW = Window(blocks=7, sink_blocks=1)
# After so many frames the encoder's memory no longer depends on what was before them.
WARM_UP_FRAMES = 1 + 2 * TEMPORAL_STRIDE


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """A block after one of its denoising steps.

    Attributes:
        step: denoising steps done, from 1.
        frames_BCTHW: in [-1, 1]; only of the last step, when the block is finished.
    """

    block: int
    step: int
    latents_BCFhw: Tensor
    frames_BCTHW: Tensor | None = None


@dataclass(frozen=True, eq=False)
class _Mark:
    """Where the VAE's streams stand after a block.

    Attributes:
        encoder: None if the encoder has not seen the latest frames.
        tail_BCTHW: the latest frames, for an encoder that has to catch up.
        latest_BCHW: the latest frame as decoded.
    """

    decoder: StreamState | None = None
    encoder: StreamState | None = None
    tail_BCTHW: Tensor | None = None
    latest_BCHW: Tensor | None = None


class CausalDrawing:
    """One drawing in progress. Not for several threads at once.

    Args:
        prompt: what the text encoder reads.
        num_pages: of the KV cache, when branches need more than the window.
        decode_frames: latent frames that are decoded at once, for less memory and the same pixels;
            None is a whole block.
        mode: of speed, see causal_modes.py.

    Attributes:
        facts: what it is made with, in words, where the mode decides that.
    """

    def __init__(
        self,
        model: PocketModel,
        prompt: str,
        *,
        width: int,
        height: int,
        window: Window = DEFAULT_WINDOW,
        num_pages: int | None = None,
        decode_frames: int | None = None,
        mode: Mode = "exact",
    ) -> None:
        parts = parts_in_mode(model, mode)
        self._model, self._causal, self._vae = model, parts.causal, parts.vae
        self.facts = parts.facts
        self._decode_frames = decode_frames or self._causal.block_frames
        _, _, *cells = model.latent_shape(1, height, width)
        self._cells = (cells[0], cells[1])
        cache = self._causal.new_cache(
            self._causal.cache_shape(1, *self._cells),
            window_in_mode(window, mode),
            num_pages=num_pages,
        )
        region = region_in_mode(self._causal, mode)
        self._rollout = BlockRollout(self._causal, cache, self._words(prompt), region)
        self._marks: dict[int, _Mark] = {0: _Mark()}

    @property
    def num_blocks(self) -> int:
        """Complete blocks, drawn and shown."""
        return self._rollout.num_blocks

    @property
    def num_bytes(self) -> int:
        """Bytes of the cache's preallocated pages, those of branches included."""
        return self._rollout.cache.pool.num_bytes

    def held_bytes(self) -> int:
        """Bytes of the pages that this drawing holds, those shared with branches included."""
        return self._rollout.cache.num_bytes

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._model.device

    @property
    def latest_frame_BCHW(self) -> Tensor | None:
        """The latest frame in [-1, 1] as decoded, drawn or shown; None at the beginning."""
        latest = self._marks[self.num_blocks].latest_BCHW
        return None if latest is None else latest.float()

    def frames_in_next_block(self) -> int:
        """9 in the first block, since its first latent frame is a single frame; then 12."""
        frames = self._causal.block_frames * TEMPORAL_STRIDE
        return frames if self.num_blocks else frames - TEMPORAL_STRIDE + 1

    @torch.inference_mode()
    def draw(
        self,
        *,
        seed: int,
        timesteps: Sequence[float] = DENOISING_STEPS,
        cancel: CancelToken | None = None,
        over_BCFhw: Tensor | None = None,
    ) -> Generator[Estimate, None, None]:
        """Draws one block; the last estimate carries its frames.

        Whoever stops before that, by the token or by closing the iterator, finds the drawing as it
        was before the block.

        Args:
            over_BCFhw: latents of a video to draw over; the first timestep says how noisy they
                become, None begins with noise alone.

        Raises:
            Cancelled: the token was raised.
            OutOfMemory: branches hold all pages of the cache.
        """
        block, causal = self.num_blocks, self._causal
        shape = (1, causal.latent_channels, causal.block_frames, *self._cells)
        noise = block_noise(seed, block, shape, len(timesteps), causal.device)
        if over_BCFhw is not None:
            sigma = causal.sigma_of(timesteps[0])
            noisy = (1 - sigma) * over_BCFhw.to(noise.first_BCFhw) + sigma * noise.first_BCFhw
            noise = replace(noise, first_BCFhw=noisy)
        with closing(self._rollout.draw(noise, timesteps)) as steps:
            for step, clean in enumerate(steps, 1):
                if cancel is not None and cancel.cancelled:
                    self._rollout.rewind(block)
                    cancel.raise_if_cancelled()
                frames = None
                if step == len(timesteps):  # looked at once: what is no number stays none
                    require_finite(clean, step=step, num_steps=step)
                    frames = self._decoded(clean)
                yield Estimate(block=block, step=step, latents_BCFhw=clean, frames_BCTHW=frames)

    @torch.inference_mode()
    def show(self, frames_BCTHW: Tensor, before_BCTHW: Tensor | None = None) -> Tensor:
        """The next blocks are these frames in [-1, 1]; returns their latents (B, C, F, h, w).

        Args:
            before_BCTHW: what a person saw before them, at least WARM_UP_FRAMES frames of the form
                4n + 1; None takes the frames that were decoded.

        Raises:
            InvalidRequest: they are not whole blocks.
        """
        count, first = frames_BCTHW.shape[2], self.frames_in_next_block()
        each = self._causal.block_frames * TEMPORAL_STRIDE
        if count < first or (count - first) % each:
            raise InvalidRequest(
                f"{count} frames are not whole blocks.",
                hint=f"Show {first} frames, or {each} more at a time.",
            )
        clip = frames_BCTHW.to(self._model.device, self._model.dtype)
        latents, encoder = self._vae.encode_stream(clip, self._encoder_state(before_BCTHW))
        self.show_latents(latents.float())
        mark = self._marks[self.num_blocks]
        tail = clip[:, :, -WARM_UP_FRAMES:]
        self._marks[self.num_blocks] = replace(mark, encoder=encoder, tail_BCTHW=tail)
        return latents.float()

    @torch.inference_mode()
    def show_latents(self, latents_BCFhw: Tensor) -> Tensor:
        """The next blocks are these latents; returns their frames (B, 3, T, H, W) in [-1, 1]."""
        frames = []
        for block_BCFhw in latents_BCFhw.split(self._causal.block_frames, dim=2):
            self._rollout.observe(block_BCFhw)
            frames.append(self._decoded(block_BCFhw))
        return torch.cat(frames, dim=2)

    @torch.inference_mode()
    def encode_video(
        self, frames_BCTHW: Tensor, state: StreamState | None
    ) -> tuple[Tensor, StreamState]:
        """Latents (B, C, F, h, w) of frames in [-1, 1] that are not part of the drawing.

        Args:
            state: behind the frames before them, as returned for those; None at the beginning.
        """
        clip = frames_BCTHW.to(self._model.device, self._model.dtype)
        latents, after = self._vae.encode_stream(clip, state)
        return latents.float(), after

    @torch.inference_mode()
    def settle(self) -> None:
        """Does now what would delay the next block; for while nobody waits."""
        self._rollout.settle()

    def can_rewind(self, num_blocks: int) -> bool:
        """Whether the window and its history reach back so far."""
        return num_blocks in self._marks and self._rollout.can_rewind(num_blocks)

    @torch.inference_mode()
    def rewind(self, num_blocks: int) -> None:
        """Back to the first blocks; what is drawn then is drawn as if the rest had never been."""
        assert self.can_rewind(num_blocks), (num_blocks, self.num_blocks)
        self._rollout.rewind(num_blocks)
        self._marks = {n: mark for n, mark in self._marks.items() if n <= num_blocks}

    @torch.inference_mode()
    def fork(self) -> CausalDrawing:
        """A branch that shares its past with this drawing."""
        branch = copy(self)
        branch._rollout = self._rollout.fork()
        branch._marks = dict(self._marks)
        return branch

    @torch.inference_mode()
    def switch_prompt(self, prompt: str) -> None:
        """From the next block on other words, with the drawing in the window seen under them."""
        self._rollout.switch_prompt(self._words(prompt))

    def close(self) -> None:
        """Gives the cache's pages back."""
        self._rollout.close()
        self._marks = {0: _Mark()}

    def _words(self, prompt: str) -> Sequence[tuple[Tensor, Tensor]]:
        with torch.inference_mode():
            return self._causal.prompt_keys(self._model.encode_prompts([prompt]))

    def _decoded(self, latents_BCFhw: Tensor) -> Tensor:
        """Frames of the block that was just completed, and the mark behind it."""
        before = self._marks[self.num_blocks - 1]
        decoder, pieces = before.decoder, []
        for piece_BCFhw in latents_BCFhw.to(self._model.dtype).split(self._decode_frames, dim=2):
            piece, decoder = self._vae.decode_stream(piece_BCFhw, decoder)
            pieces.append(piece)
        frames = torch.cat(pieces, dim=2)
        recent = [frames] if before.tail_BCTHW is None else [before.tail_BCTHW, frames]
        tail = torch.cat(recent, dim=2)[:, :, -WARM_UP_FRAMES:]
        self._marks[self.num_blocks] = _Mark(decoder, None, tail, frames[:, :, -1].clone())
        reachable = filter(self._rollout.can_rewind, self._marks)
        self._marks = {count: self._marks[count] for count in reachable}
        return frames.float()

    def _encoder_state(self, before_BCTHW: Tensor | None) -> StreamState | None:
        mark = self._marks[self.num_blocks]
        if mark.encoder is not None or mark.tail_BCTHW is None:
            return mark.encoder
        before = mark.tail_BCTHW
        if before_BCTHW is not None:
            before = before_BCTHW.to(before)
        return self._vae.encode_stream(before, None)[1]
