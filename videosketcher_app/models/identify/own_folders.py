"""Folders that this app writes: a whole Pocket model, and an adapter of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.models.identify.identity import Identity
from videosketcher_app.models.identify.transformers import stage_of_run
from videosketcher_app.models.model_rows import shipped_rows
from videosketcher_app.storage import bounded
from videosketcher_app.storage.safetensors_format import read_header

MODEL_FILE, ADAPTER_FILE, TOKENIZER_FILE = "model.json", "adapter.safetensors", "tokenizer.json"
TRANSFORMER_FILE = "transformer.safetensors"
WHOLE_FILES = (TRANSFORMER_FILE, "text_encoder.safetensors", "vae.safetensors")
ADAPTER_FORMAT = "videosketcher-adapter-1"
_MAX_BYTES = 1_000_000


def own_identity(folder: Path) -> Identity | None:
    """The identity of a folder that `train` exported; None if it is none.

    Raises:
        InvalidFile: its description cannot be read, or a file is missing or damaged.
    """
    if not (folder / MODEL_FILE).is_file():
        return None
    described = _description(folder)
    stage = stage_of_run(folder) or stage_of_run(folder.parent)
    facts = {"name": str(described.get("name", ""))[:100], "stage": stage or ""}
    if "base" in described:
        return _adapter(folder, str(described["base"]), facts)
    return _whole(folder, facts)


def _whole(folder: Path, facts: dict[str, Any]) -> Identity:
    files = [folder / name for name in (*WHOLE_FILES, TOKENIZER_FILE, MODEL_FILE)]
    lost = [file.name for file in files if not file.is_file()]
    if lost:
        raise InvalidFile(
            f"{folder.name} lacks {lost[0]}, which every Pocket model has.",
            hint="Give the whole folder that training left.",
        )
    headers = [read_header(folder / name) for name in WHOLE_FILES]
    kind = " that draws block by block" if facts["stage"] else ""
    return Identity(
        kind="pocket",
        label=f"Pocket model {facts['name'] or folder.name}{kind}",
        network="pocket",
        num_tensors=sum(len(header.tensors) for header in headers),
        num_bytes=sum(file.stat().st_size for file in files),
        files=tuple(files),
        facts=facts,
    )


def _adapter(folder: Path, base: str, facts: dict[str, Any]) -> Identity:
    file = folder / ADAPTER_FILE
    if not file.is_file():
        raise InvalidFile(
            f"{folder.name} lacks {ADAPTER_FILE}, which an adapted model has.",
            hint="Give the whole folder that training left.",
        )
    header = read_header(file)
    row = shipped_rows().get(base)
    problems = []
    if header.metadata.get("format") != ADAPTER_FORMAT:
        problems.append(f"{ADAPTER_FILE} is not an adapter of this app")
    elif row is None or row.family != "pocket":
        problems.append(f"its base {base[:80]!r} is not in the catalogue")
    elif header.metadata.get("base_sha256") != row.file(TRANSFORMER_FILE).sha256:
        problems.append(f"it was trained on other weights than those of {base}")
    return Identity(
        kind="pocket adapter",
        label=f"{facts['name'] or folder.name}, an adapter of {base[:80]}",
        network="pocket",
        num_tensors=len(header.tensors),
        num_bytes=file.stat().st_size,
        problems=tuple(problems),
        files=(file, folder / MODEL_FILE),
        facts={**facts, "base": base},
    )


def _description(folder: Path) -> dict[str, Any]:
    path = folder / MODEL_FILE
    try:
        content = json.loads(bounded.read_text(path, max_bytes=_MAX_BYTES, what="model.json"))
    except AppError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidFile(f"{path} is not JSON.", hint="Copy the folder again.") from error
    if not isinstance(content, dict):
        raise InvalidFile(f"{path} is not a JSON object.", hint="Copy the folder again.")
    return content
