"""The words of Pocket's tokenizer: everything that the grammar and the plan library can say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import yaml

from videosketcher_app.core.geometry import PLACES, SIZES
from videosketcher_app.core.plan import JOINT, PREFIX
from videosketcher_app.data.grammar.primitives import SHAPES, TITLES
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.grammar.pseudo import EXTRA_SHAPES, RELATIONS
from videosketcher_app.models.text import CHARACTERS, PocketTokenizer, split_words

SEEDS_PER_PROGRAM = 24
# Words of later tasks (brushes, colours), so that all Pocket weights share one vocabulary.
BRUSH_WORDS = """
red orange yellow green blue purple pink brown black white gray grey teal navy violet turquoise gold
silver crimson olive beige dark light bright pale vivid brush stroke strokes style texture color
colour thick thin wide narrow soft hard dry wet ink pencil charcoal crayon marker gouache watercolor
calligraphy fineliner highlighter spray paint painted chalk pen nib transparent opaque grainy smooth
rough matching using drawn with the example sample shown box corner image first frame tall short
"""


def build_tokenizer(library_folder: Path | None = None, minimum: int = 2) -> PocketTokenizer:
    """The tokenizer of all words that programs use and that the plan library uses often enough.

    Args:
        library_folder: folder of plan files (YAML); their words count too.
        minimum: how often a library word must occur.
    """
    words = Counter(dict.fromkeys(_grammar_words(), minimum))
    if library_folder is not None:
        for path in sorted(library_folder.glob("*.yaml")):
            words.update(_words(_texts(yaml.safe_load(path.read_text("utf-8")))))
    known = {w for w, count in words.items() if count >= minimum}
    single = set(CHARACTERS)
    return PocketTokenizer(sorted(w for w in known if w not in single or w in {"a"}))


def _grammar_words() -> set[str]:
    texts = [PREFIX, JOINT, BRUSH_WORDS, *TITLES, *PLACES, *SIZES, *SHAPES, *EXTRA_SHAPES]
    texts += [
        *RELATIONS,
        "tiny",
        "draw",
        "placed in on at of an a the",
        ". , - ' 0 1 2 3 4 5 6 7 8 9",
    ]
    path = Path(__file__).parents[1] / "data" / "grammar" / "words.yaml"
    texts += yaml.safe_load(path.read_text("utf-8")).values()
    for program in programs().values():
        texts += [program.title, *program.titles]
        for seed in range(SEEDS_PER_PROGRAM):
            for part in program.draw(np.random.default_rng(seed)):
                texts += [part.name, part.phrase, part.description]
    return {w for text in texts for w in split_words(text)} | set("0123456789.,-'")


def _words(texts: Iterable[str]) -> Iterable[str]:
    return (w for text in texts for w in split_words(text) if len(w) > 2)


def _texts(value: object) -> Iterable[str]:
    """All strings of parsed YAML except aliases, which the model never reads."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "aliases":
                yield from _texts(item)
