"""Recipe: pocket-brush, an adapter that teaches pocket-t2v to paint in the hand of a condition frame.

Two stages, both on the frozen shipped weights (why this way: docs/decisions, pocket-brush):

1. `brush`: flow matching on painted clips. The shipped model is distilled: it predicts guided mean
   velocities of eight long steps. Regressing data with it few-step would give back what guidance
   sharpened, so first an ordinary model that can be guided is made of it.
2. `brush_distill`: that model, guided, is the teacher of the same adapter, in eight plain steps, as
   pocket-t2v was made.

Painting and encoding a clip is no cheaper than a training pass, so every clip is used with several
noises in one step.

Legend: B clips of a pass (clips painted x noises), C channels, F latent frames, h/w latent cells,
T frames, H/W pixels, L tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from videosketcher_app.data.datasets import SketchMix, SketchSource, held_out
from videosketcher_app.models.adapters import AdapterConfig, adapter_tensors, inject
from videosketcher_app.models.coordinates import coordinate_channels, transformer_input
from videosketcher_app.models.image_condition import LATENT_CHANNELS
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.models.wan.forward import block_forward, predict_velocity
from videosketcher_app.training.batches import Canvas, endless_batches
from videosketcher_app.training.brush_batches import (
    BrushBatch,
    BrushDataset,
    boxed_clips,
    collate_brush,
    condition_clips,
)
from videosketcher_app.training.flow_matching import drop_words, mixed_sigmas, noised
from videosketcher_app.training.muon import Muon
from videosketcher_app.training.pocket_t2v import PocketNetwork
from videosketcher_app.training.state import StepRandom

# Stored whole: the embedding of the condition, the output layer (color is new to it), and all that
# is too small for a low rank.
FULL = (
    "patch_embedding", "head", "*.modulation", "*.bias",
    "*.norm_q.weight", "*.norm_k.weight", "*.norm3.weight",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PocketBrushConfig:
    """Hyper-parameters of both stages.

    Attributes:
        rank: of the adapter.
        batch_size: clips that a process paints for a step.
        noises_per_clip: how often each of them is used in it.
        matrix_rate: Muon's learning rate for the low-rank pairs.
        other_rate: AdamW's learning rate for tensors that are trained whole.
        ink_weight: how much more the error of a cell full of ink counts. The minimum of a squared
            error moves towards what weighs more: where it is open whether a cell will be inked, a
            weight of the clip's own ink teaches more ink than there is, and lines get broad. It is
            for targets that the noisy clip determines, as those of a teacher.
        shifts: time shifts of the noise levels, drawn alike often.
        prompt_dropout: share of clips trained without words, for guidance.
        clear_share: of the brushes, see `brush_batches.learned_brush`.
    """

    canvas: Canvas = field(default_factory=Canvas)
    mix: SketchMix = field(default_factory=SketchMix)
    rank: int = 64
    num_frames: int = 81
    batch_size: int = 16
    noises_per_clip: int = 2
    num_workers: int = 13
    matrix_rate: float = 2e-3
    other_rate: float = 1e-3
    ink_weight: float = 0.0
    shifts: tuple[float, float] = (5.0, 20.0)
    prompt_dropout: float = 0.1
    clear_share: float = 0.0
    data_seed: int = 5
    compiled: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class PaintedLatents:
    """What a step learns from.

    Attributes:
        clean_BCFhw: latents of painted clips.
        condition_BCFhw: latents of their condition frames, the same in every latent frame.
        weight_BCFhw: of the errors, mean 1, one channel.
        ids_BL: token ids.
    """

    clean_BCFhw: Tensor
    condition_BCFhw: Tensor
    weight_BCFhw: Tensor
    ids_BL: Tensor


class BrushNetwork(PocketNetwork):
    """Pocket's networks with a condition frame."""

    def forward(  # type: ignore[override]
        self,
        noisy_BCFhw: Tensor,
        timesteps_BF: Tensor,
        ids_BL: Tensor,
        coordinates_KFhw: Tensor,
        condition_BCFhw: Tensor,
    ) -> Tensor:
        """Velocity (B, C, F, h, w)."""
        return predict_velocity(
            self.transformer,
            transformer_input(noisy_BCFhw, coordinates_KFhw, condition_BCFhw),
            timesteps_BF,
            self.text_encoder(ids_BL),
            run_block=self.run_block,
        )


def brush_network(network: PocketNetwork, rank: int, seed: int = 0) -> BrushNetwork:
    """The networks ready to train: all frozen but the adapter, which changes nothing yet.

    The base never saw a condition, so its weights for one are what chance left there: they start
    at zero.
    """
    _forget_condition(network.transformer)
    network.text_encoder.requires_grad_(False)
    inject(network.transformer, AdapterConfig(rank=rank, full=FULL), seed=seed)
    return BrushNetwork(network.transformer, network.text_encoder)


def trained_tensors(network: PocketNetwork, ema: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The adapter with the averaged weights of a run, by stored name."""
    own = {
        name.removeprefix("transformer."): value
        for name, value in ema.items()
        if name.startswith("transformer.")
    }
    return adapter_tensors(network.transformer, own)


def adapter_optimizers(
    network: nn.Module, matrix_rate: float, other_rate: float
) -> list[torch.optim.Optimizer]:
    """Muon for the low-rank pairs, AdamW for tensors that are trained whole."""
    trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
    pairs = [p for name, p in trained.items() if ".lora_" in name]
    others = [p for name, p in trained.items() if ".lora_" not in name]
    fused = others[0].is_cuda
    return [
        Muon(pairs, matrix_rate),
        torch.optim.AdamW(others, other_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=fused),
    ]


def encoded(vae: PocketVAE, clips_BCTHW: Tensor) -> Tensor:
    """Latents (B, C, F, h, w) of clips; one compiled piece, as frames are big."""
    return vae.encode(clips_BCTHW.to(next(vae.parameters()).dtype))


def weighted_error(error_BCFhw: Tensor, weight_BCFhw: Tensor) -> Tensor:
    """Mean squared error of every clip (B,)."""
    return (error_BCFhw.square() * weight_BCFhw).mean((1, 2, 3, 4))


class PocketBrushRecipe:
    """Stage 1: flow matching on painted clips."""

    def __init__(
        self,
        config: PocketBrushConfig,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        network: BrushNetwork,
        device: torch.device,
    ) -> None:
        self.config, self.vae, self.tokenizer = config, vae, tokenizer
        self.module: nn.Module = network
        self.device = device
        self.optimizers: Sequence[torch.optim.Optimizer] = adapter_optimizers(
            network, config.matrix_rate, config.other_rate
        )
        latent_frames = (config.num_frames - 1) // 4 + 1
        shape = (latent_frames, config.canvas.height // 8, config.canvas.width // 8)
        self.coordinates_KFhw = coordinate_channels(*shape).to(device)
        self.encode = encoded
        if config.compiled:
            torch._dynamo.config.cache_size_limit = 64
            self.encode = torch.compile(encoded, dynamic=False)
            network.run_block = torch.compile(block_forward, dynamic=False)

    def batches(self, first_step: int, rank: int, world: int) -> Iterator[BrushBatch]:
        """Random sketches with random brushes; held-out plans and brushes are left out."""
        config = self.config
        source = SketchSource(config.mix, config.data_seed, held_out)
        return endless_batches(
            BrushDataset(source, self.tokenizer, config.canvas, clear_share=config.clear_share),
            batch_size=config.batch_size,
            first_step=first_step,
            rank=rank,
            world=world,
            num_workers=config.num_workers,
            collate=collate_brush,
        )

    def loss(self, model: nn.Module, batch: BrushBatch, random: StepRandom) -> dict[str, Tensor]:
        """Weighted squared error of the velocity; the same over the noisiest clips and over ink."""
        painted = self.prepare(batch, random)
        clean = painted.clean_BCFhw
        sigma_B = mixed_sigmas(random, self.config.shifts, len(clean))[:, 0]
        noise = random.normal(*clean.shape)
        with self._autocast():
            velocity = model(
                noised(clean, noise, sigma_B),
                1000 * sigma_B[:, None],
                painted.ids_BL,
                self.coordinates_KFhw,
                painted.condition_BCFhw,
            )
        error_B = weighted_error(velocity.float() - (noise - clean), painted.weight_BCFhw)
        high = (sigma_B > 0.9).float()
        return {
            "loss": error_B.mean(),
            "loss_noisy": (error_B * high).sum() / high.sum().clamp(min=1),
        }

    @torch.no_grad()
    def prepare(self, batch: BrushBatch, random: StepRandom) -> PaintedLatents:
        """Painted and encoded clips, each repeated for its noises; some prompts emptied."""
        batch, config = batch.to(self.device), self.config
        clips, cells = boxed_clips(batch, config.canvas, config.num_frames)
        with self._autocast():
            clean = self.encode(self.vae, clips).float()
            condition = encoded(self.vae, condition_clips(batch.frames_BHW3)).float()
        weight = 1 + config.ink_weight * cells
        weight = weight / weight.mean((1, 2, 3, 4), keepdim=True)
        times = config.noises_per_clip
        ids_BL = batch.ids_BL.repeat(times, 1)
        return PaintedLatents(
            clean_BCFhw=clean.repeat(times, 1, 1, 1, 1),
            condition_BCFhw=condition.expand(-1, -1, clean.shape[2], -1, -1).repeat(
                times, 1, 1, 1, 1
            ),
            weight_BCFhw=weight.repeat(times, 1, 1, 1, 1),
            ids_BL=drop_words(ids_BL, config.prompt_dropout, random),
        )

    def _autocast(self) -> torch.autocast:
        on_gpu = self.device.type == "cuda"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=on_gpu)


def _forget_condition(transformer: nn.Module) -> None:
    """Zero weights for the condition's latents and mask, the last channels of the input."""
    embedding = transformer.patch_embedding
    assert isinstance(embedding, nn.Conv3d)
    with torch.no_grad():
        embedding.weight[:, -(LATENT_CHANNELS + 1) :] = 0
