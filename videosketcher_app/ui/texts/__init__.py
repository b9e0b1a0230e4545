"""Every sentence that the page shows, in one table a language; `t("gallery.empty")` reads it.

A language is a folder of YAML files, one a section: `en/gallery.yaml` holds `gallery.*`. A
translation may leave keys out; they fall back to English.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent
LANGUAGE = "en"


@cache
def table(language: str = LANGUAGE) -> dict[str, str]:
    """Key ("section.name") -> text with {placeholders}."""
    texts: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.yaml")):
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        texts.update({f"{path.stem}.{name}": str(text) for name, text in entries.items()})
    return texts


def t(key: str, /, *, language: str = LANGUAGE, **values: object) -> str:
    """The text of a key with its placeholders filled in.

    Raises:
        KeyError: no language has the key.
    """
    text = table(language).get(key) or table()[key]
    return text.format(**values) if values else text
