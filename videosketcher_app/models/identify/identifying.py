"""From a path to its identity: folders first, then tables of tensors, then rows of the catalogue."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from videosketcher_app.core.errors import InvalidFile, MissingModel
from videosketcher_app.models.identify.contents import (
    INDEX_SUFFIX,
    PICKLE_SUFFIXES,
    Contents,
    read_contents,
)
from videosketcher_app.models.identify.identity import Identity
from videosketcher_app.models.identify.loras import is_lora, lora_identity
from videosketcher_app.models.identify.own_folders import ADAPTER_FILE, own_identity
from videosketcher_app.models.identify.parts import part_identity
from videosketcher_app.models.identify.rows import with_row
from videosketcher_app.models.identify.transformers import is_wan, transformer_identity

_MAX_ENTRIES = 2000
_LMDB_FILE, _PEFT_FILE = "data.mdb", "adapter_model.safetensors"
_NAMED = 3
# What is no weights of ours, by a name that it has: said so that nobody wonders.
_OTHERS = (
    (r"^condition_embedder\.|attn1\.to_q", "a Wan transformer under the names of diffusers"),
    (r"^(model\.)?diffusion_model\.", "a transformer packed by ComfyUI below 'diffusion_model.'"),
    (r"\.row_scale$", "a part of a Pocket model; give its whole folder"),
    (r"exp_avg|^optimizer|^state\.", "the state of a training run"),
    (r"^encoder\.block\.|shared\.weight", "a T5 text encoder under the names of transformers"),
    (r"double_blocks|single_blocks", "a transformer of FLUX or HunyuanVideo"),
    (r"joint_blocks|transformer_blocks", "another image or video transformer"),
    (r"input_blocks|down_blocks", "a UNet of Stable Diffusion"),
    (r"model\.layers\.\d+\.self_attn|lm_head", "a language model"),
    (r"first_stage_model|quant_conv|decoder\.mid_block", "a VAE of another model"),
    (r"text_model|vision_model|textual\.", "a CLIP of another kind"),
)


def identify(path: Path) -> Identity:
    """What a file or folder of weights is, from names, shapes and headers alone.

    Raises:
        MissingModel: there is nothing, or no weights.
        InvalidFile: it is damaged, or unknown: says what it looks like.
    """
    folder = path if _is_folder(path) else None
    if folder is not None:
        found = own_identity(folder) or _dataset(folder)
        if found is not None:
            return found
        inner = folder / "model"
        if inner.is_dir() and not _weights_in(folder) - {folder / "transformer.safetensors"}:
            return identify(inner)
    elif path.name == ADAPTER_FILE and (found := own_identity(path.parent)) is not None:
        return found
    contents = read_contents(_file_of(path))
    return with_row(_identity_of(contents), path)


def _identity_of(contents: Contents) -> Identity:
    from videosketcher_app.models.published import plain_names

    tensors = contents.tensors
    if not tensors:
        raise InvalidFile(f"{contents.source} holds no tensors.", hint="Download or copy it again.")
    if is_lora(tensors):
        return lora_identity(contents)
    part = part_identity(contents)
    if part is not None:
        return part
    bare = plain_names(tensors, contents.source)
    if is_wan(bare):
        return transformer_identity(contents, bare)
    raise InvalidFile(
        f"{contents.source} is nothing that this app knows: {_likeness(contents)}.",
        hint="Give weights of Wan 2.1, of a causal model of its family, a LoRA, or a model that "
        "this app trained.",
    )


def _likeness(contents: Contents) -> str:
    for pattern, told in _OTHERS:
        if any(re.search(pattern, name) for name in contents.tensors):
            return f"it looks like {told}"
    first = ", ".join(repr(name[:60]) for name in list(contents.tensors)[:_NAMED])
    return f"its {len(contents.tensors)} tensors begin with {first}"


def _file_of(path: Path) -> Path:
    """The file itself, or the one set of weights that a folder holds.

    Raises:
        MissingModel: there is none.
        InvalidFile: there are several.
    """
    if not path.is_dir():
        return path
    if (path / _PEFT_FILE).is_file():
        return path / _PEFT_FILE
    index = sorted(path.glob(f"*{INDEX_SUFFIX}"))
    if index:
        return index[0]
    found = sorted(_weights_in(path))
    if not found:
        raise MissingModel(
            f"There are no weights in {path}.", hint="Give the folder that holds the files."
        )
    sets = {re.sub(r"-\d{5}-of-\d{5}", "", file.name) for file in found}
    if len(sets) > 1:
        listed = ", ".join(sorted(sets)[:_NAMED])
        raise InvalidFile(
            f"{path.name} holds {len(sets)} sets of weights: {listed}.",
            hint="Name one of them; published models in it are found by `models where NAME "
            "--look-in FOLDER --use`.",
        )
    return found[0]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that no disk takes
        raise MissingModel(
            f"There are no weights at {str(path)[:200]}.", hint="Check the name and the folder."
        ) from None


def _weights_in(folder: Path) -> set[Path]:
    entries = [entry for _, entry in zip(range(_MAX_ENTRIES), folder.iterdir(), strict=False)]
    suffixes = (".safetensors", *PICKLE_SUFFIXES)
    return {e for e in entries if e.suffix in suffixes and not e.name.startswith(".")}


def _dataset(folder: Path) -> Identity | None:
    file = folder / _LMDB_FILE
    if not file.is_file():
        return None
    identity = Identity(
        kind="dataset",
        label="LMDB of latents and prompts",
        num_bytes=file.stat().st_size,
        files=(file,),
    )
    return replace(with_row(identity, file), label=identity.label)
