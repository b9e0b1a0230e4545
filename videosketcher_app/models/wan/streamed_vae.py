"""Wan's VAE fed piece by piece, as co-drawing needs it: pieces equal the whole clip.

diffsynth's VAE works one latent frame at a time already, over a table of what its causal
convolutions remember, but empties that table with every call. Here the caller holds the table, so
that several drawings, and branches of one, share a VAE.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells.
"""

from __future__ import annotations

from typing import Any

import torch
from diffsynth.models.wan_video_vae import CausalConv3d, WanVideoVAE
from torch import Tensor, nn

from videosketcher_app.models.preview_decoder import PreviewDecoder
from videosketcher_app.models.vae import StreamState
from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder

_FRAMES_A_LATENT = 4


class StreamedWanVae(nn.Module):
    """The VAE of a pipeline with the methods of Pocket's; its weights are shared.

    Args:
        fast_decoder: decodes in place of the VAE's own decoder, equal but for rounding.
    """

    def __init__(self, vae: WanVideoVAE, fast_decoder: ChannelsLastDecoder | None = None) -> None:
        super().__init__()
        self.whole, self.fast_decoder = vae, fast_decoder

    def encode(self, frames_BCTHW: Tensor) -> Tensor:
        """Normalised latents (B, C, F, h, w) of clips (B, 3, T, H, W) in [-1, 1]."""
        return self.encode_stream(frames_BCTHW, None)[0]

    def encode_stream(
        self, frames_BCTHW: Tensor, state: StreamState | None
    ) -> tuple[Tensor, StreamState]:
        """Encodes the next frames of a clip.

        Args:
            frames_BCTHW: in [-1, 1]; 4k + 1 frames to start a clip, then 4k.
            state: what the call before returned, which stays as it is; None starts a clip.

        Returns:
            normalised latents (B, C, F, h, w), and the state for the next call.
        """
        network: Any = self.whole.model
        begun = state is not None
        memory = _memory(network.encoder, state)
        first = [] if begun else [frames_BCTHW[:, :, :1]]
        rest = frames_BCTHW if begun else frames_BCTHW[:, :, 1:]
        assert rest.shape[2] % _FRAMES_A_LATENT == 0, "a clip ends with a latent frame"
        pieces = [*first, *rest.split(_FRAMES_A_LATENT, dim=2)] if rest.shape[2] else first
        found = [network.encoder(x, feat_cache=memory, feat_idx=[0])[0] for x in pieces]
        mean, _ = network.conv1(torch.cat(found, dim=2)).chunk(2, dim=1)
        center, inverse = self._scale(mean)
        return (mean - center) * inverse, memory

    def decode(self, latents_BCFhw: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) in [-1, 1]."""
        return self.decode_stream(latents_BCFhw, None)[0]

    def decode_stream(
        self, latents_BCFhw: Tensor, state: StreamState | None
    ) -> tuple[Tensor, StreamState]:
        """Decodes the next latent frames of a clip: the first gives one frame, others four.

        Args:
            state: what the call before returned, which stays as it is; None starts a clip.
        """
        if self.fast_decoder is not None:
            return self.fast_decoder.decode_stream(latents_BCFhw, state)
        network: Any = self.whole.model
        memory = _memory(network.decoder, state)
        center, inverse = self._scale(latents_BCFhw)
        x = network.conv2(latents_BCFhw / inverse + center)
        frames = [network.decoder(f, feat_cache=memory, feat_idx=[0])[0] for f in x.split(1, dim=2)]
        return torch.cat(frames, dim=2).clamp(-1, 1), memory

    def _scale(self, like: Tensor) -> tuple[Tensor, Tensor]:
        center, inverse = (part.to(like).view(1, -1, 1, 1, 1) for part in self.whole.scale)
        return center, inverse


class QuicklyDecodedVae:
    """The same encoder, with frames from the tiny decoder: quick and rough.

    Args:
        vae: whose encoder reads what a person draws.
    """

    def __init__(self, vae: StreamedWanVae, decoder: PreviewDecoder) -> None:
        self.encode, self.encode_stream = vae.encode, vae.encode_stream
        self._decoder = decoder

    def decode_stream(
        self, latents_BCFhw: Tensor, state: StreamState | None
    ) -> tuple[Tensor, StreamState]:
        """As `StreamedWanVae.decode_stream`, in the latents' number format."""
        frames, state = self._decoder.decode_stream(latents_BCFhw, state)
        return frames.to(latents_BCFhw.dtype), state


def _memory(tower: nn.Module, state: StreamState | None) -> StreamState:
    """A copy of the table, since the tower writes into it; an empty one for a new clip."""
    if state is not None:
        return list(state)
    return [None] * sum(isinstance(module, CausalConv3d) for module in tower.modules())
