"""Writes the sizes and SHA-256 of the shipped files into checkpoints/models.yaml.

Run it after `export_pocket.py` has written new weights; comments and order stay.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import yaml

from videosketcher_app.storage.tensors import sha256_of

ROOT = Path(__file__).parents[1]


def run() -> None:
    """Rewrites the facts of every file that is there."""
    catalogue = ROOT / "checkpoints" / "models.yaml"
    text = catalogue.read_text("utf-8")
    for row in yaml.safe_load(text)["models"].values():
        for name, facts in row.get("files", {}).items():
            path = catalogue.parent / row.get("folder", "") / name
            if not path.is_file():
                continue
            old = rf"({re.escape(name)}:\s+bytes: ){facts['bytes']}(\s+sha256: ){facts['sha256']}"
            text = re.sub(old, rf"\g<1>{path.stat().st_size}\g<2>{sha256_of(path)}", text)
    catalogue.write_text(text, "utf-8")


if __name__ == "__main__":
    run()
