"""Puts LoRAs on a model and takes them off, hundreds of times, and says what that left, as JSON.

    python -m tests.soak.lora_loads FOLDER ROUNDS [KEPT]

KEPT leaves every hook on, to show that whoever reads the figures would see it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import nn

from tests.models.lora.made import made, modules_of
from tests.soak.jobs import PROBE_EVERY, Probe
from videosketcher_app.core.requests import LoraSpec
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.lora_requests import choose
from videosketcher_app.services.loras import LoraLibrary


def soak(folder: Path, rounds: int, *, kept: bool) -> dict[str, object]:
    """Applies two LoRAs at other scales and clears them, every round."""
    network, probe, left = tiny_model().transformer, Probe(), ExitStack()
    files = [folder / f"{seed}.safetensors" for seed in range(2)]
    for seed, file in enumerate(files):
        write_lora(file, adapter_from(made(modules_of(network), seed=seed)))
    library = LoraLibrary(folder / "loras")
    before, x = fingerprint(network), torch.ones(1, 4, network.dim)
    for number in range(rounds):
        specs = [LoraSpec(path=str(file), scale=0.01 * (number % 99)) for file in files]
        stack = [(lora.adapter, lora.spec.scale) for lora in choose(library, specs)]
        with ExitStack() as undo, torch.inference_mode():
            on = left if kept else undo
            on.enter_context(applied(network, stack, merge=number % 4 == 3))
            network.blocks[0].ffn(x)
        if number % PROBE_EVERY == 0:
            probe.note(number)
    probe.note(rounds)
    return {"rows": probe.rows, "same": fingerprint(network) == before}


def fingerprint(network: nn.Module) -> str:
    """SHA-256 of every weight."""
    digest = hashlib.sha256()
    for value in network.state_dict().values():
        digest.update(value.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def main() -> None:
    torch.set_num_threads(1)
    folder, rounds, *kept = sys.argv[1:]
    sys.stdout.write(json.dumps(soak(Path(folder), int(rounds), kept=bool(kept))) + "\n")


if __name__ == "__main__":
    main()
