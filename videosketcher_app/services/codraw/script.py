"""A session as a script: a JSON file of turns, replayed without a browser.

    {"request": {"concept": "a unicorn", "model": "pocket-ar", "seed": 7},
     "turns": [{"draw": [{"points": [[x, y], ...], "color": "#000000", "width": 2.2}]},
               {"generate": 24}, {"undo": 1}, {"say": "a horse"}, ...]}

Points are [x, y], [x, y, seconds] or [x, y, seconds, pressure]; without seconds the pen has the
usual pace. The turns are

    draw: strokes;  generate: frames, with "until" (frames, part, plan), "seed", "mode" of speed of
    this turn, "shown" to stop at a frame, "switch": [[frame, words], ...] for other words on the way,
    and "video", a file beside the script that is drawn over with a "strength" up to 1;  undo, redo:
    how often;  branch: turn, 0 is blank paper;  accept: {"turn", "frame"};  say: a concept or a
    plan;  lock: a polygon, or null;  background: an image file beside the script.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import CoDrawRequest, parse_request_json, refuse_unknown
from videosketcher_app.data.strokes import Pen
from videosketcher_app.services.codraw.events import Event, FrameDrawn, TurnFailed
from videosketcher_app.services.codraw.pace import USUAL_PACE
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.switches import PromptSwitch
from videosketcher_app.services.codraw.video import Video, read_video
from videosketcher_app.storage import bounded, media, paths

MAX_SCRIPT_BYTES = 20_000_000
MAX_TURNS = 1000
MAX_COUNT = 10_000
_GENERATE_FIELDS = ("until", "seed", "mode", "shown", "switch", "video", "strength")
_FIELDS: dict[str, None] = dict.fromkeys(("request", "turns", "concept"))
_STROKE_FIELDS: dict[str, None] = dict.fromkeys(("points", "color", "width", "eraser"))
Turn = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script that was read.

    Attributes:
        turns: (what, its value, the whole turn) in order.
        folder: where its background pictures are.
    """

    request: CoDrawRequest
    turns: tuple[tuple[str, Any, Turn], ...]
    folder: Path


def read_script(path: Path, **changes: Any) -> Script:
    """Reads a script.

    Args:
        changes: fields of the request to replace; None changes nothing.

    Raises:
        InvalidFile: it cannot be read.
        InvalidRequest: it is no script.
    """
    text = bounded.read_text(path, max_bytes=MAX_SCRIPT_BYTES, what="script")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = parse_request_json(text[:1000])  # names the line
    if not isinstance(values, dict) or not isinstance(values.get("turns"), list):
        raise InvalidRequest(
            "A script is a JSON object with a list of turns.",
            hint='Write {"concept": "a cat", "turns": [{"generate": 24}]}.',
        )
    refuse_unknown(values, _FIELDS)
    fields = dict(values.get("request") or {})
    if "concept" in values:
        fields["concept"] = values["concept"]
    fields |= {name: value for name, value in changes.items() if value is not None}
    if len(values["turns"]) > MAX_TURNS:
        raise InvalidRequest(
            f"The script has {len(values['turns'])} turns.", hint=f"At most {MAX_TURNS}."
        )
    turns = tuple(_turn(number, turn) for number, turn in enumerate(values["turns"], start=1))
    return Script(request=CoDrawRequest(**fields), turns=turns, folder=path.parent)


def run_script(session: Session, script: Script) -> Iterator[Event]:
    """Plays a script on a session; yields the events of the model's turns.

    Raises:
        AppError: a turn is not possible, or failed.
    """
    for what, value, turn in script.turns:
        if what == "generate":
            yield from _generate(session, script, value, turn)
        elif what == "draw":
            draw_strokes(session, value)
        elif what == "background":
            picture = media.read_image(paths.safe_join(script.folder, str(value)))
            session.background(np.ascontiguousarray(picture[..., :3]))
        else:
            _SMALL_TURNS[what](session, value)


def draw_strokes(session: Session, strokes: Sequence[Any]) -> None:
    """The user draws strokes, each a list of points or an object with `points`.

    Raises:
        InvalidRequest: they are no strokes.
    """
    if not isinstance(strokes, list | tuple):
        raise InvalidRequest("`draw` takes a list of strokes.", hint="Write [{'points': [...]}].")
    for number, stroke in enumerate(strokes, start=1):
        values = stroke if isinstance(stroke, Mapping) else {"points": stroke}
        refuse_unknown(values, _STROKE_FIELDS)
        pen = Pen(color=_color(values.get("color", "#000000")), width_px=_width(values))
        rows = _rows(values.get("points"), session)
        session.pen(rows, stroke=number, pen=pen, eraser=values.get("eraser") is True)
        session.lift()


def turn_events(
    session: Session,
    frames: int | None,
    *,
    shown: int | None = None,
    switches: Sequence[PromptSwitch] = (),
    **how: Any,
) -> Iterator[Event]:
    """One turn of the model, whose failure is raised.

    Args:
        shown: stops the turn at this frame.
        switches: other words on the way, by frame of the turn.
        how: `until`, `seed`, `over` and `mode` of `Session.generate`.

    Raises:
        AppError: why it failed.
    """
    due = deque(sorted(switches, key=lambda switch: switch.frame))

    def switch(next_frame: int) -> None:
        while due and due[0].frame <= next_frame:
            session.say(due.popleft().words)

    switch(0)
    with closing(session.generate(frames, **how)) as events:  # type: ignore[type-var]
        for event in events:
            yield event
            if isinstance(event, TurnFailed):
                raise event.error
            if isinstance(event, FrameDrawn):
                switch(event.index + 1)
                if shown is not None and event.index >= shown:
                    session.cancel(shown)


def _generate(session: Session, script: Script, frames: Any, turn: Turn) -> Iterator[Event]:
    numbers = [frames, turn.get("shown"), turn.get("seed")]
    if any(n is not None and (not isinstance(n, int) or isinstance(n, bool)) for n in numbers):
        raise InvalidRequest(
            f"`generate`, `shown` and `seed` are whole numbers. Received: {numbers}",
            hint='Write {"generate": 24, "seed": 7}.',
        )
    return turn_events(
        session,
        frames,
        shown=numbers[1],
        switches=_switches(turn.get("switch", [])),
        until=turn.get("until"),
        seed=numbers[2],
        mode=turn.get("mode"),
        over=_video(session, script, frames, turn),
    )


def _switches(values: Any) -> list[PromptSwitch]:
    try:
        return [PromptSwitch(frame=_count(frame), words=words) for frame, words in values]
    except (TypeError, ValueError):
        raise InvalidRequest(
            "`switch` is a list of frames with words.", hint='Write [[24, "a horse"]].'
        ) from None


def _video(session: Session, script: Script, frames: Any, turn: Turn) -> Video | None:
    if "video" not in turn:
        return None
    strength = turn.get("strength")
    if strength is not None and not isinstance(strength, int | float):
        raise InvalidRequest(f"A strength is a number. Received: {strength!r}", hint="Try 0.7.")
    return read_video(
        paths.safe_join(script.folder, str(turn["video"])),
        width=session.width,
        height=session.height,
        num_frames=session.request.turn_frames if frames is None else _count(frames),
        strength=strength,
    )


def _turn(number: int, turn: Any) -> tuple[str, Any, Turn]:
    kinds = [kind for kind in _KINDS if isinstance(turn, dict) and kind in turn]
    if len(kinds) != 1:
        raise InvalidRequest(
            f"Turn {number} of the script is not one of: {', '.join(_KINDS)}.",
            hint='Write {"generate": 24}.',
        )
    more = _GENERATE_FIELDS if kinds[0] == "generate" else ()
    refuse_unknown(turn, dict.fromkeys((kinds[0], *more)))
    return kinds[0], turn[kinds[0]], turn


def _rows(points: Any, session: Session) -> list[list[float]]:
    """Points with seconds and pressure."""
    table: NDArray[Any] = np.zeros(0)
    with suppress(TypeError, ValueError, OverflowError):
        table = np.asarray(points, np.float64)
    if table.ndim != 2 or not 2 <= table.shape[1] <= 4 or not len(table):
        raise InvalidRequest(
            "The points of a stroke are [x, y], [x, y, seconds] or [x, y, seconds, pressure].",
            hint="Give every point of a stroke as many numbers.",
        )
    if table.shape[1] == 2:
        pace = USUAL_PACE * math.hypot(session.width, session.height) * session.request.fps
        steps = np.hypot(*np.diff(table, axis=0).T)
        table = np.column_stack([table, np.concatenate([[0.0], np.cumsum(steps)]) / pace])
    if table.shape[1] == 3:
        table = np.column_stack([table, np.ones(len(table))])
    return table.tolist()


def _color(text: Any) -> tuple[float, float, float]:
    try:
        assert isinstance(text, str)
        assert len(text) == 7
        assert text[0] == "#"
        red, green, blue = bytes.fromhex(text[1:])
    except (AssertionError, ValueError):
        raise InvalidRequest(
            f"A color is written #rrggbb. Received: {text!r}", hint="Try #000000."
        ) from None
    return red / 255, green / 255, blue / 255


def _width(values: Mapping[str, Any]) -> float:
    width = values.get("width", 2.2)
    is_number = isinstance(width, int | float) and not isinstance(width, bool)
    if not is_number or not 0 < width <= 1000:
        raise InvalidRequest(
            f"A pen's width is a number of pixels. Received: {width!r}", hint="Try 2.2."
        )
    return float(width)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
        raise InvalidRequest(f"Not a number of turns or frames: {value!r}", hint="Try 1.")
    return value


def _undo(session: Session, value: Any) -> None:
    for _ in range(_count(value)):
        session.undo()


def _redo(session: Session, value: Any) -> None:
    for _ in range(_count(value)):
        session.redo()


def _accept(session: Session, value: Any) -> None:
    if not isinstance(value, dict) or set(value) != {"turn", "frame"}:
        raise InvalidRequest("`accept` takes a turn and a frame.", hint='{"turn": 2, "frame": 5}')
    session.accept(_count(value["turn"]), _count(value["frame"]))


_SMALL_TURNS: Mapping[str, Callable[[Session, Any], Any]] = {
    "undo": _undo,
    "redo": _redo,
    "branch": lambda session, value: session.branch(_count(value) or None),
    "accept": _accept,
    "say": lambda session, value: session.say(str(value)),
    "lock": lambda session, value: session.lock(value),
}
_KINDS = ("draw", "generate", "background", *_SMALL_TURNS)
