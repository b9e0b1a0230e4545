"""Turns the shipped weights back into folders that training starts from.

python scripts/unpack_pocket.py checkpoints/pocket TARGET leaves TARGET/network.safetensors,
TARGET/tokenizer.json and TARGET/vae.safetensors: use it as `init` and as `vae` of a stage.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from videosketcher_app.models.quantize import dequantize_rows
from videosketcher_app.storage.tensors import read_safetensors, write_safetensors


def run() -> None:
    """Parses the command line."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    network = {
        f"{part}.{name}": tensor.to(torch.float16)
        for part in ("transformer", "text_encoder")
        for name, tensor in dequantize_rows(
            read_safetensors(source / f"{part}.safetensors")
        ).items()
    }
    write_safetensors(target / "network.safetensors", network)
    write_safetensors(target / "vae.safetensors", read_safetensors(source / "vae.safetensors"))
    (target / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())


if __name__ == "__main__":
    run()
