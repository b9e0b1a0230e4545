"""Qwen2.5-7B-Instruct on this machine: loaded for one plan, freed after it.

The weights lie where the catalogue's row MODEL has them, as their publisher ships them. Nothing is
downloaded here, no code in the folder is run, and only safetensors are read.
"""

from __future__ import annotations

import gc
import json
import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError, OutOfMemory
from videosketcher_app.models.model_rows import shipped_rows
from videosketcher_app.models.weights_folder import WeightsFolder
from videosketcher_app.services.lease import DeviceLease
from videosketcher_app.services.planner.chat import PlannerFailed
from videosketcher_app.services.planner.prompt import Message

logger = logging.getLogger(__name__)

MODEL = "qwen2.5-7b-instruct"  # its row of the catalogue
FOLDER = "Qwen2.5-7B-Instruct"  # of files that somebody put there by hand
DOWNLOAD_HINT = (
    f"Download it on the Models tab or with `python -m videosketcher_app models download {MODEL}`"
)
_AGAIN_HINT = f"Check the files of {MODEL} on the Models tab, or download them again."
LIMIT_S = 90.0  # loading 15 GB from a disk takes most of it
MAX_NEW_TOKENS = 1200
# Activations and the cache of keys and values, on top of the weights.
WORKING_BYTES = 1_000_000_000
# A larger model writes less than a plan in the limit on a processor.
MAX_BYTES_ON_CPU = 4_000_000_000
MAX_INDEX_BYTES = 5_000_000
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_CONFIG = "config.json"
_SMALL_FILES = (_CONFIG, "tokenizer.json", "tokenizer_config.json")


class QwenChat:
    """A local chat model.

    Args:
        models: the workspace's folder of weights; need not exist.
        device: "auto", "cpu", "cuda", ...
        lease: keeps the book of the device; the model is loaded only if its bytes are granted, so
            never beside a model that needs them.
    """

    name = "qwen"
    title = "Qwen"
    limit_s = LIMIT_S
    tries = 1  # it does not sample: asked again, it says the same

    def __init__(self, models: Path, *, device: str, lease: DeviceLease) -> None:
        self._models = models
        self._device = device
        self._lease = lease
        self._busy = threading.Lock()

    @property
    def is_on_disk(self) -> bool:
        """True if `folder_of` finds it; a download may have brought it a moment ago."""
        return folder_of(self._models) is not None

    def complete(self, messages: Sequence[Message], *, seconds: float) -> str:
        """The reply to a conversation; writing stops after `seconds`.

        Raises:
            PlannerFailed: files are missing or damaged, memory is short, or it is at work.
        """
        deadline = time.monotonic() + seconds
        folder = folder_of(self._models)
        if folder is None:
            raise PlannerFailed("Qwen is not on this disk", hint=f"{DOWNLOAD_HINT}.")
        needed = weight_bytes(folder) + WORKING_BYTES
        if not self._busy.acquire(timeout=0):
            raise PlannerFailed("Qwen is at work on another plan")
        try:
            device = self._usable_device(needed)
            with self._lease.resident(self.title, needed):
                return _write(folder, messages, device, deadline)
        except OutOfMemory as error:
            raise PlannerFailed(error.message.rstrip("."), hint=error.hint) from None
        finally:
            self._busy.release()

    def _usable_device(self, needed: int) -> str:
        from videosketcher_app.services.model_shelf import pick_device

        try:
            device = pick_device(self._device)
        except AppError as error:
            raise PlannerFailed(error.message.rstrip("."), hint=error.hint) from None
        if device == "cpu" and needed - WORKING_BYTES > MAX_BYTES_ON_CPU:
            raise PlannerFailed("Qwen is too slow without a graphics card")
        return device


def folder_of(models: Path) -> Path | None:
    """Where the model lies; None if it is not on this disk.

    That is the whole model of the catalogue, downloaded or used from another place, else FOLDER: what
    somebody put there counts even if a file is missing, so that a plan says which.

    Args:
        models: the workspace's folder of weights.
    """
    weights, row = WeightsFolder(models), shipped_rows()[MODEL]
    found = weights.files_of(row)
    if weights.holds_all(row, found):
        return found[_CONFIG].parent
    by_hand = models / FOLDER
    return by_hand if (by_hand / _CONFIG).is_file() else None


def weight_bytes(folder: Path) -> int:
    """The size of a model's weights on disk.

    Raises:
        PlannerFailed: a file is missing, or the index of the weights cannot be read.
    """
    try:
        for name in _SMALL_FILES:
            (folder / name).stat()
        return sum((folder / name).stat().st_size for name in _weight_files(folder))
    except FileNotFoundError as error:
        raise PlannerFailed(
            f"Qwen's file {Path(error.filename).name} is missing",
            hint=_AGAIN_HINT,
        ) from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise PlannerFailed("Qwen's list of weights cannot be read", hint=_AGAIN_HINT) from None


def _weight_files(folder: Path) -> set[str]:
    index = folder / _INDEX
    if not index.exists():
        return {_SINGLE}
    if index.stat().st_size > MAX_INDEX_BYTES:
        raise ValueError("the index is too large")
    names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    if not names or any(Path(name).name != name for name in names):
        raise ValueError("the index names files elsewhere")
    return names


def _write(folder: Path, messages: Sequence[Message], device: str, deadline: float) -> str:
    import torch
    from jinja2 import TemplateError
    from safetensors import SafetensorError

    # What transformers raises for files that are not what they claim to be.
    broken = (
        *(OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
        *(ImportError, SafetensorError, TemplateError),
    )
    model: Any = None
    try:
        tokenizer, model = _load(folder, device)
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise PlannerFailed(f"Qwen was not loaded within {LIMIT_S:.0f} s")
        return _generate(tokenizer, model, messages, device, seconds)
    except torch.OutOfMemoryError:
        raise PlannerFailed("Qwen ran out of memory") from None
    except broken as error:
        logger.warning("Qwen failed: %s", type(error).__name__, exc_info=True)
        raise PlannerFailed("Qwen's files cannot be used", hint=_AGAIN_HINT) from None
    finally:
        del model
        gc.collect()
        if device.startswith("cuda"):
            torch.cuda.empty_cache()


def _load(folder: Path, device: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype="auto"
    )
    return tokenizer, model.to(device).eval()


def _generate(
    tokenizer: Any, model: Any, messages: Sequence[Message], device: str, seconds: float
) -> str:
    import torch

    asked = tokenizer.apply_chat_template(
        list(messages), add_generation_prompt=True, return_tensors="pt", return_dict=True
    ).to(device)
    with torch.inference_mode():
        written = model.generate(
            **asked,
            max_new_tokens=MAX_NEW_TOKENS,
            max_time=seconds,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
        )
    num_asked = asked["input_ids"].shape[1]
    return tokenizer.decode(written[0, num_asked:], skip_special_tokens=True)
