"""TrainState: everything that a bit-exact resume needs, in one file.

Randomness needs no storing: every random number of a step is a function of (seed, step, rank), see
`StepRandom`. What remains is weights, EMA, optimizer state and the step, which go into a single
safetensors file that is replaced atomically, so a killed run finds either the old or the new state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.storage import tensors as tensor_files

STATE_FILE = "state.safetensors"


class StepRandom:
    """Random generators of one step on one rank.

    Args:
        seed: of the run.
        step: index of the optimizer step.
        rank: of the process; different ranks draw different numbers.
    """

    def __init__(self, seed: int, step: int, rank: int, device: torch.device | str) -> None:
        mixed = (seed * 1_000_003 + step) * 4_093 + rank
        self.device = torch.device(device)
        self.generator = torch.Generator(device=self.device).manual_seed(mixed)
        shared = (seed * 1_000_003 + step) * 4_093 + 4_092
        self.shared = torch.Generator(device="cpu").manual_seed(shared)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1) on the device."""
        return torch.rand(*shape, device=self.device, generator=self.generator)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers on the device."""
        return torch.randn(*shape, device=self.device, generator=self.generator)

    def coin(self, probability: float) -> bool:
        """A decision that all ranks take alike in this step."""
        return bool(torch.rand((), generator=self.shared) < probability)


@dataclass(kw_only=True)
class TrainState:
    """What a run has reached.

    Attributes:
        module: trained weights.
        ema: exponential moving average of them, by name; float32.
        optimizers: in a fixed order.
        step: optimizer steps done.
        progress: share of the run that is done, in [0, 1].
        skipped: steps left out because their loss or gradient was not finite.
    """

    module: nn.Module
    ema: dict[str, Tensor]
    optimizers: Sequence[torch.optim.Optimizer]
    step: int = 0
    progress: float = 0.0
    skipped: int = 0
    facts: dict = field(default_factory=dict)

    def update_ema(self, decay: float) -> None:
        """Moves the average towards the weights; early steps move faster."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        params = dict(self.module.named_parameters())
        names = list(self.ema)
        torch._foreach_lerp_(
            [self.ema[n] for n in names], [params[n].detach() for n in names], 1 - decay
        )

    def save(self, folder: Path) -> None:
        """Replaces the folder's state file."""
        tensors = {f"model.{k}": v for k, v in self.module.state_dict().items()}
        tensors |= {f"ema.{k}": v for k, v in self.ema.items()}
        scalars: dict[str, dict] = {}
        for index, optimizer in enumerate(self.optimizers):
            for key, values in optimizer.state_dict()["state"].items():
                for name, value in values.items():
                    place = f"optimizer.{index}.{key}.{name}"
                    if isinstance(value, Tensor):
                        tensors[place] = value
                    else:
                        scalars[place] = value
        meta = {
            "step": self.step,
            "progress": self.progress,
            "skipped": self.skipped,
            "facts": self.facts,
            "scalars": scalars,
        }
        cpu = {k: v.detach().to("cpu").contiguous().clone() for k, v in tensors.items()}
        tensor_files.write_safetensors(
            folder / STATE_FILE, cpu, metadata={"state": json.dumps(meta)}
        )

    def load(self, folder: Path) -> None:
        """Restores what `save` wrote.

        Raises:
            InvalidRequest: the file is of another model or recipe.
        """
        tensors = tensor_files.read_safetensors(folder / STATE_FILE)
        meta = json.loads(tensor_files.read_metadata(folder / STATE_FILE)["state"])
        self.step, self.progress = meta["step"], meta["progress"]
        self.skipped, self.facts = meta["skipped"], meta["facts"]
        weights = {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}
        if set(weights) != set(self.module.state_dict()):
            raise InvalidRequest(
                f"The state in {folder.name} belongs to another model.",
                hint="Resume with the configuration that the run was started with.",
            )
        self.module.load_state_dict(weights)
        for name, average in self.ema.items():
            average.copy_(tensors[f"ema.{name}"])
        for index, optimizer in enumerate(self.optimizers):
            self._load_optimizer(index, optimizer, tensors, meta["scalars"])

    @staticmethod
    def _load_optimizer(
        index: int,
        optimizer: torch.optim.Optimizer,
        tensors: Mapping[str, Tensor],
        scalars: Mapping[str, object],
    ) -> None:
        prefix = f"optimizer.{index}."
        stored = optimizer.state_dict()
        state: dict[int, dict] = {}
        for place, value in [*tensors.items(), *scalars.items()]:
            if place.startswith(prefix):
                key, name = place[len(prefix) :].split(".", 1)
                state.setdefault(int(key), {})[name] = value
        stored["state"] = state
        optimizer.load_state_dict(stored)


def ema_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the parameters to average, by name, in float32."""
    return {name: p.detach().clone().float() for name, p in module.named_parameters()}
