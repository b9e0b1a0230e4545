"""Recipe: a LoRA that draws in the style of a few drawings, on a frozen few-step model.

Two errors are added. On the drawings: the velocity, at the later steps of the model's own schedule,
that leads to the styled clip (`style_path`). On drawings of the model itself: its first steps as
they were before, so that layout, parts and their order stay.

Legend: B clips of a step, C channels, F latent frames, h/w latent cells, R rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.engines.schedules import euler_step, sigmas
from videosketcher_app.models.adapters import AdapterConfig, inject, stored_name
from videosketcher_app.models.lean_pass import LeanPass
from videosketcher_app.models.lora.adapter import LoraAdapter, adapter_from
from videosketcher_app.models.lora.levels import EVERY_LEVEL
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.streamed_training import arranged
from videosketcher_app.models.training_memory import TrainingWay
from videosketcher_app.models.wan.forward import (
    BlockPass,
    block_forward,
    predict_velocity,
    with_condition,
)
from videosketcher_app.training.layer_loss import color_loss, motion_loss, shape_loss
from videosketcher_app.training.losses import bell_weights, level_table
from videosketcher_app.training.state import StepRandom
from videosketcher_app.training.style_model import (
    arithmetic_of,
    compiles,
    conditioned_input,
    coordinates_of,
    transformer_to_teach,
)
from videosketcher_app.training.style_path import (
    carried,
    noised,
    trajectory_point,
    velocity_to,
    weighted_error,
)
from videosketcher_app.training.style_prepare import Prepared, base_velocity, kept_steps
from videosketcher_app.training.style_preset import StylePreset

_A, _B = ".lora_A.weight", ".lora_B.weight"
Indices = tuple[np.ndarray, np.ndarray]


class StyleNetwork(nn.Module):
    """A transformer with trainable pairs. Only they are its parameters, so that states are small.

    Args:
        transformer: with pairs injected, the rest frozen.
        lean: how it passes in little memory; None keeps whatever autograd wants.
    """

    def __init__(self, transformer: nn.Module, lean: LeanPass | None = None) -> None:
        super().__init__()
        self.pairs = nn.ParameterDict(
            {
                stored_name(name).replace(".", "/"): parameter
                for name, parameter in transformer.named_parameters()
                if parameter.requires_grad
            }
        )
        self._frozen = (transformer,)  # in a tuple, so that it is no submodule
        self._lean = lean
        self._run_block: Callable[..., Tensor] = block_forward

    def let_wait(self, before_block: Callable[[], None]) -> None:
        """Has something called before every block, which may wait."""

        def patient_block(*arguments: Any) -> Tensor:
            before_block()
            return block_forward(*arguments)

        self._run_block = patient_block
        if self._lean is not None:
            self._lean.before_block = before_block

    def forward(
        self,
        x_BCFhw: Tensor,
        timesteps_BF: Tensor,
        context_BLD: Tensor,
        coordinates_KFhw: Tensor | None,
        condition_BCFhw: Tensor | None = None,
        picture_BSD: Tensor | None = None,
    ) -> Tensor:
        """Velocity (B, C, F, h, w).

        Args:
            coordinates_KFhw: for Pocket's networks; None for Wan's.
            condition_BCFhw, picture_BSD: see `Prepared`; None for models that read no frame.
        """
        dit = self._frozen[0]
        contexts: Tensor | list[Tensor] = context_BLD
        if coordinates_KFhw is not None:
            x_BCFhw = conditioned_input(x_BCFhw, coordinates_KFhw, condition_BCFhw)
        elif condition_BCFhw is not None:
            x_BCFhw, tokens_BSD = with_condition(
                dit, x_BCFhw, context_BLD, picture_BSD, condition_BCFhw
            )
            contexts = [tokens_BSD] * len(dit.blocks)  # type: ignore[arg-type]
        return predict_velocity(
            dit,
            x_BCFhw,
            timesteps_BF,
            contexts,
            run_block=self._run_block,
            through=self._lean or BlockPass.run,
        )

    def adapter(
        self, values: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
    ) -> LoraAdapter:
        """The pairs with these values (by parameter name) as a LoRA, copied to the CPU.

        Args:
            metadata: texts that it carries.
        """
        tensors = {
            name.removeprefix("pairs.").replace("/", "."): value.detach().to("cpu", copy=True)
            for name, value in values.items()
        }
        return adapter_from(tensors, source="the run", metadata=metadata)

    @contextmanager
    def holding(self, values: Mapping[str, Tensor]) -> Iterator[None]:
        """Inside, the pairs have other values, by parameter name."""
        own = {name: parameter.data for name, parameter in self.named_parameters()}
        for name, parameter in self.named_parameters():
            parameter.data = values[name].to(own[name])
        try:
            yield
        finally:
            for name, parameter in self.named_parameters():
                parameter.data = own[name]

    @torch.no_grad()
    def start_from(self, adapter: LoraAdapter) -> None:
        """Puts another LoRA into the pairs; a smaller rank leaves room to learn.

        Raises:
            InvalidRequest: it is of a larger rank, or adapts what this run does not.
        """
        for module, pair in adapter.pairs.items():
            key = module.replace(".", "/")
            if key + _slashed(_A) not in self.pairs:
                raise InvalidRequest(
                    f"{adapter.source} adapts {module}, which this preset does not.",
                    hint="Name it in the preset's targets, or start from another LoRA.",
                )
            down_RI, up_OR = pair.factors(1.0)
            into_RI, into_OR = self.pairs[key + _slashed(_A)], self.pairs[key + _slashed(_B)]
            if down_RI.shape[0] > into_RI.shape[0]:
                raise InvalidRequest(
                    f"{adapter.source} has rank {down_RI.shape[0]}, the preset {into_RI.shape[0]}.",
                    hint=f"Set rank: {down_RI.shape[0]} in the preset, or more.",
                )
            into_RI[: down_RI.shape[0]] = down_RI.to(into_RI)
            into_OR[:, : up_OR.shape[1]] = up_OR.to(into_OR)


def at_strength(values: Mapping[str, Tensor], strength: float) -> Mapping[str, Tensor]:
    """A network's values that change the model by `strength` of what these do (up is scaled)."""
    if strength == 1:
        return values
    up = _slashed(_B)
    return {n: value * strength if n.endswith(up) else value for n, value in values.items()}


def style_network(
    model: PocketModel, preset: StylePreset, seed: int, way: TrainingWay | None = None
) -> StyleNetwork:
    """The transformer to teach (`style_model`) with fresh pairs, which change nothing yet.

    Args:
        way: how its steps fit the memory; None keeps whatever autograd wants.
    """
    transformer = transformer_to_teach(model)
    inject(transformer, AdapterConfig(rank=preset.rank, targets=preset.targets), seed=seed)
    if way is not None:
        lean = arranged(transformer, way, model.device, is_compiled=compiles(model))
        return StyleNetwork(transformer, lean)
    network = StyleNetwork(transformer)
    for parameter in network.parameters():
        parameter.data = parameter.data.float()
    transformer.to(model.device)
    return network


class StyleRecipe:
    """See the module's docstring.

    Args:
        model: the frozen model, on its device.
        teacher: the transformer that the run begins with; the model's own, or with the LoRA that
            it starts from.
        give_way: called before every block of a pass; may wait.
    """

    def __init__(
        self,
        preset: StylePreset,
        model: PocketModel,
        teacher: nn.Module,
        network: StyleNetwork,
        prepared: Prepared,
        *,
        seed: int,
        give_way: Callable[[], None] = lambda: None,
    ) -> None:
        self.preset, self.model, self.teacher = preset, model, teacher
        self.prepared, self.seed = prepared, seed
        self.module: nn.Module = network
        self.optimizers: Sequence[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                network.parameters(),
                preset.rate,
                betas=(0.9, preset.beta2),
                weight_decay=preset.weight_decay,
            )
        ]
        self.levels = sigmas(model.defaults.num_inference_steps, model.defaults.shift)
        self.level_weights = torch.ones(len(self.levels) - 1)
        if preset.published_levels:
            table = level_table()
            self.levels, self.level_weights = [*table.tolist(), 0.0], bell_weights(table).float()
        self.kept = kept_steps(model, preset)
        self.coordinates_KFhw = coordinates_of(model, *prepared.clean_VCFhw.shape[2:])

        def patient_block(*arguments: Any) -> Tensor:
            give_way()
            return block_forward(*arguments)

        self.run_block = patient_block
        network.let_wait(give_way)

    @property
    def first_level(self) -> float:
        """The highest noise level that learns the style; before it the model is as it was."""
        return self.levels[self.kept] if self.kept else EVERY_LEVEL

    def batches(self, first_step: int, rank: int, world: int) -> Iterator[Indices]:
        """Numbers of variants and of kept drawings; every one comes equally often."""
        step = first_step
        while True:
            shard = step * world + rank
            yield (
                self._drawn(len(self.prepared.clean_VCFhw), self.preset.batch_size, shard, 0),
                self._drawn(len(self.prepared.noise_KCFhw), self.preset.keep_batch, shard, 1),
            )
            step += 1

    def loss(self, model: nn.Module, batch: Indices, random: StepRandom) -> dict[str, Tensor]:
        """The two errors and their sum; one pass for both."""
        style, keep = (torch.from_numpy(numbers) for numbers in batch)
        x_style, target_style, level_B = self._styled(style, random)
        x_keep, target_keep, sigma_keep = self._kept(keep, random)
        p = self.prepared
        sigma_style = torch.tensor(self.levels, device=self.model.device)[level_B]
        velocity = self._velocity(
            model,
            torch.cat([x_style, x_keep]),
            torch.cat([sigma_style, sigma_keep]),
            torch.cat([p.context_VLD[style], p.keep_context_KLD[keep]])
            if len(keep)
            else p.context_VLD[style],
            torch.cat([style, keep % len(p.clean_VCFhw)]),
        )
        weight = p.weight_VFhw[style].float().to(velocity.device)
        count = len(style)
        error_B = weighted_error(velocity[:count], target_style, weight)
        loss_style = (self.level_weights.to(error_B)[level_B] * error_B).mean()
        terms = {"loss": loss_style, "loss_style": loss_style}
        if self.preset.is_layered:
            layers = self._layer_losses(velocity[:count] - target_style, style)
            terms |= {**layers, "loss": terms["loss"] + layers["loss_layers"]}
        if len(keep):
            loss_keep = weighted_error(velocity[count:], target_keep).mean()
            terms["loss_keep"] = loss_keep
            terms["loss"] = terms["loss"] + self.preset.keep_weight * loss_keep
        return terms

    def _layer_losses(self, error_BCFhw: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """The layers' three errors and their weighted sum."""
        share_BLFhw = self.prepared.layers_VLFhw[numbers].float().to(error_BCFhw.device)
        named = {
            "shape": (self.preset.layer_shape, shape_loss),
            "color": (self.preset.layer_color, color_loss),
            "motion": (self.preset.layer_motion, motion_loss),
        }
        found = {name: of(error_BCFhw, share_BLFhw).mean() for name, (_, of) in named.items()}
        total = sum(weight * found[name] for name, (weight, _) in named.items())
        assert isinstance(total, Tensor)
        return {**{f"loss_{name}": value for name, value in found.items()}, "loss_layers": total}

    def _velocity(
        self,
        model: nn.Module,
        x: Tensor,
        sigma_B: Tensor,
        context_BLD: Tensor,
        frames_B: Tensor,
    ) -> Tensor:
        """Of the network.

        Args:
            frames_B: numbers of the variants whose condition frames the clips are drawn by.
        """
        device, dtype, p = self.model.device, arithmetic_of(self.model), self.prepared
        read = (p.condition_VCFhw, p.picture_VSD) if p.draws_by_frame else ()
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            velocity = model(
                x.to(dtype),
                1000 * sigma_B[:, None],
                context_BLD.to(device, dtype),
                self.coordinates_KFhw,
                *(part[frames_B].to(device, dtype) for part in read),
            )
        return velocity.float()

    def _styled(self, numbers: Tensor, random: StepRandom) -> tuple[Tensor, Tensor, Tensor]:
        """Points on the way to styled clips, their velocities and numbers of their noise levels."""
        p, device = self.prepared, self.model.device
        clean = p.clean_VCFhw[numbers].float().to(device)
        context, condition = p.context_VLD[numbers], p.condition_VCFhw[numbers]
        first = max(0, self.kept - self.preset.base_steps)
        x = noised(clean, random.normal(*clean.shape), self.levels[first])
        for step in range(first, self.kept):
            velocity = base_velocity(
                self.model, self.teacher, x, self.levels[step], context, condition, self.run_block
            )
            x = euler_step(x, velocity, self.levels[step], self.levels[step + 1])
        choice = random.uniform(len(clean)) * (len(self.levels) - 1 - self.kept)
        level_B = self.kept + choice.long()
        sigma = torch.tensor(self.levels, device=device)[level_B].view(-1, 1, 1, 1, 1)
        x = carried(x, clean, self.levels[self.kept], sigma)
        return x, velocity_to(clean, x, sigma), level_B

    def _kept(self, numbers: Tensor, random: StepRandom) -> tuple[Tensor, Tensor, Tensor]:
        """Points of the model's own drawings, its velocities there and their noise levels."""
        p, device = self.prepared, self.model.device
        noise = p.noise_KCFhw[numbers].float().to(device)
        velocities = p.velocity_KSCFhw[numbers].float().to(device)
        step_B = (random.uniform(len(numbers)) * max(1, self.kept)).long()
        x, target = trajectory_point(noise, velocities, self.levels, step_B)
        return x, target, torch.tensor(self.levels, device=device)[step_B]

    def _drawn(self, total: int, count: int, shard: int, which: int) -> np.ndarray:
        """The numbers of one batch from an endless row of shuffled rounds."""
        if not total:
            return np.zeros(0, np.int64)
        places = np.arange(shard * count, (shard + 1) * count)
        rounds = {
            int(number): np.random.default_rng([self.seed, which, int(number)]).permutation(total)
            for number in np.unique(places // total)
        }
        return np.array([rounds[int(at // total)][at % total] for at in places], np.int64)


def _slashed(ending: str) -> str:
    return ending.replace(".", "/")
