"""Published causal checkpoints: VideoSketcher AR, CausVid and Self-Forcing, or a Pocket folder.

The three publish a Wan transformer in a table, under "generator" or "generator_ema", with names
that wrappers have lengthened. Sizes are read off the tensors. A pickle is converted once, in a
child process, to a safetensors file named by the pickle's SHA-256.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from videosketcher_app.core.errors import InvalidFile, MissingModel
from videosketcher_app.models.adapters import ADAPTER_FILE
from videosketcher_app.models.catalogue import load_adapter_folder
from videosketcher_app.models.causal_wan import WAN_TEXT_TOKENS, CausalWan, causal_pocket
from videosketcher_app.models.conversion import PICKLE_SUFFIXES, converted
from videosketcher_app.models.pocket import MODEL_FILE, load_pocket
from videosketcher_app.models.wan.network import TransformerConfig, WanModel, build_transformer
from videosketcher_app.storage import tensors as tensor_files

Entry = TypeVar("Entry")
CONFIG_FILE = "config.json"
DEFAULT_HEAD_WIDTH = 128  # of every published Wan
LATENT_CHANNELS = 16
_MAX_CONFIG_BYTES = 100_000
Named = TypeVar("Named")
_NAMED = 3  # so many wrong names are told
# Wrappers put these anywhere in a name, and these in front of it.
_INFIXES = ("_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_orig_mod.")
_PREFIXES = ("module.", "model.", "generator.", "pipe.dit.")


def load_causal(
    path: Path,
    *,
    cache: Path,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> CausalWan:
    """A causal transformer from a file, from the folder that holds it, or from a Pocket folder.

    Args:
        cache: folder for converted files.

    Raises:
        MissingModel: there is no such file.
        InvalidFile: damaged, not only tensors, or not a text-to-video Wan transformer.
        DamagedModel: it holds NaN or Inf, or a Pocket folder's parts do not fit.
    """
    if (path / MODEL_FILE).is_file():
        return causal_pocket(load_pocket(path, device, dtype))
    if (path / ADAPTER_FILE).is_file():
        return causal_pocket(load_adapter_folder(path, device, dtype))
    file = weights_file(path)
    source = converted(file, cache) if file.suffix in PICKLE_SUFFIXES else file
    weights = plain_names(tensor_files.read_safetensors(source), file.name)
    settings = read_config(file.parent / CONFIG_FILE)
    tensor_files.check_finite(weights, source=file.name)
    return CausalWan(
        transformer=build(weights, settings, file.name, device, dtype),
        text_tokens=settings.get("text_len", WAN_TEXT_TOKENS),
        device=torch.device(device),
        dtype=dtype,
    )


def weights_file(path: Path) -> Path:
    """The file itself, or the only file of weights in a folder.

    Raises:
        MissingModel: there is none.
        InvalidFile: there are several, or it is of a kind that holds no weights.
    """
    suffixes = (*PICKLE_SUFFIXES, ".safetensors")
    found = [path]
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix in suffixes)
    if not path.exists() or not found:
        raise MissingModel(
            f"There are no weights at {path}.",
            hint="Give the .pt or .safetensors file of a causal model, or its folder.",
        )
    if len(found) > 1:
        names = ", ".join(file.name for file in found[:_NAMED])
        raise InvalidFile(
            f"{path.name} holds {len(found)} files of weights: {names}.", hint="Name one of them."
        )
    if found[0].suffix not in suffixes:
        raise InvalidFile(
            f"{found[0].name} is not a file of weights.", hint=f"These are: {', '.join(suffixes)}."
        )
    return found[0]


def plain_names(weights: Mapping[str, Named], source: str) -> dict[str, Named]:
    """The tensors, or whatever stands for them, under the names that a bare Wan transformer has.

    Raises:
        InvalidFile: two names become one.
    """
    plain: dict[str, Named] = {}
    for name, tensor in weights.items():
        short = _plain_name(name)
        if short in plain:
            raise InvalidFile(
                f"{source} holds {short!r} twice, under different prefixes.",
                hint="Give a file with the weights of one model.",
            )
        plain[short] = tensor
    return plain


def read_config(path: Path) -> dict[str, int]:
    """num_heads and text_len of a config.json, as far as it is there and says so.

    Raises:
        InvalidFile: it is not JSON, or a value is not a positive whole number.
    """
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_CONFIG_BYTES))
    except (ValueError, RecursionError) as error:
        raise InvalidFile(f"{path} is not JSON.", hint="Correct or remove it.") from error
    if not isinstance(content, dict):
        raise InvalidFile(f"{path} is not a JSON object.", hint="Correct or remove it.")
    found = {name: content[name] for name in ("num_heads", "text_len") if name in content}
    for name, value in found.items():
        if type(value) is not int or not 0 < value <= 10_000:
            raise InvalidFile(
                f"{name} in {path} must be a positive whole number. Received: {str(value)[:40]!r}",
                hint="Correct or remove it.",
            )
    return found


def infer_config(
    weights: Mapping[str, Tensor], num_heads: int | None, source: str
) -> TransformerConfig:
    """The transformer's size from its tensors' shapes.

    Raises:
        InvalidFile: it is something else than a text-to-video Wan transformer.
    """
    _check_family(weights, source)
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    dim, in_dim, depth, patch, patch_width = shapes["patch_embedding.weight"]
    heads = num_heads or max(1, dim // DEFAULT_HEAD_WIDTH)
    third = dim // heads // 3
    if (depth, patch) != (1, patch_width) or dim % heads or third % 2 or not third:
        raise InvalidFile(
            f"{source} cannot be a Wan transformer: width {dim}, {heads} heads, "
            f"patch {(depth, patch, patch_width)}.",
            hint=f"Put num_heads into a {CONFIG_FILE} beside the file if its heads are not "
            f"{DEFAULT_HEAD_WIDTH} wide.",
        )
    if in_dim != LATENT_CHANNELS:
        raise InvalidFile(
            f"{source} reads {in_dim} channels, a causal text-to-video model {LATENT_CHANNELS}.",
            hint="For Pocket weights give the folder; models that start from a picture draw brush "
            "sketches.",
        )
    blocks = {name.split(".")[1] for name in weights if name.startswith("blocks.")}
    return TransformerConfig(
        dim=dim,
        in_dim=in_dim,
        ffn_dim=shapes["blocks.0.ffn.0.weight"][0],
        out_dim=shapes["head.head.weight"][0] // patch**2,
        text_dim=shapes["text_embedding.0.weight"][1],
        freq_dim=shapes["time_embedding.0.weight"][1],
        num_heads=heads,
        num_layers=len(blocks),
        patch=patch,
    )


def build(
    weights: Mapping[str, Tensor],
    settings: Mapping[str, int],
    source: str,
    device: str,
    dtype: torch.dtype,
) -> WanModel:
    """The transformer, its weights checked one by one.

    Raises:
        InvalidFile: names what is missing, what is too much, or what has another shape.
    """
    config = infer_config(weights, settings.get("num_heads"), source)
    with torch.device("meta"):
        transformer = build_transformer(config)
    expected = {name: tuple(value.shape) for name, value in transformer.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    refuse_other_tensors(source, expected=expected, found=found)
    moved = {name: value.to(device, dtype) for name, value in weights.items()}
    transformer.load_state_dict(moved, assign=True)
    return transformer.eval().requires_grad_(False)


def refuse_other_tensors(
    source: str, *, expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]
) -> None:
    """Compares a file's tensors with a network's, name by name and shape by shape.

    Raises:
        InvalidFile: names what is missing, what is too much, or what has another shape.
    """
    _refuse(source, "lacks", expected.keys() - found.keys())
    _refuse(source, "has tensors that this network has not:", found.keys() - expected.keys())
    _refuse(source, "has other shapes in", {n for n in expected if expected[n] != found[n]})


def _plain_name(name: str) -> str:
    for infix in _INFIXES:
        name = name.replace(infix, "")
    while prefix := next((p for p in _PREFIXES if name.startswith(p)), None):
        name = name.removeprefix(prefix)
    return name


def _check_family(weights: Mapping[str, Tensor], source: str) -> None:
    if any(".lora_" in name for name in weights):
        raise InvalidFile(
            f"{source} is a LoRA, not a whole model.", hint="Give it with --lora to a base model."
        )
    if any(name.startswith("img_emb.") for name in weights):
        raise InvalidFile(
            f"{source} is an image-to-video model.", hint="Causal drawing needs text-to-video."
        )
    axes = {
        "patch_embedding.weight": 5,
        "text_embedding.0.weight": 2,
        "time_embedding.0.weight": 2,
        "blocks.0.ffn.0.weight": 2,
        "head.head.weight": 2,
    }
    wrong = [name for name in axes if name not in weights]
    wrong = wrong or [name for name, count in axes.items() if weights[name].ndim != count]
    wrong = wrong or [name for name in axes if not math.prod(weights[name].shape)]
    if wrong:
        raise InvalidFile(
            f"{source} is not a Wan transformer: {wrong[0]!r} is missing or has another shape.",
            hint="Give the causal checkpoint of VideoSketcher, CausVid or Self-Forcing.",
        )


def _refuse(source: str, problem: str, names: Iterable[str]) -> None:
    wrong = sorted(names)
    if not wrong:
        return
    more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    listed = ", ".join(repr(name[:80]) for name in wrong[:_NAMED])
    raise InvalidFile(
        f"{source} {problem} {listed}{more}.",
        hint="It belongs to another model, or was saved incompletely.",
    )
