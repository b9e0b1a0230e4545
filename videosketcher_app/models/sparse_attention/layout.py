"""Where frames and words lie in a sequence of tokens, and the order that makes time near.

A video model flattens its tokens frame by frame: token p of frame f is number f * P + p. A head that
looks at one place through time then attends far apart. In token-major order the same token is number
p * F + f, so that one place's frames are neighbours. Words keep their places in both orders.

Legend: B batch, N heads, L tokens, E head width, F latent frames, P tokens of a latent frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

TextPlace = Literal["none", "head", "tail"]


@dataclass(frozen=True, kw_only=True)
class TokenLayout:
    """A sequence of video tokens with words before, after, or elsewhere.

    Attributes:
        num_frames: latent frames.
        tokens_per_frame: patches of a latent frame.
        text_tokens: words in the sequence, padding included.
        text_at: before or after the video; "none" for models that read words by cross-attention.
        padding_tokens: of the words, those at the end that mean nothing. Only words after the video
            may be padded.
    """

    num_frames: int
    tokens_per_frame: int
    text_tokens: int = 0
    text_at: TextPlace = "none"
    padding_tokens: int = 0

    def __post_init__(self) -> None:
        assert min(self.num_frames, self.tokens_per_frame) > 0, self
        assert (self.text_tokens > 0) == (self.text_at != "none"), self
        assert 0 <= self.padding_tokens <= self.text_tokens, self
        assert self.padding_tokens == 0 or self.text_at == "tail", self

    @property
    def num_video_tokens(self) -> int:
        """Tokens of all latent frames."""
        return self.num_frames * self.tokens_per_frame

    @property
    def num_tokens(self) -> int:
        """Tokens of the whole sequence."""
        return self.num_video_tokens + self.text_tokens

    @property
    def video_start(self) -> int:
        """Place of the first video token."""
        return self.text_tokens if self.text_at == "head" else 0

    @property
    def video_end(self) -> int:
        """Place after the last video token."""
        return self.video_start + self.num_video_tokens

    def token_major_places(self, frame_major_L: Tensor) -> Tensor:
        """Where tokens, given by their frame-major places, lie in token-major order."""
        index = frame_major_L - self.video_start
        moved = index % self.tokens_per_frame * self.num_frames + index // self.tokens_per_frame
        return self._only_video(frame_major_L, moved)

    def frame_major_places(self, token_major_L: Tensor) -> Tensor:
        """The inverse of `token_major_places`."""
        index = token_major_L - self.video_start
        moved = index % self.num_frames * self.tokens_per_frame + index // self.num_frames
        return self._only_video(token_major_L, moved)

    def _only_video(self, places_L: Tensor, moved_L: Tensor) -> Tensor:
        if self.text_at == "none":
            return moved_L
        is_video = (places_L >= self.video_start) & (places_L < self.video_end)
        return torch.where(is_video, moved_L + self.video_start, places_L)


def gather_order(x_BNLE: Tensor, temporal_BN: Tensor, layout: TokenLayout) -> Tensor:
    """Temporal heads in token-major order, the others as they are; same shape, contiguous."""
    place_L = torch.arange(x_BNLE.shape[2], device=x_BNLE.device)
    return _taken(x_BNLE, temporal_BN, place_L, layout.frame_major_places(place_L))


def restore_order(x_BNLE: Tensor, temporal_BN: Tensor, layout: TokenLayout) -> Tensor:
    """Undoes `gather_order` exactly."""
    place_L = torch.arange(x_BNLE.shape[2], device=x_BNLE.device)
    return _taken(x_BNLE, temporal_BN, place_L, layout.token_major_places(place_L))


def _taken(x_BNLE: Tensor, temporal_BN: Tensor, place_L: Tensor, moved_L: Tensor) -> Tensor:
    """One gather for all heads, by indices that are computed: no head waits for the CPU."""
    batch, heads = temporal_BN.shape
    source_BNL = torch.where(temporal_BN[..., None], moved_L, place_L)
    batch_B11 = torch.arange(batch, device=place_L.device)[:, None, None]
    head_1N1 = torch.arange(heads, device=place_L.device)[None, :, None]
    return x_BNLE[batch_B11, head_1N1, source_BNL]
