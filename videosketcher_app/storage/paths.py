"""Guarded paths: names from people stay inside their folder; where the app keeps what."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from videosketcher_app.core.errors import ForbiddenPath

MAX_NAME_BYTES = 200
MAX_SLUG_BYTES = 160  # leaves room for "_s<seed>_2" and "_config.json"
MAX_PATH_CHARACTERS = 1000
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"}
)
_FORBIDDEN = frozenset('<>:"|?*\\/')


def safe_name(name: str) -> str:
    """The name itself, if it can name a file on Linux, macOS and Windows.

    Raises:
        ForbiddenPath: it holds a separator, a drive, a NUL, is reserved, hidden or too long.
    """
    # Full-width dots and slashes become ASCII ones in some file systems: judge what they become.
    folded = unicodedata.normalize("NFKC", name)
    bad = (
        not folded.strip()
        or folded.startswith(".")
        or folded != folded.rstrip(". ")
        or folded != folded.lstrip(" ")
        or any(c in _FORBIDDEN or unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in folded)
        or folded.split(".")[0].strip().casefold() in _RESERVED
        or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES
    )
    if bad:
        raise _forbidden(name)
    return name


def safe_join(root: Path, relative: str) -> Path:
    """The path `relative` (parts joined by "/") below `root`, following no link out of it.

    The answer does not depend on whether the file exists, unless a link is in the way.

    Raises:
        ForbiddenPath: the path is absolute, leaves `root`, or has a part that `safe_name` refuses.
    """
    if len(relative) > MAX_PATH_CHARACTERS:
        raise _forbidden(relative)
    path = root
    for part in relative.split("/"):
        path = path / safe_name(part)
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a name the disk refuses
        raise _forbidden(relative) from None
    if not inside:
        raise _forbidden(relative)
    return path


def _forbidden(name: str) -> ForbiddenPath:
    return ForbiddenPath(
        f"This name cannot be used here: {name[:80]!r}.",
        hint="Use letters, digits, spaces, dots, dashes and underscores, and stay in the folder.",
    )


@dataclass(frozen=True)
class Workspace:
    """The one folder where the app keeps what is its own; `root` need not exist yet."""

    root: Path

    @property
    def models(self) -> Path:
        """Downloaded and imported weights."""
        return self.root / "models"

    @property
    def cache(self) -> Path:
        """What can be made again: latents, text embeddings."""
        return self.root / "cache"

    @property
    def sessions(self) -> Path:
        """One folder a browser session, under an unguessable name."""
        return self.root / "sessions"

    @property
    def runs(self) -> Path:
        """One folder a training run."""
        return self.root / "runs"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.root / "logs"

    @property
    def history(self) -> Path:
        """The database of jobs and outputs."""
        return self.root / "history.sqlite3"

    @property
    def bin(self) -> Path:
        """Deleted drawings, one folder each, until the bin is emptied."""
        return self.root / "bin"

    @property
    def lock(self) -> Path:
        """Held by the one process that owns this workspace."""
        return self.root / "lock"


def run_folder(output_dir: Path, name: str, *, seed: int, config: dict[str, object]) -> Path:
    """Where a run leaves its files: `<name>`, else `<name>_s<seed>`, else `<name>_s<seed>_2`, ...

    A folder is taken if it is free or holds the same request: `<folder>_config.json` in it equals
    `config`. The same request therefore always finds its own folder again.

    Raises:
        ForbiddenPath: `name` cannot name a folder.
    """
    number = 1
    candidate = safe_join(output_dir, name)
    while candidate.exists() and not _holds(candidate, config):
        suffix = f"_s{seed}" if number == 1 else f"_s{seed}_{number}"
        candidate = safe_join(output_dir, name + suffix)
        number += 1
    return candidate


def _holds(folder: Path, config: dict[str, object]) -> bool:
    try:
        held = json.loads((folder / f"{folder.name}_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return held == json.loads(json.dumps(config))


def slug(text: str, *, max_characters: int = 60) -> str:
    """A name for files made from words: "A cat!" -> "a_cat"; never empty."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold())
    cut = "_".join(words)[:max_characters].encode("utf-8")[:MAX_SLUG_BYTES]
    short = cut.decode("utf-8", "ignore").strip("_")
    return f"{short}_" if short in _RESERVED else short or "untitled"
