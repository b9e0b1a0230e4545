"""What the tests of co-drawing share: services on a small canvas, strokes, and turns played out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import LIMITS, Limits, Role
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.data.strokes import Pen
from videosketcher_app.engines.memory.modes import Mode
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.codraw.blocks import Block, LatentShelf
from videosketcher_app.services.codraw.events import Event, FrameDrawn, TurnEnded
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.sessions import CoDrawService
from videosketcher_app.services.codraw.stage import Stage
from videosketcher_app.services.guests import GuestBook
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.lease import DeviceLease, DeviceMemory
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.request_planner import RequestPlanner
from videosketcher_app.storage.paths import Workspace

WIDTH, HEIGHT = 48, 48
MANY = replace(LIMITS[Role.OWNER], co_drawing_sessions=100, total_co_drawing_sessions=100)
_PLENTY = 2**40


class Studio:
    """A co-drawing service with everything it stands on.

    Args:
        memory_bytes: of the device; what is promised to somebody is not there for others.
    """

    def __init__(
        self,
        root: Path,
        *,
        memory_bytes: int = _PLENTY,
        limits: Limits = MANY,
        max_waiting: int = 20,
        **more: Any,
    ) -> None:
        memory = DeviceMemory(total_bytes=memory_bytes, free_bytes=memory_bytes)
        self.lease = DeviceLease(memory=lambda: memory)
        self.queue = JobQueue(max_waiting=max_waiting, lease=self.lease)
        self.models = ModelShelf(device="cpu", lease=self.lease)
        self.guests = GuestBook(Workspace(root))
        self.service = CoDrawService(
            queue=self.queue,
            models=self.models,
            lease=self.lease,
            planner=RequestPlanner(),
            folder=root / "codraw",
            guests=self.guests,
            limits_of=lambda role: limits,
            **more,
        )

    def open(self, owner: str = "", **fields: Any) -> Session:
        """A session on the small canvas."""
        return self.service.open(owner, small_request(**fields))

    def close(self) -> None:
        """As the app closes."""
        self.queue.shutdown()
        self.service.shutdown()


@contextmanager
def studio(root: Path, **more: Any) -> Iterator[Studio]:
    """A studio that is closed at the end."""
    opened = Studio(root, **more)
    try:
        yield opened
    finally:
        opened.close()


def small_request(**fields: Any) -> CoDrawRequest:
    """A request for the tiny model on the small canvas, with one denoising step."""
    small = {"model": "tiny", "width": WIDTH, "height": HEIGHT, "num_inference_steps": 1}
    return CoDrawRequest(**{**small, **fields})


def draw_line(
    session: Session,
    start: tuple[float, float] = (6, 6),
    end: tuple[float, float] = (40, 30),
    *,
    seconds: float = 0.4,
    pen: Pen | None = None,
    eraser: bool = False,
    number: int = 1,
) -> None:
    """The user draws a straight stroke of nine points and lifts the pen."""
    for share in np.linspace(0, 1, 9):
        x, y = np.asarray(start) + share * (np.asarray(end) - start)
        point = [float(x), float(y), float(share * seconds), 1.0]
        session.pen([point], stroke=number, pen=pen, eraser=eraser)
    session.lift()


def play(session: Session, num_frames: int | None = 12, **how: Any) -> list[Event]:
    """The events of a whole turn of the model."""
    return list(session.generate(num_frames, **how))


def frames_of(events: list[Event]) -> list[FrameDrawn]:
    """The frames among events."""
    return [event for event in events if isinstance(event, FrameDrawn)]


def ended(events: list[Event]) -> TurnEnded:
    """How a turn ended."""
    assert isinstance(events[-1], TurnEnded), events[-1]
    return events[-1]


def raw_clip(events: list[Event]) -> NDArray[np.uint8]:
    """What the model decoded in a turn (T, H, W, 3)."""
    return np.stack([event.raw_HW3 for event in frames_of(events)])


def blocks_of(session: Session) -> list[Block]:
    """The path to the latest turn, block by block."""
    return session._tree.blocks()


def fresh_stage(folder: Path, words: str, mode: Mode = "exact") -> Stage:
    """A stage that remembers nothing, on the latents of a session's folder."""
    shelf = LatentShelf(folder / "latents")
    size = {"width": WIDTH, "height": HEIGHT}
    return Stage(tiny_model(name="tiny"), words, shelf, **size, num_inference_steps=1, mode=mode)


def fresh_next_block(
    session: Session, seed: int, folder: Path | None = None, mode: Mode = "exact"
) -> NDArray[np.uint8]:
    """The frames of the next block as a rollout from blank paper draws it."""
    from videosketcher_app.core.cancel import CancelToken

    path, words = blocks_of(session), session._words.text
    stage = fresh_stage(folder or session.folder, path[0].words if path else words, mode)
    stage.goto(path, words)
    steps = stage.draw(Block(10**6, words, 0, 12), seed=seed, cancel=CancelToken())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            stage.close()
            return end.value
