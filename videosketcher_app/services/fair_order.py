"""FairOrder: who is next. Kinds of work by priority, the owner before guests, sessions in turn.

Within one kind of work every session gets one turn, then the next session; a session that sends
a thousand jobs waits as long for its second as the others wait for their first. Nothing starves:
a kind of work that was passed over MAX_PASSED_OVER times in a row is next.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

# (priority, 1 for a guest): the smaller goes first.
Kind = tuple[int, int]
MAX_PASSED_OVER = 20


class FairOrder(Generic[T]):
    """Waiting things, each of a kind and of a session. Not locked: its owner is."""

    def __init__(self) -> None:
        # kind -> session -> things in order of arrival; sessions in order of their next turn
        self._rounds: dict[Kind, dict[str, deque[T]]] = {}
        self._passed_over: dict[Kind, int] = {}

    def __len__(self) -> int:
        return sum(
            len(things) for sessions in self._rounds.values() for things in sessions.values()
        )

    def add(self, thing: T, kind: Kind, session: str) -> None:
        """Puts a thing behind those of its session; a session without any joins the round last."""
        self._rounds.setdefault(kind, {}).setdefault(session, deque()).append(thing)

    def pop(self) -> T:
        """Takes the next thing out. There must be one."""
        kind = self._due()
        for other in self._rounds:
            if other > kind:
                self._passed_over[other] = self._passed_over.get(other, 0) + 1
        self._passed_over.pop(kind, None)
        sessions = self._rounds[kind]
        session = next(iter(sessions))
        things = sessions.pop(session)
        thing = things.popleft()
        if things:
            sessions[session] = things  # to the end of the round
        elif not sessions:
            del self._rounds[kind]
        return thing

    def put_first(self, thing: T, kind: Kind, session: str, *, before_sessions: bool) -> bool:
        """Moves a waiting thing before all others of its session, as one of this kind.

        Args:
            before_sessions: its session is next in the round, too; without it, the sessions keep
                their turns, and what moves passes nobody else's.

        Returns False if the thing does not wait here.
        """
        place = self._place_of(thing)
        if place is None:
            return False
        sessions = self._rounds.setdefault(kind, {})
        things = sessions.setdefault(session, deque())
        if place == (kind, session):
            things.remove(thing)  # and the session keeps its turn, even if this is all it has
        else:
            self.remove(thing)
        things.appendleft(thing)
        if before_sessions:
            others = {name: waiting for name, waiting in sessions.items() if name != session}
            self._rounds[kind] = {session: things, **others}
        return True

    def remove(self, thing: T) -> bool:
        """Takes a thing out wherever it waits; False if it does not wait here."""
        place = self._place_of(thing)
        if place is None:
            return False
        kind, session = place
        things = self._rounds[kind][session]
        things.remove(thing)
        if not things:
            self._leave(kind, session)
        return True

    def in_order(self) -> list[T]:
        """All things in the order in which `pop` would give them, if nothing came in between."""
        rehearsal: FairOrder[T] = FairOrder()
        rehearsal._rounds = {
            kind: {session: deque(things) for session, things in sessions.items()}
            for kind, sessions in self._rounds.items()
        }
        rehearsal._passed_over = dict(self._passed_over)
        return [rehearsal.pop() for _ in range(len(self))]

    def _due(self) -> Kind:
        waited_enough = [k for k in self._rounds if self._passed_over.get(k, 0) >= MAX_PASSED_OVER]
        return min(waited_enough or self._rounds)

    def _place_of(self, thing: T) -> tuple[Kind, str] | None:
        places = (
            (kind, session)
            for kind, sessions in self._rounds.items()
            for session, things in sessions.items()
            if thing in things
        )
        return next(places, None)

    def _leave(self, kind: Kind, session: str) -> None:
        sessions = self._rounds[kind]
        del sessions[session]
        if not sessions:
            del self._rounds[kind]
            self._passed_over.pop(kind, None)
