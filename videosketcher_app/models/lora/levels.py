"""From which noise level on a LoRA draws, kept among its file's texts.

The first steps of a sketch decide what is drawn where and when, the later ones how it looks. A style
that was learned at the later levels only is silent before them: layout and order stay the model's own.
Tools that do not know the key apply the LoRA at every level, as they do with any other.
"""

from __future__ import annotations

from collections.abc import Mapping

KEY = "from_noise_level"
EVERY_LEVEL = 1.0


def first_level_in(metadata: Mapping[str, str]) -> float:
    """The highest noise level at which the LoRA draws, in (0, 1]; 1 if its file names none."""
    try:
        level = float(metadata.get(KEY, EVERY_LEVEL))
    except ValueError:
        return EVERY_LEVEL
    return level if 0 < level < 1 else EVERY_LEVEL


def with_first_level(metadata: Mapping[str, str], level: float) -> dict[str, str]:
    """The texts with this level in them; every level leaves what is there."""
    return dict(metadata) if level >= EVERY_LEVEL else {**metadata, KEY: repr(level)}
