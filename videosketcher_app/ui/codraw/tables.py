"""Tables: every session at which a page of this door sits, and who may take a seat."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.services.codraw.causal_models import CausalChoice
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.sessions import (
    CoDrawService,
    NoSession,
    SessionsFull,
)
from videosketcher_app.ui.codraw.line import Line
from videosketcher_app.ui.codraw.messages import Start
from videosketcher_app.ui.codraw.table import ALONE_S, Table
from videosketcher_app.ui.components.codraw_canvas import paper_sizes
from videosketcher_app.ui.texts import t

MAX_LINES = 8  # of one visitor: windows, and reloads whose old line has not ended yet
_MAX_LOOKED_AT = 8


class Tables:
    """The tables of one door; its methods that open sessions take long and belong off the loop.

    Args:
        model: that co-draws unless a page chooses another one.
        choices: what a page may choose from; None leaves no choice.
        alone_s: how long a turn waits for a page that went away.
    """

    def __init__(
        self,
        service: CoDrawService,
        role: Role,
        *,
        model: str,
        choices: Callable[[], list[CausalChoice]] | None = None,
        alone_s: float = ALONE_S,
    ) -> None:
        self._service = service
        self._role = role
        self._model = model
        self._choices = choices
        self._alone_s = alone_s
        self._lock = threading.RLock()
        self._tables: dict[str, Table] = {}
        self._lines: Counter[str] = Counter()

    def admit(self, line: Line) -> bool:
        """Counts a line; False if its visitor has too many open."""
        with self._lock:
            if self._lines[line.visitor] >= MAX_LINES:
                return False
            self._lines[line.visitor] += 1
            return True

    def dismiss(self, line: Line) -> None:
        """A line that was admitted has ended."""
        with self._lock:
            self._lines[line.visitor] -= 1
            if not self._lines[line.visitor]:
                del self._lines[line.visitor]

    @property
    def num_lines(self) -> int:
        """Lines that are open."""
        with self._lock:
            return self._lines.total()

    @property
    def num_tables(self) -> int:
        """Tables at which somebody sits, or draws."""
        with self._lock:
            return len(self._tables)

    def tell_choices(self, line: Line) -> None:
        """Tells a page which models it may choose from, and which of those here do not fit."""
        if self._choices is None:
            return
        models = [
            {
                "name": choice.name,
                "about": choice.about,
                "why_not": choice.why_not,
                "papers": paper_sizes(choice.multiple_px),
            }
            for choice in self._choices()
        ]
        line.tell("models", models=models, own=self._model)

    def look(self, line: Line, model: str | None = None) -> None:
        """A page looks at the empty paper: the model begins to load, if there is one.

        Args:
            model: that the page has chosen; one that it may not choose is left out.

        Raises:
            Forbidden: the role may not co-draw.
            MissingModel: says which model is not here.
        """
        name = self._model
        if model is not None and not self._why_not(model):
            name = model
        self._service.look(line, name, role=self._role)

    def look_away(self, line: Line) -> None:
        """A page that looked has gone; may wait for weights that are loaded just now."""
        self._service.look_away(line)

    def start(self, line: Line, message: Start) -> tuple[Table, bool]:
        """The table of a new session or of the one that the page was in, and whether it is new.

        Raises:
            AppError: no session can be opened; see `CoDrawService.open`.
        """
        require(self._role, Capability.CO_DRAW)
        if message.leave is not None:
            self._end(message.leave, line.visitor)
        if message.session is not None:
            try:
                return self._take(message.session, line), False
            except NoSession:
                line.tell("gone")
        try:
            session = self._service.open(line.visitor, self._request(message), role=self._role)
        except SessionsFull:
            if (left := self._left_behind(line)) is None:
                raise
            return left, False
        return self._take(session.id, line), True

    def leave(self, line: Line, table: Table) -> None:
        """A page has gone; its session waits for it."""
        table.leave(line)

    def file(self, visitor: str, session_id: str, form: str) -> str | None:
        """The path of an export of a session that this visitor sits at; None if there is none."""
        with self._lock:
            table = self._tables.get(session_id)
        if table is None or table.session.owner != visitor or form not in table.files:
            return None
        return str(table.files[form])

    def close(self) -> None:
        """Ends what is drawn and sends every page away; the sessions stay with the service."""
        with self._lock:
            tables = list(self._tables.values())
            self._tables.clear()
        for table in tables:
            table.close()

    def _left_behind(self, line: Line) -> Table | None:
        """A drawing of somebody whose window was closed: better than to be refused."""
        names = [name for name in self._service.of(line.visitor) if not self._is_taken(name)]
        for name in names[:_MAX_LOOKED_AT]:
            try:
                return self._take(name, line)
            except AppError:
                continue  # it would need a place too, or is damaged
        return None

    def _take(self, session_id: str, line: Line) -> Table:
        session = self._service.get(session_id, line.visitor, role=self._role)
        with self._lock:
            table = self._tables.get(session_id)
            if table is None or table.session is not session:
                table = Table(session, self._forget, alone_s=self._alone_s)
                self._tables[session_id] = table
            table.seat(line)
        return table

    def _is_taken(self, session_id: str) -> bool:
        with self._lock:
            table = self._tables.get(session_id)
            return table is not None and table.line is not None

    def _end(self, session_id: str, visitor: str) -> None:
        with self._lock:
            table = self._tables.get(session_id)
            if table is not None and table.session.owner == visitor:
                del self._tables[session_id]
            else:
                table = None
        if table is not None:
            table.close()
        self._close(session_id, visitor)

    def _forget(self, table: Table) -> None:
        with self._lock:
            if table.line is not None:
                return  # somebody has sat down again
            if self._tables.get(table.session.id) is not table:
                return
            del self._tables[table.session.id]
            session = table.session
            if is_blank(session):  # nobody misses an empty sheet, and others need its place
                self._close(session.id, session.owner)
            else:
                self._service.leave(session.id, session.owner)
        table.close()

    def _close(self, session_id: str, visitor: str) -> None:
        try:
            self._service.close(session_id, visitor)
        except NoSession:
            return  # it has ended by itself, or was never this visitor's

    def _why_not(self, model: str) -> str:
        """Why a page may not choose a model; "" if it may."""
        choices = (
            {choice.name: choice.why_not for choice in self._choices()} if self._choices else {}
        )
        return "" if model == self._model else choices.get(model, t("codraw.model_not_offered"))

    def _request(self, message: Start) -> CoDrawRequest:
        model = self._model if message.model is None else message.model
        if why_not := self._why_not(model):
            raise InvalidRequest(why_not, hint=t("codraw.model_not_offered_hint"))
        return CoDrawRequest(
            concept=message.concept,
            model=model,
            width=message.width,
            height=message.height,
            seed=message.seed,
            mode=message.mode,
        )


def is_blank(session: Session) -> bool:
    """True if nothing was ever drawn, nor words given."""
    state = session.state()
    return not (state["turns"] or state["can_undo"] or state["can_redo"] or state["concept"])
