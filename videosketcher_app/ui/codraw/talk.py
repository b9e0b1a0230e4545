"""Talk: one line from its first message to its end; what each message does."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import Any

from videosketcher_app.core.access import LIMITS, Limits, Role
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data.strokes import Pen
from videosketcher_app.services.codraw.events import Peek
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.storage.guarded_media import decode_image
from videosketcher_app.ui.codraw import messages as say
from videosketcher_app.ui.codraw.line import REFUSED, TOO_LONG, Line
from videosketcher_app.ui.codraw.table import Table
from videosketcher_app.ui.codraw.tables import Tables
from videosketcher_app.ui.codraw.told import strokes_of
from videosketcher_app.ui.texts import t

MAX_UNDONE = 256  # messages that wait for an earlier one


class Talk:
    """Answers the messages of one line in their order; a stop is answered at once.

    Args:
        role: how large a picture may be.
    """

    def __init__(self, tables: Tables, line: Line, role: Role) -> None:
        self._tables = tables
        self._line = line
        self._limits: Limits = LIMITS[role]
        self._table: Table | None = None
        self._undone: asyncio.Queue[say.Message] = asyncio.Queue(MAX_UNDONE)
        self._opening: asyncio.Task[tuple[Table, bool]] | None = None
        self._onion: Peek | None = None
        self._slow: set[asyncio.Task[None]] = set()
        self._has_looked = False
        self._answering = asyncio.create_task(self._answer())

    def hear(self, text: str | bytes | None) -> None:
        """Takes one message; a message that no page of ours sends ends the line."""
        if not self._line.may_speak():
            return
        try:
            if not isinstance(text, str):
                raise say.BadMessage(t("codraw.bad_message"), hint=t("codraw.bad_message_hint"))
            self.take(say.read_message(text))
        except say.TooLong as error:
            self._refuse(error, TOO_LONG)
        except say.BadMessage as error:
            self._refuse(error, REFUSED)

    def take(self, message: say.Message) -> None:
        """Takes one message that was read already.

        Raises:
            BadMessage: the page says more than anybody can do.
        """
        match message:
            case say.Ping():
                self._line.tell("pong")
            case say.Shown(turn=turn, frame=frame):
                if self._table is not None:
                    self._table.shown(turn, frame)
            case say.Stop(turn=turn, shown=shown):
                self._stop(turn, shown)
            case _:
                self._queue(message)

    def _queue(self, message: say.Message) -> None:
        try:
            self._undone.put_nowait(message)
        except asyncio.QueueFull:
            raise say.BadMessage(t("codraw.too_fast")) from None

    async def end(self) -> None:
        """The line is gone; the session waits for its page."""
        for task in (self._answering, *self._slow):
            task.cancel()
        await asyncio.gather(self._answering, *self._slow, return_exceptions=True)
        table, self._table = self._table, None
        if self._opening is not None:  # a session that opens goes on opening
            (opened,) = await asyncio.gather(self._opening, return_exceptions=True)
            table = opened[0] if isinstance(opened, tuple) else table
        if table is not None:
            await asyncio.to_thread(self._tables.leave, self._line, table)
        if self._has_looked:
            await asyncio.to_thread(self._tables.look_away, self._line)

    def _refuse(self, error: AppError, code: int) -> None:
        self._line.trouble(error)
        self._line.close(code)

    async def _answer(self) -> None:
        while True:
            message = await self._undone.get()
            await self._tried(self._do(message))

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(self._tried(work))
        self._slow.add(task)
        task.add_done_callback(self._slow.discard)

    async def _tried(self, work: Any) -> None:
        try:
            await work
        except AppError as error:
            self._line.trouble(error)

    async def _do(self, message: say.Message) -> None:
        """One message whose turn has come."""
        if isinstance(message, say.Look):
            self._has_looked = True
            await asyncio.to_thread(self._tables.tell_choices, self._line)
            await asyncio.to_thread(self._tables.look, self._line, message.model)
            self._line.tell("welcome")
            return
        if isinstance(message, say.Start):
            if not self._has_looked:
                await asyncio.to_thread(self._tables.tell_choices, self._line)
            await self._start(message)
            return
        table = self._table
        if table is None:
            raise InvalidRequest(t("codraw.not_started"))
        slow: dict[type, Callable[[Table, Any], None]] = {
            say.Words: self._words,
            say.Onion: self._peek,
            say.Export: self._export,
            say.Background: self._background,
        }
        if type(message) in slow:
            work = slow[type(message)]
            self._later(self._run(table.slow, work, table, message))
        else:
            await self._run(table.hand, self._by_hand, table, message)

    async def _run(self, executor: Any, work: Callable[..., None], *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(executor, work, *arguments)

    async def _start(self, message: say.Start) -> None:
        before, self._table = self._table, None
        if before is not None:
            await asyncio.to_thread(self._tables.leave, self._line, before)
        start = asyncio.to_thread(self._tables.start, self._line, message)
        self._opening = asyncio.create_task(start)
        table, is_new = await asyncio.shield(self._opening)
        self._opening, self._table = None, table
        self._line.tell("session", session=table.session.id, new=is_new)

    def _stop(self, turn: int, shown: int) -> None:
        if self._table is None or self._table.stop(turn, shown):
            return
        # It has ended while the page still showed it, so that the rest is taken back instead.
        self._queue(
            say.Undo(kind="undo") if shown < 0 else say.Keep(kind="keep", turn=turn, frame=shown)
        )

    def _by_hand(self, table: Table, message: say.Message) -> None:
        """What is done at once, in the order in which it was asked for."""
        match message:
            case say.Points():
                self._points(table, message)
            case say.Go():
                self._go(table, message)
            case say.Accept():
                self._accept(table)
            case say.Lock() | say.Mark() | say.Settings():
                _set(table, message)
                if isinstance(message, say.Settings) and message.mode is not None:
                    self._drop_onion()  # in another mode something else comes next
                table.show_state()
                if isinstance(message, say.Mark):
                    table.look_at_parts()
            case _:
                _move(table.session, message)
                table.show_state(sync=True)

    def _points(self, table: Table, message: say.Points) -> None:
        red, green, blue = (int(message.color[i : i + 2], 16) / 255 for i in (1, 3, 5))
        table.session.pen(
            message.points,
            stroke=message.stroke,
            pen=Pen(color=(red, green, blue), width_px=message.size),
            eraser=message.tool == "eraser",
        )
        if message.end:
            table.session.lift()
            self._line.tell("got", stroke=message.stroke)

    def _go(self, table: Table, message: say.Go) -> None:
        if table.lesson is not None:
            self._compare(table, table.lesson)
            table.lesson = None
        self._onion = None
        table.go(num_frames=message.num_frames, until=message.until)

    def _compare(self, table: Table, turn: int) -> None:
        try:
            likeness = table.session.compare_copy(turn)["likeness"]
        except InvalidRequest:
            return  # nothing was drawn after it
        self._line.tell("copied", turn=turn, likeness=round(likeness, 3))

    def _accept(self, table: Table) -> None:
        peek, self._onion = self._onion, None
        if peek is None:
            raise InvalidRequest(t("codraw.nothing_shown"))
        table.go(num_frames=peek.num_frames, seed=peek.seed)

    def _words(self, table: Table, message: say.Words) -> None:
        if message.parts is None:
            table.session.say(message.concept)
        else:
            parts = [PlanPart(name=name, description=words) for name, words in message.parts]
            plan = DrawingPlan(concept=message.concept, parts=tuple(parts))
            table.session.say(plan=str(plan))
        table.show_state()
        if table.is_drawing:
            self._line.tell("reworded")
        table.look_at_parts()

    def _peek(self, table: Table, message: say.Onion) -> None:
        self._onion = table.session.peek() if message.on else None
        strokes = strokes_of(self._onion.strokes) if self._onion is not None else []
        self._line.tell("onion", on=message.on, strokes=strokes)

    def _drop_onion(self) -> None:
        if self._onion is not None:
            self._onion = None
            self._line.tell("onion", on=False, strokes=[])

    def _export(self, table: Table, message: say.Export) -> None:
        paths = table.session.export([message.form], speed=message.speed)
        table.files[message.form] = paths[message.form]
        table.show_state(sync=True)  # what was drawn last is a turn now
        self._line.tell("file", form=message.form, session=table.session.id)

    def _background(self, table: Table, message: say.Background) -> None:
        table.session.background(picture_of(message.picture, self._limits))
        table.show_state(sync=True)


def _move(session: Session, message: say.Message) -> None:
    """Goes somewhere else in the drawing."""
    match message:
        case say.Discard():
            session.discard()
        case say.Undo():
            session.undo()
        case say.Redo():
            session.redo()
        case say.Jump(turn=turn):
            session.branch(turn or None)
        case say.Keep(turn=turn, frame=frame):
            session.accept(turn, frame)


def _set(table: Table, message: say.Lock | say.Mark | say.Settings) -> None:
    """Changes how the model takes part."""
    match message:
        case say.Lock(points=points):
            table.session.lock(points or None)
        case say.Mark(part=part, drawn=drawn):
            table.session.mark_part(part, drawn)
        case say.Settings(tutor=tutor, match_hand=match_hand, raw=raw, mode=mode):
            table.is_raw = table.is_raw if raw is None else raw
            table.session.set(match_hand=match_hand, tutor=tutor, mode=mode)


def picture_of(text: str, limits: Limits) -> Any:
    """The picture (H, W, 3) uint8 of a data URL, decoded where it can do no harm.

    Raises:
        InvalidRequest: it is none.
    """
    head, _, content = text.partition(",")
    if head not in {f"data:image/{kind};base64" for kind in ("png", "jpeg", "webp")}:
        raise InvalidRequest(t("codraw.bad_picture"), hint=t("codraw.bad_picture_hint"))
    try:
        data = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(t("codraw.bad_picture"), hint=t("codraw.bad_picture_hint")) from None
    return decode_image(data, limits=limits)
