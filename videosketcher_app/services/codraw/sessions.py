"""CoDrawService: who co-draws, whether there is room, and how long a drawing waits for its owner.

A session's memory is a resident grant of the device. Fifteen minutes after its last connection the
memory is given back; a guest's drawing is deleted then, the owner's stays on the disk and is
brought back when it is asked for.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.access import LIMITS, Capability, Limits, Role, require
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, OutOfMemory
from videosketcher_app.core.events import Progress
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.engines.thrift import Thrift
from videosketcher_app.services.codraw import kept
from videosketcher_app.services.codraw.blocks import BlockMaker, LatentShelf
from videosketcher_app.services.codraw.causal_models import check_model, fitted
from videosketcher_app.services.codraw.ground import SessionParts
from videosketcher_app.services.codraw.model_side import ModelSide
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.turns import TurnTree
from videosketcher_app.services.codraw.warming import Warming
from videosketcher_app.services.codraw.words import Words, planned_words
from videosketcher_app.services.guests import GuestBook
from videosketcher_app.services.jobs import JobQueue, Priority
from videosketcher_app.services.lease import DeviceLease
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.request_planner import RequestPlanner

if TYPE_CHECKING:
    from videosketcher_app.engines.memory.modes import Mode
    from videosketcher_app.services.codraw.stage import Stage

logger = logging.getLogger(__name__)
GRACE_S = 15 * 60.0
KEPT_DAYS = 30.0  # the owner's drawings that nobody opened since
SECONDS_A_DAY = 24 * 3600.0
FOLDER = "codraw"
_ID = re.compile(r"[0-9a-f]{32}")


class SessionsFull(AppError):
    """No more co-drawing sessions fit."""

    code = "SESSIONS_FULL"


class NoSession(AppError):
    """There is no such session for this visitor."""

    code = "NO_SESSION"
    exit_code = 2


@dataclass
class _Open:
    """A session in memory; `left_at` is None while somebody is connected."""

    session: Session
    left_at: float | None = None


class CoDrawService:
    """All sessions of this start of the app; safe to use from several threads.

    Args:
        folder: where the owner's drawings are; guests' are in their own folders.
        guests: knows where those are.
        limits_of: how many sessions a role may have.
        clock: seconds that never jump.
        say: notes what was given up where memory ran out, for people.
    """

    def __init__(
        self,
        *,
        queue: JobQueue,
        models: ModelShelf,
        lease: DeviceLease,
        planner: RequestPlanner,
        folder: Path,
        guests: GuestBook | None = None,
        limits_of: Callable[[Role], Limits] = LIMITS.__getitem__,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] = logger.warning,
    ) -> None:
        self._queue, self._models, self._lease, self._planner = queue, models, lease, planner
        self._folder, self._guests = folder, guests
        self._limits_of, self._clock, self._say = limits_of, clock, say
        self._lock = threading.RLock()
        self._open: dict[str, _Open] = {}
        self._opening = 0
        self._warming = Warming(queue, models)

    def look(self, looker: object, model: str, *, role: Role = Role.OWNER) -> None:
        """Somebody looks at the empty paper: the model begins to load behind all other work.

        Args:
            looker: whoever says `look_away` later.

        Raises:
            Forbidden: the role may not co-draw.
            MissingModel: there is no such model on this disk.
        """
        require(role, Capability.CO_DRAW)
        check_model(model)
        self._warming.look(looker, model)

    def look_away(self, looker: object) -> None:
        """The looker has gone; one that never looked changes nothing."""
        self._warming.leave(looker)

    def open(self, owner: str, request: CoDrawRequest, *, role: Role = Role.OWNER) -> Session:
        """A new session on blank paper; loads the model if needed, so call it off the event loop.

        Args:
            owner: who may come back to it: the name of the guest, "" for the owner of the machine.

        Raises:
            Forbidden: the role may not co-draw.
            SessionsFull: no more sessions fit into memory, or this visitor has enough of them.
            MissingModel: there is no causal model on this disk.
            InvalidRequest: the canvas does not fit the model, or the concept is none.
            QuotaExceeded: a guest has no more room on the disk.
        """
        require(role, Capability.CO_DRAW)
        self.sweep()
        self._check_room(owner)
        check_model(request.model)
        words = planned_words(request.concept, self._planner, who=request.planner, role=role)
        with self._lock:
            self._require_seat(owner, role)
            self._opening += 1
        session_id = secrets.token_hex(16)
        folder = self._home(owner) / session_id
        try:
            model = self._loaded(request.model, session_id, role)
            request = fitted(request, model.defaults)
            session = self._make(session_id, owner, role, request, words, TurnTree(), BlockMaker())
            session.open_model()
            session.save()
        except BaseException:
            self._let_go(session_id)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            with self._lock:
                self._opening -= 1
        with self._lock:
            self._open[session_id] = _Open(session)
        return session

    def get(self, session_id: str, owner: str, *, role: Role = Role.OWNER) -> Session:
        """The session, from memory or from the disk; it counts as connected from now on.

        Raises:
            NoSession: there is none of that id for this visitor; the same words for every reason.
            SessionsFull: its memory was given back, and there is no more now.
            InvalidFile: it is damaged.
        """
        require(role, Capability.CO_DRAW)
        with self._lock:
            held = self._open.get(session_id)
            if held is not None and secrets.compare_digest(held.session.owner, owner):
                held.left_at = None
                return held.session
            if held is not None or not _ID.fullmatch(session_id):
                raise _no_session()
            folder = self._home(owner) / session_id
            if not (folder / kept.SESSION_FILE).is_file():
                raise _no_session()
            self._require_seat(owner, role)
            session = self._bring_back(session_id, owner, role, folder)
            self._open[session_id] = _Open(session)
            return session

    def of(self, owner: str) -> list[str]:
        """Ids of the drawings that this visitor can come back to, latest first."""
        home = self._home(owner)
        found = [path.parent for path in home.glob(f"*/{kept.SESSION_FILE}")]
        return [f.name for f in sorted(found, key=_last_written, reverse=True)]

    def leave(self, session_id: str, owner: str) -> None:
        """The visitor's connection is gone: the session is kept for 15 minutes."""
        with self._lock:
            held = self._open.get(session_id)
            if held is None or held.session.owner != owner:
                return
            held.left_at = self._clock()
        held.session.cancel()

    def close(self, session_id: str, owner: str) -> None:
        """Ends a session and deletes what it left on the disk.

        Raises:
            NoSession: there is none of that id for this visitor.
        """
        with self._lock:
            held = self._open.get(session_id)
            folder = self.folder_of(session_id, owner)
            if held is not None:
                del self._open[session_id]
                self._end(held.session)
        shutil.rmtree(folder, ignore_errors=True)

    def folder_of(self, session_id: str, owner: str) -> Path:
        """Where the session's files are (exports too).

        Raises:
            NoSession: there is none of that id for this visitor.
        """
        held = self._open.get(session_id)
        folder = self._home(owner) / session_id if _ID.fullmatch(session_id) else None
        mine = held is None or secrets.compare_digest(held.session.owner, owner)
        if folder is None or not mine or not folder.is_dir():
            raise _no_session()
        return folder

    def count(self) -> int:
        """Sessions in memory."""
        return len(self._open)

    def sweep(self) -> int:
        """Ends sessions that nobody came back to; how many. Called now and then by the app."""
        now = self._clock()
        with self._lock:
            over = [
                held
                for held in self._open.values()
                if held.left_at is not None and now - held.left_at >= GRACE_S
            ]
            for held in over:
                session = held.session
                del self._open[session.id]
                self._end(session)
                if session.role is Role.GUEST:
                    shutil.rmtree(session.folder, ignore_errors=True)
        self._delete_old()
        return len(over)

    def shutdown(self) -> None:
        """Lets go of everything; drawings stay on the disk."""
        with self._lock:
            for held in self._open.values():
                self._end(held.session)
            self._open.clear()

    # -- inside ----------------------------------------------------------------------------------

    def _require_seat(self, owner: str, role: Role) -> None:
        limits = self._limits_of(role)
        same_role = [held for held in self._open.values() if held.session.role is role]
        own = sum(held.session.owner == owner for held in same_role)
        if own >= limits.co_drawing_sessions:
            raise SessionsFull(
                f"You have {own} drawings open.", hint="Close one of them, then try again."
            )
        if len(same_role) + self._opening >= limits.total_co_drawing_sessions:
            raise SessionsFull(
                f"All {limits.total_co_drawing_sessions} places for drawing together are taken.",
                hint="Try again in a few minutes.",
            )

    def _loaded(self, name: str, session: str, role: Role) -> Any:
        """The model, loaded on the worker; waits."""

        def body(_cancel: CancelToken) -> Generator[Progress, None, Any]:
            yield Progress(step=0, num_steps=0, stage="loading")
            return self._models.pin(name, _holder(session))

        job = self._queue.submit(
            body, name=f"Loading {name}", priority=Priority.CO_DRAWING, session=session, role=role
        )
        return job.result()

    def _make(
        self,
        session_id: str,
        owner: str,
        role: Role,
        request: CoDrawRequest,
        words: Words,
        tree: TurnTree,
        maker: BlockMaker,
    ) -> Session:
        folder = self._home(owner) / session_id
        shelf = LatentShelf(folder / "latents")

        def make_stage(thrift: Thrift, mode: Mode) -> Stage:
            return self._stage(session_id, request, words, shelf, thrift, mode)

        side = ModelSide(self._queue, make_stage, session=session_id, role=role, say=self._say)
        parts = SessionParts(
            side=side,
            shelf=shelf,
            maker=maker,
            tree=tree,
            words=words,
            folder=folder,
            planner=self._planner,
            check_room=lambda: self._check_room(owner),
        )
        return Session(session_id, owner, role, request, parts)

    def _stage(
        self,
        session_id: str,
        request: CoDrawRequest,
        words: Words,
        shelf: LatentShelf,
        thrift: Thrift,
        mode: Mode,
    ) -> Stage:
        """The model's memory for a session, if there is room; on the worker."""
        from videosketcher_app.services.codraw.stage import Stage, stage_bytes

        assert request.width is not None
        assert request.height is not None
        model = self._models.pin(request.model, _holder(session_id))
        size = {"width": request.width, "height": request.height}
        try:
            self._lease.keep(
                _holder(session_id), stage_bytes(model, **size, thrift=thrift, mode=mode)
            )
        except OutOfMemory as error:
            raise SessionsFull(
                "There is no memory for one more drawing together.",
                hint="Try again when somebody has finished, or in 15 minutes.",
            ) from error
        how: dict[str, Any] = {"num_inference_steps": request.num_inference_steps}
        return Stage(model, words.text, shelf, **size, **how, thrift=thrift, mode=mode)

    def _bring_back(self, session_id: str, owner: str, role: Role, folder: Path) -> Session:
        values = kept.read_session(folder)
        try:
            request = CoDrawRequest(**values["request"])
            words = Words.read(values["words"])
            width, height = int(values["request"]["width"]), int(values["request"]["height"])
            maker = BlockMaker()
            tree = kept.read_tree(folder, values["turns"], maker, width=width, height=height)
            session = self._make(session_id, owner, role, request, words, tree, maker)
            session.restore(values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise kept.damaged() from error
        return session

    def _end(self, session: Session) -> None:
        session.close(then=lambda: self._let_go(session.id))

    def _let_go(self, session_id: str) -> None:
        """Gives back what a session held: its cache, and its pin on the weights that all share."""
        self._lease.release(_holder(session_id))
        self._models.unpin(_holder(session_id))

    def _check_room(self, owner: str) -> None:
        guest = self._guests.named(owner) if self._guests is not None and owner else None
        if guest is not None:
            assert self._guests is not None
            self._guests.check_room(guest, 0)

    def _home(self, owner: str) -> Path:
        """The folder of a visitor's drawings."""
        if not owner:
            return self._folder
        guest = self._guests.named(owner) if self._guests is not None else None
        if guest is None:
            raise _no_session()
        return guest.folder / FOLDER

    def _delete_old(self) -> None:
        """Deletes the owner's drawings that nobody has opened for long."""
        for path in self._folder.glob(f"*/{kept.SESSION_FILE}"):
            age_s = time.time() - _last_written(path.parent)
            if path.parent.name not in self._open and age_s > KEPT_DAYS * SECONDS_A_DAY:
                shutil.rmtree(path.parent, ignore_errors=True)


def _holder(session_id: str) -> str:
    return f"Co-drawing {session_id[:8]}"


def _no_session() -> NoSession:
    return NoSession(
        "This drawing is not here any more.", hint="Begin a new one; finished files stay."
    )


def _last_written(folder: Path) -> float:
    try:
        return (folder / kept.SESSION_FILE).stat().st_mtime
    except OSError:
        return 0.0
