"""The only place that wires: settings become services, and services know their parts from here."""

from __future__ import annotations

from dataclasses import dataclass

from videosketcher_app.core.settings import AppSettings, load_settings
from videosketcher_app.services.batch_runs import BatchService
from videosketcher_app.services.brushes.desk import BrushDesk
from videosketcher_app.services.brushes.side_by_side import SideBySide
from videosketcher_app.services.codraw.rollouts import RolloutService
from videosketcher_app.services.codraw.sessions import FOLDER as CODRAW_FOLDER
from videosketcher_app.services.codraw.sessions import CoDrawService
from videosketcher_app.services.download_places import StoredPlaces
from videosketcher_app.services.downloads import Downloads
from videosketcher_app.services.exports import ExportService
from videosketcher_app.services.generation import GenerationService
from videosketcher_app.services.guests import GuestBook
from videosketcher_app.services.history import HistoryService
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.lease import DeviceLease, device_lease
from videosketcher_app.services.loras import LoraLibrary, library_of
from videosketcher_app.services.model_manager.budget import BudgetNote
from videosketcher_app.services.model_manager.calibration import CalibrationStore
from videosketcher_app.services.model_manager.ladder import Ladder
from videosketcher_app.services.model_manager.manager import ModelManager
from videosketcher_app.services.model_manager.plans import MemoryPlans
from videosketcher_app.services.model_manager.rates import known_rates
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.model_store import ModelStore
from videosketcher_app.services.presets import PRESETS, Notice, Preset, load_presets
from videosketcher_app.services.request_planner import RequestPlanner
from videosketcher_app.services.sketchbooks import FOLDER as DATASETS_FOLDER
from videosketcher_app.services.sketchbooks import Sketchbooks
from videosketcher_app.services.start_films import StartFilms
from videosketcher_app.services.training_runs.runs import TrainingRuns
from videosketcher_app.services.unfinished import Unfinished
from videosketcher_app.services.variations import VariationService
from videosketcher_app.storage.paths import Workspace


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that a door (UI, CLI, API) may use. Close it, or use it as a context.

    Attributes:
        presets: shipped ones, and those in the workspace's presets folder.
        notices: what was left out at the start because its file is broken.
    """

    settings: AppSettings
    queue: JobQueue
    lease: DeviceLease
    shelf: ModelShelf
    planner: RequestPlanner
    history: HistoryService
    generation: GenerationService
    presets: tuple[Preset, ...]
    notices: tuple[Notice, ...]
    exports: ExportService
    start_films: StartFilms
    unfinished: Unfinished
    guests: GuestBook
    variations: VariationService
    loras: LoraLibrary
    model_store: ModelStore
    batches: BatchService
    codraw: CoDrawService
    rollouts: RolloutService
    brushes: BrushDesk
    side_by_side: SideBySide
    sketchbooks: Sketchbooks
    training: TrainingRuns
    model_manager: ModelManager
    downloads: Downloads

    def close(self) -> None:
        """Cancels what runs, waits until it has let go, and frees the weights."""
        self.history.closing()
        self.training.close()
        self.downloads.close()
        self.queue.shutdown()
        self.codraw.shutdown()
        self.shelf.clear()
        self.history.close()
        self.model_store.close()

    def __enter__(self) -> Services:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def build(
    settings: AppSettings | None = None,
    *,
    notices: tuple[Notice, ...] = (),
    keeps_history: bool = True,
) -> Services:
    """Services for these settings; loads no model and starts no thread.

    Args:
        notices: what reading the settings left out.
        keeps_history: notes what is drawn, and keeps frames until their files are written; not where
            many machines draw into one workspace, since both are made for the processes of one.
    """
    settings = settings or load_settings()
    workspace = Workspace(settings.workspace)
    presets, broken = load_presets(PRESETS, workspace.root / "presets")
    note = BudgetNote(workspace.root)
    lease = device_lease(settings.device, settings.memory_gb or note.read())
    calibrations = CalibrationStore(workspace.cache)
    plans = MemoryPlans(lease, device=settings.device, rates=known_rates(calibrations))
    guests = GuestBook(workspace)
    brushes = BrushDesk(workspace, guests)
    queue = JobQueue(
        max_waiting=settings.queue_size,
        max_waiting_of_guests=lambda: guests.limits.total_waiting_jobs,
        lease=lease,
    )
    shelf = ModelShelf(device=settings.device, lease=lease, place=plans.place)
    ladder = Ladder(plans, shelf)
    planner = RequestPlanner(settings, lease=lease)
    history = HistoryService(workspace=workspace, output_dir=settings.output_dir)
    unfinished = Unfinished(workspace.cache / "unfinished")
    loras = library_of(settings)
    model_store = ModelStore(workspace, settings, loras=loras)
    generation = GenerationService(
        queue=queue,
        shelf=shelf,
        planner=planner,
        loras=loras,
        ladder=ladder,
        history=history if keeps_history else None,
        unfinished=unfinished if keeps_history else None,
        limits_of=guests.limits_of,
        read_picture=brushes.read_picture,
    )
    return Services(
        settings=settings,
        queue=queue,
        lease=lease,
        shelf=shelf,
        planner=planner,
        history=history,
        generation=generation,
        exports=ExportService(keep_prompts=settings.keep_prompts),
        start_films=StartFilms(workspace.root / "films"),
        unfinished=unfinished,
        guests=guests,
        batches=BatchService(generation),
        rollouts=RolloutService(
            queue=queue, models=shelf, planner=planner, loras=loras, ladder=ladder
        ),
        codraw=CoDrawService(
            queue=queue,
            models=shelf,
            lease=lease,
            planner=planner,
            folder=workspace.root / CODRAW_FOLDER,
            guests=guests,
            limits_of=guests.limits_of,
            say=ladder.say,
        ),
        brushes=brushes,
        side_by_side=SideBySide(
            queue=queue,
            generation=generation,
            read_picture=brushes.read_picture,
            limits_of=guests.limits_of,
        ),
        variations=VariationService(queue=queue, generation=generation, limits_of=guests.limits_of),
        loras=loras,
        model_store=model_store,
        sketchbooks=Sketchbooks(workspace.root / DATASETS_FOLDER),
        training=TrainingRuns(settings, queue=queue, lease=lease, loras=loras),
        downloads=Downloads(workspace.models, settings, places=StoredPlaces(model_store)),
        model_manager=ModelManager(
            queue=queue,
            lease=lease,
            shelf=shelf,
            plans=plans,
            ladder=ladder,
            generation=generation,
            note=note,
            store=calibrations,
            presets=tuple(presets),
        ),
        presets=tuple(presets),
        notices=(*notices, *broken),
    )
