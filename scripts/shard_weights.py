"""Splits a safetensors file into pieces of at most 15 MB, or joins them again.

python scripts/shard_weights.py split FILE FOLDER | join FOLDER FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.storage.tensors import read_safetensors, write_safetensors

LIMIT_BYTES = 15_000_000


def run() -> None:
    """Parses the command line."""
    action, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if action == "join":
        weights = {}
        for path in sorted(source.glob("network_*.safetensors")):
            weights |= read_safetensors(path)
        write_safetensors(target, weights)
        return
    pieces, size = [{}], 0
    for name, tensor in read_safetensors(source).items():
        if size + tensor.nbytes > LIMIT_BYTES:
            pieces, size = [*pieces, {}], 0
        pieces[-1][name] = tensor
        size += tensor.nbytes
    for index, piece in enumerate(pieces):
        write_safetensors(target / f"network_{index}.safetensors", piece)


if __name__ == "__main__":
    run()
