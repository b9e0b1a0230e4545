"""What the recipes of pocket-ar share: hyper-parameters, data, precision, one compiled block.

Three recipes follow each other. `pocket_ar_causal` trains a whole network, the teacher;
`pocket_ar_ode` trains the few-step student, an adapter of the shipped weights, on the ends of the
teacher's paths; `pocket_ar_dmd` goes on by distribution matching.

Legend: B batch, L tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from videosketcher_app.data.continuation_source import ContinuationMix, ContinuationSource
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.models.wan.forward import block_forward
from videosketcher_app.training.batches import Canvas
from videosketcher_app.training.pocket_ar_batches import WindowEncoder, continuation_batches


@dataclass(frozen=True, kw_only=True)
class ArConfig:
    """Hyper-parameters of the three recipes.

    Attributes:
        batch_size: windows a process and step.
        timesteps: the student's denoising steps.
        keeps_noise: whether these steps keep their noise, see `models.causal_wan.CausalWan`.
        matrix_rate, other_rate: of the causal network's Muon and AdamW; the adapter's AdamW uses
            `other_rate`.
        shifts: time shifts of the causal network's noise levels, drawn alike often.
        prompt_dropout: share of windows that the causal network sees without words.
        context_noise: largest sigma of noise on the past that it is not told of.
        bidirectional_share: share of its steps that are bidirectional around given frames.
        ode_steps, ode_shift: of the teacher's paths; with kept noise, for a step of the student.
        guidance_scale: of the teacher.
        rollout_share: share of the ODE steps in which the student draws the past itself; in the
            others it is data.
        critic_rate: learning rate of the DMD critic.
        generator_every: critic steps for one step of the student.
    """

    canvas: Canvas = field(default_factory=Canvas)
    mix: ContinuationMix = field(default_factory=ContinuationMix)
    batch_size: int = 16
    num_workers: int = 13
    data_seed: int = 1
    timesteps: tuple[float, ...] = (1000.0, 757.0, 522.0)
    keeps_noise: bool = False
    matrix_rate: float = 1e-3
    other_rate: float = 5e-4
    shifts: tuple[float, float] = (3.0, 12.0)
    prompt_dropout: float = 0.1
    context_noise: float = 0.06
    bidirectional_share: float = 0.25
    ode_steps: int = 8
    ode_shift: float = 8.0
    guidance_scale: float = 2.0
    rollout_share: float = 0.75
    critic_rate: float = 2e-4
    generator_every: int = 2
    compiled: bool = True


class ArRecipe:
    """What the recipes share: data, the VAE, and one compiled block for all networks."""

    module: nn.Module
    optimizers: Sequence[torch.optim.Optimizer]

    def __init__(
        self, config: ArConfig, vae: PocketVAE, tokenizer: PocketTokenizer, device: torch.device
    ) -> None:
        self.config, self.tokenizer, self.device = config, tokenizer, device
        self.encode = WindowEncoder(vae, config.canvas, compiled=config.compiled)
        self.run_block = block_forward
        if config.compiled:
            torch._dynamo.config.cache_size_limit = 64
            self.run_block = torch.compile(block_forward, dynamic=False)

    def batches(self, first_step: int, rank: int, world: int) -> Iterator:
        """Half-drawn sketches, held-out plans left out."""
        config = self.config
        return continuation_batches(
            ContinuationSource(config.mix, config.data_seed),
            self.tokenizer,
            config.canvas,
            batch_size=config.batch_size,
            first_step=first_step,
            rank=rank,
            world=world,
            num_workers=config.num_workers,
        )

    def autocast(self) -> torch.autocast:
        """bfloat16 on a GPU."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")


def adapter_optimizer(
    network: nn.Module, rate: float, *, betas: tuple[float, float]
) -> torch.optim.Optimizer:
    """AdamW over what the network trains, without decay: a pair's product starts at zero."""
    trained = [p for p in network.parameters() if p.requires_grad]
    return torch.optim.AdamW(trained, rate, betas=betas, weight_decay=0.0, fused=trained[0].is_cuda)
