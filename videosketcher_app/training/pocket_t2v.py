"""Recipe: Pocket's text-to-video transformer and text encoder, trained from scratch by flow matching.

One set of weights learns both directions: bidirectional over the whole clip, and, in a share of
the steps, block-causal over blocks of latent frames whose past is nearly clean (diffusion forcing,
Chen et al. 2024, as CausVid uses it), so that the same weights can draw block by block.

Two choices make a small model follow a plan (measured: facts, embedded model): coordinate
channels, and half of the noise levels drawn close to pure noise, where the layout is decided.

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from videosketcher_app.data.datasets import SketchMix, SketchSource, held_out
from videosketcher_app.data.raster import clip_of_maps, ink_maps
from videosketcher_app.models.coordinates import coordinate_channels, transformer_input
from videosketcher_app.models.text import PocketTextEncoder, PocketTokenizer, TextConfig
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.models.wan.forward import (
    BlockCausalAttention,
    block_forward,
    dense_attention,
    predict_velocity,
)
from videosketcher_app.models.wan.network import (
    TransformerConfig,
    build_transformer,
    initialize,
)
from videosketcher_app.training.batches import Canvas, SketchDataset, endless_batches
from videosketcher_app.training.flow_matching import drop_words, mixed_sigmas
from videosketcher_app.training.muon import Muon
from videosketcher_app.training.state import StepRandom


@dataclass(frozen=True, kw_only=True)
class PocketT2VConfig:
    """Hyper-parameters of the recipe.

    Attributes:
        batch_size: clips a process and step.
        matrix_rate: Muon's learning rate for the matrices inside the blocks.
        other_rate: AdamW's learning rate for everything else.
        shifts: time shifts of the noise levels, drawn alike often.
        prompt_dropout: share of clips trained without words, for guidance.
        causal_share: share of the steps that are block-causal.
        block_latent_frames: latent frames of a block.
        context_noise: largest sigma of the past in a block-causal step.
        latent_frames_seen: latent frames of a clip that a bidirectional step looks at, drawn anew
            each step; None for all. Neighbours are nearly alike, so a first stage on 9 of 21
            learns as much from a clip at less than half of the cost.
    """

    canvas: Canvas = field(default_factory=Canvas)
    mix: SketchMix = field(default_factory=SketchMix)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    num_frames: int = 81
    batch_size: int = 64
    num_workers: int = 13
    matrix_rate: float = 2.5e-3
    other_rate: float = 1.2e-3
    shifts: tuple[float, float] = (5.0, 20.0)
    prompt_dropout: float = 0.1
    causal_share: float = 0.0
    block_latent_frames: int = 3
    context_noise: float = 0.1
    latent_frames_seen: int | None = None
    data_seed: int = 1
    compiled: bool = True


class PocketNetwork(nn.Module):
    """Text encoder and transformer as one trained module."""

    def __init__(self, transformer: nn.Module, text_encoder: PocketTextEncoder) -> None:
        super().__init__()
        self.transformer = transformer
        self.text_encoder = text_encoder
        self.run_block: Callable[..., Tensor] = block_forward

    def forward(
        self,
        noisy_BCFhw: Tensor,
        timesteps_BF: Tensor,
        ids_BL: Tensor,
        coordinates_KFhw: Tensor,
        block_latent_frames: int | None = None,
        positions: Sequence[int] | None = None,
    ) -> Tensor:
        """Velocity (B, C, F, h, w); block-causal if a block's length is given.

        Args:
            positions: of the latent frames within the clip, if these are not all of it.
        """
        attention = dense_attention
        if block_latent_frames:
            _, patch, _ = cast("tuple[int, int, int]", self.transformer.patch_size)
            height, width = noisy_BCFhw.shape[-2:]
            per_frame = (height // patch) * (width // patch)
            attention = BlockCausalAttention(block_latent_frames * per_frame)
        return predict_velocity(
            self.transformer,
            transformer_input(noisy_BCFhw, coordinates_KFhw),
            timesteps_BF,
            self.text_encoder(ids_BL),
            attention=attention,
            positions=positions,
            run_block=self.run_block,
        )


def build_network(config: TransformerConfig, vocabulary: int, seed: int = 0) -> PocketNetwork:
    """The two networks with the recipe's initial weights (seeds torch's global generator)."""
    torch.manual_seed(seed)
    transformer = build_transformer(config)
    initialize(transformer, torch.Generator().manual_seed(seed))
    text = TextConfig(vocabulary=vocabulary, width=config.text_dim)
    return PocketNetwork(transformer, PocketTextEncoder(text))


def build_optimizers(
    network: PocketNetwork, matrix_rate: float, other_rate: float
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the transformer's blocks, AdamW for the rest."""
    matrices = [
        p
        for name, p in network.transformer.named_parameters()
        if name.startswith("blocks.") and p.ndim == 2
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in network.parameters() if id(p) not in chosen]
    fused = others[0].is_cuda
    return [
        Muon(matrices, matrix_rate),
        torch.optim.AdamW(others, other_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=fused),
    ]


def latents_of_maps(
    vae: PocketVAE, coverage_BHW: Tensor, inked_BHW: Tensor, num_frames: int
) -> Tensor:
    """Latents (B, C, F, h, w) of black ink with these maps; one compiled piece, as frames are big."""
    clip_BTHW = clip_of_maps(coverage_BHW, inked_BHW, num_frames)
    return vae.encode_grey(clip_BTHW.to(next(vae.parameters()).dtype))


class PocketT2VRecipe:
    """Flow matching on random sketches; see the module's docstring."""

    def __init__(
        self,
        config: PocketT2VConfig,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        network: PocketNetwork,
        device: torch.device,
    ) -> None:
        self.config, self.vae, self.tokenizer = config, vae, tokenizer
        self.module = network
        self.optimizers = build_optimizers(network, config.matrix_rate, config.other_rate)
        self.device = device
        latent_frames = (config.num_frames - 1) // 4 + 1
        shape = (latent_frames, config.canvas.height // 8, config.canvas.width // 8)
        self.coordinates_KFhw = coordinate_channels(*shape).to(device)
        self.encode = latents_of_maps
        if config.compiled:
            torch._dynamo.config.cache_size_limit = 64
            self.encode = torch.compile(latents_of_maps, dynamic=False)
            network.run_block = torch.compile(block_forward, dynamic=False)

    def batches(self, first_step: int, rank: int, world: int) -> Iterator:
        """Stamps and token ids of random sketches, held-out plans left out."""
        config = self.config
        source = SketchSource(config.mix, config.data_seed, held_out)
        return endless_batches(
            SketchDataset(source, self.tokenizer, config.canvas),
            batch_size=config.batch_size,
            first_step=first_step,
            rank=rank,
            world=world,
            num_workers=config.num_workers,
        )

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Mean squared error of the velocity, and the same over the noisiest clips."""
        clean_BCFhw, ids_BL = self.prepare(batch, random)
        causal = random.coin(self.config.causal_share)
        positions = None if causal else self._positions(clean_BCFhw.shape[2], random)
        coordinates_KFhw = self.coordinates_KFhw
        if positions is not None:
            clean_BCFhw, coordinates_KFhw = (
                clean_BCFhw[:, :, positions],
                coordinates_KFhw[:, positions],
            )
        sigma_BF = (
            self._causal_sigmas(clean_BCFhw, random)
            if causal
            else mixed_sigmas(random, self.config.shifts, len(ids_BL))
        )
        noise = random.normal(*clean_BCFhw.shape)
        sigma = sigma_BF[:, None, :, None, None]
        noisy = (1 - sigma) * clean_BCFhw + sigma * noise
        with self.autocast():
            velocity = model(
                noisy,
                1000 * sigma_BF,
                ids_BL,
                coordinates_KFhw,
                self.config.block_latent_frames if causal else None,
                positions,
            )
        error_B = (velocity.float() - (noise - clean_BCFhw)).square().mean((1, 2, 3, 4))
        if causal:
            return {"loss": error_B.mean(), "loss_causal": error_B.mean()}
        high = (sigma_BF[:, 0] > 0.9).float()
        noisiest = (error_B * high).sum() / high.sum().clamp(min=1)
        return {"loss": error_B.mean(), "loss_both": error_B.mean(), "loss_noisy": noisiest}

    @torch.no_grad()
    def prepare(self, batch: tuple, random: StepRandom) -> tuple[Tensor, Tensor]:
        """Clean latents (B, C, F, h, w) and token ids, some of them emptied."""
        stamps_BP4, ids_BL = self.on_device(batch)
        latents = self.latents(*self.maps(stamps_BP4))
        return latents, drop_words(ids_BL, self.config.prompt_dropout, random)

    def on_device(self, batch: tuple) -> list[Tensor]:
        """The tensors of a batch where the networks are."""
        return [x.to(self.device, non_blocking=True) for x in batch]

    def maps(self, stamps_BP4: Tensor) -> tuple[Tensor, Tensor]:
        """Coverage (B, H, W) and time of ink (B, H, W) of the sketches."""
        return ink_maps(stamps_BP4, self.config.canvas.width, self.config.canvas.height)

    def latents(self, coverage_BHW: Tensor, inked_BHW: Tensor) -> Tensor:
        """Clean latents (B, C, F, h, w) of the clips that the maps describe."""
        with self.autocast():
            frames = self.config.num_frames
            return self.encode(self.vae, coverage_BHW, inked_BHW, frames).float()

    def autocast(self) -> torch.autocast:
        """Half precision on a GPU."""
        on_gpu = self.device.type == "cuda"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=on_gpu)

    def _positions(self, latent_frames: int, random: StepRandom) -> list[int] | None:
        """One latent frame from each of equal stretches of the clip, or None for all of it."""
        seen = self.config.latent_frames_seen
        if seen is None or seen >= latent_frames:
            return None
        share = torch.rand(seen, generator=random.shared)
        return ((torch.arange(seen) + share) * (latent_frames / seen)).long().tolist()

    def _causal_sigmas(self, clean_BCFhw: Tensor, random: StepRandom) -> Tensor:
        """A sigma per latent frame: nearly clean before a random block, noisy from there on."""
        batch, frames = clean_BCFhw.shape[0], clean_BCFhw.shape[2]
        size = self.config.block_latent_frames
        blocks = -(-frames // size)
        current = (random.uniform(batch, 1) * blocks).long()
        past = torch.arange(blocks, device=self.device) < current
        quiet = self.config.context_noise * random.uniform(batch, blocks)
        quiet = torch.where(random.uniform(batch, 1) < 0.5, quiet, torch.zeros_like(quiet))
        sigma = torch.where(past, quiet, mixed_sigmas(random, self.config.shifts, batch, blocks))
        return sigma.repeat_interleave(size, dim=1)[:, :frames]
