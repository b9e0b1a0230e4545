"""What a page may say on the line: every message is checked here, once, before anybody acts on it.

A message is a JSON object with a `kind`. Positions are pixels of the paper, times are seconds
since the page was opened, pressures multiply the pen's width.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import MAX_PLAN_CHARACTERS
from videosketcher_app.core.requests import MAX_SEED
from videosketcher_app.ui.texts import t

MAX_TEXT_BYTES = 64_000
MAX_CANVAS_BYTES = 2_000_000
MAX_POINTS = 512  # in one message
MAX_STROKE_ID = 2**31 - 1
MAX_FRAME = 1_000_000
MAX_TURN = 1_000_000
SESSION_ID = r"^[0-9a-f]{32}$"
_MAX_COORDINATE = 4096.0

Coordinate = Annotated[float, Field(ge=-_MAX_COORDINATE, le=_MAX_COORDINATE)]
Seconds = Annotated[float, Field(ge=0, le=1e7)]
Pressure = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Coordinate, Coordinate, Seconds, Pressure]
ModelName = Annotated[str, Field(min_length=1, max_length=100)]
Mode = Literal["exact", "fast", "sketch"]
Turn = Annotated[int, Field(ge=0, le=MAX_TURN)]
Frame = Annotated[int, Field(ge=-1, le=MAX_FRAME)]


class _Message(BaseModel):
    """Frozen, closed to unknown fields. JSON has no tuples, so types are not strict."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Look(_Message):
    """Asks whether a session could be opened, without opening one.

    Attributes:
        model: that was chosen on this page; None for the app's own.
    """

    kind: Literal["look"]
    model: ModelName | None = None


class Start(_Message):
    """Opens a session, or takes up the one that the page was in before it was loaded again.

    Attributes:
        session: its id; None for a new one.
        leave: a session that is given up for the new one.
        concept: what is to be drawn; empty is allowed.
        model: that draws in a new session; None for the app's own.
        mode: of speed of a new session.
    """

    kind: Literal["start"]
    session: str | None = Field(default=None, pattern=SESSION_ID)
    leave: str | None = Field(default=None, pattern=SESSION_ID)
    width: int = Field(default=432, ge=24, le=1920)
    height: int = Field(default=240, ge=24, le=1920)
    concept: str = Field(default="", max_length=MAX_PLAN_CHARACTERS)
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    model: ModelName | None = None
    mode: Mode = "exact"


class Points(_Message):
    """The next points of a stroke, while the pen is down.

    Attributes:
        stroke: number that the page gave it; new numbers begin new strokes.
        end: the pen went up.
    """

    kind: Literal["pts"]
    stroke: int = Field(ge=1, le=MAX_STROKE_ID)
    tool: Literal["pen", "eraser"] = "pen"
    color: str = Field(default="#000000", pattern=r"^#[0-9a-f]{6}$")
    size: float = Field(default=2.2, gt=0, le=200)
    points: list[Point] = Field(max_length=MAX_POINTS)
    end: bool = False


class Discard(_Message):
    """The stroke in the hand was given up."""

    kind: Literal["discard"]
    stroke: int = Field(ge=1, le=MAX_STROKE_ID)


class Go(_Message):
    """Asks the model to go on.

    Attributes:
        num_frames: of its turn; None is the session's own length.
        until: "part" also stops behind a part of the plan, "plan" goes on to its end; None is
            "part" for a tutor, else "frames".
    """

    kind: Literal["go"]
    num_frames: int | None = Field(default=None, ge=1, le=2000)
    until: Literal["frames", "part", "plan"] | None = None


class Stop(_Message):
    """Stops the model; what was made after the last shown frame never was.

    Attributes:
        shown: index of the last frame that was painted; -1 if none was.
    """

    kind: Literal["stop"]
    turn: Turn
    shown: Frame


class Shown(_Message):
    """Tells how far the page has painted, so that the server sends no more than it can take."""

    kind: Literal["shown"]
    turn: Turn
    frame: Frame


class Keep(_Message):
    """Keeps a turn only up to a frame, and goes on from there."""

    kind: Literal["keep"]
    turn: Turn
    frame: int = Field(ge=0, le=MAX_FRAME)


class Undo(_Message):
    """Takes back the last own stroke, or the last turn."""

    kind: Literal["undo"]


class Redo(_Message):
    """Brings back what was taken back last."""

    kind: Literal["redo"]


class Jump(_Message):
    """Goes on from another turn; 0 is blank paper. The turns after it stay as a branch."""

    kind: Literal["jump"]
    turn: Turn


class Words(_Message):
    """What is to be drawn, from now on; it is planned unless parts are given.

    Attributes:
        parts: (name, description) of each part, in drawing order.
    """

    kind: Literal["words"]
    concept: str = Field(max_length=MAX_PLAN_CHARACTERS)
    parts: list[tuple[str, str]] | None = Field(default=None, max_length=24)


class Onion(_Message):
    """Asks what the model would draw next, without drawing it; `on` False puts it away."""

    kind: Literal["onion"]
    on: bool = True


class Accept(_Message):
    """Takes what the onion skin showed."""

    kind: Literal["accept"]


class Mark(_Message):
    """The person says that a part of the plan is drawn, or is not; None lets the app judge."""

    kind: Literal["mark"]
    part: int = Field(ge=0, le=63)
    drawn: bool | None = None


class Lock(_Message):
    """Paper that the model may not ink: a polygon; without points all paper is free again."""

    kind: Literal["lock"]
    points: list[tuple[Coordinate, Coordinate]] = Field(default_factory=list, max_length=MAX_POINTS)


class Settings(_Message):
    """How the model takes part.

    Attributes:
        tutor: it pauses after each part so that the person draws it.
        match_hand: its pen and pace follow the person's.
        raw: its pixels are sent as the model decoded them, too.
        mode: of speed, from its next turn on.
    """

    kind: Literal["settings"]
    tutor: bool | None = None
    match_hand: bool | None = None
    raw: bool | None = None
    mode: Mode | None = None


class Background(_Message):
    """A picture that the drawing begins with, as a data URL of a PNG, JPEG or WebP."""

    kind: Literal["background"]
    picture: str = Field(max_length=MAX_CANVAS_BYTES)


class Export(_Message):
    """Asks for a file of the session.

    Attributes:
        speed: of the replay that mp4, gif and svg show.
    """

    kind: Literal["export"]
    form: Literal["mp4", "gif", "png", "svg"]
    speed: float = Field(default=1.0, ge=0.25, le=16)


class Ping(_Message):
    """Nothing is meant; the line is alive."""

    kind: Literal["ping"]


Message = Annotated[
    Look
    | Start
    | Points
    | Discard
    | Go
    | Stop
    | Shown
    | Keep
    | Undo
    | Redo
    | Jump
    | Words
    | Onion
    | Accept
    | Mark
    | Lock
    | Settings
    | Background
    | Export
    | Ping,
    Field(discriminator="kind"),
]
_ADAPTER: TypeAdapter[Message] = TypeAdapter(Message)


class BadMessage(InvalidRequest):
    """The page said something that no page of ours says."""

    code = "BAD_MESSAGE"


class TooLong(BadMessage):
    """A message is longer than any that our pages send."""

    code = "MESSAGE_TOO_LONG"


def read_message(text: str) -> Message:
    """The message in a text frame.

    Raises:
        TooLong: it is longer than messages of its kind.
        BadMessage: it is no JSON, or none of the known messages.
    """
    num_bytes = len(text.encode("utf-8", "surrogatepass"))
    limit = MAX_CANVAS_BYTES if _is_background(text) else MAX_TEXT_BYTES
    if num_bytes > limit:
        raise TooLong(t("codraw.too_long", size=num_bytes, limit=limit))
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage(t("codraw.bad_message")) from None
    return message_of(value)


def message_of(value: Any) -> Message:
    """The message in a value that was read from JSON.

    Raises:
        BadMessage: it is none of the known messages.
    """
    try:
        return _ADAPTER.validate_python(value)
    except (ValidationError, RecursionError):
        raise BadMessage(t("codraw.bad_message"), hint=t("codraw.bad_message_hint")) from None


def _is_background(text: str) -> bool:
    """Pictures alone may be long; a message says first what it is."""
    return text.startswith('{"kind":"background"')
