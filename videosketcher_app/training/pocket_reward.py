"""Recipe: a few-step drawing model learns from what a part reader says of its finished drawings.

Distillation and flow matching count every cell alike; whether a small part is drawn, and when, is a
matter of a few cells among thousands. Here the model draws whole plans with its own few steps, and the
gradient of a `PartReward` flows through all of them. Two more terms keep the rest as it was: the
velocities stay near those that the model began with, and drawn ink does not fade.

Legend: B clips, C channels, F latent frames, h/w latent cells, L tokens, Q parts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from videosketcher_app.data.datasets import SketchSource, held_out
from videosketcher_app.engines.schedules import euler_step, sigmas
from videosketcher_app.models.image_condition import LATENT_CHANNELS
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.batches import endless_batches
from videosketcher_app.training.guided_steps import GuidedSteps
from videosketcher_app.training.latent_critic import LatentCritic, WithCritic, blurred, trust
from videosketcher_app.training.part_reader_recipe import PartDataset, part_cells
from videosketcher_app.training.part_reward import PartReward
from videosketcher_app.training.part_times import PartTimes
from videosketcher_app.training.pocket_t2v import PocketNetwork, PocketT2VConfig, PocketT2VRecipe
from videosketcher_app.training.state import StepRandom

# Noisy latents (B, C, F, h, w) and a noise level to velocities of the same shape.
Velocity = Callable[[Tensor, float], Tensor]
CRITIC_RATE = 5e-4
WATCHED = 2  # steps of a drawing whose distance from the first model's is taken
CROP = (8, 10)  # latent cells of a window in which fading is looked for


@dataclass(frozen=True, kw_only=True)
class KeptAsItWas:
    """Weights of what keeps a rewarded model in place.

    Attributes:
        near: of the mean squared distance of its velocities from those that it began with.
        fading: of the share of ink that a later frame has lost.
        critic: of what a `LatentCritic` finds false; 0 trains none.
    """

    near: float = 2.0
    fading: float = 1.0
    critic: float = 0.0


def drawn(
    velocity: Velocity,
    first: Velocity,
    noise_BCFhw: Tensor,
    levels: list[float],
    watched: Collection[int],
) -> tuple[Tensor, Tensor]:
    """Final latents with the gradient of every step, and how far the velocities have moved.

    Activations are kept for one step at a time and computed again for the gradient.

    Args:
        velocity: of the model that learns.
        first: of the model that it began as.
        levels: noise levels of the steps, falling to 0.
        watched: numbers of the steps whose velocities are compared with the first ones.
    """
    x, moved = noise_BCFhw, []
    for step, (sigma, after) in enumerate(pairwise(levels)):
        now = again(velocity, x, sigma)
        if step in watched:
            with torch.no_grad():
                before = first(x.detach(), sigma)
            moved.append((now - before).square().mean())
        x = euler_step(x, now, sigma, after)  # type: ignore[arg-type]
    return x, torch.stack(moved).mean()


def some_steps(levels: list[float], random: StepRandom) -> list[int]:
    """Numbers of a few steps, others each time: watching all of them would cost a fifth of a run."""
    return torch.randperm(len(levels) - 1, generator=random.shared)[:WATCHED].tolist()


def again(function: Callable[..., Tensor], *arguments: object) -> Tensor:
    """A function's value whose insides are computed once more for the gradient."""
    if not torch.is_grad_enabled():
        return function(*arguments)
    return checkpoint(function, *arguments, use_reentrant=False)  # type: ignore[no-any-return]


def fading(vae: PocketVAE, latents_BCFhw: Tensor, random: StepRandom) -> Tensor:
    """Share of the ink in a window of the decoded clips that the last frame has lost."""
    height, width = latents_BCFhw.shape[-2:]
    rows, columns = min(CROP[0], height), min(CROP[1], width)
    top = int(torch.randint(height - rows + 1, (), generator=random.shared))
    left = int(torch.randint(width - columns + 1, (), generator=random.shared))
    window = latents_BCFhw[..., top : top + rows, left : left + columns]
    frames_BCTHW = vae.decode(window.to(next(vae.parameters()).dtype)).float()
    darkness = ((1 - frames_BCTHW.amin(1)) / 2).clamp(0, 1)
    most = darkness.amax(1)
    return (most - darkness[:, -1]).sum() / most.sum().clamp(min=1)


def true_cells(
    coverage_BHW: Tensor, inked_BHW: Tensor, parts: PartTimes, moments: list[int]
) -> Tensor:
    """Cells (B, F, Q) of the reader's grid that a true drawing has inked of every part."""
    cells, _ = part_cells(coverage_BHW, inked_BHW, parts, moments)
    return (cells > 0.3).float().sum((-1, -2))


def criticized(
    network: nn.Module, device: torch.device
) -> tuple[WithCritic, tuple[nn.Module, ...], torch.optim.Optimizer]:
    """A network with a new critic, the modules whose gradients are clipped apart, its optimizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = LatentCritic().to(device)
    optimizer = torch.optim.AdamW(critic.parameters(), CRITIC_RATE, betas=(0.5, 0.99))
    return WithCritic(network, critic), (network, critic), optimizer


def judged(
    model: nn.Module, drawn_BCFhw: Tensor, true_BCFhw: Tensor, random: StepRandom
) -> dict[str, Tensor]:
    """How false the drawings look to the critic, and what the critic itself has to learn."""
    seen, true = (blurred(x, random.normal(*x.shape)) for x in (drawn_BCFhw, true_BCFhw))
    return {
        "false": model(seen, judged="model"),
        "critic_loss": model(seen, true, judged="critic"),
    }


def total_of(terms: dict[str, Tensor], kept: KeptAsItWas) -> dict[str, Tensor]:
    """The terms of a step with their weighted sum, "loss"."""
    total = terms.pop("reward_loss") + kept.near * terms["moved"] + kept.fading * terms["fading"]
    if "false" in terms:
        believed = kept.critic * trust(terms["critic_loss"])
        total = total + believed * terms["false"] + terms["critic_loss"]
    return {"loss": total, **terms}


class PocketRewardRecipe(PocketT2VRecipe):
    """Text to video; `config` drops no prompts.

    Args:
        first: a frozen copy of the networks as they begin.
    """

    def __init__(
        self,
        config: PocketT2VConfig,
        steps: GuidedSteps,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        network: PocketNetwork,
        first: PocketNetwork,
        reward: PartReward,
        device: torch.device,
        kept: KeptAsItWas | None = None,
    ) -> None:
        super().__init__(config, vae, tokenizer, network, device)
        self.first = first.eval().requires_grad_(False)
        self.first.run_block = network.run_block
        self.reward, self.kept = reward, kept or KeptAsItWas()
        if self.kept.critic:
            self.module, self.clipped_apart, critics = criticized(network, device)
            self.optimizers = [*self.optimizers, critics]
        self.levels = sigmas(steps.num_inference_steps, steps.shift)

    def batches(self, first_step: int, rank: int, world: int) -> Iterator:
        """Plans with the parts of a true drawing, held-out plans left out."""
        config = self.config
        source = SketchSource(config.mix, config.data_seed, held_out)
        vocabulary = self.reward.reader.vocabulary
        return endless_batches(
            PartDataset(source, self.tokenizer, config.canvas, vocabulary),
            batch_size=config.batch_size,
            first_step=first_step,
            rank=rank,
            world=world,
            num_workers=config.num_workers,
        )

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """What the drawings lack, how far the model has moved, how much ink has faded."""
        stamps_BP4, ids_BL, *fields = self.on_device(batch)
        parts = PartTimes.of(fields, self.device)
        moments = list(range(self.coordinates_KFhw.shape[1]))
        with torch.no_grad():
            maps = self.maps(stamps_BP4)
            truth = true_cells(*maps, parts, moments)
        noise = random.normal(len(ids_BL), LATENT_CHANNELS, *self.coordinates_KFhw.shape[1:])

        def asked_of(network: nn.Module) -> Velocity:
            def velocity(noisy: Tensor, sigma: float) -> Tensor:
                timesteps_B1 = noisy.new_full((len(noisy), 1), 1000 * sigma)
                return network(noisy, timesteps_B1, ids_BL, self.coordinates_KFhw).float()

            return velocity

        with self.autocast():
            watched = some_steps(self.levels, random)
            latents, moved = drawn(
                asked_of(model), asked_of(self.first), noise, self.levels, watched
            )
            seen = blurred(latents, random.normal(*latents.shape))
            terms = self.reward(seen, parts.labels_BQ, truth)
            terms |= {"moved": moved, "fading": fading(self.vae, latents, random)}
            if self.kept.critic:
                terms |= judged(model, latents, self.latents(*maps), random)
        return total_of(terms, self.kept)
