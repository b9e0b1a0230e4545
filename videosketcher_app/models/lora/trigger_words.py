"""Trigger words: the words of a prompt that call a LoRA's style, kept among its file's texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

KEY = "trigger_words"
MAX_WORDS = 20
MAX_CHARACTERS = 200
# Where other tools keep them: a phrase, or words between commas.
_OTHER_KEYS = ("modelspec.trigger_phrase", "ss_trigger_words", "trigger_word", "instance_prompt")


def trigger_words_in(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The trigger words among a file's texts; empty if it names none."""
    if KEY in metadata:
        return cleaned(_listed(metadata[KEY]))
    found = next((metadata[key] for key in _OTHER_KEYS if metadata.get(key)), "")
    return cleaned(found.split(","))


def with_trigger_words(metadata: Mapping[str, str], words: Sequence[str]) -> dict[str, str]:
    """The texts with these words in them; no words leave what is there."""
    if not words:
        return dict(metadata)
    return {**metadata, KEY: json.dumps(cleaned(words), ensure_ascii=False)}


def cleaned(words: Sequence[object]) -> tuple[str, ...]:
    """Words on one line, of a length that can be shown, each once."""
    lines = (" ".join(str(word).split())[:MAX_CHARACTERS] for word in words)
    plain = ("".join(c for c in line if c.isprintable()) for line in lines)
    return tuple(dict.fromkeys(line for line in plain if line))[:MAX_WORDS]


def _listed(text: str) -> Sequence[object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text.split(",")
    return found if isinstance(found, list) else [text]
