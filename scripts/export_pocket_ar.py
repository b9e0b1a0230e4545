"""Makes the product's folder of pocket-ar from what a training stage left.

    python scripts/export_pocket_ar.py CONFIG.yaml TARGET [KEY=VALUE ...]

TARGET gets adapter.safetensors (int8) and model.json, and the row for checkpoints/models.yaml is
printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.models.pocket import base_name_of
from videosketcher_app.storage.tensors import sha256_of
from videosketcher_app.training.pocket_ar_run import MODEL_NAME, export_ar
from videosketcher_app.training.pocket_run import read_run


def row_of(folder: Path) -> dict:
    """What the catalogue says of an exported folder."""
    return {
        MODEL_NAME: {
            "family": "pocket",
            "summary": "shipped; goes on with what you draw, block by block",
            "folder": MODEL_NAME,
            "base": base_name_of(folder),
            "licence": "Apache-2.0",
            "files": {
                path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
                for path in sorted(folder.iterdir())
                if path.suffix in {".safetensors", ".json"}
            },
        }
    }


def run() -> None:
    """Parses the command line."""
    words = [a for a in sys.argv[1:] if "=" not in a]
    changes = {k: yaml.safe_load(v) for k, v in (a.split("=", 1) for a in sys.argv[1:] if "=" in a)}
    config, target = read_run(Path(words[0]), **changes), Path(words[1])
    export_ar(config, Path(config.out), target)
    sys.stdout.write(yaml.safe_dump(row_of(target), sort_keys=False))


if __name__ == "__main__":
    run()
