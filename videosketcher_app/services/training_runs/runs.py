"""TrainingRuns: start, watch, pause, go on, compare, use and remove training runs."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.errors import AppError, ForbiddenPath, InvalidRequest
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.lease import DeviceLease
from videosketcher_app.services.lora_notes import LoraEntry
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.services.process_mark import own_mark
from videosketcher_app.services.training_runs import checks
from videosketcher_app.services.training_runs.costs import costs_of
from videosketcher_app.services.training_runs.inside import FOLDER
from videosketcher_app.services.training_runs.measuring import Measuring
from videosketcher_app.services.training_runs.reading import view_of
from videosketcher_app.services.training_runs.results import sample_of, trained_file
from videosketcher_app.services.training_runs.run_folder import (
    CONTROL,
    TICKET,
    RunFolder,
    Ticket,
)
from videosketcher_app.services.training_runs.supervisor import Supervisor, live_runs
from videosketcher_app.services.training_runs.views import RunCost, RunView, SampleItem
from videosketcher_app.storage import atomic
from videosketcher_app.storage.folders import remove_folder
from videosketcher_app.storage.paths import Workspace, safe_join, slug

if TYPE_CHECKING:
    from videosketcher_app.training.style_request import StyleRunRequest

logger = logging.getLogger(__name__)
DATASETS = "datasets"
_REMOVED = ".removed-"


class TrainingRuns:
    """The training runs of a workspace. Makes no thread and no process until a run starts.

    Args:
        queue: whose jobs a run makes way for.
        lease: the device's book, in which a run that trains has its part.
        loras: where a trained LoRA goes to be used.
    """

    def __init__(
        self, settings: AppSettings, *, queue: JobQueue, lease: DeviceLease, loras: LoraLibrary
    ) -> None:
        workspace = Workspace(settings.workspace.absolute())
        self.folder = workspace.root / FOLDER
        self._datasets = workspace.root / DATASETS
        self._lease, self._loras = lease, loras
        self._costs = costs_of(settings)
        self._variables = {
            "VIDEOSKETCHER_WORKSPACE": str(workspace.root),
            "VIDEOSKETCHER_DEVICE": settings.device,
        }
        self._measuring = Measuring(self.folder, self._variables)
        self._preparing = threading.Lock()
        self._supervisor = Supervisor(
            self.folder,
            queue=queue,
            variables=self._variables,
            admit=self._admit,
            on_end=self._ended,
        )

    def start(
        self, request: StyleRunRequest, *, detached: bool = False, role: Role = Role.OWNER
    ) -> RunView:
        """Checks a request and starts its run, or lets it wait until no other trains.

        Args:
            detached: it goes on when the app closes.

        Raises:
            AppError: why it cannot start: the dataset, the name, the model or the disk.
        """
        require(role, Capability.TRAIN)
        run = self.prepare(request, detached=detached)
        self._supervisor.enqueue(run)
        return self._view(run)

    def prepare(self, request: StyleRunRequest, *, detached: bool = False) -> RunFolder:
        """Checks a request and makes the folder of its run, which does not start by itself.

        Raises:
            AppError: see `start`.
        """
        from videosketcher_app.training.style_request import write_request

        with self._preparing:
            request = self.checked(request)
            created = time.time()
            stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(created))
            run_id = f"{slug(request.name)}-{stamp}-{secrets.token_hex(2)}"
            ticket = Ticket(created=created, keeper=own_mark(), detached=detached)
            with atomic.publish_folder(self.folder / run_id) as folder:
                write_request(folder, request)
                atomic.write_json(folder / CONTROL, {"want": "run", "yield": False})
                atomic.write_json(folder / TICKET, asdict(ticket))
            return RunFolder(self.folder / run_id)

    def runs(self) -> tuple[RunView, ...]:
        """All runs, newest first; of one whose folder is broken, what can be said of it."""
        views = [self._view(run) for run in self._folders()]
        return tuple(sorted(views, key=lambda view: (view.created, view.id), reverse=True))

    def view(self, run_id: str) -> RunView:
        """One run as it is now.

        Raises:
            InvalidRequest: there is no such run.
        """
        return self._view(self._run(run_id))

    def log(self, run_id: str, *, max_characters: int = 4000) -> str:
        """The last lines that its process wrote.

        Raises:
            InvalidRequest: there is no such run.
        """
        return self._run(run_id).log_tail(max_characters)

    def pause(self, run_id: str, *, role: Role = Role.OWNER) -> RunView:
        """Asks a run to save its state and end; one that waits leaves the queue.

        Raises:
            InvalidRequest: there is no such run, or it has ended.
        """
        return self._end(run_id, "pause", role)

    def stop(self, run_id: str, *, role: Role = Role.OWNER) -> RunView:
        """Ends a run for good, with what it has learned so far.

        Raises:
            InvalidRequest: there is no such run, or it has ended.
        """
        return self._end(run_id, "stop", role)

    def go_on(self, run_id: str, *, role: Role = Role.OWNER) -> RunView:
        """Starts a run again from its last saved state, bit for bit as if it had never ended.

        Raises:
            InvalidRequest: there is no such run, or there is nothing to go on with.
            AppError: what has become wrong since: the dataset, the model or the disk.
        """
        require(role, Capability.TRAIN)
        run = self._run(run_id)
        view = self._view(run)
        if view.state == "waiting":
            return view
        if view.is_alive and run.control().want == "pause":
            raise InvalidRequest(
                f"{view.name!r} is still saving its state.", hint="Go on in a few seconds."
            )
        if view.is_alive:
            return view
        if not view.can_go_on:
            raise InvalidRequest(
                f"{view.name!r} cannot go on: {view.flaw or f'it is {view.state}'}.",
                hint="Start a new run.",
            )
        request = _request_of(run)
        checks.check_room(run.path, request.model, checks.check_preset(request.preset)[1])
        self._supervisor.enqueue(run)
        return self._view(run)

    def set_detached(self, run_id: str, detached: bool, *, role: Role = Role.OWNER) -> RunView:
        """Whether a run goes on when the app closes.

        Raises:
            InvalidRequest: there is no such run.
        """
        require(role, Capability.TRAIN)
        run = self._run(run_id)
        run.note(detached=detached, keeper=own_mark())
        return self._view(run)

    def remove(self, run_id: str, *, role: Role = Role.OWNER) -> None:
        """Removes a run's folder; LoRAs that are in the library stay.

        Raises:
            InvalidRequest: there is no such run, or it trains or waits.
            CannotWrite: something of it cannot be removed.
        """
        require(role, Capability.TRAIN)
        run = self._run(run_id)
        view = self._view(run, details=False)
        if view.is_alive or view.state == "waiting":
            raise InvalidRequest(f"{view.name!r} is {view.state}.", hint="Stop it first.")
        self._sweep()
        aside = run.path.with_name(f"{_REMOVED}{run.id}")
        try:
            run.path.rename(aside)
        except OSError:  # a file of it is open on Windows; what can go, goes
            aside = run.path
        remove_folder(aside)

    def use(self, run_id: str, step: int | None = None, *, role: Role = Role.OWNER) -> LoraEntry:
        """Adds what a run has learned to the library of LoRAs, with its trigger word.

        Args:
            step: of a checkpoint; None takes the result, or the latest checkpoint before there
                is one.

        Raises:
            InvalidRequest: there is no such run or checkpoint.
            AppError: the file is damaged, or the library cannot be written.
        """
        require(role, Capability.TRAIN)
        run = self._run(run_id)
        request = _request_of(run)
        name, file = trained_file(run.path, request.name, step)
        words = [request.trigger] if request.trigger else []
        return self._loras.add(file, name=name, trigger_words=words)

    def compare(
        self, run_id: str, step_a: int, step_b: int, prompt: int
    ) -> tuple[SampleItem, SampleItem]:
        """What a run drew of one held-out plan at two steps.

        Args:
            prompt: index of the plan.

        Raises:
            InvalidRequest: there is no such run, step or plan.
        """
        path = self._run(run_id).path
        return sample_of(path, step_a, prompt), sample_of(path, step_b, prompt)

    def cost(self, request: StyleRunRequest) -> RunCost:
        """What a run takes on this machine, from runs of its kind that were measured here.

        Raises:
            InvalidRequest: the preset is for other models, or there is no such model or preset.
        """
        checks.check_fit(request.model, request.preset)
        return self._costs.of(request)

    def measure(self, request: StyleRunRequest, *, role: Role = Role.OWNER) -> RunCost:
        """What a run takes on this machine, from one step of it that is measured now.

        Raises:
            AppError: why it could not start, or another run trains or is measured already.
        """
        require(role, Capability.TRAIN)
        if next(live_runs(self.folder), None) is not None:
            raise InvalidRequest(
                "Another run trains, so nothing can be measured now.",
                hint="Pause it, or wait until it has ended.",
            )
        request = self.checked(request, named=False)
        self._measuring.run(request)
        return self._costs.of(request)

    def close(self) -> None:
        """Ends the training processes that are not detached, their state saved."""
        self._measuring.close()
        self._supervisor.close()

    def _end(self, run_id: str, want: str, role: Role) -> RunView:
        require(role, Capability.TRAIN)
        assert want in ("pause", "stop"), want
        run = self._run(run_id)
        view = self._view(run, details=False)
        ended = {"pause": "paused", "stop": "stopped"}[want]
        if self._supervisor.withdraw(run):
            run.say(ended)
        elif view.is_alive:
            run.ask("stop" if want == "stop" else "pause")
        elif want == "stop" and view.can_go_on:
            run.say(ended)
        else:
            raise InvalidRequest(
                f"{view.name!r} is {view.state}: there is nothing to {want}.", hint=""
            )
        return self._view(run)

    def checked(self, request: StyleRunRequest, *, named: bool = True) -> StyleRunRequest:
        """The request with its whole paths.

        Args:
            named: its name must be free.

        Raises:
            AppError: see `start`.
        """
        if named:
            names = [self._view(run, details=False).name for run in self._folders()]
            checks.check_name(request.name, names, self._loras)
        dataset = checks.check_dataset(request.dataset, self._datasets)
        checks.check_model(request.model)
        checks.check_frames(request.model, dataset, request.brush)
        start_from = checks.check_lora(request.start_from, self._loras)
        preset, samples_bytes = checks.check_preset(request.preset)
        checks.check_fit(request.model, preset)
        checks.check_room(self.folder, request.model, samples_bytes)
        changes = {"dataset": str(dataset), "start_from": start_from, "preset": preset}
        request = request.model_copy(update=changes)
        return request.model_copy(update={"num_steps": checks.counted_steps(request)})

    def _run(self, run_id: str) -> RunFolder:
        with suppress(ForbiddenPath):
            path = safe_join(self.folder, run_id)
            if path.is_dir():
                return RunFolder(path)
        raise InvalidRequest(
            f"There is no training run {run_id[:80]!r}.", hint="Look at the list once more."
        )

    def _folders(self) -> Iterator[RunFolder]:
        if not self.folder.is_dir():
            return
        names = sorted(entry.name for entry in self.folder.iterdir() if entry.is_dir())
        for name in names:
            if not name.startswith("."):
                yield RunFolder(self.folder / name)

    def _view(self, run: RunFolder, *, details: bool = True) -> RunView:
        is_started = self._supervisor.is_started(run.id)
        return view_of(run, is_started=is_started, details=details)

    def _admit(self, run: RunFolder) -> None:
        """A place in the device's book before the process begins."""
        cost = self._costs.of(_request_of(run))
        self._lease.keep(_holder(run), cost.memory_bytes or 0)

    def _ended(self, run: RunFolder) -> None:
        self._lease.release(_holder(run))

    def _sweep(self) -> None:
        """What a removal that was cut off left."""
        for entry in self.folder.glob(f"{_REMOVED}*"):
            with suppress(AppError):
                remove_folder(entry)


def _request_of(run: RunFolder) -> StyleRunRequest:
    from videosketcher_app.training.style_request import read_request

    return read_request(run.path)


def _holder(run: RunFolder) -> str:
    return f"Training {run.id}"
