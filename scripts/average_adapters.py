"""Averages two adapters of one base into a third of the same rank (Wortsman et al. 2022, "Model soups").

    python scripts/average_adapters.py ONE TWO TARGET [SHARE]

ONE and TWO are folders of adapted Pocket models, TARGET gets adapter.safetensors (int8) and TWO's
model.json. SHARE, 0.5 unless told, is how much of TWO it takes. What is averaged is the change of
every weight; the sum of two low-rank changes is cut to the rank by its singular values, and how much
that leaves out is printed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.models.adapters import ADAPTER_FILE, read_adapter, save_adapter
from videosketcher_app.models.pocket import MODEL_FILE, load_pocket

BASE = Path(__file__).parents[1] / "checkpoints" / "pocket"
A, B = ".lora_A.weight", ".lora_B.weight"


def averaged(
    one: Mapping[str, Tensor], two: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Tensors of the average."""
    found: dict[str, Tensor] = {}
    left_out, whole = 0.0, 0.0
    for name, tensor in two.items():
        if name.endswith(B):
            continue
        if not name.endswith(A):
            found[name] = torch.lerp(one[name], tensor, share)
            continue
        pair = name.removesuffix(A)
        rank = len(tensor)
        changes = [given[pair + B].double() @ given[pair + A].double() for given in (one, two)]
        u, s, vh = torch.linalg.svd(torch.lerp(*changes, share), full_matrices=False)
        left_out, whole = left_out + float(s[rank:].square().sum()), whole + float(s.square().sum())
        root = s[:rank].sqrt()
        found[pair + B] = (u[:, :rank] * root).float().contiguous()
        found[name] = (root[:, None] * vh[:rank]).float().contiguous()
    print(f"left out of the change: {(left_out / whole) ** 0.5:.4f} of its norm")
    return found


def run() -> None:
    """Parses the command line."""
    one, two, target = (Path(word) for word in sys.argv[1:4])
    share = float(sys.argv[4]) if len(sys.argv) > 4 else 0.5
    base = load_pocket(BASE, "cpu", torch.float32)
    adapters = [read_adapter(folder / ADAPTER_FILE, base=base) for folder in (one, two)]
    tensors = averaged(adapters[0].tensors, adapters[1].tensors, share)
    target.mkdir(parents=True, exist_ok=True)
    save_adapter(target / ADAPTER_FILE, tensors, base=base, config=adapters[1].config)
    shutil.copyfile(two / MODEL_FILE, target / MODEL_FILE)


if __name__ == "__main__":
    run()
