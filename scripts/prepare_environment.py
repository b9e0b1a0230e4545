"""Makes .venv and installs what changed; run_linux.sh and run_windows.bat call it first.

Standard library only: it runs before anything is installed. Everything it says goes to standard
error, so that the output of the command that follows stays clean.

VIDEOSKETCHER_PYTHON       Python to build .venv from; a torch that it already has is used as it is
VIDEOSKETCHER_TORCH_INDEX  wheel index for torch instead of the default one: CPU-only, ROCm, ...
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 10), (3, 13)
# Below 2.10 the weights-only reader could be tricked; above the pinned version nothing was tested.
TORCH_RANGE = ("2.10", "2.16")
TORCH_NAMES = ("torch", "torchvision")
INDEX_VARIABLE = "VIDEOSKETCHER_TORCH_INDEX"
PYTHON_VARIABLE = "VIDEOSKETCHER_PYTHON"
SIZE = "about 3.3 GB to download and 7 GB of disk with torch for CUDA"
SIZE_KEPT = "about 0.5 GB to download"

# The distribution's version, which pip compares; torch.__version__ may carry a "+cu132" more.
_TORCH_OF = """
from importlib.metadata import version
from pathlib import Path
import torch
print(version("torch"))
print(Path(torch.__file__).parents[1])
"""
_TORCHVISION_OF = "import torchvision; print(torchvision.__version__)"


class CannotPrepare(Exception):
    """One sentence for the person at the shell."""


def python_of(environment: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def name_of(requirement: str) -> str:
    """Name of the distribution in a line of a requirements file; empty for a comment."""
    line = requirement.split("#")[0].strip()
    end = next((i for i, c in enumerate(line) if c in "=<>!~;[ @"), len(line))
    return line[:end].lower().replace("_", "-")


def without_torch(requirements: str) -> list[str]:
    """The requirements that have nothing to do with torch itself."""
    lines = requirements.splitlines()
    return [line for line in lines if name_of(line) and name_of(line) not in TORCH_NAMES]


def stamp_of(requirements: list[str], variables: Mapping[str, str]) -> str:
    """What an environment was made from; a change means that something must be installed."""
    parts = [*requirements, "{}.{}".format(*sys.version_info[:2])]
    parts += [f"{name}={variables.get(name, '')}" for name in (INDEX_VARIABLE, PYTHON_VARIABLE)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def is_usable_torch(version: str) -> bool:
    """True if a torch of this version may be kept."""
    numbers = tuple(int(part) for part in version.split("+")[0].split(".")[:2] if part.isdigit())
    low, high = (tuple(int(part) for part in bound.split(".")) for bound in TORCH_RANGE)
    return low <= numbers < high


def main(arguments: list[str]) -> int:
    """Prepares for running, or with --dev for testing; returns the exit code."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return _fail(f"Python 3.10 to 3.13 is needed, this is {sys.version.split()[0]}.")
    files = [ROOT / "requirements.txt", *_dev_file(arguments)]
    texts = [file.read_text(encoding="utf-8") for file in files]
    environment = ROOT / ".venv"
    # One stamp a set of files: whoever has what the tests need also has what the app needs.
    stamps = {
        environment / f".installed-{count}": stamp_of(texts[:count], os.environ)
        for count in range(1, len(texts) + 1)
    }
    wanted, stamp = list(stamps.items())[-1]
    try:
        if not _is_current(environment, wanted, stamp):
            with _lock(environment):
                if not _is_current(environment, wanted, stamp):
                    _install(environment, files)
                    for file, text in stamps.items():
                        file.write_text(text, encoding="utf-8")
    except CannotPrepare as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{environment} cannot be made: {error.strerror}.")
    except subprocess.CalledProcessError as error:
        return _fail(f"The installation stopped (pip exit code {error.returncode}), see above.")
    return 0


def _dev_file(arguments: list[str]) -> list[Path]:
    return [ROOT / "requirements-dev.txt"] if "--dev" in arguments else []


def _is_current(environment: Path, stamp_file: Path, stamp: str) -> bool:
    made = python_of(environment).exists() and stamp_file.is_file()
    return made and stamp_file.read_text(encoding="utf-8") == stamp


def _install(environment: Path, files: list[Path]) -> None:
    base = os.environ.get(PYTHON_VARIABLE) or sys.executable
    kept = _ask(str(python_of(environment)), _TORCH_OF) or _ask(base, _TORCH_OF)
    if not python_of(environment).exists() or not _ask(
        str(python_of(environment)), "import pip; print(1)"
    ):
        _say(f"Making {environment}")
        _make(environment, base)
    python = str(python_of(environment))
    pinned = environment / ".torch-pinned"  # ours to replace when the pins change
    if kept and not pinned.exists() and is_usable_torch(kept[0]):
        _say(f"Installing: {SIZE_KEPT}. Keeping torch {kept[0]}.")
        _see(environment, Path(kept[1]))
        _install_beside_torch(python, environment, files, kept[0])
    elif index := os.environ.get(INDEX_VARIABLE):
        _say(f"Installing: {SIZE_KEPT} and torch from the index in {INDEX_VARIABLE}.")
        low, high = TORCH_RANGE
        _pip(python, "--index-url", index, f"torch>={low},<{high}", "torchvision")
        version = _ask(python, _TORCH_OF)
        if not version:
            raise CannotPrepare(f"The torch from {INDEX_VARIABLE} does not import.")
        _install_beside_torch(python, environment, files, version[0])
    else:
        _say(f"Installing: {SIZE}. Set {INDEX_VARIABLE} for a smaller, CPU-only torch.")
        _pip(python, *(argument for file in files for argument in ("-r", str(file))))
        pinned.touch()


def _install_beside_torch(python: str, environment: Path, files: list[Path], version: str) -> None:
    """Installs the rest and forbids pip to replace this torch."""
    lines = [line for file in files for line in without_torch(file.read_text(encoding="utf-8"))]
    if not _ask(python, _TORCHVISION_OF):
        lines.append("torchvision")  # pip picks the one that fits this torch
    listed, bound = environment / ".requirements.txt", environment / ".constraints.txt"
    listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    bound.write_text(f"torch=={version}\n", encoding="utf-8")
    _pip(python, "-r", str(listed), "-c", str(bound))


def _make(environment: Path, base: str) -> None:
    if Path(base).resolve() == Path(sys.executable).resolve():
        venv.EnvBuilder(with_pip=True, symlinks=os.name != "nt").create(environment)
    else:
        subprocess.run([base, "-m", "venv", str(environment)], check=True, stdout=sys.stderr)


def _see(environment: Path, packages: Path) -> None:
    """Lets the environment find packages of the one that its torch lives in, after its own."""
    if packages.is_relative_to(environment):
        return
    own = _ask(
        str(python_of(environment)), "import sysconfig; print(sysconfig.get_path('purelib'))"
    )
    (Path(own[0]) / "videosketcher_torch.pth").write_text(f"{packages}\n", encoding="utf-8")


def _ask(python: str, code: str) -> list[str]:
    """Lines that a snippet prints; none if it fails."""
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def _pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, stdout=sys.stderr)


@contextmanager
def _lock(environment: Path) -> Iterator[None]:
    """One process at a time; released by the system if the process dies."""
    environment.mkdir(exist_ok=True)
    with (environment / ".lock").open("a+b") as file:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _fail(text: str) -> int:
    _say(text)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
