"""A causal 1.3B of random weights, its modes of drawing, and the decoders that its frames come from.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from benchmarks.studio.forward import block_of
from benchmarks.studio.shapes import (
    TINY_SIZE,
    WAN_1_3B,
    Setting,
    Size,
    made_on,
    network,
    settled_paper,
    vae,
)
from videosketcher_app.core.geometry import frames_of
from videosketcher_app.engines.rollout import DENOISING_STEPS, BlockNoise, BlockRollout
from videosketcher_app.engines.still_paper import ReplayedRegion
from videosketcher_app.models.causal_wan import BLOCK_LATENT_FRAMES, CausalWan
from videosketcher_app.models.compiling import compiled
from videosketcher_app.models.fp8 import Fp8Blocks
from videosketcher_app.models.kv_cache import Window
from videosketcher_app.models.pass_graphs import PassGraphs
from videosketcher_app.models.preview_decoder import PreviewDecoder
from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder, History

W480_AR = Size(config=WAN_1_3B, clip=(21, 60, 104))
TINY_AR = replace(TINY_SIZE, clip=(21, 2, 4))
CLIP_BLOCKS = 7  # 81 frames
SEEN_LATENTS = 2  # before a block, for the tiny decoder's memory


@dataclass(frozen=True, kw_only=True)
class Mode:
    """A way to draw.

    Attributes:
        tiny_decoder: frames come from the preview's decoder instead of Wan's.
        decoded_latents: latent frames that the decoder takes at a time.
        active_share: of the tokens is computed after a block's first step; None computes all.
    """

    name: str
    window: Window
    fp8: bool = False
    tiny_decoder: bool = False
    decoded_latents: int = BLOCK_LATENT_FRAMES
    active_share: float | None = None


EXACT = Mode(name="exact", window=Window(blocks=CLIP_BLOCKS))
# Latent frames by the page of the windows that LongLive and Krea draw with: 12, of them 3 the sink.
FAST = Mode(name="fast", window=Window(blocks=4, sink_blocks=1), fp8=True, tiny_decoder=True)
SKETCH = replace(FAST, name="sketch", active_share=0.25)
MODES = (EXACT, replace(EXACT, name="exact, tiny decoder", tiny_decoder=True), FAST, SKETCH)


class BlockDecoder(Protocol):
    """Decodes a clip's blocks one after another."""

    def start(self) -> None:
        """The next block is a clip's first."""
        ...

    def frames(self, latents_BCFhw: Tensor) -> Tensor:
        """Frames (B, 3, T, H, W) of the next block."""
        ...


class WholeDecoder:
    """Wan's decoder in channels-last layout."""

    def __init__(self, setting: Setting, latents_at_a_time: int) -> None:
        self._decoder = ChannelsLastDecoder(vae(setting), latents_at_a_time=latents_at_a_time)
        self._dtype = setting.dtype
        self._past: History | None = None

    def start(self) -> None:
        """See `BlockDecoder`."""
        self._past = None

    def frames(self, latents_BCFhw: Tensor) -> Tensor:
        """See `BlockDecoder`."""
        clip, self._past = self._decoder.decode_stream(latents_BCFhw.to(self._dtype), self._past)
        return clip


class TinyDecoder:
    """The preview's decoder; what it remembers are the latents before the block."""

    def __init__(self, setting: Setting, latents_at_a_time: int) -> None:
        torch.manual_seed(3)
        with made_on(setting):
            decoder = PreviewDecoder().eval().requires_grad_(False)
        decoder = decoder.to(memory_format=torch.channels_last)
        self._decode: Any = decoder if setting.is_tiny else compiled(decoder, dynamic=False)
        self._seen: Tensor | None = None
        self._at_a_time = latents_at_a_time

    def start(self) -> None:
        """See `BlockDecoder`."""
        self._seen = None

    def frames(self, latents_BCFhw: Tensor) -> Tensor:
        """See `BlockDecoder`."""
        return torch.cat([self._next(p) for p in latents_BCFhw.split(self._at_a_time, 2)], dim=2)

    def _next(self, latents_BCFhw: Tensor) -> Tensor:
        frames = self.preview(latents_BCFhw)
        known = [latents_BCFhw] if self._seen is None else [self._seen, latents_BCFhw]
        self._seen = torch.cat(known, dim=2)[:, :, -SEEN_LATENTS:]
        return frames

    def preview(self, latents_BCFhw: Tensor) -> Tensor:
        """The same, of a block that is not finished."""
        if self._seen is None:
            return self._decode(latents_BCFhw)
        longer = torch.cat([self._seen, latents_BCFhw], dim=2)
        new = frames_of(longer.shape[2]) - frames_of(self._seen.shape[2])
        return self._decode(longer)[:, :, -new:]


class Drawer:
    """One causal model that draws blocks in one mode; all noise is made beforehand.

    Args:
        transformer: its linear layers are quantized in place where the mode says so.
    """

    def __init__(self, transformer: nn.Module, mode: Mode, setting: Setting) -> None:
        size = TINY_AR if setting.is_tiny else W480_AR
        if mode.fp8:
            Fp8Blocks(transformer.blocks).use(fp8=True)  # type: ignore[arg-type]
        self.mode, self._setting, self._size = mode, setting, size
        self.causal = CausalWan(
            transformer=transformer,  # type: ignore[arg-type]
            run_block=block_of(setting),
            graphs=PassGraphs() if setting.graphs else None,
            device=setting.device,
            dtype=setting.dtype,
        )
        self.tiny = TinyDecoder(setting, mode.decoded_latents)
        self.decoder: BlockDecoder = self.tiny
        if not mode.tiny_decoder:
            self.decoder = WholeDecoder(setting, mode.decoded_latents)
        _, *cells = size.clip
        cache = self.causal.new_cache(self.causal.cache_shape(1, *cells), mode.window)
        region = None if mode.active_share is None else replayed(size, mode.active_share, setting)
        self.rollout = BlockRollout(self.causal, cache, self.words(0), region)
        self._noise = [self._some_noise(number) for number in range(CLIP_BLOCKS)]

    def words(self, seed: int) -> Any:
        """Keys of a prompt."""
        random = torch.Generator("cpu").manual_seed(seed)
        shape = (1, self._size.words, self._size.config.text_dim)
        words = torch.randn(shape, generator=random)
        return self.causal.prompt_keys(words.to(self._setting.device, self._setting.dtype))

    def start(self) -> None:
        """An empty sheet."""
        self.rollout.close()
        self.decoder.start()

    def block(self, on_preview: Callable[[Tensor], None] | None = None) -> Tensor:
        """The next block's frames (T, H, W, 3), on the host.

        Args:
            on_preview: is given the frames of the first clean estimate, on the host.
        """
        noise = self._noise[self.rollout.num_blocks % CLIP_BLOCKS]
        clean = None
        for step, clean in enumerate(self.rollout.draw(noise)):
            if on_preview is not None and step == 0:
                on_preview(on_host(self.tiny.preview(clean)))
        assert clean is not None
        return on_host(self.decoder.frames(clean))

    def _some_noise(self, seed: int) -> BlockNoise:
        random = torch.Generator("cpu").manual_seed(seed)
        _, *cells = self._size.clip
        shape = (1, self._size.config.in_dim, BLOCK_LATENT_FRAMES, *cells)
        drawn = [torch.randn(shape, generator=random) for _ in DENOISING_STEPS]
        first, *later = (each.to(self._setting.device) for each in drawn)
        return BlockNoise(first_BCFhw=first, later=later)


def on_host(frames_BCTHW: Tensor) -> Tensor:
    """uint8 frames (T, H, W, 3) in the computer's memory."""
    shades = ((frames_BCTHW[0].float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return shades.permute(1, 2, 3, 0).contiguous().cpu()


def replayed(size: Size, share: float, setting: Setting) -> ReplayedRegion:
    """The tokens where a real drawing of the grammar begins, which is one connected region."""
    rank = (~settled_paper(size)).float().mean(dim=0)  # how long they are inked
    count = max(1, round(share * rank.numel()))
    chosen = torch.zeros(rank.numel(), dtype=torch.bool)
    chosen[rank.flatten().topk(count).indices] = True
    active_A = chosen.repeat(BLOCK_LATENT_FRAMES).nonzero()[:, 0]
    return ReplayedRegion(active_A.to(setting.device))


def causal_network(setting: Setting) -> nn.Module:
    """The causal model's transformer with random weights."""
    return network(TINY_AR if setting.is_tiny else W480_AR, setting)
