"""The local planner as its publisher ships it, but tiny, and a catalogue that describes these files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.services.tiny_chat_model import CHAT_TEMPLATE, write_tiny_chat_model
from tests.storage.local_hub import sha256
from videosketcher_app.models import model_rows
from videosketcher_app.models.model_rows import shipped_rows
from videosketcher_app.services.planner.qwen import MODEL


def tiny_planner_files(folder: Path, reply: str) -> dict[str, bytes]:
    """The published files of a model that answers everything with `reply`: names as the catalogue
    has them, weights in shards with their index, the chat template among the tokenizer's settings.

    Args:
        folder: empty; the model is made there.
    """
    from safetensors.torch import load_file, save
    from transformers import AutoTokenizer

    write_tiny_chat_model(folder, reply)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    files = {
        "tokenizer_config.json": json.dumps(settings | {"chat_template": CHAT_TEMPLATE}).encode(),
        "vocab.json": json.dumps(tokenizer.get_vocab()).encode(),
        "merges.txt": b"#version: 0.2\n",
    }
    for name in ("config.json", "generation_config.json", "tokenizer.json"):
        files[name] = (folder / name).read_bytes()
    tensors = load_file(folder / "model.safetensors")
    names = [file.path for file in shipped_rows()[MODEL].files]
    shards = [name for name in names if name.endswith(".safetensors")]
    held = {tensor: shards[i % len(shards)] for i, tensor in enumerate(sorted(tensors))}
    for shard in shards:
        mine = {tensor: tensors[tensor] for tensor, where in held.items() if where == shard}
        files[shard] = save(mine, metadata={"format": "pt"})
    index = {"metadata": {"total_size": 0}, "weight_map": held}
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    assert set(files) == set(names)
    return files


@contextmanager
def catalogue_of(folder: Path, files: Mapping[str, bytes]) -> Iterator[None]:
    """The catalogue as it is, but its planner consists of these files.

    Args:
        folder: where the catalogue is written.
    """
    content = yaml.safe_load(model_rows.CATALOGUE_FILE.read_text("utf-8"))
    content["models"][MODEL]["files"] = {
        name: {"bytes": len(files[name]), "sha256": sha256(files[name])}
        for name in content["models"][MODEL]["files"]
    }
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(model_rows, "CATALOGUE_FILE", path)
            shipped_rows.cache_clear()
            yield
    finally:
        shipped_rows.cache_clear()
