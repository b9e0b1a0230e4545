"""Memory that runs out in a turn: the block comes with less, or the end is clear and the drawing lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.services.codraw.easels import (
    Studio,
    draw_line,
    ended,
    fresh_next_block,
    play,
    raw_clip,
    studio,
)
from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.core.requests import RolloutRequest, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.engines.rollout import BlockRollout
from videosketcher_app.engines.thrift import RUNGS
from videosketcher_app.models.causal_wan import CausalWan
from videosketcher_app.models.kv_pool import KVPool
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.services.codraw.events import TurnFailed
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.model_manager.ladder import FREED

ATTEMPTS = len(RUNGS) + 1  # as it was, with what nobody used let go, and rung by rung
PLACES: dict[str, tuple[type, str]] = {
    "cache": (KVPool, "__init__"),
    "remember": (BlockRollout, "settle"),
    "denoise": (CausalWan, "block_velocity"),
    "decode": (PocketVAE, "decode_stream"),
}


class Shortage:
    """So many calls of one function find no memory."""

    def __init__(self, patch: pytest.MonkeyPatch, place: str) -> None:
        owner, name = PLACES[place]
        whole: Callable[..., Any] = getattr(owner, name)
        self.left = 0

        def short(*arguments: Any, **options: Any) -> Any:
            if self.left:
                self.left -= 1
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB.")
            return whole(*arguments, **options)

        patch.setattr(owner, name, short)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Studio]:
    with studio(tmp_path, say=lambda said: told.append(said)) as opened:
        told.clear()
        yield opened


told: list[str] = []


@pytest.mark.parametrize("place", ["denoise", "decode", "remember"])
@pytest.mark.parametrize("times", [1, 2, ATTEMPTS - 1])
def test_a_turn_comes_with_less(
    shared: Studio, monkeypatch: pytest.MonkeyPatch, place: str, times: int
) -> None:
    session = shared.open(concept="a cat")
    draw_line(session)
    play(session, 12, seed=1)
    expected = fresh_next_block(session, 2)
    session._side.idle()
    shortage = Shortage(monkeypatch, place)
    shortage.left = times
    events = play(session, 12, seed=2)
    assert ended(events).num_frames == 12
    assert shortage.left == 0
    assert len(told) == times - 1, "the first time, only what nobody used goes"
    if times <= 2:  # a rung that changes no pixel
        assert np.array_equal(raw_clip(events), expected)
    assert ended(play(session, 24, seed=3)).num_frames == 24


@pytest.mark.parametrize("place", list(PLACES))
def test_the_end_is_clear_and_the_next_turn_is_right(
    shared: Studio, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    session = shared.open(concept="a cat")
    draw_line(session)
    play(session, 12, seed=1)
    picture = session.picture()
    session._side.idle()
    shortage = Shortage(monkeypatch, place)
    session._side._let_go()  # so that the cache is asked for, too
    shortage.left = ATTEMPTS
    *_, failed = play(session, 12, seed=2)
    assert isinstance(failed, TurnFailed)
    assert isinstance(failed.error, OutOfMemory)
    assert failed.num_frames == 0
    assert "press Continue" in failed.error.hint
    assert np.array_equal(session.picture(), picture)
    assert not session.is_drawing
    expected = fresh_next_block(session, 2)
    assert np.array_equal(raw_clip(play(session, 12, seed=2)), expected)
    assert len(told) == len(RUNGS) - 1


def test_what_helped_stays_and_takes_less(shared: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    session = shared.open(concept="a cat")
    play(session, 9, seed=1)
    session._side.idle()
    before = session._side._stage.num_bytes
    shortage = Shortage(monkeypatch, "denoise")
    shortage.left = ATTEMPTS - 1
    play(session, 12, seed=2)
    session._side.idle()
    stage = session._side._stage
    assert stage.num_bytes < before
    (grant,) = [one for one in shared.lease.grants() if one.holder.startswith("Co-drawing")]
    assert grant.num_bytes == stage.num_bytes


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def rolled(services: Services) -> Any:
    *_, done = services.rollouts.run(
        RolloutRequest(
            sketch=SketchRequest(
                prompt="a cat",
                model="tiny",
                num_frames=21,
                width=48,
                height=48,
                num_inference_steps=1,
            )
        )
    )
    return done.drawing


def test_a_rollout_comes_with_less_or_ends_clearly(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rolled(services)
    shortage = Shortage(monkeypatch, "denoise")
    shortage.left = 2
    again = rolled(services)
    assert np.array_equal(again.frames, whole.frames), "decoded in pieces, the same pixels"
    assert again.run["given_up"] == [FREED, RUNGS[1].said]
    shortage.left = ATTEMPTS
    with pytest.raises(OutOfMemory, match="not enough memory"):
        rolled(services)
    assert np.array_equal(rolled(services).frames, whole.frames)
