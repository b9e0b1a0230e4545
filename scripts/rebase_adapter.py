"""Puts an adapter onto other weights of its base, which it has not been trained on.

    python scripts/rebase_adapter.py FOLDER BASE TARGET

The numbers stay; only the base that the file names is another one. It is meant as the start of a
training (`init`) after the base itself has moved a little, and nothing to ship by itself.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.models.adapters import ADAPTER_FILE, TRANSFORMER_FILE
from videosketcher_app.models.pocket import MODEL_FILE
from videosketcher_app.storage.tensors import (
    read_metadata,
    read_safetensors,
    sha256_of,
    write_safetensors,
)


def run() -> None:
    """Parses the command line."""
    source, base, target = (Path(word) for word in sys.argv[1:4])
    metadata = read_metadata(source / ADAPTER_FILE)
    metadata["base_sha256"] = sha256_of(base / TRANSFORMER_FILE)
    tensors = read_safetensors(source / ADAPTER_FILE)
    write_safetensors(target / ADAPTER_FILE, tensors, metadata=metadata)
    shutil.copyfile(source / MODEL_FILE, target / MODEL_FILE)


if __name__ == "__main__":
    run()
