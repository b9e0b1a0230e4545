"""Words of a concept: one spelling for what means the same, and which misspellings are safe."""

from __future__ import annotations

import re
import unicodedata

_ASKING = re.compile(
    r"^(?:(?:an?|the) )?(?:simple |quick )?(?:drawing|sketch|picture|image|doodle|illustration) of |"
    r"^(?:please,? |can you |could you |i want |i would like |draw |sketch |paint |make |me )+",
    re.IGNORECASE,
)
# fmt: off
# Articles of the languages that the library's aliases are written in.
_ARTICLES = {
    "a", "an", "the", "some", "my", "our", "one", "un", "una", "uno", "une", "des", "el", "la",
    "los", "las", "lo", "il", "gli", "i", "le", "les", "l", "der", "die", "das", "den", "dem",
    "ein", "eine", "einen", "um", "uma", "o", "os", "as",
}
_COUNTED_ONE = re.compile(r"^一[个只隻個匹頭头条條棵朵座辆輛张張把顶頂件本台艘架]?(?=.)")
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "’": "'"})
# What begins the part of a phrase that no longer says what the thing is.
CONNECTORS = {
    "with", "without", "on", "in", "at", "under", "near", "by", "next", "behind", "over", "above",
    "below", "beside", "between", "inside", "into", "of", "for", "from", "to", "against",
    "wearing", "riding", "holding", "during", "while", "that", "which", "who", "and", "or",
    "plus", "vs", "chasing", "through", "along", "around", "beneath", "across", "like",
}
# fmt: on
_IRREGULAR = {
    "mice": "mouse",
    "geese": "goose",
    "wolves": "wolf",
    "leaves": "leaf",
    "knives": "knife",
    "wives": "wife",
    "men": "man",
    "women": "woman",
    "people": "person",
    "children": "child",
    "babies": "baby",
    "feet": "foot",
    "fishes": "fish",
}
# Right spellings of other things that differ by a doubled letter or one edit from a known one.
_NOT_MISSPELLED = {"dessert", "desserts", "stations", "grasses", "classes"}


def without_asking(text: str) -> str:
    """ "Please draw me a cat" -> "a cat"; a text that is nothing else stays as it is."""
    previous, rest = "", text
    while previous != rest:
        previous, rest = rest, _ASKING.sub("", rest, count=1)
    return rest or text


def normalize(text: str) -> str:
    """Lower case, without accents, punctuation and leading articles; a comma reads as "and"."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    text = unicodedata.normalize("NFC", "".join(_without_accents(text)))
    text = re.sub(r"[,;&+](?=.*\w)", " and ", text.replace("'s ", "s "))
    text = " ".join(re.sub(r"[^\w ]|_", " ", text).split())
    previous = ""
    while previous != text:
        previous = text
        text = _without_article(text)
    return text


def _without_accents(text: str) -> list[str]:
    # Only Latin accents: the marks of other scripts tell words apart.
    return [c for c in unicodedata.normalize("NFD", text) if not "\u0300" <= c <= "\u036f"]


def _without_article(text: str) -> str:
    first, _, others = text.partition(" ")
    if others and first in _ARTICLES:
        return others
    return _COUNTED_ONE.sub("", text)


def variants(phrase: str) -> list[str]:
    """The phrase, then with its last word in the singular or plural, then without spaces."""
    *head, last = phrase.split(" ")
    spellings = [phrase]
    spellings += [" ".join([*head, word]) for word in _other_number(last)]
    if head:
        spellings.append(phrase.replace(" ", ""))
    return spellings


def _other_number(word: str) -> list[str]:
    if word in _IRREGULAR:
        return [_IRREGULAR[word]]
    forms = []
    if word.endswith("ies") and len(word) > 4:
        forms.append(word[:-3] + "y")
    if re.search(r"(?:[sx]|ch|sh|o)es$", word):
        forms.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        forms.append(word[:-1])
    if not word.endswith("s"):
        forms.append(word + "s")
    return forms


def is_safe_misspelling(word: str, known: str) -> bool:
    """True if `word` can hardly be anything but `known`, misspelled.

    Short words are near too many others ("coat", "cat"), so that there only a letter doubled or a
    swap of neighbors counts; one other edit counts from 8 letters on, two from 11 on.
    """
    if word in _NOT_MISSPELLED or word[:1] != known[:1] or abs(len(word) - len(known)) > 2:
        return False
    shorter = min(len(word), len(known))
    if shorter >= 3 and _undoubled(word) == _undoubled(known):
        return True
    if shorter >= 5 and _is_swap(word, known):
        return True
    allowed = 2 if shorter >= 11 else 1 if shorter >= 8 else 0
    return allowed > 0 and _distance(word, known) <= allowed


def _undoubled(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def _is_swap(word: str, known: str) -> bool:
    if len(word) != len(known):
        return False
    places = [i for i, (a, b) in enumerate(zip(word, known, strict=True)) if a != b]
    return (
        len(places) == 2
        and places[1] == places[0] + 1
        and word[places[0]] == known[places[1]]
        and word[places[1]] == known[places[0]]
    )


def _distance(first: str, second: str) -> int:
    """Levenshtein distance: insertions, removals and changes of one letter."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        previous, row = row, [i]
        for j, b in enumerate(second, start=1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (a != b)))
    return row[-1]
