"""Scripts and styles of our own components: files of ui/assets, with what Python hands over."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from videosketcher_app.ui.texts import table

FOLDER = Path(__file__).resolve().parent.parent / "assets"


def script(*names: str, **constants: Any) -> str:
    """The scripts one after another, as the body of the one function that Gradio runs.

    Args:
        names: files of ui/assets without their ending; later ones use what earlier ones define.
        constants: plain JSON values that the scripts read under these names.
    """
    heads = [f"const {name} = {json.dumps(value)};" for name, value in constants.items()]
    return "\n".join(["'use strict';", *heads, *(_read(f"{name}.js") for name in names)])


def style(name: str) -> str:
    """A style sheet of ui/assets; Gradio scopes it to the component.

    Gradio reads styles as a template, so they contain no backslash, backtick or doubled brace.
    """
    return _read(f"{name}.css")


def section(name: str) -> dict[str, str]:
    """The texts of one section, by their names in it."""
    prefix = f"{name}."
    return {
        key.removeprefix(prefix): text for key, text in table().items() if key.startswith(prefix)
    }


def html_texts(name: str) -> dict[str, str]:
    """The texts of one section, escaped for HTML."""
    return {key: escape(text) for key, text in section(name).items()}


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
