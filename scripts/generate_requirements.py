"""Writes requirements.txt and requirements-dev.txt from pyproject.toml.

python scripts/generate_requirements.py [--check]: with --check, only says whether they are current.
"""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Generated from pyproject.toml by scripts/generate_requirements.py; edit that file.\n"


def generated(pyproject: str) -> dict[str, str]:
    """File name -> content, for the text of a pyproject.toml."""
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"]
    dev = [*extras["dev"], *extras["train"], *extras["cluster"]]
    return {
        "requirements.txt": HEADER + "".join(f"{line}\n" for line in project["dependencies"]),
        "requirements-dev.txt": HEADER + "".join(f"{line}\n" for line in dev),
    }


def main() -> int:
    """Writes or checks; returns the exit code."""
    files = generated((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if "--check" in sys.argv[1:]:
        stale = [n for n, text in files.items() if (ROOT / n).read_text(encoding="utf-8") != text]
        if stale:
            print(f"out of date: {', '.join(stale)}; run python scripts/generate_requirements.py")
        return 1 if stale else 0
    for name, text in files.items():
        (ROOT / name).write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
