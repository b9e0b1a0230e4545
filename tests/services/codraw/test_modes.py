"""Modes of speed in a session: from the next turn on, as if it had always been drawn so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.services.codraw.easels import (
    Studio,
    draw_line,
    ended,
    fresh_next_block,
    play,
    raw_clip,
    studio,
)
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.engines.causal_modes import QUICK_WINDOW_BLOCKS
from videosketcher_app.services.codraw.events import FrameDrawn
from videosketcher_app.services.codraw.publishing import publish_session
from videosketcher_app.services.codraw.script import read_script, run_script
from videosketcher_app.services.codraw.session import Session

LONG_FRAMES = 12 * QUICK_WINDOW_BLOCKS  # with the person's turn longer than `fast` looks back


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Studio]:
    with studio(tmp_path) as opened:
        yield opened


def begun(shared: Studio, **fields: str) -> Session:
    """A session with a drawing that is longer than `fast` looks back."""
    session = shared.open(concept="a cat", **fields)
    draw_line(session)
    play(session, LONG_FRAMES, seed=1)
    return session


def modes(session: Session) -> list[str | None]:
    return [turn.mode for turn in session._tree.path()]


def test_another_mode_is_drawn_in_from_the_next_turn_on(shared: Studio) -> None:
    session = begun(shared)
    clips = {mode: fresh_next_block(session, 2, mode=mode) for mode in ("exact", "fast")}
    assert not np.array_equal(clips["exact"], clips["fast"]), "or this test shows nothing"
    for mode in ("fast", "exact", "fast"):
        session.set(mode=mode)
        assert session.state()["settings"]["mode"] == mode
        assert np.array_equal(raw_clip(play(session, 12, seed=2)), clips[mode]), mode
        session.undo()
    session.set(match_hand=False)
    assert session.mode == "fast", "what is not named stays"
    session.set(mode="sketch")
    assert ended(play(session, 24)).num_frames == 24
    assert modes(session) == [None, "exact", "sketch"]


def test_a_turn_that_runs_goes_on_as_it_began(shared: Studio) -> None:
    session, other = begun(shared), begun(shared)
    expected = raw_clip(play(other, 36, seed=2))
    events = []
    with closing(session.generate(36, seed=2)) as running:  # type: ignore[type-var]
        for event in running:
            events.append(event)
            if isinstance(event, FrameDrawn) and event.index == 3:
                session.set(mode="fast")
    assert np.array_equal(raw_clip(events), expected)
    assert modes(session)[-1] == "exact"
    play(session, 12)
    assert modes(session)[-1] == "fast"


def test_one_turn_alone_can_have_a_mode(shared: Studio) -> None:
    session = begun(shared)
    expected = fresh_next_block(session, 2, mode="fast")
    assert np.array_equal(raw_clip(play(session, 12, seed=2, mode="fast")), expected)
    assert session.mode == "exact"
    expected = fresh_next_block(session, 3)
    assert np.array_equal(raw_clip(play(session, 12, seed=3)), expected)


def test_what_comes_next_is_shown_in_the_mode(shared: Studio) -> None:
    session = begun(shared)
    session.set(mode="fast")
    peek = session.peek(12)
    play(session, 12, seed=peek.seed)
    assert np.array_equal(session.picture(), peek.picture_HW3)


@pytest.mark.parametrize("mode", ["quick", "", "EXACT"])
def test_there_are_no_other_modes(shared: Studio, mode: str) -> None:
    session = shared.open(mode="fast")
    for ask in (session.set, session.generate):
        with pytest.raises(InvalidRequest, match="no mode of speed") as raised:
            ask(mode=mode)
        assert "exact, fast, sketch" in raised.value.hint
    assert session.mode == "fast"
    assert not session.is_drawing


def test_the_mode_comes_back_with_the_drawing(shared: Studio, tmp_path: Path) -> None:
    session = begun(shared, mode="sketch")
    session.set(mode="fast")
    play(session, 12)
    expected = fresh_next_block(session, 5, mode="fast")
    shared.close()
    with studio(tmp_path) as after:
        again = after.service.get(session.id, "")
        assert (again.request.mode, again.mode) == ("sketch", "fast")
        assert modes(again) == [None, "sketch", "fast"]
        assert np.array_equal(raw_clip(play(again, 12, seed=5)), expected)


def test_a_drawing_that_was_kept_before_there_were_modes(shared: Studio, tmp_path: Path) -> None:
    session = begun(shared)
    shared.close()
    for name in ("session.json", "turn_000002.json"):
        path = session.folder / name
        values = json.loads(path.read_text("utf-8"))
        assert values.pop("mode") == "exact"
        path.write_text(json.dumps(values), "utf-8")
    with studio(tmp_path) as after:
        again = after.service.get(session.id, "")
        assert again.mode == "exact"
        turns = json.loads(again.export(["script"])["script"].read_text("utf-8"))["turns"]
        assert turns[1] == {"generate": LONG_FRAMES, "seed": 1}


def test_the_script_of_a_drawing_repeats_its_modes(shared: Studio, tmp_path: Path) -> None:
    session = begun(shared, mode="fast")
    session.set(mode="exact")
    play(session, 12, seed=2)
    folder = publish_session(session, tmp_path / "out")
    config = json.loads((folder / f"{folder.name}_config.json").read_text("utf-8"))
    assert config["settings"]["mode"] == "fast"
    told = [turn for turn in config["settings"]["turns"] if "generate" in turn]
    assert [turn.get("mode") for turn in told] == [None, "exact"]
    script = read_script(folder / f"{folder.name}_turns.json")
    again = shared.service.open("", script.request)
    list(run_script(again, script))
    assert modes(again) == modes(session) == [None, "fast", "exact"]
    assert np.array_equal(again.picture(), session.picture())
