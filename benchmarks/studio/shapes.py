"""Networks of full size with random weights, their inputs, and a drawing's paper.

Legend: B batch, C channels, F latent frames, h/w latent cells, H/W tokens, S words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from diffsynth.core.vram.initialization import skip_model_initialization
from diffsynth.models.wan_video_vae import VideoVAE_, WanVideoVAE
from diffsynth.pipelines.wan_video import model_fn_wan_video
from torch import Tensor, nn

from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.engines.memory.paper import spread
from videosketcher_app.evaluation.renders import render
from videosketcher_app.models.image_condition import IMAGE_TO_VIDEO_CHANNELS
from videosketcher_app.models.wan.forward import (
    block_forward,
    dense_attention,
    predict_velocity,
)
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer

_WAN: dict[str, Any] = {"in_dim": 16, "text_dim": 4096, "patch": 2}
WAN_14B = TransformerConfig(dim=5120, ffn_dim=13824, num_heads=40, num_layers=40, **_WAN)
WAN_1_3B = TransformerConfig(dim=1536, ffn_dim=8960, num_heads=12, num_layers=30, **_WAN)
TINY = TransformerConfig(
    dim=48, in_dim=16, ffn_dim=64, text_dim=32, freq_dim=32, num_heads=2, num_layers=4, patch=2
)
WORDS = 512
TIMESTEP = 700.0


@dataclass(frozen=True, kw_only=True)
class Size:
    """A network and a clip.

    Attributes:
        clip: latent frames, rows and columns of cells.
        words: tokens of the prompt.
        reads_picture: it draws by a first frame, as Wan 2.1's image-to-video does.
    """

    config: TransformerConfig
    clip: tuple[int, int, int]
    words: int = WORDS
    reads_picture: bool = False

    @property
    def grid(self) -> tuple[int, int, int]:
        """Tokens: latent frames, rows, columns."""
        frames, rows, columns = self.clip
        return frames, rows // self.config.patch, columns // self.config.patch

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return (self.clip[0] - 1) * 4 + 1

    def by_frame(self) -> Size:
        """The same, drawing by a first frame."""
        config = replace(self.config, in_dim=IMAGE_TO_VIDEO_CHANNELS)
        return replace(self, config=config, reads_picture=True)


W480 = Size(config=WAN_14B, clip=(21, 60, 104))
W720 = Size(config=WAN_14B, clip=(21, 90, 160))
TINY_SIZE = Size(config=TINY, clip=(5, 8, 12), words=16)


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """Where a benchmark runs, and how large.

    Attributes:
        is_tiny: a few kilobytes instead of gigabytes, to see that everything runs.
        layers: fewer than the network has; None for all.
        by_rows: blocks by hand-written kernels instead of compiled ones.
        graphs: a causal model's passes are recorded and replayed.
    """

    device: torch.device
    is_tiny: bool = False
    layers: int | None = None
    by_rows: bool = False
    graphs: bool = False
    pairs: int = 3

    @property
    def dtype(self) -> torch.dtype:
        """bfloat16 on GPUs, float32 on a CPU."""
        return torch.bfloat16 if self.device.type == "cuda" else torch.float32

    def size(self, full: Size) -> Size:
        """The size that is measured instead of the full one."""
        size = full
        if self.is_tiny:
            size = TINY_SIZE.by_frame() if full.reads_picture else TINY_SIZE
        if self.layers is None:
            return size
        return replace(size, config=replace(size.config, num_layers=self.layers))

    def synchronize(self) -> None:
        """Waits for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


@contextmanager
def made_on(setting: Setting) -> Iterator[None]:
    """Parameters are made where and as they are used: no second copy, no slow filling on a CPU."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(setting.dtype)
    try:
        with torch.device(setting.device):
            yield
    finally:
        torch.set_default_dtype(before)


def network(size: Size, setting: Setting) -> nn.Module:
    """A transformer with random weights."""
    torch.manual_seed(0)
    with made_on(setting):
        return build_transformer(size.config).eval().requires_grad_(False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """What a pass is given."""

    latents_BCFhw: Tensor
    timestep_B: Tensor
    words_BSD: Tensor


def inputs(size: Size, setting: Setting, timestep: float = TIMESTEP) -> Inputs:
    """Random latents and words, the same for the same size."""
    random = torch.Generator("cpu").manual_seed(1)
    how = {"device": setting.device, "dtype": setting.dtype}
    latents = torch.randn(1, size.config.out_dim, *size.clip, generator=random)
    words = torch.randn(1, size.words, size.config.text_dim, generator=random)
    return Inputs(
        latents_BCFhw=latents.to(**how),
        timestep_B=torch.tensor([timestep], device=setting.device),
        words_BSD=words.to(**how),
    )


def workload(setting: Setting, full: Size) -> tuple[Size, nn.Module, Inputs]:
    """The size that is measured instead of the full one, its network, and what a pass is given."""
    size = setting.size(full)
    return size, network(size, setting), inputs(size, setting)


@torch.inference_mode()
def diffsynth_pass(dit: nn.Module, given: Inputs) -> Tensor:
    """diffsynth's own pass, as its pipeline makes it, with the attention that it picks itself."""
    return model_fn_wan_video(
        dit=dit,
        latents=given.latents_BCFhw,
        timestep=given.timestep_B.to(given.latents_BCFhw.dtype),
        context=given.words_BSD,
    )


@torch.inference_mode()
def our_pass(
    dit: nn.Module,
    given: Inputs,
    *,
    attention: Any = dense_attention,
    run_block: Any = block_forward,
    **how: Any,
) -> Tensor:
    """Our pass over the same modules."""
    return predict_velocity(
        dit,
        given.latents_BCFhw,
        given.timestep_B[:, None],
        given.words_BSD,
        attention=attention,
        run_block=run_block,
        **how,
    )


def vae(setting: Setting) -> WanVideoVAE:
    """Wan's VAE with random weights."""
    torch.manual_seed(2)
    with skip_model_initialization():
        made = WanVideoVAE(z_dim=16)
    with made_on(setting):
        inner = VideoVAE_(dim=4, num_res_blocks=1) if setting.is_tiny else VideoVAE_()
    made.model = inner.eval().requires_grad_(False)
    return made


def settled_paper(size: Size, seed: int = 1, concept: str = "city_street") -> Tensor:
    """Tokens (F, H, W) that a drawing of the grammar leaves blank from its start to its end.

    The neighbours of ink count as ink, as they do in drawing.
    """
    drawing = compose(programs()[concept], np.random.default_rng(seed))
    picture = render(drawing.sketch, len(drawing.labels))
    frames, rows, columns = size.grid
    times_1HW = torch.from_numpy(picture.times_HW)[None]
    first_ink_HW = -torch.nn.functional.adaptive_max_pool2d(-times_1HW, (rows, columns))[0]
    at_F = torch.arange(frames) / (frames - 1) * drawing.sketch.num_frames
    return ~spread(first_ink_HW[None] <= at_F[:, None, None])
