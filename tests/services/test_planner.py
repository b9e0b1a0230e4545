from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.export_grammar_plans import TARGET, taught_yaml
from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.services.planner import BRUSH_CLAUSE, LibraryPlanner, with_brush_clause
from videosketcher_app.services.planner.entries import load_entries
from videosketcher_app.services.planner.library import LIBRARY_FOLDER, PlanLibrary, shipped_library
from videosketcher_app.services.planner.words import is_safe_misspelling, normalize

PRESETS = LIBRARY_FOLDER.parent
SHAPE = re.compile(
    r"\b(circle|oval|square|rectangle|triangle|diamond|star|heart|cross|spiral|zigzag|wave|arrow|"
    r"crescent|straight line)(s|es)?\b"
)
PLACE = re.compile(
    r"\b(top|bottom|center|left|right|inside|above|below|next to|attached to|around|across|on|of)\b"
)
PLAN = {"title": "a zog", "parts": [{"name": n, "description": "circle"} for n in ("a", "b", "c")]}


@pytest.fixture(scope="module")
def planner() -> LibraryPlanner:
    return LibraryPlanner()


def test_the_library_holds_at_least_250_plans_under_distinct_names() -> None:
    entries = shipped_library().entries
    keys = [key for entry in entries for key in entry.keys]
    assert len(entries) >= 250
    assert len(keys) == len(set(keys))
    assert all(keys)


def test_every_shipped_plan_is_a_plan_that_reads_back(planner: LibraryPlanner) -> None:
    for entry in shipped_library().entries:
        planned = planner.plan(entry.title)
        assert planned.plan.concept == entry.title
        assert planned.note == ""
        assert parse_plan(str(planned.model_plan)) == planned.model_plan
        assert 3 <= len(entry.parts) <= 12
        for part in entry.parts:
            assert not part.description.endswith("."), entry.title
            assert "\u2013" not in part.description, entry.title


def test_untaught_plans_speak_of_shapes_and_places_only() -> None:
    for entry in shipped_library().entries:
        if entry.taught:
            continue
        assert 4 <= len(entry.parts) <= 8, entry.title
        assert len({part.name for part in entry.parts}) == len(entry.parts), entry.title
        for part in entry.parts:
            assert SHAPE.search(part.description), (entry.title, part.text)
            assert PLACE.search(part.description), (entry.title, part.text)
            assert len(part.description.split()) < 12, (entry.title, part.text)


def test_every_alias_leads_to_its_plan(planner: LibraryPlanner) -> None:
    for entry in shipped_library().entries:
        for alias in entry.aliases:
            planned = planner.plan(alias)
            assert planned.model_plan.concept == entry.title, alias
            assert planned.taught == entry.taught


def test_taught_plans_are_those_of_the_grammar() -> None:
    assert TARGET.read_text(encoding="utf-8") == taught_yaml(), (
        "run: python scripts/export_grammar_plans.py"
    )


@pytest.mark.parametrize(
    "words",
    [
        *(
            "a cat",
            "CAT",
            "the Cats!",
            "un gato",
            "le chat",
            "die Katze",
            "il gatto",
            "一只猫",
            "ネコ",
        ),
        *("  a   cat ", "a cat.", "\u201ca cat\u201d", "cats", "a drawing of a cat"),
        "Please draw a cat",
    ],
)
def test_case_number_articles_and_language_do_not_matter(
    planner: LibraryPlanner, words: str
) -> None:
    planned = planner.plan(words)
    assert planned.model_plan.concept == "a cat"
    assert planned.planner == "library"
    assert planned.taught


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("a catt", "a cat"),
        ("elehpant", "an elephant"),
        ("buterfly", "a butterfly"),
        ("girafffe", "a giraffe"),
        ("hellicopter", "a helicopter"),
    ],
)
def test_a_safe_misspelling_is_read_and_said(
    planner: LibraryPlanner, words: str, title: str
) -> None:
    planned = planner.plan(words)
    assert planned.plan.concept == title
    assert f'is read as "{title}"' in planned.note


@pytest.mark.parametrize(
    "words",
    [
        *("a cathedral", "a coat", "beer", "crow", "dessert", "a glass", "cat food", "station"),
        *("a catalog", "a cat and a dog", "Москва", "qwertyuiop", "a", "of", "the and of", "7"),
        "\u00e9\u0301",
    ],
)
def test_an_unknown_concept_gets_a_scheme_that_says_so(planner: LibraryPlanner, words: str) -> None:
    planned = planner.plan(words)
    assert planned.planner == "schematic"
    assert not planned.taught
    assert "does not know" in planned.note
    assert planned.plan.concept == words
    assert len(planned.plan.parts) >= 4
    assert len(planned.nearest) == 3
    assert all(planner.plan(title).planner == "library" for title in planned.nearest)
    assert parse_plan(str(planned.model_plan)) == planned.model_plan
    for part in planned.plan.parts:
        assert SHAPE.search(part.description)
        assert PLACE.search(part.description)


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("a sleepy cat", "a cat"),
        ("a big red car", "a car"),
        ("cat on a mat", "a cat"),
        ("a cat sitting on a mat", "a cat"),
        ("a cat, black and white", "a cat"),
        ("a sleepy catt", "a cat"),
        ("three blind mice", "a mouse"),
    ],
)
def test_what_the_plan_leaves_out_is_said(planner: LibraryPlanner, words: str, title: str) -> None:
    planned = planner.plan(words)
    assert planned.plan.concept == words
    assert planned.model_plan.concept == title
    assert title in planned.note
    assert "nothing else" in planned.note


def test_the_scheme_of_several_things_draws_each_in_its_own_place(planner: LibraryPlanner) -> None:
    parts = planner.plan("a house, a tree and a sun").plan.parts
    assert [part.name for part in parts[:3]] == ["House", "Tree", "Sun"]
    places = {part.description.rsplit(" ", 2)[-1] for part in parts[:3]}
    assert len(places) == 3


def test_schemes_are_the_same_every_time_and_in_every_process(
    planner: LibraryPlanner, run_python
) -> None:
    code = (
        "import sys; from videosketcher_app.services.planner import LibraryPlanner;"
        "sys.stdout.write(str(LibraryPlanner().plan('a flying carpet').plan))"
    )
    other = run_python(code)
    assert other.returncode == 0, other.stderr
    assert other.stdout == str(planner.plan("a flying carpet").plan)


@pytest.mark.parametrize(
    "words",
    ["", "   ", "x" * 501, "a\ncat", "a\tcat", "a\x00cat", "a\ud800cat", "!!!", "\U0001f431"],
)
def test_what_is_no_concept_is_refused_with_a_hint(planner: LibraryPlanner, words: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        planner.plan(words)
    assert refusal.value.hint


WORDS = st.sampled_from(["a", "cat", "and", ",", "3.", "–", "with", "of", "猫", "die", "top"])


@settings(max_examples=150)
@given(st.text(max_size=60) | st.lists(WORDS, max_size=9).map(" ".join))
def test_any_words_give_a_plan_or_one_clear_refusal(words: str) -> None:
    try:
        planned = LibraryPlanner().plan(words, brush=True)
    except InvalidRequest:
        return
    assert parse_plan(str(planned.plan)) == planned.plan
    assert parse_plan(str(planned.model_plan)) == planned.model_plan
    assert planned.note or planned.planner == "library"


def test_the_brush_clause_stands_once_and_only_in_the_words_for_the_model(
    planner: LibraryPlanner,
) -> None:
    planned = planner.plan("a cat", brush=True)
    assert planned.plan == planner.plan("a cat").plan
    assert str(planned.model_plan).startswith(
        "Step by step sketch process of a cat, using the color and style of the brush shown in the "
        "top-left corner, following this drawing order: 1. "
    )
    assert with_brush_clause(planned.model_plan) == planned.model_plan


@pytest.mark.parametrize(
    ("word", "known", "safe"),
    [
        ("catt", "cat", True),
        ("coat", "cat", False),
        ("cart", "cat", False),
        ("hosue", "house", True),
        ("mouse", "house", False),
        ("crocodlie", "crocodile", True),
        ("dinasaur", "dinosaur", True),
        ("dessert", "desert", False),
    ],
)
def test_only_spellings_that_can_mean_nothing_else_are_safe(
    word: str, known: str, safe: bool
) -> None:
    assert is_safe_misspelling(word, known) is safe


def test_accents_fold_but_marks_of_other_scripts_stay() -> None:
    assert normalize("Éléphant") == "elephant"
    assert normalize("L'Œuf") == "oeuf"
    assert normalize("が") != normalize("か")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"titel": "a zog"}, "'title'"),
        ({"parts": [{"name": "a", "descripton": "b"}]}, "'description'"),
        ({"parts": []}, "at least 3"),
        ({"title": 7}, "string"),
        ({"aliases": ["zogs", "the Zogs"]}, None),
    ],
)
def test_a_faulty_entry_is_named_with_what_was_meant(
    tmp_path: Path, change: dict[str, object], said: str | None
) -> None:
    _write(tmp_path, zog=[{**PLAN, **change}])
    if said is None:
        assert load_entries(tmp_path)[0].keys == ("zog", "zogs")
        return
    with pytest.raises(InvalidFile) as fault:
        load_entries(tmp_path)
    assert said in str(fault.value)
    assert "zog" in str(fault.value)


def test_two_concepts_cannot_share_a_name(tmp_path: Path) -> None:
    _write(tmp_path, one=[PLAN], two=[{**PLAN, "title": "the ZOG"}])
    with pytest.raises(InvalidFile, match="names two concepts"):
        load_entries(tmp_path)


def test_aliases_of_a_concept_that_is_not_taught_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, aliases={"zog": ["zogs"]})
    with pytest.raises(InvalidFile, match="not taught"):
        load_entries(tmp_path)


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "broken.yaml").write_text("- title: [", encoding="utf-8")
    with pytest.raises(InvalidFile, match=r"broken\.yaml cannot be read"):
        load_entries(tmp_path)


def test_a_missing_library_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="no file"):
        PlanLibrary(tmp_path)


@pytest.mark.parametrize(("file", "clause"), [("text.txt", ""), ("brush.txt", BRUSH_CLAUSE)])
def test_the_seven_example_prompts_are_plans_of_known_concepts(
    planner: LibraryPlanner, file: str, clause: str
) -> None:
    lines = (PRESETS / "prompts" / file).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 7
    for line in lines:
        plan = parse_plan(line)
        assert str(plan) == line
        assert plan.concept.endswith(clause)
        known = planner.plan(plan.concept.removesuffix(clause))
        assert known.plan.parts == plan.parts


def test_the_planner_loads_neither_torch_nor_the_grammar(run_python) -> None:
    code = (
        "import sys; from videosketcher_app.services.planner import LibraryPlanner;"
        "LibraryPlanner().plan('a cat');"
        "bad = {m for m in sys.modules if m.split('.')[0] in ('torch', 'cv2', 'gradio')"
        " or m.startswith('videosketcher_app.data.grammar')};"
        "sys.exit(str(bad) if bad else 0)"
    )
    result = run_python(code)
    assert result.returncode == 0, result.stderr


def _write(folder: Path, **files: object) -> None:
    contents = {"taught": [], "aliases": {}, **files}
    for name, value in contents.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(value), encoding="utf-8")
