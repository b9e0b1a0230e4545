"""A pickled checkpoint becomes a safetensors file, once, in a child process.

The child reads with storage's restricted reader, has a limit of time and memory and none of our
environment, and leaves the whole file or nothing. The target is named by the pickle's SHA-256.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from videosketcher_app.core.errors import AppError, CannotWrite, InvalidFile
from videosketcher_app.storage import tensors as tensor_files

PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG", "LD_LIBRARY_PATH")
_START_S, _BYTES_PER_S = 120.0, 10e6  # a slow disk and a slow import
_FLAWS: dict[str, type[AppError]] = {CannotWrite.code: CannotWrite, InvalidFile.code: InvalidFile}


def converted(path: Path, folder: Path) -> Path:
    """The safetensors file in `folder` with the generator of this pickle; made if it is not there.

    Raises:
        MissingModel: there is no such pickle.
        InvalidFile: it is damaged, holds more than tensors, or holds no generator.
        CannotWrite: the folder cannot be written.
    """
    tensor_files.verify(path)
    sha256 = tensor_files.sha256_of(path)
    target = folder / f"{sha256}.safetensors"
    if target.is_file():
        return target
    limit_s = _START_S + path.stat().st_size / _BYTES_PER_S
    module = "videosketcher_app.models.conversion_child"
    arguments = [str(path.absolute()), str(target.absolute()), sha256]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module, no shell
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidFile(
            f"Reading {path.name} took longer than {limit_s:.0f} s.",
            hint="Ask for a safetensors file instead.",
        ) from error
    if done.returncode or not target.is_file():
        raise _told(done.stdout, path)
    return target


def _told(answer: bytes, path: Path) -> AppError:
    try:
        told = json.loads(answer)
        return _FLAWS[told["code"]](str(told["message"]), hint=str(told["hint"]))
    except (ValueError, KeyError, TypeError):
        return InvalidFile(
            f"{path.name} cannot be read: its reader broke off.",
            hint="Ask for a safetensors file instead.",
        )


def _environment() -> dict[str, str]:
    """What Python needs to start, and none of the keys that ours may hold."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**kept, "PYTHONPATH": path, "PYTHONUTF8": "1"}
