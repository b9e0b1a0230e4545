"""Course: what a block rollout follows on its way beside its plan: other words, and a video.

Words change between two blocks (`CausalDrawing.switch_prompt`). A video is drawn over zero-shot, as in
SDEdit (Meng et al. 2022) but block by block: a block begins as the video's latents of that moment, made
noisy, so that a strength of 1 is a drawing without a video.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.geometry import frames_of
from videosketcher_app.engines.causal_drawing import CausalDrawing, Estimate
from videosketcher_app.models.causal_wan import BLOCK_LATENT_FRAMES


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """What happens on the way.

    Attributes:
        switches: (frame, words): from the first block that begins at or after it.
        video_THW3: uint8 frames to draw over, of the canvas's size and the run's length.
        strength: how much of the video is drawn anew, in (0, 1].
    """

    switches: tuple[tuple[int, str], ...] = ()
    video_THW3: NDArray[np.uint8] | None = None
    strength: float = 1.0

    def words_at(self, frame: int, first: str) -> str:
        """The words of a block that begins at a frame, where the run began with `first`."""
        due = [(at, words) for at, words in self.switches if at <= frame]
        return max(due, key=lambda switch: switch[0])[1] if due else first

    def timesteps(self, timesteps: Sequence[float]) -> tuple[float, ...]:
        """The steps below the noise that a block begins with."""
        if self.video_THW3 is None:
            return tuple(timesteps)
        return timesteps_below(self.strength, timesteps)


def timesteps_below(strength: float, timesteps: Sequence[float]) -> tuple[float, ...]:
    """1000 times the strength, and those of the steps that are below it."""
    first = 1000 * strength
    return (first, *(timestep for timestep in timesteps if timestep < first))


class Following:
    """One drawing that follows a course.

    Args:
        words: that the drawing began with.
        first_frame: of the drawing, in the frames that the course counts.
    """

    def __init__(
        self, drawing: CausalDrawing, course: Course, words: str, *, first_frame: int = 0
    ) -> None:
        self.drawing = drawing
        self._course, self._begun_with, self._words = course, words, words
        self._first_frame = first_frame
        self._video: VideoStream | None = None
        if course.video_THW3 is not None:
            self._video = VideoStream(drawing, course.video_THW3[first_frame:])

    def draw(
        self, *, seed: int, timesteps: Sequence[float], cancel: CancelToken | None = None
    ) -> Generator[Estimate, None, None]:
        """`CausalDrawing.draw` under the words and over the video of this moment.

        Args:
            timesteps: of `Course.timesteps`.

        Raises:
            Cancelled: the token was raised.
        """
        drawing = self.drawing
        begin = frames_of(drawing.num_blocks * BLOCK_LATENT_FRAMES) if drawing.num_blocks else 0
        words = self._course.words_at(self._first_frame + begin, self._begun_with)
        if words != self._words:
            drawing.switch_prompt(words)
            self._words = words
        stop = begin + drawing.frames_in_next_block()
        over = None if self._video is None else self._video.latents_until(stop)
        yield from drawing.draw(seed=seed, timesteps=timesteps, cancel=cancel, over_BCFhw=over)


class VideoStream:
    """The latents of a video, block by block; no frame is encoded twice.

    Args:
        drawing: whose VAE encodes it.
    """

    def __init__(self, drawing: CausalDrawing, frames_THW3: NDArray[np.uint8]) -> None:
        self._drawing, self._frames_THW3 = drawing, frames_THW3
        self._until, self._state = 0, None

    def latents_until(self, stop: int) -> Tensor:
        """Latents (1, C, F, h, w) of the block that ends before frame `stop`; blocks go forward."""
        clip = clip_tensor(self._frames_THW3[self._until : stop])
        latents, self._state = self._drawing.encode_video(clip, self._state)
        self._until = stop
        return latents[:, :, -BLOCK_LATENT_FRAMES:]


def clip_tensor(frames_THW3: NDArray[np.uint8]) -> Tensor:
    """Frames as a model takes them: (1, 3, T, H, W) float32 in [-1, 1]."""
    clip = torch.from_numpy(np.ascontiguousarray(frames_THW3)).permute(3, 0, 1, 2)[None]
    return clip.float() / 127.5 - 1
